//! A profile → a sheet that imports back to the same one: keys of the head above, then one column a
//! key, headers as the profile spells them. What does not come back the same is named, and nothing is left out in silence.

use std::collections::{BTreeMap, HashSet};

use super::diff::{Changed, Diff};
use super::document::{Point, Profile};
use super::headers::{Field, exact};
use super::keys::{LIMITS, OF_LIMIT, TEXTS, rank, way};
use super::text::is_blank;
use super::value::{Keys, Val};
use super::{Cell, Options, Sheet, import, merge};

/// Always there, so that nothing is guessed when they are empty.
const ALWAYS: &[&str] = &["id", "name", "name_en", "unit", "decimals", "address", "type"];

/// The sheet of a profile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exported {
    /// Its rows.
    pub sheet: Sheet,
    /// What an import of the sheet does not give back: `id.key = value`, or a key of the head.
    pub lost: Vec<String>,
}

/// The sheet, named `name`.
#[must_use]
pub fn export(name: &str, profile: &Profile) -> Exported {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (key, value) in &profile.head {
        rows.push(vec![Cell::Text(key.clone()), of_head(key, value)]);
    }
    if !rows.is_empty() {
        rows.push(Vec::new());
    }
    let mut columns: Vec<String> = ALWAYS.iter().map(|k| (*k).to_owned()).collect();
    // A profile of payload pointers has no registers.
    if profile.points.iter().any(|p| p.keys.contains_key("pointer"))
        && !profile.points.iter().any(|p| p.keys.contains_key("address"))
    {
        columns.retain(|c| c != "address" && c != "type");
    }
    for (key, value) in profile.points.iter().flat_map(|p| &p.keys) {
        for column in titles(key, value) {
            if !columns.contains(&column) && exact(&column).is_some() {
                columns.push(column);
            }
        }
    }
    columns.sort_by_key(|c| rank(&path(c)));
    let with_remarks = profile.points.iter().any(|p| p.comment.is_some());
    let mut header: Vec<Cell> = columns.iter().map(|c| Cell::Text(c.clone())).collect();
    if with_remarks {
        header.push(Cell::Text("remark".to_owned()));
    }
    rows.push(header);
    for point in &profile.points {
        let mut row: Vec<Cell> = columns
            .iter()
            .map(|column| match column.as_str() {
                "id" => Cell::Text(point.id.clone()),
                _ => value(column, &point.keys),
            })
            .collect();
        if with_remarks {
            row.push(point.comment.clone().map_or(Cell::Empty, Cell::Text));
        }
        rows.push(row);
    }
    let sheet = Sheet { name: name.to_owned(), rows, merges: super::Merges::default() };
    let lost = lost(profile, &sheet);
    Exported { sheet, lost }
}

/// What an import of the sheet does not give back.
fn lost(profile: &Profile, sheet: &Sheet) -> Vec<String> {
    let imported = import(std::slice::from_ref(sheet), &Options::default());
    let back = merge(&Profile::default(), &imported, false).profile;
    let diff = Diff::between(profile, &back);
    let shown = |one: &Changed| match &one.old {
        Some(value) => format!("{} = {value}", one.key),
        None => one.key.clone(),
    };
    let mut lost: Vec<String> = diff.head.iter().map(shown).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let again = profile.points.iter().filter(|p| !seen.insert(p.id.as_str()));
    lost.extend(again.map(|p| p.id.clone()));
    lost.extend(diff.removed);
    for (id, changed) in &diff.changed {
        lost.extend(changed.iter().map(|one| format!("{id}.{}", shown(one))));
    }
    let comments = |points: &[Point]| -> BTreeMap<String, Option<String>> {
        points.iter().rev().map(|p| (p.id.clone(), p.comment.clone())).collect()
    };
    let there = comments(&back.points);
    let told =
        comments(&profile.points).into_iter().filter(|(id, text)| there.get(id).is_some_and(|t| t != text));
    lost.extend(told.map(|(id, text)| format!("{id}: # {}", text.unwrap_or_default())));
    lost
}

/// The columns a key goes into.
fn titles(key: &str, value: &Val) -> Vec<String> {
    if key == "range" && matches!(value, Val::List(ends) if ends.len() == 2) {
        return vec!["range_lo".to_owned(), "range_hi".to_owned()];
    }
    let Some(rest) = key.strip_prefix("limits.") else {
        // What a column of this name would be taken for otherwise.
        let own = exact(key).is_some_and(|field| !matches!(field, Field::Limit(_) | Field::Every(_)));
        return vec![if own { key.to_owned() } else { format!("point.{key}") }];
    };
    vec![match rest.split_once('.') {
        Some((kind, "at")) if kind != "no_data" && LIMITS.contains(&kind) => kind.to_owned(),
        Some((kind, own)) if LIMITS.contains(&kind) && own != "at" && OF_LIMIT.contains(&own) => {
            format!("{own}_{kind}")
        }
        // All keys of `rate` stand in one cell.
        Some((kind, _)) if !LIMITS.contains(&kind) => format!("limits.{kind}"),
        None if LIMITS.contains(&rest) && *value == Val::Flag(false) => rest.to_owned(),
        _ => key.to_owned(),
    }]
}

