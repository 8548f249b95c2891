//! What stands in the packets that a client sends, judged by MQTT 3.1.1 and 5.0, chapter 3: each function
//! takes what follows the fixed header. Pure.

use super::properties::{self, Found};
use super::reader::{
    Reader, UNSUPPORTED_VERSION, Wrong, filter, malformed, protocol_error, without_wildcard,
};

/// What a CONNECT says that matters to the door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) client_id: String,
    pub(super) user: Option<String>,
}

/// The protocol level of a CONNECT, and the bytes behind it.
pub(super) fn level<'a>(body: &'a [u8]) -> Result<(u8, Reader<'a>), Wrong> {
    let mut reader = Reader::new(body);
    let name = reader.binary()?;
    let level = reader.byte()?;
    if name == b"MQIsdp" {
        let why = "MQTT 3.1, which is not spoken here; set the device to 3.1.1 or 5".to_owned();
        return Err(Wrong { code: UNSUPPORTED_VERSION, why });
    }
    if name != b"MQTT" {
        return Err(malformed("a CONNECT without the protocol name MQTT"));
    }
    if level != 4 && level != 5 {
        let why = format!("protocol level {level}; 4 (MQTT 3.1.1) and 5 are spoken here");
        return Err(Wrong { code: UNSUPPORTED_VERSION, why });
    }
    Ok((level, reader))
}

/// CONNECT behind its protocol level (3.1).
pub(super) fn connect(mut reader: Reader<'_>, five: bool) -> Result<Hello, Wrong> {
    let flags = reader.byte()?;
    let (will, will_qos, will_retain) = (flags & 0x04 != 0, (flags >> 3) & 3, flags & 0x20 != 0);
    let (password, user) = (flags & 0x40 != 0, flags & 0x80 != 0);
    if flags & 1 != 0 || will_qos == 3 || (!will && (will_qos != 0 || will_retain)) {
        return Err(malformed(format!("a CONNECT with the flags {flags:08b}")));
    }
    if password && !user && !five {
        return Err(malformed("a password without a user name"));
    }
    reader.two()?;
    if five {
        properties::read(&mut reader, properties::IN_CONNECT)?;
    }
    let client_id = reader.text()?.to_owned();
    if will {
        if five {
            properties::read(&mut reader, properties::IN_WILL)?;
        }
        reader.topic()?;
        reader.binary()?;
    }
    let user = if user { Some(reader.text()?.to_owned()) } else { None };
    if password {
        reader.binary()?;
    }
    reader.end()?;
    Ok(Hello { client_id, user })
}

/// How many bytes before the payload of a PUBLISH, as soon as that can be told (3.3).
pub(super) fn publish_head(flags: u8, held: &[u8], five: bool) -> Option<usize> {
    let topic = usize::from(u16::from_be_bytes([*held.first()?, *held.get(1)?]));
    let fixed = 2 + topic + if flags & 0x06 == 0 { 0 } else { 2 };
    if !five {
        return Some(fixed);
    }
    let bytes = held.get(fixed..)?;
    let end = bytes.iter().take(4).position(|b| b & 0x80 == 0);
    match end {
        Some(end) => {
            let length = Reader::new(&bytes[..=end]).variable().unwrap_or_default();
            Some(fixed + end + 1 + length)
        }
        // Too long a number: what is there is judged as it is.
        None if bytes.len() >= 4 => Some(held.len()),
        None => None,
    }
}

