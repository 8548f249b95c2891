//! Readings that come later than they were taken: delays and windows run by their own time.

use super::derived::{plant_with, settle};
use super::*;
use crate::plant::{Derived, Doubts, Flatline, How, Plant};

fn patient(mut plant: Plant) -> Bench {
    plant.devices.iter_mut().for_each(|d| d.stale_after = Duration::from_secs(600));
    plant.points.iter_mut().for_each(|p| p.no_data = None);
    Bench::of(Engine::new(&plant, Now { mono: Duration::from_secs(1000), wall: Micros(1_000_000_000) }))
}

impl Bench {
    /// A value of point 0 that was taken at `own` and comes now, with this doubt.
    fn late(&mut self, own: f64, value: f64, quality: Quality) -> Vec<Transition> {
        let (now, mut out) = (self.now(), Vec::new());
        let at = Micros(now.wall.0 - ((self.second - own) * 1e6) as i64);
        let mut readings = [Reading { point: PointIx(0), value, quality }];
        let head = SampleHead { device: DeviceIx(0), at, live: true, len: 1 };
        self.engine.sample(head, &mut readings, now, &mut out);
        out
    }

    fn end_of_burst(&mut self) -> Vec<Transition> {
        let mut out = Vec::new();
        settle(self, &mut out);
        let now = self.now();
        self.engine.tick(now, &mut out);
        settle(self, &mut out);
        out
    }
}

fn delayed() -> Bench {
    let mut bench = patient(plant(vec![vec![limit(LimitKind::H, 50.0, 0.0, 10, 10)]]));
    bench.mono_at = 1000.0;
    bench.wall_jump = 1_000_000_000;
    bench
}

#[test]
fn an_on_delay_runs_by_the_time_of_the_readings() {
    // Six seconds of breach, sent with what was before and after it in one message.
    let mut bench = delayed();
    bench.second = 60.0;
    let mut said = Vec::new();
    for (own, value) in [(0.0, 10.0), (30.0, 60.0), (36.0, 10.0), (59.5, 10.0)] {
        said.extend(bench.late(own, value, Quality::Good));
    }
    said.extend(bench.end_of_burst());
    assert!(said.is_empty(), "{said:?}");
    // Twelve seconds of it.
    bench.second = 120.0;
    for (own, value) in [(70.0, 60.0), (76.0, 60.0), (82.0, 60.0), (88.0, 10.0), (119.5, 10.0)] {
        said.extend(bench.late(own, value, Quality::Good));
    }
    said.extend(bench.end_of_burst());
    assert_eq!(events(&said), [(0, Event::Raised), (0, Event::Cleared)]);
    assert!(said.iter().all(|t| t.at == Micros(1_120_000_000)), "people are called when it is known");
}

#[test]
fn a_delay_runs_by_the_time_of_the_readings_between_them_too() {
    // The device's clock is 90 s slow, and the spike lasts for one reading.
    let mut bench = patient(plant(vec![vec![limit(LimitKind::H, 50.0, 0.0, 60, 60)]]));
    (bench.mono_at, bench.wall_jump) = (1000.0, 1_000_000_000);
    let mut said = Vec::new();
    for (second, value) in [(100.0, 10.0), (101.0, 60.0), (102.0, 10.0)] {
        said.extend(bench.until(second));
        said.extend(bench.late(second - 90.0, value, Quality::Good));
        said.extend(bench.end_of_burst());
    }
    said.extend(bench.until(200.0));
    assert!(said.is_empty(), "{said:?}");
    // It stays: its minute is over when one has passed, and clears likewise.
    bench.late(110.0, 60.0, Quality::Good);
    bench.end_of_burst();
    assert!(bench.until(259.9).is_empty());
    assert_eq!(events(&bench.until(260.0)), [(0, Event::Raised)]);
    bench.late(170.0, 10.0, Quality::Good);
    bench.end_of_burst();
    assert!(bench.until(319.9).is_empty());
    assert_eq!(events(&bench.until(320.0)), [(0, Event::Cleared)]);
}

