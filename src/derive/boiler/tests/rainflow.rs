//! The example of the standard, an autoclave's life, and a count that no cut and no small wobble changes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::derive::boiler::tests::laws;

fn settings(ignore_below_mpa: f64) -> RainflowSettings {
    RainflowSettings { ignore_below_mpa, class_mpa: 1.0, ..RainflowSettings::default() }
}

/// Ranges and half cycles of a whole history, its rest included.
fn counted(ignore_below: f64, history: &[f64]) -> BTreeMap<String, u64> {
    let mut cycles = BTreeMap::new();
    let mut add = |c: Cycle| *cycles.entry(format!("{:.6}", c.range_mpa)).or_default() += c.halves;
    let mut rainflow = Rainflow::new(settings(ignore_below));
    history.iter().for_each(|v| rainflow.count(Some(*v), &mut add));
    rainflow.rest(&mut add);
    cycles
}

fn halves(expected: &[(f64, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(range, halves)| (format!("{range:.6}"), *halves)).collect()
}

/// ASTM E1049-85, figure 6.
const STANDARD: [f64; 9] = [-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0];

#[test]
fn the_example_of_the_standard_comes_out() {
    let expected = [(3.0, 1), (4.0, 3), (6.0, 1), (8.0, 2), (9.0, 1)];
    assert_eq!(counted(0.0, &STANDARD), halves(&expected));
}

#[test]
fn the_example_of_the_standard_as_a_repeating_history_has_whole_cycles_only() {
    // The same history begun at its greatest value, as clause 5.4.5 wants it.
    let repeating = [5.0, -1.0, 3.0, -4.0, 4.0, -2.0, 1.0, -3.0, 5.0];
    assert_eq!(counted(0.0, &repeating), halves(&[(3.0, 2), (4.0, 2), (7.0, 2), (9.0, 2)]));
}

#[test]
fn values_between_turning_points_and_standstill_change_nothing() {
    let mut history = Vec::new();
    for pair in STANDARD.windows(2) {
        history.extend((0..10).map(|n| pair[0] + (pair[1] - pair[0]) * f64::from(n) / 10.0));
        history.extend([pair[1]; 3]);
    }
    assert_eq!(counted(0.0, &history), counted(0.0, &STANDARD));
}

#[test]
fn ranges_below_the_threshold_are_not_seen() {
    let wobbling = [0.0, 1.3, 1.28, 1.3, 1.25, 1.3, 0.0, 0.05, 0.0, 1.3, 0.0];
    assert_eq!(counted(0.065, &wobbling), halves(&[(1.3, 4)]));
    assert_eq!(counted(0.065, &[1.0, 1.01, 1.0, 1.05, 1.0]), halves(&[]));
}

#[test]
fn ten_thousand_batches_at_working_pressure_use_a_quarter_of_twenty_thousand_design_cycles() {
    let mut rainflow = Rainflow::new(RainflowSettings::default());
    for _ in 0..10_000 {
        for pressure in [0.0, 0.6, 1.3, 1.28, 1.3, 0.4] {
            rainflow.step(Some(pressure), Duration::ZERO);
        }
    }
    let fatigue = rainflow.step(Some(0.0), Duration::ZERO);
    let expected = 10_000.0 * (1.3f64 / 1.6).powi(3);
    assert!((fatigue.equivalent_cycles - expected).abs() < 1.0, "{fatigue:?}, expected {expected}");
    assert!((fatigue.usage - 0.268).abs() < 0.001 && fatigue.advice == Advice::None, "{fatigue:?}");
    let classes: Vec<_> = rainflow.histogram().collect();
    assert!(classes.len() == 1 && (classes[0].0 - 1.3).abs() < 0.051, "{classes:?}");
}

#[test]
fn advice_comes_at_seventy_and_ninety_percent() {
    let mut rainflow = Rainflow::new(RainflowSettings { design_cycles: 10.0, ..Default::default() });
    let mut first = BTreeMap::new();
    for batch in 1..=10 {
        rainflow.step(Some(0.0), Duration::ZERO);
        rainflow.step(Some(1.6), Duration::ZERO);
        let fatigue = rainflow.step(Some(0.0), Duration::ZERO);
        first.entry(fatigue.advice).or_insert(batch);
    }
    assert_eq!(first, BTreeMap::from([(Advice::None, 1), (Advice::Warn, 7), (Advice::Act, 9)]));
}

#[test]
fn a_cycle_under_way_is_part_of_the_figure_before_it_closes() {
    let mut rainflow = Rainflow::new(RainflowSettings::default());
    rainflow.step(Some(0.0), Duration::ZERO);
    let up = rainflow.step(Some(1.6), Duration::ZERO);
    assert!((up.equivalent_cycles - 0.5).abs() < 1e-12, "{up:?}");
}

#[test]
fn other_classes_after_a_restart_keep_every_cycle_in_a_class_no_smaller() {
    let mut before = Rainflow::new(RainflowSettings { class_mpa: 0.1, ..Default::default() });
    for pressure in [0.0, 0.55, 0.0, 0.55, 0.0, 1.25, 0.0, 1.3, 0.0, 20.0, 0.0, 20.0, 0.0] {
        before.step(Some(pressure), Duration::ZERO);
    }
    let wider = RainflowSettings { class_mpa: 0.25, ..Default::default() };
    let after = Rainflow::restored(wider, before.state().clone(), None);
    let sum = |r: &Rainflow| r.histogram().map(|(_, n)| n).sum::<f64>();
    assert!(sum(&before) > 0.0);
    assert_eq!(sum(&after), sum(&before));
    let (old, new): (Vec<_>, Vec<_>) = (before.histogram().collect(), after.histogram().collect());
    assert!(new[0].0 >= old[0].0 && new.last().is_some_and(|c| c.0.is_infinite()), "{old:?} {new:?}");
    assert_eq!(after.fatigue(), before.fatigue(), "the harm is not taken from classes");
}

#[test]
fn a_history_made_to_fill_the_residue_is_counted_as_one_a_little_harder() {
    // Ranges fall by a thousandth each time: no cycle would ever close.
    let history: Vec<f64> =
        (0..1000u32).map(|n| (1.0 - f64::from(n) / 1000.0) * if n % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let mut rainflow = Rainflow::new(settings(0.0));
    let room = rainflow.state.residue.capacity();
    for value in &history {
        rainflow.step(Some(*value), Duration::ZERO);
        assert!(rainflow.state.residue.len() < RESIDUE);
    }
    assert_eq!(rainflow.state.residue.capacity(), room, "and nothing was allocated");
    assert!(rainflow.moved() > 0);
    let exact: f64 = history.windows(2).map(|p| (p[1] - p[0]).abs().powi(3) / 2.0).sum();
    let got = rainflow.fatigue().equivalent_cycles * rainflow.settings.design_range_mpa.powi(3);
    assert!(got >= exact && got < 1.05 * exact, "{got}, exact {exact}");
}

/// Values on a coarse grid, so that equal ranges are common.
fn history() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        proptest::collection::vec((-40i32..40).prop_map(|v| f64::from(v) / 20.0), 0..300),
        proptest::collection::vec(-2.0f64..2.0, 0..300),
    ]
}

