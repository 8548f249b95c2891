//! A device's clock against the monotonic one: tells a clock that is wrong from a report that is late.
//! Pure; the clock is handed in.
//!
//! A time far behind the wall clock is a buffered reading, or one of the two clocks is off. A buffer
//! empties faster than it was filled; a clock that is off goes on at the pace of time. So a device whose
//! times go on as they did while the clocks agreed, or for [`TRIAL`] have gone on at the pace of time, is
//! read now: its readings are judged, under the gateway's time and with a doubt about them. Called by
//! [`super::fresh`].

use std::time::{Duration, Instant};

use crate::plant::Micros;

/// For so long a device must keep the pace of time before its clock is taken for a wrong one.
const TRIAL: Duration = Duration::from_secs(30);
/// A report may wait so long on its way.
const WAITS_MICROS: i64 = 5_000_000;
/// A clock that is off runs no worse than this part of the time fast or slow. A buffer that empties at
/// twice the pace of time, or at one and a half times, is told from it.
const DRIFTS_PART: i64 = 100;

/// Times that may belong to a clock which is off: they are measured against the monotonic one.
#[derive(Debug, Clone, Copy)]
pub(in crate::field) struct Trial {
    /// Monotonic and device time at its beginning, and the newest device time since; microseconds.
    since: i64,
    first: i64,
    newest: i64,
}

impl Trial {
    /// `at` came at `mono`. True when the times have kept the pace of time for long enough; one that does not keep it begins
    /// anew.
    pub(in crate::field) fn keeps(trial: &mut Option<Self>, at: Micros, mono: i64) -> bool {
        let begin = Self { since: mono, first: at.0, newest: at.0 };
        let Self { since, first, newest } = *trial.get_or_insert(begin);
        let (lasted, went) = (mono.saturating_sub(since), at.0.saturating_sub(first));
        let slack = WAITS_MICROS + lasted / DRIFTS_PART;
        if at.0 < newest || went.saturating_sub(lasted).saturating_abs() > slack {
            *trial = Some(begin);
            return false;
        }
        *trial = Some(Self { since, first, newest: at.0 });
        lasted >= TRIAL.as_micros() as i64
    }
}

/// What is known of one device's clock.
#[derive(Debug, Default)]
pub(in crate::field) struct Pace {
    base: Option<Instant>,
    /// Device time less monotonic time while its readings are of now, microseconds.
    ahead: Option<i64>,
    /// The newest device time with which the wall clock agreed.
    agreed: Option<i64>,
    /// Of times far behind the wall clock.
    trial: Option<Trial>,
    /// Of times that the wall clock agrees with, and that are older than others were: buffered ones, or a clock set back.
    back: Option<Trial>,
}

impl Pace {
    /// A reading of `at` came that the wall clock agrees with.
    pub(in crate::field) fn agrees(&mut self, at: Micros, now: Instant) {
        let mono = self.mono(now);
        self.trial = None;
        // What was buffered for less than the tolerance agrees too, but tells nothing of the clock.
        if self.agreed.is_some_and(|newest| at.0 < newest) && !Trial::keeps(&mut self.back, at, mono) {
            return;
        }
        self.back = None;
        self.agreed = Some(at.0);
        self.ahead = Some(at.0.saturating_sub(mono));
    }

    /// A reading of `at` came that the wall clock puts far behind: if it was taken just now all the same,
    /// how far it lies from the present by the device's clock, microseconds; at most `tolerance`.
    pub(in crate::field) fn of_now(&mut self, at: Micros, tolerance: Duration, now: Instant) -> Option<i64> {
        let mono = self.mono(now);
        let tolerance = i64::try_from(tolerance.as_micros()).unwrap_or(i64::MAX);
        let off = |ahead: i64| at.0.saturating_sub(mono).saturating_sub(ahead);
        if let Some(off) = self.ahead.map(off).filter(|off| off.saturating_abs() <= tolerance) {
            return Some(off);
        }
        if !Trial::keeps(&mut self.trial, at, mono) {
            return None;
        }
        self.ahead = Some(at.0.saturating_sub(mono));
        self.trial = None;
        Some(0)
    }

