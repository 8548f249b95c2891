//! `preset = true`: checks on the wired cut-offs (联锁) of a kind, where the points are there that tell cause and effect.
//!
//! Each makes the point `ID_due`, which is 1 while the cut-off must hold, and a `trip-check` on it, whose point `ID_failed` calls.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::fault::{Fault, Place, Places};
use super::super::presets::trips::{PresetTrip, WITHIN, guidance, trips};
use super::super::presets::{find, tidy};
use super::super::profile::{DerivedSetting, DetectorSetting, quantity};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use super::presets::Wanted;
use crate::derive::instrument;
use crate::plant::{EquipmentIx, Id, LimitKind, Name, Point, PointIx, ValueType};

/// What the settings say of one cut-off.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    is_off: bool,
    at: Option<f64>,
    within: Option<Duration>,
}

/// `trips = { high_pressure_trip = { at = 1.27, within = "20s" }, flame_trip = false }`
fn said(w: &Walk<'_>, known: &[PresetTrip]) -> BTreeMap<&'static str, Said> {
    let mut found = BTreeMap::new();
    let Some(all) = w.table("trips") else { return found };
    for trip in known {
        if all.is_off(trip.id) {
            all.mark(trip.id);
            found.insert(trip.id, Said { is_off: true, ..Said::default() });
        } else if let Some(one) = all.table(trip.id) {
            let (at, within) = (one.number("at"), one.duration("within"));
            if at.is_some() && trip.causes.iter().all(|c| c.1 == LimitKind::State) {
                one.fault("at", "this cut-off goes by discrete points alone", "leave it out");
            }
            if within.is_some_and(|w| !(1.0..=3600.0).contains(&w.as_secs_f64())) {
                one.fault("within", "not a time that a cut-off takes", "1s to 1h, e.g. \"15s\"");
            }
            one.finish();
            found.insert(trip.id, Said { is_off: false, at, within });
        }
    }
    all.finish();
    found
}

impl PlantBuilder<'_> {
    /// Whether `limits.NAME` is about a point that [`Self::preset_trips`] makes.
    pub(super) fn is_of_trip(&self, name: &str) -> bool {
        let known = self.preset.as_ref().map_or(&[][..], |wanted| trips(&wanted.kind));
        known.iter().any(|t| name.strip_prefix(t.id).is_some_and(|rest| rest.starts_with('_')))
    }

    /// Checks the cut-offs of the preset; call it when the limits of the equipment have their setpoints.
    pub(super) fn preset_trips(
        &mut self,
        equipment: EquipmentIx,
        owner: &str,
        w: &Walk<'_>,
        own: &mut Vec<PointIx>,
    ) {
        let Some(wanted) = self.preset.clone() else {
            if w.has("trips") {
                w.mark("trips");
                w.fault(
                    "trips",
                    "without a preset there are none",
                    "preset = true, or a [[detector]] of kind \"trip-check\"",
                );
            }
            return;
        };
        let known = trips(&wanted.kind);
        let said = said(w, known);
        let mut blind: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
        for trip in known {
            let said = said.get(trip.id).copied().unwrap_or_default();
            // Somebody made it already.
            if said.is_off || self.own_point(&format!("{}_failed", trip.id), own).is_some() {
                continue;
            }
            let causes: Vec<(PointIx, String)> =
                trip.causes.iter().filter_map(|c| self.cause(&wanted, *c, said.at, own)).collect();
            if causes.is_empty() {
                continue;
            }
            let running = self.own_point(trip.running, own).filter(|p| self.may_be_discrete(*p));
            let Some(running) = running else {
                blind.entry(trip.running).or_default().push(trip.id);
                continue;
            };
            let seen = causes.iter().map(|c| c.0).chain([running]);
            let within = said.within.unwrap_or_else(|| self.seen_within(seen));
            let due: Vec<String> = causes.into_iter().map(|c| c.1).collect();
            let made = check(trip, due.join(" or "), within, wanted.place());
            let Some((due, check)) = made else { continue };
            self.derived(equipment, owner, vec![due], own);
            self.detectors(equipment, owner, vec![check], own);
            if let Some(failed) = self.own_point(&format!("{}_failed", trip.id), own) {
                self.points[failed.0 as usize].limits.iter_mut().for_each(|l| l.guidance = Some(guidance()));
            }
        }
        for (running, trips) in blind {
            self.warnings.borrow_mut().push(Fault {
                place: wanted.place().clone(),
                key: "preset".to_owned(),
                problem: format!("nothing checks that these cut-offs act: {}", trips.join(", ")),
                remedy: format!("a discrete point {running} tells what they must stop"),
            });
        }
    }

    fn own_point(&self, id: &str, own: &[PointIx]) -> Option<PointIx> {
        own.iter().copied().find(|p| self.points[p.0 as usize].id.as_str() == id)
    }

    /// A formula without a written unit may still turn out to be true or false.
    fn may_be_discrete(&self, ix: PointIx) -> bool {
        self.points[ix.0 as usize].value_type == ValueType::Bool || self.is_undecided(ix)
    }

    /// As a condition on the point whose limit it is; `None` where there is no such limit.
    ///
    /// Where the plate tells a setpoint, the cut-off acts there: a limit that somebody wrote more carefully calls before
    /// the cut-off has to act.
    fn cause(
        &self,
        wanted: &Wanted,
        (name, kind): (&str, LimitKind),
        at: Option<f64>,
        own: &[PointIx],
    ) -> Option<(PointIx, String)> {
        let ix = self.own_point(name, own)?;
        let point = &self.points[ix.0 as usize];
        let limit = point.limits.iter().find(|l| l.kind == kind && !l.at.is_nan())?;
        let of = format!("point({name:?})");
        let text = match kind {
            LimitKind::State if limit.at == 0.0 => format!("not {of}"),
            LimitKind::State => of,
            _ => {
                let plate = self.at_of_plate(wanted, point, kind);
                let (sign, least) = if kind == LimitKind::LL {
                    ("<=", plate.map_or(limit.at, |p| p.min(limit.at)))
                } else {
                    (">=", plate.map_or(limit.at, |p| p.max(limit.at)))
                };
                format!("{of} {sign} {}", quantity(tidy(at.unwrap_or(least)), &point.unit))
            }
        };
        Some((ix, format!("({text})")))
    }

    /// The setpoint that follows from the nameplate.
    fn at_of_plate(&self, wanted: &Wanted, point: &Point, kind: LimitKind) -> Option<f64> {
        let row = find(&wanted.kind, point.id.as_str(), &wanted.plate)?.ok()?;
        let basis = if kind == LimitKind::LL { &row.basis_low } else { &row.basis };
        if basis.is_empty() {
            return None;
        }
        let limits = self.limits_of_preset(point).ok()?;
        limits.iter().find(|l| l.limit.kind == kind && l.unscaled.is_none()).map(|l| l.limit.at)
    }

    /// The time of [`WITHIN`], longer where the points come seldom: a stop that is not yet read is not missing.
    fn seen_within(&self, points: impl Iterator<Item = PointIx>) -> Duration {
        let silent = points.filter_map(|p| {
            let device = self.points[p.0 as usize].device;
            self.devices.get(device.0 as usize).map(|d| d.stale_after).filter(|s| *s < Duration::MAX)
        });
        match silent.max() {
            Some(longest) if longest > WITHIN => longest + WITHIN / 2,
            _ => WITHIN,
        }
    }
}

