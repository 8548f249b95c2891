//! Modbus TCP, RTU on serial lines and through serial servers, and devices that dial in. Reads only.
//!
//! `bus` is the loop of one endpoint; `link` its connection, over `wire`, in `frame`s; `unit` what is
//! known of one device; `ascii`, `plan`, `decode`, `factors`, `breaker`, `beats`, `heartbeat`, `warm_up` and
//! `torn` are what they say, and pure. `survey` looks at devices that nobody has described yet.

mod ascii;
mod beats;
mod breaker;
mod bus;
pub mod decode;
pub(super) mod dial_in;
mod factors;
pub mod frame;
mod heartbeat;
pub mod link;
mod plan;
mod stats;
mod strangers;
pub mod survey;
mod torn;
mod trace;
mod unit;
mod warm_up;
mod wire;

pub(super) use bus::{Parts, run};
pub use link::LineCounts;
pub use plan::{PlanReport, describe_plan};
pub use stats::RoundTrips;
pub use trace::{Frame, Trace};
