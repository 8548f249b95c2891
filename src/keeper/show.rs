//! What the page sees of the keeper's state: points once a second, an alarm whenever it is committed.

use std::time::Duration;

use super::Keeper;
use crate::alarm::{AlarmInfo, AlarmState, Rule, RuleIx};
use crate::live::{AlarmView, GuidanceView, Heard, HiddenView, LivePoint, Texts};
use crate::plant::guidance::filled;
use crate::plant::{DeviceIx, LimitKind, Micros, Name, PointIx};

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
        // What calculates is never silent.
        let read = (0u32..).zip(&self.plant.devices).filter(|(_, d)| d.stale_after != Duration::MAX);
        let heard = read.map(|(n, device)| Heard {
            device: device.label.clone(),
            source: device.source.to_string(),
            every: engine.pace(DeviceIx(n)),
            silent_after: device.stale_after,
        });
        self.live.set_heard(heard.collect());
    }

    /// Alarms that said that a condition is unknown, where it is known again.
    pub(super) fn show_what_is_known_again(&self) {
        for alarm in self.live.alarms().iter().filter(|a| a.condition_unknown.is_some()) {
            let rule = self.rules.get(&alarm.rule).copied();
            if let Some(ix) = rule.filter(|ix| self.engine.undecided_by(*ix).is_none()) {
                self.show_alarm(ix);
            }
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
            condition_unknown: alarm.undecided_by.map(|p| self.plant.point(p).id.to_string()),
            guidance: self.guidance(rule, alarm.value),
            hidden: hidden(&alarm),
            hazard: self.register.open_for(equipment.id.as_str(), &rule.key).map(|h| h.id.to_string()),
        });
    }
}

impl Keeper {
    /// What the settings tell an operator with the alarm of `rule`, raised at `value`.
    fn guidance(&self, rule: &Rule, value: Option<f64>) -> Option<GuidanceView> {
        let point = self.plant.point(rule.point?);
        let told = point.limits.iter().find(|l| l.kind == rule.kind)?.guidance.as_ref()?;
        let equipment = &self.plant.equipment_at(rule.equipment).name;
        let number = |value: f64| format!("{value:.*}", usize::from(point.decimals));
        let message = |text: &str, zh: bool| {
            let of = |name: &Name| if zh { name.zh.clone() } else { name.en.clone() };
            filled(text, |name| match name {
                "value" => value.map_or_else(|| "—".to_owned(), number),
                "unit" => point.unit.clone(),
                "limit" => number(rule.at),
                "name" => of(&point.name),
                "equipment" => of(equipment),
                "priority" if zh => rule.priority.zh().to_owned(),
                "priority" => rule.priority.word().to_owned(),
                _ => String::new(),
            })
        };
        let texts = |name: &Option<Name>| name.as_ref().map(|n| Texts { zh: n.zh.clone(), en: n.en.clone() });
        Some(GuidanceView {
            message: told
                .message
                .as_ref()
                .map(|m| Texts { zh: message(&m.zh, true), en: message(&m.en, false) }),
            consequence: texts(&told.consequence),
            response: texts(&told.response),
            response_time_s: told.response_time.map(|t| t.as_secs()),
        })
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
