//! The limits of an analogue point.

use super::super::headers::Field;
use super::super::keys::LIMITS;
use super::super::lists::{self, Named};
use super::super::text::{folded, plain, tidy};
use super::super::value::{Keys, Val};
use super::super::{messages, units};
use super::{Reading, quantity};
use crate::settings::limit_columns::{TOLD, texts};

impl Reading<'_> {
    /// Setpoints, with what stands for all limits of the row.
    pub(super) fn limits(&mut self, keys: &mut Keys, unit: Option<&str>) {
        let mut set: Vec<(usize, &'static str, f64)> = Vec::new();
        let (exact, states) = (self.around.block.exact, counts_states(keys, unit));
        for kind in ["ll", "l", "h", "hh", "state"] {
            let field = Field::Limit(kind);
            let Some((column, text)) = self.cell(&field) else { continue };
            if folded(&text) == "false" {
                keys.insert(format!("limits.{kind}"), Val::Flag(false));
                continue;
            }
            self.titled_in(&field, column, unit);
            // `0=正常,1=缺水` names states, the first of them no setpoint.
            let named = if exact { None } else { lists::alarm_state(&text, states) };
            match (named, quantity(&text)) {
                (Some(Named::Alarm(at) | Named::Alone(at)), _) if kind == "state" => {
                    keys.insert("limits.state.at".to_owned(), Val::Number(at));
                    set.push((column, kind, at));
                }
                (Some(_), _) => self.states_no_setpoint(column, &text),
                (None, Ok((_, own))) if !exact && lists::names_more(&own) => {
                    self.more_setpoints(column, &text);
                }
                (None, Ok((at, own))) => {
                    self.same_unit(column, &own, unit);
                    keys.insert(format!("limits.{kind}.at"), Val::Number(at));
                    set.push((column, kind, at));
                }
                (None, Err((problem, remedy))) => self.fault(column, problem, remedy),
            }
        }
        if !exact {
            self.setpoint(keys, unit, &mut set);
        }
        let ladder: Vec<_> = set.iter().filter(|(_, kind, _)| *kind != "state").collect();
        for pair in ladder.windows(2) {
            let [(_, below, low), (column, above, high)] = pair else { continue };
            if low >= high && !exact {
                let problem = format!("{above} = {high} is not above {below} = {low}");
                self.fault(*column, problem, "ll < l < h < hh");
            }
        }
        self.of_every_limit(keys, &set.iter().map(|(_, kind, _)| *kind).collect::<Vec<_>>());
    }

    fn titled_in(&mut self, field: &Field, column: usize, unit: Option<&str>) {
        if let (Some(title), Some(unit)) = (self.column(field).and_then(|c| c.unit), unit)
            && title != unit
            && units::known(unit).is_some()
        {
            self.warn(column, format!("the header says {title}, the point {unit}"), "check the setpoint");
        }
    }

    /// `报警值`: `75`, `≥75`, `低于0.4`, `0.4~1.2`. Without a sign it is a high limit, and that is said.
    fn setpoint(&mut self, keys: &mut Keys, unit: Option<&str>, set: &mut Vec<(usize, &'static str, f64)>) {
        let Some((column, text)) = self.cell(&Field::Alarm) else { return };
        self.titled_in(&Field::Alarm, column, unit);
        let word = folded(&text);
        if matches!(word.as_str(), "否" | "n" | "no" | "×" | "false") {
            return;
        }
        match lists::alarm_state(&text, counts_states(keys, unit)) {
            Some(Named::Alarm(at)) if !set.iter().any(|(_, kind, _)| *kind == "state") => {
                keys.insert("limits.state.at".to_owned(), Val::Number(at));
                return set.push((column, "state", at));
            }
            Some(_) => return self.states_no_setpoint(column, &text),
            None => {}
        }
        let mut put = |reading: &mut Self, kind: &'static str, at: f64, own: &str| {
            reading.same_unit(column, own, unit);
            if set.iter().any(|(_, k, _)| *k == kind) {
                return;
            }
            keys.insert(format!("limits.{kind}.at"), Val::Number(at));
            set.push((column, kind, at));
        };
        // `1.25-1.3 MPa` and `-75~75`: both sides.
        let span = lists::range(&text).filter(|(low, high, _)| low < high && lists::is_span(&text));
        if let Some((low, high, own)) = span {
            put(self, "l", low, &own);
            put(self, "h", high, &own);
            set.sort_by_key(|(_, kind, _)| ["ll", "l", "h", "hh", "state"].iter().position(|k| k == kind));
            return;
        }
        let low = ["<", "≤", "≦", "低", "小于", "下限", "low", "unter"].iter().any(|s| word.starts_with(s))
            || word.contains("以下");
        let high =
            [">", "≥", "≧", "高", "大于", "上限", "超", "high", "über"].iter().any(|s| word.starts_with(s));
        let from =
            text.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | '０'..='９')).unwrap_or(0);
        let bare = if low || high { &text[from..] } else { &text };
        match quantity(bare) {
            Ok((_, own)) if lists::names_more(&own) => self.more_setpoints(column, &text),
            Ok((at, own)) => put(self, if low { "l" } else { "h" }, at, &own),
            Err(_) => self.warn(column, messages::alarm_not_used(&tidy(&text)), messages::SETPOINTS_REMEDY),
        }
        set.sort_by_key(|(_, kind, _)| ["ll", "l", "h", "hh", "state"].iter().position(|k| k == kind));
    }

    fn states_no_setpoint(&mut self, column: usize, text: &str) {
        self.fault(column, messages::states_no_setpoint(&tidy(text)), messages::STATE_NUMBER_REMEDY);
    }

    fn more_setpoints(&mut self, column: usize, text: &str) {
        self.fault(column, messages::more_setpoints(&tidy(text)), messages::SETPOINTS_REMEDY);
    }

    /// What people are told with each limit of the row: `message`, `message_low` for `ll` and `l`, `response_time_s`.
    pub(super) fn told_of_limits(&self, keys: &mut Keys) {
        let cell = |column: &str| {
            self.cell(&Field::Key(column.to_owned())).map(|(_, text)| Val::Text(text.trim().to_owned()))
        };
        let set: Vec<&str> =
            LIMITS.iter().copied().filter(|kind| keys.contains_key(&format!("limits.{kind}.at"))).collect();
        for kind in set {
            // A column of its own for one limit (`message_hh`) counts more.
            let mut put =
                |key: &str, told: Val| _ = keys.entry(format!("limits.{kind}.{key}")).or_insert(told);
            for key in TOLD {
                let told = texts(key, kind, cell);
                if !told.is_empty() {
                    put(key, Val::Table(told.into_iter().map(|(l, t)| (l.to_owned(), t)).collect()));
                }
            }
            if let Some((_, text)) = self.cell(&Field::Key("response_time_s".to_owned())) {
                put("response_time", Val::Text(format!("{}s", plain(&text))));
            }
        }
    }

    /// Deadband and delays of the row, for each of its limits.
    pub(super) fn of_every_limit(&mut self, keys: &mut Keys, kinds: &[&str]) {
        for key in ["deadband", "on_delay", "off_delay"] {
            let Some((column, text)) = self.cell(&Field::Every(key)) else { continue };
            let value = match quantity(&text) {
                Ok((n, _)) if key == "deadband" && n >= 0.0 => Val::Number(n),
                Ok((n, own)) if key != "deadband" && n >= 0.0 => {
                    let own = match folded(&own).as_str() {
                        "" | "s" | "秒" | "sec" | "sek" => "s",
                        "min" | "分" | "分钟" | "m" => "m",
                        "ms" | "毫秒" => "ms",
                        _ => {
                            self.fault(
                                column,
                                format!("`{}` is not a delay", plain(&text)),
                                "seconds, e.g. 3",
                            );
                            continue;
                        }
                    };
                    Val::Text(format!("{n}{own}"))
                }
                _ => {
                    self.fault(column, format!("`{}` is not a valid {key}", plain(&text)), "0 or more");
                    continue;
                }
            };
            for kind in kinds {
                // A column of its own for one limit (`deadband_hh`) counts more.
                keys.entry(format!("limits.{kind}.{key}")).or_insert_with(|| value.clone());
            }
        }
    }
}

/// The value may count states: a whole number without a scale, and in no unit.
fn counts_states(keys: &Keys, unit: Option<&str>) -> bool {
    let kind = keys.get("type").and_then(Val::as_text).unwrap_or("u16");
    kind.starts_with(['u', 'i', 'b'])
        && !kind.starts_with("bcd")
        && unit.is_none()
        && ["scale", "offset", "calibration", "loop"].iter().all(|key| !keys.contains_key(*key))
}
