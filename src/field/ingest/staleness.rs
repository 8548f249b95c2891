//! How fresh the points of one device are, where it is the device that decides when to talk (MQTT,
//! HTTP push): a reading older than what was judged is history, however long ago that came, and a point left out of what
//! it says goes stale by itself. A clock set back is known by its pace ([`super::pace`]).
//! Pure; the clock is handed in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::device_clock::{Pace, Trial};
use super::payload::Taken;
use crate::plant::{Cause, Micros, PointIx, Quality, Reading};

/// The newest device time judged of each point, beyond the session that judged it: what is older stays history after new
/// settings and after a restart.
#[derive(Debug, Clone, Default)]
pub struct Judged(Arc<Mutex<HashMap<PointIx, Micros>>>);

impl Judged {
    /// As the store tells it.
    #[must_use]
    pub fn new(newest: HashMap<PointIx, Micros>) -> Self {
        Self(Arc::new(Mutex::new(newest)))
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<PointIx, Micros>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How often it is looked for points that are left out of their device's messages.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    newest: Option<Micros>,
    /// Of older times than that: buffered ones, or a clock set back.
    back: Option<Trial>,
    heard: Option<Instant>,
    told_missing: bool,
}

/// The points of one device, by their place in its list.
#[derive(Debug)]
pub(in crate::field) struct Fresh {
    stale: Duration,
    states: Vec<State>,
    pace: Pace,
    first: Option<Instant>,
    looked: Option<Instant>,
}

impl Fresh {
    /// `stale` is how long the device may be silent.
    pub(in crate::field) fn new(points: usize, stale: Duration) -> Self {
        Self {
            stale,
            states: vec![State::default(); points],
            pace: Pace::default(),
            first: None,
            looked: None,
        }
    }

    /// Goes on where others left off; `points` are all of the device, by place.
    pub(in crate::field) fn resume(&mut self, points: impl Iterator<Item = PointIx>, judged: &Judged) {
        judged.with(|newest| {
            for (point, state) in points.zip(&mut self.states) {
                state.newest = newest.get(&point).copied();
            }
        });
    }

    /// Leaves for others what was judged. A clock that was set back is left as it goes now.
    pub(in crate::field) fn leave(&self, points: impl Iterator<Item = PointIx>, judged: &Judged) {
        judged.with(|newest| {
            for (point, state) in points.zip(&self.states) {
                match state.newest {
                    Some(at) => newest.insert(point, at),
                    None => newest.remove(&point),
                };
            }
        });
    }

    /// How long the device may be silent.
    pub(in crate::field) fn stale(&self) -> Duration {
        self.stale
    }

    /// The device said something.
    pub(in crate::field) fn spoke(&mut self, now: Instant) {
        self.first.get_or_insert(now);
    }

