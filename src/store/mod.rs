//! What must survive: `journal.db` (samples: outbox and history in one copy) and `ledger.db`
//! (alarm state, hazards, audit, delivery receipts: small and precious).
//!
//! One writer, the keeper; any number of readers (outlets, console) on their own read-only
//! connections. SQLite, WAL, `synchronous=FULL`: what a commit returned for is on the disk.
//! A damaged journal is set aside and a new one begun; a damaged ledger stops the start.

pub mod evidence;
mod figures;
mod journal;
mod ledger;
mod lock;
mod migrations;
mod pack;
pub mod trend;

pub use journal::{Chunk, Journal, JournalReader, Loss, Opened, SeriesInfo, Stats, Trimmed};
pub use ledger::{
    AuditRow, DeadLetter, DeliveryRow, EventRow, Ledger, LedgerReader, LedgerTx, LossRow, TransitionRow,
};
pub use lock::StoreLock;
pub use pack::{PackedReading, PackedSample, unpack};

/// Why the store failed; the first line says which file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("{file}: {source}")]
    Sqlite {
        /// Which database.
        file: String,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The folder or a file cannot be made or moved.
    #[error("{file}: {source}")]
    Io {
        /// Which path.
        file: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The ledger cannot be trusted.
    #[error(
        "{file} is damaged: {what}. Restore the last backup of this file into its folder, or move the file away to begin a new ledger (open hazards and alarm states are then lost)"
    )]
    Damaged {
        /// Which database.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// Written by a newer Steamward.
    #[error(
        "{file} has schema {found}, this program knows up to {known}: run the newer steamward, or restore a backup made before the upgrade"
    )]
    TooNew {
        /// Which database.
        file: String,
        /// Schema number in the file.
        found: u32,
        /// Newest schema known here.
        known: u32,
    },
    /// Another process holds the store.
    #[error("{dir} is in use by another steamward: stop that one, or give this one its own store.dir")]
    InUse {
        /// The folder.
        dir: String,
    },
    /// A stored body does not read back.
    #[error("{0}")]
    Corrupt(String),
}

impl StoreError {
    /// The file itself is broken: no retry mends that.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite { source, .. } => journal::is_damage(source),
            Self::Damaged { .. } | Self::Corrupt(_) => true,
            _ => false,
        }
    }
}

pub(crate) fn sqlite(file: &str) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
    move |source| StoreError::Sqlite { file: file.to_owned(), source }
}
