//! One edge node: its session from NBIRTH to NDEATH, the order of its messages, its devices.
//!
//! ```text
//!            NBIRTH                    NDEATH of this session
//! Unknown ──────────▶ Online ─────────────────────────────────▶ Offline
//!    ▲                 │  ▲ NBIRTH                                │
//!    └─────────────────┘  └───────────────────────────────────────┘
//!  broker lost, or numbers restarted
//! ```
//!
//! Only an online node's DATA is taken. A message that came too early waits for those before it; when
//! they do not come in time, the rest is taken, a rebirth is asked for, and until the next BIRTH what
//! comes under an alias is uncertain, for a lost BIRTH may have given the alias another meaning.

use std::collections::HashMap;
use std::time::Duration;

use super::part::{Context, Message, Part};
use super::sequence::{Place, Sequence};
use super::topic::Kind;
use super::waiting::{Held, Waiting};
use super::wire::{Metric, Payload, Value};
use super::{Counters, moment::Times};
use crate::plant::{Cause, Micros, Now};
use crate::settings::{SparkplugMapping, SparkplugRules};

/// Devices that have not followed their node's birth by then are out of reach.
const DEVICE_BIRTHS: Duration = Duration::from_secs(5);

/// Whether an edge node is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Not heard of since we are connected.
    Unknown,
    /// Born.
    Online,
    /// Dead.
    Offline,
}

impl Life {
    /// Stable word for the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }
}

/// A message, on its way in.
#[derive(Debug)]
pub(super) struct Incoming<'a> {
    pub(super) kind: Kind,
    pub(super) device: Option<&'a str>,
    pub(super) payload: Payload,
}

#[derive(Debug)]
struct Birth {
    seq: u8,
    sent: Option<u64>,
    came: Now,
    bd_seq: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) group: Box<str>,
    pub(super) id: Box<str>,
    pub(super) life: Life,
    pub(super) counters: Counters,
    /// A rebirth would help.
    pub(super) wants_rebirth: bool,
    asked: Option<Duration>,
    birth: Option<Birth>,
    sequence: Sequence,
    waiting: Waiting,
    /// The node itself, then its mapped devices.
    parts: Vec<Part>,
    by_device: HashMap<Box<str>, usize>,
    devices_due: Option<Duration>,
    /// Born or declared dead or lost at least once, so that its points know.
    told: bool,
    /// Ask for a birth then, unless it comes by itself.
    ask_at: Option<Duration>,
}

impl Node {
    pub(super) fn new(group: &str, id: &str) -> Self {
        Self {
            group: group.into(),
            id: id.into(),
            life: Life::Unknown,
            counters: Counters::default(),
            wants_rebirth: false,
            asked: None,
            birth: None,
            sequence: Sequence::default(),
            waiting: Waiting::default(),
            parts: vec![Part::new(None)],
            by_device: HashMap::new(),
            devices_due: None,
            told: false,
            ask_at: None,
        }
    }

    pub(super) fn map(&mut self, mapping: &SparkplugMapping) {
        let part = match mapping.sub_device.as_deref() {
            None => 0,
            Some(device) => *self.by_device.entry(device.into()).or_insert_with(|| {
                self.parts.push(Part::new(Some(device)));
                self.parts.len() - 1
            }),
        };
        self.parts[part].map(mapping);
    }

    /// Devices with their online flag.
    pub(super) fn devices(&self) -> impl Iterator<Item = (&str, bool)> {
        self.parts.iter().filter_map(|p| Some((p.id.as_deref()?, p.online)))
    }

    pub(super) fn last_birth(&self) -> Option<Micros> {
        self.birth.as_ref().map(|b| b.came.wall)
    }

    pub(super) fn bd_seq(&self) -> Option<u64> {
        self.birth.as_ref()?.bd_seq
    }

    pub(super) fn take(&mut self, message: Incoming<'_>, context: &mut Context<'_>) {
        self.counters.messages += 1;
        match message.kind {
            Kind::NodeBirth => self.node_birth(&message.payload, context),
            Kind::NodeDeath => self.node_death(&message.payload, context),
            Kind::NodeData | Kind::DeviceBirth | Kind::DeviceData | Kind::DeviceDeath => {
                self.in_order(message, context);
            }
            // To the node, not from it.
            Kind::NodeCommand | Kind::DeviceCommand => {}
        }
    }

    /// `tck-id-payloads-sequence-num-incrementing`, `tck-id-operational-behavior-host-reordering-*`
    fn in_order(&mut self, message: Incoming<'_>, context: &mut Context<'_>) {
        if self.life != Life::Online {
            // What a BIRTH has not introduced cannot be understood (chapter 5, Commands: rebirth).
            self.counters.before_birth += 1;
            self.wants_rebirth = true;
            return;
        }
        // proto3 writers leave a zero out.
        let Ok(seq) = u8::try_from(message.payload.seq.unwrap_or_default()) else {
            self.counters.bad_sequence += 1;
            self.wants_rebirth = true;
            return;
        };
        let sent = message.payload.timestamp;
        if self.is_from_before_birth(sent, context) || self.waiting.contains(seq, sent) {
            self.counters.duplicates += 1;
            return;
        }
        let place = self.sequence.place(seq, sent);
        match place {
            Place::Next => {
                self.apply(message.kind, message.device, &message.payload, seq, context.now.wall, context);
                self.drain(context);
            }
            Place::Again => self.counters.duplicates += 1,
            Place::Early | Place::Restarted => {
                self.waiting.push(Held {
                    kind: message.kind,
                    device: message.device.map(Into::into),
                    payload: message.payload,
                    seq,
                    came: context.now,
                    restarted: place == Place::Restarted,
                });
                if self.waiting.is_overfull() {
                    self.give_up(context);
                }
            }
        }
    }

