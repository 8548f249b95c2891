//! Which byte of a register a text speaks of: it names the byte, or says of the other one that it is empty (高字节为0).

use super::text::{folded, plain};

/// What a text says of the two bytes of a register; the high one if true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteSaid {
    /// Neither, or only in which order they come.
    Nothing,
    /// The value is in this one.
    In(bool),
    /// The other one is empty.
    OtherEmpty(bool),
    /// Both, and not which of them holds the value.
    Both,
}

impl ByteSaid {
    /// The byte of the value, the high one if true.
    pub(super) fn byte(self) -> Option<bool> {
        match self {
            Self::In(high) | Self::OtherEmpty(high) => Some(high),
            Self::Nothing | Self::Both => None,
        }
    }
}

const HIGH: &[&str] = &[
    "高字节",
    "高位字节",
    "高8位",
    "高八位",
    "highbyte",
    "hibyte",
    "upperbyte",
    "highorderbyte",
    "msbyte",
    "msbbyte",
    "mostsignificantbyte",
    "upper8bits",
    "upper8bit",
    "high8bits",
    "high8bit",
    "oberesbyte",
    "bit8~15",
    "bits8~15",
    "bit15~8",
    "bits15~8",
];
const LOW: &[&str] = &[
    "低字节",
    "低位字节",
    "低8位",
    "低八位",
    "lowbyte",
    "lobyte",
    "lowerbyte",
    "loworderbyte",
    "lsbyte",
    "lsbbyte",
    "leastsignificantbyte",
    "lower8bits",
    "lower8bit",
    "low8bits",
    "low8bit",
    "unteresbyte",
    "bit0~7",
    "bits0~7",
    "bit7~0",
    "bits7~0",
];
const OF_ORDER: &[&str] = &["在前", "在后", "先", "序", "交换", "first", "order", "swap", "endian", "zuerst"];

/// What makes a byte empty wherever it stands beside the byte.
const EMPTY: &[&str] = &[
    "无效",
    "无意义",
    "没有意义",
    "无用",
    "无数据",
    "未用",
    "未使用",
    "未定义",
    "不用",
    "不使用",
    "没用",
    "没有用",
    "没有使用",
    "忽略",
    "保留",
    "补零",
    "补0",
    "填零",
    "填0",
    "填充",
    "恒为零",
    "恒为0",
    "恒零",
    "恒0",
    "始终为零",
    "始终为0",
    "固定为零",
    "固定为0",
    "总为0",
    "总是0",
    "全为0",
    "全零",
    "全0",
    "均为0",
    "unused",
    "notused",
    "notinuse",
    "ignore",
    "invalid",
    "notvalid",
    "reserved",
    "nodata",
    "dontcare",
    "don'tcare",
    "padding",
    "padded",
    "always0",
    "alwayszero",
    "nichtbenutzt",
    "unbenutzt",
    "ungenutzt",
    "reserviert",
    "immer0",
];
/// What does so only where nothing follows it, as 备用泵 is a pump.
const EMPTY_AT_END: &[&str] = &["备用", "预留", "留空", "空置", "空着", "spare", "blank", "leer", "n/a"];
/// What does so only where it is all that is said, as 停止为0 tells a state and 真空 a vacuum.
const EMPTY_ALONE: &[&str] = &[
    "0",
    "00",
    "0x00",
    "00h",
    "0000",
    "为0",
    "是0",
    "值为0",
    "都为0",
    "一直为0",
    "永远为0",
    "默认为0",
    "为零",
    "是零",
    "零",
    "无",
    "空",
    "为空",
    "是空",
    "is0",
    "are0",
    "mustbe0",
    "zero",
    "iszero",
    "zeros",
    "zeroes",
    "null",
    "empty",
    "isempty",
    "alwaysempty",
    "none",
];
/// Words that hold one of these and mean something else: a rounding, a value that stands for none, the contrary.
const OTHERWISE: &[&str] = &[
    "不为0",
    "不为零",
    "非0",
    "非零",
    "不是0",
    "不为空",
    "非空",
    "not0",
    "notzero",
    "nonzero",
    "non-zero",
    "notempty",
    "notreserved",
    "notignored",
    "不忽略",
    "不保留",
    "不能忽略",
    "无效标志",
    "无效位",
    "invalidflag",
    "无效值",
    "无效数据",
    "无效时",
    "invalidvalue",
    "invalidif",
    "invalidwhen",
    "invalid=",
    "invalid:",
    "保留一位",
    "保留两位",
    "保留二位",
    "保留三位",
    "保留1位",
    "保留2位",
    "保留3位",
    "保留小数",
    "ignoresign",
    "忽略符号",
];

