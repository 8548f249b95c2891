//! Hazard records (隐患): what a breach becomes when somebody has to own it.
//!
//! Pure: transitions, steps and a time go in, changed records come out. The keeper puts them on the disk and only then tells
//! anyone. `origin` says why a record is opened and what is merged with it, `lifecycle` what may happen to it and when it
//! has to be looked at again, `opening` makes one of an alarm, `register` holds the open ones (promise P2: at most one is
//! open for a merge key).

mod event;
mod lifecycle;
mod opening;
mod origin;
mod record;
mod register;

pub use event::cloud_event;
pub use lifecycle::{HazardError, Proof, Step, WakeUp, apply, next_wake_up};
pub use opening::Draft;
pub use origin::{AlarmOrigin, Origin};
pub use record::{ChangeKind, Evidence, Hazard, HazardChange, LevelState, Status};
pub use register::Register;
