//! Requests and answers as bytes, MBAP and RTU. Pure.
//!
//! An answer counts only if it fits its request in unit, function and length (and on RTU in CRC):
//! whatever does not is told apart, so that the link knows whether the stream is still in step.
//! Called by `link` and by the probe.

use std::ops::Range;

use crc::{CRC_16_MODBUS, Crc, Table as CrcTable};

use crate::settings::{Framing, Table};

const CRC: Crc<u16, CrcTable<16>> = Crc::<u16, CrcTable<16>>::new(&CRC_16_MODBUS);
/// Longest PDU (Modbus Application Protocol V1.1b3, section 4.1).
const LONGEST_PDU: usize = 253;
/// Longest RTU frame: unit, PDU, CRC.
pub const LONGEST_RTU: usize = LONGEST_PDU + 3;

/// One request; this gateway only ever reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Functions 1 to 4.
    Read {
        /// Which table.
        table: Table,
        /// First address, from 0.
        address: u16,
        /// Registers or bits.
        count: u16,
        /// Registers of four bytes each.
        four_byte: bool,
    },
    /// Function 0x2B, MEI type 0x0E: device identification (V1.1b3, section 6.21).
    Identify {
        /// 1 basic, 2 regular, 3 extended.
        level: u8,
        /// First object wanted.
        object: u8,
    },
}

impl Ask {
    /// Function code.
    #[must_use]
    pub fn function(&self) -> u8 {
        match self {
            Self::Read { table, .. } => table.function(),
            Self::Identify { .. } => 0x2B,
        }
    }

    /// Bytes of values in the answer; `None` where only the answer itself knows.
    #[must_use]
    pub fn value_bytes(&self) -> Option<usize> {
        match *self {
            Self::Read { table, count, .. } if table.is_bits() => Some(usize::from(count).div_ceil(8)),
            Self::Read { count, four_byte, .. } => Some(usize::from(count) * register_bytes(four_byte)),
            Self::Identify { .. } => None,
        }
    }

    /// Bytes of the request's and of the expected answer's RTU frame, to know their time on a line.
    #[must_use]
    pub fn rtu_bytes(&self) -> (usize, usize) {
        match self {
            Self::Read { .. } => (8, 5 + self.value_bytes().unwrap_or_default()),
            Self::Identify { .. } => (7, LONGEST_RTU),
        }
    }

    fn pdu(&self, out: &mut Vec<u8>) {
        out.push(self.function());
        match *self {
            Self::Read { address, count, .. } => {
                out.extend_from_slice(&address.to_be_bytes());
                out.extend_from_slice(&count.to_be_bytes());
            }
            Self::Identify { level, object } => out.extend_from_slice(&[0x0E, level, object]),
        }
    }

    /// Appends the frame to `out`.
    pub fn write(&self, framing: Framing, unit: u8, transaction: u16, crc_swapped: bool, out: &mut Vec<u8>) {
        let start = out.len();
        match framing {
            Framing::Tcp => {
                out.extend_from_slice(&transaction.to_be_bytes());
                out.extend_from_slice(&[0, 0, 0, 0, unit]);
                self.pdu(out);
                let length = (out.len() - start - 6) as u16;
                out[start + 4..start + 6].copy_from_slice(&length.to_be_bytes());
            }
            Framing::Rtu => {
                out.push(unit);
                self.pdu(out);
                let crc = CRC.checksum(&out[start..]);
                out.extend_from_slice(&if crc_swapped { crc.to_be_bytes() } else { crc.to_le_bytes() });
            }
        }
    }
}

/// Bytes of one register.
#[must_use]
pub fn register_bytes(four_byte: bool) -> usize {
    if four_byte { 4 } else { 2 }
}

/// Why bytes are no answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// In the name of another unit.
    #[error("unit {0} answered")]
    Unit(u8),
    /// Another function's answer.
    #[error("an answer of function {0:02}")]
    Function(u8),
    /// Too few or too many values.
    #[error("{got} bytes of values where {wanted} were asked for")]
    Length {
        /// What came.
        got: usize,
        /// What was asked for.
        wanted: usize,
    },
    /// As many values as were asked for, under a byte count that lies.
    #[error("a byte count of {told} over {got} bytes of values")]
    Count {
        /// The byte count.
        told: usize,
        /// What came.
        got: usize,
    },
    /// No function code, or nothing behind it.
    #[error("an empty answer")]
    Empty,
}