#[test]
fn a_burst_in_several_messages_is_judged_like_one() {
    // Six seconds of breach, and the end of it comes a second later.
    let mut bench = delayed();
    bench.second = 60.0;
    let mut said = Vec::new();
    for message in [[(0.0, 10.0), (30.0, 60.0)], [(34.0, 60.0), (36.0, 10.0)], [(50.0, 10.0), (59.5, 10.0)]] {
        for (own, value) in message {
            said.extend(bench.late(own, value, Quality::Good));
        }
        said.extend(bench.end_of_burst());
        let second = bench.second + 1.0;
        said.extend(bench.until(second));
    }
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn a_device_that_falls_silent_adds_nothing_to_a_delay_that_ran_late() {
    let mut bench = patient(plant(vec![vec![limit(LimitKind::H, 50.0, 0.0, 60, 0)]]));
    (bench.mono_at, bench.wall_jump) = (1000.0, 1_000_000_000);
    bench.until(100.0);
    bench.late(10.0, 60.0, Quality::Good);
    bench.end_of_burst();
    let mut readings = [Reading { point: PointIx(0), value: f64::NAN, quality: Quality::Bad(Cause::Stale) }];
    bench.until(110.0);
    let (now, mut out) = (bench.now(), Vec::new());
    let head = SampleHead { device: DeviceIx(0), at: Micros(now.wall.0 - 90_000_000), live: true, len: 1 };
    bench.engine.sample(head, &mut readings, now, &mut out);
    // Ten seconds of it have passed; then it is back, and fifty more are asked for.
    bench.until(300.0);
    bench.late(210.0, 60.0, Quality::Good);
    bench.end_of_burst();
    assert!(bench.until(349.9).is_empty());
    assert_eq!(events(&bench.until(350.0)), [(0, Event::Raised)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Told by comparison: what comes late by always the same time is judged as what comes at once, so much later.
    #[test]
    fn a_delay_is_measured_between_the_readings_own_times_however_late_they_come(
        signal in signal(),
        limit in any_limit(),
        late in 2u32..3000,
        apart in 1u32..5,
        cut in prop::option::of(0usize..60),
    ) {
        let story = |late: f64| {
            let settings = || {
                let mut plant = plant(vec![vec![limit.clone()]]);
                plant.devices[0].stale_after = Duration::from_secs(100_000);
                plant.points[0].no_data = None;
                plant
            };
            let mut bench = patient(settings());
            (bench.mono_at, bench.wall_jump) = (1000.0, 1_000_000_000);
            let mut disk = Disk::default();
            let mut said = Vec::new();
            for (n, value) in signal.iter().enumerate() {
                let own = (n as u32 * apart) as f64;
                said.extend(bench.until(own + late - 1e-6));
                bench.second = own + late;
                let quality = value.map_or_else(Quality::Bad, |_| Quality::Good);
                said.extend(bench.late(own, value.unwrap_or(f64::NAN), quality));
                said.extend(bench.end_of_burst());
                if cut == Some(n) {
                    let now = bench.now();
                    disk.commit(&mut bench.engine, now);
                    let start = bench.restart();
                    bench.engine = Engine::new(&settings(), start);
                    disk.restore(&mut bench.engine, start);
                    said.extend(bench.late(own, value.unwrap_or(f64::NAN), quality));
                    said.extend(bench.end_of_burst());
                }
            }
            let end = bench.second;
            said.extend(bench.until(end + 20.0));
            let since = |t: &Transition| ((t.at.0 - 1_000_000_000) as f64 / 1e6 - late) * 1e3;
            said.iter().map(|t| (t.event, since(t).round() as i64)).collect::<Vec<_>>()
        };
        prop_assert_eq!(story(f64::from(late)), story(0.0));
    }
}

#[test]
fn the_time_of_a_clock_that_is_in_doubt_moves_no_delay() {
    for cause in [Cause::ClockUnsure, Cause::DeviceClock] {
        let mut bench = delayed();
        bench.second = 60.0;
        bench.late(20.0, 60.0, Quality::Uncertain(cause));
        assert!(bench.end_of_burst().is_empty());
        assert!(bench.until(69.9).is_empty());
        assert_eq!(events(&bench.until(70.0)), [(0, Event::Raised)]);
    }
}

#[test]
fn the_rate_of_what_was_buffered_is_the_rate_at_which_it_rose() {
    // 0.02 a minute, each five seconds.
    let mut bench = patient(plant_with(&["rate_min(p0, 60s) * 1 min"]));
    (bench.mono_at, bench.wall_jump) = (1000.0, 1_000_000_000);
    let value = |second: f64| second / 60.0 * 0.02;
    let rate = |bench: &Bench| bench.engine.current(PointIx(2)).value;
    let mut most = f64::NEG_INFINITY;
    for n in 0..=24 {
        bench.until(f64::from(n) * 5.0);
        bench.late(bench.second, value(bench.second), Quality::Good);
        bench.end_of_burst();
    }
    assert!((rate(&bench) - 0.02).abs() < 0.002, "{}", rate(&bench));
    // Silent for a minute and a half, then all of it at once.
    for _ in 0..3 {
        let from = bench.second;
        bench.until(from + 90.0);
        for n in 1..=18 {
            bench.late(from + f64::from(n) * 5.0, value(from + f64::from(n) * 5.0), Quality::Good);
            most = most.max(rate(&bench));
        }
        bench.end_of_burst();
        most = most.max(rate(&bench));
    }
    assert!((rate(&bench) - 0.02).abs() < 0.003, "{}", rate(&bench));
    assert!(most < 0.03, "a burst made it {most}");
    let times: Vec<i64> = bench.made.samples().map(|(head, _)| head.at.0).collect();
    assert!(
        times.windows(2).filter(|w| w[0] > w[1]).count() <= 3,
        "told at the times of the readings: {times:?}"
    );
}

/// An instrument with three outputs on the first points, which one device tells.
fn instrument(kind: &str, inputs: u32, numbers: Vec<f64>) -> Bench {
    let outputs = 3;
    let mut plant = plant_with(&["p0"; 3]);
    plant.devices[0].points.push(PointIx(1));
    plant.devices[1].points.clear();
    plant.points[1].device = DeviceIx(0);
    let points = (0..outputs).map(|n| PointIx(2 + n)).collect();
    let inputs = (0..inputs).map(|n| Some(PointIx(n))).collect();
    let how = How::Instrument { kind: kind.to_owned(), inputs, numbers };
    plant.derived = vec![Derived { points, device: DeviceIx(2), how }];
    let mut bench = patient(plant);
    (bench.mono_at, bench.wall_jump) = (1000.0, 1_000_000_000);
    bench
}

impl Bench {
    /// Both points, taken at `own`.
    fn late_pair(&mut self, own: f64, values: [f64; 2]) {
        let (now, mut out) = (self.now(), Vec::new());
        let at = Micros(now.wall.0 - ((self.second - own) * 1e6) as i64);
        let mut readings =
            [0, 1].map(|n| Reading { point: PointIx(n), value: values[n as usize], quality: Quality::Good });
        let head = SampleHead { device: DeviceIx(0), at, live: true, len: 2 };
        self.engine.sample(head, &mut readings, now, &mut out);
    }

    fn derived(&self, number: u32) -> f64 {
        self.engine.current(PointIx(2 + number)).value
    }
}

/// A cut-off that is due from a second on and stops what runs at another, `together` seconds told at a time; gives how often it acted
/// and failed.
fn trips((due, stops): (u32, u32), together: u32) -> (f64, f64) {
    let mut bench = instrument("trip-check", 2, vec![10.0]);
    for second in 0..=120 {
        bench.until(f64::from(second));
        if second % together == 0 {
            for own in (second + 1).saturating_sub(together)..=second {
                let (demand, running) = ((due..due + 40).contains(&own), own < stops);
                let of = |is: bool| f64::from(u8::from(is));
                bench.late_pair(f64::from(own), [of(demand), of(running)]);
            }
            bench.end_of_burst();
        }
    }
    (bench.derived(1), bench.derived(2))
}

#[test]
fn a_cut_off_is_judged_by_when_it_acted_however_late_that_is_told() {
    for together in [1, 7, 30] {
        assert_eq!(trips((40, 44), together), (1.0, 0.0), "in time, told {together} at once");
        assert_eq!(trips((40, 55), together), (0.0, 1.0), "late, told {together} at once");
        // What was told last is that it is due and runs on.
        assert_eq!(trips((58, 62), together), (1.0, 0.0), "in time, told {together} at once");
    }
}

#[test]
fn running_time_is_counted_once_whether_it_comes_at_once_or_as_it_passes() {
    let hours = |together: u32| {
        let mut bench = instrument("run-time", 1, vec![0.0, 0.0]);
        for second in 0..=600 {
            bench.until(f64::from(second));
            if second % together == 0 {
                for own in (second + 1).saturating_sub(together)..=second {
                    // It stops in the middle of what comes at once.
                    bench.late_pair(f64::from(own), [f64::from(u8::from(own < 250)), 100.0]);
                }
                bench.end_of_burst();
            }
        }
        bench.derived(0) * 3600.0
    };
    let live = hours(1);
    assert!((live - 250.0).abs() < 1.5, "{live}");
    for together in [20, 60] {
        let told = hours(together);
        assert!((told - live).abs() < 1.5, "{together} at once: {told} s instead of {live} s");
    }
}

#[test]
fn how_long_a_value_stood_still_goes_by_its_own_time() {
    let mut plant = plant(vec![vec![]]);
    let flatline = Flatline { after: Duration::from_secs(60), within: 0.1, when: None };
    plant.points[0].doubts = Some(Box::new(Doubts { max_step: None, flatline: Some(flatline) }));
    let mut bench = patient(plant);
    (bench.mono_at, bench.wall_jump) = (1000.0, 1_000_000_000);
    let quality = |bench: &Bench| bench.engine.current(PointIx(0)).quality;
    bench.late(0.0, 5.0, Quality::Good);
    // Two minutes late, but it had stood still for five seconds only, and moved then.
    bench.until(120.0);
    bench.late(5.0, 5.0, Quality::Good);
    assert_eq!(quality(&bench), Quality::Good);
    bench.late(10.0, 9.0, Quality::Good);
    // It stands for a minute in what comes at once.
    for own in 11..=70 {
        bench.late(f64::from(own), 9.0, Quality::Good);
    }
    assert_eq!(quality(&bench), Quality::Uncertain(Cause::Frozen));
}
