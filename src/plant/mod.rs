//! The vocabulary every other room speaks: site, equipment, point, limit, quality, sample.
//!
//! Values only. Nothing here opens a socket or a file, reads a clock or knows a neighbour.
//! Called by every room; see `lib.rs` for the house.

mod alarm_policy;
mod clean;
pub mod decimal;
mod derived;
pub mod dictionary;
mod doubt;
#[cfg(test)]
pub(crate) mod example;
pub mod guidance;
mod id;
mod limit;
pub mod meaning;
mod quality;
mod sample;
pub mod schedule;
mod site;
mod texts;
mod time;
pub mod unit;

pub use alarm_policy::AlarmPolicy;
pub use clean::{clean, is_unseen};
pub use derived::{Derived, How};
pub use doubt::{Doubts, Flatline};
pub use id::{Id, IdError};
pub use limit::{HazardLevel, Limit, LimitKind, NoData, Priority};
pub use meaning::Meaning;
pub use quality::{Cause, Quality};
pub use sample::{Batch, Reading, SampleHead};
pub use site::{Device, DeviceIx, Equipment, EquipmentIx, Name, Plant, Point, PointIx, Site, ValueType};
pub use texts::{MOST_OF_A_POINT, MOST_TEXTS, TextTable, TooMany};
pub use time::{Micros, Now, zone};
pub use unit::Unit;
