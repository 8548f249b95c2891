//! What the keeper does now and then: has evidence sealed whose window has passed, keeps the journal in its
//! bounds.

use std::collections::HashMap;
use std::time::Duration;

use tracing::error;
use uuid::Uuid;

use super::Keeper;
use super::work::{Job, Sealed, Window};
use crate::hazard::{Step, WakeUp};
use crate::people::Actor;
use crate::plant::{Micros, Now};
use crate::store::StoreError;

impl Keeper {
    /// Stores what formulas remember with the next commit.
    pub(super) fn keep_memories(&mut self) {
        let memories = self.engine.memories(self.now());
        if !memories.is_empty() {
            self.work.ledger.memories(memories);
            self.waits();
        }
    }

    /// Has the evidence of hazards sealed whose window has passed and whose readings are on the disk. The wait is measured
    /// on the monotonic clock, and the window is read by the turns that the journal has noted: a jump of the wall clock
    /// cuts no window short, also over a restart (P9).
    pub(super) fn seal_evidence(&mut self, now: Now) {
        if self.retry_at.is_some() || self.waiting.is_a_load() {
            return;
        }
        let (after, slack) = (self.window.after, self.store.commit_every * 2);
        let (mut due, mut waiting) = (Vec::new(), HashMap::new());
        for (hazard, WakeUp::SealEvidence { at }) in self.register.wake_ups() {
            if self.sealing.contains(&hazard.id) {
                continue;
            }
            let found = self.found_ahead.get(&hazard.id).copied();
            let set_since = found.map_or(0, |found| self.ahead - found);
            let left = at.0.saturating_add(set_since) - now.wall.0;
            let end = now.mono + Duration::from_micros(u64::try_from(left).unwrap_or(0)).min(after) + slack;
            let end = *self.seal_at.get(&hazard.id).unwrap_or(&end);
            if now.mono >= end {
                due.push(Window {
                    hazard: hazard.id,
                    equipment: hazard.equipment.clone().unwrap_or_default(),
                    from: hazard.evidence_from,
                    to: hazard.evidence_to,
                    ahead: found,
                });
            } else {
                waiting.insert(hazard.id, end);
            }
        }
        self.seal_at = waiting;
        if due.is_empty() {
            return;
        }
        self.sealing.extend(due.iter().map(|w| w.hazard));
        if let Some(jobs) = &self.jobs {
            // Gone means that the gateway stops; it is sealed after the next start.
            let _ = jobs.send(Job::Seal(due));
        }
    }

    /// Takes sealed evidence.
    pub(super) fn sealed(&mut self, sealed: Vec<(Uuid, Result<Sealed, StoreError>)>) {
        let now = self.now();
        for (id, read) in sealed {
            self.sealing.remove(&id);
            match read {
                Ok((sha256, body, readings)) => {
                    let step = Step::Seal { sha256: &sha256, readings };
                    if let Ok(change) = self.register.apply(id, &step, &Actor::system(), now.wall) {
                        self.work.ledger.evidence.push((id.to_string(), sha256, body));
                        self.changed_hazard(change, &Actor::system());
                        self.found_ahead.remove(&id);
                    }
                }
                Err(e) => {
                    error!(hazard = %id, "evidence cannot be read; tried again in a minute: {e}");
                    self.seal_at.insert(id, now.mono + Duration::from_secs(60));
                }
            }
        }
    }

    /// Asks for the journal to be kept in its bounds.
    pub(super) fn trim(&mut self) {
        let job = self.trimming();
        if let Some(jobs) = &self.jobs
            && self.handed.is_none()
        {
            let _ = jobs.send(job);
        }
    }

    /// The wall clock was set: what is read from now on stands behind a turn.
    pub(super) fn turned(&mut self, by: i64) {
        self.ahead = self.ahead.saturating_add(by);
        self.waiting.turned(by);
    }

    /// Remembers how far the clock had been set when a hazard was found.
    pub(super) fn found(&mut self, id: Uuid, at: Micros) {
        tracing::debug!(hazard = %id, at = at.0, ahead = self.ahead, "found");
        self.found_ahead.insert(id, self.ahead);
        self.work.ledger.windows.push((id, self.ahead));
    }
}
