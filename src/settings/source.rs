//! Texts → one merged tree, keeping where every key stood.
//!
//! Each file is parsed once with spans. Arrays of tables with an `id` become tables under that id,
//! so that several files and the environment can speak about the same one. The `config` crate
//! merges the layers: main file, `conf.d`, `STEAMWARD__…`.

use std::cell::Cell;
use std::collections::HashMap;

use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use toml_edit::{Document, Item, TableLike};

use super::fault::{Fault, Lines, Place};
use super::slips;

/// Arrays of tables that are joined by `id`.
const JOINED: &[&str] =
    &["equipment", "source.modbus", "source.mqtt", "source.push", "outlet.influx", "outlet.inspection"];

/// The merged settings, and where every key stood.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) root: Map<String, Value>,
    pub(super) places: HashMap<String, Place>,
    /// Ids of joined tables in the order they were written.
    pub(super) order: HashMap<String, Vec<String>>,
    /// What the environment said, word for word, by path.
    pub(super) raw: HashMap<String, String>,
    /// A file could not be read as a whole, so what seems missing may stand in it.
    torn: bool,
    /// The profile of the equipment that is being built has faults of its own; see [`Merged::is_partial`].
    partial: Cell<bool>,
}

#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Merges `files` (name, text) and then `env` (name, value).
pub(super) fn merge(files: &[(String, String)], env: &[(String, String)], faults: &mut Vec<Fault>) -> Merged {
    let mut merged = Merged::default();
    let mut builder = Config::builder();
    for (file, text) in files {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // What was repaired is told, and read on, so that the rest is told too.
        let repaired = slips::repair(file, text);
        let text = repaired.as_ref().map_or(text, |r| r.text.as_str());
        if let Some(repaired) = &repaired {
            merged.torn |= !repaired.is_whole;
            faults.extend(repaired.faults.iter().cloned());
        }
        if let Ok(document) = Document::parse(text) {
            let lines = Lines::of(text);
            let mut reader = Reader { file, lines, merged: &mut merged, faults };
            builder = builder.add_source(Layer(reader.table(document.as_table(), "")));
        }
    }
    for (name, value) in env {
        let Some(rest) = name.strip_prefix("STEAMWARD__") else { continue };
        let path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
        let path = merged.actual(&path);
        merged
            .places
            .insert(path.join("."), Place { file: format!("environment {name}"), line: 0, column: 0 });
        merged.raw.insert(path.join("."), value.clone());
        let mut tree = Value::new(None, scalar(value));
        for key in path.iter().skip(1).rev() {
            tree = Value::new(None, ValueKind::Table(Map::from([(key.clone(), tree)])));
        }
        builder = builder.add_source(Layer(Map::from([(path[0].clone(), tree)])));
    }
    match builder.build().and_then(|c| c.cache.into_table()) {
        Ok(root) => merged.root = root,
        Err(e) => faults.push(Fault {
            place: Place::default(),
            key: String::new(),
            problem: format!("the layers do not merge: {e}"),
            remedy: String::new(),
        }),
    }
    merged
}

/// A number or a truth value, if the text is one.
fn scalar(text: &str) -> ValueKind {
    if let Ok(n) = text.parse::<i64>() {
        ValueKind::I64(n)
    } else if let Ok(b) = text.parse::<bool>() {
        ValueKind::Boolean(b)
    } else if let Some(n) = text.parse::<f64>().ok().filter(|n| n.is_finite()) {
        ValueKind::Float(n)
    } else {
        ValueKind::String(text.to_owned())
    }
}

impl Merged {
    /// The path as the files write it: in a variable's name `_` may stand for `-`, and case is lost.
    fn actual(&self, path: &[String]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for part in path {
            let plain = |s: &str| s.to_lowercase().replace(['-', '.'], "_");
            let prefix = if found.is_empty() { String::new() } else { format!("{}.", found.join(".")) };
            let known = self.places.keys().find_map(|k| {
                let rest = k.strip_prefix(&prefix)?.split('.').next()?;
                (plain(rest) == plain(part)).then(|| rest.to_owned())
            });
            found.push(known.unwrap_or_else(|| part.clone()));
        }
        found
    }

    /// Not all is known of what the settings refer to: a name without its point says nothing.
    pub(super) fn is_partial(&self) -> bool {
        self.torn || self.partial.get()
    }

    pub(super) fn set_partial(&self, partial: bool) {
        self.partial.set(partial);
    }

