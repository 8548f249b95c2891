//! What a register can hold, so that a limit which it never reaches, or never leaves, is told.

use super::super::presets::tidy;
use super::super::profile::Register;
use super::super::types::{CurrentLoop, Format, Scaling};
use crate::plant::LimitKind;

/// The smallest and the largest value that a point can have, in its unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reach {
    low: f64,
    high: f64,
    /// It holds no negative raw number.
    is_unsigned: bool,
    /// `i16 × 0.01`, for people.
    of: String,
}

impl Reach {
    /// `None` where a number of any size may come, or where other points have a say.
    pub(super) fn of(register: &Register) -> Option<Self> {
        if register.decimals_from.is_some() || !register.times.is_empty() {
            return None;
        }
        let (scale, offset) = match register.scaling {
            Scaling::Linear { scale, offset } => (scale, offset),
            Scaling::Loop(signal) => return Some(Self::of_loop(signal)),
        };
        let (word, low, high) = raw(register.format)?;
        let (one, other) = (tidy(low * scale + offset), tidy(high * scale + offset));
        let mut of = word;
        if scale != 1.0 {
            of += &format!(" × {}", tidy(scale));
        }
        if offset != 0.0 {
            of += &format!(" + {}", tidy(offset));
        }
        let is_unsigned = low == 0.0 && offset == 0.0 && scale > 0.0;
        Some(Self { low: one.min(other), high: one.max(other), is_unsigned, of })
    }

    /// A loop measures from 3.6 to 21 mA (NAMUR NE 43), or to 21 mA without live zero.
    fn of_loop(signal: CurrentLoop) -> Self {
        let (from, to) = signal.range;
        let (below, above) = if signal.live_zero { (0.4 / 16.0, 1.0 / 16.0) } else { (0.0, 1.0 / 20.0) };
        let (one, other) = (tidy(from - (to - from) * below), tidy(to + (to - from) * above));
        let of = format!("a current loop of {from} to {to}");
        Self { low: one.min(other), high: one.max(other), is_unsigned: false, of }
    }

    /// What is odd about a range that begins below zero.
    pub(super) fn range_problem(&self, (from, to): (f64, f64)) -> Option<String> {
        (self.is_unsigned && from < 0.0).then(|| {
            format!(
                "range = [{from}, {to}] begins below zero and {} holds {} to {}: a negative value comes as a large one, \
                 which is out of range",
                self.of, self.low, self.high
            )
        })
    }

    /// What is odd about a limit of this kind at this setpoint.
    pub(super) fn problem(&self, kind: LimitKind, at: f64) -> Option<String> {
        let key = kind.key();
        let never = match kind {
            LimitKind::H | LimitKind::HH => at > self.high,
            LimitKind::L | LimitKind::LL => at < self.low,
            LimitKind::State => at < self.low || at > self.high,
            LimitKind::NoData => false,
        };
        let always = match kind {
            LimitKind::H | LimitKind::HH => at <= self.low,
            LimitKind::L | LimitKind::LL => at >= self.high,
            LimitKind::State | LimitKind::NoData => false,
        };
        let end = if never { "is never reached" } else { "always stands" };
        (never || always)
            .then(|| format!("{key} = {at} {end}: {} holds {} to {}", self.of, self.low, self.high))
    }
}

/// Values that stand for none and that the register never gives: they are compared with the raw number.
pub(super) fn unmet(register: &Register, sentinels: &[f64]) -> Option<String> {
    let (word, low, high) = raw(register.format)?;
    let whole = !matches!(register.format, Format::F16);
    let odd = |s: &&f64| !(low..=high).contains(*s) || whole && s.fract() != 0.0;
    let odd: Vec<String> = sentinels.iter().filter(odd).map(ToString::to_string).collect();
    (!odd.is_empty()).then(|| format!("never met: {}; {word} holds {low} to {high}", odd.join(", ")))
}

