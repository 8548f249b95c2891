//! `steamward demo --scenario C1`: a story played to the engine on a simulated clock, what came of it, and whether that
//! is what must come of it. The same engine, settings and hazard register as in the gateway; no socket, no store.

use std::time::Duration;

use uuid::Uuid;

use crate::alarm::{Engine, Event, Transition};
use crate::exit;
use crate::hazard::{ChangeKind, Draft, Register};
use crate::plant::{Batch, HazardLevel, Micros, Now, Plant, PointIx, Quality, Reading, SampleHead};
use crate::settings::load_texts;
use crate::simulate::scenario::{Expected, LEAD_S, Said, Scenario, all, scenario};

/// The event is at 2026-12-02T00:00:00+08:00; this is before it by the lead.
const BEGIN: Micros = Micros(1_796_140_680_000_000);
/// What was measured longer ago than this is history.
const LIVE: Duration = Duration::from_secs(60);

const SETTINGS: &str = r#"
[site]
id = "scenario"
[alarms]
repeat = { critical = false, high = false, medium = false, low = false }
[[source.modbus]]
id = "plc"
address = "tcp://192.0.2.10:502"
period = "1s"
[[equipment]]
id = "unit"
name = "设备"
profile = "unit"
source = "plc"
unit = 1
"#;

/// One line of what happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Seconds from the event.
    t: f64,
    /// Rule without its equipment, or the hazard's rule.
    rule: String,
    what: What,
}

impl Line {
    /// Rule and hour, if somebody is called or a hazard opens.
    pub(super) fn trouble(&self) -> Option<String> {
        let hour = self.t / 3600.0;
        match self.what {
            What::Calls(Some(value)) => Some(format!("{} calls at {value:.4}, {hour:.2} h", self.rule)),
            What::Calls(None) => Some(format!("{} calls, {hour:.2} h", self.rule)),
            What::Hazard(_) => Some(format!("{} is a hazard, {hour:.2} h", self.rule)),
            What::Hidden | What::Clears | What::Escalated => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Calls(Option<f64>),
    Hidden,
    Clears,
    Hazard(HazardLevel),
    Escalated,
}

/// What came of a scenario.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) lines: Vec<Line>,
    /// What was expected and did not come.
    pub(super) unmet: Vec<String>,
}

/// The engine on a simulated clock.
pub(super) struct Stage {
    pub(super) plant: Plant,
    engine: Engine,
    register: Register,
    made: Batch,
    out: Vec<Transition>,
    pub(super) lines: Vec<Line>,
    hazards: u128,
}

impl Stage {
    /// `equipment` are keys of the one piece of equipment, `profile` that of its one device.
    pub(super) fn new(equipment: &str, profile: &str) -> Result<Self, String> {
        let settings = format!("{SETTINGS}{equipment}");
        let loaded = load_texts(&[("scenario.toml", &settings)], &[("unit.toml", profile)], &[]);
        let plant = loaded.map_err(|faults| faults.to_string())?.settings.plant;
        let engine = Engine::new(&plant, Self::now(-LEAD_S));
        let register = Register::restore(Vec::new());
        Ok(Self {
            plant,
            engine,
            register,
            made: Batch::default(),
            out: Vec::new(),
            lines: Vec::new(),
            hazards: 0,
        })
    }

    fn now(t: f64) -> Now {
        let mono = Duration::from_secs_f64(t + LEAD_S);
        Now { mono, wall: BEGIN.plus(mono) }
    }

    fn point(&self, id: &str) -> Option<PointIx> {
        self.plant.points_ix().find(|(_, p)| p.id.as_str() == id).map(|(ix, _)| ix)
    }

    /// Readings arrive at `t` seconds from the event.
    pub(super) fn step(&mut self, t: f64, said: &[Said]) {
        let now = Self::now(t);
        for said in said {
            let mut readings: Vec<Reading> = Vec::new();
            for (id, value) in &said.values {
                let Some(point) = self.point(id) else { continue };
                readings.push(Reading { point, value: *value, quality: Quality::Good });
            }
            let Some(first) = readings.first() else { continue };
            let head = SampleHead {
                device: self.plant.point(first.point).device,
                at: now.wall.minus(said.late),
                live: said.late < LIVE,
                len: readings.len() as u32,
            };
            self.engine.sample(head, &mut readings, now, &mut self.out);
        }
        self.engine.settle(now, &mut self.out, &mut self.made);
        self.engine.tick(now, &mut self.out);
        self.engine.settle(now, &mut self.out, &mut self.made);
        self.made.clear();
        self.follow(t);
    }

