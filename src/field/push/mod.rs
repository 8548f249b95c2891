//! HTTP push: readings of devices and programs that speak neither Modbus nor MQTT.
//!
//! `json` and `line` find items in a body, `desk` makes samples of them, one desk a source; `door` is
//! what the console calls: it answers only after the keeper has committed (promise P1).

mod desk;
mod door;
mod json;
pub mod line;

use std::borrow::Cow;

use serde_json::Value;

use crate::field::ingest::civil::LocalTime;
use crate::field::ingest::payload::{MOST_POINTS, PayloadError, beside, guard, time};
use crate::field::ingest::unmapped::Unknown;
use crate::plant::{Cause, Micros, Quality};
use crate::settings::TimeFormat;

pub(super) use desk::Desk;
pub use door::{Door, Refused, Scope};

/// Longer bodies are refused.
pub const LARGEST: usize = 1 << 20;
/// Rejections that are listed; more are only counted.
pub const MOST_LISTED: usize = 100;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// See [`self::json`].
    Json,
    /// InfluxDB line protocol with timestamps of this precision.
    Lines(TimeFormat),
}

/// Why a request is refused as a whole; nothing of it was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// Too long.
    #[error("the body is longer than {LARGEST} bytes; send several")]
    TooLarge,
    /// Too many values.
    #[error("more than {MOST_POINTS} readings in one request; send several")]
    TooMany,
    /// Another encoding.
    #[error("the body is not UTF-8")]
    NotText,
    /// Brackets in brackets.
    #[error("the JSON is nested deeper than {max} levels", max = guard::DEEPEST)]
    TooDeep,
    /// No JSON, or cut off.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// A bare value.
    #[error("an object {{\"device\": …, \"values\": {{…}}}} or a list of them is wanted")]
    NoObject,
    /// Nothing in it.
    #[error("there is no reading in the body")]
    Empty,
}

impl From<PayloadError> for PushError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::TooDeep => Self::TooDeep,
            other => Self::NotJson(match other {
                PayloadError::NotJson(what) => what,
                other => other.to_string(),
            }),
        }
    }
}

/// Why one item was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No device of this name may be pushed for.
    UnknownDevice,
    /// The item names no device, and there are several.
    NoDevice,
    /// Two sources have a device of this name.
    TwoSources,
    /// The device has no such point.
    UnknownPoint,
    /// Nothing that could be the point's value. The point is bad from now on.
    Unreadable,
    /// A unit that measures something else than the point, or that nobody can convert. The point is bad.
    OtherUnit,
    /// A boolean or a word such as `on` at a measured quantity. The point is bad.
    Boolean,
    /// A time that cannot be read. The readings are taken, in doubt, under the time of their arrival.
    BadTime(String),
    /// A key that means nothing here. What stands there counts only where it reads like a quality, a unit or a time.
    UnknownKey(String),
    /// An object without `values`.
    NoValues,
    /// A line that cannot be read.
    BadLine(String),
}

/// One item that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// JSON: place in the list, from 0. Line protocol: line, from 1.
    pub place: usize,
    /// As the sender names it.
    pub device: Option<String>,
    /// As the sender names it.
    pub point: Option<String>,
    /// Why.
    pub reason: Reason,
}

