//! What formulas give: values, units and qualities.

use super::*;

/// With the plant's values, all good.
fn calculated(text: &str) -> (f64, String) {
    let formula = formula(text);
    let inputs: Vec<Input> = formula.inputs().iter().map(|slot| good(POINTS[slot.0 as usize].2)).collect();
    let (value, quality) = Evaluator::new(&formula).evaluate(&inputs, Duration::ZERO, 100.0);
    assert_eq!(quality, Quality::Good, "{text}");
    (value, formula.unit().to_owned())
}

#[test]
fn formulas_give_the_values_and_the_units_that_a_calculator_gives() {
    let table: &[(&str, f64, &str)] = &[
        // Numbers and precedence.
        ("1 + 2 * 3", 7.0, ""),
        ("(1 + 2) * 3", 9.0, ""),
        ("2 ^ 3 ^ 2", 512.0, ""),
        ("-2 ^ 2", -4.0, ""),
        ("2 ^ -1", 0.5, ""),
        ("10 - 4 - 3", 3.0, ""),
        ("48 / 4 / 3", 4.0, ""),
        ("1e3 + 2.5E-1", 1000.25, ""),
        ("7 % 3", 1.0, ""),
        ("-7 % 3", 2.0, ""),
        ("7 % (-3)", -2.0, ""),
        ("50 % (3)", 2.0, ""),
        ("- -3", 3.0, ""),
        // Units: the left operand's.
        ("steam_pressure + 100 kPa", 1.0, "MPa"),
        ("100 kPa + steam_pressure", 1000.0, "kPa"),
        ("steam_flow - feed_flow", -0.4, "t/h"),
        ("steam_pressure - \"boiler-2/steam_pressure\"", 0.1, "MPa"),
        ("steam_pressure - point(\"boiler-2/steam_pressure\")", 0.1, "MPa"),
        ("\"drum-level\" - drum_level", 19.5, "mm"),
        ("'drum-level' + 1 m", 1007.0, "mm"),
        ("1 kgf/cm2 + 1 kg/cm2", 2.0, "kgf/cm2"),
        ("power * 30 min", 660.0, "kW·min"),
        ("steam_flow * 2 h", 16.0, "t"),
        ("gas_flow / steam_flow", 70.0, "Nm3/t"),
        ("dp / steam_pressure", 0.016 / 0.9, ""),
        ("1 / 4 s", 0.25, "1/s"),
        ("turbidity + 2 NTU", 5.0, "NTU"),
        ("methane / 10 %LEL", 0.2, ""),
        ("3 \"kgce/t\" * 2 t", 6.0, "kgce"),
        ("5 µS/cm + 1 mS/cm", 1005.0, "µS/cm"),
        ("2 mmol/L + 1 mol/L", 1002.0, "mmol/L"),
        ("(3 m) ^ 2", 9.0, "m2"),
        ("(2 m) ^ -1", 0.5, "1/m"),
        ("2 m * 3 m2", 6.0, "m3"),
        // Shares.
        ("oxygen + 1 %", 5.2, "%"),
        ("oxygen / 100 %", 0.042, ""),
        ("load * 100 %", 75.0, "%"),
        ("steam_flow * 5 %", 0.4, "t/h"),
        ("oxygen + 5000 ppm", 4.7, "%"),
        ("20.9 % / (20.9 % - oxygen)", 20.9 / 16.7, ""),
        ("sqrt(25 %)", 50.0, "%"),
        ("(50 %) ^ 2", 25.0, "%"),
        // Temperatures.
        ("steam_temp - feed_temp", 76.0, "K"),
        ("steam_temp + 5 K", 185.0, "℃"),
        ("5 K + steam_temp", 185.0, "℃"),
        ("steam_temp - 5 K", 175.0, "℃"),
        ("flue_temp - steam_temp", -30.0, "K"),
        ("flue_temp + 10 K", 320.0, "℉"),
        ("flue_temp - flue_temp + 1 K", 1.0, "K"),
        ("avg(steam_temp, flue_temp)", 165.0, "℃"),
        ("kelvin(feed_temp)", 377.15, "K"),
        ("celsius(kelvin(flue_temp) * 2)", 573.15, "℃"),
        ("(steam_temp - 0 ℃) * 2", 360.0, "K"),
        ("-5 ℃ + 2 K", -3.0, "℃"),
        // Pressure and temperature compensation of a flow.
        (
            "steam_flow * sqrt((steam_pressure + atm()) / (1 MPa + atm()) * kelvin(180 ℃) / kelvin(steam_temp))",
            8.0 * (1000.0f64 / 1100.0).sqrt(),
            "t/h",
        ),
        ("3.2 t/h * sqrt(dp / 1 kPa)", 12.8, "t/h"),
        ("sqrt(2 * dp / 8 kg/m3)", 4000.0f64.sqrt(), "m/s"),
        ("tsat(steam_pressure)", 100.0 * (1000.0f64 / 101.325).powf(0.25), "℃"),
        ("tsat(900 kPa) - tsat(steam_pressure)", 0.0, "K"),
        ("atm()", 100.0, "kPa"),
        // Conditions.
        ("steam_pressure > 800 kPa", 1.0, "bool"),
        ("not steam_pressure > 800 kPa", 0.0, "bool"),
        ("true and not false", 1.0, "bool"),
        ("(1 < 2) == true", 1.0, "bool"),
        ("pump_1 or pump_2", 1.0, "bool"),
        ("pump_1 and pump_2", 0.0, "bool"),
        ("pump_1 != pump_2", 1.0, "bool"),
        ("pump_1 + pump_2", 1.0, ""),
        ("pump_1 == 1", 1.0, "bool"),
        ("oxygen > 3 % and oxygen < 5 %", 1.0, "bool"),
        ("steam_temp >= 180 ℃", 1.0, "bool"),
        ("if(pump_1, steam_flow, 0 t/h)", 8.0, "t/h"),
        ("if(pump_2, 1 t/h, feed_flow)", 8.4, "t/h"),
        ("if(pump_1, pump_2, true)", 0.0, "bool"),
        // Functions.
        ("abs(drum_level)", 12.5, "mm"),
        ("exp(0) + ln(1) + log10(1000)", 4.0, ""),
        ("min(3, 1, 2)", 1.0, ""),
        ("max(1 MPa, 2 bar, 3 kPa)", 1.0, "MPa"),
        ("avg(1, 2, 6)", 3.0, ""),
        ("clamp(drum_level, -1 cm, 1 cm)", -10.0, "mm"),
        ("clamp(5, 3, 1)", 1.0, ""),
        ("round(oxygen)", 4.0, "%"),
        ("floor(-1.5)", -2.0, ""),
        ("good(oxygen) and not bad(oxygen)", 1.0, "bool"),
        ("or_else(oxygen, 0 %)", 4.2, "%"),
        ("worst(oxygen, pump_1)", 4.2, "%"),
    ];
    for (text, value, unit) in table {
        let (got, of) = calculated(text);
        assert!((got - value).abs() <= 1e-9 * value.abs().max(1.0), "{text} = {got} {of}, not {value}");
        assert_eq!(&of, unit, "{text}");
    }
}

