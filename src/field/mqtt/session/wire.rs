//! rumqttc in either protocol version, behind one face: connect, poll, subscribe, acknowledge.
//!
//! Three things the library leaves to us. Acknowledgements of a lost connection are thrown away, also
//! PUBREC, which it would keep. A PUBREL that belongs to an earlier connection is an error to it,
//! which would end every further connection too; so its memory is filled before (`accept_releases`),
//! and it answers PUBCOMP as MQTT 5.0, 4.3.3 asks. And a packet beyond the limit ends the connection
//! and comes back for ever; so the limit is opened for that one, which is then refused and
//! acknowledged like any other payload that cannot be read. With one that no machine here should have to hold the
//! session at the broker is given up.

mod advice;
mod recovery;
mod translate;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::v5;

use self::advice::ShortLives;
use self::translate::{from_v3, from_v5, qos_v3, qos_v5, words};
use super::subscriptions::Ask;
use crate::clock::wall_now;
use crate::field::mqtt::sparkplug::{State, state_topic};
use crate::settings::{MqttSource, MqttVersion, Qos};

/// Payloads beyond the guard's limit are received up to here, so that they can be acknowledged. The library
/// reads several packets at once, and all of them must fit into the memory of a small machine.
const LARGEST_PACKET: usize = 2 * 1024 * 1024;
/// One that is larger and comes again is received up to here.
const LARGEST_RECEIVED: usize = 32 * 1024 * 1024;
/// What waits in a session comes this soon after the connection.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Room for requests between us and the event loop.
pub(super) const REQUESTS: usize = 70_000;

/// What either event loop yields, as far as we care.
#[allow(clippy::large_enum_variant, reason = "lives on the stack for one turn of the loop")]
pub enum Incoming {
    /// CONNACK.
    Connected {
        /// The broker has kept our session.
        session_present: bool,
        /// For how many seconds it keeps it, where that is not what was asked for.
        kept_for: Option<u32>,
    },
    /// PUBLISH.
    Message(Message),
    /// PUBREL: the broker has forgotten this QoS 2 message.
    Released(u16),
    /// SUBSCRIBE or UNSUBSCRIBE was sent under this packet id.
    Asked(u16),
    /// SUBACK: for each filter the QoS granted, or why not.
    Answered(u16, Vec<Result<u8, String>>),
    /// UNSUBACK.
    Gone(u16),
    /// PUBACK or PUBREC was sent.
    Acknowledged,
    /// Anything else.
    Other,
}

/// A message and what it takes to acknowledge it.
pub struct Message {
    pub topic: String,
    pub payload: bytes::Bytes,
    pub retained: bool,
    pub again: bool,
    pub expired: bool,
    pub id: u16,
    pub exactly_once: bool,
    pub packet: Packet,
}

pub enum Packet {
    V3(rumqttc::Publish),
    V5(v5::mqttbytes::v5::Publish),
}

