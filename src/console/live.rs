//! The live view: values and alarms as of now, written by the keeper, read by everyone.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::views::AlarmView;
use crate::hazard::{Hazard, Status};
use crate::plant::{Micros, Quality};

/// One point as of now.
#[derive(Debug, Clone, Copy)]
pub struct LivePoint {
    /// Last usable or last read value; NaN if there was none.
    pub value: f64,
    /// Whether to believe it.
    pub quality: Quality,
    /// Of the value.
    pub at: Micros,
    /// When it came, on the monotonic clock: the age goes by this one.
    pub came: Instant,
    /// How old it was then by its own time, in microseconds; negative for a device clock that runs ahead.
    pub lag: i64,
}

/// How often a device is heard, as it was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// As shown on the data path.
    pub device: String,
    /// The source it is on.
    pub source: String,
    /// Time between two of its samples; `None` before the second one.
    pub every: Option<Duration>,
    /// After so long without a sample it is silent.
    pub silent_after: Duration,
}

/// What a page that listens is told at once; values it fetches once a second.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// An alarm changed.
    Alarm(Box<AlarmView>),
    /// The hazard with this id changed.
    Hazard(String),
}

/// What `/metrics` shows; counted by the keeper.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Counters {
    pub readings: AtomicU64,
    pub samples: AtomicU64,
    pub commits: AtomicU64,
    pub commit_failures: AtomicU64,
    /// 1 while the store cannot be written.
    pub store_failing: AtomicU64,
    /// For how many seconds the keeper has not moved; 0 while it does.
    pub keeper_stands_s: AtomicU64,
    pub transitions: AtomicU64,
    pub hazards: AtomicU64,
    pub journal_bytes: AtomicU64,
    pub last_commit_micros: AtomicU64,
    /// Readings that went before they could be stored.
    pub readings_lost: AtomicU64,
    /// How the store stands.
    pub store: Mutex<StoreView>,
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct StoreView {
    /// `ok`; `reserve`: the disk is full and the ledger lives on its reserve; `full`, `read-only`, `moved`, `damaged`,
    /// `stalled`, `failing`: nothing, or not all, can be written.
    pub state: &'static str,
    /// What stands in the way, in the words of whoever met it.
    pub problem: Option<String>,
    /// Readings that wait in memory.
    pub waiting: u64,
}

impl Default for StoreView {
    fn default() -> Self {
        Self { state: "ok", problem: None, waiting: 0 }
    }
}

impl Counters {
    /// How the store stands now.
    #[must_use]
    pub fn store(&self) -> StoreView {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) points: Vec<LivePoint>,
    pub(super) alarms: BTreeMap<String, AlarmView>,
    /// Hazards that are not closed, and closed ones that the ledger has not got yet.
    pub(super) hazards: BTreeMap<String, Hazard>,
    pub(super) heard: Vec<Heard>,
}

/// Shared handle.
#[derive(Debug, Clone)]
pub struct Live {
    view: Arc<RwLock<View>>,
    events: broadcast::Sender<LiveEvent>,
}

impl Default for Live {
    fn default() -> Self {
        Self { view: Arc::default(), events: broadcast::channel(1024).0 }
    }
}

impl Live {
    /// Puts the present values of all points in, in plant order.
    pub fn set_points(&self, points: impl Iterator<Item = LivePoint>) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        view.points.clear();
        view.points.extend(points);
    }

    /// Puts in how often each device is heard.
    pub fn set_heard(&self, heard: Vec<Heard>) {
        self.view.write().unwrap_or_else(PoisonError::into_inner).heard = heard;
    }

    /// Puts an alarm in (or, once normal, out) and tells the pages.
    pub fn set_alarm(&self, alarm: AlarmView) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        if alarm.state == "normal" {
            view.alarms.remove(&alarm.rule);
        } else {
            view.alarms.insert(alarm.rule.clone(), alarm.clone());
        }
        drop(view);
        // Nobody listening is fine.
        let _ = self.events.send(LiveEvent::Alarm(Box::new(alarm)));
    }

    /// Takes an alarm out whose rule is no more.
    pub fn forget_alarm(&self, rule: &str) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let gone = view.alarms.remove(rule);
        drop(view);
        if let Some(alarm) = gone {
            let _ = self.events.send(LiveEvent::Alarm(Box::new(AlarmView { state: "normal", ..alarm })));
        }
    }

    /// All points as of now, in plant order.
    #[must_use]
    pub fn points(&self) -> Vec<LivePoint> {
        self.read().points.clone()
    }

    /// How often each device is heard.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.read().heard.clone()
    }

    /// Tells the pages that a hazard changed.
    pub fn hazard_changed(&self, id: String) {
        let _ = self.events.send(LiveEvent::Hazard(id));
    }

    /// Shows a hazard, whether the ledger has it or not.
    pub fn show_hazard(&self, hazard: Hazard) {
        let id = hazard.id.to_string();
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        view.hazards.insert(id.clone(), hazard);
        drop(view);
        self.hazard_changed(id);
    }

    /// The ledger has every hazard, but for those that `waits`.
    pub fn hazards_are_kept(&self, waits: impl Fn(&str) -> bool) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        view.hazards.retain(|id, hazard| hazard.status != Status::Closed || waits(id));
    }

    /// Alarms that are not normal.
    #[must_use]
    pub fn alarms(&self) -> Vec<AlarmView> {
        self.read().alarms.values().cloned().collect()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<LiveEvent> {
        self.events.subscribe()
    }
}
