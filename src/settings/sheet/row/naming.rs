//! What a row calls its point: names in two languages, the unit beside them, the id made of them.

use super::super::headers::Field;
use super::super::lists;
use super::super::lists::scale::{self, Told};
use super::super::text::{has_chinese, is_blank, plain, tidy};
use super::super::value::{Keys, Val};
use super::super::{messages, names, units};
use super::Reading;
use super::factor::Hint;
use crate::plant::Id;

impl Reading<'_> {
    pub(super) fn names(&mut self) -> Names {
        let exact = self.around.block.exact;
        let register = !exact && self.is_named_as_register();
        let cell = |f: Field| self.cell(&f).map(|(_, t)| if exact { t } else { tidy(&t) });
        let (mut name, en, describe, tag) =
            (cell(Field::Name), cell(Field::NameEn), cell(Field::Describe), cell(Field::Tag));
        // `0=Normal 1=Alarm` names states, and not the point.
        let describe = describe.filter(|t| exact || name.is_none() || lists::labels(t).is_none());
        if register {
            let bit = describe.is_none().then(|| self.bit_in_remark()).flatten();
            if let Some((column, text)) = &bit {
                self.named_by = Some(*column);
                name = Some(text.clone());
            } else if describe.is_some() {
                name = None;
            }
        }
        let all: Vec<String> = [&name, &describe, &en, &tag].into_iter().flatten().cloned().collect();
        if exact {
            return Names { zh: name, en, tag: None, all };
        }
        let pick = |chinese: bool, from: &[&Option<String>]| {
            from.iter().copied().flatten().find(|t| has_chinese(t) == chinese).cloned()
        };
        Names {
            zh: pick(true, &[&name, &describe, &tag, &en]),
            en: pick(false, &[&en, &name, &describe]),
            tag,
            all,
        }
    }

    /// Whether the row is one bit of several and its name that of their register: joined over the rows, left out in all
    /// but the first, or called 报警字.
    fn is_named_as_register(&self) -> bool {
        let sheet = self.around.sheet;
        if self.cell(&Field::Bit).is_none() {
            return false;
        }
        let Some(column) = self.column(&Field::Name).map(|c| c.index) else { return true };
        let own = sheet.cell(self.row, column);
        let joined = sheet.merges.beginning(self.row, column).is_some_and(|m| m.rows.0 < m.rows.1);
        own.is_empty() || joined || super::super::names::is_register_name(&own.shown())
    }

    /// The words of a bit that stand where remarks do.
    fn bit_in_remark(&self) -> Option<(usize, String)> {
        let fits = |c: &&super::Column| matches!(c.field, Field::Remark | Field::Bits | Field::Labels);
        let mut texts = self
            .around
            .block
            .columns
            .iter()
            .filter(fits)
            .map(|c| (c.index, tidy(&self.around.sheet.cell(self.row, c.index).shown())));
        texts.find(|(_, t)| !is_blank(t) && lists::labels(t).is_none())
    }

    /// The unit: its own column, the name's brackets, the range's or the header's. A scale beside it is noted.
    pub(super) fn unit(&mut self, names: &mut Names, is_bit: bool, hints: &mut Vec<Hint>) -> Option<String> {
        let own = self.cell(&Field::Unit);
        if self.around.block.exact {
            return own.map(|(_, t)| t);
        }
        // Names of states are no unit: see `labels`.
        let states = |t: &str| lists::labels(t).is_some() || !is_bit && lists::speaks_of_states(t);
        let own = own.filter(|(_, t)| !states(t));
        let name_column =
            self.column(&Field::Name).or_else(|| self.column(&Field::Describe)).map_or(0, |c| c.index);
        let (in_name, told) = names.strip_unit();
        hints.extend(told.map(|told| Hint { column: name_column, what: "name", told }));
        if is_bit {
            if let Some((column, text)) = own.filter(|(_, t)| units::unit(t) != "bool") {
                self.warn(column, format!("`{}` is the unit of a bit: left out", tidy(&text)), "");
            }
            return Some("bool".to_owned());
        }
        let own = own.map(|(column, text)| match scale::in_unit(&text) {
            Some((by, unit)) => {
                let told = Told { scale: by, offset: 0.0, unit: Some(unit), resolution: false };
                hints.insert(0, Hint { column, what: "unit", told });
                unit.to_owned()
            }
            None => units::unit(scale::unbracketed(&plain(&text))),
        });
        let range = || {
            let cell = [Field::Range, Field::RangeHi, Field::RangeLo].iter().find_map(|f| self.cell(f))?.1;
            units::known(&lists::range(&cell)?.2)
        };
        let remarks = self.around.block.columns.iter().filter(|c| c.field == Field::Remark);
        let mut remarks = remarks.map(|c| self.around.sheet.down(self.row, c.index).shown());
        let in_remark = || remarks.find_map(|t| lists::unit_in(&t));
        let titled =
            || self.column(&Field::Range).or_else(|| self.column(&Field::RangeHi)).and_then(|c| c.unit);
        own.or(in_name).or_else(|| range().or_else(in_remark).or_else(titled).map(str::to_owned))
    }

    /// The id, and whether the sheet names it as such.
    pub(super) fn id(&mut self, names: &Names) -> (Option<String>, bool) {
        if let Some((column, text)) = self.cell(&Field::Id) {
            let text = tidy(&text);
            let serial = text.bytes().all(|b| b.is_ascii_digit()) && !self.around.block.exact;
            if !serial {
                if Id::new(&text).is_ok() {
                    return (Some(text), true);
                }
                match names::slug(&text) {
                    Some(id) if !self.around.block.exact => return (Some(id), true),
                    _ if has_chinese(&text) && !self.around.block.exact => {}
                    _ => {
                        let remedy = "letters, digits, _ - . and at most 64 of them, e.g. drum_level";
                        self.fault(column, format!("`{text}` is not an id"), remedy);
                    }
                }
            }
        }
        let tag = names.tag.as_deref();
        let spoken = tag.filter(|t| names::speaks(t)).and_then(names::slug);
        let id = self
            .known(names)
            .or(spoken)
            .or_else(|| names.en.as_deref().filter(|e| e.len() <= 40).and_then(names::slug))
            .or_else(|| names.zh.as_deref().and_then(|z| names::translated(z, self.around.kind)))
            .or_else(|| tag.and_then(names::slug))
            .or_else(|| names.en.as_deref().and_then(names::slug));
        (id, false)
    }

    /// The id of a usual point of boilers and vessels. A name that means several, or one of other equipment, is told.
    fn known(&mut self, names: &Names) -> Option<String> {
        let kind = self.around.kind;
        let found = [&names.zh, &names.en].into_iter().flatten();
        let (name, found) = found.filter_map(|n| Some((n, names::named(n, kind)?))).next()?;
        let named_by = self.column(&Field::Name).or_else(|| self.column(&Field::Describe));
        let column = self.named_by.or(named_by.map(|c| c.index)).unwrap_or(0);
        if !found.also.is_empty() {
            let problem = messages::several_points(name, found.id, &found.also);
            self.warn(column, problem, messages::KIND_REMEDY);
        } else if found.foreign {
            let problem = messages::foreign_point(name, found.id, kind.unwrap_or_default());
            self.warn(column, problem, messages::FOREIGN_REMEDY);
        }
        Some(found.id.to_owned())
    }
}

