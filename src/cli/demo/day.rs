//! `steamward demo --scenario days`: a normal day of each kind of equipment, judged by nothing but the presets. Whoever is
//! called is called for nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::scenario::Stage;
use crate::exit;
use crate::settings::presets::presets;
use crate::simulate::day::{Day, STEP, all};

const SECONDS: u32 = 86_400;

/// A device with every point that the kind has presets for.
fn profile(kind: &str) -> String {
    let mut text = format!("kind = \"{kind}\"\n");
    let mut known = BTreeSet::new();
    for (n, preset) in
        presets().iter().filter(|p| p.kind == kind).filter(|p| known.insert(&p.point)).enumerate()
    {
        let place = if preset.unit == "bool" {
            format!("address = {}\nunit = \"bool\"", 10_001 + n)
        } else {
            format!("address = {}\ntype = \"f32\"\nunit = \"{}\"", 40_001 + 2 * n, preset.unit)
        };
        let _ = writeln!(text, "[[point]]\nid = \"{}\"\n{place}", preset.point);
    }
    text
}

/// What anybody was called for.
///
/// # Errors
/// Its settings are wrong, which is our own fault.
fn play(day: &Day) -> Result<Vec<String>, String> {
    let equipment = format!("preset = true\nnameplate = {}\n", day.nameplate);
    let mut stage = Stage::new(&equipment, &profile(day.kind))?;
    let mut story = (day.story)();
    let step = STEP.as_secs() as u32;
    for n in 0..=SECONDS / step {
        let t = f64::from(n * step);
        stage.step(t, &story.at(t));
    }
    Ok(stage.lines.iter().filter_map(super::scenario::Line::trouble).collect())
}

/// Plays all of them, and prints what came of each.
pub(super) fn run() -> i32 {
    let mut code = exit::FINE;
    for day in all() {
        say!("{}  {} / {}  {}", day.id, day.zh, day.en, day.nameplate);
        match play(&day) {
            Ok(calls) if calls.is_empty() => tell!("  nobody is called"),
            Ok(calls) => {
                calls.iter().for_each(|call| tell!("  {call}"));
                code = exit::FAILED;
            }
            Err(problem) => {
                complain!("{problem}");
                return exit::FAILED;
            }
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use std::collections::HashMap;

    use super::{play, profile};
    use crate::cli::demo::scenario::{Line, Stage};
    use crate::plant::LimitKind;
    use crate::settings::presets::presets;
    use crate::settings::presets::trips::{PresetTrip, trips};
    use crate::simulate::day::{Day, all};
    use crate::simulate::scenario::Said;

    /// A minute with `cause` beyond its limit; what the cut-off stops runs until `stops_at`.
    fn beyond(day: &Day, trip: &PresetTrip, cause: (&'static str, LimitKind), stops_at: f64) -> Vec<String> {
        let equipment = format!("preset = true\nnameplate = {}\n", day.nameplate);
        let mut stage = Stage::new(&equipment, &profile(day.kind)).unwrap_or_else(|e| panic!("{e}"));
        let mut story = (day.story)();
        let mut at =
            |t| -> HashMap<&'static str, f64> { story.at(t).into_iter().flat_map(|s| s.values).collect() };
        let hours = (0..24).map(|hour| at(f64::from(hour) * 3600.0));
        let runs = hours.into_iter().find(|values| values[trip.running] == 1.0).expect("it runs in the day");
        let point = stage.plant.points.iter().find(|p| p.id.as_str() == cause.0).expect("there");
        let limit = point.limits.iter().find(|l| l.kind == cause.1).expect("a limit").at;
        for second in 0..=60 {
            let t = f64::from(second);
            let mut values = runs.clone();
            if t >= 5.0 {
                values.insert(cause.0, limit);
            }
            values.insert(trip.running, f64::from(u8::from(t < stops_at)));
            let values = values.into_iter().collect();
            stage.step(t, &[Said { late: std::time::Duration::ZERO, values }]);
        }
        stage.lines.iter().filter_map(Line::trouble).collect()
    }

    #[test]
    fn a_cut_off_that_does_not_act_calls_with_presets_alone_and_one_that_acts_does_not() {
        let mut kinds = BTreeSet::new();
        for day in all() {
            if !kinds.insert(day.kind) {
                continue;
            }
            for trip in trips(day.kind) {
                let failed = format!("{}_failed.state", trip.id);
                for cause in trip.causes {
                    let told = |stops_at| {
                        let lines = beyond(&day, trip, *cause, stops_at);
                        lines.iter().filter(|line| line.starts_with(&failed)).count()
                    };
                    // It calls, and is a hazard.
                    assert_eq!(told(f64::INFINITY), 2, "{} {failed} by {cause:?}", day.kind);
                    assert_eq!(told(12.0), 0, "{} {failed} by {cause:?}", day.kind);
                }
            }
        }
    }

    #[test]
    fn a_normal_day_of_any_unit_calls_nobody_with_presets_alone() {
        let mut called = Vec::new();
        for day in all() {
            let calls = play(&day).unwrap_or_else(|e| panic!("{} {e}", day.id));
            called.extend(calls.into_iter().map(|call| format!("{} {}", day.id, call)));
        }
        assert!(called.is_empty(), "{called:#?}");
    }

    #[test]
    fn a_normal_day_has_every_point_of_its_kind_and_every_kind_has_one() {
        let mut kinds: BTreeSet<&str> = presets().iter().map(|p| p.kind.as_str()).collect();
        for day in all() {
            let first = (day.story)().at(0.0);
            let said: BTreeSet<&str> = first.iter().flat_map(|s| s.values.iter().map(|v| v.0)).collect();
            let wanted: BTreeSet<&str> =
                presets().iter().filter(|p| p.kind == day.kind).map(|p| p.point.as_str()).collect();
            assert_eq!(said, wanted, "{}", day.id);
            kinds.remove(day.kind);
        }
        assert!(kinds.is_empty(), "{kinds:?}");
    }
}
