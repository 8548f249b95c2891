//! What changed between two readings of the settings, key by key, as an integrator wrote them.

use std::collections::BTreeMap;

use config::{Value, ValueKind};

use super::source::Merged;

/// Every key that was written, with its value as text; keys of a profile begin with `profiles/NAME:`.
/// Secrets stand in it only by the place they are read from.
pub type Keys = BTreeMap<String, String>;

/// Adds the keys of a tree under `prefix`.
pub(super) fn flatten(merged: &Merged, prefix: &str, keys: &mut Keys) {
    for (name, value) in &merged.root {
        add(&format!("{prefix}{name}"), value, keys);
    }
}

fn add(path: &str, value: &Value, keys: &mut Keys) {
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, value) in table {
                add(&format!("{path}.{name}"), value, keys);
            }
        }
        ValueKind::Array(values) if values.iter().any(|v| matches!(v.kind, ValueKind::Table(_))) => {
            for (n, value) in values.iter().enumerate() {
                // Points of a profile are known by their id, wherever they stand.
                let id = match &value.kind {
                    ValueKind::Table(table) => table.get("id").map(ToString::to_string),
                    _ => None,
                };
                add(&format!("{path}.{}", id.unwrap_or_else(|| n.to_string())), value, keys);
            }
        }
        _ => {
            keys.insert(path.to_owned(), value.to_string());
        }
    }
}

/// One line a change: `+ key = value`, `- key = value`, `~ key: old -> new`.
#[must_use]
pub fn difference(old: &Keys, new: &Keys) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in old {
        match new.get(key) {
            None => lines.push(format!("- {key} = {value}")),
            Some(now) if now != value => lines.push(format!("~ {key}: {value} -> {now}")),
            Some(_) => {}
        }
    }
    lines.extend(new.iter().filter(|(k, _)| !old.contains_key(*k)).map(|(k, v)| format!("+ {k} = {v}")));
    lines
}

/// Sections that take effect only at a start.
pub const AT_START: &[&str] = &["site.", "store.dir", "console.", "log.", "broker."];

#[cfg(test)]
mod tests {
    use super::{Keys, difference};

    #[test]
    fn changes_are_told_by_key() {
        let keys = |of: &[(&str, &str)]| -> Keys {
            of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let old = keys(&[("a.period", "1s"), ("b", "2"), ("c", "3")]);
        let new = keys(&[("a.period", "2s"), ("c", "3"), ("d", "4")]);
        assert_eq!(difference(&old, &new), ["~ a.period: 1s -> 2s", "- b = 2", "+ d = 4"]);
    }
}
