//! The engine's memory of rules, points and devices, what is hot apart from what is not: what every sample touches is small
//! and lies in rows; what only an alarm needs is made when something happens.

use super::operator::{Out, Shelf};
use crate::alarm::state::Alarm;
use crate::alarm::timer::Timer;
use crate::plant::{Cause, DeviceIx, LimitKind, Micros, PointIx, Quality};

/// The hot state of one rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// Towards the on-delay while there is no alarm, towards the off-delay while there is one.
    pub(super) timer: Option<Timer>,
    pub(super) alarm: Alarm,
    pub(super) flags: u8,
}

impl State {
    pub(super) const FRESH: Self = Self { timer: None, alarm: Alarm::NORMAL, flags: 0 };
    /// Stands in `Engine::dirty`.
    pub(super) const DIRTY: u8 = 1;
    /// Stands in `Engine::timed`.
    pub(super) const TIMED: u8 = 2;
    /// Counted in `PointState::flags`.
    pub(super) const ACTIVE: u8 = 4;
    /// An excursion is under way.
    pub(super) const EXCURSION: u8 = 8;
    /// Its condition (`when`) does not hold.
    pub(super) const IDLE: u8 = 16;
    /// A cause of it is told already, in a flood.
    pub(super) const FOLLOWS: u8 = 32;

    /// Other points may hide it.
    pub(super) const CONDITIONAL: u8 = 64;
    /// Its no-data time is over, and another alarm is about to tell instead.
    pub(super) const HELD: u8 = 128;

    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn set(&mut self, flag: u8, on: bool) {
        if on { self.flags |= flag } else { self.flags &= !flag }
    }
}

/// What only an alarm needs, from the first time on that something happens.
#[derive(Debug, Clone, Default)]
pub(super) struct AlarmDetail {
    pub(super) raised_at: Option<Micros>,
    pub(super) value: Option<f64>,
    pub(super) acknowledged_by: Option<String>,
    pub(super) shelf: Option<Shelf>,
    pub(super) out: Option<Out>,
    /// When people were called last, monotonic.
    pub(super) called_us: u64,
    pub(super) excursion: Excursion,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Excursion {
    pub(super) since_us: u64,
    pub(super) peak: f64,
    pub(super) beyond: bool,
}

/// The hot state of one point.
#[derive(Debug, Clone, Copy)]
pub(super) struct PointState {
    pub(super) value: f64,
    pub(super) at: i64,
    pub(super) lag: i64,
    pub(super) came_us: u64,
    /// Physical range; a value outside is bad, not extreme.
    pub(super) range: (f64, f64),
    /// Strictly between these no limit of the point has anything to say.
    pub(super) quiet_band: (f64, f64),
    /// Its rules, `rules.0 .. rules.1` (limits, then no data).
    pub(super) rules: (u32, u32),
    pub(super) device: DeviceIx,
    /// Rules under way; and whether a rule hangs on its value.
    pub(super) flags: u32,
    /// How long before it came the value was taken, by its own time where that is believed, µs: an hour at most.
    pub(super) late: u32,
    pub(super) quality: Quality,
}

impl PointState {
    /// How long before it came the value was taken, by its own time where that is believed.
    pub(super) fn late_us(&self) -> u64 {
        u64::from(self.late)
    }

    /// Beyond the end of the range a value says only that it is beyond: nothing about limits on the other side.
    pub(super) fn tells_of(&self, kind: LimitKind) -> bool {
        match kind {
            LimitKind::H | LimitKind::HH => self.value >= self.range.0,
            LimitKind::L | LimitKind::LL => self.value <= self.range.1,
            LimitKind::State | LimitKind::NoData => true,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct DeviceState {
    pub(super) heard_us: u64,
    pub(super) stale_after_us: u64,
    pub(super) stale: bool,
    /// Why it is lost as a whole, if it is.
    pub(super) lost: Option<Cause>,
    pub(super) pace: Pace,
}

/// How often a device is heard: a smoothed time between two samples that hold the same point, for one poll may be several
/// samples.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    point: Option<PointIx>,
    at_us: u64,
    every_us: u64,
}

/// A share of what is newest in the smoothed pace: an eighth.
const NEWEST_SHARE: u64 = 8;
/// What comes closer together came in one message, or out of one buffer.
const TOGETHER_US: u64 = 10_000;
/// After so many paces without the point it goes by, it goes by another one.
const LOST_AFTER: u64 = 4;

impl Pace {
    /// A sample that begins with `point` came.
    pub(super) fn heard(&mut self, point: PointIx, now_us: u64) {
        let gap = now_us.saturating_sub(self.at_us);
        if self.point == Some(point) && gap < TOGETHER_US {
            return;
        }
        if self.point != Some(point) {
            if self.point.is_none() || gap > self.every_us.saturating_mul(LOST_AFTER).max(60_000_000) {
                *self = Self { point: Some(point), at_us: now_us, every_us: 0 };
            }
            return;
        }
        self.at_us = now_us;
        self.every_us = match self.every_us {
            0 => gap,
            every => every - every / NEWEST_SHARE + gap / NEWEST_SHARE,
        };
    }

    /// Known from the second sample on.
    pub(super) fn every_us(self) -> Option<u64> {
        (self.every_us > 0).then_some(self.every_us)
    }
}

/// `PointState::flags` of a point on whose value other rules hang.
pub(super) const DECIDES: u32 = 1 << 31;
/// `PointState::flags` of a point that others are calculated from.
pub(super) const FEEDS: u32 = 1 << 30;
/// `PointState::flags` of a point whose readings are tested against each other.
pub(super) const TESTED: u32 = 1 << 29;
/// `PointState::flags` of a point that a vote counts beyond the low end, the high end of its range.
pub(super) const VOTED: [u32; 2] = [1 << 28, 1 << 27];
