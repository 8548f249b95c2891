//! Whether a trip did what it is there for: low-water cut-off (极低水位联锁) and its like.
//!
//! The gateway trips nothing; it checks. When the reason for a trip is there (level at LL), what it acts on (burner
//! stopped) must be seen in time. If the burner is *seen running* when the time is over, the trip has failed: critical,
//! and by GB 45067-2024 clause 5.2.6 a major hazard to propose to a person.
//!
//! ```text
//!           demand, running                seen stopped in time
//! idle ───────────────────────▶ waiting ──────────────────────▶ acted
//!  │ demand, stopped already       │  └─ time over, seen running ─▶ failed ─ stopped later ─▶ failed (stays)
//!  └──▶ safe ── runs again ──▶ waiting
//!                                  └─ demand gone, or seen stopped first after the time: unproven
//! any ── demand gone ──▶ idle
//! ```
//!
//! The time stands still while demand or burner is unknown: no trip is accused on what nobody saw.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Detector;
use super::steps::{Held, Steps};

/// How long a trip may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TripSettings {
    /// From the reason to the effect as the gateway sees both. The trip itself takes up to 5 s; polling takes its part.
    pub within: Duration,
}

impl Default for TripSettings {
    /// Low-water cut-off: 10 s.
    fn default() -> Self {
        Self { within: Duration::from_secs(10) }
    }
}

/// The reason for the trip and its effect.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TripInput {
    /// There is a reason to trip: an electrode, or the level at or below LL.
    pub demand: Option<bool>,
    /// What it must end goes on: the burner runs.
    pub running: Option<bool>,
}

/// How the trip stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trip {
    /// No demand.
    #[default]
    Idle,
    /// Demand, with nothing running: no proof of anything.
    Safe,
    /// It must act.
    Waiting,
    /// It did, after so long.
    Acted(Duration),
    /// Seen stopped after the time, but not seen running after it: nobody can tell.
    Unproven,
    /// Seen running after the time. Stays so until the demand is gone.
    Failed,
}

/// How the trip stands, and how it did before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TripOutput {
    /// Now.
    pub trip: Trip,
    /// It came to this with this step.
    pub changed: bool,
    /// Demands after which it acted in time.
    pub acted: u64,
    /// Demands that ended, or were met, without proof.
    pub unproven: u64,
    /// Demands after which it failed.
    pub failed: u64,
}

/// What is remembered of a trip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TripState {
    steps: Steps,
    trip: Trip,
    waited: Held,
    acted: u64,
    unproven: u64,
    failed: u64,
}

/// Checks one trip.
#[derive(Debug, Clone, Copy)]
pub struct TripCheck {
    settings: TripSettings,
    state: TripState,
}

impl Detector for TripCheck {
    type Settings = TripSettings;
    type State = TripState;
    type Input = TripInput;
    type Output = TripOutput;

    fn restored(settings: TripSettings, state: TripState, _away: Option<Duration>) -> Self {
        Self { settings, state }
    }

    fn state(&self) -> &TripState {
        &self.state
    }