/// PUBLISH up to its payload: the topic, empty where an alias stands for it.
pub(super) fn publish(flags: u8, head: &[u8], five: bool) -> Result<(&str, Found), Wrong> {
    let mut reader = Reader::new(head);
    let topic = reader.text()?;
    without_wildcard(topic)?;
    if flags & 0x06 != 0 {
        reader.packet_id()?;
    }
    let found = if five { properties::read(&mut reader, properties::IN_PUBLISH)? } else { Found::default() };
    reader.end()?;
    if topic.is_empty() && found.topic_alias.is_none() {
        return Err(protocol_error("an empty topic without an alias"));
    }
    Ok((topic, found))
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP (3.4 to 3.7).
pub(super) fn acknowledgement(body: &[u8], five: bool, allowed: &[u8]) -> Result<(), Wrong> {
    let mut reader = Reader::new(body);
    reader.packet_id()?;
    if five {
        reason(&mut reader, allowed)?;
        if !reader.is_empty() {
            properties::read(&mut reader, properties::IN_ACK)?;
        }
    }
    reader.end()
}

pub(super) const OF_PUBACK: &[u8] = &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
pub(super) const OF_PUBREL: &[u8] = &[0x00, 0x92];
const OF_DISCONNECT: &[u8] =
    &[0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];

fn reason(reader: &mut Reader<'_>, allowed: &[u8]) -> Result<(), Wrong> {
    if reader.is_empty() {
        return Ok(());
    }
    let code = reader.byte()?;
    if allowed.contains(&code) {
        return Ok(());
    }
    Err(malformed(format!("reason code 0x{code:02x}, which this packet cannot have")))
}

/// SUBSCRIBE (3.8).
pub(super) fn subscribe(body: &[u8], five: bool) -> Result<(), Wrong> {
    let mut reader = Reader::new(body);
    reader.packet_id()?;
    if five {
        properties::read(&mut reader, properties::IN_SUBSCRIBE)?;
    }
    if reader.is_empty() {
        return Err(protocol_error("a SUBSCRIBE without a topic filter"));
    }
    while !reader.is_empty() {
        let text = reader.text()?;
        filter(text, five)?;
        let options = reader.byte()?;
        let reserved = if five { 0xc0 } else { 0xfc };
        if options & reserved != 0 {
            return Err(malformed(format!("reserved bits in the subscription options {options:08b}")));
        }
        if options & 0x03 == 3 {
            return Err(malformed("a subscription at QoS 3"));
        }
        if options & 0x30 == 0x30 {
            return Err(protocol_error("retain handling 3"));
        }
        if options & 0x04 != 0 && text.starts_with("$share/") {
            return Err(protocol_error("a shared subscription with no_local"));
        }
    }
    Ok(())
}

/// UNSUBSCRIBE (3.10).
pub(super) fn unsubscribe(body: &[u8], five: bool) -> Result<(), Wrong> {
    let mut reader = Reader::new(body);
    reader.packet_id()?;
    if five {
        properties::read(&mut reader, properties::IN_UNSUBSCRIBE)?;
    }
    if reader.is_empty() {
        return Err(protocol_error("an UNSUBSCRIBE without a topic filter"));
    }
    while !reader.is_empty() {
        filter(reader.text()?, five)?;
    }
    Ok(())
}

/// DISCONNECT (3.14).
pub(super) fn disconnect(body: &[u8], five: bool) -> Result<(), Wrong> {
    let mut reader = Reader::new(body);
    if five {
        reason(&mut reader, OF_DISCONNECT)?;
        if !reader.is_empty() {
            properties::read(&mut reader, properties::IN_DISCONNECT)?;
        }
    }
    reader.end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reader::{MALFORMED, PROTOCOL_ERROR, TOPIC_ALIAS_INVALID};
    use super::*;

    fn code(judged: Result<(), Wrong>) -> u8 {
        judged.map_or_else(|wrong| wrong.code, |()| 0)
    }

    fn said(first: u8, body: &[u8], five: bool) -> u8 {
        code(match first >> 4 {
            1 => connect(Reader::new(body), five).map(drop),
            3 => publish(first & 15, body, five).map(drop),
            4 | 5 => acknowledgement(body, five, OF_PUBACK),
            6 | 7 => acknowledgement(body, five, OF_PUBREL),
            8 => subscribe(body, five),
            10 => unsubscribe(body, five),
            _ => disconnect(body, five),
        })
    }

    #[test]
    fn each_packet_of_version_5_that_breaks_a_rule_is_told_with_its_reason() {
        for (first, body, expected) in [
            // CONNECT behind its level: the reserved flag, a will's QoS 3, a will's QoS without a will.
            (0x10, &b"\x03\x00\x3c\x00\x00\x01a"[..], MALFORMED),
            (0x10, b"\x1e\x00\x3c\x00\x00\x01a\x00\x00\x01w\x00\x00", MALFORMED),
            (0x10, b"\x0a\x00\x3c\x00\x00\x01a", MALFORMED),
            // Receive maximum 0, maximum packet size 0, a property twice, one of another packet, a flag of 2.
            (0x10, b"\x02\x00\x3c\x03\x21\x00\x00\x00\x01a", PROTOCOL_ERROR),
            (0x10, b"\x02\x00\x3c\x05\x27\x00\x00\x00\x00\x00\x01a", PROTOCOL_ERROR),
            (0x10, b"\x02\x00\x3c\x06\x21\x00\x01\x21\x00\x01\x00\x01a", PROTOCOL_ERROR),
            (0x10, b"\x02\x00\x3c\x03\x23\x00\x01\x00\x01a", MALFORMED),
            (0x10, b"\x02\x00\x3c\x02\x17\x02\x00\x01a", PROTOCOL_ERROR),
            (0x10, b"\x02\x00\x3c\x03\x16\x00\x00\x00\x01a", PROTOCOL_ERROR),
            // A will with a wildcard, without a topic; bytes behind the end; a text with U+0000.
            (0x10, b"\x06\x00\x3c\x00\x00\x01a\x00\x00\x01#\x00\x00", MALFORMED),
            (0x10, b"\x06\x00\x3c\x00\x00\x01a\x00\x00\x00\x00\x00", MALFORMED),
            (0x10, b"\x02\x00\x3c\x00\x00\x01a\x00", MALFORMED),
            (0x10, b"\x02\x00\x3c\x00\x00\x01\x00", MALFORMED),
            // PUBLISH: id 0, wildcard, U+0000, not UTF-8, no topic, alias 0 and 33, an identifier.
            (0x32, b"\x00\x01a\x00\x00\x00", PROTOCOL_ERROR),
            (0x30, b"\x00\x03a/+\x00", MALFORMED),
            (0x30, b"\x00\x01\x00\x00", MALFORMED),
            (0x30, b"\x00\x02\xc3\x28\x00", MALFORMED),
            (0x30, b"\x00\x03\xed\xa0\x80\x00", MALFORMED),
            (0x30, b"\x00\x00\x00", PROTOCOL_ERROR),
            (0x30, b"\x00\x01a\x03\x23\x00\x00", TOPIC_ALIAS_INVALID),
            (0x30, b"\x00\x01a\x03\x23\x00\x21", TOPIC_ALIAS_INVALID),
            (0x30, b"\x00\x01a\x02\x0b\x01", MALFORMED),
            (0x30, b"\x00\x01a\x04\x08\x00\x01#", MALFORMED),
            (0x30, b"\x00\x01a\x02\x01\x02", PROTOCOL_ERROR),
            (0x30, b"\x00\x01a\x80\x00", MALFORMED),
            // Acknowledgements: id 0, a reason of another packet.
            (0x40, b"\x00\x00", PROTOCOL_ERROR),
            (0x50, b"\x00\x00", PROTOCOL_ERROR),
            (0x62, b"\x00\x00", PROTOCOL_ERROR),
            (0x70, b"\x00\x00", PROTOCOL_ERROR),
            (0x40, b"\x00\x01\x92", MALFORMED),
            (0x62, b"\x00\x01\x10", MALFORMED),
            (0x40, b"\x00\x01\x00\x01\x26", MALFORMED),
            // SUBSCRIBE: id 0, identifier 0 and twice, no filter, QoS 3, handling 3, reserved bits, shares.
            (0x82, b"\x00\x00\x00\x00\x01a\x00", PROTOCOL_ERROR),
            (0x82, b"\x00\x01\x02\x0b\x00\x00\x01a\x00", PROTOCOL_ERROR),
            (0x82, b"\x00\x01\x04\x0b\x01\x0b\x01\x00\x01a\x00", PROTOCOL_ERROR),
            (0x82, b"\x00\x01\x00", PROTOCOL_ERROR),
            (0x82, b"\x00\x01\x00\x00\x01a\x03", MALFORMED),
            (0x82, b"\x00\x01\x00\x00\x01a\x30", PROTOCOL_ERROR),
            (0x82, b"\x00\x01\x00\x00\x01a\x40", MALFORMED),
            (0x82, b"\x00\x01\x00\x00\x00\x00", MALFORMED),
            (0x82, b"\x00\x01\x00\x00\x05a/#/b\x00", MALFORMED),
            (0x82, b"\x00\x01\x00\x00\x0a$share/+/a\x00", MALFORMED),
            (0x82, b"\x00\x01\x00\x00\x08$share/g\x00", MALFORMED),
            (0x82, b"\x00\x01\x00\x00\x09$share//a\x00", MALFORMED),
            (0x82, b"\x00\x01\x00\x00\x0a$share/g/a\x04", PROTOCOL_ERROR),
            (0x82, b"\x00\x01\x00\x00\x01a", MALFORMED),
            // UNSUBSCRIBE: id 0, no filter. DISCONNECT: a broker's reason.
            (0xa2, b"\x00\x00\x00\x00\x01a", PROTOCOL_ERROR),
            (0xa2, b"\x00\x01\x00", PROTOCOL_ERROR),
            (0xa2, b"\x00\x01\x02\x0b\x01\x00\x01a", MALFORMED),
            (0xe0, b"\x8e", MALFORMED),
            (0xe0, b"\x00\x04\x1c\x00\x01x", MALFORMED),
        ] {
            assert_eq!(said(first, body, true), expected, "{first:02x} {body:02x?}");
        }
    }

    #[test]
    fn packets_of_version_3_1_1_have_no_properties_and_fewer_bits() {
        for (first, body, right) in [
            (0x10, &b"\x02\x00\x3c\x00\x01a"[..], true),
            (0x10, b"\xc2\x00\x3c\x00\x01a\x00\x01u\x00\x01p", true),
            (0x10, b"\x42\x00\x3c\x00\x01a\x00\x01p", false),
            (0x10, b"\x03\x00\x3c\x00\x01a", false),
            (0x10, b"\x1e\x00\x3c\x00\x01a\x00\x01w\x00\x00", false),
            (0x30, b"\x00\x01a", true),
            (0x30, b"\x00\x00", false),
            (0x32, b"\x00\x01a\x00\x00", false),
            (0x32, b"\x00\x01a\x00\x01", true),
            (0x40, b"\x00\x00", false),
            (0x62, b"\x00\x01", true),
            (0x82, b"\x00\x01\x00\x01a\x01", true),
            (0x82, b"\x00\x01\x00\x01a\x04", false),
            (0x82, b"\x00\x00\x00\x01a\x01", false),
            (0x82, b"\x00\x01", false),
            // Here `$share` is a topic as others are.
            (0x82, b"\x00\x01\x00\x0a$share/+/a\x01", true),
            (0xa2, b"\x00\x01\x00\x01a", true),
            (0xa2, b"\x00\x00\x00\x01a", false),
        ] {
            assert_eq!(said(first, body, false) == 0, right, "{first:02x} {body:02x?}");
        }
    }

    #[test]
    fn packets_of_version_5_with_all_that_is_allowed_are_right() {
        let will = b"\x36\x00\x3c\x0e\x11\x00\x00\x00\x05\x21\x00\x0a\x26\x00\x01k\x00\x01v\x00\x01a\x05\x18\x00\x00\x00\x01\x00\x01w\x00\x00";
        // Properties: 5 + 3 + 7 bytes.
        let mut will = will.to_vec();
        will[3] = 15;
        assert_eq!(said(0x10, &will, true), 0);
        for (first, body) in [
            (0x32, &b"\x00\x01a\x00\x01\x0e\x26\x00\x01k\x00\x01v\x26\x00\x01k\x00\x01v"[..]),
            (0x30, b"\x00\x00\x03\x23\x00\x20"),
            (0x40, b"\x00\x01\x10"),
            (0x40, b"\x00\x01\x00\x04\x1f\x00\x01r"),
            (0x62, b"\x00\x01\x92\x00"),
            (0x82, b"\x00\x01\x02\x0b\x01\x00\x0a$share/g/#\x22\x00\x01+\x00"),
            (0xa2, b"\x00\x01\x00\x00\x0a$share/g/a"),
            (0xe0, b""),
            (0xe0, b"\x04"),
            (0xe0, b"\x00\x05\x11\x00\x00\x00\x00"),
        ] {
            assert_eq!(said(first, body, true), 0, "{first:02x} {body:02x?}");
        }
    }

    #[test]
    fn the_head_of_a_publication_is_known_as_soon_as_its_bytes_are_there() {
        let whole = b"\x00\x03a/b\x00\x01\x03\x23\x00\x01payload";
        for n in 0..whole.len() {
            let known = publish_head(2, &whole[..n], true);
            assert_eq!(known, (n >= 8).then_some(11), "{n} bytes");
        }
        assert_eq!(publish_head(0, b"\x00\x03", false), Some(5));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(
            first in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..60), five in any::<bool>(),
        ) {
            let _ = said(first, &body, five);
            let _ = publish_head(first & 15, &body, five);
            let _ = level(&body);
        }
    }
}
