//! A formula's text → tokens with their places. A unit belongs to the number it follows.

use super::error::{Span, Wrong, wrong};
use crate::plant::Unit;

/// Words that name no point unless they are quoted.
pub(super) const KEYWORDS: [&str; 6] = ["and", "or", "not", "true", "false", "per"];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A number with the unit behind it.
    Number(f64, Option<String>),
    /// A word: point, function or keyword.
    Name(String),
    /// A quoted name.
    Quoted(String),
    /// `+`, `<=`, `(` …
    Sign(&'static str),
    /// Behind the last one.
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Span,
}

/// Longest first, so that `<=` is not `<`.
const SIGNS: [&str; 15] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "^", "%", "(", ")", ","];

/// Signs of other languages and of Chinese keyboards, with what is written here.
const FOREIGN: [(&str, &str); 25] = [
    ("**", "^"),
    ("&&", "and"),
    ("||", "or"),
    ("<>", "!="),
    ("=>", ">="),
    ("=<", "<="),
    ("=", "=="),
    ("!", "not"),
    ("&", "and"),
    ("|", "or"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("×", "*"),
    ("·", "*"),
    ("÷", "/"),
    ("−", "-"),
    ("（", "("),
    ("）", ")"),
    ("，", ","),
    ("＋", "+"),
    ("－", "-"),
    ("％", "%"),
    ("“", "\""),
    ("”", "\""),
];

/// All tokens, the last of them [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    let mut lexer = Lexer { text, at: 0 };
    let mut all = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = token.kind == Kind::End;
        all.push(token);
        if end {
            return Ok(all);
        }
    }
}

/// Whether `unit` can follow a number without quotes.
pub(super) fn is_bare_unit(unit: &str) -> bool {
    let lexed = tokens(&format!("1 {unit}"));
    lexed.is_ok_and(|all| all.len() == 2 && all[0].kind == Kind::Number(1.0, Some(unit.to_owned())))
}

/// Whether `name` can name a point without quotes.
pub(super) fn is_bare_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(is_name)
        && !KEYWORDS.contains(&name)
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn begins_unit(character: char) -> bool {
    character.is_alphabetic() || "℃℉°‰Ω".contains(character)
}

