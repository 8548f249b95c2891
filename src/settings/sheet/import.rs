//! Sheets → points: every row read, ids made unique, references between points resolved, registers
//! that are taken twice told.

use super::address::Form;
use super::bases;
use super::document::Point;
use super::notes::{self, Note};
use super::of_sheet::{Around, read_sheet};
use super::places::{self, Places};
use super::relate::{lone_stations, name_points, overlaps, resolve, twice};
use super::row::Draft;
use super::scan::{self, Block};
use super::station::{self, Covers, Station};
use super::text::folded;
use super::value::{Keys, Val};
use super::{Options, Sheet, Trouble};

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
                &format!("`{key}` is not a key"),
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
    let mut units =
        Covers::of(scanned.iter().filter(|(_, blocks)| blocks.is_empty()).map(|(sheet, _)| *sheet));
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
            let around = Around { blocks, places: places.cloned().unwrap_or_default(), head_base };
            notes.extend(read_sheet(sheet, around, options, &mut imported, &mut drafts));
        }
    }
    // A cover sheet without registers is no trouble; a file without any is.
    if imported.sheets.is_empty() {
        imported.faults.extend(empty);
    }
    let others_tell = lists
        .iter()
        .filter(|(sheet, ..)| !wanted.iter().any(|w| std::ptr::eq(*w, *sheet)))
        .any(|(sheet, blocks, _)| station::is_told(sheet, blocks));
    units.give(&mut drafts, others_tell);
    units.tell(&drafts, &mut imported.warnings);
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
