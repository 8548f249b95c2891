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
    /// As the readings show it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Exception(code) => Cause::of_exception(*code),
            Self::Late(_) => Cause::Timeout,
            Self::Line(_) => Cause::Disconnected,
            Self::Garbled(_) => Cause::Garbled,
        }
    }
}
