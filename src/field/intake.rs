//! The way from the wires to the keeper: one shared batch, sent on a few milliseconds after its
//! first sample, so that everything that was ready together costs one hand-over.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::plant::{Batch, DeviceIx, Micros, Reading};

/// How long the first sample of a batch waits for company.
const LINGER: Duration = Duration::from_millis(5);
/// Readings in the shared batch at which those who push have to wait.
pub(super) const BOUND: usize = 100_000;

/// Names one received MQTT message; given back once its readings are on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Index of the MQTT source.
    pub session: u32,
    /// Connection count of that source; an older one means the broker will send it again.
    pub epoch: u32,
    /// Which message.
    pub token: u64,
}

/// Samples, and what to acknowledge when they are committed.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Samples.
    pub batch: Batch,
    /// Messages they came in.
    pub acks: Vec<Ack>,
    /// Who waits for the commit.
    pub committed: Vec<oneshot::Sender<()>>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Delivery>,
    ready: Notify,
    room: Notify,
    readings: Arc<AtomicU64>,
    /// The keeper holds all that it can hold of what senders wait for.
    held: AtomicBool,
    /// Sessions whose broker is about to stop sending for want of acknowledgements.
    pressed: AtomicUsize,
}

/// One session's word on whether its broker is about to stop sending; taken back when it is dropped.
#[derive(Debug)]
pub(super) struct Press {
    inner: Weak<Inner>,
    on: bool,
}

impl Press {
    /// The broker is about to stop sending, or is not.
    pub(super) fn set(&mut self, on: bool) {
        if on == self.on {
            return;
        }
        self.on = on;
        if let Some(inner) = self.inner.upgrade() {
            if on {
                inner.pressed.fetch_add(1, Ordering::Relaxed);
            } else {
                inner.pressed.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Press {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// A handle that keeps no flusher alive, for those who live elsewhere than on the wires.
#[derive(Debug, Clone)]
pub(super) struct WeakIntake {
    inner: Weak<Inner>,
    alive: mpsc::WeakSender<()>,
}

impl WeakIntake {
    /// The intake, while the wires run.
    pub(super) fn upgrade(&self) -> Option<Intake> {
        Some(Intake { inner: self.inner.upgrade()?, alive: self.alive.upgrade()? })
    }
}

/// Where pollers push. Cheap to clone; when the last clone is dropped the flusher ends.
#[derive(Debug, Clone)]
pub struct Intake {
    inner: Arc<Inner>,
    /// Only held: the flusher ends with the last one.
    alive: mpsc::Sender<()>,
}

impl Intake {
    /// Starts the flusher in the current runtime; `readings` counts what comes in.
    pub fn start(out: mpsc::Sender<Delivery>, readings: Arc<AtomicU64>) -> (Self, JoinHandle<()>) {
        let inner = Arc::new(Inner { readings, ..Inner::default() });
        let (alive, mut gone) = mpsc::channel::<()>(1);
        let shared = Arc::clone(&inner);
        let flusher = tokio::spawn(async move {
            loop {
                let ended = tokio::select! {
                    () = shared.ready.notified() => { tokio::time::sleep(LINGER).await; false }
                    _ = gone.recv() => true,
                };
                let full =
                    std::mem::take(&mut *shared.waiting.lock().unwrap_or_else(PoisonError::into_inner));
                shared.room.notify_waiters();
                let nothing = full.batch.is_empty() && full.acks.is_empty() && full.committed.is_empty();
                if !nothing && out.send(full).await.is_err() {
                    return;
                }
                if ended {
                    return;
                }
            }
        });
        (Self { inner, alive }, flusher)
    }

    pub(super) fn downgrade(&self) -> WeakIntake {
        WeakIntake { inner: Arc::downgrade(&self.inner), alive: self.alive.downgrade() }
    }

    /// Says whether the keeper can hold more of what senders wait for.
    pub(super) fn hold(&self, full: bool) {
        self.inner.held.store(full, Ordering::Relaxed);
    }

    /// For a session to say that its broker is about to stop sending.
    pub(super) fn press(&self) -> Press {
        Press { inner: Arc::downgrade(&self.inner), on: false }
    }

    /// Some broker is about to stop sending for want of acknowledgements.
    pub(super) fn is_pressed(&self) -> bool {
        self.inner.pressed.load(Ordering::Relaxed) > 0
    }

    /// Waits while the keeper is behind.
    pub(super) async fn has_room(&self) {
        loop {
            let room = self.inner.room.notified();
            if self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner).batch.readings_len() < BOUND
            {
                return;
            }
            room.await;
        }
    }

    /// The keeper can hold nothing more of what senders wait for.
    pub(super) fn is_held(&self) -> bool {
        self.inner.held.load(Ordering::Relaxed)
    }

    /// Adds many samples at once, and who waits for their commit, if somebody does. Takes them even beyond the bound: ask
    /// [`Self::has_room`] before.
    pub(super) fn deliver(&self, batch: &mut Batch, committed: Option<oneshot::Sender<()>>) {
        self.inner.readings.fetch_add(batch.readings_len() as u64, Ordering::Relaxed);
        let mut waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.batch.append(batch);
        waiting.committed.extend(committed);
        drop(waiting);
        self.inner.ready.notify_one();
    }

    /// Adds one sample, and the message to acknowledge for it. Waits while the keeper is behind.
    pub async fn push(
        &self,
        device: DeviceIx,
        at: Micros,
        live: bool,
        readings: &[Reading],
        ack: Option<Ack>,
    ) {
        loop {
            let room = self.inner.room.notified();
            {
                let mut waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if waiting.batch.readings_len() < BOUND {
                    if !readings.is_empty() {
                        self.inner.readings.fetch_add(readings.len() as u64, Ordering::Relaxed);
                        waiting.batch.push(device, at, live, readings);
                    }
                    waiting.acks.extend(ack);
                    break;
                }
            }
            room.await;
        }
        self.inner.ready.notify_one();
    }
}