/// A proper answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The bytes of the values; for an identification all behind the MEI type.
    Values(&'a [u8]),
    /// The device said no.
    Exception(u8),
}

/// Holds an answer's unit and PDU against its request.
///
/// # Errors
/// [`Wrong`]; such an answer must not be taken.
pub fn check<'a>(ask: &Ask, asked: u8, unit: u8, pdu: &'a [u8]) -> Result<Answer<'a>, Wrong> {
    if unit != asked {
        return Err(Wrong::Unit(unit));
    }
    let (&function, rest) = pdu.split_first().ok_or(Wrong::Empty)?;
    if function == ask.function() | 0x80 {
        return match rest {
            [code] => Ok(Answer::Exception(*code)),
            _ => Err(Wrong::Length { got: rest.len(), wanted: 1 }),
        };
    }
    if function != ask.function() {
        return Err(Wrong::Function(function));
    }
    let Some(wanted) = ask.value_bytes() else {
        return match rest.split_first() {
            Some((0x0E, objects)) => Ok(Answer::Values(objects)),
            _ => Err(Wrong::Empty),
        };
    };
    let (&told, values) = rest.split_first().ok_or(Wrong::Empty)?;
    if values.len() != wanted {
        return Err(Wrong::Length { got: values.len(), wanted });
    }
    if usize::from(told) != wanted {
        return Err(Wrong::Count { told: told.into(), got: values.len() });
    }
    Ok(Answer::Values(values))
}

/// One MBAP frame at the start of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpFrame {
    /// Transaction id.
    pub transaction: u16,
    /// Unit id.
    pub unit: u8,
    /// Where the PDU stands.
    pub pdu: Range<usize>,
}

/// The stream cannot be cut into frames any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no Modbus TCP frame: protocol {protocol}, length {length}")]
pub struct OutOfStep {
    /// Protocol id, 0 in a proper frame.
    pub protocol: u16,
    /// Length field, 3 to 254 in a proper frame.
    pub length: u16,
}

/// Takes the first frame of `bytes`; `None` while it is not whole.
///
/// # Errors
/// [`OutOfStep`]: only a new connection helps.
pub fn tcp(bytes: &[u8]) -> Result<Option<TcpFrame>, OutOfStep> {
    let Some(head) = bytes.first_chunk::<7>() else { return Ok(None) };
    let protocol = u16::from_be_bytes([head[2], head[3]]);
    let length = u16::from_be_bytes([head[4], head[5]]);
    if protocol != 0 || !(3..=LONGEST_PDU as u16 + 1).contains(&length) {
        return Err(OutOfStep { protocol, length });
    }
    let end = 6 + usize::from(length);
    Ok((bytes.len() >= end).then(|| TcpFrame {
        transaction: u16::from_be_bytes([head[0], head[1]]),
        unit: head[6],
        pdu: 7..end,
    }))
}

/// What stands in the bytes that came in on an RTU line while an answer is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rtu {
    /// The answer: its PDU, and how many bytes up to its end.
    Answer {
        /// Where the PDU stands.
        pdu: Range<usize>,
        /// Bytes to drop.
        consumed: usize,
        /// Junk in front of it.
        junk: usize,
    },
    /// A whole frame that is no answer to this request: somebody else's, or a late one.
    Foreign {
        /// Bytes to drop.
        consumed: usize,
        /// What is wrong with it.
        why: Wrong,
    },
    /// Not whole yet.
    More,
    /// Whole by its length, but its CRC is wrong; more may still follow.
    BadCrc,
}

/// The check sum of an RTU frame.
#[must_use]
pub fn crc(body: &[u8]) -> u16 {
    CRC.checksum(body)
}

fn crc_fits(frame: &[u8], swapped: bool) -> bool {
    let Some((body, crc)) = frame.split_last_chunk::<2>() else { return false };
    let told = if swapped { u16::from_be_bytes(*crc) } else { u16::from_le_bytes(*crc) };
    CRC.checksum(body) == told
}

/// Length of the frame that seems to begin here, if its function lets us tell.
fn rtu_length(bytes: &[u8]) -> Option<usize> {
    match *bytes.get(1)? {
        function if function & 0x80 != 0 => Some(5),
        1..=4 => Some(5 + usize::from(*bytes.get(2)?)),
        0x2B => identification_length(bytes),
        _ => None,
    }
}

