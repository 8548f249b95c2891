//! Values that stand for none: what a list writes in hexadecimal, or beyond the type, is the pattern of bits that the register
//! holds; what the register cannot hold in any way is a problem, as it would never be met.

use super::super::headers::Field;
use super::super::lists::{self, Raw};
use super::super::messages;
use super::super::text::{plain, written};
use super::super::value::{Keys, Val};
use super::Reading;

/// What a raw value is in a type.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    Number(f64),
    /// Not a number in this type, which is bad already.
    Never,
    /// Nothing that the type can hold.
    Beyond,
}

impl Reading<'_> {
    /// `sentinels` from its column.
    pub(super) fn sentinels(&mut self, keys: &mut Keys) {
        let Some((column, text)) = self.cell(&Field::Sentinels) else { return };
        let Some(all) = lists::raw_words(&text) else {
            let problem = format!("`{}` is not a raw value", plain(&text));
            return self.fault(column, problem, "e.g. 32767 or 30001/-30001");
        };
        let kind = keys.get("type").and_then(Val::as_text).unwrap_or("u16").to_owned();
        let bits = match keys.get("bits") {
            Some(Val::List(ends)) if kind == "bits" => match (ends.first(), ends.get(1)) {
                (Some(Val::Number(low)), Some(Val::Number(high))) => Some((high - low) as u32 + 1),
                _ => None,
            },
            _ => None,
        };
        let mut found: Vec<f64> = Vec::new();
        for (word, raw) in all {
            let held = if self.around.block.exact { as_written(raw) } else { held(raw, &kind, bits) };
            match held {
                Held::Number(n) => {
                    if !self.around.block.exact && raw != Raw::Number(n) && n < 0.0
                        || matches!(raw, Raw::Number(own) if own != n)
                    {
                        self.warn(column, messages::sentinel_read(&word, &written(n), &kind), "");
                    }
                    if !found.contains(&n) {
                        found.push(n);
                    }
                }
                Held::Never => self.warn(column, messages::sentinel_not_a_number(&word, &kind), ""),
                Held::Beyond => {
                    self.fault(column, messages::sentinel_beyond(&word, &kind), messages::SENTINEL_REMEDY);
                }
            }
        }
        if !found.is_empty() {
            keys.insert("sentinels".to_owned(), Val::numbers(&found));
        }
    }
}

fn as_written(raw: Raw) -> Held {
    match raw {
        Raw::Number(n) => Held::Number(n),
        Raw::Bits(b) => Held::Number(b as f64),
    }
}

fn held(raw: Raw, kind: &str, field: Option<u32>) -> Held {
    let width = match kind {
        "u8_high" | "u8_low" | "i8_high" | "i8_low" => 8,
        "u16" | "i16" | "f16" | "bcd16" => 16,
        "u32" | "i32" | "f32" | "bcd32" | "epoch32" => 32,
        "u64" | "i64" | "f64" | "bcd64" => 64,
        "bits" => field.unwrap_or(16),
        _ => return as_written(raw),
    };
    match kind.as_bytes() {
        [b'f', ..] => float(raw, width),
        [b'b', b'c', ..] => decimal(raw, width),
        _ => whole(raw, width, kind.starts_with('i')),
    }
}

/// Two's complement, for what is told as a pattern or beyond one end of the type.
fn whole(raw: Raw, width: u32, signed: bool) -> Held {
    let all = 2f64.powi(i32::try_from(width).unwrap_or(64));
    let number = match raw {
        Raw::Bits(b) if signed && width == 64 => return Held::Number(b.cast_signed() as f64),
        Raw::Bits(b) => b as f64,
        Raw::Number(n) => n,
    };
    if number.fract() != 0.0 {
        return Held::Beyond;
    }
    match (signed, number) {
        (true, n) if (-all / 2.0..all / 2.0).contains(&n) => Held::Number(n),
        (true, n) if (all / 2.0..all).contains(&n) => Held::Number(n - all),
        (false, n) if (0.0..all).contains(&n) => Held::Number(n),
        (false, n) if (-all / 2.0..0.0).contains(&n) => Held::Number(n + all),
        _ => Held::Beyond,
    }
}

fn float(raw: Raw, width: u32) -> Held {
    let number = match (raw, width) {
        (Raw::Number(n), _) => n,
        (Raw::Bits(b), 32) => match u32::try_from(b) {
            Ok(b) => f64::from(f32::from_bits(b)),
            Err(_) => return Held::Beyond,
        },
        (Raw::Bits(b), 64) => f64::from_bits(b),
        _ => return Held::Beyond,
    };
    if number.is_finite() { Held::Number(number) } else { Held::Never }
}

/// Four bits a digit: a pattern with a letter in it is no number there.
fn decimal(raw: Raw, width: u32) -> Held {
    let digits = width / 4;
    let most = 10f64.powi(i32::try_from(digits).unwrap_or(16));
    match raw {
        Raw::Number(n) if (0.0..most).contains(&n) && n.fract() == 0.0 => Held::Number(n),
        Raw::Number(n) if n >= 0.0 && n < 2f64.powi(i32::try_from(width).unwrap_or(64)) => {
            decimal(Raw::Bits(n as u64), width)
        }
        Raw::Number(_) => Held::Beyond,
        Raw::Bits(b) => {
            let text = format!("{b:x}");
            match text.parse::<f64>() {
                Ok(n) if text.len() <= digits as usize && text.bytes().all(|c| c.is_ascii_digit()) => {
                    Held::Number(n)
                }
                _ if text.len() > digits as usize => Held::Beyond,
                _ => Held::Never,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_becomes_the_number_that_the_type_reads_it_as() {
        let bits = Raw::Bits;
        for (raw, kind, found) in [
            (bits(0x7fff), "i16", Held::Number(32_767.0)),
            (bits(0x8000), "i16", Held::Number(-32_768.0)),
            (Raw::Number(65_535.0), "i16", Held::Number(-1.0)),
            (Raw::Number(-32_768.0), "i16", Held::Number(-32_768.0)),
            (bits(0xffff_ffff), "i32", Held::Number(-1.0)),
            (bits(0xffff_ffff_ffff_ffff), "i64", Held::Number(-1.0)),
            (bits(0x8000), "u16", Held::Number(32_768.0)),
            (Raw::Number(-1.0), "u16", Held::Number(65_535.0)),
            (bits(0x80), "i8_low", Held::Number(-128.0)),
            (bits(0x7fc0_0000), "f32", Held::Never),
            (bits(0x461c_3c00), "f32", Held::Number(9_999.0)),
            (Raw::Number(-999.9), "f32", Held::Number(-999.9)),
            (bits(0x9999), "bcd16", Held::Number(9_999.0)),
            (bits(0xffff), "bcd16", Held::Never),
            (Raw::Number(65_535.0), "bcd16", Held::Never),
            (Raw::Number(3_276.7), "i16", Held::Beyond),
            (Raw::Number(70_000.0), "i16", Held::Beyond),
            (bits(0x1_0000), "u16", Held::Beyond),
            (Raw::Number(-40_000.0), "u16", Held::Beyond),
            (Raw::Number(-1.0), "bcd16", Held::Beyond),
        ] {
            assert_eq!(held(raw, kind, None), found, "{raw:?} as {kind}");
        }
        assert_eq!(held(Raw::Number(255.0), "bits", Some(8)), Held::Number(255.0));
        assert_eq!(held(Raw::Number(256.0), "bits", Some(8)), Held::Beyond);
    }
}
