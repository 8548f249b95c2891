//! The keeper: the one task that judges, and the one writer behind it.
//!
//! A cycle gathers what has arrived, feeds it to the engine, lets transitions raise hazards, and hands what waits to
//! the writer's thread: first the ledger (alarm states, hazards, audit), then the journal (readings, cursors); only
//! when it tells that they are on the disk are messages acknowledged, callers answered and outlets woken. If the power
//! fails between the two commits, an alarm stands whose reading is missing, never the other way round.
//! Transitions, hazards, commands and waiting acknowledgements commit at once; plain telemetry
//! shares a commit for at most `store.commit_every`. However long the disk takes, judging goes on.
//!
//! `cycle` is the loop, `commit` what is handed over and what follows, `work` the words between the two threads, `writer`
//! the other thread, `files` the store as it holds it, `damage` what follows
//! damage of the journal, `waiting` the readings in between, `commands` what people ask for,
//! `own` the gateway's own alarms, `show` what the page sees, `upkeep` evidence and trimming, `restore` the start.

mod commands;
mod commit;
mod cycle;
mod damage;
mod files;
mod own;
mod restore;
mod show;
mod upkeep;
mod waiting;
mod work;
mod writer;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use commit::Pulse;
use own::OwnAlarms;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::error;
use uuid::Uuid;

use crate::alarm::{Engine, RuleIx};
use crate::clock::{Watch, now_since};
use crate::command::Reason;
use crate::field::{Ack, Delivery};
use crate::hazard::Register;
use crate::live::{Counters, Live, Request};
use crate::outlet::Report;
use crate::parts::Board;
use crate::plant::{Now, Plant};
use crate::settings::{Evidence, ReadChanges, Store};
use crate::store::{StoreError, Unread};
use waiting::Waiting;
use work::{Job, News, Work};
use writer::Writer;

pub(crate) use files::Files;

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// What the keeper is made of.
pub(crate) struct Parts {
    pub(crate) plant: Arc<Plant>,
    pub(crate) store: Store,
    pub(crate) evidence: Evidence,
    pub(crate) clock: ClockParts,
    pub(crate) files: Files,
    /// What readers could not read of the journal, with the outlet that wanted it.
    pub(crate) unread: std::sync::mpsc::Receiver<(String, Unread)>,
    pub(crate) deliveries: mpsc::Receiver<Delivery>,
    pub(crate) reports: mpsc::Receiver<Report>,
    pub(crate) commands: mpsc::Receiver<Request>,
    pub(crate) plants: mpsc::Receiver<NewPlant>,
    pub(crate) committed: watch::Sender<i64>,
    pub(crate) changed: watch::Sender<i64>,
    pub(crate) live: Live,
    pub(crate) counters: Arc<Counters>,
    pub(crate) influx_ids: Vec<String>,
    pub(crate) ack: Box<dyn Fn(Vec<Ack>) + Send>,
    /// How points are read otherwise than by the settings that were in force last.
    pub(crate) read: ReadChanges,
    /// Told when the trail on the disk says so.
    pub(crate) noted: oneshot::Sender<()>,
    /// How the parts beside it stand.
    pub(crate) board: Board,
    /// Told whether more readings may be taken that somebody waits for; gives whether some broker is about to stop
    /// sending.
    pub(crate) hold: Box<dyn Fn(bool) -> bool + Send>,
}

/// Changed settings, as far as the keeper goes by them. `plant` keeps the numbers of what it knows.
pub(crate) struct NewPlant {
    pub(crate) plant: Arc<Plant>,
    pub(crate) store: Store,
    pub(crate) evidence: Evidence,
    pub(crate) influx_ids: Vec<String>,
    /// The settings of before a trial, which come back by themselves.
    pub(crate) back: bool,
    /// For the audit trail.
    pub(crate) changes: Vec<String>,
    /// What of it changes how points are read.
    pub(crate) read: ReadChanges,
    /// Told when the trail on the disk says so.
    pub(crate) noted: oneshot::Sender<()>,
    /// Answered when readings of the new points may come.
    pub(crate) reply: oneshot::Sender<Result<(), String>>,
}
/// How the clock is to be watched, and where that is shown.
pub(crate) type ClockParts = (crate::settings::Clock, crate::clock::Face);

