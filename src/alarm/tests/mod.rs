//! The engine under a simulated clock: sentences about delays, deadband, unknown values and latches,
//! and two properties: agreement with a naive model, and a restart that nobody can see.

mod burst;
mod calls;
mod changed;
mod derived;
mod diagram;
mod disk;
mod doubts;
mod lost;
mod operator;
mod unknown;

use std::time::Duration;

use proptest::prelude::*;

use self::disk::Disk;
use super::{AlarmState, Breach, Engine, Event, RuleIx, StoredAlarm, Transition};
use crate::people::{Actor, Via};
use crate::plant::example::plant;
use crate::plant::{
    Batch, Cause, DeviceIx, Limit, LimitKind, Micros, Now, PointIx, Priority, Quality, Reading, SampleHead,
};

fn who(name: &str) -> Actor {
    Actor::person(name, Via::OpenConsole)
}

fn limit(kind: LimitKind, at: f64, deadband: f64, on: u64, off: u64) -> Limit {
    Limit {
        kind,
        at,
        deadband,
        on_delay: Duration::from_secs(on),
        off_delay: Duration::from_secs(off),
        priority: Priority::High,
        latch: false,
        hazard: None,
        escalate: false,
        near: 0.0,
        when: None,
        unless: Vec::new(),
        soon: Vec::new(),
        schedule: Vec::new(),
        guidance: None,
        follows: Vec::new(),
    }
}

/// What the keeper's monotonic clock shows at its start, in seconds: a month.
const BEFORE_START: f64 = 31.0 * 86_400.0;

/// The engine with a hand-moved clock.
struct Bench {
    engine: Engine,
    second: f64,
    /// What the monotonic clock shows at second 0; another after a restart.
    mono_at: f64,
    wall_jump: i64,
    /// What derived points said.
    made: Batch,
}

impl Bench {
    fn new(limits: Vec<Vec<Limit>>) -> Self {
        let start = Now { mono: Duration::ZERO, wall: Micros(0) };
        Self::of(Engine::new(&plant(limits), start))
    }

    fn of(engine: Engine) -> Self {
        Self { engine, second: 0.0, mono_at: 0.0, wall_jump: 0, made: Batch::default() }
    }

    /// How the alarm stands, without what is on the monotonic clock.
    fn alarm(&self, rule: u32) -> impl PartialEq + std::fmt::Debug + use<> {
        let info = self.engine.alarm(RuleIx(rule));
        let shelf = info.shelf.map(|s| (s.by, s.why, s.until));
        (info.state, info.active, info.raised_at, info.value, info.acknowledged_by, shelf, info.out)
    }

    /// The process begins anew, and its monotonic clock where every process begins it.
    fn restart(&mut self) -> Now {
        self.mono_at = BEFORE_START - self.second;
        self.now()
    }

    fn now(&self) -> Now {
        Now {
            mono: Duration::from_secs_f64(self.second + self.mono_at),
            wall: Micros((self.second * 1e6) as i64 + self.wall_jump),
        }
    }

    /// Moves the clock to `second`; fires what is due on the way, as the keeper does.
    fn until(&mut self, second: f64) -> Vec<Transition> {
        let mut out = Vec::new();
        while let Some(due) = self.engine.next_deadline().filter(|d| d.as_secs_f64() <= second + self.mono_at)
        {
            self.second = (due.as_secs_f64() - self.mono_at).max(self.second);
            let now = self.now();
            let now = Now { mono: due.max(now.mono), ..now };
            self.engine.settle(now, &mut out, &mut self.made);
            self.engine.tick(now, &mut out);
            self.engine.settle(now, &mut out, &mut self.made);
            if self.engine.next_deadline() == Some(due) {
                break;
            }
        }
        self.second = second;
        out
    }

    fn sample(&mut self, second: f64, values: &[Result<f64, Cause>]) -> Vec<Transition> {
        // What falls due at the very instant of a sample is judged with it, as in the keeper.
        let mut out = self.until(second - 1e-6);
        self.second = second;
        let mut readings: Vec<Reading> = values
            .iter()
            .zip(0..)
            .map(|(value, n)| Reading {
                point: PointIx(n),
                value: value.unwrap_or(f64::NAN),
                quality: value.map_or_else(Quality::Bad, |_| Quality::Good),
            })
            .collect();
        let now = self.now();
        let head = SampleHead { device: DeviceIx(0), at: now.wall, live: true, len: readings.len() as u32 };
        self.engine.sample(head, &mut readings, now, &mut out);
        self.engine.settle(now, &mut out, &mut self.made);
        self.engine.tick(now, &mut out);
        self.engine.settle(now, &mut out, &mut self.made);
        out
    }