fn is_unit(character: char) -> bool {
    character.is_alphanumeric() || "℃℉°‰Ω²³₂·_".contains(character)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&mut self) -> Result<Token, Wrong> {
        self.at = self.text.len() - self.rest().trim_start().len();
        let (from, rest) = (self.at, self.rest());
        let kind = match rest.chars().next() {
            None => Kind::End,
            Some(c) if c.is_ascii_digit() => self.number()?,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => Kind::Name(self.take(is_name).to_owned()),
            Some(c @ ('"' | '\'')) => Kind::Quoted(self.quoted(c)?.to_owned()),
            Some(c) => self.sign(c)?,
        };
        Ok(Token { kind, span: Span::new(from, self.at) })
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn sign(&mut self, first: char) -> Result<Kind, Wrong> {
        let rest = self.rest();
        let span = |len: usize| Span::new(self.at, self.at + len);
        let foreign = FOREIGN.iter().find(|f| rest.starts_with(f.0));
        if let Some(sign) = SIGNS.iter().find(|s| rest.starts_with(**s))
            && foreign.is_none_or(|f| f.0.len() <= sign.len())
        {
            self.at += sign.len();
            return Ok(Kind::Sign(sign));
        }
        if let Some((sign, ours)) = foreign {
            return wrong(
                span(sign.len()),
                format!("`{sign}` is not a sign of this language"),
                format!("write `{ours}`"),
            );
        }
        let remedy = match first {
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                "a number begins with a digit: `0.5`"
            }
            '.' => "a point name with `.`, `-` or `/` in it is quoted: \"drum.level\"",
            '[' | '{' => "group with ( and )",
            '?' | ':' => "a choice is written if(condition, then, else)",
            c if c.is_alphabetic() => "a point is named by its id; units stand behind numbers: `5 ℃`",
            _ => "leave it out",
        };
        wrong(span(first.len_utf8()), format!("`{first}` has no meaning here"), remedy)
    }

    fn quoted(&mut self, quote: char) -> Result<&'a str, Wrong> {
        let from = self.at;
        let inner = &self.rest()[1..];
        let Some(end) = inner.find([quote, '\n']).filter(|end| inner[*end..].starts_with(quote)) else {
            let span = Span::new(from, from + 1);
            return wrong(span, "the quote is not closed", format!("close it with {quote} on the same line"));
        };
        self.at += end + 2;
        if inner[..end].trim().is_empty() {
            return wrong(
                Span::new(from, self.at),
                "there is nothing between the quotes",
                "a point's name: \"boiler-2/steam_pressure\"",
            );
        }
        Ok(&inner[..end])
    }

    fn number(&mut self) -> Result<Kind, Wrong> {
        let from = self.at;
        self.take(|c| c.is_ascii_digit());
        if let Some(after) = self.rest().strip_prefix('.') {
            if !after.starts_with(|c: char| c.is_ascii_digit()) {
                let span = Span::new(self.at, self.at + 1);
                return wrong(span, "no digit follows the decimal point", "write `1.0`, or `1` alone");
            }
            self.at += 1;
            self.take(|c| c.is_ascii_digit());
        }
        let exponent = self.rest().strip_prefix(['e', 'E']).map(|r| r.strip_prefix(['+', '-']).unwrap_or(r));
        if let Some(digits) = exponent.filter(|d| d.starts_with(|c: char| c.is_ascii_digit())) {
            self.at = self.text.len() - digits.len();
            self.take(|c| c.is_ascii_digit());
        }
        let written = &self.text[from..self.at];
        let value: f64 = written.parse().unwrap_or(f64::INFINITY);
        if !value.is_finite() {
            return wrong(Span::new(from, self.at), "this number is too large", "the largest is about 1e308");
        }
        Ok(Kind::Number(value, self.unit()?))
    }

    /// The unit behind a number, if there is one; the place stays behind the number if not.
    fn unit(&mut self) -> Result<Option<String>, Wrong> {
        let behind = self.at;
        self.at = self.text.len() - self.rest().trim_start().len();
        let begin = self.at;
        let found = match self.rest().chars().next() {
            Some(c @ ('"' | '\'')) => return self.quoted(c).map(|unit| Some(unit.trim().to_owned())),
            Some('%') => self.percent(),
            Some(c) if begins_unit(c) => {
                let word = self.take(is_unit);
                !KEYWORDS.contains(&word) && !word.contains('_') && !self.rest().trim_start().starts_with('(')
            }
            _ => false,
        };
        if !found {
            self.at = behind;
            return Ok(None);
        }
        // `10 t/h` is a flow; `10 t / h` is divided by the point h.
        while let Some(below) = self.rest().strip_prefix('/').filter(|b| b.starts_with(begins_unit)) {
            let end = below.find(|c| !is_unit(c)).unwrap_or(below.len());
            let longer = self.at + 1 + end;
            if !Unit::parse(&self.text[begin..longer]).is_known() {
                break;
            }
            self.at = longer;
        }
        Ok(Some(self.text[begin..self.at].to_owned()))
    }

    /// `50 %` is a share and `50 % 3` a remainder: what follows tells. Takes the share.
    fn percent(&mut self) -> bool {
        let after = &self.rest()[1..];
        let word = &after[..after.find(|c| !is_name(c)).unwrap_or(after.len())];
        if word.eq_ignore_ascii_case("LEL") {
            self.at += 1 + word.len();
            return true;
        }
        let next = after.trim_start();
        let word = &next[..next.find(|c| !is_name(c)).unwrap_or(next.len())];
        let operand = next.starts_with(['(', '"', '\'']) || !word.is_empty() && word != "and" && word != "or";
        if !operand {
            self.at += 1;
        }
        !operand
    }
}
