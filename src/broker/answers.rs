//! What the broker sends, brought into the form of the client's version: the library knows one set of
//! acknowledgements, that of version 5. In 3.1.1 they bear no reason, there is no DISCONNECT from a
//! broker, and refusals have numbers of their own (MQTT 3.1.1, chapter 3). Pure.

use super::reader::{UNSUPPORTED_VERSION, Wrong};

const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const PUBCOMP: u8 = 7;
const SUBACK: u8 = 9;
const UNSUBACK: u8 = 11;
const DISCONNECT: u8 = 14;
const AUTH: u8 = 15;

#[derive(Debug, Clone, Copy)]
enum Place {
    Start,
    Length {
        value: usize,
        bytes: u32,
    },
    Body {
        left: usize,
    },
    /// Of a publication: it goes on as it comes.
    Through {
        left: usize,
    },
}

/// Follows what the broker sends on one connection.
#[derive(Debug)]
pub(super) struct Answers {
    place: Place,
    held: Vec<u8>,
    body: usize,
    /// A CONNACK that lets the client in went by.
    pub(super) accepted: bool,
    /// A CONNACK or DISCONNECT that ends the connection went by.
    pub(super) refused: bool,
}

impl Answers {
    pub(super) fn new() -> Self {
        Self { place: Place::Start, held: Vec::new(), body: 0, accepted: false, refused: false }
    }

    /// Takes the broker's next bytes; what the client of that version is to get is put behind `out`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], five: bool, out: &mut Vec<u8>) {
        while let Some((first, rest)) = bytes.split_first() {
            match self.place {
                Place::Start => {
                    self.held.push(*first);
                    self.place = Place::Length { value: 0, bytes: 0 };
                    bytes = rest;
                }
                Place::Length { value, bytes: count } => {
                    let value = value | (usize::from(first & 0x7f) << (7 * count.min(3)));
                    self.held.push(*first);
                    bytes = rest;
                    if first & 0x80 != 0 {
                        self.place = Place::Length { value, bytes: count + 1 };
                        continue;
                    }
                    self.body = self.held.len();
                    if self.held[0] >> 4 == PUBLISH {
                        out.append(&mut self.held);
                        self.place = Place::Through { left: value };
                    } else if value == 0 {
                        self.end(five, out);
                    } else {
                        self.place = Place::Body { left: value };
                    }
                }
                Place::Body { left } => {
                    let (now, rest) = bytes.split_at(left.min(bytes.len()));
                    self.held.extend_from_slice(now);
                    bytes = rest;
                    self.place = Place::Body { left: left - now.len() };
                    if left == now.len() {
                        self.end(five, out);
                    }
                }
                Place::Through { left } => {
                    let (now, rest) = bytes.split_at(left.min(bytes.len()));
                    out.extend_from_slice(now);
                    bytes = rest;
                    let left = left - now.len();
                    self.place = if left == 0 { Place::Start } else { Place::Through { left } };
                }
            }
        }
    }

    /// A packet is whole.
    fn end(&mut self, five: bool, out: &mut Vec<u8>) {
        self.place = Place::Start;
        let (kind, body) = (self.held[0] >> 4, &self.held[self.body..]);
        match kind {
            CONNACK => {
                self.accepted |= body.get(1) == Some(&0);
                self.refused |= !self.accepted;
            }
            DISCONNECT => self.refused = true,
            _ => {}
        }
        if five {
            out.append(&mut self.held);
            return;
        }
        match kind {
            CONNACK => {
                let code = body.get(1).map_or(3, |code| return_code(*code));
                let present = if code == 0 { body[0] & 1 } else { 0 };
                out.extend_from_slice(&[self.held[0], 2, present, code]);
            }
            PUBACK..=PUBCOMP | UNSUBACK => {
                out.extend_from_slice(&[self.held[0], 2]);
                out.extend_from_slice(body.get(..2).unwrap_or(&[0, 0]));
            }
            SUBACK => {
                let codes = self.body + 2;
                for code in self.held.iter_mut().skip(codes).filter(|code| **code > 2) {
                    *code = 0x80;
                }
                out.append(&mut self.held);
            }
            DISCONNECT | AUTH => {}
            _ => out.append(&mut self.held),
        }
        self.held.clear();
    }

    /// The broker is between two packets: something of ours may be said.
    fn is_between(&self) -> bool {
        matches!(self.place, Place::Start)
    }

    /// What a client whose packet is wrong is told before it is closed. In 3.1.1 only a version that is not
    /// spoken has an answer.
    pub(super) fn farewell(&self, wrong: &Wrong, level: Option<u8>) -> Vec<u8> {
        if !self.is_between() || self.refused {
            return Vec::new();
        }
        match (level, self.accepted) {
            (Some(5), true) => vec![DISCONNECT << 4, 2, wrong.code, 0],
            (Some(5), false) => vec![CONNACK << 4, 3, 0, wrong.code, 0],
            (Some(_), false) if wrong.code == UNSUPPORTED_VERSION => vec![CONNACK << 4, 2, 0, 1],
            _ => Vec::new(),
        }
    }
}

