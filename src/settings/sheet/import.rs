//! Sheets → points: every row read, ids made unique, references between points resolved, registers
//! that are taken twice told.

use std::collections::BTreeMap;

use super::address::{Form, Habit};
use super::bases;
use super::document::Point;
use super::headers::Field;
use super::notes::{self, Note};
use super::places::{self, Places};
use super::relate::{lone_stations, name_points, overlaps, resolve, twice};
use super::row::{Draft, Outcome, Reading, Surroundings, section_table};
use super::scan::{self, Block};
use super::station::{self, Station};
use super::text::{folded, letters, tidy};
use super::value::{Keys, Val};
use super::{Options, Sheet, Trouble, messages};
use crate::settings::Table;

/// What the sheets gave.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Keys of the profile's head that the sheet or the command line names.
    pub head: Keys,
    /// The points in the order of their rows, those of faulty rows left out.
    pub points: Vec<Point>,
    /// Why rows were left out.
    pub faults: Vec<Trouble>,
    /// Worth a look; nothing was left out for it.
    pub warnings: Vec<Trouble>,
    /// What was read where.
    pub sheets: Vec<SheetReport>,
    /// The devices that the list is about, by unit id.
    pub stations: Vec<Station>,
    /// The same points come at several stations: each is a piece of equipment of its own.
    pub twins: bool,
    /// Only one sheet of several was asked for.
    pub partial: bool,
}

/// What one sheet gave.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct SheetReport {
    /// Its name.
    pub name: String,
    /// Rows of the headers found, from 1.
    pub headers: Vec<usize>,
    /// How many points came from it.
    pub points: usize,
    /// Columns that were not used: letter and header.
    pub ignored: Vec<String>,
    /// Rows that are no points: titles, notes, places kept free.
    pub skipped: Vec<Skipped>,
}

/// A row that is no point.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// From 1.
    pub row: usize,
    /// Its words.
    pub text: String,
}

/// One draft with the sheet it is from.
pub(super) struct Found {
    pub(super) draft: Draft,
    pub(super) sheet: String,
    /// The sheet is an export, in which nothing is guessed.
    pub(super) exact: bool,
}

/// Reads all sheets, or the one that is asked for.
#[must_use]
pub fn import(sheets: &[Sheet], options: &Options) -> Imported {
    let mut imported = Imported::default();
    let wanted: Vec<&Sheet> = match &options.sheet {
        Some(name) => sheets.iter().filter(|s| folded(&s.name) == folded(name)).collect(),
        None => sheets.iter().collect(),
    };
    if let (Some(name), true) = (&options.sheet, wanted.is_empty()) {
        let names: Vec<&str> = sheets.iter().map(|s| s.name.as_str()).collect();
        let trouble = whole(name, "no sheet of this name", &format!("there are: {}", names.join(", ")));
        imported.faults.push(trouble);
        return imported;
    }
    for (name, key) in &options.map {
        if super::headers::mapped(key).is_none() {
            let remedy = "a profile key or a column of the CSV form: id, name, address, type, unit, scale, hh … or ignore";
            imported.faults.push(whole(
                &format!("--map {name}={key}"),
                &format!("`{key}` is no key"),
                remedy,
            ));
        }
    }
    let mut drafts = Vec::new();
    let mut empty = Vec::new();
    let mut notes: Vec<Note> = Vec::new();
    let scanned: Vec<(&Sheet, Vec<Block>)> = sheets.iter().map(|s| (s, scan::blocks(s, options))).collect();
    let covers: Vec<places::Said> =
        scanned.iter().filter(|(_, b)| b.is_empty()).flat_map(|(s, _)| places::of_cover(s)).collect();
    let lists: Vec<(&Sheet, &[Block], Places)> = scanned
        .iter()
        .filter(|(_, blocks)| !blocks.is_empty())
        .map(|(sheet, blocks)| (*sheet, &blocks[..], Places::of(sheet, blocks, &covers)))
        .collect();
    let asked = lists.iter().filter(|(s, ..)| wanted.iter().any(|w| std::ptr::eq(*w, *s)));
    let head_base = bases::of_head(asked, options);
    for (sheet, blocks) in &scanned {
        let sheet = *sheet;
        let wanted = wanted.iter().any(|w| std::ptr::eq(*w, sheet));
        if blocks.is_empty() {
            // What a cover sheet says holds for all lists.
            notes
                .extend((0..sheet.rows.len()).filter_map(|row| Note::of_row(sheet, row)).map(Note::of_cover));
            let (warnings, faults) = Places::of(sheet, &[], &[]).told(&sheet.name);
            imported.warnings.extend(warnings);
            imported.faults.extend(faults);
            empty.extend(wanted.then(|| scan::nothing(sheet)));
        } else if wanted {
            let places = lists.iter().find(|(s, ..)| std::ptr::eq(*s, sheet)).map(|(_, _, places)| places);
            let of = (blocks.as_slice(), places.cloned().unwrap_or_default(), head_base);
            notes.extend(read_sheet(sheet, of, options, &mut imported, &mut drafts));
        }
    }
    // A cover sheet without registers is no trouble; a file without any is.
    if imported.sheets.is_empty() {
        imported.faults.extend(empty);
    }
    finish_head(&mut imported, options);
    imported.partial = options.sheet.is_some();
    lone_stations(&mut drafts, &mut imported);
    twice(&mut drafts, &mut imported);
    imported.twins = station::are_twins(&drafts);
    name_points(&mut drafts, &mut imported);
    resolve(&mut drafts, &mut imported);
    overlaps(&drafts, &mut imported.warnings);
    notes::settle(&mut drafts, &notes, options, &mut imported);
    imported.stations = station::stations(&drafts);
    for found in drafts {
        let Draft { id, explicit, keys, comment, form, slot, station, .. } = found.draft;
        let hex = form == Some(Form::Hex);
        let place = slot.map(|s| (s.table, s.first, s.bit));
        imported.points.push(Point {
            id: id.unwrap_or_default(),
            keys,
            comment,
            hex,
            explicit,
            place,
            station,
        });
    }
    imported
}