#[test]
fn a_declared_unit_is_what_comes_out() {
    let declared = |text, unit| {
        let formula = Formula::parse_as(text, unit, &Plant).unwrap_or_else(|e| panic!("{e}"));
        let inputs: Vec<Input> =
            formula.inputs().iter().map(|slot| good(POINTS[slot.0 as usize].2)).collect();
        assert_eq!(formula.unit(), unit);
        Evaluator::new(&formula).evaluate(&inputs, Duration::ZERO, 100.0).0
    };
    assert_eq!(declared("steam_pressure", "kPa"), 900.0);
    assert_eq!(declared("feed_flow", "t/h"), 8.4);
    assert!((declared("steam_temp", "℉") - 356.0).abs() < 1e-9);
    assert!((declared("power * 30 min", "kWh") - 11.0).abs() < 1e-9);
    assert_eq!(declared("steam_temp - feed_temp", "K"), 76.0);
    assert_eq!(declared("pump_1", "bool"), 1.0);
    assert_eq!(declared("pump_1 + pump_2", ""), 1.0);
}

#[test]
fn a_result_is_as_good_as_the_worst_input_that_it_used() {
    let derived = Quality::Bad(Cause::DerivedInput);
    let doubt = Quality::Uncertain(Cause::DerivedInput);
    let of = |text: &str, inputs: &[Input]| Bench::new(text).at(0.0, inputs);
    let quality = |text: &str, inputs: &[Input]| of(text, inputs).1;
    assert_eq!(quality("steam_flow + feed_flow", &[good(1.0), good(2.0)]), Quality::Good);
    assert_eq!(quality("steam_flow + feed_flow", &[good(1.0), unsure(2.0)]), doubt);
    let (value, bad_sum) = of("steam_flow + feed_flow", &[unsure(1.0), bad()]);
    assert_eq!(bad_sum, derived);
    assert!(value.is_nan());
    assert_eq!(quality("avg(steam_flow, feed_flow)", &[good(1.0), bad()]), derived);
    // What the value says of itself is not believed against its quality.
    assert_eq!(
        quality("steam_flow", &[Input { value: f64::NAN, quality: Quality::Good }]),
        Quality::Bad(Cause::NotANumber)
    );
}

