//! The Sparkplug side of a session: hands messages, ticks and the line's ups and downs to the pure
//! [`Host`], its samples to the intake, and publishes what it wants published: rebirth requests, and
//! for a primary host that we are there.
//!
//! Messages of edge nodes come at QoS 0 and need no acknowledgement. A STATE of another session with
//! our host id (a will that the broker published late, a gateway that was replaced) would silence the
//! nodes that wait for us, so it is answered with ours.

use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::{Session, book};
use crate::clock::wall_now;
use crate::field::ingest::unmapped::Unmapped;
use crate::field::mqtt::sparkplug::{Host, Life, NAMESPACE, State, state_topic};
use crate::field::mqtt::status::{EdgeNode, MqttStatus};
use crate::field::{Ack, Intake};
use crate::plant::{Batch, DeviceIx, Now};
use crate::settings::{MqttSource, Qos};

/// The host is looked after at least, and at most, this often.
const LONGEST: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(10);

/// What a session keeps for its edge nodes.
pub(super) struct Nodes {
    host: Host,
    /// Topic of our own STATE, if we are a primary host.
    state: Option<String>,
    since_ms: u64,
    connected: bool,
    began: Instant,
    ticked: Instant,
    out: Batch,
    /// How many unmapped metrics have been noted.
    noted: u64,
    told: Vec<EdgeNode>,
}

impl Nodes {
    /// `None`: nothing of the source is Sparkplug.
    pub(super) fn new(source: &MqttSource) -> Option<Self> {
        source.has_sparkplug().then(|| Self {
            host: Host::new(&source.metrics, source.sparkplug.rules),
            state: source.sparkplug.host_id.as_deref().map(state_topic),
            since_ms: 0,
            connected: false,
            began: Instant::now(),
            ticked: Instant::now(),
            out: Batch::default(),
            noted: 0,
            told: Vec::new(),
        })
    }

    /// What to subscribe to.
    pub(super) fn filters(&self) -> impl Iterator<Item = (String, Qos)> {
        self.host.filters().chain(self.state.clone()).map(|filter| (filter, Qos::AtMostOnce))
    }

    /// Whether a message is Sparkplug's. Other hosts' STATE may be wanted by a mapping like any JSON.
    pub(super) fn takes(&self, topic: &str) -> bool {
        let kind = topic.strip_prefix(NAMESPACE).and_then(|rest| rest.strip_prefix('/'));
        kind.is_some_and(|rest| !rest.starts_with("STATE/")) || self.is_own_state(topic)
    }

    fn is_own_state(&self, topic: &str) -> bool {
        self.state.as_deref() == Some(topic)
    }

    /// When the host has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        let latest = self.ticked + LONGEST;
        let wanted = self.host.deadline().map_or(latest, |at| (self.began + at).min(latest));
        self.connected.then(|| wanted.max(self.ticked + SHORTEST))
    }

    fn now(&self) -> Now {
        Now { mono: self.began.elapsed(), wall: wall_now() }
    }

    /// Hands on the samples there are; `ack` goes with the last.
    async fn push(&mut self, intake: &Intake, mut ack: Option<Ack>) {
        let mut left = self.out.samples().count();
        for (head, readings) in self.out.samples() {
            left -= 1;
            let ack = if left == 0 { ack.take() } else { None };
            intake.push(head.device, head.at, head.live, readings, ack).await;
        }
        if ack.is_some() {
            // In its place among the others: acknowledgements keep the order of the messages.
            intake.push(DeviceIx(0), wall_now(), false, &[], ack).await;
        }
        self.out.clear();
    }

    /// Lists what no setting names, if there is anything new.
    fn note(&mut self, seen: &mut Unmapped) {
        let all = self.host.unmapped().count() as u64 + self.host.unmapped_left_out();
        if std::mem::replace(&mut self.noted, all) == all {
            return;
        }
        for metric in self.host.unmapped() {
            let (group, node) = (metric.group, metric.node);
            let mut topic = format!("{NAMESPACE}/{group}/+/{node}");
            let mut sender = format!("{group}/{node}");
            if let Some(device) = metric.device {
                topic = format!("{topic}/{device}");
                sender = format!("{sender}/{device}");
            }
            // What cannot become a point is listed too, and says why.
            seen.note(&topic, Some(&sender), Some(metric.metric), || Some(metric.value.to_owned()));
        }
    }

    /// How the nodes stand; says in the log who came and who went.
    fn stand(&mut self, source: &MqttSource) -> &[EdgeNode] {
        let stand = self.host.statuses().map(|n| EdgeNode {
            group: n.group.to_owned(),
            node: n.node.to_owned(),
            life: n.life,
            devices: n.devices.iter().map(|(device, online)| ((*device).to_owned(), *online)).collect(),
            last_birth: n.last_birth,
            wants_rebirth: n.wants_rebirth,
            counters: n.counters,
        });
        let stand: Vec<EdgeNode> = stand.collect();
        for (number, node) in stand.iter().enumerate() {
            let before = self.told.get(number).map_or(Life::Unknown, |told| told.life);
            if node.life != before {
                let (group, node, life) = (&node.group, &node.node, node.life.word());
                match life {
                    "offline" => warn!(source = %source.id, group, node, "edge node is {life}"),
                    _ => info!(source = %source.id, group, node, "edge node is {life}"),
                }
            }
        }
        self.told = stand;
        &self.told
    }
}