/// The running keeper.
pub(crate) struct Handle {
    thread: std::thread::JoinHandle<()>,
    writer: std::thread::JoinHandle<()>,
    stop: watch::Sender<bool>,
    beat: Arc<AtomicBool>,
}

impl Handle {
    /// Beat since the last call?
    pub(crate) fn is_alive(&self) -> bool {
        !self.thread.is_finished() && self.beat.swap(false, Ordering::Relaxed)
    }

    /// Asks it to commit the rest and end once the outlets are gone.
    pub(crate) fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Waits for its end.
    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            error!("the keeper panicked");
        }
        if self.writer.join().is_err() {
            error!("the writer panicked");
        }
    }
}

/// Restores the state from the ledger and starts the thread.
pub(crate) fn start(parts: Parts) -> Result<Handle, StartError> {
    let (stop, stopped) = watch::channel(false);
    let beat = Arc::new(AtomicBool::new(true));
    let (news_tx, news) = mpsc::unbounded_channel();
    let (jobs, orders) = std::sync::mpsc::channel();
    let (mut keeper, files) = Keeper::restore(parts, (jobs, news), Arc::clone(&beat))?;
    let pulse = Arc::clone(&keeper.pulse.steps);
    let writer = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || Writer::new(files, news_tx, pulse).run(&orders))
        .map_err(StartError::Thread)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(StartError::Thread)?;
    let thread = std::thread::Builder::new()
        .name("keeper".to_owned())
        .spawn(move || runtime.block_on(keeper.run(stopped)))
        .map_err(StartError::Thread)?;
    Ok(Handle { thread, writer, stop, beat })
}

type Outcome = Result<(), Reason>;

struct Keeper {
    plant: Arc<Plant>,
    store: Store,
    window: Evidence,
    engine: Engine,
    register: Register,
    own: OwnAlarms,
    /// Gone when the writer is to end.
    jobs: Option<std::sync::mpsc::Sender<Job>>,
    news: mpsc::UnboundedReceiver<News>,
    unread: std::sync::mpsc::Receiver<(String, Unread)>,
    /// The highest hazard number given out on each day, by what it starts with.
    numbers: HashMap<String, u32>,
    /// The ledger could not be read at the start: which numbers are given out is not known.
    numbers_unknown: bool,
    /// How far the wall clock has been set since the journal was begun, and had been when a hazard was found.
    ahead: i64,
    found_ahead: HashMap<Uuid, i64>,
    /// When each open evidence window ends, on the monotonic clock.
    seal_at: HashMap<Uuid, Duration>,
    /// Windows that the writer reads at present.
    sealing: HashSet<Uuid>,
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
    hold: Box<dyn Fn(bool) -> bool + Send>,
    board: Board,
    /// Since when some part does not do its work.
    unwell_since: Option<Instant>,
    beat: Arc<AtomicBool>,
    start: Instant,
    clock: Watch,
    timezone: jiff::tz::TimeZone,
    rules: HashMap<String, RuleIx>,
    /// Readings that wait for the next commit.
    waiting: Waiting,
    /// What else waits for it, but for the blocks, which are taken from `waiting`.
    work: Work,
    since: Option<Instant>,
    /// When the writer was handed its present work.
    handed: Option<Instant>,
    pulse: Pulse,
    /// Messages that wait for that work and are not acknowledged yet.
    handed_acks: Vec<Ack>,
    retry_at: Option<Instant>,
    /// Since when commits fail.
    failing_since: Option<Instant>,
    /// Messages that were acknowledged without the disk since then.
    unstored: u64,
    /// When the store was looked at last.
    looked: Option<Instant>,
    /// When both clocks were noted last.
    marked: Option<Instant>,
}

impl Keeper {
    fn now(&self) -> Now {
        now_since(self.start)
    }
}

/// What reads, judges or records has come to its end: no half-alive process. The service manager starts
/// it again (see docs/decisions.md). Parts beside that end nothing: see `parts`.
pub(crate) fn end_of(what: &str) -> ! {
    error!("{what}; stopping so that the service manager can start afresh");
    std::process::exit(crate::exit::BROKEN);
}
