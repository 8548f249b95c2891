//! A table of readings as historians and spreadsheets export it: one reading a row, with the columns time, equipment,
//! point and value among others, parted by commas, semicolons or tabs.
//!
//! Read twice and never held, unless its rows are out of the order of time, as where one point follows another: then
//! it is sorted. Rows of one instant stay in their order.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::field::ingest::civil::LocalTime;
use crate::field::ingest::payload;
use crate::plant::Micros;
use crate::settings::TimeFormat;

/// The columns, and the words for them.
const COLUMNS: [(&str, &[&str]); 4] = [
    ("time", &["time", "timestamp", "时间", "时刻"]),
    ("equipment", &["equipment", "设备"]),
    ("point", &["point", "tag", "测点", "位号"]),
    ("value", &["value", "值", "数值"]),
];

/// One reading; NaN where the cell is empty.
struct Row<'r> {
    at: Micros,
    equipment: &'r str,
    point: &'r str,
    value: f64,
}

/// A file that has been looked through once.
pub(super) struct Table {
    file: PathBuf,
    zone: TimeZone,
    /// First and last time.
    pub(super) span: (Micros, Micros),
    ordered: bool,
}

impl Table {
    /// Looks through `file`; times without an offset are in `zone`.
    pub(super) fn open(file: &Path, zone: TimeZone) -> Result<Self, String> {
        let (mut span, mut last, mut ordered) = (None::<(Micros, Micros)>, Micros(i64::MIN), true);
        rows(file, &zone, |row| {
            ordered &= row.at >= last;
            last = row.at;
            span = Some(span.map_or((row.at, row.at), |(a, b)| (a.min(row.at), b.max(row.at))));
        })?;
        let span = span.ok_or_else(|| format!("{}: there is no reading in it", file.display()))?;
        Ok(Self { file: file.to_owned(), zone, span, ordered })
    }

    /// Every row of the span in the order of time. `place` gives what a row is kept as while it is sorted; `None`
    /// leaves it out.
    pub(super) fn each<K: Copy>(
        &self,
        (from, to): (Micros, Micros),
        mut place: impl FnMut(&str, &str) -> Option<K>,
        mut each: impl FnMut(Micros, K, f64),
    ) -> Result<(), String> {
        let mut kept = Vec::new();
        rows(&self.file, &self.zone, |row| {
            if row.at < from || row.at > to {
                return;
            }
            let Some(key) = place(row.equipment, row.point) else { return };
            if self.ordered {
                each(row.at, key, row.value);
            } else {
                kept.push((row.at, key, row.value));
            }
        })?;
        kept.sort_by_key(|(at, ..)| *at);
        kept.into_iter().for_each(|(at, key, value)| each(at, key, value));
        Ok(())
    }
}

/// Every row as it stands.
fn rows(file: &Path, zone: &TimeZone, mut each: impl FnMut(Row<'_>)) -> Result<(), String> {
    let named = |what: String| format!("{}: {what}", file.display());
    let mut table = csv::ReaderBuilder::new()
        .delimiter(delimiter(file).map_err(|e| named(e.to_string()))?)
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(file)
        .map_err(|e| named(e.to_string()))?;
    // Other columns may be in any encoding.
    let headers = table.byte_headers().map_err(|e| named(e.to_string()))?;
    let headers: Vec<String> = headers
        .iter()
        .map(|h| String::from_utf8_lossy(h).trim_start_matches('\u{feff}').to_lowercase())
        .collect();
    let column = |(name, words): (&str, &[&str])| {
        headers.iter().position(|h| words.contains(&h.as_str())).ok_or_else(|| {
            let there: Vec<String> = headers.iter().map(|h| format!("`{h}`")).collect();
            let there = if there.is_empty() {
                "there are none".to_owned()
            } else {
                format!("there are {}", there.join(", "))
            };
            named(format!("there is no column `{name}`; {there}; wanted: time, equipment, point, value"))
        })
    };
    let [time, equipment, point, value] = COLUMNS.map(column);
    let (time, equipment, point, value) = (time?, equipment?, point?, value?);
    let mut record = csv::ByteRecord::new();
    let mut near = Micros(0);
    while table.read_byte_record(&mut record).map_err(|e| named(e.to_string()))? {
        let line = || record.position().map_or(0, csv::Position::line);
        let cell = |n: usize| String::from_utf8_lossy(record.get(n).unwrap_or_default());
        let at = moment(&cell(time), zone, near).ok_or_else(|| {
            let text = cell(time);
            named(format!(
                "line {}: `{text}` is not a time; write 2026-11-24T08:00:00Z, 2026-11-24 16:00:00 in the site's \
                 time, or seconds since 1970",
                line()
            ))
        })?;
        near = at;
        let value = number(&cell(value)).map_err(|why| named(format!("line {}: {why}", line())))?;
        each(Row { at, equipment: &cell(equipment), point: &cell(point), value });
    }
    Ok(())
}

/// What parts the cells of the header.
fn delimiter(file: &Path) -> std::io::Result<u8> {
    let mut head = [0; 4096];
    let read = std::io::Read::read(&mut std::fs::File::open(file)?, &mut head)?;
    let header = head[..read].split(|b| *b == b'\n').next().unwrap_or_default();
    Ok([b',', b';', b'\t'].into_iter().find(|d| header.contains(d)).unwrap_or(b','))
}

/// `near` is the row before: of an hour that comes twice the instant nearer to it is meant.
fn moment(text: &str, zone: &TimeZone, near: Micros) -> Option<Micros> {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Some(Micros(at.as_microsecond())),
        Err(_) => payload::time::time(&text.into(), TimeFormat::Auto, LocalTime { zone, arrival: near }),
    }
}

/// An empty cell is a value that was not there.
fn number(text: &str) -> Result<f64, String> {
    match text {
        "" => Ok(f64::NAN),
        "true" | "TRUE" => Ok(1.0),
        "false" | "FALSE" => Ok(0.0),
        _ => text.parse().map_err(|_| {
            let point = text.replacen(',', ".", 1);
            let hint = if point.parse::<f64>().is_ok() { format!("; write {point}") } else { String::new() };
            format!("`{text}` is not a number{hint}")
        }),
    }
}
