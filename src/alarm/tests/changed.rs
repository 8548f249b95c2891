//! Other settings, by a reload or at a restart: what stands is judged by them, no reason for hiding outlives them, and no
//! state is lost in silence.

use super::*;
use crate::plant::Plant;

/// One point with these limits, a condition on point 1, and point 2.
fn settings(limits: Vec<Limit>) -> Plant {
    let mut plant = plant(vec![limits, vec![], vec![]]);
    plant.points.iter_mut().for_each(|p| p.no_data = None);
    plant.devices[0].stale_after = Duration::from_secs(100_000);
    plant
}

fn high(at: f64) -> Limit {
    limit(LimitKind::H, at, 5.0, 0, 0)
}

fn only(when: u32) -> Limit {
    Limit { when: Some(PointIx(when)), ..high(50.0) }
}

fn bench(limits: Vec<Limit>) -> Bench {
    Bench::of(Engine::new(&settings(limits), Now { mono: Duration::ZERO, wall: Micros(0) }))
}

/// With other settings, by a reload; what it says at once.
fn reload(bench: &mut Bench, plant: &Plant, back: bool) -> Vec<Transition> {
    let now = bench.now();
    let (next, removed) = bench.engine.reconfigure(plant, back, now);
    bench.engine = next;
    let mut said = removed.transitions;
    bench.engine.settle(now, &mut said, &mut bench.made);
    bench.engine.tick(now, &mut said);
    said
}

/// With other settings, by a restart; from the very text that the ledger keeps.
fn restart(bench: &mut Bench, plant: &Plant, disk: &mut Disk) -> Vec<StoredAlarm> {
    let now = bench.now();
    disk.commit(&mut bench.engine, now);
    let start = bench.restart();
    bench.engine = Engine::new(plant, start);
    let gone = disk.restore(&mut bench.engine, start);
    // As the keeper does: it is stored since when they are away.
    disk.keep(&gone);
    let mut said = Vec::new();
    bench.engine.tick(start, &mut said);
    gone
}

fn told(transitions: &[Transition]) -> Vec<(Event, AlarmState, bool)> {
    transitions.iter().map(|t| (t.event, t.to, t.annunciates())).collect()
}

#[test]
fn an_alarm_whose_point_is_in_another_unit_stands_on_without_the_number_of_then() {
    let mut bench = bench(vec![high(50.0)]);
    bench.sample(0.0, &[Ok(60.0)]);
    let value = |bench: &Bench| bench.engine.alarm(RuleIx(0)).value;
    reload(&mut bench, &settings(vec![high(50.0)]), false);
    assert_eq!((bench.state(), value(&bench)), (AlarmState::Unacknowledged, Some(60.0)));
    // In another unit it has another number.
    let mut other = settings(vec![]);
    let id = other.points[0].id.clone();
    other.points[0].id = std::mem::replace(&mut other.points[2].id, id);
    other.points[2].limits = vec![high(50.0)];
    reload(&mut bench, &other, false);
    assert_eq!((bench.state(), value(&bench)), (AlarmState::Unacknowledged, None));
}

fn in_unit(unit: &str, limits: Vec<Limit>) -> Plant {
    let mut plant = settings(limits);
    plant.points[0].unit = unit.to_owned();
    plant
}

fn bench_in(unit: &str, limits: Vec<Limit>) -> Bench {
    Bench::of(Engine::new(&in_unit(unit, limits), Now { mono: Duration::ZERO, wall: Micros(0) }))
}

#[test]
fn a_number_of_another_unit_is_forgotten_at_a_restart_and_not_stored_any_longer() {
    for (limit, stands) in [(high(50.0), true), (high(50.0), false), (latched(), true), (latched(), false)] {
        let mut disk = Disk::default();
        let mut bench = bench_in("MPa", vec![limit.clone()]);
        bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
        bench.sample(1.0, &[Ok(if stands { 60.0 } else { 0.0 }), Ok(0.0), Ok(0.0)]);
        let was = bench.state();
        assert_ne!(was, AlarmState::Normal);
        for (unit, value) in [("MPa", Some(60.0)), ("bar", None), ("bar", None), ("MPa", None)] {
            restart(&mut bench, &in_unit(unit, vec![limit.clone()]), &mut disk);
            assert_eq!((bench.state(), bench.engine.alarm(RuleIx(0)).value), (was, value), "{unit}");
        }
    }
}

