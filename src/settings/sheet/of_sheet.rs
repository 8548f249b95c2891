//! One sheet: its blocks, and their rows one by one, each with what stands around it.

use std::collections::BTreeMap;

use super::address::Habit;
use super::assumed::called;
use super::bases;
use super::headers::Field;
use super::import::{Found, Imported, SheetReport, Skipped};
use super::notations;
use super::notes::Note;
use super::pairs;
use super::places::{self, Places};
use super::row::{Outcome, Reading, Section, Surroundings, allows, section, section_table};
use super::scan::{self, Block};
use super::station;
use super::text::{folded, letters, tidy};
use super::value::Val;
use super::{Options, Sheet, Trouble, messages};
use crate::settings::Table;

/// What is known of a sheet before its rows are read.
pub(super) struct Around<'a> {
    pub(super) blocks: &'a [Block],
    /// What the words around the lists say of addresses.
    pub(super) places: Places,
    /// The base of the profile that comes out.
    pub(super) head_base: u8,
}

/// The reading of one sheet, block by block.
pub(super) struct OfSheet<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) options: &'a Options,
    report: SheetReport,
    pub(super) exact: bool,
    kind: Option<String>,
    section: Option<Table>,
    station: Option<u8>,
    /// The first row whose table was assumed.
    pub(super) assumed: Option<(usize, usize)>,
    /// Points without a data type in a list that has a column for it.
    pub(super) untyped: Vec<(usize, String)>,
    /// Values of one byte of which nothing says which.
    pub(super) low_bytes: Vec<(usize, String)>,
    /// Rows of a list whose address is filled up with zeros, and whether it was read as a coil.
    filled_up: Vec<(usize, bool)>,
    notes: Vec<Note>,
    /// What the words around the lists say of addresses.
    pub(super) places: Places,
    head_base: u8,
}

pub(super) fn read_sheet(
    sheet: &Sheet,
    around: Around<'_>,
    options: &Options,
    imported: &mut Imported,
    drafts: &mut Vec<Found>,
) -> Vec<Note> {
    let Around { blocks, places, head_base } = around;
    let first = blocks.first().map_or(0, |b| b.header.start);
    let (head, head_rows) = scan::head(sheet, first);
    imported.head.extend(head);
    let titles: Vec<(usize, String)> = (0..first)
        .filter(|r| scan::filled(sheet, *r) > 0 && !head_rows.contains(r))
        .map(|r| (r, pairs::spoken(sheet, r)))
        .collect();
    for (row, key) in scan::unknown_of_head(sheet, first) {
        if station::in_title(&pairs::spoken(sheet, row)).is_none() {
            imported.warnings.push(Trouble {
                sheet: sheet.name.clone(),
                row: row + 1,
                column: letters(0),
                problem: messages::unknown_head_key(&key),
                remedy: messages::HEAD_REMEDY.to_owned(),
            });
        }
    }
    // One row that names two stations names none.
    let several = |row: usize| station::labelled(sheet, row).len() > 1;
    for (row, _) in titles.iter().filter(|(row, _)| several(*row)) {
        imported.warnings.push(Trouble {
            sheet: sheet.name.clone(),
            row: row + 1,
            column: String::new(),
            problem: messages::stations_of_title(&line(sheet, *row)),
            remedy: messages::STATIONS_MIXED_REMEDY.to_owned(),
        });
    }
    let mut of = OfSheet {
        sheet,
        options,
        report: SheetReport { name: sheet.name.clone(), ..SheetReport::default() },
        exact: blocks.iter().all(|b| b.exact),
        kind: options
            .kind
            .clone()
            .or_else(|| imported.head.get("kind").and_then(Val::as_text).map(str::to_owned)),
        section: section_table(&sheet.name)
            .or_else(|| of_titles(sheet, &titles, imported))
            .filter(|_| !blocks.iter().all(|b| b.exact)),
        station: titles
            .iter()
            .rev()
            .filter(|(row, _)| !several(*row))
            .find_map(|(_, t)| station::in_title(t))
            .or_else(|| station::in_title(&sheet.name)),
        assumed: None,
        untyped: Vec::new(),
        low_bytes: Vec::new(),
        filled_up: Vec::new(),
        notes: Vec::new(),
        places,
        head_base,
    };
    let (warnings, faults) = of.places.told(&sheet.name);
    imported.warnings.extend(warnings);
    imported.faults.extend(faults);
    if !of.exact {
        of.notes.extend(titles.iter().filter_map(|(row, _)| Note::of_row(sheet, *row)));
        of.notes.extend(Note::of_name(sheet));
    }
    let head_table =
        options.table.or(imported.head.get("table").and_then(Val::as_text).and_then(super::table_of));
    let x_style = blocks.iter().any(|b| uses_x_style(sheet, b));
    for block in blocks {
        of.block(block, (head_table, x_style), imported, drafts);
    }
    of.warn_of_what_was_assumed(blocks, imported, drafts);
    imported.sheets.push(of.report);
    of.notes
}

