//! First-out, floods, calls that nobody answers, and what nearly happened.

use super::*;
use crate::alarm::Precursor;
use crate::plant::{AlarmPolicy, EquipmentIx};

const BOILER: EquipmentIx = EquipmentIx(0);

fn bench(limits: Vec<Vec<Limit>>, alarm_policy: AlarmPolicy) -> Bench {
    let mut plant = plant(limits);
    plant.alarm_policy = alarm_policy;
    let start = Now { mono: Duration::ZERO, wall: Micros(0) };
    Bench::of(Engine::new(&plant, start))
}

fn quiet() -> AlarmPolicy {
    AlarmPolicy { repeat: [None; 4], ..AlarmPolicy::default() }
}

fn high(at: f64) -> Limit {
    limit(LimitKind::H, at, 0.0, 0, 0)
}

#[test]
fn the_first_alarm_of_an_equipment_is_its_first_out_until_none_stands() {
    let mut bench = bench(vec![vec![high(50.0)], vec![high(50.0)]], quiet());
    bench.sample(0.0, &[Ok(0.0), Ok(60.0)]);
    bench.sample(1.0, &[Ok(60.0), Ok(60.0)]);
    // Rules of point 0: limit, no data; then point 1.
    assert_eq!(bench.engine.first_out(BOILER).map(|f| f.rule), Some(RuleIx(2)));
    bench.sample(2.0, &[Ok(60.0), Ok(0.0)]);
    assert_eq!(
        bench.engine.first_out(BOILER).map(|f| f.rule),
        Some(RuleIx(2)),
        "it has returned, and was first"
    );
    bench.sample(3.0, &[Ok(0.0), Ok(0.0)]);
    assert_eq!(bench.engine.first_out(BOILER), None);
}

#[test]
fn of_alarms_at_one_instant_the_order_of_the_readings_does_not_matter() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut bench = bench(vec![vec![high(50.0)]; 3], quiet());
        let (now, mut out) = (bench.now(), Vec::new());
        let mut readings = order.map(|n| Reading { point: PointIx(n), value: 60.0, quality: Quality::Good });
        let head = SampleHead { device: DeviceIx(0), at: now.wall, live: true, len: 3 };
        bench.engine.sample(head, &mut readings, now, &mut out);
        assert_eq!(bench.engine.first_out(BOILER).map(|f| f.rule), Some(RuleIx(0)), "{order:?}");
        let mut raised = events(&out);
        raised.sort_by_key(|e| e.0);
        assert_eq!(raised, [(0, Event::Raised), (2, Event::Raised), (4, Event::Raised)]);
    }
}

#[test]
fn an_alarm_that_nobody_answers_calls_again_by_its_priority() {
    let alarm_policy =
        AlarmPolicy { repeat: [None, Some(Duration::from_secs(60)), None, None], ..AlarmPolicy::default() };
    let mut bench =
        bench(vec![vec![high(50.0)], vec![Limit { priority: Priority::Low, ..high(50.0) }]], alarm_policy);
    let mut said = bench.sample(0.0, &[Ok(60.0), Ok(60.0)]);
    for second in 1..=130 {
        said.extend(bench.sample(f64::from(second), &[Ok(60.0), Ok(60.0)]));
    }
    let again: Vec<(u32, i64)> =
        said.iter().filter(|t| t.event == Event::Repeated).map(|t| (t.rule.0, t.at.0 / 1_000_000)).collect();
    assert_eq!(again, [(0, 60), (0, 120)]);
    assert!(
        said.iter().filter(|t| t.event == Event::Repeated).all(|t| !t.annunciates()),
        "no new occurrence"
    );
    let (now, mut out) = (bench.now(), Vec::new());
    bench.engine.acknowledge(RuleIx(0), &who("赵海"), now, &mut out).unwrap();
    for second in 131..=300 {
        assert!(bench.sample(f64::from(second), &[Ok(60.0), Ok(60.0)]).is_empty());
    }
}