enum Client {
    V3(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

#[allow(clippy::large_enum_variant, reason = "one a session, for its whole life")]
enum Loop {
    V3(rumqttc::EventLoop),
    V5(v5::EventLoop),
}

/// Sends requests.
pub struct Asker {
    client: Client,
}

/// Yields what comes.
pub struct Wire {
    events: Loop,
    oversized: bool,
    /// The session has, or once had, QoS 2 messages under way.
    releases: bool,
    connected: bool,
    /// When the present connection was made.
    made: Option<Instant>,
    short_lives: ShortLives,
    client_id: String,
    /// A message beyond the limit came, and came again: it stands first in the session at the broker.
    refused: Option<usize>,
    /// The session at the broker is given up with the next connection.
    discard: bool,
    kept: bool,
    /// Topic of the STATE that is our will, and when the present connection was begun, in ms since 1970.
    state: Option<String>,
    since_ms: u64,
}

/// Makes both ends, with TLS if `tls` is given; nothing is sent before the first poll.
pub fn connect(source: &MqttSource, tls: Option<Arc<rustls::ClientConfig>>) -> (Asker, Wire) {
    // Whoever is connected with our name elsewhere would be thrown out, and throw us out: the id is
    // the integrator's to keep unique.
    let transport = tls.map(|config| rumqttc::Transport::Tls(rumqttc::TlsConfiguration::Rustls(config)));
    let (client, events) = match source.version {
        MqttVersion::V3 => {
            let mut options = rumqttc::MqttOptions::new(&source.client_id, &source.host, source.port);
            options
                .set_keep_alive(source.keep_alive)
                .set_clean_session(!source.is_kept())
                .set_manual_acks(true)
                .set_inflight(100)
                .set_max_packet_size(LARGEST_PACKET, LARGEST_PACKET);
            if let Some(transport) = transport {
                options.set_transport(transport);
            }
            if let Some((name, password)) = &source.login {
                options.set_credentials(name, password.expose());
            }
            let (client, events) = rumqttc::AsyncClient::new(options, REQUESTS);
            (Client::V3(client), Loop::V3(events))
        }
        MqttVersion::V5 => {
            let mut options = v5::MqttOptions::new(&source.client_id, &source.host, source.port);
            options
                .set_keep_alive(source.keep_alive)
                .set_clean_start(!source.is_kept())
                .set_manual_acks(true)
                .set_outgoing_inflight_upper_limit(100)
                .set_receive_maximum(Some(source.receive_maximum))
                .set_max_packet_size(Some(LARGEST_PACKET as u32))
                .set_session_expiry_interval(Some(if source.is_kept() {
                    u32::try_from(source.session_expiry.as_secs()).unwrap_or(u32::MAX)
                } else {
                    0
                }));
            if let Some(transport) = transport {
                options.set_transport(transport);
            }
            if let Some((name, password)) = &source.login {
                options.set_credentials(name, password.expose());
            }
            let (client, events) = v5::AsyncClient::new(options, REQUESTS);
            (Client::V5(client), Loop::V5(events))
        }
    };
    let mut wire = Wire {
        events,
        oversized: false,
        releases: source.qos == Qos::ExactlyOnce,
        connected: false,
        made: None,
        short_lives: ShortLives::default(),
        client_id: source.client_id.clone(),
        refused: None,
        discard: false,
        kept: source.is_kept(),
        state: source.sparkplug.host_id.as_deref().map(state_topic),
        since_ms: 0,
    };
    wire.accept_releases();
    (Asker { client }, wire)
}

impl Asker {
    /// Queues a request.
    pub fn ask(&self, ask: &Ask) -> Result<(), String> {
        match (&self.client, ask) {
            (Client::V3(client), Ask::Subscribe(filters, qos)) => {
                let qos = qos_v3(*qos);
                let filters = filters.iter().map(|f| rumqttc::SubscribeFilter::new(f.clone(), qos));
                client.try_subscribe_many(filters).map_err(|e| e.to_string())
            }
            (Client::V5(client), Ask::Subscribe(filters, qos)) => {
                let qos = qos_v5(*qos);
                let filters = filters.iter().map(|f| v5::mqttbytes::v5::Filter::new(f.clone(), qos));
                client.try_subscribe_many(filters).map_err(|e| e.to_string())
            }
            (Client::V3(client), Ask::Unsubscribe(filter)) => {
                client.try_unsubscribe(filter).map_err(|e| e.to_string())
            }
            (Client::V5(client), Ask::Unsubscribe(filter)) => {
                client.try_unsubscribe(filter).map_err(|e| e.to_string())
            }
        }
    }

    /// Queues PUBACK or PUBREC, by the message's QoS; true if there is one to send.
    pub fn acknowledge(&self, packet: &Packet) -> Result<bool, String> {
        let id = match packet {
            Packet::V3(publish) => publish.pkid,
            Packet::V5(publish) => publish.pkid,
        };
        let queued = match (&self.client, packet) {
            (Client::V3(client), Packet::V3(publish)) => client.try_ack(publish).map_err(|e| e.to_string()),
            (Client::V5(client), Packet::V5(publish)) => client.try_ack(publish).map_err(|e| e.to_string()),
            _ => Ok(()),
        };
        queued.map(|()| id != 0)
    }
}

impl Asker {
    /// Queues a message.
    pub fn publish(&self, topic: &str, payload: Vec<u8>, qos: Qos, retain: bool) -> Result<(), String> {
        match &self.client {
            Client::V3(client) => {
                client.try_publish(topic, qos_v3(qos), retain, payload).map_err(|e| e.to_string())
            }
            Client::V5(client) => {
                client.try_publish(topic, qos_v5(qos), retain, payload).map_err(|e| e.to_string())
            }
        }
    }

    /// Queues DISCONNECT; the session stays at the broker.
    pub fn leave(&self) {
        // A full queue or an ended loop: the line is closed all the same.
        let _ = match &self.client {
            Client::V3(client) => client.try_disconnect().is_ok(),
            Client::V5(client) => client.try_disconnect().is_ok(),
        };
    }
}

impl Wire {
    /// Waits for what comes next; connects if there is no connection.
    ///
    /// # Errors
    /// The connection is lost or refused, in words; the next poll tries again.
    pub async fn poll(&mut self) -> Result<Incoming, String> {
        if !self.connected {
            self.make_will();
        }
        let polled = match &mut self.events {
            Loop::V3(events) => events.poll().await.map(from_v3).map_err(|e| {
                use rumqttc::StateError;
                use rumqttc::mqttbytes::Error;
                let fault = match &e {
                    rumqttc::ConnectionError::MqttState(StateError::Unsolicited(_)) => Fault::Release,
                    rumqttc::ConnectionError::MqttState(StateError::Deserialization(
                        Error::PayloadSizeLimitExceeded(size),
                    )) => Fault::TooLarge(*size),
                    _ => Fault::Line,
                };
                (words(&e), fault)
            }),
            Loop::V5(events) => events.poll().await.map(from_v5).map_err(|e| {
                use v5::StateError;
                use v5::mqttbytes::Error;
                let fault = match &e {
                    v5::ConnectionError::MqttState(StateError::Unsolicited(_)) => Fault::Release,
                    v5::ConnectionError::MqttState(StateError::Deserialization(
                        Error::PayloadSizeLimitExceeded { pkt_size, .. },
                    )) => Fault::TooLarge(*pkt_size),
                    _ => Fault::Line,
                };
                (words(&e), fault)
            }),
        };
        match polled {
            Ok(incoming) => {
                if matches!(incoming, Incoming::Connected { .. }) {
                    self.connected = true;
                    self.made = Some(Instant::now());
                    if self.discard {
                        return Err(self.discarded());
                    }
                }
                if self.oversized && matches!(incoming, Incoming::Connected { .. }) {
                    // The next connection has the usual limit again; this one keeps what it began with.
                    self.oversized = false;
                    self.limit(LARGEST_PACKET);
                }
                Ok(incoming)
            }
            Err((words, fault)) => {
                let lived = self.made.take().map(|made| made.elapsed());
                let words = self.short_lives.lost(words, lived, &self.client_id);
                Err(match self.lost(&fault, lived) {
                    Some(more) => format!("{words}; {more}"),
                    None => words,
                })
            }
        }
    }

    /// When the present connection was begun, in ms since 1970: the time of its will and of the STATE
    /// that goes with it.
    pub fn since_ms(&self) -> u64 {
        self.since_ms
    }

    /// A will of the next connection: as a host we are gone. Its time must be the one that the online
    /// STATE will have, and later than that of the connection before
    /// (`tck-id-operational-behavior-host-application-connect-will`).
    fn make_will(&mut self) {
        let Some(topic) = &self.state else { return };
        self.since_ms = u64::try_from(wall_now().0 / 1000).unwrap_or_default();
        let payload = State { online: false, timestamp: self.since_ms }.payload();
        match &mut self.events {
            Loop::V3(events) => {
                let will = rumqttc::LastWill::new(topic, payload, rumqttc::QoS::AtLeastOnce, true);
                events.mqtt_options.set_last_will(will);
            }
            Loop::V5(events) => {
                use v5::mqttbytes::{QoS, v5::LastWill};
                let will = LastWill::new(topic, payload, QoS::AtLeastOnce, true, None);
                events.options.set_last_will(will);
            }
        }
    }
}

enum Fault {
    Line,
    Release,
    TooLarge(usize),
}
