//! The open records, and what may happen to them.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::record::{ChangeKind, Evidence, Hazard, HazardChange, LevelState, Status};
use crate::plant::{HazardLevel, LimitKind, Micros, Plant};
use crate::watch::{Breach, Rule, Transition};

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HazardError {
    /// Not among the open ones.
    #[error("there is no such open hazard")]
    Unknown,
    /// Already acknowledged.
    #[error("the hazard is already acknowledged")]
    AlreadyAcknowledged,
    /// Must be acknowledged first.
    #[error("acknowledge the hazard before closing it")]
    NotAcknowledged,
    /// Its limit is in breach.
    #[error("the limit is still in breach: the hazard is not gone, so it cannot be closed")]
    StillInBreach,
    /// Nobody can tell.
    #[error("the value is unknown, and unknown is not normal: restore the measurement before closing")]
    ValueUnknown,
    /// Evidence is sealed once.
    #[error("the evidence is already sealed")]
    AlreadySealed,
}

impl HazardError {
    /// 中文
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Unknown => "没有这条未销号隐患。",
            Self::AlreadyAcknowledged => "该隐患已确认。",
            Self::NotAcknowledged => "请先确认隐患，再销号。",
            Self::StillInBreach => "限值仍在超限，隐患未消除，不能销号。",
            Self::ValueUnknown => "测量值未知，未知不等于正常；请先恢复测量再销号。",
            Self::AlreadySealed => "证据已封存。",
        }
    }
}

/// All records that are not closed, and the numbers given out today. Closed ones whose evidence is
/// still pending stay until it is sealed.
#[derive(Debug, Clone, Default)]
pub struct Register {
    records: Vec<Hazard>,
    /// Highest number given out, by local date `20261124`. A clock set back comes to a day again.
    counters: BTreeMap<String, u32>,
}

impl Register {
    /// Takes up where the ledger stands.
    #[must_use]
    pub fn restore(records: Vec<Hazard>) -> Self {
        Self { records, counters: BTreeMap::new() }
    }

    /// Records whose evidence is still to be sealed.
    pub fn pending_evidence(&self) -> impl Iterator<Item = &Hazard> {
        self.records.iter().filter(|h| h.evidence == Evidence::Pending)
    }