    fn follow(&mut self, t: f64) {
        for transition in std::mem::take(&mut self.out) {
            let rule = &self.engine.rules()[transition.rule.0 as usize];
            let name = rule.key.split_once('/').map_or(&*rule.key, |k| k.1).to_owned();
            let what = match transition.event {
                _ if transition.annunciates() => What::Calls(transition.value),
                Event::Raised => What::Hidden,
                Event::Cleared => What::Clears,
                _ => continue,
            };
            self.lines.push(Line { t, rule: name.clone(), what });
            let numbers = &mut self.hazards;
            let new_id = || {
                *numbers += 1;
                Uuid::from_u128(*numbers)
            };
            let window = (Duration::ZERO, Duration::ZERO);
            let change = Draft::of_alarm(&transition, rule, &self.plant, window)
                .and_then(|draft| self.register.on_alarm(&transition, draft, new_id, ("20261201", || 0)));
            if let Some(change) = change.filter(|c| c.kind == ChangeKind::Opened) {
                self.lines.push(Line { t, rule: name.clone(), what: What::Hazard(change.hazard.level) });
                if change.hazard.escalated {
                    self.lines.push(Line { t, rule: name, what: What::Escalated });
                }
            }
        }
    }
}

/// Plays a scenario from its lead to its end.
///
/// # Errors
/// Its settings are wrong, which is our own fault.
pub(super) fn play(scenario: &Scenario) -> Result<Played, String> {
    let mut stage = Stage::new(scenario.equipment, scenario.profile)?;
    let mut story = (scenario.story)();
    let mut unmet = Vec::new();
    let mut looked = 0;
    let step = scenario.step.as_secs_f64();
    let mut t = -LEAD_S;
    while t <= scenario.lasts.as_secs_f64() {
        let said = story.at(t);
        stage.step(t, &said);
        for expected in scenario.expected {
            let (id, at) = match expected {
                Expected::Reads(id, at, ..) | Expected::Quality(id, at, _) => (id, *at),
                _ => continue,
            };
            if (at - t).abs() < step / 2.0 {
                looked += 1;
                unmet.extend(reading(&stage, id, expected));
            }
        }
        t += step;
    }
    let to_look = |e: &&Expected| matches!(e, Expected::Reads(..) | Expected::Quality(..));
    let due = scenario.expected.iter().filter(to_look).count();
    if looked != due {
        unmet.push(format!("{looked} of {due} readings were looked at: the story ends too soon"));
    }
    unmet.extend(scenario.expected.iter().filter_map(|e| told(&stage.lines, e)));
    Ok(Played { lines: stage.lines, unmet })
}

/// What a point reads now, if it is not what is expected.
fn reading(stage: &Stage, id: &str, expected: &Expected) -> Option<String> {
    let Some(point) = stage.point(id) else { return Some(format!("there is no point {id}")) };
    let current = stage.engine.current(point);
    let met = match expected {
        Expected::Reads(_, _, low, high) => current.value >= *low && current.value <= *high,
        Expected::Quality(_, _, word) => current.quality.word() == *word,
        _ => true,
    };
    (!met).then(|| format!("{expected:?}: it reads {} ({})", current.value, current.quality.word()))
}

/// What was expected of alarms and hazards, if it did not come.
fn told(lines: &[Line], expected: &Expected) -> Option<String> {
    let calls: Vec<&Line> = lines.iter().filter(|l| l.t >= 0.0 && matches!(l.what, What::Calls(_))).collect();
    let times = |rule: &str| calls.iter().filter(|l| l.rule == rule).map(|l| l.t).collect::<Vec<f64>>();
    let first = |rule: &str| times(rule).first().copied();
    let (met, came) = match expected {
        Expected::Calls(rule, from, to) => {
            (first(rule).is_some_and(|t| (*from..=*to).contains(&t)), format!("{:?}", times(rule)))
        }
        Expected::Times(rule, count) => (times(rule).len() == *count, format!("{:?}", times(rule))),
        Expected::Never(rule) => (times(rule).is_empty(), format!("{:?}", times(rule))),
        Expected::Before(one, other) => {
            let (one, other) = (first(one), first(other));
            (one.is_some() && one < other.or(Some(f64::INFINITY)), format!("{one:?}, {other:?}"))
        }
        Expected::Hazards(wanted) => {
            let came: Vec<(&str, bool)> = lines
                .iter()
                .filter_map(|l| match l.what {
                    What::Hazard(level) => Some((l.rule.as_str(), level == HazardLevel::Major)),
                    _ => None,
                })
                .collect();
            (came == *wanted, format!("{came:?}"))
        }
        Expected::Escalates(rule, at) => {
            let escalated = lines.iter().find(|l| l.rule == *rule && l.what == What::Escalated).map(|l| l.t);
            (escalated == Some(*at), format!("{escalated:?}"))
        }
        Expected::Reads(..) | Expected::Quality(..) => return None,
    };
    (!met).then(|| format!("{expected:?}: {came}"))
}

/// Plays `id`, or all of them, and prints what came of it.
pub(super) fn run(id: &str) -> i32 {
    let wanted = if id.eq_ignore_ascii_case("all") { all() } else { scenario(id).into_iter().collect() };
    if wanted.is_empty() {
        let known: Vec<&str> = all().iter().map(|s| s.id).collect();
        complain!("`{id}` is not a scenario; known: {}, or all", known.join(", "));
        return exit::SETTINGS;
    }
    let mut code = exit::FINE;
    for scenario in wanted {
        say!("{}  {} / {}", scenario.id, scenario.zh, scenario.en);
        let played = match play(&scenario) {
            Ok(played) => played,
            Err(problem) => {
                complain!("{problem}");
                return exit::FAILED;
            }
        };
        for line in &played.lines {
            let what = match line.what {
                What::Calls(Some(value)) => format!("calls at {value:.3}"),
                What::Calls(None) => "calls".to_owned(),
                What::Hidden => "holds, suppressed".to_owned(),
                What::Clears => "clears".to_owned(),
                What::Escalated => "to the safety director".to_owned(),
                What::Hazard(HazardLevel::Major) => "HAZARD, proposed as major".to_owned(),
                What::Hazard(HazardLevel::General) => "HAZARD".to_owned(),
            };
            let what = crate::tongue::told(&what);
            say!("  t{:+8.0} s  {:<36} {what}", line.t, line.rule);
        }
        for unmet in &played.unmet {
            complain!("  not as expected: {unmet}");
            code = exit::FAILED;
        }
        if played.unmet.is_empty() {
            tell!("  as expected ({} expectations)", scenario.expected.len());
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::{play, scenario};

    fn ends_as_it_must(id: &str) {
        let scenario = scenario(id).expect("there is such a scenario");
        let played = play(&scenario).unwrap_or_else(|e| panic!("{e}"));
        assert!(played.unmet.is_empty(), "{:#?}\n{:#?}", played.unmet, played.lines);
    }

    #[test]
    fn c1_a_lost_feed_raises_flow_and_level_and_the_trip_that_acts_is_not_accused() {
        ends_as_it_must("C1");
    }

    #[test]
    fn c2_a_trip_that_is_wired_out_is_one_hazard_proposed_as_major() {
        ends_as_it_must("C2");
    }

    #[test]
    fn c3_a_load_step_that_swells_the_level_calls_nobody() {
        ends_as_it_must("C3");
    }

    #[test]
    fn c4_a_shut_stop_valve_is_told_by_its_rate_before_any_limit() {
        ends_as_it_must("C4");
    }

    #[test]
    fn c5_a_safety_valve_is_kept_with_the_pressures_of_its_lift_and_reseat() {
        ends_as_it_must("C5");
    }

    #[test]
    fn c6_a_wire_break_is_a_sensor_alarm_and_no_low_water() {
        ends_as_it_must("C6");
    }

    #[test]
    fn c7_a_level_that_stands_still_while_water_is_lost_is_in_doubt() {
        ends_as_it_must("C7");
    }

    #[test]
    fn c8_a_gauge_that_shows_too_much_is_found_by_the_temperature_of_its_steam() {
        ends_as_it_must("C8");
    }

    #[test]
    fn c9_a_batch_is_one_cycle_and_a_door_unlocked_under_pressure_calls_at_once() {
        ends_as_it_must("C9");
    }

    #[test]
    fn c10_what_a_lost_line_delivers_afterwards_is_history_and_calls_nobody_late() {
        ends_as_it_must("C10");
    }

    #[test]
    fn c12_an_inspection_that_is_overdue_in_use_opens_a_hazard_at_midnight_and_goes_to_the_director() {
        ends_as_it_must("C12");
    }

    #[test]
    fn c11_a_chattering_detector_is_one_alarm_and_is_flagged() {
        ends_as_it_must("C11");
    }
}
