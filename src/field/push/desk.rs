//! One push source: whose items are whose, and what of them is new. Pure but for its lock; the clock is
//! handed in.
//!
//! The names never change; what is remembered of points and of readings that came lately is behind a
//! lock that is held while a request is read and handed over, so that two requests never mix.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::json::is_a_time;
use super::{Given, Item, PushStatus, Reason, Rejection, Report};
use crate::field::ingest::civil::LocalTime;
use crate::field::ingest::duplicates::Recent;
use crate::field::ingest::payload::value::value_in;
use crate::field::ingest::payload::{Taken, taken};
use crate::field::ingest::staleness::{Fresh, Judged};
use crate::field::ingest::unmapped::Unmapped;
use crate::field::status::Status;
use crate::plant::{Batch, Cause, Micros, Quality, Reading};
use crate::settings::{PushDevice, PushSource};

/// Where unknown names came in.
const WAY_IN: &str = "POST /api/v1/readings";

/// One source.
#[derive(Debug)]
pub(in crate::field) struct Desk {
    pub(in crate::field) source: PushSource,
    pub(in crate::field) zone: TimeZone,
    status: Status,
    by_name: HashMap<String, Vec<usize>>,
    by_key: Vec<HashMap<String, Vec<usize>>>,
    memory: Mutex<Memory>,
}

/// What is remembered from request to request.
#[derive(Debug)]
pub(super) struct Memory {
    fresh: Vec<Fresh>,
    recent: Recent,
    seen: Unmapped,
    heard: Option<Instant>,
}

/// What a run of items yields for one device before it is known what of it is new.
struct Draft {
    device: usize,
    taken: Taken,
    /// With the place of the point among the device's.
    readings: Vec<(usize, Reading)>,
}

