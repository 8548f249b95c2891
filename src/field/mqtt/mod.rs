//! MQTT 3.1.1 and 5: persistent sessions, acknowledged only after commit (promise P1).
//!
//! `session` carries messages, `route` finds what was configured for a topic, `payload` finds values
//! in it, `book` makes samples of them; `sparkplug`
//! does all that for Sparkplug B edge nodes; `seen` lists what nobody configured, `recognise` tells which
//! shape an unknown payload has and `propose` writes the settings for it.

pub mod book;
pub mod payload;
pub mod propose;
pub(super) mod recent;
pub mod recognise;
mod route;
pub(super) mod seen;
mod session;
pub mod sparkplug;

pub use seen::{EdgeNode, MqttStatus, Unknown};
pub(super) use session::{Part, run};