proptest! {
    #[test]
    fn fed_in_pieces_with_restarts_between_is_fed_at_once(
        history in history(), cuts in proptest::collection::vec(0usize..300, 0..8), ignore in prop_oneof![Just(0.0), 0.0..0.5],
    ) {
        let mut cycles = BTreeMap::new();
        let mut add = |c: Cycle| *cycles.entry(format!("{:.6}", c.range_mpa)).or_default() += c.halves;
        let mut rainflow = Rainflow::new(settings(ignore));
        for (n, value) in history.iter().enumerate() {
            if cuts.contains(&n) {
                let kept = serde_json::to_string(rainflow.state()).expect("a state");
                let state = serde_json::from_str(&kept).expect("a state");
                rainflow = Rainflow::restored(settings(ignore), state, None);
            }
            rainflow.count(Some(*value), &mut add);
        }
        rainflow.rest(&mut add);
        prop_assert_eq!(cycles, counted(ignore, &history));
    }

    /// The rules of the standard read as they stand: all turning points first, then steps 1 to 6 over them.
    #[test]
    fn counted_as_it_comes_is_counted_in_one_go(history in history()) {
        let mut points: Vec<f64> = Vec::new();
        for value in &history {
            match points[..] {
                [.., a, b] if (b - a) * (value - b) >= 0.0 => *points.last_mut().expect("two") = *value,
                [.., b] if b == *value => {}
                _ => points.push(*value),
            }
        }
        let mut cycles: BTreeMap<String, u64> = BTreeMap::new();
        let mut count = |a: f64, b: f64, halves| *cycles.entry(format!("{:.6}", (a - b).abs())).or_default() += halves;
        let (mut stack, mut start) = (Vec::new(), 0);
        for point in points {
            stack.push(point);
            while let [.., a, b, c] = stack[start..] {
                if (c - b).abs() < (b - a).abs() {
                    break;
                }
                if stack.len() - start == 3 {
                    count(a, b, 1);
                    start += 1;
                } else {
                    count(a, b, 2);
                    stack.truncate(stack.len() - 3);
                    stack.push(c);
                }
            }
        }
        stack[start..].windows(2).for_each(|p| count(p[0], p[1], 1));
        prop_assert_eq!(counted(0.0, &history), cycles);
    }

    #[test]
    fn the_residue_is_bounded_and_the_usage_never_falls(history in proptest::collection::vec(laws::reading(-2.0..2.0), 0..600)) {
        let mut rainflow = Rainflow::new(settings(0.0));
        let mut usage = 0.0;
        for value in history {
            let now = rainflow.step(value, Duration::ZERO).usage;
            prop_assert!(now >= usage * (1.0 - 1e-12), "{} after {}", now, usage);
            prop_assert!(now.is_finite());
            usage = now;
            prop_assert!(rainflow.state.residue.len() < RESIDUE);
        }
    }

    #[test]
    fn a_restart_is_as_if_time_had_stood_still(story in laws::story(laws::reading(0.0..1.6))) {
        laws::restart_is_invisible::<Rainflow>(RainflowSettings::default, story.clone())?;
        laws::unknown_changes_nothing::<Rainflow, _>(RainflowSettings::default, story, |o| o)?;
    }
}
