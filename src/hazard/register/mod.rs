//! The open records, the numbers given out, and where a step goes.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::lifecycle::{HazardError, Step, WakeUp, apply, next_wake_up};
use super::opening::{Draft, Signal};
use super::record::{ChangeKind, Evidence, Hazard, HazardChange, Status};
use crate::alarm::{Event, Transition};
use crate::people::Actor;
use crate::plant::Micros;

/// All records that are not closed, and the numbers given out today. Closed ones whose evidence is
/// still pending stay until it is sealed.
#[derive(Debug, Clone, Default)]
pub struct Register {
    records: Vec<Hazard>,
    /// Highest number given out, by local date `20261124`. A clock set back comes to a day again.
    counters: BTreeMap<String, u32>,
}

impl Register {
    /// Takes up where the ledger stands.
    #[must_use]
    pub fn restore(records: Vec<Hazard>) -> Self {
        Self { records, counters: BTreeMap::new() }
    }

    /// Records that have to be looked at again by themselves, and when.
    pub fn wake_ups(&self) -> impl Iterator<Item = (&Hazard, WakeUp)> {
        self.records.iter().filter_map(|record| Some((record, next_wake_up(record)?)))
    }

    /// The record with this id, unless it is closed and its evidence sealed.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<&Hazard> {
        self.records.iter().find(|h| h.id == id)
    }

    /// The open record of an equipment's rule.
    #[must_use]
    pub fn open_for(&self, equipment: &str, rule: &str) -> Option<&Hazard> {
        self.records.iter().find(|h| {
            h.status != Status::Closed && h.rule() == Some(rule) && h.equipment.as_deref() == Some(equipment)
        })
    }

    /// Follows an alarm: one that people are called to opens the record `draft`; each further breach counts on the open
    /// one. `given_out` gives the highest number of that local day in the ledger; asked once a day and process.
    ///
    /// The promotion rules of the domain reference 5.3 (repeats, response time exceeded, trip that
    /// did not act …) will stand here: they turn alarms of unmarked rules into hazards.
    pub fn on_alarm(
        &mut self,
        t: &Transition,
        draft: Draft,
        new_id: impl FnOnce() -> Uuid,
        day: (&str, impl FnOnce() -> u32),
    ) -> Option<HazardChange> {
        let signal = Signal::by(t);
        let open = self.open_like(&draft).and_then(|at| self.records[at].alarm());
        if let Some(open) = open {
            let known = t.raised_at.is_some() && t.raised_at == open.breach_at;
            let shown_only = open.breach_at.is_none() && t.event != Event::Raised;
            if signal == Signal::Nothing || known || shown_only {
                return None;
            }
        } else if signal != Signal::Annunciates {
            return None;
        }
        Some(self.find(draft, new_id, day))
    }

    /// Something was found: opens the record, or counts it on the open one with the same merge key.
    pub fn find(
        &mut self,
        draft: Draft,
        new_id: impl FnOnce() -> Uuid,
        (day, given_out): (&str, impl FnOnce() -> u32),
    ) -> HazardChange {
        let at = draft.found_at;
        if let Some(open) = self.open_like(&draft) {
            let breach_at = draft.origin.alarm().and_then(|alarm| alarm.breach_at);
            let again = apply(&self.records[open], &Step::FindAgain { breach_at }, &Actor::system(), at);
            if let Ok(change) = again {
                self.records[open] = change.hazard.clone();
                return change;
            }
        }
        let counter = self.counters.entry(day.to_owned()).or_insert_with(given_out);
        *counter += 1;
        let hazard = draft.open(new_id(), format!("YH-{day}-{counter:02}"));
        self.records.push(hazard.clone());
        HazardChange { hazard, kind: ChangeKind::Opened, at }
    }

    /// Does `step` to the record with this id, in the name of `actor`: see [`apply`].
    ///
    /// # Errors
    /// [`HazardError`]; nothing has changed then.
    pub fn apply(
        &mut self,
        id: Uuid,
        step: &Step<'_>,
        actor: &Actor,
        now: Micros,
    ) -> Result<HazardChange, HazardError> {
        let record = self.records.iter_mut().find(|h| h.id == id).ok_or(HazardError::Unknown)?;
        let change = apply(record, step, actor, now)?;
        record.clone_from(&change.hazard);
        self.records.retain(|h| h.status != Status::Closed || h.evidence == Evidence::Pending);
        Ok(change)
    }

    fn open_like(&self, draft: &Draft) -> Option<usize> {
        let same = |h: &Hazard| {
            h.status != Status::Closed
                && h.equipment == draft.equipment
                && h.origin.merges_with(&draft.origin)
        };
        self.records.iter().position(same)
    }
}

#[cfg(test)]
mod tests;
