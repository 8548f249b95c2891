//! A register list as it falls out of a spreadsheet → the TOML form, one line a row.

use super::super::fault::{Fault, Place};
use super::super::limit_columns::{NUMBERS, TOLD, tells, texts};
use super::super::sheet::profile_key;

/// Columns of limits, in the order in which they are written.
const LIMITS: [&str; 5] = ["ll", "l", "h", "hh", "state"];

/// One row a point; the columns are the keys of the TOML form, limits as `ll`, `l`, `h`, `hh`, `state`.
pub(super) fn csv_as_toml(file: &str, text: &str) -> Result<String, Vec<Fault>> {
    let fault = |line: u64, problem: String| Fault {
        place: Place { file: file.to_owned(), line: line as usize, column: 1 },
        key: String::new(),
        problem,
        remedy: "one row a point, as many cells as the header has columns".to_owned(),
    };
    // Spreadsheets of many countries write semicolons; a byte order mark is no part of a name.
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains(';') && !first.contains(',') { b';' } else { b',' };
    let mut rows =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = rows.headers().map_err(|e| vec![fault(1, e.to_string())])?.clone();
    let headings = headings(file, first, &header);
    if !headings.is_empty() {
        return Err(headings);
    }
    let mut points = Vec::new();
    for row in rows.records() {
        let row = row.map_err(|e| vec![fault(e.position().map_or(1, csv::Position::line), e.to_string())])?;
        let line = row.position().map_or(0, csv::Position::line) as usize;
        let cell = |name: &str| {
            header.iter().position(|h| h == name).and_then(|n| row.get(n)).filter(|c| !c.is_empty())
        };
        let mut keys = Vec::new();
        for name in header.iter() {
            let Some(value) = cell(name) else { continue };
            if is_of_limits(name) || matches!(name, "range_lo" | "range_hi") {
                continue;
            }
            let plain = matches!(name, "decimals" | "bit" | "scale" | "offset" | "invert")
                || (name == "address" && value.parse::<u32>().is_ok());
            keys.push(format!("{} = {}", quoted(name), if plain { scalar(value) } else { quoted(value) }));
        }
        if let (Some(low), Some(high)) = (cell("range_lo"), cell("range_hi")) {
            keys.push(format!("range = [{}, {}]", scalar(low), scalar(high)));
        }
        let mut limits = Vec::new();
        for kind in LIMITS {
            let Some(at) = cell(kind) else { continue };
            let mut limit = format!("at = {}", scalar(at));
            for (column, key, unit) in NUMBERS {
                if let Some(value) = cell(column) {
                    let value =
                        if unit.is_empty() { scalar(value) } else { quoted(&format!("{value}{unit}")) };
                    limit = format!("{limit}, {key} = {value}");
                }
            }
            if let Some(priority) = cell(&format!("priority_{kind}")) {
                limit = format!("{limit}, priority = {}", quoted(priority));
            }
            for key in TOLD {
                let told: Vec<String> = texts(key, kind, cell)
                    .into_iter()
                    .map(|(language, text)| format!("{language} = {}", quoted(text)))
                    .collect();
                if !told.is_empty() {
                    limit = format!("{limit}, {key} = {{ {} }}", told.join(", "));
                }
            }
            limits.push(format!("{kind} = {{ {limit} }}"));
        }
        if !limits.is_empty() {
            keys.push(format!("limits = {{ {} }}", limits.join(", ")));
        }
        while points.len() + 1 < line.saturating_sub(1) {
            points.push(String::new());
        }
        points.push(format!("  {{ {} }},", keys.join(", ")));
    }
    Ok(format!("point = [\n{}\n]\n", points.join("\n")))
}

/// Columns under headings of a list in Chinese, with the keys that belong there.
fn headings(file: &str, first: &str, header: &csv::StringRecord) -> Vec<Fault> {
    let odd = header.iter().filter(|name| !name.is_ascii());
    odd.map(|name| {
        let at = first.find(name).map_or(0, |at| first[..at].chars().count());
        let remedy = match profile_key(name) {
            Some(key) => format!("write {key}"),
            None => "write a key of the profile: id, name, unit, address, type, scale, h, l …; or remove the column"
                .to_owned(),
        };
        Fault {
            place: Place { file: file.to_owned(), line: 1, column: at + 1 },
            key: String::new(),
            problem: format!("the heading `{name}` is not a key of a profile"),
            remedy: format!("{remedy}. `steamward profile import` reads lists with any headings"),
        }
    })
    .collect()
}

/// The column makes keys of limits, not one of the point.
fn is_of_limits(name: &str) -> bool {
    LIMITS.contains(&name)
        || tells(name)
        || NUMBERS.iter().any(|(column, ..)| *column == name)
        || name.strip_prefix("priority_").is_some_and(|kind| LIMITS.contains(&kind))
}

/// A cell as TOML text on one line, whatever is in it.
fn quoted(cell: &str) -> String {
    let mut text = String::from("\"");
    for c in cell.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// A cell as a TOML number or boolean, as spreadsheets write them (`.5`, `007`, `TRUE`). Anything else becomes a
/// text, so that the reader of the key complains about it in its place, and no cell can write keys of its own.
fn scalar(cell: &str) -> String {
    if let Ok(whole) = cell.parse::<i64>() {
        return whole.to_string();
    }
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => format!("{number:?}"),
        _ if cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false") => {
            cell.to_ascii_lowercase()
        }
        _ => quoted(cell),
    }
}
