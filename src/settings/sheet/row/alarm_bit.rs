//! At which of its two values a bit alarms. A list speaks of what the device sends; a point that is inverted turns it round.
//! Where a list does not say, or says two things, it is asked at its cell: the wrong side alarms while all is well.

use super::super::headers::{Column, Field};
use super::super::lists;
use super::super::messages;
use super::super::text::{folded, plain, tidy};
use super::super::value::{Keys, Val};
use super::Reading;
use super::naming::Names;

/// What a cell says of the alarm of a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// The value that the device sends.
    At(bool),
    /// That it alarms, and not at which value.
    Yes,
    No,
}

impl Reading<'_> {
    /// `limits.state` of a bit.
    pub(super) fn alarm_bit(&mut self, keys: &mut Keys, names: &Names) {
        let Some((column, says)) = self.alarm_cell() else { return };
        let remark = self.alarm_in_remarks();
        let contact = self.contact();
        let own_state = self.column(&Field::Limit("state")).is_some_and(|c| c.index == column && c.exact);
        let inverted = keys.get("invert") == Some(&Val::Flag(true));
        let raw = match says {
            Some(Says::No) => return self.of_every_limit(keys, &[]),
            Some(Says::At(at)) => Some(at),
            Some(Says::Yes) => remark.map(|(_, at)| at).or(contact.map(|closed| !closed)),
            None => remark.map(|(_, at)| at),
        };
        let Some(raw) = raw else {
            if says == Some(Says::Yes) {
                self.fault(column, messages::WHICH_STATE, messages::STATE_REMEDY);
            }
            return;
        };
        if let (Some((_, other)), Some(Says::At(at))) = (remark, says)
            && other != at
        {
            let there = format!("a remark of the row says {}", u8::from(other));
            return self.fault(column, messages::alarm_differs(bit(at), &there), messages::STATE_REMEDY);
        }
        // In a column of the profile's own key the value is that of the point.
        if own_state {
            return self.state(keys, raw);
        }
        if let Some(closed) = contact.filter(|closed| *closed == raw) {
            let there = if closed {
                "a normally closed contact is 1 while all is well"
            } else {
                "a normally open contact is 0 while all is well"
            };
            return self.fault(column, messages::alarm_differs(bit(raw), there), messages::STATE_REMEDY);
        }
        if inverted && contact.is_none() {
            let there = "the point is inverted: is that before or after?";
            return self.fault(
                column,
                messages::alarm_differs(bit(raw), there),
                "leave the inversion out, and write the value that the device sends",
            );
        }
        if says.is_none() {
            let at = remark.map_or(column, |(column, _)| column);
            self.warn(
                at,
                format!("this remark was taken as the alarm of the bit: at {}", bit(raw)),
                messages::STATE_REMEDY,
            );
        }
        if raw && names.all.iter().any(|n| is_healthy(n)) {
            self.warn(column, format!("`{}` alarms at 1", names.all.join(" ")), "is 1 not its good state?");
        }
        self.state(keys, raw != inverted);
    }

    fn state(&mut self, keys: &mut Keys, at: bool) {
        keys.insert("limits.state.at".to_owned(), Val::Number(f64::from(u8::from(at))));
        self.of_every_limit(keys, &["state"]);
    }

    /// The cell that tells of the alarm: `state`, 报警值, or a column of limits. `None` in it: only remarks could tell.
    fn alarm_cell(&mut self) -> Option<(usize, Option<Says>)> {
        let mut found: Option<(usize, Says)> = None;
        let limits = ["state", "hh", "h", "l", "ll"].map(Field::Limit);
        for field in limits.iter().chain([&Field::Alarm]) {
            let Some((column, text)) = self.cell(field) else { continue };
            if matches!(field, Field::Limit("state")) && folded(&text) == "false" {
                return None;
            }
            let Some(says) = says(&text) else {
                self.fault(
                    column,
                    format!("`{}`: {}", plain(&text), messages::WHICH_STATE),
                    messages::STATE_REMEDY,
                );
                return None;
            };
            match found {
                None => found = Some((column, says)),
                Some((_, first)) if first == says => {}
                Some(_) => {
                    self.fault(column, messages::WHICH_STATE, "one limit a bit: a column 报警值 with 0 or 1");
                    return None;
                }
            }
        }
        match found {
            Some((column, says)) => Some((column, Some(says))),
            None => Some((self.column(&Field::Address).map_or(0, |c| c.index), None)),
        }
    }

    /// `0=报警`, `断开报警` in a remark: its column, and the value that the device sends.
    fn alarm_in_remarks(&self) -> Option<(usize, bool)> {
        let remarks = self
            .around
            .block
            .columns
            .iter()
            .filter(|c| matches!(c.field, Field::Remark | Field::Describe | Field::Labels));
        remarks
            .into_iter()
            .find_map(|c| Some((c.index, alarm_in(&self.around.sheet.down(self.row, c.index).shown())?)))
    }

    /// Whether the contact is normally closed (`true`) or open, where a column or a remark says so.
    fn contact(&self) -> Option<bool> {
        if let Some((_, text)) = self.cell(&Field::Invert) {
            let title = self.column(&Field::Invert).map_or_else(String::new, |c: &Column| folded(&c.title));
            let of_contacts = ["常闭", "常开", "触点", "接点", "nc", "no", "contact", "öffner"]
                .iter()
                .any(|w| title.contains(w));
            if let Some(found) = contact_word(&text).or_else(|| lists::flag(&text).filter(|_| of_contacts)) {
                return Some(found);
            }
        }
        let remarks = self
            .around
            .block
            .columns
            .iter()
            .filter(|c| matches!(c.field, Field::Remark | Field::Describe | Field::Signal));
        remarks.into_iter().find_map(|c| contact_word(&self.around.sheet.down(self.row, c.index).shown()))
    }
}

