//! Time between the steps of a detector, and what is timed with it. Elapsed times only, never instants: after a
//! restart the monotonic clock may begin anywhere.
//!
//! A value holds from its step to the next one. An unknown value stops the time; what had elapsed stays. Time in
//! which nobody looked, before the first step after a restart, does not count: no clock can be trusted to say how
//! long that was.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Measures from step to step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Steps {
    #[serde(skip)]
    last: Option<Duration>,
}

impl Steps {
    /// Since the step before; nothing at the first one, and nothing if the clock stands or goes back. A clock that
    /// went back is followed from there: waiting until it has caught up would make a detector blind for as long.
    pub(super) fn passed(&mut self, mono: Duration) -> Duration {
        self.last.replace(mono).map_or(Duration::ZERO, |last| mono.saturating_sub(last))
    }
}

/// How long a condition has held without a break.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    lasted: Duration,
    runs: bool,
}

impl Held {
    /// `holds`: it does, it does not (begins again from zero), nobody knows (stands still).
    pub(super) fn step(&mut self, holds: Option<bool>, passed: Duration) -> Duration {
        if self.runs {
            self.lasted = self.lasted.saturating_add(passed);
        }
        self.runs = holds == Some(true);
        if holds == Some(false) {
            self.lasted = Duration::ZERO;
        }
        self.lasted
    }
}

/// How long a condition has held in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Total {
    sum: Duration,
    runs: bool,
}

impl Total {
    pub(super) fn step(&mut self, holds: Option<bool>, passed: Duration) -> Duration {
        if self.runs {
            self.sum = self.sum.saturating_add(passed);
        }
        self.runs = holds == Some(true);
        self.sum
    }
}

/// A sign that rises when its condition has held for a time, and falls when it is clear of it. Between the two
/// (deadband), and while nobody knows, it stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sign {
    held: Held,
    up: bool,
}

impl Sign {
    pub(super) fn step(
        &mut self,
        holds: Option<bool>,
        clear: Option<bool>,
        after: Duration,
        passed: Duration,
    ) -> bool {
        let lasted = self.held.step(holds, passed);
        if holds == Some(true) && lasted >= after {
            self.up = true;
        } else if clear == Some(true) {
            self.up = false;
        }
        self.up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_clock_that_stands_or_goes_back_adds_nothing_and_is_followed_from_there() {
        let mut steps = Steps::default();
        assert_eq!([100, 100, 103, 2, 4].map(|t| steps.passed(S(t))), [0, 0, 3, 0, 2].map(S));
    }

    #[test]
    fn a_condition_is_timed_over_known_time_only() {
        let mut held = Held::default();
        let steps = [Some(true), Some(true), None, None, Some(true), Some(true), Some(false), Some(true)];
        assert_eq!(steps.map(|h| held.step(h, S(5))), [0, 5, 10, 10, 10, 15, 0, 0].map(S));
        let mut total = Total::default();
        assert_eq!(steps.map(|h| total.step(h, S(5))), [0, 5, 10, 10, 10, 15, 20, 20].map(S));
    }

    #[test]
    fn a_sign_rises_after_its_time_and_falls_when_clear() {
        let mut sign = Sign::default();
        let mut step = |holds, clear| sign.step(holds, clear, S(10), S(5));
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(
            [step(yes, no), step(yes, no), step(None, None), step(yes, no)],
            [false, false, false, true]
        );
        assert!(step(None, None), "unknown does not clear");
        assert!(step(no, no), "nor does the deadband");
        assert!(!step(no, yes));
    }
}
