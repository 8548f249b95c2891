//! What came instead of an answer. Callers decide by its kind what to do next.

use std::time::Duration;

use tokio_modbus::ExceptionCode;

use crate::plant::Cause;

/// What came instead of an answer, sorted by what to do next.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PollError {
    /// The device said no: the line is well.
    #[error("exception {0:02}, {text}", text = exception(*.0))]
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
    /// Something came that is no answer to this request.
    #[error("wrong answer: {0}")]
    Garbled(String),
}

fn exception(code: u8) -> String {
    match ExceptionCode::new(code) {
        ExceptionCode::Custom(_) => "Unknown exception code".to_owned(),
        known => known.to_string(),
    }
}

impl PollError {
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
            Self::Garbled(_) | Self::OtherTransaction { .. } => Cause::Garbled,
        }
    }
}
