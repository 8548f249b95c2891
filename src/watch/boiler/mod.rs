//! Derived quantities of boilers and pressure vessels (派生量): what readings say only together or over time.
//!
//! Pure functions (`saturation`, `combustion`, `drum`, `time_to_limit`) and detectors that are stepped
//! ([`Detector`]). Formulas and thresholds are those of the trade, with their source; what no standard fixes is
//! called a default of the project. What is derived here is advice and evidence: it never replaces a limit, and no
//! protection depends on it.
//!
//! Units: pressures in MPa, gauge unless the name says `abs`; temperatures in °C, differences in K; levels in mm
//! (0 = normal water level); flows in t/h; loads in percent of the rated one.

pub mod combustion;
pub mod drum;
pub mod saturation;

/// Beyond this, in whatever unit, a number is not a reading. It keeps squares and cubes finite.
const LARGEST: f64 = 1e12;

/// A number that may be calculated with; NaN, infinities and absurd ones are unknown.
fn known(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.abs() <= LARGEST)
}
