//! A cursor over a merged table that remembers which keys were asked for, so that the others can be
//! called unknown, and that collects faults instead of stopping at the first.

use std::cell::RefCell;
use std::time::Duration;

use config::{Map, Value, ValueKind};

use super::fault::{Fault, Place, nearest};
use super::source::Merged;

/// One table and its path.
pub(super) struct Walk<'a> {
    table: &'a Map<String, Value>,
    pub(super) path: String,
    merged: &'a Merged,
    faults: &'a RefCell<Vec<Fault>>,
    used: RefCell<Vec<&'static str>>,
}

impl<'a> Walk<'a> {
    pub(super) fn root(merged: &'a Merged, faults: &'a RefCell<Vec<Fault>>) -> Self {
        Self { table: &merged.root, path: String::new(), merged, faults, used: RefCell::default() }
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn place(&self, key: &str) -> Place {
        self.merged.place(&self.below(key))
    }

    pub(super) fn fault(&self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        let path = if key.is_empty() { self.path.clone() } else { self.below(key) };
        let place = self.merged.place(&path);
        self.faults.borrow_mut().push(Fault {
            place,
            key: path,
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    fn get(&self, key: &'static str) -> Option<&'a Value> {
        self.used.borrow_mut().push(key);
        self.table.get(key).filter(|v| v.kind != ValueKind::Nil)
    }

    fn wrong(&self, key: &str, found: &Value, wanted: &str) {
        let kind = match &found.kind {
            ValueKind::Boolean(_) => "a truth value",
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
                "a whole number"
            }
            ValueKind::Float(n) if !n.is_finite() => "no finite number",
            ValueKind::Float(_) => "a number",
            ValueKind::String(_) => "a text",
            ValueKind::Table(_) => "a table",
            ValueKind::Array(_) => "a list",
            ValueKind::Nil => "nothing",
        };
        self.fault(key, format!("this is {kind}"), format!("write {wanted}"));
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn text(&self, key: &'static str) -> Option<&'a str> {
        let value = self.get(key)?;
        match &value.kind {
            ValueKind::String(text) => Some(text),
            // The environment has no types: what looks like a number may be meant as a text.
            _ if self.merged.raw.contains_key(&self.below(key)) => {
                self.merged.raw.get(&self.below(key)).map(String::as_str)
            }
            _ => {
                self.wrong(key, value, &format!("a text: {key} = \"…\""));
                None
            }
        }
    }

    pub(super) fn need(&self, key: &'static str, example: &str) -> Option<&'a str> {
        if !self.has(key) {
            self.get(key);
            self.fault(key, "missing", format!("write {key} = {example}"));
            return None;
        }
        self.text(key)
    }

    pub(super) fn number(&self, key: &'static str) -> Option<f64> {
        let value = self.get(key)?;
        match value.kind {
            ValueKind::I64(n) => Some(n as f64),
            ValueKind::Float(n) if n.is_finite() => Some(n),
            ValueKind::Boolean(b) => Some(f64::from(u8::from(b))),
            _ => {
                self.wrong(key, value, &format!("a number: {key} = 1.5"));
                None
            }
        }
    }

    pub(super) fn whole(&self, key: &'static str, from: i64, to: i64) -> Option<i64> {
        let value = self.get(key)?;
        match value.kind {
            ValueKind::I64(n) if (from..=to).contains(&n) => Some(n),
            ValueKind::I64(n) => {
                self.fault(key, format!("{n} is out of range"), format!("allowed: {from} to {to}"));
                None
            }
            _ => {
                self.wrong(key, value, &format!("a whole number from {from} to {to}"));
                None
            }
        }
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        match value.kind {
            ValueKind::Boolean(b) => Some(b),
            _ => {
                self.wrong(key, value, &format!("{key} = true or {key} = false"));
                None
            }
        }
    }

    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        let value = self.get(key)?;
        let ValueKind::String(text) = &value.kind else {
            self.wrong(key, value, &format!("a duration with its unit: {key} = \"5s\" (ms, s, m, h, d)"));
            return None;
        };
        let parsed = duration(text);
        if parsed.is_none() && seconds(text).is_some() {
            self.fault(key, format!("`{text}` is too long"), "\"36500d\", a hundred years, at most");
        } else if parsed.is_none() {
            self.fault(
                key,
                format!("`{text}` is no duration"),
                "write a number and a unit, e.g. \"200ms\", \"5s\", \"10m\", \"1h\", \"7d\"",
            );
        }
        parsed
    }

    /// One of `words`.
    pub(super) fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|w| w.0 == text).map(|w| w.1);
        if found.is_none() {
            self.fault(key, format!("`{text}` is not known"), nearest(text, words.iter().map(|w| w.0)));
        }
        found
    }

    pub(super) fn table(&self, key: &'static str) -> Option<Walk<'a>> {
        let value = self.get(key)?;
        match &value.kind {
            ValueKind::Table(table) => Some(self.below_table(table, self.below(key))),
            _ => {
                self.wrong(key, value, &format!("a table: [{}]", self.below(key)));
                None
            }
        }
    }

    /// A table whose keys are the integrator's names.
    pub(super) fn entries(&self, key: &'static str) -> Vec<(&'a str, Walk<'a>)> {
        let Some(below) = self.table(key) else { return Vec::new() };
        let order = self.merged.order.get(&below.path);
        let mut keys: Vec<&'a String> = below.table.keys().collect();
        keys.sort_by_key(|k| {
            (order.and_then(|o| o.iter().position(|id| id == *k)).unwrap_or(usize::MAX), (*k).clone())
        });
        let mut entries = Vec::new();
        for name in keys {
            match &below.table[name].kind {
                ValueKind::Table(table) => {
                    entries.push((name.as_str(), self.below_table(table, format!("{}.{name}", below.path))));
                }
                _ => below.wrong(name, &below.table[name], "a table"),
            }
        }
        entries
    }

    /// An array of tables without ids.
    pub(super) fn list(&self, key: &'static str) -> Vec<Walk<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let ValueKind::Array(values) = &value.kind else {
            self.wrong(key, value, &format!("tables: [[{}]]", self.below(key)));
            return Vec::new();
        };
        let mut all = Vec::new();
        for (n, value) in values.iter().enumerate() {
            match &value.kind {
                ValueKind::Table(table) => {
                    all.push(self.below_table(table, format!("{}.{n}", self.below(key))));
                }
                _ => self.wrong(key, value, &format!("tables: [[{}]]", self.below(key))),
            }
        }
        all
    }

    pub(super) fn numbers(&self, key: &'static str) -> Option<Vec<f64>> {
        let value = self.get(key)?;
        let ValueKind::Array(values) = &value.kind else {
            self.wrong(key, value, &format!("a list of numbers: {key} = [0, 2.5]"));
            return None;
        };
        let mut all = Vec::new();
        for value in values {
            match value.kind {
                ValueKind::I64(n) => all.push(n as f64),
                ValueKind::Float(n) => all.push(n),
                _ => {
                    self.wrong(key, value, &format!("a list of numbers: {key} = [0, 2.5]"));
                    return None;
                }
            }
        }
        Some(all)
    }

    /// A list of pairs of numbers.
    pub(super) fn pairs(&self, key: &'static str) -> Option<Vec<(f64, f64)>> {
        let value = self.get(key)?;
        let number = |v: &Value| match v.kind {
            ValueKind::I64(n) => Some(n as f64),
            ValueKind::Float(n) if n.is_finite() => Some(n),
            _ => None,
        };
        let pair = |v: &Value| match &v.kind {
            ValueKind::Array(two) if two.len() == 2 => Some((number(&two[0])?, number(&two[1])?)),
            _ => None,
        };
        let all = match &value.kind {
            ValueKind::Array(values) => values.iter().map(pair).collect(),
            _ => None,
        };
        if all.is_none() {
            self.wrong(key, value, &format!("a list of pairs: {key} = [[0, 0], [1000, 10]]"));
        }
        all
    }

    /// The keys that stand here, in order.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let mut keys: Vec<&'a str> = self.table.keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    /// A text under a key of the integrator's, if it is one.
    pub(super) fn text_at(&self, key: &str) -> Option<&'a str> {
        match &self.table.get(key)?.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// A number under a key of the integrator's, if it is one.
    pub(super) fn number_at(&self, key: &str) -> Option<f64> {
        match self.table.get(key)?.kind {
            ValueKind::I64(n) => Some(n as f64),
            ValueKind::Float(n) if n.is_finite() => Some(n),
            _ => None,
        }
    }

    /// The key stands there and is `true`.
    pub(super) fn flag_is_set(&self, key: &str) -> bool {
        matches!(self.table.get(key).map(|v| &v.kind), Some(ValueKind::Boolean(true)))
    }

    /// A table under a key of the integrator's.
    pub(super) fn table_at(&self, key: &str) -> Option<Walk<'a>> {
        let value = self.table.get(key)?;
        match &value.kind {
            ValueKind::Table(table) => Some(self.below_table(table, self.below(key))),
            _ => {
                self.wrong(key, value, "a text, or a table with zh and en");
                None
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<&'a str>> {
        let value = self.get(key)?;
        let list = match &value.kind {
            ValueKind::Array(values) => values
                .iter()
                .map(|v| if let ValueKind::String(text) = &v.kind { Some(text.as_str()) } else { None })
                .collect(),
            _ => None,
        };
        if list.is_none() {
            self.wrong(key, value, &format!("a list of texts: {key} = [\"…\"]"));
        }
        list
    }

    /// A value that may be `false` to mean "none".
    pub(super) fn is_off(&self, key: &str) -> bool {
        matches!(self.table.get(key).map(|v| &v.kind), Some(ValueKind::Boolean(false)))
    }

    pub(super) fn is_plain_text(&self, key: &str) -> bool {
        matches!(self.table.get(key).map(|v| &v.kind), Some(ValueKind::String(_)))
    }

    pub(super) fn is_text_beginning(&self, key: &str, start: &str) -> bool {
        matches!(self.table.get(key).map(|v| &v.kind), Some(ValueKind::String(text)) if text.starts_with(start))
    }

    /// The tables in this one, under names of the integrator's.
    pub(super) fn named(&self) -> Vec<(&'a str, Walk<'a>)> {
        let mut entries = Vec::new();
        for (name, value) in self.table {
            match &value.kind {
                ValueKind::Table(table) => {
                    entries.push((name.as_str(), self.below_table(table, self.below(name))));
                }
                _ => self.wrong(name, value, "a table of limits: { h = { at = 50 } }"),
            }
        }
        entries
    }

    pub(super) fn mark(&self, key: &'static str) {
        self.used.borrow_mut().push(key);
    }

    fn below_table(&self, table: &'a Map<String, Value>, path: String) -> Self {
        Self { table, path, merged: self.merged, faults: self.faults, used: RefCell::default() }
    }

    /// Calls every key that was never asked for unknown.
    pub(super) fn finish(&self) {
        let mut used = self.used.borrow().clone();
        used.sort_unstable();
        used.dedup();
        for key in self.table.keys().filter(|k| !used.contains(&k.as_str())) {
            self.fault(key, format!("unknown key `{key}`"), nearest(key, used.iter().copied()));
        }
    }
}

/// The longest duration that is taken: what is added to a time, or multiplied by a few, stays a time.
const LONGEST: f64 = 36_500.0 * 86_400.0;

/// `5s`, `200ms`, `1.5h`: a number and one of us, ms, s, m, h, d; at most a hundred years.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    seconds(text).filter(|s| *s <= LONGEST).and_then(|s| Duration::try_from_secs_f64(s).ok())
}

fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let number: f64 = text[..split].parse().ok()?;
    let unit = match text[split..].trim() {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    Some(number * unit)
}

/// A duration as it is written: `500ms`, `10s`, `5m`.
#[must_use]
pub fn in_words(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => format!("{}us", duration.as_micros()),
        _ if !millis.is_multiple_of(1000) => format!("{millis}ms"),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ => format!("{}s", millis / 1000),
    }
}
