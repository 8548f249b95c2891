//! Data types in the words of manuals, PLC programs and Modbus masters.

use super::byte_said::{ByteSaid, before_byte, byte_of, byte_of_type, byte_said};
use super::messages;
use super::order::{Order, ending, order_inside};
use super::text::{folded, plain};
use super::type_count::counted;
use super::type_words::{EXACT, WORDS};

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
    spelled(text).or_else(|| beside_a_byte(text))
}

/// A whole number beside words on its byte, or on the empty one: `BYTE（高字节为0）`, `8位无符号(低字节有效)`,
/// `UINT8, high byte unused`.
fn beside_a_byte(text: &str) -> Option<TypeWord> {
    let high = byte_of(text)?;
    let bases = [without_bytes_in_brackets(text), before_byte(text)];
    let mut words = bases.iter().flatten().filter_map(|base| spelled(base));
    words.find(TypeWord::is_number).map(|word| TypeWord { byte: Some(high), ..word })
}

/// The text without the brackets that speak of a byte.
fn without_bytes_in_brackets(text: &str) -> Option<String> {
    let mut rest = plain(text);
    let before = rest.len();
    let mut from = 0;
    while let Some(open) = rest[from..].find(['(', '[']).map(|n| n + from) {
        let Some(close) = rest[open..].find([')', ']']).map(|n| n + open) else { break };
        if byte_said(&rest[open + 1..close]) == ByteSaid::Nothing {
            from = close + 1;
        } else {
            rest.replace_range(open..=close, " ");
            from = open;
        }
    }
    (rest.len() != before).then_some(rest)
}

