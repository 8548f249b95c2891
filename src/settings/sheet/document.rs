//! A profile as keys and values, read from TOML and written into it. Writing changes only what
//! differs: comments, order and hand-made keys of an existing file stay as they are.

use std::collections::HashMap;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table as TomlTable};

use super::address::{Form, Habit, address};
use super::keys::rank;
use super::value::{Keys, Val};
use crate::settings::Table;
use crate::settings::fault::{Fault, Place};

/// One point.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    /// Its id.
    pub id: String,
    /// All other keys; those of limits dotted: `limits.hh.at`.
    pub keys: Keys,
    /// A remark, written as a comment above a new point.
    pub comment: Option<String>,
    pub(super) hex: bool,
    /// The sheet names the id itself; else it was made.
    pub(super) explicit: bool,
    /// Table, register from 0, bit.
    pub(super) place: Option<(Table, u32, Option<u8>)>,
    /// Unit id of its device, where a list is about several.
    pub(super) station: Option<u8>,
}

/// A profile: head and points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    /// `kind`, `order`, `modbus.max_registers` …
    pub head: Keys,
    /// In order.
    pub points: Vec<Point>,
}

impl Profile {
    /// Where the values stand that have a byte order of their own: table and first register.
    #[must_use]
    pub fn own_orders(&self) -> Vec<(Table, u32)> {
        let own = self.points.iter().filter(|p| p.keys.contains_key("order"));
        own.filter_map(|p| p.place.map(|(table, first, _)| (table, first))).collect()
    }
}

/// Reads a profile's TOML; only its form is checked here, not what its keys mean.
///
/// # Errors
/// A [`Fault`] with line and column when it is no TOML, or a point has no id.
pub fn read(file: &str, text: &str) -> Result<Profile, Fault> {
    let document = text.parse::<DocumentMut>().map_err(|e| Fault {
        place: Place::of(file, text, e.span().map_or(0, |s| s.start)),
        key: String::new(),
        problem: format!("not TOML: {}", e.message().trim().replace('\n', ", ")),
        remedy: "mend this line first".to_owned(),
    })?;
    let mut profile = Profile::default();
    for (key, item) in document.iter().filter(|(k, _)| *k != "point") {
        flatten(key, item, &mut profile.head);
    }
    let tables = document.get("point").map(points_of).unwrap_or_default();
    for (n, (table, comment)) in tables.into_iter().enumerate() {
        let mut keys = Keys::new();
        for (key, item) in table.iter() {
            match (key, item.as_table_like()) {
                ("limits", Some(limits)) => {
                    limits.iter().for_each(|(k, i)| flatten(&format!("limits.{k}"), i, &mut keys));
                }
                _ => keys.extend(Val::from_item(item).map(|v| (key.to_owned(), v))),
            }
        }
        let Some(Val::Text(id)) = keys.remove("id") else {
            return Err(Fault {
                place: Place { file: file.to_owned(), line: 0, column: 0 },
                key: format!("point.{n}.id"),
                problem: "missing, or not a text".to_owned(),
                remedy: "every point needs its own id".to_owned(),
            });
        };
        let place = normal(&mut keys, &profile.head);
        profile.points.push(Point { id, keys, comment, place, explicit: true, hex: false, station: None });
    }
    Ok(profile)
}

/// The tables of the points in either notation, with the comment above each.
fn points_of(item: &Item) -> Vec<(TomlTable, Option<String>)> {
    if let Some(tables) = item.as_array_of_tables() {
        return tables.iter().map(|t| (t.clone(), comment(t))).collect();
    }
    let inline = item.as_array().into_iter().flat_map(|a| a.iter());
    inline.filter_map(|v| v.as_inline_table()).map(|t| (t.clone().into_table(), None)).collect()
}

