//! Judging: limits, alarm states and the engine that ties them to points; formulas of derived points.
//!
//! Pure: values and a time go in, transitions come out. No socket, no file, no clock. Called by the
//! keeper, and directly by property tests and benchmarks.

mod alarm;
mod engine;
pub mod formula;
mod limit;
mod rule;
#[cfg(test)]
mod tests;

pub use alarm::{AlarmState, CommandError, Event};
pub use engine::{AlarmInfo, Breach, Current, Engine, Saved, Transition};
pub use rule::{Rule, RuleIx};
