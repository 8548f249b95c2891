//! What changed between two readings of the settings, key by key, as an integrator wrote them.

use std::collections::BTreeMap;

use config::{Value, ValueKind};

use super::source::Merged;
use super::types::Settings;
use super::wiring::readings;
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

/// One line for each point that is read otherwise than before, in the same unit and type: another register, type, order
/// or scale. Its series goes on, and nothing in it tells the values of before from those of now.
pub fn read_otherwise(before: &Settings, now: &Settings) -> Vec<String> {
    let known = readings(before);
    let kinds = |plant: &Plant| -> BTreeMap<(String, String), (String, ValueType)> {
        let present = plant.present().flat_map(|e| e.points.iter().map(move |ix| (e, plant.point(*ix))));
        let kind =
            present.map(|(e, p)| ((e.id.to_string(), p.id.to_string()), (p.unit.clone(), p.value_type)));
        kind.collect()
    };
    let (old_kinds, new_kinds) = (kinds(&before.plant), kinds(&now.plant));
    let mut lines = Vec::new();
    for ((equipment, point), words) in readings(now) {
        let Some(was) = known.get(&(equipment, point)).filter(|was| **was != words) else { continue };
        let key = (equipment.to_owned(), point.to_owned());
        // In another unit a new series begins, which is told.
        if old_kinds.get(&key) == new_kinds.get(&key) {
            lines.push(format!(
                "{equipment}/{point}: was read as `{was}` and is read as `{words}`, in the same unit: the series goes on, and \
                 values before and after compare only if the device changed with it; else give the point another id"
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
    fn a_point_that_is_read_otherwise_in_the_same_unit_is_told_with_both_ways() {
        let load = |point: &str| -> Settings {
            let text = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n";
            let profile = format!("[[point]]\nid = \"a\"\n{point}\n[[point]]\nid = \"b\"\naddress = 40009\n");
            load_texts(&[("t.toml", text)], &[("p.toml", &profile)], &[]).expect("good").settings
        };
        let told = |before: &str, now: &str| super::read_otherwise(&load(before), &load(now));
        let plain = "unit = \"bar\"\naddress = 40001\nscale = 0.1";
        for (now, words) in [
            ("unit = \"bar\"\naddress = 40001\nscale = 0.01", "unit 1 holding 0 u16 × 0.01"),
            ("unit = \"bar\"\naddress = 40002\nscale = 0.1", "unit 1 holding 1 u16 × 0.1"),
            ("unit = \"bar\"\naddress = 40001\nscale = 0.1\noffset = -5", "unit 1 holding 0 u16 × 0.1 − 5"),
            ("unit = \"bar\"\naddress = 40001\ntype = \"i16\"\nscale = 0.1", "unit 1 holding 0 i16 × 0.1"),
            (
                "unit = \"bar\"\naddress = 40001\ntype = \"u16\"\norder = \"ba\"\nscale = 0.1",
                "unit 1 holding 0 u16 ba × 0.1",
            ),
        ] {
            let lines = told(plain, now);
            assert_eq!(lines.len(), 1, "{now}: {lines:?}");
            let begins = format!("e/a: was read as `unit 1 holding 0 u16 × 0.1` and is read as `{words}`");
            assert!(lines[0].starts_with(&begins), "{}", lines[0]);
        }
        assert!(told(plain, plain).is_empty());
        // A new series begins with another unit, and what else changed does not matter to it.
        assert!(told(plain, "unit = \"kPa\"\naddress = 40001\nscale = 10").is_empty());
        assert!(
            told(plain, "unit = \"bar\"\naddress = 40001\nscale = 0.1\nlimits = { h = { at = 5 } }")
                .is_empty()
        );
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
