//! Hazard records (隐患): what a breach becomes when somebody has to own it.
//!
//! Pure: transitions, commands and a time go in, changed records come out. The keeper puts them on
//! the disk and only then tells anyone. At most one record is open per equipment and rule (P2).

mod event;
mod record;
mod register;

pub use event::cloud_event;
pub use record::{ChangeKind, Evidence, Hazard, HazardChange, LevelState, Status};
pub use register::{HazardError, Proof, Register};