/// The point that tells when a cut-off must hold, and the check on it, as if somebody had written them.
fn check(
    trip: &PresetTrip,
    due: String,
    within: Duration,
    place: &Place,
) -> Option<(DerivedSetting, DetectorSetting)> {
    let [zh, en] = trip.name;
    let id = Id::new(&format!("{}_due", trip.id)).ok()?;
    let check = DetectorSetting {
        id: Id::new(trip.id).ok()?,
        name: Name { zh: zh.to_owned(), en: en.to_owned() },
        kind: instrument::kind("trip-check")?,
        inputs: vec![Some(id.as_str().to_owned()), Some(trip.running.to_owned())],
        numbers: vec![within.as_secs_f64()],
        places: Places::new(place.clone(), Vec::new()),
        key: format!("preset.{}", trip.id),
    };
    let name = Name { zh: format!("{zh} 应动作"), en: format!("{en} is due") };
    let due = DerivedSetting::discrete(id, name, due, place, format!("preset.{}", trip.id));
    Some((due, check))
}

#[cfg(test)]
mod tests {
    use crate::plant::{How, LimitKind, Plant, Priority};
    use crate::settings::{Loaded, load_texts};

    const POINTS: &str = "[[point]]\nid = \"steam_pressure\"\nunit = \"kPa\"\naddress = 40001\n\
        [[point]]\nid = \"drum_level\"\nunit = \"mm\"\naddress = 40002\n\
        [[point]]\nid = \"flame_fail\"\naddress = 10001\nunit = \"bool\"\n";
    const RUN: &str = "[[point]]\nid = \"burner_run\"\naddress = 10002\nunit = \"bool\"\n";
    const PLATE: &str =
        "preset = true\nnameplate = { pressure = \"1.25 MPa\", output = \"10 t/h\", fuel = \"gas\" }\n";

