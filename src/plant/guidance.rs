//! What an operator is told with an alarm (ISA-18.2 / IEC 62682, rationalisation): message, consequence, response, time.

use std::time::Duration;

use super::Name;

/// What can stand in braces in a message, and is put there when it is shown.
pub const PLACEHOLDERS: [&str; 6] = ["value", "unit", "limit", "name", "equipment", "priority"];

/// Told with an alarm; what is not written is not told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guidance {
    /// What has happened; with [`PLACEHOLDERS`].
    pub message: Option<Name>,
    /// What follows if nobody acts.
    pub consequence: Option<Name>,
    /// What to do.
    pub response: Option<Name>,
    /// Within this time.
    pub response_time: Option<Duration>,
}

impl Guidance {
    /// Nothing is told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The names in braces of a message, in order; `None` where a brace is left open.
#[must_use]
pub fn placeholders(text: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let inside = rest[at..].strip_prefix('{')?;
        let end = inside.find(['{', '}']).filter(|end| inside[*end..].starts_with('}'))?;
        found.push(&inside[..end]);
        rest = &inside[end + 1..];
    }
    Some(found)
}

/// A message with what `of` says in the place of each name in braces.
#[must_use]
pub fn filled(text: &str, of: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, inside)| Some((before, inside.split_once('}')?)))
    {
        out += before;
        out += &of(name);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::{filled, placeholders};

    #[test]
    fn names_in_braces_are_found_and_replaced() {
        let text = "压力 {value} {unit}，限值 {limit}";
        assert_eq!(placeholders(text), Some(vec!["value", "unit", "limit"]));
        assert_eq!(filled(text, |name| format!("<{name}>")), "压力 <value> <unit>，限值 <limit>");
        assert_eq!(filled("plain", |_| String::new()), "plain");
    }

    #[test]
    fn an_open_brace_is_none_to_be_filled() {
        assert_eq!(placeholders("{value"), None);
        assert_eq!(placeholders("a } b"), None);
        assert_eq!(placeholders("{a{b}}"), None);
        assert_eq!(filled("{value", |_| "1".to_owned()), "{value");
    }
}
