//! Judging: limits, alarm states and the engine that ties them to points; limits tried on what has been (`rehearsal`).
//!
//! Pure: values and a time go in, transitions come out. No socket, no file, no clock. Called by the
//! keeper, and directly by property tests and benchmarks.

mod engine;
pub mod figures;
mod limit;
pub mod rehearsal;
mod rule;
mod state;
#[cfg(test)]
mod tests;
mod timer;

pub use engine::{
    AlarmInfo, Breach, Current, Engine, FirstOut, MemoryOf, Out, Precursor, Removed, Shelf, StoredAlarm,
    StoredCalls, StoredDesign, StoredExcursion, StoredMemory, StoredShelf, StoredText, Transition,
};
pub use rule::{Rule, RuleIx, priorities};
pub use state::{Alarm, AlarmState, CommandError, Event, Suppression};
