//! Texts, numbers and booleans as devices write them, at every kind of point.

use proptest::prelude::*;

use super::{Kind, Meaning, truth};
use crate::plant::{Cause, Quality};

const TRUTH: Kind = Kind::Truth { invert: false };

fn of(unit: &str) -> Meaning {
    Meaning::plain(Kind::Measure).with_units(unit, None, false)
}

fn near(found: (f64, Quality), wanted: f64) -> bool {
    found.1 == Quality::Good && (found.0 - wanted).abs() <= 1e-9 * wanted.abs().max(1.0)
}

#[test]
fn a_text_with_a_unit_is_converted_to_the_points_unit() {
    for (text, unit, wanted) in [
        ("1.25", "MPa", 1.25),
        (" 1.25MPa", "MPa", 1.25),
        ("12.5bar", "MPa", 1.25),
        ("850 kPa", "MPa", 0.85),
        ("850 KPA", "MPa", 0.85),
        ("0.85 mpa", "kPa", 850.0),
        ("8.5 kgf/cm2", "MPa", 0.833_565_25),
        ("68F", "℃", 20.0),
        ("68 °F", "℃", 20.0),
        ("20C", "℃", 20.0),
        ("20 度", "℃", 20.0),
        ("293.15 K", "℃", 20.0),
        ("-8 mm", "mm", -8.0),
        ("-0.8cm", "mm", -8.0),
        ("48%", "%", 48.0),
        ("１．２５ＭＰａ", "MPa", 1.25),
        ("1.5e-3 m3/h", "m3/h", 0.0015),
        ("5 NTU", "NTU", 5.0),
        ("2 T/h", "kg/h", 2000.0),
        ("2 d", "h", 48.0),
        ("8.5 barg", "MPa", 0.85),
        ("8.5bar(g)", "MPa", 0.85),
        ("850kPaG", "MPa", 0.85),
        ("850 kPa（表压）", "MPa", 0.85),
        ("100 psig", "MPa", 0.689_475_729_316_8),
        ("8.5公斤", "MPa", 0.833_565_25),
        ("8.5公斤", "kg", 8.5),
        ("68 degrees F", "℃", 20.0),
    ] {
        let found = of(unit).text(text);
        assert!(near(found, wanted), "{text} in {unit}: {found:?}");
    }
    assert_eq!(of("MPa").text("850 kPa"), (0.85, Quality::Good), "no digit is added");
}

#[test]
fn a_unit_of_something_else_and_a_point_without_a_unit_are_told_apart_from_nonsense() {
    for (text, unit) in [("12.5bar", "℃"), ("68F", "MPa"), ("48%", "MPa"), ("1.25MPa", ""), ("5 d", "MPa")]
    {
        let wanted = if text == "68F" { Cause::Unreadable } else { Cause::OtherUnit };
        assert_eq!(of(unit).text(text).1, Quality::Bad(wanted), "{text} in {unit}");
    }
}

#[test]
fn a_word_behind_a_number_is_not_its_unit() {
    for text in [
        "1.25 bad",
        "65535 overrange",
        "0b101",
        "0x10",
        "3d 04:00",
        "12:30",
        "1.0-1.2",
        "1,25",
        "1 234",
        "12E",
        "1.25 MPa?",
        "abc",
        "MPa",
        ".",
        "1.25MPa 0.9MPa",
        "1.2.3",
        "1e",
        "12 mPa",
        "5#",
        "1/2",
    ] {
        for unit in ["MPa", "mm", "℃", "h", ""] {
            assert_eq!(of(unit).text(text).1, Quality::Bad(Cause::Unreadable), "{text} in {unit}");
        }
    }
}

#[test]
fn what_c_libraries_print_for_no_number_is_not_a_number() {
    for text in [
        "",
        "null",
        "NaN",
        "-nan",
        "nan(ind)",
        "-nan(0x8000)",
        "1.#QNAN",
        "-1.#IND00",
        "1.#INF",
        "inf",
        "-Infinity",
        "1e400",
        "--",
        "-----",
        "n/a",
    ] {
        assert_eq!(of("MPa").text(text).1, Quality::Bad(Cause::NotANumber), "{text}");
    }
    for (text, wanted) in [("12.", 12.0), (".5", 0.5), ("+5", 5.0), ("007", 7.0), ("1e-400", 0.0)] {
        assert_eq!(of("MPa").text(text), (wanted, Quality::Good), "{text}");
    }
}

