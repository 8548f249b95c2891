//! What goes out, and when it may: rests between requests, silence on an RTU line, transaction ids.

use std::time::Duration;

use tokio::time::Instant;

use super::owed::Shape;
use super::{InFlight, LEAST_CONNECT, LUMPS, Link, MOST_UNREAD, PollError, Sending};
use crate::field::modbus::beats;
use crate::settings::{Framing, Transport};

/// A request that waits in [`Link::outgoing`] for its turn.
pub(super) struct Unsent {
    pub(super) transaction: u16,
    pub(super) bytes: usize,
    pub(super) pause: Duration,
}

impl Link {
    /// Not before `pause` from now the next request.
    pub fn rest(&mut self, pause: Duration) {
        self.ready_at = self.ready_at.max(Instant::now() + pause);
    }

    /// Puts a request on its way; [`Link::next`] sends it and brings its end.
    pub fn send(&mut self, mut sending: Sending) {
        sending.crc_swapped &= !self.ascii();
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
            self.any_transaction = sending.any_transaction && self.framing == Framing::Tcp;
        }
        let since = Instant::now();
        self.flight.push(InFlight { sending, transaction: self.transaction, since });
    }

    /// Where no transaction id tells, what came up to now belongs to nobody: it is dropped and counted. False if
    /// the connection ended by it.
    fn drain(&mut self) -> bool {
        let rtu = self.framing == Framing::Rtu;
        if !rtu && !self.any_transaction {
            return true;
        }
        let before = self.counts.received_bytes;
        loop {
            // Who talks faster than we listen must not keep us here.
            if self.counts.received_bytes - before > MOST_UNREAD as u64 {
                self.give_up(PollError::Garbled("nothing but noise".to_owned()));
                return false;
            }
            if rtu && !self.incoming.is_empty() {
                self.drop_unasked(false);
            } else if !rtu {
                while self.take_tcp(false).is_some() {}
            }
            let Some(wire) = self.wire.as_mut() else { return false };
            match wire.read_ready(&mut self.incoming) {
                Ok(Some(0)) => {
                    self.give_up(PollError::Line("closed by the other side".to_owned()));
                    return false;
                }
                Ok(Some(read)) => {
                    self.received(read);
                    if self.goes_on() {
                        return false;
                    }
                }
                Ok(None) => break,
                Err(e) => {
                    self.give_up(PollError::Line(e.to_string()));
                    return false;
                }
            }
        }
        if rtu {
            self.incoming.clear();
        } else if self.shifted || !self.heartbeat().starts_with(&self.incoming) {
            self.shifted = false;
            if matches!(self.transport, Transport::DialIn(_)) {
                self.incoming.clear();
                self.rest(self.debts.linger());
                return false;
            }
            self.give_up(PollError::Line("opened anew after an answer to nobody".to_owned()));
            self.renewed = true;
            return false;
        }
        self.wire.is_some()
    }

    pub(super) async fn flush(&mut self) {
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
                    if self.goes_on() {
                        return;
                    }
                    // On TCP it may answer a request that is in flight: `next` takes it by its id.
                    if self.framing == Framing::Tcp {
                        return;
                    }
                    self.drop_unasked(true);
                    self.ready_at = (Instant::now() + self.silence).min(patience.max(self.ready_at));
                }
                Ok(Err(e)) => return self.give_up(PollError::Line(e.to_string())),
                Err(_) => break,
            }
        }
        if !self.drain() {
            return;
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
        self.spoken.clear();
        self.spoken.extend_from_slice(&self.outgoing[..bytes]);
        self.last_shape = self.flight.first().and_then(|f| {
            let Sending { unit, ask, .. } = f.sending;
            ask.value_bytes().map(|bytes| Shape { unit, function: ask.function(), bytes })
        });
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
}
