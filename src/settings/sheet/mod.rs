//! The spreadsheet an integrator already has → the points of a profile, and a profile → a spreadsheet.
//!
//! Pure: files are read in `cli/profile`, sheets come in as rows of cells. Promises: a problem is told
//! with sheet, column letter, row and remedy, all problems at once, and costs only its own row; what is
//! guessed is said; what a sheet does not mention in a point that exists is kept; an exported profile
//! imports back to the same one. The words understood are in `docs/spreadsheets.md`.
//!
//! `scan` finds lists by their headers (`header_rows`) and settles which column tells what (`settle`), `row` reads one row,
//! `of_sheet` one sheet, `import` joins them; `merge` lays them over
//! the profile there is, `diff` tells what that changes, `document` reads and writes the TOML.

mod address;
mod assumed;
mod bases;
mod byte_said;
mod comments;
mod diff;
mod document;
mod export;
mod header_rows;
mod headers;
mod import;
mod keys;
mod lists;
mod merge;
mod merges;
mod messages;
mod names;
mod notations;
mod notes;
mod of_sheet;
mod order;
mod pairs;
mod places;
mod relate;
mod row;
mod scan;
mod settle;
mod station;
#[cfg(test)]
mod tests;
mod text;
mod type_count;
mod type_words;
mod types;
mod units;
mod value;

use std::fmt;

pub use comments::elsewhere as comments_elsewhere;
pub use diff::{Changed, Diff};
pub use document::{Point, Profile, read, write};
pub use export::{Exported, export};
pub(super) use headers::profile_key;
pub use import::{Imported, SheetReport, Skipped, import};
pub use merge::{Taken, merge};
pub use merges::{Merge, Merges};
pub use station::Station;
pub use text::letters;
pub(super) use text::plain;
pub(super) use units::known as known_unit;
pub use value::{Keys, Val};

use super::Table;

/// One cell of a sheet.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// A text, as typed.
    Text(String),
    /// A number; spreadsheets know no other kind.
    Number(f64),
    /// `TRUE`, `FALSE`.
    Flag(bool),
    /// A date, which is what spreadsheets make of `1-2`.
    Date(String),
    /// `#REF!` and its like.
    Error(String),
}

/// One sheet: rows and cells from A1 on, so that row n is shown as n + 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    /// As on its tab; for a text file the file's name.
    pub name: String,
    /// The cells.
    pub rows: Vec<Vec<Cell>>,
    /// Joined cells.
    pub merges: Merges,
}

impl Sheet {
    /// A sheet of texts, for tables that come from a text file.
    #[must_use]
    pub fn of_texts(name: &str, rows: Vec<Vec<String>>) -> Self {
        let cell = |t: String| if t.is_empty() { Cell::Empty } else { Cell::Text(t) };
        let rows = rows.into_iter().map(|r| r.into_iter().map(cell).collect()).collect();
        Self { name: name.to_owned(), rows, merges: Merges::default() }
    }

    fn cell(&self, row: usize, column: usize) -> &Cell {
        self.rows.get(row).and_then(|r| r.get(column)).unwrap_or(&Cell::Empty)
    }

    /// The cell, or for a cell joined with those above it, the joined one.
    fn down(&self, row: usize, column: usize) -> &Cell {
        self.cell(self.merges.beginning(row, column).map_or(row, |m| m.rows.0), column)
    }

    /// The text over a column, from a cell joined in any direction.
    fn over(&self, row: usize, column: usize) -> String {
        let inside = |m: &&Merge| {
            (m.rows.0..=m.rows.1).contains(&row) && (m.columns.0..=m.columns.1).contains(&column)
        };
        match self.merges.iter().find(inside) {
            Some(m) => self.cell(m.rows.0, m.columns.0).shown(),
            None => self.cell(row, column).shown(),
        }
    }

    fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }
}

impl Cell {
    /// As text; dates and errors as the spreadsheet shows them.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(t) | Self::Date(t) | Self::Error(t) => t.clone(),
            Self::Number(n) => text::written(*n),
            Self::Flag(b) => if *b { "true" } else { "false" }.to_owned(),
        }
    }

    fn is_empty(&self) -> bool {
        // What nobody sees is nothing.
        text::tidy(&self.shown()).is_empty()
    }
}

/// What the command line adds to a sheet.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only the sheet of this name.
    pub sheet: Option<String>,
    /// Column (its header, or its letter) → profile key.
    pub map: Vec<(String, String)>,
    /// `kind` of the profile.
    pub kind: Option<String>,
    /// `order` of the profile, as a profile has it.
    pub order: Option<String>,
    /// The order that the profile there is names already.
    pub known_order: Option<String>,
    /// Where values of the profile there is stand that have an order of their own.
    pub known_places: Vec<(Table, u32)>,
    /// Plain addresses count from 0 or 1.
    pub address_base: Option<u8>,
    /// Every decimal address is a plain one in this table.
    pub table: Option<Table>,
}

/// A problem of a sheet, with its cell.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Trouble {
    /// The sheet's name.
    pub sheet: String,
    /// From 1, as shown; 0 if it is about the whole sheet.
    pub row: usize,
    /// `C`; empty if it is about the row.
    pub column: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sheet)?;
        if self.row > 0 {
            write!(f, "!{}{}", self.column, self.row)?;
        }
        write!(f, ": {}", self.problem)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

/// A table's word in a profile.
#[must_use]
pub fn table_key(table: Table) -> &'static str {
    match table {
        Table::Coil => "coil",
        Table::DiscreteInput => "discrete",
        Table::HoldingRegister => "holding",
        Table::InputRegister => "input",
    }
}

/// The table of a profile's word.
#[must_use]
pub fn table_of(key: &str) -> Option<Table> {
    [Table::Coil, Table::DiscreteInput, Table::HoldingRegister, Table::InputRegister]
        .into_iter()
        .find(|t| table_key(*t) == key)
}
