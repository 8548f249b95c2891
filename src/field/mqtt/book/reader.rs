//! One group of mappings reads one message: which values are whose, by the group's shape. Pure.

use std::cell::{Cell, RefCell};

use serde_json::Value;

use super::{Draft, Group, Member, Message};
use crate::field::ingest::civil::LocalTime;
use crate::field::ingest::payload::extract::Beside;
use crate::field::ingest::payload::value::{is_good, value, value_in};
use crate::field::ingest::payload::{
    MOST_POINTS, Payload, PayloadError, Taken, beside, extract, guard, hex, taken, time,
};
use crate::field::ingest::unmapped::Unmapped;
use crate::field::mqtt::route::Match;
use crate::plant::{Cause, Micros, Quality, Reading};
use crate::settings::{Body, HexRequest, JsonPath};

/// An unreadable time is named by this many characters.
const LONGEST_TIME: usize = 40;

/// One group reads one message.
pub(super) struct Reader<'a, 'p> {
    pub(super) group: &'a Group,
    pub(super) members: &'a [Member],
    pub(super) message: &'a Message<'a>,
    pub(super) found: Match<'a>,
    pub(super) payload: &'a Payload<'p>,
    pub(super) local: LocalTime<'a>,
    /// Times that could not be read.
    pub(super) bad_times: Cell<u64>,
    /// The last of them.
    pub(super) bad_time: RefCell<Option<String>>,
}

/// A good value with something beside it that may speak against it.
fn doubted((value, quality): (f64, Quality), doubt: bool) -> (f64, Quality) {
    match quality {
        Quality::Good if doubt => (value, Quality::Uncertain(Cause::DeviceSaysBad)),
        quality => (value, quality),
    }
}

impl<'a, 'p> Reader<'a, 'p> {
    pub(super) fn new(
        group: &'a Group,
        members: &'a [Member],
        message: &'a Message<'a>,
        found: Match<'a>,
        payload: &'a Payload<'p>,
        local: LocalTime<'a>,
    ) -> Self {
        let (bad_times, bad_time) = (Cell::new(0), RefCell::new(None));
        Self { group, members, message, found, payload, local, bad_times, bad_time }
    }
}

impl Reader<'_, '_> {
    /// True if the shape passes it over.
    pub(super) fn read(&self, drafts: &mut Vec<Draft>, seen: &mut Unmapped) -> Result<bool, PayloadError> {
        let shape = &*self.group.shape;
        let candidates = match self.found.device {
            None => self.group.members.as_slice(),
            Some(name) => match self.group.by_device.get(name) {
                Some(members) => members,
                None if shape.parts_by_device() => self.group.members.as_slice(),
                None => {
                    seen.note(self.message.topic, Some(name), None, || None);
                    return Ok(false);
                }
            },
        };
        // A tree that is opened further belongs to this group alone.
        let mut own = None;
        if !shape.parse.is_empty() {
            let mut tree = guard::tree(self.payload.text()?)?;
            extract::open(shape, &mut tree)?;
            own = Some(tree);
        }
        let tree = || own.as_ref().map_or_else(|| self.payload.tree(), Ok);
        if !shape.ignore.is_empty() && extract::is_ignored(shape, tree()?) {
            return Ok(true);
        }
        match &shape.body {
            Body::Pointers => self.pointers(&tree(), candidates, drafts, seen)?,
            Body::Records(layouts) => {
                let mut found = Vec::new();
                extract::records(shape, layouts, tree()?, &mut found)?;
                self.records(&found, candidates, drafts, seen);
            }
            Body::Scalar => self.scalar(tree().ok(), candidates, drafts, seen)?,
            Body::Hex { pointer, requests } => {
                let tree = if pointer.0.is_empty() { None } else { Some(tree()?) };
                self.hex(tree, pointer, requests, candidates, drafts)?;
            }
        }
        Ok(false)
    }

    fn taken(&self, found: Option<&Value>, expected: bool) -> Taken {
        let rule = self.group.shape.rule;
        let given = found.and_then(|found| time::time(found, rule.format, self.local));
        if let (Some(found), None) = (found.filter(|f| !f.is_null()), given) {
            self.bad_times.set(self.bad_times.get() + 1);
            let written: String = found.to_string().chars().take(LONGEST_TIME).collect();
            *self.bad_time.borrow_mut() =
                Some(format!("{written} is not a time of the format `{}`", rule.format.word()));
        }
        taken(given, expected || found.is_some(), rule, self.local.arrival)
    }

    /// The time of a message without sets. Where no setting names one, and one stands in it that is not of now, nobody
    /// knows when it was.
    fn message_time(&self, tree: Option<&Value>) -> Taken {
        match &self.group.shape.time {
            Some(path) => self.taken(tree.and_then(|tree| extract::at(tree, path)), true),
            None => {
                let mut top = tree.and_then(Value::as_object).into_iter().flatten();
                let doubt = top.any(|(key, content)| self.is_of_another_time(key, content));
                Taken { doubt, ..self.taken(None, false) }
            }
        }
    }

