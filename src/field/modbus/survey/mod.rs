//! Looking at a Modbus device that nobody has described yet: who answers, what can be read, in which
//! order its bytes stand. For the person with the laptop; called by `steamward probe`.
//!
//! `ranges`, `orders`, `identity` and `proposal` decide and are pure; `asker` asks; `endpoint`, `tables`,
//! `pace` and `reading` put both together. Reads only, as everything here.

mod asker;
mod caller;
mod endpoint;
pub mod identity;
pub mod orders;
mod pace;
mod proposal;
pub mod ranges;
mod reading;
mod tables;

pub use super::frame::Ask;
pub use super::link::PollError;
pub use asker::{Asker, Heard, advice};
pub use endpoint::{Presence, Report, SurveyOptions, UnitReport, survey, who_answers};
pub use pace::{Pace, Pipelining};
pub use proposal::{Proposal, modicon};
pub use reading::{PointReading, ReadError, read_point};
pub use tables::{TableRange, TableReport, table_name};
