//! Points among each other: ids made unique, references resolved, registers that are taken twice told.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::address::Habit;
use super::assumed::{called, some_of};
use super::import::{Found, Imported, whole};
use super::row::{Draft, Slot};
use super::text::{folded, letters, plain};
use super::value::Val;
use super::{Trouble, messages};
use crate::settings::Table;
use crate::settings::overlap::{self, Span};

/// `p40001` for what has no name, `_2` behind a name that is taken.
pub(super) fn name_points(drafts: &mut Vec<Found>, imported: &mut Imported) {
    let mut taken: HashMap<(Option<u8>, String), (String, usize)> = HashMap::new();
    // Twins have the same names, each in a profile of its own.
    let twins = imported.twins;
    // From which number on an id may be free: many rows may have one name.
    let mut next: HashMap<(Option<u8>, String), usize> = HashMap::new();
    let mut kept = Vec::new();
    for pass in [true, false] {
        for (n, found) in drafts.iter_mut().enumerate().filter(|(_, f)| f.draft.explicit == pass) {
            let wish = found.draft.id.clone().unwrap_or_else(|| by_register(&found.draft));
            let station = found.draft.station.filter(|_| twins);
            let first = taken.get(&(station, wish.clone())).cloned();
            match first {
                None => {
                    taken.insert((station, wish.clone()), (found.sheet.clone(), found.draft.row));
                    found.draft.id = Some(wish);
                    kept.push(n);
                }
                Some((sheet, row)) if pass => {
                    let mut trouble = whole(
                        &found.sheet,
                        &format!("the id `{wish}` is used already at {sheet}!{}", row + 1),
                        "every point of a profile needs its own id",
                    );
                    trouble.row = found.draft.row + 1;
                    imported.faults.push(trouble);
                }
                Some(_) => {
                    let from = next.entry((station, wish.clone())).or_insert(2);
                    let free = (*from..)
                        .map(|n| (n, format!("{wish}_{n}")))
                        .find(|(_, id)| !taken.contains_key(&(station, id.clone())));
                    let (used, free) = free.unwrap_or_default();
                    *from = used + 1;
                    taken.insert((station, free.clone()), (found.sheet.clone(), found.draft.row));
                    found.draft.id = Some(free);
                    kept.push(n);
                }
            }
        }
    }
    let kept: HashSet<usize> = kept.into_iter().collect();
    let mut n = 0;
    drafts.retain(|_| {
        n += 1;
        kept.contains(&(n - 1))
    });
}

/// `p40021_3`, `holding_8192`: a point nobody named.
fn by_register(draft: &Draft) -> String {
    let Some(Slot { table, first, bit, .. }) = draft.slot else { return format!("row_{}", draft.row + 1) };
    let lead = match table {
        Table::Coil => 0,
        Table::DiscreteInput => 1,
        Table::InputRegister => 3,
        Table::HoldingRegister => 4,
    };
    let number =
        if first < 9_999 { format!("{lead}{:04}", first + 1) } else { format!("{lead}{:05}", first + 1) };
    match bit {
        Some(bit) => format!("p{number}_{bit}"),
        None => format!("p{number}"),
    }
}

