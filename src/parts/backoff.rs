//! The pause between attempts.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Growing, jittered pauses: half to whole of a doubling step, so that many gateways spread.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    step: Duration,
}

impl Backoff {
    /// Pauses from `first` up to `longest`.
    #[must_use]
    pub fn new((first, longest): (Duration, Duration)) -> Self {
        Self { first, longest, step: first }
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let random = RandomState::new().build_hasher().finish();
        let share = 0.5 + (random >> 11) as f64 / (1u64 << 53) as f64 / 2.0;
        let pause = self.step.mul_f64(share);
        self.step = (self.step * 2).min(self.longest);
        pause
    }

    /// It went well: begin anew.
    pub fn reset(&mut self) {
        self.step = self.first;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_success() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(8));
        let mut backoff = Backoff::new((first, longest));
        for step in [1, 2, 4, 8, 8] {
            let (pause, step) = (backoff.pause(), Duration::from_secs(step));
            assert!(pause >= step / 2 && pause <= step, "{pause:?} against {step:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= first);
    }
}
