//! Several things in one cell: ranges, scales in words, enumerations, lists of bits, raw values.

pub(super) mod scale;
mod setpoints;
mod states;

use std::collections::BTreeMap;

use super::text::{NumberFault, folded, has_chinese, number, number_and_unit, plain, tidy};
use super::value::Val;
pub(super) use setpoints::{Side, holds_several, is_below, is_delay, is_span, side};
pub(super) use states::{Named, alarm_state, has_hexadecimal, speaks_of_states};

/// `0~2.5`, `-150-150`, `±150 mm`, `0…1.6MPa`: low, high, unit if one stands behind.
pub(super) fn range(text: &str) -> Option<(f64, f64, String)> {
    let text = plain(text).replace('…', "~").replace("...", "~").replace("..", "~");
    let text = text.trim_matches(['[', ']', '(', ')', ' ']);
    if let Some(rest) = text.strip_prefix('±').or_else(|| text.strip_prefix("+/-")) {
        let (high, unit) = number_and_unit(rest).ok()?;
        return Some((-high, high, unit));
    }
    let lower = text.to_lowercase();
    for sign in ["~", "至", "到", " to ", "/", ";", "、", ",", "-"] {
        // The first character may be a minus and belongs to the number.
        let skip = text.chars().next().map_or(0, char::len_utf8);
        let Some(at) = lower.get(skip..).and_then(|rest| rest.find(sign)).map(|n| n + skip) else { continue };
        let (low, high) = (text.get(..at)?, text.get(at + sign.len()..)?);
        // `1,5` is a number with a comma, not a range; `[0, 2.5]` is one.
        if sign == "," && !high.starts_with(' ') {
            continue;
        }
        let (Ok((low, unit_low)), Ok((high, unit))) = (number_and_unit(low), number_and_unit(high)) else {
            continue;
        };
        return Some((low, high, if unit.is_empty() { unit_low } else { unit }));
    }
    None
}

/// A multiplier: `0.1`, `×0.1`, `1/10`, `÷10`, `放大10倍`, `1%`, `一位小数`. `None`: not one.
pub(super) fn scale(text: &str) -> Result<f64, NumberFault> {
    let word = folded(text);
    for (digits, value) in [("一位小数", 0.1), ("两位小数", 0.01), ("三位小数", 0.001)] {
        if word.contains(digits) {
            return Ok(value);
        }
    }
    if let Some(places) = word.strip_suffix("位小数") {
        let places = places.trim_start_matches("保留").parse::<i32>().map_err(|_| NumberFault::Text)?;
        return power(-places).ok_or(NumberFault::Text);
    }
    let enlarged =
        ["放大", "扩大", "乘以", "除以"].iter().find_map(|p| word.strip_prefix(p).map(|r| (*p, r)));
    if let Some((verb, rest)) = enlarged {
        let factor = number(rest.trim_end_matches('倍'))?;
        return if verb == "乘以" { Ok(factor) } else { divided(1.0, factor) };
    }
    let bare = word.trim_start_matches(['×', 'x', '*', '✕']);
    if let Some(rest) = bare.strip_prefix(['÷', '/']) {
        return divided(1.0, number(rest)?);
    }
    if let Some((top, bottom)) = bare.split_once(['/', '÷']) {
        return divided(number(top)?, number(bottom)?);
    }
    if let Some(percent) = bare.strip_suffix('%') {
        return divided(number(percent)?, 100.0);
    }
    number(bare.trim_end_matches('倍'))
}

/// A unit told in a remark: `单位V`, `单位：kWh`.
pub(super) fn unit_in(text: &str) -> Option<&'static str> {
    let text = plain(text);
    let (_, behind) = text.split_once("单位")?;
    let word = behind.trim_start_matches([':', '=', '为', ' ']).split([',', ';', ' ', ')', '\n']).next()?;
    super::units::known(word)
}

fn divided(top: f64, bottom: f64) -> Result<f64, NumberFault> {
    let value = top / bottom;
    if value.is_finite() && value != 0.0 { Ok(value) } else { Err(NumberFault::Text) }
}

/// 10^exponent, written as a person would: 0.001 and not 0.0010000000000000002.
pub(super) fn power(exponent: i32) -> Option<f64> {
    (-9..=9).contains(&exponent).then(|| format!("1e{exponent}").parse().ok())?
}

/// A raw value: the bits of a register, or a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    /// Written in hexadecimal.
    Bits(u64),
    /// Written in decimal.
    Number(f64),
}

