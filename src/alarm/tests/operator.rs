//! Shelving, out of service, suppression by design: who may hide an alarm, for how long, and what it says then.

use super::*;
use crate::alarm::{CommandError, Suppression};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn shelve(bench: &mut Bench, time: u64) -> Vec<Transition> {
    let (now, mut out) = (bench.now(), Vec::new());
    bench.engine.shelve(RuleIx(0), (&who("赵海"), "换变送器"), seconds(time), now, &mut out).unwrap();
    out
}

fn plain() -> Bench {
    Bench::new(vec![vec![limit(LimitKind::H, 50.0, 0.0, 0, 0)]])
}

#[test]
fn a_shelved_alarm_calls_nobody_and_calls_when_its_time_is_over_and_it_is_still_true() {
    let mut bench = plain();
    bench.sample(0.0, &[Ok(10.0)]);
    let shelved = shelve(&mut bench, 5);
    assert_eq!((shelved[0].event, shelved[0].by.clone()), (Event::Shelved, Some(who("赵海"))));
    let hidden = bench.sample(1.0, &[Ok(60.0)]);
    assert_eq!(
        (hidden[0].event, hidden[0].to, hidden[0].annunciates()),
        (Event::Raised, AlarmState::Shelved, false)
    );
    assert_eq!(bench.engine.in_breach(RuleIx(0)), Breach::Yes, "hidden is not gone");
    let over = bench.until(5.0);
    assert_eq!(
        (over[0].event, over[0].to, over[0].annunciates()),
        (Event::Unshelved, AlarmState::Unacknowledged, true)
    );
}

#[test]
fn what_came_and_went_behind_a_shelf_needs_no_acknowledgement() {
    let mut bench = plain();
    bench.sample(0.0, &[Ok(10.0)]);
    shelve(&mut bench, 5);
    bench.sample(1.0, &[Ok(60.0)]);
    bench.sample(2.0, &[Ok(10.0)]);
    bench.until(5.0);
    assert_eq!(bench.state(), AlarmState::Normal);
}

#[test]
fn nobody_shelves_for_ever_or_for_no_time() {
    let mut bench = plain();
    let (now, mut out) = (bench.now(), Vec::new());
    for time in [0, 12 * 3600 + 1] {
        let refused = bench.engine.shelve(RuleIx(0), (&who("a"), "b"), seconds(time), now, &mut out);
        assert!(matches!(refused, Err(CommandError::TooLong { .. })), "{time}");
    }
    assert!(bench.engine.unshelve(RuleIx(0), &who("a"), now, &mut out).is_err());
    assert!(out.is_empty());
}

#[test]
fn an_alarm_out_of_service_stays_out_until_it_is_put_back() {
    let mut bench = plain();
    let (now, mut out) = (bench.now(), Vec::new());
    bench.engine.take_out(RuleIx(0), (&who("赵海"), "检修"), now, &mut out).unwrap();
    assert!(bench.engine.take_out(RuleIx(0), (&who("赵海"), "检修"), now, &mut out).is_err(), "twice");
    assert!(bench.engine.shelve(RuleIx(0), (&who("a"), "b"), seconds(5), now, &mut out).is_err());
    bench.sample(0.0, &[Ok(60.0)]);
    bench.until(100_000.0);
    bench.sample(100_000.0, &[Ok(60.0)]);
    assert_eq!(bench.state(), AlarmState::OutOfService);
    assert_eq!(bench.engine.alarm(RuleIx(0)).out.map(|o| o.why), Some("检修".to_owned()));
    let (now, mut out) = (bench.now(), Vec::new());
    bench.engine.put_back(RuleIx(0), &who("赵海"), now, &mut out).unwrap();
    assert_eq!((out[0].event, out[0].annunciates()), (Event::PutBack, true));
}

/// Point 1 says whether the limit on point 0 means anything.
fn conditional() -> Bench {
    let low = Limit { when: Some(PointIx(1)), ..limit(LimitKind::L, 50.0, 0.0, 0, 0) };
    Bench::new(vec![vec![low], vec![]])
}

#[test]
fn a_limit_whose_condition_does_not_hold_is_judged_and_calls_nobody() {
    let mut bench = conditional();
    let idle = bench.sample(0.0, &[Ok(90.0), Ok(0.0)]);
    assert_eq!(events(&idle), [(0, Event::Suppressed)]);
    assert_eq!(bench.sample(1.0, &[Ok(10.0), Ok(0.0)])[0].to, AlarmState::Suppressed);
    // What nobody knows changes nothing.
    assert!(bench.sample(2.0, &[Ok(10.0), Err(Cause::NotANumber)]).is_empty());
    let runs = bench.sample(3.0, &[Ok(10.0), Ok(1.0)]);
    assert_eq!((runs[0].event, runs[0].annunciates()), (Event::Unsuppressed, true));
}

