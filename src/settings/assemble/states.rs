//! Operating states → points that tell them, and the limits that they suppress by design; and the other conditions
//! that hang on a point of the same equipment.

use super::super::fault::{Fault, nearest};
use super::super::profile::{Plausible, StateSetting};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::{Doubts, EquipmentIx, Flatline, Id, PointIx};

impl PlantBuilder<'_> {
    /// Makes the points of the states; call [`PlantBuilder::suppress`] when all limits are there.
    pub(super) fn states(
        &mut self,
        equipment: EquipmentIx,
        owner: &str,
        states: &[StateSetting],
        own: &mut Vec<PointIx>,
    ) {
        let points = states.iter().flat_map(|s| s.begins.iter().chain([&s.point]).cloned());
        self.derived(equipment, owner, points.collect(), own);
    }

    /// Hangs the limits of the equipment's points on its states.
    pub(super) fn suppress(&mut self, states: &[StateSetting], own: &[PointIx]) {
        for state in states {
            let found = |id: &Id| own.iter().copied().find(|p| self.points[p.0 as usize].id == *id);
            let Some(of) = found(&state.point.id) else { continue };
            let begins = state.begins.as_ref().and_then(|b| found(&b.id));
            let mut idle: Vec<&String> = state.suppress.iter().collect();
            for point in own {
                let point = &mut self.points[point.0 as usize];
                for limit in &mut point.limits {
                    let (id, key) = (point.id.as_str(), limit.kind.key());
                    idle.retain(|pattern| !super::super::profile::matches(pattern, id, key));
                    if state.covers(id, key) {
                        limit.unless.push(of);
                        limit.soon.extend(begins);
                    }
                }
            }
            // With a star it may well find nothing; a limit that is named must be there.
            for pattern in idle.into_iter().filter(|p| p.contains('.') && !p.contains('*')) {
                self.faults.borrow_mut().push(Fault {
                    place: state.suppress_place.clone(),
                    key: state.point.key.replace(".when", ".suppress"),
                    problem: format!("there is no limit `{pattern}`"),
                    remedy: "POINT.LIMIT of this equipment, with * for any: \"*.l\"".to_owned(),
                });
            }
        }
    }

    /// The tests of one point's readings, with indexes for names.
    pub(super) fn doubts(&mut self, of: &[(PointIx, Plausible)], own: &[PointIx], w: &Walk<'_>) {
        for (point, written) in of {
            let flatline = written.flatline.as_ref().map(|(after, within, when)| {
                let named = when.as_ref().and_then(|name| {
                    let found = own.iter().copied().find(|p| self.points[p.0 as usize].id.as_str() == name);
                    if found.is_none() {
                        let known = nearest(name, own.iter().map(|p| self.points[p.0 as usize].id.as_str()));
                        if !w.is_partial() {
                            let problem = format!("there is no point `{name}`");
                            w.fault_at(&written.when_written, problem, known);
                        }
                    }
                    found
                });
                Flatline { after: *after, within: *within, when: named }
            });
            let doubts = Doubts { max_step: written.max_step, flatline };
            self.points[point.0 as usize].doubts = Some(Box::new(doubts));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::plant::{Plant, Priority};
    use crate::settings::load_texts;

    fn plant(more: &str) -> Result<Plant, String> {
        let settings = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"s\"\naddress = \"tcp://192.0.2.1\"\n\
             [[source.modbus]]\nid = \"d\"\naddress = \"tcp://192.0.2.2\"\n{more}"
        );
        let of =
            |id: &str| format!("[[point]]\nid = \"{id}\"\nunit = \"bool\"\naddress = 1\ntable = \"coil\"\n");
        let level = "[[point]]\nid = \"level\"\nunit = \"mm\"\naddress = 40001\n";
        let (run, vent) = (of("run"), of("vent"));
        let profiles = [("l.toml", level), ("r.toml", run.as_str()), ("v.toml", vent.as_str())];
        let loaded = load_texts(&[("t.toml", &settings)], &profiles, &[]);
        loaded.map(|l| l.settings.plant).map_err(|e| e.to_string())
    }

    const BOILER: &str = "[[equipment]]\nid = \"b\"\nkind = \"k\"\n\
        [[equipment.device]]\nprofile = \"l\"\nsource = \"s\"\nunit = 1\n\
        [[equipment.device]]\nprofile = \"r\"\nsource = \"d\"\nunit = 1\n\
        [[equipment.device]]\nprofile = \"v\"\nsource = \"d\"\nunit = 2\n";

    fn watched(plant: &Plant) -> Vec<(String, Priority)> {
        let points = plant.points.iter();
        points.filter_map(|p| Some((p.id.to_string(), p.no_data.as_ref()?.priority))).collect()
    }

    #[test]
    fn a_module_whose_one_point_decides_whether_a_limit_calls_is_missed_when_it_is_gone() {
        let found = plant(&format!("{BOILER}[equipment.limits.level]\nl = {{ at = -50, when = \"run\" }}\n"));
        let names: Vec<String> = watched(&found.unwrap()).into_iter().map(|w| w.0).collect();
        assert_eq!(names, ["level", "run"]);
        let quiet = "[equipment.limits.run]\nno_data = false\n";
        let found =
            plant(&format!("{BOILER}[equipment.limits.level]\nl = {{ at = -50, when = \"run\" }}\n{quiet}"));
        assert_eq!(watched(&found.unwrap()).len(), 1, "who says that it needs none is believed");
    }

    #[test]
    fn so_is_what_a_state_is_made_of_and_what_a_watched_point_is_calculated_from() {
        let found = plant(&format!(
            "{BOILER}[equipment.limits.level]\nl = {{ at = -50 }}\n\
             [[equipment.state]]\nid = \"stopped\"\nwhen = \"not run\"\nsuppress = [\"*.l\"]\n"
        ));
        let plant_found = found.unwrap();
        let names: Vec<String> = watched(&plant_found).into_iter().map(|w| w.0).collect();
        assert_eq!(names, ["level", "run", "stopped_begins", "stopped"]);
        let limit = &plant_found.points.iter().find(|p| p.id.as_str() == "level").unwrap().limits[0];
        let id = |p: &crate::plant::PointIx| plant_found.point(*p).id.to_string();
        assert_eq!(limit.unless.iter().map(id).collect::<Vec<_>>(), ["stopped"]);
        assert_eq!(limit.soon.iter().map(id).collect::<Vec<_>>(), ["stopped_begins"]);
        let found = plant(&format!(
            "{BOILER}[[equipment.derived]]\nid = \"both\"\nunit = \"bool\"\nformula = \"run and vent\"\n\
             [equipment.derived.limits]\nstate = {{ at = 1 }}\n"
        ));
        let names: Vec<String> = watched(&found.unwrap()).into_iter().map(|w| w.0).collect();
        assert_eq!(names, ["run", "vent", "both"]);
    }

    #[test]
    fn so_is_what_the_cause_that_a_limit_follows_from_is_made_of() {
        let with = |follows: &str| {
            let found = plant(&format!(
                "{BOILER}[[equipment.detector]]\nid = \"cut\"\nkind = \"trip-check\"\ndemand = \"run\"\nrunning = \"vent\"\n\
                 [equipment.limits.cut_failed]\nno_data = false\n\
                 [equipment.limits.level]\nl = {{ at = -50{follows} }}\n"
            ));
            watched(&found.unwrap()).into_iter().map(|w| w.0).collect::<Vec<String>>()
        };
        assert_eq!(with(""), ["level"]);
        for cause in ["cut_failed.state", "b/cut_failed.state"] {
            let found = with(&format!(", follows = [\"{cause}\"]"));
            assert_eq!(found, ["level", "run", "vent"], "{cause}");
        }
        assert_eq!(with(", follows = [\"other/x.h\"]"), ["level"], "a limit that stands nowhere");
    }

    #[test]
    fn how_long_the_unknown_hides_is_set_by_priority_and_bounded() {
        let hides = |table: &str| {
            plant(&format!("{BOILER}[alarms]\nunknown_hides = {table}\n"))
                .map(|p| p.alarm_policy.unknown_hides.map(|d| d.as_secs()))
        };
        assert_eq!(plant(BOILER).unwrap().alarm_policy.unknown_hides[0], Duration::ZERO);
        assert_eq!(hides("{ critical = \"2s\", high = \"10s\" }").unwrap(), [2, 10, 30, 30]);
        let fault = hides("{ low = \"11m\" }").unwrap_err();
        assert!(fault.contains("alarms.unknown_hides.low: longer than 10 minutes"), "{fault}");
    }

    #[test]
    fn data_must_be_back_for_as_long_as_a_device_may_be_silent() {
        let found = plant(&format!("{BOILER}[equipment.limits.level]\nl = {{ at = -50 }}\n")).unwrap();
        let level = found.points[0].no_data.as_ref().unwrap();
        assert_eq!((level.after.as_secs(), level.off_delay.as_secs()), (10, 10));
        let written = "no_data = { after = \"4s\", off_delay = \"2s\" }\n";
        let found =
            plant(&format!("{BOILER}[equipment.limits.level]\nl = {{ at = -50 }}\n{written}")).unwrap();
        let level = found.points[0].no_data.as_ref().unwrap();
        assert_eq!((level.after.as_secs(), level.off_delay.as_secs()), (4, 2));
    }
}
