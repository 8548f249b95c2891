//! TextTable that devices deliver (a serial number, a product code) as numbers, so that a reading stays
//! a reading: each distinct text has its number for the life of the store.
//!
//! The places are limited, and a point whose text changes all the time (a clock as a text, noise on the line) must not
//! take those of the others: each has a share, and the last places are kept for points that need few.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// More distinct texts than this are refused: what changes all the time is no name.
pub const MOST_TEXTS: usize = 10_000;
/// One point may add so many of them between two starts.
pub const MOST_OF_A_POINT: usize = 1_000;
/// So many of the places are kept for points with no more than `FEW` texts of their own.
const KEPT: usize = 2_000;
const FEW: usize = 20;

/// Why a text has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// The point has used up its share.
    #[error(
        "more than {MOST_OF_A_POINT} different texts since the start: what changes all the time is not kept as a text; read it as a number, or leave the point out"
    )]
    OfPoint,
    /// All places are taken, or those left are kept for points with few texts.
    #[error(
        "no place for another text: the store keeps {MOST_TEXTS}, the last {KEPT} for points with few texts; read it as a number, or leave the point out"
    )]
    OfAll,
}

#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
    /// By point: how many it has added since the start.
    added: HashMap<String, usize>,
}

/// The texts of one gateway. Cheap to clone; all clones share what is known.
#[derive(Debug, Clone, Default)]
pub struct TextTable(Arc<RwLock<Known>>);

impl TextTable {
    /// The number of `text` as a reading's value; `point` names the point it is read at, and is asked for a text that
    /// is not known yet.
    ///
    /// # Errors
    /// [`TooMany`]: there is no place for it, and until the next start none for any other new text of the point:
    /// [`TextTable::known`] is enough from then on.
    pub fn number(&self, text: &str, point: impl FnOnce() -> String) -> Result<f64, TooMany> {
        if let Some(n) = self.known(text) {
            return Ok(n);
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Another one may have come first.
        if let Some(n) = known.numbers.get(text) {
            return Ok(f64::from(*n));
        }
        let taken = known.texts.len();
        let added = known.added.entry(point()).or_default();
        if *added >= MOST_OF_A_POINT {
            return Err(TooMany::OfPoint);
        }
        if taken >= MOST_TEXTS || (taken >= MOST_TEXTS - KEPT && *added >= FEW) {
            return Err(TooMany::OfAll);
        }
        *added += 1;
        known.numbers.insert(text.to_owned(), taken as u32);
        known.texts.push(text.to_owned());
        Ok(taken as f64)
    }

    /// The number of `text`, if it has one already.
    #[must_use]
    pub fn known(&self, text: &str) -> Option<f64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).numbers.get(text).map(|n| f64::from(*n))
    }

    /// What the store has kept, in the order of the numbers; to be called before anything is read.
    pub fn restore(&self, texts: Vec<String>) {
        let numbers = texts.iter().cloned().zip(0u32..).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Known { numbers, texts, added: HashMap::new() };
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
    use super::{FEW, KEPT, MOST_OF_A_POINT, MOST_TEXTS, TextTable, TooMany};

    fn read(texts: &TextTable, point: &str, text: &str) -> Result<f64, TooMany> {
        texts.number(text, || point.to_owned())
    }

    #[test]
    fn a_text_keeps_its_number_whoever_reads_it() {
        let texts = TextTable::default();
        let shared = texts.clone();
        assert_eq!(read(&shared, "a", "A"), read(&texts, "b", "A"));
        let b = read(&texts, "a", "B").unwrap();
        assert_eq!(texts.get(b).as_deref(), Some("B"));
        assert_eq!(texts.since(1), [(1, "B".to_owned())]);
    }

    #[test]
    fn a_point_whose_text_changes_all_the_time_takes_its_own_share_and_no_more() {
        let texts = TextTable::default();
        let noise = |n: usize| read(&texts, "noisy", &format!("noise {n}"));
        assert!((0..MOST_OF_A_POINT).all(|n| noise(n) == Ok(n as f64)));
        assert_eq!(noise(MOST_OF_A_POINT), Err(TooMany::OfPoint));
        assert_eq!(noise(7), Ok(7.0), "what has a number keeps it");
        assert_eq!(read(&texts, "name", "SZS10"), Ok(MOST_OF_A_POINT as f64), "the others have room");
    }

    #[test]
    fn the_last_places_are_kept_for_points_with_few_texts_and_none_is_taken_twice() {
        let texts = TextTable::default();
        for point in 0..20 {
            for n in 0..MOST_OF_A_POINT {
                let _ = read(&texts, &format!("noisy {point}"), &format!("{point} {n}"));
            }
        }
        // Those that came late have got their few.
        let late = 12 * FEW;
        assert_eq!(texts.since(0).len(), MOST_TEXTS - KEPT + late);
        assert_eq!(read(&texts, "noisy 0", "more"), Err(TooMany::OfPoint));
        assert_eq!(read(&texts, "noisy 19", "more"), Err(TooMany::OfAll));
        assert!(read(&texts, "name", "SZS10").is_ok());
        // A start does not empty the table: what is full stays so for who needs many.
        let again = TextTable::default();
        again.restore(texts.since(0).into_iter().map(|t| t.1).collect());
        assert!((0..FEW).all(|n| read(&again, "noisy 0", &format!("new {n}")).is_ok()));
        assert_eq!(read(&again, "noisy 0", "one more"), Err(TooMany::OfAll));
        assert!(read(&again, "name", "SZS11").is_ok());
        for point in 0..KEPT {
            let _ = read(&again, &format!("p{point}"), &format!("t{point}"));
        }
        assert_eq!(again.since(0).len(), MOST_TEXTS);
        assert_eq!(read(&again, "the last", "no place"), Err(TooMany::OfAll));
    }
}
