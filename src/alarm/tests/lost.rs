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
        let now = bench.now();
        bench.engine.tick(now, &mut out);
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
    let mut disk = Disk::default();
    disk.commit(&mut bench.engine, now);
    let start = bench.restart();
    bench.engine = Engine::new(&seldom(), start);
    disk.restore(&mut bench.engine, start);
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

/// Device `a` with two requests, one of `p0` and one of `q` and `r`; device `b` with `p1`; and `d0`, which is calculated
/// from both.
fn two_requests() -> Plant {
    let mut plant = plant_with(&["p0 + p1"]);
    for (number, id) in [(3, "q"), (4, "r")] {
        let mut point = plant.points[0].clone();
        point.id = crate::plant::Id::new(id).expect("a good id");
        plant.points.push(point);
        plant.devices[0].points.push(PointIx(number));
        plant.equipment[0].points.push(PointIx(number));
    }
    plant.points[2].limits.clear();
    plant.devices.iter_mut().for_each(|d| d.stale_after = Duration::from_secs(100_000));
    plant
}

const REQUESTS: [(u32, &[u32]); 3] = [(0, &[0]), (0, &[3, 4]), (1, &[1])];

/// Second by second, from `from` on: what became of each request, in an order of their own.
fn ask(bench: &mut Bench, second: f64, answers: [Option<Cause>; 3], order: [usize; 3]) -> Vec<Transition> {
    let mut out = bench.until(second - 1e-6);
    bench.second = second;
    let now = bench.now();
    for request in order {
        let (device, points) = REQUESTS[request];
        let quality = answers[request].map_or(Quality::Good, Quality::Bad);
        let one = |p: &u32| Reading { point: PointIx(*p), value: 1.0, quality };
        let mut readings: Vec<Reading> = points.iter().map(one).collect();
        let len = readings.len() as u32;
        let head = SampleHead { device: DeviceIx(device), at: now.wall, live: true, len };
        bench.engine.sample(head, &mut readings, now, &mut out);
        settle(bench, &mut out);
        // Each answer comes by itself.
        bench.engine.tick(now, &mut out);
        settle(bench, &mut out);
    }
    out
}

fn ask_for(bench: &mut Bench, seconds: std::ops::Range<u32>, answers: [Option<Cause>; 3]) -> Vec<Transition> {
    seconds.flat_map(|s| ask(bench, f64::from(s), answers, [0, 1, 2])).collect()
}

fn rule(bench: &Bench, key: &str) -> RuleIx {
    let at = bench.engine.rules().iter().position(|r| &*r.key == key);
    RuleIx(at.unwrap_or_else(|| panic!("no rule {key}")) as u32)
}

const GONE: Option<Cause> = Some(Cause::Timeout);

#[test]
fn one_request_that_is_not_answered_is_told_by_its_points_while_the_others_are() {
    for cause in [Cause::Timeout, Cause::BackingOff, Cause::ExceptionPath, Cause::Stale] {
        let mut bench = Bench::of(Engine::new(&two_requests(), at(0.0)));
        assert!(ask_for(&mut bench, 0..5, [None; 3]).is_empty());
        let said = ask_for(&mut bench, 5..60, [None, Some(cause), None]);
        assert_eq!(raised(&said, &bench), ["boiler-1/q.no_data", "boiler-1/r.no_data"], "{cause:?}");
        // The rest of it goes too: one more call, and none for what is calculated from it.
        let said = ask_for(&mut bench, 60..120, [GONE, Some(cause), None]);
        assert_eq!(raised(&said, &bench), ["boiler-1/device:a.no_data"]);
        let said = ask_for(&mut bench, 120..140, [None; 3]);
        assert_eq!(events(&said).iter().filter(|e| e.1 == Event::Cleared).count(), 3, "{said:?}");
    }
}

