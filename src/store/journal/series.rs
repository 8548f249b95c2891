//! The series table: a small number for each point and unit ever recorded, with what line protocol needs of it.
//!
//! A point whose unit or type changes begins a new series, so that no curve, no sealed evidence and no rehearsal takes
//! MPa for bar.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{FILE, StoreError, sqlite};
use crate::plant::{Plant, ValueType};

/// One series as the journal knows it: enough to write line protocol after its settings are gone.
#[derive(Debug, Clone)]
pub struct SeriesInfo {
    /// Number in this journal.
    pub id: u32,
    /// Equipment id.
    pub equipment: String,
    /// Point id.
    pub point: String,
    /// Equipment kind.
    pub kind: String,
    /// Field type.
    pub value_type: ValueType,
    /// Unit of its values; `None` where they were stored before units were kept.
    pub unit: Option<String>,
}

impl SeriesInfo {
    /// Its values can stand among those of a point with this unit.
    #[must_use]
    pub fn is_in(&self, unit: &str) -> bool {
        self.unit.as_deref().is_none_or(|mine| mine == unit)
    }
}

/// The number of each point's series, new ones noted.
pub(super) fn series_of(conn: &mut Connection, plant: &Plant) -> Result<Vec<u32>, StoreError> {
    let err = sqlite(FILE);
    let tx = conn.transaction().map_err(&err)?;
    let mut series = Vec::with_capacity(plant.points.len());
    for point in &plant.points {
        let owner = plant.equipment_at(point.equipment);
        let key = [owner.id.as_str(), point.id.as_str(), type_word(point.value_type), point.unit.as_str()];
        series.push(number(&tx, key, owner.kind.as_str()).map_err(&err)?);
    }
    tx.commit().map_err(&err)?;
    Ok(series)
}

fn number(
    tx: &Transaction<'_>,
    [equipment, point, kind_of_value, unit]: [&str; 4],
    kind: &str,
) -> rusqlite::Result<u32> {
    let found: Option<(u32, String)> = tx
        .prepare_cached(
            "SELECT id, kind FROM series WHERE equipment = ?1 AND point = ?2 AND value_type = ?3 AND unit = ?4
             AND sum = row_sum(id, equipment, point, kind, value_type, unit)",
        )?
        .query_row(params![equipment, point, kind_of_value, unit], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    if let Some((id, known)) = found {
        if known != kind {
            tx.execute("UPDATE series SET kind = ?2 WHERE id = ?1", params![id, kind])?;
            sign(tx, id)?;
        }
        return Ok(id);
    }
    // What was stored before units were kept is taken to be in the unit of the first settings that came after.
    let before: Option<u32> = tx
        .prepare_cached(
            "SELECT id FROM series WHERE equipment = ?1 AND point = ?2 AND value_type = ?3 AND unit IS NULL
             AND NOT EXISTS (SELECT 1 FROM series WHERE equipment = ?1 AND point = ?2 AND unit IS NOT NULL)",
        )?
        .query_row(params![equipment, point, kind_of_value], |r| r.get(0))
        .optional()?;
    let id = match before {
        Some(id) => {
            tx.execute("UPDATE series SET kind = ?2, unit = ?3 WHERE id = ?1", params![id, kind, unit])?;
            id
        }
        None => {
            // A row that does not agree with its sum may stand in the way of the right one.
            tx.execute(
                "DELETE FROM series WHERE equipment = ?1 AND point = ?2 AND value_type = ?3 AND unit = ?4",
                params![equipment, point, kind_of_value, unit],
            )?;
            tx.execute(
                "INSERT INTO series (equipment, point, kind, value_type, unit) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![equipment, point, kind, kind_of_value, unit],
            )?;
            u32::try_from(tx.last_insert_rowid()).unwrap_or(u32::MAX)
        }
    };
    sign(tx, id)?;
    Ok(id)
}

fn sign(tx: &Transaction<'_>, id: u32) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE series SET sum = row_sum(id, equipment, point, kind, value_type, unit) WHERE id = ?1",
        [id],
    )
    .map(drop)
}

fn type_word(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Float => "float",
        ValueType::Integer => "integer",
        ValueType::Bool => "bool",
        ValueType::Text => "text",
    }
}

pub(super) fn type_of(word: &str) -> ValueType {
    match word {
        "bool" => ValueType::Bool,
        "integer" => ValueType::Integer,
        "text" => ValueType::Text,
        _ => ValueType::Float,
    }
}
