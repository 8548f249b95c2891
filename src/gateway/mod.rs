//! Wires the rooms together: field → keeper → outlets and console. The only room that knows all.
//!
//! Two threads of their own, the wires (current-thread runtime inside `field`) and the keeper (the one
//! writer); outlets and console live in the caller's runtime. Start order: store, outlets, wires, keeper,
//! console; stop order: wires, keeper (commits the rest), outlets, so that nothing read is lost.

mod keeper;
mod push;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::console::{self, Counters, DemoPort, DeviceView, Live, MqttView, Shared, SourceView, UnknownView};
use crate::field::{Field, FieldHandle};
use crate::outlet::{OutletStatus, influx, inspection};
use crate::settings::Settings;
use crate::store::{Journal, JournalReader, Ledger, LedgerReader, StoreError, StoreLock};

/// Room for this many batches between the wires and the keeper; beyond it the wires wait.
const DELIVERIES: usize = 64;

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The console cannot listen.
    #[error("console.listen = {address}: {source}; choose a free address, or stop what uses it")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The embedded broker does not start.
    #[cfg(feature = "broker")]
    #[error(transparent)]
    Broker(#[from] crate::broker::BrokerError),
    /// The settings want what this program was built without.
    #[error("[broker]: this program was built without the feature `broker`; use another broker")]
    NoBroker,
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// A running gateway.
pub struct Gateway {
    field: FieldHandle,
    keeper: keeper::Handle,
    outlets: Vec<JoinHandle<()>>,
    console: JoinHandle<()>,
    stop_console: watch::Sender<bool>,
    address: std::net::SocketAddr,
    live: Live,
    counters: Arc<Counters>,
    statuses: Vec<OutletStatus>,
    #[cfg(feature = "broker")]
    _broker: Option<crate::broker::Handle>,
    _lock: StoreLock,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts everything in the current tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub async fn start(settings: Settings, demo: Option<Arc<dyn DemoPort>>) -> Result<Self, StartError> {
        let plant = Arc::new(settings.plant.clone());
        let listener = TcpListener::bind(settings.console.listen)
            .await
            .map_err(|source| StartError::Listen { address: settings.console.listen.to_string(), source })?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { address: settings.console.listen.to_string(), source })?;
        let lock = StoreLock::take(&settings.store.dir)?;
        let ledger = Ledger::open(&settings.store.dir)?;
        let opened = Journal::open(&settings.store.dir, &plant, crate::clock::wall_now())?;
        if let Some(aside) = &opened.set_aside {
            error!("journal.db was damaged; it was set aside as {} and a new one begun", aside.display());
        }
        let journal_path = opened.journal.path().to_owned();
        let ledger_path = ledger.path().to_owned();
        let texts = opened.journal.texts();

        let (deliveries_tx, deliveries) = mpsc::channel(DELIVERIES);
        let (reports_tx, reports) = mpsc::channel(256);
        let (commands_tx, commands) = mpsc::channel(64);
        let (committed_tx, committed) = watch::channel(0);
        let (changed_tx, changed) = watch::channel(0);
        let live = Live::default();
        let counters = Arc::new(Counters::default());
        let clock = crate::clock::Face::default();

        let mut statuses = Vec::new();
        let mut outlets = Vec::new();
        for outlet in settings.outlets.influx.clone() {
            let status = OutletStatus::new(outlet.id.as_str(), "influx");
            statuses.push(status.clone());
            let reader = (JournalReader::open(&journal_path)?, texts.clone());
            let (site, committed, reports) =
                (plant.site.id.to_string(), committed.clone(), reports_tx.clone());
            let dir = settings.store.dir.clone();
            outlets.push(tokio::spawn(async move {
                let id = outlet.id.clone();
                if let Err(e) = influx::run(outlet, site, reader, committed, reports, status).await {
                    if matches!(&e, influx::RunError::Store(e) if e.is_damage()) {
                        Journal::suspect(&dir);
                    }
                    end_of(&format!("outlet {id}: {e}"));
                }
            }));
        }
        for outlet in settings.outlets.inspection.clone() {
            let status = OutletStatus::new(outlet.id.as_str(), "inspection");
            statuses.push(status.clone());
            let reader = LedgerReader::open(&ledger_path)?;
            let (changed, reports) = (changed.clone(), reports_tx.clone());
            outlets.push(tokio::spawn(async move {
                let id = outlet.id.clone();
                if let Err(e) = inspection::run(outlet, reader, changed, reports, status).await {
                    end_of(&format!("outlet {id}: {e}"));
                }
            }));
        }
        drop(reports_tx);

        #[cfg(feature = "broker")]
        let broker = match &settings.broker {
            Some(broker) => Some(crate::broker::start(broker).await?),
            None => None,
        };
        #[cfg(not(feature = "broker"))]
        if settings.broker.is_some() {
            return Err(StartError::NoBroker);
        }
        let field = Field::start(&settings, texts.clone(), deliveries_tx).map_err(StartError::Thread)?;
        let acks = field.acker();
        let keeper = keeper::start(keeper::Parts {
            plant: Arc::clone(&plant),
            store: settings.store.clone(),
            evidence: settings.evidence,
            clock: (settings.clock.clone(), clock.clone()),
            ledger,
            journal: opened.journal,
            deliveries,
            reports,
            commands,
            committed: committed_tx,
            changed: changed_tx,
            live: live.clone(),
            counters: Arc::clone(&counters),
            influx_ids: settings.outlets.influx.iter().map(|o| o.id.to_string()).collect(),
            ack: Box::new(acks),
        })?;

        let sources = field.status_handle();
        let shared = Shared {
            plant: Arc::clone(&plant),
            live: live.clone(),
            clock,
            counters: Arc::clone(&counters),
            commands: commands_tx,
            ledger: Arc::new(Mutex::new(LedgerReader::open(&ledger_path)?)),
            texts,
            journal: Arc::new(Mutex::new(JournalReader::open(&journal_path)?)),
            history: Arc::new(Mutex::new(JournalReader::open(&journal_path)?)),
            outlets: statuses.clone(),
            sources: Arc::new(move || sources().into_iter().map(source_view).collect()),
            token: settings.console.token.clone(),
            push: Arc::new(push::Port(field.door())),
            demo,
        };
        let (stop_console, mut stopped) = watch::channel(false);
        let router = console::router(shared);
        let console = tokio::spawn(async move {
            let served = axum_serve(listener, router, async move {
                let _ = stopped.wait_for(|s| *s).await;
            });
            if let Err(e) = served.await {
                end_of(&format!("console: {e}"));
            }
        });
        info!("console on http://{address}/");
        Ok(Self {
            field,
            keeper,
            outlets,
            console,
            stop_console,
            address,
            live,
            counters,
            statuses,
            #[cfg(feature = "broker")]
            _broker: broker,
            _lock: lock,
        })
    }

    /// Where the console listens.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
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

    /// Readings taken from the wires since the start, good or bad.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.field.readings()
    }

    /// How the outlets stand.
    #[must_use]
    pub fn outlets(&self) -> &[OutletStatus] {
        &self.statuses
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
        let _ = self.stop_console.send(true);
        let field = self.field;
        let _ = tokio::task::spawn_blocking(move || field.stop()).await;
        let keeper = self.keeper;
        keeper.stop();
        for outlet in self.outlets {
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
        self.console.abort();
        // Its readers close, so that the store's files are left in one piece.
        let _ = self.console.await;
        info!("stopped");
        self.counters.store_failing.load(std::sync::atomic::Ordering::Relaxed) == 0
    }
}