/// The key of a column.
fn path(column: &str) -> String {
    if column.starts_with("range_") {
        return "range".to_owned();
    }
    if let Some(whole) = way(column) {
        return whole;
    }
    if LIMITS.contains(&column) {
        return format!("limits.{column}.at");
    }
    for own in OF_LIMIT {
        if let Some(kind) =
            column.strip_prefix(own).and_then(|r| r.strip_prefix('_')).filter(|k| LIMITS.contains(k))
        {
            return format!("limits.{kind}.{own}");
        }
    }
    column.to_owned()
}

fn value(column: &str, keys: &Keys) -> Cell {
    if let ("range_lo" | "range_hi", Some(Val::List(both))) = (column, keys.get("range")) {
        let end = if column == "range_lo" { both.first() } else { both.get(1) };
        return end.filter(|_| both.len() == 2).map_or(Cell::Empty, |v| cell(column, v));
    }
    let path = path(column);
    if column.starts_with("limits.") {
        let below = format!("{path}.");
        let all: BTreeMap<String, Val> = keys
            .iter()
            .filter_map(|(key, v)| Some((key.strip_prefix(&below)?.to_owned(), v.clone())))
            .filter(|_| !LIMITS.iter().any(|kind| path == format!("limits.{kind}")))
            .collect();
        if !all.is_empty() {
            return Cell::Text(Val::Table(all).to_string());
        }
        let switched_off = LIMITS.iter().any(|kind| path == format!("limits.{kind}"));
        let own = keys.get(&path).filter(|v| !(switched_off && **v == Val::Flag(false)));
        return own.map_or(Cell::Empty, |v| as_toml(&path, v));
    }
    let off =
        keys.get(&format!("limits.{column}")).filter(|v| LIMITS.contains(&column) && **v == Val::Flag(false));
    match keys.get(&path).filter(|_| path != "limits.no_data.at").or(off) {
        Some(value) => cell(column, value),
        None => Cell::Empty,
    }
}

fn cell(column: &str, value: &Val) -> Cell {
    match (column, value) {
        (_, Val::Number(n)) => Cell::Number(*n),
        ("sentinels" | "times", Val::List(all)) => {
            Cell::Text(all.iter().map(Val::cell).collect::<Vec<_>>().join(", "))
        }
        ("labels", Val::Table(labels)) => {
            Cell::Text(plain_labels(labels).unwrap_or_else(|| value.to_string()))
        }
        _ if matches!(exact(column), Some(Field::Key(_))) => as_toml(&path(column), value),
        _ => Cell::Text(value.cell()),
    }
}

fn of_head(key: &str, value: &Val) -> Cell {
    match value {
        Val::Text(text) if matches!(key, "kind" | "order" | "table") => Cell::Text(text.clone()),
        value => as_toml("", value),
    }
}

/// As TOML has it; a text bare, if it can be taken for nothing else.
fn as_toml(path: &str, value: &Val) -> Cell {
    match value {
        Val::Number(n) => Cell::Number(*n),
        Val::Text(text) => {
            let trimmed = !text.is_empty() && text.trim() == text;
            let bare = match TEXTS.contains(&path) {
                true => !text.starts_with(['"', '\'']),
                false => Val::parse(text).is_none() && !is_blank(text),
            };
            Cell::Text(if trimmed && bare { text.clone() } else { value.to_string() })
        }
        other => Cell::Text(other.to_string()),
    }
}

/// `0=停炉/Stop; 1=运行/Run`, if that says all of it.
fn plain_labels(labels: &BTreeMap<String, Val>) -> Option<String> {
    let text = Val::Table(labels.clone());
    let mut parts: Vec<(i64, String)> = Vec::new();
    for (number, label) in labels {
        let Val::Table(languages) = label else { return None };
        let words: Vec<&str> = ["zh", "en"].iter().filter_map(|l| languages.get(*l)?.as_text()).collect();
        parts.push((number.parse().ok()?, words.join("/")));
    }
    parts.sort();
    let written = parts.into_iter().map(|(n, w)| format!("{n}={w}")).collect::<Vec<_>>().join("; ");
    (super::lists::labels(&written) == Some(text)).then_some(written)
}
