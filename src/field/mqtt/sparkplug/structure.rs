//! Data sets and templates on the wire, opened: the members of a template, the cells of a table.
//!
//! Sparkplug 3.0, chapter 6, DataSet and Template. `wire` keeps them as unopened bytes; here one level of one of them
//! is opened, and only so far as there is room, so that nothing that comes in takes more memory than a message may.

use std::collections::HashMap;
use std::fmt::Write;

use prost::Message;

use super::wire::{Metric, Value, count_of, each, properties_in};
use super::{MOST_METRICS, MOST_PROPERTIES};

/// `org.eclipse.tahu.protobuf.Payload.DataSet`
#[derive(Clone, PartialEq, Message)]
struct DataSet {
    #[prost(uint64, optional, tag = "1")]
    num_of_columns: Option<u64>,
    #[prost(string, repeated, tag = "2")]
    columns: Vec<String>,
    #[prost(uint32, repeated, packed = "false", tag = "3")]
    types: Vec<u32>,
    #[prost(message, repeated, tag = "4")]
    rows: Vec<Row>,
}

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(message, repeated, tag = "1")]
    elements: Vec<Element>,
}

#[derive(Clone, PartialEq, Message)]
struct Element {
    #[prost(oneof = "Cell", tags = "1, 2, 3, 4, 5, 6")]
    value: Option<Cell>,
}

/// Other numbers than those of a metric's value.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Cell {
    #[prost(uint32, tag = "1")]
    Int(u32),
    #[prost(uint64, tag = "2")]
    Long(u64),
    #[prost(float, tag = "3")]
    Float(f32),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(bool, tag = "5")]
    Boolean(bool),
    #[prost(string, tag = "6")]
    String(String),
}

/// `org.eclipse.tahu.protobuf.Payload.Template`; its parameters are not values of a process.
#[derive(Clone, PartialEq, Message)]
struct Template {
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
    #[prost(bool, optional, tag = "5")]
    is_definition: Option<bool>,
}

/// What is wrong with a structure, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("damaged: {0}")]
    Damaged(String),
    #[error("{0} members or cells, one message may have {MOST_METRICS}")]
    TooMany(usize),
    #[error("{0} properties of members, one message may have {MOST_PROPERTIES}")]
    TooManyProperties(usize),
    #[error("{types} types for {columns} columns")]
    Types { types: usize, columns: usize },
    #[error("{columns} column names, but the number of columns is {told}")]
    Columns { columns: usize, told: u64 },
    #[error("row {row} has {elements} elements for {columns} columns")]
    Elements { row: usize, elements: usize, columns: usize },
    #[error("structures within structures, {0} deep at most")]
    Deep(usize),
}

fn damaged(e: &prost::DecodeError) -> Fault {
    Fault::Damaged(e.to_string())
}

/// What the structures of one message may still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Members and cells.
    pub(super) values: usize,
    /// Properties of members.
    pub(super) properties: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { values: MOST_METRICS, properties: MOST_PROPERTIES }
    }
}

impl Room {
    fn take(&mut self, values: usize, properties: usize) -> Result<(), Fault> {
        let left = Self {
            values: self.values.checked_sub(values).ok_or(Fault::TooMany(values))?,
            properties: self
                .properties
                .checked_sub(properties)
                .ok_or(Fault::TooManyProperties(properties))?,
        };
        *self = left;
        Ok(())
    }
}

/// The members of a template; `None` for a definition, whose values are defaults and nobody's readings. They and their
/// properties take of `room`.
pub(super) fn members(bytes: &[u8], room: &mut Room) -> Result<Option<Vec<Metric>>, Fault> {
    let counted = count_of(bytes, 2).and_then(|values| Ok((values, properties_in(bytes)?)));
    let (values, properties) = counted.map_err(|e| damaged(&e))?;
    room.take(values, properties)?;
    let template = Template::decode(bytes).map_err(|e| damaged(&e))?;
    Ok((template.is_definition != Some(true)).then_some(template.metrics))
}

/// A data set, whole and of one shape.
#[derive(Debug)]
pub(super) struct Table {
    set: DataSet,
    /// The first column of each name, and how many have it.
    by_name: HashMap<Box<str>, (usize, usize)>,
}

