//! What of an older point no longer holds when the sheet gives it another type, makes a bit of it, or another unit.
//! A scale goes with the type it was made for; a range and limits are converted to the new unit; what cannot be
//! converted, and a scale that only the profile knows beside a new unit, is a problem: the point then stays as it was.

use super::super::document::Point;
use super::super::value::{Keys, Val};
use super::super::{messages, units};
use crate::plant::unit;

/// Keys that say how the raw value of one type is read.
const OF_TYPE: &[&str] = &[
    "scale",
    "offset",
    "calibration",
    "loop",
    "raw_unit",
    "sentinels",
    "times",
    "decimals_from",
    "invert",
    "labels",
];
/// Keys that turn the raw value into the unit.
const OF_UNIT: &[&str] = &["scale", "offset", "calibration", "loop", "raw_unit"];

/// Takes out of `keys` what the sheet's point makes void, and converts what it can; the keys that went. `Err` names the
/// key that stands against it, and says why.
pub(super) fn settle(was: &Point, point: &Point, keys: &mut Keys) -> Result<Vec<String>, (String, String)> {
    let mut gone = Vec::new();
    let mut drop = |keys: &mut Keys, test: &dyn Fn(&str) -> bool| {
        let names: Vec<String> =
            keys.keys().filter(|k| !point.keys.contains_key(*k) && test(k)).cloned().collect();
        for name in names {
            keys.remove(&name);
            gone.push(name);
        }
    };
    // A unit that is only left over makes nothing a bit.
    let told = |key: &str| was.keys.get(key) == keys.get(key) || !was.keys.contains_key(key);
    let left_over = !(point.keys.contains_key("unit") || told("bit") && kind(&was.keys) == kind(keys));
    let bit_was = is_bit(&was.keys, false);
    let bit_is = is_bit(keys, left_over);
    if bit_was != bit_is {
        let kept = |k: &str| k != "limits.no_data" && !k.starts_with("limits.no_data.");
        drop(keys, &|k| {
            OF_TYPE.contains(&k) || k.starts_with("limits.") && kept(k) || k == "range" || k == "decimals"
        });
        drop(keys, &|k| k == "unit");
    } else if !bit_is && kind(&was.keys) != kind(keys) {
        drop(keys, &|k| OF_TYPE.contains(&k));
        if width(kind(keys)) == Some(1) {
            drop(keys, &|k| k == "order");
        }
    }
    if bit_is || bit_was {
        return Ok(gone);
    }
    let text = |keys: &Keys| keys.get("unit").and_then(Val::as_text).map(str::to_owned);
    let (Some(old), Some(new)) = (text(&was.keys), text(keys)) else { return Ok(gone) };
    if old != new {
        convert(was, point, keys, (&old, &new))?;
    }
    Ok(gone)
}

fn convert(
    was: &Point,
    point: &Point,
    keys: &mut Keys,
    (old, new): (&str, &str),
) -> Result<(), (String, String)> {
    let spelled = |u: &str| units::known(u).map_or_else(|| u.to_owned(), str::to_owned);
    let (old, new) = (spelled(old), spelled(new));
    let own = |key: &str| was.keys.contains_key(key) && !point.keys.contains_key(key);
    let here: Vec<String> = keys.keys().filter(|k| own(k)).cloned().collect();
    let in_unit = |k: &str| {
        k == "range" || k.starts_with("limits.") && (k.ends_with(".at") || k.ends_with(".deadband"))
    };
    let (factor, shift) = match unit::conversion(&old, &new) {
        Ok(both) => both,
        Err(_) if old == new => return Ok(()),
        Err(_) => {
            let kept = here.iter().find(|k| in_unit(k) || OF_UNIT.contains(&k.as_str()));
            return kept.map_or(Ok(()), |key| Err((key.clone(), messages::unit_changed(&old, &new))));
        }
    };
    if factor == 1.0 && shift == 0.0 {
        return Ok(());
    }
    if let Some(key) = here.iter().find(|k| OF_UNIT.contains(&k.as_str())) {
        return Err((key.clone(), messages::unit_changed(&old, &new)));
    }
    for key in here.iter().filter(|k| in_unit(k)) {
        let shift = if key.ends_with(".deadband") { 0.0 } else { shift };
        if let Some(value) = keys.get_mut(key) {
            *value = converted(value, factor, shift);
        }
    }
    Ok(())
}

fn converted(value: &Val, factor: f64, shift: f64) -> Val {
    match value {
        Val::Number(n) => {
            let exact = n * factor + shift;
            // Without the noise of binary fractions.
            Val::Number(format!("{exact:.9e}").parse().unwrap_or(exact))
        }
        Val::List(all) => Val::List(all.iter().map(|v| converted(v, factor, shift)).collect()),
        other => other.clone(),
    }
}

fn kind(keys: &Keys) -> &str {
    keys.get("type").and_then(Val::as_text).unwrap_or("u16")
}

fn width(kind: &str) -> Option<u32> {
    super::super::types::width(kind)
}

fn is_bit(keys: &Keys, but_unit: bool) -> bool {
    keys.contains_key("bit")
        || matches!(kind(keys), "bit" | "bool")
        || !but_unit && keys.get("unit").and_then(Val::as_text) == Some("bool")
        || matches!(keys.get("table").and_then(Val::as_text), Some("coil" | "discrete"))
}
