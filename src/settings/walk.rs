//! A cursor over a merged table that remembers which keys were asked for, so that the others can be
//! called unknown, and that collects faults instead of stopping at the first.

use std::cell::RefCell;
use std::time::Duration;

use config::{Map, Value, ValueKind};

use super::fault::{Fault, Place, Places, Written, nearest};
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

    /// A fault about a name that leads nowhere. It is left out while a broken file or profile may have hidden what
    /// is named.
    pub(super) fn no_such(&self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        if !self.merged.is_partial() {
            self.fault(key, problem, remedy);
        }
    }

    /// A fault about a value that was written elsewhere, maybe in another file.
    pub(super) fn fault_at(&self, at: &Written, problem: impl Into<String>, remedy: impl Into<String>) {
        let (problem, remedy) = (problem.into(), remedy.into());
        let fault = Fault { place: at.place.clone(), key: at.key.clone(), problem, remedy };
        self.faults.borrow_mut().push(fault);
    }

    /// A file could not be read as a whole.
    pub(super) fn is_torn(&self) -> bool {
        self.merged.is_torn()
    }

    /// Not all is known of what the settings refer to.
    pub(super) fn is_partial(&self) -> bool {
        self.merged.is_partial()
    }

    /// See [`Merged::is_partial`].
    pub(super) fn set_partial(&self, partial: bool) {
        self.merged.set_partial(partial);
    }

    /// Where all the keys of this table stand.
    pub(super) fn places(&self) -> Places {
        let keys = self.table.keys().map(|key| (key.clone(), self.place(key))).collect();
        Places::new(self.merged.place(&self.path), keys)
    }

    /// Where the value of `key` stands.
    pub(super) fn written(&self, key: &str) -> Written {
        let path = if key.is_empty() { self.path.clone() } else { self.below(key) };
        Written { place: self.merged.place(&path), key: path, own: false }
    }

    fn get(&self, key: &'static str) -> Option<&'a Value> {
        self.used.borrow_mut().push(key);
        self.table.get(key).filter(|v| v.kind != ValueKind::Nil)
    }

    fn wrong(&self, key: &str, found: &Value, wanted: &str) {
        let kind = match &found.kind {
            ValueKind::Boolean(_) => "a boolean",
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "an integer",
            ValueKind::Float(n) if !n.is_finite() => "not a finite number",
            ValueKind::Float(_) => "a float",
            ValueKind::String(_) => "a string",
            ValueKind::Table(_) => "a table",
            ValueKind::Array(_) => "an array",
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
                let example = self.shown_number(key).unwrap_or_else(|| "…".to_owned());
                self.wrong(key, value, &format!("a string: {key} = \"{example}\""));
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
                let number = in_quotes(value).unwrap_or_else(|| "1.5".to_owned());
                self.wrong(key, value, &format!("a number: {key} = {number}"));
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
                let example = in_quotes(value).map_or_else(String::new, |n| format!(": {key} = {n}"));
                self.wrong(key, value, &format!("an integer from {from} to {to}{example}"));
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
            let wanted = match self.shown_number(key) {
                Some(n) => {
                    format!("a duration with its unit: {key} = \"{n}s\", or \"{n}ms\" (ms, s, m, h, d)")
                }
                None => format!("a duration with its unit: {key} = \"5s\" (ms, s, m, h, d)"),
            };
            self.wrong(key, value, &wanted);
            return None;
        };
        let parsed = duration(text);
        if parsed.is_none() && seconds(text).is_some() {
            self.fault(key, format!("`{text}` is too long"), "\"36500d\", a hundred years, at most");
        } else if parsed.is_none() {
            let remedy = meant(text).map_or_else(
                || "write a number and a unit, e.g. \"200ms\", \"5s\", \"10m\", \"1h\", \"7d\"".to_owned(),
                |meant| format!("write {key} = \"{meant}\""),
            );
            self.fault(key, format!("`{text}` is not a valid duration"), remedy);
        }
        parsed
    }

    /// One of `words`.
    pub(super) fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|w| w.0 == text).map(|w| w.1);
        if found.is_none() {
            let plain = super::sheet::plain(text).to_lowercase();
            let meant = words.iter().find(|w| w.0 == plain);
            let remedy = meant.map_or_else(
                || nearest(text, words.iter().map(|w| w.0)),
                |meant| format!("write {key} = \"{}\"", meant.0),
            );
            self.fault(key, format!("`{text}` is not known"), remedy);
        }
        found
    }

    pub(super) fn table(&self, key: &'static str) -> Option<Walk<'a>> {
        let value = self.get(key)?;
        match &value.kind {
            ValueKind::Table(table) => Some(self.below_table(table, self.below(key))),
            _ => {
                // Places in a list have no heading of their own.
                let path = self.below(key);
                let listed = path.split('.').any(|part| part.bytes().all(|b| b.is_ascii_digit()));
                let wanted =
                    if listed { format!("a table: {key} = {{ … }}") } else { format!("a table: [{path}]") };
                self.wrong(key, value, &wanted);
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

    /// How a list of tables is begun; one below a list has the heading without that list's numbers.
    fn heading(&self, key: &str) -> String {
        let path = self.below(key);
        let named = path.split('.').filter(|part| !part.bytes().all(|b| b.is_ascii_digit()));
        format!("tables: [[{}]]", named.collect::<Vec<_>>().join("."))
    }

    /// An array of tables without ids.
    pub(super) fn list(&self, key: &'static str) -> Vec<Walk<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let ValueKind::Array(values) = &value.kind else {
            self.wrong(key, value, &self.heading(key));
            return Vec::new();
        };
        let mut all = Vec::new();
        for (n, value) in values.iter().enumerate() {
            match &value.kind {
                ValueKind::Table(table) => {
                    all.push(self.below_table(table, format!("{}.{n}", self.below(key))));
                }
                _ => self.wrong(key, value, &self.heading(key)),
            }
        }
        all
    }

    pub(super) fn numbers(&self, key: &'static str) -> Option<Vec<f64>> {
        let value = self.get(key)?;
        let ValueKind::Array(values) = &value.kind else {
            self.wrong(key, value, &format!("an array of numbers: {key} = [0, 2.5]"));
            return None;
        };
        let mut all = Vec::new();
        for value in values {
            match value.kind {
                ValueKind::I64(n) => all.push(n as f64),
                ValueKind::Float(n) => all.push(n),
                _ => {
                    self.wrong(key, value, &format!("an array of numbers: {key} = [0, 2.5]"));
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
            self.wrong(key, value, &format!("an array of pairs: {key} = [[0, 0], [1000, 10]]"));
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
                self.wrong(key, value, "a string, or a table with zh and en");
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
            self.wrong(key, value, &format!("an array of strings: {key} = [\"…\"]"));
        }
        list
    }

    /// A number as it is written, if one stands here, in quotes or not.
    pub(super) fn shown_number(&self, key: &str) -> Option<String> {
        match &self.table.get(key)?.kind {
            ValueKind::I64(n) => Some(n.to_string()),
            ValueKind::Float(n) if n.is_finite() => Some(n.to_string()),
            ValueKind::String(text) => plain_number(text),
            _ => None,
        }
    }

    /// A value that may be `false` to mean "none".
    pub(super) fn is_off(&self, key: &str) -> bool {
        matches!(self.table.get(key).map(|v| &v.kind), Some(ValueKind::Boolean(false)))
    }

    pub(super) fn is_plain_text(&self, key: &str) -> bool {
        matches!(self.table.get(key).map(|v| &v.kind), Some(ValueKind::String(_)))
    }

    /// A number that stands where a text is wanted.
    pub(super) fn bare_number(&self, key: &str) -> Option<f64> {
        match self.table.get(key)?.kind {
            ValueKind::I64(n) => Some(n as f64),
            ValueKind::Float(n) if n.is_finite() => Some(n),
            _ => None,
        }
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

    /// Calls every key that was never asked for unknown; true if there was one.
    pub(super) fn finish(&self) -> bool {
        let mut used = self.used.borrow().clone();
        used.sort_unstable();
        used.dedup();
        let mut found = false;
        for key in self.table.keys().filter(|k| !used.contains(&k.as_str())) {
            self.fault(key, format!("unknown key `{key}`"), nearest(key, used.iter().copied()));
            found = true;
        }
        found
    }
}

/// The number that a text holds, as TOML writes it.
fn in_quotes(value: &Value) -> Option<String> {
    if let ValueKind::String(text) = &value.kind { plain_number(text) } else { None }
}

/// The same of a text with full-width digits too.
fn plain_number(text: &str) -> Option<String> {
    let plain = super::sheet::plain(text);
    if let Ok(whole) = plain.parse::<i64>() {
        return Some(whole.to_string());
    }
    plain.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| n.to_string())
}

/// A duration that was written with other signs or words: `5秒`, `5 sec`, `３００ms`.
fn meant(text: &str) -> Option<String> {
    let plain = super::sheet::plain(text).to_lowercase();
    let split = plain.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let unit = match plain[split..].trim() {
        "毫秒" | "msec" | "millis" | "milliseconds" => "ms",
        "秒" | "秒钟" | "sec" | "secs" | "second" | "seconds" => "s",
        "分" | "分钟" | "mins" | "minute" | "minutes" => "m",
        "时" | "小时" | "hr" | "hrs" | "hour" | "hours" => "h",
        "天" | "日" | "day" | "days" => "d",
        unit => unit,
    };
    let meant = format!("{}{unit}", &plain[..split]);
    duration(&meant).map(|_| meant)
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
