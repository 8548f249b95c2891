//! Topics and what was recognised in them → a profile and equipment lines, ready to be loaded. Pure.
//!
//! Topics that differ in one level and carry the same values are one profile with `{device}` at that
//! level. What the proposal cannot know (names, units, limits, where a reply's registers begin) it
//! says in comments.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::recognise::{Carried, Look, Recognised};

/// One topic as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTopic {
    /// Where.
    pub topic: String,
    /// What.
    pub recognised: Recognised,
}

/// Files to write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proposal {
    /// (name without ending, text) for `profiles/`.
    pub profiles: Vec<(String, String)>,
    /// For `conf.d/`; the source is called `broker`.
    pub equipment: String,
}

/// Topics that are one profile.
struct Family<'a> {
    topics: Vec<&'a SeenTopic>,
    /// By level: the texts seen.
    levels: Vec<BTreeSet<&'a str>>,
}

/// Makes one of everything that can be read.
#[must_use]
pub fn propose(seen: &[SeenTopic]) -> Proposal {
    let mut families: Vec<Family<'_>> = Vec::new();
    for one in seen.iter().filter(|s| is_readable(&s.recognised.look)) {
        let levels: Vec<&str> = one.topic.split('/').collect();
        let joins = |f: &&mut Family<'_>| {
            let first = f.topics[0];
            let apart = f.levels.iter().zip(&levels).filter(|(set, level)| !set.contains(**level)).count();
            let varied = f.levels.iter().filter(|l| l.len() > 1).count();
            let most = if is_scalar(one) { 2 } else { 1 };
            f.levels.len() == levels.len()
                && first.recognised.look == one.recognised.look
                && first.recognised.time == one.recognised.time
                && names(first) == names(one)
                && (apart == 0 || varied.max(apart) <= most)
                && f.levels[0].contains(levels[0])
                && levels.len() > 1
        };
        match families.iter_mut().find(joins) {
            Some(family) => {
                family.topics.push(one);
                for (set, level) in family.levels.iter_mut().zip(&levels) {
                    set.insert(level);
                }
            }
            None => families.push(Family {
                topics: vec![one],
                levels: levels.iter().map(|l| BTreeSet::from([*l])).collect(),
            }),
        }
    }
    let mut proposal = Proposal::default();
    let mut ids = BTreeSet::new();
    for (n, family) in families.iter().enumerate() {
        let name = format!("probed-{}", n + 1);
        family.write(&name, &mut ids, &mut proposal);
    }
    proposal
}

fn is_readable(look: &Look) -> bool {
    matches!(look, Look::Preset(_) | Look::JsonInJson { .. } | Look::Pointers | Look::Hex { .. })
}

fn is_scalar(seen: &SeenTopic) -> bool {
    seen.recognised.look == Look::Preset("scalar")
}

fn names(seen: &SeenTopic) -> BTreeSet<&str> {
    seen.recognised.carries.iter().map(|c| c.name.as_str()).collect()
}