impl OfSheet<'_> {
    pub(super) fn trouble(
        &self,
        row: usize,
        column: Option<usize>,
        problem: String,
        remedy: &str,
    ) -> Trouble {
        Trouble {
            sheet: self.sheet.name.clone(),
            row,
            column: column.map_or_else(String::new, letters),
            problem,
            remedy: remedy.to_owned(),
        }
    }

    fn block(
        &mut self,
        block: &Block,
        (head_table, x_style): (Option<Table>, bool),
        imported: &mut Imported,
        drafts: &mut Vec<Found>,
    ) {
        let sheet = self.sheet;
        self.report.headers.extend((!block.header.is_empty()).then_some(block.header.start + 1));
        let ignored =
            block.ignored.iter().filter(|i| !self.report.ignored.contains(i)).cloned().collect::<Vec<_>>();
        self.report.ignored.extend(ignored);
        for column in &block.doubtful {
            let problem = "taken as the limit of an alarm, not as the range".to_owned();
            let remedy = "call it 量程上限 or 量程下限 if it is what the instrument can measure";
            imported.warnings.push(self.trouble(block.header.end, Some(*column), problem, remedy));
        }
        if let Some(column) = block.column(&Field::Slave).filter(|c| station::is_vague(&c.title)) {
            let problem = messages::station_by_word(&column.title);
            let remedy = "call it 站号 if that is right; else --map 'A=ignore' for this column";
            imported.warnings.push(self.trouble(block.header.end, Some(column.index), problem, remedy));
        }
        if !block.exact {
            let used: Vec<usize> = block
                .columns
                .iter()
                .filter(|c| !matches!(c.field, Field::Order | Field::Passed))
                .map(|c| c.index)
                .collect();
            self.notes.extend(block.header.clone().flat_map(|row| Note::of_header(sheet, row, &used)));
        }
        let address = block.column(&Field::Address);
        if let Some(column) = address.filter(|c| places::counts_bytes(&c.title)) {
            let problem = messages::byte_addresses(&column.title);
            let remedy = messages::BYTE_ADDRESSES_REMEDY;
            imported.faults.push(self.trouble(block.header.end, Some(column.index), problem, remedy));
            return;
        }
        if self.head_base == 1 && !imported.head.contains_key("address_base") {
            imported.head.insert("address_base".to_owned(), Val::Number(1.0));
        }
        if let Some(trouble) = bases::contradiction(sheet, block, &self.places, self.options) {
            imported.faults.push(trouble);
            return;
        }
        let named_base = imported.head.get("address_base").and_then(Val::as_number).map(|n| n as u8);
        let places = self.places.clone();
        let bases = bases::Bases { block, places: &places, options: self.options, named: named_base };
        let digits = bases::digits(sheet, block, &places);
        imported.warnings.extend(digits.told);
        let kind = self.kind.clone();
        let mut around = Surroundings {
            sheet,
            block,
            kind: kind.as_deref(),
            habit: Habit {
                hex: digits.hex,
                x_style,
                plain: head_table.is_some(),
                mixed: digits.mixed,
                from_zero: false,
            },
            base: 0,
            head_base: self.head_base,
            start: None,
            head_table,
            section: self.section,
            above: None,
            station: self.station,
            device: None,
            decimal_comma: scan::has_decimal_commas(sheet, block),
        };
        self.rows(&mut around, &bases, imported, drafts);
    }

    /// The rows of a block, each with what the words around it say of its address.
    fn rows(
        &mut self,
        around: &mut Surroundings<'_>,
        bases: &bases::Bases<'_>,
        imported: &mut Imported,
        drafts: &mut Vec<Found>,
    ) {
        let (sheet, block, usual) = (self.sheet, around.block, around.habit);
        let (mut clashes, warnings) = if bases.places.at(block.rows.start).hex.is_none() {
            bases::other_columns(sheet, block, around.habit)
        } else {
            (BTreeMap::new(), Vec::new())
        };
        imported.warnings.extend(warnings);
        let zero = notations::zero(sheet, block).filter(|_| !around.habit.plain);
        let from = drafts.len();
        self.filled_up.clear();
        for row in block.rows.clone() {
            if scan::filled(sheet, row) == 0 {
                around.above = None;
                continue;
            }
            let holds = bases.places.at(row);
            if holds.refused.is_some() && !block.exact {
                continue;
            }
            if let Some(clash) = clashes.remove(&row) {
                imported.faults.push(clash);
                continue;
            }
            (around.base, around.habit.hex) = (bases.at(row), !block.exact && holds.hex.unwrap_or(usual.hex));
            around.habit.mixed = usual.mixed && holds.hex.is_none();
            // A list that counts from 0 has no coil 00001 that counts from 1.
            around.habit.from_zero = zero.is_some() || bases.told_at(row) == Some(0);
            let decided = block.exact || self.options.address_base.is_some();
            around.start = holds.start.filter(|_| !decided).map(|(start, _)| start);
            self.row(around, row, imported, drafts);
        }
        if block.exact || bases.is_told() {
            return;
        }
        let seen = notations::Seen { sheet, block, filled_up: &self.filled_up, zero, base: around.base };
        let out = seen.told(&drafts[from..], &mut imported.warnings, &mut imported.faults);
        let before = drafts.len();
        let mut n = 0;
        drafts.retain(|d| {
            n += 1;
            n <= from || !out.contains(&d.draft.row)
        });
        self.report.points -= before - drafts.len();
    }

    fn row(
        &mut self,
        around: &mut Surroundings<'_>,
        row: usize,
        imported: &mut Imported,
        drafts: &mut Vec<Found>,
    ) {
        let mut reading = Reading::new(around, row);
        let outcome = reading.read();
        let Reading {
            faults,
            warnings,
            address,
            assumed_table,
            station,
            device,
            untyped,
            low_byte,
            order_notes,
            filled_up,
            ..
        } = reading;
        if assumed_table && self.assumed.is_none() {
            self.assumed = Some((row, around.block.column(&Field::Address).map_or(0, |c| c.index)));
        }
        imported.warnings.extend(warnings);
        match outcome {
            Outcome::Points(found) => {
                if faults.is_empty() {
                    self.filled_up.extend(filled_up.map(|coil| (row, coil)));
                    self.report.points += found.len();
                    for (flag, list) in [(untyped, &mut self.untyped), (low_byte, &mut self.low_bytes)] {
                        if flag && let Some(draft) = found.first() {
                            list.push((row, called(&draft.keys, draft.id.as_deref(), row)));
                        }
                    }
                    let (sheet, exact) = (&self.sheet.name, self.exact);
                    drafts.extend(found.into_iter().map(|draft| Found {
                        draft,
                        sheet: sheet.clone(),
                        exact,
                    }));
                }
                imported.faults.extend(faults);
                self.notes.extend(order_notes.iter().map(|c| Note::of_cell(self.sheet, row, *c)));
            }
            Outcome::Skipped(text) => {
                let spoken = pairs::spoken(self.sheet, row);
                self.section = match section(&spoken) {
                    Section::Of(table) => Some(table),
                    Section::Writes => None,
                    Section::Several => {
                        imported.warnings.push(several_tables(self.sheet, row));
                        None
                    }
                    Section::Codes => {
                        let kept = self.section.filter(|table| allows(&spoken, *table));
                        if kept != self.section {
                            imported.warnings.push(several_tables(self.sheet, row));
                        }
                        kept
                    }
                    Section::Silent => self.section,
                };
                around.section = self.section;
                let titled = station::in_title(&spoken);
                self.station = titled.or(self.station);
                around.station = titled.or(station);
                self.notes.extend(Note::of_row(self.sheet, row).filter(|_| !self.exact));
                self.report.skipped.push(Skipped { row: row + 1, text });
                around.above = address;
                return;
            }
            Outcome::Free(text) => self.report.skipped.push(Skipped { row: row + 1, text }),
        }
        around.above = address;
        (around.station, around.device) = (station, device);
    }
}

