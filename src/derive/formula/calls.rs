//! Calls: how many arguments, what they measure, and what comes out.

use super::Builtin;
use super::cell::Spec;
use super::check::Checker;
use super::error::{Span, Wrong, wrong};
use super::functions::{FUNCTIONS, Function};
use super::operation::{MOST_BUILTIN_ARGUMENTS, Op};
use super::syntax::{Argument, Expr};
use super::typed::{Measure, Number, Typed, quantities, shown, written_with};
use crate::plant::Unit;

/// Functions with a memory in one formula: bounds its state.
const MOST_CELLS: usize = 32;

/// The arguments of a call, by number. Their count was checked before.
#[derive(Clone, Copy)]
struct Given<'a> {
    arguments: &'a [Argument],
    span: Span,
}

impl<'a> Given<'a> {
    fn value(self, number: usize) -> Result<&'a Expr, Wrong> {
        match self.arguments.get(number) {
            Some(Argument::Value(expr)) => Ok(expr),
            _ => wrong(self.span, "an argument is missing", "see docs/formulas.md"),
        }
    }

    fn window_ns(self) -> u64 {
        let window = self.arguments.iter().find_map(|a| match a {
            Argument::Window(window, _) => Some(window),
            _ => None,
        });
        window.map_or(0, |w| u64::try_from(w.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The time that `per` names.
    fn per(self) -> Unit {
        match self.arguments.get(1) {
            Some(Argument::Per(unit, _)) => Unit::parse(unit),
            _ => Unit::parse("s"),
        }
    }
}

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        name: &str,
        place: Span,
        arguments: &[Argument],
        span: Span,
    ) -> Result<Typed, Wrong> {
        let given = Given { arguments, span };
        let Some((_, function, usage, fewest, most)) = Function::row(name) else {
            return match self.names.builtins().iter().find(|b| b.name == name) {
                Some(builtin) => self.builtin(*builtin, given),
                None => wrong(place, format!("there is no function `{name}`"), self.nearest_function(name)),
            };
        };
        if !(*fewest..=*most).contains(&arguments.len()) {
            return wrong_count(name, place, given, (*fewest, *most), usage);
        }
        self.function(*function, given)
    }

    fn function(&mut self, function: Function, given: Given<'_>) -> Result<Typed, Wrong> {
        let span = given.span;
        match function {
            Function::Atm => Ok(Typed::number(Op::Atmosphere, Vec::new(), Unit::parse("kPa"), span)),
            Function::Abs | Function::Sqrt | Function::Exp | Function::Ln | Function::Log10 => {
                self.mathematics(function, given)
            }
            Function::Round | Function::Floor => {
                let x = self.number(given.value(0)?)?;
                let op = if function == Function::Round { Op::Round } else { Op::Floor };
                Ok(Typed::number(op, vec![x.typed], x.unit, span))
            }
            Function::Kelvin | Function::Celsius => self.temperature(function, given),
            Function::Min | Function::Max | Function::Avg | Function::Clamp => self.several(function, given),
            Function::If => {
                let condition = self.check(given.value(0)?)?.into_truth()?;
                let (then, otherwise, measure) = self.either(given.value(1)?, given.value(2)?)?;
                Ok(Typed::new(Op::If, vec![condition, then, otherwise], measure, span))
            }
            Function::OrElse => {
                let (x, instead, measure) = self.either(given.value(0)?, given.value(1)?)?;
                Ok(Typed::new(Op::OrElse, vec![x, instead], measure, span))
            }
            Function::Good | Function::Bad => {
                let x = self.check(given.value(0)?)?;
                let op = if function == Function::Good { Op::Good } else { Op::Bad };
                Ok(Typed::truth(op, vec![x], span))
            }
            Function::Worst => {
                let mut all = Vec::new();
                for number in 0..given.arguments.len() {
                    all.push(self.check(given.value(number)?)?);
                }
                let measure = all[0].measure.clone();
                let count = all.len() as u8;
                Ok(Typed::new(Op::Worst(count), all, measure, span))
            }
            _ => self.remembering(function, given),
        }
    }

    fn mathematics(&mut self, function: Function, given: Given<'_>) -> Result<Typed, Wrong> {
        let span = given.span;
        let x = self.number(given.value(0)?)?;
        let (op, what) = match function {
            Function::Abs => {
                let x = x.no_temperature("made positive")?;
                return Ok(Typed::number(Op::Absolute, vec![x.typed], x.unit, span));
            }
            Function::Sqrt => {
                let x = x.no_temperature("put under a root")?;
                let Some((unit, factor)) = x.unit.root() else {
                    let problem = format!("the square root of {} has no unit", shown(&x.unit));
                    return wrong(
                        x.typed.span,
                        problem,
                        format!("take the unit away first: sqrt(x / 1 {})", x.unit),
                    );
                };
                let root = Typed::number(Op::Root, vec![x.typed], unit.clone(), span);
                return Ok(root.linear(factor, 0.0, unit));
            }
            Function::Exp => (Op::Exponential, "the argument of exp"),
            Function::Ln => (Op::Ln, "the argument of ln"),
            _ => (Op::Log10, "the argument of log10"),
        };
        Ok(Typed::number(
            op,
            vec![x.no_temperature("the argument of this")?.plain(what)?],
            Unit::plain(),
            span,
        ))
    }

    fn temperature(&mut self, function: Function, given: Given<'_>) -> Result<Typed, Wrong> {
        let x = self.number(given.value(0)?)?;
        let (kelvin, celsius) = (Unit::parse("K"), Unit::parse("℃"));
        let (from, to, zero) =
            if function == Function::Kelvin { (celsius, kelvin, 273.15) } else { (kelvin, celsius, -273.15) };
        let typed = due(x, &from)?;
        Ok(Typed { span: given.span, ..typed.linear(1.0, zero, to) })
    }

    fn several(&mut self, function: Function, given: Given<'_>) -> Result<Typed, Wrong> {
        let first = self.number(given.value(0)?)?;
        let left = first.left();
        let mut all = vec![first.typed];
        for number in 1..given.arguments.len() {
            let x = self.number(given.value(number)?)?;
            let over = meant_over_time(function, &left.unit, &x);
            let together = x.like(&left, "taken together");
            all.push(together.map_err(|wrong| Wrong { remedy: over.unwrap_or(wrong.remedy), ..wrong })?);
        }
        let count = all.len() as u8;
        let op = match function {
            Function::Min => Op::Least(count),
            Function::Max => Op::Greatest(count),
            Function::Avg => Op::Average(count),
            _ => Op::Clamp,
        };
        Ok(Typed::number(op, all, left.unit, given.span))
    }

    /// Two of which one is taken: both conditions, or both numbers that measure alike.
    fn either(&mut self, a: &Expr, b: &Expr) -> Result<(Typed, Typed, Measure), Wrong> {
        let (a, b) = (self.check(a)?, self.check(b)?);
        if a.measure == Measure::Truth && b.measure == Measure::Truth {
            return Ok((a, b, Measure::Truth));
        }
        let a = a.into_number()?;
        let b = b.into_number()?.like(&a.left(), "alternatives")?;
        Ok((a.typed, b, Measure::Number(a.unit)))
    }

    /// A function with a memory.
    fn remembering(&mut self, function: Function, given: Given<'_>) -> Result<Typed, Wrong> {
        let (span, window_ns) = (given.span, given.window_ns());
        let spec = match function {
            Function::Mean => Spec::Mean { window_ns },
            Function::Lowest => Spec::Lowest { window_ns },
            Function::Highest => Spec::Highest { window_ns },
            Function::Rate => Spec::Rate { window_ns, per_s: 1.0 },
            Function::RateMin => Spec::Rate { window_ns, per_s: 60.0 },
            Function::RateH => Spec::Rate { window_ns, per_s: 3600.0 },
            Function::Delay => Spec::Delay { window_ns },
            Function::Hold => Spec::Hold { window_ns },
            Function::Changed => Spec::Changed,
            Function::Count => Spec::Count { window_ns },
            Function::Integral => return self.integral(given),
            Function::Unrolled => return self.unrolled(given),
            Function::TimeToHigh => return self.time_to(Spec::TimeTo { window_ns, rises: true }, given),
            Function::TimeToLow => return self.time_to(Spec::TimeTo { window_ns, rises: false }, given),
            _ => Spec::Since,
        };
        let x = self.check(given.value(0)?)?;
        match spec {
            Spec::Hold { .. } => Ok(Typed::truth(self.cell(spec, 1, span)?, vec![x.into_truth()?], span)),
            Spec::Since => {
                Ok(Typed::number(self.cell(spec, 1, span)?, vec![x.into_truth()?], Unit::parse("s"), span))
            }
            Spec::Count { .. } => {
                Ok(Typed::number(self.cell(spec, 1, span)?, vec![x.into_truth()?], Unit::plain(), span))
            }
            Spec::Changed => Ok(Typed::truth(self.cell(spec, 1, span)?, vec![x], span)),
            Spec::Delay { .. } => {
                let measure = x.measure.clone();
                Ok(Typed::new(self.cell(spec, 1, span)?, vec![x], measure, span))
            }
            Spec::Rate { per_s, .. } => {
                let x = x.into_number()?;
                let steps = x.unit.difference();
                let factor = x.unit.factor_to(&steps).unwrap_or(1.0);
                let time = Unit::parse(if per_s == 1.0 {
                    "s"
                } else if per_s == 60.0 {
                    "min"
                } else {
                    "h"
                });
                let (unit, cancelled) = over_time(&steps, &time, -1, span)?;
                let op = self.cell(spec, 1, span)?;
                Ok(Typed::number(op, vec![x.typed], unit.clone(), span).linear(factor * cancelled, 0.0, unit))
            }
            _ => {
                let x = x.into_number()?;
                Ok(Typed::number(self.cell(spec, 1, span)?, vec![x.typed], x.unit, span))
            }
        }
    }

    fn integral(&mut self, given: Given<'_>) -> Result<Typed, Wrong> {
        let span = given.span;
        let x = self.number(given.value(0)?)?.no_temperature("summed up")?;
        let per = given.per();
        let per_s = per.factor_to(&Unit::parse("s")).unwrap_or(1.0);
        let (unit, factor) = over_time(&x.unit, &per, 1, span)?;
        let mut arguments = vec![x.typed];
        if given.arguments.len() > 2 {
            arguments.push(self.check(given.value(2)?)?.into_truth()?);
        }
        let op = self.cell(Spec::Integral { per_s }, arguments.len() as u8, span)?;
        Ok(Typed::number(op, arguments, unit.clone(), span).linear(factor, 0.0, unit))
    }

    fn time_to(&mut self, spec: Spec, given: Given<'_>) -> Result<Typed, Wrong> {
        let x = self.number(given.value(0)?)?;
        let left = x.left();
        let limit = self.number(given.value(1)?)?.like(&left, "a value and its limit")?;
        let op = self.cell(spec, 2, given.span)?;
        Ok(Typed::number(op, vec![x.typed, limit], Unit::parse("s"), given.span))
    }

    fn unrolled(&mut self, given: Given<'_>) -> Result<Typed, Wrong> {
        let x = self.number(given.value(0)?)?.no_temperature("counted")?;
        let left = x.left();
        let wraps_at = self.number(given.value(1)?)?.like(&left, "a counter and where it wraps")?;
        let op = self.cell(Spec::Unrolled, 2, given.span)?;
        Ok(Typed::number(op, vec![x.typed, wraps_at], x.unit, given.span))
    }

    fn cell(&mut self, spec: Spec, takes: u8, span: Span) -> Result<Op, Wrong> {
        if self.cells.len() == MOST_CELLS {
            let problem = format!("a formula remembers at most {MOST_CELLS} times");
            return wrong(span, problem, "make two derived points of it");
        }
        self.cells.push(spec);
        Ok(Op::Remember((self.cells.len() - 1) as u16, takes))
    }

    fn builtin(&mut self, builtin: Builtin, given: Given<'_>) -> Result<Typed, Wrong> {
        let count = builtin.arguments.len();
        if given.arguments.len() != count || count > MOST_BUILTIN_ARGUMENTS {
            let usage = format!("{}({})", builtin.name, builtin.arguments.join(", "));
            return wrong_count(builtin.name, given.span, given, (count, count), &usage);
        }
        let mut arguments = Vec::new();
        for (number, unit) in builtin.arguments.iter().enumerate() {
            let x = self.number(given.value(number)?)?;
            arguments.push(due(x, &Unit::parse(unit))?);
        }
        let op = Op::Builtin { call: builtin.call, count: count as u8 };
        Ok(Typed::number(op, arguments, Unit::parse(builtin.result), given.span))
    }

    fn nearest_function(&self, name: &str) -> String {
        let all = FUNCTIONS.iter().map(|f| f.0).chain(self.names.builtins().iter().map(|b| b.name));
        let near = all.map(|known| (strsim::damerau_levenshtein(name, known), known));
        match near.filter(|(distance, known)| *distance <= 1 + known.len() / 3).min() {
            Some((_, meant)) => format!("did you mean `{meant}`?"),
            None => "docs/formulas.md lists them all; a point cannot be called".to_owned(),
        }
    }
}

