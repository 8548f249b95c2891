//! A text as a person reads it: a number, a truth word, a number with its unit, or nothing.

use std::borrow::Cow;

use crate::plant::unit::Unit;

const ON: [&str; 5] = ["true", "on", "yes", "开", "是"];
const OFF: [&str; 5] = ["false", "off", "no", "关", "否"];
/// What senders write where there is no value.
const NOTHING: [&str; 10] = ["", "null", "nil", "none", "undefined", "n/a", "na", "ind", "无", "nan(ind)"];
/// Spellings of units that are not those of the table and cannot be taken for another one.
const SPELLED: &[(&str, &str)] = &[
    ("Mpa", "MPa"),
    ("mpa", "MPa"),
    ("MPA", "MPa"),
    ("KPa", "kPa"),
    ("Kpa", "kPa"),
    ("kpa", "kPa"),
    ("KPA", "kPa"),
    ("pa", "Pa"),
    ("PA", "Pa"),
    ("Bar", "bar"),
    ("BAR", "bar"),
    ("PSI", "psi"),
    ("Psi", "psi"),
    ("Degrees C", "℃"),
    ("degrees C", "℃"),
    ("degree C", "℃"),
    ("Deg C", "℃"),
    ("DegC", "℃"),
    ("deg C", "℃"),
    ("Celsius", "℃"),
    ("celsius", "℃"),
    ("Cel", "℃"),
    ("º C", "℃"),
    ("ºC", "℃"),
    ("° C", "℃"),
    ("摄氏度", "℃"),
    ("Degrees F", "℉"),
    ("degrees F", "℉"),
    ("degree F", "℉"),
    ("Deg F", "℉"),
    ("DegF", "℉"),
    ("deg F", "℉"),
    ("Fahrenheit", "℉"),
    ("fahrenheit", "℉"),
    ("ºF", "℉"),
    ("° F", "℉"),
    ("华氏度", "℉"),
    ("T/h", "t/h"),
    ("T/H", "t/h"),
    ("t/H", "t/h"),
    ("KG/H", "kg/h"),
    ("Kg/h", "kg/h"),
    ("M3/H", "m3/h"),
    ("NM3/H", "Nm3/h"),
    ("KW", "kW"),
    ("Kw", "kW"),
    ("kw", "kW"),
    ("KWh", "kWh"),
    ("KWH", "kWh"),
    ("kwh", "kWh"),
    ("HZ", "Hz"),
    ("hz", "Hz"),
    ("MM", "mm"),
    ("l", "L"),
    ("吨/时", "t/h"),
    ("毫米", "mm"),
    ("兆帕", "MPa"),
    ("千帕", "kPa"),
    ("KGF/CM2", "kgf/cm2"),
    ("Kgf/cm2", "kgf/cm2"),
    ("KG/CM2", "kgf/cm2"),
    ("Kg/cm2", "kgf/cm2"),
    ("公斤力", "kgf/cm2"),
    ("米", "m"),
    ("立方米/时", "m3/h"),
];
/// What marks a pressure as one above that of the air, as boilers' pressures are.
const GAUGE: [&str; 7] = ["(表压)", "表压", "(gauge)", "gauge", "(g)", "(G)", ".g"];

/// What a text says, before anything is known of the point.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said<'t> {
    /// A number alone; it may be infinite or not a number.
    Number(f64),
    /// A truth word.
    Flag(bool),
    /// A word for "no value".
    Nothing,
    /// A finite number and what follows it.
    With(f64, Cow<'t, str>),
    /// Anything else.
    Other,
}

/// Reads `text`, which has no white space around it.
pub(super) fn said(text: &str) -> Said<'_> {
    match narrow(text) {
        Cow::Borrowed(text) => read(text),
        Cow::Owned(text) => match read(text.trim()) {
            Said::With(number, unit) => Said::With(number, Cow::Owned(unit.into_owned())),
            Said::Number(number) => Said::Number(number),
            Said::Flag(set) => Said::Flag(set),
            Said::Nothing => Said::Nothing,
            Said::Other => Said::Other,
        },
    }
}

