//! What lies between two profiles: points added, removed, changed key by key.

use std::collections::HashMap;
use std::fmt;

use super::document::{Point, Profile};
use super::keys::rank;
use super::value::{Keys, Val};

/// One key that differs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Changed {
    /// The key.
    pub key: String,
    /// Before; none if it was not there.
    pub old: Option<Val>,
    /// After; none if it is gone.
    pub new: Option<Val>,
}

/// The difference of two profiles.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Diff {
    /// Keys of the head.
    pub head: Vec<Changed>,
    /// Points that are new, with their keys.
    pub added: Vec<(String, Keys)>,
    /// Points that are gone.
    pub removed: Vec<String>,
    /// Points that differ.
    pub changed: Vec<(String, Vec<Changed>)>,
    /// How many points are the same.
    pub same: usize,
}

impl Diff {
    /// From `old` to `new`.
    #[must_use]
    pub fn between(old: &Profile, new: &Profile) -> Self {
        // The first of an id, should a file have it twice.
        fn by_id(p: &Profile) -> HashMap<&str, &Point> {
            p.points.iter().rev().map(|point| (point.id.as_str(), point)).collect()
        }
        let (before, after) = (by_id(old), by_id(new));
        let mut diff = Self { head: keys(&old.head, &new.head), ..Self::default() };
        for point in &new.points {
            match before.get(point.id.as_str()) {
                None => diff.added.push((point.id.clone(), point.keys.clone())),
                Some(was) => match keys(&was.keys, &point.keys) {
                    none if none.is_empty() => diff.same += 1,
                    changed => diff.changed.push((point.id.clone(), changed)),
                },
            }
        }
        let gone = old.points.iter().filter(|p| !after.contains_key(p.id.as_str()));
        diff.removed = gone.map(|p| p.id.clone()).collect();
        diff
    }

    /// Nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

fn keys(old: &Keys, new: &Keys) -> Vec<Changed> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_by_key(|k| rank(k));
    names.dedup();
    names
        .into_iter()
        .filter(|k| old.get(*k) != new.get(*k))
        .map(|k| Changed { key: k.clone(), old: old.get(k).cloned(), new: new.get(k).cloned() })
        .collect()
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{}: {old} → {new}", self.key),
            (None, Some(new)) => write!(f, "{}: {new}, was not there", self.key),
            (Some(old), None) => write!(f, "{}: gone, was {old}", self.key),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for changed in &self.head {
            writeln!(f, "  {changed}")?;
        }
        for (id, keys) in &self.added {
            let mut names: Vec<&String> = keys.keys().collect();
            names.sort_by_key(|k| rank(k));
            let words: Vec<String> = names.iter().map(|k| format!("{k} = {}", keys[*k])).collect();
            writeln!(f, "+ {id}: {}", words.join(", "))?;
        }
        for id in &self.removed {
            writeln!(f, "- {id}")?;
        }
        for (id, changed) in &self.changed {
            writeln!(f, "~ {id}")?;
            for one in changed {
                writeln!(f, "    {one}")?;
            }
        }
        write!(
            f,
            "{} added, {} removed, {} changed, {} as before",
            self.added.len(),
            self.removed.len(),
            self.changed.len(),
            self.same
        )
    }
}