/// Which byte of a register a text speaks of.
pub(super) fn byte_said(text: &str) -> ByteSaid {
    let lower = spans(&plain(text).to_lowercase().replace("..", "~"));
    let all = word(&lower);
    let bare = all.replace("highorderbyte", "").replace("loworderbyte", "");
    if OF_ORDER.iter().any(|w| bare.contains(w)) {
        return ByteSaid::Nothing;
    }
    if ["高低字节", "高低8位", "高低八位"].iter().any(|w| all.contains(w)) {
        return ByteSaid::Both;
    }
    let (mut held, mut empty) = ([false; 2], [false; 2]);
    for (high, is_empty) in named(&lower) {
        let list = if is_empty { &mut empty } else { &mut held };
        list[usize::from(high)] = true;
    }
    match (held, empty) {
        ([false, false], [false, false]) => ByteSaid::Nothing,
        ([false, true], [_, false]) => ByteSaid::In(true),
        ([true, false], [false, _]) => ByteSaid::In(false),
        ([false, false], [true, false]) => ByteSaid::OtherEmpty(true),
        ([false, false], [false, true]) => ByteSaid::OtherEmpty(false),
        _ => ByteSaid::Both,
    }
}

/// The byte that a text names or leaves, the high one if true; none where it names both, or their order.
pub(super) fn byte_of(text: &str) -> Option<bool> {
    byte_said(text).byte()
}

/// The same of a type's cell, where `MSB` and `LSB` alone name a byte too.
pub(super) fn byte_of_type(text: &str) -> Option<bool> {
    let word = folded(text);
    let end = word.trim_end_matches(')');
    byte_of(text).or(match () {
        () if end.ends_with("msb") => Some(true),
        () if end.ends_with("lsb") => Some(false),
        () => None,
    })
}

/// What stands before the first byte that a text names: `BYTE` in `BYTE 高字节为0`. `None` if nothing does.
pub(super) fn before_byte(text: &str) -> Option<String> {
    let all = word(&spans(&plain(text).to_lowercase().replace("..", "~")));
    let (from, ..) = places(&all).into_iter().next()?;
    let before = all[..from].trim_end_matches(['(', '[', '{', '【', ',', ';', ':', '=', '、', '/', '|']);
    (!before.is_empty()).then(|| before.to_owned())
}

/// `bit0-7` and `bit0至7` as `bit0~7`.
fn spans(lower: &str) -> String {
    let chars: Vec<char> = lower.chars().collect();
    let digit = |n: Option<usize>| n.and_then(|n| chars.get(n)).is_some_and(char::is_ascii_digit);
    let sign =
        |n: usize, c: char| matches!(c, '-' | '至' | '到') && digit(n.checked_sub(1)) && digit(Some(n + 1));
    chars.iter().enumerate().map(|(n, c)| if sign(n, *c) { '~' } else { *c }).collect()
}

fn word(text: &str) -> String {
    folded(text).chars().filter(|c| !" -_".contains(*c)).collect()
}

/// Every byte that is named, the high one if true, and whether it is said to be empty.
fn named(lower: &str) -> Vec<(bool, bool)> {
    let mut found: Vec<(bool, bool)> = Vec::new();
    // Whether the clause before ended with the name of a byte: `高8位，保留`.
    let mut open = false;
    for clause in clauses(lower) {
        let places = places(&clause);
        if places.is_empty() {
            if let Some(last) = found.last_mut().filter(|_| open && is_all_empty(&clause)) {
                last.1 = true;
            }
            open = false;
            continue;
        }
        open = false;
        for (n, (from, to, high)) in places.iter().enumerate() {
            let begin = if n == 0 { 0 } else { places[n - 1].1 };
            let end = places.get(n + 1).map_or(clause.len(), |next| next.0);
            let behind = &clause[*to..end];
            let is_empty = empties_behind(behind) || n == 0 && empties_before(&clause[begin..*from]);
            open = behind.is_empty() && n + 1 == places.len();
            found.push((*high, is_empty));
        }
    }
    found
}

/// The text at its commas and stops; the point of a number is none.
fn clauses(lower: &str) -> Vec<String> {
    let chars: Vec<char> = lower.chars().collect();
    let mut all = vec![String::new()];
    for (n, c) in chars.iter().enumerate() {
        let stop = match c {
            ',' | ';' | '、' | '\n' => true,
            '.' => !chars.get(n + 1).is_some_and(char::is_ascii_digit),
            _ => false,
        };
        match all.last_mut() {
            Some(last) if !stop => last.push(*c),
            _ => all.push(String::new()),
        }
    }
    all.iter().map(|clause| word(clause)).filter(|clause| !clause.is_empty()).collect()
}

