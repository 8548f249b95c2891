//! At which of its two values a bit alarms. A list speaks of what the device sends; a point that is inverted turns it round.
//! Where a list does not say, or says two things, it is asked at its cell: the wrong side alarms while all is well.

use super::super::headers::{Column, Field};
use super::super::lists;
use super::super::messages;
use super::super::text::{folded, plain};
use super::super::value::{Keys, Val};
use super::Reading;
use super::bit_words::{
    Says, active_in, alarm_in, bit, contact_word, is_healthy, is_turned, normal_in, says,
};
use super::naming::Names;

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
        let normal = self.normal();
        let raw = match (says, raw) {
            (Some(Says::Yes), None) => normal.map(|(_, at)| !at),
            (_, raw) => raw,
        };
        let Some(raw) = raw else {
            if says == Some(Says::Yes) {
                self.fault(column, messages::WHICH_STATE, messages::STATE_REMEDY);
            } else if let Some((at, value)) = normal {
                self.warn(at, messages::normal_without_alarm(bit(value)), messages::STATE_REMEDY);
            }
            return;
        };
        if let (Some((_, other)), Some(Says::At(at))) = (remark, says)
            && other != at
        {
            let there = format!("a remark of the row says {}", u8::from(other));
            return self.fault(column, messages::alarm_differs(bit(at), &there), messages::STATE_REMEDY);
        }
        if !own_state && let Some(there) = self.otherwise(raw, normal) {
            return self.fault(column, messages::alarm_differs(bit(raw), &there), messages::STATE_REMEDY);
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

    /// The value that is normal, with its column.
    fn normal(&self) -> Option<(usize, bool)> {
        if let Some((column, text)) = self.cell(&Field::Normal)
            && let Some(Says::At(at)) = says(&text)
        {
            return Some((column, at));
        }
        let texts = self.words_of_the_row();
        texts.into_iter().find_map(|(c, t)| Some((c, normal_in(&t)?)))
    }

    /// What else in the row speaks against an alarm at this value.
    fn otherwise(&self, raw: bool, normal: Option<(usize, bool)>) -> Option<String> {
        if let Some((_, at)) = normal.filter(|(_, at)| *at == raw) {
            return Some(format!("another cell of the row calls {} normal", bit(at)));
        }
        let texts = self.words_of_the_row();
        let told = texts.iter().any(|(_, t)| alarm_in(t).is_some());
        let active = texts.iter().find_map(|(_, t)| active_in(t));
        if let Some(active) = active.filter(|a| *a != raw) {
            return Some(format!("another cell of the row calls {} the active level", bit(active)));
        }
        let turned = texts.iter().any(|(_, t)| is_turned(t)) && !told && self.cell(&Field::Invert).is_none();
        turned
            .then(|| "another cell of the row says that it is inverted: is that before or after?".to_owned())
    }

    fn words_of_the_row(&self) -> Vec<(usize, String)> {
        let fields = |f: &Field| matches!(f, Field::Remark | Field::Describe | Field::Labels | Field::Unit);
        let columns = self.around.block.columns.iter().filter(|c| fields(&c.field));
        columns.map(|c| (c.index, self.around.sheet.down(self.row, c.index).shown())).collect()
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
            .filter(|c| matches!(c.field, Field::Remark | Field::Describe | Field::Labels | Field::Unit));
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
