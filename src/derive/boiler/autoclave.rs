//! Batches of an autoclave (蒸压釜): one cycle for each excursion from below 0.02 MPa to above half of the working pressure
//! and back, with the figures of the batch.
//!
//! An unknown pressure neither begins nor ends a batch. If the vessel is under pressure when first seen, the batch
//! counts all the same, marked as not seen from its start: fatigue is not to be underrated.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::steps::{Steps, Total};
use super::{Detector, known};

/// Of one autoclave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoclaveSettings {
    /// Working pressure, MPa.
    pub working_mpa: f64,
    /// Below this there is no pressure to speak of, MPa.
    pub empty_below_mpa: f64,
    /// A batch counts once it was above this share of the working pressure, 0…1.
    pub counts_above: f64,
    /// From this share on the batch is at hold, 0…1. Default of the project.
    pub hold_from: f64,
}

impl Default for AutoclaveSettings {
    /// 2.85 x 38 m, 1.6 MPa design, 1.30 MPa working pressure.
    fn default() -> Self {
        Self { working_mpa: 1.30, empty_below_mpa: 0.02, counts_above: 0.5, hold_from: 0.9 }
    }
}

/// Readings of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AutoclaveInput {
    /// In the vessel, MPa.
    pub pressure_mpa: Option<f64>,
    /// Its slope, MPa/min.
    pub rate_mpa_per_min: Option<f64>,
    /// Shell, top less bottom, K.
    pub shell_difference_k: Option<f64>,
    /// A door is open or unlocked.
    pub door_open: Option<bool>,
}

/// A batch, under way or finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The vessel was seen without pressure before.
    pub from_start: bool,
    /// It went above half of the working pressure: it is a cycle.
    pub counts: bool,
    /// Highest pressure, MPa.
    pub highest_mpa: f64,
    /// Fastest rise, MPa/min, if one was known.
    pub fastest_rise_mpa_per_min: Option<f64>,
    /// Fastest fall, MPa/min, as a positive number.
    pub fastest_fall_mpa_per_min: Option<f64>,
    /// Greatest difference between shell top and bottom, K, either way.
    pub shell_difference_k: Option<f64>,
    /// From pressure to no pressure; unknown time does not count.
    pub lasted: Duration,
    /// At hold.
    pub held: Duration,
    /// Door openings since the batch before ended.
    pub door_openings: u32,
    /// Of those, with pressure in the vessel. Each is a matter for the door alarm, which does not wait for this.
    pub openings_under_pressure: u32,
}

/// What a step says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoclaveOutput {
    /// Cycles in all.
    pub cycles: u64,
    /// A batch is under way.
    pub under_way: bool,
    /// The batch that ended with this step, if it was a cycle.
    pub finished: Option<Batch>,
}

/// What is remembered of an autoclave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct AutoclaveState {
    steps: Steps,
    cycles: u64,
    seen_empty: bool,
    batch: Option<Batch>,
    lasted: Total,
    held: Total,
    door_open: Option<bool>,
    door_openings: u32,
}

/// Counts the batches of one autoclave.
#[derive(Debug, Clone, Copy)]
pub struct Autoclave {
    settings: AutoclaveSettings,
    state: AutoclaveState,
}

impl Autoclave {
    /// The batch under way.
    #[must_use]
    pub fn batch(&self) -> Option<&Batch> {
        self.state.batch.as_ref()
    }
}

impl Detector for Autoclave {
    type Settings = AutoclaveSettings;
    type State = AutoclaveState;
    type Input = AutoclaveInput;
    type Output = AutoclaveOutput;

    fn restored(settings: AutoclaveSettings, state: AutoclaveState, _away: Option<Duration>) -> Self {
        Self { settings, state }
    }

    fn state(&self) -> &AutoclaveState {
        &self.state
    }