    fn state(&self) -> AlarmState {
        self.engine.alarm(RuleIx(0)).state
    }
}

fn events(transitions: &[Transition]) -> Vec<(u32, Event)> {
    transitions.iter().map(|t| (t.rule.0, t.event)).collect()
}

fn high() -> Bench {
    Bench::new(vec![vec![limit(LimitKind::H, 50.0, 5.0, 3, 4)]])
}

#[test]
fn a_breach_shorter_than_its_on_delay_raises_nothing() {
    let mut bench = high();
    assert!(bench.sample(0.0, &[Ok(60.0)]).is_empty());
    assert!(bench.sample(2.9, &[Ok(49.0)]).is_empty());
    assert!(bench.until(9.0).is_empty());
    assert_eq!(bench.state(), AlarmState::Normal);
}

#[test]
fn an_alarm_is_raised_when_the_on_delay_has_passed_without_waiting_for_a_new_sample() {
    let mut bench = high();
    bench.sample(0.0, &[Ok(60.0)]);
    assert!(bench.until(2.999).is_empty());
    let raised = bench.until(3.0);
    assert_eq!(events(&raised), [(0, Event::Raised)]);
    assert_eq!((raised[0].at, raised[0].value), (Micros(3_000_000), Some(60.0)));
}

#[test]
fn the_deadband_holds_the_alarm_and_the_off_delay_counts_from_the_last_clear_value() {
    let mut bench = high();
    bench.sample(0.0, &[Ok(60.0)]);
    bench.sample(3.0, &[Ok(60.0)]);
    bench.sample(4.0, &[Ok(45.0)]);
    assert_eq!(bench.state(), AlarmState::Unacknowledged, "45 is still within the deadband");
    bench.sample(5.0, &[Ok(44.9)]);
    bench.sample(6.0, &[Ok(47.0)]);
    bench.sample(7.0, &[Ok(44.9)]);
    assert!(bench.sample(10.9, &[Ok(44.9)]).is_empty());
    assert_eq!(events(&bench.sample(11.0, &[Ok(44.9)])), [(0, Event::Cleared)]);
    assert_eq!(bench.state(), AlarmState::ReturnedUnacknowledged);
}

#[test]
fn a_bad_value_neither_raises_nor_clears_and_stops_the_delay_where_it_was() {
    let mut bench = high();
    bench.sample(0.0, &[Ok(60.0)]);
    bench.sample(2.0, &[Err(Cause::NotANumber)]);
    assert!(bench.until(6.0).is_empty(), "two seconds of breach and four of nothing are no three");
    bench.sample(6.5, &[Ok(60.0)]);
    assert_eq!(events(&bench.until(7.5)), [(0, Event::Raised)]);
    assert!(bench.sample(8.0, &[Err(Cause::OutOfRange)]).is_empty());
    assert_eq!(bench.engine.in_breach(RuleIx(0)), Breach::Yes);
    bench.until(12.0);
    assert_eq!(bench.state(), AlarmState::Unacknowledged, "unknown is not normal");
}

#[test]
fn a_value_outside_its_physical_range_is_bad_where_no_limit_lies_on_that_side() {
    let mut bench = high();
    bench.sample(0.0, &[Ok(-1000.1)]);
    assert!(!bench.engine.current(PointIx(0)).quality.is_usable());
    assert!(bench.until(4.9).is_empty());
    assert_eq!(events(&bench.until(5.0)), [(1, Event::Raised)], "the no-data alarm speaks instead");
    assert_eq!(bench.engine.in_breach(RuleIx(0)), Breach::Unknown);
}

#[test]
fn beyond_the_range_on_the_side_of_a_limit_a_value_counts_as_past_it_and_says_so() {
    for (cause, told) in [
        (None, Cause::OutOfRange),
        // A saturated loop is the same, and keeps its own word.
        (Some(Cause::LoopSaturated), Cause::LoopSaturated),
    ] {
        let mut bench = Bench::new(vec![vec![limit(LimitKind::H, 50.0, 5.0, 0, 0)]]);
        bench.sample(0.0, &[Ok(3.0)]);
        let quality = cause.map_or(Quality::Good, Quality::Uncertain);
        let mut readings = [Reading { point: PointIx(0), value: 1000.1, quality }];
        let (now, mut out) = (bench.now(), Vec::new());
        let head = SampleHead { device: DeviceIx(0), at: now.wall, live: true, len: 1 };
        bench.engine.sample(head, &mut readings, now, &mut out);
        assert_eq!(readings[0].quality, Quality::Uncertain(told));
        assert_eq!(events(&out), [(0, Event::Raised)]);
        assert_eq!(out[0].value, Some(1000.1));
    }
}