    /// A file could not be read as a whole.
    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    pub(super) fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return place.clone();
            }
            match path.rsplit_once('.') {
                Some((parent, _)) => path = parent,
                None => return Place { file: "settings".to_owned(), line: 0, column: 0 },
            }
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    lines: Lines<'a>,
    merged: &'a mut Merged,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn place(&self, offset: Option<usize>) -> Place {
        self.lines.place(self.file, offset.unwrap_or(0))
    }

    fn table(&mut self, table: &dyn TableLike, path: &str) -> Map<String, Value> {
        let mut map = Map::new();
        for (key, item) in table.iter() {
            let below = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            let offset =
                table.key(key).and_then(toml_edit::Key::span).or_else(|| item.span()).map(|s| s.start);
            let place = self.place(offset);
            // The value of a later file counts; a table stands where it was first opened.
            if item.is_value() {
                self.merged.places.insert(below.clone(), place);
            } else {
                self.merged.places.entry(below.clone()).or_insert(place);
            }
            if let Some(value) = self.item(item, &below) {
                map.insert(key.to_owned(), value);
            }
        }
        map
    }

    fn item(&mut self, item: &Item, path: &str) -> Option<Value> {
        if let Some(tables) = item.as_array_of_tables() {
            if JOINED.contains(&path) {
                return Some(Value::new(None, ValueKind::Table(self.joined(tables, path))));
            }
            let mut all = Vec::new();
            for (n, table) in tables.iter().enumerate() {
                let below = format!("{path}.{n}");
                let place = self.place(table.span().map(|s| s.start));
                self.merged.places.insert(below.clone(), place);
                all.push(Value::new(None, ValueKind::Table(self.table(table, &below))));
            }
            return Some(Value::new(None, ValueKind::Array(all)));
        }
        if let Some(table) = item.as_table_like() {
            return Some(Value::new(None, ValueKind::Table(self.table(table, path))));
        }
        self.value(item.as_value()?, path)
    }

    fn value(&mut self, value: &toml_edit::Value, path: &str) -> Option<Value> {
        use toml_edit::Value as V;
        let kind = match value {
            V::String(s) => {
                let written = value.span().and_then(|span| self.lines.slice(span)).unwrap_or_default();
                if let Some((problem, remedy)) = slips::eaten_backslash(written, s.value()) {
                    let place = self.place(value.span().map(|s| s.start));
                    self.faults.push(Fault { place, key: path.to_owned(), problem, remedy });
                }
                ValueKind::String(s.value().clone())
            }
            V::Integer(n) => ValueKind::I64(*n.value()),
            V::Float(n) => ValueKind::Float(*n.value()),
            V::Boolean(b) => ValueKind::Boolean(*b.value()),
            V::Datetime(d) => ValueKind::String(d.value().to_string()),
            V::InlineTable(table) => ValueKind::Table(self.table(table, path)),
            V::Array(array) => ValueKind::Array(
                array
                    .iter()
                    .enumerate()
                    .filter_map(|(n, v)| {
                        let below = format!("{path}.{n}");
                        let place = self.place(v.span().map(|s| s.start));
                        self.merged.places.insert(below.clone(), place);
                        self.value(v, &below)
                    })
                    .collect(),
            ),
        };
        Some(Value::new(None, kind))
    }

    fn joined(&mut self, tables: &toml_edit::ArrayOfTables, path: &str) -> Map<String, Value> {
        let mut map = Map::new();
        for table in tables {
            let place = self.place(table.span().map(|s| s.start));
            let id = match table.get("id").and_then(Item::as_str) {
                Some(id) => id.to_owned(),
                None => {
                    self.faults.push(Fault {
                        place,
                        key: format!("{path}.id"),
                        problem: "missing, or not a text".to_owned(),
                        remedy: "every entry needs its own id, e.g. id = \"boiler-1\"".to_owned(),
                    });
                    continue;
                }
            };
            // The id is what has to change, not the heading.
            let id_at = self.place(table.key("id").and_then(toml_edit::Key::span).map(|s| s.start));
            let below = format!("{path}.{id}");
            let ids = self.merged.order.entry(path.to_owned()).or_default();
            if ids.contains(&id) {
                let first = self.merged.place(&format!("{below}.id"));
                self.faults.push(Fault {
                    place: id_at,
                    key: below,
                    problem: format!("the id is already used at {first}"),
                    remedy: "give each entry its own id".to_owned(),
                });
                continue;
            }
            ids.push(id.clone());
            self.merged.places.insert(below.clone(), place);
            let body = self.table(table, &below);
            map.insert(id, Value::new(None, ValueKind::Table(body)));
        }
        map
    }
}