/// Which cell is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Cell(usize, usize),
    /// Several go by this name.
    Several,
    Nowhere,
}

impl Table {
    /// Reads `bytes`; each column and each element takes one of `room`.
    pub(super) fn read(bytes: &[u8], room: &mut Room) -> Result<Self, Fault> {
        room.take(cells_in(bytes).map_err(|e| damaged(&e))?, 0)?;
        let set = DataSet::decode(bytes).map_err(|e| damaged(&e))?;
        let columns = set.columns.len();
        if set.types.len() != columns {
            return Err(Fault::Types { types: set.types.len(), columns });
        }
        if let Some(told) = set.num_of_columns.filter(|told| *told != columns as u64) {
            return Err(Fault::Columns { columns, told });
        }
        if let Some((row, r)) = set.rows.iter().enumerate().find(|(_, r)| r.elements.len() != columns) {
            return Err(Fault::Elements { row, elements: r.elements.len(), columns });
        }
        let mut by_name: HashMap<Box<str>, (usize, usize)> = HashMap::new();
        for (number, name) in set.columns.iter().enumerate() {
            by_name.entry(name.as_str().into()).or_insert((number, 0)).1 += 1;
        }
        Ok(Self { set, by_name })
    }

    /// The cell that `name` means: `COLUMN` of the only row, or `ROW/COLUMN` with rows counted from 0.
    pub(super) fn place(&self, name: &str) -> Place {
        let rows = self.set.rows.len();
        let of_only = self.by_name.get(name).filter(|_| rows == 1).map(|found| (0, *found));
        let of_row = name.split_once('/').and_then(|(row, column)| {
            let number: usize = row.parse().ok().filter(|n| *n < rows)?;
            // `+1` and `01` are names, not rows.
            (number.to_string() == row).then_some((number, *self.by_name.get(column)?))
        });
        match (of_only, of_row) {
            (Some(_), Some(_)) => Place::Several,
            (Some((row, (column, 1))), None) | (None, Some((row, (column, 1)))) => Place::Cell(row, column),
            (None, None) => Place::Nowhere,
            _ => Place::Several,
        }
    }

    /// Every cell with its name, the shorter one where there is only one row.
    pub(super) fn names(&self) -> impl Iterator<Item = (String, (usize, usize))> {
        let only = self.set.rows.len() == 1;
        (0..self.set.rows.len()).flat_map(move |row| {
            self.set.columns.iter().enumerate().map(move |(column, name)| {
                let mut full = String::new();
                if !only {
                    // Writing into a String does not fail.
                    let _ = write!(full, "{row}/");
                }
                full.push_str(name);
                (full, (row, column))
            })
        })
    }

    /// A cell as a metric of its own, of the whole's time.
    pub(super) fn cell(&self, (row, column): (usize, usize), whole: &Metric) -> Metric {
        let element = self.set.rows.get(row).and_then(|r| r.elements.get(column));
        let value = element.and_then(|e| e.value.as_ref()).map(|value| match value {
            Cell::Int(n) => Value::Int(*n),
            Cell::Long(n) => Value::Long(*n),
            Cell::Float(n) => Value::Float(*n),
            Cell::Double(n) => Value::Double(*n),
            Cell::Boolean(set) => Value::Boolean(*set),
            Cell::String(text) => Value::String(text.clone()),
        });
        Metric {
            timestamp: whole.timestamp,
            datatype: self.set.types.get(column).copied(),
            is_historical: whole.is_historical,
            value,
            ..Metric::default()
        }
    }
}

/// Columns and elements, counted before any is made.
fn cells_in(bytes: &[u8]) -> Result<usize, prost::DecodeError> {
    let mut count = count_of(bytes, 2)?;
    each(bytes, 4, |row| {
        count += 1 + count_of(row, 1)?;
        Ok(())
    })?;
    Ok(count)
}

/// A member of `whole`: time and history of that hold where the member says nothing itself.
pub(super) fn inherited(mut member: Metric, whole: &Metric) -> Metric {
    member.timestamp = member.timestamp.or(whole.timestamp);
    member.is_historical = Some(member.is_historical == Some(true) || whole.is_historical == Some(true));
    member
}
