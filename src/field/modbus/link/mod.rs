//! The connection to one endpoint, and the rules that keep answers and requests together.
//!
//! On TCP an answer is matched by transaction id, unit, function and length: a late one is dropped
//! and the connection stays. Since the header has no checksum, an answer that was cut off could be
//! made whole by the next one's bytes: see `tcp`. On RTU, and with `transaction_ids = "any"`, nothing names
//! the request, so only one is in flight, and what came before it is dropped. Answers that may still come,
//! late ones and second copies, are kept in mind (`owed`): while one is, [`Link::owed_until`] says that no
//! request may go out whose answer would look like it. A stream that cannot be cut into frames is given up.
//!
//! `open` opens and closes, `speak` sends, `tcp` and `rtu` take answers, `patience` ends the waiting for
//! them; here they are called in turn. For `bus` and `survey`.

mod error;
mod open;
mod owed;
mod patience;
mod rivals;
mod rtu;
mod sizes;
mod speak;
mod take_overs;
mod tcp;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

pub use error::PollError;
use owed::{Debts, Shape};
use rivals::Rivals;
use sizes::Sizes;
use speak::Unsent;
pub use take_overs::Callers;
use take_overs::TakeOvers;

use super::beats;
use super::dial_in::Doorstep;
use super::frame::Ask;
use super::trace::Trace;
use super::wire::Wire;
use crate::clock::wall_now;
use crate::plant::Micros;
use crate::settings::{Framing, ModbusSource, Transport};

/// A connection attempt gets at least this long.
const LEAST_CONNECT: Duration = Duration::from_secs(1);
/// Silence that ends a frame behind serial servers and USB adapters, which deliver in lumps.
const LUMPS: Duration = Duration::from_millis(20);
/// A connection that ends sooner after a request has not carried it any more.
const LONG_OUT: Duration = Duration::from_millis(100);
/// Bytes beyond which a stream is noise: unread ones, and those of answers that nobody waits for.
const MOST_UNREAD: usize = 64 * 1024;

/// What a request is sent with.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    /// Comes back in [`Done`].
    pub tag: usize,
    /// Unit id.
    pub unit: u8,
    /// What is asked.
    pub ask: Ask,
    /// CRC with the high byte first.
    pub crc_swapped: bool,
    /// Look for the answer among junk.
    pub tolerant: bool,
    /// TCP: take an answer whatever its transaction id, if nothing else is in flight.
    pub any_transaction: bool,
    /// Rest before it, since it was given or since the request before it went out.
    pub pause: Duration,
}

/// The end of one request. The bytes of the values stand in [`Link::values`] until the next call.
#[derive(Debug)]
pub struct Done {
    /// As it was sent.
    pub sent: Sending,
    /// Round trip, or why not.
    pub outcome: Result<Duration, PollError>,
    /// When its last byte came, or when it was given up.
    pub at: Micros,
}

/// Counted over the life of the link.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct LineCounts {
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub connects: u64,
    /// Answers to requests that had been given up, or to nobody.
    pub late: u64,
    /// Answers of another unit, function or length.
    pub foreign: u64,
    /// Second copies of answers.
    pub doubled: u64,
    pub crc_errors: u64,
    /// Bytes that belonged to no frame.
    pub junk_bytes: u64,
    /// Frames of another master on the line.
    pub other_master: u64,
}

struct InFlight {
    sending: Sending,
    transaction: u16,
    since: Instant,
}

/// One endpoint's connection; opened when needed.
pub struct Link {
    transport: Transport,
    framing: Framing,
    timeout: Duration,
    connect_pause: Duration,
    silence: Duration,
    wire: Option<Wire>,
    /// Streams of a device that dials in.
    dialled: Option<Doorstep>,
    /// The last request that ended on this connection was answered.
    answered: bool,
    /// When a device was taken in whose registration only silence had ended, until it has answered.
    introduced: Option<Instant>,
    take_overs: TakeOvers,
    rivals: Rivals,
    /// The connection, well as it was when a new call came.
    displaced: Option<Wire>,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    /// What stands in `outgoing`, in order.
    unsent: VecDeque<Unsent>,
    /// The last request as it went out: on RTU to know its echo.
    spoken: Vec<u8>,
    last_shape: Option<Shape>,
    crc_swapped: bool,
    values: Vec<u8>,
    flight: Vec<InFlight>,
    /// Why the connection was given up; what was in flight ends with it.
    broken: Option<PollError>,
    transaction: u16,
    /// TCP: bytes of answers to nobody since the last proper one.
    unasked: usize,
    /// TCP: the last transaction id that no request has, and the one that was in flight then.
    strange: Option<(u16, u16)>,
    /// TCP: requests that were given up, as (transaction, unit, function).
    unanswered: VecDeque<(u16, u8, u8)>,
    /// Not before this the next request.
    ready_at: Instant,
    heard: Instant,
    deaf: u32,
    /// RTU, and any transaction id: answers that may still come.
    debts: Debts,
    /// RTU: bytes of values of an answer with too few of them, and how many were asked for.
    short: Option<(usize, usize)>,
    /// RTU: blocks that are answered with another size than was asked for.
    sizes: Sizes,
    /// The last request took an answer with any transaction id.
    any_transaction: bool,
    /// Any transaction id: something came that nobody waited for, so what follows may be shifted by one.
    shifted: bool,
    /// The connection was given up to be sure of what follows, not because it was lost.
    renewed: bool,
    /// It was given up for a device that talks without end.
    flooded: bool,
    trace: Trace,
    counts: LineCounts,
}

