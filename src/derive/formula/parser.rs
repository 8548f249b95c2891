//! Tokens → tree, by binding strength (Pratt). Bounded in text, nesting and depth, so that no text
//! can exhaust a stack.

use std::time::Duration;

use super::error::{Span, Wrong, wrong};
use super::functions::{Function, MOST_ARGUMENTS, Place as Due};
use super::syntax::{Argument, Binary, Expr, ExprKind, NEGATE, NOT, Place, Unary};
use super::token::{KEYWORDS, Kind, Token, tokens};
use crate::plant::Unit;

/// Bytes of a formula.
const LONGEST_TEXT: usize = 4000;
/// Parentheses, calls and prefixes within each other.
const DEEPEST_NESTING: usize = 64;
/// Levels of the tree: a sum of so many terms.
const DEEPEST_TREE: u16 = 256;
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_secs(7 * 86_400);

/// The tree of `text`.
pub(super) fn parse(text: &str) -> Result<Expr, Wrong> {
    if text.len() > LONGEST_TEXT {
        return wrong(
            Span::new(0, 0),
            format!("the formula has {} bytes; {LONGEST_TEXT} are the most", text.len()),
            "make two derived points of it",
        );
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, nesting: 0 };
    if parser.peek().kind == Kind::End {
        return wrong(parser.peek().span, "the formula is empty", "a point, a number or a calculation");
    }
    let expr = parser.expr(0)?;
    match parser.peek().kind {
        Kind::End => Ok(expr),
        _ => parser.unexpected("the end"),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    /// The last token is the end, and nothing goes beyond it.
    fn peek(&self) -> &'a Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> &'a Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn takes(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek().kind, Kind::Sign(s) if s == sign);
        self.at += usize::from(there);
        there
    }

    /// The operator that comes next.
    fn operator(&self) -> Option<Binary> {
        let word = match &self.peek().kind {
            Kind::Sign(sign) => sign,
            Kind::Name(name) => name.as_str(),
            _ => return None,
        };
        Binary::ALL.into_iter().find(|o| o.sign() == word)
    }

    /// Everything that binds at least as strongly as `least`.
    fn expr(&mut self, least: u8) -> Result<Expr, Wrong> {
        self.nesting += 1;
        if self.nesting > DEEPEST_NESTING {
            let remedy = format!("{DEEPEST_NESTING} levels are the most; make two derived points of it");
            return wrong(self.peek().span, "the formula is nested too deeply here", remedy);
        }
        let mut left = self.operand()?;
        while let Some(operator) = self.operator().filter(|o| o.binds() >= least) {
            let sign = self.next().span;
            let right = self.expr(operator.binds_right())?;
            let span = left.span.until(right.span);
            left = Expr::new(ExprKind::Binary(operator, Box::new(left), Box::new(right)), span);
            if left.depth > DEEPEST_TREE {
                let remedy = format!("{DEEPEST_TREE} steps are the most; make two derived points of it");
                return wrong(sign, "the formula has too many steps", remedy);
            }
            if operator.compares() && self.operator().is_some_and(Binary::compares) {
                return wrong(
                    self.peek().span,
                    "a comparison cannot be compared again",
                    "write `a < b and b < c`, or put one into parentheses",
                );
            }
        }
        self.nesting -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expr, Wrong> {
        let token = self.next();
        let kind = match &token.kind {
            Kind::Number(value, unit) => ExprKind::Number(*value, unit.clone()),
            Kind::Quoted(name) => ExprKind::Point(name.clone()),
            Kind::Sign("(") => {
                if self.takes(")") {
                    return wrong(
                        token.span,
                        "there is nothing between the parentheses",
                        "put a value there",
                    );
                }
                let inner = self.expr(0)?;
                self.close(token.span)?;
                return Ok(inner);
            }
            Kind::Sign("-") => return self.prefix(Unary::Negate, NEGATE, token.span),
            Kind::Sign("+") => {
                return wrong(token.span, "a value needs no `+` in front", "leave the `+` out");
            }
            Kind::Name(name) => match name.as_str() {
                "not" => return self.prefix(Unary::Not, NOT, token.span),
                "true" => ExprKind::Truth(true),
                "false" => ExprKind::Truth(false),
                word if KEYWORDS.contains(&word) => {
                    self.at -= 1;
                    return self.unexpected("a value");
                }
                _ if self.takes("(") => return self.call(name, token.span),
                _ => ExprKind::Point(name.clone()),
            },
            _ => {
                self.at -= 1;
                return self.unexpected("a value");
            }
        };
        Ok(Expr::new(kind, token.span))
    }

    fn prefix(&mut self, prefix: Unary, binds: u8, span: Span) -> Result<Expr, Wrong> {
        let operand = self.expr(binds)?;
        let span = span.until(operand.span);
        Ok(Expr::new(ExprKind::Unary(prefix, Box::new(operand)), span))
    }

    /// The end of what `open` began.
    fn close(&mut self, open: Span) -> Result<Span, Wrong> {
        let span = self.peek().span;
        if self.takes(")") {
            return Ok(span);
        }
        match self.peek().kind {
            Kind::End => wrong(open, "this parenthesis is not closed", "close it with `)`"),
            _ => self.unexpected("`)`"),
        }
    }

    /// Behind `name(`.
    fn call(&mut self, name: &str, span: Span) -> Result<Expr, Wrong> {
        let open = self.tokens[self.at - 1].span;
        if name == "point" {
            return self.point(span, open);
        }
        let row = Function::row(name);
        let mut arguments = Vec::new();
        if !matches!(self.peek().kind, Kind::Sign(")")) {
            loop {
                let place = row.map_or(Due::Value, |r| r.1.place(arguments.len()));
                if arguments.len() == MOST_ARGUMENTS {
                    let remedy = format!("{MOST_ARGUMENTS} are the most; call it in steps");
                    return wrong(self.peek().span, format!("`{name}` has too many arguments"), remedy);
                }
                arguments.push(match place {
                    Due::Value => Argument::Value(self.expr(0)?),
                    Due::Window => self.window(row.map_or(name, |r| r.2))?,
                    Due::Per => self.per()?,
                });
                if !self.takes(",") {
                    break;
                }
            }
        }
        let end = self.close(open)?;
        let kind = ExprKind::Call(name.to_owned(), Place(span), arguments);
        Ok(Expr::new(kind, span.until(end)))
    }

    fn point(&mut self, span: Span, open: Span) -> Result<Expr, Wrong> {
        let token = self.next();
        let Kind::Quoted(name) = &token.kind else {
            let remedy = "point(\"boiler-2/steam_pressure\")";
            return wrong(token.span, "`point` takes one name in quotes", remedy);
        };
        let end = self.close(open)?;
        Ok(Expr::new(ExprKind::Point(name.clone()), span.until(end)))
    }

    /// A written time: `60s`.
    fn window(&mut self, usage: &str) -> Result<Argument, Wrong> {
        let token = self.next();
        let Kind::Number(value, unit) = &token.kind else {
            let problem = "the window must be a written time, it cannot be computed";
            return wrong(token.span, problem, format!("{usage}; s, m, h and d are known"));
        };
        let seconds = match unit.as_deref() {
            Some("s") => 1.0,
            Some("m" | "min") => 60.0,
            Some("h") => 3600.0,
            Some("d") => 86_400.0,
            Some(other) => {
                let problem = format!("`{other}` is not a time for a window");
                return wrong(token.span, problem, "s, m, h or d, as in `90s`, `5m`, `2h`, `1d`");
            }
            None => {
                let remedy = format!("write `{value}s`, or another of s, m, h and d");
                return wrong(token.span, "this window has no unit", remedy);
            }
        };
        let total = value * seconds;
        if !(SHORTEST_WINDOW.as_secs_f64()..=LONGEST_WINDOW.as_secs_f64()).contains(&total) {
            return wrong(
                token.span,
                "a window lasts between 1 s and 7 days",
                "choose a time between them; `integral` runs on for ever",
            );
        }
        let window = Duration::from_nanos((total * 1e9).round() as u64);
        Ok(Argument::Window(window, Place(token.span)))
    }

    /// `per h`
    fn per(&mut self) -> Result<Argument, Wrong> {
        let token = self.next();
        if token.kind == Kind::Name("per".to_owned()) {
            let unit = self.next();
            if let Kind::Name(name) = &unit.kind
                && ["s", "min", "h", "d"].contains(&name.as_str())
            {
                return Ok(Argument::Per(name.clone(), Place(token.span.until(unit.span))));
            }
        }
        let problem = "what the values count per is missing here";
        wrong(token.span, problem, "integral(steam_flow, per h); s, min, h and d are known")
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, Wrong> {
        let token = self.peek();
        let before = self.at.checked_sub(1).and_then(|n| self.tokens.get(n));
        let behind_value = before.is_some_and(|b| match &b.kind {
            Kind::Number(..) | Kind::Quoted(_) | Kind::Sign(")") => true,
            Kind::Name(name) => !KEYWORDS.contains(&name.as_str()) || name == "true" || name == "false",
            _ => false,
        });
        let found = match &token.kind {
            Kind::End => {
                return wrong(token.span, format!("{wanted} is missing at the end"), "finish the formula");
            }
            Kind::Number(..) => "a number".to_owned(),
            Kind::Name(name) => format!("`{name}`"),
            Kind::Quoted(name) => format!("\"{name}\""),
            Kind::Sign(sign) => format!("`{sign}`"),
        };
        let remedy = match (&token.kind, before.map(|b| &b.kind)) {
            (Kind::Name(name), Some(Kind::Number(..))) if Unit::parse(name).is_known() => {
                format!("the number has a unit already; an operator is missing, or `{name}` is too much")
            }
            (Kind::Name(_), Some(Kind::Number(..))) if behind_value => {
                "an operator is missing between them; a point whose name begins with a digit is quoted"
                    .to_owned()
            }
            (Kind::Number(..) | Kind::Name(_) | Kind::Quoted(_) | Kind::Sign("("), _) if behind_value => {
                "an operator such as `*` is missing between them".to_owned()
            }
            (Kind::Sign(")"), _) if behind_value => "there is one `)` too many".to_owned(),
            (Kind::Sign(","), _) if behind_value => {
                "a comma separates arguments; decimals take a point".to_owned()
            }
            _ => "a value is a number, a point, a call or something in parentheses".to_owned(),
        };
        let due = if behind_value { String::new() } else { format!(", where {wanted} is due") };
        wrong(token.span, format!("{found} cannot stand here{due}"), remedy)
    }
}