fn comment(table: &TomlTable) -> Option<String> {
    let text = table.decor().prefix()?.as_str()?;
    let lines: Vec<&str> = text.lines().filter_map(|l| l.trim().strip_prefix('#')).map(str::trim).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

/// A table as dotted keys, one level deep: `hh = { at = 1 }` is `hh.at`. One of nothing is kept: `counter = {}` is one.
fn flatten(path: &str, item: &Item, keys: &mut Keys) {
    match item.as_table_like() {
        Some(table) if table.is_empty() => {
            keys.insert(path.to_owned(), Val::Table(std::collections::BTreeMap::new()));
        }
        Some(table) => {
            for (key, below) in table.iter() {
                keys.extend(Val::from_item(below).map(|v| (format!("{path}.{key}"), v)));
            }
        }
        None => keys.extend(Val::from_item(item).map(|v| (path.to_owned(), v))),
    }
}

/// Addresses written as texts become numbers, a bit behind them its own key; gives the register's place.
fn normal(keys: &mut Keys, head: &Keys) -> Option<(Table, u32, Option<u8>)> {
    let told = |keys: &Keys| {
        let by_code = keys.get("function").and_then(Val::as_number).map(|n| n as u8);
        let word = keys.get("table").or_else(|| head.get("table")).and_then(Val::as_text);
        match by_code {
            Some(1) => Some(Table::Coil),
            Some(2) => Some(Table::DiscreteInput),
            Some(3) => Some(Table::HoldingRegister),
            Some(4) => Some(Table::InputRegister),
            _ => word.and_then(super::table_of),
        }
    };
    let mut table = told(keys);
    let text = keys.get("address")?.cell();
    let found = address(&text, Habit { plain: table.is_some(), ..Habit::default() }).ok()??;
    // A hexadecimal text is a plain address; as a number of that size it would be another.
    if found.form == Form::Hex && table.is_none() {
        table = Some(Table::HoldingRegister);
        keys.insert("table".to_owned(), Val::text(super::table_key(Table::HoldingRegister)));
    }
    keys.insert("address".to_owned(), Val::Number(f64::from(found.number)));
    if let Some(bit) = found.bit {
        keys.insert("bit".to_owned(), Val::Number(f64::from(bit)));
    }
    let bit = super::row::first_bit(keys);
    let base = head.get("address_base").and_then(Val::as_number).map_or(0, |n| n as u8);
    let first = found.first(base)?;
    Some((table.or(found.table).unwrap_or(Table::HoldingRegister), first, bit))
}

/// The text of `profile`; `old` is the file as it is, `heading` the first lines of a new one.
///
/// # Errors
/// What [`read`] says of `old`.
pub fn write(file: &str, old: Option<&str>, profile: &Profile, heading: &str) -> Result<String, Fault> {
    let before = match old {
        Some(text) => read(file, text)?,
        None => Profile::default(),
    };
    let mut document = old.and_then(|t| t.parse::<DocumentMut>().ok()).unwrap_or_default();
    put_head(&mut document, &before.head, &profile.head);
    let mut tables: Vec<TomlTable> =
        document.get("point").map(points_of).unwrap_or_default().into_iter().map(|p| p.0).collect();
    // The first of an id, should the file have it twice.
    let at: HashMap<&str, usize> =
        before.points.iter().enumerate().rev().map(|(n, p)| (p.id.as_str(), n)).collect();
    let mut kept = ArrayOfTables::new();
    for point in &profile.points {
        let was = at.get(point.id.as_str()).copied();
        let mut table = match was.and_then(|n| tables.get_mut(n)) {
            Some(table) => std::mem::take(table),
            None => {
                let mut table = TomlTable::new();
                let comment = point.comment.as_ref().map(|c| format!("# {c}\n")).unwrap_or_default();
                table.decor_mut().set_prefix(format!("\n{comment}"));
                table.insert("id", toml_edit::value(&point.id));
                table
            }
        };
        put_point(&mut table, was.and_then(|n| before.points.get(n)), point);
        kept.push(table);
    }
    document.remove("point");
    if !kept.is_empty() {
        document.insert("point", Item::ArrayOfTables(kept));
    }
    let text = document.to_string();
    Ok(if old.is_none() { format!("{heading}{text}") } else { text })
}

fn put_head(document: &mut DocumentMut, before: &Keys, after: &Keys) {
    for key in before.keys().filter(|k| !after.contains_key(*k)) {
        match key.split_once('.') {
            Some((table, key)) => {
                let below = document.get_mut(table).and_then(Item::as_table_like_mut);
                let empty = below.is_some_and(|below| {
                    below.remove(key);
                    below.is_empty()
                });
                if empty && !after.contains_key(table) {
                    document.remove(table);
                }
            }
            None => _ = document.remove(key),
        }
    }
    let mut changed: Vec<_> = after.iter().filter(|(k, v)| before.get(*k) != Some(v)).collect();
    let order = ["kind", "table", "address_base", "order"];
    changed.sort_by_key(|(k, _)| order.iter().position(|o| o == k).unwrap_or(order.len()));
    for (key, value) in changed {
        match key.split_once('.') {
            Some((table, key)) => {
                let below = document.entry(table).or_insert_with(|| Item::Table(TomlTable::new()));
                if let Some(below) = below.as_table_like_mut() {
                    set(below, key, value, false);
                }
            }
            None => set(document.as_table_mut(), key, value, false),
        }
    }
}

fn put_point(table: &mut TomlTable, before: Option<&Point>, point: &Point) {
    let none = Keys::new();
    let old = before.map_or(&none, |b| &b.keys);
    for key in old.keys().filter(|k| !point.keys.contains_key(*k)) {
        match key.strip_prefix("limits.") {
            None => _ = table.remove(key),
            Some(rest) => {
                let (kind, own) = rest.split_once('.').unwrap_or((rest, ""));
                let Some(limits) = table.get_mut("limits").and_then(Item::as_table_like_mut) else {
                    continue;
                };
                let limit = limits.get_mut(kind).and_then(Item::as_table_like_mut);
                let empty = limit.is_none_or(|l| {
                    l.remove(own);
                    l.is_empty()
                });
                if empty {
                    limits.remove(kind);
                }
            }
        }
    }
    if table.get("limits").and_then(Item::as_table_like).is_some_and(toml_edit::TableLike::is_empty) {
        table.remove("limits");
    }
    let mut changed: Vec<_> = point.keys.iter().filter(|(k, v)| old.get(*k) != Some(v)).collect();
    changed.sort_by_key(|(k, _)| rank(k));
    for (key, value) in changed {
        match key.strip_prefix("limits.") {
            None => set(table, key, value, point.hex && key == "address"),
            Some(rest) => {
                let limits = table.entry("limits").or_insert_with(|| {
                    let mut below = TomlTable::new();
                    below.decor_mut().set_prefix("");
                    Item::Table(below)
                });
                let Some(limits) = limits.as_table_like_mut() else { continue };
                match rest.split_once('.') {
                    None => set(limits, rest, value, false),
                    Some((kind, own)) => {
                        if limits.get(kind).is_some_and(|i| i.as_table_like().is_none()) {
                            limits.remove(kind);
                        }
                        let limit = limits
                            .entry(kind)
                            .or_insert_with(|| toml_edit::value(toml_edit::InlineTable::new()));
                        if let Some(limit) = limit.as_table_like_mut() {
                            set(limit, own, value, false);
                        }
                    }
                }
            }
        }
    }
}

/// Sets one key and keeps the comment behind it.
fn set(table: &mut dyn toml_edit::TableLike, key: &str, value: &Val, hex: bool) {
    let mut new = match value.as_number().filter(|_| hex) {
        Some(n) => format!("0x{:04X}", n as u32).parse().unwrap_or_else(|_| value.to_toml()),
        None => value.to_toml(),
    };
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    table.insert(key, Item::Value(new));
}
