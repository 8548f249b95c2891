//! How fine a number is: `分辨率0.1`, `精确到0.1`, `一位小数`. For a whole number that is what it is multiplied by.

use super::super::power;
use super::{Told, is_power, leading, unit_at};

/// `分辨率0.1`, `精确到0.1`, `一位小数`, `小数点后2位`, `1 decimal`: how fine the number is.
pub(super) fn fine(text: &str) -> Option<Told> {
    for word in [
        "分辨率",
        "分辩率",
        "精确到",
        "精确至",
        "精度",
        "最小单位",
        "最小分度",
        "分度值",
        "resolution",
        "precision",
        "accurate to",
        "auflösung",
        "schrittweite",
        "step",
    ] {
        let Some(at) = text.find(word) else { continue };
        let rest = text[at + word.len()..].trim_start_matches([' ', ':', '=', '为', '是', '(', '到']);
        if let Some((scale, behind)) = leading(rest)
            && let Some(scale) = is_power(scale)
            && !behind.trim_start().starts_with(['级', '%'])
        {
            return Some(Told { unit: unit_at(behind), ..Told::fine(scale) });
        }
    }
    places(text).and_then(|n| Some(Told::fine(power(-n)?)))
}

/// How many decimals the words tell.
fn places(text: &str) -> Option<i32> {
    const DIGITS: &[(&str, i32)] = &[
        ("一", 1),
        ("二", 2),
        ("两", 2),
        ("三", 3),
        ("四", 4),
        ("one", 1),
        ("two", 2),
        ("three", 3),
        ("eine", 1),
        ("zwei", 2),
        ("drei", 3),
    ];
    let read = |word: &str| -> Option<i32> {
        let word = word.trim();
        let spoken = DIGITS.iter().find(|(w, _)| *w == word).map(|(_, n)| *n);
        spoken.or_else(|| word.parse().ok()).filter(|n| (1..=6).contains(n))
    };
    let last = |left: &str| -> Option<i32> {
        let left = left.trim_end();
        DIGITS
            .iter()
            .find(|(w, _)| left.ends_with(w))
            .map(|(_, n)| *n)
            .or_else(|| {
                left.chars().next_back().filter(char::is_ascii_digit).and_then(|c| read(&c.to_string()))
            })
            .filter(|_| !left.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with('.'))
    };
    // The number before the words.
    for word in ["位小数", "个小数", "decimal", "nachkommastelle", "dezimalstelle", "kommastelle", "dp"]
    {
        let found = text.find(word).and_then(|at| last(text[..at].trim_end_matches(['-', ' '])));
        if found.is_some() {
            return found;
        }
    }
    // And behind them.
    for word in
        ["小数点后面", "小数点后", "小数位数", "小数位", "小数点", "小数", "decimals", "decimal places"]
    {
        let Some(at) = text.find(word) else { continue };
        let rest = text[at + word.len()..]
            .trim_start_matches([' ', ':', '=', '为', '是', '有', '保', '留', '取', '(']);
        let first: String = rest.chars().take(1).collect();
        let spoken = DIGITS.iter().filter(|(w, _)| rest.starts_with(w)).map(|(w, _)| *w).next();
        let found = read(spoken.unwrap_or(&first));
        let behind = rest.chars().nth(1);
        if found.is_some() && behind.is_none_or(|c| !c.is_ascii_digit() && c != '.') {
            return found;
        }
    }
    None
}