#[test]
fn far_beyond_the_range_nothing_was_measured() {
    let mut bench = Bench::new(vec![vec![limit(LimitKind::H, 50.0, 5.0, 0, 0)]]);
    assert!(bench.sample(0.0, &[Ok(3000.1)]).is_empty());
    assert_eq!(bench.engine.current(PointIx(0)).quality, Quality::Bad(Cause::OutOfRange));
    // Below it a broken wire reads, and that is a quarter of the range.
    let mut low = Bench::new(vec![vec![limit(LimitKind::L, -50.0, 5.0, 0, 0)]]);
    assert_eq!(events(&low.sample(0.0, &[Ok(-1150.0)])), [(0, Event::Raised)]);
    let mut low = Bench::new(vec![vec![limit(LimitKind::L, -50.0, 5.0, 0, 0)]]);
    assert!(low.sample(0.0, &[Ok(-1500.0)]).is_empty());
    assert_eq!(low.engine.current(PointIx(0)).quality, Quality::Bad(Cause::OutOfRange));
    // A broken wire stays one, whatever side its value lies on.
    assert!(bench.sample(1.0, &[Err(Cause::LoopFault)]).is_empty());
    assert_eq!(bench.engine.current(PointIx(0)).quality, Quality::Bad(Cause::LoopFault));
}

#[test]
fn a_value_beyond_one_end_neither_raises_nor_clears_what_lies_at_the_other() {
    let mut bench =
        Bench::new(vec![vec![limit(LimitKind::L, -50.0, 5.0, 0, 0), limit(LimitKind::H, 50.0, 5.0, 0, 0)]]);
    bench.sample(0.0, &[Ok(-60.0)]);
    assert_eq!(events(&bench.sample(1.0, &[Ok(1000.1)])), [(1, Event::Raised)]);
    assert_eq!(
        bench.engine.alarm(RuleIx(0)).state,
        AlarmState::Unacknowledged,
        "a gauge that fails upwards clears no low level"
    );
    assert_eq!(events(&bench.sample(2.0, &[Ok(0.0)])), [(0, Event::Cleared), (1, Event::Cleared)]);
    bench.sample(3.0, &[Ok(1000.1)]);
    assert_eq!(bench.engine.in_breach(RuleIx(0)), Breach::Unknown);
}

#[test]
fn a_lost_device_is_one_alarm_and_not_one_for_each_of_its_points() {
    let mut bench = Bench::new(vec![vec![], vec![], vec![]]);
    let gone = [Err(Cause::Timeout); 3];
    bench.sample(0.0, &[Ok(1.0); 3]);
    let mut raised = Vec::new();
    for second in 1..9 {
        raised.extend(bench.sample(f64::from(second), &gone));
    }
    assert_eq!(events(&raised), [(3, Event::Raised)]);
    assert_eq!(raised[0].cause, Some(Cause::Timeout));
    assert_eq!(events(&bench.sample(9.0, &[Ok(1.0); 3])), [(3, Event::Cleared)]);
}

#[test]
fn a_device_that_falls_silent_is_stale_and_then_an_alarm() {
    let mut bench = high();
    bench.sample(0.0, &[Ok(10.0)]);
    assert!(bench.until(9.9).is_empty());
    bench.until(10.0);
    assert_eq!(bench.engine.current(PointIx(0)).quality, Quality::Bad(Cause::Stale));
    assert_eq!(events(&bench.until(15.0)), [(2, Event::Raised)]);
}

