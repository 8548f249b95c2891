//! `preset = true`: limits to begin with, under whatever profile and equipment write themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::super::fault::{Fault, Place};
use super::super::presets::nameplate::{Nameplate, Unscaled};
use super::super::presets::states::{PresetState, states};
use super::super::presets::{ForUnit, Preset, find, presets, tidy};
use super::super::profile::{DerivedSetting, Part, StateSetting};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::{Id, LimitKind, Name, Point, PointIx, ValueType, unit};

/// What the presets of the equipment that is being built go by.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) kind: String,
    pub(super) plate: Nameplate,
    /// Where `preset` stands.
    place: Place,
}

impl Wanted {
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

/// Points whose limits must stay below the safety valve.
const PRESSURES: [&str; 5] = ["steam_pressure", "drum_pressure", "outlet_pressure", "pressure", "pressure_2"];

/// No safety valve of a boiler or vessel is set higher, in MPa; a larger number is in another unit.
const HIGHEST_SET: f64 = 60.0;

/// Most ids that are told where no point has a known one.
const MOST_IDS_TOLD: usize = 16;

/// Of which kind the presets are to be taken, for a unit of this nameplate.
pub(super) fn wanted(w: &Walk<'_>, kind: Option<&str>, plate: &Nameplate) -> Option<Wanted> {
    let kind = kind_wanted(w, kind)?;
    Some(Wanted { kind, plate: *plate, place: w.place("preset") })
}

fn kind_wanted(w: &Walk<'_>, kind: Option<&str>) -> Option<String> {
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

/// The preset's limit in the unit of the point.
fn in_unit(mut one: ForUnit, (factor, offset): (f64, f64)) -> ForUnit {
    if one.limit.kind != LimitKind::State {
        one.limit.at = tidy(one.limit.at * factor + offset);
        one.limit.deadband = tidy(one.limit.deadband * factor.abs());
    }
    one
}

impl PlantBuilder<'_> {
    /// The preset of `point` and why it has no setpoints, if it has none.
    fn preset_of(&self, point: &Point) -> Option<(&'static Preset, Option<Unscaled>)> {
        let wanted = self.preset.as_ref()?;
        Some(match find(&wanted.kind, point.id.as_str(), &wanted.plate)? {
            Ok(row) => (row, None),
            Err((row, missing)) => (row, Some(missing)),
        })
    }

    /// The limits of `point` that the preset gives this unit, in the unit of the point.
    pub(super) fn limits_of_preset(&self, point: &Point) -> Result<Vec<ForUnit>, String> {
        let (Some((row, missing)), Some(wanted)) = (self.preset_of(point), &self.preset) else {
            return Ok(Vec::new());
        };
        let conversion = conversion(row, point)?;
        let limits = row.limits(&wanted.plate).into_iter().map(|mut one| {
            if missing.is_some() && one.limit.kind != LimitKind::State {
                (one.limit.at, one.unscaled) = (f64::NAN, missing);
            }
            in_unit(one, conversion)
        });
        Ok(limits.collect())
    }

    /// Puts the preset's limits and normal band under a point that has none yet. Not its range: what the example unit's
    /// transmitter spans says nothing of this one, and a reading beyond a range raises no limit.
    ///
    /// A limit without an honest setpoint is put there with NaN, so that a setpoint which somebody writes finds its
    /// delays and words; [`Self::without_setpoint`] takes away what nobody wrote.
    pub(super) fn preset_under(&mut self, ix: PointIx, point: &mut Point) {
        let Some((row, missing)) = self.preset_of(point) else { return };
        match self.limits_of_preset(point) {
            Ok(limits) => {
                point.limits = limits.into_iter().map(|one| one.limit).collect();
                let band = self.preset.as_ref().and_then(|wanted| row.normal(&wanted.plate));
                let band = band.filter(|_| missing.is_none()).zip(conversion(row, point).ok());
                let band = band.map(|((low, high), (f, o))| (tidy(low * f + o), tidy(high * f + o)));
                self.relations.of(ix).runs_within(band, None);
            }
            Err(problem) => self.warn_of_preset(
                &format!(".{}", point.id),
                format!("{problem}: no limits were taken"),
                format!("give the point a unit that converts from {}, or write its limits", row.unit),
            ),
        }
    }

    fn warn_of_preset(&self, key: &str, problem: String, remedy: String) {
        let Some(wanted) = &self.preset else { return };
        let (place, key) = (wanted.place.clone(), format!("preset{key}"));
        self.warnings.borrow_mut().push(Fault { place, key, problem, remedy });
    }

    /// Says that `preset` is written and does nothing, as no point has an id that it knows.
    pub(super) fn preset_matches(&self, own: &[PointIx]) {
        let Some(wanted) = &self.preset else { return };
        let ids: Vec<&str> = own.iter().map(|p| self.points[p.0 as usize].id.as_str()).collect();
        let of_kind = presets().iter().filter(|p| p.kind == wanted.kind);
        let known: BTreeSet<&str> = of_kind.map(|p| p.point.as_str()).collect();
        if ids.is_empty() || ids.iter().any(|id| known.contains(id)) {
            return;
        }
        let distance = |one: &str| ids.iter().map(|id| strsim::damerau_levenshtein(id, one)).min();
        let mut nearest: Vec<&str> = known.into_iter().collect();
        nearest.sort_by_cached_key(|one| distance(one));
        let rest = if nearest.len() > MOST_IDS_TOLD { " …" } else { "" };
        nearest.truncate(MOST_IDS_TOLD);
        self.warn_of_preset(
            "",
            format!("it does nothing: no point has an id that the presets of {} know", wanted.kind),
            format!(
                "give each point the id of what it measures: {}{rest}; `steamward presets {}` lists them",
                nearest.join(", "),
                wanted.kind
            ),
        );
    }

    /// Takes away the limits that have no setpoint, and says what would give them one.
    pub(super) fn without_setpoint(&mut self, own: &[PointIx]) {
        let mut why: BTreeMap<Unscaled, Vec<String>> = BTreeMap::new();
        for ix in own {
            let point = &self.points[ix.0 as usize];
            if !point.limits.iter().any(|l| l.at.is_nan()) {
                continue;
            }
            for one in self.limits_of_preset(point).unwrap_or_default() {
                let kind = one.limit.kind;
                if point.limits.iter().any(|l| l.kind == kind && l.at.is_nan()) {
                    let reason = one.unscaled.unwrap_or(Unscaled::Own);
                    why.entry(reason).or_default().push(format!("{}.{}", point.id, kind.key()));
                }
            }
            self.points[ix.0 as usize].limits.retain(|l| !l.at.is_nan());
        }
        for (reason, limits) in why {
            let limits = limits.join(", ");
            match reason {
                Unscaled::Missing(key) => self.warn_of_preset(
                    "",
                    format!("nameplate.{key} is not written, so these limits were not taken: {limits}"),
                    format!("write nameplate.{key}, or the setpoints"),
                ),
                Unscaled::Own => self.warn_of_preset(
                    "",
                    format!("no nameplate tells the setpoints of {limits}; they were not taken"),
                    "write them as this unit's papers say, e.g. limits.gas_pressure.l = { at = 8 }; delays, \
                     priority and words come from the preset"
                        .to_owned(),
                ),
            }
        }
    }

    /// The operating states that suppress limits of the presets, as far as the points are there that tell them. What
    /// the settings say of a limit (`when`, `unless`) stands over them.
    pub(super) fn preset_states(&mut self, own: &[PointIx]) -> Vec<StateSetting> {
        let Some(wanted) = self.preset.clone() else { return Vec::new() };
        let there: BTreeSet<String> =
            own.iter().map(|p| self.points[p.0 as usize].id.as_str().to_owned()).collect();
        let known = states(&wanted.kind, &wanted.plate);
        let found = |id: &str| {
            known.iter().find(|s| s.id == id && s.needs.iter().all(|point| there.contains(*point)))
        };
        let mut made: Vec<StateSetting> = Vec::new();
        let mut bare: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for ix in own {
            let point = &self.points[ix.0 as usize];
            let limits = self.limits_of_preset(point).unwrap_or_default();
            for one in limits.iter().filter(|one| !one.unless.is_empty()) {
                let kind = one.limit.kind;
                let stands = point.limits.iter().any(|l| l.kind == kind && !l.at.is_nan());
                if !stands || !self.relations.of(*ix).is_unconditional(kind) {
                    continue;
                }
                let Some(state) = found(one.unless) else {
                    let rule = format!("{}.{}", self.points[ix.0 as usize].id, kind.key());
                    bare.entry(one.unless).or_default().push(rule);
                    continue;
                };
                let id = format!("state_{}", state.id);
                self.relations.of(*ix).suppressed_in(kind, id.clone());
                if !there.contains(&id) && !made.iter().any(|m| m.point.id.as_str() == id) {
                    made.extend(setting(&id, state, &wanted.place));
                }
            }
        }
        for (state, limits) in bare {
            let needs = known.iter().find(|s| s.id == state).map(|s| s.needs.join(" and "));
            self.warn_of_preset(
                "",
                format!(
                    "these alarms call in every operating state, also when stopped: {}",
                    limits.join(", ")
                ),
                format!(
                    "a point {} tells when they mean nothing; or write their `unless`",
                    needs.unwrap_or_else(|| "burner_run".to_owned())
                ),
            );
        }
        made
    }

    /// ` (the preset's)` for a setpoint that nobody wrote here.
    pub(super) fn whose(&self, point: &Point, kind: LimitKind, at: f64) -> &'static str {
        let limits = self.limits_of_preset(point).unwrap_or_default();
        let from_preset = limits.iter().any(|one| one.limit.kind == kind && one.limit.at == at);
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

/// A state of the presets as if somebody had written it.
fn setting(id: &str, state: &PresetState, place: &Place) -> Option<StateSetting> {
    let [zh, en] = state.name;
    let name = Name { zh: zh.to_owned(), en: en.to_owned() };
    let formula = state.formula.clone();
    Some(StateSetting {
        point: DerivedSetting::discrete(Id::new(id).ok()?, name, formula, place, format!("preset.{id}")),
        begins: None,
        suppress: Vec::new(),
        suppress_place: place.clone(),
        never: Vec::new(),
    })
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

    const PLATE: &str = "nameplate = { pressure = \"1.25 MPa\", output = \"10 t/h\", fuel = \"gas\" }\n";

    fn load(equipment: &str) -> Result<Loaded, String> {
        let plate = if equipment.starts_with("preset") { PLATE } else { "" };
        load_points(POINTS, &format!("{plate}{equipment}"))
    }

    fn load_points(points: &str, equipment: &str) -> Result<Loaded, String> {
        let text = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1:502\"\n\
             [[equipment]]\nid = \"b\"\nkind = \"steam-boiler\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n{equipment}"
        );
        load_texts(&[("t.toml", &text)], &[("p.toml", points)], &[]).map_err(|f| f.to_string())
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
    fn a_preset_that_no_point_has_an_id_of_says_so_with_the_nearest_ids_first() {
        let points = "[[point]]\nid = \"drumlevel\"\nunit = \"mm\"\naddress = 40001\n";
        let loaded = load_points(points, &format!("{PLATE}preset = true\n")).expect("good");
        let told = loaded.warnings.iter().find(|w| w.key == "preset").expect("told");
        assert!(told.problem.ends_with("the presets of steam-boiler know"), "{told}");
        assert!(
            told.remedy.starts_with("give each point the id of what it measures: drum_level, "),
            "{told}"
        );
        assert!(told.remedy.ends_with(" …; `steamward presets steam-boiler` lists them"), "{told}");
        let loaded = load("preset = true\n").expect("good");
        assert!(!loaded.warnings.iter().any(|w| w.problem.starts_with("it does nothing")));
    }

    #[test]
    fn a_rating_that_cannot_be_read_has_one_fault() {
        for plate in ["pressure = 1.25", "pressure = \"1.25\"", "pressure = \"1.25 furlongs\""] {
            let points = "[[point]]\nid = \"steam_pressure\"\nunit = \"MPa\"\naddress = 40001\n";
            let said = load_points(points, &format!("preset = true\nnameplate = {{ {plate} }}\n"));
            let said = said.expect_err(plate);
            assert_eq!(said.matches("nameplate.pressure: ").count(), 1, "{said}");
        }
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

    const BOILER: &str = "[[point]]\nid = \"steam_pressure\"\nunit = \"MPa\"\naddress = 40001\n\
        [[point]]\nid = \"steam_flow\"\nunit = \"t/h\"\naddress = 40002\n\
        [[point]]\nid = \"gas_pressure\"\nunit = \"kPa\"\naddress = 40003\n\
        [[point]]\nid = \"stack_temp\"\nunit = \"℃\"\naddress = 40004\n";
    const RUN: &str = "[[point]]\nid = \"burner_run\"\nunit = \"bool\"\naddress = 10001\n";

    #[test]
    fn without_the_nameplate_nothing_is_guessed_and_what_is_missing_is_named_once() {
        let said = load_points(BOILER, "preset = true\n").expect_err("the pressure has no high limit");
        assert!(
            said.contains("nameplate.pressure: missing, and without it steam_pressure has no high limit"),
            "{said}"
        );
        let own = "preset = true\n[equipment.limits.steam_pressure]\nh = { at = 0.68 }\n";
        let loaded = load_points(BOILER, own).expect("it has one");
        // The delay is the preset's, the setpoint this unit's.
        let h = &point(&loaded, "steam_pressure").limits;
        assert_eq!((h.len(), h[0].at, h[0].on_delay.as_secs()), (1, 0.68, 3));
        let warned: Vec<&str> = loaded.warnings.iter().map(|w| w.problem.as_str()).collect();
        let missing = |key: &str, limit: &str| {
            let of = warned
                .iter()
                .filter(|w| w.starts_with(&format!("nameplate.{key} is not written")))
                .collect::<Vec<_>>();
            assert_eq!(of.len(), 1, "{warned:?}");
            assert!(of[0].contains(limit), "{warned:?}");
        };
        missing("pressure", "steam_pressure.l");
        missing("output", "steam_flow.h");
        missing("fuel", "stack_temp.h");
        assert!(
            warned.iter().any(|w| w.contains("no nameplate tells the setpoints of gas_pressure.l")),
            "{warned:?}"
        );
        assert!(limits(point(&loaded, "gas_pressure")).is_empty());
    }

    #[test]
    fn a_limit_that_nobody_could_guess_takes_its_delays_and_words_from_the_preset() {
        let own = format!("preset = true\n{PLATE}[equipment.limits.gas_pressure]\nl = {{ at = 3 }}\n");
        let loaded = load_points(BOILER, &own).expect("good");
        let gas = &point(&loaded, "gas_pressure").limits;
        assert_eq!((gas.len(), gas[0].at, gas[0].on_delay.as_secs()), (1, 3.0, 2));
        assert!(gas[0].guidance.is_some());
    }

    #[test]
    fn limits_are_suppressed_by_the_operating_state_where_a_point_tells_it() {
        let preset = format!("preset = true\n{PLATE}");
        let loaded = load_points(&format!("{BOILER}{RUN}"), &preset).expect("good");
        let state = |id: &str| loaded.settings.plant.points.iter().position(|p| p.id.as_str() == id);
        let of = |id: &str, kind| {
            let limits = &point(&loaded, id).limits;
            let limit = limits.iter().find(|l| l.kind == kind).expect("there");
            limit.unless.iter().map(|p| p.0 as usize).collect::<Vec<_>>()
        };
        assert_eq!(of("stack_temp", LimitKind::L), [state("state_low_load").expect("made")]);
        assert_eq!(of("steam_pressure", LimitKind::L), [state("state_raising").expect("made")]);
        // Too much is too much in every state.
        assert!(of("steam_pressure", LimitKind::HH).is_empty() && of("stack_temp", LimitKind::HH).is_empty());
        // What is written stands over it, and a state that nothing needs is not made.
        let own = format!(
            "{preset}[equipment.limits.stack_temp]\nl = {{ unless = [] }}\nll = {{ when = \"burner_run\" }}\n"
        );
        let loaded = load_points(&format!("{BOILER}{RUN}"), &own).expect("good");
        assert!(loaded.settings.plant.points.iter().all(|p| p.id.as_str() != "state_low_load"));
        // Without the point that tells it they call always, and that is said.
        let pump = "[[point]]\nid = \"stack_temp\"\nunit = \"℃\"\naddress = 40004\n";
        let loaded = load_points(pump, &preset).expect("good");
        let warned = loaded.warnings.iter().find(|w| w.problem.contains("call in every operating state"));
        assert!(
            warned.is_some_and(|w| w.problem.contains("stack_temp.l") && w.remedy.contains("steam_flow"))
        );
    }

    #[test]
    fn nothing_runs_above_its_nameplate_without_an_alarm() {
        let plate = "nameplate = { pressure = \"0.7 MPa\" }\n";
        let with = |limits: &str| {
            load_points(BOILER, &format!("{plate}[equipment.limits.steam_pressure]\n{limits}\n"))
        };
        let said = with("hh = { at = 0.9 }").expect_err("above");
        assert!(said.contains("the first high limit, 0.9 MPa, is above the nameplate's 0.7 MPa"), "{said}");
        let said = with("l = { at = 0.3 }").expect_err("none");
        assert!(
            said.contains("nothing calls above the nameplate's 0.7 MPa; h or hh at 0.7 MPa or below"),
            "{said}"
        );
        assert!(with("h = { at = 0.7 }\nhh = { at = 0.72 }").is_ok());
        let said = with("h = { at = 0.6, schedule = [{ from = \"22:00\", to = \"06:00\", at = 0.8 }] }")
            .expect_err("by night");
        assert!(said.contains("0.8 MPa, is above"), "{said}");
    }

    #[test]
    fn a_pressure_under_another_name_does_not_run_above_its_nameplate_either() {
        let plate = "nameplate = { pressure = \"0.7 MPa\" }\npreset = true\n";
        let point = "[[point]]\nid = \"shell_pressure\"\nunit = \"bar\"\naddress = 40001\n";
        let said = load_points(point, plate).expect_err("nobody calls");
        assert!(
            said.contains("nothing calls above the pressure of the nameplate, 0.7 MPa: no point is called `steam_pressure`")
                && said.contains("none of shell_pressure has a high limit there"),
            "{said}"
        );
        let own = |at: f64| format!("{plate}[equipment.limits.shell_pressure]\nh = {{ at = {at} }}\n");
        assert!(load_points(point, &own(7.0)).is_ok());
        assert!(load_points(point, &own(7.5)).is_err(), "above the plate");
        // A limit on the burner's gas is none on the steam.
        let gas = "[[point]]\nid = \"gas_pressure\"\nunit = \"kPa\"\naddress = 40003\nlimits.h.at = 30\n";
        assert!(load_points(&format!("{point}{gas}"), plate).is_err());
        let loaded = load_points(gas, plate).expect("nothing measures the pressure");
        let is_told = |w: &crate::settings::Fault| {
            w.problem.starts_with("no point measures the pressure of the nameplate")
        };
        assert!(loaded.warnings.iter().any(is_told), "{:?}", loaded.warnings);
    }

    #[test]
    fn a_rating_without_a_unit_or_beyond_belief_is_a_fault() {
        for (keys, told) in [
            ("pressure = 1.25", "nameplate.pressure: this has no unit"),
            ("pressure = \"1250 MPa\"", "which is not believable"),
            ("pressure = \"10 t/h\"", "nameplate.pressure: `t/h` is"),
            ("pressure = \"0.7 MPa\", working_pressure = \"8 bar\"", "is above the rated pressure"),
            ("temperature = \"95 ℃\", return_temperature = \"115 ℃\"", "is not below the outlet's"),
            ("fuel = \"wood\"", "`wood` is not known"),
            ("pressur = \"1 MPa\"", "pressur"),
        ] {
            let said = load_points(BOILER, &format!("nameplate = {{ {keys} }}\n")).expect_err(keys);
            assert!(said.contains(told), "{keys}: {said}");
        }
    }
}
