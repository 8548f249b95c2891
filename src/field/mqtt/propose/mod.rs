//! Topics and what was recognised in them → a profile and equipment lines, ready to be loaded. Pure.
//!
//! Topics that differ in one level and carry the same values are one profile with `{device}` at that
//! level. What the proposal cannot know (names, units, limits, where a reply's registers begin) it
//! says in comments.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::recognise::{Carried, Look, Recognised};
use crate::plant::meaning;

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
    writeln!(text, "\n[[point]]\nid = {}\n{key} = {}  # e.g. {example}", quoted(&id), quoted(name))?;
    match meaning::suggested_unit(example) {
        Some(unit) => writeln!(text, "unit = {}", quoted(&unit)),
        None => Ok(()),
    }
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
mod tests;
