//! Which readings came lately: a table of fingerprints, so that what a broker or a device sends
//! twice is dropped without keeping it. Pure; fixed memory, no allocation per reading.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::plant::{Micros, Reading};

/// The table: one fingerprint a slot, a newer one takes an older one's place.
#[derive(Debug)]
pub struct Recent {
    slots: Vec<u64>,
}

impl Recent {
    /// Room for about the last 64 readings of each of `points` points.
    #[must_use]
    pub fn new(points: usize) -> Self {
        let size = points.saturating_mul(64).clamp(1 << 10, 1 << 17).next_power_of_two();
        Self { slots: vec![0; size] }
    }

    /// True if this very reading (point, device time, value, quality) came lately; notes it if not.
    ///
    /// The value counts: a device whose clock has whole seconds may well send two in one.
    pub fn is_repeated(&mut self, at: Micros, reading: &Reading) -> bool {
        let mut hasher = DefaultHasher::new();
        (reading.point, at, reading.value.to_bits(), reading.quality).hash(&mut hasher);
        let print = hasher.finish().max(1);
        let slot = print as usize & (self.slots.len() - 1);
        std::mem::replace(&mut self.slots[slot], print) == print
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;
    use crate::plant::{Micros, PointIx, Quality, Reading};

    #[test]
    fn the_same_reading_is_known_again_and_another_is_not() {
        let mut recent = Recent::new(2);
        let reading = |point, value| Reading { point: PointIx(point), value, quality: Quality::Good };
        assert!(!recent.is_repeated(Micros(1), &reading(0, 1.0)));
        assert!(recent.is_repeated(Micros(1), &reading(0, 1.0)));
        for other in [(2, reading(0, 1.0)), (1, reading(1, 1.0)), (1, reading(0, 1.5))] {
            assert!(!recent.is_repeated(Micros(other.0), &other.1), "{other:?}");
        }
    }
}