#[test]
fn a_boolean_is_a_value_of_discrete_points_only() {
    for (text, set) in
        [("ON", true), ("off", false), ("Yes", true), ("False", false), ("开", true), ("关", false)]
    {
        assert_eq!(of("MPa").text(text).1, Quality::Bad(Cause::Boolean), "{text}");
        let wanted = f64::from(u8::from(set));
        assert_eq!(Meaning::plain(Kind::Code).text(text), (wanted, Quality::Good), "{text}");
        assert_eq!(Meaning::plain(TRUTH).text(text), (wanted, Quality::Good), "{text}");
        let inverted = Meaning::plain(Kind::Truth { invert: true });
        assert_eq!(inverted.text(text), (1.0 - wanted, Quality::Good), "{text}");
    }
    assert_eq!(of("MPa").flag(false).1, Quality::Bad(Cause::Boolean));
    assert_eq!(Meaning::plain(TRUTH).flag(true), (1.0, Quality::Good));
    // A code keeps its numbers: 2 is not "true".
    assert_eq!(Meaning::plain(Kind::Code).number(2.0), (2.0, Quality::Good));
}

#[test]
fn every_number_but_zero_is_true_before_it_is_inverted() {
    for (raw, wanted) in
        [(0.0, 0.0), (-0.0, 0.0), (1.0, 1.0), (2.0, 1.0), (255.0, 1.0), (-1.0, 1.0), (0.5, 1.0)]
    {
        assert_eq!(truth(raw, false), (wanted, Quality::Good), "{raw}");
        assert_eq!(truth(raw, true), (1.0 - wanted, Quality::Good), "{raw}");
        let scaled = Meaning { scale: 10.0, offset: 3.0, ..Meaning::plain(TRUTH) };
        assert_eq!(scaled.number(raw), (wanted, Quality::Good), "a truth value is not scaled");
    }
    for raw in [f64::NAN, f64::INFINITY] {
        assert_eq!(truth(raw, true).1, Quality::Bad(Cause::NotANumber));
    }
    assert_eq!(Meaning::plain(TRUTH).text("255"), (1.0, Quality::Good));
}

#[test]
fn words_that_the_settings_name_have_their_values() {
    let mut valve = of("%");
    valve.words = vec![("open".to_owned(), 100.0), ("closed".to_owned(), 0.0), ("true".to_owned(), 100.0)];
    assert_eq!(valve.text("OPEN"), (100.0, Quality::Good));
    assert_eq!(valve.text("closed"), (0.0, Quality::Good));
    assert_eq!(valve.flag(true), (100.0, Quality::Good));
    assert_eq!(valve.flag(false).1, Quality::Bad(Cause::Boolean));
    assert_eq!(valve.text("half").1, Quality::Bad(Cause::Unreadable));
    assert_eq!(valve.text("48 %"), (48.0, Quality::Good));
}

#[test]
fn a_scale_in_the_settings_and_a_unit_in_the_text_never_both_convert() {
    let raw = Meaning { scale: 0.001, ..Meaning::default() }.with_units("MPa", Some("kPa"), false);
    for text in ["850", "850 kPa", "8.5bar", "0.85 MPa"] {
        assert!(near(raw.text(text), 0.85), "{text}: {:?}", raw.text(text));
    }
    // What is multiplied anyway can be in the point's unit, or the scale is the conversion itself.
    let scaled = Meaning { scale: 0.1, ..Meaning::default() }.with_units("MPa", None, true);
    assert!(near(scaled.text("12.5"), 1.25));
    assert!(near(scaled.text("12.5bar"), 1.25));
    assert!(near(scaled.text("12.5MPa"), 1.25));
    assert_eq!(scaled.text("850kPa").1, Quality::Bad(Cause::OtherUnit));
    // An offset is a correction in the point's unit.
    let shifted = Meaning { offset: -0.02, ..Meaning::default() }.with_units("MPa", None, false);
    assert!(near(shifted.text("850 kPa"), 0.83));
}

