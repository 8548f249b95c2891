//! What is refused, and how it is said: one picture of all messages.

use super::*;

/// Each wrong in its own way.
const WRONG: &[&str] = &[
    // Signs and words.
    "",
    "   ",
    "steam_pressure = 1 MPa",
    "steam_pressure ≥ 1 MPa",
    "pump_1 && pump_2",
    "pump_1 || pump_2",
    "!pump_1",
    "2 ** 3",
    "max（1，2）",
    "load ? 1 : 2",
    "load * [1 + 2]",
    "锅炉压力 + 1 MPa",
    ".5 + load",
    "1. + load",
    "1e999",
    "boiler.pressure",
    "\"boiler-2/steam_pressure",
    "\"\" + 1",
    "point(steam_pressure)",
    // Structure.
    "1 +",
    "(1 + 2",
    "max(1, 2",
    "1 + 2)",
    "()",
    "load load",
    "2 load",
    "2 steam_flow",
    "5 MPa kPa",
    "1,5 + load",
    "+5",
    "* 3",
    "and pump_1",
    "1 < load < 3",
    "per h",
    // Names.
    "steam_presure + 1 MPa",
    "chimney",
    "serial + 1",
    "averge(1, 2)",
    "pump_1(3)",
    "foo(1)",
    // Arguments.
    "abs()",
    "abs(1, 2)",
    "clamp(1, 2)",
    "atm(1)",
    "min()",
    "tsat()",
    "mean(oxygen)",
    "mean(oxygen, 60)",
    "mean(oxygen, load)",
    "mean(oxygen, 60 kg)",
    "mean(oxygen, 0s)",
    "mean(oxygen, 30d)",
    "integral(steam_flow)",
    "integral(steam_flow, h)",
    "integral(steam_flow, per week)",
    // Types.
    "pump_1 + true",
    "not load",
    "steam_flow and pump_1",
    "if(steam_flow, 1, 2)",
    "if(pump_1, 1, true)",
    "hold(load, 10s)",
    "mean(load > 1, 60s)",
    "abs(true)",
    "ln(steam_pressure)",
    "exp(oxygen)",
    // Units.
    "steam_pressure + steam_temp",
    "steam_pressure > 0.8",
    "0.8 < steam_pressure",
    "oxygen > 3",
    "1 - oxygen",
    "steam_flow - load",
    "steam_pressure > 0.8 Mpa",
    "turbidity > 3 FTU",
    "gas_flow + 3 m3/h",
    "since(pump_1) > 5 m",
    "steam_flow * 5 m - 1 t",
    "steam_temp + feed_temp",
    "steam_temp + 5 ℃",
    "steam_temp > 180 K",
    "5 K - steam_temp",
    "steam_temp * 2",
    "2 / steam_temp",
    "-steam_temp",
    "abs(steam_temp)",
    "(steam_temp + feed_temp) / 2",
    "integral(steam_temp, per h)",
    "sqrt(dp)",
    "dp ^ load",
    "dp ^ 0.5",
    "2 ^ dp",
    "tsat(steam_temp)",
    "tsat(0.8)",
    "psat(5 K)",
    "kelvin(5 K)",
    "min(steam_flow, 3 m)",
    "max(steam_pressure, 90s)",
    "avg(steam_flow, feed_flow, 1.5 h)",
    "max(steam_flow, power)",
    "or_else(oxygen, 0)",
    "dp^12 * dp",
    "steam_flow\n  + feed_flow\n  + drum_level * 2",
];

/// With a declared unit.
const WRONGLY_DECLARED: &[(&str, &str)] = &[
    ("steam_pressure * 2", "℃"),
    ("load", "%"),
    ("load", "MPa"),
    ("steam_flow", ""),
    ("steam_flow", "bool"),
    ("pump_1 or pump_2", "MPa"),
    ("steam_temp - feed_temp", "℃"),
    ("steam_pressure", "Mpa"),
];

#[test]
fn every_error_stands_under_its_place_and_says_what_would_be_right() {
    let mut said = String::new();
    let parsed = WRONG.iter().map(|text| (*text, None, Formula::parse(text, &Plant)));
    let declared = WRONGLY_DECLARED
        .iter()
        .map(|(text, unit)| (*text, Some(unit), Formula::parse_as(text, unit, &Plant)));
    for (text, unit, result) in parsed.chain(declared) {
        let Err(error) = result else { panic!("{text} is right, in {unit:?}") };
        assert!(!error.problem.is_empty() && !error.remedy.is_empty(), "{text}");
        assert!(error.span.end <= text.len() && text.is_char_boundary(error.span.start), "{text}");
        if let Some(unit) = unit {
            said += &format!("declared `{unit}`: ");
        }
        said += &format!("{error}\n\n");
    }
    insta::assert_snapshot!("errors", said);
}

#[test]
fn place_and_text_agree() {
    let error = Formula::parse("1 MPa\n  + ℃_x * 2", &Plant).unwrap_err();
    assert_eq!((error.line, error.column, error.span), (2, 5, 10..13));
    let error = Formula::parse("\"锅炉\" + 1", &Plant).unwrap_err();
    assert_eq!((error.line, error.column), (1, 1));
    assert!(error.to_string().contains("^^^^^^"), "{error}");
}

#[test]
fn what_is_too_much_is_refused_before_it_can_harm() {
    let refused = |text: String| Formula::parse(&text, &Plant).unwrap_err().problem;
    assert!(refused("(".repeat(3000)).contains("nested too deeply"));
    assert!(refused("-".repeat(3000) + "1").contains("nested too deeply"));
    assert!(refused("not ".repeat(900) + "true").contains("nested too deeply"));
    assert!(refused("2^".repeat(900) + "2").contains("nested too deeply"));
    assert!(refused("abs(".repeat(900) + "2").contains("nested too deeply"));
    assert!(refused("1+".repeat(1900) + "1").contains("too many steps"));
    assert!(refused("1".repeat(4001)).contains("4001 bytes"));
    assert!(refused(format!("min({}1)", "1,".repeat(500))).contains("too many arguments"));
    let many = vec!["changed(load)"; 33].join(" or ");
    assert!(refused(many).contains("remembers at most 32"));
    // 31 values wait in each of three calls while the next is calculated.
    let waiting = format!("max({}max({}max(1, 2)))", "1,".repeat(31), "1,".repeat(31));
    assert!(Formula::parse(&waiting, &Plant).is_ok());
    let waiting = format!("max({}max({}max({}1)))", "1,".repeat(31), "1,".repeat(31), "1,".repeat(31));
    assert!(refused(waiting).contains("under way"));
    assert!(Formula::parse(&("1+".repeat(254) + "1"), &Plant).is_ok());
}