pub(super) fn whole(sheet: &str, problem: &str, remedy: &str) -> Trouble {
    Trouble {
        sheet: sheet.to_owned(),
        row: 0,
        column: String::new(),
        problem: problem.to_owned(),
        remedy: remedy.to_owned(),
    }
}

/// The reading of one sheet, block by block.
struct OfSheet<'a> {
    sheet: &'a Sheet,
    options: &'a Options,
    report: SheetReport,
    exact: bool,
    kind: Option<String>,
    section: Option<Table>,
    station: Option<u8>,
    /// The first row whose table was assumed.
    assumed: Option<(usize, usize)>,
    /// Points without a data type in a list that has a column for it.
    untyped: Vec<(usize, String)>,
    notes: Vec<Note>,
    /// What the words around the lists say of addresses.
    places: Places,
    head_base: u8,
}

fn read_sheet(
    sheet: &Sheet,
    (blocks, places, head_base): (&[Block], Places, u8),
    options: &Options,
    imported: &mut Imported,
    drafts: &mut Vec<Found>,
) -> Vec<Note> {
    let first = blocks.first().map_or(0, |b| b.header.start);
    let (head, head_rows) = scan::head(sheet, first);
    imported.head.extend(head);
    let titles: Vec<(usize, String)> = (0..first)
        .filter(|r| scan::filled(sheet, *r) > 0 && !head_rows.contains(r))
        .map(|r| (r, line(sheet, r)))
        .collect();
    let above = |find: &dyn Fn(&str) -> Option<u8>| titles.iter().rev().find_map(|(_, t)| find(t));
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
            .or_else(|| titles.iter().rev().find_map(|(_, t)| section_table(t))),
        station: above(&station::in_title).or_else(|| station::in_title(&sheet.name)),
        assumed: None,
        untyped: Vec::new(),
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
    fn trouble(&self, row: usize, column: Option<usize>, problem: String, remedy: &str) -> Trouble {
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
        let mixed = bases::is_mixed(sheet, block);
        let kind = self.kind.clone();
        let mut around = Surroundings {
            sheet,
            block,
            kind: kind.as_deref(),
            habit: Habit { hex: false, x_style, plain: head_table.is_some(), mixed },
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
        self.rows(&mut around, &bases, mixed, imported, drafts);
    }

    /// The rows of a block, each with what the words around it say of its address.
    fn rows(
        &mut self,
        around: &mut Surroundings<'_>,
        bases: &bases::Bases<'_>,
        mixed: bool,
        imported: &mut Imported,
        drafts: &mut Vec<Found>,
    ) {
        let (sheet, block) = (self.sheet, around.block);
        let (mut clashes, warnings) = if bases.places.at(block.rows.start).hex.is_none() {
            bases::other_columns(sheet, block, around.habit)
        } else {
            (BTreeMap::new(), Vec::new())
        };
        imported.warnings.extend(warnings);
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
            (around.base, around.habit.hex) = (bases.at(row), !block.exact && holds.hex == Some(true));
            around.habit.mixed = mixed && holds.hex.is_none();
            let decided = block.exact || self.options.address_base.is_some();
            around.start = holds.start.filter(|_| !decided).map(|(start, _)| start);
            self.row(around, row, imported, drafts);
        }
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
            faults, warnings, address, assumed_table, station, device, untyped, order_notes, ..
        } = reading;
        if assumed_table && self.assumed.is_none() {
            self.assumed = Some((row, around.block.column(&Field::Address).map_or(0, |c| c.index)));
        }
        imported.warnings.extend(warnings);
        match outcome {
            Outcome::Points(found) => {
                if faults.is_empty() {
                    self.report.points += found.len();
                    if untyped && let Some(draft) = found.first() {
                        self.untyped.push((row, called(&draft.keys, draft.id.as_deref(), row)));
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
                self.section = section_table(&text).or(self.section);
                around.section = self.section;
                let titled = station::in_title(&text);
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

    /// What holds for the whole sheet because nothing in it says otherwise.
    fn warn_of_what_was_assumed(&self, blocks: &[Block], imported: &mut Imported, drafts: &[Found]) {
        if self.exact {
            return;
        }
        let own = || drafts.iter().filter(|d| d.sheet == self.sheet.name).map(|d| &d.draft);
        if let Some((row, column)) = self.assumed {
            let problem =
                "nothing says which table plain addresses are in: holding registers taken".to_owned();
            let remedy = "a column 功能码, addresses like 40001, or --table input";
            imported.warnings.push(self.trouble(row + 1, Some(column), problem, remedy));
        }
        let told = self.options.address_base.is_some()
            || own().any(|d| self.places.at(d.row).base.is_some())
            || imported.head.contains_key("address_base")
            || blocks.iter().filter_map(|b| b.column(&Field::Address)).any(|c| c.base.is_some());
        let plain = own().filter(|d| d.form == Some(Form::Plain));
        let lowest = plain.filter_map(|d| Some((d.slot?.first, d.row, d.column))).min();
        if let Some((1, row, column)) = lowest.filter(|_| !told) {
            let problem =
                "the lowest address is 1: does the list count from 1? Taken as counted from 0".to_owned();
            let remedy = "--address-base 1, or a header like 地址(从1开始)";
            imported.warnings.push(self.trouble(row + 1, Some(column), problem, remedy));
        }
        let untyped = blocks.iter().find(|b| b.column(&Field::Type).is_none() && !b.exact);
        let registers = own().any(|d| {
            !d.keys.contains_key("bit")
                && d.slot.is_some_and(|s| matches!(s.table, Table::HoldingRegister | Table::InputRegister))
        });
        let type_remedy = "a column 数据类型 with UINT16, INT16, FLOAT …";
        if let (Some(block), true) = (untyped, registers) {
            let problem = "no column tells the data type: unsigned 16-bit numbers taken".to_owned();
            imported.warnings.push(self.trouble(block.header.start + 1, None, problem, type_remedy));
        }
        if let Some((row, _)) = self.untyped.first() {
            let names: Vec<String> = self.untyped.iter().map(|(_, name)| name.clone()).collect();
            let problem = messages::types_missing(names.len(), &some_of(&names));
            imported.warnings.push(self.trouble(row + 1, None, problem, type_remedy));
        }
        let bare = |d: &&Draft| {
            let analogue = |k: &str| k.starts_with("limits.") && !k.starts_with("limits.state");
            let has = |end: &str| d.keys.keys().any(|k| analogue(k) && k.ends_with(end));
            has(".at") && !has(".deadband") && !has(".on_delay")
        };
        let count = own().filter(bare).count();
        if count > 0 {
            imported.warnings.push(whole(
                &self.sheet.name,
                &format!("{count} points have limits without deadband or delay; their alarms will chatter"),
                "columns 死区 and 报警延时, or write them in the profile: they are kept when the sheet is read again",
            ));
        }
    }
}

/// What a person knows a point by.
pub(super) fn called(keys: &Keys, id: Option<&str>, row: usize) -> String {
    let name = keys.get("name").or_else(|| keys.get("name_en")).and_then(Val::as_text).or(id);
    name.map_or_else(|| format!("row {}", row + 1), str::to_owned)
}

/// The first few of many names.
pub(super) fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
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

/// What the command line says stands above what the sheet says.
fn finish_head(imported: &mut Imported, options: &Options) {
    let mut put = |key: &str, value: Option<Val>| {
        if let Some(value) = value {
            imported.head.insert(key.to_owned(), value);
        }
    };
    put("kind", options.kind.as_deref().map(Val::text));
    put("order", options.order.as_deref().map(Val::text));
    put("table", options.table.map(|t| Val::text(super::table_key(t))));
    put("address_base", options.address_base.map(|b| Val::Number(f64::from(b))));
}
