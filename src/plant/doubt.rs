//! What a point's own past says against a reading: a jump that nothing in the plant can make, a value that stands still.

use std::time::Duration;

use super::PointIx;

/// Tests of a point's readings against each other; all are off unless set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Doubts {
    /// A reading further than this from the last one, in the point's unit, is rejected, until two more agree with it:
    /// then it was no spike.
    pub max_step: Option<f64>,
    /// See there.
    pub flatline: Option<Flatline>,
}

/// A value that does not move is in doubt: the sensor may be frozen, its tube blocked (假水位).
#[derive(Debug, Clone, PartialEq)]
pub struct Flatline {
    /// It has not moved for this long.
    pub after: Duration,
    /// What counts as not moving, in the point's unit: less than the resolution of the instrument.
    pub within: f64,
    /// Only while this point is 1: something else says that it should move.
    pub when: Option<PointIx>,
}
