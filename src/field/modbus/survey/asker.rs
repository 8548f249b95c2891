//! One question after another to one endpoint, and what came of each: for tools that look at devices,
//! not for polling. Counts what it asks, waits out late answers, tries again where a device was busy
//! or had closed the connection.

use std::time::Duration;

use tokio::time::Instant;

use super::super::frame::Ask;
use super::super::link::{Link, PollError, Sending};
use super::super::trace::{Frame, Trace};
use super::caller;
use crate::plant::Id;
use crate::settings::{Framing, ModbusSource, Transport};

/// Pause before a busy device (exception 5 or 6) is asked again, and how often.
const BUSY_PAUSE: Duration = Duration::from_millis(250);
const BUSY_TRIES: u8 = 3;

/// An answer.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The bytes of the values.
    pub values: Vec<u8>,
    /// Round trip.
    pub took: Duration,
}

/// The connection to the endpoint under question.
pub struct Asker {
    link: Link,
    trace: Trace,
    framing: Framing,
    timeout: Duration,
    /// Rest before each question.
    pub pause: Duration,
    /// CRC with the high byte first.
    pub crc_swapped: bool,
    /// Take answers whatever their transaction id.
    pub any_transaction: bool,
    /// Questions asked so far.
    pub requests: u32,
    /// First bytes of a device that dialled in.
    pub registration: Vec<u8>,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker").field("requests", &self.requests).finish_non_exhaustive()
    }
}

impl Asker {
    /// Connects; where the device dials in, waits for it for at most `patience`.
    ///
    /// # Errors
    /// [`PollError::Line`] with the system's words.
    pub async fn open(
        transport: &Transport,
        timeout: Duration,
        patience: Duration,
    ) -> Result<Self, PollError> {
        let id = Id::new("probe").map_err(|e| PollError::Line(e.to_string()))?;
        let source = ModbusSource {
            id,
            transport: transport.clone(),
            timeout,
            reconnect: (Duration::from_millis(100), Duration::from_secs(1)),
            connect_pause: Duration::ZERO,
            idle_close: None,
            probe_share: 0.5,
            breaker: false,
            devices: Vec::new(),
        };
        let trace = Trace::default();
        trace.start(None);
        let (dialled, registration) = match transport {
            Transport::DialIn(how) => {
                let call = caller::wait(how, patience).await?;
                (Some(call.streams), call.registration)
            }
            _ => (None, Vec::new()),
        };
        let mut link = Link::new(&source, trace.clone(), dialled);
        link.connect().await?;
        Ok(Self {
            link,
            trace,
            framing: transport.framing(),
            timeout,
            pause: Duration::ZERO,
            crc_swapped: false,
            any_transaction: false,
            requests: 0,
            registration,
        })
    }

    /// The frames since the last call, as they went over the wire.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.trace.take()
    }

    /// Asks once more where the device was busy, or the connection had been closed.
    ///
    /// # Errors
    /// As the link has them.
    pub async fn ask(&mut self, unit: u8, ask: Ask) -> Result<Heard, PollError> {
        let (mut busy, mut closed) = (0, false);
        loop {
            match self.once(unit, ask).await {
                Err(PollError::Exception(5 | 6)) if busy < BUSY_TRIES => {
                    busy += 1;
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Err(PollError::Line(_)) if !closed => closed = true,
                other => return other,
            }
        }
    }

    async fn once(&mut self, unit: u8, ask: Ask) -> Result<Heard, PollError> {
        self.link.freshen();
        self.link.connect().await?;
        // On a line that doubles its answers a second copy may still come.
        while let Some(until) = self.link.owed_until(unit, &ask) {
            tokio::time::sleep_until(until).await;
            self.link.freshen();
            self.link.connect().await?;
        }
        self.requests += 1;
        self.put(0, unit, ask);
        let done = self.link.next().await;
        match done.outcome {
            Ok(took) => Ok(Heard { values: self.link.values().to_vec(), took }),
            Err(error) => {
                if self.framing == Framing::Rtu && matches!(error, PollError::Late(_) | PollError::Garbled(_))
                {
                    // Nothing names its request: silent for as long again, then a late answer is out of
                    // the way.
                    self.link.rest(self.timeout);
                    self.link.trust(unit);
                }
                Err(error)
            }
        }
    }

    /// All at once in flight; the answers in the order of the questions. TCP framing only.
    pub async fn burst(&mut self, unit: u8, asks: &[Ask]) -> (Vec<Result<Heard, PollError>>, Duration) {
        self.link.freshen();
        if let Err(e) = self.link.connect().await {
            return (vec![Err(e); asks.len()], Duration::ZERO);
        }
        let began = Instant::now();
        for (n, ask) in asks.iter().enumerate() {
            self.requests += 1;
            self.put(n, unit, *ask);
        }
        let mut answers = vec![Err(PollError::Late(self.timeout)); asks.len()];
        while self.link.in_flight() > 0 {
            let done = self.link.next().await;
            let heard = done.outcome.map(|took| Heard { values: self.link.values().to_vec(), took });
            if let Some(answer) = answers.get_mut(done.sent.tag) {
                *answer = heard;
            }
        }
        (answers, began.elapsed())
    }

    /// Begins again with a fresh connection.
    pub fn renew(&mut self) {
        self.link.close("opened anew");
    }

    fn put(&mut self, tag: usize, unit: u8, ask: Ask) {
        let (crc_swapped, pause) = (self.crc_swapped, self.pause);
        self.link.send(Sending {
            tag,
            unit,
            ask,
            crc_swapped,
            tolerant: true,
            any_transaction: self.any_transaction,
            pause,
        });
    }
}

/// What may help when the line itself fails.
#[must_use]
pub fn advice(error: &PollError) -> Option<&'static str> {
    let PollError::Line(words) = error else { return None };
    let words = words.to_ascii_lowercase();
    if words.contains("refused") || words.contains("closed") || words.contains("reset") {
        return Some(
            "a device that allows one connection only is busy while a gateway or a panel polls it: stop that one, \
             or look at its unit in the running gateway (trace); else check the port",
        );
    }
    if words.contains("no connection within") || words.contains("unreachable") || words.contains("no route") {
        return Some("check cable, address and subnet mask; a firewall may drop the port");
    }
    if words.contains("permission denied") {
        return Some("this user may not open the port: add him to the group `dialout`");
    }
    if words.contains("busy") || words.contains("exclusive") {
        return Some("another program has the serial port open: stop the gateway, or what else uses it");
    }
    if words.contains("no such file") {
        return Some("list the serial ports with: ls -l /dev/serial/by-id/");
    }
    None
}
