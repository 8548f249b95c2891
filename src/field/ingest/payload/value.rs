//! One JSON value → one reading's value and quality, and what a payload says about quality. Pure.

use serde_json::Value;

use crate::plant::{Cause, Meaning, Quality};
use crate::settings::Good;

/// The engineering value of what stands at a point's place.
#[must_use]
pub fn value(meaning: &Meaning, found: &Value) -> (f64, Quality) {
    match found {
        Value::Number(n) => match n.as_f64() {
            Some(raw) => meaning.number(raw),
            None => bad(Cause::Unreadable),
        },
        Value::Bool(set) => meaning.flag(*set),
        Value::String(text) => meaning.text(text),
        Value::Null => bad(Cause::NotANumber),
        Value::Array(_) | Value::Object(_) => bad(Cause::Unreadable),
    }
}

/// The same for a value that has its unit beside it.
#[must_use]
pub fn value_in(meaning: &Meaning, found: &Value, unit: Option<&str>) -> (f64, Quality) {
    match (found, unit) {
        (Value::Number(number), Some(unit)) => match number.as_f64() {
            Some(raw) => meaning.measured(raw, unit),
            None => bad(Cause::Unreadable),
        },
        (Value::String(text), Some(unit)) => meaning.text_in(text, unit),
        _ => value(meaning, found),
    }
}

fn bad(cause: Cause) -> (f64, Quality) {
    (f64::NAN, Quality::Bad(cause))
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
    use serde_json::json;

    use super::{is_good, value};
    use crate::plant::meaning::Kind;
    use crate::plant::{Cause, Meaning, Quality};
    use crate::settings::Good;

    #[test]
    fn a_json_value_is_read_by_what_it_is() {
        let measure = Meaning::default();
        assert_eq!(value(&measure, &json!(1.25)), (1.25, Quality::Good));
        assert_eq!(value(&measure, &json!("1.25")), (1.25, Quality::Good));
        assert_eq!(value(&measure, &json!(true)).1, Quality::Bad(Cause::Boolean));
        assert_eq!(value(&measure, &json!(null)).1, Quality::Bad(Cause::NotANumber));
        for nothing in [json!({}), json!([1])] {
            assert_eq!(value(&measure, &nothing).1, Quality::Bad(Cause::Unreadable), "{nothing}");
        }
        let wide = value(&measure, &json!(9_007_199_254_740_994_u64));
        assert_eq!(wide.1, Quality::Uncertain(Cause::Rounded));
        let inverted = Meaning::plain(Kind::Truth { invert: true });
        for (found, wanted) in
            [(json!(true), 0.0), (json!("OFF"), 1.0), (json!(1), 0.0), (json!("0"), 1.0), (json!(255), 0.0)]
        {
            assert_eq!(value(&inverted, &found), (wanted, Quality::Good), "{found}");
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
}