/// Name, smallest and largest raw number of a format.
fn raw(format: Format) -> Option<(String, f64, f64)> {
    let whole = |word: &str, bits: i32, signed: bool| {
        let all = 2f64.powi(bits);
        let (low, high) = if signed { (-all / 2.0, all / 2.0 - 1.0) } else { (0.0, all - 1.0) };
        Some((word.to_owned(), low, high))
    };
    match format {
        Format::U16 => whole("u16", 16, false),
        Format::I16 => whole("i16", 16, true),
        Format::U32 => whole("u32", 32, false),
        Format::I32 => whole("i32", 32, true),
        Format::U64 => whole("u64", 64, false),
        Format::I64 => whole("i64", 64, true),
        Format::Bits { low, high, signed, .. } => {
            whole(&format!("bits {low} to {high}"), i32::from(high - low) + 1, signed)
        }
        Format::F16 => Some(("f16".to_owned(), -65_504.0, 65_504.0)),
        Format::Bcd(width) => {
            Some((format!("bcd{}", 16 * u32::from(width)), 0.0, 10f64.powi(4 * i32::from(width)) - 1.0))
        }
        Format::M10k(width) => {
            let most = 10f64.powi(4 * i32::from(width)) - 1.0;
            Some((format!("m10k{}", 16 * u32::from(width)), -most, most))
        }
        // What a discrete point can be is told where its limits are read; the others hold whatever there is.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::load_texts;

    fn warned(point: &str) -> Vec<String> {
        let text = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
                    [[equipment]]\nid = \"e1\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n\
                    [[equipment]]\nid = \"e2\"\nprofile = \"p\"\nsource = \"a\"\nunit = 2\n";
        let profile =
            format!("kind = \"k\"\n[[point]]\nid = \"x\"\nunit = \"mm\"\naddress = 40001\n{point}\n");
        let loaded = load_texts(&[("t.toml", text)], &[("p.toml", &profile)], &[]).expect("good");
        loaded.warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_limit_that_the_register_never_reaches_or_never_leaves_is_told_once_at_the_profiles_line() {
        for (point, told) in [
            (
                "type = \"i16\"\nscale = 0.00001\nlimits.h.at = 1.2",
                "h = 1.2 is never reached: i16 × 0.00001 holds -0.32768 to 0.32767",
            ),
            ("type = \"u16\"\nlimits.ll.at = -75", "ll = -75 is never reached: u16 holds 0 to 65535"),
            ("type = \"bcd16\"\nscale = 0.1\nlimits.hh.at = 1000", "hh = 1000 is never reached"),
            ("type = \"u16\"\noffset = 10\nlimits.h.at = 5", "h = 5 always stands: u16 + 10 holds 10 to"),
            ("type = \"i16\"\nscale = -1\nlimits.h.at = 40000", "h = 40000 is never reached"),
            (
                "type = \"u16\"\nlimits.state.at = 70000",
                "state = 70000 is never reached: u16 holds 0 to 65535",
            ),
            ("type = \"u64\"\nlimits.l.at = -5", "l = -5 is never reached: u64 holds 0 to"),
            ("bits = [0, 3]\nlimits.h.at = 20", "h = 20 is never reached: bits 0 to 3 holds 0 to 15"),
            ("type = \"u8_low\"\nlimits.h.at = 300", "h = 300 is never reached: bits 0 to 7 holds 0 to 255"),
            (
                "type = \"u16\"\nloop = { raw = [0, 27648], range = [0, 1.6] }\nlimits.h.at = 2.0",
                "h = 2 is never reached: a current loop of 0 to 1.6 holds -0.04 to 1.7",
            ),
            (
                "type = \"u16\"\nrange = [-300, 300]",
                "range = [-300, 300] begins below zero and u16 holds 0 to 65535",
            ),
        ] {
            let said = warned(point);
            assert!(said.len() == 1 && said[0].contains(told), "{point}: {said:?}");
            assert!(said[0].starts_with("p.toml:"), "{said:?}");
        }
    }

    #[test]
    fn a_sentinel_that_the_register_never_gives_is_told() {
        for (point, told) in [
            ("type = \"i16\"\nsentinels = [32768]", "never met: 32768; i16 holds -32768 to 32767"),
            ("type = \"u16\"\nsentinels = [-1, 65535]", "never met: -1; u16 holds 0 to 65535"),
            ("type = \"i16\"\nscale = 0.1\nsentinels = [3276.7]", "never met: 3276.7; i16 holds"),
        ] {
            let said = warned(point);
            assert!(said.len() == 1 && said[0].contains(told), "{point}: {said:?}");
            assert!(said[0].starts_with("p.toml:"), "{said:?}");
        }
        for point in ["type = \"i16\"\nsentinels = [-32768, 32767]", "type = \"f32\"\nsentinels = [-999.9]"] {
            assert_eq!(warned(point), Vec::<String>::new(), "{point}");
        }
    }

    #[test]
    fn a_limit_within_reach_is_not_told() {
        for point in [
            "type = \"i16\"\nscale = 0.01\nlimits.h.at = 327.67",
            "type = \"f32\"\nlimits.h.at = 1e9",
            "type = \"i16\"\nlimits.l.at = -32768",
            "type = \"u16\"\ncalibration = [[0, 0], [1, 5]]\nlimits.h.at = 9",
            "bit = 3\nlimits.state.at = 0",
            "type = \"i16\"\nrange = [-300, 300]\nsentinels = [32767, -32768]",
            "type = \"u16\"\noffset = -40\nrange = [-40, 300]\nsentinels = [65535]",
            "type = \"f32\"\nrange = [-300, 300]\nsentinels = [-999.9]",
            "type = \"u16\"\nloop = { raw = [0, 27648], range = [0, 1.6] }\nlimits.h.at = 1.6",
            "bits = [4, 7]\nlimits.h.at = 15",
        ] {
            assert_eq!(warned(point), Vec::<String>::new(), "{point}");
        }
    }
}
