//! What is done to a number, told by a verb or a sign: `除以10`, `×0.1`, `放大10倍`, `0.1℃/bit`, `以0.1℃为单位`.

use super::super::super::text::number;
use super::equation::is_raw;
use super::{Told, is_power, leading, near, unit_at};

/// What the register holds more of than the value.
const DIVIDE: &[&str] = &[
    "需除以",
    "除以",
    "再除",
    "要除",
    "除",
    "÷",
    "divided by",
    "divide by",
    "divisor",
    "geteilt durch",
    "durch",
    "dividiert durch",
    "放大了",
    "放大到",
    "放大为",
    "放大系数",
    "放大倍数",
    "放大",
    "扩大了",
    "扩大到",
    "扩大为",
    "扩大",
    "扩",
    "乘以了",
    "已乘以",
    "已乘",
];
/// What the register is multiplied by.
const TIMES: &[&str] = &[
    "缩小了",
    "缩小到",
    "缩小为",
    "缩小",
    "乘以",
    "乘",
    "倍率",
    "系数",
    "比例",
    "因子",
    "换算系数",
    "比例系数",
    "比例因子",
    "multiplied by",
    "multiply by",
    "multiplier",
    "scale factor",
    "scaling factor",
    "scaling",
    "scale",
    "factor",
    "faktor",
    "skalierung",
    "multiplikator",
    "gain",
    "×",
    "*",
];
// `修正系数0.98`, `power factor 0.85` are numbers of the plant; what is done to the data says so with a verb.
const VERBS: &[&str] = &[
    "除", "需除", "再除", "要除", "乘", "放大", "扩", "缩小", "已乘", "×", "*", "÷", "divi", "multi",
    "geteilt",
];

/// `0.1℃/bit`, `0.1 K per count`, `0.1/LSB`.
pub(super) fn per_count(text: &str) -> Option<Told> {
    const COUNTS: &[&str] = &[
        "/bit",
        "/lsb",
        "/digit",
        "/count",
        "/inc",
        "/step",
        "/个字",
        "/字",
        "/码",
        "/位",
        " per bit",
        " per count",
        " per digit",
        " per lsb",
        " per step",
        " je digit",
        " pro digit",
        "/d",
        "每字",
        "每个字",
        "每位",
        "每码",
    ];
    let found = COUNTS.iter().filter_map(|c| text.find(c).map(|n| (n, c.len())));
    let at = found.min_by_key(|(n, length)| (*n, usize::MAX - length))?;
    if text[at.0 + at.1..].starts_with(|c: char| c.is_ascii_alphabetic() && c != 's') {
        return None;
    }
    let left = text[..at.0].trim_end();
    let from = left
        .rfind([',', ';', ':', '(', '=', '\n', '：'])
        .map_or(0, |n| n + left[n..].chars().next().map_or(1, char::len_utf8));
    let left = &left[from..];
    let digit = left.find(|c: char| c.is_ascii_digit())?;
    let (scale, rest) = leading(&left[digit..])?;
    let unit = unit_at(rest);
    (scale > 0.0 && (rest.trim().is_empty() || unit.is_some()))
        .then(|| Told { unit, ..Told::by(near(scale)) })
}

/// Verbs, each with what stands behind its number.
pub(super) fn phrase(part: &str) -> Option<Told> {
    let part = part.trim().trim_matches(['.', ' ', ':']);
    for (words, divides) in [(DIVIDE, true), (TIMES, false)] {
        // The longest of the words at a place is the one that is meant.
        let found = words
            .iter()
            .filter_map(|w| part.find(w).map(|n| (n, w.len())))
            .min_by_key(|(n, l)| (*n, usize::MAX - l));
        let Some((at, length)) = found else { continue };
        let before = part[..at].trim_end().chars().next_back();
        // 清除, 解除 and their like are no divisions.
        if part[at..].starts_with('除') && before.is_some_and(|c| "清删解排切消扣免去".contains(c))
        {
            continue;
        }
        let rest =
            part[at + length..].trim_start_matches([' ', ':', '=', '为', '是', '(', '×', '*', 'x', '了']);
        let Some((factor, behind)) = leading(rest).filter(|(f, _)| *f > 0.0) else { continue };
        // `5*3`, `CT×100`: a product of numbers, a ratio.
        let sign = part[at..].starts_with(['×', '*', '÷']);
        if sign && before.is_some_and(|c| c.is_ascii_digit()) || behind.starts_with(['-', '~']) {
            continue;
        }
        if sign && before.is_some_and(|c| c.is_ascii_alphabetic()) && !raw_word(&part[..at]) {
            continue;
        }
        if is_power(factor).is_none() && !VERBS.iter().any(|v| part[at..].starts_with(v)) {
            continue;
        }
        // 缩小 says what was done to the value before it was stored: the register holds less.
        let divides = divides != before_it_is_sent(part, at, length);
        let scale = if divides { 1.0 / factor } else { factor };
        let shrunk = part[at..].starts_with("缩小") && factor < 1.0;
        let unit = unit_at(behind.trim_start_matches('倍'));
        return Some(Told { unit, ..Told::by(near(if shrunk { 1.0 / factor } else { scale })) });
    }
    by_sign(part).or_else(|| times_the_value(part)).or_else(|| in_parts(part))
}

