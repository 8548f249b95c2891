//! What a new record says, before it has a number: made of an alarm's transition, its rule and the settings.

use std::time::Duration;

use uuid::Uuid;

use super::origin::{AlarmOrigin, Origin};
use super::record::{Evidence, Hazard, LevelState, Status};
use crate::alarm::{AlarmState, Event, Rule, Transition};
use crate::plant::{HazardLevel, LimitKind, Micros, Name, Plant};

/// A record that is to be opened, or counted on the open one with the same merge key.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Why.
    pub origin: Origin,
    /// Equipment id; `None` where it is about the site, a person or the duty.
    pub equipment: Option<String>,
    /// 使用登记证编号 or 设备代码.
    pub registration: Option<String>,
    /// 属地, GB/T 2260 code.
    pub region: Option<String>,
    /// Who answers for it.
    pub responsible: Option<String>,
    /// It goes to the safety director (安全总监).
    pub escalated: bool,
    /// 分类: `物/本体`, `管理/检验` …
    pub category: String,
    /// 标题
    pub title: Name,
    /// 后果
    pub consequence: Option<Name>,
    /// 一般 or 重大; the latter is proposed only, a person confirms it (GB 45067-2024).
    pub level: HazardLevel,
    /// When it was found.
    pub found_at: Micros,
    /// Readings from so long before to so long after are its evidence.
    pub window: (Duration, Duration),
}

impl Draft {
    /// The record that a breach of `rule` opens, if its limit is marked as a hazard.
    #[must_use]
    pub fn of_alarm(
        t: &Transition,
        rule: &Rule,
        plant: &Plant,
        window: (Duration, Duration),
    ) -> Option<Self> {
        let level = rule.hazard?;
        let equipment = plant.equipment_at(rule.equipment);
        let point = rule.point.map(|p| plant.point(p));
        let limit = point.and_then(|p| p.limits.iter().find(|l| l.kind == rule.kind));
        let escalated = limit.is_some_and(|l| l.escalate);
        let director = plant.site.director.as_ref().filter(|_| escalated);
        let (zh, en) = words(rule.kind);
        let title = |equipment: &str, point: &str, what: &str| format!("{equipment} {point} {what}");
        Some(Self {
            origin: Origin::Alarm(AlarmOrigin {
                rule: rule.key.to_string(),
                point: point.map(|p| p.id.to_string()),
                value: t.value,
                setpoint: Some(rule.at),
                unit: point.map(|p| p.unit.clone()).unwrap_or_default(),
                breach_at: t.raised_at,
            }),
            equipment: Some(equipment.id.to_string()),
            registration: equipment.registration.clone(),
            region: plant.site.region.clone(),
            responsible: director.or(equipment.officer.as_ref()).cloned(),
            escalated,
            category: if escalated { "管理/检验" } else { "物/本体" }.to_owned(),
            title: Name {
                zh: title(&equipment.name.zh, point.map_or("", |p| p.name.zh.as_str()), zh),
                en: title(&equipment.name.en, point.map_or("", |p| p.name.en.as_str()), en),
            },
            consequence: limit.and_then(|l| l.guidance.as_ref()?.consequence.clone()),
            level,
            found_at: t.at,
            window,
        })
    }

    pub(super) fn open(self, id: Uuid, number: String) -> Hazard {
        let (before, after) = self.window;
        let (consequence_zh, consequence_en) = self.consequence.map(|c| (c.zh, c.en)).unzip();
        Hazard {
            id,
            number,
            equipment: self.equipment,
            registration: self.registration,
            region: self.region,
            responsible: self.responsible,
            escalated: self.escalated,
            origin: self.origin,
            category: self.category,
            title_zh: self.title.zh,
            title_en: self.title.en,
            consequence_zh,
            consequence_en,
            level: self.level,
            level_state: match self.level {
                HazardLevel::Major => LevelState::Proposed,
                HazardLevel::General => LevelState::Confirmed,
            },
            found_at: self.found_at,
            last_seen: self.found_at,
            occurrences: 1,
            status: Status::Open,
            acknowledged_by: None,
            acknowledged_at: None,
            closed_by: None,
            closed_at: None,
            closing_note: None,
            override_reason: None,
            version: 1,
            evidence_from: self.found_at.minus(before),
            evidence_to: self.found_at.plus(after),
            evidence: Evidence::Pending,
        }
    }
}

/// What a transition of an alarm says of a hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// People are called: without an open record one is opened, else the breach is counted.
    Annunciates,
    /// A breach that a person hid, or that nobody is called to any more: counted on an open record, and opens none.
    Breach,
    /// Nothing.
    Nothing,
}

impl Signal {
    /// A breach that a person hid is one all the same. One that the plant's state hides counts when it is shown.
    pub(super) fn by(t: &Transition) -> Self {
        if t.annunciates() {
            Self::Annunciates
        } else if t.event == Event::Raised && t.to != AlarmState::Suppressed {
            Self::Breach
        } else {
            Self::Nothing
        }
    }
}

fn words(kind: LimitKind) -> (&'static str, &'static str) {
    match kind {
        LimitKind::LL => ("低低", "low-low"),
        LimitKind::L => ("低", "low"),
        LimitKind::H => ("高", "high"),
        LimitKind::HH => ("高高", "high-high"),
        LimitKind::State => ("动作", "active"),
        LimitKind::NoData => ("数据中断", "no data"),
    }
}
