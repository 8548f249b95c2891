//! Whether the cell of a limit holds one setpoint, two ends, or more than can be read.

use super::super::text::{apart, folded, plain};
use super::super::units;

/// Words of a number that says how long, or how far back; the number stands behind them.
const BESIDE: &[&str] = &[
    "延时",
    "延迟",
    "延",
    "时间",
    "持续",
    "回差",
    "死区",
    "滞后",
    "回滞",
    "滞环",
    "滞",
    "delay",
    "hyst",
    "hysteresis",
    "deadband",
];

/// Words directly behind a number that says how long. `20 min` may be a minimum.
const SECONDS: &[&str] = &["秒", "分钟", "sec", "s"];

/// Letters before the small number of a unit: `m3/h`, `kg/cm2`, `mmH2O`, `CO2`.
const POWERS: &[&str] = &["m", "nm", "mm", "cm", "dm", "km", "h", "mmh", "o", "co", "so", "no", "caco"];

/// Words behind a number that make an ordinal of it: `1级80`, `2号泵`.
const ORDINALS: &[char] = &['级', '号', '#', '路', '台', '段', '档', '组'];

/// The cell of one limit holds a number that is not its setpoint: `80 90`, `1.25(1.30)`, `1级80`. Units (`m3/h`), delays and
/// deadbands do not count.
pub(in crate::settings::sheet) fn holds_several(text: &str) -> bool {
    let text = apart(text);
    text.find(|c: char| c.is_ascii_digit())
        .is_some_and(|from| names_more(&text[from + length(&text[from..])..]))
}

/// The bytes of the number at the begin, with its decimals and its exponent.
fn length(text: &str) -> usize {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let mut end = 0;
    while let Some(c) = text[end..].chars().next() {
        let mut behind = text[end..].chars().skip(1);
        let next = behind.next();
        let exponent = matches!(c, 'e' | 'E')
            && (digit(next) || matches!(next, Some('+' | '-')) && digit(behind.next()));
        let joins = matches!(c, '.' | ',') && digit(next);
        if exponent && matches!(next, Some('+' | '-')) {
            end += 1;
        }
        if !(c.is_ascii_digit() || joins || exponent) {
            break;
        }
        end += 1;
    }
    end
}

/// Behind the number of a cell stands another one: `1.25：报警；1.30：停炉`, `80，低报20`; or a word that makes it an ordinal.
fn names_more(behind: &str) -> bool {
    let behind = plain(behind).to_lowercase();
    if units::known(&behind).is_some() {
        return false;
    }
    if behind.starts_with(ORDINALS) {
        return true;
    }
    let in_time = ["秒", "分", "小时", "s", "min", "ms", "h"].iter().any(|unit| begins(&behind, unit));
    let mut at = 0;
    while let Some(from) = behind[at..].find(|c: char| c.is_ascii_digit()).map(|n| at + n) {
        let end = from + length(&behind[from..]);
        let (before, next) = (&behind[..from], behind[end..].trim_start());
        let lead = before.trim_end_matches([' ', ':', '=', '为']);
        let beside = BESIDE.iter().any(|word| lead.ends_with(word))
            || !in_time && SECONDS.iter().any(|word| begins(next, word));
        if !(beside || is_power(before, &behind[from..end])) {
            return true;
        }
        at = end;
    }
    false
}

