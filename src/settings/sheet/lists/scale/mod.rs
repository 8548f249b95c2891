//! What remarks, names and units say about scaling, in the words people use.
//!
//! Two kinds of words: what is done to the number (`除以10`, `×0.1`, `放大10倍`, `0-1000对应0~2.5米`), and how fine it is
//! (`分辨率0.1`, `保留1位小数`), which for a whole number means the same and for a floating one nothing.

mod equation;
mod fine;
mod ranges;
mod speaks;
mod unit_cell;
mod verbs;

use super::super::text::{folded, number, plain};
use super::super::units;
use super::power;
use equation::equation;
use fine::fine;
pub(in crate::settings::sheet) use ranges::two_ranges;
pub(in crate::settings::sheet) use speaks::speaks;
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
    // Two ranges of which nobody knows which is the register's are asked, not read otherwise.
    if let Some(two) = two_ranges(&text) {
        return two.told(None);
    }
    if let Some(told) = one_for_one(&text).or_else(|| value_first(&text)) {
        return Some(told);
    }
    if let Some(told) = equation(&text) {
        return told;
    }
    if text.split([',', ';', '\n', '|']).any(|part| equation::variables(part) > 1) {
        return None;
    }
    per_count(&text).or_else(|| text.split([',', ';', '\n', '|']).find_map(phrase)).or_else(|| fine(&text))
}

/// Half-width, lower case, decimal commas of small numbers as points, the `x` of a multiplication as `×`.
fn ready(text: &str) -> String {
    let chars: Vec<char> = pointed(&plain(text).to_lowercase()).chars().collect();
    let sign = |n: usize| {
        let before = n.checked_sub(1).map(|b| chars[b]);
        let behind = chars[n + 1..].iter().find(|c| **c != ' ');
        let apart = before.is_some_and(|c| c == ' ' || c == ')' || !c.is_ascii() && c.is_alphabetic());
        chars[n] == 'x' && apart && n > 1 && behind.is_some_and(char::is_ascii_digit)
    };
    (0..chars.len()).map(|n| if sign(n) { '×' } else { chars[n] }).collect()
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

/// `23.5℃对应235`, `10t/h=1000`: the value with its unit, and the number for it.
fn value_first(text: &str) -> Option<Told> {
    SIGNS.iter().find_map(|sign| {
        let (left, right) = text.split_once(sign)?;
        let (raw, behind) = leading(right.trim_start())?;
        let plain = behind.is_empty() || behind.starts_with([',', ';', ')', '.']);
        let left = left.rsplit([',', ';', '(', '\n']).next()?.trim();
        let at = left.find(|c: char| c.is_ascii_digit())?;
        let (value, unit) = leading(&left[at..])?;
        let unit = units::known(unit.trim())?;
        let scale = is_power(value / raw).filter(|s| plain && raw > 0.0 && *s != 1.0)?;
        Some(Told { unit: Some(unit), ..Told::by(scale) })
    })
}

#[cfg(test)]
mod tests;
