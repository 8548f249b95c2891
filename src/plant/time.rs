//! Two times that are never mixed: the wall clock for records, the monotonic clock for durations.

use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// This instant moved by `by` into the future.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This instant moved by `by` into the past.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// RFC 3339, UTC, with microseconds; empty beyond the years that it can write.
    #[must_use]
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0).map_or_else(|_| String::new(), |t| format!("{t:.6}"))
    }

    /// Seconds since the epoch, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

/// One instant as the outer rooms saw it: handed in, never fetched, by the pure rooms.
///
/// `mono` counts from the start of the process and never jumps; delays are measured on it.
/// `wall` is what people read; a jump of it moves no timer (promise P9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Time since the process began.
    pub mono: Duration,
    /// Wall clock, UTC.
    pub wall: Micros,
}

/// The time zone `name` (IANA), by the database that this program carries. The system's own is not asked: it may be
/// missing, and a rehearsal on another machine must give the same hours.
#[must_use]
pub fn zone(name: &str) -> Option<jiff::tz::TimeZone> {
    jiff::tz::TimeZoneDatabase::bundled().get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::zone;

    #[test]
    fn the_time_zones_of_the_world_are_in_the_program() {
        // A minimal system has no package `tzdata`, or a part of it, and a start must not hang on it.
        for name in ["Asia/Shanghai", "Asia/Urumqi", "Europe/Berlin", "America/New_York", "UTC"] {
            assert!(zone(name).is_some(), "{name}");
        }
        let noon = jiff::Timestamp::from_second(1_796_000_400).expect("in range");
        let shanghai = zone("Asia/Shanghai").expect("bundled");
        assert_eq!(noon.to_zoned(shanghai).offset().seconds(), 8 * 3600);
        assert!(zone("Asia/Shanghia").is_none());
    }
}
