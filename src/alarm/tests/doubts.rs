//! Readings against their own past, setpoints by the hour, and limits that several states suppress.

use super::*;
use crate::plant::schedule::Slot;
use crate::plant::{Doubts, Flatline};

fn tested(doubts: Doubts) -> Bench {
    let mut plant = plant(vec![vec![], vec![]]);
    plant.points[0].doubts = Some(Box::new(doubts));
    let start = Now { mono: Duration::ZERO, wall: Micros(0) };
    Bench::of(Engine::new(&plant, start))
}

/// Quality of point 0 after each of `values`, one a second from `from` on.
fn qualities(bench: &mut Bench, from: u32, values: &[f64]) -> Vec<Quality> {
    let one = |(second, value): (u32, &f64)| {
        bench.sample(f64::from(second), &[Ok(*value), Ok(1.0)]);
        bench.engine.current(PointIx(0)).quality
    };
    (from..).zip(values).map(one).collect()
}

const GOOD: Quality = Quality::Good;
const JUMP: Quality = Quality::Bad(Cause::Jump);
const FROZEN: Quality = Quality::Uncertain(Cause::Frozen);

#[test]
fn a_spike_is_rejected_and_a_jump_that_two_more_readings_confirm_is_believed() {
    let mut bench = tested(Doubts { max_step: Some(10.0), flatline: None });
    let said = qualities(&mut bench, 0, &[0.0, 50.0, 1.0, 60.0, -60.0, 61.0, 62.0, 63.0, 64.0]);
    assert_eq!(said, [GOOD, JUMP, GOOD, JUMP, JUMP, JUMP, JUMP, GOOD, GOOD]);
    assert_eq!(bench.engine.current(PointIx(0)).value, 64.0);
}

#[test]
fn a_move_that_goes_on_is_believed_with_its_third_reading_and_from_then_on() {
    // The level falls by three millimetres a second and is read each ten seconds.
    let mut bench = tested(Doubts { max_step: Some(20.0), flatline: None });
    let said = qualities(&mut bench, 0, &[0.0, -30.0, -60.0, -90.0, -120.0, -145.0, -150.0, -250.0, -150.0]);
    assert_eq!(said, [GOOD, JUMP, JUMP, GOOD, GOOD, GOOD, GOOD, JUMP, GOOD]);
    // Spikes to both sides confirm nothing.
    let mut bench = tested(Doubts { max_step: Some(20.0), flatline: None });
    let said = qualities(&mut bench, 0, &[0.0, 90.0, 0.0, -90.0, 90.0, -90.0, 90.0, 0.0]);
    assert_eq!(said, [GOOD, JUMP, GOOD, JUMP, JUMP, JUMP, JUMP, GOOD]);
}

#[test]
fn an_unknown_condition_does_not_take_the_doubt_from_a_value_that_stands_still() {
    let mut bench = tested(flatline(Some(PointIx(1))));
    assert_eq!(qualities(&mut bench, 0, &[5.0, 5.0, 5.0, 5.0])[3], FROZEN);
    bench.sample(4.0, &[Ok(5.0), Err(Cause::NotANumber)]);
    bench.sample(5.0, &[Ok(5.0), Err(Cause::NotANumber)]);
    assert_eq!(bench.engine.current(PointIx(0)).quality, FROZEN);
}

#[test]
fn a_bad_reading_between_two_good_ones_neither_confirms_nor_forgets() {
    let mut bench = tested(Doubts { max_step: Some(10.0), flatline: None });
    qualities(&mut bench, 0, &[0.0, 50.0]);
    bench.sample(2.0, &[Err(Cause::Timeout), Ok(1.0)]);
    assert_eq!(qualities(&mut bench, 3, &[51.0, 50.0]), [JUMP, GOOD]);
}

fn flatline(when: Option<PointIx>) -> Doubts {
    Doubts { max_step: None, flatline: Some(Flatline { after: Duration::from_secs(3), within: 0.5, when }) }
}

#[test]
fn a_value_that_stands_still_is_in_doubt_until_it_moves() {
    let mut bench = tested(flatline(None));
    let said = qualities(&mut bench, 0, &[5.0, 5.4, 4.6, 5.0, 5.2, 6.0, 6.0, 6.0, 6.0]);
    assert_eq!(said, [GOOD, GOOD, GOOD, FROZEN, FROZEN, GOOD, GOOD, GOOD, FROZEN]);
}

#[test]
fn it_may_stand_still_while_nothing_says_that_it_should_move() {
    let mut bench = tested(flatline(Some(PointIx(1))));
    for second in 0..10 {
        bench.sample(f64::from(second), &[Ok(5.0), Ok(0.0)]);
        assert_eq!(bench.engine.current(PointIx(0)).quality, GOOD);
    }
    assert_eq!(qualities(&mut bench, 10, &[5.0, 5.0, 5.0, 5.0, 5.0])[4], FROZEN);
}

#[test]
fn how_long_it_stood_still_outlives_a_restart() {
    let mut bench = tested(flatline(None));
    qualities(&mut bench, 0, &[5.0, 5.0, 5.0]);
    let memories = bench.engine.memories(bench.now());
    let mut again = tested(flatline(None));
    again.engine.remember(&memories, again.now());
    assert_eq!(qualities(&mut again, 0, &[5.0, 5.0]), [GOOD, FROZEN]);
    let mut moved = tested(flatline(None));
    moved.engine.remember(&memories, moved.now());
    assert_eq!(qualities(&mut moved, 0, &[7.0, 7.0, 7.0, 7.0]), [GOOD, GOOD, GOOD, FROZEN]);
}

#[test]
fn the_setpoint_of_the_hour_is_the_one_that_counts() {
    let slot = Slot { days: 0x7F, from_min: 1, lasts_min: 1, at: 30.0 };
    let mut bench =
        Bench::new(vec![vec![Limit { schedule: vec![slot], ..limit(LimitKind::H, 50.0, 5.0, 0, 0) }]]);
    let mut said = Vec::new();
    for second in 0..200 {
        let before = bench.state();
        bench.sample(f64::from(second), &[Ok(40.0)]);
        if bench.state() != before {
            said.push((second, bench.state()));
        }
    }
    // The first minute after midnight of 1970, and a deadband that the usual setpoint clears.
    assert_eq!(said, [(60, AlarmState::Unacknowledged), (120, AlarmState::ReturnedUnacknowledged)]);
}

#[test]
fn a_limit_that_two_states_suppress_calls_when_both_have_ended() {
    let mut bench = Bench::new(vec![
        vec![Limit { unless: vec![PointIx(1), PointIx(2)], ..limit(LimitKind::H, 50.0, 5.0, 0, 0) }],
        vec![],
        vec![],
    ]);
    let mut calls = |second: u32, states: [f64; 2]| {
        let out = bench.sample(f64::from(second), &[Ok(60.0), Ok(states[0]), Ok(states[1])]);
        (out.iter().filter(|t| t.annunciates()).count(), bench.state())
    };
    // Told before the states were known; the first reading of a state hides it.
    assert_eq!(calls(0, [1.0, 1.0]).1, AlarmState::Suppressed);
    assert_eq!(calls(1, [0.0, 1.0]), (0, AlarmState::Suppressed));
    assert_eq!(calls(2, [0.0, 0.0]), (1, AlarmState::Unacknowledged));
    assert_eq!(calls(3, [1.0, 0.0]), (0, AlarmState::Suppressed));
}
