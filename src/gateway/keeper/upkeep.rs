//! What the keeper does now and then: seals evidence whose window has passed, keeps the journal in its
//! bounds.

use std::collections::HashMap;
use std::time::Duration;

use tracing::{error, warn};

use super::Keeper;
use crate::plant::Now;
use crate::store::evidence;

const TRIM_STEPS: usize = 64;

impl Keeper {
    /// Stores what formulas remember with the next commit.
    pub(super) fn keep_memories(&mut self) {
        let memories = self.engine.memories(self.now());
        if !memories.is_empty() {
            self.for_ledger.saved.extend(memories.into_iter().map(|s| (s.key.clone(), s)));
            self.waits();
        }
    }

    /// Seals the evidence of hazards whose window has passed and whose readings are on the disk. The
    /// wait is measured on the monotonic clock: a jump of the wall clock cuts no window short (P9).
    pub(super) fn seal_evidence(&mut self, now: Now) {
        let (after, slack) = (self.window.after, self.store.commit_every * 2);
        let mut due = Vec::new();
        let mut waiting = HashMap::new();
        for hazard in self.register.pending_evidence() {
            let left = u64::try_from(hazard.evidence_to.0 - now.wall.0).unwrap_or(0);
            let end = now.mono + Duration::from_micros(left).min(after) + slack;
            let end = *self.seal_at.get(&hazard.id).unwrap_or(&end);
            if now.mono >= end {
                due.push(hazard.id);
            } else {
                waiting.insert(hazard.id, end);
            }
        }
        self.seal_at = waiting;
        for id in due {
            let Some(hazard) = self.register.get(id) else { continue };
            let (equipment, from, to) = (hazard.equipment.clone(), hazard.evidence_from, hazard.evidence_to);
            let series = match evidence::collect(&self.history, &equipment, from, to) {
                Ok(series) => series,
                Err(e) => {
                    error!(hazard = %id, "evidence cannot be read: {e}");
                    continue;
                }
            };
            let readings: usize = series.iter().map(|s| s.samples.len()).sum();
            let (sha256, body) = evidence::seal(&series);
            if let Ok(change) = self.register.seal(id, &sha256, readings as u64, now.wall) {
                self.for_ledger.evidence.push((id.to_string(), sha256, body));
                self.changed_hazard(change, "system");
            }
        }
    }

    pub(super) fn trim(&mut self) {
        let now = self.now();
        let keep_from = self.kept.from(self.store.keep, now);
        // Bounded: what is left over is dropped at the next call.
        for _ in 0..TRIM_STEPS {
            match self.journal.trim(&self.influx_ids, keep_from, self.store.journal_max_bytes) {
                Ok(trimmed) if trimmed.chunks == 0 => return,
                Ok(trimmed) => {
                    for loss in &trimmed.lost {
                        error!(
                            outlet = loss.outlet,
                            readings = loss.readings,
                            "disk budget reached: undelivered readings were dropped, see the loss ledger"
                        );
                    }
                    if !trimmed.lost.is_empty() {
                        self.for_ledger.losses.extend(trimmed.lost);
                        self.waits();
                    }
                }
                Err(e) => {
                    warn!("the journal could not be trimmed: {e}");
                    return;
                }
            }
        }
    }
}