#[test]
fn a_latched_alarm_stays_until_it_is_acknowledged_and_reset() {
    let mut latched = limit(LimitKind::H, 50.0, 0.0, 0, 0);
    latched.latch = true;
    let mut bench = Bench::new(vec![vec![latched]]);
    bench.sample(0.0, &[Ok(60.0)]);
    bench.sample(1.0, &[Ok(10.0)]);
    assert_eq!(bench.state(), AlarmState::LatchedUnacknowledged);
    let (now, mut out) = (bench.now(), Vec::new());
    assert!(bench.engine.reset(RuleIx(0), &who("赵海"), now, &mut out).is_err());
    bench.engine.acknowledge(RuleIx(0), &who("赵海"), now, &mut out).unwrap();
    assert!(bench.engine.acknowledge(RuleIx(0), &who("赵海"), now, &mut out).is_err(), "twice");
    bench.engine.reset(RuleIx(0), &who("赵海"), now, &mut out).unwrap();
    assert_eq!(events(&out), [(0, Event::Acknowledged), (0, Event::Reset)]);
    assert_eq!(bench.state(), AlarmState::Normal);
}

#[test]
fn a_new_occurrence_of_a_returned_alarm_asks_for_attention_again() {
    let mut bench = Bench::new(vec![vec![limit(LimitKind::H, 50.0, 0.0, 0, 0)]]);
    bench.sample(0.0, &[Ok(60.0)]);
    let (now, mut out) = (bench.now(), Vec::new());
    bench.engine.acknowledge(RuleIx(0), &who("赵海"), now, &mut out).unwrap();
    bench.sample(1.0, &[Ok(10.0)]);
    assert_eq!(bench.state(), AlarmState::Normal);
    bench.sample(2.0, &[Ok(60.0)]);
    bench.sample(3.0, &[Ok(10.0)]);
    assert_eq!(bench.state(), AlarmState::ReturnedUnacknowledged);
    assert_eq!(events(&bench.sample(4.0, &[Ok(60.0)])), [(0, Event::Raised)]);
    assert_eq!(bench.state(), AlarmState::Unacknowledged);
}

#[test]
fn a_jump_of_the_wall_clock_moves_no_delay() {
    for jump in [-86_400_000_000, 86_400_000_000] {
        let mut bench = high();
        bench.sample(0.0, &[Ok(60.0)]);
        bench.wall_jump = jump;
        assert!(bench.until(2.9).is_empty());
        assert_eq!(events(&bench.until(3.0)), [(0, Event::Raised)]);
    }
}

#[test]
fn buffered_readings_are_history_and_move_nothing() {
    let mut bench = high();
    bench.sample(0.0, &[Ok(10.0)]);
    let mut readings = [Reading { point: PointIx(0), value: 999.0, quality: Quality::Good }];
    let head = SampleHead { device: DeviceIx(0), at: Micros(-1), live: false, len: 1 };
    let (now, mut out) = (bench.now(), Vec::new());
    bench.engine.sample(head, &mut readings, now, &mut out);
    assert!(bench.until(5.0).is_empty() && out.is_empty());
    assert_eq!(bench.engine.current(PointIx(0)).value, 10.0);
}

#[test]
fn what_was_beyond_a_limit_in_the_past_is_on_record_and_raises_nothing() {
    let mut bench = high();
    bench.sample(100.0, &[Ok(10.0)]);
    let mut tell = |second: i64, value: f64, live: bool| {
        let mut readings = [Reading { point: PointIx(0), value, quality: Quality::Good }];
        let at = Micros(second * 1_000_000);
        let head = SampleHead { device: DeviceIx(0), at, live, len: 1 };
        let (now, mut out) = (bench.now(), Vec::new());
        bench.engine.sample(head, &mut readings, now, &mut out);
        assert!(out.is_empty());
    };
    for (second, value) in [(10, 20.0), (20, 60.0), (30, 70.0), (40, 20.0), (50, 55.0), (60, 54.0)] {
        tell(second, value, false);
    }
    tell(100, 10.0, true);
    let found: Vec<_> = bench
        .engine
        .take_precursors()
        .into_iter()
        .map(|p| (p.rule.0, p.beyond, p.at.0 / 1_000_000, p.peak, p.lasted.as_secs()))
        .collect();
    assert_eq!(found, [(0, true, 40, 70.0, 20), (0, true, 60, 55.0, 10)]);
}

/// What one limit should do, second by second, told as plainly as can be.
struct Naive {
    limit: Limit,
    active: bool,
    run: u64,
}

