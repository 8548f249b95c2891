//! The connection to one endpoint, and the rules that keep answers and requests together.
//!
//! On TCP an answer is matched by transaction id, unit, function and length: a late one is dropped
//! and the connection stays. Since the header has no checksum, an answer that was cut off could be
//! made whole by the next one's bytes: see `borrowed`. On RTU nothing names the request, so only one is in flight, the line is
//! silent and flushed before each, and after a timeout the unit is asked for something of another
//! length first ([`Link::doubt`]): devices answer in order, so its answer proves that the late one
//! can no longer come. A stream that cannot be cut into frames is given up.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use tokio_modbus::ExceptionCode;

use super::beats;
use super::dial_in::Doorstep;
use super::frame::{self, Answer, Ask, Rtu, TcpFrame, Wrong};
use super::trace::Trace;
use super::wire::Wire;
use crate::clock::wall_now;
use crate::plant::{Cause, Micros};
use crate::settings::{Framing, ModbusSource, Table, Transport};

/// Requests in a row without a byte in return after which a TCP connection is opened anew: the
/// device may have lost power and know nothing of it.
const HALF_OPEN: u32 = 3;
/// A connection attempt gets at least this long.
const LEAST_CONNECT: Duration = Duration::from_secs(1);
/// Silence that ends a frame behind serial servers and USB adapters, which deliver in lumps.
const LUMPS: Duration = Duration::from_millis(20);
/// Late answers of one unit that are reckoned with.
const MOST_DOUBTS: usize = 8;
/// Requests without an answer whose late answers are reckoned with.
const MOST_UNANSWERED: usize = 32;
/// Bytes beyond which a stream is noise: unread ones, and those of answers that nobody waits for.
const MOST_UNREAD: usize = 64 * 1024;

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
    pub crc_errors: u64,
    /// Bytes that belonged to no frame.
    pub junk_bytes: u64,
    /// Frames of another master on the line.
    pub other_master: u64,
}

/// Whether a late answer may still come on an RTU line, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// None can.
    None,
    /// Ask this first.
    Ask(Ask),
    /// Nothing may be asked that would tell: wait until it must have come.
    Wait,
}

/// Whether a frame holds bytes of another.
#[derive(PartialEq)]
enum Borrowed {
    No,
    Perhaps,
    Yes,
}

/// A request that waits in [`Link::outgoing`] for its turn.
struct Unsent {
    transaction: u16,
    bytes: usize,
    pause: Duration,
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
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    /// What stands in `outgoing`, in order.
    unsent: VecDeque<Unsent>,
    /// RTU: the last request, to know its echo.
    spoken: Vec<u8>,
    crc_swapped: bool,
    values: Vec<u8>,
    flight: Vec<InFlight>,
    /// Why the connection was given up; what was in flight ends with it.
    broken: Option<PollError>,
    transaction: u16,
    /// TCP: bytes of answers to nobody since the last proper one.
    unasked: usize,
    /// TCP: requests that were given up, as (transaction, unit, function).
    unanswered: VecDeque<(u16, u8, u8)>,
    /// Not before this the next request.
    ready_at: Instant,
    heard: Instant,
    deaf: u32,
    /// RTU: by unit, function and length of the answers that may still come.
    doubt: HashMap<u8, Vec<(u8, usize)>>,
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
            unanswered: VecDeque::new(),
            ready_at: now,
            heard: now,
            deaf: 0,
            doubt: HashMap::new(),
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

