//! The language on a small plant: what formulas give, what is refused and how, and what must hold of
//! any of them.

mod documentation;
mod errors;
mod memory;
mod properties;
mod results;
mod stored;

use std::time::Duration;

use super::{Builtin, Evaluator, Formula, Input, Lookup, Names};
use crate::plant::{Cause, PointIx, Quality};

/// Name, unit, and the value that `results` reads.
const POINTS: &[(&str, &str, f64)] = &[
    ("steam_pressure", "MPa", 0.9),
    ("steam_flow", "t/h", 8.0),
    ("feed_flow", "kg/h", 8400.0),
    ("drum_level", "mm", -12.5),
    ("steam_temp", "℃", 180.0),
    ("feed_temp", "℃", 104.0),
    ("flue_temp", "℉", 302.0),
    ("oxygen", "%", 4.2),
    ("gas_flow", "Nm3/h", 560.0),
    ("power", "kW", 22.0),
    ("dp", "kPa", 16.0),
    ("load", "", 0.75),
    ("turbidity", "NTU", 3.0),
    ("methane", "%LEL", 2.0),
    ("pump_1", "bool", 1.0),
    ("pump_2", "bool", 0.0),
    ("drum-level", "mm", 7.0),
    ("boiler-2/steam_pressure", "bar", 8.0),
    ("serial", "text", 0.0),
];

/// The plant of the tests.
struct Plant;

impl Names for Plant {
    fn resolve(&self, name: &str) -> Lookup {
        match POINTS.iter().position(|p| p.0 == name) {
            None => Lookup::Unknown,
            Some(_) if name == "serial" => Lookup::Refused("it holds texts".to_owned()),
            Some(number) => {
                let unit = POINTS[number].1;
                Lookup::Point { slot: PointIx(number as u32), unit: unit.to_owned(), is_bool: unit == "bool" }
            }
        }
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let near = POINTS.iter().map(|p| (strsim::damerau_levenshtein(name, p.0), p.0));
        near.min().filter(|n| n.0 <= 3).map(|n| n.1.to_owned())
    }

    fn builtins(&self) -> &[Builtin] {
        &[
            // Rough, but with the units of the real ones.
            Builtin {
                name: "tsat",
                arguments: &["MPa"],
                result: "℃",
                call: |p, atm_kpa| 100.0 * ((p[0] * 1e3 + atm_kpa) / 101.325).powf(0.25),
            },
            Builtin {
                name: "psat",
                arguments: &["℃"],
                result: "MPa",
                call: |t, atm_kpa| ((t[0] / 100.0).powi(4) * 101.325 - atm_kpa) / 1e3,
            },
        ]
    }
}

fn formula(text: &str) -> Formula {
    Formula::parse(text, &Plant).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

fn good(value: f64) -> Input {
    Input { value, quality: Quality::Good }
}

fn bad() -> Input {
    Input { value: f64::NAN, quality: Quality::Bad(Cause::Timeout) }
}

fn unsure(value: f64) -> Input {
    Input { value, quality: Quality::Uncertain(Cause::LoopSaturated) }
}

/// A formula of a few inputs under a hand-moved clock.
struct Bench {
    formula: Formula,
    evaluator: Evaluator,
}

impl Bench {
    fn new(text: &str) -> Self {
        let formula = formula(text);
        Self { evaluator: Evaluator::new(&formula), formula }
    }

    fn at(&mut self, second: f64, inputs: &[Input]) -> (f64, Quality) {
        assert_eq!(inputs.len(), self.formula.inputs().len(), "{}", self.formula);
        self.evaluator.evaluate(inputs, Duration::from_secs_f64(second), 101.325)
    }

    /// The value, which must be usable.
    fn value(&mut self, second: f64, input: f64) -> f64 {
        let (value, quality) = self.at(second, &[good(input)]);
        assert!(quality.is_usable(), "{} at {second} s: {quality:?}", self.formula);
        value
    }
}
