//! MQTT 3.1.1 and 5: persistent sessions, QoS 1, acknowledged only after commit (promise P1).

pub mod payload;
mod session;
pub mod sparkplug;

pub(super) use session::{Part, run};