    /// `key` means a time, and what stands there is one further from now than clocks may differ.
    fn is_of_another_time(&self, key: &str, content: &Value) -> bool {
        let tolerance = self.group.shape.rule.tolerance.as_micros();
        let far = |at: Micros| u128::from(at.0.abs_diff(self.local.arrival.0)) > tolerance;
        beside::time_under(key, content, self.local).is_some_and(far)
    }

    /// The same for a value whose set has no time: under its own name, or beside it.
    fn is_of_another_set(&self, found: &extract::Found<'_>) -> bool {
        let own = found.value.is_some_and(|value| self.is_of_another_time(&found.name, value));
        own || found.aside.is_some_and(|(key, content)| self.is_of_another_time(key, content))
    }

    /// Those of `candidates` that a payload speaks for which calls its device `name`.
    fn owners<'m>(&'m self, name: Option<&str>, candidates: &'m [usize], seen: &mut Unmapped) -> &'m [usize] {
        let Some(name) = name else { return candidates };
        let parted = self.group.shape.parts_by_device();
        if self.found.device.is_some() && !parted {
            return candidates;
        }
        match self.group.by_device.get(name) {
            Some(members) => members,
            None if parted || self.group.explicit => {
                seen.note(self.message.topic, Some(name), None, || None);
                &[]
            }
            None => candidates,
        }
    }

