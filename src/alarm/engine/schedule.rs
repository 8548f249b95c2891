//! Setpoints that follow the local time of the site, looked at once a minute.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::{Engine, Transition, judge};
use crate::alarm::rule::RuleIx;
use crate::alarm::timer::us;
use crate::plant::{Micros, Now, Plant, PointIx, schedule::Slot, schedule::setpoint};

const MINUTE_US: u64 = 60_000_000;

/// The rules with a schedule.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedules {
    /// Rule, its usual setpoint, its hours.
    all: Vec<(RuleIx, f64, Vec<Slot>)>,
    timezone: Option<TimeZone>,
    /// `None` without any.
    pub(super) due_us: Option<u64>,
}

impl Schedules {
    pub(super) fn new(plant: &Plant, by_key: &HashMap<&str, RuleIx>) -> Self {
        let mut all = Vec::new();
        for (_, point) in plant.points_ix() {
            let owner = &plant.equipment_at(point.equipment).id;
            for limit in point.limits.iter().filter(|l| !l.schedule.is_empty()) {
                let key = format!("{owner}/{}.{}", point.id, limit.kind.key());
                all.extend(by_key.get(key.as_str()).map(|rule| (*rule, limit.at, limit.schedule.clone())));
            }
        }
        let due_us = (!all.is_empty()).then_some(0);
        // It was checked with the settings; UTC tells no wrong time, only another one.
        Self { all, timezone: crate::plant::zone(&plant.site.timezone), due_us }
    }
}

/// Weekday from Monday, minute of the day.
fn local(at: Micros, timezone: Option<&TimeZone>) -> (u8, u16) {
    let Ok(at) = jiff::Timestamp::from_microsecond(at.0) else { return (0, 0) };
    let local = at.to_zoned(timezone.cloned().unwrap_or(TimeZone::UTC));
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    (local.weekday().to_monday_zero_offset() as u8, minute as u16)
}

impl Engine {
    /// Once a minute: puts its setpoints in force, and judges what changed by them.
    pub(super) fn reschedule(&mut self, now: Now, out: &mut Vec<Transition>) {
        let now_us = us(now.mono);
        if self.schedules.due_us.is_none_or(|due| now_us < due) {
            return;
        }
        let into_minute = now.wall.0.rem_euclid(MINUTE_US as i64) as u64;
        self.schedules.due_us = Some(now_us.saturating_add(MINUTE_US - into_minute));
        for point in self.put_setpoints(now) {
            let own_us = now_us.saturating_sub(self.points[point.0 as usize].late_us());
            self.judge(point, own_us, now, out);
        }
    }

    /// Puts the setpoints of this minute in force; gives the points whose limits are others now.
    pub(super) fn put_setpoints(&mut self, now: Now) -> Vec<PointIx> {
        let (day, minute) = local(now.wall, self.schedules.timezone.as_ref());
        let mut changed = Vec::new();
        for (rule, usual, slots) in &self.schedules.all {
            let at = setpoint(slots, *usual, day, minute);
            let definition = &mut self.rules[rule.0 as usize];
            if definition.at != at {
                definition.at = at;
                changed.extend(definition.point);
            }
        }
        for point in &changed {
            self.recalm(*point);
        }
        changed
    }

    /// The band in which none of the point's limits has anything to say.
    fn recalm(&mut self, point: PointIx) {
        let point_state = &mut self.points[point.0 as usize];
        let rules = &self.rules[point_state.rules.0 as usize..point_state.rules.1 as usize];
        point_state.quiet_band = rules.iter().fold((f64::NEG_INFINITY, f64::INFINITY), judge::narrowed);
    }
}