    fn step(&mut self, input: TripInput, mono: Duration) -> TripOutput {
        let state = &mut self.state;
        let passed = state.steps.passed(mono);
        let known = input.demand.zip(input.running);
        // Runs from the first step that sees demand and burner together, to the step that sees the end of either.
        let begins = state.trip != Trip::Waiting && known == Some((true, true));
        if begins {
            state.waited = Held::default();
        }
        let waits = match input.demand {
            Some(false) => Some(false),
            _ => known.is_some().then_some(true),
        };
        let waited = state.waited.step(waits, passed);
        let over = waited >= self.settings.within;
        let next =
            match (state.trip, input.demand, input.running) {
                (_, Some(false), _) => Trip::Idle,
                (Trip::Idle, Some(true), Some(false)) => Trip::Safe,
                (Trip::Idle | Trip::Safe | Trip::Acted(_) | Trip::Unproven, Some(true), Some(true)) => {
                    if over { Trip::Failed } else { Trip::Waiting }
                }
                (Trip::Waiting, Some(true), Some(false)) if waited <= self.settings.within => {
                    Trip::Acted(waited)
                }
                (Trip::Waiting, Some(true), Some(false)) => Trip::Unproven,
                (Trip::Waiting, Some(true), Some(true)) if over => Trip::Failed,
                (same, _, _) => same,
            };
        let changed = next != state.trip;
        if changed {
            match (state.trip, next) {
                (_, Trip::Acted(_)) => state.acted = state.acted.saturating_add(1),
                (_, Trip::Failed) => state.failed = state.failed.saturating_add(1),
                (_, Trip::Unproven) | (Trip::Waiting, Trip::Idle) => {
                    state.unproven = state.unproven.saturating_add(1);
                }
                _ => {}
            }
        }
        state.trip = next;
        let TripState { trip, acted, unproven, failed, .. } = *state;
        TripOutput { trip, changed, acted, unproven, failed }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::boiler::tests::laws;

    const YES: Option<bool> = Some(true);
    const NO: Option<bool> = Some(false);

    /// Steps of (second, demand, running); how the trip stood after each.
    fn run(steps: &[(u64, Option<bool>, Option<bool>)]) -> (Vec<Trip>, TripOutput) {
        let mut check = TripCheck::new(TripSettings::default());
        let outs: Vec<_> = steps
            .iter()
            .map(|&(second, demand, running)| {
                check.step(TripInput { demand, running }, Duration::from_secs(second))
            })
            .collect();
        (outs.iter().map(|o| o.trip).collect(), *outs.last().expect("at least one step"))
    }

    #[test]
    fn a_burner_that_stops_within_ten_seconds_is_a_trip_that_acted() {
        let (trips, last) =
            run(&[(0, NO, YES), (1, YES, YES), (5, YES, YES), (6, YES, NO), (60, YES, NO), (90, NO, NO)]);
        let acted = Trip::Acted(Duration::from_secs(5));
        assert_eq!(trips, [Trip::Idle, Trip::Waiting, Trip::Waiting, acted, acted, Trip::Idle]);
        assert_eq!((last.acted, last.unproven, last.failed), (1, 0, 0));
        let (trips, _) = run(&[(0, YES, YES), (10, YES, NO)]);
        assert_eq!(trips[1], Trip::Acted(Duration::from_secs(10)), "at ten seconds is in time");
    }

    #[test]
    fn a_burner_seen_running_after_ten_seconds_is_a_trip_that_failed_even_if_it_stops_later() {
        let (trips, last) = run(&[(0, YES, YES), (9, YES, YES), (10, YES, YES), (30, YES, NO), (31, NO, NO)]);
        assert_eq!(trips, [Trip::Waiting, Trip::Waiting, Trip::Failed, Trip::Failed, Trip::Idle]);
        assert_eq!((last.acted, last.failed), (0, 1));
    }

    #[test]
    fn a_burner_that_stood_already_proves_nothing_until_it_is_lit_again() {
        let (trips, _) = run(&[(0, YES, NO), (60, YES, NO), (61, YES, YES), (70, YES, YES), (71, YES, YES)]);
        assert_eq!(trips, [Trip::Safe, Trip::Safe, Trip::Waiting, Trip::Waiting, Trip::Failed]);
    }

    #[test]
    fn a_burner_lit_again_under_a_standing_demand_has_its_own_ten_seconds() {
        let (trips, last) =
            run(&[(0, YES, YES), (3, YES, NO), (60, YES, YES), (69, YES, YES), (70, YES, YES)]);
        assert_eq!(trips[2..], [Trip::Waiting, Trip::Waiting, Trip::Failed]);
        assert_eq!((last.acted, last.failed), (1, 1));
    }

    #[test]
    fn unknown_time_accuses_nobody_and_clears_nobody() {
        let (trips, _) =
            run(&[(0, YES, YES), (4, YES, None), (600, YES, YES), (605, YES, YES), (606, YES, YES)]);
        assert_eq!(trips, [Trip::Waiting, Trip::Waiting, Trip::Waiting, Trip::Waiting, Trip::Failed]);
        let (trips, _) = run(&[(0, YES, YES), (12, YES, None), (13, YES, NO)]);
        assert_eq!(trips[1..], [Trip::Waiting, Trip::Unproven]);
        let (trips, _) = run(&[(0, YES, YES), (10, YES, YES), (11, None, None), (600, None, NO)]);
        assert_eq!(trips[1..], [Trip::Failed; 3]);
    }

    #[test]
    fn what_nobody_saw_in_time_is_unproven() {
        let (trips, last) = run(&[(0, YES, YES), (30, YES, NO)]);
        assert_eq!((trips[1], last.unproven), (Trip::Unproven, 1));
        let (trips, last) = run(&[(0, YES, YES), (4, NO, YES)]);
        assert_eq!((trips[1], last.unproven), (Trip::Idle, 1), "the level came back before the trip was due");
    }

    #[test]
    fn a_wait_goes_on_over_a_restart_with_what_had_elapsed() {
        let input = TripInput { demand: YES, running: YES };
        let mut check = TripCheck::new(TripSettings::default());
        check.step(input, Duration::from_secs(1000));
        check.step(input, Duration::from_secs(1006));
        let mut again = TripCheck::restored(TripSettings::default(), *check.state(), None);
        assert_eq!(again.step(input, Duration::from_secs(3)).trip, Trip::Waiting);
        assert_eq!(again.step(input, Duration::from_secs(6)).trip, Trip::Waiting);
        assert_eq!(again.step(input, Duration::from_secs(7)).trip, Trip::Failed);
    }

    proptest! {
        #[test]
        fn a_restart_is_as_if_time_had_stood_still(story in laws::story(any::<(Option<bool>, Option<bool>)>())) {
            let story = story.map(|(demand, running)| TripInput { demand, running });
            laws::restart_is_invisible::<TripCheck>(TripSettings::default, story.clone())?;
            laws::unknown_changes_nothing::<TripCheck, _>(TripSettings::default, story, |o| o.trip)?;
        }
    }
}
