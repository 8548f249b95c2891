//! Decimal numbers as people write them. Pure.
//!
//! A limit of 0.35 and a register of 35 with a scale of 0.01 mean the same number, but 35 × 0.01 in
//! binary fractions is 0.35000000000000003. One rule undoes that: **what was calculated has 15
//! significant digits, counted from the largest part of the calculation, and what came as a short float
//! is the shortest decimal that gives this float.** Both are then the very double that the written
//! decimal is, so a value exactly at its limit has reached it. Called by `field` for each reading.

use std::ops::RangeInclusive;

/// Significant digits of a calculated value: as many as a double always holds.
const DIGITS: i32 = 15;
/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// `raw × scale + offset`, as a decimal.
#[must_use]
pub fn linear(raw: f64, scale: f64, offset: f64) -> f64 {
    if scale == 1.0 && offset == 0.0 {
        return raw;
    }
    let product = raw * scale;
    rounded(product + offset, product.abs().max(offset.abs()))
}

/// `value` with 15 significant digits of `largest`, the size of the largest part it was calculated
/// from. A size outside 1e-8 to 1e15 leaves it as it is.
#[must_use]
pub fn rounded(value: f64, largest: f64) -> f64 {
    let Some(tens) = tens(largest) else { return value };
    let shift = DIGITS - 1 - tens;
    let Some(steps) = usize::try_from(shift).ok().and_then(|n| POWERS.get(n)) else { return value };
    let counted = value * steps;
    if !counted.is_finite() {
        return value;
    }
    // A cast instead of `round`: that is a call into the C library on older processors.
    (counted + 0.5f64.copysign(counted)) as i64 as f64 / steps
}

/// 10 to the minus `decimals` of `value`, as a decimal.
#[must_use]
pub fn shifted(value: f64, decimals: i32) -> f64 {
    let power = |n: u32| POWERS.get(n as usize).copied().unwrap_or_else(|| 10f64.powi(n as i32));
    let by = power(decimals.unsigned_abs());
    let found = if decimals < 0 { value * by } else { value / by };
    rounded(found, found.abs())
}

/// The shortest decimal that gives this single float: 0.83 rather than 0.8299999833106995.
#[must_use]
pub fn of_single(value: f32) -> f64 {
    let exact = f64::from(value);
    // Whole numbers up to 2^24 are what they are.
    if exact.abs() < 16_777_216.0 && (exact as i32 as f64) == exact {
        return exact;
    }
    shortest(exact, 6..=9, |found| found as f32 == value.abs())
}

/// The shortest decimal that gives a half float (11 bits); `exact` is its value, below 65 520.
#[must_use]
pub fn of_half(exact: f64) -> f64 {
    if (exact as i32 as f64) == exact {
        return exact;
    }
    let size = exact.abs();
    // Steps of a half float: 2^-10 of the power of two below it, at the least 2^-24.
    let below = f64::from_bits(size.to_bits() & !((1 << 52) - 1));
    let half_a_step = (below / 2048.0).max(2f64.powi(-25));
    shortest(exact, 3..=5, |found| (found - size).abs() < half_a_step)
}

fn shortest(exact: f64, digits: RangeInclusive<i32>, fits: impl Fn(f64) -> bool) -> f64 {
    let size = exact.abs();
    let Some(tens) = tens(size) else { return exact };
    for digits in digits {
        let shift = digits - 1 - tens;
        let Some(power) = POWERS.get(shift.unsigned_abs() as usize) else { return exact };
        let found = if shift < 0 {
            (size / power + 0.5) as u64 as f64 * power
        } else {
            (size * power + 0.5) as u64 as f64 / power
        };
        if fits(found) {
            return found.copysign(exact);
        }
    }
    exact
}

