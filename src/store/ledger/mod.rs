//! `ledger.db`: alarm state, hazards, audit, receipts. Small and precious; committed at once.
//!
//! A damaged ledger stops the start (a gateway that forgot its open hazards would be worse than
//! one that says it cannot run).

mod reader;
mod rows;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};

use super::migrations::{LEDGER, migrate, settle, tune};
use super::{Loss, StoreError, journal::is_damage, sqlite};
use crate::hazard::{Entry, HazardChange};
use crate::plant::Micros;
use crate::watch::{Precursor, Saved, Transition};

pub use reader::LedgerReader;
pub use rows::{AuditRow, DeadLetter, DeliveryRow, EventRow, LossRow, TransitionRow};
pub(super) use rows::{calls, is_active};

const FILE: &str = "ledger.db";
/// Dead letters kept: a wrong field refused every second must not fill the disk.
const DEAD_LETTERS: u32 = 10_000;

/// The writer. Owned by the keeper alone.
#[derive(Debug)]
pub struct Ledger {
    conn: Connection,
    path: PathBuf,
}

/// One transaction on the ledger; everything in it is on the disk together or not at all.
#[derive(Debug)]
pub struct LedgerTx<'a> {
    tx: Transaction<'a>,
}

/// Transitions kept in the ledger: some 600 MB. An alarm that flaps once a second fills them in a month.
pub const MOST_TRANSITIONS: i64 = 5_000_000;
/// Precursors kept in the ledger.
pub const MOST_PRECURSORS: i64 = 100_000;

