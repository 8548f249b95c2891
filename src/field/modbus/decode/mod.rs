//! Registers and bits → raw numbers → engineering values. Pure.
//!
//! What a register says is one thing ([`raw`]), what it means another ([`engineering`]); what needs a
//! memory (fault hold of a current loop, heartbeat, warm-up) is in `unit`.

use encoding_rs::{Encoding as Charset, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use crate::field::ingest::civil::LocalTime;
use crate::plant::meaning::{self, Width};
use crate::plant::{Cause, Quality, decimal};
use crate::settings::{ByteOrder, CurrentLoop, Encoding, Format, ModbusPoint, Scaling};

/// The largest integer a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// NAMUR NE 43: at or below is a fault, at or above too; between these and the measuring band the
/// transmitter is saturated. Milliamperes.
const FAULT_LOW: f64 = 3.6;
const FAULT_HIGH: f64 = 21.0;
const BAND_LOW: f64 = 3.8;
const BAND_HIGH: f64 = 20.5;

/// The raw number of a register point; `bytes` start at its address and hold at least its width,
/// the high byte of each register first. `NaN` for a [`Format::Text`]. A float is the shortest decimal
/// that gives it.
///
/// # Errors
/// The cause that makes the reading bad: too few bytes, no number, a sentinel.
pub fn raw(point: &ModbusPoint, bytes: &[u8], local: LocalTime<'_>) -> Result<f64, Cause> {
    let width = usize::from(point.format.width()) * 2;
    let bytes = bytes.get(..width).ok_or(Cause::Garbled)?;
    let number = match point.format {
        Format::Text(..) => return Ok(f64::NAN),
        Format::Clock6 => clock(bytes, point.order, local)?,
        Format::M10k(_) => m10k(significant(bytes, point.order), width)?,
        Format::Bcd(_) => bcd(significant(bytes, point.order), width)?,
        format => {
            let bits = significant(bytes, point.order);
            match format {
                Format::Bit | Format::Bool => f64::from(u8::from(bits != 0)),
                Format::RegisterBit(n) => f64::from(u8::from(bits >> n & 1 == 1)),
                Format::Bits { low, high, signed, .. } => bit_field(bits, low, high, signed),
                Format::I16 => f64::from(bits as u16 as i16),
                Format::I32 => f64::from(bits as u32 as i32),
                Format::I64 => bits as i64 as f64,
                Format::F16 => decimal::of_half(half(bits as u16)),
                Format::F32 => decimal::of_single(f32::from_bits(bits as u32)),
                Format::F64 => f64::from_bits(bits),
                Format::Epoch64Ms => bits as f64 / 1000.0,
                _ => bits as f64,
            }
        }
    };
    if !number.is_finite() {
        return Err(Cause::NotANumber);
    }
    // A sentinel is written in decimals: what the register can hold of it counts.
    let short = matches!(point.format, Format::F32);
    if point.sentinels.iter().any(|s| *s == number || short && decimal::of_single(*s as f32) == number) {
        return Err(Cause::Sentinel);
    }
    Ok(number)
}

/// Up to eight bytes as one number, most significant first after the order is undone.
pub(super) fn significant(bytes: &[u8], order: ByteOrder) -> u64 {
    let mut sorted = [0u8; 8];
    let room = 8 - bytes.len();
    match order {
        ByteOrder::Abcd => sorted[room..].copy_from_slice(bytes),
        ByteOrder::Dcba => {
            for (n, byte) in bytes.iter().rev().enumerate() {
                sorted[room + n] = *byte;
            }
        }
        ByteOrder::Cdab => {
            for (n, word) in bytes.chunks_exact(2).rev().enumerate() {
                sorted[room + 2 * n..room + 2 * n + 2].copy_from_slice(word);
            }
        }
        ByteOrder::Badc => {
            for (n, word) in bytes.chunks_exact(2).enumerate() {
                sorted[room + 2 * n] = word[1];
                sorted[room + 2 * n + 1] = word[0];
            }
        }
        ByteOrder::Other { place, .. } => {
            for (byte, significance) in bytes.iter().zip(place) {
                if let Some(slot) = sorted.get_mut(room + usize::from(significance)) {
                    *slot = *byte;
                }
            }
        }
    }
    u64::from_be_bytes(sorted)
}

/// Bits `low` to `high`; `signed` takes the highest of them as the sign.
fn bit_field(bits: u64, low: u8, high: u8, signed: bool) -> f64 {
    let unused = 63 - u32::from(high.min(63));
    let field = bits << unused;
    let shift = unused + u32::from(low);
    if signed { (field as i64 >> shift) as f64 } else { (field >> shift) as f64 }
}

/// A float of a size that no physical quantity has: read in the wrong byte order, most likely.
pub(super) fn is_implausible(format: Format, raw: f64) -> bool {
    let width = match format {
        Format::F16 => Width::Half,
        Format::F32 => Width::Single,
        Format::F64 => Width::Double,
        _ => return false,
    };
    meaning::is_implausible(raw, width)
}

/// Packed decimal: each half byte a digit.
fn bcd(bits: u64, width: usize) -> Result<f64, Cause> {
    let mut number = 0u64;
    for place in (0..width * 2).rev() {
        let digit = bits >> (4 * place) & 0xF;
        if digit > 9 {
            return Err(Cause::NotANumber);
        }
        number = number * 10 + digit;
    }
    Ok(number as f64)
}

/// Modulo 10 000: each register counts to 9999, the sign is that of each register.
fn m10k(bits: u64, width: usize) -> Result<f64, Cause> {
    let mut number = 0i64;
    for place in (0..width / 2).rev() {
        let word = i64::from((bits >> (16 * place)) as u16 as i16);
        if word.abs() > 9999 {
            return Err(Cause::NotANumber);
        }
        number = number * 10_000 + word;
    }
    Ok(number as f64)
}

/// IEEE 754 half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 => f64::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

fn clock(bytes: &[u8], order: ByteOrder, local: LocalTime<'_>) -> Result<f64, Cause> {
    let mut part = [0i16; 6];
    for (n, word) in bytes.chunks_exact(2).enumerate().take(6) {
        let swapped = matches!(order, ByteOrder::Badc | ByteOrder::Dcba);
        part[n] = if swapped {
            i16::from_le_bytes([word[0], word[1]])
        } else {
            i16::from_be_bytes([word[0], word[1]])
        };
    }
    let year = if (0..100).contains(&part[0]) { part[0] + 2000 } else { part[0] };
    let small = |n: usize| i8::try_from(part[n]).map_err(|_| Cause::NotANumber);
    let civil = jiff::civil::DateTime::new(year, small(1)?, small(2)?, small(3)?, small(4)?, small(5)?, 0)
        .map_err(|_| Cause::NotANumber)?;
    let micros = local.instant(civil).ok_or(Cause::NotANumber)?;
    Ok(micros.div_euclid(1_000_000) as f64)
}

/// The text of a [`Format::Text`] point, up to its end mark, without the white space around it.
#[must_use]
pub fn text(point: &ModbusPoint, bytes: &[u8]) -> Option<String> {
    let Format::Text(width, encoding) = point.format else { return None };
    let bytes = bytes.get(..usize::from(width) * 2)?;
    let swapped = matches!(point.order, ByteOrder::Badc | ByteOrder::Dcba);
    let bytes: Vec<u8> =
        if swapped { bytes.chunks_exact(2).flat_map(|w| [w[1], w[0]]).collect() } else { bytes.to_vec() };
    let wide = matches!(encoding, Encoding::Utf16Be | Encoding::Utf16Le);
    let end = if wide {
        bytes.chunks_exact(2).position(|w| w == [0, 0]).map(|n| n * 2)
    } else {
        bytes.iter().position(|b| *b == 0)
    };
    let charset: &Charset = match encoding {
        Encoding::Ascii | Encoding::Utf8 => UTF_8,
        Encoding::Gbk => GB18030,
        Encoding::Utf16Be => UTF_16BE,
        Encoding::Utf16Le => UTF_16LE,
    };
    let (text, _) = charset.decode_without_bom_handling(&bytes[..end.unwrap_or(bytes.len())]);
    Some(text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FF}' || c == '\u{FFFD}').to_owned())
}

/// A raw number in the point's unit. `None` for `loop_fault` of a current loop, which the caller
/// holds for a while before he believes it.
#[must_use]
pub fn engineering(point: &ModbusPoint, raw: f64) -> (f64, Quality) {
    if point.truth {
        return meaning::truth(raw, point.invert);
    }
    let (value, quality) = match point.scaling {
        Scaling::Linear { scale, offset } => {
            let wide = matches!(point.format, Format::U64 | Format::I64) && raw.abs() > EXACT;
            let quality = if wide { Quality::Uncertain(Cause::Rounded) } else { Quality::Good };
            finite(decimal::linear(raw, scale, offset), quality)
        }
        Scaling::Loop(current) => loop_value(&current, raw),
    };
    // However it is scaled: from nonsense no scale makes a value.
    if quality.is_usable() && is_implausible(point.format, raw) {
        return (value, Quality::Uncertain(Cause::Implausible));
    }
    (value, quality)
}

/// What has grown beyond all numbers is none.
pub(super) fn finite(value: f64, quality: Quality) -> (f64, Quality) {
    if value.is_finite() { (value, quality) } else { (f64::NAN, Quality::Bad(Cause::NotANumber)) }
}

/// The loop's current from the raw value.
#[must_use]
pub fn milliamperes(current: &CurrentLoop, raw: f64) -> f64 {
    let low = if current.live_zero { 4.0 } else { 0.0 };
    low + (raw - current.raw.0) / (current.raw.1 - current.raw.0) * (20.0 - low)
}

fn loop_value(current: &CurrentLoop, raw: f64) -> (f64, Quality) {
    let share = (raw - current.raw.0) / (current.raw.1 - current.raw.0);
    let value = |share: f64| {
        let rise = share * (current.range.1 - current.range.0);
        decimal::rounded(current.range.0 + rise, current.range.0.abs().max(rise.abs()))
    };
    let ma = milliamperes(current, raw);
    // Without a live zero a broken wire cannot be told from zero, but too much still can.
    if (current.live_zero && ma <= FAULT_LOW) || ma >= FAULT_HIGH {
        return (f64::NAN, Quality::Bad(Cause::LoopFault));
    }
    let held = if current.clamp { share.clamp(0.0, 1.0) } else { share };
    if (current.live_zero && ma < BAND_LOW) || ma > BAND_HIGH {
        return (value(held), Quality::Uncertain(Cause::LoopSaturated));
    }
    (value(held), Quality::Good)
}

/// The value of a coil or a discrete input.
#[must_use]
pub fn bit(point: &ModbusPoint, set: bool) -> (f64, Quality) {
    meaning::truth(f64::from(u8::from(set)), point.invert)
}

#[cfg(test)]
mod tests;
