//! One session at one broker.
//!
//! A message is acknowledged when the keeper says that its readings are on the disk (`unacked`); a
//! payload that cannot be read is counted, named and acknowledged, so that it does not block the
//! session. Filters are subscribed and those of earlier settings unsubscribed (`subscriptions`).
//! What a message means is the `book`'s business, or that of the Sparkplug host behind `nodes`; how it
//! travels the `wire`'s.
//!
//! A disk that takes nothing must not end judging: before the broker stops sending, the keeper is told
//! ([`Intake::press`]), and acknowledges what is judged.
//!
//! Back-pressure: with MQTT 5 the broker keeps to the receive maximum; with 3.1.1, and with brokers
//! that do not, the session itself stops reading when as many messages are unacknowledged, save for
//! a look now and then that keeps the connection alive.

mod arrivals;
mod losses;
mod nodes;
mod subscriptions;
mod told;
mod unacked;
mod wire;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use self::arrivals::Arrivals;
use self::losses::Losses;
use self::nodes::Nodes;
use self::subscriptions::{Ask, Subscriptions};
use self::told::{About, Told};
use self::unacked::{Receipt, Unacked};
use self::wire::{Asker, Incoming, Packet};
use super::book::{self, Book};
use super::status::MqttStatus;
use crate::clock::wall_now;
use crate::field::ingest::staleness::Judged;
use crate::field::{Ack, Intake, Status, jittered, stopped};
use crate::plant::DeviceIx;
use crate::settings::{MqttSource, Qos};

/// Brokers have a limit of their own for what is in flight to one client, and do not tell it. Mosquitto's is 20 unless it is set
/// otherwise; others may have half of it.
const FEWEST_IN_FLIGHT: usize = 10;
/// A device that may be silent for longer is not waited for any longer than this.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// A connection that lasted this long was well; the next attempt may come soon.
const SETTLED: Duration = Duration::from_secs(10);
/// With too much under way the wire is looked at this often, so that it stays alive.
const BREATH: Duration = Duration::from_millis(250);

/// How long the end may wait for the last commits and their acknowledgements.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a session is made of.
#[derive(Clone)]
pub(in crate::field) struct Part {
    pub(in crate::field) source: MqttSource,
    pub(in crate::field) index: u32,
    pub(in crate::field) timezone: String,
    /// By device index: how long a device may be silent, and how old a retained message may be.
    pub(in crate::field) stale: Vec<Duration>,
    /// Where the session's filters are remembered.
    pub(in crate::field) memory: Option<PathBuf>,
    /// What was judged before, and will have been.
    pub(in crate::field) judged: Judged,
    /// How many sessions of this source were there before, which ended by a fault of this program.
    pub(in crate::field) life: u64,
}

