//! The least-squares slope of what came within a window: for `rate`.

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
    }

    fn is_sound(&self) -> bool {
        [self.count, self.first, self.t, self.tt, self.v, self.tv].iter().all(|n| n.is_finite())
    }
}

impl Window<Sums> {
    /// Change in a second, seen from `now_ns` and the value now. `None` before there are two times.
    pub fn slope(&self, width: u64, now_ns: u64, now: f64) -> Option<f64> {
        let (mut n, mut t, mut tt, mut v, mut tv) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (bucket, _) in self.inside(width).filter(|(b, _)| b.kept.count > 0.0) {
            let kept = &bucket.kept;
            let ahead = -(now_ns.saturating_sub(kept.first_ns) as f64 / 1e9);
            let above = kept.first - now;
            n += kept.count;
            t += kept.t + kept.count * ahead;
            tt += kept.tt + 2.0 * ahead * kept.t + kept.count * ahead * ahead;
            v += kept.v + kept.count * above;
            tv += kept.tv + above * kept.t + ahead * kept.v + kept.count * ahead * above;
        }
        let spread = n * tt - t * t;
        (spread > 0.0).then(|| (n * tv - t * v) / spread)
    }
}
