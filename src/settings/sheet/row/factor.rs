//! What a raw number is multiplied by: the column that says so, or the words of the unit, the name and the remarks.
//! What speaks of scaling and was not used is told with its cell.

use super::super::headers::Field;
use super::super::lists::scale::{self, Told};
use super::super::lists::{self, power};
use super::super::text::{NumberFault, folded, letters, plain, tidy, written};
use super::super::value::{Keys, Val};
use super::super::{messages, units};
use super::naming::Names;
use super::{Reading, quantity};
use crate::plant::unit;

/// A scale that some words tell, with where they stand.
#[derive(Debug, Clone)]
pub(super) struct Hint {
    pub(super) column: usize,
    /// `unit`, `name`, `remark`.
    pub(super) what: &'static str,
    pub(super) told: Told,
}

/// Columns that tell how fine a number is rather than what it is multiplied by.
const RESOLUTIONS: &[&str] = &["精度", "分辨率", "分辩率", "resolution", "auflösung"];

impl Reading<'_> {
    /// `scale` and `offset` from their columns.
    pub(super) fn factor(&mut self, keys: &mut Keys) {
        let exact = self.around.block.exact;
        if let Some((column, text)) = self.cell(&Field::Scale) {
            self.scale_cell(keys, column, &text);
        }
        if let Some((column, text)) = self.cell(&Field::Offset) {
            match quantity(&text) {
                Ok((offset, _)) if offset != 0.0 || exact => {
                    keys.insert("offset".to_owned(), Val::Number(offset));
                }
                Ok(_) => {}
                Err((problem, remedy)) => self.fault(column, problem, remedy),
            }
        }
        if let Some((column, text)) = self.cell(&Field::Negate) {
            match lists::flag(&text) {
                Some(true) => {
                    let scale = keys.get("scale").and_then(Val::as_number).unwrap_or(1.0);
                    keys.insert("scale".to_owned(), Val::Number(-scale));
                }
                Some(false) => {}
                None => self.fault(
                    column,
                    format!("`{}` does not tell whether to negate", plain(&text)),
                    "1 or 0",
                ),
            }
        }
    }

    fn scale_cell(&mut self, keys: &mut Keys, column: usize, text: &str) {
        let exact = self.around.block.exact;
        let title = self.column(&Field::Scale).map_or(String::new(), |c| folded(&c.title));
        let word = folded(text);
        // Kepware names the way, and gives the ends in columns of their own.
        if !exact && matches!(word.as_str(), "linear" | "线性") {
            return;
        }
        if !exact && ["squareroot", "sqrt", "开方", "平方根"].iter().any(|w| word.contains(w)) {
            let problem = format!("`{}` is a curve, not a multiplier", plain(text));
            self.fault(
                column,
                problem,
                "let the device take the root, or calculate it in [[derived]]; write 1 here",
            );
            return;
        }
        let found = lists::scale(text).ok().or_else(|| {
            let unit = scale::in_unit(text).map(|(scale, _)| scale);
            let digits = text.contains(|c: char| c.is_ascii_digit());
            unit.or_else(|| scale::told(text).filter(|_| digits).map(|t| t.scale))
        });
        match found {
            Some(scale) if scale != 0.0 => {
                let float = keys.get("type").and_then(Val::as_text).is_some_and(|t| t.starts_with('f'));
                if !exact && float && scale != 1.0 && RESOLUTIONS.iter().any(|w| title.contains(w)) {
                    self.warn(column, messages::resolution_of_a_float(&plain(text)), messages::SCALE_REMEDY);
                    return;
                }
                let divided = ["放大", "扩大", "除数", "divisor", "divideby", "teiler"]
                    .iter()
                    .any(|w| title.contains(w));
                let scale = if divided && scale > 1.0 && !exact { inverse(scale) } else { scale };
                if scale != 1.0 || exact {
                    keys.insert("scale".to_owned(), Val::Number(scale));
                }
                if scale < 0.0 && !exact {
                    let remedy = "a multiplier is above 0; a column `negate` turns the sign round";
                    self.fault(column, messages::negative_scale(&plain(text)), remedy);
                }
                if scale >= 10.0 && !exact {
                    self.warn(
                        column,
                        format!("multiplied by {scale}; is it not to be divided?"),
                        "a register that holds 752 for 75.2 needs 0.1 or 1/10",
                    );
                }
            }
            None if lists::scale(text) == Err(NumberFault::Comma) => {
                if let Err((problem, remedy)) = quantity(text) {
                    self.fault(column, problem, remedy);
                }
            }
            _ => {
                self.fault(
                    column,
                    format!("`{}` is not a multiplier", plain(text)),
                    "e.g. 0.1, ×0.1 or 1/10",
                );
            }
        }
    }

    /// What the remarks and descriptions of the row tell, behind what unit and name told.
    fn gather(&mut self, hints: &mut Vec<Hint>, own: bool) {
        let around = self.around;
        let range = self.plain_range();
        for c in around.block.columns.iter().filter(|c| is_remark(&c.field)) {
            let text = around.sheet.down(self.row, c.index).shown();
            let told = scale::told(&text).or_else(|| {
                let two = scale::two_ranges(&text).filter(|_| !scale::signal_range(&text))?;
                let told = two.told(range);
                if told.is_none() && !own {
                    self.fault(c.index, messages::two_ranges(&tidy(&text)), messages::TWO_RANGES_REMEDY);
                }
                told
            });
            hints.extend(told.map(|told| Hint { column: c.index, what: "remark", told }));
        }
    }

    /// The range of the row, where its cells tell it.
    fn plain_range(&self) -> Option<(f64, f64)> {
        if let Some((low, high, _)) = self.cell(&Field::Range).and_then(|(_, t)| lists::range(&t)) {
            return Some((low, high));
        }
        let end = |f: &Field| self.cell(f).and_then(|(_, t)| quantity(&t).ok()).map(|q| q.0);
        Some((end(&Field::RangeLo)?, end(&Field::RangeHi)?))
    }

    /// A remark that names another unit than the point's.
    fn units_agree(&mut self, keys: &Keys, spoken: &[usize]) {
        let around = self.around;
        let Some(own) = keys.get("unit").and_then(Val::as_text).and_then(units::known) else { return };
        for c in around.block.columns.iter().filter(|c| c.field == Field::Remark) {
            let text = around.sheet.down(self.row, c.index).shown();
            // A remark that is a unit and nothing else speaks of the value where it can be turned into the point's.
            let alone = || units::known(&tidy(&text)).filter(|told| unit::conversion(told, own).is_ok());
            let told = lists::unit_in(&text).or_else(alone);
            if let Some(told) = told.filter(|u| *u != own && !spoken.contains(&c.index)) {
                let problem = format!("this is in {told}, but the point in {own}");
                self.fault(c.index, problem, "write all numbers of a row in its unit");
            }
        }
    }

    /// A scale that only words tell.
    pub(super) fn told_factor(
        &mut self,
        keys: &mut Keys,
        mut hints: Vec<Hint>,
        raw_given: bool,
        names: &Names,
    ) {
        let kind = keys.get("type").and_then(Val::as_text);
        if kind.is_some_and(|t| matches!(t, "string" | "clock6" | "epoch32" | "epoch64_ms")) {
            return;
        }
        let float = kind.is_some_and(|t| t.starts_with('f'));
        let own = self.cell(&Field::Scale).is_some() && keys.get("scale").is_some()
            || self.cell(&Field::Scale).is_some_and(|(_, t)| lists::scale(&t) == Ok(1.0));
        self.gather(&mut hints, own || raw_given);
        let mut used: Option<(f64, f64)> = own.then(|| {
            let number = |key: &str, default| keys.get(key).and_then(Val::as_number).unwrap_or(default);
            (number("scale", 1.0), number("offset", 0.0))
        });
        let mut spoken: Vec<usize> = Vec::new();
        for hint in hints {
            spoken.push(hint.column);
            let Some((scale, offset)) = self.in_the_points_unit(&hint, keys) else { continue };
            if hint.told.resolution && float || scale == 1.0 && offset == 0.0 {
                continue;
            }
            match used {
                _ if raw_given => spoken.retain(|c| *c != hint.column),
                None => {
                    used = Some((scale, offset));
                    self.take(keys, &hint, scale, offset);
                }
                Some((first, _)) if (first.abs() - scale).abs() > scale.abs() * 1e-9 => {
                    let text = self.around.sheet.down(self.row, hint.column).shown();
                    let told = messages::scale_differs(&tidy(&text), &written(scale), &written(first));
                    self.warn(hint.column, told, messages::SCALE_REMEDY);
                }
                Some(_) => {}
            }
        }
        self.units_agree(keys, &spoken);
        let bare = !float && used.is_none() && !raw_given && self.cell(&Field::Signal).is_none();
        self.not_used(&spoken, names, bare);
    }

    fn take(&mut self, keys: &mut Keys, hint: &Hint, scale: f64, offset: f64) {
        keys.insert("scale".to_owned(), Val::Number(scale));
        if offset != 0.0 {
            keys.insert("offset".to_owned(), Val::Number(offset));
        }
        let words = written(scale);
        let large = scale >= 10.0;
        let problem = if large {
            messages::scale_may_divide(hint.what, &words)
        } else {
            messages::scale_taken(hint.what, &words)
        };
        self.warn(hint.column, problem, "a column 系数 says it without doubt");
    }

    /// The scale in the point's unit; the hint's unit becomes the point's if it has none.
    fn in_the_points_unit(&mut self, hint: &Hint, keys: &mut Keys) -> Option<(f64, f64)> {
        let plain = Some((hint.told.scale, hint.told.offset));
        let Some(told) = hint.told.unit else { return plain };
        let Some(own) = keys.get("unit").and_then(Val::as_text).map(str::to_owned) else {
            keys.insert("unit".to_owned(), Val::text(told));
            return plain;
        };
        if own == told {
            return plain;
        }
        match unit::conversion(told, &own) {
            Ok((factor, shift)) => {
                Some((short(hint.told.scale * factor), short(hint.told.offset * factor + shift)))
            }
            Err(_) if units::known(&own).is_none() => plain,
            Err(_) => {
                let problem = format!("this is in {told}, but the point in {own}");
                self.fault(hint.column, problem, "write all numbers of a row in its unit");
                None
            }
        }
    }

    /// Remarks with a number and a word of scaling, of which nothing was made. So is the signal of a converter (`0-10V`) beside a
    /// `bare` number: a whole one of which nothing tells what it counts.
    fn not_used(&mut self, spoken: &[usize], names: &Names, bare: bool) {
        let around = self.around;
        for c in around.block.columns.iter().filter(|c| is_remark(&c.field) || c.field == Field::Passed) {
            let text = tidy(&around.sheet.down(self.row, c.index).shown());
            let named = self.named_by == Some(c.index) || names.all.contains(&text);
            let asked = self.faults.iter().any(|f| f.column == letters(c.index));
            if !asked
                && !spoken.contains(&c.index)
                && !named
                && (scale::speaks(&text) || bare && scale::signal_range(&text))
                && lists::labels(&text).is_none()
            {
                self.warn(c.index, messages::scale_unused(&text), messages::SCALE_REMEDY);
            }
        }
    }
}

fn is_remark(field: &Field) -> bool {
    matches!(field, Field::Remark | Field::Describe | Field::Labels)
}

/// 1/10 as 0.1.
fn inverse(scale: f64) -> f64 {
    short(1.0 / scale)
}

/// Without the noise of binary fractions.
fn short(number: f64) -> f64 {
    let near = (-9..=9).filter_map(power).find(|p| (p - number).abs() < number.abs() * 1e-9);
    near.unwrap_or_else(|| format!("{number:.12e}").parse().unwrap_or(number))
}
