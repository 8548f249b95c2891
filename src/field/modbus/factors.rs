//! What values are multiplied by: other points of the same device, such as CT and PT ratios and
//! decimal-point registers. Pure; `unit` asks at every answer.
//!
//! A value whose factor is not known, or cannot be one, is not a value: by a wrong one it would be wrong
//! tenfold and look well. A product is never better than its worst factor. For the same reason a value is believed only with a factor that came in the very
//! same answer, or that was read again after it and was the same as before. [`in_order`] puts the requests
//! of a poll so that this is known when the poll ends.

use std::collections::HashMap;

use super::decode::finite;
use super::plan::Request;
use crate::plant::{Cause, PointIx, Quality, decimal};
use crate::settings::{Factor, ModbusDevice, ModbusPoint};

/// No device has more decimals than this, before or behind the point: it is a register that was never
/// set, or another one.
const MOST_DECIMALS: f64 = 6.0;

/// One factor.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Its physical range, if it has one: what lies outside is not a factor.
    range: Option<(f64, f64)>,
    /// What it is multiplied by itself, before it is held against its range.
    own: Vec<Factor>,
    /// Its last value, before its own factors, if there is one.
    value: Option<f64>,
    /// That value was in doubt.
    doubt: bool,
    /// The answer in which it was last read, and the one in which it last changed, counted from 1.
    read: u64,
    changed: u64,
}

/// The factors of one device, by point.
pub(super) struct Factors {
    known: HashMap<PointIx, Known>,
    /// Answers so far.
    answers: u64,
}

impl Factors {
    pub(super) fn of(device: &ModbusDevice) -> Self {
        let points = || device.groups.iter().flat_map(|g| &g.points);
        let named = points().flat_map(|p| &p.factors).map(|factor| {
            let of = factor.point();
            let known = points().find(|p| p.point == of).map_or_else(Known::default, |p| Known {
                range: p.range,
                own: p.factors.clone(),
                ..Known::default()
            });
            (of, known)
        });
        Self { known: named.collect(), answers: 0 }
    }

    /// An answer begins; gives its number.
    pub(super) fn answer(&mut self) -> u64 {
        self.answers += 1;
        self.answers
    }

    /// Others are multiplied by this point.
    pub(super) fn contains(&self, point: PointIx) -> bool {
        self.known.contains_key(&point)
    }

    /// `point` reads so; ignored unless it is a factor. A float of a size that nothing has is not one.
    pub(super) fn read(&mut self, point: PointIx, value: f64, quality: Quality) {
        let is_one = quality.is_usable() && quality != Quality::Uncertain(Cause::Implausible);
        self.set(point, is_one.then_some(value), quality != Quality::Good);
    }

    /// The device refuses `point`: what it was says nothing any more.
    pub(super) fn refused(&mut self, point: PointIx) {
        self.set(point, None, false);
    }

    fn set(&mut self, point: PointIx, value: Option<f64>, doubt: bool) {
        let answer = self.answers;
        if let Some(known) = self.known.get_mut(&point) {
            if known.value != value || known.read == 0 {
                known.changed = answer;
            }
            (known.value, known.doubt, known.read) = (value, doubt, answer);
        }
    }

    /// Each of `factors` was read with the answer `since` or after it.
    pub(super) fn are_read_since(&self, factors: &[Factor], since: u64) -> bool {
        factors.iter().all(|f| self.known.get(&f.point()).is_some_and(|k| k.read >= since))
    }

    /// A value of the answer `since`, multiplied by all of `factors`: in doubt if one of them is, has changed
    /// after it, or was not read after it.
    pub(super) fn apply(
        &self,
        factors: &[Factor],
        since: u64,
        (value, quality): (f64, Quality),
    ) -> (f64, Quality) {
        if factors.is_empty() || !quality.is_usable() {
            return (value, quality);
        }
        let product = factors.iter().try_fold(value, |product, factor| {
            self.is_within_range(factor.point()).then(|| self.multiplied(product, factor)).flatten()
        });
        let Some(product) = product else { return (f64::NAN, Quality::Bad(Cause::NoFactor)) };
        let known = |factor: &Factor| self.known.get(&factor.point());
        let unsure = |k: &Known| k.doubt || k.changed > since || k.read < since;
        let quality = match quality {
            Quality::Good if factors.iter().any(|f| known(f).is_none_or(unsure)) => {
                Quality::Uncertain(Cause::FactorUnsure)
            }
            quality => quality,
        };
        finite(product, quality)
    }
}

impl Factors {
    /// `product` by one factor; `None` if that is not known or cannot be one. A ratio is more than nothing: zero is a
    /// register that was never set.
    fn multiplied(&self, product: f64, factor: &Factor) -> Option<f64> {
        let by = self.known.get(&factor.point())?.value?;
        match factor {
            Factor::Times(_) if by <= 0.0 => None,
            Factor::Times(_) => {
                let product = product * by;
                Some(if by == 1.0 { product } else { decimal::rounded(product, product.abs()) })
            }
            Factor::Decimals(_) => Some(decimal::shifted(product, decimals(by)?)),
        }
    }

