//! What is wrong in a formula: where, what, and what would be right.

use std::fmt;
use std::ops::Range;

/// Bytes of the formula's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: usize,
    pub to: usize,
}

impl Span {
    pub fn new(from: usize, to: usize) -> Self {
        Self { from, to }
    }

    /// From the beginning of this to the end of `last`.
    pub fn until(self, last: Self) -> Self {
        Self { from: self.from, to: last.to }
    }
}

/// A fault before it knows the text around it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wrong {
    pub span: Span,
    pub problem: String,
    pub remedy: String,
}

/// `Err` with where, what and what would be right.
pub(super) fn wrong<T>(
    span: Span,
    problem: impl Into<String>,
    remedy: impl Into<String>,
) -> Result<T, Wrong> {
    Err(Wrong { span, problem: problem.into(), remedy: remedy.into() })
}

/// Why a formula was refused. Shown, it prints the line and marks the place under it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FormulaError {
    /// Bytes of the text that are at fault.
    pub span: Range<usize>,
    /// Line of their beginning, from 1.
    pub line: usize,
    /// Character of their beginning within the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
    /// The line, and the marks under it.
    shown: Box<(String, String)>,
}

impl FormulaError {
    pub(super) fn of(text: &str, wrong: Wrong) -> Self {
        let floor = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (from, to) = (floor(wrong.span.from), floor(wrong.span.to));
        let begin = text[..from].rfind('\n').map_or(0, |n| n + 1);
        let end = text[from..].find('\n').map_or(text.len(), |n| from + n);
        let marked = text.get(from..to.min(end)).unwrap_or_default();
        let mut marks: String = text[begin..from].chars().map(blank).collect();
        marks.extend(marked.chars().map(|c| if is_wide(c) { "^^" } else { "^" }));
        if marked.is_empty() {
            marks.push('^');
        }
        Self {
            span: from..to,
            line: text[..from].matches('\n').count() + 1,
            column: text[begin..from].chars().count() + 1,
            problem: wrong.problem,
            remedy: wrong.remedy,
            shown: Box::new((text[begin..end].trim_end().to_owned(), marks)),
        }
    }
}

/// What stands under a character that is not at fault.
fn blank(character: char) -> &'static str {
    match character {
        '\t' => "\t",
        c if is_wide(c) => "  ",
        _ => " ",
    }
}

/// Takes two columns on a terminal: Chinese characters and full-width signs.
fn is_wide(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF60}' | '\u{FFE0}'..='\u{FFE6}'
        | '\u{20000}'..='\u{3FFFD}')
}

impl FormulaError {
    /// The line that is at fault, and marks to stand under it.
    #[must_use]
    pub fn marked(&self) -> (&str, &str) {
        (&self.shown.0, &self.shown.1)
    }
}

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 1 {
            write!(f, "line {}, ", self.line)?;
        }
        writeln!(f, "column {}: {}", self.column, self.problem)?;
        writeln!(f, "    {}\n    {}", self.shown.0, self.shown.1)?;
        write!(f, "    {}", self.remedy)
    }
}
