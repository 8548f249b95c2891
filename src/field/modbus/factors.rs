//! What values are multiplied by: other points of the same device, such as CT and PT ratios and
//! decimal-point registers. Pure; `unit` asks at every answer.
//!
//! A value whose factor is not known, or can be none, is no value: by a wrong one it would be wrong
//! tenfold and look well.

use std::collections::HashMap;

use super::decode::finite;
use crate::plant::{Cause, PointIx, Quality};
use crate::settings::{Factor, ModbusDevice};

/// No device has more decimals than this, before or behind the point: it is a register that was never
/// set, or another one.
const MOST_DECIMALS: f64 = 12.0;

/// The factors of one device, by point: the last value, if there is one.
pub(super) struct Factors(HashMap<PointIx, Option<f64>>);

impl Factors {
    pub(super) fn of(device: &ModbusDevice) -> Self {
        let points = device.groups.iter().flat_map(|g| &g.points);
        let named = points.flat_map(|p| &p.factors).map(|factor| {
            let (Factor::Times(of) | Factor::Decimals(of)) = *factor;
            (of, None)
        });
        Self(named.collect())
    }

    /// Others are multiplied by this point.
    pub(super) fn contains(&self, point: PointIx) -> bool {
        self.0.contains_key(&point)
    }

    /// `point` reads so; of no interest unless it is a factor.
    pub(super) fn read(&mut self, point: PointIx, value: f64, quality: Quality) {
        if let Some(known) = self.0.get_mut(&point) {
            *known = quality.is_usable().then_some(value);
        }
    }

    /// The device refuses `point`: what it was means nothing any more.
    pub(super) fn refused(&mut self, point: PointIx) {
        if let Some(known) = self.0.get_mut(&point) {
            *known = None;
        }
    }

    /// A value multiplied by all of `factors`.
    pub(super) fn apply(&self, factors: &[Factor], (value, quality): (f64, Quality)) -> (f64, Quality) {
        if factors.is_empty() || !quality.is_usable() {
            return (value, quality);
        }
        let known = |of: &PointIx| self.0.get(of).copied().flatten();
        let by = factors.iter().try_fold(1.0, |by, factor| match factor {
            Factor::Times(of) => Some(by * known(of)?),
            Factor::Decimals(of) => Some(by * shift(known(of)?)?),
        });
        by.map_or((f64::NAN, Quality::Bad(Cause::NoFactor)), |by| finite(value * by, quality))
    }
}

/// 10 to the minus `decimals`; `None` for what is no number of decimals.
fn shift(decimals: f64) -> Option<f64> {
    let is_one = decimals.fract() == 0.0 && decimals.abs() <= MOST_DECIMALS;
    is_one.then(|| 10f64.powi(-(decimals as i32)))
}
