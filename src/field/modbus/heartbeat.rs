//! A counter that the device's program moves: while it stands still the other values are as old as its
//! last step, however fresh the answers are. Pure; `unit` asks at every answer.
//!
//! Only what is read counts: time in which the device was silent makes the counter no fresher, and a
//! new connection does not either, for a hung program is reconnected to as well.

use std::time::Duration;

use crate::plant::PointIx;
use crate::settings::ModbusDevice;

/// Times are of the bus's monotonic clock.
pub(super) struct Heartbeat {
    point: PointIx,
    within: Duration,
    /// Its value, and when that was new.
    last: Option<(f64, Duration)>,
}

impl Heartbeat {
    /// The device's, if it has one. It may always stand still for two of its own periods: what is
    /// not looked at cannot be seen to move.
    pub(super) fn of(device: &ModbusDevice) -> Option<Self> {
        let (point, within) = device.quirks.heartbeat?;
        let own = device.groups.iter().find(|g| g.points.iter().any(|p| p.point == point));
        let period = own.map_or(Duration::ZERO, |g| g.period);
        Some(Self { point, within: within.max(period * 2), last: None })
    }

    /// `point` reads `raw`; of no interest unless it is the counter.
    pub(super) fn read(&mut self, point: PointIx, raw: f64, now: Duration) {
        if point == self.point && self.last.is_none_or(|(last, _)| last != raw) {
            self.last = Some((raw, now));
        }
    }

    /// Whether `point` may not be believed now. The counter itself is what it is.
    pub(super) fn spoils(&self, point: PointIx, now: Duration) -> bool {
        point != self.point && self.is_standing(now)
    }

    /// The counter has stood still for too long.
    pub(super) fn is_standing(&self, now: Duration) -> bool {
        self.last.is_some_and(|(_, since)| now.saturating_sub(since) > self.within)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Heartbeat;
    use crate::plant::{DeviceIx, PointIx};
    use crate::settings::{Format, ModbusDevice, ModbusPoint, PollGroup, Quirks, Table};

    const COUNTER: PointIx = PointIx(0);
    const OTHER: PointIx = PointIx(1);

    fn heartbeat(period: u64) -> Heartbeat {
        let counter = ModbusPoint::plain(COUNTER, Table::HoldingRegister, 0, Format::U16);
        let quirks = Quirks { heartbeat: Some((COUNTER, Duration::from_secs(10))), ..Quirks::default() };
        let period = Duration::from_secs(period);
        let group = PollGroup { device: DeviceIx(0), period, points: vec![counter], factors: Vec::new() };
        let device = ModbusDevice { label: "plc/1".to_owned(), unit: 1, quirks, groups: vec![group] };
        Heartbeat::of(&device).expect("it has one")
    }

    #[test]
    fn a_counter_that_stands_still_for_ten_seconds_spoils_all_others_but_not_itself() {
        let mut heartbeat = heartbeat(1);
        let at = Duration::from_secs;
        assert!(!heartbeat.spoils(OTHER, at(0)), "never read: nothing is known");
        for now in 0..=10 {
            heartbeat.read(COUNTER, 7.0, at(now));
            assert!(!heartbeat.spoils(OTHER, at(now)), "{now}");
        }
        heartbeat.read(COUNTER, 7.0, at(11));
        assert_eq!((heartbeat.spoils(OTHER, at(11)), heartbeat.spoils(COUNTER, at(11))), (true, false));
        heartbeat.read(OTHER, 8.0, at(12));
        assert!(heartbeat.spoils(OTHER, at(12)));
        heartbeat.read(COUNTER, 8.0, at(12));
        assert!(!heartbeat.spoils(OTHER, at(12)));
    }

    #[test]
    fn a_counter_that_is_read_seldom_is_given_two_of_its_periods() {
        let mut heartbeat = heartbeat(30);
        heartbeat.read(COUNTER, 7.0, Duration::ZERO);
        assert!(!heartbeat.spoils(OTHER, Duration::from_secs(60)));
        assert!(heartbeat.spoils(OTHER, Duration::from_secs(61)));
    }
}
