//! What the keeper hands to the writer, and what it hears from it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::Outcome;
use super::waiting::Block;
use crate::alarm::{MemoryOf, Precursor, StoredAlarm, StoredMemory, Transition};
use crate::field::Ack;
use crate::hazard::{HazardChange, cloud_event};
use crate::live::StoreView;
use crate::plant::Micros;
use crate::store::{Damaged, DeadLetter, LedgerTx, Loss, Note, StoreError, Uptime};

/// While commits fail, older precursors and transitions give way.
const MOST_PRECURSORS: usize = 10_000;
const MOST_TRANSITIONS: usize = 200_000;

/// What waits for the next ledger commit. Rules stand in it by their keys: settings may change meanwhile.
#[derive(Default)]
pub(super) struct ForLedger {
    pub(super) transitions: Vec<(Box<str>, Transition)>,
    pub(super) hazards: Vec<(HazardChange, serde_json::Value)>,
    /// Hazard, and how far the wall clock had been set ahead when it was found.
    pub(super) windows: Vec<(Uuid, i64)>,
    pub(super) evidence: Vec<(String, String, Vec<u8>)>,
    /// By rule key: while commits fail, only the newest of each rule waits.
    pub(super) alarms: BTreeMap<String, StoredAlarm>,
    /// The newest of each, as with the alarms.
    pub(super) memories: BTreeMap<(MemoryOf, String), StoredMemory>,
    pub(super) notes: Vec<Note>,
    pub(super) deliveries: Vec<(String, i64, &'static str, String)>,
    pub(super) dead: Vec<DeadLetter>,
    /// With the reason.
    pub(super) losses: Vec<(Loss, &'static str)>,
    /// Of damaged parts of the journal, each with its own reason; met again and again, noted once.
    pub(super) unread: Vec<(Loss, String)>,
    /// Shares a commit with the readings, and makes none of its own.
    pub(super) precursors: Vec<(Box<str>, Precursor)>,
}

impl ForLedger {
    /// Nothing in it asks for a commit of its own.
    pub(super) fn can_wait(&self) -> bool {
        self.transitions.is_empty()
            && self.hazards.is_empty()
            && self.evidence.is_empty()
            && self.notes.is_empty()
            && self.deliveries.is_empty()
            && self.dead.is_empty()
            && self.losses.is_empty()
            && self.unread.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.can_wait()
            && self.alarms.is_empty()
            && self.memories.is_empty()
            && self.precursors.is_empty()
            && self.windows.is_empty()
    }

    /// Takes alarm states; the newest of each rule counts.
    pub(super) fn alarms(&mut self, alarms: impl IntoIterator<Item = StoredAlarm>) {
        self.alarms.extend(alarms.into_iter().map(|alarm| (alarm.key.clone(), alarm)));
    }

    /// Takes what the engine remembers; the newest of each counts.
    pub(super) fn memories(&mut self, memories: impl IntoIterator<Item = StoredMemory>) {
        self.memories.extend(memories.into_iter().map(|one| ((one.of, one.name.clone()), one)));
    }

    /// Puts what could not be written before what came meanwhile.
    pub(super) fn put_back(&mut self, mut before: Self) {
        fn join<T>(before: Vec<T>, after: &mut Vec<T>) {
            let later = std::mem::replace(after, before);
            after.extend(later);
        }
        join(before.transitions, &mut self.transitions);
        join(before.hazards, &mut self.hazards);
        join(before.windows, &mut self.windows);
        join(before.evidence, &mut self.evidence);
        join(before.notes, &mut self.notes);
        join(before.deliveries, &mut self.deliveries);
        join(before.dead, &mut self.dead);
        join(before.losses, &mut self.losses);
        join(before.unread, &mut self.unread);
        join(before.precursors, &mut self.precursors);
        before.alarms.append(&mut self.alarms);
        self.alarms = before.alarms;
        before.memories.append(&mut self.memories);
        self.memories = before.memories;
        let many = self.precursors.len().saturating_sub(MOST_PRECURSORS);
        self.precursors.drain(..many);
        let many = self.transitions.len().saturating_sub(MOST_TRANSITIONS);
        self.transitions.drain(..many);
    }

    /// Writes all of it.
    pub(super) fn put(
        &self,
        tx: &LedgerTx<'_>,
        journal: Option<&str>,
        now: Micros,
    ) -> Result<(), StoreError> {
        for alarm in self.alarms.values() {
            tx.put_alarm(alarm)?;
        }
        for memory in self.memories.values() {
            tx.put_memory(memory)?;
        }
        for (rule, t) in &self.transitions {
            tx.add_transition(rule, t)?;
        }
        for (change, event) in &self.hazards {
            tx.put_hazard(change, event)?;
        }
        for (hazard, ahead) in &self.windows {
            if let Some(journal) = journal {
                tx.put_window(&hazard.to_string(), journal, *ahead)?;
            }
        }
        for (hazard, sha256, body) in &self.evidence {
            tx.put_evidence(hazard, sha256, body)?;
        }
        for note in &self.notes {
            tx.note(note)?;
        }
        for (outlet, seq, state, detail) in &self.deliveries {
            tx.put_delivery(outlet, *seq, state, now, detail)?;
        }
        for letter in &self.dead {
            tx.add_dead_letter(letter, now)?;
        }
        if !self.dead.is_empty() {
            tx.trim_dead_letters()?;
        }
        for (rule, precursor) in &self.precursors {
            tx.add_precursor(rule, precursor)?;
        }
        for (loss, reason) in &self.losses {
            tx.add_loss(loss, reason, now)?;
        }
        for (loss, reason) in &self.unread {
            tx.add_loss_once(loss, reason, now)?;
        }
        Ok(())
    }

    pub(super) fn hazard(&mut self, change: HazardChange, site: &str) {
        let event = cloud_event(&change, site);
        self.hazards.push((change, event));
    }
}

/// One commit: what goes in, and who waits for it.
#[derive(Default)]
pub(super) struct Work {
    pub(super) ledger: ForLedger,
    pub(super) blocks: Vec<Block>,
    pub(super) cursors: Vec<(String, i64, u64)>,
    /// Both clocks are to be noted.
    pub(super) uptime: Option<Uptime>,
    /// Outlets whose places tell what is delivered.
    pub(super) outlets: Vec<String>,
    pub(super) acks: Vec<Ack>,
    pub(super) pushers: Vec<oneshot::Sender<()>>,
    pub(super) replies: Vec<(oneshot::Sender<Outcome>, Outcome)>,
    pub(super) noted: Vec<oneshot::Sender<()>>,
}

/// A window of evidence to be read and sealed.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) hazard: Uuid,
    pub(super) equipment: String,
    pub(super) from: Micros,
    pub(super) to: Micros,
    pub(super) ahead: Option<i64>,
}

/// Sealed evidence: its hash, its body, and how many readings.
pub(super) type Sealed = (String, Vec<u8>, u64);

/// What the writer is asked to do, one after the other.
pub(super) enum Job {
    Commit(Box<Work>),
    Trim {
        keep_from: Micros,
        outlets: Vec<String>,
        most: u64,
    },
    Seal(Vec<Window>),
    /// Rows of the ledger that are not what was written.
    SetAside(Vec<Damaged>),
    /// A last word before the end.
    Settle(oneshot::Sender<()>),
}

/// What became of a commit.
pub(super) struct Done {
    pub(super) work: Box<Work>,
    /// What was meant for the ledger is on the disk, there or in the journal.
    pub(super) kept: bool,
    /// It is in the ledger itself, and so is all that waited in the journal.
    pub(super) in_ledger: bool,
    /// The readings are on the disk; the newest chunk, if there were any.
    pub(super) journal: Option<Option<i64>>,
    pub(super) took: Duration,
    /// Bytes in use in the journal, where that can be told.
    pub(super) bytes: Option<u64>,
    pub(super) store: StoreView,
}

/// What the keeper hears.
pub(super) enum News {
    Done(Done),
    Lost(Vec<Loss>),
    Unread(Vec<(Loss, String)>),
    Sealed(Vec<(Uuid, Result<Sealed, StoreError>)>),
    Damaged(Vec<Damaged>),
    /// Something that a person must hear of: a file written anew, a ledger begun anew.
    Told(String),
}
