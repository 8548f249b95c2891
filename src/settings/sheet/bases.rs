//! Where each list counts its addresses from, and where the profile that comes out does.

use super::address;
use super::headers::Field;
use super::places::Places;
use super::scan::{self, Block};
use super::text::letters;
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
        let title = || self.block.column(&Field::Address).and_then(|c| c.base);
        let note = || self.places.at(row).base.filter(|_| !self.block.exact);
        self.options.address_base.or_else(title).or_else(note).or(self.named).unwrap_or(0)
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
    let mut all = std::collections::BTreeSet::new();
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

/// Some addresses can only be hexadecimal, and the header does not say that they are.
pub(super) fn is_mixed(sheet: &Sheet, block: &Block) -> bool {
    block.column(&Field::Address).is_some_and(|c| {
        !c.hex
            && !block.exact
            && block.rows.clone().any(|row| address::only_hex(&sheet.down(row, c.index).shown()))
    })
}
