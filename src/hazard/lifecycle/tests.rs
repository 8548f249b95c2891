//! The life of a record, held against a model: whatever is asked, in any order, at any step.

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::{HazardError, Proof, Step, WakeUp, apply, next_wake_up};
use crate::alarm::Breach;
use crate::hazard::{
    AlarmOrigin, ChangeKind, Draft, Evidence, Hazard, HazardChange, Origin, Register, Status,
};
use crate::people::{Actor, Via};
use crate::plant::{HazardLevel, Micros, Name};

const AFTER: Duration = Duration::from_secs(10);

fn zhao() -> Actor {
    Actor::person("赵海", Via::ConsoleToken)
}

fn draft(origin: Origin, at: i64) -> Draft {
    Draft {
        origin,
        equipment: Some("boiler-1".to_owned()),
        registration: None,
        region: None,
        responsible: None,
        escalated: false,
        category: "物/本体".to_owned(),
        title: Name::new(Some("1# 锅炉 水位 低低"), Some("boiler 1 level low-low"), ""),
        consequence: None,
        level: HazardLevel::General,
        found_at: Micros(at),
        window: (Duration::ZERO, AFTER),
    }
}

fn alarm() -> Origin {
    Origin::Alarm(AlarmOrigin { rule: "boiler-1/l.ll".to_owned(), ..AlarmOrigin::default() })
}

fn finding() -> Origin {
    Origin::Finding { finding: "2026-11-30/7".to_owned() }
}

fn opened(origin: Origin) -> Hazard {
    Register::default().find(draft(origin, 1), || Uuid::from_u128(1), ("20261130", || 0)).hazard
}

/// Every step that can be asked for.
fn steps() -> Vec<Step<'static>> {
    let mut steps = vec![
        Step::FindAgain { breach_at: Some(Micros(5)) },
        Step::FindAgain { breach_at: None },
        Step::Acknowledge,
        Step::Seal { sha256: "ab", readings: 3 },
    ];
    let limits = [Breach::No, Breach::Yes, Breach::Unknown].map(Proof::Limit);
    let gone = [None, Some("拆除")].map(|reason| Proof::LimitGone { reason });
    let reviewed = [None, Some("复查合格")].map(|reason| Proof::Reviewed { reason });
    steps.extend(
        limits.into_iter().chain(gone).chain(reviewed).map(|proof| Step::Close { note: "已补水", proof }),
    );
    steps
}

/// What the model knows of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Model {
    status: Status,
    sealed: bool,
    found: u32,
    version: u32,
}

impl Model {
    fn of(record: &Hazard) -> Self {
        Self {
            status: record.status,
            sealed: record.evidence != Evidence::Pending,
            found: record.occurrences,
            version: record.version,
        }
    }

