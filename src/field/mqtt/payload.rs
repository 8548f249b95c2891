//! Payloads → readings. Pure.

use serde_json::Value;

use crate::plant::{Cause, Micros, Quality, Reading};
use crate::settings::{MqttMapping, MqttPoint, TimeFormat};

/// Larger payloads are refused unread.
pub const LARGEST: usize = 256 * 1024;
/// A device clock further off than this is not believed ahead, and makes history behind.
const TOLERANCE_MICROS: i64 = 10 * 60 * 1_000_000;

/// Why a payload gives no readings; the session adds the topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Too long.
    #[error("{0} bytes, at most {LARGEST} are taken")]
    TooLarge(usize),
    /// No JSON, or cut off.
    #[error("not JSON: {0}")]
    NotJson(String),
}

/// When a payload's readings were taken, and whether they may be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Device time where it is given and believable, else `arrival`.
    pub at: Micros,
    /// False for buffered readings that come too late to alarm anybody.
    pub live: bool,
    /// The device gave a believable time.
    pub by_device: bool,
}

/// Reads `payload` by `mapping` into `out`: every mapped point gets a value or a reason why not.
///
/// # Errors
/// [`PayloadError`]; `out` is untouched then.
pub fn map(
    mapping: &MqttMapping,
    payload: &[u8],
    arrival: Micros,
    timezone: &str,
    out: &mut Vec<Reading>,
) -> Result<Taken, PayloadError> {
    if payload.len() > LARGEST {
        return Err(PayloadError::TooLarge(payload.len()));
    }
    let scalar_only = mapping.points.iter().all(|p| p.pointer.is_empty());
    let root: Value = match serde_json::from_slice(payload) {
        Ok(root) => root,
        // A bare word such as ON or 1.25MPa is no JSON but may be a scalar.
        Err(_) if scalar_only => Value::String(String::from_utf8_lossy(payload).trim().to_owned()),
        Err(e) => return Err(PayloadError::NotJson(e.to_string())),
    };
    let given =
        mapping.time.as_ref().and_then(|(pointer, format)| time(root.pointer(pointer)?, *format, timezone));
    let mut doubt = None;
    let taken = match given {
        Some(at) if at.0 > arrival.0 + TOLERANCE_MICROS => {
            doubt = Some(Cause::DeviceClock);
            Taken { at: arrival, live: true, by_device: false }
        }
        Some(at) => Taken { at, live: arrival.0 - at.0 <= TOLERANCE_MICROS, by_device: true },
        None => {
            if mapping.time.is_some() {
                doubt = Some(Cause::DeviceClock);
            }
            Taken { at: arrival, live: true, by_device: false }
        }
    };
    for point in &mapping.points {
        let (value, mut quality) = value(point, &root);
        if let (Quality::Good, Some(cause)) = (quality, doubt) {
            quality = Quality::Uncertain(cause);
        }
        out.push(Reading { point: point.point, value, quality });
    }
    Ok(taken)
}

fn value(point: &MqttPoint, root: &Value) -> (f64, Quality) {
    let bad = |cause| (f64::NAN, Quality::Bad(cause));
    let Some(found) = root.pointer(&point.pointer) else { return bad(Cause::Missing) };
    if let Some(pointer) = &point.quality {
        let good = match root.pointer(pointer) {
            Some(Value::Number(n)) => n.as_u64().is_some_and(|n| n & 0xC0 == 0xC0),
            Some(Value::Bool(good)) => *good,
            Some(Value::String(word)) => word.eq_ignore_ascii_case("good"),
            _ => false,
        };
        if !good {
            return bad(Cause::DeviceSaysBad);
        }
    }
    let raw = match found {
        Value::Number(n) => n.as_f64(),
        Value::Bool(set) => return flag(point, *set),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "on" => return flag(point, true),
            "false" | "off" => return flag(point, false),
            "" | "null" | "nan" | "inf" | "-inf" | "--" | "-" => return bad(Cause::NotANumber),
            word => number(word),
        },
        Value::Null => return bad(Cause::NotANumber),
        _ => None,
    };
    match raw {
        Some(raw) if raw.is_finite() => (raw * point.scale + point.offset, Quality::Good),
        Some(_) => bad(Cause::NotANumber),
        None => bad(Cause::Unreadable),
    }
}

fn flag(point: &MqttPoint, set: bool) -> (f64, Quality) {
    (f64::from(u8::from(set != point.invert)), Quality::Good)
}

/// A number, with or without a unit behind it (`1.25`, `1.25MPa`).
pub(super) fn number(word: &str) -> Option<f64> {
    if let Ok(number) = word.parse() {
        return Some(number);
    }
    let end = word.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))?;
    word[..end].parse().ok()
}

