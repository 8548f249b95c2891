//! The open records, and what may happen to them.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::record::{ChangeKind, Evidence, Hazard, HazardChange, LevelState, Status};
use crate::alarm::{AlarmState, Breach, Event, Rule, Transition};
use crate::people::Actor;
use crate::plant::{HazardLevel, LimitKind, Micros, Plant};

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
    /// Its limit is not in the settings, so nobody can tell.
    #[error(
        "its limit is no longer in the settings, so nobody can tell whether the hazard is gone: close it with a reason \
         (`override_reason`), which is kept in the audit"
    )]
    LimitGone,
    /// Evidence is sealed once.
    #[error("the evidence is already sealed")]
    AlreadySealed,
}

/// What says that a hazard is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof<'a> {
    /// How its limit stands.
    Limit(Breach),
    /// The limit is not in the settings; why it is to be closed all the same, if a person says so.
    LimitGone {
        /// In that person's words.
        reason: Option<&'a str>,
    },
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

    /// Follows an alarm: a call of a rule marked so opens a record; each further breach counts on the open one.
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
        let level = rule.hazard?;
        let equipment = plant.equipment_at(rule.equipment);
        let open = self.records.iter().position(|h| {
            h.status != Status::Closed && h.equipment == equipment.id.as_str() && h.rule == *rule.key
        });
        if let Some(at) = open {
            let hazard = &mut self.records[at];
            // A breach that a person hid is one all the same. One that the plant's state hides counts when it is shown.
            let breach = t.calls() || (t.event == Event::Raised && t.to != AlarmState::Suppressed);
            let known = t.raised_at.is_some() && t.raised_at == hazard.breach_at;
            if !breach || known || (hazard.breach_at.is_none() && t.event != Event::Raised) {
                return None;
            }
            hazard.occurrences += 1;
            (hazard.last_seen, hazard.breach_at) = (t.at, t.raised_at);
            return Some(changed(hazard, ChangeKind::Occurred, t.at));
        }
        if !t.calls() {
            return None;
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
            breach_at: t.raised_at,
            value: t.value,
            setpoint: (rule.kind != LimitKind::NoData).then_some(rule.at),
            unit: point.map(|p| p.unit.clone()).unwrap_or_default(),
            status: Status::Open,
            acknowledged_by: None,
            acknowledged_at: None,
            closed_by: None,
            closed_at: None,
            closing_note: None,
            override_reason: None,
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
    pub fn acknowledge(&mut self, id: Uuid, who: &Actor, at: Micros) -> Result<HazardChange, HazardError> {
        let hazard = self.find(id)?;
        if hazard.status != Status::Open {
            return Err(HazardError::AlreadyAcknowledged);
        }
        hazard.status = Status::Acknowledged;
        hazard.acknowledged_by = Some(who.name.clone());
        hazard.acknowledged_at = Some(at);
        Ok(changed(hazard, ChangeKind::Acknowledged, at))
    }

    /// Closes a record, if its limit is clear for sure; or, where the limit is gone, for a reason that a person gives.
    ///
    /// # Errors
    /// [`HazardError`]: in breach, unknown, or not acknowledged.
    pub fn close(
        &mut self,
        id: Uuid,
        (who, note): (&Actor, &str),
        at: Micros,
        proof: Proof<'_>,
    ) -> Result<HazardChange, HazardError> {
        let hazard = self.find(id)?;
        match proof {
            Proof::Limit(Breach::Yes) => return Err(HazardError::StillInBreach),
            Proof::Limit(Breach::Unknown) => return Err(HazardError::ValueUnknown),
            Proof::LimitGone { reason: None } => return Err(HazardError::LimitGone),
            Proof::Limit(Breach::No) | Proof::LimitGone { .. } => {}
        }
        if hazard.status != Status::Acknowledged {
            return Err(HazardError::NotAcknowledged);
        }
        hazard.status = Status::Closed;
        hazard.closed_by = Some(who.name.clone());
        hazard.closed_at = Some(at);
        hazard.closing_note = Some(note.to_owned());
        if let Proof::LimitGone { reason } = proof {
            hazard.override_reason = reason.map(str::to_owned);
        }
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
mod tests;
