//! Answers → readings, with all that the device's past says about them.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::decode;
use super::super::factors::Factors;
use super::super::frame::register_bytes;
use super::super::plan::Request;
use super::super::torn::is_torn;
use super::{Group, Unit, bad};
use crate::field::ingest::civil::LocalTime;
use crate::plant::{Cause, Micros, PointIx, Quality, Reading, TextTable};
use crate::settings::{Format, ModbusPoint, Scaling};

/// An answer, and when it came.
#[derive(Debug, Clone, Copy)]
pub(in crate::field::modbus) struct Answer<'a> {
    /// Bytes of its values.
    pub(in crate::field::modbus) values: &'a [u8],
    /// Those of the first of two answers.
    pub(in crate::field::modbus) earlier: Option<&'a [u8]>,
    /// On the bus's monotonic clock.
    pub(in crate::field::modbus) now: Duration,
    /// On the wall clock.
    pub(in crate::field::modbus) at: Micros,
}

/// What texts and clocks are read with.
#[derive(Clone, Copy)]
pub(in crate::field::modbus) struct Words<'a> {
    pub(in crate::field::modbus) timezone: &'a TimeZone,
    pub(in crate::field::modbus) texts: &'a TextTable,
}

/// Texts of a unit that got no number.
#[derive(Debug, Default)]
pub(in crate::field::modbus) struct RefusedTexts {
    /// How many so far.
    pub(in crate::field::modbus) count: u64,
    /// Points that get no more numbers until the next start: each was told once.
    full: Vec<PointIx>,
    news: Option<String>,
}

impl RefusedTexts {
    /// The number of a text of `point`. Once a point has used up its share, it is asked only whether a text is known.
    fn number(&mut self, texts: &TextTable, text: &str, point: &ModbusPoint, device: &str) -> Option<f64> {
        if self.full.contains(&point.point) {
            let known = texts.known(text);
            self.count += u64::from(known.is_none());
            return known;
        }
        let place = || format!("{device} {} {}", point.table.word(), point.address);
        match texts.number(text, place) {
            Ok(number) => Some(number),
            Err(why) => {
                self.count += 1;
                self.full.push(point.point);
                self.news = Some(format!("the text of {} is not taken: {why}", point.origin));
                None
            }
        }
    }

    /// What is to be told, once.
    pub(in crate::field::modbus) fn news(&mut self) -> Option<String> {
        self.news.take()
    }
}

/// A value that waits until its factors are read again.
pub(super) struct Held {
    point: usize,
    value: f64,
    quality: Quality,
    /// The number of its answer, and its time.
    since: u64,
    at: Micros,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LoopMemory {
    fault_since: Option<Duration>,
    /// And when that was.
    last_good: Option<(f64, Duration)>,
}

impl Unit {
    /// An answer's values → readings; those that wait for a factor come out of [`Unit::released`].
    pub(in crate::field::modbus) fn take(
        &mut self,
        group: usize,
        request: &Request,
        answer: &Answer<'_>,
        words: Words<'_>,
        out: &mut Vec<Reading>,
    ) {
        self.answered(group, request);
        let back = std::mem::take(&mut self.missed);
        let doubt = self.warm_up.as_mut().is_some_and(|warm_up| {
            if back {
                warm_up.appeared(answer.now);
            }
            warm_up.doubts(group, request, answer.values, answer.now)
        });
        let since = self.factors.answer();
        let from = out.len();
        // A decimal point that was moved on the panel counts for the values beside it at once.
        let is_factor = |n: &&usize| self.factors.contains(self.groups[group].points[**n].point);
        let (first, then): (Vec<&usize>, Vec<&usize>) = request.points.iter().partition(is_factor);
        for n in first.into_iter().chain(then) {
            let at = usize::from(self.groups[group].points[*n].address - request.address);
            let (value, mut quality) = self.decoded(group, *n, at, answer, words);
            let Self { groups, factors, .. } = &mut *self;
            let Group { points, held, own, .. } = &mut groups[group];
            let point = &points[*n];
            if point.confirm && quality == Quality::Good && is_torn(point, at, answer.values, answer.earlier)
            {
                quality = Quality::Uncertain(Cause::Torn);
            }
            if doubt && quality == Quality::Good {
                quality = Quality::Uncertain(Cause::WarmUp);
            }
            factors.read(point.point, value, quality);
            if *n >= *own {
                continue;
            }
            if quality.is_usable() && !factors.are_read_since(&point.factors, since) {
                held.push(Held { point: *n, value, quality, since, at: answer.at });
                continue;
            }
            let (value, quality) = factors.apply(&point.factors, since, (value, quality));
            out.push(Reading { point: point.point, value, quality });
        }
        if let Some(heartbeat) = &self.heartbeat {
            for reading in out[from..].iter_mut().filter(|r| heartbeat.spoils(r.point, answer.now)) {
                *reading = bad(reading.point, Cause::HeartbeatStopped);
            }
        }
        self.release(group, answer.now, false);
    }

