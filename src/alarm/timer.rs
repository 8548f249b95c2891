//! A delay that runs, or stands still while the value is unknown. Monotonic microseconds.

use std::time::Duration;

/// Stands still.
const STILL: u64 = u64::MAX;

/// How long something has lasted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timer {
    elapsed_us: u64,
    since_us: u64,
}

impl Timer {
    /// Begins now.
    pub(super) fn running(now_us: u64) -> Self {
        Self { elapsed_us: 0, since_us: now_us }
    }

    /// Has lasted so long, and stands.
    pub(super) fn still(elapsed: Duration) -> Self {
        Self { elapsed_us: us(elapsed), since_us: STILL }
    }

    pub(super) fn runs(self) -> bool {
        self.since_us != STILL
    }

    pub(super) fn elapsed_us(self, now_us: u64) -> u64 {
        let lasted = if self.runs() { now_us.saturating_sub(self.since_us) } else { 0 };
        self.elapsed_us.saturating_add(lasted)
    }

    pub(super) fn freeze(&mut self, now_us: u64) {
        self.elapsed_us = self.elapsed_us(now_us);
        self.since_us = STILL;
    }

    pub(super) fn resume(&mut self, now_us: u64) {
        if !self.runs() {
            self.since_us = now_us;
        }
    }

    /// When it will have lasted for `delay_us`, if it goes on running.
    pub(super) fn ends_us(self, delay_us: u64) -> Option<u64> {
        self.runs().then(|| self.since_us.saturating_add(delay_us.saturating_sub(self.elapsed_us)))
    }
}

/// Whole microseconds; what does not fit lasts for ever.
pub(super) fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
