//! Derived quantities of boilers and pressure vessels (派生量): what readings say only together or over time.
//!
//! Pure functions (`saturation`, `combustion`, `drum`) and detectors that are stepped
//! ([`Detector`]). Formulas and thresholds are those of the trade, with their source; what no standard fixes is
//! called a default of the project. What is derived here is advice and evidence: it never replaces a limit, and no
//! protection depends on it.
//!
//! Units: pressures in MPa, gauge unless the name says `abs`; temperatures in °C, differences in K; levels in mm
//! (0 = normal water level); flows in t/h; loads in percent of the rated one.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub mod autoclave;
pub mod balance;
pub mod combustion;
pub mod drum;
pub mod leak;
pub mod low_water;
pub mod rainflow;
mod recent;
pub mod runtime;
pub mod safety_valve;
pub mod saturation;
pub mod slope;
mod steps;
pub mod swell;
#[cfg(test)]
mod tests;
pub mod theil_sen;
mod window;
mod witness;

/// What is stepped with readings and remembers. Whoever drives it promises a step at every sample and at least one
/// a second, with `None` for what is unknown, bad or stale.
///
/// It promises in return: an unknown input raises nothing and clears nothing, and delays stand still over it; a step
/// makes no allocation; no float and no time makes it panic; and a restart is as if the time had stood still.
pub trait Detector: Sized {
    /// What the integrator may set; read again at every start.
    type Settings;
    /// What outlives a restart: elapsed times, never instants.
    type State: Default + Serialize + DeserializeOwned;
    /// Readings of one moment.
    type Input;
    /// What they say.
    type Output;

    /// One that remembers nothing yet.
    #[must_use]
    fn new(settings: Self::Settings) -> Self {
        Self::restored(settings, Self::State::default(), None)
    }

    /// One that goes on where `state` was kept. The time `away` ages what is remembered of the last minutes; if nobody
    /// knows how long that was, the last minutes are forgotten. It counts towards no delay.
    #[must_use]
    fn restored(settings: Self::Settings, state: Self::State, away: Option<Duration>) -> Self;

    /// To be kept.
    #[must_use]
    fn state(&self) -> &Self::State;

    /// Readings at `mono`, monotonic since any start.
    fn step(&mut self, input: Self::Input, mono: Duration) -> Self::Output;
}

/// Beyond this, in whatever unit, a number is not a reading. It keeps squares and cubes finite.
const LARGEST: f64 = 1e12;

/// A number that may be calculated with; NaN, infinities and absurd ones are unknown.
fn known(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.abs() <= LARGEST)
}
