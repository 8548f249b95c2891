//! Readings that come later than they were taken: delays and windows run by their own time.

use super::derived::{plant_with, settle};
use super::*;
use crate::plant::Plant;

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