    /// A time far behind may come from a clock that is off, the device's or the gateway's (P9): then the
    /// readings are of now, under the gateway's time. `tolerance` is how far two clocks may differ.
    pub(in crate::field) fn placed(
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

    /// True if a reading of the device time `at` is no older than what was judged of its point; without a
    /// device time it always is. Older times that go on at the pace of time are of a clock that was set back.
    pub(in crate::field) fn takes(&mut self, place: usize, at: Option<Micros>, now: Instant) -> bool {
        if let Some(at) = at {
            let mono = self.pace.mono(now);
            let state = &mut self.states[place];
            if state.newest.is_some_and(|newest| at < newest) {
                if !Trial::keeps(&mut state.back, at, mono) {
                    return false;
                }
                // It is the device's clock: what its other points said is on the old one too.
                self.states.iter_mut().for_each(|s| (s.newest, s.back) = (None, None));
            }
            let state = &mut self.states[place];
            (state.newest, state.back) = (Some(at), None);
        }
        let state = &mut self.states[place];
        state.heard = Some(now);
        state.told_missing = false;
        true
    }

    /// A device that goes on talking but leaves a point out must not leave its old value standing.
    /// `points` are all of the device, by place.
    pub(in crate::field) fn look_for_missing(
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEVICE: i64 = 1_700_000_000;

    /// Which of `(arrival, device time)`, in seconds, of one point are judged.
    fn judged(readings: &[(u64, i64)]) -> Vec<bool> {
        let (mut fresh, start) = (Fresh::new(2, Duration::from_secs(30)), Instant::now());
        let each = |(came, at): &(u64, i64)| {
            let at = Micros((DEVICE + at) * 1_000_000);
            fresh.takes(0, Some(at), start + Duration::from_secs(*came))
        };
        readings.iter().map(each).collect()
    }

    #[test]
    fn an_old_reading_is_history_however_long_nothing_came() {
        assert_eq!(judged(&[(0, 0), (70, -480)]), [true, false]);
        assert_eq!(judged(&[(0, 0), (86_400, -1), (86_401, 0)]), [true, false, true]);
        // A buffer that empties: quicker than time, or the newest first.
        let quick: Vec<(u64, i64)> = (0..60).map(|n| (100 + n, -480 + 3 * n as i64)).collect();
        assert!(judged(&[vec![(0, 0)], quick].concat())[1..].iter().all(|is| !is));
        let backwards: Vec<(u64, i64)> = (0..60).map(|n| (100 + n, -10 - n as i64)).collect();
        assert!(judged(&[vec![(0, 0)], backwards].concat())[1..].iter().all(|is| !is));
    }

    #[test]
    fn what_was_judged_before_is_remembered_by_the_next_session_and_a_clock_set_back_still_proves_itself() {
        let (points, at) =
            (|| [PointIx(7), PointIx(8)].into_iter(), |s: i64| Some(Micros((DEVICE + s) * 1_000_000)));
        let (judged, start) = (Judged::new(HashMap::from([(PointIx(7), at(0).unwrap())])), Instant::now());
        let next = || {
            let mut fresh = Fresh::new(2, Duration::from_secs(30));
            fresh.resume(points(), &judged);
            fresh
        };
        let mut fresh = next();
        assert!(!fresh.takes(0, at(-480), start), "before the restart a newer one was judged");
        assert!(fresh.takes(1, at(-480), start), "nothing was judged of this point");
        assert!(fresh.takes(0, at(10), start));
        fresh.leave(points(), &judged);
        let mut fresh = next();
        assert!(!fresh.takes(0, at(9), start) && fresh.takes(0, at(10), start));
        let mut back = (0..40).map(|s| fresh.takes(0, at(s as i64 - 290), start + Duration::from_secs(s)));
        assert_eq!(back.position(|is| is), Some(30));
        fresh.leave(points(), &judged);
        assert!(next().takes(0, at(-240), start), "the clock that was proven is the one that counts");
    }

    #[test]
    fn a_clock_that_was_set_back_is_known_by_its_pace_and_then_for_all_points() {
        let set_back: Vec<(u64, i64)> = (0..40).map(|n| (10 + n, -290 + n as i64)).collect();
        let first = judged(&[vec![(0, 0)], set_back].concat()).iter().skip(1).position(|is| *is);
        assert_eq!(first, Some(30));
        let (mut fresh, start) = (Fresh::new(2, Duration::from_secs(30)), Instant::now());
        let mut takes = |place, came, at: i64| {
            fresh.takes(place, Some(Micros((DEVICE + at) * 1_000_000)), start + Duration::from_secs(came))
        };
        assert!(takes(0, 0, 0) && takes(1, 0, 0));
        assert!(!takes(0, 10, -290) && !takes(0, 30, -270) && takes(0, 40, -260));
        assert!(takes(1, 41, -259), "what was proven of one point holds for the device");
    }

    proptest! {
        #[test]
        fn what_is_older_than_what_was_judged_is_judged_only_after_half_a_minute_at_the_pace_of_time(
            steps in prop::collection::vec((0u64..40, -100i64..60), 1..60),
        ) {
            let mut came = 0;
            let readings: Vec<(u64, i64)> = steps.iter().map(|(wait, at)| { came += wait; (came, *at) }).collect();
            let judged = judged(&readings);
            let mut newest = None;
            for (n, (came, at)) in readings.iter().enumerate() {
                if judged[n] {
                    if newest.is_some_and(|newest| *at < newest) {
                        let proves = |(then, was): &(u64, i64)| {
                            let lasted = *came as i64 - *then as i64;
                            lasted >= 30 && (at - was - lasted).abs() <= 5 + lasted / 100 + 1
                        };
                        prop_assert!(readings[..n].iter().any(proves), "{readings:?} at {n}");
                    }
                    newest = Some(*at);
                } else {
                    prop_assert!(newest.is_some_and(|newest| *at < newest));
                }
            }
        }
    }
}
