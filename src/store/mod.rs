//! What must survive: `journal.db` (samples: outbox and history in one copy) and `ledger.db`
//! (alarm state, hazards, audit, delivery receipts: small and precious).
//!
//! One writer, the keeper; any number of readers (outlets, console) on their own read-only
//! connections. SQLite, WAL, `synchronous=FULL`: what a commit returned for is on the disk.
//! A damaged journal is set aside and what can be read of it taken over; a damaged ledger stops the start. Rows carry
//! checksums: what is not what was written is never given out. A file that was removed or moved is noticed at the next
//! commit; a reserve of a few MiB keeps the ledger writable on a full disk.

mod checksum;
#[cfg(test)]
mod earlier_versions;
pub mod evidence;
mod figures;
mod journal;
mod ledger;
mod link;
mod lock;
mod migrations;
mod pack;
mod place;
mod reserve;
pub mod trend;

pub use journal::{
    Chunk, Journal, JournalReader, Load, Loss, Opened, SeriesInfo, Stats, Trimmed, Unread, Uptime, named,
};
pub use ledger::{
    AuditRow, Damaged, DeadLetter, DeliveryRow, EventRow, Ledger, LedgerReader, LedgerTx, LossRow, Note,
    Recorded, SETTINGS_CHANGED, SettingsHistory, TransitionRow,
};
pub use lock::StoreLock;
pub use pack::{PackedReading, PackedSample, unpack};
pub use place::{Mended, is_read_only};
pub use reserve::Reserve;

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
    /// A file is no longer where it was opened.
    #[error("{0}")]
    Moved(String),
    /// The trouble of an attempt before this one, which nothing has shown to be over.
    #[error("{what}")]
    Again {
        /// Its kind.
        trouble: Trouble,
        /// Its words.
        what: String,
    },
}

/// What stands in the way of the store, as the API, the page and the log say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No room on the disk.
    Full,
    /// The disk or the folder takes no writing.
    ReadOnly,
    /// A file was removed, moved or exchanged.
    Moved,
    /// A file is damaged.
    Damaged,
    /// Anything else: the disk answers with errors, another process holds the file, the folder cannot be made.
    Failing,
}

impl Trouble {
    /// Stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read-only",
            Self::Moved => "moved",
            Self::Damaged => "damaged",
            Self::Failing => "failing",
        }
    }
}

impl StoreError {
    /// Another connection holds the file for the moment.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        matches!(self, Self::Sqlite { source, .. }
            if matches!(source.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked)))
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        use rusqlite::ErrorCode::{DiskFull, ReadOnly};
        use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match self {
            Self::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(DiskFull) => Trouble::Full,
                Some(ReadOnly) => Trouble::ReadOnly,
                _ if self.is_damage() => Trouble::Damaged,
                _ => Trouble::Failing,
            },
            Self::Io { source, .. } => match source.kind() {
                StorageFull | QuotaExceeded => Trouble::Full,
                ReadOnlyFilesystem | PermissionDenied => Trouble::ReadOnly,
                _ => Trouble::Failing,
            },
            Self::Moved(_) => Trouble::Moved,
            Self::Again { trouble, .. } => *trouble,
            Self::Damaged { .. } | Self::Corrupt(_) => Trouble::Damaged,
            Self::TooNew { .. } | Self::InUse { .. } => Trouble::Failing,
        }
    }

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