    /// As a person would say it.
    fn step(self, step: &Step<'_>) -> Result<Self, HazardError> {
        let next = Self { version: self.version + 1, ..self };
        match (step, self.status) {
            (Step::Seal { .. }, _) if self.sealed => Err(HazardError::AlreadySealed),
            (Step::Seal { .. }, _) => Ok(Self { sealed: true, ..next }),
            (_, Status::Closed) => Err(HazardError::Unknown),
            (Step::FindAgain { .. }, _) => Ok(Self { found: self.found + 1, ..next }),
            (Step::Acknowledge, Status::Open) => Ok(Self { status: Status::Acknowledged, ..next }),
            (Step::Acknowledge, Status::Acknowledged) => Err(HazardError::AlreadyAcknowledged),
            (Step::Close { proof: Proof::Limit(Breach::Yes), .. }, _) => Err(HazardError::StillInBreach),
            (Step::Close { proof: Proof::Limit(Breach::Unknown), .. }, _) => Err(HazardError::ValueUnknown),
            (Step::Close { proof: Proof::LimitGone { reason: None }, .. }, _) => Err(HazardError::LimitGone),
            (Step::Close { proof: Proof::Reviewed { reason: None }, .. }, _) => Err(HazardError::NotReviewed),
            (Step::Close { .. }, Status::Open) => Err(HazardError::NotAcknowledged),
            (Step::Close { .. }, Status::Acknowledged) => Ok(Self { status: Status::Closed, ..next }),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_in_any_order_a_record_goes_the_way_of_the_model(
        asked in prop::collection::vec(0..steps().len(), 0..12),
        restarts in prop::collection::vec(any::<bool>(), 12),
        from_alarm in any::<bool>(),
    ) {
        let steps = steps();
        let mut record = opened(if from_alarm { alarm() } else { finding() });
        let mut model = Model::of(&record);
        for (n, (asked, restart)) in asked.iter().zip(restarts).enumerate() {
            let now = Micros(10 + n as i64);
            let before = record.clone();
            let done = apply(&record, &steps[*asked], &zhao(), now);
            prop_assert_eq!(&record, &before, "a step changes only what it gives back");
            prop_assert_eq!(done.as_ref().map(|c| Model::of(&c.hazard)).map_err(|e| *e), model.step(&steps[*asked]));
            let Ok(HazardChange { hazard, at, .. }) = done else { continue };
            prop_assert_eq!(at, now);
            // Nothing of how it was found is ever written over.
            prop_assert_eq!((hazard.id, &hazard.number, hazard.found_at), (before.id, &before.number, before.found_at));
            prop_assert_eq!(hazard.merge_key(), before.merge_key());
            model = Model::of(&hazard);
            // A restart at any step takes up the very text that the ledger keeps.
            record = if restart { serde_json::from_str(&serde_json::to_string(&hazard).unwrap()).unwrap() } else { hazard };
        }
    }

    #[test]
    fn a_closed_record_was_acknowledged_before_by_somebody_and_its_limit_was_clear_or_answered_for(
        asked in prop::collection::vec(0..steps().len(), 0..12),
    ) {
        let steps = steps();
        let mut record = opened(alarm());
        for (n, asked) in asked.iter().enumerate() {
            let Ok(change) = apply(&record, &steps[*asked], &zhao(), Micros(n as i64)) else { continue };
            if change.kind == ChangeKind::Closed {
                let sure = matches!(steps[*asked], Step::Close { proof: Proof::Limit(Breach::No), .. });
                prop_assert_eq!(sure, change.hazard.override_reason.is_none());
                prop_assert!(change.hazard.acknowledged_by.is_some() && change.hazard.closed_by.is_some());
            }
            record = change.hazard;
        }
    }
}

#[test]
fn a_record_wakes_up_at_the_end_of_its_evidence_and_never_again() {
    let record = opened(alarm());
    assert_eq!(next_wake_up(&record), Some(WakeUp::SealEvidence { at: Micros(1).plus(AFTER) }));
    let closed = [Step::Acknowledge, Step::Close { note: "", proof: Proof::Limit(Breach::No) }]
        .iter()
        .fold(record, |record, step| apply(&record, step, &zhao(), Micros(5)).unwrap().hazard);
    assert_eq!(
        next_wake_up(&closed),
        Some(WakeUp::SealEvidence { at: Micros(1).plus(AFTER) }),
        "closed before"
    );
    let seal = Step::Seal { sha256: "ab", readings: 3 };
    let sealed = apply(&closed, &seal, &Actor::system(), Micros(9)).unwrap().hazard;
    assert_eq!(next_wake_up(&sealed), None);
}

#[test]
fn what_was_not_found_by_an_alarm_is_a_record_like_any_other_and_merges_by_what_it_is_about() {
    let mut register = Register::default();
    let find = |register: &mut Register, origin, at: i64| {
        let change = register.find(draft(origin, at), || Uuid::from_u128(at as u128), ("20261130", || 0));
        (change.kind, change.hazard.occurrences, change.hazard.number)
    };
    assert_eq!(find(&mut register, finding(), 1), (ChangeKind::Opened, 1, "YH-20261130-01".to_owned()));
    assert_eq!(find(&mut register, finding(), 2), (ChangeKind::Occurred, 2, "YH-20261130-01".to_owned()));
    let due = Origin::DueDate { item: "safety-valve".to_owned(), due: jiff::civil::date(2026, 12, 1) };
    assert_eq!(find(&mut register, due, 3), (ChangeKind::Opened, 1, "YH-20261130-02".to_owned()));
    assert_eq!(find(&mut register, alarm(), 4), (ChangeKind::Opened, 1, "YH-20261130-03".to_owned()));
    // No limit tells whether it is gone: a person answers for it.
    let id = Uuid::from_u128(1);
    register.apply(id, &Step::Acknowledge, &zhao(), Micros(5)).unwrap();
    let mut close = |reason| {
        let step = Step::Close { note: "已整改", proof: Proof::Reviewed { reason } };
        register.apply(id, &step, &zhao(), Micros(6)).map(|c| c.hazard.status)
    };
    assert_eq!(close(None), Err(HazardError::NotReviewed));
    assert_eq!(close(Some("复查合格")), Ok(Status::Closed));
}
