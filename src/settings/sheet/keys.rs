//! The keys of a profile: their order in a file, what may be left out, and which exclude each other.

use super::value::{Keys, Val};

/// Of a point, in the order they are written; limits follow in a table of their own.
pub(super) const POINT: &[&str] = &[
    "id",
    "name",
    "name_en",
    "unit",
    "decimals",
    "table",
    "function",
    "address",
    "type",
    "order",
    "bit",
    "bits",
    "bit_order",
    "length",
    "encoding",
    "scale",
    "offset",
    "calibration",
    "loop",
    "raw_unit",
    "range",
    "decimals_from",
    "times",
    "sentinels",
    "invert",
    "labels",
    "map",
    "pointer",
    "quality",
    "topic",
    "metric",
    "key",
    "period",
    "confirm",
    "shared",
    "max_step",
    "flatline",
];

/// Kinds of limits and their keys, in the order they are written.
pub(super) const LIMITS: &[&str] = &["ll", "l", "h", "hh", "state", "no_data"];
pub(super) const OF_LIMIT: &[&str] = &[
    "at",
    "after",
    "deadband",
    "on_delay",
    "off_delay",
    "priority",
    "latch",
    "hazard",
    "escalate",
    "near",
    "when",
    "unless",
    "follows",
    "schedule",
    "message",
    "consequence",
    "response",
    "response_time",
];

/// The keys and tables of a profile's head.
const HEAD: &[&str] = &[
    "kind",
    "table",
    "address_base",
    "order",
    "modbus",
    "shape",
    "time",
    "topic",
    "offline",
    "state",
    "derived",
    "detector",
];

/// A key of a profile's head, or below one of its tables.
pub(super) fn is_of_head(key: &str) -> bool {
    HEAD.contains(&key.split('.').next().unwrap_or(key))
}

/// A word as keys of a profile are spelled: `max_registers`, `modbus.gap`.
pub(super) fn is_spelled(key: &str) -> bool {
    let word = |w: &str| {
        w.starts_with(|c: char| c.is_ascii_lowercase())
            && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    key.split('.').all(word)
}

/// Keys whose cells are texts, whatever they look like.
pub(super) const TEXTS: &[&str] =
    &["pointer", "quality", "topic", "metric", "key", "encoding", "bit_order", "period"];

/// A column named by the whole way to its key, for what has no column of its own: `limits.rate`, `point.key`.
pub(super) fn way(column: &str) -> Option<String> {
    let rest = column.strip_prefix("limits.").or_else(|| column.strip_prefix("point."))?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let whole = !rest.is_empty() && !rest.starts_with('.') && !rest.ends_with('.') && rest.chars().all(fits);
    whole.then(|| column.strip_prefix("point.").unwrap_or(column).to_owned())
}

/// Where a key stands in a file: known keys first, hand-made ones behind, limits last.
pub(super) fn rank(key: &str) -> (usize, usize, usize, String) {
    if let Some(rest) = key.strip_prefix("limits.") {
        let (kind, own) = rest.split_once('.').unwrap_or((rest, ""));
        let at = |list: &[&str], word: &str| list.iter().position(|k| *k == word).unwrap_or(list.len());
        return (1, at(LIMITS, kind), at(OF_LIMIT, own), key.to_owned());
    }
    (0, POINT.iter().position(|k| *k == key).unwrap_or(POINT.len()), 0, key.to_owned())
}

/// What a key means when it is not written, given the profile's head.
pub(super) fn default(key: &str, head: &Keys) -> Option<Val> {
    match key {
        "scale" => Some(Val::Number(1.0)),
        "offset" => Some(Val::Number(0.0)),
        "invert" | "confirm" => Some(Val::Flag(false)),
        "order" => Some(head.get("order").cloned().unwrap_or_else(|| Val::text("abcd"))),
        "table" => head.get("table").cloned(),
        "encoding" => Some(Val::text("ascii")),
        _ => None,
    }
}

/// When a sheet says the first, the second of an older profile no longer holds.
pub(super) fn excluded(key: &str) -> &'static [&'static str] {
    match key {
        "scale" | "offset" => &["calibration", "loop"],
        "calibration" | "loop" => &["scale", "offset", "loop", "calibration"],
        "table" => &["function"],
        "function" => &["table"],
        "bit" => &["bits", "type"],
        "bits" => &["bit"],
        "type" => &["bit", "bits", "length"],
        _ => &[],
    }
}