/// Receives until `stop`.
pub(in crate::field) async fn run(
    part: Part,
    status: Status,
    intake: Intake,
    acks: &mut mpsc::UnboundedReceiver<Ack>,
    mut stop: watch::Receiver<bool>,
) {
    let source = &part.source;
    let Some(tls) = means(source, &status, &mut stop).await else { return };
    let (asker, mut wire) = wire::connect(source, tls);
    let mut session = Session::new(&part, asker, status.clone());
    let (first_pause, longest_pause) = source.reconnect;
    let mut pause = first_pause;
    let mut connected_at: Option<Instant> = None;
    let mut rest = false;
    let mut press = intake.press();
    loop {
        let full = session.is_full();
        press.set(session.is_nearly_full());
        let nodes_due = session.nodes.as_ref().and_then(Nodes::due);
        tokio::select! {
            event = async {
                if full {
                    tokio::time::sleep(BREATH).await;
                }
                wire.poll().await
            } => match event {
                Ok(Incoming::Connected { session_present, kept_for }) => {
                    connected_at = Some(Instant::now());
                    info!(source = %source.id, session_present, "connected to the broker");
                    status.update(|s| { s.connected = true; s.last_error = None; });
                    Losses::tell_expiry(source, kept_for);
                    session.connected(session_present, wire.since_ms());
                }
                Ok(Incoming::Message(message)) => session.message(message, &intake).await,
                Ok(Incoming::Released(id)) => session.unacked.released(id),
                Ok(Incoming::Asked(id)) => session.subscriptions.sent(id),
                Ok(Incoming::Answered(id, answers)) => session.answered(id, &answers),
                Ok(Incoming::Gone(id)) => {
                    if let Some(filter) = session.subscriptions.gone(id) {
                        info!(source = %source.id, filter, "unsubscribed; the settings no longer have it");
                    }
                }
                Ok(Incoming::Acknowledged) => session.to_send = session.to_send.saturating_sub(1),
                Ok(Incoming::Other) => {}
                Err(e) => {
                    if connected_at.is_some() {
                        session.losses.away(wall_now());
                    }
                    session.disconnected();
                    session.nodes_lost(&intake).await;
                    if connected_at.take().is_some_and(|at| at.elapsed() >= SETTLED) {
                        pause = first_pause;
                    }
                    status.update(|s| {
                        if s.connected || s.last_error.as_ref() != Some(&e) {
                            warn!(source = %source.id, "broker away: {e}");
                        }
                        s.connected = false;
                        s.errors += 1;
                        s.last_error = Some(e);
                    });
                    rest = true;
                }
            },
            Some(ack) = acks.recv() => session.committed(ack),
            () = nodes::until(nodes_due) => session.nodes_tick(&intake).await,
            // Whether the broker waits is asked again.
            () = tokio::time::sleep_until((session.heard + session.silence).into()),
                if session.may_wait() && session.heard.elapsed() < session.silence => {}
            () = stopped(&mut stop) => break,
        }
        if std::mem::take(&mut rest) {
            press.set(false);
            // Commits go on while the broker is away, and are remembered.
            let wait = tokio::time::sleep(jittered(pause));
            tokio::pin!(wait);
            loop {
                tokio::select! {
                    () = &mut wait => break,
                    Some(ack) = acks.recv() => session.committed(ack),
                    () = stopped(&mut stop) => return,
                }
            }
            pause = (pause * 2).min(longest_pause);
        }
    }
    // What is on its way to the disk is acknowledged when it is there; what comes meanwhile is not
    // read, and will come again.
    let farewell = async {
        while session.unacked.len() > 0 || session.to_send > 0 {
            tokio::select! {
                ack = acks.recv() => match ack {
                    Some(ack) => session.committed(ack),
                    None => return,
                },
                event = wire.poll() => match event {
                    Ok(Incoming::Acknowledged) => session.to_send = session.to_send.saturating_sub(1),
                    Ok(_) => {}
                    Err(_) => return,
                },
            }
        }
        // The broker closes when it has read all; a socket that is closed with something unread in it
        // would be reset, and the last acknowledgements lost.
        session.leave();
        while wire.poll().await.is_ok() {}
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

/// What `source` connects with, as soon as its files serve; `None` if it is to stop before.
async fn means(
    source: &MqttSource,
    status: &Status,
    stop: &mut watch::Receiver<bool>,
) -> Option<Option<Arc<rustls::ClientConfig>>> {
    let (mut pause, longest) = source.reconnect;
    loop {
        let problem = match source.means() {
            Ok(tls) => return Some(tls),
            Err(problem) => format!("{problem}; looked for again by itself"),
        };
        status.update(|s| {
            if s.last_error.as_ref() != Some(&problem) {
                warn!(source = %source.id, "cannot connect: {problem}");
            }
            s.last_error = Some(problem);
        });
        tokio::select! {
            () = tokio::time::sleep(jittered(pause)) => pause = (pause * 2).min(longest),
            () = stopped(stop) => return None,
        }
    }
}

fn print_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

struct Session<'a> {
    part: &'a Part,
    asker: Asker,
    status: Status,
    book: Book,
    nodes: Option<Nodes>,
    subscriptions: Subscriptions,
    arrivals: Arrivals,
    unacked: Unacked<Packet>,
    losses: Losses,
    epoch: u32,
    /// When the last message came, and how long the device that speaks most often may be silent.
    heard: Instant,
    silence: Duration,
    /// Acknowledgements that are queued and not yet on the wire.
    to_send: usize,
    set_aside: u64,
    bad_times: u64,
    told: Told,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.book.leave(&self.part.judged);
    }
}

