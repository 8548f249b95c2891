//! The least and the greatest value of the last seconds, in a fixed number of drawers: no sample is kept, so it does
//! not matter how often samples come.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const DRAWERS: usize = 12;

/// Extremes over a span, to a twelfth of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Recent {
    drawers: [Option<(f64, f64)>; DRAWERS],
    newest: usize,
    /// Time spent in the newest drawer.
    spent: Duration,
}

impl Recent {
    /// Time goes on; what is older than `span` is forgotten; a known value is added. An unknown one leaves nothing.
    pub(super) fn step(&mut self, value: Option<f64>, span: Duration, passed: Duration) {
        self.age(span, passed);
        // Always within bounds, unless a damaged state was read.
        self.newest %= DRAWERS;
        if let Some(value) = value {
            let drawer = &mut self.drawers[self.newest];
            *drawer = Some(drawer.map_or((value, value), |(lo, hi)| (lo.min(value), hi.max(value))));
        }
    }

    /// After a restart: `away` if somebody knows how long that took. Otherwise nothing before it is recent.
    pub(super) fn resume(&mut self, span: Duration, away: Option<Duration>) {
        match away {
            Some(away) => self.age(span, away),
            None => *self = Self::default(),
        }
    }

    /// The least, if any was known.
    pub(super) fn least(&self) -> Option<f64> {
        self.drawers.iter().flatten().map(|d| d.0).reduce(f64::min)
    }

    /// The greatest, if any was known.
    pub(super) fn greatest(&self) -> Option<f64> {
        self.drawers.iter().flatten().map(|d| d.1).reduce(f64::max)
    }

    fn age(&mut self, span: Duration, passed: Duration) {
        let width = span / DRAWERS as u32;
        self.spent = self.spent.saturating_add(passed);
        if width.is_zero() || self.spent >= span {
            *self = Self::default();
            return;
        }
        while self.spent >= width {
            self.spent -= width;
            self.newest = (self.newest + 1) % DRAWERS;
            self.drawers[self.newest] = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_older_than_the_span_is_forgotten() {
        let mut recent = Recent::default();
        let second = Duration::from_secs(1);
        recent.step(Some(90.0), MINUTE, second);
        for _ in 0..54 {
            recent.step(Some(50.0), MINUTE, second);
        }
        assert_eq!((recent.least(), recent.greatest()), (Some(50.0), Some(90.0)));
        for _ in 0..6 {
            recent.step(None, MINUTE, second);
        }
        assert_eq!(recent.greatest(), Some(50.0));
        recent.step(None, MINUTE, MINUTE);
        assert_eq!(recent.greatest(), None);
    }

    #[test]
    fn an_absence_of_unknown_length_leaves_nothing_recent() {
        let mut recent = Recent::default();
        recent.step(Some(1.0), MINUTE, Duration::ZERO);
        let mut told = recent.clone();
        told.resume(MINUTE, Some(Duration::from_secs(20)));
        assert_eq!(told.least(), Some(1.0));
        recent.resume(MINUTE, None);
        assert_eq!(recent.least(), None);
    }
}
