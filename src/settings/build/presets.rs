//! `preset = true`: limits to begin with, under whatever profile and equipment write themselves.

use super::super::fault::Fault;
use super::super::presets::{preset, presets};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::{LimitKind, Point, PointIx, ValueType, unit};

/// Points whose highest limit must stay below the safety valve, by kind of equipment.
const PRESSURES: [&str; 4] = ["steam_pressure", "drum_pressure", "outlet_pressure", "pressure"];

/// Of which kind the presets are to be taken.
pub(super) fn wanted(w: &Walk<'_>, kind: Option<&str>) -> Option<String> {
    if !w.has("preset") {
        return None;
    }
    let named = if w.is_plain_text("preset") {
        w.text("preset").map(str::to_owned)
    } else if w.flag("preset")? {
        kind.map(str::to_owned)
    } else {
        return None;
    };
    let known = || {
        let mut all: Vec<&str> = presets().iter().map(|p| p.kind.as_str()).collect();
        all.dedup();
        all.join(", ")
    };
    match named {
        Some(kind) if presets().iter().any(|p| p.kind == kind) => Some(kind),
        Some(kind) => {
            w.fault(
                "preset",
                format!("there are no presets for `{kind}`"),
                format!("there are for {}", known()),
            );
            None
        }
        None => {
            w.fault(
                "preset",
                "the kind of the equipment is not known",
                format!("name it: one of {}", known()),
            );
            None
        }
    }
}

impl PlantBuilder<'_> {
    /// Puts the preset's range and limits under a point that has none yet.
    pub(super) fn preset_under(&self, point: &mut Point) {
        let Some(found) = self.preset.as_deref().and_then(|kind| preset(kind, point.id.as_str())) else {
            return;
        };
        let discrete = found.unit == "bool" && point.value_type == ValueType::Bool;
        let same = found.unit == point.unit || discrete;
        let conversion = if same { Ok((1.0, 0.0)) } else { unit::conversion(&found.unit, &point.unit) };
        match conversion {
            Ok(conversion) => {
                point.limits = found.limits(conversion);
                if found.unit != "bool" {
                    point.range = point.range.or_else(|| found.range(conversion));
                }
            }
            Err(problem) => self.warnings.borrow_mut().push(Fault {
                place: self.preset_place.clone(),
                key: format!("preset.{}", point.id),
                problem: format!("{problem}: no limits were taken"),
                remedy: format!(
                    "give the point a unit that converts from {}, or write its limits",
                    found.unit
                ),
            }),
        }
    }

    /// `safety_valve_set`: the highest limit of the pressure lies below it, or the valve blows before anybody is told.
    pub(super) fn safety_valve(&self, w: &Walk<'_>, own: &[PointIx]) {
        let Some(set) = w.number("safety_valve_set") else { return };
        let point = |id: &str| own.iter().map(|p| &self.points[p.0 as usize]).find(|p| p.id.as_str() == id);
        let Some(pressure) = PRESSURES.iter().find_map(|id| point(id)) else {
            let remedy = format!("it is compared to the limits of one of {}", PRESSURES.join(", "));
            w.fault("safety_valve_set", "there is no pressure to compare it to", remedy);
            return;
        };
        let highest = pressure.limits.iter().filter(|l| matches!(l.kind, LimitKind::H | LimitKind::HH));
        if let Some(limit) = highest.max_by(|a, b| a.at.total_cmp(&b.at)).filter(|l| l.at >= set) {
            w.fault(
                &format!("limits.{}.{}", pressure.id, limit.kind.key()),
                format!("{} is not below the safety valve's {set} {}", limit.at, pressure.unit),
                "the alarm comes before the valve lifts: a lower setpoint",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::plant::{LimitKind, Point};
    use crate::settings::{Loaded, load_texts};

    const POINTS: &str = "[[point]]\nid = \"steam_pressure\"\nunit = \"kPa\"\naddress = 40001\n\
        [[point]]\nid = \"drum_level\"\nunit = \"mm\"\naddress = 40002\n\
        limits = { h = { at = 40 }, hh = false }\n\
        [[point]]\nid = \"feedwater_flow\"\nunit = \"℃\"\naddress = 40003\n\
        [[point]]\nid = \"flame_fail\"\naddress = 10001\nunit = \"bool\"\n";

    fn load(equipment: &str) -> Result<Loaded, String> {
        let text = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1:502\"\n\
             [[equipment]]\nid = \"b\"\nkind = \"steam-boiler\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n{equipment}"
        );
        load_texts(&[("t.toml", &text)], &[("p.toml", POINTS)], &[]).map_err(|f| f.to_string())
    }

    fn point<'l>(loaded: &'l Loaded, id: &str) -> &'l Point {
        loaded.settings.plant.points.iter().find(|p| p.id.as_str() == id).expect("there")
    }

    fn limits(point: &Point) -> Vec<(LimitKind, f64, f64)> {
        point.limits.iter().map(|l| (l.kind, l.at, l.deadband)).collect()
    }

    #[test]
    fn a_preset_stands_under_what_is_written_key_by_key_and_in_the_points_unit() {
        use LimitKind::{H, HH, L, LL, State};
        let loaded =
            load("preset = true\n[equipment.limits.steam_pressure]\nhh = { at = 1240 }\n").expect("good");
        let pressure = point(&loaded, "steam_pressure");
        let wanted = [(LL, 400.0, 20.0), (L, 600.0, 20.0), (H, 1200.0, 20.0), (HH, 1240.0, 20.0)];
        assert_eq!((limits(pressure), pressure.range), (wanted.to_vec(), Some((0.0, 2500.0))));
        // The profile moved one and switched one off.
        let level = point(&loaded, "drum_level");
        assert_eq!(limits(level), [(LL, -75.0, 5.0), (L, -50.0, 5.0), (H, 40.0, 5.0)]);
        assert!(level.limits[0].guidance.as_ref().is_some_and(|g| g.response_time.is_some()));
        assert_eq!(limits(point(&loaded, "flame_fail")), [(State, 1.0, 0.0)]);
        // A flow in degrees is told, and nothing is taken.
        assert_eq!(limits(point(&loaded, "feedwater_flow")), []);
        let warned = loaded.warnings.iter().any(|w| w.key == "preset.feedwater_flow");
        assert!(warned, "{:?}", loaded.warnings);
    }

    #[test]
    fn without_the_key_there_are_none() {
        assert_eq!(limits(point(&load("").expect("good"), "steam_pressure")), []);
    }

    #[test]
    fn a_kind_without_presets_and_a_valve_below_the_limit_are_faults_that_say_what_would_be_right() {
        let said = load("preset = \"kettle\"\n").expect_err("no such kind");
        assert!(
            said.contains("no presets for `kettle`; there are for steam-boiler, hot-water-boiler"),
            "{said}"
        );
        let said = load("preset = true\nsafety_valve_set = 1250\n").expect_err("too low");
        assert!(said.contains("1250 is not below the safety valve's 1250 kPa"), "{said}");
        assert!(load("preset = true\nsafety_valve_set = 1300\n").is_ok());
    }
}
