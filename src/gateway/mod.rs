//! Wires the rooms together: field → keeper → outlets and console. The only room that knows all.
//!
//! Two threads of their own, the wires (current-thread runtime inside `field`) and the keeper (the one
//! writer); outlets, console and embedded broker live in the caller's runtime, each a part that is started
//! again when it fails (`beside`, `outlets`). Start order: store, outlets, wires, keeper, console; stop order:
//! wires, keeper (commits the rest), outlets, so that nothing read is lost.

mod before;
mod beside;
mod outlets;
mod push;
mod reload;
mod traces;
mod trial;
mod views;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::console::{self, CurrentPlant, DemoPort, ReloadRequest, ReloadView, Shared};
use crate::field::{Field, FieldHandle};
use crate::keeper;
pub use crate::keeper::StartError;
use crate::live::{Counters, Live};
use crate::outlet::OutletStatus;
use crate::parts::{Board, PartState};
use crate::settings::{Faults, Keys, Loaded, Settings};
use crate::store::{JournalReader, LedgerReader};
use outlets::{Outlets, Ways};
pub use reload::Loader;

/// Room for this many batches between the wires and the keeper; beyond it the wires wait.
const DELIVERIES: usize = 64;

/// A running gateway.
pub struct Gateway {
    field: Arc<FieldHandle>,
    keeper: keeper::Handle,
    /// Owns the outlets until it is stopped.
    reloader: JoinHandle<Outlets>,
    stop_reloads: watch::Sender<bool>,
    reloads: mpsc::Sender<ReloadRequest>,
    console: beside::Page,
    #[cfg(feature = "broker")]
    broker: Option<crate::broker::Handle>,
    broker_watch: Option<JoinHandle<()>>,
    board: Board,
    live: Live,
    counters: Arc<Counters>,
    statuses: Arc<Mutex<Vec<OutletStatus>>>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("parts", &self.board.states()).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts everything in the current tokio runtime; `files` say where new settings come from.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(
        settings: Settings,
        files: Option<Files>,
        demo: Option<Arc<dyn DemoPort>>,
    ) -> Result<Self, StartError> {
        let plant = Arc::new(settings.plant.clone());
        let board = Board::default();
        let influx_ids: Vec<String> = settings.outlets.influx.iter().map(|o| o.id.to_string()).collect();
        let opened = keeper::Files::open(&settings.store, Arc::clone(&plant), influx_ids.clone())?;
        let journal_path = settings.store.dir.join("journal.db");
        let ledger_path = settings.store.dir.join("ledger.db");
        let texts = opened.texts.clone();
        let (unread_tx, unread) = std::sync::mpsc::channel();

        let (deliveries_tx, deliveries) = mpsc::channel(DELIVERIES);
        let (reports_tx, reports) = mpsc::channel(256);
        let (commands_tx, commands) = mpsc::channel(64);
        let (plants_tx, plants) = mpsc::channel(1);
        let (committed_tx, committed) = watch::channel(0);
        let (changed_tx, changed) = watch::channel(0);
        let live = Live::default();
        let counters = Arc::new(Counters::default());
        let clock = crate::clock::Face::default();

        let mut outlets = Outlets::new(Ways {
            site: plant.site.id.to_string(),
            dir: settings.store.dir.clone(),
            unread: unread_tx,
            journal: journal_path.clone(),
            ledger: ledger_path.clone(),
            texts: texts.clone(),
            committed,
            changed,
            reports: reports_tx,
            board: board.clone(),
        });
        outlets.apply(&settings).await;
        #[cfg(feature = "broker")]
        let broker = settings.broker.as_ref().map(crate::broker::start);
        #[cfg(feature = "broker")]
        let broker_status = broker.as_ref().map(crate::broker::Handle::status);
        #[cfg(feature = "broker")]
        let broker_watch =
            broker_status.clone().map(|status| beside::watch_broker(&settings, status, &board));
        #[cfg(not(feature = "broker"))]
        let broker_watch = beside::no_broker(&settings, &board);
        let judged = before::judged(&journal_path, &settings);
        let field = Field::start(&settings, texts.clone(), deliveries_tx, judged);
        let field = Arc::new(field.map_err(StartError::Thread)?);
        let acks = field.acker();
        // Settings that come from no files are those of the program, and none before are known.
        let read = files.as_ref().map(|_| before::read_changes(&settings)).unwrap_or_default();
        let (noted_tx, noted) = tokio::sync::oneshot::channel();
        let keeper = keeper::start(keeper::Parts {
            plant: Arc::clone(&plant),
            store: settings.store.clone(),
            evidence: settings.evidence,
            clock: (settings.clock.clone(), clock.clone()),
            files: opened,
            unread,
            deliveries,
            reports,
            commands,
            plants,
            committed: committed_tx,
            changed: changed_tx,
            live: live.clone(),
            counters: Arc::clone(&counters),
            influx_ids,
            ack: Box::new(acks),
            hold: Box::new(field.holder()),
            read,
            noted: noted_tx,
            board: board.clone(),
        })?;

        let sources = field.status_handle();
        let current = CurrentPlant::new(Arc::clone(&plant));
        let (reloads_tx, reload_requests) = mpsc::channel(4);
        let reload_state = Arc::new(Mutex::new(ReloadView { state: "none", ..ReloadView::default() }));
        let statuses = outlets.shown();
        let shared = Shared {
            plant: current.clone(),
            live: live.clone(),
            clock,
            counters: Arc::clone(&counters),
            commands: commands_tx,
            ledger: Arc::new(Mutex::new(LedgerReader::lazy(&ledger_path))),
            past: Arc::new(Mutex::new(LedgerReader::lazy(&ledger_path))),
            texts,
            journal: Arc::new(Mutex::new(JournalReader::lazy(&journal_path))),
            history: Arc::new(Mutex::new(JournalReader::lazy(&journal_path))),
            outlets: outlets.shown(),
            parts: board.clone(),
            reloads: files.is_some().then(|| reloads_tx.clone()),
            reload: Arc::clone(&reload_state),
            sources: Arc::new(move || sources().into_iter().map(views::source).collect()),
            #[cfg(feature = "broker")]
            broker: Arc::new(move || broker_status.as_ref().map(|status| views::broker(status))),
            #[cfg(not(feature = "broker"))]
            broker: Arc::new(|| None),
            traces: Arc::new(traces::Traces(field.trace_handle())),
            token: settings.console.token.clone(),
            push: Arc::new(push::Port(field.door())),
            demo,
        };
        let console = beside::Page::start(&settings.console, console::router(shared), &board);
        let mut waits = beside::Waits::default();
        waits.renew(&settings, &board);
        let (stop_reloads, reloads_stopped) = watch::channel(false);
        let keeps = files.is_some();
        let (loader, keys) = files.map_or_else(
            || (Box::new(nothing_to_load) as Loader, Keys::new()),
            |files| (files.loader, files.keys),
        );
        let reloader = reload::Reloader {
            readings: before::readings(&settings, keeps),
            newest_kept: Arc::default(),
            loader,
            settings,
            keys,
            keeps,
            field: Arc::clone(&field),
            outlets,
            plants: plants_tx,
            console: current,
            live: live.clone(),
            state: reload_state,
            in_force: std::time::Instant::now(),
            waits,
            board: board.clone(),
        };
        let reloader = tokio::spawn(reload::run(reloader, noted, reload_requests, reloads_stopped));
        Ok(Self {
            field,
            keeper,
            reloader,
            stop_reloads,
            reloads: reloads_tx,
            console,
            #[cfg(feature = "broker")]
            broker,
            broker_watch,
            board,
            live,
            counters,
            statuses,
        })
    }

