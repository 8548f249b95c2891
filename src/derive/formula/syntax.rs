//! The tree of a formula as it was written, and how it is written again.
//!
//! What is printed parses to the same tree; the state of a formula is kept under its printed form,
//! so that spaces and needless parentheses do not start it anew.

use std::fmt;
use std::time::Duration;

use super::error::Span;
use super::token::{is_bare_name, is_bare_unit};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Negate,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Or,
    And,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

/// How strongly a prefix binds its operand.
pub(super) const NOT: u8 = 3;
pub(super) const NEGATE: u8 = 7;
const COMPARE: u8 = 4;
const POWER: u8 = 8;
const WHOLE: u8 = 9;

impl Binary {
    pub const ALL: [Self; 14] = [
        Self::Or,
        Self::And,
        Self::Less,
        Self::LessEqual,
        Self::Greater,
        Self::GreaterEqual,
        Self::Equal,
        Self::NotEqual,
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Remainder,
        Self::Power,
    ];

    pub fn sign(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Power => "^",
        }
    }

    /// The stronger binds first.
    pub fn binds(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide | Self::Remainder => 6,
            Self::Power => POWER,
            _ => COMPARE,
        }
    }

    /// What its right side must bind with: `a - b - c` goes from the left, `a ^ b ^ c` from the right.
    pub fn binds_right(self) -> u8 {
        if self == Self::Power { POWER } else { self.binds() + 1 }
    }

    pub fn compares(self) -> bool {
        self.binds() == COMPARE
    }
}

#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub kind: ExprKind,
    pub span: Span,
    /// Levels below and with this one.
    pub depth: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum ExprKind {
    Number(f64, Option<String>),
    Truth(bool),
    Point(String),
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// Name and its place.
    Call(String, Place, Vec<Argument>),
}

/// A place in the text, which makes no difference to what a tree means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(pub Span);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    Value(Expr),
    /// `60s`
    Window(Duration, Place),
    /// `per h`
    Per(String, Place),
}

impl Argument {
    pub fn span(&self) -> Span {
        match self {
            Self::Value(expr) => expr.span,
            Self::Window(_, place) | Self::Per(_, place) => place.0,
        }
    }
}

impl Expr {
    pub fn new(kind: ExprKind, span: Span) -> Self {
        let below = match &kind {
            ExprKind::Unary(_, operand) => operand.depth,
            ExprKind::Binary(_, left, right) => left.depth.max(right.depth),
            ExprKind::Call(_, _, arguments) => {
                let depth = |a: &Argument| if let Argument::Value(e) = a { e.depth } else { 0 };
                arguments.iter().map(depth).max().unwrap_or(0)
            }
            _ => 0,
        };
        Self { kind, span, depth: below.saturating_add(1) }
    }

    fn binds(&self) -> u8 {
        match &self.kind {
            ExprKind::Unary(Unary::Not, _) => NOT,
            ExprKind::Unary(Unary::Negate, _) => NEGATE,
            ExprKind::Binary(operator, ..) => operator.binds(),
            _ => WHOLE,
        }
    }

    /// In parentheses if it binds less than `at_least`.
    fn write(&self, f: &mut fmt::Formatter<'_>, at_least: u8) -> fmt::Result {
        if self.binds() < at_least { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(value, unit) => write_number(f, *value, unit.as_deref()),
            ExprKind::Truth(truth) => write!(f, "{truth}"),
            ExprKind::Point(name) if is_bare_name(name) => f.write_str(name),
            ExprKind::Point(name) => write_quoted(f, name),
            ExprKind::Unary(Unary::Not, operand) => {
                f.write_str("not ")?;
                operand.write(f, NOT)
            }
            ExprKind::Unary(Unary::Negate, operand) => {
                f.write_str("-")?;
                operand.write(f, NEGATE)
            }
            ExprKind::Binary(operator, left, right) => {
                let (least_left, least_right) = match operator {
                    Binary::Power => (WHOLE, POWER),
                    // `50 % -x` would read as a share less x.
                    Binary::Remainder => (operator.binds(), POWER),
                    o if o.compares() => (COMPARE + 1, COMPARE + 1),
                    o => (o.binds(), o.binds_right()),
                };
                left.write(f, least_left)?;
                write!(f, " {} ", operator.sign())?;
                right.write(f, least_right)
            }
            ExprKind::Call(name, _, arguments) => {
                write!(f, "{name}(")?;
                for (n, argument) in arguments.iter().enumerate() {
                    if n > 0 {
                        f.write_str(", ")?;
                    }
                    match argument {
                        Argument::Value(expr) => write!(f, "{expr}")?,
                        Argument::Window(window, _) => write!(f, "{}", written(*window))?,
                        Argument::Per(unit, _) => write!(f, "per {unit}")?,
                    }
                }
                f.write_str(")")
            }
        }
    }
}

fn write_number(f: &mut fmt::Formatter<'_>, value: f64, unit: Option<&str>) -> fmt::Result {
    let digits = format!("{value:?}");
    f.write_str(digits.strip_suffix(".0").unwrap_or(&digits))?;
    match unit {
        None => Ok(()),
        Some(unit) if is_bare_unit(unit) => write!(f, " {unit}"),
        Some(unit) => {
            f.write_str(" ")?;
            write_quoted(f, unit)
        }
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if text.contains('"') { '\'' } else { '"' };
    write!(f, "{quote}{text}{quote}")
}

/// A window in the largest unit that divides it.
pub(super) fn written(window: Duration) -> String {
    let seconds = window.as_secs();
    match (window.subsec_nanos(), seconds) {
        (0, s) if s > 0 && s % 3600 == 0 => format!("{}h", s / 3600),
        (0, s) if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        _ => format!("{}s", window.as_secs_f64()),
    }
}
