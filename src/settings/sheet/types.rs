//! Data types in the words of manuals, PLC programs and Modbus masters.

use super::order::{Order, ending, order_inside};
use super::text::folded;
pub(super) use super::type_words::byte_of;
use super::type_words::{EXACT, WORDS, byte_of_type};

/// What a type cell says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypeWord {
    pub(super) family: Family,
    /// Bits, if the word tells them (`INT16`, but not `整型`).
    pub(super) bits: Option<u32>,
    /// A byte order inside the cell: `FLOAT CDAB`.
    pub(super) order: Option<Order>,
    /// Characters of a text: `String(8)`.
    pub(super) characters: Option<u32>,
    /// Which byte of a register, the high one if true: `uint8le`, `BYTE（高字节）`.
    pub(super) byte: Option<bool>,
}

impl TypeWord {
    pub(super) fn is_bit(&self) -> bool {
        matches!(self.family, Family::Bit | Family::Exact("bit" | "bool"))
    }

    /// One byte of a register.
    pub(super) fn is_byte(&self) -> bool {
        self.bits == Some(8) && matches!(self.family, Family::Unsigned | Family::Signed)
    }

    /// A whole number.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.family, Family::Unsigned | Family::Signed)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.family, Family::Text | Family::Exact("string"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Unsigned,
    Signed,
    Float,
    Bcd,
    Modulo10k,
    Bit,
    Text,
    Time,
    /// The key's own word, as a profile has it.
    Exact(&'static str),
}

/// Words that say nothing about the type: kind of signal.
pub(super) fn says_nothing(text: &str) -> bool {
    matches!(
        folded(text).as_str(),
        "模拟量" | "ai" | "ao" | "analog" | "analogue" | "数值" | "数据" | "测量值" | "register" | "寄存器"
    )
}

/// Reads a type cell; `None` if no word of it is known.
pub(super) fn type_word(text: &str) -> Option<TypeWord> {
    if let Some(key) = EXACT.iter().find(|k| **k == text.trim()) {
        return Some(TypeWord {
            family: Family::Exact(key),
            bits: None,
            order: None,
            characters: None,
            byte: None,
        });
    }
    let mut word = folded(text).replace(['_', '型'], " ").replace("bits", "bit");
    // `SINT（高字节）`, `byte low byte`: which byte, apart from the type.
    let byte = byte_of_type(text);
    if byte.is_some() {
        for which in [
            "高字节",
            "低字节",
            "高8位",
            "低8位",
            "高八位",
            "低八位",
            "highbyte",
            "lowbyte",
            "high",
            "low",
            "msb",
            "lsb",
        ] {
            word = word.replace(which, " ");
        }
    }
    // The order may stand inside: `float cdab`, `浮点数(3412)`, `long inverse`.
    let order = order_inside(&mut word);
    let word: String = word.chars().filter(|c| !" -()[]{}:,/.".contains(*c)).collect();
    if let Some((family, bits, characters)) = known(&word) {
        return Some(TypeWord { family, bits, order, characters, byte });
    }
    // `int32be`, `floatsw`, `U32_LE`; of one byte the ending tells which.
    let (base, order) = ending(&word)?;
    let (family, bits, characters) = known(base)?;
    let one_byte = base.trim_start_matches(|c: char| !c.is_ascii_digit()) == "8"
        && matches!(family, Family::Unsigned | Family::Signed);
    let byte = byte.or(one_byte.then_some(order.key == "dcba"));
    Some(TypeWord { family, bits, order: Some(order).filter(|_| !one_byte), characters, byte })
}

/// Family, bits and characters of a word without its order.
fn known(word: &str) -> Option<(Family, Option<u32>, Option<u32>)> {
    let look = |w: &str| {
        let bare = |s: &str| s.replace(['型', '-'], "");
        WORDS.iter().find(|(known, _, _)| *known == w || bare(known) == w).map(|(_, f, b)| (*f, *b))
    };
    if let Some((family, bits)) = look(word) {
        return Some((family, bits, None));
    }
    // `int16`, `16bit unsigned`, `无符号16位`, `s16`, `string8`: the number apart from the word.
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    let letters: String = word.chars().filter(|c| !c.is_ascii_digit()).collect();
    let number: u32 = digits.parse().ok()?;
    let letters = letters.replace("bit", "").replace('位', "");
    let (family, own) = match letters.as_str() {
        "u" | "ui" => (Family::Unsigned, None),
        "s" | "i" => (Family::Signed, None),
        "f" | "fp" => (Family::Float, None),
        "b" if number == 1 => (Family::Bit, None),
        "" if number == 1 => (Family::Bit, None),
        "" => (Family::Unsigned, None),
        other => look(other)?,
    };
    match family {
        Family::Text => Some((family, None, Some(number))),
        Family::Bit => Some((family, None, None)),
        Family::Time => Some((family, Some(number), None)),
        _ if matches!(number, 8 | 16 | 32 | 48 | 64) => Some((family, Some(number), None)),
        // IEC 754, 2 words: a number that is no width.
        _ if own.is_some() => Some((family, own, None)),
        _ => None,
    }
}

/// The profile's word for a type of `registers` registers, if there is one.
pub(super) fn type_key(word: &TypeWord, registers: Option<u32>) -> Option<&'static str> {
    if let Family::Exact(key) = word.family {
        return Some(key);
    }
    let bits = word.bits.or(registers.map(|r| r * 16));
    if word.is_byte() {
        let fits = registers.is_none_or(|r| r == 1);
        return fits.then_some(match (word.family, word.byte) {
            (Family::Signed, Some(true)) => "i8_high",
            (Family::Signed, _) => "i8_low",
            (_, Some(true)) => "u8_high",
            (_, _) => "u8_low",
        });
    }
    Some(match (word.family, bits) {
        (Family::Unsigned, None | Some(16)) => "u16",
        (Family::Unsigned, Some(32)) => "u32",
        (Family::Unsigned, Some(64)) => "u64",
        (Family::Signed, None | Some(16)) => "i16",
        (Family::Signed, Some(32)) => "i32",
        (Family::Signed, Some(64)) => "i64",
        (Family::Float, None | Some(32)) => "f32",
        (Family::Float, Some(16)) => "f16",
        (Family::Float, Some(64)) => "f64",
        (Family::Bcd, None | Some(16)) => "bcd16",
        (Family::Bcd, Some(32)) => "bcd32",
        (Family::Bcd, Some(64)) => "bcd64",
        (Family::Modulo10k, None | Some(32)) => "m10k32",
        (Family::Modulo10k, Some(48)) => "m10k48",
        (Family::Modulo10k, Some(64)) => "m10k64",
        (Family::Bit, _) => "bit",
        (Family::Text, _) => "string",
        (Family::Time, None | Some(32)) => "epoch32",
        (Family::Time, Some(64)) => "epoch64_ms",
        (Family::Time, Some(96)) => "clock6",
        _ => return None,
    })
}

