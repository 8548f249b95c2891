//! A pushed JSON body → items. Pure; borrows from the tree.
//!
//! One object or a list of them: `device`, `time` (both optional), and `values`, an object of plain
//! values or of `{"v": …, "q": …, "unit": …}`. Any other key is named, as in the settings.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Given, Item, PushError, Reason, Rejection, Report};
use crate::field::civil::LocalTime;
use crate::field::mqtt::payload::time::time;
use crate::field::mqtt::payload::value::is_good;
use crate::settings::{Good, TimeFormat};

const OF_A_SET: [&str; 4] = ["device", "equipment", "time", "values"];
const OF_A_VALUE: [&str; 7] = ["v", "value", "q", "quality", "u", "unit", "units"];
/// Keys by which a sender probably means the time.
const TIMES: [&str; 8] = ["time", "ts", "t", "timestamp", "datetime", "date_time", "date", "event_time"];
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
        for (key, entry) in values {
            let (value, said, unit) = match entry {
                Value::Object(map) => {
                    for unknown in unknown_keys(map, &OF_A_VALUE) {
                        reject(Some(key), Reason::UnknownKey(unknown.clone()));
                    }
                    (
                        field(map, &["v", "value"]).unwrap_or(entry),
                        field(map, &["q", "quality"]),
                        field(map, &["u", "unit", "units"]).and_then(Value::as_str),
                    )
                }
                plain => (plain, None, None),
            };
            super::bounded(&items)?;
            items.push(Item {
                place,
                device: device.clone(),
                given,
                name: Cow::Borrowed(key),
                value: Cow::Borrowed(value),
                unit,
                good: is_good(said, Good::Auto),
            });
        }
    }
    Ok(items)
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
    for unknown in set.as_object().into_iter().flat_map(|map| unknown_keys(map, &OF_A_SET)) {
        let is_time = TIMES.iter().any(|t| unknown.eq_ignore_ascii_case(t));
        if is_time && given == Given::Nothing {
            given = Given::Unreadable;
        }
        reject(Reason::UnknownKey(unknown.clone()));
    }
    given
}

fn unknown_keys<'a>(
    map: &'a Map<String, Value>,
    known: &'static [&'static str],
) -> impl Iterator<Item = &'a String> {
    map.keys().filter(|key| !known.contains(&key.as_str()))
}

/// The key that was probably meant.
pub(super) fn meant(key: &str) -> &'static str {
    if TIMES.iter().any(|t| key.eq_ignore_ascii_case(t)) {
        return "time";
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