    fn step(&mut self, input: AutoclaveInput, mono: Duration) -> AutoclaveOutput {
        let (settings, state) = (&self.settings, &mut self.state);
        let passed = state.steps.passed(mono);
        let pressure = known(input.pressure_mpa);
        let empty = pressure.map(|p| p < settings.empty_below_mpa);
        if empty == Some(false) && state.batch.is_none() {
            state.batch = Some(Batch {
                from_start: state.seen_empty,
                door_openings: state.door_openings,
                ..Batch::default()
            });
            (state.lasted, state.held) = (Total::default(), Total::default());
        }
        let opens = input.door_open == Some(true) && state.door_open == Some(false);
        state.door_open = input.door_open.or(state.door_open);
        state.door_openings = state.door_openings.saturating_add(opens.into());
        if let Some(batch) = &mut state.batch {
            batch.lasted = state.lasted.step(empty.map(|e| !e), passed);
            let hold = pressure.map(|p| p >= settings.hold_from * settings.working_mpa);
            batch.held = state.held.step(hold, passed);
            if let Some(p) = pressure {
                batch.highest_mpa = batch.highest_mpa.max(p);
                batch.counts |= p > settings.counts_above * settings.working_mpa;
            }
            let rate = known(input.rate_mpa_per_min);
            raise(&mut batch.fastest_rise_mpa_per_min, rate.filter(|r| *r > 0.0));
            raise(&mut batch.fastest_fall_mpa_per_min, rate.filter(|r| *r < 0.0).map(|r| -r));
            raise(&mut batch.shell_difference_k, known(input.shell_difference_k).map(f64::abs));
            batch.door_openings = state.door_openings;
            if opens && empty == Some(false) {
                batch.openings_under_pressure = batch.openings_under_pressure.saturating_add(1);
            }
        }
        let mut finished = None;
        if empty == Some(true) {
            state.seen_empty = true;
            finished = state.batch.take().filter(|b| b.counts);
            if finished.is_some() {
                state.cycles = state.cycles.saturating_add(1);
                state.door_openings = 0;
            }
        }
        AutoclaveOutput { cycles: state.cycles, under_way: state.batch.is_some(), finished }
    }
}