    /// What the session before sent may come in after an NBIRTH for as long as messages overtake each
    /// other; later than that, an older time is a clock set back.
    fn is_from_before_birth(&self, sent: Option<u64>, context: &Context<'_>) -> bool {
        self.birth.as_ref().is_some_and(|birth| {
            context.now.mono <= birth.came.mono + context.rules.reorder
                && matches!((sent, birth.sent), (Some(sent), Some(birth)) if sent < birth)
        })
    }

    /// Takes what waited and is next now.
    fn drain(&mut self, context: &mut Context<'_>) {
        while let Some(held) = self.waiting.next(&self.sequence) {
            self.apply_held(&held, context);
        }
        self.counters.duplicates += self.waiting.drop_repeats(&self.sequence);
    }

    fn apply_held(&mut self, held: &Held, context: &mut Context<'_>) {
        self.apply(held.kind, held.device.as_deref(), &held.payload, held.seq, held.came.wall, context);
    }

    fn apply(
        &mut self,
        kind: Kind,
        device: Option<&str>,
        payload: &Payload,
        seq: u8,
        arrival: Micros,
        context: &mut Context<'_>,
    ) {
        self.sequence.took(seq, payload.timestamp);
        let times = Times { payload: payload.timestamp, arrival, birth: kind == Kind::DeviceBirth };
        let part = match device {
            None => Some(0),
            Some(device) => self.by_device.get(device).copied(),
        };
        match (kind, part) {
            (Kind::DeviceBirth, Some(part)) => {
                let node = (&*self.group, &*self.id);
                self.parts[part].birth(node, &payload.metrics, times, &mut self.counters, context);
            }
            (Kind::DeviceBirth, None) => {
                list(&self.group, &self.id, device, &payload.metrics, context);
            }
            // `tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale`
            (Kind::DeviceDeath, Some(part)) => {
                self.parts[part].end(context.aliases);
                self.parts[part].bad(Cause::Disconnected, times.message().at, context.gather);
            }
            (_, Some(part)) if self.parts[part].online => {
                let part = &mut self.parts[part];
                let all_known = part.data(&payload.metrics, times, &mut self.counters, context);
                self.wants_rebirth |= !all_known || part.doubted;
            }
            (_, Some(_)) => {
                self.counters.before_birth += 1;
                self.wants_rebirth = true;
            }
            // A device that nobody asked for.
            (_, None) => {}
        }
        // Each message by itself: a death must not be sorted before what came ahead of it.
        context.gather.flush(context.out);
    }

    fn node_birth(&mut self, payload: &Payload, context: &mut Context<'_>) {
        let birth = Birth {
            seq: payload.seq.map_or(0, |s| u8::try_from(s).unwrap_or_default()),
            sent: payload.timestamp,
            came: context.now,
            bd_seq: bd_seq(payload),
        };
        let online = self.life == Life::Online;
        // A repeat, unless it answers a request of ours: then it may look the same.
        let repeated = self.birth.as_ref().is_some_and(|known| {
            let same = (known.seq, known.sent, known.bd_seq) == (birth.seq, birth.sent, birth.bd_seq);
            let answer = self.asked.is_some_and(|asked| asked >= known.came.mono);
            online && same && birth.sent.is_some() && !answer
        });
        if repeated || (online && self.is_from_before_birth(birth.sent, context)) {
            self.counters.duplicates += 1;
            return;
        }
        self.sequence.begin(birth.seq, birth.sent);
        self.life = Life::Online;
        self.told = true;
        self.wants_rebirth = false;
        self.ask_at = None;
        self.counters.births += 1;
        for part in &mut self.parts[1..] {
            part.end(context.aliases);
        }
        self.devices_due = (self.parts.len() > 1).then_some(context.now.mono + DEVICE_BIRTHS);
        let times = Times { payload: payload.timestamp, arrival: context.now.wall, birth: true };
        let node = (&*self.group, &*self.id);
        self.parts[0].birth(node, &payload.metrics, times, &mut self.counters, context);
        context.gather.flush(context.out);
        self.counters.lost += self.waiting.begin(birth.sent);
        self.birth = Some(birth);
        self.drain(context);
    }

