//! Which bytes a client may send, looked at before the broker sees them: CONNECT first and once, then
//! only packets that a client sends, with the flags and lengths the specification allows
//! (MQTT 3.1.1 and 5.0, 2.1 and 2.2), and with nothing in them that it forbids (`grammar`). A packet goes
//! on when it is whole; of a publication the part before the payload.

use super::grammar::{self, Hello};
use super::reader::{TOO_LARGE, UNSUPPORTED_VERSION, Wrong, malformed, protocol_error};

/// Payloads beyond this are of no use to the gateway either.
pub(super) const LARGEST_PACKET: usize = 1024 * 1024 + 64 * 1024;
/// Room for names, a password, and a will.
const LARGEST_CONNECT: usize = 128 * 1024;
/// Protocol name with its length, and the level.
const HEAD: usize = 7;

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const PUBREC: u8 = 5;
const PUBREL: u8 = 6;
const PUBCOMP: u8 = 7;
const SUBSCRIBE: u8 = 8;
const UNSUBSCRIBE: u8 = 10;
const PINGREQ: u8 = 12;
const DISCONNECT: u8 = 14;
const AUTH: u8 = 15;

const RETAIN: u8 = 0x01;

#[derive(Debug, Clone, Copy)]
enum Place {
    /// The first byte of a packet comes next.
    Start,
    /// Bytes of the length come next.
    Length { value: usize, bytes: u32 },
    /// So many bytes of the packet are still to be judged or come.
    Body { length: usize },
    /// So many bytes of a payload are still to come.
    Payload { left: usize },
}

/// What stands at the end of what was fed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Everything that was fed has been checked.
    Fed,
    /// A CONNECT is whole: nothing more may go on until it is accepted.
    Hello(Hello),
    /// A publication is to be kept for new subscribers: [`Sieve::settle`] goes on.
    Keep { topic: String, payload: usize },
}

/// Follows one connection.
#[derive(Debug)]
pub(super) struct Sieve {
    place: Place,
    /// The packet at hand, as far as it came and is not let through: from `body` on without fixed header.
    held: Vec<u8>,
    body: usize,
    /// Protocol level, once CONNECT told it.
    level: Option<u8>,
    aliases: Vec<(u16, String)>,
}

impl Sieve {
    pub(super) fn new() -> Self {
        Self { place: Place::Start, held: Vec::new(), body: 0, level: None, aliases: Vec::new() }
    }

    /// Protocol level, once known: that of the answer to what is not understood too.
    pub(super) fn level(&self) -> Option<u8> {
        self.level
    }

    fn five(&self) -> bool {
        self.level == Some(5)
    }

    /// Looks at the next bytes of the connection, and puts what may go on behind `out`.
    ///
    /// # Errors
    /// Why the next packet may not go on; what came before it is in `out`.
    pub(super) fn feed(&mut self, bytes: &mut &[u8], out: &mut Vec<u8>) -> Result<Step, Wrong> {
        while let Some((first, rest)) = bytes.split_first() {
            match self.place {
                Place::Start => {
                    self.may_begin(*first)?;
                    self.held.push(*first);
                    self.place = Place::Length { value: 0, bytes: 0 };
                    *bytes = rest;
                }
                Place::Length { value, bytes: count } => {
                    let value = value | (usize::from(first & 0x7f) << (7 * count));
                    self.held.push(*first);
                    *bytes = rest;
                    if first & 0x80 != 0 {
                        if count == 3 {
                            return Err(malformed("a packet length of more than four bytes"));
                        }
                        self.place = Place::Length { value, bytes: count + 1 };
                        continue;
                    }
                    if self.five() && count > 0 && *first == 0 {
                        return Err(malformed("a packet length with bytes too many"));
                    }
                    self.may_be_so_long(value)?;
                    self.body = self.held.len();
                    self.place = Place::Body { length: value };
                    // Nothing follows the header: it is whole already.
                    if value == 0 {
                        self.judge(0, out)?;
                    }
                }
                Place::Body { length } => {
                    let missing = (self.body + length).saturating_sub(self.held.len());
                    let (now, rest) = bytes.split_at(missing.min(bytes.len()));
                    self.held.extend_from_slice(now);
                    *bytes = rest;
                    if let Some(step) = self.judge(length, out)? {
                        return Ok(step);
                    }
                }
                Place::Payload { left } => {
                    let (now, rest) = bytes.split_at(left.min(bytes.len()));
                    out.extend_from_slice(now);
                    *bytes = rest;
                    let left = left - now.len();
                    self.place = if left == 0 { Place::Start } else { Place::Payload { left } };
                }
            }
        }
        Ok(Step::Fed)
    }