    fn records(
        &self,
        found: &[extract::Found<'_>],
        candidates: &[usize],
        drafts: &mut Vec<Draft>,
        seen: &mut Unmapped,
    ) {
        let same = |a: &extract::Found<'_>, b: &extract::Found<'_>| {
            let time = match (a.time, b.time) {
                (None, None) => true,
                (Some(a), Some(b)) => std::ptr::eq(a, b) || a == b,
                _ => false,
            };
            time && a.device == b.device && a.time_expected == b.time_expected
        };
        let mut first = drafts.len();
        for run in found.chunk_by(same) {
            let mut taken = self.taken(run[0].time, run[0].time_expected);
            if !run[0].time_expected && run[0].time.is_none() {
                taken.doubt = run.iter().any(|one| self.is_of_another_set(one));
            }
            for number in self.owners(run[0].device.as_deref(), candidates, seen) {
                let member = &self.members[*number];
                let mut readings = Vec::with_capacity(run.len().min(member.points.len()));
                for one in run {
                    let Some(places) = member.by_key.get(&*one.name) else {
                        if one.time.zip(one.value).is_some_and(|(time, value)| std::ptr::eq(time, value)) {
                            continue;
                        }
                        seen.note(self.message.topic, Some(&member.name), Some(&one.name), || {
                            one.value.map(ToString::to_string)
                        });
                        continue;
                    };
                    for place in places {
                        let point = &member.points[*place];
                        let (value, quality) = match one.value {
                            _ if !one.good => (f64::NAN, Quality::Bad(Cause::DeviceSaysBad)),
                            Some(found) => doubted(value_in(&point.meaning, found, one.unit), one.doubt),
                            None => (f64::NAN, Quality::Bad(Cause::Missing)),
                        };
                        readings.push((*place, Reading { point: point.point, value, quality }));
                    }
                }
                if !readings.is_empty() {
                    drafts.push(Draft { member: *number, taken, readings });
                }
            }
        }
        if self.group.shape.complete {
            // Whoever was spoken for is complete: what was left out is bad at once.
            while first < drafts.len() {
                let draft = &mut drafts[first];
                let member = &self.members[draft.member];
                let mut there = vec![false; member.points.len()];
                for (place, _) in &draft.readings {
                    there[*place] = true;
                }
                for (place, _) in there.iter().enumerate().filter(|t| !t.1) {
                    let quality = Quality::Bad(Cause::Missing);
                    let point = member.points[place].point;
                    draft.readings.push((place, Reading { point, value: f64::NAN, quality }));
                }
                first += 1;
            }
        }
    }

    fn pointers(
        &self,
        tree: &Result<&Value, PayloadError>,
        candidates: &[usize],
        drafts: &mut Vec<Draft>,
        seen: &mut Unmapped,
    ) -> Result<(), PayloadError> {
        let shape = &*self.group.shape;
        let name = match (&shape.device, tree) {
            (Some(path), Ok(tree)) => extract::at(tree, path).and_then(extract::name_of),
            _ => None,
        };
        let taken = self.message_time(tree.as_ref().ok().copied());
        for number in self.owners(name.as_deref(), candidates, seen) {
            let member = &self.members[*number];
            let bare = member.points.iter().all(|p| p.pointer.0.is_empty());
            let mut readings = Vec::with_capacity(member.points.len());
            for (place, point) in member.points.iter().enumerate() {
                let (value, quality) = match tree {
                    Ok(tree) => {
                        let found = extract::at(tree, &point.pointer);
                        if found.is_none() && !shape.complete {
                            continue;
                        }
                        let said = point.quality.as_ref().map(|path| extract::at(tree, path));
                        let good = said.is_none_or(|said| said.is_some() && is_good(said, shape.good));
                        let beside = Beside::at(tree, &point.pointer, said.is_some());
                        match found {
                            None => (f64::NAN, Quality::Bad(Cause::Missing)),
                            Some(_) if !good || !beside.quality.is_usable() => {
                                (f64::NAN, Quality::Bad(Cause::DeviceSaysBad))
                            }
                            Some(found) => doubted(
                                value_in(&point.meaning, found, beside.unit),
                                beside.quality != Quality::Good,
                            ),
                        }
                    }
                    // A bare word such as ON or 1.25MPa is no JSON but may be a value.
                    Err(_) if bare => point.meaning.text(self.payload.text()?),
                    Err(e) => return Err(e.clone()),
                };
                readings.push((place, Reading { point: point.point, value, quality }));
            }
            drafts.push(Draft { member: *number, taken, readings });
        }
        Ok(())
    }

    fn scalar(
        &self,
        tree: Option<&Value>,
        candidates: &[usize],
        drafts: &mut Vec<Draft>,
        seen: &mut Unmapped,
    ) -> Result<(), PayloadError> {
        let text = self.payload.text()?;
        let taken = self.message_time(tree);
        for number in candidates {
            let member = &self.members[*number];
            let places: Vec<usize> = match self.found.point {
                None => (0..member.points.len()).collect(),
                Some(name) => match member.by_key.get(name) {
                    Some(places) => places.clone(),
                    None => {
                        seen.note(self.message.topic, Some(&member.name), Some(name), || {
                            Some(text.to_owned())
                        });
                        continue;
                    }
                },
            };
            let readings = places.into_iter().map(|place| {
                let point = &member.points[place];
                let (value, quality) = match tree {
                    Some(tree) => {
                        value(&point.meaning, extract::at(tree, &point.pointer).unwrap_or(&Value::Null))
                    }
                    None => point.meaning.text(text),
                };
                (place, Reading { point: point.point, value, quality })
            });
            drafts.push(Draft { member: *number, taken, readings: readings.collect() });
        }
        Ok(())
    }

    fn hex(
        &self,
        tree: Option<&Value>,
        pointer: &JsonPath,
        requests: &[HexRequest],
        candidates: &[usize],
        drafts: &mut Vec<Draft>,
    ) -> Result<(), PayloadError> {
        let frame = match tree {
            Some(tree) => {
                let text = extract::at(tree, pointer).and_then(Value::as_str).ok_or(PayloadError::NoHex)?;
                hex::bytes(text)?
            }
            None if self.payload.bytes().len() > guard::LARGEST => {
                return Err(PayloadError::TooLarge(self.payload.bytes().len()));
            }
            // A binary reply is hardly ever all digits and blanks.
            None => match self.payload.text().ok().map(hex::bytes) {
                Some(Ok(frame)) => frame,
                _ => self.payload.bytes().to_vec(),
            },
        };
        let taken = self.message_time(tree);
        let mut fault = Ok(());
        let (first, mut values, mut counted) = (drafts.len(), 0, drafts.len());
        for frame in hex::frames(&frame) {
            let one = self.hex_frame(hex::reply(frame, requests), requests, (candidates, taken), drafts);
            fault = fault.and(one);
            values += drafts[counted..].iter().map(|d| d.readings.len()).sum::<usize>();
            counted = drafts.len();
            if values > MOST_POINTS {
                drafts.truncate(first);
                return Err(PayloadError::TooMany);
            }
        }
        fault
    }

    fn hex_frame(
        &self,
        reply: Result<hex::Reply<'_>, PayloadError>,
        requests: &[HexRequest],
        (candidates, taken): (&[usize], Taken),
        drafts: &mut Vec<Draft>,
    ) -> Result<(), PayloadError> {
        for number in candidates {
            let member = &self.members[*number];
            let registers = member
                .points
                .iter()
                .enumerate()
                .filter_map(|(n, p)| Some((n, p.point, p.register.as_ref()?)));
            let readings: Vec<(usize, Reading)> = match &reply {
                Ok(reply) if member.unit.is_none_or(|unit| unit == reply.unit) => registers
                    .filter_map(|(place, point, register)| {
                        let (value, quality) = hex::value(register, reply, self.local)?;
                        Some((place, Reading { point, value, quality }))
                    })
                    .collect(),
                // A refusal says so for every point of that kind.
                Err(PayloadError::Exception { unit, function, code })
                    if member.unit.is_none_or(|own| own == *unit) =>
                {
                    let asked =
                        |r: &HexRequest| r.function() == *function && r.unit.is_none_or(|own| own == *unit);
                    registers
                        .filter(|(.., register)| {
                            requests.iter().any(|r| asked(r) && r.table == register.table)
                        })
                        .map(|(place, point, _)| {
                            let quality = Quality::Bad(Cause::of_exception(*code));
                            (place, Reading { point, value: f64::NAN, quality })
                        })
                        .collect()
                }
                _ => Vec::new(),
            };
            if !readings.is_empty() {
                drafts.push(Draft { member: *number, taken, readings });
            }
        }
        reply.map(|_| ())
    }
}
