//! Values of eight bits, two of which a register holds: which of them a row means.

use super::super::byte_said::{ByteSaid, byte_said};
use super::super::headers::Field;
use super::super::messages;
use super::super::text::{folded, plain, tidy};
use super::super::types::TypeWord;
use super::super::value::{Keys, Val};
use super::Reading;

impl Reading<'_> {
    /// A value of one byte: the low one unless the row names the high one. A row that names a byte of a wider value is told.
    pub(super) fn which_byte(&mut self, word: &mut TypeWord, registers: Option<u32>) {
        let around = self.around;
        let said: Vec<(usize, ByteSaid, String)> = around
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
            .filter_map(|c| {
                let text = around.sheet.down(self.row, c.index).shown();
                let said = byte_said(&text);
                (said != ByteSaid::Nothing).then_some((c.index, said, text))
            })
            .collect();
        if word.is_byte() {
            match word.byte {
                None => word.byte = self.byte_of_row(&said),
                // The type names one byte, and another cell the other.
                Some(high) => {
                    let other = |s: &ByteSaid| s.byte().is_some_and(|byte| byte != high);
                    if let Some((column, _, text)) = said.iter().find(|(_, s, _)| other(s)) {
                        self.fault(*column, messages::both_bytes(&tidy(text)), messages::BOTH_BYTES_REMEDY);
                    }
                }
            }
            self.low_byte |= word.byte.is_none() && registers.is_none_or(|r| matches!(r, 1 | 8));
            return;
        }
        let named =
            said.into_iter().find_map(|(column, said, text)| said.byte().map(|high| (column, high, text)));
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

    /// `BYTE` beside a column that counts 2 bytes is a value of both.
    pub(super) fn count_bytes(&self, word: &mut TypeWord, kind: &str) {
        let of_bytes = ["byte", "字节"].iter().any(|w| folded(kind).contains(w));
        let Some((_, count)) = self.cell(&Field::Registers).filter(|_| of_bytes && word.is_byte()) else {
            return;
        };
        let digits: String = plain(&count).chars().take_while(char::is_ascii_digit).collect();
        word.bits = digits.parse::<u32>().ok().and_then(|bytes| bytes.checked_mul(8)).or(word.bits);
    }

    /// The byte that the cells of a row agree on, the high one if true; the low one by itself is left open.
    fn byte_of_row(&mut self, said: &[(usize, ByteSaid, String)]) -> Option<bool> {
        let first = said.iter().find_map(|(_, said, _)| said.byte());
        let against = |said: ByteSaid| said == ByteSaid::Both || said.byte() != first;
        if let Some((column, _, text)) = said.iter().find(|(_, said, _)| against(*said)) {
            self.fault(*column, messages::both_bytes(&tidy(text)), messages::BOTH_BYTES_REMEDY);
            return first;
        }
        let (column, one, text) = said.first()?;
        match one {
            // Told with those of which nothing says which byte.
            ByteSaid::OtherEmpty(false) => None,
            ByteSaid::OtherEmpty(true) if said.iter().all(|(_, s, _)| *s == *one) => {
                self.warn(*column, messages::other_byte(&tidy(text)), messages::OTHER_BYTE_REMEDY);
                Some(true)
            }
            _ => first,
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
