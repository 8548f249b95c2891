//! A safety valve that lifts, simmers and sticks.

use proptest::prelude::*;

use super::*;
use crate::derive::boiler::slope::{Slope, SlopeSettings};
use crate::derive::boiler::tests::laws;

/// A valve on a simulated clock, a step a second, with the pressure slope as the gateway takes it.
struct Bench {
    valve: SafetyValve,
    slope: Slope,
    second: u64,
    pressure: f64,
    began: Vec<Lift>,
    reseated: Vec<Lift>,
}

impl Bench {
    fn new() -> Self {
        Self {
            valve: SafetyValve::new(SafetyValveSettings::default()),
            slope: Slope::new(SlopeSettings::default()),
            second: 0,
            pressure: 1.10,
            began: Vec::new(),
            reseated: Vec::new(),
        }
    }

    /// The pressure moves by so much a minute for so many seconds; the other readings stay.
    fn run(&mut self, mpa_per_min: f64, seconds: u64, others: SafetyValveInput) -> SafetyValveOutput {
        let mut last = None;
        for _ in 0..seconds {
            self.second += 1;
            self.pressure += mpa_per_min / 60.0;
            let mono = Duration::from_secs(self.second);
            let pressure_mpa = Some(self.pressure);
            let rate_mpa_per_min = self.slope.step(pressure_mpa, mono).map(|t| t.per_min());
            let out = self.valve.step(SafetyValveInput { pressure_mpa, rate_mpa_per_min, ..others }, mono);
            self.began.extend(out.lifted.filter(|_| out.began));
            self.reseated.extend(out.reseated);
            last = Some(out);
        }
        last.expect("at least one step")
    }
}

/// The burner tripped at its high limit and nothing is drawn.
const TRIPPED: SafetyValveInput = SafetyValveInput {
    pressure_mpa: None,
    rate_mpa_per_min: None,
    switch: None,
    tail_c: None,
    burner_percent: Some(0.0),
    steam_percent: Some(0.0),
};

fn switch(open: bool) -> SafetyValveInput {
    SafetyValveInput { switch: Some(open), ..TRIPPED }
}

fn tail(celsius: f64) -> SafetyValveInput {
    SafetyValveInput { tail_c: Some(celsius), ..TRIPPED }
}

#[test]
fn a_lift_is_recorded_with_its_pressures_its_time_and_its_count() {
    let mut bench = Bench::new();
    bench.run(0.2, 60, switch(false));
    bench.run(-0.1, 48, switch(true));
    let out = bench.run(0.0, 60, switch(false));
    assert_eq!((bench.began.len(), bench.reseated.len(), out.lifts), (1, 1, 1));
    let lift = bench.reseated[0];
    assert_eq!((lift.by, lift.lasted), (Witness::Switch, Duration::from_secs(48)));
    assert!(lift.lift_mpa.is_some_and(|p| (p - 1.30).abs() < 0.003), "{lift:?}");
    assert!(lift.reseat_mpa.is_some_and(|p| (p - 1.22).abs() < 0.003), "{lift:?}");
    assert!(lift.differential_percent().is_some_and(|d| (4.0..7.0).contains(&d)), "{lift:?}");
    bench.valve.calibrated();
    assert_eq!(bench.run(0.0, 1, switch(false)).lifts, 0);
}

#[test]
fn a_tail_pipe_that_gets_hot_at_a_step_tells_of_a_lift() {
    let mut bench = Bench::new();
    bench.run(0.2, 60, tail(35.0));
    bench.run(-0.1, 48, tail(105.0));
    bench.run(0.0, 300, tail(70.0));
    assert_eq!(bench.began.iter().map(|l| l.by).collect::<Vec<_>>(), [Witness::TailPipe]);
    assert_eq!(bench.reseated.len(), 1);
}

#[test]
fn a_tail_pipe_that_cools_as_fast_as_it_got_hot_tells_of_one_lift() {
    let mut bench = Bench::new();
    for (celsius, seconds) in [(35.0, 60), (135.0, 10), (100.0, 10), (95.0, 10)] {
        bench.run(0.0, seconds, tail(celsius));
    }
    assert_eq!((bench.began.len(), bench.reseated.len()), (1, 1));
    bench.run(0.0, 60, tail(60.0));
    bench.run(0.0, 1, tail(135.0));
    assert_eq!(bench.began.len(), 2, "and the next lift of another");
}