/// Raw values, each with its word: `32767`, `30001/-30001/32766`, `0x7FFF、-2000`.
pub(super) fn raw_words(text: &str) -> Option<Vec<(String, Raw)>> {
    let text =
        plain(text).replace(['、', ';', '/', '|', '\n', '[', ']'], ",").replace("或", ",").replace("or", ",");
    let mut found = Vec::new();
    for part in text.split([',', ' ']).filter(|p| !p.trim().is_empty()) {
        let word = part.trim();
        let upper = word.to_uppercase();
        let hex = upper
            .strip_prefix("0X")
            .or_else(|| upper.strip_suffix('H'))
            .or_else(|| upper.strip_prefix("16#"));
        // `FFFF` can be nothing else.
        let hex = hex.or_else(|| {
            let bare =
                upper.len() >= 4 && upper.len() % 4 == 0 && upper.bytes().all(|b| b.is_ascii_hexdigit());
            (bare && upper.contains(|c: char| c.is_ascii_alphabetic())).then_some(upper.as_str())
        });
        let raw = match hex {
            Some(hex) => Raw::Bits(u64::from_str_radix(hex, 16).ok()?),
            None => Raw::Number(number(word).ok()?),
        };
        found.push((word.to_owned(), raw));
    }
    (!found.is_empty()).then_some(found)
}

/// One raw value, decimal or hexadecimal.
pub(super) fn raw_value(text: &str) -> Option<f64> {
    let upper = text.to_uppercase();
    let hex = upper.strip_prefix("0X").or_else(|| upper.strip_suffix('H'));
    if let Some(hex) = hex {
        return u32::from_str_radix(hex, 16).ok().map(f64::from);
    }
    number(text).ok()
}

/// `true` for 是, Y, √, 取反, 常闭, NC; `false` for 否, N, 常开, NO.
pub(super) fn flag(text: &str) -> Option<bool> {
    match folded(text).as_str() {
        "是" | "y" | "yes" | "true" | "1" | "√" | "✓" | "对" | "取反" | "反" | "反逻辑" | "常闭"
        | "常闭点" | "nc" | "n.c." | "n/c" | "b接点" | "invert" | "inverted" | "有" => Some(true),
        "否" | "n" | "no" | "false" | "0" | "×" | "x" | "不取反" | "正" | "正逻辑" | "常开" | "常开点"
        | "n.o." | "n/o" | "a接点" | "" | "-" | "无" | "/" => Some(false),
        _ => None,
    }
}

/// An enumeration: `0:停炉 1:吹扫`, `0=stop;1=run`, `0-停止，1-运行`, or in TOML's way.
/// At least two values, else it is a remark with a number in it.
pub(super) fn labels(text: &str) -> Option<Val> {
    if let Some(Val::Table(table)) = text.trim().starts_with('{').then(|| Val::parse(text)).flatten() {
        return Some(Val::Table(table));
    }
    let text = plain(text);
    let sentences = numbered(&text);
    // States may be numbered so from 0 on, sentences from 1.
    if !sentences.is_empty() && !sentences.contains(&0) {
        return None;
    }
    // `0为正常，1为缺水` and `0x00=正常` are the same in other words.
    written_labels(&text).or_else(|| written_labels(&states::with_signs(&text)?))
}

fn written_labels(text: &str) -> Option<Val> {
    let mut found = BTreeMap::new();
    for (value, words) in marked(text, false)? {
        let words = states::closed(&words);
        let mut label = BTreeMap::new();
        for part in words.split('/').map(tidy).filter(|p| !p.is_empty()) {
            let language = if has_chinese(&part) { "zh" } else { "en" };
            label.entry(language.to_owned()).or_insert(Val::Text(part));
        }
        if label.is_empty() || found.insert(value.to_string(), Val::Table(label)).is_some() {
            return None;
        }
    }
    (found.len() >= 2).then_some(Val::Table(found))
}

/// A list of bits, first and last of each: `b0 极低水位, b1 高水位`, `Bit0:…;Bit1:…`, `位0=…`, `第0位：…`,
/// `b10~b15 备用`, `Bit4-7:模式`.
pub(super) fn bits(text: &str) -> Option<Vec<(u8, u8, String)>> {
    let mut found: Vec<(u8, u8, String)> = Vec::new();
    let mut from = None;
    for (bit, words) in marked(&each_marked(&plain(text)), true)? {
        let bit = u8::try_from(bit).ok().filter(|b| *b <= 15)?;
        if words == "~" {
            from = Some(bit);
            continue;
        }
        let first = from.take().unwrap_or(bit);
        if first > bit || found.iter().any(|(low, high, _)| *low <= bit && first <= *high) {
            return None;
        }
        found.push((first, bit, tidy(&words)));
    }
    (found.len() >= 2).then_some(found)
}

/// `Bit4-7:` as `Bit4-b7:`: the second number of a span gets a mark like the first.
fn each_marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        let (before, behind) = (&text[..at], &text[at + c.len_utf8()..]);
        let lead =
            before.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches([' ', '[', '_', '.']);
        let lead = lead.to_lowercase();
        let rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
        let span = matches!(c, '-' | '~' | '至')
            && before.ends_with(|c: char| c.is_ascii_digit())
            && behind.starts_with(|c: char| c.is_ascii_digit())
            && ["bit", "b", "位", "第"].iter().any(|l| lead.ends_with(l))
            && rest.starts_with(|c: char| " :=、)]".contains(c) || !c.is_ascii());
        if span {
            out.push('b');
        }
    }
    out
}

