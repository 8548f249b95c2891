//! Messages → samples: who sent it, which points its values are, what is new in it. Pure: the clock
//! is handed in, the session carries what comes out.
//!
//! One message may speak for several devices and instants. Every sample holds only what may be
//! judged, or only history: a reading older than one of its point that came just now is history.

mod reader;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde_json::Value;

use self::reader::Reader;
use super::route::{Match, Routes};
use crate::field::ingest::civil::LocalTime;
use crate::field::ingest::duplicates::Recent;
use crate::field::ingest::payload::{MOST_POINTS, Payload, PayloadError, Taken, extract};
use crate::field::ingest::staleness::{Fresh, Judged};
use crate::field::ingest::unmapped::Unmapped;
use crate::plant::{Cause, DeviceIx, Micros, Quality, Reading};
use crate::settings::{MqttMapping, MqttOffline, MqttPoint, MqttSource, Shape};

/// What came from the broker.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Where it was published.
    pub topic: &'a str,
    /// What.
    pub payload: &'a [u8],
    /// Kept by the broker for new subscribers: it may be old.
    pub retained: bool,
    /// Its expiry interval is over.
    pub expired: bool,
    /// It may have waited at the broker, for this long at most.
    pub queued: Option<Duration>,
}

/// Readings of one device and one instant: `readings[from..to]` of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Whose.
    pub device: DeviceIx,
    /// When.
    pub at: Micros,
    /// May be judged.
    pub live: bool,
    /// First.
    pub from: usize,
    /// Behind the last.
    pub to: usize,
}

/// How a message went.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// A mapping wanted it.
    pub wanted: bool,
    /// A shape passed it over.
    pub ignored: bool,
    /// It says that devices are gone.
    pub offline: bool,
    /// Readings that came before.
    pub repeated: u64,
    /// Tokens that were not JSON and cost their own field only.
    pub repaired: u64,
    /// It may have waited at the broker, and has no time of its own to tell.
    pub queued: bool,
    /// Times that could not be read.
    pub bad_times: u64,
    /// The last of them, in words.
    pub bad_time: Option<String>,
    /// Why nothing, or not all, was read.
    pub fault: Option<String>,
}

/// One mapping, and what is remembered of its points.
struct Member {
    device: DeviceIx,
    name: String,
    unit: Option<u8>,
    points: Vec<MqttPoint>,
    by_key: HashMap<String, Vec<usize>>,
    /// How far two clocks may differ.
    tolerance: Duration,
    fresh: Fresh,
}

/// Members that read the same topics by the same shape.
struct Group {
    shape: Arc<Shape>,
    members: Vec<usize>,
    by_device: HashMap<String, Vec<usize>>,
    explicit: bool,
}

#[derive(Default)]
struct Entry {
    groups: Vec<Group>,
    offline: Vec<MqttOffline>,
    offline_by_device: HashMap<String, Vec<usize>>,
}

/// All mappings of a source.
pub struct Book {
    routes: Routes,
    entries: Vec<Entry>,
    members: Vec<Member>,
    zone: TimeZone,
    recent: Recent,
    /// What nobody configured.
    pub seen: Unmapped,
    samples: Vec<Sample>,
    readings: Vec<Reading>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("mappings", &self.members.len()).finish_non_exhaustive()
    }
}

/// What a message yields before it is known what of it is new.
struct Draft {
    member: usize,
    taken: Taken,
    /// With the place of the point among the member's.
    readings: Vec<(usize, Reading)>,
}

impl Book {
    /// `stale` is, by device index, how long a device may be silent.
    #[must_use]
    pub fn new(source: &MqttSource, timezone: &str, stale: &[Duration]) -> Self {
        let mut book = Self {
            routes: Routes::default(),
            entries: Vec::new(),
            members: Vec::new(),
            // The settings have checked the name.
            zone: crate::plant::zone(timezone).unwrap_or(TimeZone::UTC),
            recent: Recent::new(source.mappings.iter().map(|m| m.points.len()).sum()),
            seen: Unmapped::default(),
            samples: Vec::new(),
            readings: Vec::new(),
        };
        for mapping in &source.mappings {
            book.add(mapping, stale.get(mapping.device.0 as usize).copied().unwrap_or_default());
        }
        for offline in &source.offline {
            let entry = book.entry(&offline.topic);
            let list = entry.offline_by_device.entry(offline.key.name.clone()).or_default();
            list.push(entry.offline.len());
            entry.offline.push(offline.clone());
        }
        book
    }

