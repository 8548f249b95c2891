//! Modbus TCP: one task and one connection an endpoint, all its units in turn.

pub mod decode;
mod link;
pub mod plan;
mod poller;

pub use plan::describe_plan;
pub(super) use poller::run;
