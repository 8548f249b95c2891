//! The alarm figures of a span, from what the ledger keeps.

use std::collections::HashMap;

use super::{LedgerReader, StoreError, TransitionRow};
use crate::plant::{Micros, Plant, Priority};
use crate::watch::figures::{Figures, Happening, Past, Standing, What, figures};
use crate::watch::priorities;

impl LedgerReader {
    /// How well the alarm system did between two times. Priorities are those of `plant`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn figures(&self, (from, to): (Micros, Micros), plant: &Plant) -> Result<Figures, StoreError> {
        let priorities = priorities(plant);
        let past = Past {
            standing: self.standing(from, &priorities)?,
            happenings: self.happenings((from, to), &priorities)?,
            hazards: self.hazards_found(from, to)?.into_iter().map(|h| h.level).collect(),
            precursors: self.precursors_between(from, to)?,
        };
        Ok(figures(&past, from, to))
    }

    fn happenings(
        &self,
        (from, to): (Micros, Micros),
        priorities: &HashMap<String, Priority>,
    ) -> Result<Vec<Happening>, StoreError> {
        let happening = |row: TransitionRow| Happening {
            at: row.at,
            priority: priorities.get(&row.rule).copied(),
            what: what(&row),
            stands: row.stands(),
            rule: row.rule,
        };
        let mut all: Vec<_> = self.transitions_between(from, to)?.into_iter().map(happening).collect();
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

fn what(row: &TransitionRow) -> What {
    let calls = row.calls();
    match row.event.as_str() {
        "raised" => What::Raised(calls),
        "cleared" => What::Cleared,
        "acknowledged" => What::Acknowledged,
        _ if calls => What::Called,
        _ => What::Moved,
    }
}