    /// Requests without an end yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flight.len()
    }

    /// Opens the connection if there is none.
    ///
    /// # Errors
    /// [`PollError::Line`], with the system's words.
    pub async fn connect(&mut self) -> Result<(), PollError> {
        self.take_dialled();
        if self.wire.is_some() {
            return Ok(());
        }
        let line = |e: std::io::Error| PollError::Line(e.to_string());
        let wire = match &self.transport {
            Transport::Tcp { host, port } | Transport::RtuTcp { host, port } => {
                Wire::tcp(host, *port, self.timeout.max(LEAST_CONNECT)).await.map_err(line)?
            }
            Transport::Serial(port) => Wire::serial(port).map_err(line)?,
            Transport::DialIn(_) => {
                return Err(PollError::Line("the device has not dialled in".to_owned()));
            }
        };
        self.opened(wire);
        Ok(())
    }

    /// Closes; what was in flight ends with an error at the next call of [`Link::next`].
    pub fn close(&mut self, why: &str) {
        self.give_up(PollError::Line(why.to_owned()));
    }

    /// A device that dials in again has lost its old connection, whatever we think of it: what is in
    /// flight there ends first.
    fn take_dialled(&mut self) {
        let Some(door) = &self.dialled else { return };
        if !self.flight.is_empty() {
            if door.is_knocked() {
                self.give_up(PollError::Line("the device dialled in anew".to_owned()));
            }
            return;
        }
        if let Some((stream, rest)) = door.take() {
            self.opened(Wire::of_stream(stream));
            self.incoming = rest;
        }
    }

    /// Hands on where dialled-in connections come from, to a link that takes this one's place.
    pub fn take_doorstep(&mut self) -> Option<Doorstep> {
        self.dialled.take()
    }

    fn opened(&mut self, wire: Wire) {
        self.wire = Some(wire);
        self.incoming.clear();
        self.outgoing.clear();
        self.unsent.clear();
        self.broken = None;
        self.deaf = 0;
        self.unasked = 0;
        self.unanswered.clear();
        self.counts.connects += 1;
        self.ready_at = Instant::now() + self.connect_pause;
    }

    fn give_up(&mut self, why: PollError) {
        self.wire = None;
        self.incoming.clear();
        self.outgoing.clear();
        self.unsent.clear();
        self.broken = Some(why);
    }

    /// Not before `pause` from now the next request.
    pub fn rest(&mut self, pause: Duration) {
        self.ready_at = self.ready_at.max(Instant::now() + pause);
    }

    /// RTU after a timeout: what must be asked of `unit` first, so that a late answer cannot be taken
    /// for another's: something whose answer is unlike all that may still come. `like` is what would be
    /// asked next, `may` what may be asked at all, by table, first address and count.
    #[must_use]
    pub fn doubt(&self, unit: u8, like: &Ask, may: impl Fn(Table, u16, u16) -> bool) -> Doubt {
        let Some(open) = self.doubt.get(&unit) else { return Doubt::None };
        let Ask::Read { table, address, .. } = *like else { return Doubt::Ask(*like) };
        let step = if table.is_bits() { 8 } else { 1 };
        let counts = (0..=MOST_DOUBTS as u16).map(|n| 1 + n * step);
        let asks = counts.filter_map(|count| {
            let address = address.min(u16::MAX - count + 1);
            may(table, address, count).then_some(Ask::Read { table, address, count })
        });
        let unlike = |ask: &Ask| !open.contains(&(ask.function(), ask.value_bytes().unwrap_or_default()));
        asks.into_iter().find(unlike).map_or(Doubt::Wait, Doubt::Ask)
    }

    /// The doubt is over: its question was answered, or the line was silent long enough.
    pub fn trust(&mut self, unit: u8) {
        self.doubt.remove(&unit);
    }

    /// Takes what has come in while nobody waited: a closed connection is noticed before a request is
    /// lost on it, late answers are counted and dropped.
    pub fn freshen(&mut self) {
        self.take_dialled();
        if !self.flight.is_empty() {
            return;
        }
        let before = self.counts.received_bytes;
        loop {
            // Who talks faster than we listen must not keep us here.
            if self.counts.received_bytes - before > MOST_UNREAD as u64 {
                self.give_up(PollError::Garbled("nothing but noise".to_owned()));
            }
            let Some(wire) = self.wire.as_mut() else { return };
            match wire.read_ready(&mut self.incoming) {
                Ok(Some(0)) => self.give_up(PollError::Line("closed by the other side".to_owned())),
                Ok(Some(read)) => {
                    self.received(read);
                    if self.framing == Framing::Tcp {
                        while self.take_tcp(false).is_some() {}
                    } else {
                        self.drop_unasked();
                    }
                }
                Ok(None) => return,
                Err(e) => self.give_up(PollError::Line(e.to_string())),
            }
        }
    }

    /// Puts a request on its way; [`Link::next`] sends it and brings its end.
    pub fn send(&mut self, sending: Sending) {
        self.transaction = beats::next_transaction(self.transaction, self.heartbeat());
        if self.wire.is_some() {
            let Sending { unit, ask, crc_swapped, pause, .. } = sending;
            if self.unsent.is_empty() && !pause.is_zero() {
                self.rest(pause);
            }
            let from = self.outgoing.len();
            ask.write(self.framing, unit, self.transaction, crc_swapped, &mut self.outgoing);
            let bytes = self.outgoing.len() - from;
            self.unsent.push_back(Unsent { transaction: self.transaction, bytes, pause });
            self.crc_swapped = crc_swapped;
        }
        let since = Instant::now();
        self.flight.push(InFlight { sending, transaction: self.transaction, since });
    }

    /// Waits for the end of one request in flight. Must not be called with none.
    /// If the future is dropped, bytes that were read stay for the next call.
    pub async fn next(&mut self) -> Done {
        loop {
            if self.wire.is_none() {
                let why = self.broken.clone().unwrap_or_else(|| PollError::Line("not connected".to_owned()));
                let gone = self.flight.remove(0);
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

    /// RTU: takes `bytes` that are no answer off the buffer.
    fn drop_junk(&mut self, bytes: usize) {
        self.look_for_master(bytes);
        self.counts.junk_bytes += bytes as u64;
        self.incoming.drain(..bytes);
    }

    /// RTU: takes off the buffer what came while nothing was asked.
    fn drop_unasked(&mut self) {
        self.drop_heartbeats();
        if !self.heartbeat().starts_with(&self.incoming) {
            self.drop_junk(self.incoming.len());
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

    /// RTU: whether another master spoke in the first `bytes` of the buffer.
    fn look_for_master(&mut self, bytes: usize) {
        let heard = &self.incoming[..bytes];
        // What an adapter hears of ourselves is no stranger.
        let echo = !self.spoken.is_empty() && heard.windows(self.spoken.len()).any(|w| w == self.spoken);
        if !echo && frame::other_master(heard, self.crc_swapped).is_some() {
            self.counts.other_master += 1;
        }
    }

    async fn flush(&mut self) {
        // Until it may speak it listens: what comes now belongs to nobody, and while somebody talks
        // on an RTU line it waits for silence, though not for ever.
        let patience = Instant::now() + self.timeout.max(LUMPS);
        while Instant::now() < self.ready_at {
            let Some(wire) = self.wire.as_mut() else { return };
            match tokio::time::timeout_at(self.ready_at, wire.read(&mut self.incoming)).await {
                Ok(Ok(0)) => return self.give_up(PollError::Line("closed by the other side".to_owned())),
                Ok(Ok(read)) => {
                    self.received(read);
                    self.heard = Instant::now();
                    // On TCP it may answer a request that is in flight: `next` takes it by its id.
                    if self.framing == Framing::Tcp {
                        return;
                    }
                    self.drop_unasked();
                    self.ready_at = (Instant::now() + self.silence).min(patience.max(self.ready_at));
                }
                Ok(Err(e)) => return self.give_up(PollError::Line(e.to_string())),
                Err(_) => break,
            }
        }
        if self.framing == Framing::Rtu {
            self.incoming.clear();
        }
        let Some(wire) = self.wire.as_mut() else { return };
        // In one go up to the next one that must rest.
        let rests = self.unsent.iter().skip(1).position(|u| !u.pause.is_zero());
        let requests = rests.map_or(self.unsent.len(), |n| n + 1);
        let bytes: usize = self.unsent.iter().take(requests).map(|u| u.bytes).sum();
        if self.trace.wants(self.flight.iter().map(|f| f.sending.unit)) {
            self.trace.keep(true, &self.outgoing[..bytes]);
        }
        self.counts.sent_bytes += bytes as u64;
        if self.framing == Framing::Rtu {
            self.spoken.clear();
            self.spoken.extend_from_slice(&self.outgoing[..bytes]);
        }
        let limit = self.timeout.max(LEAST_CONNECT);
        match tokio::time::timeout(limit, wire.write(&self.outgoing[..bytes])).await {
            Ok(Ok(())) => {
                self.outgoing.drain(..bytes);
            }
            Ok(Err(e)) => return self.give_up(PollError::Line(e.to_string())),
            Err(_) => return self.give_up(PollError::Line("the other side takes nothing more".to_owned())),
        }
        let now = Instant::now();
        for sent in self.unsent.drain(..requests) {
            if let Some(request) = self.flight.iter_mut().find(|f| f.transaction == sent.transaction) {
                request.since = now;
            }
        }
        if let Some(next) = self.unsent.front() {
            self.ready_at = self.ready_at.max(now + next.pause);
        }
    }

    /// Devices work in order: each answer gives those behind it their time anew.
    fn deadline(&self) -> Instant {
        let on_line = match (&self.transport, self.flight.first()) {
            (Transport::Serial(port), Some(first)) => {
                let (ask, answer) = first.sending.ask.rtu_bytes();
                port.wire_time(ask + answer)
            }
            _ => Duration::ZERO,
        };
        let since = self.flight.first().map_or(self.heard, |f| f.since.max(self.heard));
        // Bytes that never make a frame must not put the end off for ever.
        let latest = self.flight.first().map_or(since, |f| f.since + self.timeout * 4);
        (since + self.timeout).min(latest) + on_line
    }

    fn expired(&mut self) -> Done {
        if self.framing == Framing::Tcp {
            // What was held because more might come is whole after all.
            while let Some(taken) = self.take_tcp(true) {
                if let Some(done) = taken {
                    return done;
                }
            }
        }
        let gone = self.flight.remove(0);
        let rtu = self.framing == Framing::Rtu;
        self.drop_heartbeats();
        let outcome = if rtu && !self.incoming.is_empty() {
            self.counts.crc_errors += 1;
            PollError::Garbled(format!("{} bytes that make no frame", self.incoming.len()))
        } else {
            PollError::Late(self.timeout)
        };
        if rtu {
            if let Some(bytes) = gone.sending.ask.value_bytes() {
                let open = self.doubt.entry(gone.sending.unit).or_default();
                open.retain(|o| *o != (gone.sending.ask.function(), bytes));
                open.push((gone.sending.ask.function(), bytes));
                if open.len() > MOST_DOUBTS {
                    open.remove(0);
                }
            }
            self.drop_junk(self.incoming.len());
            self.rest(self.silence.max(LUMPS));
        } else {
            self.unanswered.push_back((gone.transaction, gone.sending.unit, gone.sending.ask.function()));
            if self.unanswered.len() > MOST_UNANSWERED {
                self.unanswered.pop_front();
            }
            if !self.incoming.is_empty() {
                // A part of an answer: whatever comes behind it would be taken for the rest.
                self.give_up(PollError::Garbled("an answer was cut off".to_owned()));
            }
            self.deaf += 1;
            if self.deaf >= HALF_OPEN && self.flight.is_empty() {
                self.give_up(PollError::Line("silent, opened anew".to_owned()));
            }
        }
        Done { sent: gone.sending, outcome: Err(outcome), at: wall_now() }
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

    /// One frame off the buffer: `Some(None)` for one that nobody waits for. With `last`, what would
    /// be held for more bytes is taken now.
    fn take_tcp(&mut self, last: bool) -> Option<Option<Done>> {
        let out_of_step = |link: &mut Self, why: String| {
            link.give_up(PollError::Garbled(why));
            None
        };
        self.drop_heartbeats();
        let heartbeat = self.heartbeat();
        if !heartbeat.is_empty() && heartbeat.starts_with(&self.incoming) {
            return None;
        }
        let frame = match frame::tcp(&self.incoming) {
            Ok(frame) => frame?,
            Err(e) => return out_of_step(self, e.to_string()),
        };
        // A frame that is followed by something else than a frame is not what it seems.
        let behind = beats::behind(&self.incoming[frame.pdu.end..], heartbeat);
        if !heartbeat.starts_with(behind) {
            if behind.len() < 6 && !last {
                return None;
            }
            if let Err(e) = frame::tcp(behind) {
                return out_of_step(self, e.to_string());
            }
        }
        match self.borrowed(&frame) {
            Borrowed::Yes => return out_of_step(self, "an answer was cut off by another".to_owned()),
            Borrowed::Perhaps if !last => return None,
            Borrowed::Perhaps | Borrowed::No => {}
        }
        let Some(n) = self.flight.iter().position(|f| f.transaction == frame.transaction) else {
            self.counts.late += 1;
            self.unasked += frame.pdu.end;
            if self.unasked > MOST_UNREAD {
                return out_of_step(self, "nothing but answers to nobody".to_owned());
            }
            self.unanswered.retain(|u| u.0 != frame.transaction);
            self.incoming.drain(..frame.pdu.end);
            return Some(None);
        };
        self.unasked = 0;
        let request = self.flight.remove(n);
        let pdu = &self.incoming[frame.pdu.clone()];
        let outcome = match frame::check(&request.sending.ask, request.sending.unit, frame.unit, pdu) {
            Ok(Answer::Values(values)) => {
                self.values.clear();
                self.values.extend_from_slice(values);
                Ok(request.since.elapsed())
            }
            Ok(Answer::Exception(code)) => Err(PollError::Exception(code)),
            Err(wrong) => {
                self.counts.foreign += 1;
                Err(PollError::Garbled(wrong.to_string()))
            }
        };
        self.incoming.drain(..frame.pdu.end);
        Some(Some(Done { sent: request.sending, outcome, at: wall_now() }))
    }

    /// Whether the values of a frame end in, or hold, the header of another answer that may come: then
    /// this one was cut off and has borrowed from that one.
    fn borrowed(&self, frame: &TcpFrame) -> Borrowed {
        let mut found = Borrowed::No;
        let others = self
            .flight
            .iter()
            .map(|f| (f.transaction, f.sending.unit, f.sending.ask.function()))
            .chain(self.unanswered.iter().copied())
            .filter(|o| o.0 != frame.transaction);
        let pdu = &self.incoming[frame.pdu.clone()];
        let ends_here = frame.pdu.end == self.incoming.len();
        for (transaction, unit, function) in others {
            let [high, low] = transaction.to_be_bytes();
            for at in (0..pdu.len()).filter(|at| pdu[*at] == high) {
                let rest = &pdu[at..];
                let fits = rest.get(1).is_none_or(|b| *b == low)
                    && rest.iter().skip(2).take(2).all(|b| *b == 0)
                    && rest.get(6).is_none_or(|b| *b == unit)
                    && rest.get(7).is_none_or(|b| b & 0x7F == function);
                match rest.len() {
                    _ if !fits => {}
                    // One byte may be a value like any other: what comes behind it tells.
                    1 if ends_here => found = Borrowed::Perhaps,
                    1 => {}
                    _ => return Borrowed::Yes,
                }
            }
        }
        found
    }

    fn take_rtu(&mut self) -> Option<Done> {
        loop {
            let Sending { ask, unit, crc_swapped, tolerant, .. } = self.flight.first()?.sending;
            if self.incoming.is_empty() || !self.outgoing.is_empty() {
                return None;
            }
            // An answer begins with its unit: what may be one is left to its CRC.
            if self.heartbeat().first() != Some(&unit) {
                self.drop_heartbeats();
            }
            let (pdu, consumed, junk) = match frame::rtu(&self.incoming, &ask, unit, crc_swapped, tolerant) {
                Rtu::More | Rtu::BadCrc => return None,
                Rtu::Foreign { consumed, why } => {
                    match why {
                        Wrong::Unit(_) => self.counts.foreign += 1,
                        _ => self.counts.late += 1,
                    }
                    self.look_for_master(consumed);
                    self.incoming.drain(..consumed);
                    continue;
                }
                Rtu::Answer { pdu, consumed, junk } => (pdu, consumed, junk),
            };
            let request = self.flight.remove(0);
            let outcome = match frame::check(&ask, unit, unit, &self.incoming[pdu]) {
                Ok(Answer::Values(values)) => {
                    self.values.clear();
                    self.values.extend_from_slice(values);
                    Ok(request.since.elapsed())
                }
                Ok(Answer::Exception(code)) => Err(PollError::Exception(code)),
                Err(wrong) => Err(PollError::Garbled(wrong.to_string())),
            };
            self.drop_junk(junk);
            self.incoming.drain(..consumed - junk);
            self.rest(self.silence);
            return Some(Done { sent: request.sending, outcome, at: wall_now() });
        }
    }
}

#[cfg(test)]
mod tests;
