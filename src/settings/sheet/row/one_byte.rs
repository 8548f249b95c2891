//! Values of eight bits, two of which a register holds: which of them a row means.

use super::super::headers::Field;
use super::super::messages;
use super::super::text::tidy;
use super::super::types::{TypeWord, byte_of};
use super::super::value::{Keys, Val};
use super::Reading;

impl Reading<'_> {
    /// A value of one byte: the low one unless the row names the high one. A row that names a byte of a wider value is told.
    pub(super) fn which_byte(&mut self, word: &mut TypeWord, registers: Option<u32>) {
        let around = self.around;
        let named = around
            .block
            .columns
            .iter()
            .filter(|c| {
                matches!(
                    c.field,
                    Field::Remark
                        | Field::Describe
                        | Field::Name
                        | Field::Address
                        | Field::Passed
                        | Field::Order
                )
            })
            .find_map(|c| {
                let text = around.sheet.down(self.row, c.index).shown();
                byte_of(&text).map(|high| (c.index, high, text))
            });
        if word.is_byte() {
            word.byte = word.byte.or(named.map(|(_, high, _)| high));
            self.low_byte = word.byte.is_none() && registers.is_none_or(|r| matches!(r, 1 | 8));
            return;
        }
        let of_type =
            word.byte.and_then(|high| self.cell(&Field::Type).map(|(column, text)| (column, high, text)));
        if let Some((column, _, text)) = named.or(of_type)
            && word.is_number()
            && registers.is_none_or(|r| r == 1)
            && word.bits.is_none_or(|b| b == 16)
        {
            self.warn(column, messages::byte_unused(&tidy(&text)), messages::BYTE_REMEDY);
        }
    }
}

/// The lowest bit that a value takes of its register, where it takes a part of it.
pub(in crate::settings::sheet) fn first_bit(keys: &Keys) -> Option<u8> {
    let number = |key: &str| keys.get(key).and_then(Val::as_number).map(|b| b as u8);
    let field = match keys.get("bits") {
        Some(Val::List(ends)) => ends.first().and_then(Val::as_number).map(|b| b as u8),
        _ => None,
    };
    number("bit").or(field).or_else(|| match keys.get("type").and_then(Val::as_text)? {
        "u8_high" | "i8_high" => Some(8),
        "u8_low" | "i8_low" => Some(0),
        _ => None,
    })
}