#[test]
fn a_number_with_its_unit_beside_it_is_converted_unless_the_settings_scale_it() {
    assert_eq!(of("MPa").measured(850.0, "kPa"), (0.85, Quality::Good));
    assert_eq!(of("MPa").measured(0.85, "MPa"), (0.85, Quality::Good));
    assert_eq!(of("MPa").measured(20.0, "℃").1, Quality::Bad(Cause::OtherUnit));
    for unit in ["", " ", "-", "--", "none", "无", "1", "兆帕(表压)", "MPa(G)", "MPa表压", "Mpa"] {
        assert_eq!(of("MPa").measured(0.85, unit), (0.85, Quality::Good), "{unit}");
    }
    assert_eq!(of("MPa").measured(8.5, "barg"), (0.85, Quality::Good));
    assert_eq!(of("MPa").measured(850.0, "kPa(G)"), (0.85, Quality::Good));
    assert_eq!(of("℃").measured(68.0, "degrees F"), (20.0, Quality::Good));
    let scaled = Meaning { scale: 0.001, ..Meaning::default() }.with_units("MPa", None, true);
    assert_eq!(scaled.measured(850.0, "MPa"), (0.85, Quality::Good));
    assert_eq!(scaled.measured(850.0, "kPa"), (0.85, Quality::Good), "the scale is this conversion");
    let other = Meaning { scale: 0.1, ..Meaning::default() }.with_units("MPa", None, true);
    assert_eq!(other.measured(850.0, "kPa").1, Quality::Bad(Cause::OtherUnit));
    assert_eq!(of("").measured(850.0, "kPa"), (850.0, Quality::Good));
}

#[test]
fn a_unit_that_nobody_knows_is_not_the_points_unless_the_settings_say_what_numbers_are_in() {
    for unit in ["P1", "bara", "kPa(A)", "千千帕", "mPa", "0.1MPa"] {
        assert_eq!(of("MPa").measured(8.5, unit).1, Quality::Bad(Cause::OtherUnit), "{unit}");
        assert_eq!(of("MPa").text_in("8.5", unit).1, Quality::Bad(Cause::OtherUnit), "{unit}");
        let stated = Meaning::default().with_units("MPa", Some("MPa"), false);
        assert_eq!(stated.measured(8.5, unit), (8.5, Quality::Good), "{unit}");
    }
    for unit in ["NTU", "ntu"] {
        assert_eq!(of("NTU").measured(5.0, unit), (5.0, Quality::Good));
    }
    assert_eq!(of("NTU").measured(5.0, "FNU").1, Quality::Bad(Cause::OtherUnit));
    assert_eq!(Meaning::plain(Kind::Code).measured(2.0, "档"), (2.0, Quality::Good));
}

#[test]
fn a_text_with_its_unit_beside_it_is_the_number_with_its_unit() {
    assert_eq!(of("MPa").text_in("850", "kPa"), (0.85, Quality::Good));
    assert_eq!(of("℃").text_in(" 68 ", "°F"), (20.0, Quality::Good));
    assert_eq!(of("MPa").text_in("850 kPa", "kPa"), (0.85, Quality::Good));
    assert_eq!(of("MPa").text_in("850 kPa", "KPA"), (0.85, Quality::Good));
    assert_eq!(of("MPa").text_in("850 kPa", ""), (0.85, Quality::Good));
    assert_eq!(of("MPa").text_in("850 kPa", "MPa").1, Quality::Bad(Cause::OtherUnit), "they contradict");
    assert_eq!(of("MPa").text_in("null", "kPa").1, Quality::Bad(Cause::NotANumber));
    assert_eq!(Meaning::plain(TRUTH).text_in("ON", "kPa"), (1.0, Quality::Good));
}

#[test]
fn a_number_of_a_size_that_nothing_has_is_uncertain() {
    for raw in [2.39e-41, -1e-30, 1e30, 1e300] {
        assert_eq!(of("MPa").number(raw), (raw, Quality::Uncertain(Cause::Implausible)), "{raw}");
    }
    // The rest of a subtraction, and microseconds since 1970.
    for raw in [0.0, -0.0, 5.551_115_123_125_783e-17, 1.79e15] {
        assert_eq!(of("").number(raw), (raw, Quality::Good), "{raw}");
    }
    assert_eq!(of("MPa").text("2.39e-41 kPa").1, Quality::Uncertain(Cause::Implausible));
}

#[test]
fn sentinels_digits_and_endless_numbers_are_told() {
    let sensor = Meaning { scale: 0.1, offset: -5.0, sentinels: vec![32767.0, -999.9], ..Meaning::default() };
    assert_eq!(sensor.number(250.0), (20.0, Quality::Good));
    for raw in [32767.0, -999.9, f64::from(-999.9f32)] {
        assert_eq!(sensor.number(raw).1, Quality::Bad(Cause::Sentinel), "{raw}");
    }
    assert_eq!(sensor.text("32767").1, Quality::Bad(Cause::Sentinel));
    assert_eq!(sensor.text("32767 kPa").1, Quality::Bad(Cause::Sentinel), "whatever unit stands behind it");
    assert_eq!(of("").number(9_007_199_254_740_994.0).1, Quality::Uncertain(Cause::Rounded));
    assert_eq!(Meaning { scale: 10.0, ..of("") }.number(1e308).1, Quality::Bad(Cause::NotANumber));
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Measure),
        Just(Kind::Code),
        any::<bool>().prop_map(|invert| Kind::Truth { invert })
    ]
}

