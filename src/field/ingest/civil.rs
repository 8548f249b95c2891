//! Times of day as people and devices write them → instants, for payload texts and clock registers alike. Pure.
//!
//! An hour that comes twice (a zone that turns its clocks back) has two instants for one writing; the one nearer to
//! the arrival is meant.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::plant::Micros;

/// Where a local time was written, and when it came.
#[derive(Debug, Clone, Copy)]
pub struct LocalTime<'z> {
    /// The site's time zone.
    pub zone: &'z TimeZone,
    /// When it arrived.
    pub arrival: Micros,
}

impl LocalTime<'static> {
    /// For values that hold no local time.
    pub const UTC: Self = LocalTime { zone: &TimeZone::UTC, arrival: Micros(0) };
}

impl LocalTime<'_> {
    /// Microseconds since the epoch of a local time.
    #[must_use]
    pub fn instant(self, civil: DateTime) -> Option<i64> {
        let both = self.zone.to_ambiguous_timestamp(civil);
        if !both.is_ambiguous() {
            return Some(both.compatible().ok()?.as_microsecond());
        }
        let (earlier, later) = (both.earlier().ok()?, both.later().ok()?);
        let (earlier, later) = (earlier.as_microsecond(), later.as_microsecond());
        let off = |at: i64| self.arrival.0.abs_diff(at);
        Some(if off(later) < off(earlier) { later } else { earlier })
    }

    /// Microseconds since the epoch of what is written; an offset that is written with it wins over the zone.
    #[must_use]
    pub fn of(self, written: Written) -> Option<i64> {
        let Some(offset) = written.offset else { return self.instant(written.civil) };
        let utc = TimeZone::UTC.to_timestamp(written.civil).ok()?.as_microsecond();
        utc.checked_sub(i64::from(offset) * 1_000_000)
    }
}

/// A time as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Date and time of day.
    pub civil: DateTime,
    /// Seconds east of UTC, if it says so.
    pub offset: Option<i32>,
}

/// Reads the usual ways to write a time, year first: `2026-11-30T08:00:00.5+08:00`, `2026/11/30 8:00:00`,
/// `2026-11-30 08:00:00:123`, `2026年11月30日 8时0分0秒`, `20261130080000`, with milliseconds
/// `20261130080000123`, `20261130T080000Z`, and the twelve digits `261130080000`.
#[must_use]
pub fn written(text: &str) -> Option<Written> {
    let text = text.trim();
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits && text.len() == 12 {
        return joined(&format!("20{text}"));
    }
    parted(text).or_else(|| joined(text))
}

struct Reader<'t>(&'t str);

