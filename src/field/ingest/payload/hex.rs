//! Transparent Modbus RTU replies: hexadecimal text (with or without blanks) or binary. Pure.
//!
//! A reply does not say where its registers begin, so the request it answers is found by unit,
//! function code and byte count (Modbus over Serial Line V1.02, 2.5; CRC 6.2.2).

use super::PayloadError;
use crate::field::ingest::civil::LocalTime;
use crate::field::modbus::decode;
use crate::plant::Quality;
use crate::settings::{HexRequest, ModbusPoint, Table};

/// A checked reply and the request it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Who answered.
    pub unit: u8,
    /// What was asked.
    pub request: HexRequest,
    /// The data bytes.
    pub data: &'a [u8],
}

/// The bytes of `text`; blanks, commas, colons and `0x` do not count.
///
/// # Errors
/// Something else stands there, or half a byte.
pub fn bytes(text: &str) -> Result<Vec<u8>, PayloadError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '0' && high.is_none() && rest.peek().is_some_and(|x| matches!(x, 'x' | 'X')) {
            rest.next();
            continue;
        }
        match (c.to_digit(16), high.take()) {
            (Some(digit), None) => high = Some(digit as u8),
            (Some(digit), Some(upper)) => bytes.push(upper << 4 | digit as u8),
            (None, None) if c.is_whitespace() || matches!(c, ',' | ':' | '-' | ';') => {}
            _ => return Err(PayloadError::NotHex(c)),
        }
    }
    if high.is_some() { Err(PayloadError::HalfByte) } else { Ok(bytes) }
}

/// The frames that a DTU packed into one payload, one behind the other; one alone if it is whole, or if it cannot
/// be parted. What is left behind good frames is the last.
#[must_use]
pub fn frames(payload: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = payload;
    while let [_, function, count, ..] = *rest {
        let length = if function & 0x80 != 0 { 5 } else { usize::from(count) + 5 };
        let Some((frame, behind)) = rest.split_at_checked(length) else { break };
        if behind.is_empty()
            || crc(&frame[..length - 2]) != u16::from_le_bytes([frame[length - 2], frame[length - 1]])
        {
            break;
        }
        found.push(frame);
        rest = behind;
    }
    found.push(rest);
    found
}

/// The reply in `frame`.
///
/// # Errors
/// A frame of another protocol, a damaged one, an exception, or one that nobody asked for.
pub fn reply<'a>(frame: &'a [u8], requests: &[HexRequest]) -> Result<Reply<'a>, PayloadError> {
    if is_dlt645(frame) {
        return Err(PayloadError::Dlt645);
    }
    let [unit, function, ..] = *frame else { return Err(PayloadError::ShortFrame(frame.len())) };
    if frame.len() < 5 {
        return Err(PayloadError::ShortFrame(frame.len()));
    }
    let (body, sum) = frame.split_at(frame.len() - 2);
    let (wanted, found) = (crc(body), u16::from_le_bytes([sum[0], sum[1]]));
    if wanted != found {
        return Err(PayloadError::Crc { wanted, found });
    }
    if function & 0x80 != 0 {
        return Err(PayloadError::Exception { unit, function: function & 0x7F, code: body[2] });
    }
    let count = usize::from(body[2]);
    let data = &body[3..];
    if data.len() != count {
        return Err(PayloadError::ByteCount { says: count, has: data.len() });
    }
    let fits =
        |r: &&HexRequest| r.unit.is_none_or(|u| u == unit) && r.function() == function && r.bytes() == count;
    match requests.iter().find(fits) {
        Some(request) => Ok(Reply { unit, request: *request, data }),
        None => Err(PayloadError::NotAsked { unit, function, count }),
    }
}

/// The value of `point`, if it lies within the reply.
#[must_use]
pub fn value(point: &ModbusPoint, reply: &Reply<'_>, local: LocalTime<'_>) -> Option<(f64, Quality)> {
    if point.table != reply.request.table {
        return None;
    }
    let offset = usize::from(point.address.checked_sub(reply.request.start)?);
    match point.table {
        Table::Coil | Table::DiscreteInput => {
            if offset >= usize::from(reply.request.count) {
                return None;
            }
            let byte = reply.data.get(offset / 8)?;
            Some(decode::bit(point, byte >> (offset % 8) & 1 == 1))
        }
        Table::HoldingRegister | Table::InputRegister => {
            let from = 2 * offset;
            let bytes = reply.data.get(from..from + 2 * usize::from(point.format.width()))?;
            Some(registers(point, bytes, local))
        }
    }
}

/// The one place where registers are decoded as the Modbus poller decodes them. A payload has no memory:
/// a fault of a current loop counts at once.
fn registers(point: &ModbusPoint, bytes: &[u8], local: LocalTime<'_>) -> (f64, Quality) {
    match decode::raw(point, bytes, local) {
        Ok(raw) => decode::engineering(point, raw),
        Err(cause) => (f64::NAN, Quality::Bad(cause)),
    }
}

/// `68 address(6) 68 … 16`, with up to four `FE` in front (DL/T 645-2007, 5.2).
#[must_use]
pub fn is_dlt645(frame: &[u8]) -> bool {
    let awake = frame.iter().take(4).take_while(|b| **b == 0xFE).count();
    let frame = &frame[awake..];
    frame.len() >= 12 && frame[0] == 0x68 && frame[7] == 0x68 && frame.last() == Some(&0x16)
}