    /// The record with this id, unless it is closed.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<&Hazard> {
        self.records.iter().find(|h| h.id == id)
    }

    /// The open record for an equipment's rule.
    #[must_use]
    pub fn open_for(&self, equipment: &str, rule: &str) -> Option<&Hazard> {
        self.records.iter().find(|h| h.status != Status::Closed && h.equipment == equipment && h.rule == rule)
    }

    /// Follows an alarm: a raise of a rule marked so opens a record or counts on the open one.
    /// `given_out` tells the highest number of that day in the ledger; asked once a day and process.
    ///
    /// The promotion rules of the domain reference 5.3 (repeats, response time exceeded, trip that
    /// did not act …) will stand here: they turn alarms of unmarked rules into hazards.
    pub fn on_transition(
        &mut self,
        t: &Transition,
        rule: &Rule,
        plant: &Plant,
        new_id: impl FnOnce() -> Uuid,
        (local_date, given_out): (&str, impl FnOnce() -> u32),
        (before, after): (Duration, Duration),
    ) -> Option<HazardChange> {
        let level = rule.hazard.filter(|_| t.calls())?;
        let equipment = plant.equipment_at(rule.equipment);
        let open = self.records.iter().position(|h| {
            h.status != Status::Closed && h.equipment == equipment.id.as_str() && h.rule == *rule.key
        });
        if let Some(at) = open {
            let hazard = &mut self.records[at];
            hazard.occurrences += 1;
            hazard.last_seen = t.at;
            return Some(changed(hazard, ChangeKind::Occurred, t.at));
        }
        let counter = self.counters.entry(local_date.to_owned()).or_insert_with(given_out);
        *counter += 1;
        let number = *counter;
        let point = rule.point.map(|p| plant.point(p));
        let limit = point.and_then(|p| p.limits.iter().find(|l| l.kind == rule.kind));
        let escalated = limit.is_some_and(|l| l.escalate);
        let consequence = limit.and_then(|l| l.guidance.as_ref()?.consequence.as_ref());
        let director = plant.site.director.as_ref().filter(|_| escalated);
        let (zh, en) = words(rule.kind);
        let title = |equipment: &str, point: &str, what: &str| format!("{equipment} {point} {what}");
        let hazard = Hazard {
            id: new_id(),
            number: format!("YH-{local_date}-{number:02}"),
            equipment: equipment.id.to_string(),
            registration: equipment.registration.clone(),
            region: plant.site.region.clone(),
            responsible: director.or(equipment.officer.as_ref()).cloned(),
            escalated,
            rule: rule.key.to_string(),
            point: point.map(|p| p.id.to_string()),
            category: match () {
                () if rule.kind == LimitKind::NoData => "物/仪表通讯",
                () if escalated => "管理/检验",
                () => "物/本体",
            }
            .to_owned(),
            title_zh: title(&equipment.name.zh, point.map_or("", |p| p.name.zh.as_str()), zh),
            title_en: title(&equipment.name.en, point.map_or("", |p| p.name.en.as_str()), en),
            consequence_zh: consequence.map(|c| c.zh.clone()),
            consequence_en: consequence.map(|c| c.en.clone()),
            level,
            level_state: if level == HazardLevel::Major {
                LevelState::Proposed
            } else {
                LevelState::Confirmed
            },
            source: "auto_alarm".to_owned(),
            found_at: t.at,
            last_seen: t.at,
            occurrences: 1,
            value: t.value,
            setpoint: (rule.kind != LimitKind::NoData).then_some(rule.at),
            unit: point.map(|p| p.unit.clone()).unwrap_or_default(),
            status: Status::Open,
            acknowledged_by: None,
            acknowledged_at: None,
            closed_by: None,
            closed_at: None,
            closing_note: None,
            version: 1,
            evidence_from: t.at.minus(before),
            evidence_to: t.at.plus(after),
            evidence: Evidence::Pending,
        };
        self.records.push(hazard.clone());
        Some(HazardChange { hazard, kind: ChangeKind::Opened, at: t.at })
    }

    /// Somebody takes note.
    ///
    /// # Errors
    /// [`HazardError`].
    pub fn acknowledge(&mut self, id: Uuid, who: &str, at: Micros) -> Result<HazardChange, HazardError> {
        let hazard = self.find(id)?;
        if hazard.status != Status::Open {
            return Err(HazardError::AlreadyAcknowledged);
        }
        hazard.status = Status::Acknowledged;
        hazard.acknowledged_by = Some(who.to_owned());
        hazard.acknowledged_at = Some(at);
        Ok(changed(hazard, ChangeKind::Acknowledged, at))
    }

    /// Closes a record, if its limit is clear for sure.
    ///
    /// # Errors
    /// [`HazardError`]: in breach, unknown, or not acknowledged.
    pub fn close(
        &mut self,
        id: Uuid,
        who: &str,
        at: Micros,
        note: &str,
        breach: Breach,
    ) -> Result<HazardChange, HazardError> {
        let hazard = self.find(id)?;
        match breach {
            Breach::Yes => return Err(HazardError::StillInBreach),
            Breach::Unknown => return Err(HazardError::ValueUnknown),
            Breach::No => {}
        }
        if hazard.status != Status::Acknowledged {
            return Err(HazardError::NotAcknowledged);
        }
        hazard.status = Status::Closed;
        hazard.closed_by = Some(who.to_owned());
        hazard.closed_at = Some(at);
        hazard.closing_note = Some(note.to_owned());
        let change = changed(hazard, ChangeKind::Closed, at);
        self.drop_finished();
        Ok(change)
    }

    /// Notes that the evidence is kept.
    ///
    /// # Errors
    /// [`HazardError`].
    pub fn seal(
        &mut self,
        id: Uuid,
        sha256: &str,
        readings: u64,
        at: Micros,
    ) -> Result<HazardChange, HazardError> {
        let hazard = self.records.iter_mut().find(|h| h.id == id).ok_or(HazardError::Unknown)?;
        if hazard.evidence != Evidence::Pending {
            return Err(HazardError::AlreadySealed);
        }
        hazard.evidence = Evidence::Sealed { sha256: sha256.to_owned(), readings };
        let change = changed(hazard, ChangeKind::EvidenceSealed, at);
        self.drop_finished();
        Ok(change)
    }

    fn find(&mut self, id: Uuid) -> Result<&mut Hazard, HazardError> {
        self.records.iter_mut().find(|h| h.id == id && h.status != Status::Closed).ok_or(HazardError::Unknown)
    }

    fn drop_finished(&mut self) {
        self.records.retain(|h| h.status != Status::Closed || h.evidence == Evidence::Pending);
    }
}