    /// Goes on where other sessions left off.
    pub fn resume(&mut self, judged: &Judged) {
        for member in &mut self.members {
            member.fresh.resume(member.points.iter().map(|p| p.point), judged);
        }
    }

    /// Leaves for others what was judged.
    pub fn leave(&self, judged: &Judged) {
        for member in &self.members {
            member.fresh.leave(member.points.iter().map(|p| p.point), judged);
        }
    }

    fn entry(&mut self, topic: &crate::settings::Template) -> &mut Entry {
        let entry = self.routes.insert(topic);
        if entry >= self.entries.len() {
            self.entries.resize_with(entry + 1, Entry::default);
        }
        &mut self.entries[entry]
    }

    fn add(&mut self, mapping: &MqttMapping, stale: Duration) {
        let number = self.members.len();
        let entry = self.entry(&mapping.topic);
        let group = match entry.groups.iter().position(|g| g.shape == mapping.shape) {
            Some(group) => &mut entry.groups[group],
            None => {
                entry.groups.push(Group {
                    shape: Arc::clone(&mapping.shape),
                    members: Vec::new(),
                    by_device: HashMap::new(),
                    explicit: false,
                });
                entry.groups.last_mut().expect("just pushed")
            }
        };
        group.members.push(number);
        group.by_device.entry(mapping.key.name.clone()).or_default().push(number);
        group.explicit |= mapping.key.explicit;
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (n, point) in mapping.points.iter().enumerate() {
            by_key.entry(point.key.clone()).or_default().push(n);
        }
        self.members.push(Member {
            device: mapping.device,
            name: mapping.key.name.clone(),
            unit: mapping.unit,
            points: mapping.points.clone(),
            by_key,
            tolerance: mapping.shape.rule.tolerance,
            fresh: Fresh::new(mapping.points.len(), stale),
        });
    }

    /// The samples of the last message, in the order of their times.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The readings of one of them.
    #[must_use]
    pub fn readings(&self, sample: &Sample) -> &[Reading] {
        &self.readings[sample.from..sample.to]
    }

    /// Reads one message; what it says is then in [`Book::samples`].
    pub fn read(&mut self, message: &Message<'_>, arrival: Micros, now: Instant) -> Outcome {
        self.samples.clear();
        self.readings.clear();
        let mut outcome = Outcome::default();
        let mut matches = Vec::new();
        self.routes.find(message.topic, &mut matches);
        if matches.is_empty() {
            return outcome;
        }
        let whole = Payload::new(message.payload);
        let mut drafts = Vec::new();
        let too_many = || Some(format!("{}: {}", message.topic, PayloadError::TooMany));
        match whole.documents() {
            Err(_) => (outcome.wanted, outcome.fault) = (true, too_many()),
            Ok(parts) if parts.is_empty() => {
                self.read_document((message, &whole), &matches, arrival, &mut drafts, &mut outcome);
            }
            Ok(parts) => {
                // The bound is that of a message, however many documents it has.
                let (mut values, mut from) = (0, 0);
                for part in &parts {
                    self.read_document((message, part), &matches, arrival, &mut drafts, &mut outcome);
                    values += drafts[from..].iter().map(|d: &Draft| d.readings.len()).sum::<usize>();
                    from = drafts.len();
                    if values > MOST_POINTS {
                        drafts.clear();
                        outcome.fault = too_many();
                        break;
                    }
                }
            }
        }
        // Buffering senders may begin with the newest; a stable sort leaves equal times as they came.
        drafts.sort_by_key(|d: &Draft| d.taken.at);
        for draft in drafts {
            outcome.queued |= message.queued.is_some() && !draft.taken.by_device;
            outcome.repeated += self.settle(draft, message, arrival, now);
        }
        outcome
    }