/// CRC-16/MODBUS.
#[must_use]
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 { shifted ^ 0xA001 } else { shifted }
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Reply, bytes, crc, is_dlt645, reply, value};
    use crate::field::ingest::civil::LocalTime;
    use crate::field::ingest::payload::PayloadError;
    use crate::plant::{Micros, PointIx, Quality};
    use crate::settings::{ByteOrder, Format, HexRequest, ModbusPoint, Scaling, Table};

    const UTC: LocalTime<'static> = LocalTime { zone: &jiff::tz::TimeZone::UTC, arrival: Micros(0) };
    const ASKED: HexRequest =
        HexRequest { unit: Some(1), table: Table::HoldingRegister, start: 100, count: 2 };

    fn point(address: u16, format: Format, table: Table) -> ModbusPoint {
        ModbusPoint {
            point: PointIx(0),
            table,
            address,
            format,
            order: ByteOrder::Abcd,
            four_byte: false,
            scaling: Scaling::Linear { scale: 1.0, offset: 0.0 },
            factors: Vec::new(),
            range: None,
            confirm: false,
            truth: format.is_truth(),
            invert: false,
            sentinels: Vec::new(),
            origin: String::new(),
        }
    }

    /// A reply as a slave sends it.
    fn frame(unit: u8, function: u8, data: &[u8]) -> Vec<u8> {
        let mut frame = vec![unit, function, data.len() as u8];
        frame.extend_from_slice(data);
        let sum = crc(&frame);
        frame.extend_from_slice(&sum.to_le_bytes());
        frame
    }

    #[test]
    fn the_check_sum_is_that_of_the_specification() {
        // The request 01 03 00 00 00 0A has the check sum C5 CD on the wire.
        assert_eq!(crc(&[0x01, 0x03, 0x00, 0x00, 0x00, 0x0A]).to_le_bytes(), [0xC5, 0xCD]);
        assert_eq!(crc(b"123456789"), 0x4B37);
    }

    #[test]
    fn text_with_and_without_blanks_gives_the_same_bytes() {
        for text in ["0103040001ABcd", "01 03 04 00 01 ab CD", "0x01,0x03,0x04,0x00,0x01,0xAB,0xCD"] {
            assert_eq!(bytes(text).expect("good"), [1, 3, 4, 0, 1, 0xAB, 0xCD], "{text}");
        }
        assert_eq!(bytes("0 1"), Err(PayloadError::NotHex(' ')));
        assert_eq!(bytes("012"), Err(PayloadError::HalfByte));
    }

    #[test]
    fn a_reply_is_matched_by_unit_function_and_byte_count() {
        let good = frame(1, 3, &[0x3F, 0xA0, 0, 0]);
        let found = reply(&good, &[ASKED]).expect("asked for");
        let float = value(&point(100, Format::F32, Table::HoldingRegister), &found, UTC);
        assert_eq!(float, Some((1.25, Quality::Good)));
        assert_eq!(value(&point(101, Format::F32, Table::HoldingRegister), &found, UTC), None);
        assert_eq!(value(&point(99, Format::U16, Table::HoldingRegister), &found, UTC), None);
        assert_eq!(value(&point(100, Format::U16, Table::InputRegister), &found, UTC), None);
        for other in [frame(2, 3, &[0; 4]), frame(1, 4, &[0; 4]), frame(1, 3, &[0; 6])] {
            assert!(matches!(reply(&other, &[ASKED]), Err(PayloadError::NotAsked { .. })), "{other:?}");
        }
    }

    #[test]
    fn bits_are_counted_from_the_lowest_of_the_first_byte() {
        let asked = HexRequest { unit: None, table: Table::Coil, start: 8, count: 10 };
        let good = frame(7, 1, &[0b0000_0101, 0b10]);
        let found = reply(&good, &[asked]).expect("asked for");
        let read = |address| value(&point(address, Format::Bit, Table::Coil), &found, UTC).map(|v| v.0);
        assert_eq!([8, 9, 10, 17].map(read), [Some(1.0), Some(0.0), Some(1.0), Some(1.0)]);
        assert_eq!(read(18), None);
    }

    #[test]
    fn damaged_foreign_and_exceptional_frames_are_told_apart() {
        let mut broken = frame(1, 3, &[1, 2, 3, 4]);
        broken[3] ^= 1;
        assert!(matches!(reply(&broken, &[ASKED]), Err(PayloadError::Crc { .. })));
        let mut exception = vec![1, 0x83, 2];
        let sum = crc(&exception);
        exception.extend_from_slice(&sum.to_le_bytes());
        assert_eq!(
            reply(&exception, &[ASKED]),
            Err(PayloadError::Exception { unit: 1, function: 3, code: 2 })
        );
        let meter = bytes("FE FE FE FE 68 12 34 56 78 90 12 68 91 08 33 33 34 33 A5 A5 33 33 0A 16").unwrap();
        assert!(is_dlt645(&meter));
        assert_eq!(reply(&meter, &[ASKED]), Err(PayloadError::Dlt645));
        assert_eq!(reply(&[1], &[ASKED]), Err(PayloadError::ShortFrame(1)));
    }

    proptest! {
        #[test]
        fn what_a_slave_sends_is_read_back(words in prop::collection::vec(any::<u16>(), 1..125), unit: u8) {
            let data: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
            let asked = HexRequest {
                unit: None, table: Table::InputRegister, start: 0, count: words.len() as u16,
            };
            let sent = frame(unit, 4, &data);
            let text: String = sent.iter().map(|b| format!("{b:02X} ")).collect();
            let back = bytes(&text).unwrap();
            let found: Reply<'_> = reply(&back, &[asked]).unwrap();
            for (n, word) in words.iter().enumerate() {
                let point = point(n as u16, Format::U16, Table::InputRegister);
                prop_assert_eq!(value(&point, &found, UTC), Some((f64::from(*word), Quality::Good)));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(frame in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,40}") {
            let _ = reply(&frame, &[ASKED]);
            let _ = bytes(&text);
        }
    }
}