/// `decimals_from` and `times`: an id, a name or an address of the sheet → the id. A point whose
/// reference leads nowhere is left out, and then those that refer to it: a number without its ratio
/// would be wrong, not missing.
pub(super) fn resolve(drafts: &mut Vec<Found>, imported: &mut Imported) {
    loop {
        let known = Stations::of(drafts);
        let before = drafts.len();
        drafts.retain(|found| {
            let lost: Vec<Trouble> = found
                .draft
                .references
                .iter()
                .flat_map(|(_, column, text)| words(text).into_iter().map(move |w| (*column, w)))
                .filter(|(_, word)| known.find(found.draft.station, word).is_none())
                .map(|(column, word)| Trouble {
                    sheet: found.sheet.clone(),
                    row: found.draft.row + 1,
                    column: letters(column),
                    problem: format!("`{}` names no point of this list, or several", plain(&word)),
                    remedy: "write the name, the id or the address of its row".to_owned(),
                })
                .collect();
            let good = lost.is_empty();
            imported.faults.extend(lost);
            good
        });
        if drafts.len() < before {
            continue;
        }
        for found in drafts.iter_mut() {
            let station = found.draft.station;
            for (key, _, text) in std::mem::take(&mut found.draft.references) {
                let mut ids = words(&text).into_iter().filter_map(|w| known.find(station, &w)).map(Val::Text);
                let value = if key == "times" { Some(Val::List(ids.collect())) } else { ids.next() };
                found.draft.keys.extend(value.map(|v| (key.to_owned(), v)));
            }
        }
        return;
    }
}

/// The points that a cell names: `CT, PT`, `CT×PT`, `["ct", "pt"]`.
fn words(text: &str) -> Vec<String> {
    let text = text.trim_matches(['[', ']']).replace(['、', ';', '*', '×', '+', '\n'], ",");
    text.split(',').map(|w| w.trim().trim_matches('"').to_owned()).filter(|w| !w.is_empty()).collect()
}

/// The points of each device, of which a profile knows no other, by what a reference may name them by.
struct Stations(HashMap<Option<u8>, Known>);

/// A register: address, and the bit where only one is meant.
type Register = (u32, Option<u8>);

#[derive(Default)]
struct Known {
    ids: Vec<String>,
    /// Folded ids and names, each with its points.
    by_id: HashMap<String, Vec<usize>>,
    by_name: HashMap<String, Vec<usize>>,
    /// Points that read it, each with its table.
    by_register: HashMap<Register, Vec<(usize, Table)>>,
}

impl Stations {
    fn of(drafts: &[Found]) -> Self {
        let mut stations: HashMap<Option<u8>, Known> = HashMap::new();
        for draft in drafts.iter().map(|f| &f.draft) {
            let known = stations.entry(draft.station).or_default();
            let n = known.ids.len();
            let id = draft.id.clone().unwrap_or_default();
            known.by_id.entry(folded(&id)).or_default().push(n);
            known.ids.push(id);
            for name in ["name", "name_en"].iter().filter_map(|k| draft.keys.get(*k)?.as_text()) {
                let all = known.by_name.entry(folded(name)).or_default();
                if all.last() != Some(&n) {
                    all.push(n);
                }
            }
            if let Some(slot) = draft.slot {
                known.by_register.entry((slot.first, slot.bit)).or_default().push((n, slot.table));
            }
        }
        Self(stations)
    }

    /// The one point that `word` means: its id, its name, its register, or a part of one name only.
    fn find(&self, station: Option<u8>, word: &str) -> Option<String> {
        let known = self.0.get(&station)?;
        let own = folded(word);
        let only = |all: Option<&Vec<usize>>| all.filter(|all| all.len() == 1).map(|all| all[0]);
        let by_register = || {
            let found = super::address::address(word, Habit::default()).ok()??;
            let all = known.by_register.get(&(found.first(0)?, found.bit))?;
            let mut fits = all.iter().filter(|(_, table)| found.table.is_none_or(|t| t == *table));
            fits.next().filter(|_| fits.next().is_none()).map(|(n, _)| *n)
        };
        // `CT` in `电流变比 CT`.
        let in_a_name = || {
            let holding =
                known.by_name.iter().filter(|(name, _)| own.chars().count() >= 2 && name.contains(&own));
            let points: BTreeSet<usize> = holding.flat_map(|(_, all)| all.iter().copied()).collect();
            points.first().copied().filter(|_| points.len() == 1)
        };
        let found = only(known.by_id.get(&own))
            .or_else(|| only(known.by_name.get(&own)))
            .or_else(by_register)
            .or_else(in_a_name)?;
        known.ids.get(found).cloned()
    }
}

