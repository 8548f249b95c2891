//! Run hours and starts (运行小时、启动次数) of a burner, a pump, a fan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Detector;
use super::steps::{Held, Steps, Total};

/// What the machine had behind it when the gateway came.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RuntimeSettings {
    /// Run time by the old counter.
    pub run_before: Duration,
    /// Starts by the old counter.
    pub starts_before: u64,
}

/// How much it ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuntimeOutput {
    /// In all.
    pub run: Duration,
    /// Since its last start; zero while it stands.
    pub this_run: Duration,
    /// In all. A start is a step from standing to running, whatever lies unknown between; running when first seen is
    /// none.
    pub starts: u64,
}

impl RuntimeOutput {
    /// Run time in hours.
    #[must_use]
    pub fn run_h(&self) -> f64 {
        self.run.as_secs_f64() / 3600.0
    }
}

/// What is remembered of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RuntimeState {
    steps: Steps,
    run: Total,
    this_run: Held,
    starts: u64,
    ran: Option<bool>,
}

/// Counts what one machine runs.
#[derive(Debug, Clone, Copy)]
pub struct Runtime {
    settings: RuntimeSettings,
    state: RuntimeState,
}

impl Detector for Runtime {
    type Settings = RuntimeSettings;
    type State = RuntimeState;
    /// It runs.
    type Input = Option<bool>;
    type Output = RuntimeOutput;

    fn restored(settings: RuntimeSettings, state: RuntimeState, _away: Option<Duration>) -> Self {
        Self { settings, state }
    }

    fn state(&self) -> &RuntimeState {
        &self.state
    }

    fn step(&mut self, runs: Option<bool>, mono: Duration) -> RuntimeOutput {
        let state = &mut self.state;
        let passed = state.steps.passed(mono);
        if runs == Some(true) && state.ran == Some(false) {
            state.starts = state.starts.saturating_add(1);
        }
        state.ran = runs.or(state.ran);
        RuntimeOutput {
            run: state.run.step(runs, passed).saturating_add(self.settings.run_before),
            this_run: state.this_run.step(runs, passed),
            starts: state.starts.saturating_add(self.settings.starts_before),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::boiler::tests::laws;

    fn run(steps: &[(u64, Option<bool>)]) -> (u64, u64, u64) {
        let mut runtime = Runtime::new(RuntimeSettings::default());
        let mut last = None;
        for (second, runs) in steps {
            last = Some(runtime.step(*runs, Duration::from_secs(*second)));
        }
        let last = last.expect("at least one step");
        (last.run.as_secs(), last.this_run.as_secs(), last.starts)
    }

    const ON: Option<bool> = Some(true);
    const OFF: Option<bool> = Some(false);

    #[test]
    fn hours_and_starts_are_counted() {
        assert_eq!(run(&[(0, OFF), (10, ON), (70, OFF), (100, ON), (130, ON)]), (90, 30, 2));
    }

    #[test]
    fn running_when_first_seen_is_no_start() {
        assert_eq!(run(&[(0, ON), (60, ON)]), (60, 60, 0));
    }

    #[test]
    fn unknown_time_is_not_run_and_hides_at_most_a_start() {
        assert_eq!(run(&[(0, ON), (60, None), (3600, ON), (3660, ON)]), (120, 120, 0));
        assert_eq!(run(&[(0, OFF), (60, None), (3600, ON)]), (0, 0, 1));
    }

    #[test]
    fn an_old_counter_is_carried_on() {
        let before = RuntimeSettings { run_before: Duration::from_secs(7200), starts_before: 40 };
        let mut runtime = Runtime::new(before);
        runtime.step(OFF, Duration::ZERO);
        let out = runtime.step(ON, Duration::from_secs(1));
        assert_eq!((out.run_h(), out.starts), (2.0, 41));
    }

    proptest! {
        #[test]
        fn a_restart_is_as_if_time_had_stood_still(story in laws::story(any::<Option<bool>>())) {
            laws::restart_is_invisible::<Runtime>(RuntimeSettings::default, story.clone())?;
            laws::unknown_changes_nothing::<Runtime, _>(RuntimeSettings::default, story, |o| o.starts)?;
        }
    }
}
