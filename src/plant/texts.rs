//! TextTable that devices deliver (a serial number, a product code) as numbers, so that a reading stays
//! a reading: each distinct text has its number for the life of the store.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Cause, Quality};

/// More distinct texts than this are refused: what changes all the time is no name.
pub const MOST_TEXTS: usize = 10_000;

#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

/// The texts of one gateway. Cheap to clone; all clones share what is known.
#[derive(Debug, Clone, Default)]
pub struct TextTable(Arc<RwLock<Known>>);

impl TextTable {
    /// The number of `text` as a reading's value; bad when there are too many texts already.
    #[must_use]
    pub fn reading(&self, text: &str) -> (f64, Quality) {
        if let Some(n) = self.0.read().unwrap_or_else(PoisonError::into_inner).numbers.get(text) {
            return (f64::from(*n), Quality::Good);
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.texts.len() >= MOST_TEXTS {
            return (f64::NAN, Quality::Bad(Cause::Unreadable));
        }
        let n = known.texts.len() as u32;
        let n = *known.numbers.entry(text.to_owned()).or_insert(n);
        if n as usize == known.texts.len() {
            known.texts.push(text.to_owned());
        }
        (f64::from(n), Quality::Good)
    }

    /// What the store has kept, in the order of the numbers; to be called before anything is read.
    pub fn restore(&self, texts: Vec<String>) {
        let numbers = texts.iter().cloned().zip(0u32..).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known { numbers, texts };
    }

    /// The texts from number `from` on, with their numbers.
    #[must_use]
    pub fn since(&self, from: usize) -> Vec<(usize, String)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.texts.iter().cloned().enumerate().skip(from).collect()
    }

    /// The text with this number.
    #[must_use]
    pub fn get(&self, value: f64) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (value >= 0.0).then(|| known.texts.get(value as usize).cloned()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_TEXTS, TextTable};

    #[test]
    fn a_text_keeps_its_number_and_too_many_are_refused() {
        let texts = TextTable::default();
        let shared = texts.clone();
        assert_eq!(shared.reading("A").0, texts.reading("A").0);
        assert_eq!(texts.get(texts.reading("B").0).as_deref(), Some("B"));
        for n in 0..MOST_TEXTS {
            let _ = texts.reading(&n.to_string());
        }
        assert!(!texts.reading("one more").1.is_usable());
        assert!(texts.reading("A").1.is_usable());
    }
}
