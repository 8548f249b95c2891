//! STATE: how a host application says that it is there, so that edge nodes which wait for their
//! primary host begin to publish.
//!
//! The session that is a primary host sets the offline STATE as its will, and publishes the online
//! STATE after every connect, both with QoS 1 and retained, with one timestamp for the pair; on a
//! wanted disconnect it publishes the offline STATE itself
//! (`tck-id-operational-behavior-host-application-connect-*`).

use super::topic::NAMESPACE;

/// JSON payload of a STATE message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct State {
    /// Whether the host application is there.
    pub online: bool,
    /// Milliseconds since 1970, UTC: when it connected.
    pub timestamp: u64,
}

impl State {
    /// The payload.
    #[must_use]
    pub fn payload(self) -> String {
        let Self { online, timestamp } = self;
        format!(r#"{{"online":{online},"timestamp":{timestamp}}}"#)
    }
}

/// The topic for `host`.
#[must_use]
pub fn state_topic(host: &str) -> String {
    format!("{NAMESPACE}/STATE/{host}")
}

#[cfg(test)]
mod tests {
    use super::{State, state_topic};

    #[test]
    fn a_state_is_json_that_reads_back() {
        let state = State { online: true, timestamp: 1_790_000_000_000 };
        assert_eq!(state.payload(), r#"{"online":true,"timestamp":1790000000000}"#);
        assert_eq!(serde_json::from_str::<State>(&state.payload()).unwrap(), state);
        assert_eq!(state_topic("steamward"), "spBv1.0/STATE/steamward");
    }
}