    /// `tck-id-operational-behavior-edge-node-termination-host-action-ndeath-*`: node and devices are
    /// offline, all their metrics stale, as of now. The will of a session before the present one
    /// names that one's `bdSeq` and says nothing about this.
    fn node_death(&mut self, payload: &Payload, context: &mut Context<'_>) {
        if let (Some(dead), Some(born)) = (bd_seq(payload), self.bd_seq())
            && dead != born
            && self.life == Life::Online
        {
            self.counters.stale_deaths += 1;
            // An old will most likely. If not, the birth does not come, and the points go stale.
            self.wants_rebirth = true;
            return;
        }
        self.take_rest(context);
        self.end(Life::Offline, context);
        self.wants_rebirth = false;
        self.ask_at = None;
    }

    /// The broker is away: who knows what becomes of the node meanwhile.
    pub(super) fn disconnected(&mut self, context: &mut Context<'_>) {
        if self.told && self.life == Life::Unknown {
            return;
        }
        self.take_rest(context);
        self.end(Life::Unknown, context);
        self.wants_rebirth = false;
        self.ask_at = None;
    }

    /// Connected: births are not retained, so one is asked for unless it comes by itself.
    pub(super) fn connected(&mut self, context: &Context<'_>) {
        self.ask_at = Some(context.now.mono + context.rules.reorder);
    }

    fn end(&mut self, life: Life, context: &mut Context<'_>) {
        self.life = life;
        self.told = true;
        self.devices_due = None;
        self.waiting.clear();
        for part in &mut self.parts {
            part.end(context.aliases);
            part.bad(Cause::Disconnected, context.now.wall, context.gather);
        }
        context.gather.flush(context.out);
    }

    /// Too long, or too many: takes what waits, in order, over the gap.
    fn give_up(&mut self, context: &mut Context<'_>) {
        self.counters.gaps += 1;
        if self.waiting.has_restarted() {
            // Another session that we have not seen begin: its aliases are not ours.
            self.counters.lost += self.waiting.len() as u64;
            self.end(Life::Unknown, context);
        } else {
            self.take_rest(context);
        }
        self.wants_rebirth = true;
    }

    fn take_rest(&mut self, context: &mut Context<'_>) {
        let (held, dropped) = self.waiting.take(&self.sequence);
        self.counters.lost += dropped;
        for held in &held {
            // There may be more than one gap, and a BIRTH between them mends only the one before it.
            if self.sequence.ahead(held.seq) != 0 {
                for part in &mut self.parts {
                    part.doubted = true;
                }
            }
            self.apply_held(held, context);
        }
    }

    pub(super) fn tick(&mut self, context: &mut Context<'_>) {
        let mono = context.now.mono;
        if self.waiting.due(context.rules.reorder).is_some_and(|due| mono >= due) {
            self.give_up(context);
        }
        if self.devices_due.is_some_and(|due| mono >= due) {
            self.devices_due = None;
            for part in self.parts[1..].iter_mut().filter(|p| !p.online) {
                part.bad(Cause::Disconnected, context.now.wall, context.gather);
            }
        }
        if self.ask_at.is_some_and(|at| mono >= at) {
            self.ask_at = None;
            self.wants_rebirth = true;
        }
        if self.life == Life::Online {
            for part in &mut self.parts {
                part.repeat(context);
            }
        }
        context.gather.flush(context.out);
    }

    /// The next time when [`Node::tick`] or [`Node::asks`] has something to do.
    pub(super) fn deadline(&self, rules: &SparkplugRules) -> Option<Duration> {
        let held = self.waiting.due(rules.reorder);
        let ask = (self.wants_rebirth && rules.may_rebirth)
            .then(|| self.asked.map_or(Duration::ZERO, |asked| asked + rules.rebirth_every));
        let repeat = self.parts.iter().filter_map(|p| p.repeat_due(rules)).min();
        [held, ask, repeat, self.devices_due, self.ask_at].into_iter().flatten().min()
    }

    /// True if a rebirth is to be asked for now; it counts as asked then.
    pub(super) fn asks(&mut self, mono: Duration, rules: &SparkplugRules) -> bool {
        let rested = self.asked.is_none_or(|asked| mono >= asked + rules.rebirth_every);
        let asks = self.wants_rebirth && rules.may_rebirth && rested;
        if asks {
            self.wants_rebirth = false;
            self.asked = Some(mono);
            self.counters.rebirths_asked += 1;
        }
        asks
    }
}

/// Names what a BIRTH holds that nobody asked for.
pub(super) fn list(
    group: &str,
    node: &str,
    device: Option<&str>,
    metrics: &[Metric],
    context: &mut Context<'_>,
) {
    // A part without mapped points, which is forgotten again.
    let (mut part, mut counters) = (Part::new(device), Counters::default());
    let times = Times { payload: None, arrival: context.now.wall, birth: true };
    let mut message = Message::new(Some((group, node)), times, &mut counters, context);
    part.introduced(metrics, &mut message);
    part.end(context.aliases);
}

/// The number of the session, the same in an NBIRTH and in the NDEATH that ends it.
fn bd_seq(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|m| m.name.as_deref() == Some("bdSeq"))?;
    match metric.value {
        Some(Value::Long(number)) => Some(number),
        Some(Value::Int(number)) => Some(u64::from(number)),
        _ => None,
    }
}
