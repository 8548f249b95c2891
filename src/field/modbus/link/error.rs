//! What came instead of an answer. Callers decide by its kind what to do next.

use std::time::Duration;

use tokio_modbus::ExceptionCode;

use crate::field::modbus::frame::{Ask, Wrong, register_bytes};
use crate::plant::Cause;

/// What came instead of an answer, sorted by what to do next.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PollError {
    /// The device said no: the line is well.
    #[error("exception {0:02X}, {text}", text = exception(*.0))]
    Exception(u8),
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The connection broke or was refused.
    #[error("connection: {0}")]
    Line(String),
    /// An answer came, but not with the transaction id of a request.
    #[error(
        "wrong answer: transaction id {got} where {sent} was sent (always so? transaction_ids = \"any\")"
    )]
    OtherTransaction {
        /// Of the answer.
        got: u16,
        /// Of the request.
        sent: u16,
    },
    /// A device that dials in: another one introduces itself in the same way.
    #[error("two devices dial in with this registration: give each its own")]
    TwoCallers,
    /// Fewer registers than were asked for: some devices have a largest answer and do not say so.
    #[error("wrong answer: {} bytes of values where {} were asked for", usize::from(*.got) * register_bytes(*.four_byte), usize::from(*.wanted) * register_bytes(*.four_byte))]
    Short {
        /// Registers that came.
        got: u16,
        /// Registers that were asked for.
        wanted: u16,
        /// They hold four bytes each.
        four_byte: bool,
    },
    /// As many bytes as registers of another size would give.
    #[error("wrong answer: {got} bytes of values where {wanted} were asked for{}", other_size(*.got, *.four_byte))]
    OtherSize {
        /// Bytes of values that came.
        got: usize,
        /// Bytes of values that were asked for.
        wanted: usize,
        /// Registers of four bytes were asked for.
        four_byte: bool,
    },
    /// Something came that is no answer to this request.
    #[error("wrong answer: {0}")]
    Garbled(String),
}

/// Registers of two bytes and of four: half as much as was asked for may be a largest answer too.
fn is_other_size(got: usize, wanted: usize, four_byte: bool) -> bool {
    got > 0 && if four_byte { got * 2 == wanted } else { got == wanted * 2 }
}

/// What is to be written then; `got` are the bytes that came.
fn other_size(got: usize, four_byte: bool) -> String {
    let most = got / register_bytes(true);
    match four_byte {
        false => " (registers of four bytes? Say so in the profile: [modbus] four_byte = [{ table = \"holding\", from = FIRST, to = LAST }])".to_owned(),
        // Half a register is not a largest answer.
        true if !got.is_multiple_of(register_bytes(true)) => {
            " (registers of two bytes? The profile's four_byte says that they have four)".to_owned()
        }
        true => format!(" (registers of two bytes? The profile's four_byte says that they have four. Or does the device give no more at once? Then write max_registers = {most})"),
    }
}

fn exception(code: u8) -> String {
    match ExceptionCode::new(code) {
        ExceptionCode::Custom(_) => "which the specification does not know".to_owned(),
        known => known.to_string(),
    }
}

impl PollError {
    /// What an answer to `ask` with this fault is.
    pub(super) fn of_wrong(ask: &Ask, wrong: Wrong) -> Self {
        match (*ask, wrong) {
            (Ask::Read { table, four_byte, .. }, Wrong::Length { got, wanted })
                if !table.is_bits() && is_other_size(got, wanted, four_byte) =>
            {
                Self::OtherSize { got, wanted, four_byte }
            }
            (Ask::Read { table, four_byte, .. }, Wrong::Length { got, wanted })
                if !table.is_bits() && got < wanted && got % register_bytes(four_byte) == 0 && got > 0 =>
            {
                let each = register_bytes(four_byte);
                // Both fit a byte.
                Self::Short { got: (got / each) as u16, wanted: (wanted / each) as u16, four_byte }
            }
            _ => Self::Garbled(wrong.to_string()),
        }
    }

    /// The same kind of trouble, whatever numbers are in its words.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let words = |text: &str| -> String { text.chars().filter(|c| !c.is_ascii_digit()).collect() };
        match (self, other) {
            (Self::Exception(one), Self::Exception(two)) => one == two,
            (Self::Line(one), Self::Line(two)) | (Self::Garbled(one), Self::Garbled(two)) => {
                words(one) == words(two)
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// As the readings show it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Exception(code) => Cause::of_exception(*code),
            Self::Late(_) => Cause::Timeout,
            Self::Line(_) => Cause::Disconnected,
            Self::TwoCallers => Cause::SharedRegistration,
            Self::Garbled(_)
            | Self::Short { .. }
            | Self::OtherSize { .. }
            | Self::OtherTransaction { .. } => Cause::Garbled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PollError;
    use crate::field::modbus::frame::{Ask, Wrong};
    use crate::settings::Table;

    fn of(table: Table, four_byte: bool, got: usize, wanted: usize) -> PollError {
        let ask = Ask::Read { table, address: 0, count: 1, four_byte };
        PollError::of_wrong(&ask, Wrong::Length { got, wanted })
    }

    #[test]
    fn an_answer_of_registers_of_another_size_says_what_to_write_and_teaches_no_largest_request() {
        let told = of(Table::HoldingRegister, false, 8, 4).to_string();
        assert!(
            told.contains("8 bytes of values where 4") && told.contains("four_byte = [{ table"),
            "{told}"
        );
        let told = of(Table::InputRegister, true, 8, 16).to_string();
        assert!(told.contains("registers of two bytes?") && told.contains("max_registers = 2)"), "{told}");
        let told = of(Table::InputRegister, true, 2, 4).to_string();
        assert!(told.contains("registers of two bytes?") && !told.contains("max_registers"), "{told}");
        assert!(matches!(of(Table::InputRegister, true, 8, 12), PollError::Short { got: 2, wanted: 3, .. }));
        assert!(matches!(
            of(Table::HoldingRegister, false, 4, 8),
            PollError::Short { got: 2, wanted: 4, .. }
        ));
        assert!(matches!(of(Table::InputRegister, true, 6, 16), PollError::Garbled(_)), "no whole registers");
        assert!(matches!(of(Table::Coil, false, 2, 1), PollError::Garbled(_)), "bits have no size");
        assert_eq!(
            of(Table::InputRegister, true, 8, 12).to_string(),
            "wrong answer: 8 bytes of values where 12 were asked for"
        );
    }
}
