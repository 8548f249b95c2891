//! The series table: a small number for each point ever recorded, with what line protocol needs of it.

use rusqlite::{Connection, params};

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
}

/// The number of each point's series, new ones noted.
pub(super) fn series_of(conn: &mut Connection, plant: &Plant) -> Result<Vec<u32>, StoreError> {
    let err = sqlite(FILE);
    let tx = conn.transaction().map_err(&err)?;
    let mut series = Vec::with_capacity(plant.points.len());
    for point in &plant.points {
        let owner = plant.equipment_at(point.equipment);
        let key =
            params![owner.id.as_str(), point.id.as_str(), owner.kind.as_str(), type_word(point.value_type)];
        tx.execute(
            "INSERT INTO series (equipment, point, kind, value_type) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (equipment, point, value_type) DO UPDATE SET kind = excluded.kind",
            key,
        )
        .map_err(&err)?;
        let id = tx
            .query_row(
                "SELECT id FROM series WHERE equipment = ?1 AND point = ?2 AND value_type = ?3",
                params![owner.id.as_str(), point.id.as_str(), type_word(point.value_type)],
                |r| r.get(0),
            )
            .map_err(&err)?;
        series.push(id);
    }
    tx.commit().map_err(&err)?;
    Ok(series)
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