/// Of CONNACK: 0 to 5 are those of 3.1.1 already (3.2.2.3), others reasons of version 5.
fn return_code(code: u8) -> u8 {
    match code {
        0..=5 => code,
        UNSUPPORTED_VERSION => 1,
        0x85 => 2,
        0x86 => 4,
        0x87 | 0x8a | 0x8c => 5,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::{malformed, protocol_error};
    use super::*;

    fn sent(bytes: &[u8], five: bool) -> Vec<u8> {
        let mut whole = Vec::new();
        Answers::new().feed(bytes, five, &mut whole);
        let (mut answers, mut pieces) = (Answers::new(), Vec::new());
        for byte in bytes {
            answers.feed(std::slice::from_ref(byte), five, &mut pieces);
        }
        assert_eq!(whole, pieces, "however the bytes arrive");
        whole
    }

    #[test]
    fn a_client_of_3_1_1_gets_packets_of_3_1_1_only() {
        for (from_broker, to_client) in [
            (&b"\x40\x03\x00\x07\x87"[..], &b"\x40\x02\x00\x07"[..]),
            (b"\x40\x08\x00\x07\x97\x04\x1f\x00\x01x", b"\x40\x02\x00\x07"),
            (b"\x50\x04\x00\x07\x87\x00", b"\x50\x02\x00\x07"),
            (b"\x62\x03\x00\x07\x92", b"\x62\x02\x00\x07"),
            (b"\x70\x03\x00\x07\x92", b"\x70\x02\x00\x07"),
            (b"\x40\x02\x00\x07", b"\x40\x02\x00\x07"),
            (b"\x90\x06\x00\x07\x02\x87\x8f\x00", b"\x90\x06\x00\x07\x02\x80\x80\x00"),
            (b"\xb0\x05\x00\x07\x00\x11\x00", b"\xb0\x02\x00\x07"),
            (b"\xe0\x02\x8e\x00", b""),
            (b"\xe0\x00", b""),
            (b"\x20\x03\x01\x87\x00", b"\x20\x02\x00\x05"),
            (b"\x20\x02\x00\x86", b"\x20\x02\x00\x04"),
            (b"\x20\x02\x00\x97", b"\x20\x02\x00\x03"),
            (b"\x20\x02\x00\x9f", b"\x20\x02\x00\x03"),
            (b"\x20\x02\x01\x00", b"\x20\x02\x01\x00"),
            (b"\xd0\x00", b"\xd0\x00"),
            (b"\x30\x05\x00\x01a\xe0\x02", b"\x30\x05\x00\x01a\xe0\x02"),
        ] {
            assert_eq!(sent(from_broker, false), to_client, "{from_broker:02x?}");
            assert_eq!(sent(from_broker, true), from_broker, "version 5 gets all of it");
        }
        let two = b"\xe0\x02\x8e\x00\x40\x03\x00\x07\x87\x30\x03\x00\x01a\xd0\x00";
        assert_eq!(sent(two, false), b"\x40\x02\x00\x07\x30\x03\x00\x01a\xd0\x00");
    }

    #[test]
    fn the_reason_is_told_in_the_packet_that_may_bear_it_and_once() {
        let mut answers = Answers::new();
        let wrong = malformed("x");
        assert_eq!(answers.farewell(&wrong, Some(5)), b"\x20\x03\x00\x81\x00");
        assert_eq!(answers.farewell(&wrong, Some(4)), b"");
        assert_eq!(answers.farewell(&wrong, None), b"");
        let old = Wrong { code: UNSUPPORTED_VERSION, why: String::new() };
        assert_eq!(answers.farewell(&old, Some(4)), b"\x20\x02\x00\x01");
        answers.feed(b"\x20\x03\x00\x00\x00", true, &mut Vec::new());
        assert_eq!(answers.farewell(&protocol_error("x"), Some(5)), b"\xe0\x02\x82\x00");
        assert_eq!(answers.farewell(&wrong, Some(4)), b"");
        answers.feed(b"\x30\x05\x00", true, &mut Vec::new());
        assert_eq!(answers.farewell(&wrong, Some(5)), b"", "not in the middle of a packet");
        answers.feed(b"\x01axx\xe0\x02\x93\x00", true, &mut Vec::new());
        assert_eq!(answers.farewell(&wrong, Some(5)), b"", "the broker has said why already");
    }
}
