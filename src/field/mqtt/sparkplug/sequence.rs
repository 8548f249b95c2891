//! The sequence number of an edge node: what is next, what is early, what was there already.
//!
//! Every message but NDEATH carries the number after that of the message before, modulo 256, over the
//! node and all its devices (`tck-id-payloads-sequence-num-incrementing`). A number behind the
//! expected one is an old message come again, unless it was sent later than all others: then an NBIRTH
//! was lost, or so much that the numbers say nothing any more.

/// How a message stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In order.
    Next,
    /// Others, sent before it, have not come yet.
    Early,
    /// It, or one like it, was there already.
    Again,
    /// Sent after all others with a number from before: a BIRTH is missing.
    Restarted,
}

/// The number expected next, and the newest time seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sequence {
    next: u8,
    newest: Option<u64>,
}

impl Sequence {
    /// Begins with an NBIRTH of this number and time.
    pub(super) fn begin(&mut self, seq: u8, sent: Option<u64>) {
        *self = Self { next: seq.wrapping_add(1), newest: sent };
    }

    /// Where a message of this number and time belongs.
    pub(super) fn place(&self, seq: u8, sent: Option<u64>) -> Place {
        match self.ahead(seq) {
            0 => Place::Next,
            1..=127 => Place::Early,
            ahead => {
                let later = match (sent, self.newest) {
                    (Some(sent), Some(newest)) => sent > newest,
                    // Without times: the last number once more is a repeat, any other a mystery.
                    _ => ahead != 255,
                };
                if later { Place::Restarted } else { Place::Again }
            }
        }
    }

    /// How many numbers from the expected one to this.
    pub(super) fn ahead(&self, seq: u8) -> u8 {
        seq.wrapping_sub(self.next)
    }

    /// A message of this number and time was taken in.
    pub(super) fn took(&mut self, seq: u8, sent: Option<u64>) {
        self.next = seq.wrapping_add(1);
        self.newest = self.newest.max(sent);
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Sequence};

    #[test]
    fn numbers_run_from_0_to_255_and_round() {
        let mut sequence = Sequence::default();
        sequence.begin(254, Some(10));
        assert_eq!(sequence.place(255, Some(11)), Place::Next);
        sequence.took(255, Some(11));
        assert_eq!(sequence.place(0, Some(12)), Place::Next);
        sequence.took(0, Some(12));
        assert_eq!(sequence.place(2, Some(13)), Place::Early);
        assert_eq!(sequence.place(1, Some(13)), Place::Next);
    }

    #[test]
    fn an_old_number_is_a_repeat_unless_it_was_sent_later() {
        let mut sequence = Sequence::default();
        sequence.begin(7, Some(10));
        assert_eq!(sequence.place(7, Some(10)), Place::Again);
        assert_eq!(sequence.place(3, Some(4)), Place::Again);
        assert_eq!(sequence.place(1, Some(11)), Place::Restarted);
        sequence.begin(7, None);
        assert_eq!(sequence.place(7, None), Place::Again);
        assert_eq!(sequence.place(1, None), Place::Restarted);
    }
}
