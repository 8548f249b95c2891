//! Whether the cell of a limit holds one setpoint, two ends, or more than can be read.

use super::super::text::plain;
use super::super::units;

/// Words behind which a further number is a setpoint of its own.
const MORE: &[&str] = &[
    ";", ",", ":", "=", "、", ")", "\n", ">", "<", "≥", "≤", "≧", "≦", "高", "低", "大于", "小于", "报",
    "停", "超", "跳", "或", "high", "low", "alarm", "trip",
];

/// Words of a number that says how long, or how far back.
const BESIDE: &[&str] =
    &["延", "持续", "秒", "分钟", "回差", "死区", "滞", "级", "delay", "hyst", "deadband", "sec", "min"];

/// Behind the number of a cell stands another one: `1.25：报警；1.30：停炉`, `80，低报20`. Units (`m3/h`) and delays do not count.
pub(in crate::settings::sheet) fn names_more(behind: &str) -> bool {
    let behind = plain(behind).to_lowercase();
    if units::known(&behind).is_some() {
        return false;
    }
    let digit = |text: &str| text.contains(|c: char| c.is_ascii_digit());
    let mut parts = vec![behind.as_str()];
    for word in MORE {
        parts = parts.into_iter().flat_map(|part| part.split(word)).collect();
    }
    let further = parts.iter().skip(1).any(|p| digit(p) && !BESIDE.iter().any(|b| p.contains(b)));
    let joined = behind.char_indices().any(|(at, c)| {
        matches!(c, '/' | '~' | '至' | '到')
            && behind[at + c.len_utf8()..].trim_start().starts_with(|c: char| c.is_ascii_digit())
    });
    further || joined
}

/// Two numbers that can be the ends of one span: `0.4~1.2`; in `1.25：报警；1.30：停炉` each has words of its own.
pub(in crate::settings::sheet) fn is_span(text: &str) -> bool {
    let text = plain(text);
    let signs = text.contains(['~', '-', '至', '到']);
    signs && !text.contains([':', '=', ';'])
        || !["报", "停", "跳", "超", ":", "="].iter().any(|word| text.contains(word))
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
        ] {
            assert!(names_more(behind), "{behind}");
        }
        for behind in
            ["", "MPa", "m3/h", "Nm3/h", ":超压报警", "=报警", "℃报警,延时5秒", "℃持续5s", "kg/cm2", "(一级)"]
        {
            assert!(!names_more(behind), "{behind}");
        }
        for (text, span) in [
            ("0.4~1.2", true),
            ("1.25-1.3 MPa", true),
            ("-75~75", true),
            ("0.4~1.2报警", true),
            ("0.4/1.2", true),
            ("1.25：报警；1.30：停炉", false),
            ("1.25报警/1.30停炉", false),
            ("80=报警;90=停炉", false),
        ] {
            assert_eq!(is_span(text), span, "{text}");
        }
    }
}
