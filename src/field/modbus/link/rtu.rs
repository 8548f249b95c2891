//! Answers on RTU, where nothing names the request: doubt after a timeout, junk, other masters.

use super::{Done, Doubt, Link, PollError, Sending};
use crate::clock::wall_now;
use crate::field::modbus::frame::{self, Answer, Ask, Rtu, Wrong};
use crate::settings::Table;

/// Late answers of one unit that are reckoned with.
pub(super) const MOST_DOUBTS: usize = 8;

impl Link {
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

    pub(super) fn take_rtu(&mut self) -> Option<Done> {
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
                        _ if self.is_late(consumed) => self.counts.late += 1,
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
            (self.answered, self.introduced) = (true, None);
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

    /// RTU: the first `bytes` of the buffer end in the late answer to a request that was given up.
    fn is_late(&self, bytes: usize) -> bool {
        let heard = &self.incoming[..bytes];
        self.doubt.iter().any(|(unit, open)| {
            open.iter()
                .any(|(function, values)| frame::ends_in(heard, *unit, *function, *values, self.crc_swapped))
        })
    }

    /// RTU: takes `bytes` that are no answer off the buffer.
    pub(super) fn drop_junk(&mut self, bytes: usize) {
        self.look_for_master(bytes);
        self.counts.junk_bytes += bytes as u64;
        self.incoming.drain(..bytes);
    }

    /// RTU: takes off the buffer what came while nothing was asked.
    pub(super) fn drop_unasked(&mut self) {
        self.drop_heartbeats();
        if self.is_late(self.incoming.len()) {
            self.counts.late += 1;
            self.incoming.clear();
        } else if !self.heartbeat().starts_with(&self.incoming) {
            self.drop_junk(self.incoming.len());
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
