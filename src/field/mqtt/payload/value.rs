//! One JSON value → one reading's value and quality, and what a payload says about quality. Pure.

use serde_json::Value;

use crate::plant::{Cause, Quality};
use crate::settings::{Good, MqttPoint};

/// The largest integer a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The engineering value of what stands at a point's place.
#[must_use]
pub fn value(point: &MqttPoint, found: &Value) -> (f64, Quality) {
    match found {
        Value::Number(n) => scaled(point, n.as_f64()),
        Value::Bool(set) => flag(point, *set),
        Value::String(text) => word(point, text),
        Value::Null => bad(Cause::NotANumber),
        Value::Array(_) | Value::Object(_) => bad(Cause::Unreadable),
    }
}

/// The same for a bare text, such as `ON` or `1.25MPa`.
#[must_use]
pub fn word(point: &MqttPoint, text: &str) -> (f64, Quality) {
    let text = text.trim();
    let is = |words: &[&str]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    if let Ok(raw) = text.parse() {
        return scaled(point, Some(raw));
    }
    if is(&["true", "on", "yes", "开"]) {
        return flag(point, true);
    }
    if is(&["false", "off", "no", "关"]) {
        return flag(point, false);
    }
    if is(&["", "null", "none", "n/a", "--", "-", "---", "----"]) {
        return bad(Cause::NotANumber);
    }
    scaled(point, with_unit(text))
}

fn bad(cause: Cause) -> (f64, Quality) {
    (f64::NAN, Quality::Bad(cause))
}

fn flag(point: &MqttPoint, set: bool) -> (f64, Quality) {
    (f64::from(u8::from(set != point.invert)), Quality::Good)
}

fn scaled(point: &MqttPoint, raw: Option<f64>) -> (f64, Quality) {
    let Some(raw) = raw else { return bad(Cause::Unreadable) };
    let value = raw * point.scale + point.offset;
    if !raw.is_finite() || !value.is_finite() {
        return bad(Cause::NotANumber);
    }
    if is_sentinel(raw, &point.sentinels) {
        return bad(Cause::Sentinel);
    }
    if point.invert && (raw == 0.0 || raw == 1.0) {
        return flag(point, raw == 1.0);
    }
    let rounded = raw.abs() > EXACT && raw.fract() == 0.0 && raw.abs() < 1.9e19;
    (value, if rounded { Quality::Uncertain(Cause::Rounded) } else { Quality::Good })
}

/// A number that stands for "no measurement", also one that lost its last decimals on a way of single
/// floats.
pub(in crate::field::mqtt) fn is_sentinel(number: f64, sentinels: &[f64]) -> bool {
    sentinels.iter().any(|s| *s == number || f64::from(*s as f32) == number)
}

/// A number, with or without a unit behind it (`1.25`, `1.25MPa`).
pub(in crate::field::mqtt) fn number(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| with_unit(text))
}

/// A number with its unit behind it: `1.25MPa`, `48 %`, `1.5e-3 m3/h`.
fn with_unit(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
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
    let number = text.get(..end)?.parse().ok()?;
    // What follows must be a unit: `0x10`, `12:30` and `1.0-1.2` are no numbers.
    let mut unit = text[end..].trim_start().chars();
    let first = unit.next()?;
    let second_is_digit = unit.next().is_some_and(|c| c.is_ascii_digit());
    let hexadecimal = first.eq_ignore_ascii_case(&'x') && second_is_digit;
    (!hexadecimal && (first.is_alphabetic() || "%‰°℃℉μ㎡㎥".contains(first))).then_some(number)
}

