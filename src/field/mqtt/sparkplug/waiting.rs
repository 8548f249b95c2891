//! Messages that came too early and wait for those before them (the Reorder Timeout of section 5.9,
//! `tck-id-operational-behavior-host-reordering-*`).

use std::time::Duration;

use super::MOST_HELD;
use super::sequence::{Place, Sequence};
use super::topic::Kind;
use super::wire::Payload;
use crate::plant::Now;

/// A message that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) kind: Kind,
    pub(super) device: Option<Box<str>>,
    pub(super) payload: Payload,
    pub(super) seq: u8,
    pub(super) came: Now,
    /// Of a session whose NBIRTH has not come.
    pub(super) restarted: bool,
}

/// What waits at one node.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Held>);

impl Waiting {
    pub(super) fn push(&mut self, held: Held) {
        self.0.push(held);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// More than may wait.
    pub(super) fn is_overfull(&self) -> bool {
        self.0.len() > MOST_HELD
    }

    /// Some belong to a session that was not seen to begin.
    pub(super) fn has_restarted(&self) -> bool {
        self.0.iter().any(|h| h.restarted)
    }

    pub(super) fn contains(&self, seq: u8, sent: Option<u64>) -> bool {
        self.0.iter().any(|h| h.seq == seq && h.payload.timestamp == sent)
    }

    /// When the first has waited for `reorder`.
    pub(super) fn due(&self, reorder: Duration) -> Option<Duration> {
        self.0.iter().map(|h| h.came.mono + reorder).min()
    }

    /// The one that is next now.
    pub(super) fn next(&mut self, sequence: &Sequence) -> Option<Held> {
        let at = self.0.iter().position(|h| !h.restarted && sequence.ahead(h.seq) == 0)?;
        Some(self.0.swap_remove(at))
    }

    /// Drops what has been taken meanwhile; says how many.
    pub(super) fn drop_repeats(&mut self, sequence: &Sequence) -> u64 {
        self.keep(|h| h.restarted || sequence.place(h.seq, h.payload.timestamp) != Place::Again)
    }

    /// A session begins with an NBIRTH sent at `birth`: what was sent after it is the session's and has
    /// overtaken it. Drops the rest; says how many.
    pub(super) fn begin(&mut self, birth: Option<u64>) -> u64 {
        for held in &mut self.0 {
            held.restarted = false;
        }
        self.keep(|h| matches!((h.payload.timestamp, birth), (Some(sent), Some(birth)) if sent > birth))
    }

    /// Gives up waiting: all that belongs to the present session in its order, and how many do not.
    pub(super) fn take(&mut self, sequence: &Sequence) -> (Vec<Held>, u64) {
        let dropped = self.keep(|h| !h.restarted);
        let mut held = std::mem::take(&mut self.0);
        held.sort_by_key(|h| sequence.ahead(h.seq));
        (held, dropped)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn keep(&mut self, which: impl FnMut(&Held) -> bool) -> u64 {
        let before = self.0.len();
        self.0.retain(which);
        (before - self.0.len()) as u64
    }
}
