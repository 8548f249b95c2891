//! What a number, a boolean or a text that a device sends means for one point: one rule for MQTT, Sparkplug,
//! HTTP push, line protocol and Modbus.
//!
//! - A bit is true when it is not zero, before `invert`; what is not finite is neither true nor false.
//! - A text with a unit is converted where the unit is known and measures the same as the point.
//! - A boolean is a value of discrete points only; elsewhere it is bad, and so are `on` and `off`.
//! - Whatever a person could not read as the point's value is bad, with its cause.

#[cfg(test)]
mod tests;
mod written;

use super::unit::Unit;
use super::{Cause, Quality, decimal};
use written::{Said, said, unit_of};

/// The largest integer that a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Beyond this no integer type of a device reaches; a double printed whole is not rounded there.
const WIDEST: f64 = 1.9e19;

/// What kind of quantity a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A measured quantity: a boolean is not a value of it.
    Measure,
    /// An enumeration (it has labels or a `state` limit): a boolean is 0 or 1, numbers stay what they are.
    Code,
    /// Discrete (`unit = "bool"` or `invert`): every number but zero is true.
    Truth {
        /// True means 0.
        invert: bool,
    },
}

/// The unit a point has, and the unit its raw numbers have.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    /// Of the point, as written in the settings.
    text: String,
    /// Of the point.
    own: Unit,
    /// Of raw numbers; `None`: the point's, or not stated.
    raw: Option<Unit>,
    /// Raw numbers are not multiplied, but for the conversion between the two: then a text may have any unit
    /// that converts. Where the settings have a `scale` of their own, a text in another unit could be meant
    /// before or after it.
    converts: bool,
}

/// How raw values of one point are understood: `raw × scale + offset`, or 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// Which kind of quantity.
    pub kind: Kind,
    /// Multiplier, the conversion from the raw unit included.
    pub scale: f64,
    /// Added after the multiplier, in the point's unit.
    pub offset: f64,
    /// Raw numbers that stand for "no measurement".
    pub sentinels: Vec<f64>,
    /// Words and the values of the point that they stand for.
    pub words: Vec<(String, f64)>,
    /// Its units; see [`Meaning::with_units`].
    pub units: Units,
}

impl Default for Meaning {
    fn default() -> Self {
        Self::plain(Kind::Measure)
    }
}

/// 0 or 1: every finite number but zero is true, before `invert`.
#[must_use]
pub fn truth(raw: f64, invert: bool) -> (f64, Quality) {
    if raw.is_finite() {
        (f64::from(u8::from((raw != 0.0) != invert)), Quality::Good)
    } else {
        bad(Cause::NotANumber)
    }
}

/// A number that stands for "no measurement", also one that lost its last decimals as a single float.
#[must_use]
pub fn is_sentinel(number: f64, sentinels: &[f64]) -> bool {
    let single = |s: f64| f64::from(s as f32) == number || decimal::of_single(s as f32) == number;
    sentinels.iter().any(|s| *s == number || single(*s))
}

/// The unit that a point probably has whose sender writes `text`: `MPa` for `1.25MPa`, `bool` for `ON`.
#[must_use]
pub fn suggested_unit(text: &str) -> Option<String> {
    match said(text.trim()) {
        Said::Flag(_) => Some("bool".to_owned()),
        Said::With(_, unit) => {
            let degrees = ["C", "F", "°"].iter().any(|d| unit == *d);
            let unit = unit_of(&unit, degrees);
            unit.is_known().then(|| unit.to_string())
        }
        _ => None,
    }
}

fn bad(cause: Cause) -> (f64, Quality) {
    (f64::NAN, Quality::Bad(cause))
}

impl Meaning {
    /// Raw numbers as they come, without a unit.
    #[must_use]
    pub fn plain(kind: Kind) -> Self {
        let units = Units { text: String::new(), own: Unit::plain(), raw: None, converts: true };
        Self { kind, scale: 1.0, offset: 0.0, sentinels: Vec::new(), words: Vec::new(), units }
    }

