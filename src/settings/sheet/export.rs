//! A profile → a sheet that imports back to the same one: keys of the head above, then one column a
//! key, headers as the profile spells them.

use super::document::Profile;
use super::keys::{LIMITS, OF_LIMIT, rank};
use super::value::{Keys, Val};
use super::{Cell, Sheet};

/// Always there, so that nothing is guessed when they are empty.
const ALWAYS: &[&str] = &["id", "name", "name_en", "unit", "decimals", "address", "type"];

/// The sheet, named `name`.
#[must_use]
pub fn export(name: &str, profile: &Profile) -> Sheet {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (key, value) in &profile.head {
        rows.push(vec![Cell::Text(key.clone()), cell(key, value)]);
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
    for key in profile.points.iter().flat_map(|p| p.keys.keys()) {
        for column in titles(key) {
            if !columns.contains(&column) {
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
    Sheet { name: name.to_owned(), rows, merges: super::Merges::default() }
}

/// The columns a key goes into.
fn titles(key: &str) -> Vec<String> {
    if key == "range" {
        return vec!["range_lo".to_owned(), "range_hi".to_owned()];
    }
    let Some(rest) = key.strip_prefix("limits.") else { return vec![key.to_owned()] };
    vec![match rest.split_once('.') {
        Some((kind, "at")) => kind.to_owned(),
        Some((kind, own)) => format!("{own}_{kind}"),
        None => rest.to_owned(),
    }]
}

/// The key of a column.
fn path(column: &str) -> String {
    if column.starts_with("range_") {
        return "range".to_owned();
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
        return end.map_or(Cell::Empty, |v| cell(column, v));
    }
    let whole = keys.get(&format!("limits.{column}")).filter(|_| LIMITS.contains(&column));
    match keys.get(&path(column)).or(whole) {
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
        _ => Cell::Text(value.cell()),
    }
}

/// `0=停炉/Stop; 1=运行/Run`, if that says all of it.
fn plain_labels(labels: &std::collections::BTreeMap<String, Val>) -> Option<String> {
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