#[test]
fn a_limit_that_comes_back_in_another_unit_comes_without_the_number_of_then() {
    for (by_restart, back) in [(true, false), (false, false), (false, true)] {
        for (unit, value) in [("MPa", Some(60.0)), ("bar", None)] {
            let mut disk = Disk::default();
            let mut bench = bench_in("MPa", vec![latched()]);
            bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
            bench.sample(1.0, &[Ok(0.0), Ok(0.0), Ok(0.0)]);
            for plant in [in_unit("MPa", vec![]), in_unit(unit, vec![latched()])] {
                if by_restart {
                    restart(&mut bench, &plant, &mut disk);
                } else {
                    reload(&mut bench, &plant, back);
                }
            }
            let now = (bench.state(), bench.engine.alarm(RuleIx(0)).value);
            assert_eq!(now, (AlarmState::LatchedUnacknowledged, value), "{unit} {by_restart} {back}");
        }
    }
}

#[test]
fn a_limit_that_was_away_without_a_unit_comes_back_without_its_number() {
    let mut bench = bench_in("bar", vec![latched()]);
    let saved = StoredAlarm {
        key: "boiler-1/p0.h".to_owned(),
        state: AlarmState::LatchedUnacknowledged,
        raised_at: Some(Micros(7)),
        value: Some(1.6),
        away: Some(Micros(8)),
        ..StoredAlarm::default()
    };
    let now = bench.now();
    bench.engine.restore(&[saved], now);
    let alarm = bench.engine.alarm(RuleIx(0));
    assert_eq!(
        (alarm.state, alarm.raised_at, alarm.value),
        (AlarmState::LatchedUnacknowledged, Some(Micros(7)), None)
    );
}

#[test]
fn a_delay_towards_a_limit_in_another_unit_begins_anew() {
    let delayed = || vec![limit(LimitKind::H, 50.0, 5.0, 10, 0)];
    for (unit, raised) in [("MPa", 10.0), ("bar", 15.0)] {
        let mut disk = Disk::default();
        let mut bench = bench_in("MPa", delayed());
        bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
        bench.until(5.0);
        restart(&mut bench, &in_unit(unit, delayed()), &mut disk);
        assert!(bench.sample(5.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]).is_empty());
        assert!(bench.until(raised - 0.1).is_empty(), "{unit}");
        assert_eq!(events(&bench.until(raised)), [(0, Event::Raised)], "{unit}");
    }
}

#[test]
fn the_time_without_data_goes_on_in_another_unit() {
    let lost = [Err(Cause::Timeout), Ok(0.0), Err(Cause::Timeout)];
    for by_restart in [false, true] {
        let mut other = plant(vec![vec![], vec![], vec![]]);
        if by_restart {
            other.points[0].unit = "bar".to_owned();
        } else {
            let id = other.points[0].id.clone();
            other.points[0].id = std::mem::replace(&mut other.points[2].id, id);
        }
        let mut disk = Disk::default();
        let mut bench = Bench::new(vec![vec![], vec![], vec![]]);
        bench.sample(0.0, &[Ok(0.0), Ok(0.0), Ok(0.0)]);
        bench.sample(1.0, &lost);
        bench.until(3.0);
        if by_restart {
            restart(&mut bench, &other, &mut disk);
        } else {
            reload(&mut bench, &other, false);
        }
        assert!(bench.sample(3.0, &lost).is_empty());
        assert!(bench.until(5.9).is_empty(), "{by_restart}");
        assert_eq!(events(&bench.until(6.0)), [(0, Event::Raised), (2, Event::Raised)], "{by_restart}");
    }
}

#[test]
fn what_tests_remember_of_another_unit_does_not_count() {
    for (unit, quality) in [("MPa", Quality::Bad(Cause::Jump)), ("bar", Quality::Good)] {
        let tested = |unit: &str| {
            let mut plant = in_unit(unit, vec![]);
            plant.points[0].doubts =
                Some(Box::new(crate::plant::Doubts { max_step: Some(1.0), flatline: None }));
            plant
        };
        let mut disk = Disk::default();
        let mut bench = Bench::of(Engine::new(&tested("MPa"), Now { mono: Duration::ZERO, wall: Micros(0) }));
        bench.sample(0.0, &[Ok(1.6), Ok(0.0), Ok(0.0)]);
        let now = bench.now();
        disk.keep_memories(bench.engine.memories(now));
        restart(&mut bench, &tested(unit), &mut disk);
        bench.sample(1.0, &[Ok(16.0), Ok(0.0), Ok(0.0)]);
        assert_eq!(bench.engine.current(PointIx(0)).quality, quality, "{unit}");
    }
}