/// The table that the titles above the lists name: the lowest that speaks of one decides. One that names several leaves it open.
fn of_titles(sheet: &Sheet, titles: &[(usize, String)], imported: &mut Imported) -> Option<Table> {
    let (row, found) = titles
        .iter()
        .rev()
        .map(|(row, text)| (*row, section(text)))
        .find(|(_, found)| matches!(found, Section::Of(_) | Section::Several))?;
    match found {
        Section::Of(table) => Some(table),
        _ => {
            imported.warnings.push(several_tables(sheet, row));
            None
        }
    }
}

fn several_tables(sheet: &Sheet, row: usize) -> Trouble {
    Trouble {
        sheet: sheet.name.clone(),
        row: row + 1,
        column: String::new(),
        problem: messages::tables_of_title(&line(sheet, row)),
        remedy: messages::TABLE_REMEDY.to_owned(),
    }
}

pub(super) fn line(sheet: &Sheet, row: usize) -> String {
    let cells = sheet.rows.get(row).into_iter().flatten();
    cells.map(|c| tidy(&c.shown())).filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" | ")
}

fn uses_x_style(sheet: &Sheet, block: &Block) -> bool {
    let Some(column) = block.column(&Field::Address) else { return false };
    block.rows.clone().any(|row| {
        let text = folded(&sheet.cell(row, column.index).shown());
        ["1x", "3x", "4x"].iter().any(|p| text.starts_with(p))
    })
}
