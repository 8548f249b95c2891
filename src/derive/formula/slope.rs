//! The least-squares slope of what came within a window: for `rate`, and how sure it is: for `time_to_high`.

use serde::{Deserialize, Serialize};

use super::window::Keep;

/// Sums over the values of a bucket, relative to its first: a value that stands still gives zeros,
/// not the noise of large sums.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Sums {
    count: f64,
    first_ns: u64,
    first: f64,
    t: f64,
    tt: f64,
    v: f64,
    tv: f64,
    vv: f64,
}

impl Keep for Sums {
    fn hold(&mut self, _: f64, _: f64) {}

    fn take(&mut self, value: f64, at_ns: u64) {
        if self.count == 0.0 {
            (self.first_ns, self.first) = (at_ns, value);
        }
        let t = at_ns.saturating_sub(self.first_ns) as f64 / 1e9;
        let v = value - self.first;
        self.count += 1.0;
        self.t += t;
        self.tt += t * t;
        self.v += v;
        self.tv += t * v;
        self.vv += v * v;
    }

    fn add(&mut self, later: &Self, _: f64) {
        if later.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            (self.first_ns, self.first) = (later.first_ns, later.first);
        }
        let ahead = later.first_ns.saturating_sub(self.first_ns) as f64 / 1e9;
        let above = later.first - self.first;
        self.count += later.count;
        self.t += later.t + later.count * ahead;
        self.tt += later.tt + 2.0 * ahead * later.t + later.count * ahead * ahead;
        self.v += later.v + later.count * above;
        self.tv += later.tv + above * later.t + ahead * later.v + later.count * ahead * above;
        self.vv += later.vv + 2.0 * above * later.v + later.count * above * above;
    }

    fn is_sound(&self) -> bool {
        [self.count, self.first, self.t, self.tt, self.v, self.tv, self.vv].iter().all(|n| n.is_finite())
    }
}

/// Fewer values are no trend (domain: rates and prediction).
const FEWEST: f64 = 10.0;
/// A slope counts when it is so many times its own standard error.
const SURE: f64 = 3.0;

impl Sums {
    /// Change in a second. `None` before there are two times.
    pub fn slope(&self) -> Option<f64> {
        let spread = self.count * self.tt - self.t * self.t;
        (spread > 0.0).then(|| (self.count * self.tv - self.t * self.v) / spread)
    }

    /// The same, if it is a trend and no noise: at least ten values, and a slope of more than three times
    /// its standard error.
    pub fn significant_slope(&self) -> Option<f64> {
        let n = self.count;
        let slope = self.slope().filter(|_| n >= FEWEST)?;
        let spread = self.tt - self.t * self.t / n;
        let left = (self.vv - self.v * self.v / n) - slope * (self.tv - self.t * self.v / n);
        let error = (left.max(0.0) / (n - 2.0) / spread).sqrt();
        (slope.abs() > SURE * error).then_some(slope)
    }
}