impl Session<'_> {
    /// After the subscriptions are asked for.
    pub(super) fn nodes_connected(&mut self, since_ms: u64) {
        let Some(nodes) = &mut self.nodes else { return };
        let now = nodes.now();
        nodes.host.connected(now);
        nodes.connected = true;
        nodes.ticked = Instant::now();
        nodes.since_ms = since_ms;
        self.say(true);
    }

    pub(super) async fn nodes_lost(&mut self, intake: &Intake) {
        let Some(nodes) = &mut self.nodes else { return };
        nodes.connected = false;
        let now = nodes.now();
        nodes.host.disconnected(now, &mut nodes.out);
        nodes.push(intake, None).await;
        self.tell_nodes();
    }

    pub(super) async fn nodes_tick(&mut self, intake: &Intake) {
        let Some(nodes) = &mut self.nodes else { return };
        nodes.ticked = Instant::now();
        let now = nodes.now();
        nodes.host.tick(now, &mut nodes.out);
        nodes.push(intake, None).await;
        nodes.note(&mut self.book.seen);
        self.ask_for_births(now);
        self.tell_nodes();
    }

    pub(super) async fn node_message(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
        ack: Option<Ack>,
        intake: &Intake,
    ) {
        let Some(nodes) = &mut self.nodes else { return };
        let now = nodes.now();
        let own_state = nodes.is_own_state(topic);
        let taken = nodes.host.message(topic, payload, retained, now, &mut nodes.out);
        nodes.push(intake, ack).await;
        if own_state {
            // One that the broker kept is from before we said that we are there.
            let says_gone = serde_json::from_slice::<State>(payload).is_ok_and(|state| !state.online);
            if says_gone && !retained {
                warn!(source = %self.part.source.id, topic, "another session says that this host is gone");
                self.say(true);
            }
        }
        self.ask_for_births(now);
        let fault = taken.err().map(|e| format!("{topic}: {e}"));
        let outcome = book::Outcome { wanted: true, fault, ..book::Outcome::default() };
        // What a broker keeps of our own STATE is no reading.
        self.tell(topic, &outcome, retained && !own_state, false);
    }

    /// Says that we go, if anybody waits for us, and goes.
    pub(super) fn leave(&self) {
        self.say(false);
        self.asker.leave();
    }

    /// A primary host says that it is there, with the time of its will, or that it goes now
    /// (`tck-id-operational-behavior-host-application-connect-birth`, `…-termination`).
    fn say(&self, online: bool) {
        let Some(nodes) = &self.nodes else { return };
        let Some(topic) = &nodes.state else { return };
        let now_ms = u64::try_from(wall_now().0 / 1000).unwrap_or_default();
        let timestamp = if online { nodes.since_ms } else { now_ms.max(nodes.since_ms) };
        let payload = State { online, timestamp }.payload().into_bytes();
        self.publish(topic, payload, Qos::AtLeastOnce, true);
    }

    fn ask_for_births(&mut self, now: Now) {
        let Some(nodes) = &mut self.nodes else { return };
        // Borrowed apart from the publishing; hardly ever is there one.
        let wanted: Vec<_> = nodes.host.wanted(now).collect();
        for rebirth in wanted {
            info!(source = %self.part.source.id, topic = rebirth.topic, "asks for a rebirth");
            self.publish(&rebirth.topic, rebirth.payload, Qos::AtMostOnce, false);
        }
    }

    fn publish(&self, topic: &str, payload: Vec<u8>, qos: Qos, retain: bool) {
        if let Err(e) = self.asker.publish(topic, payload, qos, retain) {
            error!(source = %self.part.source.id, topic, "cannot publish: {e}");
        }
    }

    fn tell_nodes(&mut self) {
        let Some(nodes) = &mut self.nodes else { return };
        let stand = nodes.stand(&self.part.source);
        let seen = &mut self.book.seen;
        self.status.update(|s| {
            MqttStatus::note_unmapped(&mut s.mqtt, seen);
            s.mqtt.get_or_insert_default().nodes = stand.to_vec();
        });
    }
}

/// Waits; without a time for ever.
pub(super) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