/// Objects tell their own lengths: unit, function, 0x0E, level, conformity, more, next, count, objects.
fn identification_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 8;
    for _ in 0..*bytes.get(7)? {
        at += 2 + usize::from(*bytes.get(at + 1)?);
    }
    Some(at + 2)
}

/// Looks for the answer to `ask`. With `tolerant`, junk before it (stray bytes, an echo of the
/// request, keep-alives) is stepped over; a frame is only ever believed for its CRC.
#[must_use]
pub fn rtu(bytes: &[u8], ask: &Ask, unit: u8, crc_swapped: bool, tolerant: bool) -> Rtu {
    let mut outcome = Rtu::More;
    // The answer seems to have begun: what looks like another's frame now may be values of it.
    let mut begun = false;
    let last = if tolerant { bytes.len() } else { bytes.len().min(1) };
    for start in 0..last {
        let here = &bytes[start..];
        // A frame that claims to be longer than any real one is no frame.
        let Some(length) = rtu_length(here).filter(|l| *l <= LONGEST_RTU) else { continue };
        let Some(frame) = here.get(..length) else {
            begun |= here[0] == unit && here[1] == ask.function() && ask.value_bytes() == Some(length - 5);
            continue;
        };
        if !crc_fits(frame, crc_swapped) {
            if start == 0 {
                outcome = Rtu::BadCrc;
            }
            continue;
        }
        let consumed = start + length;
        return match check(ask, unit, frame[0], &frame[1..length - 2]) {
            Ok(_) => Rtu::Answer { pdu: start + 1..consumed - 2, consumed, junk: start },
            Err(_) if begun => continue,
            Err(why) => Rtu::Foreign { consumed, why },
        };
    }
    if outcome == Rtu::More && !tolerant && bytes.len() > LONGEST_RTU {
        return Rtu::BadCrc;
    }
    outcome
}

/// A whole answer in bytes that nobody waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Where it stands.
    pub at: Range<usize>,
    /// Who seems to have sent it.
    pub unit: u8,
    /// Its function; of an exception that of the request.
    pub function: u8,
    /// Bytes of its values; `None` of an exception.
    pub values: Option<usize>,
}

/// The first whole answer to a read in `bytes` whose CRC is right, wherever it begins.
#[must_use]
pub fn stray(bytes: &[u8], crc_swapped: bool) -> Option<Stray> {
    (0..bytes.len()).find_map(|start| {
        let here = &bytes[start..];
        let (unit, function) = (*here.first()?, *here.get(1)?);
        let length = rtu_length(here).filter(|l| *l <= LONGEST_RTU && matches!(function & 0x7F, 1..=4))?;
        here.get(..length).filter(|frame| crc_fits(frame, crc_swapped))?;
        let values = (function & 0x80 == 0).then_some(length - 5);
        Some(Stray { at: start..start + length, unit, function: function & 0x7F, values })
    })
}

/// Whether the head of the answer to `ask` stands in `bytes`, with all of it or as much as has come: cut off or
/// spoilt, it has come.
#[must_use]
pub fn has_begun(bytes: &[u8], ask: &Ask, unit: u8) -> bool {
    let Some(values) = ask.value_bytes().and_then(|v| u8::try_from(v).ok()) else { return false };
    bytes.windows(3).any(|head| head == [unit, ask.function(), values])
}

/// A frame in `bytes` that only another master can have caused: a request to read registers, or
/// anything about writing, since this gateway never writes. Gives its unit and function.
#[must_use]
pub fn other_master(bytes: &[u8], crc_swapped: bool) -> Option<(u8, u8)> {
    (0..bytes.len()).find_map(|start| {
        let here = &bytes[start..];
        let (unit, function) = (*here.first()?, *here.get(1)?);
        let lengths = match function {
            // An answer with as many bytes would hold three bytes of registers.
            3..=6 => [Some(8), None],
            15 | 16 => [Some(8), here.get(6).map(|count| 9 + usize::from(*count))],
            _ => return None,
        };
        let whole = |length: usize| here.get(..length).is_some_and(|frame| crc_fits(frame, crc_swapped));
        lengths.into_iter().flatten().any(whole).then_some((unit, function))
    })
}

#[cfg(test)]
mod tests;
