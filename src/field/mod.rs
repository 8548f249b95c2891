//! The wires: Modbus and MQTT in, samples out. Never writes a value to a device; of commands it sends
//! only Sparkplug's request for a rebirth.
//!
//! Everything runs on one thread with a current-thread runtime: wake-ups cost more than the work,
//! so polls share ticks and whatever is ready together leaves together (see `intake`). A sick
//! device costs its own bus time only (promise P5), new settings touch only what changed (P8).
//! Started, changed and stopped by the gateway.

pub mod ingest;
mod intake;
pub mod modbus;
pub mod mqtt;
pub mod push;
mod sources;
mod status;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::plant::{Batch, TextTable};
use crate::settings::Settings;
use sources::{Registry, Sources};

pub use ingest::staleness::Judged;
pub use intake::{Ack, Delivery, Intake};
pub use modbus::{PlanReport, Trace, describe_plan};
pub(crate) use status::Status;
pub use status::{DeviceState, DeviceStatus, SourceStatus};

/// How long it is waited for the commit of what was read.
const LONGEST_COMMIT: Duration = Duration::from_secs(10);

/// The running wires.
pub struct FieldHandle {
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
    stop: watch::Sender<bool>,
    changes: mpsc::UnboundedSender<(Box<Settings>, oneshot::Sender<()>)>,
    registry: Registry,
    readings: Arc<AtomicU64>,
}

impl std::fmt::Debug for FieldHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FieldHandle").finish_non_exhaustive()
    }
}

/// Starts the wires.
#[derive(Debug)]
pub struct Field;

impl Field {
    /// Starts one thread that reads every source of `settings` and sends to `out`. What is older than what was `judged`
    /// before is history.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made.
    pub fn start(
        settings: &Settings,
        texts: TextTable,
        out: mpsc::Sender<Delivery>,
        judged: Judged,
    ) -> std::io::Result<FieldHandle> {
        let (stop, mut stopping) = watch::channel(false);
        let (changes, mut changed) = mpsc::unbounded_channel::<(Box<Settings>, oneshot::Sender<()>)>();
        let registry = Registry::new(judged);
        let readings = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&readings);
        let (settings, shared) = (settings.clone(), registry.clone());
        registry.announce(&settings);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("wires".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let (intake, flusher) = Intake::start(out, counted);
                let mut sources = Sources::new(intake, texts, shared);
                sources.apply(&settings).await;
                loop {
                    tokio::select! {
                        () = stopped(&mut stopping) => break,
                        Some((settings, done)) = changed.recv() => {
                            sources.apply(&settings).await;
                            tokio::select! {
                                () = sources.taken_over() => {}
                                () = stopped(&mut stopping) => break,
                            }
                            // Nobody waiting for the end is fine.
                            let _ = done.send(());
                        }
                    }
                }
                sources.stop().await;
                // The last intake handle is gone: the flusher sends the rest and ends.
                let _ = flusher.await;
            });
        })?;
        Ok(FieldHandle { thread: Mutex::new(Some(thread)), stop, changes, registry, readings })
    }
}

impl FieldHandle {
    /// Hands committed messages back to their brokers.
    pub fn acker(&self) -> impl Fn(Vec<Ack>) + Send + 'static {
        let registry = self.registry.clone();
        move |acks| registry.acknowledge(acks)
    }

    /// Says whether the keeper can hold more of what senders wait for; while it cannot, pushes are refused. Gives
    /// whether some broker is about to stop sending for want of acknowledgements.
    pub fn holder(&self) -> impl Fn(bool) -> bool + Send + 'static {
        let registry = self.registry.clone();
        move |full| {
            let Some(intake) = registry.intake() else { return false };
            intake.hold(full);
            intake.is_pressed()
        }
    }

    /// Readings taken from the wires since the start, good or bad.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    /// The way in for readings that are pushed over HTTP.
    #[must_use]
    pub fn door(&self) -> push::Door {
        push::Door::new(self.registry.clone())
    }

    /// How the sources stand, now and later.
    pub fn status_handle(&self) -> impl Fn() -> Vec<SourceStatus> + Send + Sync + 'static {
        let registry = self.registry.clone();
        move || registry.statuses()
    }

    /// The frame traces of Modbus sources, by source id.
    pub fn trace_handle(&self) -> impl Fn(&str) -> Option<Trace> + Send + Sync + 'static {
        let registry = self.registry.clone();
        move |source| registry.trace(source)
    }

    /// Takes over new settings; sources and devices that are the same notice nothing. Returns when it
    /// has been done and everything read by the settings before is committed: what comes from then on
    /// was read by the new ones. A disk that does not write is waited for no longer than [`LONGEST_COMMIT`].
    pub async fn apply(&self, settings: &Settings) {
        let (done, waiting) = oneshot::channel();
        if self.changes.send((Box::new(settings.clone()), done)).is_ok() {
            // Gone means that the wires are stopping.
            let _ = waiting.await;
        }
        let Some(intake) = self.registry.intake() else { return };
        let (done, committed) = oneshot::channel();
        intake.deliver(&mut Batch::default(), Some(done));
        // Held on, the wires could not end.
        drop(intake);
        let _ = timeout(LONGEST_COMMIT, committed).await;
    }

    /// Stops polling, hands over what was read, waits for the thread.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|t| t.join().is_err()) {
            tracing::error!("the wires panicked");
        }
    }
}

/// Ends when the gateway, or this source alone, stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await;
}

/// Half to whole of `pause`, so that what failed together does not come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}
