//! The properties of packets of version 5 that a client sends (MQTT 5.0, 2.2.2): which belong where, each
//! once, with a value that is allowed. Pure.

use super::reader::{Reader, TOPIC_ALIAS_INVALID, Wrong, malformed, protocol_error};

/// Topic aliases that a client may use, as its CONNACK says.
pub(super) const MOST_ALIASES: u16 = 32;

const PAYLOAD_FORMAT: u8 = 0x01;
const MESSAGE_EXPIRY: u8 = 0x02;
const CONTENT_TYPE: u8 = 0x03;
const RESPONSE_TOPIC: u8 = 0x08;
const CORRELATION_DATA: u8 = 0x09;
const SUBSCRIPTION_ID: u8 = 0x0b;
const SESSION_EXPIRY: u8 = 0x11;
const AUTH_METHOD: u8 = 0x15;
const AUTH_DATA: u8 = 0x16;
const PROBLEM_INFORMATION: u8 = 0x17;
const WILL_DELAY: u8 = 0x18;
const RESPONSE_INFORMATION: u8 = 0x19;
const REASON: u8 = 0x1f;
const RECEIVE_MAXIMUM: u8 = 0x21;
const ALIAS_MAXIMUM: u8 = 0x22;
const TOPIC_ALIAS: u8 = 0x23;
const USER: u8 = 0x26;
const MAXIMUM_PACKET: u8 = 0x27;

/// Where properties stand, and which may.
pub(super) type Place = &'static [u8];

pub(super) const IN_CONNECT: Place = &[
    SESSION_EXPIRY,
    RECEIVE_MAXIMUM,
    MAXIMUM_PACKET,
    ALIAS_MAXIMUM,
    RESPONSE_INFORMATION,
    PROBLEM_INFORMATION,
    USER,
    AUTH_METHOD,
    AUTH_DATA,
];
pub(super) const IN_WILL: Place =
    &[WILL_DELAY, PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION_DATA, USER];
pub(super) const IN_PUBLISH: Place =
    &[PAYLOAD_FORMAT, MESSAGE_EXPIRY, TOPIC_ALIAS, RESPONSE_TOPIC, CORRELATION_DATA, USER, CONTENT_TYPE];
pub(super) const IN_ACK: Place = &[REASON, USER];
pub(super) const IN_SUBSCRIBE: Place = &[SUBSCRIPTION_ID, USER];
pub(super) const IN_UNSUBSCRIBE: Place = &[USER];
pub(super) const IN_DISCONNECT: Place = &[SESSION_EXPIRY, REASON, USER];

/// What of them matters further.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) topic_alias: Option<u16>,
}

/// Reads the length and all properties.
pub(super) fn read(reader: &mut Reader<'_>, place: Place) -> Result<Found, Wrong> {
    let length = reader.variable()?;
    let mut inside = Reader::new(reader.take(length)?);
    let mut found = Found::default();
    // All identifiers are below 64.
    let mut seen = 0_u64;
    while !inside.is_empty() {
        let id = inside.byte()?;
        if !place.contains(&id) {
            return Err(malformed(format!("property 0x{id:02x} where it does not belong")));
        }
        let bit = 1_u64 << id;
        if seen & bit != 0 && id != USER {
            return Err(protocol_error(format!("property 0x{id:02x} twice")));
        }
        seen |= bit;
        one(&mut inside, id, &mut found)?;
    }
    if seen & (1 << AUTH_DATA) != 0 && seen & (1 << AUTH_METHOD) == 0 {
        return Err(protocol_error("authentication data without a method"));
    }
    Ok(found)
}

fn one(inside: &mut Reader<'_>, id: u8, found: &mut Found) -> Result<(), Wrong> {
    let zero = |name: &str| protocol_error(format!("{name} 0"));
    match id {
        PAYLOAD_FORMAT | PROBLEM_INFORMATION | RESPONSE_INFORMATION => {
            if inside.byte()? > 1 {
                return Err(protocol_error(format!("property 0x{id:02x} with a value other than 0 and 1")));
            }
        }
        MESSAGE_EXPIRY | SESSION_EXPIRY | WILL_DELAY => drop(inside.four()?),
        MAXIMUM_PACKET => {
            if inside.four()? == 0 {
                return Err(zero("maximum packet size"));
            }
        }
        RECEIVE_MAXIMUM => {
            if inside.two()? == 0 {
                return Err(zero("receive maximum"));
            }
        }
        ALIAS_MAXIMUM => drop(inside.two()?),
        TOPIC_ALIAS => {
            let alias = inside.two()?;
            if !(1..=MOST_ALIASES).contains(&alias) {
                let why = format!("topic alias {alias}; 1 to {MOST_ALIASES} are allowed");
                return Err(Wrong { code: TOPIC_ALIAS_INVALID, why });
            }
            found.topic_alias = Some(alias);
        }
        SUBSCRIPTION_ID => {
            if inside.variable()? == 0 {
                return Err(zero("subscription identifier"));
            }
        }
        RESPONSE_TOPIC => drop(inside.topic()?),
        CONTENT_TYPE | AUTH_METHOD | REASON => drop(inside.text()?),
        CORRELATION_DATA | AUTH_DATA => drop(inside.binary()?),
        USER => {
            inside.text()?;
            inside.text()?;
        }
        _ => return Err(malformed(format!("property 0x{id:02x}, which is not known"))),
    }
    Ok(())
}