/// Where the bytes are named, in order: begin, end, the high one if true.
fn places(clause: &str) -> Vec<(usize, usize, bool)> {
    let mut found: Vec<(usize, usize, bool)> = Vec::new();
    for (words, high) in [(HIGH, true), (LOW, false)] {
        for name in words {
            found.extend(clause.match_indices(name).map(|(at, _)| (at, at + name.len(), high)));
        }
    }
    found.sort_by_key(|(from, to, _)| (*from, usize::MAX - to));
    let mut end = 0;
    found.retain(|(from, to, _)| {
        let keeps = *from >= end;
        end = end.max(*to);
        keeps
    });
    found
}

fn without_other_meanings(text: &str) -> String {
    OTHERWISE.iter().fold(text.to_owned(), |text, other| text.replace(other, "#"))
}

/// The words behind the name of a byte say that it holds nothing.
fn empties_behind(text: &str) -> bool {
    let text = without_other_meanings(text);
    let text = text.trim_end_matches([')', ']', '!', '"']);
    let bare = text.trim_start_matches([':', '=', '(', '[']);
    EMPTY.iter().any(|w| text.contains(w))
        || EMPTY_AT_END.iter().any(|w| text.ends_with(w) || text.contains(&format!("{w}(")))
        || EMPTY_ALONE.contains(&bare)
}

/// The words before it do: 忽略高字节, `reserved (high byte)`, `no high byte`.
fn empties_before(text: &str) -> bool {
    let text = without_other_meanings(text);
    let text = text.trim_end_matches(['(', '[', ':', '的', '"']);
    let text = text.strip_suffix("the").unwrap_or(text);
    EMPTY.iter().chain(&["备用", "预留", "spare"]).any(|w| text.ends_with(w))
        || matches!(text, "no" | "ignoring" | "无" | "没有")
}

/// A clause that says nothing but that: 保留, `always 0`.
fn is_all_empty(clause: &str) -> bool {
    EMPTY.iter().chain(EMPTY_AT_END).chain(EMPTY_ALONE).any(|w| clause == *w)
}

#[cfg(test)]
mod tests {
    use super::{ByteSaid, byte_of, byte_said};

    #[test]
    fn a_byte_that_is_said_to_be_empty_is_not_the_one_that_holds_the_value() {
        for text in [
            "高字节为0",
            "高8位无效",
            "高八位保留",
            "High byte always 0",
            "upper byte unused",
            "High byte: reserved",
            "高字节补零",
            "高字节未用",
            "高8位，保留",
            "忽略高字节",
            "高字节＝0",
            "高字节：0x00",
            "The upper byte is not used.",
            "ignore the high byte",
            "Reserved (high byte)",
            "高字节备用",
            "高字节 恒为 0。",
            "bit8~15: reserved",
            "oberes Byte immer 0",
        ] {
            assert_eq!(byte_said(text), ByteSaid::OtherEmpty(false), "{text}");
        }
        for text in
            ["低字节为0", "低8位无效", "low byte unused", "LSB byte always zero", "lower 8 bits reserved"]
        {
            assert_eq!(byte_said(text), ByteSaid::OtherEmpty(true), "{text}");
        }
        for text in ["低字节有效，高字节为0", "高字节保留，数据在低字节", "高字节无效低字节有效"]
        {
            assert_eq!(byte_said(text), ByteSaid::In(false), "{text}");
        }
        assert_eq!(byte_said("high byte = value, low byte = 0"), ByteSaid::In(true));
    }

    #[test]
    fn a_byte_that_holds_the_value_stays_it_whatever_else_is_told() {
        for text in [
            "高字节",
            "高8位",
            "高字节，保留一位小数",
            "高字节保留一位小数",
            "高字节 备用泵转速",
            "备用泵转速（高字节）",
            "空压机温度 高字节",
            "高字节不为0",
            "高字节，无效值255",
            "high byte, invalid = 255",
            "bit8..15",
            "高字节范围0~100",
            "真空（高字节）",
            "高字节 停止为0",
        ] {
            assert_eq!(byte_said(text), ByteSaid::In(true), "{text}");
        }
        for text in ["高字节为年，低字节为月", "高低字节", "高字节为0，低字节为0", "high byte A, low byte B"]
        {
            assert_eq!(byte_said(text), ByteSaid::Both, "{text}");
            assert_eq!(byte_of(text), None, "{text}");
        }
        for text in ["高字节在前，低字节在后", "高低字节交换", "状态", "high byte first"] {
            assert_eq!(byte_said(text), ByteSaid::Nothing, "{text}");
        }
    }
}
