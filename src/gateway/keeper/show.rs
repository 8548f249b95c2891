//! What the page sees of the keeper's state: points once a second, an alarm whenever it is committed.

use std::sync::atomic::Ordering;

use super::Keeper;
use crate::console::{AlarmView, HiddenView, LivePoint};
use crate::plant::{LimitKind, Micros, PointIx};
use crate::watch::{AlarmInfo, AlarmState, RuleIx};

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
        // What means nothing in this state of the plant, and is not even in breach, is nothing to show.
        let quiet = alarm.state == AlarmState::Suppressed && !alarm.active;
        let state = if quiet { AlarmState::Normal } else { alarm.state };
        if state == AlarmState::Normal && self.live.alarms().iter().all(|a| a.rule != *rule.key) {
            return;
        }
        self.live.set_alarm(AlarmView {
            rule: rule.key.to_string(),
            equipment: equipment.id.to_string(),
            point: point.map(|p| p.id.to_string()),
            device: rule.device.map(|d| self.plant.device(d).label.clone()),
            kind: rule.kind.key(),
            priority: rule.priority.word(),
            state: state.word(),
            value: alarm.value,
            at: (!no_data).then_some(rule.at),
            unit: point.map(|p| p.unit.clone()).unwrap_or_default(),
            raised_at: alarm.raised_at.map(Micros::rfc3339),
            acknowledged_by: alarm.acknowledged_by.clone(),
            active: alarm.active,
            first_out: self.engine.first_out(rule.equipment).is_some_and(|f| f.rule == ix),
            hidden: hidden(&alarm),
            hazard: self.register.open_for(equipment.id.as_str(), &rule.key).map(|h| h.id.to_string()),
        });
    }
}

fn hidden(alarm: &AlarmInfo) -> Option<HiddenView> {
    let out = alarm.out.as_ref().map(|o| HiddenView {
        by: o.by.clone(),
        reason: o.why.clone(),
        until: None,
        since: Some(o.since.rfc3339()),
    });
    out.or_else(|| {
        alarm.shelf.as_ref().map(|s| HiddenView {
            by: s.by.clone(),
            reason: s.why.clone(),
            until: Some(s.until.rfc3339()),
            since: None,
        })
    })
}
