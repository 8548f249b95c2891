//! How a device has answered lately, in few numbers: round trips as a histogram that forgets.

use std::time::Duration;

/// Buckets of a factor √2 from 100 µs on; the last one takes what is longer than about two minutes.
const BUCKETS: usize = 42;
const FIRST_MICROS: f64 = 100.0;
/// When so many are counted, all are halved: the past fades.
const FADE: u32 = 4096;

/// Round trips of one device.
#[derive(Debug, Clone)]
pub struct RoundTrips {
    counts: [u32; BUCKETS],
    total: u32,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], total: 0 }
    }
}

impl RoundTrips {
    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        let micros = took.as_micros() as f64;
        let steps = (micros / FIRST_MICROS).max(1.0).log2() * 2.0;
        self.counts[(steps as usize).min(BUCKETS - 1)] += 1;
        self.total += 1;
        if self.total >= FADE {
            self.counts.iter_mut().for_each(|c| *c /= 2);
            self.total = self.counts.iter().sum();
        }
    }

    /// The round trip that `share` (0 to 1) of them did not exceed, to about a fifth; `None` without any.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let wanted = (f64::from(self.total) * share).ceil().max(1.0) as u32;
        let mut seen = 0;
        for (n, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                // The geometric middle of the bucket.
                let micros = FIRST_MICROS * 2f64.powf((n as f64 + 0.5) / 2.0);
                return Some(Duration::from_micros(micros as u64));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::RoundTrips;

    #[test]
    fn quantiles_are_true_to_about_a_fifth_and_the_past_fades() {
        let mut trips = RoundTrips::default();
        assert_eq!(trips.quantile(0.5), None);
        for ms in 1..=1000 {
            trips.add(Duration::from_millis(ms));
        }
        for (share, ms) in [(0.5, 500.0), (0.99, 990.0)] {
            let found = trips.quantile(share).unwrap().as_secs_f64() * 1000.0;
            assert!((found / ms).ln().abs() < 0.2, "{share}: {found} ms");
        }
        for _ in 0..100_000 {
            trips.add(Duration::from_millis(2));
        }
        assert!(trips.quantile(0.99).unwrap() < Duration::from_millis(3));
    }
}