    /// The value of `point`, by its own factors, lies in its physical range; one without a range always does.
    fn is_within_range(&self, point: PointIx) -> bool {
        let Some(known) = self.known.get(&point) else { return false };
        let Some((low, high)) = known.range else { return true };
        let whole = |value| known.own.iter().try_fold(value, |product, f| self.multiplied(product, f));
        known.value.and_then(whole).is_some_and(|value| value >= low && value <= high)
    }
}

/// A number of decimals; `None` for what cannot be one.
fn decimals(value: f64) -> Option<i32> {
    let is_one = value.fract() == 0.0 && value.abs() <= MOST_DECIMALS;
    is_one.then_some(value as i32)
}

/// The requests of a poll in an order that reads factors after the values that need them; where two
/// requests need each other's, `again` makes requests that read the factors once more at the end.
pub(super) fn in_order(
    requests: Vec<Request>,
    points: &[ModbusPoint],
    again: impl FnOnce(&[usize]) -> Vec<Request>,
) -> Vec<Request> {
    if points.iter().all(|p| p.factors.is_empty()) {
        return requests;
    }
    let has = |request: &Request, of: PointIx| request.points.iter().any(|n| points[*n].point == of);
    // The points that values of `request` are multiplied by and that are not read with them.
    let foreign = |request: &Request| -> Vec<PointIx> {
        let all = request.points.iter().flat_map(|n| &points[*n].factors).map(Factor::point);
        all.filter(|of| !has(request, *of)).collect()
    };
    let wanted: Vec<PointIx> = requests.iter().flat_map(foreign).collect();
    let (last, mut ordered): (Vec<Request>, Vec<Request>) =
        requests.into_iter().partition(|r| wanted.iter().any(|of| has(r, *of)));
    ordered.extend(last);
    let mut missing: Vec<usize> = Vec::new();
    for (at, request) in ordered.iter().enumerate() {
        for of in foreign(request) {
            let behind = ordered.iter().skip(at + 1).any(|r| has(r, of));
            let own = points.iter().position(|p| p.point == of);
            // One that is set aside stands in no request.
            let planned = ordered.iter().any(|r| has(r, of));
            missing.extend(own.filter(|n| !behind && planned && !missing.contains(n)));
        }
    }
    if !missing.is_empty() {
        ordered.extend(again(&missing));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::{Request, in_order};
    use crate::plant::PointIx;
    use crate::settings::{Factor, Format, ModbusPoint, Table};

    fn points(of: &[(Table, u16, &[u32])]) -> Vec<ModbusPoint> {
        let point = |(n, (table, address, by)): (usize, &(Table, u16, &[u32]))| ModbusPoint {
            factors: by.iter().map(|of| Factor::Times(PointIx(*of))).collect(),
            ..ModbusPoint::plain(PointIx(n as u32), *table, *address, Format::U16)
        };
        of.iter().enumerate().map(point).collect()
    }

    fn request(points: &[ModbusPoint], of: &[usize]) -> Request {
        let first = &points[of[0]];
        Request {
            table: first.table,
            address: first.address,
            count: of.len() as u16,
            four_byte: false,
            points: of.to_vec(),
        }
    }

    fn ordered(points: &[ModbusPoint], requests: &[&[usize]]) -> Vec<Vec<usize>> {
        let requests = requests.iter().map(|of| request(points, of)).collect();
        let again = |of: &[usize]| vec![request(points, of)];
        in_order(requests, points, again).into_iter().map(|r| r.points).collect()
    }

    #[test]
    fn factors_are_read_after_the_values_that_need_them() {
        use Table::{HoldingRegister as H, InputRegister as I};
        let one = points(&[(H, 0, &[]), (I, 0, &[0])]);
        assert_eq!(ordered(&one, &[&[0], &[1]]), [[1], [0]]);
        let together = points(&[(H, 0, &[]), (H, 1, &[0])]);
        assert_eq!(ordered(&together, &[&[0, 1]]), [[0, 1]]);
        // Each request holds the other's factor: the first one's is read once more.
        let crossed = points(&[(H, 0, &[]), (H, 1, &[2]), (I, 0, &[]), (I, 1, &[0])]);
        assert_eq!(ordered(&crossed, &[&[0, 1], &[2, 3]]), [vec![0, 1], vec![2, 3], vec![0]]);
        let plain = points(&[(H, 0, &[]), (I, 0, &[])]);
        assert_eq!(ordered(&plain, &[&[0], &[1]]), [[0], [1]]);
    }
}