impl Family<'_> {
    fn write(&self, name: &str, ids: &mut BTreeSet<String>, proposal: &mut Proposal) {
        let first = self.topics[0];
        let varying: Vec<usize> = (0..self.levels.len()).filter(|n| self.levels[*n].len() > 1).collect();
        let (device, point) = match (is_scalar(first), &varying[..]) {
            (false, []) => (None, None),
            (false, [device, ..]) => (Some(*device), None),
            // A plain value is named by the last level that varies, or by the last.
            (true, []) => (None, Some(self.levels.len() - 1)),
            (true, [one]) if *one + 1 == self.levels.len() => (None, Some(*one)),
            (true, [device]) => (Some(*device), Some(self.levels.len() - 1)),
            (true, [device, .., point]) => (Some(*device), Some(*point)),
        };
        let topic: Vec<&str> = self
            .levels
            .iter()
            .enumerate()
            .map(|(n, level)| match n {
                _ if Some(n) == device => "{device}",
                _ if Some(n) == point => "{point}",
                _ if level.len() > 1 => "+",
                _ => level.first().copied().unwrap_or_default(),
            })
            .collect();
        let topic = topic.join("/");
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = self.profile(&mut text, &topic, point);
        proposal.profiles.push((name.to_owned(), text));
        for key in self.devices(device) {
            let wanted = key.as_deref().map_or_else(|| name.to_owned(), |k| id(k, ids.len()));
            let id = unique(&wanted, ids);
            let _ = write!(
                proposal.equipment,
                "[[equipment]]\nid = {}\nprofile = {}\nsource = \"broker\"\n",
                quoted(&id),
                quoted(name)
            );
            if let Some(key) = key {
                let _ = writeln!(proposal.equipment, "device = {}", quoted(&key));
            }
            let _ = writeln!(proposal.equipment);
        }
    }

    /// What the devices are called: by the topic, or by the payloads.
    fn devices(&self, level: Option<usize>) -> Vec<Option<String>> {
        if let Some(level) = level {
            return self.levels[level].iter().map(|l| Some((*l).to_owned())).collect();
        }
        let named: BTreeSet<&str> = self
            .topics
            .iter()
            .flat_map(|t| &t.recognised.carries)
            .filter_map(|c| c.device.as_deref())
            .collect();
        if named.is_empty() { vec![None] } else { named.into_iter().map(|d| Some(d.to_owned())).collect() }
    }

    fn profile(&self, text: &mut String, topic: &str, point: Option<usize>) -> std::fmt::Result {
        let first = &self.topics[0].recognised;
        writeln!(text, "# Seen on {} topics, e.g. {}", self.topics.len(), self.topics[0].topic)?;
        writeln!(
            text,
            "kind = \"steam-boiler\"  # the kind of equipment; names, units, ranges and limits are yours to add"
        )?;
        writeln!(text, "topic = {}", quoted(topic))?;
        match &first.look {
            Look::Pointers | Look::Preset("scalar") => {}
            Look::Preset(name) => writeln!(text, "shape = {}", quoted(name))?,
            Look::JsonInJson { pointer, by_device } => {
                let values = if *by_device { format!("{pointer}/{{device}}") } else { pointer.clone() };
                writeln!(
                    text,
                    "shape = {{ preset = \"flat\", parse = [{}], values = {} }}",
                    quoted(pointer),
                    quoted(&values)
                )?;
            }
            Look::Hex { pointer, unit, function, bytes } => {
                let count = if *function < 3 { u16::from(*bytes) * 8 } else { u16::from(*bytes) / 2 };
                let place = if pointer.is_empty() {
                    String::new()
                } else {
                    format!("pointer = {}, ", quoted(pointer))
                };
                writeln!(
                    text,
                    "# A reply does not say where its registers begin: put the start of the request here."
                )?;
                writeln!(
                    text,
                    "shape = {{ preset = \"hex\", {place}request = [{{ unit = {unit}, function = {function}, start = 0, count = {count} }}] }}"
                )?;
                return hex_points(text, *function, count);
            }
            _ => {}
        }
        if let Some(time) = &first.time {
            writeln!(text, "time = {{ pointer = {}, format = \"auto\" }}", quoted(time))?;
        }
        let mut ids = BTreeSet::new();
        if let Some(level) = point {
            for key in &self.levels[level] {
                let example = self.topics.iter().find(|t| t.topic.split('/').nth(level) == Some(key));
                let example = example.and_then(|t| t.recognised.carries.first());
                write_point(text, &mut ids, "key", key, example.map_or("", |c| &c.example))?;
            }
            return Ok(());
        }
        let key = if first.look == Look::Pointers { "pointer" } else { "key" };
        let mut known = BTreeSet::new();
        let all = self.topics.iter().flat_map(|t| &t.recognised.carries);
        for Carried { name, example, .. } in all {
            if known.insert(name) {
                write_point(text, &mut ids, key, name, example)?;
            }
        }
        Ok(())
    }
}

fn hex_points(text: &mut String, function: u8, count: u16) -> std::fmt::Result {
    let table = match function {
        1 => "coil",
        2 => "discrete",
        3 => "holding",
        _ => "input",
    };
    for n in 0..count {
        writeln!(text, "\n[[point]]\nid = \"r{n}\"\ntable = \"{table}\"\naddress = {n}")?;
    }
    Ok(())
}

