//! Where each list counts its addresses from, and where the profile that comes out does.

use std::collections::{BTreeMap, BTreeSet};

use super::address::{self, Habit};
use super::headers::Field;
use super::places::Places;
use super::scan::{self, Block};
use super::text::{folded, letters, plain};
use super::{Options, Sheet, Trouble, Val, messages};

/// What may say where the addresses of a list are counted from.
pub(super) struct Bases<'a> {
    pub(super) block: &'a Block,
    pub(super) places: &'a Places,
    pub(super) options: &'a Options,
    /// `address_base` of an export.
    pub(super) named: Option<u8>,
}

impl Bases<'_> {
    /// The base of a row: the command line's, the header's, that of a note, that of the head, else 0.
    pub(super) fn at(&self, row: usize) -> u8 {
        self.told_at(row).unwrap_or(0)
    }

    /// The base of a row, if something says it.
    pub(super) fn told_at(&self, row: usize) -> Option<u8> {
        let title = || self.block.column(&Field::Address).and_then(|c| c.base);
        let note = || self.places.at(row).base.filter(|_| !self.block.exact);
        self.options.address_base.or_else(title).or_else(note).or(self.named)
    }

    /// Something says where the addresses of this list are counted from.
    pub(super) fn is_told(&self) -> bool {
        self.options.address_base.is_some()
            || self.block.column(&Field::Address).is_some_and(|c| c.base.is_some())
            || self.named.is_some()
            || self.block.rows.clone().any(|row| self.places.at(row).base.is_some())
    }
}

/// The base of the profile: that of all its rows; 0 where they differ, and addresses are written anew.
pub(super) fn of_head<'a>(
    lists: impl Iterator<Item = &'a (&'a Sheet, &'a [Block], Places)>,
    options: &Options,
) -> u8 {
    if let Some(base) = options.address_base {
        return base;
    }
    let mut all = BTreeSet::new();
    for (sheet, blocks, places) in lists {
        let (head, _) = scan::head(sheet, blocks.first().map_or(0, |b| b.header.start));
        let named = head.get("address_base").and_then(Val::as_number).map(|n| n as u8);
        for block in *blocks {
            let bases = Bases { block, places, options, named };
            all.extend(
                block.rows.clone().filter(|row| scan::filled(sheet, *row) > 1).map(|row| bases.at(row)),
            );
        }
    }
    if all.len() == 1 { all.into_iter().next().unwrap_or(0) } else { 0 }
}

/// A header and a note that count from different numbers.
pub(super) fn contradiction(
    sheet: &Sheet,
    block: &Block,
    places: &Places,
    options: &Options,
) -> Option<Trouble> {
    let column = block.column(&Field::Address)?;
    let (title, note) = (column.base?, places.at(block.rows.start).base?);
    (title != note && options.address_base.is_none() && !block.exact).then(|| Trouble {
        sheet: sheet.name.clone(),
        row: block.header.end,
        column: letters(column.index),
        problem: messages::base_differs(note, title),
        remedy: messages::BASE_REMEDY.to_owned(),
    })
}

/// How the digits of a column of addresses are read where nothing says it.
#[derive(Debug, Default)]
pub(super) struct Digits {
    /// All of them as hexadecimal.
    pub(super) hex: bool,
    /// Some can only be hexadecimal, and of the others nobody knows.
    pub(super) mixed: bool,
    pub(super) told: Option<Trouble>,
}