impl Reader<'_> {
    fn number(&mut self, least: usize, most: usize) -> Option<i32> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(length);
        let number = digits.parse().ok().filter(|_| length >= least)?;
        self.0 = rest;
        Some(number)
    }

    fn small(&mut self, least: usize) -> Option<i8> {
        self.number(least, 2).and_then(|n| i8::try_from(n).ok())
    }

    /// One of `marks`, which is passed.
    fn mark(&mut self, marks: &[&'static str]) -> Option<&'static str> {
        let found = marks.iter().find(|m| self.0.starts_with(**m))?;
        self.0 = &self.0[found.len()..];
        Some(found)
    }

    fn blanks(&mut self) -> bool {
        let before = self.0.len();
        self.0 = self.0.trim_start();
        self.0.len() < before
    }

    /// Digits behind a point as nanoseconds; behind a colon they are three, milliseconds.
    fn fraction(&mut self) -> Option<i32> {
        let colon = match self.mark(&[".", ",", ":"]) {
            None => return Some(0),
            Some(mark) => mark == ":",
        };
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 || colon && length != 3 {
            return None;
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        // What is finer than a nanosecond is cut off.
        format!("{digits:0<9.9}").parse().ok()
    }

    /// `Z`, `+08:00`, `+0800`, `+8`, `UTC`, `GMT+8`: `Some(None)` if there is nothing.
    #[allow(clippy::option_option, reason = "nothing written, and nothing that can be read, are two things")]
    fn offset(&mut self) -> Option<Option<i32>> {
        self.blanks();
        if self.0.is_empty() {
            return Some(None);
        }
        let named = self.mark(&["Z", "z", "UTC", "GMT"]).is_some();
        if self.0.is_empty() {
            return named.then_some(Some(0));
        }
        let sign = if self.mark(&["+", "-"])? == "+" { 1 } else { -1 };
        let hours = self.number(1, 2)?;
        let colon = self.mark(&[":"]).is_some();
        let minutes = match self.0.is_empty() && !colon {
            true => 0,
            false => self.number(2, 2)?,
        };
        let good = self.0.is_empty() && hours <= 14 && minutes < 60;
        good.then_some(Some(sign * (hours * 3600 + minutes * 60)))
    }
}

/// With separators.
fn parted(text: &str) -> Option<Written> {
    let mut r = Reader(text);
    let year = i16::try_from(r.number(4, 4)?).ok()?;
    let mark = r.mark(&["-", "/", ".", "年"])?;
    let month = r.small(1)?;
    r.mark(&[if mark == "年" { "月" } else { mark }])?;
    let day = r.small(1)?;
    let mut apart = mark == "年" && r.mark(&["日", "号"]).is_some();
    apart |= r.blanks();
    if r.mark(&["星期"]).is_some() {
        r.mark(&["一", "二", "三", "四", "五", "六", "日", "天"])?;
        apart |= r.blanks();
    }
    apart |= r.mark(&["T", "t"]).is_some();
    if !apart {
        return None;
    }
    let hour = r.small(1)?;
    let mark = r.mark(&[":", "：", "时", "点"])?;
    let chinese = matches!(mark, "时" | "点");
    let minute = r.small(1)?;
    let (mut second, mut nanos) = (0, 0);
    if r.mark(&[if chinese { "分" } else { mark }]).is_some() {
        match r.small(1) {
            Some(found) => (second, nanos) = (found, r.fraction()?),
            // `8时0分`
            None if chinese => {}
            None => return None,
        }
        if chinese && r.mark(&["秒"]).is_some() && !r.0.is_empty() {
            nanos = r.number(1, 3)? * 1_000_000;
            r.mark(&["毫秒"])?;
        }
    }
    let civil = DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
    Some(Written { civil, offset: r.offset()? })
}

/// Without separators, but perhaps between date and time.
fn joined(text: &str) -> Option<Written> {
    let mut r = Reader(text);
    let year = i16::try_from(r.number(4, 4)?).ok()?;
    let (month, day) = (r.small(2)?, r.small(2)?);
    if !r.blanks() {
        let _ = r.mark(&["T", "t", "-", "_"]);
    }
    let (hour, minute, second) = (r.small(2)?, r.small(2)?, r.small(2)?);
    let nanos = match r.number(3, 3) {
        Some(millis) => millis * 1_000_000,
        None => r.fraction()?,
    };
    let civil = DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
    Some(Written { civil, offset: r.offset()? })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::{LocalTime, written};
    use crate::plant::Micros;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone")
    }

    fn in_shanghai(text: &str) -> Option<i64> {
        let zone = zone("Asia/Shanghai");
        LocalTime { zone: &zone, arrival: Micros(1_796_000_000_000_000) }.of(written(text)?)
    }

    #[test]
    fn the_usual_ways_to_write_a_time_are_the_same_instant() {
        // 2026-11-30 08:00:00 in Shanghai is midnight UTC.
        let midnight = 1_795_996_800_000_000;
        for text in [
            "2026-11-30 08:00:00",
            "2026-11-30T08:00:00",
            "2026/11/30 08:00:00",
            "2026/11/30 8:0:0",
            "2026.11.30 08:00:00",
            "2026/11/30 08:00",
            "2026年11月30日 8时0分0秒",
            "2026年11月30日08:00:00",
            "2026年11月30日 星期一 08时00分00秒",
            "2026年11月30日 8点0分",
            "20261130080000",
            "20261130 080000",
            "20261130T000000Z",
            "261130080000",
            " 2026-11-30T00:00:00Z ",
            "2026-11-30 00:00:00 UTC",
            "2026-11-30 09:00:00+0900",
            "2026-11-30 09:00:00 +09:00",
            "2026/11/29 19:00:00-05",
            "2026-11-30 08:00:00 GMT+8",
        ] {
            assert_eq!(in_shanghai(text), Some(midnight), "{text}");
        }
        for text in [
            "2026-11-30 08:00:00:123",
            "2026-11-30 08:00:00.123",
            "2026/11/30 08:00:00,123",
            "20261130080000123",
            "20261130T000000.123Z",
            "2026年11月30日 8时0分0秒123毫秒",
        ] {
            assert_eq!(in_shanghai(text), Some(midnight + 123_000), "{text}");
        }
    }

    #[test]
    fn what_could_be_another_time_is_not_read() {
        for text in [
            "30/11/2026 08:00:00",
            "11-30 08:00:00",
            "26-11-30 08:00:00",
            "2026-11-30",
            "08:00:00",
            "2026-11-30 08",
            "2026/11/30 03:00:00 PM",
            "2026-11-30 08:00:00 CST",
            "2026-11/30 08:00:00",
            "2026-13-30 08:00:00",
            "2026-11-31 08:00:00",
            "2026-11-30 25:00:00",
            "2026-11-30 08:00:00:5",
            "2026-11-30 08:00:00 +99:00",
            "2611300800",
            "gestern",
            "",
        ] {
            assert_eq!(in_shanghai(text), None, "{text}");
        }
    }

    #[test]
    fn of_two_instants_of_an_hour_that_comes_twice_the_one_nearer_to_the_arrival_is_meant() {
        // Berlin turns its clocks back on 2026-10-25 at 03:00, 01:00 UTC.
        let berlin = zone("Europe/Berlin");
        let half_past_two = written("2026-10-25 02:30:00").expect("a time").civil;
        let (summer, winter) = (1_792_888_200_000_000, 1_792_891_800_000_000);
        for (arrival, wanted) in [
            (summer + 2_000_000, summer),
            (winter - 1_900_000_000, summer),
            (winter - 1_700_000_000, winter),
            (winter + 2_000_000, winter),
        ] {
            let local = LocalTime { zone: &berlin, arrival: Micros(arrival) };
            assert_eq!(local.instant(half_past_two), Some(wanted), "{arrival}");
        }
        // An hour that never comes is read as if the clock had not been turned.
        let never = written("2026-03-29 02:30:00").expect("a time").civil;
        let local = LocalTime { zone: &berlin, arrival: Micros(winter) };
        assert_eq!(local.instant(never), Some(1_774_747_800_000_000));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9年月日时分秒:/. TZ+\\-]{0,26}|\\PC{0,24}") {
            let _ = in_shanghai(&text);
        }

        #[test]
        fn an_instant_written_with_any_offset_reads_back(seconds in 946_684_800i64..4_102_444_800, hours in -12i32..=14) {
            let utc = jiff::Timestamp::from_second(seconds).unwrap();
            let offset = jiff::tz::Offset::from_seconds(hours * 3600).unwrap();
            let civil = offset.to_datetime(utc);
            let text = format!("{} {}{:02}:00", civil.strftime("%Y/%-m/%-d %H:%M:%S"), if hours < 0 { '-' } else { '+' }, hours.abs());
            prop_assert_eq!(in_shanghai(&text), Some(seconds * 1_000_000), "{}", text);
        }
    }
}
