//! Slips of the hand and of the input method, by name, each with the line as it should be.
//!
//! A file that is no TOML is repaired line by line on a copy: first the signs that a Chinese input method or a word
//! processor writes for plain ones ([`signs`]), then what is missing or too much in the line that the parser stops at
//! ([`shape`]). A repair counts only if the line by itself is TOML afterwards. What was repaired is a fault, with the
//! line to write as its remedy; the copy is read on, so that the other faults are found in the same pass.

mod shape;
mod signs;

use std::collections::BTreeMap;

use toml_edit::{Document, TomlError};

use super::fault::{Fault, Place};

/// So many lines are repaired; a file with more is something else.
const MOST_REPAIRS: usize = 200;

/// How a remedy begins whose rest is the whole line as it should be.
pub(super) const WRITE_LINE: &str = "write the line so: ";

/// Tables that come several times, so that their heading has two brackets.
const SEVERAL: [&str; 15] = [
    "equipment",
    "source.modbus",
    "source.mqtt",
    "source.push",
    "outlet.influx",
    "outlet.inspection",
    "equipment.device",
    "equipment.derived",
    "equipment.state",
    "equipment.detector",
    "point",
    "derived",
    "state",
    "detector",
    "point.limits.schedule",
];

/// A line that is not as it should be.
struct Slip {
    /// From 1.
    column: usize,
    problems: Vec<String>,
}

/// A text without its slips, and what they were.
pub(super) struct Repaired {
    pub(super) text: String,
    pub(super) faults: Vec<Fault>,
    /// The copy is TOML.
    pub(super) is_whole: bool,
}

/// Finds the slips of one file; `None` if there are none.
pub(super) fn repair(file: &str, text: &str) -> Option<Repaired> {
    let parsed = parse(text);
    let mut lines: Vec<String> = text.split('\n').map(|l| l.trim_end_matches('\r').to_owned()).collect();
    let mut slips: BTreeMap<usize, Slip> = BTreeMap::new();
    let note = |slips: &mut BTreeMap<usize, Slip>, line: usize, column: usize, problem: String| {
        let slip = slips.entry(line).or_insert(Slip { column, problems: Vec::new() });
        slip.column = slip.column.min(column);
        if !slip.problems.contains(&problem) {
            slip.problems.push(problem);
        }
    };
    if parsed.is_err() {
        let mut within = None;
        for (n, line) in lines.iter_mut().enumerate() {
            if let Some(found) = signs::repaired(line, &mut within) {
                for (column, problem) in found.slips {
                    note(&mut slips, n, column, problem);
                }
                *line = found.line;
            }
        }
    }
    for n in 0..lines.len() {
        if let Some(name) = single_heading(&lines, n) {
            note(&mut slips, n, 1, format!("[{name}] makes one table, and there may be several of them"));
            lines[n] = format!("[[{name}]]");
        }
    }
    let mut stopped = None;
    for _ in 0..MOST_REPAIRS {
        let Err(error) = parse(&lines.join("\n")) else {
            stopped = None;
            break;
        };
        let at = line_of(&lines, error.span().map_or(0, |s| s.start));
        let Some((n, column, problem, line)) = shape::repaired(&lines, at) else {
            stopped = Some((at, error));
            break;
        };
        note(&mut slips, n, column, problem);
        lines[n] = line;
    }
    if slips.is_empty() && stopped.is_none() {
        return None;
    }
    let mut faults: Vec<Fault> = slips
        .into_iter()
        .map(|(n, slip)| Fault {
            place: Place { file: file.to_owned(), line: n + 1, column: slip.column },
            key: String::new(),
            problem: slip.problems.join(", "),
            remedy: format!("{WRITE_LINE}{}", lines[n].trim()),
        })
        .collect();
    let joined = lines.join("\n");
    let is_whole = stopped.is_none();
    if let Some((_, error)) = stopped {
        faults.push(plain(file, &joined, &error));
    }
    Some(Repaired { text: joined, faults, is_whole })
}

fn parse(text: &str) -> Result<(), TomlError> {
    Document::parse(text).map(|_| ())
}

/// A line by itself is TOML.
fn is_good(line: &str) -> bool {
    parse(line).is_ok()
}

fn line_of(lines: &[String], offset: usize) -> usize {
    let mut start = 0;
    for (n, line) in lines.iter().enumerate() {
        start += line.len() + 1;
        if offset < start {
            return n;
        }
    }
    lines.len().saturating_sub(1)
}

/// `[equipment]` where `[[equipment]]` is meant: an id or a profile stands right below it.
fn single_heading(lines: &[String], n: usize) -> Option<&'static str> {
    let inner = lines[n].trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let name = SEVERAL.into_iter().find(|name| *name == inner)?;
    let below = lines[n + 1..].iter().map(|l| l.trim_start()).take_while(|l| !l.starts_with('['));
    let mut keys = below.filter_map(|l| l.split_once('=')).map(|(key, _)| key.trim());
    keys.any(|key| matches!(key, "id" | "profile")).then_some(name)
}

/// What only the parser has a word for.
fn plain(file: &str, text: &str, error: &TomlError) -> Fault {
    Fault {
        place: Place::of(file, text, error.span().map_or(0, |s| s.start)),
        key: String::new(),
        problem: format!("not TOML: {}", error.message().trim().replace('\n', ", ")),
        remedy: "correct this line; what stands below it was not read".to_owned(),
    }
}

/// A backslash in double quotes that became a tab or a line break: `"C:\temp"` is no path then.
pub(super) fn eaten_backslash(written: &str, value: &str) -> Option<(String, String)> {
    let plain = written.strip_prefix('"').filter(|w| !w.starts_with("\"\""))?.strip_suffix('"')?;
    let eaten = value.chars().find(|c| c.is_control())?;
    let looks_like_a_path = plain.get(1..3) == Some(":\\") || plain.starts_with("\\\\");
    let sign = match eaten {
        '\t' => "a tab",
        '\n' | '\r' => "a line break",
        _ => "a control character",
    };
    looks_like_a_path.then(|| {
        let path = plain.replace("\\\\", "\\");
        (
            format!("in double quotes a backslash is not itself: this has {sign} in it"),
            format!("write '{path}'"),
        )
    })
}

#[cfg(test)]
mod tests;
