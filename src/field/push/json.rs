//! A pushed JSON body → items. Pure; borrows from the tree.
//!
//! One object or a list of them: `device`, `time` (both optional), and `values`, an object of plain
//! values or of `{"v": …, "q": …}`.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{Given, Item, PushError, Reason, Rejection, Report};
use crate::field::mqtt::payload::time::time;
use crate::field::mqtt::payload::value::is_good;
use crate::settings::{Good, TimeFormat};

/// Finds the items in `root`; objects that have none are noted in `report`.
///
/// # Errors
/// There is neither an object nor a list, or too much in it.
pub(super) fn items<'a>(
    root: &'a Value,
    zone: &TimeZone,
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
        let values = set.get("values").and_then(Value::as_object).filter(|v| !v.is_empty());
        let Some(values) = values else {
            report.reject(Rejection {
                place,
                device: device.map(Cow::into_owned),
                point: None,
                reason: Reason::NoValues,
            });
            continue;
        };
        let given = match set.get("time") {
            None | Some(Value::Null) => Given::Nothing,
            Some(found) => time(found, TimeFormat::Auto, zone).map_or(Given::Unreadable, Given::At),
        };
        for (key, entry) in values {
            let (value, said) = match entry {
                Value::Object(map) => {
                    (field(map, ["v", "value"]).unwrap_or(entry), field(map, ["q", "quality"]))
                }
                plain => (plain, None),
            };
            super::bounded(&items)?;
            items.push(Item {
                place,
                device: device.clone(),
                given,
                name: Cow::Borrowed(key),
                value: Cow::Borrowed(value),
                good: is_good(said, Good::Auto),
            });
        }
    }
    Ok(items)
}

fn field<'a>(map: &'a Map<String, Value>, keys: [&str; 2]) -> Option<&'a Value> {
    keys.iter().find_map(|key| map.get(*key))
}

fn name(found: &Value) -> Option<Cow<'_, str>> {
    match found {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}
