//! What the page sees of the keeper's state: points once a second, an alarm whenever it is committed.

use std::sync::atomic::Ordering;

use super::Keeper;
use crate::console::{AlarmView, LivePoint};
use crate::plant::{LimitKind, Micros, PointIx};
use crate::watch::{AlarmState, RuleIx};

impl Keeper {
    pub(super) fn show_points(&self) {
        let engine = &self.engine;
        self.live.set_points((0..self.plant.points.len()).map(|n| {
            let current = engine.current(PointIx(n as u32));
            LivePoint {
                value: current.value,
                quality: current.quality,
                at: current.at,
                came: self.start + current.came,
                lag: current.lag,
            }
        }));
        if let Ok(stats) = self.journal.stats() {
            self.counters.journal_bytes.store(stats.bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn show_alarm(&self, ix: RuleIx) {
        let rule = &self.engine.rules()[ix.0 as usize];
        let alarm = self.engine.alarm(ix);
        let equipment = self.plant.equipment_at(rule.equipment);
        let point = rule.point.map(|p| self.plant.point(p));
        let no_data = rule.kind == LimitKind::NoData;
        if alarm.state == AlarmState::Normal && self.live.alarms().iter().all(|a| a.rule != rule.key) {
            return;
        }
        self.live.set_alarm(AlarmView {
            rule: rule.key.clone(),
            equipment: equipment.id.to_string(),
            point: point.map(|p| p.id.to_string()),
            device: rule.device.map(|d| self.plant.device(d).label.clone()),
            kind: rule.kind.key(),
            priority: rule.priority.word(),
            state: alarm.state.word(),
            value: alarm.value,
            at: (!no_data).then_some(rule.at),
            unit: point.map(|p| p.unit.clone()).unwrap_or_default(),
            raised_at: alarm.raised_at.map(Micros::rfc3339),
            acknowledged_by: alarm.acknowledged_by.clone(),
            hazard: self.register.open_for(equipment.id.as_str(), &rule.key).map(|h| h.id.to_string()),
        });
    }
}