/// The text begins with a word that does not go on in Latin letters.
fn begins(text: &str, word: &str) -> bool {
    let behind = text.strip_prefix(word);
    behind.is_some_and(|rest| !word.is_ascii() || !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// The number belongs to a unit: `m3`, `cm^2`, `H2O`.
fn is_power(before: &str, number: &str) -> bool {
    let before = before.trim_end_matches('^');
    let from = before
        .rfind(|c: char| !c.is_ascii_alphabetic())
        .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    matches!(number, "2" | "3") && POWERS.contains(&&before[from..])
}

/// The first number of the cell is a delay or a deadband: `超温延时5秒停炉`.
pub(in crate::settings::sheet) fn is_delay(text: &str) -> bool {
    let text = plain(text).to_lowercase();
    let until = text.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    BESIDE.iter().any(|word| text[..until].contains(word))
}

/// `以下` stands directly behind the first number and its unit: `0.4MPa以下报警`.
pub(in crate::settings::sheet) fn is_below(text: &str) -> bool {
    let text = apart(text);
    let Some(from) = text.find(|c: char| c.is_ascii_digit()) else { return false };
    let behind = &text[from + length(&text[from..])..];
    behind.split_once("以下").is_some_and(|(unit, _)| unit.trim().is_empty() || units::known(unit).is_some())
}

/// Two numbers that are the ends of one span: `0.4~1.2`; in `1.25：报警；1.30：停炉` each has words of its own, and a comma
/// divides setpoints.
pub(in crate::settings::sheet) fn is_span(text: &str) -> bool {
    let text = apart(text).to_lowercase();
    let Some(first) = text.find(|c: char| c.is_ascii_digit()) else { return false };
    let head = &text[..first];
    let behind = &text[first + length(&text[first..])..];
    if head.trim().starts_with('±') || head.trim().starts_with("+/-") {
        return !names_more(behind);
    }
    let Some(second) = behind.find(|c: char| c.is_ascii_digit()) else { return false };
    let middle = behind[..second].trim();
    let unit = middle.trim_end_matches([' ', '-', '+', '~', '…', '.', '/', '至', '到']);
    let unit = unit.strip_suffix("to").unwrap_or(unit).trim();
    unit.len() < middle.len()
        && (unit.is_empty() || units::known(unit).is_some())
        && head.chars().all(|c| " -+.[(".contains(c))
        && !names_more(&behind[second + length(&behind[second..])..])
}

/// On which side of a setpoint the alarm is, as the words of a cell tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings::sheet) enum Side {
    Low,
    High,
    /// Words of both.
    Both,
}

/// The side that the words of a cell name, wherever they stand.
pub(in crate::settings::sheet) fn side(text: &str) -> Option<Side> {
    const LOW: &[&str] = &["<", "≤", "≦", "低", "小于", "以下", "下限", "不足", "low", "unter"];
    const HIGH: &[&str] = &[">", "≥", "≧", "高", "大于", "以上", "上限", "超", "high", "über"];
    let word = folded(text).replace("flow", "");
    let names = |words: &[&str]| words.iter().any(|w| word.contains(w));
    match (names(LOW), names(HIGH)) {
        (true, true) => Some(Side::Both),
        (true, false) => Some(Side::Low),
        (false, true) => Some(Side::High),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_setpoint_in_a_cell_is_seen_and_units_and_delays_are_none() {
        for behind in [
            ":报警;1.30:停炉",
            "、高于1.25报警,2、低于0.4停炉",
            "低报20",
            "报警/90停炉",
            "MPa报警 ≥1.30停炉",
            "℃/90℃",
            ") 高于1.25报警",
            "MPa alarm, 1.3 trip",
            "报警，1.30延时5秒停炉",
            "℃报警,停炉90℃延时5秒",
            " max, 20 min",
            "级80,2级90",
            "级报警",
            "\n90",
            "℃ 90℃",
            "(1.30)",
            "以上 0.4以下报警",
            "秒报警,10秒停炉",
            "报警,1.30回差0.02",
        ] {
            assert!(names_more(behind), "{behind}");
        }
        for behind in [
            "",
            "MPa",
            "m3/h",
            "Nm3/h",
            ":超压报警",
            "=报警",
            "℃报警,延时5秒",
            "℃持续5s",
            "kg/cm2",
            "(一级)",
            "m^3/h报警",
            "mmH2O",
            "%CO2",
            "℃,回差0.02",
            "℃报警,5秒",
            "m²",
            "kg/cm2 delay 5 min",
        ] {
            assert!(!names_more(behind), "{behind}");
        }
        for (text, several) in [
            ("1.25 MPa", false),
            ("1,25", false),
            ("1e-3", false),
            ("1.25，延时5秒", false),
            ("80 90", true),
            ("80，90", true),
            ("80, 90", true),
            ("80、90", true),
            ("1.25↵1.30", true),
            ("100 120", true),
        ] {
            assert_eq!(holds_several(text), several, "{text}");
        }
        assert!(is_delay("超温延时5秒停炉") && !is_delay("超温80延时5秒"));
    }

    #[test]
    fn two_ends_of_a_span_have_a_sign_between_them_and_nothing_else() {
        for (text, span) in [
            ("0.4~1.2", true),
            ("1.25-1.3 MPa", true),
            ("-75~75", true),
            ("-75~-50", true),
            ("±75", true),
            ("0.4MPa～1.2MPa", true),
            ("0.4~1.2报警", true),
            ("0.4/1.2", true),
            ("1.25：报警；1.30：停炉", false),
            ("1.25报警/1.30停炉", false),
            ("1.25报警~1.30停炉", false),
            ("80=报警;90=停炉", false),
            ("80, 90", false),
            ("80，90", false),
            ("80、90", false),
            ("0.4~1.2(1.3)", false),
        ] {
            assert_eq!(is_span(text), span, "{text}");
        }
    }

    #[test]
    fn words_name_the_side_of_a_setpoint() {
        assert_eq!(side("0.4以下报警"), Some(Side::Low));
        assert_eq!(side("1.25以上"), Some(Side::High));
        assert_eq!(side("超低水位30"), Some(Side::Both));
        assert_eq!(side("80 m3/h"), None);
        assert!(is_below("0.4 MPa以下报警") && !is_below("1.25报警，以下正常"));
    }
}
