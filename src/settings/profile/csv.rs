//! A register list as it falls out of a spreadsheet → the TOML form, one line a row.

use super::super::fault::{Fault, Place};

/// One row a point; the columns are the keys of the TOML form, limits as `ll`, `l`, `h`, `hh`.
pub(super) fn csv_as_toml(file: &str, text: &str) -> Result<String, Fault> {
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
    let header = rows.headers().map_err(|e| fault(1, e.to_string()))?.clone();
    let mut points = Vec::new();
    for row in rows.records() {
        let row = row.map_err(|e| fault(e.position().map_or(1, csv::Position::line), e.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line) as usize;
        let cell = |name: &str| {
            header.iter().position(|h| h == name).and_then(|n| row.get(n)).filter(|c| !c.is_empty())
        };
        let mut keys = Vec::new();
        for name in header.iter() {
            let Some(value) = cell(name) else { continue };
            let known_elsewhere =
                ["range_lo", "range_hi", "ll", "l", "h", "hh", "deadband", "on_delay_s", "off_delay_s"];
            if known_elsewhere.contains(&name) || name.starts_with("priority_") {
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
        for kind in ["ll", "l", "h", "hh"] {
            let Some(at) = cell(kind) else { continue };
            let mut limit = format!("at = {}", scalar(at));
            for (column, key, unit) in [
                ("deadband", "deadband", ""),
                ("on_delay_s", "on_delay", "s"),
                ("off_delay_s", "off_delay", "s"),
            ] {
                if let Some(value) = cell(column) {
                    let value =
                        if unit.is_empty() { scalar(value) } else { quoted(&format!("{value}{unit}")) };
                    limit = format!("{limit}, {key} = {value}");
                }
            }
            if let Some(priority) = cell(&format!("priority_{kind}")) {
                limit = format!("{limit}, priority = {}", quoted(priority));
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