#[test]
fn a_request_that_stays_away_when_its_device_is_back_is_told() {
    let mut bench = Bench::of(Engine::new(&two_requests(), at(0.0)));
    ask_for(&mut bench, 0..5, [None; 3]);
    let said = ask_for(&mut bench, 5..30, [GONE, GONE, None]);
    assert_eq!(raised(&said, &bench), ["boiler-1/device:a.no_data"]);
    let said = ask_for(&mut bench, 30..60, [None, GONE, None]);
    assert_eq!(raised(&said, &bench), ["boiler-1/q.no_data", "boiler-1/r.no_data"]);
}

#[test]
fn a_point_that_no_answer_holds_is_told_once_its_device_is_read() {
    let mut bench = Bench::of(Engine::new(&two_requests(), at(0.0)));
    let mut said = Vec::new();
    for second in 0..30 {
        said.extend(run(&mut bench, second..second + 1, [None, None]));
    }
    let mut told = raised(&said, &bench);
    told.sort_unstable();
    assert_eq!(told, ["boiler-1/q.no_data", "boiler-1/r.no_data"]);
}

#[test]
fn a_device_alarm_that_people_hide_tells_nothing() {
    for shelf in [false, true] {
        let mut bench = Bench::of(Engine::new(&two_requests(), at(0.0)));
        ask_for(&mut bench, 0..5, [None; 3]);
        let device = rule(&bench, "boiler-1/device:a.no_data");
        let hide = |bench: &mut Bench, out: &mut Vec<Transition>| {
            let now = bench.now();
            let done = match shelf {
                true => bench.engine.shelve(device, (&who("a"), "w"), Duration::from_secs(10_000), now, out),
                false => bench.engine.take_out(device, (&who("a"), "w"), now, out),
            };
            done.expect("it can be hidden");
        };
        // Before the device is lost, and while its alarm stands.
        let mut out = Vec::new();
        if shelf {
            hide(&mut bench, &mut out);
        }
        let said = ask_for(&mut bench, 5..30, [GONE, GONE, None]);
        if !shelf {
            assert_eq!(raised(&said, &bench), ["boiler-1/device:a.no_data"]);
            hide(&mut bench, &mut out);
        }
        let said = [said, ask_for(&mut bench, 30..60, [GONE, GONE, None])].concat();
        let mut told: Vec<String> =
            raised(&said, &bench).into_iter().filter(|r| !r.contains("device")).collect();
        told.sort_unstable();
        // What is calculated from `p0` is told by its alarm.
        assert_eq!(told, ["boiler-1/p0.no_data", "boiler-1/q.no_data", "boiler-1/r.no_data"]);
    }
}

#[test]
fn a_less_urgent_part_of_an_instrument_tells_nothing_of_an_urgent_one() {
    let mut plant = plant_with(&[]);
    plant.devices[0].label = "plc-1/1".to_owned();
    plant.devices[1].label = "plc-1/1@5s".to_owned();
    plant.points[1].no_data.as_mut().unwrap().priority = Priority::Critical;
    let mut bench = Bench::of(Engine::new(&plant, at(0.0)));
    run(&mut bench, 0..5, [None, None]);
    let said = run(&mut bench, 5..60, [Some(Cause::Timeout); 2]);
    let both = ["boiler-1/device:plc-1/1.no_data", "boiler-1/device:plc-1/1@5s.no_data"];
    assert_eq!(raised(&said, &bench), both);
}

/// What became of one request, second by second.
fn answers() -> impl Strategy<Value = Vec<Option<Cause>>> {
    let answer = prop_oneof![
        3 => Just(None),
        4 => Just(GONE),
        1 => Just(Some(Cause::BackingOff)),
        1 => Just(Some(Cause::NotANumber)),
    ];
    let run = (answer, 1usize..14).prop_map(|(answer, len)| vec![answer; len]);
    prop::collection::vec(run, 1..16).prop_map(|runs| runs.concat())
}

