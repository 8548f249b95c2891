//! Times as payloads write them → microseconds since the epoch. Pure.

use serde_json::Value;

use crate::field::ingest::civil::{LocalTime, written};
use crate::plant::Micros;
use crate::settings::TimeFormat;

/// No device lives before 2000 or after 2100: what falls outside is a clock that was never set, or
/// another unit.
const EARLIEST: i64 = 946_684_800_000_000;
const LATEST: i64 = 4_102_444_800_000_000;

/// The time in `found`, written as `format` says; `local` is the site's zone and when it came.
#[must_use]
pub fn time(found: &Value, format: TimeFormat, local: LocalTime<'_>) -> Option<Micros> {
    let micros = match found {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => from_whole(whole, format, local),
            (None, Some(parts)) => from_parts(parts, format),
            _ => None,
        },
        Value::String(text) => from_text(text.trim(), format, local),
        _ => None,
    };
    micros.filter(|micros| is_likely(*micros)).map(Micros)
}

fn is_likely(micros: i64) -> bool {
    (EARLIEST..LATEST).contains(&micros)
}

fn from_whole(whole: i64, format: TimeFormat, local: LocalTime<'_>) -> Option<i64> {
    let digits = || local.of(written(&whole.to_string())?);
    match format {
        TimeFormat::Seconds => whole.checked_mul(1_000_000),
        TimeFormat::Millis => whole.checked_mul(1000),
        TimeFormat::Micros => Some(whole),
        TimeFormat::Nanos => Some(whole / 1000),
        TimeFormat::Compact | TimeFormat::Local => digits(),
        TimeFormat::Auto => match whole {
            // Fourteen digits that begin with a year of ours are a date; as milliseconds they would lie six
            // centuries ahead, and with milliseconds as microseconds too.
            20_000_101_000_000..=20_991_231_235_959 => digits(),
            20_000_101_000_000_000..=20_991_231_235_959_999 => digits(),
            ..=99_999_999_999 => whole.checked_mul(1_000_000),
            // Twelve digits are milliseconds only of the year 2000 and after, and then no date has such a month.
            100_101_000_000..=946_684_799_999 => digits(),
            100_000_000_000..=99_999_999_999_999 => whole.checked_mul(1000),
            100_000_000_000_000..=99_999_999_999_999_999 => Some(whole),
            _ => Some(whole / 1000),
        },
        TimeFormat::Rfc3339 | TimeFormat::Basic => None,
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

fn from_text(text: &str, format: TimeFormat, local: LocalTime<'_>) -> Option<i64> {
    let number = || match text.parse::<i64>() {
        Ok(whole) => from_whole(whole, format, local),
        Err(_) => text.parse::<f64>().ok().and_then(|number| from_parts(number, format)),
    };
    match format {
        TimeFormat::Local | TimeFormat::Compact => local.of(written(text)?),
        TimeFormat::Rfc3339 | TimeFormat::Basic => with_offset(text, local),
        TimeFormat::Auto => number()
            .filter(|micros| is_likely(*micros))
            .or_else(|| with_offset(text, local))
            .or_else(|| local.of(written(text)?)),
        _ => number(),
    }
}

/// A time that says how far it is from UTC; also a leap second, which only RFC 3339 has.
fn with_offset(text: &str, local: LocalTime<'_>) -> Option<i64> {
    match written(text) {
        Some(found) => found.offset.and_then(|_| local.of(found)),
        None => Some(text.parse::<jiff::Timestamp>().ok()?.as_microsecond()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::time;
    use crate::field::ingest::civil::LocalTime;
    use crate::plant::Micros;
    use crate::settings::TimeFormat as F;

    fn read(found: &Value, format: F) -> Option<Micros> {
        let zone = TimeZone::get("Asia/Shanghai").expect("the zone is known");
        time(found, format, LocalTime { zone: &zone, arrival: Micros(1_735_689_600_000_000) })
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
            (json!("2025-01-01 00:00:00+00:00"), F::Local),
            (json!("2025年1月1日 8时0分0秒"), F::Local),
            (json!(250_101_080_000_i64), F::Compact),
            (json!("250101080000"), F::Compact),
            (json!(20_250_101_080_000_000_i64), F::Compact),
            (json!("20250101080000000"), F::Compact),
            (json!("2025/01/01 08:00:00:000"), F::Local),
        ] {
            assert_eq!(read(&found, format), wanted, "{found} {format:?}");
            assert_eq!(read(&found, F::Auto), wanted, "{found} guessed");
        }
    }

    #[test]
    fn a_clock_that_was_never_set_and_nonsense_are_no_time() {
        for found in [json!(0), json!(12), json!(-5), json!("1970-01-01 08:00:00"), json!(""), Value::Null] {
            assert_eq!(read(&found, F::Auto), None, "{found}");
        }
        assert_eq!(read(&json!("20251301080000"), F::Compact), None);
        assert_eq!(read(&json!("2025-01-01 08:00:00"), F::Rfc3339), None, "of which zone?");
        assert_eq!(read(&json!("2016-12-31T23:59:60Z"), F::Auto), Some(Micros(1_483_228_799_000_000)));
        assert_eq!(read(&json!(1_000_000_000_000_i64), F::Auto), Some(Micros(1_000_000_000_000_000)));
        assert_eq!(read(&json!(1e300), F::Seconds), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}", number in any::<i64>()) {
            for format in [F::Auto, F::Seconds, F::Nanos, F::Rfc3339, F::Local, F::Compact, F::Basic] {
                let _ = read(&Value::String(text.clone()), format);
                let _ = read(&json!(number), format);
            }
        }
    }
}