#[test]
fn settings_without_the_condition_hide_nothing_any_more() {
    let mut bench = conditional();
    bench.sample(0.0, &[Ok(10.0), Ok(0.0)]);
    let now = bench.now();
    let (next, gone) = bench.engine.reconfigure(
        &plant(vec![vec![limit(LimitKind::L, 50.0, 0.0, 0, 0)], vec![]]),
        false,
        now,
    );
    assert!(gone.keys.is_empty());
    bench.engine = next;
    let mut out = Vec::new();
    bench.engine.tick(now, &mut out);
    assert_eq!((out[0].event, out[0].annunciates()), (Event::Unsuppressed, true));
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Acknowledge,
    Reset,
    Shelve(u64),
    Unshelve,
    TakeOut,
    PutBack,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Acknowledge),
        Just(Act::Reset),
        (1u64..20).prop_map(Act::Shelve),
        Just(Act::Unshelve),
        Just(Act::TakeOut),
        Just(Act::PutBack),
    ]
}

impl Bench {
    fn act(&mut self, rule: u32, act: Act) -> Vec<Transition> {
        let (now, mut out, rule) = (self.now(), Vec::new(), RuleIx(rule));
        let e = &mut self.engine;
        // A refusal is as good: both engines must refuse alike.
        let _ = match act {
            Act::Acknowledge => e.acknowledge(rule, &who("a"), now, &mut out),
            Act::Reset => e.reset(rule, &who("a"), now, &mut out),
            Act::Shelve(time) => e.shelve(rule, (&who("a"), "w"), seconds(time), now, &mut out),
            Act::Unshelve => e.unshelve(rule, &who("a"), now, &mut out),
            Act::TakeOut => e.take_out(rule, (&who("a"), "w"), now, &mut out),
            Act::PutBack => e.put_back(rule, &who("a"), now, &mut out),
        };
        out
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Two limits on one point, the second only while point 1 is 1, both with margins; commands at random.
    #[test]
    fn a_restart_at_any_moment_is_invisible_with_people_and_conditions(
        values in prop::collection::vec((0i32..100, prop::option::weighted(0.9, any::<bool>())), 5..60),
        acts in prop::collection::vec((0usize..60, 0u32..2, act()), 0..12),
        latch in any::<bool>(),
        on in 0u64..4,
        off in 0u64..4,
        cut in 0usize..60,
    ) {
        let limits = || vec![
            vec![
                Limit { latch, near: 5.0, ..limit(LimitKind::L, 30.0, 4.0, on, off) },
                Limit { when: Some(PointIx(1)), near: 3.0, follows: vec!["boiler-1/p1.h".to_owned()], ..limit(LimitKind::H, 70.0, 4.0, off, on) },
            ],
            vec![limit(LimitKind::H, 1.0, 0.0, 0, 0)],
        ];
        let repeating = || {
            let mut plant = plant(limits());
            plant.alarm_policy.repeat = [Some(seconds(7)); 4];
            (plant.alarm_policy.flood_begins, plant.alarm_policy.flood_ends) = (2, 1);
            plant.alarm_policy.flood_window = seconds(15);
            plant
        };
        let start = Now { mono: Duration::ZERO, wall: Micros(0) };
        let bench = || Bench::of(Engine::new(&repeating(), start));
        let (mut whole, mut cut_one) = (bench(), bench());
        let mut disk = Disk::default();
        let (mut kept, mut kept_cut) = (Vec::new(), Vec::new());
        for (second, (value, runs)) in values.iter().enumerate() {
            let readings = [
                Ok(f64::from(*value)),
                runs.map(|r| f64::from(u8::from(r))).ok_or(Cause::NotANumber),
            ];
            let mut said = [whole.sample(second as f64, &readings), cut_one.sample(second as f64, &readings)];
            for (_, rule, act) in acts.iter().filter(|a| a.0 == second) {
                said[0].extend(whole.act(*rule, *act));
                said[1].extend(cut_one.act(*rule, *act));
            }
            prop_assert_eq!(&said[0], &said[1], "at {} s", second);
            kept.extend(whole.engine.take_precursors());
            kept_cut.extend(cut_one.engine.take_precursors());
            let now = cut_one.now();
            disk.commit(&mut cut_one.engine, now);
            if second == cut {
                let start = cut_one.restart();
                cut_one.engine = Engine::new(&repeating(), start);
                prop_assert!(disk.restore(&mut cut_one.engine, start).is_empty());
                prop_assert_eq!(whole.sample(second as f64, &readings), vec![]);
                prop_assert_eq!(cut_one.sample(second as f64, &readings), vec![]);
            }
        }
        prop_assert_eq!(kept, kept_cut);
        for rule in 0..whole.engine.rules().len() as u32 {
            prop_assert_eq!(whole.alarm(rule), cut_one.alarm(rule));
        }
        let group = crate::plant::EquipmentIx(0);
        prop_assert_eq!(whole.engine.in_flood(), cut_one.engine.in_flood());
        let first = |bench: &Bench| bench.engine.first_out(group).map(|f| f.rule);
        prop_assert_eq!(first(&whole), first(&cut_one));
    }
}

#[test]
fn an_alarm_that_is_hidden_twice_is_shown_when_both_reasons_are_gone() {
    let mut alarm = crate::alarm::Alarm::NORMAL;
    alarm.raise();
    assert!(alarm.suppress(Suppression::Shelved) && alarm.suppress(Suppression::ByDesign));
    assert!(alarm.lift(Suppression::Shelved));
    assert_eq!(alarm.state(), AlarmState::Suppressed);
    assert!(alarm.lift(Suppression::ByDesign));
    assert_eq!(alarm.state(), AlarmState::Unacknowledged);
}
