//! What came instead of an answer. Callers decide by its kind what to do next.

use std::time::Duration;

use tokio_modbus::ExceptionCode;

use crate::field::modbus::frame::{Ask, Wrong};
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
    #[error("wrong answer: {} bytes of values where {} were asked for", u32::from(*.got) * 2, u32::from(*.wanted) * 2)]
    Short {
        /// Registers that came.
        got: u16,
        /// Registers that were asked for.
        wanted: u16,
    },
    /// Something came that is no answer to this request.
    #[error("wrong answer: {0}")]
    Garbled(String),
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
            (Ask::Read { table, .. }, Wrong::Length { got, wanted })
                if !table.is_bits() && got < wanted && got % 2 == 0 && got > 0 =>
            {
                // Both fit a byte.
                Self::Short { got: (got / 2) as u16, wanted: (wanted / 2) as u16 }
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
            Self::Garbled(_) | Self::Short { .. } | Self::OtherTransaction { .. } => Cause::Garbled,
        }
    }
}
