//! `max_step` and `flatline` of a point: what its own past says against a reading.

use std::time::Duration;

use super::super::fault::Written;
use super::super::walk::Walk;

/// As written; the name in `flatline.when` is looked up when all points are known.
#[derive(Debug, Clone, Default)]
pub(in crate::settings) struct Plausible {
    pub(in crate::settings) max_step: Option<f64>,
    /// After, within, while.
    pub(in crate::settings) flatline: Option<(Duration, f64, Option<String>)>,
    pub(in crate::settings) when_written: Written,
}

/// `None` if neither is written.
pub(in crate::settings) fn plausible(walk: &Walk<'_>) -> Option<Plausible> {
    let max_step = walk.number("max_step");
    if max_step.is_some_and(|s| s <= 0.0) {
        walk.fault("max_step", "not above 0", "the most it can move between two readings, in its unit");
    }
    let mut when_written = Written::default();
    let flatline = walk.table("flatline").map(|w| {
        let after = w.duration("after");
        if after.is_none_or(|a| a.is_zero()) && !(w.has("after") && after.is_none()) {
            w.fault("after", "no time", "how long it may stand still: after = \"10m\"");
        }
        let within = w.number("within").unwrap_or(0.0);
        if within < 0.0 {
            w.fault("within", "negative", "less than the instrument's resolution, in the point's unit");
        }
        let when = w.text("when").map(str::to_owned);
        when_written = w.written("when");
        w.finish();
        (after.unwrap_or_default(), within, when)
    });
    (max_step.is_some() || flatline.is_some()).then_some(Plausible { max_step, flatline, when_written })
}