#[test]
fn a_tail_pipe_that_warms_slowly_or_stays_below_hot_is_no_lift() {
    let mut bench = Bench::new();
    for celsius in 0..100 {
        // 20 K in 30 s.
        bench.run(0.0, 3, tail(20.0 + 2.0 * f64::from(celsius)));
    }
    bench.run(0.0, 60, tail(20.0));
    bench.run(0.0, 60, tail(85.0));
    assert!(bench.began.is_empty(), "{:?}", bench.began);
}

#[test]
fn a_fall_that_nothing_explains_tells_of_a_lift_by_the_pressure_alone() {
    let mut bench = Bench::new();
    bench.run(0.2, 60, TRIPPED);
    bench.run(-0.1, 48, TRIPPED);
    bench.run(0.0, 60, TRIPPED);
    assert_eq!((bench.began.len(), bench.reseated.len()), (1, 1));
    let lift = bench.reseated[0];
    assert_eq!(lift.by, Witness::Pressure);
    assert!(
        lift.lift_mpa.is_some_and(|p| (p - 1.30).abs() < 0.003),
        "found late, but with its peak: {lift:?}"
    );
}

#[test]
fn a_fall_that_burner_and_steam_flow_explain_is_no_lift() {
    let drawn = SafetyValveInput { steam_percent: Some(50.0), ..TRIPPED };
    let mut bench = Bench::new();
    bench.run(0.2, 60, drawn);
    bench.run(-0.1, 120, drawn);
    assert!(bench.began.is_empty(), "half the rated steam drawn without fire: {:?}", bench.began);
    let mut bench = Bench::new();
    bench.run(0.2, 60, TRIPPED);
    bench.run(-0.1, 120, SafetyValveInput { burner_percent: None, ..TRIPPED });
    assert!(bench.began.is_empty(), "an unknown burner may explain anything");
    let mut bench = Bench::new();
    bench.run(0.2, 30, TRIPPED);
    bench.run(-0.1, 120, TRIPPED);
    assert!(bench.began.is_empty(), "from 1.20 MPa, far below the set pressure");
}

#[test]
fn the_more_trusted_witness_decides() {
    let mut bench = Bench::new();
    bench.run(0.2, 60, SafetyValveInput { tail_c: Some(35.0), ..switch(false) });
    bench.run(-0.1, 48, SafetyValveInput { tail_c: Some(105.0), ..switch(false) });
    assert!(bench.began.is_empty(), "the switch says no");
    let mut bench = Bench::new();
    bench.run(0.2, 60, SafetyValveInput { tail_c: Some(35.0), ..switch(false) });
    bench.run(-0.1, 10, SafetyValveInput { tail_c: Some(105.0), ..switch(true) });
    let out = bench.run(-0.1, 10, tail(35.0));
    assert!(out.lifted.is_some(), "the tail pipe cannot end what the switch found");
    let out = bench.run(-0.1, 10, switch(false));
    assert!(out.lifted.is_none());
    assert_eq!(bench.reseated[0].lasted, Duration::from_secs(10), "unknown time does not count");
}

#[test]
fn pressure_above_its_tolerance_without_a_sign_for_ten_seconds_is_a_valve_that_did_not_open() {
    for silent in [switch(false), tail(35.0), TRIPPED] {
        let mut bench = Bench::new();
        bench.pressure = 1.35;
        bench.run(0.0, 10, switch(true));
        assert!(!bench.run(0.0, 10, silent).failed_to_open || silent == TRIPPED);
        let mut bench = Bench::new();
        // The slope needs ten samples before anyone can say that the pressure does not fall.
        bench.run(0.0, 15, silent);
        bench.pressure = 1.35;
        assert!(!bench.run(0.0, 10, silent).failed_to_open, "{silent:?}");
        assert!(bench.run(0.0, 1, silent).failed_to_open, "{silent:?}");
        bench.pressure = 1.33;
        assert!(!bench.run(0.0, 1, silent).failed_to_open, "within tolerance");
    }
}

