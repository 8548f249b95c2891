//! What is derived from readings (派生量): the formula language, and what boilers and vessels say only together or
//! over time.
//!
//! Pure: values and times go in, values come out. The settings check what is written against it, the engine
//! calculates with it.

pub mod boiler;
pub mod formula;
pub mod instrument;
mod names;

pub use names::PlantNames;