impl Link {
    /// A link that is not yet connected.
    #[must_use]
    pub fn new(source: &ModbusSource, trace: Trace, dialled: Option<Doorstep>) -> Self {
        let framing = source.transport.framing();
        let silence = match (&source.transport, framing) {
            (Transport::Serial(port), _) => port.silence(),
            (_, Framing::Rtu) => LUMPS,
            (_, Framing::Tcp) => Duration::ZERO,
        };
        let now = Instant::now();
        Self {
            transport: source.transport.clone(),
            framing,
            timeout: source.timeout,
            connect_pause: source.connect_pause,
            silence,
            wire: None,
            dialled,
            answered: false,
            introduced: None,
            take_overs: TakeOvers::default(),
            rivals: Rivals::default(),
            displaced: None,
            last_shape: None,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            unsent: VecDeque::new(),
            spoken: Vec::new(),
            crc_swapped: false,
            values: Vec::new(),
            flight: Vec::new(),
            broken: None,
            transaction: u16::MAX,
            unasked: 0,
            strange: None,
            unanswered: VecDeque::new(),
            ready_at: now,
            heard: now,
            deaf: 0,
            debts: Debts::new(source.timeout),
            short: None,
            sizes: Sizes::default(),
            any_transaction: false,
            shifted: false,
            renewed: false,
            flooded: false,
            trace,
            counts: LineCounts::default(),
        }
    }

    /// A connection stands, as far as we know.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.wire.is_some()
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> LineCounts {
        self.counts
    }

    /// The bytes of the values of the last answer, big-endian words or packed bits.
    #[must_use]
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// Whether one device dials in here, or two with one registration.
    #[must_use]
    pub fn callers(&self) -> Callers {
        match self.take_overs.callers(Instant::now()) {
            Callers::One if self.rivals.are_asked() => Callers::Doubtful,
            known => known,
        }
    }

