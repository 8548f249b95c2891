//! The alarm figures of a span, from what the ledger keeps.

use std::collections::HashMap;
use std::sync::Arc;

use super::ledger::{calls, is_active};
use super::{LedgerReader, StoreError};
use crate::alarm::figures::{Figures, Happening, Past, Standing, What, figures};
use crate::alarm::priorities;
use crate::plant::{Micros, Plant, Priority};

/// Transitions that are looked at, the newest: some 60 MB.
const MOST: usize = 1_000_000;

impl LedgerReader {
    /// How well the alarm system did between two times. Priorities are those of `plant`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn figures(&self, (from, to): (Micros, Micros), plant: &Plant) -> Result<Figures, StoreError> {
        let priorities = priorities(plant);
        let happenings = self.happenings((from, to), &priorities)?;
        // What flaps each second for weeks is told of its newest part: the figures say since when.
        let from = if happenings.len() < MOST { from } else { happenings.first().map_or(from, |h| h.at) };
        let past = Past {
            standing: self.standing(from, &priorities)?,
            happenings,
            hazards: self.hazards_found(from, to)?.into_iter().map(|h| h.level).collect(),
            precursors: self.precursors_between(from, to)?,
        };
        Ok(figures(&past, from, to))
    }

    /// The newest of the span, by time; at most [`MOST`].
    fn happenings(
        &self,
        span: (Micros, Micros),
        priorities: &HashMap<String, Priority>,
    ) -> Result<Vec<Happening>, StoreError> {
        let mut names: HashMap<String, Arc<str>> = HashMap::new();
        let mut all = self.transition_words(span, MOST, |at, [rule, event, before, after]| {
            let name = match names.get(rule) {
                Some(known) => Arc::clone(known),
                None => Arc::clone(names.entry(rule.to_owned()).or_insert_with(|| rule.into())),
            };
            Happening {
                at,
                priority: priorities.get(rule).copied(),
                what: what(event, calls(event, before, after)),
                stands: is_active(after),
                rule: name,
            }
        })?;
        all.reverse();
        // A clock that was set back writes them out of order.
        all.sort_by_key(|h| h.at);
        Ok(all)
    }

    /// What people saw standing just before `at`. Rules that are no longer in the settings stand no more.
    fn standing(
        &self,
        at: Micros,
        priorities: &HashMap<String, Priority>,
    ) -> Result<Vec<Standing>, StoreError> {
        let mut standing = Vec::new();
        for (rule, priority) in priorities {
            if let Some(since) = self.stood_since(rule, at)? {
                standing.push(Standing { rule: rule.clone(), priority: Some(*priority), since });
            }
        }
        Ok(standing)
    }
}

fn what(event: &str, calls: bool) -> What {
    match event {
        "raised" => What::Raised(calls),
        "cleared" => What::Cleared,
        "acknowledged" => What::Acknowledged,
        _ if calls => What::Called,
        _ => What::Moved,
    }
}
