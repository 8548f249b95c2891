//! The wires: Modbus and MQTT in, samples out. Never writes to a device.
//!
//! Everything runs on one thread with a current-thread runtime: wake-ups cost more than the work,
//! so polls share ticks and whatever is ready together leaves together (see `intake`). A sick
//! device costs its own bus time only (promise P5). Started and stopped by the gateway.

mod intake;
pub mod modbus;
pub mod mqtt;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use crate::settings::Settings;

pub use intake::{Ack, Delivery, Intake};
pub use modbus::describe_plan;

/// How a source stands, for the page and `/metrics`.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct SourceStatus {
    pub id: String,
    pub kind: &'static str,
    pub connected: bool,
    pub last_error: Option<String>,
    pub requests: u64,
    pub errors: u64,
    pub round_trip_us: u64,
    /// Of an MQTT session.
    pub mqtt: Option<Box<mqtt::MqttStatus>>,
}

/// Shared by the source (writes) and whoever shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status(Arc<Mutex<SourceStatus>>);

impl Status {
    fn new(id: &str, kind: &'static str) -> Self {
        Self(Arc::new(Mutex::new(SourceStatus { id: id.to_owned(), kind, ..SourceStatus::default() })))
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut SourceStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn get(&self) -> SourceStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The running wires.
pub struct FieldHandle {
    thread: std::thread::JoinHandle<()>,
    stop: watch::Sender<bool>,
    statuses: Vec<Status>,
    acks: Vec<mpsc::UnboundedSender<Ack>>,
    readings: Arc<AtomicU64>,
}

impl std::fmt::Debug for FieldHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FieldHandle").field("sources", &self.statuses.len()).finish_non_exhaustive()
    }
}

/// Starts the wires.
#[derive(Debug)]
pub struct Field;

impl Field {
    /// Starts one thread that reads every source of `settings` and sends to `out`.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made.
    pub fn start(settings: &Settings, out: mpsc::Sender<Delivery>) -> std::io::Result<FieldHandle> {
        let (stop, stopped) = watch::channel(false);
        let mut statuses = Vec::new();
        let mut acks = Vec::new();
        let mut mqtt_parts = Vec::new();
        let modbus: Vec<_> = settings
            .modbus
            .iter()
            .map(|source| {
                let status = Status::new(source.id.as_str(), "modbus");
                statuses.push(status.clone());
                (source.clone(), status)
            })
            .collect();
        for source in &settings.mqtt {
            let status = Status::new(source.id.as_str(), "mqtt");
            statuses.push(status.clone());
            let (tx, rx) = mpsc::unbounded_channel();
            acks.push(tx);
            mqtt_parts.push((source.clone(), status, rx));
        }
        let timezone = settings.plant.site.timezone.clone();
        let stale: Vec<_> = settings.plant.devices.iter().map(|d| d.stale_after).collect();
        let dir = settings.store.dir.clone();
        let readings = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&readings);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("wires".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let (intake, flusher) = Intake::start(out, counted);
                let epoch = tokio::time::Instant::now();
                let mut tasks = tokio::task::JoinSet::new();
                for (source, status) in modbus {
                    tasks.spawn(modbus::run(source, status, intake.clone(), epoch, stopped.clone()));
                }
                for (index, (source, status, acks)) in (0u32..).zip(mqtt_parts) {
                    let memory = Some(dir.join(format!("mqtt-{}.json", source.id)));
                    let (timezone, stale) = (timezone.clone(), stale.clone());
                    let part = mqtt::Part { source, index, timezone, stale, memory };
                    tasks.spawn(mqtt::run(part, status, intake.clone(), acks, stopped.clone()));
                }
                drop(intake);
                while tasks.join_next().await.is_some() {}
                // The last intake handle is gone: the flusher sends the rest and ends.
                let _ = flusher.await;
            });
        })?;
        Ok(FieldHandle { thread, stop, statuses, acks, readings })
    }
}

impl FieldHandle {
    /// Hands committed messages back to their brokers.
    pub fn acker(&self) -> impl Fn(Vec<Ack>) + Send + 'static {
        let senders = self.acks.clone();
        move |acks| {
            for ack in acks {
                if let Some(sender) = senders.get(ack.session as usize) {
                    // A session that has ended will get the message again, which is as good.
                    let _ = sender.send(ack);
                }
            }
        }
    }

    /// Readings taken from the wires since the start, good or bad.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    /// How the sources stand, now and later.
    pub fn status_handle(&self) -> impl Fn() -> Vec<SourceStatus> + Send + Sync + 'static {
        let statuses = self.statuses.clone();
        move || statuses.iter().map(Status::get).collect()
    }

    /// Stops polling, hands over what was read, waits for the thread.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        drop(self.acks);
        if self.thread.join().is_err() {
            tracing::error!("the wires panicked");
        }
    }
}

/// Ends when the gateway stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await;
}
