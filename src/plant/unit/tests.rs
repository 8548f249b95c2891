//! Conversions as the settings and the formulas need them, and units that survive being written.

use proptest::prelude::*;

use super::table::{KNOWN, USUAL};
use super::{Unit, conversion};

fn unit(text: &str) -> Unit {
    Unit::parse(text)
}

#[test]
fn units_convert_within_their_quantity() {
    let read = |value: f64, from, to| {
        let (scale, offset) = conversion(from, to).unwrap();
        value * scale + offset
    };
    assert!((read(10.0, "kgf/cm2", "MPa") - 0.980_665).abs() < 1e-12);
    assert!((read(12.5, "bar", "MPa") - 1.25).abs() < 1e-12);
    assert!((read(212.0, "degF", "℃") - 100.0).abs() < 1e-9);
    assert!((read(32.0, "℉", "K") - 273.15).abs() < 1e-9);
    assert!((read(0.0, "℃", "K") - 273.15).abs() < 1e-9);
    assert!((read(273.15, "K", "degF") - 32.0).abs() < 1e-9);
    assert!((read(60.0, "L/min", "m3/h") - 3.6).abs() < 1e-12);
    assert!((read(1.0, "GJ", "kWh") - 277.777_777_777).abs() < 1e-6);
    assert_eq!(read(3.0, "t/h", "kg/h"), 3000.0, "hours cancel, nothing is rounded");
    assert_eq!(read(50.0, "%", "ppm"), 500_000.0);
    assert!(
        conversion("bar", "℃").unwrap_err().contains("is a pressure, but the point's unit `℃` is a temp")
    );
    assert!(conversion("m3/h", "Nm3/h").unwrap_err().contains("a normal volume flow"));
    assert!(conversion("stone", "MPa").unwrap_err().contains("not known"));
    assert!(conversion("MPa", "").unwrap_err().contains("not known"));
}

#[test]
fn a_product_is_a_unit_and_equal_parts_cancel() {
    let times = |a, b| unit(a).times(&unit(b)).map(|(u, f)| (u.to_string(), f)).unwrap();
    let over = |a, b| unit(a).over(&unit(b)).map(|(u, f)| (u.to_string(), f)).unwrap();
    assert_eq!(times("t/h", "h"), ("t".into(), 1.0));
    assert_eq!(times("t/h", "min"), ("t·min/h".into(), 1.0));
    assert_eq!(over("kPa", "MPa"), (String::new(), 1e-3), "a ratio of two pressures is a plain number");
    assert_eq!(over("kW", "t/h"), ("kW·h/t".into(), 1.0));
    assert_eq!(over("", "s"), ("1/s".into(), 1.0));
    assert_eq!(over("kPa", "m·s"), ("kPa/(m·s)".into(), 1.0));
    assert_eq!(over("kgf/cm2", "min"), ("(kgf/cm2)/min".into(), 1.0));
    assert_eq!(times("kgce/t", "t"), ("kgce".into(), 1.0), "what nobody knows cancels like any other");
    assert_eq!(unit("kW·h").factor_to(&unit("kWh")), Some(1.0));
    assert_eq!(unit("Hz").factor_to(&unit("1/s")), Some(1.0));
    assert_eq!(unit("℃/min"), unit("K/min"));
}

#[test]
fn a_share_is_its_number_beside_a_unit_and_stays_a_share_beside_a_number() {
    let times = |a, b| unit(a).times(&unit(b)).map(|(u, f)| (u.to_string(), f)).unwrap();
    let over = |a, b| unit(a).over(&unit(b)).map(|(u, f)| (u.to_string(), f)).unwrap();
    assert_eq!(times("t/h", "%"), ("t/h".into(), 0.01));
    assert_eq!(times("%", "t/h"), ("t/h".into(), 0.01));
    assert_eq!(times("", "%"), ("%".into(), 1.0));
    assert_eq!(times("%", "%"), ("%".into(), 0.01));
    assert_eq!(over("t/h", "%"), ("t/h".into(), 100.0));
    assert_eq!(over("%", "%"), (String::new(), 1.0));
    assert_eq!(over("%", "h"), ("1/h".into(), 0.01));
    assert_eq!(over("%", ""), ("%".into(), 1.0));
    assert_eq!(unit("%").with(&unit("h"), -1).unwrap().0.to_string(), "%/h");
    assert_eq!(unit("%").factor_to(&Unit::plain()), None, "50 % and 50 are never taken for each other");
}

#[test]
fn powers_and_roots_have_units_where_they_make_sense() {
    assert_eq!(unit("m").power(3).unwrap().0, unit("m3"));
    assert_eq!(unit("m").power(-2).unwrap().0.to_string(), "1/m2");
    assert!(unit("m").power(100).is_none());
    assert_eq!(unit("m2/s2").root().unwrap().0, unit("m/s"));
    assert!(unit("kPa").root().is_none());
    let (speed, factor) = unit("kPa·m3/kg").root().unwrap();
    assert_eq!(speed.to_string(), "m/s");
    assert!((factor - 1000f64.sqrt()).abs() < 1e-9);
    assert_eq!(unit("%").power(2).map(|(u, f)| (u.to_string(), f)), Some(("%".into(), 0.01)));
    assert!((unit("%").root().unwrap().1 - 10.0).abs() < 1e-12, "the root of 25 % is 50 %");
}

#[test]
fn a_wrong_spelling_finds_the_right_one() {
    for (text, meant) in [("Mpa", "MPa"), ("mpa", "MPa"), ("T/h", "t/h"), ("%lel", "%LEL"), ("KW", "kW")] {
        assert_eq!(Unit::nearest(text), Some(meant), "{text}");
    }
    assert_eq!(Unit::nearest("furlong"), None);
}

/// Products as multiplication makes them.
fn any_unit() -> impl Strategy<Value = Unit> {
    let part = (0..KNOWN.len(), prop::sample::select(vec![-3i8, -2, -1, 1, 2, 3]));
    prop::collection::vec(part, 0..4).prop_map(|parts| {
        parts.into_iter().fold(Unit::plain(), |unit, (n, power)| {
            let one = Unit::parse(KNOWN[n].symbol).difference();
            let Some((raised, _)) = Unit::plain().with(&one, 1).and_then(|(u, _)| u.power(power)) else {
                return unit;
            };
            unit.with(&raised, 1).map_or(unit, |u| u.0)
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(unit in any_unit()) {
        let text = unit.to_string();
        let read = Unit::parse(&text);
        prop_assert!(read.is_known(), "{}", text);
        prop_assert_eq!(read.factor_to(&unit), Some(1.0), "{}", text);
    }

    #[test]
    fn any_text_is_a_unit_equal_to_itself(text in "[a-zA-Z0-9/·(). %°℃µ]{0,100}") {
        let unit = Unit::parse(&text);
        prop_assert_eq!(unit.factor_to(&Unit::parse(&text)), Some(1.0));
        prop_assert!(unit.factor_to(&Unit::parse("a unit nobody knows")).is_none());
    }
}

#[test]
fn the_usual_units_are_understood_part_by_part() {
    for text in USUAL.iter().take(13) {
        assert!(Unit::parse(text).is_known(), "{text}");
        assert_eq!(Unit::parse(text).to_string(), *text);
    }
}
