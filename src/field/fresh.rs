//! How fresh the points of one device are, where it is the device that decides when to talk (MQTT,
//! HTTP push): an older reading is history, and a point left out of what it says goes stale by itself.
//! Pure; the clock is handed in.

use std::time::{Duration, Instant};

use super::mqtt::payload::Taken;
use super::pace::Pace;
use crate::plant::{Cause, Micros, PointIx, Quality, Reading};

/// An older reading than one that came within this time is out of order, not a clock set back.
const IN_ORDER: Duration = Duration::from_secs(60);
/// How often it is looked for points that are left out of their device's messages.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    newest: Option<(Micros, Instant)>,
    heard: Option<Instant>,
    told_missing: bool,
}

/// The points of one device, by their place in its list.
#[derive(Debug)]
pub(super) struct Fresh {
    stale: Duration,
    states: Vec<State>,
    pace: Pace,
    first: Option<Instant>,
    looked: Option<Instant>,
}

impl Fresh {
    /// `stale` is how long the device may be silent.
    pub(super) fn new(points: usize, stale: Duration) -> Self {
        Self {
            stale,
            states: vec![State::default(); points],
            pace: Pace::default(),
            first: None,
            looked: None,
        }
    }

    /// How long the device may be silent.
    pub(super) fn stale(&self) -> Duration {
        self.stale
    }

    /// The device said something.
    pub(super) fn spoke(&mut self, now: Instant) {
        self.first.get_or_insert(now);
    }

    /// A time far behind may come from a clock that is off, the device's or the gateway's (P9): then the
    /// readings are of now, under the gateway's time. `tolerance` is how far two clocks may differ.
    pub(super) fn placed(
        &mut self,
        taken: Taken,
        tolerance: Duration,
        (arrival, now): (Micros, Instant),
    ) -> Taken {
        if !taken.by_device {
            return taken;
        }
        if taken.live {
            self.pace.agrees(taken.at, now);
            return taken;
        }
        match self.pace.of_now(taken.at, tolerance, now) {
            Some(off) => {
                let at = Micros(arrival.0.saturating_add(off));
                Taken { at, live: true, by_device: false, doubt: true }
            }
            None => taken,
        }
    }

    /// True if a reading of the device time `at` is no older than what is known of its point; without a
    /// device time it always is. After a while an older time is believed again, for a device clock may
    /// have been set back.
    pub(super) fn takes(&mut self, place: usize, at: Option<Micros>, now: Instant) -> bool {
        let state = &mut self.states[place];
        if let Some(at) = at {
            match state.newest {
                Some((newest, came)) if at < newest && now.duration_since(came) < IN_ORDER => return false,
                _ => state.newest = Some((at, now)),
            }
        }
        state.heard = Some(now);
        state.told_missing = false;
        true
    }

    /// A device that goes on talking but leaves a point out must not leave its old value standing.
    /// `points` are all of the device, by place.
    pub(super) fn look_for_missing(
        &mut self,
        now: Instant,
        points: impl Iterator<Item = PointIx>,
        readings: &mut Vec<Reading>,
    ) {
        if self.looked.is_some_and(|at| now.duration_since(at) < LOOK_EVERY) {
            return;
        }
        self.looked = Some(now);
        let Some(first) = self.first else { return };
        for (point, state) in points.zip(&mut self.states) {
            let silent = now.duration_since(state.heard.unwrap_or(first));
            if state.told_missing || silent <= self.stale {
                continue;
            }
            state.told_missing = true;
            let cause = if state.heard.is_some() { Cause::Stale } else { Cause::Missing };
            readings.push(Reading { point, value: f64::NAN, quality: Quality::Bad(cause) });
        }
    }
}
