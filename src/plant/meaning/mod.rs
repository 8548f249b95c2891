//! What a number, a boolean or a text that a device sends means for one point: one rule for MQTT, Sparkplug,
//! HTTP push, line protocol and Modbus.
//!
//! - A bit is true when it is not zero, before `invert`; what is not finite is neither true nor false.
//! - A number with a unit, in one text or beside each other, is converted where the unit is known and measures the
//!   same as the point; with any other unit it is bad.
//! - A boolean is a value of discrete points only; elsewhere it is bad, and so are `on` and `off`.
//! - Whatever a person could not read as the point's value is bad, with its cause.

mod size;
#[cfg(test)]
mod tests;
mod written;

use super::unit::Unit;
use super::{Cause, Quality, decimal};
pub use size::{Width, is_implausible};
pub use written::is_no_unit;
use written::{Said, said, unit_of};

/// The largest integer that a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

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
            let (degrees, degree) = (["C", "F", "°"].iter().any(|d| unit == *d), Unit::parse("℃"));
            let like: &[&Unit] = &[&degree];
            let unit = unit_of(&unit, if degrees { like } else { &[] });
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
        let quality = match raw.abs() > EXACT && raw.fract() == 0.0 {
            _ if is_implausible(raw, Width::Double) => Quality::Uncertain(Cause::Implausible),
            true => Quality::Uncertain(Cause::Rounded),
            false => Quality::Good,
        };
        (value, quality)
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

    /// The value of a raw number that names its unit beside it. At a point without a unit, at a discrete one and at an
    /// enumeration the unit says nothing. A unit that nobody knows is not the point's, unless `raw_unit` says what the
    /// numbers are in.
    #[must_use]
    pub fn measured(&self, raw: f64, unit: &str) -> (f64, Quality) {
        let unit = unit.trim();
        if self.kind != Kind::Measure || self.units.own.is_plain() || is_no_unit(unit) {
            return self.number(raw);
        }
        match self.with_unit(raw, unit) {
            (_, Quality::Bad(Cause::Unreadable)) if self.units.raw.is_some() => self.number(raw),
            (_, Quality::Bad(Cause::Unreadable)) => bad(Cause::OtherUnit),
            found => found,
        }
    }

    /// The value of a text that names its unit beside it: `"850"` and `kPa`. Two units that contradict each other
    /// leave none.
    #[must_use]
    pub fn text_in(&self, text: &str, unit: &str) -> (f64, Quality) {
        let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if let Some(found) = self.named(trimmed) {
            return found;
        }
        let unit = unit.trim();
        match said(trimmed) {
            Said::Number(raw) => self.measured(raw, unit),
            Said::With(_, own) if !is_no_unit(unit) && *own != *unit => {
                let like = [&self.units.own];
                if unit_of(&own, &like) == unit_of(unit, &like) {
                    self.text(text)
                } else {
                    bad(Cause::OtherUnit)
                }
            }
            _ => self.text(text),
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
        // Of what nobody converts capitals do not count.
        if !base.is_known() && unit.eq_ignore_ascii_case(text) {
            return self.number(number);
        }
        let written = unit_of(unit, &[base, own]);
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