    /// Where the console listens, if it does within `patience`.
    pub async fn address(&self, patience: Duration) -> Option<std::net::SocketAddr> {
        let mut address = self.console.address();
        let listens = address.wait_for(Option::is_some);
        tokio::time::timeout(patience, listens).await.ok()?.ok().and_then(|address| *address)
    }

    /// How the parts beside reading, judging and recording stand.
    #[must_use]
    pub fn parts(&self) -> Vec<PartState> {
        self.board.states()
    }

    /// The live view.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How it stands, in one line for the service manager.
    #[must_use]
    pub fn standing(&self) -> String {
        let sources = self.field.status_handle()();
        let connected = sources.iter().filter(|s| s.connected).count();
        let alarms = self.live.alarms().len();
        let mut text = format!("{connected} of {} sources connected, {alarms} alarms", sources.len());
        if self.counters.store_failing.load(std::sync::atomic::Ordering::Relaxed) != 0 {
            text.push_str("; the store cannot be written");
        }
        let outlets = self.outlets();
        let troubled =
            outlets.iter().map(OutletStatus::get).filter(|o| matches!(o.state, "away" | "refuses"));
        let troubled = troubled.map(|o| (format!("outlet {}", o.id), o.state));
        let parts = self.board.states().into_iter().filter(|p| !p.is_well()).map(|p| (p.name, p.state));
        for (name, state) in parts.chain(troubled) {
            text.push_str(&format!("; {name}: {state}"));
        }
        text
    }

