//! Units of measurement: what a unit measures, and how one becomes another.
//!
//! A unit is a product of known ones (`t/h`, `kgf/cm2`, `µS/cm`); a text that is none is a unit equal
//! only to itself (`NTU`, `pH`). `%` and `ppm` are shares, which is not the same as a plain number:
//! 50 % and 50 must never be taken for each other. Called by the settings for `raw_unit`, and by the
//! formulas of `alarm`.

mod table;
#[cfg(test)]
mod tests;
mod text;

use table::{Known, QUANTITIES};

/// Beyond this no physical unit goes; it keeps the arithmetic of powers within its types.
const HIGHEST_POWER: i8 = 12;
const MOST_PARTS: usize = 8;

/// A product of powers of units. The empty product is the plain number.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
struct Part {
    atom: Atom,
    /// Never 0.
    power: i8,
}

#[derive(Debug, Clone)]
enum Atom {
    Known(&'static Known),
    Opaque(Box<str>),
}

impl Atom {
    fn symbol(&self) -> &str {
        match self {
            Self::Known(known) => known.symbol,
            Self::Opaque(text) => text,
        }
    }
}

impl PartialEq for Atom {
    fn eq(&self, other: &Self) -> bool {
        self.symbol() == other.symbol()
    }
}

impl Unit {
    /// No unit.
    #[must_use]
    pub fn plain() -> Self {
        Self { parts: Vec::new() }
    }

    /// No unit.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.parts.is_empty()
    }

