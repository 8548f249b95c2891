//! What holds of any text, any formula, any readings.

use proptest::prelude::*;

use super::super::error::Span;
use super::super::functions::{FUNCTIONS, Function, Place as Due};
use super::super::parser::parse;
use super::super::syntax::{Argument, Binary, Expr, ExprKind, Place, Unary};
use super::*;

const NOWHERE: Place = Place(Span { from: 0, to: 0 });

fn node(kind: ExprKind) -> Expr {
    Expr::new(kind, NOWHERE.0)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0u32..2000).prop_map(f64::from),
        0.0..1e6f64,
        prop::num::f64::POSITIVE.prop_filter("finite", |f| f.is_finite()),
        Just(0.0),
    ]
}

fn unit() -> impl Strategy<Value = Option<String>> {
    let known = vec![
        "MPa",
        "kPa",
        "kgf/cm2",
        "t/h",
        "%",
        "%LEL",
        "℃",
        "K",
        "°C",
        "m",
        "m3/h",
        "h",
        "e3",
        "µS/cm",
        "kgce/t",
        "per",
        "and",
        "a_b",
        "kg/(m2·s)",
        "%/h",
        "if",
        "x/y",
    ];
    prop::option::of(prop::sample::select(known).prop_map(str::to_owned))
}

fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        3 => (number(), unit()).prop_map(|(n, u)| node(ExprKind::Number(n, u))),
        1 => any::<bool>().prop_map(|b| node(ExprKind::Truth(b))),
        3 => prop_oneof![
            prop::sample::select(POINTS).prop_map(|p| p.0.to_owned()),
            prop::sample::select(vec!["if", "point", "and", "per", "LEL", "t", "a'b", "1st", "h", "e3", "_"]).prop_map(str::to_owned),
            "[a-zA-Z0-9_/. '-]{0,10}[a-z]",
        ]
        .prop_map(|name| node(ExprKind::Point(name))),
    ]
}

fn call(arguments: Vec<Expr>, row: usize, millis: u64) -> Expr {
    let (name, function, _, fewest, most) = FUNCTIONS[row];
    let count = arguments.len().clamp(fewest, most);
    let mut values = arguments.into_iter().cycle();
    let arguments = (0..count).map(|n| match function.place(n) {
        Due::Value => Argument::Value(values.next().expect("cycles")),
        Due::Window => Argument::Window(Duration::from_millis(millis), NOWHERE),
        Due::Per => Argument::Per(["s", "min", "h", "d"][millis as usize % 4].to_owned(), NOWHERE),
    });
    node(ExprKind::Call(name.to_owned(), NOWHERE, arguments.collect()))
}

/// Trees as the grammar makes them, right or wrong in their units.
fn tree() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            2 => (any::<bool>(), inner.clone()).prop_map(|(not, operand)| {
                node(ExprKind::Unary(if not { Unary::Not } else { Unary::Negate }, Box::new(operand)))
            }),
            4 => (prop::sample::select(&Binary::ALL[..]), inner.clone(), inner.clone())
                .prop_map(|(o, l, r)| node(ExprKind::Binary(o, Box::new(l), Box::new(r)))),
            2 => (prop::collection::vec(inner, 1..5), 0..FUNCTIONS.len(), 1000u64..600_000_000)
                .prop_map(|(arguments, row, millis)| call(arguments, row, millis)),
        ]
    })
}

/// Right formulas of one plain input `load` and one condition `pump_1`, with every memory.
fn right() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("load".to_owned()),
        Just("if(pump_1, 1, 0)".to_owned()),
        (0u32..50).prop_map(|n| n.to_string()),
        Just("oxygen / 1 %".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let binary = (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%", "^"]), inner.clone());
        let window = prop::sample::select(vec!["1s", "3s", "10s", "45s", "2m", "1h"]);
        let memory = prop::sample::select(vec![
            "mean(X, W)",
            "lowest(X, W)",
            "highest(X, W)",
            "rate(X, W) * 1 s",
            "rate_min(X, W) * 1 min",
            "integral(X, per h) / 1 h",
            "integral(X, per s, X > 3) / 1 s",
            "delay(X, W)",
            "if(hold(X > 2, W), X, 1)",
            "if(changed(X), 1, X)",
            "count(X > 3, W)",
            "since(X > 1) / 1 s",
            "or_else(X, 2)",
            "if(bad(X), 1, X)",
            "worst(X, load)",
            "max(X, sqrt(X), abs(X))",
        ]);
        prop_oneof![
            2 => binary.prop_map(|(a, o, b)| format!("({a}) {o} ({b})")),
            4 => (memory, inner, window)
                .prop_map(|(m, x, w)| m.replace('X', &format!("({x})")).replace('W', w)),
        ]
    })
}

