//! The second half of a row: what the number means. Scale, range, current loop, decimals, sentinels,
//! labels, limits, and the keys that only profiles have.

use super::super::headers::Field;
use super::super::keys::{LIMITS, OF_LIMIT, TEXTS, way};
use super::super::lists;
use super::super::text::{folded, is_blank, plain, tidy};
use super::super::types::width;
use super::super::value::{Keys, Val};
use super::super::{messages, units};
use super::factor::Hint;
use super::naming::Names;
use super::{Reading, quantity};
use crate::settings::limit_columns::tells;

/// Kinds of electrical signal that change how raw values are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signal {
    LiveZero,
    DeadZero,
    /// A voltage.
    Voltage,
    Other,
}

impl Reading<'_> {
    /// `scale`, `offset`, `range`, `loop`, `calibration`, `decimals`, `sentinels`, `invert`, `labels`.
    pub(super) fn measure(&mut self, keys: &mut Keys, is_bit: bool, hints: Vec<Hint>, names: &Names) {
        let exact = self.around.block.exact;
        let raw_given = [Field::RawRange, Field::RawLo, Field::RawHi].iter().any(|f| self.cell(f).is_some());
        self.factor(keys);
        if !exact && !is_bit {
            self.told_factor(keys, hints, raw_given, names);
        }
        let unit = keys.get("unit").and_then(Val::as_text).map(str::to_owned);
        let unit = unit.as_deref();
        let range = self.range(unit);
        let raw = self.raw_range();
        let signal = self.cell(&Field::Signal).map(|(c, t)| (c, signal(&t)));
        match (raw, range, signal) {
            (
                Some((at, low, high)),
                Some((_, from, to)),
                Some((_, kind @ (Signal::LiveZero | Signal::DeadZero))),
            ) => {
                let mut table = std::collections::BTreeMap::new();
                table.insert("raw".to_owned(), Val::numbers(&[low, high]));
                table.insert("range".to_owned(), Val::numbers(&[from, to]));
                if kind == Signal::DeadZero {
                    table.insert("live_zero".to_owned(), Val::Flag(false));
                }
                keys.insert("loop".to_owned(), Val::Table(table));
                self.alone(keys, at);
            }
            (Some((at, low, high)), Some((_, from, to)), _) => {
                let point = |raw, value| Val::numbers(&[raw, value]);
                keys.insert("calibration".to_owned(), Val::List(vec![point(low, from), point(high, to)]));
                keys.insert("range".to_owned(), Val::numbers(&[from, to]));
                self.alone(keys, at);
            }
            (Some((at, ..)), None, _) => {
                self.fault(at, "raw values, but no range in engineering units", "add 量程下限 and 量程上限");
            }
            (None, Some((_, from, to)), _) => {
                keys.insert("range".to_owned(), Val::numbers(&[from, to]));
            }
            (None, None, _) => {}
        }
        let whole = keys.get("type").and_then(Val::as_text).is_none_or(|t| t.starts_with(['u', 'i', 'b']));
        if let (Some((at, Signal::Voltage)), None, true, false, false) =
            (signal, raw, whole, keys.contains_key("scale"), exact)
        {
            self.warn(at, messages::SIGNAL_WITHOUT_RAW, messages::SIGNAL_REMEDY);
        }
        if let (Some((at, Signal::LiveZero | Signal::DeadZero)), None, true, false, false) =
            (signal, raw, whole, keys.contains_key("scale"), exact)
        {
            let remedy = "add columns 原始下限 and 原始上限 (the raw values at 4 and 20 mA)";
            self.warn(
                at,
                "a current loop, but not which raw values stand for it: taken as a plain number",
                remedy,
            );
        }
        self.decimals(keys, whole && !is_bit);
        self.sentinels(keys);
        if let Some((column, text)) = self.cell(&Field::Invert) {
            match lists::flag(&text) {
                Some(true) if !is_bit && !exact => {
                    self.warn(column, "only bits can be inverted: left out", "");
                }
                Some(on) if on || exact => _ = keys.insert("invert".to_owned(), Val::Flag(on)),
                Some(_) => {}
                None => {
                    let remedy = "是 or 否 (常闭 or 常开, yes or no)";
                    self.fault(column, format!("`{}` does not tell whether to invert", plain(&text)), remedy);
                }
            }
        }
        self.labels(keys, is_bit);
    }

    /// Scale and offset beside raw limits say the same twice.
    fn alone(&mut self, keys: &mut Keys, at: usize) {
        if keys.remove("scale").is_some() | keys.remove("offset").is_some() {
            self.warn(
                at,
                "scale and raw values both given: the raw values are used",
                "leave one of them out",
            );
        }
    }

    fn range(&mut self, unit: Option<&str>) -> Option<(usize, f64, f64)> {
        let whole = self.cell(&Field::Range).or_else(|| {
            // Both ends in the column of one, the other left empty.
            let (lo, hi) = (self.cell(&Field::RangeLo), self.cell(&Field::RangeHi));
            let one = match (lo, hi) {
                (Some(one), None) | (None, Some(one)) => one,
                (Some(lo), Some(hi)) if lo.1 == hi.1 => lo,
                _ => return None,
            };
            (quantity(&one.1).is_err() && lists::range(&one.1).is_some()).then_some(one)
        });
        if let Some((column, text)) = whole {
            // `0=正常,1=缺水` names states, and `0正常;1缺水` is asked.
            let states = || lists::labels(&text).is_some() || lists::speaks_of_states(&text);
            if !self.around.block.exact && states() {
                return None;
            }
            let Some((low, high, own)) = lists::range(&text) else {
                self.fault(column, format!("`{}` is not a range", plain(&text)), "e.g. 0~2.5");
                return None;
            };
            self.same_unit(column, &own, unit);
            return self.ordered(column, low, high);
        }
        let mut both = Vec::new();
        for field in [Field::RangeLo, Field::RangeHi] {
            let Some((column, text)) = self.cell(&field) else { continue };
            match quantity(&text) {
                Ok((value, own)) => {
                    self.same_unit(column, &own, unit);
                    both.push((column, value));
                }
                Err((problem, remedy)) => self.fault(column, problem, remedy),
            }
        }
        match both[..] {
            [(_, low), (column, high)] => self.ordered(column, low, high),
            _ => None,
        }
    }

    fn ordered(&mut self, column: usize, low: f64, high: f64) -> Option<(usize, f64, f64)> {
        if low < high {
            return Some((column, low, high));
        }
        self.fault(column, format!("{low} to {high} is not a range"), "the smaller number first");
        None
    }

    fn raw_range(&mut self) -> Option<(usize, f64, f64)> {
        let mut ends = Vec::new();
        if let Some((column, text)) = self.cell(&Field::RawRange) {
            match lists::range(&text) {
                Some((low, high, _)) => ends.extend([(column, low), (column, high)]),
                None => self.fault(column, format!("`{}` is not a range", plain(&text)), "e.g. 0~4095"),
            }
        } else {
            for field in [Field::RawLo, Field::RawHi] {
                let Some((column, text)) = self.cell(&field) else { continue };
                match lists::raw_value(&plain(&text)) {
                    Some(value) => ends.push((column, value)),
                    None => self.fault(
                        column,
                        format!("`{}` is not a raw value", plain(&text)),
                        "e.g. 4000 or 0x0FFF",
                    ),
                }
            }
        }
        match ends[..] {
            [(_, low), (column, high)] if low != high => Some((column, low, high)),
            [(_, _), (column, _)] => {
                self.fault(
                    column,
                    "both raw values are the same",
                    "the values at the lower and the upper end",
                );
                None
            }
            [(column, _)] if self.faults.is_empty() => {
                self.fault(column, "one raw value alone", "both ends are wanted: 原始下限 and 原始上限");
                None
            }
            _ => None,
        }
    }

    /// A unit behind a number must be the point's.
    pub(super) fn same_unit(&mut self, column: usize, own: &str, unit: Option<&str>) {
        let (Some(own), Some(unit)) = (units::known(own), unit) else { return };
        if own != unit {
            let problem = format!("this is in {own}, but the point in {unit}");
            self.fault(column, problem, "write all numbers of a row in its unit");
        }
    }

    fn decimals(&mut self, keys: &mut Keys, whole: bool) {
        let exact = self.around.block.exact;
        if let Some((column, text)) = self.cell(&Field::Decimals) {
            let word = folded(&text);
            let places = match word.trim_end_matches('位').parse::<i32>() {
                Ok(n) if (0..=9).contains(&n) => Some(n),
                // `0.1` means one place.
                _ => (0..=9).find(|n| lists::power(-n).is_some_and(|p| lists::scale(&word) == Ok(p))),
            };
            let Some(places) = places else {
                self.fault(column, format!("`{}` is not a number of decimals", plain(&text)), "0 to 9");
                return;
            };
            keys.insert("decimals".to_owned(), Val::Number(f64::from(places)));
            let fixed = ["scale", "loop", "calibration"].iter().any(|k| keys.contains_key(*k));
            let from = self.cell(&Field::DecimalsFrom).is_some();
            if places > 0
                && whole
                && !fixed
                && !from
                && !exact
                && self.cell(&Field::Scale).is_none()
                && let Some(scale) = lists::power(-places)
            {
                keys.insert("scale".to_owned(), Val::Number(scale));
                self.warn(
                    column,
                    format!("a whole number with {places} decimals: taken as raw × {scale}"),
                    "say so in a column 系数 (1 if the register holds the value itself)",
                );
            }
            return;
        }
        let plain = whole && self.cell(&Field::Times).is_none();
        if !exact
            && plain
            && let Some(scale) = keys.get("scale").and_then(Val::as_number)
        {
            let places = (1..=6).find(|n| lists::power(-n) == Some(scale));
            if let Some(places) = places {
                keys.insert("decimals".to_owned(), Val::Number(f64::from(places)));
            }
        }
    }

    fn labels(&mut self, keys: &mut Keys, is_bit: bool) {
        let exact = self.around.block.exact;
        let own = self.cell(&Field::Labels);
        let wide = keys.get("type").and_then(Val::as_text).and_then(width).is_some_and(|w| w > 2);
        let mut cells: Vec<(usize, String)> = own.clone().into_iter().collect();
        if !exact && !wide {
            let fields = [
                Field::Describe,
                Field::Name,
                Field::Range,
                Field::Unit,
                Field::Alarm,
                Field::Limit("state"),
            ];
            cells.extend(fields.iter().filter_map(|f| self.cell(f)));
            let remarks = self.around.block.columns.iter().filter(|c| c.field == Field::Remark);
            cells.extend(remarks.map(|c| (c.index, self.around.sheet.down(self.row, c.index).shown())));
        }
        if let Some(labels) = cells.iter().find_map(|(_, t)| lists::labels(t)) {
            let kind = keys.get("type").and_then(Val::as_text).unwrap_or_default();
            let labels = if exact { labels } else { as_read(labels, kind) };
            keys.insert("labels".to_owned(), labels);
            return;
        }
        if let (true, Some((column, text))) = (exact, &own) {
            let problem = format!("`{}` is not a table of labels", plain(text));
            return self.fault(*column, problem, "e.g. 0=停炉/Stop; 1=运行/Run");
        }
        // What stands beside a bit is about its alarm.
        if !is_bit {
            self.states_unread(keys, own.as_ref(), &cells);
        }
    }

    /// What may name the states of a whole number and was not understood is asked.
    fn states_unread(&mut self, keys: &Keys, own: Option<&(usize, String)>, cells: &[(usize, String)]) {
        let kind = keys.get("type").and_then(Val::as_text).unwrap_or("u16");
        let whole = kind.starts_with(['u', 'i', 'b']) && !kind.starts_with("bcd");
        let name = self.column(&Field::Name).map(|c| c.index);
        let spoken =
            || cells.iter().find(|(c, t)| Some(*c) != name && lists::speaks_of_states(t)).filter(|_| whole);
        if let Some((column, text)) = own.or_else(spoken) {
            self.warn(*column, messages::states_unread(&tidy(text)), messages::STATES_REMEDY);
        }
    }

    /// Keys under their own name, their cells as TOML has them.
    pub(super) fn own_keys(&mut self, keys: &mut Keys) {
        for c in &self.around.block.columns {
            let Field::Key(key) = &c.field else { continue };
            // See `told_of_limits`.
            if tells(key) {
                continue;
            }
            let text = self.around.sheet.down(self.row, c.index).shown();
            let path = path_of(key);
            let is_text = TEXTS.contains(&path.as_str());
            if text.trim().is_empty() || (is_blank(&text) && !is_text) {
                continue;
            }
            let parsed = Val::parse(&text).filter(|v| !is_text || matches!(v, Val::Text(_)));
            let value = parsed.unwrap_or_else(|| Val::Text(text.trim().to_owned()));
            match (value, path.strip_prefix("limits.")) {
                // `limits.rate` holds all keys of its table.
                (Val::Table(all), Some(kind)) if !all.is_empty() && !kind.contains('.') => {
                    keys.extend(all.into_iter().map(|(own, v)| (format!("{path}.{own}"), v)));
                }
                (value, _) => _ = keys.insert(path, value),
            }
        }
    }

    /// In an export nothing of a row is lost, though it should mean nothing beside its other keys.
    pub(super) fn rest_of_export(&self, keys: &mut Keys) {
        let number = |text: &str| Val::parse(text).unwrap_or_else(|| Val::text(text));
        for (key, field) in [
            ("type", Field::Type),
            ("table", Field::Table),
            ("function", Field::Function),
            ("bit", Field::Bit),
            ("length", Field::Registers),
            ("range", Field::Range),
        ] {
            let Some((_, text)) = self.cell(&field) else { continue };
            let text = text.trim();
            let value = if matches!(key, "type" | "table") { Val::text(text) } else { number(text) };
            keys.entry(key.to_owned()).or_insert(value);
        }
        if let Some((_, text)) = self.cell(&Field::Order) {
            keys.insert("order".to_owned(), Val::text(text.trim()));
        }
    }

    /// What remains to be said, as a comment.
    pub(super) fn remark(&mut self, keys: &mut Keys) -> Option<String> {
        let mut words: Vec<String> = Vec::new();
        if let Some((_, tag)) = self.cell(&Field::Tag).filter(|(_, t)| !super::names::speaks(t)) {
            words.push(tidy(&tag));
        }
        for c in self.around.block.columns.iter().filter(|c| c.field == Field::Remark) {
            let text = self.around.sheet.down(self.row, c.index).shown();
            // What became labels is not said twice.
            let said = self.named_by == Some(c.index)
                || !self.around.block.exact && lists::labels(&text).is_some() && keys.contains_key("labels");
            if !is_blank(&text) && !said {
                words.push(tidy(&text));
            }
        }
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// The key of a column: `hazard_hh` is `limits.hh.hazard`, `point.key` is `key`.
fn path_of(column: &str) -> String {
    let (own, kind) = match column.split_once("_no_data") {
        Some((own, _)) => (own, "no_data"),
        None => column.rsplit_once('_').unwrap_or((column, "")),
    };
    match way(column) {
        Some(whole) => whole,
        None if column == "no_data" => "limits.no_data".to_owned(),
        None if LIMITS.contains(&kind) && OF_LIMIT.contains(&own) => format!("limits.{kind}.{own}"),
        None => column.to_owned(),
    }
}

/// Labels by the numbers that a signed register gives: what a device sends as 0xFFFF is read as -1.
fn as_read(labels: Val, kind: &str) -> Val {
    match labels {
        Val::Table(all) if kind == "i16" => {
            let read = |number: String| match number.parse::<u16>() {
                Ok(raw) => (raw as i16).to_string(),
                Err(_) => number,
            };
            Val::Table(all.into_iter().map(|(number, label)| (read(number), label)).collect())
        }
        labels => labels,
    }
}

fn signal(text: &str) -> Signal {
    let word = folded(text).replace(['~', '至', '到'], "-");
    if word.contains("4-20ma") {
        Signal::LiveZero
    } else if word.contains("0-20ma") {
        Signal::DeadZero
    } else if lists::scale::signal_range(text) {
        Signal::Voltage
    } else {
        Signal::Other
    }
}
