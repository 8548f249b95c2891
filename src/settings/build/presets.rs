//! `preset = true`: limits to begin with, under whatever profile and equipment write themselves.

use super::super::fault::Fault;
use super::super::presets::{Preset, preset, presets, tidy};
use super::super::profile::Part;
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::{LimitKind, Point, PointIx, ValueType, unit};

/// Points whose limits must stay below the safety valve.
const PRESSURES: [&str; 5] = ["steam_pressure", "drum_pressure", "outlet_pressure", "pressure", "pressure_2"];

/// No safety valve of a boiler or vessel is set higher, in MPa; a larger number is in another unit.
const HIGHEST_SET: f64 = 60.0;

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
            w.no_such(
                "preset",
                "the kind of the equipment is not known",
                format!("name it: one of {}", known()),
            );
            None
        }
    }
}

/// Factor and offset from the preset's unit to the point's, or why there are none.
fn conversion(found: &Preset, point: &Point) -> Result<(f64, f64), String> {
    let discrete = found.unit == "bool" && point.value_type == ValueType::Bool;
    if found.unit == point.unit || discrete {
        return Ok((1.0, 0.0));
    }
    unit::conversion(&found.unit, &point.unit)
}

impl PlantBuilder<'_> {
    fn preset_of(&self, point: &Point) -> Option<&'static Preset> {
        preset(self.preset.as_deref()?, point.id.as_str())
    }

    /// Puts the preset's limits and normal band under a point that has none yet. Not its range: what the example unit's
    /// transmitter spans says nothing of this one, and a reading beyond a range raises no limit.
    pub(super) fn preset_under(&mut self, ix: PointIx, point: &mut Point) {
        let Some(found) = self.preset_of(point) else { return };
        match conversion(found, point) {
            Ok(conversion) => {
                point.limits = found.limits(conversion);
                self.relations.of(ix).runs_within(found.normal(conversion), None);
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

    /// ` (the preset's)` for a setpoint that nobody wrote here.
    pub(super) fn whose(&self, point: &Point, kind: LimitKind, at: f64) -> &'static str {
        let from_preset = self.preset_of(point).is_some_and(|found| {
            conversion(found, point)
                .is_ok_and(|c| found.limits(c).iter().any(|l| l.kind == kind && l.at == at))
        });
        if from_preset { " (the preset's)" } else { "" }
    }

    /// ll < l < normal < h < hh, and every alarm clears while all is well.
    pub(super) fn normal_bands(&self, w: &Walk<'_>, own: &[PointIx]) {
        for ix in own {
            let Some((low, high)) = self.relations.normal(*ix) else { continue };
            let point = &self.points[ix.0 as usize];
            let band = format!("{low} to {high} {}", point.unit);
            for limit in &point.limits {
                let (distance, edge, side) = match limit.kind {
                    LimitKind::H | LimitKind::HH => (limit.at - high, high, "above"),
                    LimitKind::L | LimitKind::LL => (low - limit.at, low, "below"),
                    LimitKind::State | LimitKind::NoData => continue,
                };
                let key = format!("limits.{}.{}", point.id, limit.kind.key());
                let tell = |part: Part, key: &str, problem: String, remedy: String| match self
                    .relations
                    .written_or_normal(*ix, limit.kind, part)
                {
                    Some(written) => w.fault_at(written, problem, remedy),
                    None => w.fault(key, problem, remedy),
                };
                if distance <= 0.0 {
                    tell(
                        Part::At,
                        &key,
                        format!(
                            "{} = {}{} is within normal operation, {band}",
                            limit.kind.key(),
                            limit.at,
                            self.whose(point, limit.kind, limit.at)
                        ),
                        format!(
                            "a setpoint {side} {edge}, or this unit's own band: [equipment.limits.{}] normal = [{low}, {high}]",
                            point.id
                        ),
                    );
                // A setpoint less a band rarely comes out to the last digit.
                } else if limit.deadband >= distance * (1.0 - 1e-9) {
                    tell(
                        Part::Deadband,
                        &format!("{key}.deadband"),
                        format!(
                            "with a deadband of {} the alarm could stand on in normal operation, {band}",
                            limit.deadband
                        ),
                        format!("less than {}", tidy(distance)),
                    );
                }
            }
        }
    }

    /// `safety_valve_set`, in MPa as on its plate: every limit of the pressure lies below it, or the valve blows before
    /// anybody is told.
    pub(super) fn safety_valve(&self, w: &Walk<'_>, own: &[PointIx]) {
        let Some(set) = w.number("safety_valve_set") else { return };
        if set > HIGHEST_SET {
            let problem = format!("{set} MPa: no valve is set so high");
            let remedy =
                format!("it is in MPa, as on the plate: {} if the plate says {set} kPa", tidy(set / 1000.0));
            w.fault("safety_valve_set", problem, remedy);
            return;
        }
        let found = own.iter().map(|p| &self.points[p.0 as usize]);
        let found: Vec<&Point> = found.filter(|p| PRESSURES.contains(&p.id.as_str())).collect();
        if found.is_empty() {
            let remedy = format!("it is compared to the limits of {}", PRESSURES.join(", "));
            w.no_such("safety_valve_set", "there is no pressure to compare it to", remedy);
        }
        for point in found {
            let (factor, offset) = match unit::conversion("MPa", &point.unit) {
                Ok(conversion) => conversion,
                Err(problem) => {
                    let remedy = format!("give the point {} the unit of a pressure", point.id);
                    w.fault("safety_valve_set", problem, remedy);
                    continue;
                }
            };
            let lifts = tidy(set * factor + offset);
            let pressures = point.limits.iter().filter(|l| matches!(l.kind, LimitKind::H | LimitKind::HH));
            let highest = pressures.map(|l| l.at).fold(f64::NAN, f64::max);
            if lifts > 2.0 * highest && highest > 0.0 {
                let at = w.written("safety_valve_set");
                self.warnings.borrow_mut().push(Fault {
                    place: at.place,
                    key: at.key,
                    problem: format!(
                        "{set} MPa is more than twice the highest limit of {}, {} {}",
                        point.id,
                        tidy(highest),
                        point.unit
                    ),
                    remedy: format!("it is in MPa: {} if the plate says {set} bar", tidy(set / 10.0)),
                });
            }
            for limit in point.limits.iter().filter(|l| matches!(l.kind, LimitKind::H | LimitKind::HH)) {
                let at = limit.schedule.iter().map(|s| s.at).fold(limit.at, f64::max);
                if at >= lifts {
                    let ix = own.iter().copied().find(|p| self.points[p.0 as usize].id == point.id);
                    let written = ix.and_then(|ix| self.relations.written(ix, &[(limit.kind, Part::At)]));
                    let problem = format!(
                        "{at}{} is not below the safety valve's {lifts} {}",
                        self.whose(point, limit.kind, at),
                        point.unit
                    );
                    let remedy = "the alarm comes before the valve lifts: a lower setpoint";
                    // The valve is this equipment's: a profile's limit is changed here, not for all of its kind.
                    match written.filter(|w| w.own) {
                        Some(written) => w.fault_at(written, problem, remedy),
                        None => w.fault(
                            &format!("limits.{}.{}", point.id, limit.kind.key()),
                            problem,
                            format!(
                                "{remedy}, [equipment.limits.{}] {} = {{ at = … }}",
                                point.id,
                                limit.kind.key()
                            ),
                        ),
                    }
                }
            }
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
        assert_eq!(limits(pressure), wanted);
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
    fn a_level_below_the_example_units_range_is_still_a_low_level() {
        let loaded = load("preset = true\n").expect("good");
        assert_eq!(point(&loaded, "drum_level").range, None);
        assert_eq!(point(&loaded, "steam_pressure").range, None);
    }

    #[test]
    fn a_fault_says_which_setpoint_nobody_wrote_here() {
        let said = load("preset = true\n[equipment.limits.steam_pressure]\nhh = { at = 1150 }\n");
        let said = said.expect_err("h above hh");
        assert!(said.contains("h = 1200 (the preset's) is not below hh = 1150;"), "{said}");
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
        let said = load("preset = true\nsafety_valve_set = 1.25\n").expect_err("too low");
        assert!(said.contains("1250 (the preset's) is not below the safety valve's 1250 kPa"), "{said}");
        assert!(load("preset = true\nsafety_valve_set = 1.30\n").is_ok());
        // Not by night either, and h no less than hh.
        let by_night = "preset = true\nsafety_valve_set = 1.3\n[equipment.limits.steam_pressure]\nhh = false\n\
                        h = { schedule = [{ from = \"22:00\", to = \"06:00\", at = 1310 }] }\n";
        let said = load(by_night).expect_err("above it by night");
        assert!(said.contains("limits.steam_pressure.h: 1310 is not below"), "{said}");
    }

    #[test]
    fn no_limit_reaches_into_normal_operation_nor_stands_on_in_it() {
        let own = |keys: &str| format!("preset = true\n[equipment.limits.steam_pressure]\n{keys}\n");
        let said = load(&own("h = { at = 1100 }")).expect_err("normal up to 1100");
        assert!(
            said.contains("h = 1100 is within normal operation, 800 to 1100 kPa; a setpoint above 1100"),
            "{said}"
        );
        let said = load(&own("l = { at = 850 }")).expect_err("normal from 800");
        assert!(said.contains("l = 850 is within normal operation") && said.contains("below 800"), "{said}");
        for (deadband, good) in [(99.5, true), (100.0, false)] {
            let loaded = load(&own(&format!("h = {{ deadband = {deadband} }}")));
            assert_eq!(loaded.is_ok(), good, "{deadband}");
            assert!(
                good || loaded
                    .is_err_and(|said| said.contains("h.deadband: ") && said.contains("less than 100"))
            );
        }
        // A unit with a band of its own says so, and one without any is not held to one.
        assert!(load(&own("normal = [700, 900]\nh = { at = 1000 }")).is_ok());
        assert!(load(&own("normal = false\nh = { at = 1000 }")).is_ok());
        let said = load(&own("normal = [900, 700]")).expect_err("no band");
        assert!(said.contains("limits.steam_pressure.normal: no band"), "{said}");
        // It holds without a preset too.
        let said =
            load("[equipment.limits.drum_level]\nnormal = [-30, 30]\nh = { at = 20 }\n").expect_err("within");
        assert!(said.contains("h = 20 is within normal operation, -30 to 30 mm"), "{said}");
    }
}