fn read(text: &str) -> Said<'_> {
    let is = |words: &[&str]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    if let Ok(number) = text.parse() {
        return Said::Number(number);
    }
    if is(&ON) || is(&OFF) {
        return Said::Flag(is(&ON));
    }
    if is(&NOTHING) || text.bytes().all(|b| b == b'-') || is_not_a_number(text) {
        return Said::Nothing;
    }
    let end = number_end(text.as_bytes());
    match text[..end].parse::<f64>() {
        Ok(number) if number.is_finite() => Said::With(number, Cow::Borrowed(text[end..].trim_start())),
        _ => Said::Other,
    }
}

/// `-nan`, `1.#QNAN`, `-1.#IND0`, `nan(0x8000)`: what C libraries print for it.
fn is_not_a_number(text: &str) -> bool {
    let text = text.trim_start_matches(['-', '+']);
    let begins = |word: &str| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    if begins("nan") && (text.len() == 3 || text[3..].starts_with('(') && text.ends_with(')')) {
        return true;
    }
    let Some((whole, word)) = text.split_once(".#") else { return false };
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    whole.bytes().all(|b| b.is_ascii_digit())
        && ["qnan", "snan", "ind", "inf", "nan", "r"].iter().any(|w| word.eq_ignore_ascii_case(w))
}

/// Where the number at the beginning of `bytes` ends: sign, digits, point, digits, exponent.
fn number_end(bytes: &[u8]) -> usize {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(usize::from(matches!(bytes.first(), Some(b'-' | b'+'))));
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

/// Full-width characters (`１．２５ＭＰａ`) as those of ASCII.
fn narrow(text: &str) -> Cow<'_, str> {
    let wide = |c: char| matches!(c, '\u{FF01}'..='\u{FF5E}' | '\u{3000}');
    if !text.contains(wide) {
        return Cow::Borrowed(text);
    }
    let narrowed = text.chars().map(|c| match c {
        '\u{3000}' => ' ',
        c if wide(c) => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        c => c,
    });
    Cow::Owned(narrowed.collect())
}

/// The unit that stands behind or beside a number. Beside a temperature among `like` the letters `C`, `F` and `度` are
/// degrees, beside a pressure `公斤` is one; a gauge pressure (`barg`, `kPa(G)`, `MPa表压`) is its unit.
pub(super) fn unit_of(text: &str, like: &[&Unit]) -> Unit {
    let narrowed = narrow(text);
    let text = narrowed.trim();
    let temperature = || like.iter().any(|u| u.is_absolute());
    let named = match text {
        "C" | "c" | "°" | "º" | "度" if temperature() => "℃",
        "F" | "f" if temperature() => "℉",
        "公斤" if like.iter().any(|u| is_pressure(u)) => "kgf/cm2",
        "公斤" => "kg",
        _ => spelled(text),
    };
    let unit = Unit::parse(named);
    if unit.is_known() { unit } else { above_the_air(text).unwrap_or(unit) }
}

fn spelled(text: &str) -> &str {
    SPELLED.iter().find(|s| s.0 == text).map_or(text, |s| s.1)
}

fn is_pressure(unit: &Unit) -> bool {
    unit.conversion_to(&Unit::parse("Pa")).is_some()
}

/// The unit of a gauge pressure; `None` if it is not written as one. An absolute pressure is not one.
fn above_the_air(text: &str) -> Option<Unit> {
    let mark = |text: &str| GAUGE.iter().find_map(|mark| text.strip_suffix(mark).map(str::len));
    let end = mark(text).or_else(|| text.strip_suffix(['g', 'G']).map(str::len))?;
    let unit = Unit::parse(spelled(text[..end].trim_end()));
    (unit.is_known() && is_pressure(&unit)).then_some(unit)
}

/// What senders write where they name no unit: nothing, a dash, a word for nothing, or a number, which is not a unit.
pub fn is_no_unit(text: &str) -> bool {
    let is = |words: &[&str]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    text.bytes().all(|b| matches!(b, b'-' | b'/')) || is(&NOTHING) || text.parse::<f64>().is_ok()
}
