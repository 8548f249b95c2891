//! The alarm figures of a span, from the transitions that the ledger keeps.

use super::{LedgerReader, StoreError, TransitionRow};
use crate::plant::{Micros, Plant};
use crate::watch::figures::{Figures, Happening, What, figures};
use crate::watch::priorities;

impl LedgerReader {
    /// How well the alarm system did between two times. Priorities are those of `plant`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn figures(&self, (from, to): (Micros, Micros), plant: &Plant) -> Result<Figures, StoreError> {
        let priorities = priorities(plant);
        let rows = self.transitions_between(from, to)?;
        let happening = |row: TransitionRow| {
            let what = what(&row)?;
            Some(Happening { at: row.at, priority: priorities.get(&row.rule).copied(), rule: row.rule, what })
        };
        let mut happenings: Vec<Happening> = rows.into_iter().filter_map(happening).collect();
        // A clock that was set back writes them out of order.
        happenings.sort_by_key(|h| h.at);
        Ok(figures(&happenings, from, to))
    }
}

fn what(row: &TransitionRow) -> Option<What> {
    let calls = row.after == "unacknowledged"
        && !matches!(row.event.as_str(), "repeated")
        && !matches!(row.before.as_str(), "acknowledged" | "unacknowledged");
    match row.event.as_str() {
        "raised" => Some(What::Raised(calls)),
        "cleared" => Some(What::Cleared),
        "acknowledged" => Some(What::Acknowledged),
        _ if calls => Some(What::Called),
        _ => None,
    }
}
