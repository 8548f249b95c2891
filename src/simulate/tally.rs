//! What the stand-in database and inspection system hold, read back from their files. Pure but for
//! the reading.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// One reading in the database: equipment, field, microseconds since the epoch.
pub type Key = (String, String, i64);

/// What the database holds.
#[derive(Debug, Default)]
pub struct Database {
    /// Value as written, by key.
    pub readings: HashMap<Key, String>,
    /// Writes that only repeated what was there.
    pub repeats: u64,
    /// Writes that said something else for a key that was there.
    pub conflicts: u64,
}

/// One line as the database takes it.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    equipment: &'a str,
    fields: Vec<(&'a str, &'a str)>,
    at: i64,
}

/// Reads line protocol without escapes (ids need none); `None` for anything else.
#[must_use]
pub(super) fn line(text: &str) -> Option<Line<'_>> {
    let mut parts = text.split(' ');
    let (series, fields, at) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
    if parts.next().is_some() {
        return None;
    }
    let equipment = series.split(',').skip(1).find_map(|tag| tag.strip_prefix("equipment="))?;
    let fields: Option<Vec<_>> = fields
        .split(',')
        .map(|f| f.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty()))
        .collect();
    Some(Line { equipment, fields: fields?, at })
}

/// Reads the database's file.
///
/// # Errors
/// It cannot be read.
pub fn database(path: &Path) -> std::io::Result<Database> {
    let mut database = Database::default();
    for text in BufReader::new(std::fs::File::open(path)?).lines() {
        let text = text?;
        let Some(Line { equipment, fields, at }) = line(&text) else { continue };
        for (field, value) in fields {
            let key = (equipment.to_owned(), field.to_owned(), at);
            match database.readings.get(&key) {
                Some(old) if old == value => database.repeats += 1,
                Some(_) => database.conflicts += 1,
                None => {
                    database.readings.insert(key, value.to_owned());
                }
            }
        }
    }
    Ok(database)
}

/// Events the inspection system took, in order of arrival: id → body; and how many were repeats.
///
/// # Errors
/// The file cannot be read.
pub fn inspection(path: &Path) -> std::io::Result<(Vec<(String, String)>, u64)> {
    let (mut events, mut repeats) = (Vec::<(String, String)>::new(), 0);
    for text in BufReader::new(std::fs::File::open(path)?).lines() {
        let text = text?;
        let id = serde_json::from_str::<serde_json::Value>(&text)
            .ok()
            .and_then(|v| v["id"].as_str().map(str::to_owned))
            .unwrap_or_default();
        if events.iter().any(|e| e.0 == id) {
            repeats += 1;
        } else {
            events.push((id, text));
        }
    }
    Ok((events, repeats))
}

#[cfg(test)]
mod tests {
    use super::{Line, database, line};

    #[test]
    fn a_line_gives_equipment_fields_and_time_and_nonsense_gives_nothing() {
        let read = line("steam_boiler,equipment=boiler-1,site=north level=-8.5,state=4i 1790000000000000");
        let fields = vec![("level", "-8.5"), ("state", "4i")];
        assert_eq!(read, Some(Line { equipment: "boiler-1", fields, at: 1_790_000_000_000_000 }));
        for bad in ["", "a", "a b=1", "a,equipment=x b=1 z", "a,site=x b=1 1", "a,equipment=x b= 1"] {
            assert_eq!(line(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_repeated_write_is_told_from_a_conflicting_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "k,equipment=b x=1,y=2 5\nk,equipment=b x=1,y=3 5\n").unwrap();
        let found = database(file.path()).unwrap();
        assert_eq!((found.readings.len(), found.repeats, found.conflicts), (2, 1, 1));
    }
}