    /// Requests without an end yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flight.len()
    }

    /// Takes what has come in while nobody waited: a closed connection is noticed before a request is
    /// lost on it, late answers are counted and dropped.
    pub fn freshen(&mut self) {
        self.take_dialled();
        if !self.flight.is_empty() {
            return;
        }
        self.drop_surplus();
        let before = self.counts.received_bytes;
        loop {
            // Who talks faster than we listen must not keep us here.
            if self.counts.received_bytes - before > MOST_UNREAD as u64 {
                self.give_up(PollError::Garbled("nothing but noise".to_owned()));
                self.flooded = true;
            }
            let Some(wire) = self.wire.as_mut() else { return };
            match wire.read_ready(&mut self.incoming) {
                Ok(Some(0)) => self.give_up(PollError::Line("closed by the other side".to_owned())),
                Ok(Some(read)) => {
                    self.received(read);
                    if self.goes_on() {
                        return;
                    }
                    self.drop_surplus();
                }
                Ok(None) => return self.set_right(),
                Err(e) => self.give_up(PollError::Line(e.to_string())),
            }
        }
    }

    /// Takes off the buffer what nobody waits for.
    fn drop_surplus(&mut self) {
        if self.framing == Framing::Tcp {
            while self.take_tcp(false).is_some() {}
        } else if !self.incoming.is_empty() {
            self.drop_unasked(false);
        }
    }

    /// Any transaction id: where something came that nobody waited for, each answer could be the one to the
    /// request before. A new connection, or silence where only the device can open one, sets that right.
    fn set_right(&mut self) {
        let part = self.any_transaction && !self.heartbeat().starts_with(&self.incoming);
        if !self.shifted && !part {
            return;
        }
        self.shifted = false;
        if matches!(self.transport, Transport::DialIn(_)) {
            self.incoming.clear();
            self.rest(self.debts.linger());
        } else {
            self.give_up(PollError::Line("opened anew after an answer to nobody".to_owned()));
            self.renewed = true;
        }
    }

    /// Whether the connection was given up for all that came without being asked for; asked once.
    pub fn take_flooded(&mut self) -> bool {
        std::mem::take(&mut self.flooded)
    }

    /// Whether the connection was given up only to be sure of what follows; asked once.
    pub fn take_renewed(&mut self) -> bool {
        std::mem::take(&mut self.renewed)
    }

    /// Until when an answer to `ask` could be another's, where no transaction id tells them apart; `None` if it
    /// can be asked at once.
    #[must_use]
    pub fn owed_until(&self, unit: u8, ask: &Ask) -> Option<Instant> {
        let bytes = ask.value_bytes()?;
        self.debts.until(Shape { unit, function: ask.function(), bytes }, Instant::now())
    }

    /// An exception of `unit` to this function may be the late answer to another request.
    #[must_use]
    pub fn owes(&self, unit: u8, ask: &Ask) -> bool {
        self.debts.owes(unit, ask.function(), Instant::now())
    }

    /// Nothing of this unit can come any more: the line was silent long enough.
    pub fn trust(&mut self, unit: u8) {
        self.debts.forget(unit);
    }

    fn is_owed(&self, sending: &Sending) -> bool {
        self.owed_until(sending.unit, &sending.ask).is_some()
    }

    fn was_answered(&mut self, sending: &Sending) {
        if let Some(bytes) = sending.ask.value_bytes() {
            let shape = Shape { unit: sending.unit, function: sending.ask.function(), bytes };
            self.debts.answered(shape, Instant::now());
        }
    }

    /// Waits for the end of one request in flight. Must not be called with none.
    /// If the future is dropped, bytes that were read stay for the next call.
    pub async fn next(&mut self) -> Done {
        loop {
            if self.wire.is_none() {
                let why = self.broken.clone().unwrap_or_else(|| PollError::Line("not connected".to_owned()));
                let gone = self.flight.remove(0);
                // A serial server hands an answer to whoever is connected when it comes.
                if self.framing == Framing::Rtu && gone.since.elapsed() > LONG_OUT {
                    self.is_owing(&gone);
                }
                return Done { sent: gone.sending, outcome: Err(why), at: wall_now() };
            }
            if let Some(done) = self.take() {
                return done;
            }
            if self.wire.is_none() {
                continue;
            }
            if !self.outgoing.is_empty() {
                self.flush().await;
                continue;
            }
            let deadline = self.deadline();
            let Some(wire) = self.wire.as_mut() else { continue };
            match tokio::time::timeout_at(deadline, wire.read(&mut self.incoming)).await {
                Ok(Ok(0)) => self.give_up(PollError::Line("closed by the other side".to_owned())),
                Ok(Ok(read)) => {
                    self.received(read);
                    self.heard = Instant::now();
                    self.deaf = 0;
                    self.goes_on();
                }
                Ok(Err(e)) => self.give_up(PollError::Line(e.to_string())),
                Err(_) => return self.expired(),
            }
        }
    }

    fn received(&mut self, read: usize) {
        self.counts.received_bytes += read as u64;
        let from = self.incoming.len() - read;
        if self.trace.wants(self.flight.iter().map(|f| f.sending.unit)) {
            self.trace.keep(false, &self.incoming[from..]);
        }
        if self.incoming.len() > MOST_UNREAD {
            self.give_up(PollError::Garbled("nothing but noise".to_owned()));
        }
    }

    /// Each frame comes in a datagram of its own: none is cut off, and no connection can be half open.
    fn datagrams(&self) -> bool {
        matches!(self.transport, Transport::Udp { .. })
    }

    /// Modbus ASCII has a check of its own.
    fn ascii(&self) -> bool {
        match &self.transport {
            Transport::RtuTcp { ascii, .. } => *ascii,
            Transport::Serial(port) => port.ascii,
            _ => false,
        }
    }

    /// What a device that dialled in sends of itself to keep its line open; empty if it sends nothing.
    fn heartbeat(&self) -> &[u8] {
        match &self.transport {
            Transport::DialIn(device) => &device.heartbeat,
            _ => &[],
        }
    }

    /// Takes whole heartbeats off the front of the buffer.
    fn drop_heartbeats(&mut self) {
        let whole = self.incoming.len() - beats::behind(&self.incoming, self.heartbeat()).len();
        self.incoming.drain(..whole);
    }

    fn take(&mut self) -> Option<Done> {
        match self.framing {
            Framing::Tcp => {
                while let Some(done) = self.take_tcp(false) {
                    if done.is_some() {
                        return done;
                    }
                }
                None
            }
            Framing::Rtu => self.take_rtu(),
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