impl Desk {
    /// `stale` is, by device index, how long a device may be silent.
    pub(in crate::field) fn new(
        source: &PushSource,
        zone: TimeZone,
        stale: &[Duration],
        status: Status,
    ) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (n, device) in source.devices.iter().enumerate() {
            by_name.entry(device.name.clone()).or_default().push(n);
        }
        let keys = |device: &PushDevice| {
            let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
            for (n, point) in device.points.iter().enumerate() {
                by_key.entry(point.key.clone()).or_default().push(n);
            }
            by_key
        };
        let fresh = |device: &PushDevice| {
            Fresh::new(device.points.len(), stale.get(device.device.0 as usize).copied().unwrap_or_default())
        };
        let memory = Memory {
            fresh: source.devices.iter().map(fresh).collect(),
            recent: Recent::new(source.devices.iter().map(|d| d.points.len()).sum()),
            seen: Unmapped::default(),
            heard: None,
        };
        Self {
            by_name,
            by_key: source.devices.iter().map(keys).collect(),
            memory: Mutex::new(memory),
            source: source.clone(),
            zone,
            status,
        }
    }

    /// Goes on where others left off.
    pub(in crate::field) fn resume(&self, judged: &Judged) {
        let mut memory = self.lock();
        for (fresh, device) in memory.fresh.iter_mut().zip(&self.source.devices) {
            fresh.resume(device.points.iter().map(|p| p.point), judged);
        }
    }

    /// Leaves for others what was judged.
    pub(in crate::field) fn leave(&self, judged: &Judged) {
        let memory = self.lock();
        for (fresh, device) in memory.fresh.iter().zip(&self.source.devices) {
            fresh.leave(device.points.iter().map(|p| p.point), judged);
        }
    }

    /// True if it was made of these very settings: then it stays, with what it remembers.
    pub(in crate::field) fn serves(&self, source: &PushSource, zone: &TimeZone, stale: &[Duration]) -> bool {
        let patience = |d: &PushDevice| stale.get(d.device.0 as usize).copied().unwrap_or_default();
        self.source == *source
            && self.zone == *zone
            && source.devices.iter().map(patience).eq(self.lock().fresh.iter().map(Fresh::stale))
    }

    /// The name of its device, if it has but one.
    pub(super) fn only_name(&self) -> Option<&str> {
        self.by_name.keys().next().filter(|_| self.by_name.len() == 1).map(String::as_str)
    }

    /// It has a device of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Something came within the time that its most patient device allows.
    pub(in crate::field) fn is_heard(&self, now: Instant) -> bool {
        let memory = self.lock();
        let patience = memory.fresh.iter().map(Fresh::stale).max().unwrap_or_default();
        memory.heard.is_some_and(|heard| now.duration_since(heard) <= patience)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the items of its own devices, in their order, into `batch`.
    pub(super) fn take(
        &self,
        memory: &mut Memory,
        items: &[&Item<'_>],
        (arrival, now): (Micros, Instant),
        batch: &mut Batch,
        report: &mut Report,
    ) {
        let mut drafts = Vec::new();
        let same =
            |a: &&Item<'_>, b: &&Item<'_>| a.place == b.place && a.device == b.device && a.given == b.given;
        for run in items.chunk_by(same) {
            self.read(memory, run, arrival, &mut drafts, report);
        }
        // Buffering senders may begin with the newest; a stable sort leaves equal times as they came.
        drafts.sort_by_key(|d: &Draft| d.taken.at);
        if !drafts.is_empty() {
            memory.heard = Some(now);
        }
        let (mut readings, mut history) = (Vec::new(), Vec::new());
        for draft in drafts {
            self.settle(memory, draft, (arrival, now), (&mut readings, &mut history), batch, report);
        }
    }

    fn read(
        &self,
        memory: &mut Memory,
        run: &[&Item<'_>],
        arrival: Micros,
        drafts: &mut Vec<Draft>,
        report: &mut Report,
    ) {
        let Some(name) = run[0].device.as_deref().or_else(|| self.only_name()) else { return };
        let (given, expected) = match run[0].given {
            Given::At(at) => (Some(at), true),
            Given::Unreadable => (None, true),
            Given::Nothing => (None, false),
        };
        let taken = taken(given, expected, self.source.rule, arrival);
        let local = LocalTime { zone: &self.zone, arrival };
        let owners = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        let first = drafts.len();
        drafts.extend(owners.iter().map(|n| Draft { device: *n, taken, readings: Vec::new() }));
        for item in run {
            let reject = |reason| Rejection {
                place: item.place,
                device: Some(name.to_owned()),
                point: Some(item.name.clone().into_owned()),
                reason,
            };
            let mut known = false;
            for draft in &mut drafts[first..] {
                let Some(places) = self.by_key[draft.device].get(&*item.name) else { continue };
                for place in places {
                    let point = &self.source.devices[draft.device].points[*place];
                    let (value, quality) = match item.quality {
                        Quality::Bad(_) => (f64::NAN, item.quality),
                        said => match value_in(&point.meaning, &item.value, item.unit.as_deref()) {
                            (value, Quality::Good) => (value, said),
                            found => found,
                        },
                    };
                    if let Some(reason) = Reason::of(quality).filter(|_| !known) {
                        report.reject(reject(reason));
                    }
                    known = true;
                    draft.readings.push((*place, Reading { point: point.point, value, quality }));
                }
            }
            // A time among the values: of which of them, nobody knows.
            if !known && given.is_none() && is_a_time(&item.name, &item.value, local) {
                drafts[first..].iter_mut().for_each(|draft| draft.taken.doubt = true);
            }
            if !known {
                memory.seen.note(WAY_IN, Some(name), Some(&item.name), || Some(item.value.to_string()));
                report.reject(reject(Reason::UnknownPoint));
            }
        }
        let mut n = 0;
        drafts.retain(|draft| {
            n += 1;
            n <= first || !draft.readings.is_empty()
        });
    }

    /// Drops what came before, parts history from what may be judged.
    fn settle(
        &self,
        memory: &mut Memory,
        draft: Draft,
        (arrival, now): (Micros, Instant),
        (readings, history): (&mut Vec<Reading>, &mut Vec<Reading>),
        batch: &mut Batch,
        report: &mut Report,
    ) {
        let Draft { device: n, taken: given, readings: drafted } = draft;
        let (device, fresh) = (&self.source.devices[n], &mut memory.fresh[n]);
        fresh.spoke(now);
        let by_device = given.by_device.then_some(given.at);
        let taken = fresh.placed(given, self.source.rule.tolerance, (arrival, now));
        readings.clear();
        history.clear();
        for (place, mut reading) in drafted {
            let unreadable = Reason::of(reading.quality).is_some();
            if by_device.is_some_and(|at| memory.recent.is_repeated(at, &reading)) {
                report.duplicates += usize::from(!unreadable);
                continue;
            }
            report.accepted += usize::from(!unreadable);
            if taken.doubt && reading.quality == Quality::Good {
                reading.quality = Quality::Uncertain(Cause::DeviceClock);
            }
            let in_order = taken.live && fresh.takes(place, by_device, now);
            if in_order { readings.push(reading) } else { history.push(reading) }
        }
        if !readings.is_empty() {
            fresh.look_for_missing(now, device.points.iter().map(|p| p.point), readings);
            batch.push(device.device, taken.at, true, readings);
        }
        if !history.is_empty() {
            batch.push(device.device, taken.at, false, history);
        }
    }

    /// An item names a device that nobody configured.
    pub(super) fn stranger(&self, memory: &mut Memory, name: &str) {
        memory.seen.note(WAY_IN, Some(name), None, || None);
    }

    /// Writes into the source's status how a request went.
    pub(super) fn tell(&self, memory: &Memory, report: &Report, refused: Option<&str>) {
        let (unknown, more) = memory.seen.listed();
        self.status.update(|status| {
            status.requests += 1;
            let failed = refused.is_some() || report.rejected > 0;
            status.errors += u64::from(failed);
            status.last_error = match (refused, report.rejections.first()) {
                (Some(why), _) => Some(why.to_owned()),
                (None, Some(first)) => Some(format!("{first}")),
                (None, None) => None,
            };
            let push = status.push.get_or_insert_default();
            push.duplicates += report.duplicates as u64;
            push.rejected += report.rejected as u64;
            let PushStatus { unknown: listed, unknown_more, .. } = &mut **push;
            if listed.as_slice() != unknown {
                *listed = unknown.to_vec();
            }
            *unknown_more = more;
        });
    }
}
