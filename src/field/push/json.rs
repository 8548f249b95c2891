//! A pushed JSON body → items. Pure; borrows from the tree.
//!
//! One object or a list of them: `device`, `time` (both optional), and `values`, an object of plain
//! values or of `{"v": …, "q": …, "unit": …}`. Any other key is named, as in the settings; where it reads like a
//! quality or a time it counts against the values all the same.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Given, Item, PushError, Reason, Rejection, Report};
use crate::field::ingest::civil::LocalTime;
use crate::field::ingest::payload::beside::{Word, reads_as_time, time_under, verdict, word_of, worse};
use crate::field::ingest::payload::time::time;
use crate::field::ingest::payload::value::is_good;
use crate::plant::{Cause, Quality};
use crate::settings::{Good, TimeFormat};

const OF_A_SET: [&str; 4] = ["device", "equipment", "time", "values"];
const OF_A_VALUE: [&str; 7] = ["v", "value", "q", "quality", "u", "unit", "units"];
/// An unreadable time is named by this many characters.
const LONGEST_TIME: usize = 40;

/// Finds the items in `root`; objects that have none are noted in `report`.
///
/// # Errors
/// There is neither an object nor a list, or too much in it.
pub(super) fn items<'a>(
    root: &'a Value,
    local: LocalTime<'_>,
    report: &mut Report,
) -> Result<Vec<Item<'a>>, PushError> {
    let sets = match root {
        Value::Object(_) => std::slice::from_ref(root),
        Value::Array(list) => list.as_slice(),
        _ => return Err(PushError::NoObject),
    };
    let mut items = Vec::new();
    for (place, set) in sets.iter().enumerate() {
        let device = ["device", "equipment"].iter().find_map(|key| set.get(key)).and_then(name);
        let named = device.as_deref().map(str::to_owned);
        let mut reject = |point: Option<&str>, reason| {
            let (device, point) = (named.clone(), point.map(str::to_owned));
            report.reject(Rejection { place, device, point, reason });
        };
        let values = set.get("values").and_then(Value::as_object).filter(|v| !v.is_empty());
        let Some(values) = values else {
            reject(None, Reason::NoValues);
            continue;
        };
        let given = given(set, local, |reason| reject(None, reason));
        let quality = quality(set);
        for (key, entry) in values {
            super::bounded(&items)?;
            let plain = Item {
                place,
                device: device.clone(),
                given,
                name: Cow::Borrowed(key),
                value: Cow::Borrowed(entry),
                unit: None,
                quality,
            };
            items.push(match entry {
                Value::Object(map) => nested(map, plain, local, |reason| reject(Some(key), reason)),
                _ => plain,
            });
        }
    }
    Ok(items)
}

/// `{"v": …, "q": …, "unit": …}`. Keys that are not known are told; what they say of the value counts.
fn nested<'a>(
    map: &'a Map<String, Value>,
    item: Item<'a>,
    local: LocalTime<'_>,
    mut reject: impl FnMut(Reason),
) -> Item<'a> {
    let said = field(map, &["q", "quality"]);
    let mut item = Item {
        value: field(map, &["v", "value"]).map_or(item.value, Cow::Borrowed),
        unit: field(map, &["u", "unit", "units"]).and_then(Value::as_str).map(Cow::Borrowed),
        quality: if is_good(said, Good::Auto) { item.quality } else { Quality::Bad(Cause::DeviceSaysBad) },
        ..item
    };
    for (key, content) in unknown_keys(map, &OF_A_VALUE) {
        reject(Reason::UnknownKey(key.clone()));
        let word = word_of(key);
        match word {
            Some(Word::Unit) => item.unit = item.unit.or(content.as_str().map(Cow::Borrowed)),
            Some(Word::Time) | None if is_a_time(key, content, local) => {
                let same = item.given != Given::Nothing
                    && time(content, TimeFormat::Auto, local).map(Given::At) == Some(item.given);
                item.given = if same { item.given } else { Given::Unreadable };
            }
            _ => item.quality = worse(item.quality, verdict(word, content, said.is_some())),
        }
    }
    item
}

/// `key` or what stands there means a time.
pub(super) fn is_a_time(key: &str, content: &Value, local: LocalTime<'_>) -> bool {
    time_under(key, content, local).is_some() || reads_as_time(content, local)
}

/// The time of a set. Keys that are not known are told; where one of them probably means the time, or the time
/// cannot be read, there is one and nobody knows which.
fn given(set: &Value, local: LocalTime<'_>, mut reject: impl FnMut(Reason)) -> Given {
    let written = set.get("time").filter(|t| !t.is_null());
    let mut given = match written.map(|found| (found, time(found, TimeFormat::Auto, local))) {
        None => Given::Nothing,
        Some((_, Some(at))) => Given::At(at),
        Some((found, None)) => {
            reject(Reason::BadTime(found.to_string().chars().take(LONGEST_TIME).collect()));
            Given::Unreadable
        }
    };
    for (key, content) in set.as_object().into_iter().flat_map(|map| unknown_keys(map, &OF_A_SET)) {
        let is_time = word_of(key) == Some(Word::Time) || reads_as_time(content, local);
        if is_time && given == Given::Nothing {
            given = Given::Unreadable;
        }
        reject(Reason::UnknownKey(key.clone()));
    }
    given
}

/// What keys of a set that nobody knows say of all its values.
fn quality(set: &Value) -> Quality {
    let unknown = set.as_object().into_iter().flat_map(|map| unknown_keys(map, &OF_A_SET));
    unknown.fold(Quality::Good, |found, (key, content)| match word_of(key) {
        // The state of a device is its own matter, unless it is one of trouble.
        word @ Some(_) => worse(found, verdict(word, content, true)),
        None => found,
    })
}

fn unknown_keys<'a>(
    map: &'a Map<String, Value>,
    known: &'static [&'static str],
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    map.iter().filter(|(key, _)| !known.contains(&key.as_str()))
}

/// The key that was probably meant.
pub(super) fn meant(key: &str) -> &'static str {
    match word_of(key) {
        Some(Word::Time) => return "time",
        Some(Word::Quality | Word::Validity | Word::Fault) => return "q",
        Some(Word::Unit) => return "unit",
        Some(Word::Status) | None => {}
    }
    let all = || OF_A_SET.iter().chain(&OF_A_VALUE).copied();
    let near = all().map(|known| (strsim::damerau_levenshtein(&key.to_lowercase(), known), known));
    near.filter(|(distance, known)| *distance <= known.len() / 3).min().map_or("", |n| n.1)
}

fn field<'a>(map: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| map.get(*key))
}

fn name(found: &Value) -> Option<Cow<'_, str>> {
    match found {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}