    /// Lets the publication through that is to be kept, or that is to reach subscribers only.
    pub(super) fn settle(&mut self, keep: bool, out: &mut Vec<u8>) {
        if !keep && let Some(first) = self.held.first_mut() {
            *first &= !RETAIN;
        }
        self.let_through(out);
    }

    fn let_through(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        // One long packet does not cost its room for good.
        self.held.shrink_to(16 * 1024);
    }

    /// Judges what is held of a packet of `length`, as soon as there is enough of it.
    fn judge(&mut self, length: usize, out: &mut Vec<u8>) -> Result<Option<Step>, Wrong> {
        let kind = self.held[0] >> 4;
        if kind == CONNECT && self.level.is_none() {
            self.learn_level()?;
        }
        if kind == PUBLISH {
            return self.judge_publication(length, out);
        }
        let body = &self.held[self.body..];
        if body.len() < length {
            return Ok(None);
        }
        let five = self.five();
        let step = match kind {
            CONNECT => Some(Step::Hello(grammar::connect(grammar::level(body)?.1, five)?)),
            PUBACK | PUBREC => grammar::acknowledgement(body, five, grammar::OF_PUBACK).map(|()| None)?,
            PUBREL | PUBCOMP => grammar::acknowledgement(body, five, grammar::OF_PUBREL).map(|()| None)?,
            SUBSCRIBE => grammar::subscribe(body, five).map(|()| None)?,
            UNSUBSCRIBE => grammar::unsubscribe(body, five).map(|()| None)?,
            DISCONNECT => grammar::disconnect(body, five).map(|()| None)?,
            _ => None,
        };
        self.let_through(out);
        self.place = Place::Start;
        Ok(step)
    }

    fn judge_publication(&mut self, length: usize, out: &mut Vec<u8>) -> Result<Option<Step>, Wrong> {
        let (flags, body) = (self.held[0] & 0x0f, &self.held[self.body..]);
        let head = match grammar::publish_head(flags, body, self.five()) {
            Some(head) if head > length => return Err(malformed("a PUBLISH that ends within a field")),
            Some(head) if head <= body.len() => head,
            _ if body.len() >= length => return Err(malformed("a PUBLISH that ends within a field")),
            _ => return Ok(None),
        };
        let (topic, found) = grammar::publish(flags, &body[..head], self.five())?;
        let topic = self.resolve(topic.to_owned(), found.topic_alias)?;
        let left = length - (self.held.len() - self.body);
        // The payload as far as it is held goes with the head.
        self.place = if left == 0 { Place::Start } else { Place::Payload { left } };
        if flags & RETAIN != 0 && length > head {
            return Ok(Some(Step::Keep { topic, payload: length - head }));
        }
        self.let_through(out);
        Ok(None)
    }

    /// The topic, where an alias may stand for it (MQTT 5.0, 3.3.2.3.4).
    fn resolve(&mut self, topic: String, alias: Option<u16>) -> Result<String, Wrong> {
        let Some(alias) = alias else { return Ok(topic) };
        let known = self.aliases.iter_mut().find(|(number, _)| *number == alias);
        match (known, topic.is_empty()) {
            (Some((_, known)), true) => return Ok(known.clone()),
            (None, true) => {
                return Err(protocol_error(format!("topic alias {alias}, which stands for no topic yet")));
            }
            (Some((_, known)), false) => known.clone_from(&topic),
            (None, false) => self.aliases.push((alias, topic.clone())),
        }
        Ok(topic)
    }