/// The numbers that stand before sentences: `1、只读，2、每秒更新`, `1) … 2) …`.
fn numbered(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut before = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if end == 0 {
            before = Some(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let begins = before.is_none_or(|b: char| !b.is_ascii_alphanumeric() && !matches!(b, '(' | '.'));
        let behind = &rest[end..];
        if begins && behind.trim_start_matches(' ').starts_with(['、', ')']) {
            found.extend(rest[..end].parse::<u32>());
        }
        before = Some('0');
        rest = behind;
    }
    found
}

/// Cuts a text before every number that carries a mark: (number, what follows it).
fn marked(text: &str, bit: bool) -> Option<Vec<(i64, String)>> {
    let chars: Vec<char> = text.chars().collect();
    let mut marks: Vec<(usize, usize, i64)> = Vec::new();
    let mut n = 0;
    while n < chars.len() {
        let before = n.checked_sub(1).map(|b| chars[b]);
        let boundary =
            before.is_none_or(|c| !c.is_alphanumeric() || (has_chinese(&c.to_string()) && chars[n] != '位'));
        // `0-100=故障` names a range of values, and a label stands for one.
        let ends_a_range = !bit
            && before.is_some_and(|c| matches!(c, '-' | '~' | '至'))
            && n.checked_sub(2).is_some_and(|b| chars[b].is_ascii_digit());
        if ends_a_range && chars[n].is_ascii_digit() {
            return None;
        }
        let found = boundary.then(|| mark(&chars[n..], bit)).flatten();
        // `1.25：报警` names no state, and 25 stands behind the point of a number.
        let is_decimal = !bit
            && before == Some('.')
            && n.checked_sub(2).is_some_and(|b| chars[b].is_ascii_digit())
            && chars[n].is_ascii_digit();
        match found {
            Some(_) if is_decimal => return None,
            Some((length, value)) => {
                marks.push((n, n + length, value));
                n += length;
            }
            None => n += 1,
        }
    }
    // What stands before the first mark must be a heading at most (`状态字：b0 …`).
    let first = marks.first()?.0;
    if bit && first > 24 || !bit && first > 12 {
        return None;
    }
    let mut found = Vec::new();
    for (i, (_, from, value)) in marks.iter().enumerate() {
        let to = marks.get(i + 1).map_or(chars.len(), |m| m.0);
        let words: String = chars[*from..to].iter().collect();
        let words = words.trim_matches(|c: char| c.is_whitespace() || ",;、|.".contains(c)).to_owned();
        let words = if bit && matches!(words.as_str(), "-" | "至") { "~".to_owned() } else { words };
        found.push((*value, words));
    }
    found.iter().all(|(_, words)| !words.is_empty()).then_some(found)
}

/// A mark at the start: its length and number. Bits: `b3`, `bit 3:`, `位3`, `第3位`, `D3:`. Labels: `3:`, `3=`, `3-`.
fn mark(chars: &[char], bit: bool) -> Option<(usize, i64)> {
    let mut n = 0;
    let lower = |c: char| c.to_ascii_lowercase();
    let mut word = false;
    if bit {
        for lead in ["bit", "位", "第", "b", "d"] {
            if chars.len() >= lead.chars().count() && lead.chars().zip(chars).all(|(a, b)| a == lower(*b)) {
                n = lead.chars().count();
                word = lead != "d";
                break;
            }
        }
        if n == 0 {
            return None;
        }
        while matches!(chars.get(n), Some(' ' | '[' | '_' | '.')) {
            n += 1;
        }
    }
    let negative = !bit && chars.get(n) == Some(&'-');
    let from = n + usize::from(negative);
    let mut to = from;
    while chars.get(to).is_some_and(char::is_ascii_digit) && to - from < 5 {
        to += 1;
    }
    let value: i64 = chars.get(from..to)?.iter().collect::<String>().parse().ok()?;
    if matches!(chars.get(to), Some('位' | ']')) && bit {
        to += 1;
    }
    let mut after = to;
    while chars.get(after) == Some(&' ') {
        after += 1;
    }
    // `2.5` is a number and `0-100` a range: no marks.
    let digit_follows = |n: usize| chars.get(n).is_some_and(char::is_ascii_digit);
    let signs: &[char] = if bit { &[':', '=', '-', '.', '、', ')'] } else { &[':', '=', '-', '、', ')'] };
    match chars.get(after) {
        Some('~' | '-' | '至') if word && mark(&chars[after + 1..], bit).is_some() => Some((after, value)),
        Some(c) if signs.contains(c) && !(digit_follows(after + 1) && matches!(c, '-' | '.')) => {
            while chars.get(after).is_some_and(|c| signs.contains(c) || *c == ' ' || *c == '>') {
                after += 1;
            }
            Some((after, if negative { -value } else { value }))
        }
        Some(c) if bit && word && !c.is_ascii_digit() && (after > to || !c.is_ascii()) => {
            Some((after, value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