#[test]
fn in_a_flood_what_follows_from_a_told_cause_is_suppressed_and_the_first_out_never_is() {
    let alarm_policy =
        AlarmPolicy { flood_begins: 3, flood_ends: 1, flood_window: Duration::from_secs(100), ..quiet() };
    let follows = |of: &str| Limit { follows: vec![format!("boiler-1/{of}.h")], ..high(50.0) };
    // p0 is the cause; p1, p2, p3 make the flood; p4 and p5 follow from p0.
    let limits = vec![
        vec![high(50.0)],
        vec![high(50.0)],
        vec![high(50.0)],
        vec![high(50.0)],
        vec![follows("p0")],
        vec![follows("p0")],
    ];
    let mut bench = bench(limits, alarm_policy);
    let at = |n: usize| -> Vec<Result<f64, Cause>> {
        (0..6).map(|p| Ok(if p < n { 60.0 } else { 0.0 })).collect()
    };
    for n in 0..=4 {
        bench.sample(n as f64, &at(n));
    }
    assert!(bench.engine.in_flood());
    let told = bench.sample(5.0, &at(5));
    assert_eq!(events(&told), [(8, Event::Suppressed), (8, Event::Raised)]);
    assert!(told.iter().all(|t| !t.annunciates()));
    // The cause has gone, the consequence has not: now it is told.
    let mut values = at(6);
    values[0] = Ok(0.0);
    let told = bench.sample(6.0, &values);
    assert!(
        told.iter().any(|t| t.rule == RuleIx(8) && t.event == Event::Unsuppressed && t.annunciates()),
        "{told:?}"
    );
    assert_eq!(bench.engine.first_out(BOILER).map(|f| f.rule), Some(RuleIx(0)));
}

#[test]
fn a_flood_ends_when_the_calls_have_become_few() {
    let alarm_policy =
        AlarmPolicy { flood_begins: 2, flood_ends: 2, flood_window: Duration::from_secs(60), ..quiet() };
    let mut bench = bench(vec![vec![high(50.0)]; 3], alarm_policy);
    for n in 1..=3 {
        let values: Vec<_> = (0..3).map(|p| Ok(if p < n { 60.0 } else { 0.0 })).collect();
        bench.sample(n as f64, &values);
    }
    assert!(bench.engine.in_flood());
    for second in 4..62 {
        bench.sample(f64::from(second), &[Ok(60.0); 3]);
        assert!(bench.engine.in_flood(), "at {second} s there are still two calls in the window");
    }
    bench.sample(62.0, &[Ok(60.0); 3]);
    assert!(!bench.engine.in_flood());
}

#[test]
fn what_a_delay_caught_and_what_came_near_is_kept_with_its_peak() {
    let watched = Limit { near: 5.0, ..limit(LimitKind::H, 50.0, 0.0, 10, 0) };
    let mut bench = bench(vec![vec![watched]], quiet());
    for (second, value) in [44.9, 45.0, 47.0, 44.0, 46.0, 52.0, 51.0, 40.0].into_iter().enumerate() {
        assert!(bench.sample(second as f64, &[Ok(value)]).is_empty());
    }
    let kept = bench.engine.take_precursors();
    let near = Precursor {
        rule: RuleIx(0),
        beyond: false,
        at: Micros(3_000_000),
        peak: 47.0,
        lasted: Duration::from_secs(2),
    };
    let caught =
        Precursor { beyond: true, at: Micros(7_000_000), peak: 52.0, lasted: Duration::from_secs(3), ..near };
    assert_eq!(kept, [near, caught]);
    // What becomes an alarm is no precursor.
    bench.sample(8.0, &[Ok(60.0)]);
    bench.sample(13.0, &[Ok(60.0)]);
    bench.sample(18.0, &[Ok(60.0)]);
    bench.sample(20.0, &[Ok(0.0)]);
    assert_eq!(bench.engine.take_precursors(), []);
}
