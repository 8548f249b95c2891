//! Points that are calculated and not read (派生点), as the settings describe them.

use super::{DeviceIx, PointIx};

/// One calculation and the point that it makes. Names in the formula are those of the point's equipment.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// What it makes.
    pub point: PointIx,
    /// Stands for the calculating gateway, where other points have what reads them.
    pub device: DeviceIx,
    /// In the language of `derive::formula`; checked when the settings were loaded.
    pub formula: String,
}
