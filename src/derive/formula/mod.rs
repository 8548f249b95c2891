//! Formulas of derived points: a text, checked at load, calculated at every reading.
//!
//! Promises: names, types and units are checked before anything runs, and the error stands under the
//! character that is at fault; an evaluation allocates nothing; what a formula remembers survives a
//! restart; a bad input makes a bad result, never a number. Pure: time comes in as a monotonic
//! duration. Called by the settings' check through [`Names`] and by the engine, one [`Evaluator`] a
//! derived point. `docs/formulas.md` is the language's reference.
//!
//! ```text
//! text ─token─▶ ─parser─▶ tree (syntax) ─check, calls─▶ typed tree ─program─▶ flat steps ─evaluator─▶ value
//! ```

mod calls;
mod cell;
mod check;
mod error;
mod evaluator;
mod functions;
mod item;
mod operation;
mod parser;
mod program;
mod slope;
mod syntax;
#[cfg(test)]
mod tests;
mod token;
mod typed;
mod window;

use std::fmt;
use std::sync::Arc;

pub use error::FormulaError;
pub use evaluator::{Evaluator, Input, Saved};

use crate::plant::{PointIx, Unit};
use error::{Wrong, wrong};
use program::Program;
use typed::{Measure, Number, Typed, misspelt, quantities, shown};

/// What a name in a formula stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// A point.
    Point {
        /// Where its value comes from.
        slot: PointIx,
        /// Its unit as text; empty for a plain number.
        unit: String,
        /// A discrete point, whose 0 and 1 are false and true.
        is_bool: bool,
    },
    /// There is such a point, but not for a formula: it holds texts, it is this very formula.
    Refused(String),
    /// There is no such point.
    Unknown,
}

/// Who knows the points and the functions that come from elsewhere.
pub trait Names {
    /// The point of this name: `steam_pressure` of the same equipment, `boiler-2/steam_pressure` of another.
    fn resolve(&self, name: &str) -> Lookup;

    /// The name that was probably meant.
    fn nearest(&self, _name: &str) -> Option<String> {
        None
    }

    /// Functions beside those of the language.
    fn builtins(&self) -> &[Builtin] {
        &[]
    }
}

/// A function that the language does not know by itself, such as the steam table's `tsat`.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// As it is called.
    pub name: &'static str,
    /// Units that the arguments come in, at most four; what is given is converted.
    pub arguments: &'static [&'static str],
    /// Unit of the result.
    pub result: &'static str,
    /// Arguments and the site's pressure in kPa → result; NaN where there is none. Must not panic.
    pub call: fn(&[f64], f64) -> f64,
}

/// A formula that is right.
#[derive(Debug, Clone)]
pub struct Formula {
    program: Arc<Program>,
    written: String,
    unit: String,
    is_bool: bool,
    inputs: Vec<PointIx>,
}

impl Formula {
    /// Checks `text`; the result has the unit that comes out of it.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(text: &str, names: &dyn Names) -> Result<Self, FormulaError> {
        Self::build(text, None, names).map_err(|wrong| FormulaError::of(text, wrong))
    }

    /// Checks `text`; the result is converted to `unit`. `bool` wants true or false, and an empty unit a
    /// plain number.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse_as(text: &str, unit: &str, names: &dyn Names) -> Result<Self, FormulaError> {
        Self::build(text, Some(unit), names).map_err(|wrong| FormulaError::of(text, wrong))
    }

    fn build(text: &str, declared: Option<&str>, names: &dyn Names) -> Result<Self, Wrong> {
        let tree = parser::parse(text)?;
        let mut checker = check::Checker { names, inputs: Vec::new(), cells: Vec::new() };
        let typed = checker.check(&tree)?;
        let typed = match declared {
            Some(unit) => as_declared(typed, unit)?,
            None => typed,
        };
        let (is_bool, unit) = match &typed.measure {
            Measure::Truth => (true, "bool".to_owned()),
            Measure::Number(unit) => (false, declared.map_or_else(|| unit.to_string(), str::to_owned)),
        };
        let written = tree.to_string();
        let key = program::key(&written, &unit, &checker.inputs);
        let inputs: Vec<PointIx> = checker.inputs.iter().map(|b| b.slot).collect();
        let program = Arc::new(Program::compile(&typed, checker.cells, key)?);
        Ok(Self { program, written, unit, is_bool, inputs })
    }

    /// The points that it reads, in the order in which [`Evaluator::evaluate`] wants their values.
    #[must_use]
    pub fn inputs(&self) -> &[PointIx] {
        &self.inputs
    }

    /// Unit of the result; `bool` for true or false, empty for a plain number.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The result is 0 for false or 1 for true.
    #[must_use]
    pub fn is_bool(&self) -> bool {
        self.is_bool
    }

    /// Its result depends on what came before, and may change by time alone: evaluate it regularly, and
    /// save it.
    #[must_use]
    pub fn has_memory(&self) -> bool {
        !self.program.cells.is_empty()
    }
}

impl fmt::Display for Formula {
    /// As it is understood; parses to the same formula.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The result in the unit that the point is shown in.
fn as_declared(typed: Typed, declared: &str) -> Result<Typed, Wrong> {
    let span = typed.span;
    if declared == "bool" {
        return typed.into_truth();
    }
    let unit = Unit::parse(declared);
    let number = typed.into_number()?;
    number.converted(&unit).or_else(|number: Box<Number>| {
        let (is, due) = (shown(&number.unit), shown(&unit));
        let problem = format!("the result is {is}, but {due} is declared{}", quantities(&number.unit, &unit));
        let remedy = match (number.unit.is_plain(), unit.is_plain()) {
            (true, _) if unit.is_share() => format!("multiply it by `100 {unit}`"),
            (true, _) => format!("multiply it by `1 {unit}`, or declare no unit"),
            (_, true) => format!("divide it by `1 {}`, or declare its unit", number.unit),
            _ => misspelt(&unit).unwrap_or_else(|| format!("declare {is}, or calculate what is {due}")),
        };
        wrong(span, problem, remedy)
    })
}
