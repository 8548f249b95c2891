//! What changed between two readings of the settings, key by key, as an integrator wrote them.

use std::collections::BTreeMap;

use config::{Value, ValueKind};

use super::source::Merged;
use crate::plant::{Plant, ValueType};

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

/// One line for each point whose unit or type differs from what was known before, by equipment and point id: its values
/// are another series from now on.
pub fn new_series<'a>(
    plant: &Plant,
    before: impl Iterator<Item = (&'a str, &'a str, Option<&'a str>, ValueType)>,
) -> Vec<String> {
    let mut known: BTreeMap<(&str, &str), Vec<(&str, ValueType)>> = BTreeMap::new();
    for (equipment, point, unit, value_type) in before {
        if let Some(unit) = unit {
            known.entry((equipment, point)).or_default().push((unit, value_type));
        }
    }
    let mut lines = Vec::new();
    for equipment in plant.present() {
        for point in equipment.points.iter().map(|ix| plant.point(*ix)) {
            let Some(before) = known.get(&(equipment.id.as_str(), point.id.as_str())) else { continue };
            let now = (point.unit.as_str(), point.value_type);
            if before.contains(&now) {
                continue;
            }
            let (unit, value_type) = before[before.len() - 1];
            let what = if value_type == now.1 {
                format!("was in `{unit}` and is in `{}`", now.0)
            } else {
                format!("was {value_type:?} in `{unit}` and is {:?} in `{}`", now.1, now.0)
            };
            lines.push(format!(
                "{}/{}: {what}: a new series begins; trends, evidence and rehearsals keep them apart, a database that has \
                 the point under this name does not",
                equipment.id, point.id
            ));
        }
    }
    lines
}

/// Sections that take effect only at a start.
pub const AT_START: &[&str] = &["site.", "store.dir", "console.", "clock.", "log.", "broker."];

#[cfg(test)]
mod tests {
    use super::{AT_START, Keys, difference};
    use crate::settings::{Settings, load_texts};

    #[test]
    fn changes_are_told_by_key() {
        let keys = |of: &[(&str, &str)]| -> Keys {
            of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let old = keys(&[("a.period", "1s"), ("b", "2"), ("c", "3")]);
        let new = keys(&[("a.period", "2s"), ("c", "3"), ("d", "4")]);
        assert_eq!(difference(&old, &new), ["~ a.period: 1s -> 2s", "- b = 2", "+ d = 4"]);
    }

    #[test]
    fn a_point_in_another_unit_is_told_to_begin_a_new_series() {
        use crate::plant::ValueType::Float;
        let text = "[site]\nid = \"n\"\n[[source.push]]\nid = \"app\"\n[[equipment]]\nid = \"e\"\nkind = \"k\"\n\
                    profile = \"p\"\nsource = \"app\"\n";
        let profile = "[[point]]\nid = \"a\"\nunit = \"bar\"\n[[point]]\nid = \"b\"\nunit = \"MPa\"\n";
        let plant =
            load_texts(&[("t.toml", text)], &[("p.toml", profile)], &[]).expect("good").settings.plant;
        let before = [
            ("e", "a", Some("MPa"), Float),
            ("e", "b", Some("MPa"), Float),
            ("e", "c", Some("MPa"), Float),
            ("f", "a", None, Float),
        ];
        let told = super::new_series(&plant, before.into_iter());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("e/a: was in `MPa` and is in `bar`"), "{told:?}");
    }

    #[test]
    fn a_secret_that_was_renewed_is_a_change_though_no_key_is_another() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("token");
        let load = |secret: &str| -> Settings {
            std::fs::write(&file, secret).expect("a file");
            let text = format!(
                "[site]\nid = \"n\"\n[[source.push]]\nid = \"app\"\ntoken = {{ file = {:?} }}\n\
                 [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"app\"\n",
                file.display().to_string()
            );
            load_texts(&[("t.toml", &text)], &[("p.toml", "[[point]]\nid = \"a\"\n")], &[])
                .expect("good")
                .settings
        };
        let before = load("a long random text");
        assert!(load("a long random text").reads_and_sends_like(&before));
        assert!(!load("another random text").reads_and_sends_like(&before));
    }

    #[test]
    fn sections_that_nobody_takes_over_while_running_are_said_to_need_a_start() {
        for key in [
            "site.timezone",
            "clock.require_sync",
            "console.listen",
            "store.dir",
            "broker.listen",
            "log.filter",
        ] {
            assert!(AT_START.iter().any(|s| key.starts_with(s)), "{key}");
        }
    }
}