    /// A temperature with a zero of its own (℃, ℉), rather than a difference (K).
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        self.zero().is_some()
    }

    /// `%` or `ppm`.
    #[must_use]
    pub fn is_share(&self) -> bool {
        matches!(self.single(), Some(known) if known.dim[6] == 1)
    }

    /// Nothing in it is a text that nobody knows.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.parts.iter().all(|p| matches!(p.atom, Atom::Known(_)))
    }

    /// What it measures, with its article; `None` where there is no everyday word.
    #[must_use]
    pub fn quantity(&self) -> Option<&'static str> {
        let dim = self.is_known().then(|| self.dim())?;
        QUANTITIES.iter().find(|(d, _)| d.iter().zip(dim).all(|(a, b)| i16::from(*a) == b)).map(|q| q.1)
    }

    /// Multiplier from this unit to `to`; for temperatures, of differences. `None` if they measure
    /// different things.
    #[must_use]
    pub fn factor_to(&self, to: &Self) -> Option<f64> {
        if self == to {
            return Some(1.0);
        }
        let (rest, factor) = self.combined(to, -1);
        rest.is_plain().then_some(factor)
    }

    /// Multiplier and offset from this unit to `to`, with the zeros of temperature scales; K counts
    /// from absolute zero here.
    #[must_use]
    pub fn conversion_to(&self, to: &Self) -> Option<(f64, f64)> {
        let factor = self.factor_to(to)?;
        let kelvin = |unit: &Self| unit.single().filter(|k| k.symbol == "K").map(|_| -273.15);
        match (self.zero().or_else(|| kelvin(self)), to.zero().or_else(|| kelvin(to))) {
            (Some(from), Some(zero)) => {
                let scale = to.single().map_or(1.0, |k| k.scale);
                Some((factor, (from - zero) / scale))
            }
            _ => Some((factor, 0.0)),
        }
    }

    /// Product, and the factor that goes with it. A share beside another unit counts as its number,
    /// so that 5 % of a flow is a flow; beside a plain number it stays a share. `None` beyond all measure.
    #[must_use]
    pub fn times(&self, other: &Self) -> Option<(Self, f64)> {
        match (self.share(), other.share()) {
            (_, Some(scale)) if !self.is_plain() => Some((self.clone(), scale)),
            (Some(scale), None) if !other.is_plain() => Some((other.clone(), scale)),
            _ => self.with(other, 1),
        }
    }

    /// Quotient, and the factor that goes with it; shares as in [`Self::times`].
    #[must_use]
    pub fn over(&self, other: &Self) -> Option<(Self, f64)> {
        match (self.share(), other.share()) {
            (Some(_), Some(_)) => self.with(other, -1),
            (None, Some(scale)) => Some((self.clone(), 1.0 / scale)),
            (Some(scale), None) if !other.is_plain() => {
                Self::plain().with(other, -1).map(|(unit, factor)| (unit, factor * scale))
            }
            _ => self.with(other, -1),
        }
    }

    /// Product with the power of another unit, shares like any other: `%` over `s` is `%/s`.
    #[must_use]
    pub fn with(&self, other: &Self, sign: i8) -> Option<(Self, f64)> {
        let (unit, factor) = self.combined(other, sign);
        let within = unit.parts.len() <= MOST_PARTS
            && unit.parts.iter().all(|p| (-HIGHEST_POWER..=HIGHEST_POWER).contains(&p.power));
        within.then_some((unit, factor))
    }

    /// The `power`-th power, and the factor that goes with it; a share stays a share.
    #[must_use]
    pub fn power(&self, power: i8) -> Option<(Self, f64)> {
        if let Some(scale) = self.share() {
            return Some(match power {
                0 => (Self::plain(), 1.0),
                n => (self.clone(), scale.powi(i32::from(n) - 1)),
            });
        }
        let mut parts = Vec::new();
        for part in self.parts.iter().filter(|_| power != 0) {
            let raised = part.power.checked_mul(power)?;
            if !(-HIGHEST_POWER..=HIGHEST_POWER).contains(&raised) {
                return None;
            }
            parts.push(Part { atom: part.atom.clone(), power: raised });
        }
        Some((Self { parts }, 1.0))
    }

    /// The square root, and the factor that goes with it; `None` if there is no such unit.
    #[must_use]
    pub fn root(&self) -> Option<(Self, f64)> {
        if let Some(scale) = self.share() {
            return Some((self.clone(), 1.0 / scale.sqrt()));
        }
        if self.is_absolute() {
            return None;
        }
        if self.parts.iter().any(|p| p.power % 2 != 0) {
            return self.root_in_base_units();
        }
        let parts = self.parts.iter().map(|p| Part { atom: p.atom.clone(), power: p.power / 2 });
        Some((Self { parts: parts.collect() }, 1.0))
    }

    /// kPa·m3/kg has a root too: it is a speed.
    fn root_in_base_units(&self) -> Option<(Self, f64)> {
        let dim = self.is_known().then(|| self.dim())?;
        let mut root = Self::plain();
        for (power, symbol) in dim.into_iter().zip(["kg", "m", "s", "K", "A", "mol", "%", "Nm3"]) {
            if power % 2 != 0 {
                return None;
            }
            let base = Self::parse(symbol).parts.remove(0).atom;
            if power != 0 {
                root.parts.push(Part { atom: base, power: i8::try_from(power / 2).ok()? });
            }
        }
        let (square, _) = root.with(&root, 1)?;
        Some((root, self.factor_to(&square)?.sqrt()))
    }

    /// The unit of a difference of two values in this unit: K for ℃ and ℉.
    #[must_use]
    pub fn difference(&self) -> Self {
        if self.is_absolute() { Self::parse("K") } else { self.clone() }
    }

    fn single(&self) -> Option<&'static Known> {
        match self.parts.as_slice() {
            [Part { atom: Atom::Known(known), power: 1 }] => Some(known),
            _ => None,
        }
    }

    fn zero(&self) -> Option<f64> {
        self.single()?.zero
    }

    fn share(&self) -> Option<f64> {
        self.single().filter(|k| k.dim[6] == 1).map(|k| k.scale)
    }

    fn dim(&self) -> [i16; 8] {
        let mut sum = [0i16; 8];
        for part in &self.parts {
            if let Atom::Known(known) = part.atom {
                for (total, one) in sum.iter_mut().zip(known.dim) {
                    *total += i16::from(one) * i16::from(part.power);
                }
            }
        }
        sum
    }

    /// Equal parts cancel exactly; what measures nothing any more becomes a plain number.
    fn combined(&self, other: &Self, sign: i8) -> (Self, f64) {
        let mut unit = self.clone();
        for part in &other.parts {
            let power = part.power * sign;
            match unit.parts.iter_mut().find(|p| p.atom == part.atom) {
                Some(mine) => mine.power += power,
                None => unit.parts.push(Part { atom: part.atom.clone(), power }),
            }
        }
        unit.parts.retain(|p| p.power != 0);
        if unit.is_known() && !unit.is_plain() && unit.dim() == [0; 8] {
            let factor = unit.scale();
            return (Self::plain(), factor);
        }
        // A scale with a zero of its own has none inside a product: ℃/min are K/min.
        if unit.parts.len() > 1 || unit.parts.first().is_some_and(|p| p.power != 1) {
            for part in &mut unit.parts {
                if matches!(part.atom, Atom::Known(k) if k.symbol == "℃") {
                    part.atom = Self::parse("K").parts.remove(0).atom;
                }
            }
        }
        (unit, 1.0)
    }

    /// Numerator over denominator, so that whole ratios stay whole.
    fn scale(&self) -> f64 {
        let side = |up: bool| {
            let parts = self.parts.iter().filter(|p| (p.power > 0) == up);
            parts.fold(1.0, |product, part| match part.atom {
                Atom::Known(known) => product * known.scale.powi(i32::from(part.power.abs())),
                Atom::Opaque(_) => product,
            })
        };
        side(true) / side(false)
    }
}

/// Multiplier and offset from `from` to `to`.
///
/// # Errors
/// What is wrong, for the integrator.
pub fn conversion(from: &str, to: &str) -> Result<(f64, f64), String> {
    let (a, b) = (Unit::parse(from), Unit::parse(to));
    if from.is_empty() || !a.is_known() {
        return Err(format!("the unit `{from}` is not known"));
    }
    if to.is_empty() || !b.is_known() {
        return Err(format!("the point's unit `{to}` is not known"));
    }
    a.conversion_to(&b).ok_or_else(|| {
        let what = |unit: &Unit| unit.quantity().unwrap_or("another quantity");
        format!("`{from}` is {}, but the point's unit `{to}` is {}", what(&a), what(&b))
    })
}