fn write_point(
    text: &mut String,
    ids: &mut BTreeSet<String>,
    key: &str,
    name: &str,
    example: &str,
) -> std::fmt::Result {
    let last = name.rsplit('/').next().unwrap_or(name);
    let id = unique(&id(last, ids.len()), ids);
    writeln!(text, "\n[[point]]\nid = {}\n{key} = {}  # e.g. {example}", quoted(&id), quoted(name))
}

/// The name as an id, or a number if nothing of it may stand in one.
fn id(name: &str, number: usize) -> String {
    let mut id: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' }).collect();
    id = id.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(56).collect();
    if id.is_empty() { format!("p{}", number + 1) } else { id }
}

fn unique(wanted: &str, ids: &mut BTreeSet<String>) -> String {
    let mut id = wanted.to_owned();
    let mut n = 2;
    while !ids.insert(id.clone()) {
        id = format!("{wanted}_{n}");
        n += 1;
    }
    id
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Proposal, SeenTopic, propose};
    use crate::field::mqtt::book::{Book, Message};
    use crate::field::mqtt::payload::hex;
    use crate::field::mqtt::recognise::{Look, recognise};
    use crate::plant::{Micros, Quality};
    use crate::settings::{Settings, load_texts};

    fn seen(topic: &str, payload: &[u8]) -> SeenTopic {
        SeenTopic { topic: topic.to_owned(), recognised: recognise(topic, payload) }
    }

    fn load(proposal: &Proposal) -> Settings {
        let source = "[site]\nid = \"n\"\n[[source.mqtt]]\nid = \"broker\"\naddress = \"mqtt://192.0.2.1\"\n";
        let text = format!("{source}{}", proposal.equipment);
        let files: Vec<(String, &str)> =
            proposal.profiles.iter().map(|(n, t)| (format!("{n}.toml"), t.as_str())).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), *t)).collect();
        let loaded = load_texts(&[("t.toml", &text)], &files, &[]);
        loaded.unwrap_or_else(|e| panic!("{e}\n{proposal:#?}")).settings
    }

    /// Good values that the proposal reads from `payload`.
    fn reads(settings: &Settings, topic: &str, payload: &[u8]) -> Vec<f64> {
        let mut book = Book::new(&settings.mqtt[0], "Asia/Shanghai", &[]);
        let message = Message { topic, payload, retained: false, expired: false };
        let outcome = book.read(&message, Micros(1_790_000_000_000_000), Instant::now());
        assert_eq!(outcome.fault, None);
        let samples = book.samples().iter().flat_map(|s| book.readings(s));
        samples.filter(|r| r.quality != Quality::Bad(crate::plant::Cause::Missing)).map(|r| r.value).collect()
    }

    fn reply() -> Vec<u8> {
        let mut frame = vec![1, 3, 4, 0, 5, 0, 6];
        let sum = hex::crc(&frame).to_le_bytes();
        frame.extend_from_slice(&sum);
        frame
    }

    #[test]
    fn every_shape_is_recognised_and_the_proposal_loads_and_reads_it() {
        let frame: String = reply().iter().map(|b| format!("{b:02X}")).collect();
        let cases: Vec<(&str, Value)> = vec![
            ("flat", json!({"ts":1_789_999_999,"p":5,"l":"6"})),
            ("nested", json!({"ts":1_789_999_999_000_i64,"data":{"p":{"v":5,"q":192},"l":{"v":6,"q":192}}})),
            (
                "points",
                json!({"time":"2026-09-21 22:13:19","points":[{"name":"p","value":"5","err":"0"},{"name":"l","value":"6","err":"0"}]}),
            ),
            (
                "neuron",
                json!({"timestamp":1_789_999_999_000_i64,"node":"n","group":"g","values":{"p":5,"l":6},"errors":{}}),
            ),
            (
                "neuron",
                json!({"timestamp":1_789_999_999_000_i64,"node":"n","group":"g","tags":[{"name":"p","value":5},{"name":"l","value":6}]}),
            ),
            (
                "usr",
                json!({"rw_prot":{"dir":"up","id":"1","r_data":[{"name":"p","value":"5","err":"0"},{"name":"l","value":"6","err":"0"}]}}),
            ),
            ("dtu", json!({"devid":"867","time":"20260921221319","params":{"p":5,"l":6},"csq":23})),
            (
                "alink",
                json!({"id":"1","params":{"p":{"value":5},"l":{"value":6}},"method":"thing.event.property.post"}),
            ),
            (
                "huawei",
                json!({"services":[{"service_id":"s","properties":{"p":5,"l":6},"event_time":"20260921T141319Z"}]}),
            ),
            ("thingsboard", json!({"Boiler 1":[{"ts":1_789_999_999_000_i64,"values":{"p":5,"l":6}}]})),
            ("json-in-json", json!({"d":"{\"11\":{\"p\":\"5\",\"l\":6}}","o":5})),
            ("json-in-json", json!({"d":"{\"p\":\"5\",\"l\":6}"})),
            ("pointers", json!({"a":{"p":5},"b":[6]})),
            ("hex", json!({"d":frame,"o":2})),
        ];
        for (word, payload) in cases {
            let payload = payload.to_string();
            let one = seen("plant/x", payload.as_bytes());
            assert_eq!(one.recognised.look.word(), word, "{payload}");
            let proposal = propose(&[one]);
            let mut values = reads(&load(&proposal), "plant/x", payload.as_bytes());
            values.retain(|v| *v == 5.0 || *v == 6.0);
            values.sort_by(f64::total_cmp);
            assert_eq!(values, [5.0, 6.0], "{payload}\n{proposal:#?}");
        }
    }

    #[test]
    fn what_is_not_read_is_recognised_too() {
        let meter = hex::bytes("FEFEFEFE68123456789012689108333334 33A5A533330A16").expect("hex");
        for (topic, payload, look) in [
            ("spBv1.0/g/NDATA/n", &b"\x08\x01"[..], Look::Sparkplug),
            ("t", &meter, Look::Dlt645),
            ("t", b"", Look::Empty),
            ("t", b"hello", Look::Text),
            ("t", b"\xFF\xFF\x00\x01", Look::Binary),
        ] {
            assert_eq!(recognise(topic, payload).look, look, "{topic} {payload:?}");
            assert_eq!(propose(&[seen(topic, payload)]), Proposal::default());
        }
        assert!(matches!(recognise("t", &reply()).look, Look::Hex { unit: 1, function: 3, bytes: 4, .. }));
    }

    #[test]
    fn alike_topics_become_one_profile_and_a_line_for_each_device() {
        let payload = br#"{"p":5,"l":6}"#;
        let all: Vec<_> = (1..=40).map(|n| seen(&format!("plant/8675{n:02}/data"), payload)).collect();
        let proposal = propose(&all);
        assert_eq!(proposal.profiles.len(), 1);
        assert!(proposal.profiles[0].1.contains("topic = \"plant/{device}/data\""), "{proposal:#?}");
        let settings = load(&proposal);
        assert_eq!(settings.plant.equipment.len(), 40);
        assert_eq!(reads(&settings, "plant/867533/data", payload).len(), 2);
    }

    #[test]
    fn plain_values_are_named_by_their_topics() {
        let mut all = Vec::new();
        for boiler in ["b1", "b2"] {
            all.push(seen(&format!("plant/{boiler}/steam_pressure"), b"1.02"));
            all.push(seen(&format!("plant/{boiler}/水位"), b"-8mm"));
        }
        let proposal = propose(&all);
        assert!(proposal.profiles[0].1.contains("topic = \"plant/{device}/{point}\""), "{proposal:#?}");
        assert_eq!(reads(&load(&proposal), "plant/b2/水位", b"-8mm"), [-8.0]);
    }

    proptest! {
        #[test]
        fn whatever_is_seen_the_proposal_loads(
            topics in prop::collection::vec("[a-c\"]{1,2}(/[a-c水{]{1,2}){0,2}", 1..5),
            payload in prop::collection::vec(any::<u8>(), 0..60),
            key in "\\PC{0,8}",
        ) {
            let odd = json!({key: 1}).to_string();
            let clean: Vec<String> = topics.iter().map(|t| t.replace('{', "x")).collect();
            let mut all: Vec<_> = clean.iter().map(|t| seen(t, &payload)).collect();
            all.push(seen("o/k", odd.as_bytes()));
            let proposal = propose(&all);
            if !proposal.profiles.is_empty() {
                load(&proposal);
            }
        }
    }
}
