//! A stretch of time behind now, in buckets: bounded memory however long it is and however often
//! it is fed.
//!
//! A value counts from when it came until the next comes; what is bad counts for nothing. A window
//! is cut into [`BUCKETS`] equal buckets on the clock of the evaluator; the oldest is partly outside,
//! so that a window may look back longer by one bucket, a 120th of its length.
//!
//! Buckets add up ([`Keep::add`]), and what lies between the oldest and the newest is added up only when one
//! of them changes places: an evaluation costs three additions, however many buckets there are.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::item::Item;

/// Buckets of a window.
pub(super) const BUCKETS: u64 = 120;
/// All that can touch a window: its own and the partly outside one.
const MOST: usize = BUCKETS as usize + 1;
/// Share of a window that must be known for its result not to be in doubt.
const ENOUGH: f64 = 0.9;
/// Nanoseconds.
const SECOND: f64 = 1e9;

/// What a bucket keeps.
pub(super) trait Keep: Default + Clone {
    /// `value` lasted for `seconds`.
    fn hold(&mut self, value: f64, seconds: f64);
    /// `value` came at `at_ns`.
    fn take(&mut self, value: f64, at_ns: u64);
    /// `later` follows, of which `share` (0 to 1) counts.
    fn add(&mut self, later: &Self, share: f64);
    /// Only finite numbers.
    fn is_sound(&self) -> bool;
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Bucket<T> {
    /// How many widths after the beginning.
    n: u64,
    /// How long there was a value.
    covered_ns: u64,
    /// A value in it was uncertain.
    doubt: bool,
    pub kept: T,
}

impl<T: Keep> Bucket<T> {
    fn add(&mut self, later: &Self, share: f64) {
        self.covered_ns += (later.covered_ns as f64 * share) as u64;
        self.doubt |= later.doubt;
        self.kept.add(&later.kept, share);
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Held {
    value: f64,
    doubt: bool,
}

/// The buckets, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Window<T> {
    buckets: VecDeque<Bucket<T>>,
    at_ns: u64,
    held: Option<Held>,
    /// All but the oldest and the newest, added up.
    #[serde(skip)]
    between: Bucket<T>,
}

/// A window as it is now.
#[derive(Debug, Clone)]
pub(super) struct Whole<T> {
    /// Enough of it is known.
    pub filled: bool,
    pub doubt: bool,
    pub kept: T,
}

/// Length of a bucket.
pub(super) fn width(window_ns: u64) -> u64 {
    window_ns.div_ceil(BUCKETS).max(1)
}

impl<T: Keep> Window<T> {
    pub fn new() -> Self {
        let between = Bucket::default();
        Self { buckets: VecDeque::with_capacity(MOST), at_ns: 0, held: None, between }
    }

    /// `item` came at `now_ns`. Before the last time, it was taken earlier than it came: what stands after it was only
    /// held over, and comes anew.
    pub fn feed(&mut self, item: Item, width: u64, now_ns: u64) {
        if now_ns < self.at_ns {
            self.rewind(now_ns, width);
        }
        let ends = self.ends();
        let oldest = now_ns.saturating_sub(width.saturating_mul(BUCKETS)) / width;
        while self.buckets.front().is_some_and(|b| b.n < oldest) {
            self.buckets.pop_front();
        }
        if let Some(held) = self.held {
            // Of a long silence only what is still inside.
            let mut from = self.at_ns.max(oldest.saturating_mul(width));
            while from < now_ns {
                let n = from / width;
                let until = n.saturating_add(1).saturating_mul(width).min(now_ns);
                let bucket = self.bucket(n);
                bucket.covered_ns += until - from;
                bucket.doubt |= held.doubt;
                bucket.kept.hold(held.value, (until - from) as f64 / SECOND);
                from = until;
            }
        }
        self.at_ns = now_ns;
        self.held = item.is_usable().then(|| Held { value: item.value, doubt: item.is_doubtful() });
        if let Some(held) = self.held {
            let bucket = self.bucket(now_ns / width);
            bucket.doubt |= held.doubt;
            bucket.kept.take(held.value, now_ns);
        }
        if self.ends() != ends {
            self.add_up();
        }
    }

    /// Numbers of the oldest and the newest bucket.
    fn ends(&self) -> Option<(u64, u64)> {
        Some((self.buckets.front()?.n, self.buckets.back()?.n))
    }

    /// The bucket `n`, which is the newest or newer. Allocates nothing: the room is there from the start.
    fn bucket(&mut self, n: u64) -> &mut Bucket<T> {
        if self.buckets.back().is_none_or(|newest| newest.n < n) {
            if self.buckets.len() >= MOST {
                self.buckets.pop_front();
            }
            self.buckets.push_back(Bucket { n, ..Bucket::default() });
        }
        let newest = self.buckets.len() - 1;
        &mut self.buckets[newest]
    }

