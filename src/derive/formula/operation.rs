//! One step of the program: so many items in, one out. No step branches: an unused branch of `if`
//! is calculated and left aside with its quality, so that the windows in it never miss a value.

use super::item::{Item, better, worse, worst};

/// Arguments of a [`super::Builtin`].
pub(super) const MOST_BUILTIN_ARGUMENTS: usize = 4;

/// One step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    Constant(f64),
    /// Number of an input.
    Input(u16),
    /// Number of an input that is true unless it is 0.
    Truth(u16),
    Atmosphere,
    /// Another unit.
    Linear {
        factor: f64,
        offset: f64,
    },
    Negate,
    Not,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    If,
    Absolute,
    Root,
    Exponential,
    Ln,
    Log10,
    Round,
    Floor,
    Least(u8),
    Greatest(u8),
    Average(u8),
    Clamp,
    Worst(u8),
    Good,
    Bad,
    OrElse,
    Builtin {
        call: fn(&[f64], f64) -> f64,
        count: u8,
    },
    /// Number of a cell, and how many items go into it.
    Remember(u16, u8),
}

impl Op {
    /// Items that it takes.
    pub fn takes(self) -> usize {
        match self {
            Self::Constant(_) | Self::Input(_) | Self::Truth(_) | Self::Atmosphere => 0,
            Self::Linear { .. }
            | Self::Negate
            | Self::Not
            | Self::Absolute
            | Self::Root
            | Self::Exponential
            | Self::Ln
            | Self::Log10
            | Self::Round
            | Self::Floor
            | Self::Good
            | Self::Bad => 1,
            Self::If | Self::Clamp => 3,
            Self::Least(count)
            | Self::Greatest(count)
            | Self::Average(count)
            | Self::Worst(count)
            | Self::Builtin { count, .. }
            | Self::Remember(_, count) => usize::from(count),
            _ => 2,
        }
    }

    /// A step that needs nothing but its items and the site's pressure. `args` is as long as
    /// [`Self::takes`] says.
    pub fn apply(self, args: &[Item], atm_kpa: f64) -> Item {
        let number = |value: f64| Item::of(value, worst(args));
        let truth = |truth: bool| Item::truth(truth, worst(args));
        let values = || args.iter().map(|a| a.value);
        match (self, args) {
            (Self::Constant(value), _) => Item::good(value),
            (Self::Atmosphere, _) => Item::of(atm_kpa, worst(args)),
            (Self::Linear { factor, offset }, [x]) => number(x.value * factor + offset),
            (Self::Negate, [x]) => number(-x.value),
            (Self::Not, [x]) => truth(x.is_false()),
            (Self::Absolute, [x]) => number(x.value.abs()),
            (Self::Root, [x]) => number(x.value.sqrt()),
            (Self::Exponential, [x]) => number(x.value.exp()),
            (Self::Ln, [x]) => number(x.value.ln()),
            (Self::Log10, [x]) => number(x.value.log10()),
            (Self::Round, [x]) => number(x.value.round()),
            (Self::Floor, [x]) => number(x.value.floor()),
            (Self::Good, [x]) => Item::truth(x.is_usable() && !x.is_doubtful(), worst(&[])),
            (Self::Bad, [x]) => Item::truth(!x.is_usable(), worst(&[])),
            (Self::Add, [a, b]) => number(a.value + b.value),
            (Self::Subtract, [a, b]) => number(a.value - b.value),
            (Self::Multiply, [a, b]) => number(a.value * b.value),
            (Self::Divide, [a, b]) => number(a.value / b.value),
            // With the sign of the divisor, so that a counter that wraps goes on rising.
            (Self::Remainder, [a, b]) => number(a.value - b.value * (a.value / b.value).floor()),
            (Self::Power, [a, b]) => number(a.value.powf(b.value)),
            (Self::Less, [a, b]) => truth(a.value < b.value),
            (Self::LessEqual, [a, b]) => truth(a.value <= b.value),
            (Self::Greater, [a, b]) => truth(a.value > b.value),
            (Self::GreaterEqual, [a, b]) => truth(a.value >= b.value),
            (Self::Equal, [a, b]) => truth(a.value == b.value),
            (Self::NotEqual, [a, b]) => truth(a.value != b.value),
            (Self::And, [a, b]) => decided(*a, *b, false),
            (Self::Or, [a, b]) => decided(*a, *b, true),
            (Self::If, [condition, then, otherwise]) => {
                let chosen = if condition.is_true() { then } else { otherwise };
                Item::of(chosen.value, worse(condition.quality, chosen.quality))
            }
            (Self::OrElse, [x, instead]) => *if x.is_usable() { x } else { instead },
            (Self::Least(_), _) => number(values().fold(f64::INFINITY, f64::min)),
            (Self::Greatest(_), _) => number(values().fold(f64::NEG_INFINITY, f64::max)),
            (Self::Average(_), _) => number(values().sum::<f64>() / args.len() as f64),
            // Not `f64::clamp`, which panics when the bounds are crossed.
            (Self::Clamp, [x, low, high]) => number(x.value.max(low.value).min(high.value)),
            (Self::Worst(_), [x, ..]) => number(x.value),
            (Self::Builtin { call, .. }, _) => {
                let mut numbers = [f64::NAN; MOST_BUILTIN_ARGUMENTS];
                for (number, value) in numbers.iter_mut().zip(values()) {
                    *number = value;
                }
                number(call(&numbers[..args.len().min(MOST_BUILTIN_ARGUMENTS)], atm_kpa))
            }
            // Inputs and cells are the program's; another number of items is not compiled.
            _ => Item::bad(crate::plant::Cause::DerivedInput),
        }
    }
}

/// `and` (`decisive` = false) and `or` (true): one decisive side is enough, whatever the other is.
fn decided(a: Item, b: Item, decisive: bool) -> Item {
    let decides = |item: Item| if decisive { item.is_true() } else { item.is_false() };
    match (decides(a), decides(b)) {
        (true, true) => Item::truth(decisive, better(a.quality, b.quality)),
        (true, false) => a,
        (false, true) => b,
        (false, false) => Item::truth(!decisive, worse(a.quality, b.quality)),
    }
}
