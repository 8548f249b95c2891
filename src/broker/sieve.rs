//! Which bytes a client may send, looked at before the broker sees them: CONNECT first and once, then
//! only packets that a client sends, with the flags and lengths the specification allows
//! (MQTT 3.1.1 and 5.0, 2.1 and 2.2). What stands in the packets is the broker's business.

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

#[derive(Debug)]
enum Place {
    /// The first byte of a packet comes next.
    Start,
    /// Bytes of the length come next.
    Length { first: u8, value: usize, bytes: u32 },
    /// So many bytes of the packet are still to come.
    Body { left: usize },
}

/// Follows one connection.
#[derive(Debug)]
pub(super) struct Sieve {
    place: Place,
    /// The beginning of CONNECT, as far as it came.
    head: Vec<u8>,
    /// Protocol level, once CONNECT told it.
    level: Option<u8>,
    connect_seen: bool,
}

impl Sieve {
    pub(super) fn new() -> Self {
        Self { place: Place::Start, head: Vec::with_capacity(HEAD), level: None, connect_seen: false }
    }

    /// Looks at the next bytes of the connection.
    ///
    /// # Errors
    /// Why they may not go on, in words.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.place {
                Place::Start => {
                    self.may_begin(*first)?;
                    self.place = Place::Length { first: *first, value: 0, bytes: 0 };
                    bytes = rest;
                }
                Place::Length { first: kind, value, bytes: count } => {
                    *value |= usize::from(first & 0x7f) << (7 * *count);
                    *count += 1;
                    let (kind, value, count) = (*kind, *value, *count);
                    if first & 0x80 == 0 {
                        self.may_be_so_long(kind, value)?;
                        self.place = if value == 0 { Place::Start } else { Place::Body { left: value } };
                    } else if count == 4 {
                        return Err("a packet length of more than four bytes".to_owned());
                    }
                    bytes = rest;
                }
                Place::Body { left } => {
                    let now = bytes.len().min(*left);
                    let (body, rest) = bytes.split_at(now);
                    *left -= now;
                    if *left == 0 {
                        self.place = Place::Start;
                    }
                    if self.level.is_none() {
                        self.learn_level(body)?;
                    }
                    bytes = rest;
                }
            }
        }
        Ok(())
    }

    fn may_begin(&mut self, first: u8) -> Result<(), String> {
        let (kind, flags) = (first >> 4, first & 0x0f);
        if !self.connect_seen {
            if first != CONNECT << 4 {
                return Err("the first packet is not a CONNECT".to_owned());
            }
            self.connect_seen = true;
            return Ok(());
        }
        if self.level.is_none() {
            return Err("a CONNECT that is too short".to_owned());
        }
        let right = match kind {
            PUBLISH => (flags >> 1) & 0x03 != 3,
            PUBREL | SUBSCRIBE | UNSUBSCRIBE => flags == 2,
            PUBACK | PUBREC | PUBCOMP | PINGREQ | DISCONNECT => flags == 0,
            AUTH => flags == 0 && self.level == Some(5),
            CONNECT => return Err("a second CONNECT".to_owned()),
            _ => return Err(format!("a packet of type {kind}, which only a broker sends")),
        };
        if right { Ok(()) } else { Err(format!("a packet of type {kind} with the flags {flags:04b}")) }
    }

    fn may_be_so_long(&self, first: u8, length: usize) -> Result<(), String> {
        let kind = first >> 4;
        let old = self.level == Some(4);
        let right = match kind {
            CONNECT => (HEAD..=LARGEST_CONNECT).contains(&length),
            PINGREQ => length == 0,
            PUBACK | PUBREC | PUBREL | PUBCOMP if old => length == 2,
            DISCONNECT if old => length == 0,
            PUBACK | PUBREC | PUBREL | PUBCOMP | PUBLISH => (2..=LARGEST_PACKET).contains(&length),
            SUBSCRIBE | UNSUBSCRIBE => (5..=LARGEST_PACKET).contains(&length),
            _ => length <= LARGEST_PACKET,
        };
        if right { Ok(()) } else { Err(format!("a packet of type {kind} with {length} bytes")) }
    }

    /// Reads protocol name and level (MQTT 5.0, 3.1.2.1 and 3.1.2.2) from the beginning of CONNECT.
    fn learn_level(&mut self, body: &[u8]) -> Result<(), String> {
        let more = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&body[..body.len().min(more)]);
        let old = b"\x00\x06MQIsd";
        if self.head == old {
            return Err("MQTT 3.1, which is not spoken here; set the device to 3.1.1 or 5".to_owned());
        }
        if old.starts_with(&self.head) {
            return Ok(());
        }
        let expected = b"\x00\x04MQTT";
        let there = self.head.len().min(expected.len());
        if self.head[..there] != expected[..there] {
            return Err("a CONNECT without the protocol name MQTT".to_owned());
        }
        match self.head.get(HEAD - 1) {
            None => Ok(()),
            Some(level @ (4 | 5)) => {
                self.level = Some(*level);
                Ok(())
            }
            // The broker answers it with the right refusal.
            Some(_) => {
                self.level = Some(5);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Sieve;

    const V4: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
    const V5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";

    fn after(connect: &[u8], packet: &[u8]) -> Result<(), String> {
        let mut sieve = Sieve::new();
        sieve.pass(connect).expect("a CONNECT passes");
        sieve.pass(packet)
    }

    #[test]
    fn what_a_client_may_send_passes_however_the_bytes_arrive() {
        let packets: [&[u8]; 9] = [
            b"\x32\x07\x00\x03a/b\x00\x01",
            b"\x30\x06\x00\x03a/bx",
            b"\x40\x02\x00\x01",
            b"\x62\x02\x00\x01",
            b"\x82\x08\x00\x01\x00\x03a/b\x01",
            b"\xa2\x07\x00\x01\x00\x03a/b",
            b"\xc0\x00",
            b"\x70\x02\x00\x01",
            b"\xe0\x00",
        ];
        for connect in [V4, V5] {
            let all: Vec<u8> = std::iter::once(connect).chain(packets).flatten().copied().collect();
            for step in [1, 2, 3, 7, all.len()] {
                let mut sieve = Sieve::new();
                for bytes in all.chunks(step) {
                    sieve.pass(bytes).expect("legal");
                }
            }
        }
        assert!(after(V5, b"\xf0\x02\x18\x00").is_ok(), "AUTH belongs to version 5");
        assert!(after(V5, b"\xe0\x02\x04\x00").is_ok(), "DISCONNECT with a reason");
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
                b"\x60\x02\x00\x01",
                b"\x80\x08\x00\x01\x00\x03a/b\x01",
                b"\xc0\x01\x00",
                b"\x30\xff\xff\xff\xff\x01",
                b"\x30\xff\xff\xff\x7f",
                V4,
            ] {
                assert!(after(connect, packet).is_err(), "{packet:02x?}");
            }
        }
        for packet in [&b"\xf0\x02\x18\x00"[..], b"\xe0\x02\x04\x00", b"\x40\x03\x00\x01\x00"] {
            assert!(after(V4, packet).is_err(), "not in 3.1.1: {packet:02x?}");
        }
        for first in [
            &b"GET / HTTP/1.1"[..],
            b"\x16\x03\x01",
            b"\x30\x03\x00\x01a",
            b"\x10\x0d\x00\x04HTTP\x04",
            b"\x10\x0e\x00\x06MQIsdp\x03\x02",
            b"\x10\x03\x00\x04M",
            b"\x10\xff\xff\x7f",
        ] {
            assert!(Sieve::new().pass(first).is_err(), "{first:02x?}");
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
                    sieve.pass(V5).expect("a CONNECT passes");
                }
                bytes.chunks(step).all(|piece| sieve.pass(piece).is_ok())
            };
            prop_assert_eq!(judge(step), judge(bytes.len().max(1)));
        }
    }
}
