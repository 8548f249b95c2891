//! What stands around the rows: cover sheets, titles, remarks below a list, words in headers. Every sentence that speaks of
//! the byte order is used, or told with its cell; so is every one that speaks of scaling.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::assumed::{called, some_of};
use super::import::{Found, Imported};
use super::lists::scale;
use super::messages;
use super::of_sheet::line;
use super::order::{Said, contradicts, said, speaks};
use super::text::letters;
use super::types::width;
use super::value::Val;
use super::{Options, Sheet, Trouble};
use crate::settings::Table;

/// So many sentences about scaling are told; a manual pasted into a workbook has hundreds.
const MOST_TOLD: usize = 20;

/// One sentence.
#[derive(Debug, Clone)]
pub(super) struct Note {
    sheet: String,
    /// From 0; none for the sheet's name.
    row: Option<usize>,
    column: usize,
    text: String,
    orders: Vec<Said>,
    /// It speaks of the byte order, understood or not.
    of_order: bool,
    /// From a sheet without a list: it holds for all lists.
    cover: bool,
}

impl Note {
    fn new(sheet: &Sheet, row: Option<usize>, column: usize, text: String) -> Self {
        let orders = said(&text);
        Self { sheet: sheet.name.clone(), row, column, of_order: speaks(&text), orders, text, cover: false }
    }

    /// The words of a row, if they speak of the byte order or of scaling.
    pub(super) fn of_row(sheet: &Sheet, row: usize) -> Option<Self> {
        let cells = sheet.rows.get(row)?;
        let spoken = |c: &super::Cell| {
            let text = c.shown();
            speaks(&text) || scale::speaks(&text)
        };
        let column = cells.iter().position(spoken)?;
        // `字节序：` and `CDAB` may stand in cells beside each other.
        Some(Self::new(sheet, Some(row), column, line(sheet, row)))
    }

    /// Headers whose words tell an order: `数据类型（低字在前）`. One that only asks for it is a column.
    pub(super) fn of_header(sheet: &Sheet, row: usize, used: &[usize]) -> Vec<Self> {
        let cells = sheet.rows.get(row).into_iter().flatten().enumerate();
        // A column called 字交换 asks for it, and its cells tell; of a column that nobody reads the header tells nothing.
        let cells = cells.filter(|(column, _)| used.contains(column));
        let notes = cells.map(|(column, cell)| Self::new(sheet, Some(row), column, cell.shown()));
        notes.filter(|n| n.of_order && !n.orders.is_empty()).collect()
    }

    /// A remark that is about all values of its list.
    pub(super) fn of_cell(sheet: &Sheet, row: usize, column: usize) -> Self {
        Self::new(sheet, Some(row), column, sheet.down(row, column).shown())
    }

    /// `浮点数CDAB` on the tab.
    pub(super) fn of_name(sheet: &Sheet) -> Option<Self> {
        Some(Self::new(sheet, None, 0, sheet.name.clone())).filter(|n| n.of_order)
    }

    /// It holds for all lists of the workbook.
    pub(super) fn of_cover(self) -> Self {
        Self { cover: true, ..self }
    }

    fn told(&self, whole_row: bool, problem: String) -> Trouble {
        Trouble {
            sheet: self.sheet.clone(),
            row: self.row.map_or(0, |r| r + 1),
            column: if whole_row || self.row.is_none() { String::new() } else { letters(self.column) },
            problem,
            remedy: messages::ORDER_REMEDY.to_owned(),
        }
    }
}

/// Whether a byte order says something of a value of this type.
fn is_wide(key: &str) -> bool {
    width(key).is_some_and(|w| w > 1) && !key.starts_with("m10k") && key != "clock6"
}

/// Gives every value of several registers the order that its surroundings tell, and tells what is left open.
pub(super) fn settle(drafts: &mut [Found], notes: &[Note], options: &Options, imported: &mut Imported) {
    let named = imported.head.get("order").and_then(Val::as_text).map(str::to_owned);
    let mut used: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let mut given: Vec<usize> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (n, found) in drafts.iter_mut().enumerate().filter(|(_, f)| !f.exact) {
        let Some(kind) =
            found.draft.keys.get("type").and_then(Val::as_text).filter(|k| is_wide(k)).map(str::to_owned)
        else {
            continue;
        };
        if found.draft.keys.contains_key("order") || named.is_some() {
            continue;
        }
        match nearest(notes, found, &kind) {
            Some((note, order)) => {
                used.entry(note).or_default().insert(order.clone());
                found.draft.keys.insert("order".to_owned(), Val::Text(order));
                given.push(n);
            }
            None => open.push(n),
        }
    }
    tell(notes, &used, named.as_deref(), imported);
    into_the_head(drafts, &given, &open, imported);
    // What the profile there is says of a value stays, and nothing is missing then.
    let places: HashSet<(Table, u32)> = options.known_places.iter().copied().collect();
    let known = |n: &usize| drafts[*n].draft.slot.is_some_and(|s| places.contains(&(s.table, s.first)));
    open.retain(|n| !known(n));
    if options.known_order.is_none() {
        missing(drafts, &open, imported);
    }
}

