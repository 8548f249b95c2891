//! The connection to one endpoint, and the one rule that keeps answers and requests together:
//! after anything but an answer or an exception the connection is dropped, so that a late answer
//! can never be taken for another request's.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio_modbus::client::{Context, Reader};
use tokio_modbus::slave::{Slave, SlaveContext};

use crate::plant::Cause;
use crate::settings::Table;

/// What came instead of an answer, sorted by what to do next.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum PollError {
    /// The device said no: the line is well.
    #[error("exception {0:02}")]
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

impl PollError {
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Exception(code) => Cause::of_exception(*code),
            Self::Late(_) => Cause::Timeout,
            Self::Line(_) => Cause::Disconnected,
            Self::Garbled(_) => Cause::Garbled,
        }
    }
}

/// The words or bits of an answer.
#[derive(Debug)]
pub(super) enum Answer {
    Words(Vec<u16>),
    Bits(Vec<bool>),
}

/// One endpoint's connection; opened when needed.
pub(super) struct Link {
    host: String,
    port: u16,
    timeout: Duration,
    context: Option<Context>,
}

impl Link {
    pub(super) fn new(host: &str, port: u16, timeout: Duration) -> Self {
        Self { host: host.to_owned(), port, timeout, context: None }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.context.is_some()
    }

    /// Opens the connection if there is none.
    pub(super) async fn connect(&mut self) -> Result<(), PollError> {
        if self.context.is_some() {
            return Ok(());
        }
        let limit = self.timeout.max(Duration::from_secs(1));
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = match tokio::time::timeout(limit, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => return Err(PollError::Line(e.to_string())),
            Err(_) => return Err(PollError::Line(format!("no connection within {limit:?}"))),
        };
        // Without it small requests wait for the other side's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        self.context = Some(tokio_modbus::client::tcp::attach(stream));
        Ok(())
    }

    /// One request, one answer, and how long it took.
    pub(super) async fn request(
        &mut self,
        unit: u8,
        table: Table,
        address: u16,
        count: u16,
    ) -> Result<(Answer, Duration), PollError> {
        let Some(context) = self.context.as_mut() else {
            return Err(PollError::Line("not connected".to_owned()));
        };
        context.set_slave(Slave(unit));
        let began = Instant::now();
        let asking = async {
            match table {
                Table::Coil => context.read_coils(address, count).await.map(|r| r.map(Answer::Bits)),
                Table::DiscreteInput => {
                    context.read_discrete_inputs(address, count).await.map(|r| r.map(Answer::Bits))
                }
                Table::HoldingRegister => {
                    context.read_holding_registers(address, count).await.map(|r| r.map(Answer::Words))
                }
                Table::InputRegister => {
                    context.read_input_registers(address, count).await.map(|r| r.map(Answer::Words))
                }
            }
        };
        let outcome = match tokio::time::timeout(self.timeout, asking).await {
            Ok(Ok(Ok(answer))) => {
                // Words come to the byte; bits come in whole bytes, of which the library cut the rest.
                let len = match &answer {
                    Answer::Words(words) => words.len(),
                    Answer::Bits(bits) => bits.len(),
                };
                if len == usize::from(count) {
                    return Ok((answer, began.elapsed()));
                }
                Err(PollError::Garbled(format!("{len} values where {count} were asked for")))
            }
            Ok(Ok(Err(exception))) => return Err(PollError::Exception(exception.into())),
            Ok(Err(tokio_modbus::Error::Transport(e))) => Err(match e.kind() {
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
                    PollError::Garbled(e.to_string())
                }
                _ => PollError::Line(e.to_string()),
            }),
            Ok(Err(e)) => Err(PollError::Garbled(e.to_string())),
            Err(_) => Err(PollError::Late(self.timeout)),
        };
        self.context = None;
        outcome
    }
}
