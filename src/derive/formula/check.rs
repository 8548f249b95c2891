//! Names, types and units of a tree: what comes out is right, or the error says where it is not.

use super::cell::Spec;
use super::error::{Span, Wrong, wrong};
use super::operation::Op;
use super::syntax::{Binary, Expr, ExprKind, Unary};
use super::typed::{Measure, Number, Typed, shown};
use super::{Lookup, Names};
use crate::plant::{PointIx, Unit};

/// Highest power of a unit that a formula can make.
const HIGHEST_POWER: f64 = 12.0;

/// A point that the formula reads.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub slot: PointIx,
    /// As the formula calls it, with its unit.
    pub known_as: String,
}

/// Collects what the tree needs while it is checked.
pub(super) struct Checker<'a> {
    pub names: &'a dyn Names,
    pub inputs: Vec<Bound>,
    pub cells: Vec<Spec>,
}

impl Checker<'_> {
    pub fn check(&mut self, expr: &Expr) -> Result<Typed, Wrong> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Number(value, unit) => {
                let text = unit.as_deref().unwrap_or_default();
                let unit = Unit::parse(text);
                if !unit.is_known() && self.names.resolve(text) != Lookup::Unknown {
                    let problem = format!("`{text}` behind the number is a point, not a unit");
                    return wrong(span, problem, format!("an operator is missing: `{value} * {text}`"));
                }
                let typed = Typed::number(Op::Constant(*value), Vec::new(), unit, span);
                Ok(Typed { literal: Some(*value), ..typed })
            }
            ExprKind::Truth(truth) => {
                Ok(Typed::truth(Op::Constant(f64::from(u8::from(*truth))), Vec::new(), span))
            }
            ExprKind::Point(name) => self.point(name, span),
            ExprKind::Unary(Unary::Not, operand) => {
                let operand = self.check(operand)?.into_truth()?;
                Ok(Typed::truth(Op::Not, vec![operand], span))
            }
            ExprKind::Unary(Unary::Negate, operand) => self.negate(operand, span),
            ExprKind::Binary(operator, left, right) => {
                let (left, right) = (self.check(left)?, self.check(right)?);
                self.binary(*operator, left, right, span)
            }
            ExprKind::Call(name, place, arguments) => self.call(name, place.0, arguments, span),
        }
    }

    /// A number; the result of [`Self::check`] as one.
    pub fn number(&mut self, expr: &Expr) -> Result<Number, Wrong> {
        self.check(expr)?.into_number()
    }

    fn point(&mut self, name: &str, span: Span) -> Result<Typed, Wrong> {
        let (slot, unit, is_bool) = match self.names.resolve(name) {
            Lookup::Point { slot, unit, is_bool } => (slot, unit, is_bool),
            Lookup::Refused(why) => {
                return wrong(span, format!("`{name}` cannot be used: {why}"), "take another point");
            }
            Lookup::Unknown => {
                let remedy = match self.names.nearest(name) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "a point of this equipment is written by its id, another's as \"boiler-2/steam_pressure\"".to_owned(),
                };
                return wrong(span, format!("there is no point `{name}`"), remedy);
            }
        };
        let measure = if is_bool { Measure::Truth } else { Measure::Number(Unit::parse(&unit)) };
        let number = self.inputs.iter().position(|b| b.slot == slot).unwrap_or_else(|| {
            let known_as = format!("{name}={}", if is_bool { "bool" } else { &unit });
            self.inputs.push(Bound { slot, known_as });
            self.inputs.len() - 1
        });
        // A text of 4000 bytes names fewer points than that.
        let number = u16::try_from(number).expect("fewer inputs than 2^16");
        let op = if is_bool { Op::Truth(number) } else { Op::Input(number) };
        Ok(Typed { discrete: is_bool, ..Typed::new(op, Vec::new(), measure, span) })
    }

    fn negate(&mut self, operand: &Expr, span: Span) -> Result<Typed, Wrong> {
        let number = self.number(operand)?;
        if let (Some(value), Op::Constant(_)) = (number.typed.literal, number.typed.op) {
            // -5 ℃ is a temperature; minus a temperature is nothing.
            let typed = Typed::number(Op::Constant(-value), Vec::new(), number.unit, span);
            return Ok(Typed { literal: Some(-value), ..typed });
        }
        let number = number.no_temperature("negated")?;
        Ok(Typed::number(Op::Negate, vec![number.typed], number.unit, span))
    }

    fn binary(&mut self, operator: Binary, left: Typed, right: Typed, span: Span) -> Result<Typed, Wrong> {
        match operator {
            Binary::And | Binary::Or => {
                let op = if operator == Binary::And { Op::And } else { Op::Or };
                Ok(Typed::truth(op, vec![left.into_truth()?, right.into_truth()?], span))
            }
            Binary::Equal | Binary::NotEqual
                if left.measure == Measure::Truth && right.measure == Measure::Truth =>
            {
                Ok(Typed::truth(comparison(operator), vec![left, right], span))
            }
            _ if operator.compares() => {
                let left = left.into_number()?;
                let right = right.into_number()?.like(&left.left(), "compared")?;
                Ok(Typed::truth(comparison(operator), vec![left.typed, right], span))
            }
            _ => arithmetic(operator, left.into_number()?, right.into_number()?, span),
        }
    }
}

