//! What is to be put right between two connections: what belonged to the old one, packets beyond the limit, and
//! releases that the library does not expect.

use std::time::Duration;

use rumqttc::v5;

use super::{AT_ONCE, Fault, LARGEST_PACKET, LARGEST_RECEIVED, Loop, Wire};

impl Wire {
    /// Throws away what belonged to the lost connection.
    pub(super) fn lost(&mut self, fault: &Fault, lived: Option<Duration>) -> Option<String> {
        self.connected = false;
        match &mut self.events {
            Loop::V3(events) => {
                events.clean();
                events.pending.clear();
                events.state.events.clear();
            }
            Loop::V5(events) => {
                events.clean();
                events.pending.clear();
                events.state.events.clear();
            }
        }
        let more = match fault {
            Fault::Line => None,
            Fault::Release => {
                self.releases = true;
                None
            }
            Fault::TooLarge(size) => Some(self.too_large(*size, lived)),
        };
        self.accept_releases();
        more
    }

    /// A packet is refused by its length, before any of it is read. One that comes again stands first in the session
    /// and would come for ever: then it is received, so that it can be acknowledged, or if it is larger than this
    /// machine should have to hold, the session is given up.
    fn too_large(&mut self, size: usize, lived: Option<Duration>) -> String {
        // What waits in a session comes at once; a sender that says it anew hardly does.
        let at_once = lived.is_some_and(|lived| lived < AT_ONCE);
        let again = self.refused.replace(size) == Some(size) && at_once;
        if !again {
            return "it is refused unread".to_owned();
        }
        if size <= LARGEST_RECEIVED {
            self.oversized = true;
            self.limit(size + 16);
            return "it is received once, to be acknowledged and set aside".to_owned();
        }
        self.discard = true;
        self.keep_session(false);
        format!(
            "it stands first in the session of `{}` at the broker, which is given up with all that waits there",
            self.client_id
        )
    }

    /// The broker has forgotten the session; the next connection begins another one that is kept.
    pub(super) fn discarded(&mut self) -> String {
        self.discard = false;
        self.refused = None;
        self.keep_session(self.kept);
        self.made = None;
        self.lost(&Fault::Line, None);
        "the session at the broker was given up for a message that is too large; a new one begins".to_owned()
    }

    fn keep_session(&mut self, kept: bool) {
        match &mut self.events {
            Loop::V3(events) => {
                events.mqtt_options.set_clean_session(!kept);
            }
            Loop::V5(events) => {
                events.options.set_clean_start(!kept);
            }
        }
    }

    pub(super) fn limit(&mut self, bytes: usize) {
        match &mut self.events {
            Loop::V3(events) => {
                events.mqtt_options.set_max_packet_size(bytes, LARGEST_PACKET);
            }
            Loop::V5(events) => {
                events.options.set_max_packet_size(Some(bytes as u32));
            }
        }
    }

    /// Lets the library know every packet id as one that may be released.
    pub(super) fn accept_releases(&mut self) {
        if !self.releases {
            return;
        }
        match &mut self.events {
            Loop::V3(events) => {
                for id in 1..=u16::MAX {
                    let mut publish = rumqttc::Publish::new("", rumqttc::QoS::ExactlyOnce, Vec::new());
                    publish.pkid = id;
                    // With manual acknowledgements this only marks the id.
                    let _ = events.state.handle_incoming_packet(rumqttc::Packet::Publish(publish));
                    events.state.events.clear();
                }
            }
            Loop::V5(events) => {
                use v5::mqttbytes::QoS;
                use v5::mqttbytes::v5::{Packet as P, Publish};
                for id in 1..=u16::MAX {
                    let publish = Publish {
                        qos: QoS::ExactlyOnce,
                        pkid: id,
                        topic: bytes::Bytes::from_static(b"-"),
                        ..Publish::default()
                    };
                    let _ = events.state.handle_incoming_packet(P::Publish(publish));
                    events.state.events.clear();
                }
            }
        }
    }
}