    fn may_begin(&self, first: u8) -> Result<(), Wrong> {
        let (kind, flags) = (first >> 4, first & 0x0f);
        if self.level.is_none() {
            return if first == CONNECT << 4 {
                Ok(())
            } else {
                Err(malformed("the first packet is not a CONNECT"))
            };
        }
        let right = match kind {
            // A repeated message has an identifier, so QoS 0 is never one (3.3.1.1).
            PUBLISH => (flags >> 1) & 0x03 != 3 && flags & 0x0e != 0x08,
            PUBREL | SUBSCRIBE | UNSUBSCRIBE => flags == 2,
            PUBACK | PUBREC | PUBCOMP | PINGREQ | DISCONNECT => flags == 0,
            CONNECT => return Err(protocol_error("a second CONNECT")),
            AUTH if self.five() => {
                return Err(protocol_error("an AUTH, though no method was agreed on"));
            }
            _ => return Err(protocol_error(format!("a packet of type {kind}, which only a broker sends"))),
        };
        if right {
            Ok(())
        } else {
            Err(malformed(format!("a packet of type {kind} with the flags {flags:04b}")))
        }
    }

    fn may_be_so_long(&self, length: usize) -> Result<(), Wrong> {
        let kind = self.held[0] >> 4;
        let old = self.level == Some(4);
        let least_and_most = match kind {
            CONNECT => (HEAD, LARGEST_CONNECT),
            PINGREQ => (0, 0),
            PUBACK | PUBREC | PUBREL | PUBCOMP if old => (2, 2),
            DISCONNECT if old => (0, 0),
            PUBACK | PUBREC | PUBREL | PUBCOMP | PUBLISH => (2, LARGEST_PACKET),
            // Without a filter too: the right reason is told.
            SUBSCRIBE | UNSUBSCRIBE => (2, LARGEST_PACKET),
            _ => (0, LARGEST_PACKET),
        };
        let (least, most) = least_and_most;
        if (least..=most).contains(&length) {
            return Ok(());
        }
        let why = format!("a packet of type {kind} with {length} bytes");
        Err(if length > LARGEST_PACKET { Wrong { code: TOO_LARGE, why } } else { malformed(why) })
    }

