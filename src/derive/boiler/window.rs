//! The samples of the last while: a ring of fixed capacity, bounded in time too. It keeps time by itself, from step to
//! step, so that it can be stored.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A value and when it came, in seconds of the window's own time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) at_s: f64,
    pub(super) value: f64,
}

/// Oldest first; times rise strictly.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    ring: VecDeque<Sample>,
    now_s: f64,
}

impl Window {
    /// Room for all samples there may be. A damaged ring is emptied: samples out of order would make up slopes.
    pub(super) fn reserve(&mut self, capacity: usize) {
        let rises = |a: &Sample, b: &Sample| a.at_s < b.at_s;
        let whole = self.ring.iter().zip(self.ring.iter().skip(1)).all(|(a, b)| rises(a, b))
            && self.ring.iter().all(|s| s.at_s.is_finite() && super::known(Some(s.value)).is_some())
            && self.ring.back().is_none_or(|last| last.at_s <= self.now_s);
        if !whole || self.ring.len() > capacity || !self.now_s.is_finite() {
            *self = Self::default();
        }
        self.ring.reserve_exact(capacity - self.ring.len());
    }

    pub(super) fn age(&mut self, passed: Duration) {
        if self.ring.is_empty() {
            // Begun afresh, so that seconds never grow too large to be told apart.
            self.now_s = 0.0;
        } else {
            self.now_s += passed.as_secs_f64();
        }
    }

    /// Takes out the oldest if it is older than `span`. To be asked until there is none.
    pub(super) fn expire(&mut self, span: Duration) -> Option<Sample> {
        let oldest = self.ring.front()?;
        if self.now_s - oldest.at_s > span.as_secs_f64() { self.ring.pop_front() } else { None }
    }

    /// Adds a sample, unless one came less than `apart` ago or at this very time. A full ring gives up its oldest.
    pub(super) fn push(
        &mut self,
        value: f64,
        apart: Duration,
        capacity: usize,
    ) -> Option<(Sample, Option<Sample>)> {
        let since = self.ring.back().map_or(f64::INFINITY, |last| self.now_s - last.at_s);
        if since <= 0.0 || since < apart.as_secs_f64() {
            return None;
        }
        let oldest = if self.ring.len() >= capacity { self.ring.pop_front() } else { None };
        let sample = Sample { at_s: self.now_s, value };
        self.ring.push_back(sample);
        Some((sample, oldest))
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.ring.capacity()
    }

    pub(super) fn get(&self, index: usize) -> Option<Sample> {
        self.ring.get(index).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Sample> {
        self.ring.iter().copied()
    }

    /// From the oldest sample to the newest, seconds.
    pub(super) fn span_s(&self) -> f64 {
        self.ring.back().zip(self.ring.front()).map_or(0.0, |(newest, oldest)| newest.at_s - oldest.at_s)
    }
}