/// How many registers a type takes; `None` where the length decides.
pub(super) fn width(key: &str) -> Option<u32> {
    Some(match key {
        "u16" | "i16" | "f16" | "bcd16" | "bit" | "bool" | "u8_high" | "u8_low" | "i8_high" | "i8_low" => 1,
        "u32" | "i32" | "f32" | "bcd32" | "m10k32" | "epoch32" => 2,
        "m10k48" => 3,
        "u64" | "i64" | "f64" | "bcd64" | "m10k64" | "epoch64_ms" => 4,
        "clock6" => 6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_in_every_usual_spelling() {
        for (text, registers, key) in [
            ("UINT16", None, "u16"),
            ("uint", Some(1), "u16"),
            ("WORD", None, "u16"),
            ("无符号16位", None, "u16"),
            ("16位无符号整数", None, "u16"),
            ("无符号整型", Some(2), "u32"),
            ("INT16", None, "i16"),
            ("整型", None, "i16"),
            ("整型", Some(2), "i32"),
            ("有符号", None, "i16"),
            ("S16", None, "i16"),
            ("short", None, "i16"),
            ("DWORD", None, "u32"),
            ("UDINT", None, "u32"),
            ("unsigned long", None, "u32"),
            ("32-bit unsigned", None, "u32"),
            ("DINT", None, "i32"),
            ("长整型", None, "i32"),
            ("int64", None, "i64"),
            ("REAL", None, "f32"),
            ("Float", Some(2), "f32"),
            ("FLOAT32", None, "f32"),
            ("浮点", None, "f32"),
            ("浮点型", None, "f32"),
            ("单精度", None, "f32"),
            ("单精度浮点数", None, "f32"),
            ("32位浮点", None, "f32"),
            ("双精度", None, "f64"),
            ("LREAL", None, "f64"),
            ("double", None, "f64"),
            ("BOOL", None, "bit"),
            ("开关量", None, "bit"),
            ("位", None, "bit"),
            ("1bit", None, "bit"),
            ("BCD", None, "bcd16"),
            ("BCD", Some(2), "bcd32"),
            ("String(8)", None, "string"),
            ("STRING[16]", None, "string"),
            ("时间", Some(2), "epoch32"),
            ("时间", Some(6), "clock6"),
            ("u32", None, "u32"),
            ("epoch64_ms", None, "epoch64_ms"),
            ("SINT", None, "i8_low"),
            ("INT8", Some(1), "i8_low"),
            ("8位有符号", None, "i8_low"),
            ("USINT", None, "u8_low"),
            ("UINT8", None, "u8_low"),
            ("BYTE", None, "u8_low"),
            ("u8", None, "u8_low"),
            ("字节", None, "u8_low"),
            ("INT8（高字节）", None, "i8_high"),
            ("BYTE 高8位", None, "u8_high"),
            ("SINT high byte", None, "i8_high"),
            ("UINT8 MSB", None, "u8_high"),
            ("BYTE(低字节)", None, "u8_low"),
        ] {
            let word = type_word(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(type_key(&word, registers), Some(key), "{text}");
        }
        assert_eq!(type_word("String(8)").and_then(|w| w.characters), Some(8));
        for text in ["", "温度", "int17", "x"] {
            assert_eq!(type_word(text), None, "{text}");
        }
    }

    #[test]
    fn a_byte_of_a_register_is_told_apart_and_words_that_end_alike_are_not_torn() {
        assert_eq!(type_word("uint8be").and_then(|w| w.byte), Some(false));
        assert_eq!(type_word("uint8le").and_then(|w| w.byte), Some(true));
        for text in ["double", "single", "UINT8", "int16le", "Double"] {
            assert_eq!(type_word(text).and_then(|w| w.byte), None, "{text}");
        }
        for text in ["FLOAT 高字节在前", "高字节为年，低字节为月", "状态", "int lsb first"]
        {
            assert_eq!(byte_of(text), None, "{text}");
        }
        assert_eq!((byte_of("温度（高8位）"), byte_of("Lower byte: speed")), (Some(true), Some(false)));
        assert_eq!(type_word("double").and_then(|w| w.order), None);
    }

    #[test]
    fn an_order_inside_the_type_is_not_lost() {
        for (text, order) in [
            ("FLOAT CDAB", "cdab"),
            ("浮点数(3412)", "cdab"),
            ("Float AB CD", "abcd"),
            ("FLOAT_BADC", "badc"),
            ("Long Inverse", "cdab"),
            ("int32be", "abcd"),
            ("floatsw", "cdab"),
            ("uint32sw", "cdab"),
            ("U32_LE", "dcba"),
            ("float32-le", "dcba"),
            ("uint64le", "dcba"),
            ("int16le", "dcba"),
            ("单精度浮点(3412)", "cdab"),
            ("浮点数 高字在后", "cdab"),
        ] {
            let word = type_word(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(word.order.map(|o| o.key).as_deref(), Some(order), "{text}");
        }
    }
}