/// Keeps the greater one.
fn raise(most: &mut Option<f64>, value: Option<f64>) {
    if let Some(value) = value {
        *most = Some(most.map_or(value, |m| m.max(value)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::boiler::tests::laws;

    struct Bench {
        autoclave: Autoclave,
        minute: u64,
        finished: Vec<Batch>,
    }

    impl Bench {
        fn new() -> Self {
            let autoclave = Autoclave::new(AutoclaveSettings::default());
            Self { autoclave, minute: 0, finished: Vec::new() }
        }

        fn minute(&mut self, input: AutoclaveInput) -> AutoclaveOutput {
            let out = self.autoclave.step(input, Duration::from_secs(60 * self.minute));
            self.minute += 1;
            self.finished.extend(out.finished);
            out
        }

        /// Goes evenly to a pressure.
        fn to(&mut self, from: f64, to: f64, minutes: u64) {
            let rate = (to - from) / minutes as f64;
            for n in 1..=minutes {
                self.minute(AutoclaveInput {
                    pressure_mpa: Some(from + rate * n as f64),
                    rate_mpa_per_min: Some(rate),
                    shell_difference_k: Some(-25.0),
                    door_open: Some(false),
                });
            }
        }
    }

    #[test]
    fn a_batch_with_vacuum_is_one_cycle_with_its_figures() {
        let mut bench = Bench::new();
        bench.to(0.0, -0.06, 20);
        bench.to(-0.06, 1.3, 120);
        bench.to(1.3, 1.3, 360);
        bench.to(1.3, 0.0, 120);
        assert_eq!(bench.finished.len(), 1);
        let batch = bench.finished[0];
        assert!(batch.counts && batch.from_start);
        assert!((batch.highest_mpa - 1.3).abs() < 1e-9);
        assert!(batch.fastest_rise_mpa_per_min.is_some_and(|r| (r - 1.36 / 120.0).abs() < 1e-9));
        assert!(batch.fastest_fall_mpa_per_min.is_some_and(|r| (r - 1.3 / 120.0).abs() < 1e-9));
        assert_eq!(batch.shell_difference_k, Some(25.0));
        // Above 1.17 MPa: six hours, and the last and first bits of the ramps.
        assert!((batch.held.as_secs() / 60).abs_diff(360 + 11 + 12) <= 2, "{:?}", batch.held);
        assert!((batch.lasted.as_secs() / 60).abs_diff(360 + 113 + 118) <= 2, "{:?}", batch.lasted);
        assert_eq!(batch.door_openings, 0);
    }

    #[test]
    fn an_excursion_that_stays_below_half_of_the_working_pressure_is_no_cycle() {
        let mut bench = Bench::new();
        bench.to(0.0, 0.65, 60);
        bench.to(0.65, 0.0, 60);
        assert!(bench.finished.is_empty());
        bench.to(0.0, 0.66, 60);
        bench.to(0.66, 0.1, 60);
        bench.to(0.1, 0.7, 60);
        bench.to(0.7, 0.0, 60);
        assert_eq!(bench.finished.len(), 1, "not back below 0.02 between: one cycle");
    }

    #[test]
    fn a_vessel_under_pressure_when_first_seen_counts_but_not_from_its_start() {
        let mut bench = Bench::new();
        bench.to(1.0, 0.0, 60);
        assert_eq!(bench.finished.len(), 1);
        assert!(!bench.finished[0].from_start);
    }

    #[test]
    fn an_unknown_pressure_neither_begins_nor_ends_a_batch() {
        let mut bench = Bench::new();
        bench.to(0.0, 1.3, 60);
        for lost in [None, Some(f64::NAN)] {
            let out = bench.minute(AutoclaveInput { pressure_mpa: lost, ..Default::default() });
            assert!(out.under_way);
        }
        bench.to(1.3, 0.0, 60);
        assert_eq!(bench.finished.len(), 1);
        let out = bench.minute(AutoclaveInput::default());
        assert!(!out.under_way && out.cycles == 1);
    }

    #[test]
    fn door_openings_go_to_the_batch_and_those_under_pressure_are_told_apart() {
        let mut bench = Bench::new();
        let door =
            |p, open| AutoclaveInput { pressure_mpa: Some(p), door_open: Some(open), ..Default::default() };
        for open in [false, true, false] {
            bench.minute(door(0.0, open));
        }
        bench.to(0.0, 1.3, 60);
        bench.to(1.3, 0.03, 60);
        bench.minute(door(0.03, true));
        bench.minute(door(0.0, true));
        let batch = bench.finished[0];
        assert_eq!((batch.door_openings, batch.openings_under_pressure), (2, 1));
        bench.to(0.0, 1.3, 60);
        bench.minute(AutoclaveInput { door_open: Some(true), ..Default::default() });
        bench.to(1.3, 0.0, 60);
        let batch = bench.finished[1];
        assert_eq!(batch.door_openings, 1, "each belongs to one batch");
        assert_eq!(batch.openings_under_pressure, 0, "nobody knows the pressure it was opened under");
    }

    proptest! {
        #[test]
        fn a_restart_is_as_if_time_had_stood_still(
            story in laws::story((laws::reading(-0.1..1.5), laws::reading(-0.03..0.03), laws::reading(-60.0..60.0), any::<Option<bool>>()))
        ) {
            let story = story.map(|(pressure_mpa, rate_mpa_per_min, shell_difference_k, door_open)| {
                AutoclaveInput { pressure_mpa, rate_mpa_per_min, shell_difference_k, door_open }
            });
            laws::restart_is_invisible::<Autoclave>(AutoclaveSettings::default, story.clone())?;
            laws::unknown_changes_nothing::<Autoclave, _>(AutoclaveSettings::default, story, |o| (o.cycles, o.under_way))?;
        }
    }
}