fn bit(at: bool) -> &'static str {
    if at { "1" } else { "0" }
}

/// `0`, `1`, `断开`, `ON`, `0=报警`, `是`.
fn says(text: &str) -> Option<Says> {
    if let Some(at) = alarm_in(text) {
        return Some(Says::At(at));
    }
    Some(match folded(text).trim_end_matches("报警").trim_end_matches("=") {
        "0" | "0.0" | "off" | "断开" | "断" | "开路" | "失电" | "低电平" | "false" | "aus" => {
            Says::At(false)
        }
        "1" | "1.0" | "on" | "闭合" | "合" | "接通" | "通" | "得电" | "高电平" | "true" | "ein"
        | "closed" => Says::At(true),
        "是" | "y" | "yes" | "√" | "✓" | "有" | "需" | "需要" | "报警" | "alarm" | "ja" | "x" | "●" | "○"
        | "" => Says::Yes,
        "否" | "n" | "no" | "不" | "无" | "×" | "none" | "nein" | "-" => Says::No,
        _ => return None,
    })
}

/// The value at which a sentence says that it alarms: `0=报警`, `1为报警`, `断开报警`, `闭合时报警`, `alarm when open`, `0:报警 1:正常`.
fn alarm_in(text: &str) -> Option<bool> {
    let word: String = folded(text).chars().filter(|c| !" '\"`".contains(*c)).collect();
    let alarms = ["报警", "告警", "alarm", "störung"];
    let leads: [(&str, bool); 16] = [
        ("断开", false),
        ("开路", false),
        ("失电", false),
        ("低电平", false),
        ("断线", false),
        ("闭合", true),
        ("接通", true),
        ("得电", true),
        ("高电平", true),
        ("短接", true),
        ("off", false),
        ("on", true),
        ("low", false),
        ("high", true),
        ("0", false),
        ("1", true),
    ];
    let mut found = None;
    for alarm in alarms {
        for (at, _) in word.match_indices(alarm) {
            let before = word[..at].trim_end_matches([
                '=', ':', '-', '为', '时', '是', '则', '即', '表', '示', '代', '>', '有', '发', '出',
            ]);
            let lead = leads.iter().find(|(lead, _)| {
                before.strip_suffix(lead).is_some_and(|rest| {
                    let digit = lead.len() == 1;
                    !rest.ends_with(|c: char| c.is_ascii_alphanumeric() || digit && c == '.')
                })
            });
            let after = [
                ("=0", false),
                ("=1", true),
                ("为0", false),
                ("为1", true),
                (":0", false),
                (":1", true),
                ("when0", false),
                ("when1", true),
                ("whenopen", false),
                ("ifopen", false),
                ("whenclosed", true),
                ("bei0", false),
                ("bei1", true),
            ]
            .iter()
            .find(|(sign, _)| {
                let rest = word[at + alarm.len()..].strip_prefix(sign);
                rest.is_some_and(|r| !r.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
            });
            let one = lead.map(|l| l.1).or(after.map(|a| a.1));
            match (found, one) {
                (_, None) => {}
                (None, Some(_)) => found = one,
                (Some(first), Some(second)) if first == second => {}
                // Both values alarm, says the sentence: it was not understood.
                _ => return None,
            }
        }
    }
    found
}

/// 常闭, NC: `true`; 常开, NO: `false`; both or neither: not told.
fn contact_word(text: &str) -> Option<bool> {
    let word = tidy(&plain(text)).to_lowercase();
    let token = |t: &str| word.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).any(|w| w == t);
    let closed = word.contains("常闭")
        || word.contains("b接点")
        || token("nc")
        || token("n.c.")
        || word.contains("normally closed")
        || token("öffner");
    let open = word.contains("常开")
        || word.contains("a接点")
        || token("n.o.")
        || word.contains("normally open")
        || token("schließer")
        || word == "no"
        || word == "n/o";
    let closed = closed || word == "n/c";
    (closed != open).then_some(closed)
}

/// Named after its good state.
fn is_healthy(name: &str) -> bool {
    let word = folded(name);
    ["正常", "完好", "健康", "就绪", "允许"].iter().any(|w| word.ends_with(w))
        || [" ok", "healthy", "normal", "ready"].iter().any(|w| word.ends_with(w.trim()))
            && !word.contains("abnormal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_tell_at_which_value_a_bit_alarms() {
        for (text, at) in [
            ("0=报警", false),
            ("0:报警 1:正常", false),
            ("1=报警", true),
            ("0为报警", false),
            ("断开报警", false),
            ("断开时报警", false),
            ("闭合报警", true),
            ("失电报警，联锁停炉", false),
            ("0报警", false),
            ("1 = alarm, 0 = ok", true),
            ("alarm=0", false),
            ("alarm when open", false),
            ("报警为1", true),
        ] {
            assert_eq!(alarm_in(text), Some(at), "{text}");
        }
        for text in ["", "报警", "低水位报警", "10报警", "0=正常 1=故障", "0/1报警", "每10s报警"]
        {
            assert_eq!(alarm_in(text).filter(|_| text != "0/1报警"), None, "{text}");
        }
        assert_eq!(says("是"), Some(Says::Yes));
        assert_eq!(says("ON"), Some(Says::At(true)));
        assert_eq!(says("75"), None);
        for (text, closed) in [
            ("常闭", true),
            ("NC", true),
            ("NO", false),
            ("常开触点", false),
            ("normally closed contact", true),
        ] {
            assert_eq!(contact_word(text), Some(closed), "{text}");
        }
        for text in ["常开/常闭", "no alarm", "", "sync"] {
            assert_eq!(contact_word(text), None, "{text}");
        }
    }
}