#[test]
fn any_sign_of_a_lift_and_any_ignorance_keeps_a_valve_from_being_accused() {
    for sign in [switch(true), SafetyValveInput { tail_c: Some(105.0), ..switch(false) }] {
        let mut bench = Bench::new();
        bench.run(0.0, 30, SafetyValveInput { tail_c: Some(35.0), ..switch(false) });
        bench.pressure = 1.35;
        assert!(!bench.run(0.0, 60, sign).failed_to_open, "{sign:?}");
    }
    let mut valve = SafetyValve::new(SafetyValveSettings::default());
    for second in 0..60 {
        let blind = SafetyValveInput { pressure_mpa: Some(1.35), ..Default::default() };
        assert!(!valve.step(blind, Duration::from_secs(second)).failed_to_open, "no witness at all");
    }
}

#[test]
fn a_shut_stop_valve_up_to_the_burner_trip_accuses_no_valve() {
    let mut bench = Bench::new();
    let fired = SafetyValveInput { burner_percent: Some(100.0), ..TRIPPED };
    let out = bench.run(0.2, 45, fired);
    assert!(!out.failed_to_open);
    let out = bench.run(0.0, 300, TRIPPED);
    assert!(!out.failed_to_open && bench.began.is_empty());
}

#[test]
fn what_changed_while_the_gateway_was_away_is_no_lift() {
    let mut bench = Bench::new();
    bench.pressure = 1.30;
    bench.run(0.0, 60, tail(35.0));
    let again =
        |away| SafetyValve::restored(SafetyValveSettings::default(), bench.valve.state().clone(), away);
    let falls = SafetyValveInput { pressure_mpa: Some(1.20), rate_mpa_per_min: Some(-0.1), ..TRIPPED };
    for (lifts, away) in [(0, None), (0, Some(Duration::from_secs(3600))), (1, Some(Duration::from_secs(5)))]
    {
        assert_eq!(again(away).step(tail(105.0), Duration::ZERO).lifts, lifts, "by the tail pipe, {away:?}");
        assert_eq!(again(away).step(falls, Duration::ZERO).lifts, lifts, "by the pressure, {away:?}");
    }
}

#[test]
fn a_hot_tail_pipe_far_below_the_set_pressure_simmers_after_ten_minutes() {
    let mut bench = Bench::new();
    assert!(!bench.run(0.0, 600, tail(95.0)).simmers);
    assert!(bench.run(0.0, 1, tail(95.0)).simmers);
    assert!(bench.run(0.0, 60, TRIPPED).simmers, "an unknown tail pipe clears nothing");
    assert!(bench.run(0.0, 1, tail(88.0)).simmers, "nor does the deadband");
    assert!(!bench.run(0.0, 1, tail(84.0)).simmers);
    bench.pressure = 1.20;
    assert!(!bench.run(0.0, 1200, tail(95.0)).simmers, "close to the set pressure it may be warm");
    assert!(bench.began.is_empty());
}

proptest! {
    #[test]
    fn a_restart_is_as_if_time_had_stood_still(
        story in laws::story((
            (laws::reading(1.1..1.4), laws::reading(-0.2..0.2), laws::reading(20.0..120.0)),
            (prop_oneof![4 => Just(None), 1 => any::<Option<bool>>()], laws::reading(0.0..100.0), laws::reading(0.0..100.0)),
        ))
    ) {
        let story = story.map(|((pressure_mpa, rate_mpa_per_min, tail_c), (switch, burner_percent, steam_percent))| {
            SafetyValveInput { pressure_mpa, rate_mpa_per_min, switch, tail_c, burner_percent, steam_percent }
        });
        laws::restart_is_invisible::<SafetyValve>(SafetyValveSettings::default, story.clone())?;
        let told = |o: SafetyValveOutput| (o.lifted.is_some(), o.lifts, o.simmers, o.failed_to_open);
        laws::unknown_changes_nothing::<SafetyValve, _>(SafetyValveSettings::default, story, told)?;
    }
}