    /// To the bucket: its part before `at_ns` is forgotten too, which is at most a 120th.
    fn rewind(&mut self, at_ns: u64, width: u64) {
        while self.buckets.back().is_some_and(|b| b.n >= at_ns / width) {
            self.buckets.pop_back();
        }
        self.at_ns = at_ns;
        self.add_up();
    }

    fn add_up(&mut self) {
        self.between = Bucket::default();
        let between = self.buckets.len().saturating_sub(2);
        for bucket in self.buckets.iter().skip(1).take(between) {
            self.between.add(bucket, 1.0);
        }
    }

    /// All that is inside, oldest first.
    pub fn whole(&self, width: u64) -> Whole<T> {
        let mut sum = Bucket::default();
        let begin = self.at_ns.checked_sub(width.saturating_mul(BUCKETS));
        if let Some(oldest) = self.buckets.front() {
            let share = match begin {
                Some(begin) if oldest.n == begin / width => {
                    (oldest.n.saturating_add(1).saturating_mul(width) - begin) as f64 / width as f64
                }
                _ => 1.0,
            };
            sum.add(oldest, share);
            sum.add(&self.between, 1.0);
        }
        if let Some(newest) = self.buckets.back().filter(|_| self.buckets.len() > 1) {
            sum.add(newest, 1.0);
        }
        let filled = sum.covered_ns as f64 >= ENOUGH * (width * BUCKETS) as f64;
        Whole { filled, doubt: sum.doubt, kept: sum.kept }
    }

    /// Whether what was stored can be worked with, and room for what will come.
    pub fn revive(&mut self, ran_ns: u64, width: u64) -> bool {
        let kept = &self.buckets;
        let ordered = kept.iter().zip(kept.iter().skip(1)).all(|(a, b)| a.n < b.n);
        let sound = ordered
            && kept.len() <= MOST
            && self.at_ns <= ran_ns
            && kept.back().is_none_or(|newest| newest.n <= self.at_ns / width)
            && kept.iter().all(|b| b.kept.is_sound() && b.covered_ns <= width)
            && self.held.is_none_or(|h| h.value.is_finite());
        self.buckets.reserve_exact(MOST.saturating_sub(self.buckets.len()));
        if sound {
            self.add_up();
        }
        sound
    }
}

/// Time-weighted: for `mean`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Area {
    /// What the sum is relative to, so that the mean of a value that stands still is that value.
    first: f64,
    area: f64,
    seconds: f64,
}

impl Keep for Area {
    fn hold(&mut self, value: f64, seconds: f64) {
        if self.seconds == 0.0 {
            self.first = value;
        }
        self.area += (value - self.first) * seconds;
        self.seconds += seconds;
    }

    fn take(&mut self, _: f64, _: u64) {}

    fn add(&mut self, later: &Self, share: f64) {
        if self.seconds == 0.0 {
            self.first = later.first;
        }
        self.area += (later.area + (later.first - self.first) * later.seconds) * share;
        self.seconds += later.seconds * share;
    }

    fn is_sound(&self) -> bool {
        self.first.is_finite() && self.area.is_finite() && self.seconds.is_finite()
    }
}

impl Area {
    /// `None` before any time has passed.
    pub fn mean(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.first + self.area / self.seconds)
    }
}

/// Smallest and largest: for `lowest` and `highest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Extremes(Option<(f64, f64)>);

impl Keep for Extremes {
    fn hold(&mut self, value: f64, _: f64) {
        self.reach(value, value);
    }

    fn take(&mut self, value: f64, _: u64) {
        self.reach(value, value);
    }

    fn add(&mut self, later: &Self, _: f64) {
        if let Some((low, high)) = later.0 {
            self.reach(low, high);
        }
    }

    fn is_sound(&self) -> bool {
        self.0.is_none_or(|(low, high)| low.is_finite() && high.is_finite())
    }
}

impl Extremes {
    fn reach(&mut self, low: f64, high: f64) {
        let (lowest, highest) = self.0.unwrap_or((low, high));
        self.0 = Some((lowest.min(low), highest.max(high)));
    }

    pub fn lowest(&self) -> Option<f64> {
        self.0.map(|(low, _)| low)
    }

    pub fn highest(&self) -> Option<f64> {
        self.0.map(|(_, high)| high)
    }
}

/// How often a 1 came: for `count`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Edges(u32);

impl Keep for Edges {
    fn hold(&mut self, _: f64, _: f64) {}

    fn take(&mut self, value: f64, _: u64) {
        self.0 = self.0.saturating_add(u32::from(value != 0.0));
    }

    fn add(&mut self, later: &Self, _: f64) {
        self.0 = self.0.saturating_add(later.0);
    }

    fn is_sound(&self) -> bool {
        true
    }
}

impl Edges {
    pub fn count(&self) -> f64 {
        f64::from(self.0)
    }
}