#[derive(Debug, Clone)]
struct Step {
    passed_ms: u64,
    values: [Input; 3],
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => (-5.0..10.0f64).prop_map(good),
        4 => (0u32..6).prop_map(|n| good(f64::from(n))),
        2 => Just(bad()),
        1 => (0.0..10.0f64).prop_map(unsure),
        1 => any::<f64>().prop_map(good),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let passed = prop_oneof![6 => 0u64..1500, 2 => Just(1000u64), 1 => 0u64..100_000, 1 => Just(0u64)];
    let step =
        (passed, [input(), input(), input()]).prop_map(|(passed_ms, values)| Step { passed_ms, values });
    prop::collection::vec(step, 1..80)
}

/// The values of the inputs that the formula has.
fn chosen(formula: &Formula, step: &Step) -> Vec<Input> {
    let value = |slot: &PointIx| match POINTS[slot.0 as usize].0 {
        "load" => step.values[0],
        "pump_1" => step.values[1],
        _ => step.values[2],
    };
    formula.inputs().iter().map(value).collect()
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![
        any::<String>(),
        "[a-z0-9 ()+*/^%<>=!,.\"'℃µ-]{0,60}",
        prop::collection::vec(prop::sample::select(vec![
            "load", "pump_1", "(", ")", ",", "mean(", "if(", "integral(", "60s", "per", "h", "5 MPa", "%", "1e", "^", "-", "not",
            "and", "\"", "'x'", "point(", "steam_temp", "+", "<", "==", "℃", "\n", "\t", "1.", "tsat(", "锅炉", "dp", "kelvin(",
        ]), 0..30).prop_map(|words| words.join(" ")),
    ]) {
        for result in [Formula::parse(&text, &Plant), Formula::parse_as(&text, "MPa", &Plant)] {
            match result {
                Ok(formula) => {
                    Evaluator::new(&formula).evaluate(&[], Duration::ZERO, 100.0);
                }
                Err(error) => {
                    prop_assert!(error.to_string().contains('^'));
                    prop_assert!(error.span.end <= text.len());
                }
            }
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same_tree(tree in tree()) {
        let text = tree.to_string();
        // What the limits forbid is not printed by anybody.
        match parse(&text) {
            Ok(again) => prop_assert_eq!(again, tree, "{}", text),
            Err(wrong) => prop_assert!(wrong.problem.contains("bytes") || wrong.problem.contains("nested"), "{}: {:?}", text, wrong),
        }
    }

    #[test]
    fn a_tree_that_is_right_can_be_evaluated(tree in tree(), values in prop::collection::vec(any::<f64>(), 8), mono in any::<u64>()) {
        if let Ok(formula) = Formula::parse(&tree.to_string(), &Plant) {
            let mut evaluator = Evaluator::new(&formula);
            let inputs: Vec<Input> = values.iter().map(|v| good(*v)).collect();
            for mono in [mono, 0, mono / 2, u64::MAX] {
                let (value, quality) = evaluator.evaluate(&inputs, Duration::from_millis(mono), 101.3);
                prop_assert_eq!(value.is_finite(), quality.is_usable());
            }
        }
    }

    #[test]
    fn an_evaluation_never_panics_and_gives_a_number_or_a_reason(text in right(), steps in steps()) {
        let formula = formula(&text);
        let (mut evaluator, mut mono) = (Evaluator::new(&formula), Duration::ZERO);
        for step in &steps {
            mono += Duration::from_millis(step.passed_ms);
            let (value, quality) = evaluator.evaluate(&chosen(&formula, step), mono, 101.3);
            prop_assert_eq!(value.is_finite(), quality.is_usable(), "{}", text);
        }
    }

    #[test]
    fn a_restart_at_any_point_cannot_be_seen(
        text in right(), steps in steps(), at in any::<prop::sample::Index>(), down_ms in 0u64..10_000, late_ms in 0u64..2000,
    ) {
        let formula = formula(&text);
        let mut whole = Evaluator::new(&formula);
        let mut restarted = Evaluator::new(&formula);
        let at = at.index(steps.len());
        let (mut mono, mut offset) = (Duration::from_secs(1000), 0i64);
        for (number, step) in steps.iter().enumerate() {
            // The machine goes down some time after an evaluation and comes back with another clock.
            if number == at && number > 0 {
                let saved_at = mono + Duration::from_millis(late_ms.min(step.passed_ms));
                let text = serde_json::to_string(&restarted.save(saved_at)).expect("finite numbers");
                restarted = Evaluator::new(&formula);
                let begun = Duration::from_millis(down_ms);
                prop_assert!(restarted.restore(serde_json::from_str(&text).expect("reads back"), begun));
                offset = begun.as_millis() as i64 - saved_at.as_millis() as i64;
            }
            mono += Duration::from_millis(step.passed_ms);
            let inputs = chosen(&formula, step);
            let (value, quality) = whole.evaluate(&inputs, mono, 101.3);
            let shifted = Duration::from_millis((mono.as_millis() as i64 + offset) as u64);
            let (again, same) = restarted.evaluate(&inputs, shifted, 101.3);
            prop_assert_eq!(quality, same, "{} at {}", text, number);
            prop_assert!(value.to_bits() == again.to_bits() || value.is_nan() && again.is_nan(), "{} at {}: {} {}", text, number, value, again);
        }
    }

    #[test]
    fn a_mean_lies_between_the_extremes(steps in steps()) {
        let formula = formula("if(mean(load, 10s) >= lowest(load, 10s) - 1e-6 and mean(load, 10s) <= highest(load, 10s) + 1e-6, 1, 0)");
        let (mut evaluator, mut mono) = (Evaluator::new(&formula), Duration::ZERO);
        for step in &steps {
            mono += Duration::from_millis(step.passed_ms);
            let input = step.values[0];
            if !input.value.is_finite() || input.value.abs() < 1e3 {
                let (value, quality) = evaluator.evaluate(&[input], mono, 101.3);
                prop_assert!(!quality.is_usable() || value == 1.0);
            }
        }
    }
}

#[test]
fn any_operator_beside_any_other_prints_to_what_it_was() {
    let point = || node(ExprKind::Point("x".to_owned()));
    let number = |unit: Option<&str>| node(ExprKind::Number(50.0, unit.map(str::to_owned)));
    let unary = |not: bool, of: Expr| {
        node(ExprKind::Unary(if not { Unary::Not } else { Unary::Negate }, Box::new(of)))
    };
    let binary = |o: Binary, l: Expr, r: Expr| node(ExprKind::Binary(o, Box::new(l), Box::new(r)));
    let mut sides = vec![point(), number(None), number(Some("%")), number(Some("t/h"))];
    for not in [true, false] {
        sides.extend([unary(not, point()), unary(not, number(None)), unary(not, unary(!not, point()))]);
    }
    for operator in Binary::ALL {
        sides.push(binary(operator, number(None), point()));
        sides.push(binary(operator, point(), number(None)));
        sides.push(binary(operator, unary(false, point()), unary(false, point())));
    }
    for operator in Binary::ALL {
        for (left, right) in sides.iter().flat_map(|l| sides.iter().map(move |r| (l, r))) {
            let tree = binary(operator, left.clone(), right.clone());
            let text = tree.to_string();
            assert_eq!(parse(&text).unwrap_or_else(|e| panic!("{text}: {e:?}")), tree, "{text}");
        }
    }
}

#[test]
fn every_function_is_in_the_list_once() {
    for (n, row) in FUNCTIONS.iter().enumerate() {
        assert!(row.2.starts_with(&format!("{}(", row.0)));
        assert!(FUNCTIONS.iter().skip(n + 1).all(|other| other.0 != row.0 && other.1 != row.1));
    }
    assert_eq!(Function::row("mean").map(|r| r.1), Some(Function::Mean));
}
