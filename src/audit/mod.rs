//! The audit trail: entries chained by SHA-256, so that no edit, removal, insertion or reordering
//! goes unseen (promise P11). What the chain alone cannot show is a trail cut off at its end:
//! compare the last hash with one noted elsewhere.

use sha2::{Digest, Sha256};

use crate::people::Actor;
use crate::plant::Micros;

/// The hash before the first entry.
const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What an entry with a whole actor begins with; no entry of the first form does, whose first eight bytes are its number.
const FORM: [u8; 9] = *b"actor-v2\0";

/// One entry: who did what to what, when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: u64,
    /// Wall clock.
    pub at: Micros,
    /// A person, or the gateway itself.
    pub who: Actor,
    /// `alarm-acknowledged`, `hazard-opened` …
    pub what: String,
    /// Rule key, hazard id …
    pub subject: String,
    /// JSON.
    pub detail: String,
    /// Hash of the entry before, hex.
    pub prev_hash: String,
    /// Hash of this entry, hex.
    pub hash: String,
}

/// An unbroken chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many.
    pub entries: u64,
    /// Hash of the last one.
    pub last_hash: String,
}

/// Where the chain breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry is missing, moved or inserted.
    #[error("entry {expected} is missing, moved or inserted: found number {found} in its place")]
    Order {
        /// What should stand here.
        expected: u64,
        /// What does.
        found: u64,
    },
    /// The link to the entry before is wrong.
    #[error("entry {0} does not follow from the entry before it")]
    Link(u64),
    /// The entry's own words changed.
    #[error("entry {0} was changed after it was written")]
    Content(u64),
}

/// The entry that follows `previous`.
#[must_use]
pub fn chain(
    previous: Option<&Entry>,
    at: Micros,
    who: &Actor,
    what: &str,
    subject: &str,
    detail: &str,
) -> Entry {
    let mut entry = Entry {
        seq: previous.map_or(1, |p| p.seq + 1),
        at,
        who: who.clone(),
        what: what.to_owned(),
        subject: subject.to_owned(),
        detail: detail.to_owned(),
        prev_hash: previous.map_or_else(|| ORIGIN.to_owned(), |p| p.hash.clone()),
        hash: String::new(),
    };
    entry.hash = hash(&entry);
    entry
}

/// Walks the chain from its beginning.
///
/// # Errors
/// [`Broken`] names the first entry that does not fit.
pub fn verify<'a>(entries: impl Iterator<Item = &'a Entry>) -> Result<Summary, Broken> {
    let mut summary = Summary { entries: 0, last_hash: ORIGIN.to_owned() };
    for entry in entries {
        let expected = summary.entries + 1;
        if entry.seq != expected {
            return Err(Broken::Order { expected, found: entry.seq });
        }
        if entry.prev_hash != summary.last_hash {
            return Err(Broken::Link(entry.seq));
        }
        if entry.hash != hash(entry) {
            return Err(Broken::Content(entry.seq));
        }
        summary = Summary { entries: expected, last_hash: entry.hash.clone() };
    }
    Ok(summary)
}

/// Every field with its length before it, so that no two entries share an encoding. Entries of versions that kept
/// only the actor's name are hashed as those versions did; any other entry begins with the number of its form.
fn hash(entry: &Entry) -> String {
    let mut digest = Sha256::new();
    let who = &entry.who;
    // An id or a role beside a way that is unrecorded was never written so: it must not pass for the old form.
    let whole = *who != Actor::unrecorded(who.name.as_str());
    if whole {
        digest.update(FORM);
    }
    digest.update(entry.seq.to_le_bytes());
    digest.update(entry.at.0.to_le_bytes());
    let mut field = |field: &str| {
        digest.update((field.len() as u64).to_le_bytes());
        digest.update(field.as_bytes());
    };
    field(&who.name);
    if whole {
        [&who.id, who.role.as_str(), who.via.as_str()].into_iter().for_each(&mut field);
    }
    [&entry.what, &entry.subject, &entry.detail, &entry.prev_hash].into_iter().for_each(|text| field(text));
    digest.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Broken, Entry, chain, verify};
    use crate::people::{Actor, Via};
    use crate::plant::Micros;

    /// Computed apart from this code, by the first form's rule: SHA-256 over number, time, then each text after its length.
    const HASH_OF_THE_FIRST_FORM: &str = "a60e5053cdd20c9bc04565470bd1c687a15552ba9452e543b8b193daaf7478dd";

    fn trail(n: i64) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for at in 0..n {
            let next = chain(
                entries.last(),
                Micros(at),
                &Actor::person("赵海", Via::OpenConsole),
                "alarm-acknowledged",
                "b/l.ll",
                "{}",
            );
            entries.push(next);
        }
        entries
    }

    #[test]
    fn a_removed_or_swapped_entry_is_found() {
        assert_eq!(verify(trail(5).iter()).unwrap().entries, 5);
        let mut cut = trail(5);
        cut.remove(2);
        assert_eq!(verify(cut.iter()), Err(Broken::Order { expected: 3, found: 4 }));
        let mut swapped = trail(5);
        swapped.swap(1, 2);
        assert!(verify(swapped.iter()).is_err());
    }

    proptest! {
        #[test]
        fn any_changed_word_is_found(at in 0usize..6, field in 0usize..9, extra in "[a-z]{1,4}") {
            let mut entries = trail(6);
            let entry = &mut entries[at];
            match field {
                0 => entry.who.name.push_str(&extra),
                1 => entry.what.push_str(&extra),
                2 => entry.subject.push_str(&extra),
                3 => entry.detail.push_str(&extra),
                4 => entry.who.id.push_str(&extra),
                5 => entry.who.role = crate::people::Role::System,
                6 => entry.who.via = Via::ConsoleToken,
                7 => entry.at = Micros(entry.at.0 + 1),
                _ => entry.hash = extra,
            }
            prop_assert!(verify(entries.iter()).is_err());
        }
    }

    #[test]
    fn an_entry_of_which_only_the_name_was_kept_is_hashed_as_it_was_then_and_passes_for_no_other() {
        let mut old =
            chain(None, Micros(5), &Actor::unrecorded("赵海"), "alarm-acknowledged", "b/l.ll", "{}");
        assert_eq!(old.hash, HASH_OF_THE_FIRST_FORM);
        let next = chain(Some(&old), Micros(6), &Actor::system(), "started", "gateway", "{}");
        assert_eq!(verify([&old, &next].into_iter()).unwrap().entries, 2);
        let person = Actor::person("赵海", Via::ConsoleToken);
        let nobody = Actor::unrecorded("赵海");
        let named = Actor { id: "boss".to_owned(), ..nobody.clone() };
        let promoted = Actor { role: crate::people::Role::System, ..nobody };
        for other in [person, named, promoted] {
            old.who = other;
            assert_eq!(verify([&old, &next].into_iter()), Err(Broken::Content(1)), "{:?}", old.who);
        }
    }
}
