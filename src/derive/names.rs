//! The points of the plant as a formula names them, and the steam table's functions.

use std::collections::HashSet;

use super::boiler::combustion;
use super::boiler::saturation::{saturation_pressure_at_gauge, saturation_temperature_at_gauge};
use super::formula::{Builtin, Lookup, Names};
use crate::plant::{Equipment, EquipmentIx, Point, PointIx, ValueType};

/// Gauge pressures in MPa, temperatures in ℃, as on the page; NaN where the steam table or the formula says nothing.
pub(super) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "tsat",
        arguments: &["MPa"],
        result: "℃",
        call: |x, atm_kpa| of(x, |p| saturation_temperature_at_gauge(p, atm_kpa / 1000.0)),
    },
    Builtin {
        name: "psat",
        arguments: &["℃"],
        result: "MPa",
        call: |x, atm_kpa| of(x, |t| saturation_pressure_at_gauge(t, atm_kpa / 1000.0)),
    },
    Builtin { name: "excess_air", arguments: &["%"], result: "", call: |x, _| of(x, combustion::excess_air) },
    Builtin {
        name: "stack_loss",
        arguments: &["%", "℃", "℃"],
        result: "%",
        call: |x, _| stack_loss(x).unwrap_or(f64::NAN),
    },
    Builtin {
        name: "efficiency",
        arguments: &["%", "℃", "℃", "%"],
        result: "%",
        call: |x, _| efficiency(x).unwrap_or(f64::NAN),
    },
    Builtin {
        name: "blowdown",
        arguments: &["µS/cm", "µS/cm"],
        result: "%",
        call: |x, _| with_two(x, combustion::blowdown_percent),
    },
    Builtin {
        name: "concentration",
        arguments: &["µS/cm", "µS/cm"],
        result: "",
        call: |x, _| with_two(x, combustion::cycles_of_concentration),
    },
];

fn of(x: &[f64], call: impl Fn(f64) -> Option<f64>) -> f64 {
    x.first().and_then(|x| call(*x)).unwrap_or(f64::NAN)
}

fn with_two(x: &[f64], call: impl Fn(f64, f64) -> Option<f64>) -> f64 {
    let [a, b] = *x else { return f64::NAN };
    call(a, b).unwrap_or(f64::NAN)
}

/// Of oxygen, stack and air.
fn stack_loss(x: &[f64]) -> Option<f64> {
    let [oxygen, stack, air, ..] = *x else { return None };
    combustion::stack_loss_percent(combustion::excess_air(oxygen)?, stack, air)
}

/// The same, with what the casing gives off; clean gas leaves nothing unburnt.
fn efficiency(x: &[f64]) -> Option<f64> {
    combustion::efficiency_percent(stack_loss(x)?, 0.0, *x.get(3)?)
}

/// The plant seen from one derived point of it.
#[derive(Debug, Clone, Copy)]
pub struct PlantNames<'a> {
    /// All points.
    pub points: &'a [Point],
    /// All equipment.
    pub equipment: &'a [Equipment],
    /// Whose formula it is.
    pub own: EquipmentIx,
    /// The point that the formula makes.
    pub this: Option<PointIx>,
    /// Derived points whose unit is not known yet.
    pub undecided: Option<&'a HashSet<PointIx>>,
}

impl PlantNames<'_> {
    fn find(&self, name: &str) -> Option<PointIx> {
        let (owner, id) = match name.split_once('/') {
            Some((owner, id)) => (self.equipment.iter().find(|e| e.id.as_str() == owner)?, id),
            None => (self.equipment.get(self.own.0 as usize)?, name),
        };
        owner.points.iter().copied().find(|p| self.points[p.0 as usize].id.as_str() == id)
    }
}

impl Names for PlantNames<'_> {
    fn resolve(&self, name: &str) -> Lookup {
        let Some(slot) = self.find(name) else { return Lookup::Unknown };
        if Some(slot) == self.this {
            return Lookup::Refused("this is the point that the formula makes".to_owned());
        }
        if self.undecided.is_some_and(|u| u.contains(&slot)) {
            return Lookup::Refused(format!("the unit of `{name}` is not known yet: declare it there"));
        }
        let point = &self.points[slot.0 as usize];
        match point.value_type {
            ValueType::Text => Lookup::Refused(format!("`{name}` holds texts")),
            ValueType::Bool => Lookup::Point { slot, unit: String::new(), is_bool: true },
            ValueType::Float | ValueType::Integer => {
                Lookup::Point { slot, unit: point.unit.clone(), is_bool: false }
            }
        }
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let own = self.equipment.get(self.own.0 as usize)?;
        let near = own.points.iter().map(|p| self.points[p.0 as usize].id.as_str());
        let near = near.map(|known| (strsim::damerau_levenshtein(name, known), known)).min()?;
        (near.0 <= 1 + near.1.len() / 3).then(|| near.1.to_owned())
    }

    fn builtins(&self) -> &[Builtin] {
        BUILTINS
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::formula::{Evaluator, Formula, Input};
    use super::*;
    use crate::plant::Quality;

    fn value(text: &str) -> f64 {
        let names =
            PlantNames { points: &[], equipment: &[], own: EquipmentIx(0), this: None, undecided: None };
        let formula = Formula::parse(text, &names).unwrap_or_else(|e| panic!("{e}"));
        let none: [Input; 0] = [];
        let (value, quality) = Evaluator::new(&formula).evaluate(&none, Duration::ZERO, 101.325);
        assert_eq!(quality == Quality::Good, value.is_finite(), "{text}");
        (value * 1e6).round() / 1e6
    }

    #[test]
    fn the_boilers_functions_are_what_their_sources_say() {
        // The worked example of the domain: a gas boiler at 3.5 % oxygen, 130 ℃ in the stack.
        assert_eq!(value("excess_air(3.5 %)"), 1.2);
        assert_eq!(value("stack_loss(3.5 %, 130 ℃, 20 ℃)"), 5.104);
        assert_eq!(value("efficiency(3.5 %, 130 ℃, 20 ℃, 1.5 %)"), 93.396);
        assert_eq!(value("efficiency(3.5 %, 266 ℉, 68 ℉, 1.5 %)"), 93.396);
        assert_eq!(value("blowdown(200 µS/cm, 4200 µS/cm)"), 5.0);
        assert_eq!(value("concentration(0.2 mS/cm, 4200 µS/cm)"), 21.0);
        // Saturated steam at 1.0 MPa gauge, IAPWS-IF97.
        assert!((value("tsat(1.0 MPa)") - 184.12).abs() < 0.02);
        assert!(value("efficiency(20.9 %, 130 ℃, 20 ℃, 1.5 %)").is_nan());
    }
}
