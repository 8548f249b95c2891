//! Units to and from text: `t/h`, `kg/(m2·s)`, `1/min`; what is written reads back as the same.

use std::fmt;

use super::table::{KNOWN, Known, USUAL};
use super::{Atom, HIGHEST_POWER, MOST_PARTS, Part, Unit};

/// A longer text is no product of units.
const LONGEST: usize = 80;
const SEPARATORS: [char; 6] = ['/', '·', '*', '.', '(', ')'];

fn known(text: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|k| k.symbol == text || k.also.contains(&text))
}

impl Unit {
    /// The unit of this text. A text that nobody knows is a unit equal only to itself.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let product = || (text.len() <= LONGEST).then(|| product(text)).flatten();
        if text.is_empty() {
            return Self::plain();
        }
        if let Some(known) = known(text) {
            return Self { parts: vec![Part { atom: Atom::Known(known), power: 1 }] };
        }
        product().unwrap_or_else(|| Self { parts: vec![Part { atom: Atom::Opaque(text.into()), power: 1 }] })
    }

    /// The known unit that was probably meant.
    #[must_use]
    pub fn nearest(text: &str) -> Option<&'static str> {
        let all = || KNOWN.iter().map(|k| k.symbol).chain(USUAL.iter().copied());
        let folded = text.to_lowercase();
        all().find(|known| known.to_lowercase() == folded).or_else(|| {
            let near = all().map(|known| (strsim::damerau_levenshtein(text, known), known));
            near.filter(|(distance, known)| *distance <= known.chars().count() / 3).min().map(|n| n.1)
        })
    }

    /// The spellings, for a message.
    #[must_use]
    pub fn spellings() -> String {
        let products = USUAL.iter().copied().filter(|u| Self::parse(u).is_known());
        KNOWN.iter().map(|k| k.symbol).chain(products).collect::<Vec<_>>().join(" ")
    }
}

/// All of `text` as a product.
fn product(text: &str) -> Option<Unit> {
    let mut reader = Reader { rest: text, parts: Vec::new() };
    reader.quotient(1)?;
    let within = reader.parts.len() <= MOST_PARTS;
    let unit = Unit { parts: reader.parts };
    (reader.rest.is_empty() && within).then_some(unit)
}

struct Reader<'a> {
    rest: &'a str,
    parts: Vec<Part>,
}

impl Reader<'_> {
    /// `a·b/c/(d·e)`, all to the power of `sign`. Recursion is bounded by [`LONGEST`].
    fn quotient(&mut self, sign: i8) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix("1/") {
            self.rest = rest;
            self.factor(-sign)?;
        } else {
            self.factor(sign)?;
        }
        loop {
            let mut characters = self.rest.chars();
            let sign = match characters.next() {
                Some('/') => -sign,
                Some('·' | '*' | '.') => sign,
                _ => return Some(()),
            };
            self.rest = characters.as_str();
            self.factor(sign)?;
        }
    }

    fn factor(&mut self, sign: i8) -> Option<()> {
        let Some(inner) = self.rest.strip_prefix('(') else {
            let end = self.rest.find(SEPARATORS).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            return self.word(word, sign);
        };
        let end = inner.find(')')?;
        if let Some(known) = known(&inner[..end]) {
            let after = &inner[end + 1..];
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            self.rest = &after[digits..];
            let power = if digits == 0 { 1 } else { after[..digits].parse().ok()? };
            return self.add(known, power, sign);
        }
        self.rest = inner;
        self.quotient(sign)?;
        self.rest = self.rest.strip_prefix(')')?;
        Some(())
    }

    /// `m3`, `cm²`, `kW`.
    fn word(&mut self, word: &str, sign: i8) -> Option<()> {
        if let Some(known) = known(word) {
            return self.add(known, 1, sign);
        }
        // Letters that nobody knows stand for themselves: kgce/t times t is kgce.
        if !word.is_empty() && word.chars().all(char::is_alphabetic) {
            return self.push(Atom::Opaque(word.into()), 1, sign);
        }
        let base = word.trim_end_matches(|c: char| c.is_ascii_digit() || c == '²' || c == '³');
        let power = match &word[base.len()..] {
            "²" => 2,
            "³" => 3,
            digits => digits.parse().ok()?,
        };
        self.add(known(base)?, power, sign)
    }

    fn add(&mut self, known: &'static Known, power: i8, sign: i8) -> Option<()> {
        if !(1..=HIGHEST_POWER).contains(&power) {
            return None;
        }
        // Inside a product a temperature is a difference; of ℉ there is no unit for it.
        let known = match known.symbol {
            "℃" => self::known("K")?,
            "℉" => return None,
            _ => known,
        };
        self.push(Atom::Known(known), power, sign)
    }

    fn push(&mut self, atom: Atom, power: i8, sign: i8) -> Option<()> {
        match self.parts.iter_mut().find(|p| p.atom == atom) {
            // `m·m` is written m2 here; a quotient that cancels is nobody's unit.
            Some(part) => {
                part.power = part.power.checked_add(power * sign)?;
                (part.power != 0 && part.power.abs() <= HIGHEST_POWER).then_some(())
            }
            None => {
                self.parts.push(Part { atom, power: power * sign });
                Some(())
            }
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alone = matches!(self.parts.as_slice(), [Part { power: 1, .. }]);
        let side = |f: &mut fmt::Formatter<'_>, up: bool| {
            for (n, part) in self.parts.iter().filter(|p| (p.power > 0) == up).enumerate() {
                let symbol = part.atom.symbol();
                let power = part.power.unsigned_abs();
                let dot = if n > 0 { "·" } else { "" };
                let misread = symbol.contains(SEPARATORS)
                    || power > 1 && symbol.ends_with(|c: char| c.is_ascii_digit());
                match (misread && !alone, power) {
                    (true, 1) => write!(f, "{dot}({symbol})")?,
                    (true, _) => write!(f, "{dot}({symbol}){power}")?,
                    (false, 1) => write!(f, "{dot}{symbol}")?,
                    (false, _) => write!(f, "{dot}{symbol}{power}")?,
                }
            }
            Ok(())
        };
        let below = self.parts.iter().filter(|p| p.power < 0).count();
        if below == self.parts.len() && below > 0 {
            f.write_str("1")?;
        }
        side(f, true)?;
        match below {
            0 => Ok(()),
            1 => {
                f.write_str("/")?;
                side(f, false)
            }
            _ => {
                f.write_str("/(")?;
                side(f, false)?;
                f.write_str(")")
            }
        }
    }
}
