//! A checked tree: every node knows what it measures; and the rules of when two measure alike.

use super::error::{Span, Wrong, wrong};
use super::operation::Op;
use crate::plant::Unit;

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Measure {
    Truth,
    Number(Unit),
}

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub op: Op,
    pub arguments: Vec<Typed>,
    pub measure: Measure,
    pub span: Span,
    /// A number as it was written, with its sign.
    pub literal: Option<f64>,
    /// A discrete point itself, which may serve as a number too.
    pub discrete: bool,
}

/// A number and its unit.
pub(super) struct Number {
    pub typed: Typed,
    pub unit: Unit,
}

impl Typed {
    pub fn new(op: Op, arguments: Vec<Self>, measure: Measure, span: Span) -> Self {
        Self { op, arguments, measure, span, literal: None, discrete: false }
    }

    pub fn number(op: Op, arguments: Vec<Self>, unit: Unit, span: Span) -> Self {
        Self::new(op, arguments, Measure::Number(unit), span)
    }

    pub fn truth(op: Op, arguments: Vec<Self>, span: Span) -> Self {
        Self::new(op, arguments, Measure::Truth, span)
    }

    /// As a number; a discrete point is a plain 0 or 1.
    pub fn into_number(self) -> Result<Number, Wrong> {
        match &self.measure {
            Measure::Number(unit) => Ok(Number { unit: unit.clone(), typed: self }),
            Measure::Truth if self.discrete => {
                let typed = Self { measure: Measure::Number(Unit::plain()), ..self };
                Ok(Number { typed, unit: Unit::plain() })
            }
            Measure::Truth => wrong(
                self.span,
                "a number is due here, but this is true or false",
                "make a number of it: if(condition, 1, 0)",
            ),
        }
    }

    /// As a condition.
    pub fn into_truth(self) -> Result<Self, Wrong> {
        match &self.measure {
            Measure::Truth => Ok(self),
            Measure::Number(unit) => {
                let zero = if unit.is_plain() { "0".to_owned() } else { format!("0 {unit}") };
                let problem = format!("true or false is due here, but this is {}", shown(unit));
                wrong(self.span, problem, format!("compare it, as in `x > {zero}`"))
            }
        }
    }

    /// Its value times `factor` plus `offset`, in `unit`.
    pub fn linear(self, factor: f64, offset: f64, unit: Unit) -> Self {
        let span = self.span;
        if factor == 1.0 && offset == 0.0 {
            return Self { measure: Measure::Number(unit), ..self };
        }
        Self::number(Op::Linear { factor, offset }, vec![self], unit, span)
    }
}

impl Number {
    /// In `unit`, if it measures the same: a temperature is no difference, a share no plain number.
    pub fn converted(self, unit: &Unit) -> Result<Typed, Box<Self>> {
        let conversion = if self.unit.is_absolute() == unit.is_absolute() {
            let convert = if unit.is_absolute() {
                self.unit.conversion_to(unit)
            } else {
                self.unit.factor_to(unit).map(|factor| (factor, 0.0))
            };
            convert.filter(|(factor, offset)| factor.is_finite() && offset.is_finite())
        } else {
            None
        };
        match conversion {
            Some((factor, offset)) => Ok(self.typed.linear(factor, offset, unit.clone())),
            None => Err(Box::new(self)),
        }
    }

    /// In the unit of what stands left of it, or why the two cannot be `done` (`added`, `compared`).
    pub fn like(self, left: &Left, done: &str) -> Result<Typed, Wrong> {
        self.converted(&left.unit).or_else(|number| {
            let problem = format!(
                "{} and {} cannot be {done}{}",
                shown(&left.unit),
                shown(&number.unit),
                quantities(&left.unit, &number.unit)
            );
            // The number without a unit is at fault, on whichever side it stands.
            let at_left = left.literal.is_some() && left.unit.is_plain();
            wrong(if at_left { left.span } else { number.typed.span }, problem, remedy(left, &number))
        })
    }

    /// Refuses temperatures with a zero of their own where only differences make sense.
    pub fn no_temperature(self, done: &str) -> Result<Self, Wrong> {
        if !self.unit.is_absolute() {
            return Ok(self);
        }
        let unit = &self.unit;
        let problem =
            format!("a temperature in {unit} cannot be {done}: its zero is not the end of the scale");
        let remedy =
            format!("kelvin(x) counts from absolute zero; `x - 0 {unit}` is the difference from 0 {unit}");
        wrong(self.typed.span, problem, remedy)
    }

    /// A plain number.
    pub fn plain(self, what: &str) -> Result<Typed, Wrong> {
        if self.unit.is_plain() {
            return Ok(self.typed);
        }
        let problem = format!("{what} must be a plain number, but this is {}", shown(&self.unit));
        let one = if self.unit.is_share() { 100 } else { 1 };
        wrong(self.typed.span, problem, format!("divide it by a unit: `x / {one} {}`", self.unit))
    }

    pub fn left(&self) -> Left {
        Left { unit: self.unit.clone(), literal: self.typed.literal, span: self.typed.span }
    }
}

/// What stands left, and gives its unit.
pub(super) struct Left {
    pub unit: Unit,
    literal: Option<f64>,
    span: Span,
}

/// `MPa`, or `a plain number`.
pub(super) fn shown(unit: &Unit) -> String {
    if unit.is_plain() { "a plain number".to_owned() } else { unit.to_string() }
}

/// `: a pressure and a temperature`, where there are words for both.
pub(super) fn quantities(left: &Unit, right: &Unit) -> String {
    match (left.quantity(), right.quantity()) {
        (Some(a), Some(b)) if a != b => format!(": {a} and {b}"),
        _ => String::new(),
    }
}

fn remedy(left: &Left, right: &Number) -> String {
    let (a, b) = (&left.unit, &right.unit);
    match (left.literal, right.typed.literal) {
        (Some(number), _) if a.is_plain() => return written_with(number, b),
        (_, Some(number)) if b.is_plain() => return written_with(number, a),
        _ => {}
    }
    for (plain, other) in [(a, b), (b, a)] {
        if plain.is_plain() {
            let one = if other.is_share() { 100 } else { 1 };
            return format!(
                "give the plain number a unit (`* {one} {other}`), or take it from the other (`/ {one} {other}`)"
            );
        }
    }
    if a.is_absolute() != b.is_absolute() && a.difference().factor_to(&b.difference()).is_some() {
        return "K is a difference: write a temperature in ℃, or convert with celsius(x) or kelvin(x)"
            .to_owned();
    }
    if [(a, b), (b, a)].iter().any(|(x, y)| *x == &Unit::parse("m") && y.quantity() == Some("a time")) {
        return "m is the metre, except in windows: a minute is `1 min`".to_owned();
    }
    misspelt(b).or_else(|| misspelt(a)).unwrap_or_else(|| "both sides must measure the same".to_owned())
}

/// How a number without a unit should have been written.
pub(super) fn written_with(number: f64, unit: &Unit) -> String {
    if unit.is_share() && number == 1.0 {
        return format!("write `1 {unit}` or `100 {unit}`, whichever is meant");
    }
    format!("write `{number} {unit}`, or what is meant")
}

/// What may be wrong with a unit that nobody knows.
pub(super) fn misspelt(unit: &Unit) -> Option<String> {
    let text = unit.to_string();
    if unit.is_known() {
        return None;
    }
    Some(match Unit::nearest(&text) {
        Some(meant) if meant != text => format!("`{text}` is not known; did you mean `{meant}`?"),
        _ => format!("`{text}` is equal only to itself"),
    })
}
