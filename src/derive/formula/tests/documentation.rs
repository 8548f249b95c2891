//! docs/formulas.md says what is so: its examples are right, and no function is left out.

use super::super::functions::FUNCTIONS;
use super::*;
use crate::derive::names::BUILTINS;

const TEXT: &str = include_str!("../../../../docs/formulas.md");

/// The points of the examples.
struct Example;

impl Names for Example {
    fn resolve(&self, name: &str) -> Lookup {
        let unit = match name {
            "steam_temp" | "stack_temp" => "℃",
            "steam_pressure" => "MPa",
            "dp" => "kPa",
            "feed_flow" | "steam_flow" => "t/h",
            "gas_flow" => "Nm3/h",
            "heat_in" | "heat_out" => "MW",
            "oxygen" => "%",
            "level_1" | "level_2" => "mm",
            "burner_on" | "pump_1" | "pump_2" => "bool",
            _ => return Lookup::Unknown,
        };
        let slot = PointIx(name.bytes().map(u32::from).sum());
        Lookup::Point { slot, unit: unit.to_owned(), is_bool: unit == "bool" }
    }

    fn builtins(&self) -> &[Builtin] {
        BUILTINS
    }
}

#[test]
fn every_example_is_right_and_has_the_unit_beside_it() {
    let table = TEXT.split("## A few to begin with").nth(1).and_then(|t| t.split("## ").next()).unwrap();
    let mut seen = 0;
    for row in table.lines().filter(|l| l.contains('`')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (text, unit) = (cells[1].trim_matches('`'), cells[2].replace("plain", ""));
        let formula = Formula::parse(text, &Example).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(formula.unit(), unit, "{text}");
        seen += 1;
    }
    assert!(seen > 10, "{seen} examples");
}

#[test]
fn every_function_is_described() {
    for (name, ..) in FUNCTIONS {
        assert!(TEXT.contains(&format!("`{name}(")), "{name}");
    }
    for builtin in BUILTINS {
        assert!(TEXT.contains(&format!("`{}(", builtin.name)), "{}", builtin.name);
    }
}

#[test]
fn the_error_that_is_shown_is_the_error_that_comes() {
    let error = Formula::parse("steam_pressure > 0.8", &Example).unwrap_err().to_string();
    for line in error.lines() {
        assert!(TEXT.contains(line), "{line}");
    }
}