#[test]
fn a_condition_that_is_gone_after_a_restart_hides_nothing() {
    let mut disk = Disk::default();
    let mut bench = bench(vec![only(1)]);
    bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
    assert_eq!(bench.state(), AlarmState::Suppressed);
    restart(&mut bench, &settings(vec![high(50.0)]), &mut disk);
    assert_eq!(bench.state(), AlarmState::Unacknowledged);
    // Nor does a state that is gone.
    let state = |unless| Limit { unless, ..high(50.0) };
    restart(&mut bench, &settings(vec![state(vec![PointIx(1), PointIx(2)])]), &mut disk);
    bench.sample(1.0, &[Ok(60.0), Ok(0.0), Ok(1.0)]);
    assert_eq!(bench.state(), AlarmState::Suppressed);
    restart(&mut bench, &settings(vec![state(vec![PointIx(1)])]), &mut disk);
    assert_eq!(bench.state(), AlarmState::Suppressed, "the other one has not been read");
    bench.sample(2.0, &[Ok(60.0), Ok(0.0), Ok(1.0)]);
    assert_eq!(bench.state(), AlarmState::Unacknowledged);
}

#[test]
fn a_cause_that_is_gone_hides_nothing_after_a_restart_or_a_reload() {
    for by_reload in [false, true] {
        let mut disk = Disk::default();
        let plant = |follows: &[&str]| {
            let follows = follows.iter().map(|f| format!("boiler-1/{f}")).collect();
            let mut plant =
                plant(vec![vec![high(50.0)], vec![high(50.0)], vec![Limit { follows, ..high(50.0) }]]);
            (plant.alarm_policy.flood_begins, plant.alarm_policy.flood_ends) = (1, 1);
            plant.points.iter_mut().for_each(|p| p.no_data = None);
            plant
        };
        let with = plant(&["p0.h"]);
        let mut bench = Bench::of(Engine::new(&with, Now { mono: Duration::ZERO, wall: Micros(0) }));
        bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
        bench.sample(1.0, &[Ok(60.0), Ok(60.0), Ok(0.0)]);
        bench.sample(2.0, &[Ok(60.0), Ok(60.0), Ok(60.0)]);
        assert_eq!(bench.engine.alarm(RuleIx(2)).state, AlarmState::Suppressed);
        restart(&mut bench, &with, &mut disk);
        assert_eq!(bench.engine.alarm(RuleIx(2)).state, AlarmState::Suppressed, "it is there");
        // It follows from what does not exist, from what does not stand, and from nothing.
        for follows in [vec!["p9.h"], vec!["p2.h"], vec![]] {
            let mut copy = Bench::of(bench.engine.clone());
            (copy.second, copy.mono_at) = (bench.second, bench.mono_at);
            if by_reload {
                reload(&mut copy, &plant(&follows), false);
            } else {
                restart(&mut copy, &plant(&follows), &mut disk.clone());
            }
            let state = copy.engine.alarm(RuleIx(2)).state;
            assert_eq!(state, AlarmState::Unacknowledged, "{follows:?} {by_reload}");
        }
    }
}

#[test]
fn a_value_that_stands_is_judged_by_a_new_limit_at_once() {
    let mut bench = bench(vec![high(80.0)]);
    bench.sample(0.0, &[Ok(60.0), Ok(1.0), Ok(1.0)]);
    bench.second = 100.0;
    let said = reload(&mut bench, &settings(vec![high(50.0)]), false);
    assert_eq!(told(&said), [(Event::Raised, AlarmState::Unacknowledged, true)]);
    assert_eq!(said[0].value, Some(60.0));
    // With its own delay, and it clears by the new limit too.
    bench.second = 200.0;
    let delayed = Limit { off_delay: Duration::from_secs(3), ..high(80.0) };
    assert!(reload(&mut bench, &settings(vec![delayed.clone()]), false).is_empty());
    assert!(bench.until(202.9).is_empty());
    assert_eq!(events(&bench.until(203.0)), [(0, Event::Cleared)]);
    assert!(reload(&mut bench, &settings(vec![delayed]), false).is_empty(), "nothing changed");
}

#[test]
fn a_new_condition_hides_and_shows_by_what_is_known_of_it() {
    let mut bench = bench(vec![only(1)]);
    bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(1.0)]);
    assert_eq!(bench.state(), AlarmState::Suppressed);
    let said = reload(&mut bench, &settings(vec![only(2)]), false);
    assert_eq!(told(&said), [(Event::Unsuppressed, AlarmState::Unacknowledged, true)]);
    let said = reload(&mut bench, &settings(vec![only(1)]), false);
    assert_eq!(told(&said), [(Event::Suppressed, AlarmState::Suppressed, false)]);
}

