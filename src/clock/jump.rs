//! Wall clock against monotonic clock: a step, or a pace that no honest discipline has. Pure.

use std::time::Duration;

use crate::plant::Now;

/// A larger step than this between two looks is a jump, microseconds.
const STEP: i64 = 2_000_000;
/// Over this time the pace is measured.
const WINDOW: Duration = Duration::from_secs(180);
/// Faster than this is no slewing any more: 500 ppm is what the kernel's own discipline is bounded by
/// (adjtimex(2), `freq` and the slew of `adjtime(3)`).
const PACE_PPM: i64 = 500;

/// Looks at both clocks again and again.
#[derive(Debug, Clone)]
pub struct Jumps {
    /// Wall minus monotonic at the last look, microseconds.
    ahead: i64,
    /// Where the pace is measured from.
    window: (Duration, i64),
}

fn ahead(now: Now) -> i64 {
    now.wall.0.saturating_sub(now.mono.as_micros() as i64)
}

impl Jumps {
    /// Begins at `now`.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Self { ahead: ahead(now), window: (now.mono, ahead(now)) }
    }

    /// By how many microseconds the wall clock has jumped ahead (or, negative, back), if it has.
    pub fn look(&mut self, now: Now) -> Option<i64> {
        let ahead = ahead(now);
        let step = ahead.saturating_sub(self.ahead);
        self.ahead = ahead;
        let drift = ahead.saturating_sub(self.window.1);
        if step.saturating_abs() > STEP {
            self.window = (now.mono, ahead);
            // What had crept in before belongs to it.
            return Some(drift);
        }
        let lasted = now.mono.saturating_sub(self.window.0);
        if lasted < WINDOW {
            return None;
        }
        self.window = (now.mono, ahead);
        let most = lasted.as_micros() as i64 / 1_000_000 * PACE_PPM;
        (drift.saturating_abs() > most).then_some(drift)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plant::Micros;

    fn at(seconds: u64, ahead: i64) -> Now {
        let wall = Micros(1_790_000_000_000_000 + seconds as i64 * 1_000_000 + ahead);
        Now { mono: Duration::from_secs(seconds), wall }
    }

    #[test]
    fn slewing_as_time_services_do_is_none_and_faster_is_told_within_minutes() {
        for (ppm, jumps) in [(0, false), (400, false), (-499, false), (600, true), (-5000, true)] {
            let mut clock = Jumps::new(at(0, 0));
            let told: Vec<i64> = (1..=400).filter_map(|s| clock.look(at(s, s as i64 * ppm))).collect();
            assert_eq!(!told.is_empty(), jumps, "{ppm} ppm: {told:?}");
        }
    }

    #[test]
    fn a_small_step_is_told_at_the_end_of_its_window() {
        let mut clock = Jumps::new(at(0, 0));
        let told: Vec<i64> =
            (1..=400).filter_map(|s| clock.look(at(s, if s < 50 { 0 } else { 1_500_000 }))).collect();
        assert_eq!(told, [1_500_000]);
    }

    proptest! {
        #[test]
        fn every_step_is_told_once_by_its_size_however_rare_the_looks(
            steps in prop::collection::vec((1u64..100, prop_oneof![3_000_000i64..10_000_000_000, -10_000_000_000i64..-3_000_000]), 1..20),
        ) {
            let mut clock = Jumps::new(at(0, 0));
            let (mut now, mut ahead) = (0, 0);
            for (wait, step) in steps {
                now += wait;
                prop_assert_eq!(clock.look(at(now, ahead)), None);
                ahead += step;
                prop_assert_eq!(clock.look(at(now, ahead)), Some(step));
            }
        }
    }
}
