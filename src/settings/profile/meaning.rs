//! `map`, and what a point's raw values mean by all of its keys.

use super::super::walk::Walk;
use super::ProfilePoint;
use super::limits::LimitSetting;
use crate::plant::meaning::Kind;
use crate::plant::{LimitKind, Meaning, ValueType};

/// `map = { open = 1, closed = 0 }`: words of the sender and the values of the point that they stand for.
pub(super) fn map(walk: &Walk<'_>) -> Vec<(String, f64)> {
    let Some(table) = walk.table("map") else { return Vec::new() };
    let mut words: Vec<(String, f64)> = Vec::new();
    for key in table.keys() {
        let Some(value) = table.number_at(key) else {
            table.fault(key, "not a number", "map = { open = 1, closed = 0 }");
            continue;
        };
        if key.trim().parse::<f64>().is_ok() {
            table.fault(key, "a number stands for itself", "only words: map = { open = 1, closed = 0 }");
        } else if words.iter().any(|w| w.0.eq_ignore_ascii_case(key)) {
            table.fault(key, "stands here twice; capitals do not count", "one entry a word");
        } else {
            words.push((key.trim().to_owned(), value));
        }
    }
    if walk.flag_is_set("invert") && !words.is_empty() {
        walk.fault("map", "stands beside invert", "write the values as they are meant, and remove invert");
    }
    words
}

impl ProfilePoint {
    /// Discrete: true or false, and nothing between.
    pub(in crate::settings) fn is_truth(&self) -> bool {
        self.value_type == ValueType::Bool || self.unit == "bool" || self.invert
    }

    /// How raw values in payloads are understood.
    pub(in crate::settings) fn meaning(&self) -> Meaning {
        let state = |l: &LimitSetting| matches!(l, LimitSetting::Limit(LimitKind::State, _));
        let kind = if self.is_truth() {
            Kind::Truth { invert: self.invert }
        } else if !self.labels.is_empty() || self.limits.iter().any(state) {
            Kind::Code
        } else {
            Kind::Measure
        };
        let meaning = Meaning {
            scale: self.scale,
            offset: self.offset,
            sentinels: self.sentinels.clone(),
            words: self.words_and_labels(),
            ..Meaning::plain(kind)
        };
        meaning.with_units(&self.unit, self.raw_unit.as_deref(), self.is_scaled)
    }

    /// The words of `map`, and the labels that stand for one value only.
    fn words_and_labels(&self) -> Vec<(String, f64)> {
        let mut words = self.words.clone();
        let labels = || self.labels.iter().flat_map(|(n, name)| [(&name.zh, *n), (&name.en, *n)]);
        for (text, number) in labels() {
            let clear = labels().all(|(other, n)| n == number || !other.eq_ignore_ascii_case(text));
            let known = words.iter().any(|w| w.0.eq_ignore_ascii_case(text));
            if clear && !known && text.parse::<f64>().is_err() {
                words.push((text.clone(), number as f64));
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use crate::plant::meaning::Kind;
    use crate::plant::{Meaning, Quality};
    use crate::settings::{Settings, load_texts};

    fn load(source: &str, equipment: &str, point: &str) -> Result<Settings, String> {
        let text = format!(
            "[site]\nid = \"n\"\n{source}\n[[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\n{equipment}\n"
        );
        let profile = format!("kind = \"k\"\n[[point]]\nid = \"x\"\n{point}\n");
        let loaded = load_texts(&[("t.toml", &text)], &[("p.toml", &profile)], &[]);
        loaded.map(|l| l.settings).map_err(|e| e.to_string())
    }

    fn pushed(point: &str) -> Result<Meaning, String> {
        let settings = load("[[source.push]]\nid = \"a\"", "", point)?;
        Ok(settings.push[0].devices[0].points[0].meaning.clone())
    }

    #[test]
    fn a_point_is_discrete_an_enumeration_or_measured_by_its_keys() {
        for (point, kind) in [
            ("unit = \"bool\"", Kind::Truth { invert: false }),
            ("unit = \"bool\"\ninvert = true", Kind::Truth { invert: true }),
            ("invert = true", Kind::Truth { invert: true }),
            ("labels = { 0 = \"stop\", 1 = \"run\" }", Kind::Code),
            ("limits = { state = { at = 1 } }", Kind::Code),
            ("unit = \"MPa\"", Kind::Measure),
            ("", Kind::Measure),
        ] {
            assert_eq!(pushed(point).expect(point).kind, kind, "{point}");
        }
    }

    #[test]
    fn on_modbus_a_discrete_point_is_one_whatever_its_format() {
        let source = "[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"";
        for (point, truth) in [
            ("address = 40001\nunit = \"bool\"", true),
            ("address = 40001\ntype = \"f32\"\nunit = \"bool\"", true),
            ("address = 40001\nbit = 3", true),
            ("address = 10001", true),
            ("address = 40001\nunit = \"MPa\"", false),
        ] {
            let settings = load(source, "unit = 1", point).expect(point);
            assert_eq!(settings.modbus[0].devices[0].groups[0].points[0].truth, truth, "{point}");
        }
    }

    #[test]
    fn a_map_names_words_and_labels_are_words_too() {
        let valve = pushed("unit = \"%\"\nmap = { Open = 100, closed = 0 }").expect("good");
        assert_eq!(valve.text("open"), (100.0, Quality::Good));
        let mode = pushed("labels = { 0 = { zh = \"停炉\", en = \"Stop\" }, 2 = \"运行\" }").expect("good");
        assert_eq!([mode.text("停炉").0, mode.text("stop").0, mode.text("运行").0], [0.0, 0.0, 2.0]);
        let twice = pushed("labels = { 0 = \"off\", 1 = \"?\", 2 = \"?\" }").expect("good");
        assert!(!twice.text("?").1.is_usable(), "a label of two values says nothing");
        for (point, told) in [
            ("map = { open = \"yes\" }", "not a number"),
            ("map = { 1 = 2 }", "a number stands for itself"),
            ("map = { on = 1, ON = 0 }", "stands here twice"),
            ("map = { open = 1 }\ninvert = true", "stands beside invert"),
        ] {
            let faults = pushed(point).expect_err(point);
            assert!(faults.contains(told), "{point}: {faults}");
        }
    }
}