    /// Readings taken from the wires since the start, good or bad.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.field.readings()
    }

    /// How the outlets stand.
    #[must_use]
    pub fn outlets(&self) -> Vec<OutletStatus> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the settings again and applies what changed.
    pub async fn reload(&self) {
        let (reply, outcome) = tokio::sync::oneshot::channel();
        if self.reloads.send(ReloadRequest { dry_run: false, reply }).await.is_ok() {
            // It has been logged.
            let _ = outcome.await;
        }
    }

    /// The keeper still beats.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.keeper.is_alive()
    }

    /// Stops: wires first, then the keeper commits the rest, then the outlets get until `grace`
    /// to send what is committed. What they cannot send stays in the journal.
    ///
    /// False if something that was read or done could not be put on the disk.
    pub async fn stop(self, grace: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + grace;
        self.console.close();
        let _ = self.stop_reloads.send(true);
        let outlets = match self.reloader.await {
            Ok(outlets) => outlets.into_tasks(),
            Err(e) => {
                error!("the reloader ended early: {e}");
                Vec::new()
            }
        };
        let field = self.field;
        let _ = tokio::task::spawn_blocking(move || field.stop()).await;
        #[cfg(feature = "broker")]
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
        let keeper = self.keeper;
        keeper.stop();
        for outlet in outlets {
            let abort = outlet.abort_handle();
            if tokio::time::timeout_at(deadline, outlet).await.is_err() {
                warn!("an outlet did not finish in time; what it had not delivered stays in the store");
                abort.abort();
            }
        }
        let joined = tokio::task::spawn_blocking(move || keeper.join());
        if tokio::time::timeout_at(deadline + Duration::from_secs(1), joined).await.is_err() {
            error!("the keeper did not end in time: what it could not commit is lost");
            self.counters.store_failing.store(1, std::sync::atomic::Ordering::Relaxed);
        }
        if let Some(watch) = self.broker_watch {
            watch.abort();
        }
        // Its readers close, so that the store's files are left in one piece.
        self.console.end().await;
        info!("stopped");
        self.counters.store_failing.load(std::sync::atomic::Ordering::Relaxed) == 0
    }
}

/// Where a gateway's settings came from, and come from again.
pub struct Files {
    /// Reads them.
    pub loader: Loader,
    /// As they were read for the start.
    pub keys: Keys,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

fn nothing_to_load() -> Result<Loaded, Faults> {
    Err(Faults(Vec::new()))
}
