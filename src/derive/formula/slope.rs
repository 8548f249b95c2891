//! The least-squares slope of what came within a window: for `rate`, and how sure it is: for `time_to_high`.

use serde::{Deserialize, Serialize};

use super::window::{Keep, Window};

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

    fn is_sound(&self) -> bool {
        [self.count, self.first, self.t, self.tt, self.v, self.tv, self.vv].iter().all(|n| n.is_finite())
    }
}

/// Fewer values are no trend (domain: rates and prediction).
const FEWEST: f64 = 10.0;
/// A slope counts when it is so many times its own standard error.
const SURE: f64 = 3.0;

/// Sums of a whole window, seen from now and the value now.
#[derive(Default)]
struct Seen {
    n: f64,
    t: f64,
    tt: f64,
    v: f64,
    tv: f64,
    vv: f64,
}

impl Seen {
    fn slope(&self) -> Option<f64> {
        let spread = self.n * self.tt - self.t * self.t;
        (spread > 0.0).then(|| (self.n * self.tv - self.t * self.v) / spread)
    }
}

impl Window<Sums> {
    fn seen(&self, width: u64, now_ns: u64, now: f64) -> Seen {
        let mut seen = Seen::default();
        for (bucket, _) in self.inside(width).filter(|(b, _)| b.kept.count > 0.0) {
            let kept = &bucket.kept;
            let ahead = -(now_ns.saturating_sub(kept.first_ns) as f64 / 1e9);
            let above = kept.first - now;
            seen.n += kept.count;
            seen.t += kept.t + kept.count * ahead;
            seen.tt += kept.tt + 2.0 * ahead * kept.t + kept.count * ahead * ahead;
            seen.v += kept.v + kept.count * above;
            seen.tv += kept.tv + above * kept.t + ahead * kept.v + kept.count * ahead * above;
            seen.vv += kept.vv + 2.0 * above * kept.v + kept.count * above * above;
        }
        seen
    }

    /// Change in a second, seen from `now_ns` and the value now. `None` before there are two times.
    pub fn slope(&self, width: u64, now_ns: u64, now: f64) -> Option<f64> {
        self.seen(width, now_ns, now).slope()
    }

    /// The same, if it is a trend and no noise: at least ten values, and a slope of more than three times
    /// its standard error.
    pub fn significant_slope(&self, width: u64, now_ns: u64, now: f64) -> Option<f64> {
        let seen = self.seen(width, now_ns, now);
        let slope = seen.slope().filter(|_| seen.n >= FEWEST)?;
        let spread = seen.tt - seen.t * seen.t / seen.n;
        let left = (seen.vv - seen.v * seen.v / seen.n) - slope * (seen.tv - seen.t * seen.v / seen.n);
        let error = (left.max(0.0) / (seen.n - 2.0) / spread).sqrt();
        (slope.abs() > SURE * error).then_some(slope)
    }
}
