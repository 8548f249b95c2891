//! Sheets → points: every row read, ids made unique, references between points resolved, registers
//! that are taken twice told.

use super::address::{Form, Habit};
use super::document::Point;
use super::headers::Field;
use super::order::order;
use super::relate::{name_points, overlaps, resolve};
use super::row::{Draft, Outcome, Reading, Surroundings, section_table};
use super::scan::{self, Block};
use super::text::{folded, letters, tidy};
use super::value::{Keys, Val};
use super::{Options, Sheet, Trouble};
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
    for sheet in wanted {
        let blocks = scan::blocks(sheet, options);
        if blocks.is_empty() {
            empty.push(scan::nothing(sheet));
        } else {
            read_sheet(sheet, &blocks, options, &mut imported, &mut drafts);
        }
    }
    // A cover sheet without registers is no trouble; a file without any is.
    if imported.sheets.is_empty() {
        imported.faults.extend(empty);
    }
    finish_head(&mut imported, options);
    name_points(&mut drafts, &mut imported);
    resolve(&mut drafts, &mut imported);
    overlaps(&drafts, &mut imported.warnings);
    for found in drafts {
        let Draft { id, explicit, keys, comment, form, slot, .. } = found.draft;
        let hex = form == Some(Form::Hex);
        let place = slot.map(|s| (s.table, s.first, s.bit));
        imported.points.push(Point { id: id.unwrap_or_default(), keys, comment, hex, explicit, place });
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

fn read_sheet(
    sheet: &Sheet,
    blocks: &[Block],
    options: &Options,
    imported: &mut Imported,
    drafts: &mut Vec<Found>,
) {
    let mut report = SheetReport { name: sheet.name.clone(), ..SheetReport::default() };
    let first = blocks.first().map_or(0, |b| b.header.start);
    let (head, head_rows) = scan::head(sheet, first);
    let exact = blocks.iter().all(|b| b.exact);
    imported.head.extend(head);
    let mut notes: Vec<(usize, String)> = (0..first)
        .filter(|r| scan::filled(sheet, *r) > 0 && !head_rows.contains(r))
        .map(|r| (r, line(sheet, r)))
        .collect();
    let mut section =
        section_table(&sheet.name).or_else(|| notes.iter().rev().find_map(|(_, t)| section_table(t)));
    let named_table = imported.head.get("table").and_then(Val::as_text).and_then(super::table_of);
    let head_table = options.table.or(named_table);
    let named_base = imported.head.get("address_base").and_then(Val::as_number).map(|n| n as u8);
    let x_style = blocks.iter().any(|b| uses_x_style(sheet, b));
    let kind =
        options.kind.clone().or_else(|| imported.head.get("kind").and_then(Val::as_text).map(str::to_owned));
    let mut assumed: Option<(usize, usize)> = None;
    for block in blocks {
        report.headers.extend((!block.header.is_empty()).then_some(block.header.start + 1));
        report.ignored.extend(
            block.ignored.iter().filter(|i| !report.ignored.contains(i)).cloned().collect::<Vec<_>>(),
        );
        imported.warnings.extend(block.doubtful.iter().map(|column| Trouble {
            sheet: sheet.name.clone(),
            row: block.header.end,
            column: letters(*column),
            problem: "taken as the limit of an alarm, not as the range".to_owned(),
            remedy: "call it 量程上限 or 量程下限 if it is what the instrument can measure".to_owned(),
        }));
        let address = block.column(&Field::Address);
        let base = options.address_base.or(address.and_then(|c| c.base)).or(named_base).unwrap_or(0);
        if base == 1 && !imported.head.contains_key("address_base") {
            imported.head.insert("address_base".to_owned(), Val::Number(1.0));
        }
        let mut around = Surroundings {
            sheet,
            block,
            kind: kind.as_deref(),
            habit: Habit { hex: false, x_style, plain: head_table.is_some() },
            base,
            head_table,
            section,
            above: None,
        };
        for row in block.rows.clone() {
            if scan::filled(sheet, row) == 0 {
                around.above = None;
                continue;
            }
            let mut reading = Reading::new(&around, row);
            let outcome = reading.read();
            let (faults, warnings, above, taken) =
                (reading.faults, reading.warnings, reading.address, reading.assumed_table);
            if taken && assumed.is_none() {
                assumed = Some((row, address.map_or(0, |c| c.index)));
            }
            match outcome {
                Outcome::Points(found) => {
                    imported.warnings.extend(warnings);
                    if faults.is_empty() {
                        report.points += found.len();
                        drafts.extend(
                            found.into_iter().map(|draft| Found { draft, sheet: sheet.name.clone() }),
                        );
                    }
                    imported.faults.extend(faults);
                }
                Outcome::Skipped(text) => {
                    imported.warnings.extend(warnings);
                    section = section_table(&text).or(section);
                    around.section = section;
                    notes.push((row, text.clone()));
                    report.skipped.push(Skipped { row: row + 1, text });
                }
            }
            around.above = above;
        }
    }
    if let Some((row, column)) = assumed.filter(|_| !exact) {
        imported.warnings.push(Trouble {
            sheet: sheet.name.clone(),
            row: row + 1,
            column: letters(column),
            problem: "nothing says which table plain addresses are in: holding registers taken".to_owned(),
            remedy: "a column 功能码, addresses like 40001, or --table input".to_owned(),
        });
    }
    let told = options.address_base.is_some()
        || imported.head.contains_key("address_base")
        || blocks.iter().filter_map(|b| b.column(&Field::Address)).any(|c| c.base.is_some());
    let plain = drafts.iter().filter(|d| d.sheet == sheet.name && d.draft.form == Some(Form::Plain));
    let lowest = plain.filter_map(|d| Some((d.draft.slot?.first, d.draft.row, d.draft.column))).min();
    if let Some((1, row, column)) = lowest.filter(|_| !exact && !told) {
        imported.warnings.push(Trouble {
            sheet: sheet.name.clone(),
            row: row + 1,
            column: letters(column),
            problem: "the lowest address is 1: does the list count from 1? Taken as counted from 0"
                .to_owned(),
            remedy: "--address-base 1, or a header like 地址(从1开始)".to_owned(),
        });
    }
    let untyped = blocks.iter().find(|b| b.column(&Field::Type).is_none() && !b.exact);
    let registers = drafts.iter().any(|d| {
        d.sheet == sheet.name
            && !d.draft.keys.contains_key("bit")
            && d.draft.slot.is_some_and(|s| matches!(s.table, Table::HoldingRegister | Table::InputRegister))
    });
    if let (Some(block), true) = (untyped, registers) {
        let mut trouble = whole(
            &sheet.name,
            "no column tells the data type: unsigned 16-bit numbers taken",
            "a column 数据类型 with UINT16, INT16, FLOAT …",
        );
        (trouble.row, trouble.column) = (block.header.start + 1, String::new());
        imported.warnings.push(trouble);
    }
    if !exact {
        hint(sheet, &notes, imported);
        let bare = |d: &&Found| {
            let has = |end: &str| d.draft.keys.keys().any(|k| k.starts_with("limits.") && k.ends_with(end));
            d.sheet == sheet.name && has(".at") && !has(".deadband") && !has(".on_delay")
        };
        let count = drafts.iter().filter(bare).count();
        if count > 0 {
            imported.warnings.push(whole(
                &sheet.name,
                &format!("{count} points have limits without deadband or delay; their alarms will chatter"),
                "columns 死区 and 报警延时, or write them in the profile: they are kept when the sheet is read again",
            ));
        }
    }
    imported.sheets.push(report);
}

/// A note around the list may tell the byte order of all its values.
fn hint(sheet: &Sheet, notes: &[(usize, String)], imported: &mut Imported) {
    const WORDS: &[&str] = &[
        "字节序",
        "字序",
        "高低字",
        "浮点",
        "字在前",
        "位在前",
        "字交换",
        "byte order",
        "word order",
        "endian",
        "swap",
    ];
    for (row, text) in notes {
        let lower = text.to_lowercase();
        if imported.head.contains_key("order") || !WORDS.iter().any(|w| lower.contains(w)) {
            continue;
        }
        let words = lower.split([':', '：', ' ', ',', '，', ';', '；', '|', '。', '(', ')', '（', '）']);
        let Some(found) = words.filter(|w| !w.is_empty()).find_map(order).or_else(|| order(text)) else {
            continue;
        };
        imported.warnings.push(Trouble {
            sheet: sheet.name.clone(),
            row: row + 1,
            column: String::new(),
            problem: format!("this note sets the byte order of the profile: {}", found.key.to_uppercase()),
            remedy: "check on site with a known value; --order says otherwise".to_owned(),
        });
        imported.head.insert("order".to_owned(), Val::Text(found.key));
    }
}

fn line(sheet: &Sheet, row: usize) -> String {
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
