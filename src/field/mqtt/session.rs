//! One session at one broker, over rumqttc in either protocol version.
//!
//! Subscribes on every CONNACK that reports no session (rumqttc does not), and once per process in
//! any case, because the filters may have changed. A message is acknowledged when the keeper says
//! that its readings are on the disk; acknowledgements of an older connection are dropped, the
//! broker sends those messages again. A payload that cannot be read is counted, named and
//! acknowledged, so that it does not block the session.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rumqttc::v5;
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use super::payload;
use crate::clock::wall_now;
use crate::field::{Ack, Intake, Status, stopped};
use crate::plant::{Cause, Micros, Quality, Reading};
use crate::settings::{MqttMapping, MqttSource, MqttVersion};

/// Larger messages cannot be received at all; payloads beyond [`payload::LARGEST`] are received,
/// refused and acknowledged, so that they do not come back for ever.
const LARGEST_PACKET: usize = 16 * 1024 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A connection that lasted this long was well; the next attempt may come soon.
const SETTLED: Duration = Duration::from_secs(10);
/// An older reading than one that came within this time is out of order, not a clock set back.
const IN_ORDER: Duration = Duration::from_secs(60);
/// Room for acknowledgements between us and the event loop.
const REQUESTS: usize = 4096;

/// What a session is made of.
pub(in crate::field) struct Part {
    pub(in crate::field) source: MqttSource,
    pub(in crate::field) index: u32,
    pub(in crate::field) timezone: String,
    /// By device index: how old a retained message may be.
    pub(in crate::field) stale: Vec<Duration>,
}

/// What either event loop yields, as far as we care.
#[allow(clippy::large_enum_variant, reason = "lives on the stack for one turn of the loop")]
enum Incoming {
    Connected { session_present: bool },
    Message(Message),
    Refused(String),
    Other,
}

struct Message {
    topic: String,
    payload: Vec<u8>,
    retained: bool,
    packet: Packet,
}