/// What a payload says about a value's quality; nothing said counts as good.
#[must_use]
pub fn is_good(said: Option<&Value>, good: Good) -> bool {
    let Some(said) = said else { return true };
    // Numbers often come as texts.
    let number = match said {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let text = said.as_str().map(str::trim);
    let word = |words: &[&str]| text.is_some_and(|t| words.iter().any(|w| t.eq_ignore_ascii_case(w)));
    let opc = |n: f64| (0.0..65536.0).contains(&n) && (n as u32) & 0xC0 == 0xC0;
    match good {
        Good::Auto => match said {
            Value::Bool(set) => *set,
            _ => number.map_or_else(|| word(&["good", "ok"]), opc),
        },
        Good::Opc => number.is_some_and(opc),
        Good::Zero => match said {
            Value::Null => true,
            Value::Bool(fault) => !fault,
            _ => number.map_or_else(|| text == Some("") || word(&["ok", "good"]), |n| n == 0.0),
        },
        Good::True => said.as_bool().unwrap_or_else(|| number == Some(1.0) || word(&["true"])),
        Good::Word => word(&["good", "ok"]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::tests::point;
    use super::{is_good, value, word};
    use crate::plant::{Cause, Quality};
    use crate::settings::Good;

    #[test]
    fn values_are_understood_as_devices_write_them() {
        for (text, wanted) in [
            ("1.25", 1.25),
            (" 1.25MPa", 1.25),
            ("-8 mm", -8.0),
            ("48%", 48.0),
            ("1.5e-3 m3/h", 0.0015),
            ("12E", 12.0),
            ("120℃", 120.0),
            ("ON", 1.0),
            ("off", 0.0),
            ("开", 1.0),
            ("False", 0.0),
        ] {
            assert_eq!(word(&point(0, ""), text), (wanted, Quality::Good), "{text}");
        }
        for text in ["", "null", "NaN", "--", "-inf", "Infinity", "1e999"] {
            assert_eq!(word(&point(0, ""), text).1, Quality::Bad(Cause::NotANumber), "{text}");
        }
        for text in ["abc", "0x10", "12:30", "1.0-1.2", "MPa", "."] {
            assert_eq!(word(&point(0, ""), text).1, Quality::Bad(Cause::Unreadable), "{text}");
        }
        assert_eq!(value(&point(0, ""), &json!({})).1, Quality::Bad(Cause::Unreadable));
        assert_eq!(value(&point(0, ""), &json!(true)), (1.0, Quality::Good));
        let wide = value(&point(0, ""), &json!(9_007_199_254_740_994_u64));
        assert_eq!(wide.1, Quality::Uncertain(Cause::Rounded));
    }

    #[test]
    fn scale_offset_inversion_and_sentinels_hold_for_payloads_too() {
        let mut point = point(0, "");
        (point.scale, point.offset, point.sentinels) = (0.1, -5.0, vec![32767.0]);
        assert_eq!(value(&point, &json!(250)), (20.0, Quality::Good));
        assert_eq!(value(&point, &json!("32767")).1, Quality::Bad(Cause::Sentinel));
        // A single float, printed as the double it was turned into.
        point.sentinels = vec![-999.9];
        assert_eq!(value(&point, &json!(-999.9000244140625)).1, Quality::Bad(Cause::Sentinel));
        assert_eq!(value(&point, &json!(-999.8)).1, Quality::Good);
        (point.scale, point.offset, point.invert) = (1.0, 0.0, true);
        for (found, wanted) in [(json!(true), 0.0), (json!("OFF"), 1.0), (json!(1), 0.0), (json!("0"), 1.0)] {
            assert_eq!(value(&point, &found).0, wanted, "{found}");
        }
    }

    #[test]
    fn each_way_to_say_good_is_its_own() {
        for (good, yes, no) in [
            (
                Good::Auto,
                vec![json!(192), json!(true), json!("Good"), json!("192")],
                vec![json!(0), json!(false), json!("bad"), json!(64)],
            ),
            (Good::Opc, vec![json!(192), json!(216)], vec![json!(0), json!(true), json!(-1)]),
            (
                Good::Zero,
                vec![json!(0), json!("0"), json!(""), json!(null), json!(false)],
                vec![json!(1), json!("2014"), json!(true)],
            ),
            (
                Good::True,
                vec![json!(true), json!(1), json!("true")],
                vec![json!(false), json!(192), json!("good")],
            ),
            (Good::Word, vec![json!("good"), json!("OK")], vec![json!(192), json!("uncertain")]),
        ] {
            for said in yes {
                assert!(is_good(Some(&said), good), "{said} {good:?}");
            }
            for said in no {
                assert!(!is_good(Some(&said), good), "{said} {good:?}");
            }
            assert!(is_good(None, good));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_a_value_is_finite_or_bad(text in "\\PC{0,20}") {
            let (value, quality) = word(&point(0, ""), &text);
            prop_assert_eq!(value.is_finite(), quality.is_usable());
        }

        #[test]
        fn a_number_reads_the_same_with_and_without_a_unit(number in -1e12..1e12f64) {
            let unit = word(&point(0, ""), &format!("{number} kPa"));
            prop_assert_eq!(unit, (number, Quality::Good));
        }
    }
}