    /// Reads protocol name and level (MQTT 5.0, 3.1.2.1 and 3.1.2.2) from the beginning of CONNECT as soon
    /// as they are there: who speaks another protocol is not waited for.
    fn learn_level(&mut self) -> Result<(), Wrong> {
        let body = &self.held[self.body..];
        let begins = |name: &[u8]| name.starts_with(&body[..body.len().min(name.len())]);
        if !begins(b"\x00\x04MQTT") && !begins(b"\x00\x06MQIsdp") {
            return Err(malformed("a CONNECT without the protocol name MQTT"));
        }
        let whole = if begins(b"\x00\x04MQTT") { HEAD } else { HEAD + 2 };
        let Some(level) = body.get(whole - 1) else { return Ok(()) };
        match grammar::level(body) {
            Ok((level, _)) => self.level = Some(level),
            Err(wrong) => {
                // Versions before 3.1.1 and their bridges read its answer, later ones that of 5.
                if wrong.code == UNSUPPORTED_VERSION {
                    self.level = Some(if level & 0x7f <= 4 { 4 } else { 5 });
                }
                return Err(wrong);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V4: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
    const V5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";

    /// Everything that comes out; what is to be kept is.
    fn through(sieve: &mut Sieve, mut bytes: &[u8], keep: bool) -> Result<Vec<u8>, Wrong> {
        let mut out = Vec::new();
        loop {
            match sieve.feed(&mut bytes, &mut out)? {
                Step::Fed => return Ok(out),
                Step::Hello(_) => {}
                Step::Keep { .. } => sieve.settle(keep, &mut out),
            }
        }
    }

    fn after(connect: &[u8], packet: &[u8]) -> Result<(), Wrong> {
        let mut sieve = Sieve::new();
        through(&mut sieve, connect, true).expect("a CONNECT passes");
        through(&mut sieve, packet, true).map(drop)
    }

    #[test]
    fn what_a_client_may_send_passes_unchanged_however_the_bytes_arrive() {
        let publish: [&[&[u8]]; 2] = [
            &[b"\x32\x08\x00\x03a/b\x00\x01x", b"\x31\x06\x00\x03a/bx", b"\x30\x05\x00\x03a/b"],
            &[
                b"\x32\x09\x00\x03a/b\x00\x01\x00x",
                b"\x31\x0a\x00\x03a/b\x03\x23\x00\x01x",
                b"\x30\x06\x00\x00\x03\x23\x00\x01",
            ],
        ];
        let subscribe: [&[u8]; 2] =
            [b"\x82\x08\x00\x01\x00\x03a/b\x01", b"\x82\x09\x00\x01\x00\x00\x03a/b\x01"];
        let unsubscribe: [&[u8]; 2] = [b"\xa2\x07\x00\x01\x00\x03a/b", b"\xa2\x08\x00\x01\x00\x00\x03a/b"];
        let acks: [&[u8]; 4] =
            [b"\x40\x02\x00\x01", b"\x62\x02\x00\x01", b"\x70\x02\x00\x01", b"\x50\x02\x00\x01"];
        for (n, connect) in [V4, V5].into_iter().enumerate() {
            let mut all = connect.to_vec();
            for packet in publish[n].iter().copied().chain(acks) {
                all.extend_from_slice(packet);
            }
            all.extend([subscribe[n], unsubscribe[n], b"\xc0\x00", b"\xe0\x00"].concat());
            for step in [1, 2, 3, 7, all.len()] {
                let mut sieve = Sieve::new();
                let out: Vec<u8> =
                    all.chunks(step).flat_map(|b| through(&mut sieve, b, true).expect("legal")).collect();
                assert_eq!(out, all, "in pieces of {step}");
            }
        }
        assert!(after(V5, b"\xe0\x02\x04\x00").is_ok(), "DISCONNECT with a reason");
    }

    #[test]
    fn nothing_behind_a_connect_goes_on_before_it_is_accepted() {
        let (mut sieve, mut out) = (Sieve::new(), Vec::new());
        let all = [V4, b"\x30\x06\x00\x03a/bx"].concat();
        let mut bytes = all.as_slice();
        let step = sieve.feed(&mut bytes, &mut out).expect("legal");
        assert_eq!(step, Step::Hello(Hello { client_id: "a".to_owned(), user: None }));
        assert_eq!((out.as_slice(), bytes.len()), (V4, 8));
    }

    #[test]
    fn a_publication_that_is_not_to_be_kept_reaches_subscribers_all_the_same() {
        for (connect, kept, sent) in [
            (V4, &b"\x33\x08\x00\x03a/b\x00\x01x"[..], &b"\x32\x08\x00\x03a/b\x00\x01x"[..]),
            (V5, b"\x31\x07\x00\x03a/b\x00x", b"\x30\x07\x00\x03a/b\x00x"),
        ] {
            for step in [1, kept.len()] {
                let mut sieve = Sieve::new();
                through(&mut sieve, connect, true).expect("legal");
                let out: Vec<u8> =
                    kept.chunks(step).flat_map(|b| through(&mut sieve, b, false).expect("legal")).collect();
                assert_eq!(out, sent);
            }
        }
        // What empties a place asks for none; an alias stands for its topic.
        let mut sieve = Sieve::new();
        through(&mut sieve, V5, true).expect("legal");
        let (mut out, mut bytes) = (Vec::new(), &b"\x31\x06\x00\x03a/b\x00"[..]);
        assert_eq!(sieve.feed(&mut bytes, &mut out), Ok(Step::Fed));
        through(&mut sieve, b"\x30\x09\x00\x03a/b\x03\x23\x00\x02", true).expect("legal");
        let mut bytes = &b"\x31\x07\x00\x00\x03\x23\x00\x02x"[..];
        let step = sieve.feed(&mut bytes, &mut out);
        assert_eq!(step, Ok(Step::Keep { topic: "a/b".to_owned(), payload: 1 }));
    }

    #[test]
    fn packets_of_a_broker_wrong_flags_and_wrong_lengths_do_not_pass() {
        for connect in [V4, V5] {
            for packet in [
                &b"\x20\x02\x00\x00"[..],
                b"\x90\x03\x00\x01\x01",
                b"\xb0\x02\x00\x01",
                b"\xd0\x00",
                b"\x00\x00",
                b"\x36\x07\x00\x03a/b\x00\x01",
                b"\x38\x06\x00\x03a/bx",
                b"\x60\x02\x00\x01",
                b"\x80\x08\x00\x01\x00\x03a/b\x01",
                b"\xc0\x01\x00",
                b"\xc1\x00",
                b"\xe1\x00",
                b"\xf0\x02\x18\x00",
                b"\x30\xff\xff\xff\xff\x01",
                b"\x30\xff\xff\xff\x7f",
                b"\x30\x03\x00\x09a",
                b"\x32\x00",
                V4,
            ] {
                assert!(after(connect, packet).is_err(), "{packet:02x?}");
            }
        }
        for packet in [&b"\xe0\x02\x04\x00"[..], b"\x40\x03\x00\x01\x00"] {
            assert!(after(V4, packet).is_err(), "not in 3.1.1: {packet:02x?}");
        }
        for packet in [&b"\xc0\x80\x00"[..], b"\x30\x06\x00\x00\x03\x23\x00\x07"] {
            assert!(after(V5, packet).is_err(), "{packet:02x?}");
        }
        let large = after(V5, b"\x30\xff\xff\xff\x7f").expect_err("too large");
        assert_eq!(large.code, TOO_LARGE);
        for first in [
            &b"GET / HTTP/1.1"[..],
            b"\x16\x03\x01",
            b"\x30\x03\x00\x01a",
            b"\x10\x0d\x00\x04HTTP\x04",
            b"\x10\x03\x00\x04M",
            b"\x10\xff\xff\x7f",
        ] {
            assert!(through(&mut Sieve::new(), first, true).is_err(), "{first:02x?}");
        }
    }

    #[test]
    fn a_version_that_is_not_spoken_is_answered_as_that_version_reads() {
        for (first, level) in [
            (&b"\x10\x0e\x00\x06MQIsdp\x03\x02"[..], 4),
            (b"\x10\x0d\x00\x04MQTT\x03", 4),
            (b"\x10\x0d\x00\x04MQTT\x84", 4),
            (b"\x10\x0d\x00\x04MQTT\x06", 5),
        ] {
            let mut sieve = Sieve::new();
            let wrong = through(&mut sieve, first, true).expect_err("not spoken");
            assert_eq!((wrong.code, sieve.level()), (UNSUPPORTED_VERSION, Some(level)), "{first:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_pieces_are_judged_as_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            step in 1_usize..20,
            behind_connect in any::<bool>(),
        ) {
            let judge = |step: usize| {
                let mut sieve = Sieve::new();
                if behind_connect {
                    through(&mut sieve, V5, true).expect("a CONNECT passes");
                }
                bytes.chunks(step).all(|piece| through(&mut sieve, piece, false).is_ok())
            };
            prop_assert_eq!(judge(step), judge(bytes.len().max(1)));
        }
    }
}
