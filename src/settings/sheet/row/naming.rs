//! What a row calls its point: names in two languages, the unit beside them, the id made of them.

use super::super::headers::Field;
use super::super::lists;
use super::super::text::{has_chinese, plain, tidy};
use super::super::value::{Keys, Val};
use super::super::{names, units};
use super::Reading;
use crate::plant::Id;

impl Reading<'_> {
    pub(super) fn names(&self) -> Names {
        let exact = self.around.block.exact;
        let cell = |f: Field| self.cell(&f).map(|(_, t)| if exact { t } else { tidy(&t) });
        let (name, en, describe, tag) =
            (cell(Field::Name), cell(Field::NameEn), cell(Field::Describe), cell(Field::Tag));
        let all: Vec<String> = [&name, &describe, &en, &tag].into_iter().flatten().cloned().collect();
        if self.around.block.exact {
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

    /// The unit: its own column, the name's parentheses, the range's or the header's.
    pub(super) fn unit(&self, names: &mut Names) -> Option<String> {
        let own = self.cell(&Field::Unit).map(|(_, t)| t);
        if self.around.block.exact {
            return own;
        }
        let in_name = names.strip_unit();
        let in_range = || units::known(&lists::range(&self.cell(&Field::Range)?.1)?.2);
        let remarks = self.around.block.columns.iter().filter(|c| c.field == Field::Remark);
        let mut remarks = remarks.map(|c| self.around.sheet.down(self.row, c.index).shown());
        let in_remark = || remarks.find_map(|t| lists::unit_in(&t));
        own.map(|t| units::unit(&t)).or(in_name).or_else(|| in_range().or_else(in_remark).map(str::to_owned))
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
                        self.fault(column, format!("`{text}` is no id"), remedy);
                    }
                }
            }
        }
        let tag = names.tag.as_deref();
        let spoken = tag.filter(|t| names::speaks(t)).and_then(names::slug);
        let id = spoken
            .or_else(|| names.en.as_deref().filter(|e| e.len() <= 40).and_then(names::slug))
            .or_else(|| names.zh.as_deref().and_then(|z| names::translated(z, self.around.kind)))
            .or_else(|| tag.and_then(names::slug))
            .or_else(|| names.en.as_deref().and_then(names::slug));
        (id, false)
    }
}

/// What a point is called.
pub(super) struct Names {
    pub(super) zh: Option<String>,
    pub(super) en: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) all: Vec<String>,
}

impl Names {
    /// Takes a known unit in parentheses off the names: `蒸汽压力(MPa)`.
    fn strip_unit(&mut self) -> Option<String> {
        let mut unit = None;
        for name in [&mut self.zh, &mut self.en].into_iter().flatten() {
            let text = plain(name);
            let Some((before, inside)) = text.strip_suffix(')').and_then(|t| t.rsplit_once('(')) else {
                continue;
            };
            if let Some(known) = units::known(inside) {
                unit = unit.or(Some(known.to_owned()));
                *name = before.trim().to_owned();
            }
        }
        unit
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
