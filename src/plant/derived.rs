//! Points that are calculated and not read (派生点), as the settings describe them.

use super::{DeviceIx, Micros, PointIx};

/// One calculation and the points that it makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// What it makes: one of a formula, one for each output of an instrument.
    pub points: Vec<PointIx>,
    /// Stands for the calculating gateway, where other points have what reads them.
    pub device: DeviceIx,
    /// How.
    pub how: How,
}

/// How points are calculated; checked when the settings were loaded.
#[derive(Debug, Clone, PartialEq)]
pub enum How {
    /// In the language of `derive::formula`; its names are those of the point's equipment.
    Formula(String),
    /// True from this instant on.
    After(Micros),
    /// By an instrument of `derive::instrument`.
    Instrument {
        /// Its kind.
        kind: String,
        /// In the order of the kind; `None` where nothing is named.
        inputs: Vec<Option<PointIx>>,
        /// In the order of the kind.
        numbers: Vec<f64>,
    },
}
