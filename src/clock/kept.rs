//! How old a stored time is at least, though the wall clock jumped since. Pure.
//!
//! What is kept for a week must not be a week old at once because somebody set the clock ahead by a
//! year. For as long as things are kept, every jump ahead is taken off the age.

use std::time::Duration;

use crate::plant::{Micros, Now};

/// Jumps remembered one by one; beyond, the oldest two count as one.
const MOST: usize = 32;

/// The jumps ahead that still count.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// When, and how far in microseconds.
    jumps: Vec<(Duration, i64)>,
}

impl Kept {
    /// The wall clock jumped by `by` microseconds. A jump back makes nothing older.
    pub fn jumped(&mut self, by: i64, now: Now) {
        if by <= 0 {
            return;
        }
        if self.jumps.len() >= MOST {
            let (_, first) = self.jumps.remove(0);
            self.jumps[0].1 = self.jumps[0].1.saturating_add(first);
        }
        self.jumps.push((now.mono, by));
    }

    /// What was stored before this instant has been kept for `keep`.
    pub fn from(&mut self, keep: Duration, now: Now) -> Micros {
        // What was stored before such a jump has been kept long enough by the monotonic clock.
        self.jumps.retain(|(at, _)| now.mono < *at + keep);
        let ahead = self.jumps.iter().fold(0i64, |sum, jump| sum.saturating_add(jump.1));
        Micros(now.wall.minus(keep).0.saturating_sub(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: Duration = Duration::from_secs(7 * 86400);
    const YEAR: i64 = 365 * 86_400_000_000;

    fn at(hours: u64, ahead: i64) -> Now {
        let mono = Duration::from_secs(3600 * hours);
        Now { mono, wall: Micros(1_790_000_000_000_000 + mono.as_micros() as i64 + ahead) }
    }

    #[test]
    fn a_jump_ahead_expires_nothing_and_all_goes_in_its_time() {
        let mut kept = Kept::default();
        let stored = at(100, 0).wall;
        kept.jumped(YEAR, at(101, YEAR));
        assert!(kept.from(WEEK, at(101, YEAR)) < stored, "expired by the jump");
        assert!(kept.from(WEEK, at(101 + 166, YEAR)) < stored, "expired an hour early");
        assert!(kept.from(WEEK, at(101 + 168, YEAR)) > stored, "never expires");
    }

    #[test]
    fn jumps_back_and_many_jumps_are_bounded() {
        let mut kept = Kept::default();
        kept.jumped(-YEAR, at(1, -YEAR));
        assert_eq!(kept.from(WEEK, at(1, -YEAR)), at(1, -YEAR).wall.minus(WEEK));
        for n in 0..1000 {
            kept.jumped(1_000_000, at(1, n * 1_000_000));
        }
        assert_eq!(kept.jumps.len(), MOST);
        assert_eq!(kept.from(WEEK, at(2, 0)).0, at(2, 0).wall.minus(WEEK).0 - 1_000_000_000);
    }
}