/// A column in which an address can only be hexadecimal, though the header does not say so. It is hexadecimal throughout where
/// every cell of it reads so and is filled up with zeros to one width, or several have letters; else each is asked.
pub(super) fn digits(sheet: &Sheet, block: &Block, places: &Places) -> Digits {
    let Some(column) = block.column(&Field::Address).filter(|c| !c.hex && !block.exact) else {
        return Digits::default();
    };
    let cells: Vec<(usize, String)> = block
        .rows
        .clone()
        .map(|row| (row, sheet.down(row, column.index).shown()))
        .filter(|(_, text)| text.contains(|c: char| c.is_ascii_digit()))
        .collect();
    let lettered: Vec<&(usize, String)> = cells.iter().filter(|(_, text)| address::only_hex(text)).collect();
    let Some((row, text)) = lettered.first() else { return Digits::default() };
    let habit = Habit { hex: true, ..Habit::default() };
    let all = cells.iter().all(|(_, text)| {
        address::address(text, habit).is_ok_and(|a| a.is_none_or(|a| a.form == address::Form::Hex))
    });
    let widths: BTreeSet<usize> = cells
        .iter()
        .map(|(_, text)| plain(text).chars().take_while(char::is_ascii_hexdigit).count())
        .collect();
    let begun = |text: &str| plain(text).starts_with(|c: char| c.is_ascii_digit());
    // A100 and A101 alone may be the memory of a PLC.
    let filled_up =
        widths.iter().all(|w| *w >= 3) && widths.len() == 1 && cells.iter().any(|(_, t)| begun(t));
    let several: BTreeSet<String> =
        lettered.iter().map(|(_, text)| plain(text)).filter(|text| begun(text)).collect();
    let word = folded(&column.title);
    let decimal = ["十进制", "10进制", "decimal", "dec)", "dez"].iter().any(|w| word.contains(w));
    let sure = filled_up && cells.len() > 1 || several.len() > 1;
    if !(all && sure) || decimal || places.at(block.rows.start).hex.is_some() {
        return Digits { mixed: true, ..Digits::default() };
    }
    let told = Trouble {
        sheet: sheet.name.clone(),
        row: row + 1,
        column: letters(column.index),
        problem: messages::column_hexadecimal(&plain(text)),
        remedy: messages::HEX_REMEDY.to_owned(),
    };
    Digits { hex: true, mixed: false, told: Some(told) }
}

/// What another column of addresses says against the one that is read: by row where the two differ otherwise than in the other
/// rows, and one warning where it names other registers throughout, whose points are then not there.
pub(super) fn other_columns(
    sheet: &Sheet,
    block: &Block,
    habit: Habit,
) -> (BTreeMap<usize, Trouble>, Vec<Trouble>) {
    let (mut clashes, mut warnings) = (BTreeMap::new(), Vec::new());
    let Some(own) = block.column(&Field::Address).filter(|_| !block.exact) else {
        return (clashes, warnings);
    };
    let register = |row: usize, column: &super::headers::Column| {
        let text = sheet.down(row, column.index).shown();
        let habit = Habit { hex: column.hex || habit.hex, ..habit };
        let found = address::address(&text, habit).ok()??;
        Some((i64::from(found.first(0)?), text))
    };
    for other in &block.others {
        let pairs: Vec<(usize, i64, String, String)> = block
            .rows
            .clone()
            .filter_map(|row| {
                let ((one, here), (two, there)) = (register(row, own)?, register(row, other)?);
                Some((row, two - one, here, there))
            })
            .collect();
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for (_, apart, ..) in &pairs {
            *counts.entry(*apart).or_default() += 1;
        }
        let usual = counts.iter().max_by_key(|(apart, n)| (**n, -apart.abs())).map(|(apart, _)| *apart);
        let Some(usual) = usual.filter(|_| pairs.len() > 1) else { continue };
        let trouble = |row: usize, column: usize, problem: String, remedy: &str| Trouble {
            sheet: sheet.name.clone(),
            row,
            column: letters(column),
            problem,
            remedy: remedy.to_owned(),
        };
        // Groups of registers of their own have no distance that holds for most rows.
        if counts.get(&usual).is_some_and(|n| n * 2 > pairs.len()) {
            for (row, _, here, there) in pairs.iter().filter(|(_, apart, ..)| *apart != usual) {
                let problem = messages::address_columns_differ(here, there, &letters(other.index));
                clashes.insert(*row, trouble(row + 1, own.index, problem, messages::ADDRESS_COLUMNS_REMEDY));
            }
        }
        if usual.abs() > 1
            && let Some((row, _, here, there)) = pairs.first()
        {
            let problem = messages::other_registers(&other.title, there, here);
            warnings.push(trouble(row + 1, other.index, problem, messages::OTHER_REGISTERS_REMEDY));
        }
    }
    (clashes, warnings)
}
