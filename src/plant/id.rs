//! Checked identifiers, as they stand in settings, topics, tags and the API.

use std::fmt;

/// 1 to 64 of `a-z A-Z 0-9 _ - .`, starting with a letter or a digit.
///
/// Narrow on purpose: an id travels into line protocol tags, URLs, environment
/// variable names and file names without ever needing an escape.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Id(Box<str>);

/// Why a text is no [`Id`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: use 1 to 64 letters, digits, `_`, `-` or `.`, starting with a letter or digit")]
pub struct IdError(String);

impl Id {
    /// Checks `text` and makes an id of it.
    ///
    /// # Errors
    /// [`IdError`] names the text and the rule.
    pub fn new(text: &str) -> Result<Self, IdError> {
        let good = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
            && text.as_bytes()[0].is_ascii_alphanumeric();
        if good { Ok(Self(text.into())) } else { Err(IdError(text.to_owned())) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn an_id_holds_no_character_that_would_need_an_escape() {
        for good in ["boiler-1", "plc_1", "1a", "S7.1"] {
            assert!(Id::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a b", "锅炉", "a,b", "a/b", &"x".repeat(65)] {
            assert!(Id::new(bad).is_err(), "{bad}");
        }
    }
}
