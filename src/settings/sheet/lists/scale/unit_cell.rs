//! Units with a number in them, and units in brackets.

use super::super::super::text::plain;
use super::super::super::units;
use super::{is_power, leading, pointed};

/// A unit cell with a number in it: `0.1℃`, `℃×0.1`, `1/10℃`, `×0.01MPa`, `℃(0.1)`: the scale and the unit.
pub(in crate::settings::sheet) fn in_unit(text: &str) -> Option<(f64, &'static str)> {
    let text: String = pointed(&plain(text)).chars().filter(|c| !c.is_whitespace()).collect();
    let text = unbracketed(&text);
    if units::known(text).is_some() || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let lead = text.trim_start_matches(['×', '*', '✕', '单', '位', ':']);
    let lead = if lead == text { text.strip_prefix(['x', 'X']).unwrap_or(text) } else { lead };
    if let Some((scale, rest)) = leading(lead)
        && let Some(unit) = units::known(unbracketed(rest.trim_start_matches(['*', '×', '·'])))
        && let Some(scale) = is_power(scale)
    {
        return Some((scale, unit));
    }
    let cut = text.find(['×', '*', '✕', '(', '[']).or_else(|| text.rfind(['/', '÷', 'x', 'X']))?;
    let unit = units::known(&text[..cut])?;
    let sign = text[cut..].chars().next()?;
    let inner = text[cut + sign.len_utf8()..].trim_matches(['(', ')', '[', ']', '×', '*', 'x', 'X']);
    let (inner, divides) = match inner.strip_prefix(['/', '÷']) {
        Some(rest) => (rest, true),
        None => (inner, matches!(sign, '/' | '÷')),
    };
    let (factor, rest) = leading(inner)?;
    let scale = is_power(if divides { 1.0 / factor } else { factor })?;
    rest.is_empty().then_some((scale, unit))
}

/// Without brackets around all of it: `[℃]`, `【℃】`, `(℃)`, `〔℃〕`.
pub(in crate::settings::sheet) fn unbracketed(text: &str) -> &str {
    let text = text.trim();
    [
        ('[', ']'),
        ('【', '】'),
        ('(', ')'),
        ('〔', '〕'),
        ('〈', '〉'),
        ('<', '>'),
        ('「', '」'),
        ('{', '}'),
        ('［', '］'),
        ('（', '）'),
    ]
    .iter()
    .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))
    .map_or(text, str::trim)
}
