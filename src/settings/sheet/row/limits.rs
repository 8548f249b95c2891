//! The limits of an analogue point.

use super::super::headers::Field;
use super::super::keys::LIMITS;
use super::super::lists::{self, Named, Side};
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
            let found = match named {
                Some(Named::Alarm(at) | Named::Alone(at)) if kind == "state" && at <= largest(keys) => {
                    Ok((at, String::new()))
                }
                Some(named) => Err(of_states(named, &text)),
                None if lists::has_hexadecimal(&text, states) => {
                    let state = lists::raw_value(&plain(&text)).filter(|_| kind == "state" && states);
                    let state = state.filter(|at| *at <= largest(keys));
                    state.map(|at| (at, String::new())).ok_or_else(|| hexadecimal(&text))
                }
                None if exact => quantity(&text),
                None => one_setpoint(&text, kind),
            };
            match found {
                Ok((at, own)) => {
                    self.same_unit(column, &own, unit);
                    keys.insert(format!("limits.{kind}.at"), Val::Number(at));
                    set.push((column, kind, at));
                }
                Err((problem, remedy)) => self.fault(column, problem, remedy),
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
        let states = counts_states(keys, unit);
        let problem = match lists::alarm_state(&text, states) {
            Some(Named::Alarm(at))
                if at <= largest(keys) && !set.iter().any(|(_, kind, _)| *kind == "state") =>
            {
                keys.insert("limits.state.at".to_owned(), Val::Number(at));
                return set.push((column, "state", at));
            }
            Some(named) => Some(of_states(named, &text)),
            None => lists::has_hexadecimal(&text, states).then(|| hexadecimal(&text)),
        };
        if let Some((problem, remedy)) = problem {
            return self.fault(column, problem, remedy);
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
            || lists::is_below(&text);
        let high =
            [">", "≥", "≧", "高", "大于", "上限", "超", "high", "über"].iter().any(|s| word.starts_with(s));
        let from =
            text.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | '０'..='９')).unwrap_or(0);
        let bare = if low || high { &text[from..] } else { &text };
        if let Some((problem, remedy)) = not_one(&text, if low { "l" } else { "h" }) {
            return self.fault(column, problem, remedy);
        }
        match quantity(bare) {
            Ok((at, own)) => put(self, if low { "l" } else { "h" }, at, &own),
            Err(_) => self.warn(column, messages::alarm_not_used(&tidy(&text)), messages::SETPOINTS_REMEDY),
        }
        set.sort_by_key(|(_, kind, _)| ["ll", "l", "h", "hh", "state"].iter().position(|k| k == kind));
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
        let exact = self.around.block.exact;
        for key in ["deadband", "on_delay", "off_delay"] {
            let Some((column, text)) = self.cell(&Field::Every(key)) else { continue };
            let value = match quantity(&text) {
                Ok(_) if !exact && (lists::holds_several(&text) || lists::has_hexadecimal(&text, false)) => {
                    self.fault(column, format!("`{}` is not a valid {key}", plain(&text)), "0 or more");
                    continue;
                }
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

/// The setpoint of a cell for one limit, or why it is not clearly one.
fn one_setpoint(text: &str, kind: &str) -> Result<(f64, String), (String, String)> {
    not_one(text, kind).map_or_else(|| quantity(text), Err)
}

/// Why the numbers and words of a cell are not clearly one setpoint of this limit.
fn not_one(text: &str, kind: &str) -> Option<(String, String)> {
    let text = text.trim();
    let other = match lists::side(text) {
        Some(Side::Both) => kind != "state",
        Some(Side::Low) => matches!(kind, "h" | "hh"),
        Some(Side::High) => matches!(kind, "l" | "ll"),
        None => false,
    };
    let problem = match () {
        () if lists::holds_several(text) => messages::more_setpoints(&tidy(text)),
        () if other => messages::other_side(&tidy(text)),
        () if lists::is_delay(text) => messages::alarm_not_used(&tidy(text)),
        () => return None,
    };
    Some((problem, messages::SETPOINTS_REMEDY.to_owned()))
}

/// Why names of states are not the number of this limit.
fn of_states(named: Named, text: &str) -> (String, String) {
    let problem = match named {
        Named::Alone(_) => messages::state_or_limit(&tidy(text)),
        Named::Alarm(_) | Named::Unclear => messages::states_no_setpoint(&tidy(text)),
    };
    (problem, messages::STATE_NUMBER_REMEDY.to_owned())
}

fn hexadecimal(text: &str) -> (String, String) {
    (messages::hexadecimal_limit(&tidy(text)), messages::STATE_NUMBER_REMEDY.to_owned())
}

/// The largest state that the type of the value holds; of a larger one nobody knows what is meant.
fn largest(keys: &Keys) -> f64 {
    let kind = keys.get("type").and_then(Val::as_text).unwrap_or("u16");
    let most = match kind {
        kind if kind.starts_with("i8") => i16::from(i8::MAX).unsigned_abs(),
        kind if kind.starts_with('i') => i16::MAX.unsigned_abs(),
        kind if kind.starts_with("u8") => u16::from(u8::MAX),
        _ => u16::MAX,
    };
    f64::from(most)
}

/// The value may count states: a whole number without a scale, and in no unit.
fn counts_states(keys: &Keys, unit: Option<&str>) -> bool {
    let kind = keys.get("type").and_then(Val::as_text).unwrap_or("u16");
    kind.starts_with(['u', 'i', 'b'])
        && !kind.starts_with("bcd")
        && unit.is_none()
        && ["scale", "offset", "calibration", "loop"].iter().all(|key| !keys.contains_key(*key))
}
