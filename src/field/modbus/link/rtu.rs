//! Answers on RTU, where nothing names the request: what is surplus, junk, other masters.

use tokio::time::Instant;

use super::owed::{Shape, Surplus};
use super::{Done, Link, PollError, Sending};
use crate::clock::wall_now;
use crate::field::modbus::frame::{self, Answer, Rtu, Wrong};

impl Link {
    pub(super) fn take_rtu(&mut self) -> Option<Done> {
        loop {
            let sending = self.flight.first()?.sending;
            let Sending { ask, unit, crc_swapped, tolerant, .. } = sending;
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
                    if let (Wrong::Length { got, wanted }, true) = (why, self.is_its_own(&sending, consumed))
                    {
                        self.short = Some((got, wanted));
                    }
                    self.look_for_master(consumed);
                    if self.drop_strays(consumed, true) == 0 {
                        self.counts.foreign += 1;
                    }
                    continue;
                }
                Rtu::Answer { pdu, consumed, junk } => (pdu, consumed, junk),
            };
            // Since it was asked a frame has shown that this may be another one's.
            if self.is_owed(&sending) {
                self.drop_strays(consumed, true);
                continue;
            }
            let request = self.flight.remove(0);
            (self.answered, self.introduced, self.short) = (true, None, None);
            self.was_answered(&sending);
            self.sizes.right(unit, &ask);
            let outcome = match frame::check(&ask, unit, unit, &self.incoming[pdu]) {
                Ok(Answer::Values(values)) => {
                    self.values.clear();
                    self.values.extend_from_slice(values);
                    Ok(request.since.elapsed())
                }
                Ok(Answer::Exception(code)) => Err(PollError::Exception(code)),
                Err(wrong) => Err(PollError::of_wrong(&ask, wrong)),
            };
            self.drop_junk(junk);
            self.incoming.drain(..consumed - junk);
            self.rest(self.silence);
            return Some(Done { sent: request.sending, outcome, at: wall_now() });
        }
    }

    /// A frame of the unit that is asked, for the function that is asked, with fewer values than were asked for, or
    /// as many as registers of four bytes give, and not one that is known to be still on its way.
    fn is_its_own(&self, sending: &Sending, consumed: usize) -> bool {
        let Some(stray) = frame::stray(&self.incoming[..consumed], self.crc_swapped) else { return false };
        let Some(values) = stray.values else { return false };
        let shape = Shape { unit: stray.unit, function: stray.function, bytes: values };
        let fits = sending.ask.value_bytes().is_some_and(|wanted| values < wanted || values == wanted * 2);
        (stray.unit, stray.function) == (sending.unit, sending.ask.function())
            && fits
            && self.debts.until(shape, Instant::now()).is_none()
    }

    /// RTU: takes the first `bytes` off the buffer, and counts the answers in them that nobody waits for.
    /// `waiting` if they were taken as they came. Gives how many there were.
    pub(super) fn drop_strays(&mut self, bytes: usize, waiting: bool) -> usize {
        let (mut rest, mut answers) = (0, 0);
        while let Some(stray) = frame::stray(&self.incoming[rest..bytes], self.crc_swapped) {
            self.counts.junk_bytes += stray.at.start as u64;
            rest += stray.at.end;
            answers += 1;
            self.surplus(stray.unit, stray.function, stray.values, waiting);
        }
        self.counts.junk_bytes += (bytes - rest) as u64;
        self.incoming.drain(..bytes);
        answers
    }

    /// Counts an answer that nobody waits for.
    pub(super) fn surplus(&mut self, unit: u8, function: u8, values: Option<usize>, waiting: bool) {
        let now = Instant::now();
        let Some(bytes) = values else {
            if self.debts.heard_exception(unit, function, now) {
                self.counts.late += 1;
            } else {
                self.counts.foreign += 1;
            }
            return;
        };
        match self.debts.heard(Shape { unit, function, bytes }, waiting, now) {
            Surplus::Late => self.counts.late += 1,
            Surplus::Double => self.counts.doubled += 1,
            Surplus::Stranger => self.counts.foreign += 1,
        }
    }

    /// RTU: takes `bytes` that are no answer off the buffer.
    pub(super) fn drop_junk(&mut self, bytes: usize) {
        self.look_for_master(bytes);
        self.counts.junk_bytes += bytes as u64;
        self.incoming.drain(..bytes);
    }

    /// RTU: takes off the buffer what came while nothing was asked. `waiting` if it was taken as it came.
    pub(super) fn drop_unasked(&mut self, waiting: bool) {
        self.drop_heartbeats();
        if self.heartbeat().is_empty() || !self.heartbeat().starts_with(&self.incoming) {
            self.look_for_master(self.incoming.len());
            self.drop_strays(self.incoming.len(), waiting);
        }
    }

    /// RTU: whether another master spoke in the first `bytes` of the buffer.
    pub(super) fn look_for_master(&mut self, bytes: usize) {
        let heard = &self.incoming[..bytes];
        // What an adapter hears of ourselves is no stranger.
        let echo = !self.spoken.is_empty() && heard.windows(self.spoken.len()).any(|w| w == self.spoken);
        if !echo && frame::other_master(heard, self.crc_swapped).is_some() {
            self.counts.other_master += 1;
        }
    }
}