#[test]
fn a_device_that_is_read_and_gets_its_first_no_data_alarm_is_not_lost() {
    let mut bench = bench(vec![high(50.0)]);
    bench.sample(0.0, &[Ok(1.0), Ok(0.0), Ok(0.0)]);
    let watched = plant(vec![vec![high(50.0)], vec![], vec![]]);
    let mut said = reload(&mut bench, &watched, false);
    for second in 1..60 {
        said.extend(bench.sample(f64::from(second), &[Ok(1.0), Ok(0.0), Ok(0.0)]));
    }
    assert!(said.is_empty(), "{said:?}");
    // And what was lost before is told now.
    let unwatched = settings(vec![high(50.0)]);
    reload(&mut bench, &unwatched, false);
    for second in 60..70 {
        bench.sample(f64::from(second), &[Err(Cause::Timeout); 3]);
    }
    let mut said = reload(&mut bench, &watched, false);
    for second in 70..90 {
        said.extend(bench.sample(f64::from(second), &[Err(Cause::Timeout); 3]));
    }
    let device = bench.engine.rules().len() as u32 - 1;
    assert_eq!(events(&said), [(device, Event::Raised)]);
}

#[test]
fn a_point_that_comes_with_new_settings_and_is_never_read_is_told() {
    let mut bench = Bench::new(vec![vec![]]);
    bench.sample(0.0, &[Ok(1.0)]);
    let said = reload(&mut bench, &plant(vec![vec![], vec![]]), false);
    assert!(said.is_empty());
    let mut said = Vec::new();
    for second in 1..10 {
        said.extend(bench.sample(f64::from(second), &[Ok(1.0)]));
    }
    assert_eq!(events(&said), [(1, Event::Raised)]);
}

fn latched() -> Limit {
    Limit { latch: true, ..high(50.0) }
}

fn acknowledge(bench: &mut Bench) {
    let (now, mut out) = (bench.now(), Vec::new());
    bench.engine.acknowledge(RuleIx(0), &who("a"), now, &mut out).unwrap();
}

#[test]
fn a_limit_that_goes_says_so_and_what_nobody_has_seen_is_shown_when_it_comes_back() {
    let low = || limit(LimitKind::L, -50.0, 5.0, 0, 0);
    let mut bench = bench(vec![latched(), low()]);
    bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
    bench.sample(1.0, &[Ok(0.0), Ok(0.0), Ok(0.0)]);
    assert_eq!(bench.state(), AlarmState::LatchedUnacknowledged);
    let said = reload(&mut bench, &settings(vec![low()]), false);
    assert_eq!(told(&said), [(Event::Removed, AlarmState::Normal, false)]);
    assert_eq!((said[0].from, said[0].raised_at), (AlarmState::LatchedUnacknowledged, Some(Micros(0))));
    // Other settings come and go in the meantime.
    bench.second = 500.0;
    reload(&mut bench, &settings(vec![low(), high(90.0)]), false);
    reload(&mut bench, &settings(vec![low()]), false);
    let said = reload(&mut bench, &settings(vec![latched(), low()]), false);
    assert_eq!(told(&said), [(Event::Reinstated, AlarmState::LatchedUnacknowledged, false)]);
    acknowledge(&mut bench);
    reload(&mut bench, &settings(vec![low()]), false);
    reload(&mut bench, &settings(vec![latched(), low()]), false);
    assert_eq!(bench.state(), AlarmState::LatchedUnacknowledged, "seen before is not seen now");
}

#[test]
fn what_a_person_put_aside_is_aside_when_its_limit_comes_back() {
    let mut bench = bench(vec![high(50.0)]);
    bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
    let (now, mut out) = (bench.now(), Vec::new());
    bench.engine.shelve(RuleIx(0), (&who("a"), "w"), Duration::from_secs(100), now, &mut out).unwrap();
    let said = reload(&mut bench, &settings(vec![]), false);
    assert_eq!(told(&said), [(Event::Removed, AlarmState::Normal, false)]);
    bench.until(40.0);
    let said = reload(&mut bench, &settings(vec![high(50.0)]), false);
    assert_eq!(
        told(&said),
        [(Event::Reinstated, AlarmState::Shelved, false), (Event::Raised, AlarmState::Shelved, false)]
    );
    let said = bench.until(100.0);
    assert_eq!(told(&said), [(Event::Unshelved, AlarmState::Unacknowledged, true)], "no longer than it said");
    let now = bench.now();
    bench.engine.take_out(RuleIx(0), (&who("a"), "w"), now, &mut Vec::new()).unwrap();
    reload(&mut bench, &settings(vec![]), false);
    reload(&mut bench, &settings(vec![high(50.0)]), false);
    assert_eq!(bench.state(), AlarmState::OutOfService);
    assert_eq!(bench.engine.alarm(RuleIx(0)).out.map(|o| o.by), Some("a".to_owned()));
}

