//! The register of hazards: raised once, joined, told.

use std::time::Duration;

use uuid::Uuid;

use super::Register;
use crate::alarm::{AlarmState, Breach, Event, Rule, RuleIx, Transition};
use crate::hazard::{
    ChangeKind, Draft, HazardChange, HazardError, LevelState, Proof, Status, Step, WakeUp, cloud_event,
};
use crate::people::{Actor, Via};
use crate::plant::example::plant;
use crate::plant::guidance::Guidance;
use crate::plant::{EquipmentIx, HazardLevel, Limit, LimitKind, Micros, Name, Plant, PointIx, Priority};

const DAY: &str = "20261124";
const WINDOW: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

fn zhao() -> Actor {
    Actor::person("赵海", Via::OpenConsole)
}

fn rule(key: &str, hazard: Option<HazardLevel>) -> Rule {
    let mut rule = Rule::undelayed(EquipmentIx(0), LimitKind::LL);
    (rule.key, rule.priority, rule.hazard) = (key.into(), Priority::Critical, hazard);
    (rule.at, rule.deadband) = (-75.0, 5.0);
    rule
}

fn raise(register: &mut Register, rule: &Rule, at: i64, day: &str) -> Option<HazardChange> {
    raise_in(&plant(Vec::new()), register, rule, at, day)
}

fn raise_in(plant: &Plant, register: &mut Register, rule: &Rule, at: i64, day: &str) -> Option<HazardChange> {
    let transition = Transition {
        rule: RuleIx(0),
        from: AlarmState::Normal,
        to: AlarmState::Unacknowledged,
        event: Event::Raised,
        at: Micros(at),
        value: Some(-80.0),
        cause: None,
        by: None,
        raised_at: Some(Micros(at)),
    };
    follow(plant, register, rule, &transition, day)
}

fn follow(
    plant: &Plant,
    register: &mut Register,
    rule: &Rule,
    transition: &Transition,
    day: &str,
) -> Option<HazardChange> {
    let id = || Uuid::from_u128(transition.at.0 as u128);
    register.on_alarm(transition, Draft::of_alarm(transition, rule, plant, WINDOW)?, id, (day, || 0))
}

fn acknowledge(register: &mut Register, id: Uuid, at: i64) -> Result<HazardChange, HazardError> {
    register.apply(id, &Step::Acknowledge, &zhao(), Micros(at))
}

fn close(
    register: &mut Register,
    id: Uuid,
    note: &str,
    proof: Proof<'_>,
    at: i64,
) -> Result<HazardChange, HazardError> {
    register.apply(id, &Step::Close { note, proof }, &zhao(), Micros(at))
}

fn seal(register: &mut Register, id: Uuid, at: i64) -> Result<HazardChange, HazardError> {
    register.apply(id, &Step::Seal { sha256: "abc", readings: 7 }, &Actor::system(), Micros(at))
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
    let close = |r: &mut Register, breach| close(r, id, "已补水", Proof::Limit(breach), 9).map(|c| c.hazard);
    assert_eq!(close(&mut register, Breach::No), Err(HazardError::NotAcknowledged));
    acknowledge(&mut register, id, 5).unwrap();
    assert_eq!(acknowledge(&mut register, id, 6), Err(HazardError::AlreadyAcknowledged));
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
    acknowledge(&mut register, id, 2_000_000).unwrap();
    close(&mut register, id, "", Proof::Limit(Breach::No), 3_000_000).unwrap();
    let wake_ups: Vec<_> = register.wake_ups().map(|(hazard, wake_up)| (hazard.id, wake_up)).collect();
    assert_eq!(wake_ups, [(id, WakeUp::SealEvidence { at: Micros(11_000_000) })]);
    let sealed = seal(&mut register, id, 12_000_000).unwrap();
    assert_eq!((sealed.kind, sealed.hazard.version), (ChangeKind::EvidenceSealed, 4));
    assert_eq!(seal(&mut register, id, 13_000_000), Err(HazardError::Unknown), "twice");
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
        soon: Vec::new(),
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

#[test]
fn an_occurrence_is_a_new_breach_and_not_another_showing_of_the_same() {
    let plant = plant(Vec::new());
    let (mut register, rule) = (Register::default(), rule("boiler-1/l.ll", Some(HazardLevel::General)));
    let mut tell = |event, from, to, at: i64, raised_at: i64| {
        let transition = Transition {
            rule: RuleIx(0),
            from,
            to,
            event,
            at: Micros(at),
            value: None,
            cause: None,
            by: None,
            raised_at: Some(Micros(raised_at)),
        };
        follow(&plant, &mut register, &rule, &transition, DAY)
            .map(|c| (c.kind, c.hazard.occurrences, c.hazard.version))
    };
    let (normal, told, shelved) = (AlarmState::Normal, AlarmState::Unacknowledged, AlarmState::Shelved);
    let suppressed = AlarmState::Suppressed;
    assert_eq!(tell(Event::Raised, normal, told, 1, 1), Some((ChangeKind::Opened, 1, 1)));
    // Shelved and shown again in one breach, twice.
    for at in [3, 5] {
        assert_eq!(tell(Event::Shelved, told, shelved, at - 1, 1), None);
        assert_eq!(tell(Event::Unshelved, shelved, told, at, 1), None);
    }
    // A new breach while it is shelved is one, and its showing is none.
    assert_eq!(tell(Event::Shelved, told, shelved, 6, 1), None);
    assert_eq!(tell(Event::Cleared, shelved, shelved, 7, 1), None);
    assert_eq!(tell(Event::Raised, shelved, shelved, 8, 8), Some((ChangeKind::Occurred, 2, 2)));
    assert_eq!(tell(Event::Unshelved, shelved, told, 9, 8), None);
    assert_eq!(tell(Event::Cleared, told, AlarmState::ReturnedUnacknowledged, 10, 8), None);
    // What the plant's state hides counts when it is shown, once.
    assert_eq!(tell(Event::Raised, suppressed, suppressed, 11, 11), None);
    assert_eq!(tell(Event::Unsuppressed, suppressed, told, 12, 11), Some((ChangeKind::Occurred, 3, 3)));
    assert_eq!(tell(Event::Suppressed, told, suppressed, 13, 11), None);
    assert_eq!(tell(Event::Unsuppressed, suppressed, told, 14, 11), None);
}

#[test]
fn a_hazard_whose_limit_is_gone_closes_only_for_a_reason_that_is_kept() {
    let (mut register, rule) = (Register::default(), rule("boiler-1/l.ll", Some(HazardLevel::General)));
    let id = raise(&mut register, &rule, 1, DAY).unwrap().hazard.id;
    acknowledge(&mut register, id, 2).unwrap();
    let mut close =
        |reason| close(&mut register, id, "已拆除", Proof::LimitGone { reason }, 3).map(|c| c.hazard);
    assert_eq!(close(None), Err(HazardError::LimitGone));
    let closed = close(Some("锅炉已报废，测点拆除")).unwrap();
    assert_eq!(
        (closed.status, closed.override_reason.as_deref()),
        (Status::Closed, Some("锅炉已报废，测点拆除"))
    );
}