    /// With the unit of the point and, if the settings state it, that of raw numbers. `scaled` says that the
    /// settings multiply beside that (`scale`, `calibration`).
    #[must_use]
    pub fn with_units(mut self, own: &str, raw: Option<&str>, scaled: bool) -> Self {
        self.units = Units {
            text: own.to_owned(),
            own: Unit::parse(own),
            raw: raw.map(Unit::parse),
            converts: !scaled,
        };
        self
    }

    /// The value of a raw number.
    #[must_use]
    pub fn number(&self, raw: f64) -> (f64, Quality) {
        if !raw.is_finite() {
            return bad(Cause::NotANumber);
        }
        if is_sentinel(raw, &self.sentinels) {
            return bad(Cause::Sentinel);
        }
        if let Kind::Truth { invert } = self.kind {
            return truth(raw, invert);
        }
        let value = decimal::linear(raw, self.scale, self.offset);
        if !value.is_finite() {
            return bad(Cause::NotANumber);
        }
        let rounded = raw.abs() > EXACT && raw.fract() == 0.0 && raw.abs() < WIDEST;
        (value, if rounded { Quality::Uncertain(Cause::Rounded) } else { Quality::Good })
    }

    /// The value of a boolean.
    #[must_use]
    pub fn flag(&self, set: bool) -> (f64, Quality) {
        self.named(if set { "true" } else { "false" }).unwrap_or_else(|| self.truth_of(set))
    }

    fn truth_of(&self, set: bool) -> (f64, Quality) {
        match self.kind {
            Kind::Truth { invert } => (f64::from(u8::from(set != invert)), Quality::Good),
            Kind::Code => (f64::from(u8::from(set)), Quality::Good),
            Kind::Measure => bad(Cause::Boolean),
        }
    }

    /// The value of a text, such as `1.25`, `850 kPa`, `ON`.
    #[must_use]
    pub fn text(&self, text: &str) -> (f64, Quality) {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if let Some(found) = self.named(text) {
            return found;
        }
        match said(text) {
            Said::Number(raw) => self.number(raw),
            Said::Flag(set) => self.truth_of(set),
            Said::Nothing => bad(Cause::NotANumber),
            Said::With(number, unit) => self.with_unit(number, &unit),
            Said::Other => bad(Cause::Unreadable),
        }
    }

    /// The value of a raw number that names its unit beside it. A unit that nobody knows is passed over, and so is
    /// every unit where the settings say themselves how numbers are scaled.
    #[must_use]
    pub fn measured(&self, raw: f64, unit: &str) -> (f64, Quality) {
        let unit = unit.trim();
        let known = || unit_of(unit, self.units.own.is_absolute()).is_known();
        let says = self.kind == Kind::Measure && self.units.converts && !unit.is_empty();
        if says && !self.units.own.is_plain() && known() {
            self.with_unit(raw, unit)
        } else {
            self.number(raw)
        }
    }

    /// What the settings say that a word stands for.
    fn named(&self, text: &str) -> Option<(f64, Quality)> {
        let found = self.words.iter().find(|w| w.0.eq_ignore_ascii_case(text))?;
        Some((found.1, Quality::Good))
    }

    fn with_unit(&self, number: f64, unit: &str) -> (f64, Quality) {
        let Units { text, own, raw, converts } = &self.units;
        if raw.is_none() && unit == text || is_sentinel(number, &self.sentinels) {
            return self.number(number);
        }
        let base = raw.as_ref().unwrap_or(own);
        let written = unit_of(unit, base.is_absolute() || own.is_absolute());
        if written == *base {
            return self.number(number);
        }
        if !written.is_known() {
            return bad(Cause::Unreadable);
        }
        let Some((factor, shift)) = written.conversion_to(base) else { return bad(Cause::OtherUnit) };
        if *converts {
            return self.number(decimal::linear(number, factor, shift));
        }
        // The scale in the settings may be this very conversion.
        let whole = written.conversion_to(own);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        match whole {
            Some((scale, offset)) if near(scale, self.scale) && near(offset, self.offset) => {
                self.number(number)
            }
            _ => bad(Cause::OtherUnit),
        }
    }
}