/// In the unit that is due, or what is due.
fn due(x: Number, unit: &Unit) -> Result<Typed, Wrong> {
    x.converted(unit).or_else(|x| {
        let problem = format!(
            "{} is due here, but this is {}{}",
            shown(unit),
            shown(&x.unit),
            quantities(unit, &x.unit)
        );
        let remedy = match x.typed.literal.filter(|_| x.unit.is_plain()) {
            Some(number) => written_with(number, unit),
            None if unit.is_absolute() => "a temperature in ℃ is due; celsius(x) makes one of K".to_owned(),
            None => format!("give a value that converts to {unit}"),
        };
        wrong(x.typed.span, problem, remedy)
    })
}

/// What is right instead of `max(x, 30m)`, where a window of time was meant.
fn meant_over_time(function: Function, left: &Unit, x: &Number) -> Option<String> {
    let window = match function {
        Function::Min => "lowest",
        Function::Max => "highest",
        Function::Avg => "mean",
        _ => return None,
    };
    let length = x.typed.literal?;
    let of = |unit: &str| x.unit.factor_to(&Unit::parse(unit)).is_some();
    // An `m` is a metre wherever no window is due.
    let meant = (of("s") || x.unit == Unit::parse("m")) && x.unit.factor_to(left).is_none();
    meant.then(|| {
        format!(
            "both must measure the same; over the last {length}{0} it is {window}(x, {length}{0})",
            x.unit
        )
    })
}

/// `unit` times or over a time.
fn over_time(unit: &Unit, time: &Unit, sign: i8, span: Span) -> Result<(Unit, f64), Wrong> {
    unit.with(time, sign).map_or_else(
        || wrong(span, "the unit of this is beyond all measure", "divide by the unit first: `x / 1 MPa`"),
        Ok,
    )
}

fn wrong_count<T>(
    name: &str,
    place: Span,
    given: Given<'_>,
    (fewest, most): (usize, usize),
    usage: &str,
) -> Result<T, Wrong> {
    let count = given.arguments.len();
    let due = match (fewest, most) {
        (0, 0) => "no argument".to_owned(),
        (1, 1) => "1 argument".to_owned(),
        (a, b) if a == b => format!("{a} arguments"),
        (a, _) if count < a => format!("at least {a} argument{}", if a == 1 { "" } else { "s" }),
        (_, b) => format!("at most {b} arguments"),
    };
    // Under the first that is too many, or under the name when there are too few.
    let span = given.arguments.get(most).map_or(place, Argument::span);
    wrong(span, format!("`{name}` takes {due}, {count} given"), format!("write {usage}"))
}
