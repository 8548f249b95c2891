//! How long an answer is waited for, and what is remembered of a request that got none: its late answer
//! may still come.

use std::time::Duration;

use tokio::time::Instant;

use super::owed::Shape;
use super::{Done, InFlight, LUMPS, Link, PollError};
use crate::clock::wall_now;
use crate::field::modbus::frame::{self, Wrong};
use crate::field::modbus::wire::Wire;
use crate::settings::{Framing, Transport};

/// Requests in a row without a byte in return after which a TCP connection is opened anew: the
/// device may have lost power and know nothing of it.
const HALF_OPEN: u32 = 3;

/// Requests without an answer whose late answers are reckoned with.
const MOST_UNANSWERED: usize = 32;

impl Link {
    /// Devices work in order: each answer gives those behind it their time anew.
    pub(super) fn deadline(&self) -> Instant {
        let on_line = match (&self.transport, self.flight.first()) {
            (Transport::Serial(port), Some(first)) => {
                let (ask, answer) = first.sending.ask.rtu_bytes();
                port.frame_time(ask) + port.frame_time(answer)
            }
            _ => Duration::ZERO,
        };
        let since = self.flight.first().map_or(self.heard, |f| f.since.max(self.heard));
        // Bytes that never make a frame must not put the end off for ever.
        let latest = self.flight.first().map_or(since, |f| f.since + self.timeout * 4);
        (since + self.timeout).min(latest) + on_line
    }

    pub(super) fn expired(&mut self) -> Done {
        if self.framing == Framing::Tcp {
            // What was held because more might come is whole after all.
            while let Some(taken) = self.take_tcp(true) {
                if let Some(done) = taken {
                    return done;
                }
            }
        }
        let gone = self.flight.remove(0);
        self.answered = false;
        let rtu = self.framing == Framing::Rtu;
        self.drop_heartbeats();
        let outcome = if let Some((got, sent)) = self.strange.take().filter(|_| !rtu) {
            PollError::OtherTransaction { got, sent }
        } else if let Some(bytes) = self.odd_datagrams() {
            PollError::Garbled(format!("{bytes} bytes that make no frame"))
        } else if let Some((got, wanted)) = self.short.take().filter(|_| rtu) {
            PollError::of_wrong(&gone.sending.ask, Wrong::Length { got, wanted })
        } else if rtu && !self.incoming.is_empty() {
            self.counts.crc_errors += 1;
            PollError::Garbled(format!("{} bytes that make no frame", self.incoming.len()))
        } else {
            PollError::Late(self.timeout)
        };
        if rtu {
            // A longer frame than was asked for may be another master's: our answer may still come behind it.
            // So may it behind a shorter one, unless the device has shown that this is its own size.
            if !self.sizes.is_its_way(gone.sending.unit, &gone.sending.ask, &outcome) {
                self.is_owing(&gone);
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
            if gone.sending.any_transaction {
                // Its late answer could not be told from the next one.
                self.give_up(PollError::Line("silent, opened anew".to_owned()));
            }
            self.deaf += 1;
            if self.deaf >= HALF_OPEN && self.flight.is_empty() && !self.datagrams() {
                self.give_up(PollError::Line("silent, opened anew".to_owned()));
            }
        }
        Done { sent: gone.sending, outcome: Err(outcome), at: wall_now() }
    }

    /// RTU: the answer to this request may still come, unless it has begun to: then it was cut off or spoilt.
    pub(super) fn is_owing(&mut self, gone: &InFlight) {
        let Some(bytes) = gone.sending.ask.value_bytes() else { return };
        // An echo of the request may look like the head of its answer.
        let echo =
            !self.spoken.is_empty() && self.incoming.windows(self.spoken.len()).any(|w| w == self.spoken);
        if echo || !frame::has_begun(&self.incoming, &gone.sending.ask, gone.sending.unit) {
            let shape = Shape { unit: gone.sending.unit, function: gone.sending.ask.function(), bytes };
            self.debts.given_up(shape, gone.since, Instant::now());
        }
    }

    /// Bytes of datagrams that held something else than frames, counted as junk.
    fn odd_datagrams(&mut self) -> Option<usize> {
        let bytes = self.wire.as_mut().map_or(0, Wire::take_junk);
        self.counts.junk_bytes += bytes as u64;
        (bytes > 0).then_some(bytes)
    }
}
