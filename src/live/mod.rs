//! What is true now, for whoever shows it: values, alarms and hazards as of this moment, written by the keeper, read by
//! everyone; and the way of a command to the keeper.

mod alarms;
mod counters;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, oneshot};

pub use alarms::{AlarmView, GuidanceView, HiddenView, Texts};
pub use counters::{Counters, StoreView};

use crate::command::{Command, Reason};
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

/// A command and where its outcome goes; answered only after it is on the disk.
#[derive(Debug)]
pub struct Request {
    /// What.
    pub command: Command,
    /// Outcome.
    pub reply: oneshot::Sender<Result<(), Reason>>,
}

/// Everything as of now.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct View {
    pub points: Vec<LivePoint>,
    pub alarms: BTreeMap<String, AlarmView>,
    /// Hazards that are not closed, and closed ones that the ledger has not got yet.
    pub hazards: BTreeMap<String, Hazard>,
    pub heard: Vec<Heard>,
    /// The newest changes of settings, as the trail tells them once the ledger has them: when, and the details of it.
    pub settings_changes: VecDeque<(Micros, String)>,
}

/// So many changes of settings are known before the ledger has them.
const NEWEST_CHANGES: usize = 64;

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

    /// Settings were changed, whether the ledger has it or not.
    pub fn settings_changed(&self, at: Micros, detail: String) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        if view.settings_changes.len() == NEWEST_CHANGES {
            view.settings_changes.pop_front();
        }
        view.settings_changes.push_back((at, detail));
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

    /// Everything as of now, for as long as it is looked at; the keeper waits meanwhile.
    pub fn read(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What changes from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<LiveEvent> {
        self.events.subscribe()
    }
}