proptest! {
    #[test]
    fn any_text_is_a_finite_value_or_bad_with_a_cause(
        text in "\\PC{0,20}",
        kind in kinds(),
        unit in prop::sample::select(vec!["", "MPa", "℃", "%", "NTU", "bool"]),
    ) {
        let (value, quality) = Meaning::plain(kind).with_units(unit, None, false).text(&text);
        prop_assert_eq!(value.is_finite(), quality.is_usable());
        if let Kind::Truth { .. } = kind {
            prop_assert!(!quality.is_usable() || value == 0.0 || value == 1.0);
        }
        // A good value comes of digits, of a truth word at a discrete point, and of nothing else.
        let digits = text.chars().any(|c| c.is_ascii_digit() || ('\u{FF10}'..='\u{FF19}').contains(&c));
        prop_assert!(!quality.is_usable() || digits || kind != Kind::Measure, "{} {}", text, value);
    }

    #[test]
    fn a_number_with_any_word_behind_it_is_its_own_value_a_converted_one_or_bad(
        number in -1e6..1e6f64,
        word in "[a-zA-Z%/3]{1,6}",
    ) {
        let (value, quality) = of("MPa").text(&format!("{number} {word}"));
        if quality.is_usable() {
            // Only a pressure could be meant.
            let factor = value / number;
            let known = [1.0, 1e-3, 1e-6, 0.1, 1e-4, 6_894.757_293_168e-6, 0.101_325, 133.322_387_415e-6, 9.806_65e-6];
            prop_assert!(number == 0.0 || known.iter().any(|k| (factor / k - 1.0).abs() < 1e-9), "{} {}", word, factor);
        }
    }

    #[test]
    fn a_number_reads_the_same_with_and_without_its_own_unit(number in -1e12..1e12f64, scale in 0.001..1000.0f64) {
        for meaning in [of("kPa"), Meaning { scale, ..Meaning::default() }.with_units("kPa", None, true)] {
            prop_assert_eq!(meaning.text(&format!("{number} kPa")), meaning.number(number));
        }
    }

    #[test]
    fn a_number_reads_the_same_as_a_number_and_as_a_text_whatever_unit_stands_beside_it(
        number in -1e12..1e12f64,
        unit in prop_oneof![
            prop::sample::select(vec!["", "kPa", "MPa", "barg", "℃", "%", "degrees F", "1", "-", "公斤"]).prop_map(str::to_owned),
            "\\PC{0,8}",
        ],
        kind in kinds(),
        own in prop::sample::select(vec!["", "MPa", "℃", "NTU", "bool"]),
        scale in prop::sample::select(vec![1.0, 0.001, 0.1]),
        raw in prop::sample::select(vec![None, Some("MPa")]),
    ) {
        let raw = raw.filter(|_| own == "MPa");
        let meaning = Meaning { scale, ..Meaning::plain(kind) }.with_units(own, raw, scale != 1.0);
        let found = meaning.measured(number, &unit);
        let text = meaning.text_in(&number.to_string(), &unit);
        prop_assert!(found.1 == text.1 && found.0.to_bits() == text.0.to_bits(), "{:?} {:?}", found, text);
        prop_assert_eq!(found.0.is_finite(), found.1.is_usable());
        // A value that is not the number's own is a conversion to a unit that measures the same.
        if found.1.is_usable() && found != meaning.number(number) {
            prop_assert!(own == "MPa" || own == "℃", "{} {}", own, unit);
            let behind = meaning.text(&format!("{number} {unit}"));
            prop_assert!(behind.1.is_usable() && behind.0 == found.0, "{:?} {:?}", found, behind);
        }
    }

    #[test]
    fn a_conversion_and_its_way_back_give_the_number(number in -1e6..1e6f64) {
        let there = of("MPa").text(&format!("{number} bar")).0;
        let back = of("bar").text(&format!("{there} MPa")).0;
        prop_assert!((back - number).abs() <= 1e-9 * number.abs().max(1e-3));
    }
}
