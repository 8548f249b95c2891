//! Which readings came lately: a table of fingerprints, so that what a broker or a device sends
//! twice is dropped without keeping it. Pure; fixed memory, no allocation per reading.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::plant::{Micros, Reading};

/// The table: one point and device time a slot, with the last reading of both; newer ones take an older one's place.
#[derive(Debug)]
pub struct Recent {
    slots: Vec<Slot>,
}

/// Fingerprints; 0 is nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Of point and device time.
    of: u64,
    /// Of value and quality.
    said: u64,
}

impl Recent {
    /// Room for about the last 64 readings of each of `points` points.
    #[must_use]
    pub fn new(points: usize) -> Self {
        let size = points.saturating_mul(64).clamp(1 << 10, 1 << 17).next_power_of_two();
        Self { slots: vec![Slot::default(); size] }
    }

    /// True if this is the last reading (value, quality) that came of this point and device time; notes it if not.
    ///
    /// The value counts: a device whose clock has whole seconds may well send two in one. The last one counts: it may
    /// well return to the first, and then the second must not stand.
    pub fn is_repeated(&mut self, at: Micros, reading: &Reading) -> bool {
        let print = |of: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            of(&mut hasher);
            hasher.finish().max(1)
        };
        let of = print(&|hasher| (reading.point, at).hash(hasher));
        let said = print(&|hasher| (reading.value.to_bits(), reading.quality).hash(hasher));
        let place = of as usize & (self.slots.len() - 1);
        let slot = &mut self.slots[place];
        let known = (slot.of, slot.said) == (of, said);
        *slot = Slot { of, said };
        known
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Recent;
    use crate::plant::{Micros, PointIx, Quality, Reading};

    fn of(value: f64) -> Reading {
        Reading { point: PointIx(0), value, quality: Quality::Good }
    }

    #[test]
    fn a_return_to_an_earlier_value_within_one_device_time_is_new() {
        let mut recent = Recent::new(2);
        let told = [1.0, 0.0, 1.0, 1.0, 0.0].map(|value| recent.is_repeated(Micros(1), &of(value)));
        assert_eq!(told, [false, false, false, true, false]);
    }

    proptest! {
        #[test]
        fn what_is_dropped_is_what_stands(values in prop::collection::vec((0i64..3, 0u8..3), 1..40)) {
            let mut recent = Recent::new(2);
            let mut stands = std::collections::HashMap::new();
            for (at, value) in values {
                let value = f64::from(value);
                if recent.is_repeated(Micros(at), &of(value)) {
                    prop_assert_eq!(stands.get(&at), Some(&value));
                }
                stands.insert(at, value);
            }
        }
    }

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
