//! Rest for units that do not answer, so that their timeouts do not eat the others' bus time. Pure.
//!
//! After some silences in a row a unit rests and is probed at growing, jittered intervals; all probes
//! on a connection together take no more than a share of its time, and each unit has its turn.

use std::time::Duration;

/// Silences in a row after which a unit rests.
pub(super) const PATIENCE: u32 = 3;
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// One unit's breaker. Times are of any monotonic clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaker {
    silences: u32,
    rest: Duration,
    resting_until: Option<Duration>,
}

impl Breaker {
    /// It answered, in whatever way. True if it had been resting.
    pub(super) fn answered(&mut self) -> bool {
        let rested = self.resting_until.is_some();
        *self = Self::default();
        rested
    }

    /// It did not answer; `jitter` is 0 to 1. Gives the length of a first rest, for the log.
    pub(super) fn silent(&mut self, now: Duration, jitter: f64) -> Option<Duration> {
        self.silences += 1;
        if self.silences < PATIENCE {
            return None;
        }
        self.rest = if self.rest.is_zero() { FIRST_REST } else { (self.rest * 2).min(LONGEST_REST) };
        let rest = self.rest.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        self.resting_until = Some(now + rest);
        (self.silences == PATIENCE).then_some(rest)
    }

    /// It rests, or waits for its probe.
    pub(super) fn is_open(&self) -> bool {
        self.resting_until.is_some()
    }

    /// Its rest is over: a probe may be made if the budget allows it.
    fn is_ripe(&self, now: Duration) -> bool {
        self.resting_until.is_some_and(|until| now >= until)
    }
}

/// Which unit is to be probed next: of those whose rest is over, and which `may` be asked, the one that has
/// waited for longest. Any other rule would leave some out for as long as others stay dead.
pub(super) fn next_probe<'a>(
    breakers: impl Iterator<Item = &'a Breaker>,
    may: impl Fn(usize) -> bool,
    now: Duration,
) -> Option<usize> {
    let ripe = breakers.enumerate().filter(|(n, breaker)| breaker.is_ripe(now) && may(*n));
    ripe.min_by_key(|(_, breaker)| breaker.resting_until).map(|(n, _)| n)
}

/// The bus time that probes may take: earned as time goes by, spent by probes that stay unanswered.
#[derive(Debug, Clone)]
pub(super) struct ProbeBudget {
    share: f64,
    earned: Duration,
    since: Duration,
}

impl ProbeBudget {
    pub(super) fn new(share: f64, now: Duration) -> Self {
        Self { share, earned: Duration::ZERO, since: now }
    }

    /// A probe that costs `timeout` at the worst may be made now.
    pub(super) fn allows(&mut self, timeout: Duration, now: Duration) -> bool {
        self.earned += now.saturating_sub(self.since).mul_f64(self.share);
        self.since = now;
        // One probe in hand at most: a long quiet time must not end in a row of probes.
        self.earned = self.earned.min(timeout);
        self.earned >= timeout
    }

    /// Another share from now on.
    pub(super) fn set_share(&mut self, share: f64) {
        self.share = share;
    }

    /// A probe that may take this long goes out.
    pub(super) fn spend(&mut self, took: Duration) {
        self.earned = self.earned.saturating_sub(took);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Breaker, LONGEST_REST, PATIENCE, ProbeBudget, next_probe};

    #[test]
    fn a_unit_rests_after_three_silences_and_longer_each_time() {
        let mut breaker = Breaker::default();
        let now = Duration::from_secs(100);
        assert!(breaker.silent(now, 1.0).is_none() && breaker.silent(now, 1.0).is_none());
        assert!(!breaker.is_open());
        assert_eq!(breaker.silent(now, 1.0), Some(Duration::from_secs(2)));
        assert!(!breaker.is_ripe(now + Duration::from_millis(1999)));
        assert!(breaker.is_ripe(now + Duration::from_secs(2)));
        assert!(breaker.silent(now, 1.0).is_none());
        assert!(!breaker.is_ripe(now + Duration::from_millis(3999)));
        assert!(breaker.answered() && !breaker.is_open() && !breaker.answered());
    }

    #[test]
    fn each_of_many_dead_units_is_probed_in_its_turn_and_one_that_lives_again_is_found() {
        let timeout = Duration::from_millis(500);
        let mut budget = ProbeBudget::new(0.05, Duration::ZERO);
        let mut dead = vec![Breaker::default(); 20];
        let mut probes = [0; 20];
        for breaker in &mut dead {
            for _ in 0..PATIENCE {
                let _ = breaker.silent(Duration::ZERO, 0.5);
            }
        }
        for second in 0..3600 {
            let now = Duration::from_secs(second);
            if let Some(n) = next_probe(dead.iter(), |_| true, now)
                && budget.allows(timeout, now)
            {
                budget.spend(timeout);
                dead[n].silent(now, fastrand::f64());
                probes[n] += 1;
            }
        }
        // A probe in ten seconds, twenty units: 18 each in an hour.
        assert!(probes.iter().all(|p| (15..=21).contains(p)), "{probes:?}");
        assert_eq!(next_probe(dead.iter(), |_| false, Duration::from_secs(9999)), None);
    }

    proptest! {
        #[test]
        fn a_rest_is_never_longer_than_the_longest(silences in 1u32..40, jitter in 0.0f64..=1.0) {
            let mut breaker = Breaker::default();
            for _ in 0..silences {
                breaker.silent(Duration::ZERO, jitter);
            }
            prop_assert_eq!(breaker.is_open(), silences >= PATIENCE);
            prop_assert!(!breaker.is_open() || breaker.is_ripe(LONGEST_REST));
        }

        #[test]
        fn probes_take_no_more_than_their_share(steps in prop::collection::vec(1u64..2000, 50..400)) {
            let timeout = Duration::from_millis(500);
            let mut budget = ProbeBudget::new(0.05, Duration::ZERO);
            let (mut now, mut spent) = (Duration::ZERO, Duration::ZERO);
            for step in steps {
                now += Duration::from_millis(step);
                if budget.allows(timeout, now) {
                    budget.spend(timeout);
                    spent += timeout;
                    now += timeout;
                }
            }
            prop_assert!(spent.as_secs_f64() <= now.as_secs_f64() * 0.05 + timeout.as_secs_f64());
        }
    }
}