impl Naive {
    /// One second with this value; `Some(true)` raises, `Some(false)` clears.
    fn second(&mut self, value: Result<f64, Cause>) -> Option<bool> {
        // An unknown value moves nothing: the run neither grows nor ends.
        let value = value.ok()?;
        let (breach, clear) = match self.limit.kind {
            LimitKind::H => (value >= self.limit.at, value < self.limit.at - self.limit.deadband),
            _ => (value <= self.limit.at, value > self.limit.at + self.limit.deadband),
        };
        let (counts, delay) =
            if self.active { (clear, self.limit.off_delay) } else { (breach, self.limit.on_delay) };
        if !counts {
            self.run = 0;
            return None;
        }
        self.run += 1;
        // The first second of a run is its beginning: the delay has not begun to pass yet.
        if self.run > delay.as_secs() {
            self.active = !self.active;
            self.run = 0;
            return Some(self.active);
        }
        None
    }
}

fn signal() -> impl Strategy<Value = Vec<Result<f64, Cause>>> {
    let value = prop_oneof![
        6 => (-12i32..12).prop_map(|n| Ok(f64::from(n))),
        1 => Just(Err(Cause::NotANumber)),
    ];
    // Runs, so that delays pass.
    let run = (value, 1usize..6).prop_map(|(value, len)| vec![value; len]);
    prop::collection::vec(run, 1..40).prop_map(|runs| runs.concat())
}

fn any_limit() -> impl Strategy<Value = Limit> {
    (any::<bool>(), -8i32..8, 1u32..4, 0u64..5, 0u64..5).prop_map(|(high, at, deadband, on, off)| {
        let kind = if high { LimitKind::H } else { LimitKind::L };
        limit(kind, f64::from(at), f64::from(deadband), on, off)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_raises_and_clears_just_when_a_naive_model_does(signal in signal(), limit in any_limit()) {
        let mut naive = Naive { limit: limit.clone(), active: false, run: 0 };
        let mut bench = Bench::new(vec![vec![limit]]);
        let mut frozen = false;
        for (second, value) in signal.into_iter().enumerate() {
            // The engine measures the pause of a bad value to the instant; whole seconds agree when
            // the value before it is repeated at the instant it goes bad. Leave those cases to the
            // sentences above and the restart property below.
            frozen |= value.is_err();
            let wanted = naive.second(value);
            let got = bench.sample(second as f64, &[value]);
            let got: Vec<bool> = got.iter().filter(|t| t.rule.0 == 0).map(|t| t.event == Event::Raised).collect();
            if !frozen {
                prop_assert_eq!(got, wanted.into_iter().collect::<Vec<_>>(), "at {} s", second);
            } else {
                for raised in got {
                    prop_assert!(value.is_ok(), "an unknown value moved an alarm to {raised} at {second} s");
                }
            }
        }
    }

    #[test]
    fn a_restart_at_any_moment_is_invisible(
        signal in prop::collection::vec((signal(), any_limit()), 1..4),
        cut in 0usize..60,
        acknowledge in prop::collection::vec(0usize..60, 0..4),
    ) {
        let limits: Vec<Vec<Limit>> = signal.iter().map(|s| vec![s.1.clone()]).collect();
        let seconds = signal.iter().map(|s| s.0.len()).min().unwrap_or(0);
        let at = |second: usize| -> Vec<Result<f64, Cause>> { signal.iter().map(|s| s.0[second]).collect() };
        let mut whole = Bench::new(limits.clone());
        let mut cut_one = Bench::new(limits.clone());
        let mut disk = Disk::default();
        for second in 0..seconds {
            let values = at(second);
            let mut said = [whole.sample(second as f64, &values), cut_one.sample(second as f64, &values)];
            if acknowledge.contains(&second) {
                for (bench, said) in [&mut whole, &mut cut_one].into_iter().zip(&mut said) {
                    let now = bench.now();
                    // Nothing to acknowledge is as good.
                    let _ = bench.engine.acknowledge(RuleIx(0), &who("a"), now, said);
                }
            }
            prop_assert_eq!(&said[0], &said[1], "at {} s", second);
            let now = cut_one.now();
            disk.commit(&mut cut_one.engine, now);
            if second == cut {
                // Killed and started again in no time; the next poll tells the same values once more.
                let start = cut_one.restart();
                cut_one.engine = Engine::new(&plant(limits.clone()), start);
                prop_assert!(disk.restore(&mut cut_one.engine, start).is_empty());
                prop_assert!(whole.sample(second as f64, &values).is_empty());
                prop_assert!(cut_one.sample(second as f64, &values).is_empty());
            }
        }
        for rule in 0..whole.engine.rules().len() as u32 {
            prop_assert_eq!(whole.alarm(rule), cut_one.alarm(rule));
        }
    }
}
