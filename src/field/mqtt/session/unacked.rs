//! Messages that are received and not yet acknowledged, over the connections of one session. Pure.
//!
//! A message comes in, its readings go to the keeper under a token, and the token comes back when
//! they are on the disk. If the connection breaks in between, the broker sends the message again
//! under the same packet id with the DUP flag set (MQTT 5.0, 4.4); what is known then decides:
//!
//! ```text
//!            received                 committed, connected
//! (nothing) ──────────► Reading ───────────────────────────► Acknowledged ──► forgotten:
//!                          │                                      QoS 1 when the connection ends,
//!                          │ committed, connection lost           QoS 2 when PUBREL comes
//!                          ▼
//!                         Owed ──── sent again ──► acknowledged at once, not read again
//! ```
//!
//! An acknowledged QoS 1 message is forgotten with its connection, because the broker may by then
//! have given its packet id to another message. A QoS 2 id stays taken until PUBREL (4.3.3), so that
//! such a message is read once however often it is sent.

use std::collections::HashMap;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// Read it; acknowledge it under this token.
    Read(u64),
    /// It is being read under an earlier token already, which will acknowledge it.
    InHand,
    /// It was read and is on the disk: acknowledge it now, under this token.
    Again(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading(u64),
    Owed,
    Acknowledged,
}

#[derive(Debug)]
struct Trace {
    print: u64,
    twice_sure: bool,
    state: State,
}

/// All of a session; `P` is what the client library needs to acknowledge one.
#[derive(Debug)]
pub struct Unacked<P> {
    next: u64,
    /// By token: what can be acknowledged on this connection.
    open: HashMap<u64, (u16, P)>,
    traces: HashMap<u16, Trace>,
}

impl<P> Default for Unacked<P> {
    fn default() -> Self {
        Self { next: 0, open: HashMap::new(), traces: HashMap::new() }
    }
}

impl<P> Unacked<P> {
    /// Of the session's `life`: what was handed out in an earlier one names nothing here.
    pub fn of_life(life: u64) -> Self {
        Self { next: life << 32, ..Self::default() }
    }

    /// A message has come. `id` is its packet id (0 for QoS 0), `again` its DUP flag, `print` a
    /// fingerprint of topic and payload, `exactly_once` says QoS 2.
    pub fn receive(&mut self, id: u16, again: bool, print: u64, exactly_once: bool, packet: P) -> Receipt {
        if id != 0
            && again
            && let Some(trace) = self.traces.get(&id)
            && trace.print == print
        {
            if let State::Reading(token) = trace.state {
                self.open.insert(token, (id, packet));
                return Receipt::InHand;
            }
            self.next += 1;
            self.open.insert(self.next, (id, packet));
            return Receipt::Again(self.next);
        }
        self.next += 1;
        if id != 0 {
            let state = State::Reading(self.next);
            self.traces.insert(id, Trace { print, twice_sure: exactly_once, state });
        }
        self.open.insert(self.next, (id, packet));
        Receipt::Read(self.next)
    }

    /// The readings of this token are on the disk; gives what to acknowledge on this connection.
    pub fn committed(&mut self, token: u64) -> Option<P> {
        match self.open.remove(&token) {
            Some((id, packet)) => {
                if let Some(trace) = self.traces.get_mut(&id) {
                    trace.state = State::Acknowledged;
                }
                Some(packet)
            }
            None => {
                let state = State::Reading(token);
                if let Some(trace) = self.traces.values_mut().find(|t| t.state == state) {
                    trace.state = State::Owed;
                }
                None
            }
        }
    }

    /// The broker has forgotten a QoS 2 message: PUBREL came.
    pub fn released(&mut self, id: u16) {
        if self.traces.get(&id).is_some_and(|t| t.state == State::Acknowledged) {
            self.traces.remove(&id);
        }
    }