/// A type by itself, with its order and its byte in one word.
fn spelled(text: &str) -> Option<TypeWord> {
    if let Some(key) = EXACT.iter().find(|k| **k == text.trim()) {
        return Some(TypeWord {
            family: Family::Exact(key),
            bits: None,
            order: None,
            characters: None,
            byte: None,
        });
    }
    if is_doubtful(text) {
        return None;
    }
    let lower = short_of_c(&plain(text).to_lowercase());
    let (counted, lower) = counted(&lower).map_or((None, lower), |(bits, rest)| (Some(bits), rest));
    let mut word = folded(&lower).replace(['_', '型'], " ").replace("bits", "bit");
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
    if let Some(bits) = counted {
        let (family, bits, characters) = of_bits(&word, bits)?;
        return Some(TypeWord { family, bits, order, characters, byte });
    }
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

/// `short int` is C's, 16 bits; in one word it may be Pascal's. The same text with `short` alone.
fn short_of_c(lower: &str) -> String {
    let Some((before, behind)) = lower.split_once("short") else { return lower.to_owned() };
    let rest = behind.trim_start_matches([' ', '_', '-']);
    match rest.strip_prefix("integer").or_else(|| rest.strip_prefix("int")) {
        Some(rest) if behind.starts_with([' ', '_', '-']) => format!("{before}short{rest}"),
        _ => lower.to_owned(),
    }
}

/// Words that name 8 bits to one writer and 16 to another: `ShortInt`, and `S INT` in two pieces.
fn is_doubtful(text: &str) -> bool {
    let (lower, word) = (plain(text).to_lowercase(), folded(text).replace(['_', '-'], ""));
    let letters: String = word.chars().filter(|c| c.is_ascii_alphabetic()).collect();
    lower.contains("shortint")
        || matches!(letters.as_str(), "sint" | "usint") && !lower.contains("sint") && letters == word
}

/// What is wrong with a cell that [`type_word`] does not read, and what would be right.
pub(super) fn unread(text: &str) -> (String, &'static str) {
    let shown = plain(text);
    match () {
        () if is_doubtful(text) => (messages::short_or_long(&shown), messages::SHORT_OR_LONG_REMEDY),
        () if counted(&shown.to_lowercase()).is_some() => {
            (messages::bytes_unread(&shown), messages::BYTES_UNREAD_REMEDY)
        }
        () => (
            format!("`{shown}` is not a data type"),
            "e.g. UINT16, INT16, UINT32, INT32, FLOAT, BOOL, String(8), BCD",
        ),
    }
}

/// A type of which the cell counts the bytes; the word beside the number may not tell another width.
fn of_bits(word: &str, bits: u32) -> Option<(Family, Option<u32>, Option<u32>)> {
    let (family, own, _) = if word.is_empty() { (Family::Unsigned, None, None) } else { known(word)? };
    match family {
        Family::Text => Some((family, None, Some(bits / 8))),
        Family::Bit | Family::Time | Family::Exact(_) => None,
        _ => (matches!(bits, 8 | 16 | 32 | 64) && own.is_none_or(|own| own == bits)).then_some((
            family,
            Some(bits),
            None,
        )),
    }
}

/// Whether a number beside a word tells the same width: `REAL64`, `DWORD(2)`, `long 4`; not `DWORD[8]` or `unsigned char[16]`.
fn agrees(letters: &str, own: u32, number: u32, of_bits: bool) -> bool {
    let array = ["word", "字", "byte", "字节", "char"].iter().any(|end| letters.ends_with(end));
    match () {
        () if number == own => !array || own != 8 || of_bits,
        () if number == 754 => true,
        () if number * 16 == own || number == 1 && own <= 16 => true,
        () => !array && (number * 8 == own || matches!(number, 8 | 16 | 32 | 48 | 64)),
    }
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
    let of_bits = letters.contains("bit") || letters.contains('位');
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
        _ if own.is_some_and(|own| !agrees(&letters, own, number, of_bits)) => None,
        _ if matches!(number, 8 | 16 | 32 | 48 | 64) => Some((family, Some(number), None)),
        // IEEE 754, `DWORD(2)`: a number that is not the width in bits.
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
    fn a_number_of_bytes_tells_the_width_and_none_of_them_is_one_byte() {
        for (text, key) in [
            ("2字节", "u16"),
            ("4字节", "u32"),
            ("8字节", "u64"),
            ("1字节", "u8_low"),
            ("单字节", "u8_low"),
            ("双字节", "u16"),
            ("四字节", "u32"),
            ("2Byte", "u16"),
            ("BYTE[2]", "u16"),
            ("BYTE[8]", "u64"),
            ("2 bytes", "u16"),
            ("有符号2字节", "i16"),
            ("2字节有符号整型", "i16"),
            ("4字节浮点数", "f32"),
            ("FLOAT (4 bytes)", "f32"),
            ("INT16 2字节", "i16"),
            ("2字节BCD", "bcd16"),
            ("2字", "u32"),
            ("double word", "u32"),
            ("双字", "u32"),
            ("DWORD(2)", "u32"),
            ("WORD16", "u16"),
            ("SINT16", "i16"),
            ("BYTE 8位", "u8_low"),
            ("８字节", "u64"),
        ] {
            let word = type_word(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(type_key(&word, None), Some(key), "{text}");
        }
        assert_eq!(type_word("字符串 16字节").and_then(|w| w.characters), Some(16));
        for text in [
            "3字节",
            "16字节",
            "BYTE[6]",
            "0 bytes",
            "INT16 4字节",
            "INT32 (2 bytes)",
            "WORD[2]",
            "WORD[8]",
            "DWORD[16]",
            "unsigned char[16]",
            "uchar[2]",
            "ubyte[8]",
        ] {
            assert_eq!(type_word(text), None, "{text}");
        }
        assert!(unread("3字节").0.contains("bytes"));
    }

    #[test]
    fn what_is_eight_bits_in_one_language_and_sixteen_in_another_is_asked() {
        for (text, key) in [
            ("short int", "i16"),
            ("short_int", "i16"),
            ("Short Integer", "i16"),
            ("short", "i16"),
            ("unsigned short int", "u16"),
            ("signed short", "i16"),
            ("unsigned short", "u16"),
            ("long int", "i32"),
            ("unsigned long int", "u32"),
            ("long long", "i64"),
            ("unsigned long long", "u64"),
            ("unsigned char", "u8_low"),
            ("signed char", "i8_low"),
            ("small int", "i16"),
            ("SINT", "i8_low"),
            ("USINT", "u8_low"),
        ] {
            let word = type_word(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(type_key(&word, None), Some(key), "{text}");
        }
        for text in ["ShortInt", "shortint", "UShortInt", "S INT", "S_INT", "tiny int"] {
            assert_eq!(type_word(text), None, "{text}");
        }
        assert!(unread("ShortInt").0.contains("8 bits"), "{}", unread("ShortInt").0);
        assert!(type_word("char").is_some_and(|w| w.is_text()), "a letter, whose length is asked");
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