fn comparison(operator: Binary) -> Op {
    match operator {
        Binary::Less => Op::Less,
        Binary::LessEqual => Op::LessEqual,
        Binary::Greater => Op::Greater,
        Binary::GreaterEqual => Op::GreaterEqual,
        Binary::NotEqual => Op::NotEqual,
        _ => Op::Equal,
    }
}

fn arithmetic(operator: Binary, left: Number, right: Number, span: Span) -> Result<Typed, Wrong> {
    match operator {
        Binary::Add => add(left, right, span),
        Binary::Subtract => subtract(left, right, span),
        Binary::Power => power(left, right, span),
        Binary::Remainder => {
            let left = left.no_temperature("divided")?;
            let right = right.no_temperature("a divisor")?.like(&left.left(), "divided with a remainder")?;
            Ok(Typed::number(Op::Remainder, vec![left.typed, right], left.unit, span))
        }
        _ => {
            let times = operator == Binary::Multiply;
            let (left, right) = (
                left.no_temperature(if times { "multiplied" } else { "divided" })?,
                right.no_temperature(if times { "multiplied" } else { "a divisor" })?,
            );
            let made = if times { left.unit.times(&right.unit) } else { left.unit.over(&right.unit) };
            let Some((unit, factor)) = made else {
                return wrong(
                    span,
                    "the unit of this is beyond all measure",
                    "divide the parts by their units first: `x / 1 MPa`",
                );
            };
            let op = if times { Op::Multiply } else { Op::Divide };
            let result = Typed::number(op, vec![left.typed, right.typed], unit.clone(), span);
            Ok(result.linear(factor, 0.0, unit))
        }
    }
}

/// ℃ ± K is ℃; ℃ + ℃ is nothing.
fn add(left: Number, right: Number, span: Span) -> Result<Typed, Wrong> {
    let sum = |a: Typed, b: Typed, unit: Unit| Ok(Typed::number(Op::Add, vec![a, b], unit, span));
    match (left.unit.is_absolute(), right.unit.is_absolute()) {
        (true, true) => wrong(
            right.typed.span,
            format!("{} and {} cannot be added: both are temperatures", left.unit, right.unit),
            "a difference is written in K, as in `x + 5 K`; the mean of two is avg(a, b)",
        ),
        (true, false) if is_difference(&right.unit) => {
            let unit = left.unit;
            let step = degrees(right, &unit);
            sum(left.typed, step, unit)
        }
        (false, true) if is_difference(&left.unit) => {
            let unit = right.unit.clone();
            sum(degrees(left, &unit), right.typed, unit)
        }
        _ => {
            let right = right.like(&left.left(), "added")?;
            sum(left.typed, right, left.unit)
        }
    }
}

/// ℃ − ℃ is K.
fn subtract(left: Number, right: Number, span: Span) -> Result<Typed, Wrong> {
    let difference = |a: Typed, b: Typed, unit: Unit| Typed::number(Op::Subtract, vec![a, b], unit, span);
    match (left.unit.is_absolute(), right.unit.is_absolute()) {
        (true, false) if is_difference(&right.unit) => {
            let unit = left.unit;
            let step = degrees(right, &unit);
            Ok(difference(left.typed, step, unit))
        }
        (true, true) => {
            let right = right.like(&left.left(), "subtracted")?;
            let kelvin = left.unit.difference();
            let factor = left.unit.factor_to(&kelvin).unwrap_or(1.0);
            Ok(difference(left.typed, right, left.unit).linear(factor, 0.0, kelvin))
        }
        _ => {
            let right = right.like(&left.left(), "subtracted")?;
            Ok(difference(left.typed, right, left.unit))
        }
    }
}

fn is_difference(unit: &Unit) -> bool {
    unit.factor_to(&Unit::parse("K")).is_some()
}

/// A difference in the steps of the scale `to`.
fn degrees(number: Number, to: &Unit) -> Typed {
    let factor = number.unit.factor_to(to).unwrap_or(1.0);
    number.typed.linear(factor, 0.0, to.clone())
}

fn power(left: Number, right: Number, span: Span) -> Result<Typed, Wrong> {
    let left = left.no_temperature("raised to a power")?;
    let exponent = right.typed.literal.filter(|_| right.unit.is_plain());
    let right = right.plain("an exponent")?;
    if left.unit.is_plain() {
        return Ok(Typed::number(Op::Power, vec![left.typed, right], Unit::plain(), span));
    }
    let whole = exponent.filter(|e| e.fract() == 0.0 && e.abs() <= HIGHEST_POWER);
    let Some((unit, factor)) = whole.and_then(|e| left.unit.power(e as i8)) else {
        let problem =
            format!("the power of {} has a unit only with a small whole exponent", shown(&left.unit));
        let remedy =
            format!("write a whole number, or take the unit away first: `(x / 1 {}) ^ y`", left.unit);
        return wrong(right.span, problem, remedy);
    };
    let raised = Typed::number(Op::Power, vec![left.typed, right], unit.clone(), span);
    Ok(raised.linear(factor, 0.0, unit))
}
