//! Where committed data goes: the time series database and the inspection feed.
//!
//! Every outlet is a reader with its own cursor into the store: a slow or dead one is nobody
//! else's problem, and nothing is sent that was not committed first. Outlets write nothing
//! themselves; they tell the keeper by [`Report`], who commits.

mod delivery;
pub mod influx;
pub mod inspection;

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::plant::Micros;
use crate::store::DeadLetter;

pub use delivery::Verdict;
pub(crate) use delivery::client;

/// What an outlet tells the keeper.
#[derive(Debug)]
pub enum Report {
    /// Everything up to chunk `seq` is with the database.
    Progress {
        /// Outlet id.
        outlet: String,
        /// New cursor.
        seq: i64,
        /// Readings delivered since the last report.
        readings: u64,
        /// Lines the database refused for good; kept before the cursor moves.
        dead: Vec<DeadLetter>,
    },
    /// A hazard event was taken or refused for good.
    Event {
        /// Outlet id.
        outlet: String,
        /// Which event.
        seq: i64,
        /// `delivered` or `dead`.
        state: &'static str,
        /// The receipt or the refusal.
        detail: String,
        /// For dead ones: what to keep.
        dead: Option<DeadLetter>,
        /// Answered once the note is on the disk, so that the next look does not see the event again.
        done: oneshot::Sender<()>,
    },
}

/// How an outlet stands, for the page and `/metrics`.
#[derive(Debug, Clone, Default, serde::Serialize, utoipa::ToSchema)]
pub struct OutletState {
    /// Settings id.
    pub id: String,
    /// `influx` or `inspection`.
    pub kind: String,
    /// The last attempt went well.
    pub ok: bool,
    /// `up`; `away`: nobody answers, or the server is not well; `refuses`: it answers and takes nothing, so that
    /// a setting, a right or the server has to change; `down`: this outlet itself does not run.
    pub state: &'static str,
    /// What the other side or the network said last, if it went wrong.
    pub last_error: Option<String>,
    /// Next attempt, microseconds since the epoch.
    pub retry_at: Option<i64>,
    /// Readings or events delivered since the beginning of the store.
    pub delivered: u64,
    /// Refused for good.
    pub dead_letters: u64,
    /// Cursor (time series outlets).
    pub cursor: i64,
}

/// Shared by the outlet (writes) and the console (reads).
#[derive(Debug, Clone, Default)]
pub struct OutletStatus(Arc<Mutex<OutletState>>);

impl OutletStatus {
    /// A fresh one.
    #[must_use]
    pub fn new(id: &str, kind: &str) -> Self {
        Self(Arc::new(Mutex::new(OutletState {
            id: id.to_owned(),
            kind: kind.to_owned(),
            ok: true,
            state: "up",
            ..OutletState::default()
        })))
    }

    /// A copy to show.
    #[must_use]
    pub fn get(&self) -> OutletState {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut OutletState)) {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// It went wrong, and is tried again; true if that is news.
    pub(crate) fn failed(&self, state: &'static str, what: &str, retry_at: Micros) -> bool {
        let mut news = false;
        self.update(|s| {
            news = s.state != state;
            (s.ok, s.state) = (false, state);
            s.last_error = Some(what.to_owned());
            s.retry_at = Some(retry_at.0);
        });
        news
    }

    /// The outlet itself does not run.
    pub(crate) fn is_down(&self, what: &str) {
        self.update(|s| {
            (s.ok, s.state) = (false, "down");
            s.last_error = Some(what.to_owned());
            s.retry_at = None;
        });
    }

    pub(crate) fn went_well(&self) {
        self.update(|s| {
            (s.ok, s.state) = (true, "up");
            s.last_error = None;
            s.retry_at = None;
        });
    }
}
