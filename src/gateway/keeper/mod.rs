//! The keeper: the one task that judges and the one that writes.
//!
//! A cycle gathers what has arrived, feeds it to the engine, lets transitions raise hazards, and
//! commits: first the ledger (alarm states, hazards, audit), then the journal (readings, cursors);
//! only then are messages acknowledged, callers answered and outlets woken. If the power fails
//! between the two commits, an alarm stands whose reading is missing, never the other way round.
//! Transitions, hazards, commands and waiting acknowledgements commit at once; plain telemetry
//! shares a commit for at most `store.commit_every`.
//!
//! `cycle` is the loop, `commit` the two commits, `commands` what people ask for, `show` what the page
//! sees, `upkeep` evidence and trimming, `restore` the start.

mod commands;
mod commit;
mod cycle;
mod restore;
mod show;
mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use commit::ForLedger;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::error;
use uuid::Uuid;

use super::StartError;
use crate::clock::{Kept, Watch, now_since};
use crate::console::{Counters, Live, Refusal, Request};
use crate::field::{Ack, Delivery};
use crate::hazard::{Entry, Register};
use crate::outlet::Report;
use crate::plant::{Batch, Now, Plant};
use crate::settings::{Evidence, Store};
use crate::store::{Journal, JournalReader, Ledger, LedgerReader};
use crate::watch::{Engine, RuleIx};

/// What the keeper is made of.
pub(super) struct Parts {
    pub(super) plant: Arc<Plant>,
    pub(super) store: Store,
    pub(super) evidence: Evidence,
    pub(super) clock: ClockParts,
    pub(super) ledger: Ledger,
    pub(super) journal: Journal,
    pub(super) deliveries: mpsc::Receiver<Delivery>,
    pub(super) reports: mpsc::Receiver<Report>,
    pub(super) commands: mpsc::Receiver<Request>,
    pub(super) plants: mpsc::Receiver<NewPlant>,
    pub(super) committed: watch::Sender<i64>,
    pub(super) changed: watch::Sender<i64>,
    pub(super) live: Live,
    pub(super) counters: Arc<Counters>,
    pub(super) influx_ids: Vec<String>,
    pub(super) ack: Box<dyn Fn(Vec<Ack>) + Send>,
}

/// Changed settings, as far as the keeper goes by them. `plant` keeps the numbers of what it knows.
pub(super) struct NewPlant {
    pub(super) plant: Arc<Plant>,
    pub(super) store: Store,
    pub(super) evidence: Evidence,
    pub(super) influx_ids: Vec<String>,
    /// For the audit trail.
    pub(super) changes: Vec<String>,
    /// Answered when readings of the new points may come.
    pub(super) reply: oneshot::Sender<Result<(), String>>,
}
/// How the clock is to be watched, and where that is shown.
pub(super) type ClockParts = (crate::settings::Clock, crate::clock::Face);

/// The running keeper.
pub(super) struct Handle {
    thread: std::thread::JoinHandle<()>,
    stop: watch::Sender<bool>,
    beat: Arc<AtomicBool>,
}

impl Handle {
    /// Beat since the last call?
    pub(super) fn is_alive(&self) -> bool {
        !self.thread.is_finished() && self.beat.swap(false, Ordering::Relaxed)
    }

    /// Asks it to commit the rest and end once the outlets are gone.
    pub(super) fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Waits for its end.
    pub(super) fn join(self) {
        if self.thread.join().is_err() {
            error!("the keeper panicked");
        }
    }
}

/// Restores the state from the ledger and starts the thread.
pub(super) fn start(parts: Parts) -> Result<Handle, StartError> {
    let (stop, stopped) = watch::channel(false);
    let beat = Arc::new(AtomicBool::new(true));
    let mut keeper = Keeper::restore(parts, Arc::clone(&beat))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(StartError::Thread)?;
    let thread = std::thread::Builder::new()
        .name("keeper".to_owned())
        .spawn(move || runtime.block_on(keeper.run(stopped)))
        .map_err(StartError::Thread)?;
    Ok(Handle { thread, stop, beat })
}

type Outcome = Result<(), Refusal>;

struct Keeper {
    plant: Arc<Plant>,
    store: Store,
    window: Evidence,
    engine: Engine,
    register: Register,
    ledger: Ledger,
    journal: Journal,
    history: JournalReader,
    records: LedgerReader,
    /// When each open evidence window ends, on the monotonic clock.
    seal_at: HashMap<Uuid, Duration>,
    deliveries: mpsc::Receiver<Delivery>,
    reports: mpsc::Receiver<Report>,
    commands: mpsc::Receiver<Request>,
    plants: mpsc::Receiver<NewPlant>,
    committed: watch::Sender<i64>,
    changed: watch::Sender<i64>,
    live: Live,
    counters: Arc<Counters>,
    influx_ids: Vec<String>,
    ack: Box<dyn Fn(Vec<Ack>) + Send>,
    beat: Arc<AtomicBool>,
    start: Instant,
    clock: Watch,
    kept: Kept,
    timezone: jiff::tz::TimeZone,
    audit_tail: Option<Entry>,
    rules: HashMap<String, RuleIx>,
    // Waiting for the next commit:
    batch: Batch,
    for_ledger: ForLedger,
    acks: Vec<Ack>,
    /// Those who pushed and wait.
    pushers: Vec<oneshot::Sender<()>>,
    cursors: Vec<(String, i64, u64)>,
    replies: Vec<(oneshot::Sender<Outcome>, Outcome)>,
    noted: Vec<oneshot::Sender<()>>,
    since: Option<Instant>,
    retry_at: Option<Instant>,
}

impl Keeper {
    fn now(&self) -> Now {
        now_since(self.start)
    }
}