    fn load(points: &str, source: &str, equipment: &str) -> Result<Loaded, String> {
        let text = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1:502\"\n{source}\
             [[equipment]]\nid = \"b\"\nkind = \"steam-boiler\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n{equipment}"
        );
        load_texts(&[("t.toml", &text)], &[("p.toml", points)], &[]).map_err(|f| f.to_string())
    }

    fn how<'p>(plant: &'p Plant, id: &str) -> Option<&'p How> {
        let made = plant.derived.iter().find(|d| plant.point(d.points[0]).id.as_str() == id);
        made.map(|d| &d.how)
    }

    fn due<'p>(plant: &'p Plant, trip: &str) -> &'p str {
        match how(plant, &format!("{trip}_due")) {
            Some(How::Formula(text)) => text,
            other => panic!("{trip}: {other:?}"),
        }
    }

    fn within(plant: &Plant, trip: &str) -> f64 {
        match how(plant, &format!("{trip}_failed")) {
            Some(How::Instrument { numbers, .. }) => numbers[0],
            other => panic!("{trip}: {other:?}"),
        }
    }

    #[test]
    fn a_cut_off_is_due_at_the_limit_in_force_and_no_earlier_than_the_plate_says() {
        let points = format!("{POINTS}{RUN}");
        let loaded = load(&points, "", PLATE).unwrap();
        let plant = &loaded.settings.plant;
        assert_eq!(due(plant, "high_pressure_trip"), "(point(\"steam_pressure\") >= 1250.0 \"kPa\")");
        assert_eq!(due(plant, "low_water_trip"), "(point(\"drum_level\") <= (-75.0 \"mm\"))");
        assert_eq!(due(plant, "flame_trip"), "(point(\"flame_fail\"))");
        assert!(how(plant, "emergency_stop_trip_due").is_none(), "it has no such point");
        let failed = plant.points.iter().find(|p| p.id.as_str() == "low_water_trip_failed").unwrap();
        assert_eq!(
            (failed.limits[0].kind, failed.limits[0].priority),
            (LimitKind::State, Priority::Critical)
        );
        assert!(failed.limits[0].hazard.is_some() && failed.limits[0].guidance.is_some());
        // The alarm of this pressure comes earlier; its cut-off still acts at the plate's. The level's is this boiler's.
        let own = "limits = { steam_pressure = { h = { at = 1150 }, hh = { at = 1180 } }, drum_level = { ll = { at = -60 } } }\n";
        let loaded = load(&points, "", &format!("{PLATE}{own}")).unwrap();
        let plant = &loaded.settings.plant;
        assert_eq!(due(plant, "high_pressure_trip"), "(point(\"steam_pressure\") >= 1250.0 \"kPa\")");
        assert_eq!(due(plant, "low_water_trip"), "(point(\"drum_level\") <= (-60.0 \"mm\"))");
    }

    #[test]
    fn the_settings_move_a_cut_off_change_its_alarm_or_leave_it_out() {
        let own = "trips = { high_pressure_trip = { at = 1270, within = \"20s\" }, flame_trip = false }\n\
            limits.low_water_trip_failed.state = { hazard = \"general\", on_delay = \"2s\" }\n";
        let loaded = load(&format!("{POINTS}{RUN}"), "", &format!("{PLATE}{own}")).unwrap();
        let plant = &loaded.settings.plant;
        assert_eq!(due(plant, "high_pressure_trip"), "(point(\"steam_pressure\") >= 1270.0 \"kPa\")");
        assert_eq!((within(plant, "high_pressure_trip"), within(plant, "low_water_trip")), (20.0, 10.0));
        assert!(how(plant, "flame_trip_due").is_none());
        let failed = plant.points.iter().find(|p| p.id.as_str() == "low_water_trip_failed").unwrap();
        assert_eq!(failed.limits[0].on_delay.as_secs(), 2);
        for (own, told) in [
            ("trips = { feed_trip = false }\n", "trips.feed_trip: unknown key"),
            (
                "trips = { flame_trip = { at = 1 } }\n",
                "trips.flame_trip.at: this cut-off goes by discrete points",
            ),
            ("trips = { flame_trip = { within = \"2h\" } }\n", "trips.flame_trip.within: not a time"),
            ("limits.flame_trip_faild.state = { at = 1 }\n", "there is no point `flame_trip_faild`"),
        ] {
            let said = load(&format!("{POINTS}{RUN}"), "", &format!("{PLATE}{own}")).unwrap_err();
            assert!(said.contains(told), "{said}");
        }
        let said = load(POINTS, "", "trips = { flame_trip = false }\n").unwrap_err();
        assert!(said.contains("trips: without a preset there are none"), "{said}");
    }

    #[test]
    fn a_stop_that_is_read_seldom_has_time_to_be_read() {
        let source = "period = \"15s\"\n";
        let loaded = load(&format!("{POINTS}{RUN}"), source, PLATE).unwrap();
        let plant = &loaded.settings.plant;
        let silent = plant.devices[0].stale_after.as_secs_f64();
        assert!(silent > 10.0, "{silent}");
        assert_eq!(within(plant, "high_pressure_trip"), silent + 5.0);
    }

    #[test]
    fn without_the_point_that_must_stop_it_is_said_that_nothing_checks() {
        let loaded = load(POINTS, "", PLATE).unwrap();
        assert!(how(&loaded.settings.plant, "high_pressure_trip_due").is_none());
        let told =
            loaded.warnings.iter().find(|w| w.problem.starts_with("nothing checks that these cut-offs act"));
        let told = told.expect("said");
        assert!(told.problem.ends_with("low_water_trip, high_pressure_trip, flame_trip"), "{}", told.problem);
        assert!(told.remedy.contains("burner_run"));
    }

    #[test]
    fn a_check_that_somebody_wrote_is_not_made_twice() {
        let own = "[[equipment.detector]]\nid = \"flame_trip\"\nkind = \"trip-check\"\ndemand = \"flame_fail\"\n\
            running = \"burner_run\"\nwithin_s = 3\n";
        let loaded = load(&format!("{POINTS}{RUN}"), "", &format!("{PLATE}{own}")).unwrap();
        let plant = &loaded.settings.plant;
        assert_eq!(within(plant, "flame_trip"), 3.0);
        assert!(how(plant, "flame_trip_due").is_none());
    }
}
