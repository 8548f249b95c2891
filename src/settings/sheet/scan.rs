//! Where in a sheet the register list is: header rows by their words, blocks of rows below them,
//! titles and notes around. A sheet may hold several blocks, each with its own header.

use super::header_rows::{by_letter, header};
use super::headers::{Column, Field};
use super::keys::{is_of_head, is_spelled};
use super::settle::settle;
use super::text::{apart, plain};
use super::{Options, Sheet, Trouble, address};

/// A header and the rows that belong to it.
#[derive(Debug)]
pub(super) struct Block {
    /// Rows of the header, from 0; empty when `--map` names the columns.
    pub(super) header: std::ops::Range<usize>,
    pub(super) columns: Vec<Column>,
    /// Columns nobody knows, or that say what another says already: title with letter.
    pub(super) ignored: Vec<String>,
    pub(super) rows: std::ops::Range<usize>,
    /// Columns called 上限 or 下限 and nothing more, taken as limits.
    pub(super) doubtful: Vec<usize>,
    /// Other columns of addresses than the one that is read.
    pub(super) others: Vec<Column>,
    /// Every header is a key of the profile: an export, in which nothing is to be guessed.
    pub(super) exact: bool,
}

impl Block {
    pub(super) fn column(&self, field: &Field) -> Option<&Column> {
        self.columns.iter().find(|c| c.field == *field)
    }
}

/// The blocks of a sheet, in order.
pub(super) fn blocks(sheet: &Sheet, options: &Options) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut row = 0;
    let width = sheet.width();
    while row < sheet.rows.len() {
        // A point may be called Address: a row with one of its own is no header.
        let above = found.last().and_then(|b| b.column(&Field::Address));
        let is_point = above.is_some_and(|c| is_address(sheet, row, c.index));
        match (!is_point).then(|| header(sheet, row, width, options)).flatten() {
            Some((header, columns)) => {
                if let Some(last) = found.last_mut() {
                    last.rows.end = header.start;
                }
                row = header.end;
                found.push(block(sheet, header, columns));
            }
            None => row += 1,
        }
    }
    if found.is_empty() {
        let columns: Vec<Column> = by_letter(width, options);
        let first = columns
            .iter()
            .find(|c| c.field == Field::Address)
            .and_then(|c| (0..sheet.rows.len()).find(|row| is_address(sheet, *row, c.index)));
        if let Some(first) = first {
            found.push(block(sheet, first..first, columns));
        }
    }
    for block in &mut found {
        settle(sheet, block);
    }
    found
}

fn is_address(sheet: &Sheet, row: usize, column: usize) -> bool {
    matches!(address::address(&sheet.cell(row, column).shown(), address::Habit::default()), Ok(Some(_)))
}

fn block(sheet: &Sheet, header: std::ops::Range<usize>, columns: Vec<Column>) -> Block {
    let rows = header.end..sheet.rows.len();
    Block {
        header,
        columns,
        ignored: Vec::new(),
        rows,
        doubtful: Vec::new(),
        others: Vec::new(),
        exact: false,
    }
}

/// How many cells of a row hold something.
pub(super) fn filled(sheet: &Sheet, row: usize) -> usize {
    sheet.rows.get(row).map_or(0, |r| r.iter().filter(|c| !c.is_empty()).count())
}

/// Numbers with a decimal comma stand in the list: `0,1`, `-12,5`.
pub(super) fn has_decimal_commas(sheet: &Sheet, block: &Block) -> bool {
    let comma = |text: &str| {
        text.trim_start_matches('-').split_once(',').is_some_and(|(whole, rest)| {
            let digits = !whole.is_empty() && whole.bytes().chain(rest.bytes()).all(|b| b.is_ascii_digit());
            digits && (whole == "0" || matches!(rest.len(), 1 | 2))
        })
    };
    block
        .columns
        .iter()
        .filter(|c| c.field.is_number())
        .any(|c| block.rows.clone().any(|row| comma(&apart(&sheet.cell(row, c.index).shown()))))
}

/// `key | value` above the first header: keys of the profile's head, as an export writes them. A label of people (`站号 | 3`) is
/// a title.
pub(super) fn head(sheet: &Sheet, until: usize) -> (super::Keys, Vec<usize>) {
    const TEXTS: &[&str] = &["kind", "order", "table"];
    let mut found = super::Keys::new();
    let mut rows = Vec::new();
    for (row, key, value) in pairs_above(sheet, until) {
        let ours = TEXTS.contains(&key.as_str())
            || matches!(key.as_str(), "address_base")
            || key.starts_with("modbus.")
            || key.starts_with("time.")
            || is_export(sheet, until) && (is_of_head(&key) || key.contains('.') && is_spelled(&key));
        if ours {
            let value = match super::Val::parse(&value) {
                Some(value) if !TEXTS.contains(&key.as_str()) => value,
                _ => super::Val::Text(value.trim().to_owned()),
            };
            found.insert(key, value);
            rows.push(row);
        }
    }
    (found, rows)
}

/// Words above the keys of an export that are spelled like keys, and are none of a profile's head: `ordr | cdab`.
pub(super) fn unknown_of_head(sheet: &Sheet, until: usize) -> Vec<(usize, String)> {
    if !is_export(sheet, until) {
        return Vec::new();
    }
    let unknown = |key: &str| !is_of_head(key) && !key.contains('.') && is_spelled(key);
    let pairs = pairs_above(sheet, until).into_iter().filter(|(_, key, _)| unknown(key));
    pairs.map(|(row, key, _)| (row, key)).collect()
}

/// The keys of an export stand there.
fn is_export(sheet: &Sheet, header: usize) -> bool {
    sheet.cell(header, 0).shown() == "id"
}

/// Rows of two cells: row, key, value.
fn pairs_above(sheet: &Sheet, until: usize) -> Vec<(usize, String, String)> {
    let rows = 0..until.min(sheet.rows.len());
    rows.filter(|row| filled(sheet, *row) == 2)
        .map(|row| (row, plain(&sheet.cell(row, 0).shown()), sheet.cell(row, 1).shown()))
        .filter(|(_, key, value)| !key.is_empty() && !value.trim().is_empty())
        .collect()
}

/// The trouble of a sheet in which no register list was found.
pub(super) fn nothing(sheet: &Sheet) -> Trouble {
    Trouble {
        sheet: sheet.name.clone(),
        row: 0,
        column: String::new(),
        problem: "no header row with a register address was found".to_owned(),
        remedy: "name the columns, e.g. 名称, 寄存器地址, 数据类型, 单位 (Name, Address, Type, Unit), \
                 or tell them: --map 'C=address' --map 'B=name'"
            .to_owned(),
    }
}
