//! A stretch of time behind now, in buckets: bounded memory however long it is and however often
//! it is fed.
//!
//! A value counts from when it came until the next comes; what is bad counts for nothing. A window
//! is cut into [`BUCKETS`] equal buckets on the clock of the evaluator; the oldest is partly outside,
//! so that a window may look back longer by one bucket, a 120th of its length.

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
pub(super) trait Keep: Default {
    /// `value` lasted for `seconds`.
    fn hold(&mut self, value: f64, seconds: f64);
    /// `value` came at `at_ns`.
    fn take(&mut self, value: f64, at_ns: u64);
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
}

/// What the window knows of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    /// Enough of it is known.
    pub filled: bool,
    pub doubt: bool,
}

/// Length of a bucket.
pub(super) fn width(window_ns: u64) -> u64 {
    window_ns.div_ceil(BUCKETS).max(1)
}

impl<T: Keep> Window<T> {
    pub fn new() -> Self {
        Self { buckets: VecDeque::with_capacity(MOST), at_ns: 0, held: None }
    }

    /// `item` came at `now_ns`, which is never before the last.
    pub fn feed(&mut self, item: Item, width: u64, now_ns: u64) {
        if let Some(held) = self.held {
            // Of a long silence only what is still inside.
            let oldest = (now_ns / width).saturating_sub(BUCKETS).saturating_mul(width);
            let mut from = self.at_ns.max(oldest);
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

    /// What is inside, newest first, each with the share of it that is.
    pub fn inside(&self, width: u64) -> impl Iterator<Item = (&Bucket<T>, f64)> {
        let begin = self.at_ns.checked_sub(width.saturating_mul(BUCKETS));
        let oldest = begin.map_or(0, |b| b / width);
        self.buckets.iter().rev().take_while(move |b| b.n >= oldest).map(move |bucket| {
            let share = match begin {
                Some(begin) if bucket.n == oldest => {
                    (bucket.n.saturating_add(1).saturating_mul(width) - begin) as f64 / width as f64
                }
                _ => 1.0,
            };
            (bucket, share)
        })
    }

    pub fn account(&self, width: u64) -> Account {
        let (mut covered, mut doubt) = (0.0, false);
        for (bucket, share) in self.inside(width) {
            covered += bucket.covered_ns as f64 * share;
            doubt |= bucket.doubt;
        }
        Account { filled: covered >= ENOUGH * (width * BUCKETS) as f64, doubt }
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

    fn is_sound(&self) -> bool {
        self.first.is_finite() && self.area.is_finite() && self.seconds.is_finite()
    }
}

impl Window<Area> {
    /// The mean, or the value alone before any time has passed.
    pub fn mean(&self, width: u64) -> Option<f64> {
        let now = self.held?.value;
        let (mut area, mut seconds) = (0.0, 0.0);
        for (bucket, share) in self.inside(width) {
            let kept = &bucket.kept;
            area += (kept.area + (kept.first - now) * kept.seconds) * share;
            seconds += kept.seconds * share;
        }
        Some(if seconds > 0.0 { now + area / seconds } else { now })
    }
}

/// Smallest and largest: for `lowest` and `highest`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Extremes(Option<(f64, f64)>);

impl Keep for Extremes {
    fn hold(&mut self, value: f64, _: f64) {
        let (low, high) = self.0.unwrap_or((value, value));
        self.0 = Some((low.min(value), high.max(value)));
    }

    fn take(&mut self, value: f64, _: u64) {
        self.hold(value, 0.0);
    }

    fn is_sound(&self) -> bool {
        self.0.is_none_or(|(low, high)| low.is_finite() && high.is_finite())
    }
}

impl Window<Extremes> {
    pub fn extremes(&self, width: u64) -> Option<(f64, f64)> {
        let all = self.inside(width).filter_map(|(b, _)| b.kept.0);
        all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
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

    fn is_sound(&self) -> bool {
        true
    }
}

impl Window<Edges> {
    pub fn edges(&self, width: u64) -> f64 {
        self.inside(width).map(|(b, _)| f64::from(b.kept.0)).sum()
    }
}
