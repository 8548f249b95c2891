//! Devices that are lost or come too seldom: one call for one reason.

use super::derived::{at, plant_with, read, settle};
use super::*;
use crate::plant::Plant;

fn raised(transitions: &[Transition], bench: &Bench) -> Vec<String> {
    let raised = transitions.iter().filter(|t| t.event == Event::Raised);
    raised.map(|t| bench.engine.rules()[t.rule.0 as usize].key.to_string()).collect()
}

/// Both devices are read each second; from `lost` on, those with a cause.
fn run(bench: &mut Bench, seconds: std::ops::Range<u32>, causes: [Option<Cause>; 2]) -> Vec<Transition> {
    let mut out = Vec::new();
    for second in seconds {
        out.extend(bench.until(f64::from(second) - 1e-6));
        bench.second = f64::from(second);
        for (point, cause) in (0u32..).zip(causes) {
            read(bench, point, cause.map_or(Ok(0.0), Err), true, &mut out);
        }
        settle(bench, &mut out);
    }
    out
}

#[test]
fn one_lost_device_is_one_call_whatever_is_calculated_from_it() {
    let mut bench = Bench::of(Engine::new(&plant_with(&["p0 - p1", "p0 * 2", "d0 + d1", "p1 * 3"]), at(0.0)));
    assert!(run(&mut bench, 0..5, [None, None]).is_empty());
    let said = run(&mut bench, 5..60, [Some(Cause::Timeout), None]);
    assert_eq!(raised(&said, &bench), ["boiler-1/device:a.no_data"]);
    // The second one is another reason.
    let said = run(&mut bench, 60..120, [Some(Cause::Timeout), Some(Cause::Disconnected)]);
    assert_eq!(raised(&said, &bench), ["boiler-1/device:b.no_data"]);
    let said = run(&mut bench, 120..130, [None, None]);
    assert_eq!(events(&said).iter().filter(|e| e.1 == Event::Cleared).count(), 2, "{said:?}");
}

#[test]
fn what_nobody_else_tells_is_told_by_the_calculated_point_itself() {
    let mut plant = plant_with(&["p0 - p1"]);
    plant.points[1].no_data = None;
    let mut bench = Bench::of(Engine::new(&plant, at(0.0)));
    run(&mut bench, 0..5, [None, None]);
    let said = run(&mut bench, 5..30, [None, Some(Cause::Timeout)]);
    assert_eq!(raised(&said, &bench), ["boiler-1/d0.no_data"]);
}

#[test]
fn a_calculated_point_that_is_more_urgent_than_what_it_reads_is_told_too() {
    let mut plant = plant_with(&["p0 - p1"]);
    plant.points[2].no_data.as_mut().unwrap().priority = Priority::Critical;
    let mut bench = Bench::of(Engine::new(&plant, at(0.0)));
    run(&mut bench, 0..5, [None, None]);
    let said = run(&mut bench, 5..30, [None, Some(Cause::Timeout)]);
    let mut told = raised(&said, &bench);
    told.sort_unstable();
    assert_eq!(told, ["boiler-1/d0.no_data", "boiler-1/device:b.no_data"]);
}

#[test]
fn parts_of_one_instrument_that_are_polled_at_other_periods_are_one_call() {
    let mut plant = plant_with(&[]);
    plant.devices[0].label = "plc-1/1".to_owned();
    plant.devices[1].label = "plc-1/1@5s".to_owned();
    let mut bench = Bench::of(Engine::new(&plant, at(0.0)));
    run(&mut bench, 0..5, [None, None]);
    let said = run(&mut bench, 5..60, [Some(Cause::Timeout); 2]);
    assert_eq!(raised(&said, &bench), ["boiler-1/device:plc-1/1.no_data"]);
    // The second part alone is told: nothing else tells of it.
    let said = run(&mut bench, 60..90, [None, Some(Cause::Timeout)]);
    assert_eq!(raised(&said, &bench), ["boiler-1/device:plc-1/1@5s.no_data"]);
}

fn seldom() -> Plant {
    let mut plant = plant(vec![vec![]]);
    plant.devices[0].stale_after = Duration::from_secs(5);
    let no_data = plant.points[0].no_data.as_mut().unwrap();
    (no_data.after, no_data.off_delay) = (Duration::from_secs(10), Duration::from_secs(10));
    plant
}

#[test]
fn a_device_that_comes_too_seldom_is_one_alarm_and_its_pace_is_known() {
    let mut bench = Bench::of(Engine::new(&seldom(), at(0.0)));
    let mut said = Vec::new();
    for n in 0..20 {
        said.extend(bench.sample(f64::from(n) * 20.0, &[Ok(1.0)]));
    }
    assert_eq!(events(&said), [(1, Event::Raised)], "{said:?}");
    let pace = bench.engine.pace(DeviceIx(0)).unwrap().as_secs_f64();
    assert!((pace - 20.0).abs() < 0.1, "{pace}");
    // Now it comes as it should.
    for n in 0..12 {
        said.extend(bench.sample(400.0 + f64::from(n), &[Ok(1.0)]));
    }
    assert_eq!(events(&said), [(1, Event::Raised), (1, Event::Cleared)]);
}

#[test]
fn how_long_data_have_been_back_outlives_a_restart() {
    let mut bench = Bench::of(Engine::new(&seldom(), at(0.0)));
    bench.sample(0.0, &[Ok(1.0)]);
    bench.until(30.0);
    for n in 30..36 {
        assert!(bench.sample(f64::from(n), &[Ok(1.0)]).is_empty());
    }
    let now = bench.now();
    let saved = bench.engine.snapshot_changed(now);
    let start = bench.restart();
    bench.engine = Engine::new(&seldom(), start);
    bench.engine.restore(&saved, start);
    let mut said = Vec::new();
    for n in 36..42 {
        said.extend(bench.sample(f64::from(n), &[Ok(1.0)]));
    }
    assert_eq!(events(&said), [(1, Event::Cleared)], "five seconds before the restart and five after it");
}

#[test]
fn what_comes_in_one_message_is_heard_once() {
    let mut bench = Bench::new(vec![vec![]]);
    for minute in 0..10 {
        for _ in 0..12 {
            bench.sample(f64::from(minute) * 60.0, &[Ok(1.0)]);
        }
    }
    let pace = bench.engine.pace(DeviceIx(0)).unwrap().as_secs_f64();
    assert!((pace - 60.0).abs() < 0.1, "{pace}");
}
