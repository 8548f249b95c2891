//! The value of one profile key, and its way to and from TOML and a spreadsheet cell.

use std::collections::BTreeMap;
use std::fmt;

use toml_edit::{Array, InlineTable, Item, Value};

use super::text::written;

/// The keys of one point or of a profile's head; tables one level down are dotted (`limits.hh.at`).
pub type Keys = BTreeMap<String, Val>;

/// What stands behind a key. Numbers compare by value: 50 and 50.0 are the same.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Val {
    /// `true`, `false`.
    Flag(bool),
    /// Whole or not.
    Number(f64),
    /// A text.
    Text(String),
    /// `[0, 2.5]`.
    List(Vec<Val>),
    /// `{ raw = [4000, 20000], range = [0, 2.5] }`.
    Table(BTreeMap<String, Val>),
}

impl Val {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of numbers.
    pub(super) fn numbers(numbers: &[f64]) -> Self {
        Self::List(numbers.iter().map(|n| Self::Number(*n)).collect())
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// From TOML.
    pub(super) fn from_toml(value: &Value) -> Self {
        match value {
            Value::String(s) => Self::Text(s.value().clone()),
            Value::Integer(n) => Self::Number(*n.value() as f64),
            Value::Float(n) => Self::Number(*n.value()),
            Value::Boolean(b) => Self::Flag(*b.value()),
            Value::Datetime(d) => Self::Text(d.value().to_string()),
            Value::Array(a) => Self::List(a.iter().map(Self::from_toml).collect()),
            Value::InlineTable(t) => {
                Self::Table(t.iter().map(|(k, v)| (k.to_owned(), Self::from_toml(v))).collect())
            }
        }
    }

    /// From TOML, tables in either notation.
    pub(super) fn from_item(item: &Item) -> Option<Self> {
        match item {
            Item::Value(value) => Some(Self::from_toml(value)),
            Item::Table(table) => Some(Self::Table(
                table.iter().filter_map(|(k, i)| Some((k.to_owned(), Self::from_item(i)?))).collect(),
            )),
            Item::ArrayOfTables(tables) => Some(Self::List(
                tables.iter().filter_map(|t| Self::from_item(&Item::Table(t.clone()))).collect(),
            )),
            Item::None => None,
        }
    }

    /// To TOML, tables inline, keys that are numbers in their order.
    pub(super) fn to_toml(&self) -> Value {
        match self {
            Self::Flag(b) => Value::from(*b),
            Self::Number(n) if *n == n.trunc() && n.abs() < 9e15 => Value::from(*n as i64),
            Self::Number(n) => written(*n).parse().unwrap_or_else(|_| Value::from(*n)),
            Self::Text(t) => Value::from(t.as_str()),
            Self::List(all) => Value::Array(all.iter().map(Self::to_toml).collect::<Array>()),
            Self::Table(all) => {
                let mut table = InlineTable::new();
                for key in ordered(all) {
                    table.insert(key, all[key].to_toml());
                }
                Value::InlineTable(table)
            }
        }
    }

    /// As one cell: texts bare, the rest as TOML has it.
    pub(super) fn cell(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// A cell that is written in TOML's way: `[1, 2]`, `{ a = 1 }`, `"x"`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.trim().parse::<Value>().ok().map(|v| Self::from_toml(&v))
    }
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => f.write_str(&written(*n)),
            other => f.write_str(other.to_toml().to_string().trim()),
        }
    }
}

/// Keys of a table: numbers by value, then texts by alphabet.
fn ordered(table: &BTreeMap<String, Val>) -> Vec<&String> {
    let mut keys: Vec<&String> = table.keys().collect();
    let first = ["raw", "range", "live_zero", "clamp", "fault_hold", "table", "from", "to", "zh", "en"];
    let place = |k: &str| first.iter().position(|f| *f == k).unwrap_or(first.len());
    keys.sort_by_key(|k| (k.parse::<f64>().map_or(i64::MAX, |n| n as i64), place(k), (*k).clone()));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_toml_and_numbers_stay_as_short_as_written() {
        for text in ["0.1", "-30001", "[0, 2.5]", "\"40021.3\"", "true", "{ raw = [4000, 20000] }"] {
            let value = Val::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(value.to_string(), text);
            assert_eq!(Val::from_toml(&value.to_toml()), value);
        }
        let labels = Val::parse("{ 10 = \"a\", 2 = \"b\" }").expect("a table");
        assert_eq!(labels.to_string(), "{ 2 = \"b\", 10 = \"a\" }");
        assert_eq!(Val::Number(0.000_011_303).to_string(), "0.000011303");
    }
}
