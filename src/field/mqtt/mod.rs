//! MQTT 3.1.1 and 5: persistent sessions, acknowledged only after commit (promise P1).
//!
//! `session` carries messages, `route` finds what was configured for a topic, `ingest::payload` finds values
//! in it, `book` makes samples of them; `sparkplug` does all that for Sparkplug B edge nodes; `recognise` tells
//! which shape an unknown payload has and `propose` writes the settings for it.

pub mod book;
pub mod propose;
pub mod recognise;
mod route;
mod session;
pub mod sparkplug;
mod status;

pub use crate::field::ingest::unmapped::Unknown;
pub(super) use session::{Part, run};
pub use status::{EdgeNode, MqttStatus};