    /// The connection is gone: nothing received on it can be acknowledged any more. An
    /// acknowledgement that the next connection carried might hit another message.
    pub fn disconnected(&mut self) {
        self.open.clear();
        self.traces.retain(|_, t| t.state != State::Acknowledged || t.twice_sure);
    }

    /// The broker knows no session: its packet ids begin anew.
    pub fn forgotten(&mut self) {
        self.traces.clear();
    }

    /// How many messages are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Receipt, Unacked};

    const QOS_1: bool = false;
    const QOS_2: bool = true;

    #[test]
    fn a_message_is_acknowledged_once_and_only_when_it_is_committed() {
        let mut unacked = Unacked::default();
        assert_eq!(unacked.receive(1, false, 11, QOS_1, "a"), Receipt::Read(1));
        assert_eq!(unacked.receive(2, false, 12, QOS_1, "b"), Receipt::Read(2));
        assert_eq!((unacked.committed(2), unacked.committed(2), unacked.len()), (Some("b"), None, 1));
        assert_eq!(unacked.committed(1), Some("a"));
    }

    #[test]
    fn the_word_on_a_message_of_an_earlier_life_acknowledges_none_of_this_one() {
        let mut before = Unacked::of_life(0);
        let Receipt::Read(token) = before.receive(1, false, 11, QOS_1, "old") else { panic!("not read") };
        let mut unacked = Unacked::of_life(1);
        unacked.receive(1, false, 12, QOS_1, "new");
        assert_eq!((unacked.committed(token), unacked.len()), (None, 1));
    }

    #[test]
    fn what_is_sent_again_while_it_is_being_read_is_not_read_twice() {
        let mut unacked = Unacked::default();
        unacked.receive(1, false, 11, QOS_1, "old");
        unacked.disconnected();
        assert_eq!(unacked.receive(1, true, 11, QOS_1, "new"), Receipt::InHand);
        assert_eq!(unacked.committed(1), Some("new"), "it is acknowledged on the new connection");
    }

    #[test]
    fn what_was_committed_while_the_line_was_down_is_acknowledged_when_it_comes_again() {
        let mut unacked = Unacked::default();
        unacked.receive(1, false, 11, QOS_1, "old");
        unacked.disconnected();
        assert_eq!(unacked.committed(1), None);
        let Receipt::Again(token) = unacked.receive(1, true, 11, QOS_1, "new") else { panic!("read twice") };
        assert_eq!(unacked.committed(token), Some("new"));
    }

    #[test]
    fn another_message_under_a_used_packet_id_is_read() {
        let mut unacked = Unacked::default();
        unacked.receive(1, false, 11, QOS_1, "a");
        unacked.committed(1);
        // The acknowledgement may have arrived: the id may belong to an equal message by now.
        unacked.disconnected();
        assert_eq!(unacked.receive(1, true, 11, QOS_1, "b"), Receipt::Read(2));
        assert_eq!(unacked.receive(1, true, 99, QOS_1, "c"), Receipt::Read(3), "another payload");
        unacked.disconnected();
        unacked.forgotten();
        assert_eq!(unacked.receive(1, true, 99, QOS_1, "c"), Receipt::Read(4), "another session");
    }

    #[test]
    fn a_qos_2_message_is_read_once_until_it_is_released() {
        let mut unacked = Unacked::default();
        unacked.receive(1, false, 11, QOS_2, "a");
        unacked.committed(1);
        unacked.disconnected();
        assert!(matches!(unacked.receive(1, true, 11, QOS_2, "a"), Receipt::Again(2)));
        unacked.committed(2);
        unacked.released(1);
        assert_eq!(unacked.receive(1, true, 11, QOS_2, "b"), Receipt::Read(3));
    }

    #[test]
    fn qos_0_leaves_no_trace() {
        let mut unacked = Unacked::default();
        assert_eq!(unacked.receive(0, false, 11, QOS_1, "a"), Receipt::Read(1));
        assert_eq!(unacked.receive(0, true, 11, QOS_1, "a"), Receipt::Read(2));
        assert!(unacked.traces.is_empty());
    }
}