impl Ledger {
    /// Opens or begins `dir/ledger.db`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be trusted, [`StoreError::TooNew`] after a downgrade.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir)
            .map_err(|source| StoreError::Io { file: dir.display().to_string(), source })?;
        let path = dir.join(FILE);
        let damaged = |what: String| StoreError::Damaged { file: path.display().to_string(), what };
        let sorted = |e: StoreError| match e {
            StoreError::Sqlite { source, .. } if is_damage(&source) => damaged(source.to_string()),
            other => other,
        };
        let mut conn = Connection::open(&path).map_err(sqlite(FILE))?;
        tune(&conn, FILE).map_err(sorted)?;
        let word: String =
            conn.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(|e| sorted(sqlite(FILE)(e)))?;
        if word != "ok" {
            return Err(damaged(word));
        }
        migrate(&mut conn, FILE, LEDGER)?;
        Ok(Self { conn, path: path.clone() })
    }

    /// Runs `work` in one transaction; on return it is on the disk.
    ///
    /// # Errors
    /// Whatever `work` gives, or [`StoreError::Sqlite`]; nothing was written then.
    pub fn write<T>(
        &mut self,
        work: impl FnOnce(&LedgerTx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tx = LedgerTx { tx: self.conn.transaction().map_err(sqlite(FILE))? };
        let done = work(&tx)?;
        tx.tx.commit().map_err(sqlite(FILE))?;
        Ok(done)
    }

    /// A reader on its own connection.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn reader(&self) -> Result<LedgerReader, StoreError> {
        LedgerReader::open(&self.path)
    }

    /// Puts everything into the main file; for a last word before the end.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing is lost then, the log is read at the next start.
    pub fn settle(&self) -> Result<(), StoreError> {
        settle(&self.conn, FILE)
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl LedgerTx<'_> {
    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, StoreError> {
        self.tx.prepare_cached(sql).and_then(|mut s| s.execute(values)).map_err(sqlite(FILE))
    }

    /// Puts an alarm's state down.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn put_alarm(&self, saved: &Saved) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO alarm (key, body) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            params![saved.key, json(saved)?],
        )
        .map(drop)
    }

    /// Adds a transition of `rule` to the history; the newest [`MOST_TRANSITIONS`] are kept.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_transition(&self, rule: &str, t: &Transition) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO transition (at, rule, event, before, after, value, cause, by) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
            params![
                t.at.0,
                rule,
                t.event.word(),
                t.from.word(),
                t.to.word(),
                t.value,
                t.cause.map(crate::plant::Cause::word),
                t.by
            ],
        )?;
        self.keep_newest("transition", MOST_TRANSITIONS)
    }

    /// Puts a hazard's new version down together with the event that tells of it.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; also when a second open hazard for the same rule is attempted.
    pub fn put_hazard(&self, change: &HazardChange, event: &serde_json::Value) -> Result<(), StoreError> {
        let h = &change.hazard;
        let id = h.id.to_string();
        self.run(
            "INSERT INTO hazard (id, number, equipment, rule, status, found_at, version, body) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)
             ON CONFLICT (id) DO UPDATE SET status = excluded.status, version = excluded.version, body = excluded.body",
            params![id, h.number, h.equipment, h.rule, h.status.word(), h.found_at.0, h.version, json(h)?],
        )?;
        self.run(
            "INSERT INTO hazard_event (hazard, version, kind, at, body) VALUES (?1,?2,?3,?4,?5)",
            params![id, h.version, change.kind.word(), change.at.0, event.to_string()],
        )
        .map(drop)
    }

    /// Seals a hazard's evidence.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn put_evidence(&self, hazard: &str, sha256: &str, body: &[u8]) -> Result<(), StoreError> {
        self.run(
            "INSERT OR IGNORE INTO evidence (hazard, sha256, body) VALUES (?1, ?2, ?3)",
            params![hazard, sha256, body],
        )
        .map(drop)
    }

    /// Notes how the delivery of event `seq` to `outlet` stands.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn put_delivery(
        &self,
        outlet: &str,
        seq: i64,
        state: &str,
        at: Micros,
        detail: &str,
    ) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO delivery (outlet, event, state, at, detail) VALUES (?1,?2,?3,?4,?5)
             ON CONFLICT (outlet, event) DO UPDATE SET state = excluded.state, at = excluded.at, detail = excluded.detail",
            params![outlet, seq, state, at.0, detail],
        )
        .map(drop)
    }

    /// Keeps what the other side refused for good.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_dead_letter(&self, letter: &DeadLetter, at: Micros) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO dead_letter (at, outlet, what, status, reason) VALUES (?1,?2,?3,?4,?5)",
            params![at.0, letter.outlet, letter.what, letter.status, letter.reason],
        )
        .map(drop)
    }

    /// Drops all but the newest dead letters.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn trim_dead_letters(&self) -> Result<(), StoreError> {
        self.run(
            "DELETE FROM dead_letter WHERE seq <= (SELECT seq FROM dead_letter ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
            [DEAD_LETTERS],
        )
        .map(drop)
    }

    /// Notes readings that had to go; a loss that follows on the last one of its outlet prolongs that row,
    /// so that an outage of a month is one row and not a hundred thousand.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_loss(&self, loss: &Loss, reason: &str, at: Micros) -> Result<(), StoreError> {
        let joined = self.run(
            "UPDATE loss SET to_at = ?3, readings = readings + ?4, at = ?6
             WHERE seq = (SELECT max(seq) FROM loss WHERE outlet = ?1) AND reason = ?5 AND to_at >= ?2 - 60000000",
            params![loss.outlet, loss.from.0, loss.to.0, loss.readings as i64, reason, at.0],
        )?;
        if joined > 0 {
            return Ok(());
        }
        self.run(
            "INSERT INTO loss (at, outlet, from_at, to_at, readings, reason) VALUES (?1,?2,?3,?4,?5,?6)",
            params![at.0, loss.outlet, loss.from.0, loss.to.0, loss.readings as i64, reason],
        )
        .map(drop)
    }

    /// Adds what nearly became an alarm of `rule`; the newest [`MOST_PRECURSORS`] are kept.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_precursor(&self, rule: &str, p: &Precursor) -> Result<(), StoreError> {
        let lasted_ms = i64::try_from(p.lasted.as_millis()).unwrap_or(i64::MAX);
        self.run(
            "INSERT INTO precursor (at, rule, beyond, peak, lasted_ms) VALUES (?1,?2,?3,?4,?5)",
            params![p.at.0, rule, p.beyond, p.peak, lasted_ms],
        )?;
        self.keep_newest("precursor", MOST_PRECURSORS)
    }

    fn keep_newest(&self, table: &'static str, most: i64) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM {table} WHERE seq <= (SELECT max(seq) FROM {table}) - ?1");
        self.run(&sql, params![most]).map(drop)
    }

    /// Adds an entry to the audit chain.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_audit(&self, e: &Entry) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO audit (seq, at, who, what, subject, detail, prev_hash, hash) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
            params![e.seq as i64, e.at.0, e.who, e.what, e.subject, e.detail, e.prev_hash, e.hash],
        )
        .map(drop)
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(format!("cannot write JSON: {e}")))
}