fn changed(hazard: &mut Hazard, kind: ChangeKind, at: Micros) -> HazardChange {
    hazard.version += 1;
    HazardChange { hazard: hazard.clone(), kind, at }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::{ChangeKind, HazardError, LevelState, Register, Status};
    use crate::hazard::{HazardChange, cloud_event};
    use crate::plant::example::plant;
    use crate::plant::guidance::Guidance;
    use crate::plant::{EquipmentIx, HazardLevel, Limit, LimitKind, Micros, Name, Plant, PointIx, Priority};
    use crate::watch::{AlarmState, Breach, Event, Rule, RuleIx, Transition};

    const DAY: &str = "20261124";
    const WINDOW: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

    fn rule(key: &str, hazard: Option<HazardLevel>) -> Rule {
        let mut rule = Rule::undelayed(EquipmentIx(0), LimitKind::LL);
        (rule.key, rule.priority, rule.hazard) = (key.into(), Priority::Critical, hazard);
        (rule.at, rule.deadband) = (-75.0, 5.0);
        rule
    }

    fn raise(register: &mut Register, rule: &Rule, at: i64, day: &str) -> Option<HazardChange> {
        raise_in(&plant(Vec::new()), register, rule, at, day)
    }

    fn raise_in(
        plant: &Plant,
        register: &mut Register,
        rule: &Rule,
        at: i64,
        day: &str,
    ) -> Option<HazardChange> {
        let transition = Transition {
            rule: RuleIx(0),
            from: AlarmState::Normal,
            to: AlarmState::Unacknowledged,
            event: Event::Raised,
            at: Micros(at),
            value: Some(-80.0),
            cause: None,
            by: None,
        };
        let id = || Uuid::from_u128(at as u128);
        register.on_transition(&transition, rule, plant, id, (day, || 0), WINDOW)
    }

    #[test]
    fn one_record_is_open_for_an_equipment_and_rule_and_counts_what_comes_again() {
        let (mut register, rule) = (Register::default(), rule("boiler-1/l.ll", Some(HazardLevel::Major)));
        let first = raise(&mut register, &rule, 1, DAY).unwrap();
        assert_eq!((first.kind, first.hazard.version), (ChangeKind::Opened, 1));
        assert_eq!(first.hazard.level_state, LevelState::Proposed, "major is judged by a person");
        let again = raise(&mut register, &rule, 2, DAY).unwrap();
        assert_eq!((again.kind, again.hazard.id), (ChangeKind::Occurred, first.hazard.id));
        assert_eq!((again.hazard.occurrences, again.hazard.version), (2, 2));
        assert_eq!((again.hazard.found_at, again.hazard.last_seen), (Micros(1), Micros(2)));
    }

    #[test]
    fn an_alarm_that_is_not_marked_raises_no_hazard() {
        assert!(raise(&mut Register::default(), &rule("boiler-1/l.l", None), 1, DAY).is_none());
    }

    #[test]
    fn numbers_run_within_a_local_day_and_begin_anew_with_the_next() {
        let mut register = Register::default();
        let mut number = |n: i64, day: &str| {
            let rule = rule(&format!("boiler-1/p{n}.ll"), Some(HazardLevel::General));
            raise(&mut register, &rule, n, day).unwrap().hazard.number
        };
        assert_eq!(number(1, DAY), "YH-20261124-01");
        assert_eq!(number(2, DAY), "YH-20261124-02");
        assert_eq!(number(3, "20261125"), "YH-20261125-01");
        assert_eq!(number(4, DAY), "YH-20261124-03", "a clock set back gives no number twice");
    }

    #[test]
    fn it_closes_only_acknowledged_and_when_its_limit_is_clear_for_sure() {
        let (mut register, rule) = (Register::default(), rule("boiler-1/l.ll", Some(HazardLevel::General)));
        let id = raise(&mut register, &rule, 1, DAY).unwrap().hazard.id;
        let close =
            |r: &mut Register, breach| r.close(id, "赵海", Micros(9), "已补水", breach).map(|c| c.hazard);
        assert_eq!(close(&mut register, Breach::No), Err(HazardError::NotAcknowledged));
        register.acknowledge(id, "赵海", Micros(5)).unwrap();
        assert_eq!(register.acknowledge(id, "赵海", Micros(6)), Err(HazardError::AlreadyAcknowledged));
        assert_eq!(close(&mut register, Breach::Yes), Err(HazardError::StillInBreach));
        assert_eq!(close(&mut register, Breach::Unknown), Err(HazardError::ValueUnknown));
        let closed = close(&mut register, Breach::No).unwrap();
        assert_eq!((closed.status, closed.closed_by.as_deref()), (Status::Closed, Some("赵海")));
        assert_eq!(close(&mut register, Breach::No), Err(HazardError::Unknown), "twice");
        let next = raise(&mut register, &rule, 20, DAY).unwrap();
        assert_eq!(next.kind, ChangeKind::Opened, "after the closing it is a new hazard");
        assert_ne!(next.hazard.id, id);
    }

    #[test]
    fn evidence_of_a_closed_record_is_still_sealed_and_only_once() {
        let (mut register, rule) = (Register::default(), rule("boiler-1/l.ll", Some(HazardLevel::General)));
        let id = raise(&mut register, &rule, 1_000_000, DAY).unwrap().hazard.id;
        register.acknowledge(id, "赵海", Micros(2_000_000)).unwrap();
        register.close(id, "赵海", Micros(3_000_000), "", Breach::No).unwrap();
        assert_eq!(register.pending_evidence().map(|h| h.id).collect::<Vec<_>>(), [id]);
        let sealed = register.seal(id, "abc", 7, Micros(12_000_000)).unwrap();
        assert_eq!((sealed.kind, sealed.hazard.version), (ChangeKind::EvidenceSealed, 4));
        assert_eq!(register.seal(id, "abc", 7, Micros(13_000_000)), Err(HazardError::Unknown), "twice");
    }

    #[test]
    fn a_hazard_and_its_event_tell_what_it_can_lead_to() {
        let consequence = Some(Name::new(Some("干烧、爆管"), Some("dry firing"), ""));
        let limit = Limit {
            kind: LimitKind::LL,
            at: -75.0,
            deadband: 5.0,
            on_delay: Duration::ZERO,
            off_delay: Duration::ZERO,
            priority: Priority::Critical,
            latch: false,
            hazard: Some(HazardLevel::Major),
            escalate: false,
            near: 0.0,
            when: None,
            unless: Vec::new(),
            schedule: Vec::new(),
            guidance: Some(Guidance { consequence, ..Guidance::default() }.into()),
            follows: Vec::new(),
        };
        let mut rule = rule("boiler-1/p0.ll", limit.hazard);
        rule.point = Some(PointIx(0));
        let plant = plant(vec![vec![limit]]);
        let change = raise_in(&plant, &mut Register::default(), &rule, 1, DAY).unwrap();
        let data = cloud_event(&change, "n")["data"].clone();
        assert_eq!(
            (&data["consequence_zh"], &data["consequence_en"]),
            (&"干烧、爆管".into(), &"dry firing".into())
        );
    }

    #[test]
    fn the_event_has_the_fields_that_cloudevents_and_the_inspection_system_ask_for() {
        let (mut register, rule) = (Register::default(), rule("boiler-1/l.ll", Some(HazardLevel::Major)));
        let change = raise(&mut register, &rule, 1_790_000_000_000_000, DAY).unwrap();
        let event = cloud_event(&change, "n");
        insta::assert_snapshot!(serde_json::to_string_pretty(&event).unwrap());
    }
}