/// `乘10后上传`, `实际值×10`: what is done to the value makes the register of it. 放大 and 缩小 say so by themselves.
fn before_it_is_sent(part: &str, at: usize, length: usize) -> bool {
    const SENDING: &[&str] =
        &["上传", "上送", "传输", "传送", "发送", "通讯", "存储", "存入", "保存", "sent", "transmitted"];
    let verb = &part[at..at + length];
    if ["放大", "扩", "缩小", "已乘", "乘以了"].iter().any(|w| verb.starts_with(w)) {
        return false;
    }
    let (before, behind) = (&part[..at], &part[at + length..]);
    let has = |text: &str| SENDING.iter().any(|w| text.contains(w));
    let sent = has(behind) || has(before) && before.trim_end().ends_with(['时', '前', '后']);
    // `实际值×10` names the value, not the register; `实际值×0.1` is how people write what gives it.
    let of_value = ["实际值", "真实值", "工程值", "物理量", "actual value", "real value"]
        .iter()
        .any(|w| before.trim_end().ends_with(w))
        && !is_raw(before);
    let grows = leading(behind.trim_start_matches([' ', ':', '以', '了'])).is_some_and(|(f, _)| f > 1.0);
    sent || of_value && grows && (verb.starts_with('乘') || verb.starts_with(['×', '*']))
}

/// `x0.1`, `/10` at the start or behind a word for the raw value.
fn by_sign(part: &str) -> Option<Told> {
    for (sign, divides) in [('x', false), ('/', true)] {
        for (at, _) in part.match_indices(sign) {
            let before = part[..at].trim_end();
            let starts = before.is_empty()
                || raw_word(before)
                || before.ends_with(|c: char| !c.is_ascii() && c.is_alphabetic());
            let whole = leading(part[at + 1..].trim_start()).filter(|(f, rest)| {
                *f > 0.0
                    && (rest.is_empty()
                        || rest.starts_with([' ', ')', '倍', '为', '即', '得', '后'])
                        || unit_at(rest).is_some())
            });
            if let (true, Some((factor, rest))) = (starts, whole) {
                let scale = if divides { 1.0 / factor } else { factor };
                return Some(Told { unit: unit_at(rest), ..Told::by(near(scale)) });
            }
        }
    }
    None
}

/// Words for what the register holds.
fn raw_word(text: &str) -> bool {
    let text = text.trim_end();
    ["raw", "value", "val", "data", "reg", "register", "reading", "wert", "rohwert", "pv", "adc"]
        .iter()
        .any(|w| text.ends_with(w))
}

/// `实际值的10倍`, `10倍值`: the register holds a multiple.
fn times_the_value(part: &str) -> Option<Told> {
    let at = part.find('倍')?;
    let left = &part[..at];
    let start = left
        .rfind(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map_or(0, |n| n + left[n..].chars().next().map_or(1, char::len_utf8));
    let factor = number(&left[start..]).ok().filter(|f| *f > 0.0)?;
    let before = &left[..start];
    let says = ["的", "为", "是", "值", "乘"].iter().any(|w| before.ends_with(w))
        || part[at..].starts_with("倍值")
        || part[at..].starts_with("倍放大");
    says.then(|| Told::by(near(1.0 / factor)))
}

/// `单位0.1℃`, `以0.01MPa为单位`, `in 0.1 °C`, `tenths of a degree`.
fn in_parts(part: &str) -> Option<Told> {
    for (word, scale) in [
        ("十分之一", 0.1),
        ("百分之一", 0.01),
        ("千分之一", 0.001),
        ("tenth", 0.1),
        ("hundredth", 0.01),
        ("thousandth", 0.001),
        ("zehntel", 0.1),
        ("hundertstel", 0.01),
        ("tausendstel", 0.001),
    ] {
        if part.contains(word) {
            return Some(Told::by(scale));
        }
    }
    for word in ["单位", "units of", "unit", "einheit", "in ", "以"] {
        let Some(at) = part.find(word) else { continue };
        // `trip in 10 s`, `within 1 min`: no part of anything.
        let loose = word == "in " && part[..at].ends_with(|c: char| c.is_ascii_alphabetic());
        let rest = part[at + word.len()..].trim_start_matches([' ', ':', '=', '为', '是']);
        if let Some((scale, behind)) = leading(rest)
            && let Some(unit) = unit_at(behind.trim_end_matches("为单位").trim_end_matches("单位"))
            && is_power(scale).is_some()
            && !loose
            && (!matches!(word, "in " | "以") || scale < 1.0)
        {
            return Some(Told { unit: Some(unit), ..Told::by(near(scale)) });
        }
    }
    None
}
