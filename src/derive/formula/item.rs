//! What the program calculates with: a value and how far to believe it.

use crate::plant::{Cause, Quality};

/// A larger value measures nothing; within it no sum of a window can become infinite.
const LARGEST: f64 = 1e150;

/// A value under way. Usable ones are finite; truths are 0 and 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub value: f64,
    pub quality: Quality,
}

impl Item {
    pub fn good(value: f64) -> Self {
        Self { value, quality: Quality::Good }
    }

    pub fn bad(cause: Cause) -> Self {
        Self { value: f64::NAN, quality: Quality::Bad(cause) }
    }

    /// A result: not a number, unless it is a finite one.
    pub fn of(value: f64, quality: Quality) -> Self {
        match quality {
            Quality::Bad(cause) => Self::bad(cause),
            _ if value.abs() <= LARGEST => Self { value, quality },
            _ => Self::bad(Cause::NotANumber),
        }
    }

    /// Of an input, whose own cause is told by itself.
    pub fn read(value: f64, quality: Quality) -> Self {
        match quality {
            Quality::Good => Self::of(value, Quality::Good),
            Quality::Uncertain(_) => Self::of(value, Quality::Uncertain(Cause::DerivedInput)),
            Quality::Bad(_) => Self::bad(Cause::DerivedInput),
        }
    }

    pub fn truth(truth: bool, quality: Quality) -> Self {
        Self::of(f64::from(u8::from(truth)), quality)
    }

    pub fn is_usable(self) -> bool {
        self.quality.is_usable()
    }

    pub fn is_doubtful(self) -> bool {
        matches!(self.quality, Quality::Uncertain(_))
    }

    pub fn is_true(self) -> bool {
        self.is_usable() && self.value != 0.0
    }

    pub fn is_false(self) -> bool {
        self.is_usable() && self.value == 0.0
    }
}

fn rank(quality: Quality) -> u8 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain(_) => 1,
        Quality::Bad(_) => 2,
    }
}

/// The worse of two; of equals the first.
pub(super) fn worse(a: Quality, b: Quality) -> Quality {
    if rank(b) > rank(a) { b } else { a }
}

/// The better of two; of equals the first.
pub(super) fn better(a: Quality, b: Quality) -> Quality {
    if rank(b) < rank(a) { b } else { a }
}

/// The worst of all.
pub(super) fn worst(items: &[Item]) -> Quality {
    items.iter().fold(Quality::Good, |quality, item| worse(quality, item.quality))
}
