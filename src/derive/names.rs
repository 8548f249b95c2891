//! The points of the plant as a formula names them, and the steam table's functions.

use std::collections::HashSet;

use super::boiler::saturation::{saturation_pressure_at_gauge, saturation_temperature_at_gauge};
use super::formula::{Builtin, Lookup, Names};
use crate::plant::{Equipment, EquipmentIx, Point, PointIx, ValueType};

/// Gauge pressures in MPa, temperatures in ℃, as on the page; NaN outside of the steam table.
const BUILTINS: &[Builtin] = &[
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
];

fn of(x: &[f64], call: impl Fn(f64) -> Option<f64>) -> f64 {
    x.first().and_then(|x| call(*x)).unwrap_or(f64::NAN)
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