    /// Reads one document of a message for all that want it.
    fn read_document(
        &mut self,
        (message, payload): (&Message<'_>, &Payload<'_>),
        matches: &[Match<'_>],
        arrival: Micros,
        drafts: &mut Vec<Draft>,
        outcome: &mut Outcome,
    ) {
        for found in matches {
            self.read_entry((message, payload), *found, arrival, drafts, outcome);
        }
        outcome.repaired += u64::from(payload.repaired());
    }

    fn read_entry(
        &mut self,
        (message, payload): (&Message<'_>, &Payload<'_>),
        found: Match<'_>,
        arrival: Micros,
        drafts: &mut Vec<Draft>,
        outcome: &mut Outcome,
    ) {
        let entry = &self.entries[found.entry];
        outcome.wanted |= !entry.groups.is_empty() || !entry.offline.is_empty();
        for group in &entry.groups {
            let local = LocalTime { zone: &self.zone, arrival };
            let reader = Reader::new(group, &self.members, message, found, payload, local);
            match reader.read(drafts, &mut self.seen) {
                Ok(ignored) => outcome.ignored |= ignored,
                Err(e) => outcome.fault = Some(format!("{}: {e}", message.topic)),
            }
            outcome.bad_times += reader.bad_times.get();
            if let Some(what) = reader.bad_time.into_inner() {
                outcome.bad_time = Some(format!("{}: {what}", message.topic));
            }
        }
        for offline in gone(entry, found, payload) {
            outcome.offline = true;
            let from = self.readings.len();
            self.readings.extend(offline.points.iter().map(|point| Reading {
                point: *point,
                value: f64::NAN,
                quality: Quality::Bad(Cause::Disconnected),
            }));
            let to = self.readings.len();
            self.samples.push(Sample { device: offline.device, at: arrival, live: true, from, to });
        }
    }

    /// Drops what came before, parts history from what may be judged.
    fn settle(&mut self, draft: Draft, message: &Message<'_>, arrival: Micros, now: Instant) -> u64 {
        let Draft { member, mut taken, mut readings } = draft;
        let member = &mut self.members[member];
        member.fresh.spoke(now);
        let mut repeated = 0;
        if taken.by_device {
            readings.retain(|(_, reading)| {
                let known = self.recent.is_repeated(taken.at, reading);
                repeated += u64::from(known);
                !known
            });
        }
        let by_device = taken.by_device.then_some(taken.at);
        if !message.retained && !message.expired {
            taken = member.fresh.placed(taken, member.tolerance, (arrival, now));
        }
        // A retained message is as old as its device time says; without one, who knows.
        let unsure = message.retained && !taken.by_device;
        let fresh = !message.retained || taken.at.plus(member.fresh.stale()) > arrival;
        // What waited at the broker for longer than a value is good for is history, though nobody knows of when.
        let queued = message.queued.filter(|_| !taken.by_device);
        let late = queued.is_some_and(|age| age > member.fresh.stale());
        let may_be_judged = taken.live && fresh && !unsure && !message.expired && !late;
        let from = self.readings.len();
        let mut history = Vec::new();
        for (place, mut reading) in readings {
            if unsure {
                reading = Reading { value: f64::NAN, quality: Quality::Bad(Cause::Stale), ..reading };
            } else if reading.quality == Quality::Good {
                reading.quality = match queued {
                    Some(_) => Quality::Uncertain(Cause::Queued),
                    None if taken.doubt => Quality::Uncertain(Cause::DeviceClock),
                    None => Quality::Good,
                };
            }
            if may_be_judged && member.fresh.takes(place, by_device, now) {
                self.readings.push(reading);
            } else {
                history.push(reading);
            }
        }
        if self.readings.len() > from {
            member.fresh.look_for_missing(now, member.points.iter().map(|p| p.point), &mut self.readings);
            let to = self.readings.len();
            self.samples.push(Sample { device: member.device, at: taken.at, live: true, from, to });
        }
        if !history.is_empty() {
            let from = self.readings.len();
            self.readings.append(&mut history);
            let to = self.readings.len();
            self.samples.push(Sample { device: member.device, at: taken.at, live: false, from, to });
        }
        repeated
    }
}

/// Whom this message says to be gone.
fn gone<'e>(entry: &'e Entry, found: Match<'_>, payload: &Payload<'_>) -> Vec<&'e MqttOffline> {
    let candidates: Vec<&MqttOffline> = match found.device {
        Some(name) => {
            let numbers = entry.offline_by_device.get(name).into_iter().flatten();
            numbers.map(|n| &entry.offline[*n]).collect()
        }
        None => entry.offline.iter().collect(),
    };
    candidates
        .into_iter()
        .filter(|offline| {
            if payload.bytes().is_empty() {
                return false;
            }
            let Some(word) = &offline.payload else { return true };
            let said = if offline.pointer.0.is_empty() {
                payload.text().map(|t| t.trim().trim_matches('"').to_owned()).ok()
            } else {
                let tree = payload.tree().ok();
                tree.and_then(|t| extract::at(t, &offline.pointer)).map(|v| match v {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
            };
            said.is_some_and(|said| said.eq_ignore_ascii_case(word))
        })
        .collect()
}

#[cfg(test)]
mod tests;
