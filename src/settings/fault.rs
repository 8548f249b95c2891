//! What is wrong in the settings: where, which key, what, and what would be right.

use std::fmt;

/// A place in a file; line and column count from 1. The environment has neither.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// File as given, or the variable's name.
    pub file: String,
    /// 0 when there is none.
    pub line: usize,
    /// 0 when there is none.
    pub column: usize,
}

impl Place {
    pub(super) fn of(file: &str, text: &str, offset: usize) -> Self {
        Lines::of(text).place(file, offset)
    }
}

/// Where the lines of a text begin, so that a place is found without counting from the top.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(n, _)| n + 1)).collect();
        Self { text, starts }
    }

    pub(super) fn slice(&self, span: std::ops::Range<usize>) -> Option<&'a str> {
        self.text.get(span)
    }

    pub(super) fn place(&self, file: &str, offset: usize) -> Place {
        let line = self.starts.partition_point(|s| *s <= offset).max(1);
        let before = self.text.get(self.starts[line - 1]..offset).unwrap_or_default();
        Place { file: file.to_owned(), line, column: before.chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.file)
        } else {
            write!(f, "{}:{}:{}", self.file, self.line, self.column)
        }
    }
}

/// Where a value was written, so that a fault found later names the line that has to change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Written {
    pub(super) place: Place,
    /// Dotted key path.
    pub(super) key: String,
    /// In the equipment's own settings, which count over its profile's.
    pub(super) own: bool,
}

/// Where the keys of one entry stand, for faults that are found when the entry is used.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    entry: Place,
    keys: Vec<(String, Place)>,
}

impl Places {
    pub(super) fn new(entry: Place, keys: Vec<(String, Place)>) -> Self {
        Self { entry, keys }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|k| k.0 == key)
    }

    /// The key's line, or the entry's if the key is not written.
    pub(super) fn of(&self, key: &str) -> Place {
        let found = self.keys.iter().find(|k| k.0 == key).map(|k| &k.1);
        found.unwrap_or(&self.entry).clone()
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// Dotted key path.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.problem)?;
        // Marks under a line stand alone, and what would be right below them.
        let joint = if self.problem.ends_with(' ') { "" } else { "; " };
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "{joint}{}", self.remedy) }
    }
}

/// All faults of a folder, ordered by place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// How many there are, and what comes of it.
    #[must_use]
    pub fn summary(&self) -> String {
        let s = if self.0.len() == 1 { "" } else { "s" };
        format!("{} fault{s} in the settings; nothing was started", self.0.len())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{fault}")?;
        }
        f.write_str(&self.summary())
    }
}

/// `; did you mean …?` for the nearest of `known`, or the whole list when it is short.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let best = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), *k))
        .filter(|(d, k)| *d <= 1 + k.len() / 3)
        .min();
    match best {
        Some((_, best)) => format!("did you mean `{best}`?"),
        None if known.is_empty() => "there is none defined".to_owned(),
        None if known.len() <= 16 => format!("known here: {}", known.join(", ")),
        None => format!("known here: {} …", known[..16].join(", ")),
    }
}
