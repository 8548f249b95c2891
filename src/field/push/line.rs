//! InfluxDB line protocol, as Telegraf and many data loggers write it → lines. Pure; borrows from the text.
//!
//! `measurement[,tag=value…] field=value[,field=value…] [timestamp]`, a line each; `#` begins a comment.
//! A line that is wrong costs only itself. Contiguous backslashes count as InfluxDB counts them:
//! one before a character that needs no escape stands for itself.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// What it is called; means nothing to us.
    pub measurement: Cow<'a, str>,
    /// In their order.
    pub tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// In their order; `null` for the words that mean no number, a text for what is no number at all.
    pub fields: Vec<(Cow<'a, str>, Value)>,
    /// In the precision agreed on.
    pub timestamp: Option<i64>,
}

impl Line<'_> {
    /// The first tag called `key`.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|t| t.0 == key).map(|t| &*t.1)
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {what}")]
pub struct LineError {
    /// From 1.
    pub number: usize,
    /// In words.
    pub what: String,
}

/// The lines of `text`; comments and empty ones are passed over.
pub fn lines(text: &str) -> impl Iterator<Item = Result<Line<'_>, LineError>> {
    let mut reader = Reader { text, at: 0, number: 1 };
    std::iter::from_fn(move || reader.next_line())
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    number: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn at_end(&self) -> bool {
        match self.peek() {
            None | Some(b'\n') => true,
            Some(b'\r') => matches!(self.text.as_bytes().get(self.at + 1), None | Some(b'\n')),
            Some(_) => false,
        }
    }

    fn skip(&mut self, blanks: &[u8]) {
        while !self.at_end() && self.peek().is_some_and(|b| blanks.contains(&b)) {
            self.at += 1;
        }
    }

    fn next_line(&mut self) -> Option<Result<Line<'a>, LineError>> {
        loop {
            while let Some(byte) = self.peek().filter(u8::is_ascii_whitespace) {
                self.number += usize::from(byte == b'\n');
                self.at += 1;
            }
            self.peek()?;
            let (from, number) = (self.at, self.number);
            if self.peek() == Some(b'#') {
                self.pass_line(from);
                continue;
            }
            let line = self.line(number);
            if let Err(what) = line {
                // An open quote must not swallow the lines behind it.
                self.pass_line(from);
                return Some(Err(LineError { number, what }));
            }
            self.number += self.text[from..self.at].bytes().filter(|b| *b == b'\n').count();
            return line.ok().map(Ok);
        }
    }

    /// Behind the line that begins at `from`.
    fn pass_line(&mut self, from: usize) {
        self.at = self.text[from..].find('\n').map_or(self.text.len(), |n| from + n);
    }

    fn line(&mut self, number: usize) -> Result<Line<'a>, String> {
        let measurement = self.name(b", ");
        if measurement.is_empty() {
            return Err("no measurement; write `measurement,device=NAME field=1.5`".to_owned());
        }
        let mut tags = Vec::new();
        while self.peek() == Some(b',') {
            self.at += 1;
            let (key, value) = (self.key("tag")?, self.name(b", "));
            if value.is_empty() {
                return Err(format!("the tag `{key}` is empty"));
            }
            tags.push((key, value));
        }
        self.skip(b" ");
        if self.at_end() {
            return Err("no field; write `measurement,device=NAME field=1.5`".to_owned());
        }
        let mut fields = Vec::new();
        loop {
            let key = self.key("field")?;
            let value = self.value(&key)?;
            fields.push((key, value));
            if self.peek() != Some(b',') {
                break;
            }
            self.at += 1;
        }
        if !self.at_end() && self.peek() != Some(b' ') {
            return Err("something stands behind a closing quote".to_owned());
        }
        self.skip(b" \t");
        let timestamp = if self.at_end() { None } else { Some(self.timestamp()?) };
        self.skip(b" \t");
        if !self.at_end() {
            return Err("something stands behind the timestamp".to_owned());
        }
        Ok(Line { number, measurement, tags, fields, timestamp })
    }

    /// Up to one of `stops` or the end of the line, without its escapes.
    fn name(&mut self, stops: &[u8]) -> Cow<'a, str> {
        let (from, bytes) = (self.at, self.text.as_bytes());
        let mut escaped = false;
        while !self.at_end() && !stops.contains(&bytes[self.at]) {
            let pair = bytes[self.at] == b'\\' && bytes.get(self.at + 1).is_some_and(|b| ESCAPED.contains(b));
            escaped |= pair;
            self.at += if pair { 2 } else { 1 };
        }
        let raw = &self.text[from..self.at];
        if escaped { Cow::Owned(unescaped(raw, ESCAPED)) } else { Cow::Borrowed(raw) }
    }

    fn key(&mut self, what: &str) -> Result<Cow<'a, str>, String> {
        let key = self.name(b"=, ");
        if key.is_empty() {
            return Err(format!("a {what} without a name"));
        }
        if self.peek() != Some(b'=') {
            return Err(format!("the {what} `{key}` has no value"));
        }
        self.at += 1;
        Ok(key)
    }

    fn value(&mut self, key: &str) -> Result<Value, String> {
        let (from, bytes) = (self.at, self.text.as_bytes());
        if self.peek() == Some(b'"') {
            self.at += 1;
            loop {
                match self.peek() {
                    None => return Err(format!("the text of the field `{key}` has no closing quote")),
                    Some(b'"') => break,
                    Some(b'\\') if matches!(bytes.get(self.at + 1), Some(b'"' | b'\\')) => self.at += 2,
                    Some(_) => self.at += 1,
                }
            }
            let raw = &self.text[from + 1..self.at];
            self.at += 1;
            return Ok(Value::String(unescaped(raw, b"\"\\")));
        }
        while !self.at_end() && !b", ".contains(&bytes[self.at]) {
            self.at += 1;
        }
        match &self.text[from..self.at] {
            "" => Err(format!("the field `{key}` has no value")),
            word => Ok(bare(word)),
        }
    }

    fn timestamp(&mut self) -> Result<i64, String> {
        let from = self.at;
        while !self.at_end() && !b" \t".contains(&self.text.as_bytes()[self.at]) {
            self.at += 1;
        }
        let word = &self.text[from..self.at];
        word.parse().map_err(|_| format!("`{word}` is not a timestamp: a whole number, see ?precision="))
    }
}

/// What a backslash may stand before in names and tag values.
const ESCAPED: &[u8] = b",= \\";

fn unescaped(raw: &str, escaped: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        let next =
            chars.peek().copied().filter(|n| c == '\\' && n.is_ascii() && escaped.contains(&(*n as u8)));
        match next {
            Some(_) => out.extend(chars.next()),
            None => out.push(c),
        }
    }
    out
}

/// A value without quotes.
fn bare(word: &str) -> Value {
    match word {
        "t" | "T" | "true" | "True" | "TRUE" => return Value::Bool(true),
        "f" | "F" | "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let whole = word.strip_suffix(['i', 'u']).filter(|digits| {
        let digits = digits.strip_prefix(['-', '+']).unwrap_or(digits);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    });
    if let Some(digits) = whole {
        if let Ok(number) = digits.parse::<i64>() {
            return number.into();
        }
        if let Ok(number) = digits.parse::<u64>() {
            return number.into();
        }
    }
    match whole.unwrap_or(word).parse::<f64>() {
        Ok(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Err(_) => Value::String(word.to_owned()),
    }
}

#[cfg(test)]
mod tests;