impl<'a> Session<'a> {
    fn new(part: &'a Part, asker: Asker, status: Status) -> Self {
        let source = &part.source;
        let mapped = source.mappings.iter().map(|m| m.topic.filter());
        let filters = mapped.chain(source.offline.iter().map(|o| o.topic.filter()));
        let name = format!("{}@{}:{}", source.client_id, source.host, source.port);
        let nodes = Nodes::new(source);
        let dropped = source.dropped_topic.iter().map(|topic| (topic.clone(), Qos::AtMostOnce));
        let filters = filters.map(|f| (f, source.qos)).chain(nodes.iter().flat_map(Nodes::filters));
        let filters = filters.chain(dropped);
        let subscriptions = Subscriptions::new(name, part.memory.clone(), filters);
        let mut book = Book::new(source, &part.timezone, &part.stale);
        book.resume(&part.judged);
        Self {
            part,
            asker,
            status,
            book,
            nodes,
            losses: Losses::new(subscriptions.had),
            arrivals: Arrivals::new(subscriptions.filters().map(str::to_owned).collect()),
            subscriptions,
            unacked: Unacked::of_life(part.life),
            heard: Instant::now(),
            silence: source
                .mappings
                .iter()
                .filter_map(|m| part.stale.get(m.device.0 as usize).copied())
                .fold(LONGEST_SILENCE, Duration::min),
            epoch: 0,
            to_send: 0,
            set_aside: 0,
            bad_times: 0,
            told: Told::default(),
        }
    }

    /// As much is under way as may be.
    fn is_full(&self) -> bool {
        self.unacked.len() >= usize::from(self.part.source.receive_maximum)
    }

    /// The broker is about to stop sending for want of acknowledgements: three quarters of what it may send are out, or so many
    /// that a broker may have a limit there, and nothing has come for as long as a device may be silent.
    fn is_nearly_full(&self) -> bool {
        self.unacked.len() * 4 >= usize::from(self.part.source.receive_maximum) * 3
            || self.may_wait() && self.heard.elapsed() >= self.silence
    }

    /// So much is unacknowledged that the broker may wait for it.
    fn may_wait(&self) -> bool {
        self.unacked.len() * 4 >= FEWEST_IN_FLIGHT * 3
    }

    /// `since_ms`: when the connection was begun, in ms since 1970.
    fn connected(&mut self, session_present: bool, since_ms: u64) {
        self.disconnected();
        self.arrivals.connected(session_present, Instant::now());
        if !session_present {
            self.unacked.forgotten();
        }
        if self.losses.connected(&self.part.source, session_present) {
            self.losses.tell_session(&self.part.source, wall_now(), &self.status);
        }
        self.losses.back();
        for ask in self.subscriptions.connected(session_present) {
            self.ask(&ask);
        }
        self.nodes_connected(since_ms);
    }

    fn ask(&self, ask: &Ask) {
        if let Err(e) = self.asker.ask(ask) {
            error!(source = %self.part.source.id, "cannot ask the broker: {e}");
        }
    }

    fn answered(&mut self, id: u16, answers: &[Result<u8, String>]) {
        let asked = self.subscriptions.asked(id).map_or(0, |qos| qos as u8);
        for refusal in self.subscriptions.answered(id, answers) {
            error!(source = %self.part.source.id, "{refusal}");
            self.status.update(|s| {
                s.errors += 1;
                s.last_error = Some(refusal);
            });
        }
        if let Some(less) = answers.iter().flatten().find(|granted| **granted < asked) {
            warn!(source = %self.part.source.id, "the broker grants QoS {less} where {asked} was asked for");
        }
    }

    fn disconnected(&mut self) {
        self.epoch += 1;
        self.to_send = 0;
        self.arrivals.disconnected(Instant::now());
        self.unacked.disconnected();
        self.show_under_way();
    }

