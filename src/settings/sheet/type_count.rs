//! A number of bytes or words inside the cell of a type: `2字节`, `双字节`, `BYTE[2]`, `4 bytes`, `2 words` tell how wide the value is.

/// What a number counts, and the bits of one; the longer before those they begin with.
const COUNTED: &[(&str, u32)] = &[
    ("字节", 8),
    ("bytes", 8),
    ("byte", 8),
    ("octets", 8),
    ("octet", 8),
    ("words", 16),
    ("word", 16),
    ("字", 16),
];

/// Numbers in words.
const NUMBERS: &[(&str, u32)] = &[
    ("单", 1),
    ("一", 1),
    ("双", 2),
    ("两", 2),
    ("二", 2),
    ("三", 3),
    ("四", 4),
    ("五", 5),
    ("六", 6),
    ("八", 8),
    ("十", 10),
    ("single", 1),
    ("one", 1),
    ("double", 2),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("six", 6),
    ("eight", 8),
];

/// The bits that a text in lower case counts, and the text without the number and what it counts.
pub(super) fn counted(text: &str) -> Option<(u32, String)> {
    COUNTED.iter().find_map(|(unit, bits)| {
        text.match_indices(unit).find_map(|(at, _)| {
            let (before, behind) = (&text[..at], &text[at + unit.len()..]);
            // 字符 are characters, and so is what a `d` before it makes another word.
            if *unit == "字" && behind.starts_with(['节', '符', '母', '长']) {
                return None;
            }
            if let Some((number, rest)) = in_front(before) {
                return Some((number.saturating_mul(*bits), format!("{rest} {behind}")));
            }
            let alone = !before.trim_end().ends_with(|c: char| c.is_alphanumeric() && !is_sign(before, c));
            let (number, rest) = behind_it(behind).filter(|_| alone && *bits == 8)?;
            Some((number.saturating_mul(*bits), format!("{before} {rest}")))
        })
    })
}

/// Whether the last letter ends a word that may stand before `byte`: 无符号 or unsigned, and not `ubyte` or `high byte`.
fn is_sign(before: &str, last: char) -> bool {
    last == '号' || before.ends_with(' ') && before.trim_end().ends_with("signed")
}

/// The number at the end of a text, a whole one, and what is before it.
fn in_front(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_end_matches([' ', '-', '个', '*', '×', '_']);
    let rest = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &text[rest.len()..];
    if digits.is_empty() {
        let (word, number) = NUMBERS.iter().find(|(word, _)| text.ends_with(word))?;
        return Some((*number, &text[..text.len() - word.len()]));
    }
    // The digits of `uint32 byte swap` and 3412 are another word's.
    let others = rest.ends_with(|c: char| c.is_ascii_alphabetic() || c == '.') || digits.len() > 3;
    Some((digits.parse().ok().filter(|_| !others)?, rest))
}

/// The number at the begin of a text, in brackets or not, and what is behind it; none that counts bits.
fn behind_it(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start_matches([' ', '[', '(', '*', '×', ':']);
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    let of_bits = ["位", "bit", ".", "-bit", " bit"].iter().any(|w| rest.starts_with(w));
    (digits.len() <= 3 && !of_bits).then(|| Some((digits.parse().ok()?, rest)))?
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn a_number_of_bytes_or_words_is_told_from_other_numbers() {
        for (text, bits) in [
            ("2字节", 16),
            ("两个字节", 16),
            ("双字节", 16),
            ("四字节", 32),
            ("无符号2字节", 16),
            ("8 bytes", 64),
            ("byte[2]", 16),
            ("unsigned byte[4]", 32),
            ("float (4 bytes)", 32),
            ("int16 2字节", 16),
            ("two bytes", 16),
            ("double word", 32),
            ("2字", 32),
            ("float 2 words", 32),
            ("16字节", 128),
        ] {
            assert_eq!(counted(text).map(|c| c.0), Some(bits), "{text}");
        }
        for text in [
            "字节",
            "byte",
            "byte 8位",
            "byte(8 bit)",
            "8位字节",
            "uint32 byte swap",
            "float 3412 byte order",
            "ubyte[2]",
            "dword[2]",
            "字符串",
            "6字符",
            "数字量",
            "double",
            "high byte",
        ] {
            assert_eq!(counted(text), None, "{text}");
        }
    }
}