impl Reason {
    /// Why a value that was found is not one of its point.
    fn of(quality: Quality) -> Option<Self> {
        match quality {
            Quality::Bad(Cause::Unreadable) => Some(Self::Unreadable),
            Quality::Bad(Cause::OtherUnit) => Some(Self::OtherUnit),
            Quality::Bad(Cause::Boolean) => Some(Self::Boolean),
            _ => None,
        }
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let device = self.device.as_deref().unwrap_or("?");
        let point = self.point.as_deref().unwrap_or("?");
        match &self.reason {
            Reason::UnknownDevice => write!(f, "there is no device `{device}`"),
            Reason::NoDevice => f.write_str("no device is named, and there are several"),
            Reason::TwoSources => write!(f, "two sources have a device `{device}`; add ?source="),
            Reason::UnknownPoint => write!(f, "the device `{device}` has no point `{point}`"),
            Reason::Unreadable => write!(f, "the value of `{device}` `{point}` is not a number"),
            Reason::OtherUnit => {
                write!(f, "the unit in the value of `{device}` `{point}` cannot be converted to the point's")
            }
            Reason::Boolean => write!(
                f,
                "the value of `{device}` `{point}` is a boolean, and the point is a measured quantity; a discrete \
                 point has unit = \"bool\""
            ),
            Reason::BadTime(text) => write!(
                f,
                "item {}: {text} is not a time; write milliseconds since 1970 or \"2026-11-30T08:00:00+08:00\"; its \
                 readings were taken as in doubt",
                self.place
            ),
            Reason::UnknownKey(key) => {
                write!(f, "item {}: unknown key `{key}`", self.place)?;
                match json::meant(key) {
                    "" => write!(f, "; the keys are `device`, `time` and `values`"),
                    known => write!(f, "; did you mean `{known}`?"),
                }
            }
            Reason::NoValues => write!(f, "item {} has no values", self.place),
            Reason::BadLine(what) => write!(f, "line {}: {what}", self.place),
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Readings taken, good or bad.
    pub accepted: usize,
    /// Readings that came before (same point, time, value) and were dropped.
    pub duplicates: usize,
    /// Readings, objects or lines not taken.
    pub rejected: usize,
    /// The first of them.
    pub rejections: Vec<Rejection>,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
        let room = MOST_LISTED - self.rejections.len();
        self.rejections.extend(other.rejections.into_iter().take(room));
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejected += 1;
        if self.rejections.len() < MOST_LISTED {
            self.rejections.push(rejection);
        }
    }
}

/// How the requests of a source went, for the page.
#[derive(Debug, Clone, Default)]
pub struct PushStatus {
    /// Names that no setting knows, at most 200.
    pub unknown: Vec<Unknown>,
    /// How many more there were.
    pub unknown_more: u64,
    /// Readings that came a second time and were dropped.
    pub duplicates: u64,
    /// Readings, objects or lines that were not taken.
    pub rejected: u64,
}

/// The time an item came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Nothing,
    Unreadable,
    At(Micros),
}

/// One named value of a body.
#[derive(Debug, Clone, PartialEq)]
struct Item<'a> {
    place: usize,
    device: Option<Cow<'a, str>>,
    given: Given,
    name: Cow<'a, str>,
    value: Cow<'a, Value>,
    /// In which unit, if a number says so beside it.
    unit: Option<Cow<'a, str>>,
    /// What the sender says of it.
    quality: Quality,
}

fn bounded(items: &[Item<'_>]) -> Result<(), PushError> {
    if items.len() >= MOST_POINTS { Err(PushError::TooMany) } else { Ok(()) }
}

/// Line protocol → items. The measurement says nothing; the tag `device` or `equipment` names the device, and a tag that
/// reads like a unit (of the only field) or a quality counts.
fn line_items<'a>(
    text: &'a str,
    precision: TimeFormat,
    local: LocalTime<'_>,
    report: &mut Report,
) -> Result<Vec<Item<'a>>, PushError> {
    let mut items = Vec::new();
    for line in line::lines(text) {
        let line = match line {
            Ok(line) => line,
            Err(e) => {
                let reason = Reason::BadLine(e.what);
                report.reject(Rejection { place: e.number, device: None, point: None, reason });
                continue;
            }
        };
        let named = ["device", "equipment"].iter().find_map(|key| line.tags.iter().position(|t| t.0 == *key));
        let mut tags = line.tags;
        let device = named.map(|n| tags.swap_remove(n).1);
        let given = match line.timestamp.map(|stamp| (stamp, time::time(&stamp.into(), precision, local))) {
            None => Given::Nothing,
            Some((_, Some(at))) => Given::At(at),
            Some((stamp, None)) => {
                let device = device.as_deref().map(str::to_owned);
                let reason = Reason::BadTime(format!("{stamp} (precision {})", precision.word()));
                report.reject(Rejection { place: line.number, device, point: None, reason });
                Given::Unreadable
            }
        };
        let alone = line.fields.len() == 1;
        let (mut unit, mut quality) = (None, Quality::Good);
        for (key, content) in tags {
            match beside::word_of(&key) {
                Some(beside::Word::Unit) if alone => unit = Some(content),
                Some(beside::Word::Unit | beside::Word::Time) | None => {}
                word => {
                    let said = Value::String(content.into_owned());
                    quality = beside::worse(quality, beside::verdict(word, &said, true));
                }
            }
        }
        for (name, value) in line.fields {
            bounded(&items)?;
            let (place, device, value) = (line.number, device.clone(), Cow::Owned(value));
            items.push(Item { place, device, given, name, value, unit: unit.clone(), quality });
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests;
