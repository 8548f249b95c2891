//! Answers on TCP: by transaction id, and never one that was cut off and made whole by the next.

use tokio::time::Instant;

use super::owed::Shape;
use super::{Done, Link, MOST_UNREAD, PollError};
use crate::clock::wall_now;
use crate::field::modbus::beats;
use crate::field::modbus::frame::{self, Answer, TcpFrame};

/// Whether a frame holds bytes of another.
#[derive(PartialEq)]
enum Borrowed {
    No,
    Perhaps,
    Yes,
}

impl Link {
    /// One frame off the buffer: `Some(None)` for one that nobody waits for. With `last`, what would
    /// be held for more bytes is taken now.
    pub(super) fn take_tcp(&mut self, last: bool) -> Option<Option<Done>> {
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
        let borrowed = if self.datagrams() { Borrowed::No } else { self.borrowed(&frame) };
        match borrowed {
            Borrowed::Yes => return out_of_step(self, "an answer was cut off by another".to_owned()),
            Borrowed::Perhaps if !last => return None,
            Borrowed::Perhaps | Borrowed::No => {}
        }
        let Some(n) = self.asked(&frame) else {
            if self.any_transaction {
                self.any_surplus(&frame);
                return Some(None);
            }
            if self.unanswered.iter().any(|u| u.0 == frame.transaction) {
                self.counts.late += 1;
            } else {
                self.counts.foreign += 1;
                self.strange = self.flight.first().map(|f| (frame.transaction, f.transaction));
            }
            self.unasked += frame.pdu.end;
            if self.unasked > MOST_UNREAD {
                self.flooded = self.flight.is_empty();
                return out_of_step(self, "nothing but answers to nobody".to_owned());
            }
            self.unanswered.retain(|u| u.0 != frame.transaction);
            self.incoming.drain(..frame.pdu.end);
            return Some(None);
        };
        (self.unasked, self.strange) = (0, None);
        let request = self.flight.remove(n);
        (self.answered, self.introduced) = (true, None);
        if request.sending.any_transaction {
            self.was_answered(&request.sending);
        }
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
                Err(PollError::of_wrong(&request.sending.ask, wrong))
            }
        };
        self.incoming.drain(..frame.pdu.end);
        Some(Some(Done { sent: request.sending, outcome, at: wall_now() }))
    }

    /// The request with this transaction id; with `any_transaction` the only one in flight, if it is on its way
    /// and this is not an answer that was owed before it.
    fn asked(&self, frame: &TcpFrame) -> Option<usize> {
        let exact = self.flight.iter().position(|f| f.transaction == frame.transaction);
        let only = || {
            let [one] = &self.flight[..] else { return None };
            let sent = one.sending.any_transaction && self.outgoing.is_empty();
            let pdu = &self.incoming[frame.pdu.clone()];
            let wrong = frame::check(&one.sending.ask, one.sending.unit, frame.unit, pdu).is_err();
            let known =
                Self::shape_of(frame.unit, pdu).is_some_and(|s| self.debts.is_known(s, Instant::now()));
            // A unit beside it whose ids are checked may be late.
            let late = self.unanswered.iter().any(|u| u.0 == frame.transaction);
            let is_anothers = late || wrong && known || self.is_owed(&one.sending);
            (sent && !is_anothers).then_some(0)
        };
        exact.or_else(only)
    }

    fn shape_of(unit: u8, pdu: &[u8]) -> Option<Shape> {
        let function = *pdu.first().filter(|f| *f & 0x80 == 0)?;
        Some(Shape { unit, function, bytes: pdu.len().checked_sub(2)? })
    }

    /// Any transaction id: an answer that nobody waits for. What comes behind it may be shifted by one.
    fn any_surplus(&mut self, frame: &TcpFrame) {
        let pdu = &self.incoming[frame.pdu.clone()];
        let function = pdu.first().map_or(0, |f| f & 0x7F);
        let values = Self::shape_of(frame.unit, pdu).map(|s| s.bytes);
        let waiting = !self.flight.is_empty() && self.outgoing.is_empty();
        self.surplus(frame.unit, function, values, waiting);
        self.shifted = true;
        self.incoming.drain(..frame.pdu.end);
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
}