async fn axum_serve(
    listener: TcpListener,
    router: axum::Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// A damaged file mends by no retry: the next start looks at it whole and sets a damaged journal aside,
/// or stops for a person if it is the ledger.
fn end_of_store(dir: &std::path::Path, error: &StoreError) -> ! {
    Journal::suspect(dir);
    end_of(&format!("the store is damaged: {error}"))
}

/// A part that ends while the gateway runs ends the gateway: no half-alive process. The service
/// manager starts it again, and its restart limit stops a loop (see docs/decisions.md).
fn end_of(what: &str) -> ! {
    error!("{what}; stopping so that the service manager can start afresh");
    std::process::exit(crate::exit::BROKEN);
}

fn source_view(status: crate::field::SourceStatus) -> SourceView {
    let line = status.line;
    SourceView {
        id: status.id,
        kind: status.kind,
        connected: status.connected,
        last_error: status.last_error,
        requests: status.requests,
        errors: status.errors,
        round_trip_us: status.round_trip_us,
        sent_bytes: line.sent_bytes,
        received_bytes: line.received_bytes,
        connects: line.connects,
        late_answers: line.late,
        foreign_answers: line.foreign,
        crc_errors: line.crc_errors,
        junk_bytes: line.junk_bytes,
        devices: status.devices.into_iter().map(device_view).collect(),
        mqtt: status.mqtt.map(|m| mqtt_view(*m)),
        push: status.push.map(|p| push::view(*p)),
    }
}

fn device_view(device: crate::field::DeviceStatus) -> DeviceView {
    let micros = |share| device.round_trips.quantile(share).map(|d| d.as_micros() as u64);
    DeviceView {
        unit: device.unit,
        state: device.state.word(),
        last_error_at: device.last_error_at.map(crate::plant::Micros::rfc3339),
        requests: device.requests,
        failures: device.failures,
        polls: device.polls,
        good_polls: device.good_polls,
        missed_polls: device.missed,
        success: (device.polls > 0).then(|| device.good_polls as f64 / device.polls as f64),
        round_trip_p50_us: micros(0.5),
        round_trip_p99_us: micros(0.99),
        refused: device.refused,
        label: device.label,
        last_error: device.last_error,
    }
}

fn unknown_view(u: crate::field::mqtt::Unknown) -> UnknownView {
    UnknownView { topic: u.topic, device: u.device, point: u.point, example: u.example }
}

fn mqtt_view(status: crate::field::mqtt::MqttStatus) -> MqttView {
    MqttView {
        unknown: status.unknown.into_iter().map(unknown_view).collect(),
        unknown_more: status.unknown_more,
        retained: status.retained,
        duplicates: status.duplicates,
        expired: status.expired,
        ignored: status.ignored,
        set_aside: status.set_aside,
        offline: status.offline,
        unacknowledged: status.unacknowledged,
    }
}
