//! What remarks, names and units say about scaling, in the words people use.
//!
//! Two kinds of words: what is done to the number (`除以10`, `×0.1`, `放大10倍`, `0-1000对应0~2.5米`), and how fine it is
//! (`分辨率0.1`, `保留1位小数`), which for a whole number means the same and for a floating one nothing.

mod fine;
mod unit_cell;
mod verbs;

use super::super::text::{folded, number, plain};
use super::super::units;
use super::{power, range};
use fine::fine;
pub(in crate::settings::sheet) use unit_cell::{in_unit, unbracketed};
use verbs::{per_count, phrase};

/// A scale told in words.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::settings::sheet) struct Told {
    pub(in crate::settings::sheet) scale: f64,
    pub(in crate::settings::sheet) offset: f64,
    /// The unit of what comes out, where the words name one.
    pub(in crate::settings::sheet) unit: Option<&'static str>,
    /// Only how fine the number is.
    pub(in crate::settings::sheet) resolution: bool,
}

impl Told {
    pub(super) fn by(scale: f64) -> Self {
        Self { scale, offset: 0.0, unit: None, resolution: false }
    }

    pub(super) fn fine(scale: f64) -> Self {
        Self { resolution: true, ..Self::by(scale) }
    }
}

/// The scale a text tells, if it tells one.
pub(in crate::settings::sheet) fn told(text: &str) -> Option<Told> {
    let text = ready(text);
    if is_accuracy(&text) {
        return None;
    }
    // A signal is what stands before the converter; which raw values stand for it is another matter.
    if signal_range(&text) {
        return None;
    }
    mapped(&text)
        .or_else(|| one_for_one(&text))
        .or_else(|| equation(&text))
        .or_else(|| per_count(&text))
        .or_else(|| text.split([',', ';', '\n', '|']).find_map(phrase))
        .or_else(|| fine(&text))
}

/// Half-width, lower case, decimal commas of small numbers as points.
fn ready(text: &str) -> String {
    pointed(&plain(text).to_lowercase())
}

/// `0,1` as 0.1: the comma behind a lone zero divides no list.
pub(super) fn pointed(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (n, c) in chars.iter().enumerate() {
        let before = n.checked_sub(1).map(|b| chars[b]);
        let lone_zero = before == Some('0') && n.checked_sub(2).is_none_or(|b| !chars[b].is_ascii_digit());
        let decimal = *c == ',' && lone_zero && chars.get(n + 1).is_some_and(char::is_ascii_digit);
        out.push(if decimal { '.' } else { *c });
    }
    out
}

/// `精度0.5级`, `±0.5%`: how good an instrument is.
fn is_accuracy(text: &str) -> bool {
    text.contains('±')
        || text.contains("+/-")
        || ["精度", "准确度", "accuracy"].iter().any(|w| text.contains(w)) && text.contains('级')
}

/// `4-20mA`, `0~10V` anywhere in the text.
pub(in crate::settings::sheet) fn signal_range(text: &str) -> bool {
    let text: String =
        folded(text).replace(['~', '至', '到', '～'], "-").replace("...", "-").replace("..", "-");
    ["4-20ma", "0-20ma", "0-10ma", "0-10v", "0-5v", "1-5v", "2-10v", "4ma-20ma", "0ma-20ma"]
        .iter()
        .any(|s| text.contains(s))
}

/// A number at the start, and how many bytes it takes; `1/10` where a fraction may stand.
pub(super) fn leading(text: &str) -> Option<(f64, &str)> {
    let one = |t: &str| -> Option<(f64, usize)> {
        let end = t
            .char_indices()
            .find(|(n, c)| {
                let point = *c == '.'
                    && t[n + 1..].starts_with(|d: char| d.is_ascii_digit())
                    && !t[..*n].contains('.');
                !(c.is_ascii_digit() || point || *n == 0 && matches!(c, '-' | '+'))
            })
            .map_or(t.len(), |(n, _)| n);
        Some((number(&t[..end]).ok()?, end))
    };
    let (top, end) = one(text)?;
    let rest = &text[end..];
    if let Some(below) = rest.strip_prefix('/')
        && let Some((bottom, length)) = one(below)
        && bottom != 0.0
    {
        return Some((top / bottom, &below[length..]));
    }
    Some((top, rest))
}

