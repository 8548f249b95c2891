//! Times as payloads write them → microseconds since the epoch. Pure.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::plant::Micros;
use crate::settings::TimeFormat;

/// No device lives before 2000 or after 2100: what falls outside is a clock that was never set, or
/// another unit.
const EARLIEST: i64 = 946_684_800_000_000;
const LATEST: i64 = 4_102_444_800_000_000;

/// The time in `found`, written as `format` says; `zone` is the site's.
#[must_use]
pub fn time(found: &Value, format: TimeFormat, zone: &TimeZone) -> Option<Micros> {
    let micros = match found {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => from_whole(whole, format, zone),
            (None, Some(parts)) => from_parts(parts, format),
            _ => None,
        },
        Value::String(text) => from_text(text.trim(), format, zone),
        _ => None,
    }?;
    (EARLIEST..LATEST).contains(&micros).then_some(Micros(micros))
}

fn from_whole(whole: i64, format: TimeFormat, zone: &TimeZone) -> Option<i64> {
    match format {
        TimeFormat::Seconds => whole.checked_mul(1_000_000),
        TimeFormat::Millis => whole.checked_mul(1000),
        TimeFormat::Micros => Some(whole),
        TimeFormat::Nanos => Some(whole / 1000),
        TimeFormat::Compact => compact(&whole.to_string(), zone),
        // Fourteen digits that begin with a year of ours are a date; as milliseconds they would lie
        // six centuries ahead.
        TimeFormat::Auto if (20_000_101_000_000..=20_991_231_235_959).contains(&whole) => {
            compact(&whole.to_string(), zone)
        }
        TimeFormat::Auto => match whole {
            ..=99_999_999_999 => whole.checked_mul(1_000_000),
            100_000_000_000..=99_999_999_999_999 => whole.checked_mul(1000),
            100_000_000_000_000..=99_999_999_999_999_999 => Some(whole),
            _ => Some(whole / 1000),
        },
        TimeFormat::Rfc3339 | TimeFormat::Local | TimeFormat::Basic => None,
    }
}

fn from_parts(number: f64, format: TimeFormat) -> Option<i64> {
    let factor = match format {
        TimeFormat::Seconds => 1e6,
        TimeFormat::Millis => 1e3,
        TimeFormat::Micros => 1.0,
        TimeFormat::Nanos => 1e-3,
        TimeFormat::Auto if number < 1e11 => 1e6,
        TimeFormat::Auto if number < 1e14 => 1e3,
        TimeFormat::Auto if number < 1e17 => 1.0,
        TimeFormat::Auto => 1e-3,
        _ => return None,
    };
    // A cast saturates, and the bounds then refuse it.
    Some((number * factor).round() as i64)
}

fn from_text(text: &str, format: TimeFormat, zone: &TimeZone) -> Option<i64> {
    let number = || match text.parse::<i64>() {
        Ok(whole) => from_whole(whole, format, zone),
        Err(_) => text.parse::<f64>().ok().and_then(|number| from_parts(number, format)),
    };
    match format {
        TimeFormat::Rfc3339 => rfc3339(text),
        TimeFormat::Local => local(text, zone),
        TimeFormat::Compact => compact(text, zone),
        TimeFormat::Basic => basic(text),
        TimeFormat::Auto => {
            number().or_else(|| rfc3339(text)).or_else(|| basic(text)).or_else(|| local(text, zone))
        }
        _ => number(),
    }
}

fn rfc3339(text: &str) -> Option<i64> {
    Some(text.parse::<jiff::Timestamp>().ok()?.as_microsecond())
}

fn local(text: &str, zone: &TimeZone) -> Option<i64> {
    // `2025/1/1 8:00:00` is not unheard of, but nothing tells month from day there.
    in_zone(text.parse().ok()?, zone)
}

fn in_zone(civil: DateTime, zone: &TimeZone) -> Option<i64> {
    Some(zone.to_timestamp(civil).ok()?.as_microsecond())
}

fn compact(text: &str, zone: &TimeZone) -> Option<i64> {
    in_zone(digits(text)?, zone)
}

fn basic(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T')?;
    let clock = rest.strip_suffix('Z')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    if date.len() != 8 || clock.len() != 6 || fraction.len() > 9 {
        return None;
    }
    let whole = in_zone(digits(&format!("{date}{clock}"))?, &TimeZone::UTC)?;
    if fraction.is_empty() {
        return Some(whole);
    }
    let parts: f64 = format!("0.{fraction}").parse().ok()?;
    Some(whole + (parts * 1e6) as i64)
}

fn digits(text: &str) -> Option<DateTime> {
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<i8>().ok();
    let year = text[..4].parse().ok()?;
    DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::time;
    use crate::plant::Micros;
    use crate::settings::TimeFormat as F;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").expect("the zone is known")
    }

    #[test]
    fn every_format_of_the_field_gives_the_same_instant() {
        // 2025-01-01 08:00:00 in Shanghai.
        let wanted = Some(Micros(1_735_689_600_000_000));
        for (found, format) in [
            (json!(1_735_689_600), F::Seconds),
            (json!(1_735_689_600.0), F::Seconds),
            (json!("1735689600"), F::Seconds),
            (json!(1_735_689_600_000_i64), F::Millis),
            (json!("1735689600000"), F::Millis),
            (json!(1_735_689_600_000_000_i64), F::Micros),
            (json!(1_735_689_600_000_000_000_i64), F::Nanos),
            (json!("2025-01-01T00:00:00Z"), F::Rfc3339),
            (json!("2025-01-01T08:00:00+08:00"), F::Rfc3339),
            (json!("2025-01-01 08:00:00"), F::Local),
            (json!("20250101080000"), F::Compact),
            (json!(20_250_101_080_000_i64), F::Compact),
            (json!("20250101T000000Z"), F::Basic),
        ] {
            assert_eq!(time(&found, format, &shanghai()), wanted, "{found} {format:?}");
            assert_eq!(time(&found, F::Auto, &shanghai()), wanted, "{found} guessed");
        }
    }

    #[test]
    fn a_clock_that_was_never_set_and_nonsense_are_no_time() {
        for found in [json!(0), json!(12), json!(-5), json!("1970-01-01 08:00:00"), json!(""), Value::Null] {
            assert_eq!(time(&found, F::Auto, &shanghai()), None, "{found}");
        }
        assert_eq!(time(&json!("20251301080000"), F::Compact, &shanghai()), None);
        assert_eq!(time(&json!(1e300), F::Seconds, &shanghai()), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}", number in any::<i64>()) {
            for format in [F::Auto, F::Seconds, F::Nanos, F::Rfc3339, F::Local, F::Compact, F::Basic] {
                let _ = time(&Value::String(text.clone()), format, &shanghai());
                let _ = time(&json!(number), format, &shanghai());
            }
        }
    }
}