#[test]
fn an_acknowledgement_of_before_answers_for_no_breach_of_now() {
    for by_restart in [false, true] {
        let mut disk = Disk::default();
        let mut bench = bench(vec![high(50.0)]);
        bench.sample(0.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
        acknowledge(&mut bench);
        if by_restart {
            let gone = restart(&mut bench, &settings(vec![]), &mut disk);
            assert_eq!((gone[0].shown(), gone[0].away), (AlarmState::Acknowledged, Some(Micros(0))));
            bench.second = 900.0;
            let gone = restart(&mut bench, &settings(vec![]), &mut disk);
            assert_eq!(gone[0].away, Some(Micros(0)), "since the first start without it");
            restart(&mut bench, &settings(vec![high(50.0)]), &mut disk);
        } else {
            reload(&mut bench, &settings(vec![]), false);
            bench.second = 900.0;
            bench.sample(900.0, &[Ok(0.0), Ok(0.0), Ok(0.0)]);
            reload(&mut bench, &settings(vec![high(50.0)]), false);
        }
        assert_eq!(bench.state(), AlarmState::Normal);
        let said = bench.sample(901.0, &[Ok(60.0), Ok(0.0), Ok(0.0)]);
        assert_eq!(told(&said), [(Event::Raised, AlarmState::Unacknowledged, true)]);
        restart(&mut bench, &settings(vec![high(50.0)]), &mut disk);
        assert_eq!(bench.state(), AlarmState::Unacknowledged, "it is there again, and stored as such");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// After new settings an alarm is as it would be if the value came again.
    #[test]
    fn a_value_that_stands_is_judged_as_if_it_came_again(
        value in -10i32..110, before in 0i32..100, after in 0i32..100, low in any::<bool>(), condition in 0u32..3,
        states in [any::<bool>(), any::<bool>()],
    ) {
        let kind = if low { LimitKind::L } else { LimitKind::H };
        let when = |n: u32| (n > 0).then_some(PointIx(n));
        let of = |at: i32, n| Limit { when: when(n), ..limit(kind, f64::from(at), 3.0, 0, 0) };
        let said = [Ok(f64::from(value)), Ok(f64::from(u8::from(states[0]))), Ok(f64::from(u8::from(states[1])))];
        let mut bench = bench(vec![of(before, 1)]);
        bench.sample(0.0, &said);
        bench.second = 10.0;
        reload(&mut bench, &settings(vec![of(after, condition)]), false);
        let at_once = bench.alarm(0);
        prop_assert_eq!(bench.sample(10.0, &said), vec![]);
        prop_assert_eq!(at_once, bench.alarm(0));
        let info = bench.engine.alarm(RuleIx(0));
        let hidden = condition > 0 && !states[condition as usize - 1];
        prop_assert_eq!(info.state == AlarmState::Suppressed, hidden);
    }

    /// A trial that ends with the settings of before leaves nothing behind.
    #[test]
    fn settings_that_come_back_by_themselves_bring_every_state_back_as_it_was(
        signal in signal(), limit in any_limit(), latch in any::<bool>(), acknowledged in any::<bool>(),
        aside in 0u8..3, cut in 0usize..40,
    ) {
        let limit = Limit { latch, ..limit };
        let mut bench = bench(vec![limit.clone()]);
        let mut last = 0;
        for (second, value) in signal.iter().enumerate().take(cut + 1) {
            bench.sample(second as f64, &[*value, Ok(0.0), Ok(0.0)]);
            last = second;
        }
        let (now, mut out) = (bench.now(), Vec::new());
        if acknowledged {
            let _ = bench.engine.acknowledge(RuleIx(0), &who("a"), now, &mut out);
        }
        match aside {
            1 => bench.engine.shelve(RuleIx(0), (&who("a"), "w"), Duration::from_secs(1000), now, &mut out).unwrap(),
            2 => bench.engine.take_out(RuleIx(0), (&who("a"), "w"), now, &mut out).unwrap(),
            _ => {}
        }
        let was = bench.alarm(0);
        let shown = bench.state();
        let said = reload(&mut bench, &settings(vec![]), false);
        prop_assert_eq!(said.len(), usize::from(shown != AlarmState::Normal));
        bench.second = last as f64;
        let said = reload(&mut bench, &settings(vec![limit]), true);
        prop_assert!(said.iter().all(|t| !t.annunciates()), "{:?}", said);
        prop_assert_eq!(was, bench.alarm(0));
    }
}