fn time(found: &Value, format: TimeFormat, timezone: &str) -> Option<Micros> {
    let scaled = |factor: f64| {
        let number = match found {
            Value::Number(n) => n.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        let micros = number * factor;
        (micros.is_finite() && micros > 0.0 && micros < 4e15).then_some(Micros(micros.round() as i64))
    };
    match format {
        TimeFormat::Seconds => scaled(1e6),
        TimeFormat::Millis => scaled(1e3),
        TimeFormat::Micros => scaled(1.0),
        TimeFormat::Rfc3339 => {
            let stamp: jiff::Timestamp = found.as_str()?.trim().parse().ok()?;
            Some(Micros(stamp.as_microsecond()))
        }
        TimeFormat::Local => {
            let text = found.as_str()?.trim().replacen(' ', "T", 1);
            let local: jiff::civil::DateTime = text.parse().ok()?;
            let zoned = local.to_zoned(jiff::tz::TimeZone::get(timezone).ok()?).ok()?;
            Some(Micros(zoned.timestamp().as_microsecond()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Taken, map};
    use crate::plant::{Cause, DeviceIx, Micros, PointIx, Quality, Reading};
    use crate::settings::{MqttMapping, MqttPoint, TimeFormat};

    const NOW: Micros = Micros(1_790_000_000_000_000);

    fn mapping(points: &[(&str, Option<&str>)], time: Option<TimeFormat>) -> MqttMapping {
        MqttMapping {
            device: DeviceIx(0),
            topic: "plant/r1".to_owned(),
            time: time.map(|f| ("/ts".to_owned(), f)),
            points: points
                .iter()
                .zip(0u32..)
                .map(|((pointer, quality), n)| MqttPoint {
                    point: PointIx(n),
                    pointer: (*pointer).to_owned(),
                    quality: quality.map(str::to_owned),
                    scale: 1.0,
                    offset: 0.0,
                    invert: false,
                })
                .collect(),
        }
    }

    fn read(mapping: &MqttMapping, payload: &str) -> (Taken, Vec<Reading>) {
        let mut out = Vec::new();
        let taken = map(mapping, payload.as_bytes(), NOW, "Asia/Shanghai", &mut out).unwrap();
        (taken, out)
    }

    #[test]
    fn nested_values_with_quality_and_device_time_are_read() {
        let mapping = mapping(
            &[("/data/p/v", Some("/data/p/q")), ("/data/l/v", Some("/data/l/q")), ("/data/x/v", None)],
            Some(TimeFormat::Millis),
        );
        let payload = r#"{"ts":1789999999123,"data":{"p":{"v":1.02,"q":192},"l":{"v":-8,"q":0}}}"#;
        let (taken, readings) = read(&mapping, payload);
        assert_eq!(taken, Taken { at: Micros(1_789_999_999_123_000), live: true, by_device: true });
        assert_eq!((readings[0].value, readings[0].quality), (1.02, Quality::Good));
        assert_eq!(readings[1].quality, Quality::Bad(Cause::DeviceSaysBad));
        assert_eq!(readings[2].quality, Quality::Bad(Cause::Missing));
    }

    #[test]
    fn a_scalar_may_be_a_number_a_word_or_a_number_with_its_unit() {
        let mapping = mapping(&[("", None)], None);
        for (payload, value) in [("1.02", 1.02), ("\"1.25MPa\"", 1.25), ("ON", 1.0), ("false", 0.0)] {
            assert_eq!(read(&mapping, payload).1[0].value, value, "{payload}");
        }
        for payload in ["--", "null", "NaN", "{}"] {
            assert!(!read(&mapping, payload).1[0].quality.is_usable(), "{payload}");
        }
    }

    #[test]
    fn buffered_readings_keep_their_time_and_raise_nothing() {
        let mapping = mapping(&[("/p", None)], Some(TimeFormat::Seconds));
        let (taken, _) = read(&mapping, r#"{"ts":1789990000,"p":1}"#);
        assert!(!taken.live && taken.at == Micros(1_789_990_000_000_000));
    }

    #[test]
    fn a_device_clock_in_the_future_is_not_believed() {
        let mapping = mapping(&[("/p", None)], Some(TimeFormat::Seconds));
        let (taken, readings) = read(&mapping, r#"{"ts":1799990000,"p":1}"#);
        assert_eq!(taken.at, NOW);
        assert_eq!(readings[0].quality, Quality::Uncertain(Cause::DeviceClock));
    }

    #[test]
    fn local_time_is_that_of_the_site() {
        let mapping = mapping(&[("/p", None)], Some(TimeFormat::Local));
        let (taken, _) = read(&mapping, r#"{"ts":"2026-09-21 22:13:20","p":1}"#);
        assert_eq!(taken.at, Micros(1_790_000_000_000_000));
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            let mapping = mapping(&[("/a/0", Some("/q")), ("/b", None)], Some(TimeFormat::Local));
            let _ = map(&mapping, &payload, NOW, "Asia/Shanghai", &mut Vec::new());
        }
    }
}