/// The note that tells this value's order: of its own sheet before those of covers; where they differ, the nearest above.
fn nearest(notes: &[Note], found: &Found, kind: &str) -> Option<(usize, String)> {
    let fitting = |own: bool| -> Vec<(usize, Option<usize>, String)> {
        let of_sheet = notes
            .iter()
            .enumerate()
            .filter(|(_, n)| if own { !n.cover && n.sheet == found.sheet } else { n.cover });
        of_sheet
            .filter_map(|(at, n)| {
                let said = n.orders.iter().find(|s| s.scope.covers(kind))?;
                Some((at, n.row, said.order.key.clone()))
            })
            .collect()
    };
    let mut all = fitting(true);
    if all.is_empty() {
        all = fitting(false);
        let first = all.first()?;
        return Some((first.0, first.2.clone()));
    }
    let above = all
        .iter()
        .filter(|(_, row, _)| row.is_none_or(|r| r < found.draft.row))
        .max_by_key(|(_, row, _)| *row);
    let (at, _, key) = above.or_else(|| all.first())?;
    Some((*at, key.clone()))
}

fn tell(
    notes: &[Note],
    used: &BTreeMap<usize, BTreeSet<String>>,
    named: Option<&str>,
    imported: &mut Imported,
) {
    let orders: BTreeSet<&String> = used.values().flatten().collect();
    for (n, note) in notes.iter().enumerate().filter(|(_, n)| n.of_order) {
        if let Some(keys) = used.get(&n) {
            for key in keys {
                let doubtful = note.orders.iter().any(|s| s.order.key == *key && s.order.doubtful);
                let mut problem = if orders.len() == 1 {
                    messages::order_note(key)
                } else {
                    messages::order_note_of(key, "the values it speaks of")
                };
                if doubtful {
                    problem.push_str(" (its words could mean another)");
                }
                imported.warnings.push(note.told(true, problem));
            }
            continue;
        }
        let agrees = |key: &str| note.orders.iter().all(|s| s.order.key == key);
        let problem = match named {
            Some(key) if !note.orders.is_empty() && agrees(key) => continue,
            Some(key) if !note.orders.is_empty() => messages::order_differs(&note.text, key),
            _ if contradicts(&note.text) => {
                imported.faults.push(note.told(false, messages::order_contradicts(&note.text)));
                continue;
            }
            _ if note.orders.is_empty() => messages::order_unread(&note.text),
            // Said again what another note said.
            _ if orders.len() == 1 && orders.iter().all(|key| agrees(key)) => continue,
            _ => messages::order_unused(&note.text),
        };
        imported.warnings.push(note.told(false, problem));
    }
    let scales = notes.iter().filter(|n| !n.of_order && scale::speaks(&n.text));
    for note in scales.take(MOST_TOLD) {
        let told = note.told(false, messages::scale_unused(&note.text));
        imported.warnings.push(Trouble { remedy: messages::SCALE_REMEDY.to_owned(), ..told });
    }
}

/// One order for all that notes gave one, and nothing left open: it stands in the head. Orders that swap bytes would
/// there swap those of single registers too, of which the notes do not speak.
fn into_the_head(drafts: &mut [Found], given: &[usize], open: &[usize], imported: &mut Imported) {
    let order = |n: &usize| drafts[*n].draft.keys.get("order").and_then(Val::as_text).map(str::to_owned);
    let keys: BTreeSet<String> = given.iter().filter_map(order).collect();
    let mut keys = keys.into_iter();
    let (Some(one), None) = (keys.next(), keys.next()) else { return };
    if !open.is_empty() || !matches!(one.as_str(), "abcd" | "cdab") {
        return;
    }
    imported.head.insert("order".to_owned(), Val::text(&one));
    for n in given {
        drafts[*n].draft.keys.remove("order");
    }
}

/// The values whose order nothing tells, in one warning.
fn missing(drafts: &[Found], open: &[usize], imported: &mut Imported) {
    let Some(first) = open.first().map(|n| &drafts[*n]) else { return };
    let names: Vec<String> =
        open.iter().map(|n| &drafts[*n].draft).map(|d| called(&d.keys, d.id.as_deref(), d.row)).collect();
    let others: BTreeSet<&str> = drafts
        .iter()
        .filter(|f| f.draft.keys.get("type").and_then(Val::as_text).is_some_and(is_wide))
        .filter_map(|f| f.draft.keys.get("order").and_then(Val::as_text))
        .filter(|key| *key != "abcd")
        .collect();
    let other = (!others.is_empty()).then(|| others.into_iter().collect::<Vec<_>>().join(", "));
    let kepware = imported.sheets.iter().any(|s| s.ignored.iter().any(|i| i.contains("Respect Data Type")));
    let remedy = if kepware {
        "Kepware reads the low word first unless the device's settings there say otherwise: --order cdab; check a known value \
         on site"
    } else {
        "--order cdab sets it for all that do not say their own; check a known value on site (`steamward probe orders`)"
    };
    imported.warnings.push(Trouble {
        sheet: first.sheet.clone(),
        row: first.draft.row + 1,
        column: String::new(),
        problem: messages::orders_missing(open.len(), &some_of(&names), other.as_deref()),
        remedy: remedy.to_owned(),
    });
}
