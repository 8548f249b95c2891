//! The two commits: the ledger, then the journal, then everybody who waited for them is told.
//!
//! Promises: on failure everything keeps waiting; nothing is acknowledged, answered or shown as done
//! before it is on the disk. Called by the keeper's loop.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{error, info};

use super::Keeper;
use crate::clock::wall_now;
use crate::hazard::{Entry, HazardChange};
use crate::store::{DeadLetter, Loss, StoreError};
use crate::watch::{Precursor, RuleIx, Saved, Transition};

/// While commits fail, older precursors give way.
const MOST_WAITING: usize = 10_000;
const RETRY_COMMIT: Duration = Duration::from_millis(500);

/// What waits for the next ledger commit.
#[derive(Default)]
pub(super) struct ForLedger {
    pub(super) transitions: Vec<Transition>,
    pub(super) hazards: Vec<(HazardChange, serde_json::Value)>,
    pub(super) evidence: Vec<(String, String, Vec<u8>)>,
    /// By rule key: while commits fail, only the newest of each rule waits.
    pub(super) saved: BTreeMap<String, Saved>,
    pub(super) audit: Vec<Entry>,
    pub(super) deliveries: Vec<(String, i64, &'static str, String)>,
    pub(super) dead: Vec<DeadLetter>,
    pub(super) losses: Vec<Loss>,
    /// Shares a commit with the readings, and makes none of its own.
    pub(super) precursors: Vec<Precursor>,
}

impl ForLedger {
    pub(super) fn is_empty(&self) -> bool {
        self.transitions.is_empty()
            && self.hazards.is_empty()
            && self.evidence.is_empty()
            && self.audit.is_empty()
            && self.deliveries.is_empty()
            && self.dead.is_empty()
            && self.losses.is_empty()
    }
}

impl Keeper {
    /// Commits, or tells once that it cannot and tries again a little later.
    pub(super) fn try_commit(&mut self, at: Instant) {
        let Err(e) = self.commit() else {
            if self.retry_at.take().is_some() {
                self.counters.store_failing.store(0, Ordering::Relaxed);
                info!("commits work again");
            }
            return;
        };
        if e.is_damage() {
            crate::gateway::end_of_store(&self.store.dir, &e);
        }
        self.counters.commit_failures.fetch_add(1, Ordering::Relaxed);
        self.counters.store_failing.store(1, Ordering::Relaxed);
        // Not on the disk, but a person must see it: the page tells that the store fails.
        let waiting: Vec<RuleIx> = self.for_ledger.transitions.iter().map(|t| t.rule).collect();
        for rule in waiting {
            self.show_alarm(rule);
        }
        if self.retry_at.is_none() {
            error!("cannot commit, readings wait in memory and sources are held back: {e}");
        }
        self.retry_at = Some(at + RETRY_COMMIT);
    }

    /// Puts everything that waits on the disk, ledger first; on failure it keeps waiting.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        let began = Instant::now();
        let now = wall_now();
        let saved = self.engine.snapshot_changed(self.now());
        self.for_ledger.saved.extend(saved.into_iter().map(|s| (s.key.clone(), s)));
        self.for_ledger.precursors.extend(self.engine.take_precursors());
        let precursors = self.for_ledger.precursors.len();
        self.for_ledger.precursors.drain(..precursors.saturating_sub(MOST_WAITING));
        let work = &self.for_ledger;
        if !work.is_empty() || !work.saved.is_empty() || !work.precursors.is_empty() {
            let (work, rules) = (&self.for_ledger, self.engine.rules());
            self.ledger.write(|tx| {
                for saved in work.saved.values() {
                    tx.put_alarm(saved)?;
                }
                for t in &work.transitions {
                    tx.add_transition(&rules[t.rule.0 as usize].key, t)?;
                }
                for (change, event) in &work.hazards {
                    tx.put_hazard(change, event)?;
                }
                for (hazard, sha256, body) in &work.evidence {
                    tx.put_evidence(hazard, sha256, body)?;
                }
                for entry in &work.audit {
                    tx.add_audit(entry)?;
                }
                for (outlet, seq, state, detail) in &work.deliveries {
                    tx.put_delivery(outlet, *seq, state, now, detail)?;
                }
                for letter in &work.dead {
                    tx.add_dead_letter(letter, now)?;
                }
                if !work.dead.is_empty() {
                    tx.trim_dead_letters()?;
                }
                for precursor in &work.precursors {
                    tx.add_precursor(&rules[precursor.rule.0 as usize].key, precursor)?;
                }
                for loss in &work.losses {
                    tx.add_loss(loss, "disk budget", now)?;
                }
                Ok(())
            })?;
            let done = std::mem::take(&mut self.for_ledger);
            let touched: Vec<RuleIx> = done.transitions.iter().map(|t| t.rule).collect();
            for rule in touched {
                self.show_alarm(rule);
            }
            for (change, _) in &done.hazards {
                self.live.hazard_changed(change.hazard.id.to_string());
            }
            if !done.hazards.is_empty() || !done.deliveries.is_empty() {
                self.changed.send_modify(|n| *n += 1);
            }
            for done in self.noted.drain(..) {
                let _ = done.send(());
            }
        }
        let seq = self.journal.commit(&self.batch, &self.cursors, now)?;
        let (readings, samples) = (self.batch.readings_len() as u64, self.batch.samples().count() as u64);
        self.batch.clear();
        self.cursors.clear();
        self.since = None;
        if !self.acks.is_empty() {
            (self.ack)(std::mem::take(&mut self.acks));
        }
        for pusher in self.pushers.drain(..) {
            // One that has gone away meanwhile will send it again.
            let _ = pusher.send(());
        }
        for (reply, outcome) in self.replies.drain(..) {
            let _ = reply.send(outcome);
        }
        if let Some(seq) = seq {
            self.committed.send_replace(seq);
        }
        let c = &self.counters;
        c.readings.fetch_add(readings, Ordering::Relaxed);
        c.samples.fetch_add(samples, Ordering::Relaxed);
        c.commits.fetch_add(1, Ordering::Relaxed);
        c.last_commit_micros.store(began.elapsed().as_micros() as u64, Ordering::Relaxed);
        Ok(())
    }
}