    /// Monotonic microseconds since the first of these calls.
    pub(in crate::field) fn mono(&mut self, now: Instant) -> i64 {
        let base = *self.base.get_or_insert(now);
        now.saturating_duration_since(base).as_micros() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: i64 = 1_700_000_000_000_000;
    const TOLERANCE: Duration = Duration::from_secs(600);

    fn seconds(n: i64) -> i64 {
        n * 1_000_000
    }

    /// Seconds after which a device that is far behind from the first is read as of now: its times by `at`.
    fn trusted(at: impl Fn(i64) -> i64) -> Option<i64> {
        let (mut pace, start) = (Pace::default(), Instant::now());
        (0..600).find(|s| {
            let now = start + Duration::from_secs(*s as u64);
            pace.of_now(Micros(DEVICE + at(*s)), TOLERANCE, now).is_some()
        })
    }

    #[test]
    fn a_clock_that_was_never_right_is_known_by_its_pace() {
        assert_eq!(trusted(seconds), Some(30));
        // Times by the minute only, or reports held up on their way.
        assert_eq!(trusted(|s| seconds(s - s % 4)), Some(30));
        assert_eq!(trusted(|s| seconds(s - 3 * (s % 2))), None, "a time that goes back is no pace");
    }

    #[test]
    fn a_buffer_that_empties_is_never_taken_for_a_wrong_clock() {
        assert_eq!(trusted(|s| seconds(s * 2)), None);
        assert_eq!(trusted(|s| seconds(s * 3 / 2)), None);
        assert_eq!(trusted(|s| seconds(s / 2)), None);
        assert_eq!(trusted(|s| seconds(s * 10)), None);
        assert_eq!(trusted(|s| seconds(s * 60)), None);
        assert_eq!(trusted(|_| 0), None, "the same reading again and again");
        assert_eq!(trusted(|s| -seconds(s)), None, "the newest first");
    }

    #[test]
    fn when_the_wall_clock_jumps_a_device_that_went_along_with_it_goes_on_at_once() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let now = |s| start + Duration::from_secs(s);
        pace.agrees(Micros(DEVICE), now(0));
        assert_eq!(pace.of_now(Micros(DEVICE + seconds(9)), TOLERANCE, now(10)), Some(-seconds(1)));
        assert_eq!(pace.of_now(Micros(DEVICE + seconds(20)), TOLERANCE, now(20)), Some(0));
        // What it had buffered for an hour stays history.
        assert_eq!(pace.of_now(Micros(DEVICE - seconds(3600)), TOLERANCE, now(21)), None);
        assert_eq!(pace.of_now(Micros(DEVICE + seconds(22)), TOLERANCE, now(22)), Some(0));
    }

    #[test]
    fn a_buffer_that_empties_the_newest_first_stays_history_beyond_the_tolerance() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.agrees(Micros(DEVICE), start);
        // Up to the tolerance the wall clock agrees; what comes then is older still.
        for minute in 1..=10 {
            pace.agrees(Micros(DEVICE - seconds(60 * minute)), start + Duration::from_secs(minute as u64));
        }
        let now = start + Duration::from_secs(11);
        assert_eq!(pace.of_now(Micros(DEVICE - seconds(630)), TOLERANCE, now), None);
        // One more of them, after a minute of silence, proves nothing.
        pace.agrees(Micros(DEVICE - seconds(300)), start + Duration::from_secs(90));
        let later = start + Duration::from_secs(91);
        assert_eq!(pace.of_now(Micros(DEVICE - seconds(630)), TOLERANCE, later), None);
        // A clock set back a little is believed by its pace.
        for second in 0..=30 {
            let now = start + Duration::from_secs(100 + second);
            pace.agrees(Micros(DEVICE + seconds(second as i64 - 300)), now);
        }
        let later = start + Duration::from_secs(130);
        assert_eq!(pace.of_now(Micros(DEVICE - seconds(630)), TOLERANCE, later), Some(-seconds(360)));
    }

    #[test]
    fn odd_times_overflow_nothing() {
        let mut pace = Pace::default();
        let now = Instant::now();
        for at in [i64::MIN, i64::MAX, 0, i64::MIN] {
            let _ = pace.of_now(Micros(at), Duration::MAX, now);
            pace.agrees(Micros(at), now + TRIAL);
            let _ = pace.of_now(Micros(at), Duration::MAX, now + TRIAL);
        }
    }
}