    async fn message(&mut self, message: wire::Message, intake: &Intake) {
        self.heard = Instant::now();
        if message.id == 0 && self.part.source.dropped_topic.as_ref() == Some(&message.topic) {
            if let Err(e) = self.losses.dropped(&self.part.source, &message.payload, &self.status) {
                warn!(source = %self.part.source.id, "{}: {e}", message.topic);
            }
            return;
        }
        let of_node = self.nodes.as_ref().is_some_and(|nodes| nodes.takes(&message.topic));
        if of_node && message.id == 0 {
            self.node_message(&message.topic, &message.payload, message.retained, None, intake).await;
            return;
        }
        let now = Instant::now();
        let of_topic = print_of(&message.topic);
        let print = print_of(&(&message.topic, &message.payload));
        let queued = self.arrivals.age(of_topic, self.unacked.len(), now);
        let receipt =
            self.unacked.receive(message.id, message.again, print, message.exactly_once, message.packet);
        let token = match receipt {
            Receipt::Read(token) => token,
            Receipt::InHand => {
                self.count(|s| s.duplicates += 1);
                return;
            }
            Receipt::Again(token) => {
                self.count(|s| s.duplicates += 1);
                self.acknowledge(token);
                return;
            }
        };
        let ack = Ack { session: self.part.index, epoch: self.epoch, token };
        if of_node {
            self.node_message(&message.topic, &message.payload, message.retained, Some(ack), intake).await;
            return;
        }
        if self.arrivals.is_copy(&message.topic, print, message.retained, now) {
            self.count(|s| s.duplicates += 1);
            intake.push(DeviceIx(0), wall_now(), false, &[], Some(ack)).await;
            return;
        }
        let came = book::Message {
            topic: &message.topic,
            payload: &message.payload,
            retained: message.retained,
            expired: message.expired,
            queued,
        };
        let outcome = self.book.read(&came, wall_now(), now);
        let last = self.book.samples().len().checked_sub(1);
        for (n, sample) in self.book.samples().iter().enumerate() {
            let ack = (Some(n) == last).then_some(ack);
            intake.push(sample.device, sample.at, sample.live, self.book.readings(sample), ack).await;
        }
        if last.is_none() {
            if outcome.wanted {
                // In its place among the others: acknowledgements keep the order of the messages.
                intake.push(DeviceIx(0), wall_now(), false, &[], Some(ack)).await;
            } else {
                self.acknowledge(token);
                if let Some(ask) = self.subscriptions.unwanted(&message.topic) {
                    self.ask(&ask);
                }
            }
        }
        self.tell(&message.topic, &outcome, message.retained, message.expired);
    }

    /// Writes down how a message went.
    fn tell(&mut self, topic: &str, outcome: &book::Outcome, retained: bool, expired: bool) {
        let fault = match &outcome.fault {
            None if !outcome.wanted => Some(format!("{topic}: no mapping for this topic")),
            fault => fault.clone(),
        };
        if let Some(fault) = &fault {
            self.set_aside += 1;
            if self.told.first_few(topic, About::Payload) {
                warn!(source = %self.part.source.id, count = self.set_aside, "payload set aside: {fault}");
            }
        }
        if let Some(bad_time) = &outcome.bad_time {
            self.bad_times += outcome.bad_times;
            if self.told.first_few(topic, About::Time) {
                warn!(source = %self.part.source.id, count = self.bad_times, "time in doubt: {bad_time}");
            }
        }
        if outcome.offline {
            warn!(source = %self.part.source.id, topic, "a device is said to be gone");
        }
        let under_way = self.unacked.len() as u64;
        let seen = &mut self.book.seen;
        self.status.update(|s| {
            s.requests += 1;
            MqttStatus::note_unmapped(&mut s.mqtt, seen);
            let mqtt = &mut **s.mqtt.get_or_insert_default();
            mqtt.unacknowledged = under_way;
            mqtt.retained += u64::from(retained);
            mqtt.expired += u64::from(expired);
            mqtt.ignored += u64::from(outcome.ignored);
            mqtt.offline += u64::from(outcome.offline);
            mqtt.duplicates += outcome.repeated;
            mqtt.repaired += outcome.repaired;
            mqtt.queued += u64::from(outcome.queued);
            mqtt.bad_times += outcome.bad_times;
            if let Some(bad_time) = &outcome.bad_time {
                s.last_error = Some(bad_time.clone());
            }
            if let Some(fault) = fault {
                mqtt.set_aside += 1;
                s.errors += 1;
                s.last_error = Some(fault);
            }
        });
    }

    fn count(&self, change: impl FnOnce(&mut MqttStatus)) {
        self.status.update(|s| {
            s.requests += 1;
            change(s.mqtt.get_or_insert_default());
        });
    }

    fn committed(&mut self, ack: Ack) {
        self.acknowledge(ack.token);
        self.show_under_way();
    }

    /// What waits for the disk now, and not when the last message came.
    fn show_under_way(&self) {
        let under_way = self.unacked.len() as u64;
        self.status.update(|s| {
            if let Some(mqtt) = &mut s.mqtt {
                mqtt.unacknowledged = under_way;
            }
        });
    }

    fn acknowledge(&mut self, token: u64) {
        self.arrivals.acknowledged(Instant::now());
        let Some(packet) = self.unacked.committed(token) else { return };
        match self.asker.acknowledge(&packet) {
            Ok(queued) => self.to_send += usize::from(queued),
            // The broker will send it again after the next connect: nothing is lost.
            Err(e) => warn!(source = %self.part.source.id, "acknowledgement not sent: {e}"),
        }
    }
}