/// The power of ten at or below `size`; `None` for 0, what is beyond 22 powers, and what is not a number.
fn tens(size: f64) -> Option<i32> {
    if !(1e-22..1e22).contains(&size) {
        return None;
    }
    let twos = (size.to_bits() >> 52) as i32 - 1023;
    // log10(2) is 1233/4096 near enough; the power of two below `size` may lie below its power of ten.
    let low = (twos * 1233) >> 12;
    let next = low + 1;
    let power = POWERS.get(next.unsigned_abs() as usize)?;
    let reached = if next < 0 { size >= 1.0 / power } else { size >= *power };
    Some(if reached { next } else { low })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{linear, of_half, of_single, rounded, shifted};

    /// `digits` × 10^-`places`, as a person writes it and the settings read it.
    fn written(digits: i64, places: u32) -> f64 {
        format!("{digits}e-{places}").parse().expect("a number")
    }

    #[test]
    fn a_register_at_a_scale_is_the_decimal_that_was_meant() {
        for (raw, scale, wanted) in [(35.0, 0.01, 0.35), (3.0, 0.1, 0.3), (1105.0, 0.001, 1.105)] {
            assert_eq!(linear(raw, scale, 0.0), wanted);
        }
        assert_eq!(linear(1001.0, 0.1, -100.0), 0.1);
        assert_eq!(shifted(35.0, 2), 0.35);
        assert_eq!(shifted(35.0, -2), 3500.0);
    }

    #[test]
    fn a_short_float_is_the_decimal_that_was_meant() {
        for wanted in [0.83, -0.83, 0.1, 184.5, 1e-9, 6.4e7, 123_456.7, 9.87e12] {
            assert_eq!(of_single(wanted as f32), wanted);
        }
        assert_eq!(of_half(0.830_078_125), 0.83);
        assert_eq!((of_single(0.0), of_single(16_777_215.0)), (0.0, 16_777_215.0));
        assert!(of_single(f32::NAN).is_nan() && of_single(f32::INFINITY).is_infinite());
        assert_eq!(of_single(f32::MIN_POSITIVE), f64::from(f32::MIN_POSITIVE));
    }

    #[test]
    fn what_cannot_be_rounded_stays_as_it_is() {
        for value in [0.0, 1e-300, 1e300, f64::INFINITY, 1e15, 123e-30] {
            assert_eq!(rounded(value, value), value);
        }
        assert!(rounded(f64::NAN, 1.0).is_nan());
    }

    proptest! {
        #[test]
        fn a_whole_number_times_a_decimal_scale_is_the_nearest_double_of_the_decimal(
            raw in -4_294_967_296i64..=4_294_967_295, scale in 1i64..1000, places in 0u32..7
        ) {
            let found = linear(raw as f64, written(scale, places), 0.0);
            prop_assert_eq!(found, written(raw * scale, places));
        }

        #[test]
        fn with_an_offset_too(
            raw in -65_536i64..65_536, scale in 1i64..1000, places in 0u32..7, offset in -1_000_000i64..1_000_000
        ) {
            let found = linear(raw as f64, written(scale, places), written(offset, places));
            prop_assert_eq!(found, written(raw * scale + offset, places));
        }

        #[test]
        fn a_decimal_float_times_a_decimal_scale_is_the_nearest_double_too(
            digits in -999_999i64..999_999, places in 0u32..5, scale in 1i64..1000, of_scale in 0u32..5
        ) {
            let raw = of_single(written(digits, places) as f32);
            prop_assert_eq!(raw, written(digits, places));
            prop_assert_eq!(linear(raw, written(scale, of_scale), 0.0), written(digits * scale, places + of_scale));
        }

        #[test]
        fn every_float_of_a_usual_size_is_its_shortest_decimal(bits in 0x2C00_0000u32..0x6000_0000, negative: bool) {
            let value = f32::from_bits(bits | u32::from(negative) << 31);
            let found = of_single(value);
            prop_assert_eq!(found as f32, value);
            // Below a power of two the floats lie closer: there a longer decimal may be the nearest.
            if bits & 0x7F_FFFF != 0 {
                prop_assert_eq!(found, format!("{value:?}").parse::<f64>().expect("a number"));
            }
        }

        #[test]
        fn every_half_float_keeps_its_place(fraction in 0u32..1024, exponent in -14i32..=15) {
            let exact = (1.0 + f64::from(fraction) / 1024.0) * 2f64.powi(exponent);
            let found = of_half(exact);
            prop_assert!((found - exact).abs() < 2f64.powi(exponent - 11), "{} for {}", found, exact);
        }

        #[test]
        fn rounding_moves_a_value_by_less_than_its_fifteenth_digit(value in -1e12f64..1e12) {
            prop_assert!((rounded(value, value.abs()) - value).abs() <= value.abs() * 5e-15);
        }
    }
}
