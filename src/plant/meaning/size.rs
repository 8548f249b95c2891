//! Sizes that no quantity has in a usual unit: a float that was read with its words or bytes in another order, most
//! likely. One rule for registers, payloads and pushed values.

/// Below these nothing but zero is measured: nanograms in tonnes, and for a half float what it can no longer divide.
/// A double may be the rest of a subtraction.
const SMALLEST_HALF: f64 = 6.103_5e-5;
const SMALLEST_SINGLE: f64 = 1e-12;
const SMALLEST_DOUBLE: f64 = 1e-20;
/// Terawatt hours in watt hours. A double may also count microseconds since 1970, or be a counter of 64 bits.
const LARGEST_SINGLE: f64 = 1e13;
const LARGEST_DOUBLE: f64 = 2e19;

/// How the device holds a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 16 bits.
    Half,
    /// 32 bits.
    Single,
    /// 64 bits, or decimal digits in a text.
    Double,
}

/// A float of a size that no quantity has. Zero has none.
#[must_use]
pub fn is_implausible(raw: f64, width: Width) -> bool {
    let (smallest, largest) = match width {
        Width::Half => (SMALLEST_HALF, f64::MAX),
        Width::Single => (SMALLEST_SINGLE, LARGEST_SINGLE),
        Width::Double => (SMALLEST_DOUBLE, LARGEST_DOUBLE),
    };
    raw != 0.0 && !(smallest..=largest).contains(&raw.abs())
}
