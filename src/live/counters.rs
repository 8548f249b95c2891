//! What the keeper counts, and how the store stands: for `/metrics`, `/readyz` and the data path.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

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