enum Packet {
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

/// Receives until `stop`.
pub(in crate::field) async fn run(
    part: Part,
    status: Status,
    intake: Intake,
    mut acks: mpsc::UnboundedReceiver<Ack>,
    mut stop: watch::Receiver<bool>,
) {
    let source = &part.source;
    let (client, mut events) = connect(source);
    let mut session = Session {
        part: &part,
        client,
        waiting: HashMap::new(),
        epoch: 0,
        next: 0,
        subscribed: false,
        unreadable: 0,
        readings: Vec::new(),
        newest: HashMap::new(),
    };
    let mut pause = FIRST_PAUSE;
    let mut connected_at: Option<Instant> = None;
    let mut rest = false;
    loop {
        tokio::select! {
            event = events.poll() => match event {
                Ok(Incoming::Connected { session_present }) => {
                    connected_at = Some(Instant::now());
                    session.connected(session_present);
                    status.update(|s| { s.connected = true; s.last_error = None; });
                    info!(source = %source.id, session_present, "connected to the broker");
                }
                Ok(Incoming::Message(message)) => {
                    status.update(|s| s.requests += 1);
                    if let Err(e) = session.message(message, &intake).await {
                        status.update(|s| { s.errors += 1; s.last_error = Some(e); });
                    }
                }
                Ok(Incoming::Refused(what)) => {
                    error!(source = %source.id, "{what}");
                    status.update(|s| { s.errors += 1; s.last_error = Some(what); });
                }
                Ok(Incoming::Other) => {}
                Err(e) => {
                    session.disconnected();
                    if connected_at.take().is_some_and(|at| at.elapsed() >= SETTLED) {
                        pause = FIRST_PAUSE;
                    }
                    status.update(|s| {
                        if s.connected || s.last_error.is_none() {
                            warn!(source = %source.id, "broker away: {e}");
                        }
                        s.connected = false;
                        s.errors += 1;
                        s.last_error = Some(e);
                    });
                    rest = true;
                }
            },
            Some(ack) = acks.recv() => session.acknowledge(ack),
            () = stopped(&mut stop) => break,
        }
        if std::mem::take(&mut rest) {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopped(&mut stop) => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
    // What the keeper has committed so far is acknowledged; what it has not will come again.
    let farewell = async {
        while let Some(ack) = acks.recv().await {
            session.acknowledge(ack);
            while let Ok(ack) = acks.try_recv() {
                session.acknowledge(ack);
            }
            for _ in 0..4 {
                if tokio::time::timeout(Duration::from_millis(5), events.poll()).await.is_err() {
                    break;
                }
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(200), farewell).await;
}

struct Session<'a> {
    part: &'a Part,
    client: Client,
    /// Received, not yet acknowledged, of this connection.
    waiting: HashMap<u64, Packet>,
    epoch: u32,
    next: u64,
    subscribed: bool,
    unreadable: u64,
    readings: Vec<Reading>,
    /// By mapping: the newest device time, and when it came.
    newest: HashMap<usize, (Micros, Instant)>,
}

impl Session<'_> {
    fn connected(&mut self, session_present: bool) {
        self.disconnected();
        if session_present && self.subscribed {
            return;
        }
        let mut topics: Vec<&str> = self.part.source.mappings.iter().map(|m| m.topic.as_str()).collect();
        topics.sort_unstable();
        topics.dedup();
        let done = match &self.client {
            Client::V3(client) => client
                .try_subscribe_many(
                    topics
                        .iter()
                        .map(|t| rumqttc::SubscribeFilter::new((*t).to_owned(), rumqttc::QoS::AtLeastOnce)),
                )
                .map_err(|e| e.to_string()),
            Client::V5(client) => client
                .try_subscribe_many(topics.iter().map(|t| {
                    v5::mqttbytes::v5::Filter::new((*t).to_owned(), v5::mqttbytes::QoS::AtLeastOnce)
                }))
                .map_err(|e| e.to_string()),
        };
        match done {
            Ok(()) => self.subscribed = true,
            Err(e) => error!(source = %self.part.source.id, "cannot subscribe: {e}"),
        }
    }

    /// What was received on this connection can no longer be acknowledged on it. An acknowledgement
    /// that the next connection carried might hit another message under the same packet id.
    fn disconnected(&mut self) {
        self.epoch += 1;
        self.waiting.clear();
    }

    async fn message(&mut self, message: Message, intake: &Intake) -> Result<(), String> {
        self.next += 1;
        let token = self.next;
        let ack = Ack { session: self.part.index, epoch: self.epoch, token };
        self.waiting.insert(token, message.packet);
        let arrival = wall_now();
        let mut fault = None;
        let part = self.part;
        let mappings: Vec<(usize, &MqttMapping)> = part
            .source
            .mappings
            .iter()
            .enumerate()
            .filter(|(_, m)| matches(&m.topic, &message.topic))
            .collect();
        let last = mappings.len().saturating_sub(1);
        for (n, (number, mapping)) in mappings.iter().enumerate() {
            self.readings.clear();
            match payload::map(mapping, &message.payload, arrival, &part.timezone, &mut self.readings) {
                Ok(taken) => {
                    let stale = part.stale.get(mapping.device.0 as usize).copied().unwrap_or_default();
                    // A retained message is as old as its device time says; without one, who knows.
                    let fresh = !message.retained || (taken.by_device && taken.at.plus(stale) > arrival);
                    if message.retained && !taken.by_device {
                        for reading in &mut self.readings {
                            *reading =
                                Reading { value: f64::NAN, quality: Quality::Bad(Cause::Stale), ..*reading };
                        }
                    }
                    let fresh = fresh && !(taken.by_device && self.out_of_order(*number, taken.at));
                    let ack = (n == last).then_some(ack);
                    intake.push(mapping.device, taken.at, taken.live && fresh, &self.readings, ack).await;
                }
                Err(e) => {
                    fault = Some(format!("{}: {e}", message.topic));
                    if n == last {
                        intake.push(mapping.device, arrival, false, &[], Some(ack)).await;
                    }
                }
            }
        }
        if mappings.is_empty() {
            fault = Some(format!("{}: no mapping for this topic", message.topic));
            self.acknowledge(ack);
        }
        let Some(fault) = fault else { return Ok(()) };
        self.unreadable += 1;
        // The first ones and then every thousandth: a chattering sender must not fill the log.
        if self.unreadable <= 5 || self.unreadable.is_multiple_of(1000) {
            warn!(source = %self.part.source.id, count = self.unreadable, "payload set aside: {fault}");
        }
        Err(fault)
    }

    /// An older reading than one that came just now is history: it must not take the newer one's place.
    /// After a while an older time is believed again, for a device clock may have been set back.
    fn out_of_order(&mut self, mapping: usize, at: Micros) -> bool {
        let now = Instant::now();
        match self.newest.get(&mapping) {
            Some((newest, came)) if at < *newest && now.duration_since(*came) < IN_ORDER => true,
            _ => {
                self.newest.insert(mapping, (at, now));
                false
            }
        }
    }

    fn acknowledge(&mut self, ack: Ack) {
        if ack.epoch != self.epoch {
            return;
        }
        let Some(packet) = self.waiting.remove(&ack.token) else { return };
        let sent = match (&self.client, &packet) {
            (Client::V3(client), Packet::V3(publish)) => client.try_ack(publish).map_err(|e| e.to_string()),
            (Client::V5(client), Packet::V5(publish)) => client.try_ack(publish).map_err(|e| e.to_string()),
            _ => Ok(()),
        };
        if let Err(e) = sent {
            // The broker will send it again after the next connect: nothing is lost.
            warn!(source = %self.part.source.id, "acknowledgement not sent: {e}");
        }
    }
}

fn connect(source: &MqttSource) -> (Client, Loop) {
    // Whoever is connected with our name elsewhere would be thrown out, and throw us out: the id is
    // the integrator's to keep unique.
    match source.version {
        MqttVersion::V3 => {
            let mut options = rumqttc::MqttOptions::new(&source.client_id, &source.host, source.port);
            options
                .set_keep_alive(source.keep_alive)
                .set_clean_session(false)
                .set_manual_acks(true)
                .set_inflight(1000)
                .set_max_packet_size(LARGEST_PACKET, LARGEST_PACKET);
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
                .set_clean_start(false)
                .set_manual_acks(true)
                .set_receive_maximum(Some(source.receive_maximum))
                .set_max_packet_size(Some(LARGEST_PACKET as u32))
                .set_session_expiry_interval(Some(
                    u32::try_from(source.session_expiry.as_secs()).unwrap_or(u32::MAX),
                ));
            if let Some((name, password)) = &source.login {
                options.set_credentials(name, password.expose());
            }
            let (client, events) = v5::AsyncClient::new(options, REQUESTS);
            (Client::V5(client), Loop::V5(events))
        }
    }
}

impl Loop {
    async fn poll(&mut self) -> Result<Incoming, String> {
        match self {
            Self::V3(events) => {
                use rumqttc::{Event, Packet as P, SubscribeReasonCode};
                Ok(match events.poll().await.map_err(|e| e.to_string())? {
                    Event::Incoming(P::ConnAck(ack)) => {
                        Incoming::Connected { session_present: ack.session_present }
                    }
                    Event::Incoming(P::Publish(publish)) => Incoming::Message(Message {
                        topic: publish.topic.clone(),
                        payload: publish.payload.to_vec(),
                        retained: publish.retain,
                        packet: Packet::V3(publish),
                    }),
                    Event::Incoming(P::SubAck(ack))
                        if ack.return_codes.contains(&SubscribeReasonCode::Failure) =>
                    {
                        Incoming::Refused(
                            "the broker refused a subscription: check its access rules".to_owned(),
                        )
                    }
                    _ => Incoming::Other,
                })
            }
            Self::V5(events) => {
                use v5::mqttbytes::v5::{Packet as P, SubscribeReasonCode};
                Ok(match events.poll().await.map_err(|e| e.to_string())? {
                    v5::Event::Incoming(P::ConnAck(ack)) => {
                        Incoming::Connected { session_present: ack.session_present }
                    }
                    v5::Event::Incoming(P::Publish(publish)) => Incoming::Message(Message {
                        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                        payload: publish.payload.to_vec(),
                        retained: publish.retain,
                        packet: Packet::V5(publish),
                    }),
                    v5::Event::Incoming(P::SubAck(ack))
                        if !ack.return_codes.iter().all(|c| matches!(c, SubscribeReasonCode::Success(_))) =>
                    {
                        Incoming::Refused(format!(
                            "the broker refused a subscription: {:?}",
                            ack.return_codes
                        ))
                    }
                    _ => Incoming::Other,
                })
            }
        }
    }
}

/// Topic filter match (MQTT 5.0, section 4.7).
fn matches(filter: &str, topic: &str) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(shared) => shared.split_once('/').map_or("", |(_, rest)| rest),
        None => filter,
    };
    let (mut filters, mut levels) = (filter.split('/'), topic.split('/'));
    loop {
        match (filters.next(), levels.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(f), Some(l)) if f == l => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn filters_match_topics_as_the_specification_says() {
        for (filter, topic) in [
            ("a/b", "a/b"),
            ("a/+", "a/b"),
            ("a/#", "a"),
            ("a/#", "a/b/c"),
            ("#", "x/y"),
            ("$share/g/a/+", "a/b"),
        ] {
            assert!(matches(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in [("a/b", "a/c"), ("a/+", "a/b/c"), ("a/+", "a"), ("a", "a/b")] {
            assert!(!matches(filter, topic), "{filter} {topic}");
        }
    }
}