/// A unit at the start of what follows a number.
pub(super) fn unit_at(text: &str) -> Option<&'static str> {
    let word = text.trim_start();
    let end = word.find([',', ';', ' ', '(', ')', '\n', '|', '=', ':', '。']).unwrap_or(word.len());
    let word = word[..end].trim_end_matches('.');
    units::known(word).or_else(|| {
        let before = word.split_once('/').map_or(word, |(before, _)| before);
        units::known(before)
    })
}

pub(super) fn is_power(scale: f64) -> Option<f64> {
    (-9..=9).filter_map(power).find(|p| (p - scale).abs() < scale.abs() * 1e-9)
}

pub(super) fn near(scale: f64) -> f64 {
    is_power(scale).unwrap_or(scale)
}

const SIGNS: &[&str] =
    &["对应于", "对应", "相当于", "表示", "代表", "<->", "-->", "->", "→", "⇒", "=>", "≙", "＝", "=", "为"];

/// `0-1000对应0-100.0%`, `0..10000 = 0..250 °C`: two ranges.
fn mapped(text: &str) -> Option<Told> {
    for sign in SIGNS {
        let Some((raw, value)) = text.split_once(sign) else { continue };
        let parts = |side: &str| -> Vec<String> {
            side.split([',', ';', '(', ')', ' ', ':', '\n']).map(str::to_owned).collect()
        };
        let bare = |part: &str| {
            let digits =
                part.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')).unwrap_or(part.len());
            range(&part[digits..])
        };
        let whole = |side: &str| bare(side.trim());
        let left = whole(raw).or_else(|| parts(raw).iter().rev().find_map(|p| bare(p)));
        let right = whole(value).or_else(|| parts(value).iter().find_map(|p| bare(p)));
        if let (Some((r0, r1, _)), Some((v0, v1, unit))) = (left, right)
            && r0 < r1
            && v0 < v1
        {
            let scale = near((v1 - v0) / (r1 - r0));
            return Some(Told {
                offset: near_zero(v0 - r0 * scale),
                unit: unit_at(&unit),
                ..Told::by(scale)
            });
        }
    }
    None
}

fn near_zero(offset: f64) -> f64 {
    if offset.abs() < 1e-12 { 0.0 } else { format!("{offset:.10}").parse().unwrap_or(offset) }
}

/// `235表示23.5℃`, `1bit=0.1℃`, `1000 = 10.00 bar`: one number for another.
fn one_for_one(text: &str) -> Option<Told> {
    if super::labels(text).is_some() {
        return None;
    }
    const COUNTS: &[&str] = &[
        "bit",
        "lsb",
        "digit",
        "digits",
        "count",
        "counts",
        "inc",
        "个字",
        "字",
        "个数字",
        "码",
        "单位",
        "step",
    ];
    for sign in SIGNS {
        for (at, _) in text.match_indices(sign) {
            let (left, right) = (text[..at].trim_end(), text[at + sign.len()..].trim_start());
            let count = COUNTS.iter().find_map(|c| left.strip_suffix(c));
            let left = count.unwrap_or(left).trim_end();
            let start = left
                .rfind(|c: char| !(c.is_ascii_digit() || c == '.'))
                .map_or(0, |n| n + left[n..].chars().next().map_or(1, char::len_utf8));
            let before = left[..start].chars().next_back();
            if before.is_some_and(|c| matches!(c, '-' | '~' | '/' | ',') || c.is_ascii_alphabetic()) {
                continue;
            }
            let (Ok(raw), Some((value, rest))) = (number(&left[start..]), leading(right)) else { continue };
            // `1=1/10` is a ratio or a choice.
            if right[..right.len() - rest.len()].contains('/') {
                continue;
            }
            let Some(scale) = is_power(value / raw).filter(|_| raw > 0.0 && value > 0.0) else { continue };
            let rest = rest.trim_start();
            // `0=1200`, `1 = 2.5 s` are choices, `2-5` the begin of a range.
            if rest.starts_with(['-', '~', '.', '/']) && unit_at(rest).is_none() {
                continue;
            }
            let unit = unit_at(rest);
            let plain = rest.is_empty() || rest.starts_with([',', ';', ')', ' ']);
            if scale != 1.0 && (unit.is_some() || count.is_some() || plain && scale < 1.0 && raw >= 1.0) {
                return Some(Told { unit, ..Told::by(scale) });
            }
        }
    }
    None
}