/// Rows that name no unit id where others do: whose they are nobody knows. They are left out.
pub(super) fn lone_stations(drafts: &mut Vec<Found>, imported: &mut Imported) {
    let open = |f: &Found| f.draft.station.is_none() && f.draft.slot.is_some() && !f.exact;
    if !drafts.iter().any(|f| f.draft.station.is_some()) {
        return;
    }
    let sheets: BTreeSet<String> = drafts.iter().filter(|f| open(f)).map(|f| f.sheet.clone()).collect();
    for sheet in sheets {
        let rows: Vec<&Draft> =
            drafts.iter().filter(|f| open(f) && f.sheet == sheet).map(|f| &f.draft).collect();
        let names: Vec<String> = rows.iter().map(|d| called(&d.keys, d.id.as_deref(), d.row)).collect();
        let mut trouble = whole(
            &sheet,
            &messages::stations_mixed(rows.len(), &some_of(&names)),
            messages::STATIONS_MIXED_REMEDY,
        );
        trouble.row = rows.first().map_or(0, |d| d.row + 1);
        imported.faults.push(trouble);
    }
    drafts.retain(|f| !open(f));
}

/// Station, table, register, bit and name of a row.
type Place = (Option<u8>, Table, u32, Option<u8>, String);

/// One register under one name in two rows of one station: two devices that nothing tells apart. Both are left out.
pub(super) fn twice(drafts: &mut Vec<Found>, imported: &mut Imported) {
    let mut first: HashMap<Place, usize> = HashMap::new();
    let mut out: HashSet<usize> = HashSet::new();
    for (n, found) in drafts.iter().enumerate().filter(|(_, f)| !f.exact) {
        let draft = &found.draft;
        let name = draft.keys.get("name").or_else(|| draft.keys.get("name_en")).and_then(Val::as_text);
        let (Some(slot), Some(name)) = (draft.slot, name) else { continue };
        let key = (draft.station, slot.table, slot.first, slot.bit, folded(name));
        let Some(before) = first.get(&key) else {
            first.insert(key, n);
            continue;
        };
        let other = &drafts[*before];
        let place = format!("{}!{}{}", other.sheet, letters(other.draft.column), other.draft.row + 1);
        imported.faults.push(Trouble {
            sheet: found.sheet.clone(),
            row: draft.row + 1,
            column: letters(draft.column),
            problem: messages::twice(&place),
            remedy: messages::TWICE_REMEDY.to_owned(),
        });
        out.extend([*before, n]);
    }
    let mut n = 0;
    drafts.retain(|_| {
        n += 1;
        !out.contains(&(n - 1))
    });
}

/// Registers that two points read as different values, and points that are there twice.
pub(super) fn overlaps(drafts: &[Found], warnings: &mut Vec<Trouble>) {
    let span = |found: &Found| {
        let Slot { table, first, registers, bit } = found.draft.slot?;
        Some(Span { table, first, registers, bit, field: found.draft.keys.contains_key("bits") })
    };
    // The same register of two devices is two registers.
    let stations: BTreeSet<Option<u8>> = drafts.iter().map(|f| f.draft.station).collect();
    let of = |station| -> Vec<Option<Span>> {
        drafts.iter().map(|f| if f.draft.station == station { span(f) } else { None }).collect()
    };
    for overlap in stations.into_iter().flat_map(|station| overlap::overlaps(&of(station))) {
        let (first, found) = (&drafts[overlap.before], &drafts[overlap.after]);
        let place = format!("{}!{}{}", first.sheet, letters(first.draft.column), first.draft.row + 1);
        warnings.push(Trouble {
            sheet: found.sheet.clone(),
            row: found.draft.row + 1,
            column: letters(found.draft.column),
            problem: if overlap.same {
                format!("the same register as {place}")
            } else {
                format!("overlaps {place}: a value of {} registers", overlap.registers)
            },
            remedy: "check addresses and types; both points are kept".to_owned(),
        });
    }
}