/// A name and what stands in brackets behind it, or behind a stroke or a space if that is a unit.
fn bracketed(name: &str) -> Option<(String, String)> {
    let text = plain(name);
    for (open, close) in [('(', ')'), ('[', ']'), ('【', '】'), ('〔', '〕'), ('<', '>'), ('{', '}')] {
        if let Some((before, inside)) = text.strip_suffix(close).and_then(|t| t.rsplit_once(open))
            && !before.trim().is_empty()
        {
            return Some((before.trim().to_owned(), inside.to_owned()));
        }
    }
    let whole = |inside: &str| units::known(inside).is_some();
    // One letter is a unit behind the quantity that has it; else it names a thing: 给水泵 A.
    let letter = |before: &str, inside: &str| match inside.trim() {
        "A" => before.ends_with("电流"),
        "V" => before.ends_with("电压"),
        "W" => before.ends_with("功率"),
        other => other.chars().count() > 1 || !other.is_ascii() || other == "%",
    };
    if let Some((before, inside)) = text.rsplit_once('/') {
        // `流量t/h`, `流量 t/h`: the stroke is part of the unit.
        let joined = before.rsplit_once(|c: char| !c.is_ascii_alphanumeric()).map_or("", |(_, last)| last);
        let compound = format!("{joined}/{inside}");
        if whole(&compound) && !joined.is_empty() {
            let before =
                before.strip_suffix(joined).unwrap_or(before).trim_end().trim_end_matches(['/', ',']);
            return (!before.is_empty()).then(|| (before.trim().to_owned(), compound));
        }
        if whole(inside) && has_chinese(before) && letter(before.trim(), inside) {
            return Some((before.trim().to_owned(), inside.to_owned()));
        }
    }
    let (before, inside) = text.rsplit_once([' ', '_'])?;
    let strong = matches!(
        units::known(inside),
        Some("MPa" | "kPa" | "Pa" | "bar" | "mbar" | "℃" | "%" | "mm" | "kW" | "kWh" | "Hz" | "ppm")
    );
    (strong && inside != "c" && inside != "C").then(|| (before.trim().to_owned(), inside.to_owned()))
}

/// A unit, a scale, or both in the brackets of a name.
fn of_name(inside: &str) -> (Option<&'static str>, Option<Told>) {
    if let Some(unit) = units::known(inside) {
        return (Some(unit), None);
    }
    if let Some((scale, unit)) = scale::in_unit(inside) {
        return (Some(unit), Some(Told { scale, offset: 0.0, unit: Some(unit), resolution: false }));
    }
    let parts = || inside.split([',', ';', ' ', '、']);
    let unit = parts().find_map(units::known);
    let told = scale::told(inside).or_else(|| parts().find_map(scale::told));
    (unit.or_else(|| told.as_ref().and_then(|t| t.unit)), told)
}

/// What a point is called.
pub(super) struct Names {
    pub(super) zh: Option<String>,
    pub(super) en: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) all: Vec<String>,
}

impl Names {
    /// Takes a known unit off the names, and a scale beside it: `蒸汽压力(MPa)`, `排烟温度【℃】`, `炉温(0.1℃)`, `电流/A`.
    fn strip_unit(&mut self) -> (Option<String>, Option<Told>) {
        let (mut unit, mut told) = (None, None);
        for name in [&mut self.zh, &mut self.en].into_iter().flatten() {
            let Some((before, inside)) = bracketed(name) else { continue };
            let (own, scale) = of_name(&inside);
            if own.is_some() || scale.is_some() {
                unit = unit.or(own.map(str::to_owned));
                told = told.or(scale);
                *name = before;
            }
        }
        (unit, told)
    }

    pub(super) fn put(&self, keys: &mut Keys, exact: bool) {
        if let Some(zh) = &self.zh {
            keys.insert("name".to_owned(), Val::text(zh));
        }
        if let Some(en) = self.en.as_ref().filter(|en| exact || Some(*en) != self.zh.as_ref()) {
            keys.insert("name_en".to_owned(), Val::text(en));
        }
    }
}