    /// The value of one point, before its factors.
    fn decoded(
        &mut self,
        group: usize,
        n: usize,
        at: usize,
        answer: &Answer<'_>,
        words: Words<'_>,
    ) -> (f64, Quality) {
        let Self { groups, heartbeat, device, refused_texts, .. } = self;
        let Group { points, loops, period, .. } = &mut groups[group];
        let point: &ModbusPoint = &points[n];
        if point.table.is_bits() {
            let set = answer.values.get(at / 8).is_some_and(|b| b >> (at % 8) & 1 == 1);
            if let Some(heartbeat) = heartbeat {
                heartbeat.read(point.point, f64::from(u8::from(set)), answer.now);
            }
            return decode::bit(point, set);
        }
        let bytes = answer.values.get(at * register_bytes(point.four_byte)..).unwrap_or_default();
        if let Format::Text(..) = point.format {
            return match decode::text(point, bytes) {
                Some(text) => {
                    let number = refused_texts.number(words.texts, &text, point, &device.label);
                    number.map_or((f64::NAN, Quality::Bad(Cause::Unreadable)), |n| (n, Quality::Good))
                }
                None => (f64::NAN, Quality::Bad(Cause::Garbled)),
            };
        }
        let raw = match decode::raw(point, bytes, LocalTime { zone: words.timezone, arrival: answer.at }) {
            Ok(raw) => raw,
            Err(cause) => return (f64::NAN, Quality::Bad(cause)),
        };
        if let Some(heartbeat) = heartbeat {
            heartbeat.read(point.point, raw, answer.now);
        }
        let found = decode::engineering(point, raw);
        match point.scaling {
            Scaling::Loop(current) => hold(&mut loops[n], found, answer.now, (current.fault_hold, *period)),
            Scaling::Linear { .. } => found,
        }
    }

    /// Lets go of the values of a group whose factors have come; with `all` of the others too, in doubt.
    fn release(&mut self, group: usize, now: Duration, all: bool) {
        let Self { groups, factors, heartbeat, released, .. } = self;
        let Group { points, held, .. } = &mut groups[group];
        held.retain(|value| {
            let point = &points[value.point];
            if !all && !factors.are_read_since(&point.factors, value.since) {
                return true;
            }
            let spoilt = heartbeat.as_ref().is_some_and(|h| h.spoils(point.point, now));
            let (value_of, quality) = if spoilt {
                (f64::NAN, Quality::Bad(Cause::HeartbeatStopped))
            } else {
                Factors::apply(factors, &point.factors, value.since, (value.value, value.quality))
            };
            released.push((value.at, Reading { point: point.point, value: value_of, quality }));
            false
        });
    }

    /// The last request of a poll has ended: values that still wait for a factor are in doubt.
    pub(in crate::field::modbus) fn settle(&mut self, group: usize, now: Duration) {
        self.release(group, now, true);
    }

    /// Readings whose factors have come since, of one answer each time, and its time; the oldest first.
    pub(in crate::field::modbus) fn released(&mut self, out: &mut Vec<Reading>) -> Option<Micros> {
        let at = self.released.first()?.0;
        self.released.retain(|(time, reading)| {
            let now = *time == at;
            if now {
                out.push(*reading);
            }
            !now
        });
        Some(at)
    }
}

/// A loop's fault counts only when it has lasted for `long` (NAMUR NE 43 advises 4 s); until then the
/// last good value stands, in doubt, if it is not stale itself.
fn hold(
    memory: &mut LoopMemory,
    found: (f64, Quality),
    now: Duration,
    (long, period): (Duration, Duration),
) -> (f64, Quality) {
    if found.1 != Quality::Bad(Cause::LoopFault) {
        memory.fault_since = None;
        if found.1 == Quality::Good {
            memory.last_good = Some((found.0, now));
        }
        return found;
    }
    let since = *memory.fault_since.get_or_insert(now);
    let stale = long.saturating_add(period.saturating_mul(3));
    match memory.last_good {
        Some((last, at)) if now.saturating_sub(since) < long && now.saturating_sub(at) < stale => {
            (last, Quality::Uncertain(Cause::LoopFault))
        }
        _ => found,
    }
}