/// Which alarms people see.
fn seen(bench: &Bench, key: &str) -> bool {
    bench.engine.alarm(rule(bench, key)).state.is_active()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, ..ProptestConfig::default() })]

    /// The law of `gaps`, told by facts: what has no value for its time has an alarm, or people see one that tells why.
    #[test]
    fn no_point_is_without_a_value_for_long_and_untold(
        signal in [answers(), answers(), answers()],
        after in [2u64..9, 2u64..9, 2u64..9, 2u64..9, 2u64..9],
        off in 0u64..5,
        urgent in prop::option::of(0usize..5),
        hide in prop::collection::vec((0usize..100, 0usize..7, any::<bool>()), 0..4),
        order in Just([0usize, 1, 2]).prop_shuffle(),
    ) {
        let mut plant = two_requests();
        for (n, point) in plant.points.iter_mut().enumerate() {
            let no_data = point.no_data.as_mut().unwrap();
            (no_data.after, no_data.off_delay) = (Duration::from_secs(after[n]), Duration::from_secs(off));
            if urgent == Some(n) {
                no_data.priority = Priority::Critical;
            }
        }
        let mut bench = Bench::of(Engine::new(&plant, at(0.0)));
        let urgency = |n: usize| if urgent == Some(n) { 1 } else { 3 };
        // A device is as urgent as the most urgent of its points, and as quick as the quickest.
        let (a, b) = ([0usize, 3, 4], [1usize]);
        let urgency_of = |points: &[usize]| points.iter().map(|n| urgency(*n)).min().unwrap();
        let keys = ["p0", "p1", "d0", "q", "r"].map(|p| format!("boiler-1/{p}.no_data"));
        let (key_a, key_b) = ("boiler-1/device:a.no_data", "boiler-1/device:b.no_data");
        let longest = *after.iter().max().unwrap();
        let (mut untold, mut was) = ([0u64; 5], [None; 3]);
        #[expect(clippy::needless_range_loop, reason = "three signals run together")]
        for second in 0..signal.iter().map(Vec::len).min().unwrap() {
            let now = [signal[0][second], signal[1][second], signal[2][second]];
            let said = ask(&mut bench, second as f64, now, order);
            for (_, number, out) in hide.iter().filter(|h| h.0 == second) {
                let key = keys.iter().map(String::as_str).chain([key_a, key_b]).nth(*number).unwrap();
                let (rule, now, mut said) = (rule(&bench, key), bench.now(), Vec::new());
                // Twice is refused, and as good.
                let _ = match out {
                    true => bench.engine.take_out(rule, (&who("a"), "w"), now, &mut said),
                    false => bench.engine.put_back(rule, &who("a"), now, &mut said),
                };
                bench.engine.tick(now, &mut said);
            }
            let way = |n: usize| now[n].is_some_and(Cause::is_communication);
            let lost = [way(0) && way(1), way(2)];
            // What is calculated has a value as soon as both answers are there, if only until the next one.
            let mut calculated = false;
            for request in order {
                was[request] = now[request];
                calculated |= was[0].is_none() && was[2].is_none();
            }
            let gone = [now[0].is_some(), now[2].is_some(), !calculated, now[1].is_some(), now[1].is_some()];
            // What was told in this second was told, though the next answer may have ended it.
            let called = |key: &str| {
                let of = rule(&bench, key);
                said.iter().any(|t| t.rule == of && t.event == Event::Raised && t.to.is_active())
            };
            let by = |key: &str, holds: bool, urgent: i32, n: usize| {
                (holds && seen(&bench, key) || called(key)) && urgent <= urgency(n)
            };
            let by_a = |n: usize| by(key_a, lost[0], urgency_of(&a), n);
            let by_b = |n: usize| by(key_b, lost[1], urgency_of(&b), n);
            let by_input = |n: usize| by(&keys[n], gone[n], urgency(n), 2);
            let told = [by_a(0), by_b(1), by_a(2) || by_b(2) || by_input(0) || by_input(1), by_a(3), by_a(4)];
            for n in 0..5 {
                let own = bench.engine.alarm(rule(&bench, &keys[n])).active;
                untold[n] = if gone[n] && !own && !told[n] { untold[n] + 1 } else { 0 };
                // It waits for an alarm that is about to tell, once.
                prop_assert!(
                    untold[n] <= after[n] + longest,
                    "{} untold for {} s at {second} s", keys[n], untold[n]
                );
            }
        }
    }
}
