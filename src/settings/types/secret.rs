//! Passwords, tokens and keys: where they stand, and what stands there.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A text that never shows in a log, an error or a `Debug`. One that could not be read with the settings is
/// missing: it opens nothing, and it is read again whenever it is asked for until it is there.
#[derive(Clone)]
pub struct Secret(Arc<Held>);

struct Held {
    from: Origin,
    text: OnceLock<String>,
    /// Stands for a missing one: nobody can know it, so that nothing is opened by it.
    instead: OnceLock<String>,
}

#[derive(PartialEq, Eq)]
enum Origin {
    Given,
    File(PathBuf),
    Variable(String),
}

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub fn new(text: String) -> Self {
        let secret = Self::of(Origin::Given);
        // It is empty as yet.
        let _ = secret.0.text.set(text);
        secret
    }

    /// The text of a file, without the space around it.
    #[must_use]
    pub fn in_file(path: &Path) -> Self {
        Self::of(Origin::File(path.to_owned()))
    }

    /// The value of an environment variable, without the space around it.
    #[must_use]
    pub fn in_variable(name: &str) -> Self {
        Self::of(Origin::Variable(name.to_owned()))
    }

    fn of(from: Origin) -> Self {
        Self(Arc::new(Held { from, text: OnceLock::new(), instead: OnceLock::new() }))
    }

    fn read(&self) -> Result<&str, String> {
        if let Some(text) = self.0.text.get() {
            return Ok(text);
        }
        let (read, place) = match &self.0.from {
            Origin::Given => (Ok(String::new()), "it".to_owned()),
            Origin::File(path) => {
                let place = path.display().to_string();
                (std::fs::read_to_string(path).map_err(|e| format!("{place}: {e}")), place)
            }
            Origin::Variable(name) => {
                (std::env::var(name).map_err(|_| format!("the environment has no {name}")), name.clone())
            }
        };
        match read?.trim() {
            "" => Err(format!("{place} is empty; put the secret there, without anything else")),
            text => Ok(self.0.text.get_or_init(|| text.to_owned())),
        }
    }

    /// Why it cannot be used, if it is missing; looks again.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        self.read().err()
    }

    /// The text itself, for the one place that sends or compares it. A missing one is a random text that
    /// nobody knows: whoever sends a secret asks [`Self::missing`] first.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.read().unwrap_or_else(|_| self.0.instead.get_or_init(unknown))
    }
}

/// 256 bits that are not told to anybody.
fn unknown() -> String {
    (0..4).map(|_| format!("{:016x}", RandomState::new().build_hasher().finish())).collect()
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        match (self.0.text.get(), other.0.text.get()) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.0.from == other.0.from,
            _ => false,
        }
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹secret›")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_that_is_missing_opens_nothing_and_is_read_once_it_is_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("token");
        let (secret, twin) = (Secret::in_file(&file), Secret::in_file(&dir.path().join("other")));
        assert!(secret.missing().is_some_and(|why| why.contains("token: No such file")));
        assert!(secret.expose().len() >= 64, "no empty text that an empty token would match");
        assert_ne!(secret.expose(), twin.expose());
        assert!(secret != twin && secret == Secret::in_file(&file));
        std::fs::write(&file, " \n").expect("a file");
        assert!(secret.missing().is_some_and(|why| why.contains("is empty")));
        std::fs::write(&file, "a long random text\n").expect("a file");
        assert_eq!(secret.missing(), None);
        assert_eq!(secret.expose(), "a long random text");
        assert!(secret == Secret::new("a long random text".to_owned()));
        std::fs::write(&file, "another").expect("a file");
        assert_eq!(
            secret.expose(),
            "a long random text",
            "what was read stays until the settings are read again"
        );
    }
}
