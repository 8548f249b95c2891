//! A normal day of each kind of equipment: start, load, night stop, batch. Nothing goes wrong in it, so nobody must be
//! called. Pure: seconds go in, readings come out; called by `cli/demo`, which plays them to the engine with nothing but
//! the presets.
//!
//! The numbers are those of the trade, from the nameplate and textbook balances, and not from the presets: steam
//! temperatures by Antoine's equation, circulation by the heat carried, rates from the curves themselves.

mod boilers;
mod vessels;

use std::time::Duration;

use super::scenario::{Said, Story};

/// Between readings.
pub const STEP: Duration = Duration::from_secs(10);
const HOUR: f64 = 3600.0;

/// A unit and its day.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// `D1`
    pub id: &'static str,
    /// 中文
    pub zh: &'static str,
    /// English
    pub en: &'static str,
    /// Kind of equipment.
    pub kind: &'static str,
    /// Its nameplate as the settings write it.
    pub nameplate: &'static str,
    /// Its readings, from midnight to midnight.
    pub story: fn() -> Box<dyn Story>,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Day> {
    [boilers::DAYS, vessels::DAYS].concat()
}

/// Readings that follow from the hour alone.
struct Hours<F>(F);

impl<F: Fn(f64) -> Vec<(&'static str, f64)>> Story for Hours<F> {
    fn at(&mut self, t: f64) -> Vec<Said> {
        vec![Said { late: Duration::ZERO, values: (self.0)(t / HOUR) }]
    }
}

/// Straight between the corners (hour, value), level outside.
fn through(corners: &[(f64, f64)], hour: f64) -> f64 {
    let after = corners.iter().position(|c| c.0 > hour);
    match after {
        None => corners.last().map_or(0.0, |c| c.1),
        Some(0) => corners[0].1,
        Some(n) => {
            let ((t0, v0), (t1, v1)) = (corners[n - 1], corners[n]);
            v0 + (v1 - v0) * (hour - t0) / (t1 - t0)
        }
    }
}

/// Change an hour of a curve.
fn slope(curve: impl Fn(f64) -> f64, hour: f64) -> f64 {
    const LOOK: f64 = 1.0 / 60.0;
    (curve(hour) - curve(hour - LOOK)) / LOOK
}

/// A slow wave between -1 and 1, of `minutes` a turn.
fn wave(hour: f64, minutes: f64) -> f64 {
    (hour * 60.0 / minutes * std::f64::consts::TAU).sin()
}

/// Where water boils at a gauge pressure in MPa, ℃ (Antoine, 99 to 374 ℃).
pub(super) fn boils(mpa_gauge: f64) -> f64 {
    let mm_hg = (mpa_gauge + 0.1013) * 7500.62;
    1810.94 / (8.14019 - mm_hg.log10()) - 244.485
}

fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}