#[test]
fn a_bad_input_that_was_not_used_spoils_nothing() {
    let of = |text: &str, inputs: &[Input]| Bench::new(text).at(0.0, inputs);
    assert_eq!(of("if(pump_1, steam_flow, feed_flow)", &[good(1.0), good(8.0), bad()]), (8.0, Quality::Good));
    assert_eq!(of("if(pump_1, steam_flow, 1 t/h)", &[good(0.0), bad()]), (1.0, Quality::Good));
    assert!(!of("if(pump_1, 1, 2)", &[bad()]).1.is_usable());
    assert_eq!(of("pump_1 and pump_2", &[good(0.0), bad()]), (0.0, Quality::Good));
    assert_eq!(of("pump_1 and pump_2", &[bad(), good(0.0)]), (0.0, Quality::Good));
    assert!(!of("pump_1 and pump_2", &[good(1.0), bad()]).1.is_usable());
    assert_eq!(of("pump_1 or pump_2", &[good(1.0), bad()]), (1.0, Quality::Good));
    assert_eq!(of("pump_1 or pump_2", &[unsure(1.0), good(1.0)]), (1.0, Quality::Good));
    assert!(!of("pump_1 or pump_2", &[bad(), good(0.0)]).1.is_usable());
    // A division by zero in the branch that was not taken.
    assert_eq!(of("if(load > 0, 1 / load, 0)", &[good(0.0)]), (0.0, Quality::Good));
}

#[test]
fn quality_can_be_asked_for_and_replaced() {
    let of = |text: &str, inputs: &[Input]| Bench::new(text).at(0.0, inputs);
    assert_eq!(of("good(oxygen)", &[unsure(1.0)]), (0.0, Quality::Good));
    assert_eq!(of("bad(oxygen)", &[unsure(1.0)]), (0.0, Quality::Good));
    assert_eq!(of("bad(oxygen)", &[bad()]), (1.0, Quality::Good));
    assert_eq!(of("bad(1 / load)", &[good(0.0)]), (1.0, Quality::Good));
    assert_eq!(of("or_else(oxygen, 21 %)", &[bad()]), (21.0, Quality::Good));
    assert_eq!(of("or_else(steam_flow, feed_flow)", &[bad(), good(500.0)]), (0.5, Quality::Good));
    let doubt = Quality::Uncertain(Cause::DerivedInput);
    assert_eq!(of("worst(steam_flow, oxygen)", &[good(8.0), unsure(1.0)]), (8.0, doubt));
    assert!(!of("worst(steam_flow, oxygen)", &[good(8.0), bad()]).1.is_usable());
}

#[test]
fn what_is_no_number_is_bad_and_says_so() {
    for text in ["1 / load", "ln(load)", "load / load", "10 ^ 400 * load", "sqrt(load - 1)", "7 % load"] {
        let (value, quality) = Bench::new(text).at(0.0, &[good(0.0)]);
        assert_eq!(quality, Quality::Bad(Cause::NotANumber), "{text}");
        assert!(value.is_nan());
    }
    let (_, unknown_air) = Evaluator::new(&formula("atm()")).evaluate(&[], Duration::ZERO, f64::NAN);
    assert_eq!(unknown_air, Quality::Bad(Cause::NotANumber));
}

#[test]
fn a_point_named_twice_is_read_once() {
    let formula = formula("steam_flow / max(steam_flow, feed_flow) + steam_flow / 1 t/h");
    assert_eq!(formula.inputs(), [PointIx(1), PointIx(2)]);
    assert!(!formula.has_memory());
    assert!(super::formula("since(pump_1)").has_memory());
}

#[test]
fn a_missing_input_is_bad() {
    let mut evaluator = Evaluator::new(&formula("steam_flow"));
    assert_eq!(evaluator.evaluate(&[], Duration::ZERO, 100.0).1, Quality::Bad(Cause::DerivedInput));
}

#[test]
fn a_discrete_point_is_true_unless_it_is_zero() {
    assert_eq!(Bench::new("pump_1").at(0.0, &[good(7.0)]), (1.0, Quality::Good));
}