/// `实际值=寄存器值/10`, `T = raw × 0.1 - 40`, `=0.1*raw`: what is done to the data.
fn equation(text: &str) -> Option<Told> {
    for part in text.split([',', ';', '\n', '|']) {
        let Some((_, tail)) = part.rsplit_once('=') else { continue };
        let tail: String = tail.chars().filter(|c| !c.is_whitespace()).collect();
        let tail = tail.trim_matches(['.', ')', '(', '[', ']']);
        let word = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphabetic() || "()[]_#".contains(c));
        // Number first: `0.1*raw`.
        if let Some((scale, rest)) = leading(tail)
            && let Some(rest) = rest.strip_prefix(['*', '×', 'x', '·'])
        {
            let end = rest.find(['+', '-', '−']).unwrap_or(rest.len());
            if word(&rest[..end]) && scale != 0.0 {
                return with_offset(near(scale), &rest[end..]);
            }
        }
        let Some(at) = tail.find(['*', '×', '÷', '/', '·']) else { continue };
        let (before, rest) = tail.split_at(at);
        let divides = rest.starts_with(['÷', '/']);
        let rest = rest.trim_start_matches(['*', '×', '÷', '/', '·']);
        if !word(before) || units::known(before).is_some() {
            continue;
        }
        if let Some((factor, rest)) = leading(rest).filter(|(f, _)| *f != 0.0) {
            return with_offset(
                near(if divides { 1.0 / factor } else { factor }),
                rest.trim_start_matches([')', ']']),
            );
        }
    }
    None
}

/// What may stand behind a factor: nothing, a unit, or a number to add.
fn with_offset(scale: f64, rest: &str) -> Option<Told> {
    let rest = rest.replace('−', "-");
    if rest.starts_with(['+', '-']) {
        let (offset, behind) = leading(&rest)?;
        let unit = unit_at(behind);
        return (behind.is_empty() || unit.is_some()).then(|| Told { offset, unit, ..Told::by(scale) });
    }
    let unit = unit_at(&rest);
    // More is done than is understood here.
    let more = rest.contains(['*', '×', '÷', '^']) || unit.is_none() && rest.contains('/');
    (!more).then(|| Told { unit, ..Told::by(scale) })
}

/// A number and a word of scaling: if nothing was made of it, a person has to look.
pub(in crate::settings::sheet) fn speaks(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "倍",
        "除以",
        "除",
        "乘",
        "放大",
        "缩小",
        "扩大",
        "分辨率",
        "分辩率",
        "精确",
        "小数",
        "比例",
        "系数",
        "换算",
        "对应",
        "因子",
        "变比",
        "scal",
        "factor",
        "divid",
        "divisor",
        "multipl",
        "resolution",
        "decimal",
        "/bit",
        "per bit",
        "lsb",
        "per count",
        "per digit",
        "/digit",
        "faktor",
        "geteilt",
        "auflösung",
        "nachkomma",
        "kommastelle",
        "gain",
        "tenth",
        "hundredth",
        "skalier",
        "ratio",
        "零点",
        "偏移",
        "offset",
    ];
    let text = ready(text);
    let number = text.contains(|c: char| c.is_ascii_digit())
        || ["一位", "两位", "二位", "三位", "十", "百"].iter().any(|w| text.contains(w));
    if !number || is_accuracy(&text) {
        return false;
    }
    // 除氧器 is a deaerator, 排除 and 解除 are no divisions.
    let spoken = text
        .replace("除氧", "")
        .replace("排除", "")
        .replace("解除", "")
        .replace("清除", "")
        .replace("切除", "")
        .replace("除渣", "")
        .replace("除尘", "")
        .replace("删除", "")
        .replace("除垢", "");
    let sign = |c: char| {
        spoken
            .match_indices(c)
            .any(|(at, _)| spoken[at + c.len_utf8()..].trim_start().starts_with(|d: char| d.is_ascii_digit()))
    };
    WORDS.iter().any(|w| spoken.contains(w)) || sign('×') || sign('*') || sign('÷')
}

#[cfg(test)]
mod tests;
