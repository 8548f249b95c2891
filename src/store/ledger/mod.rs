//! `ledger.db`: alarm state, hazards, audit, receipts. Small and precious; committed at once.
//!
//! A damaged ledger stops the start (a gateway that forgot its open hazards would be worse than
//! one that says it cannot run).

mod damage;
mod earlier;
mod reader;
mod record;
mod rows;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, params};

use super::migrations::{LEDGER, checkpoint, migrate, settle, tune};
use super::place::{self, Mended, Place};
use super::{Loss, StoreError, journal::is_damage, sqlite};
use crate::alarm::{Precursor, StoredAlarm, StoredMemory, Transition};
use crate::audit::{self, Entry};
use crate::hazard::{Hazard, HazardChange};
use crate::plant::Micros;

pub use damage::Damaged;
pub use reader::{LedgerReader, SETTINGS_CHANGED, SettingsHistory};
pub use record::{Note, Recorded};
pub use rows::{AuditRow, DeadLetter, DeliveryRow, EventRow, LossRow, TransitionRow};
pub(super) use rows::{calls, is_active};

const FILE: &str = "ledger.db";
/// Longest time that commits stay in the write-ahead log only.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);
/// Dead letters kept: a wrong field refused every second must not fill the disk.
const DEAD_LETTERS: u32 = 10_000;

/// The writer. Owned by the keeper alone.
#[derive(Debug)]
pub struct Ledger {
    conn: Connection,
    path: PathBuf,
    place: Place,
    /// The newest audit entry.
    tail: Option<Entry>,
    name: String,
    /// Since when there is something in the log that is not in the file.
    logged: Option<Instant>,
}

/// One transaction on the ledger; everything in it is on the disk together or not at all.
#[derive(Debug)]
pub struct LedgerTx<'a> {
    to: To<'a>,
}

/// Where a transaction goes.
#[derive(Debug)]
enum To<'a> {
    Ledger {
        tx: Transaction<'a>,
        tail: RefCell<Option<Entry>>,
    },
    /// Kept elsewhere until the ledger can be written.
    Record(RefCell<Vec<Recorded>>),
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
        Self::open_with(dir, true)
    }

    /// As [`Self::open`], for a file that was looked at whole before.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub fn open_again(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, false)
    }

    fn open_with(dir: &Path, check: bool) -> Result<Self, StoreError> {
        place::make_folder(dir)?;
        let path = dir.join(FILE);
        let damaged = |what: String| StoreError::Damaged { file: path.display().to_string(), what };
        let sorted = |e: StoreError| match e {
            StoreError::Sqlite { source, .. } if is_damage(&source) => damaged(source.to_string()),
            other => other,
        };
        let mut conn = Connection::open(&path).map_err(sqlite(FILE))?;
        tune(&conn, FILE).map_err(sorted)?;
        if check {
            let word: String = conn
                .query_row("PRAGMA quick_check(1)", [], |r| r.get(0))
                .map_err(|e| sorted(sqlite(FILE)(e)))?;
            if word != "ok" {
                return Err(damaged(word));
            }
        }
        migrate(&mut conn, FILE, LEDGER)?;
        let tail = reader::last_audit(&conn).map_err(|e| sorted(sqlite(FILE)(e)))?;
        let name = own_name(&conn).map_err(sqlite(FILE))?;
        Ok(Self { place: Place::of(&path), path: path.clone(), conn, tail, name, logged: None })
    }

    /// Runs `work` in one transaction; on return it is on the disk.
    ///
    /// # Errors
    /// Whatever `work` gives, or [`StoreError::Sqlite`]; nothing was written then.
    pub fn write<T>(
        &mut self,
        work: impl FnOnce(&LedgerTx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.place.check()?;
        let (done, tail) = commit(&mut self.conn, self.tail.clone(), work)?;
        self.tail = tail;
        self.checkpoint_now_and_then();
        Ok(done)
    }

    /// Writes a trifle, to find out whether it can be written.
    ///
    /// # Errors
    /// [`StoreError`] if not.
    pub fn probe(&mut self) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta (key, value) VALUES ('probe', ?1) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.write(|tx| tx.run(sql, params![fastrand::u32(..)]).map(drop))
    }

    /// Moves the log into the file now and then. A failure costs nothing: the log is read at the next start.
    fn checkpoint_now_and_then(&mut self) {
        let since = *self.logged.get_or_insert_with(Instant::now);
        if since.elapsed() >= CHECKPOINT_EVERY && checkpoint(&self.conn, FILE).is_ok() {
            self.logged = None;
        }
    }

    /// The ledger's own name, which a new one does not share.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of audit entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.tail.as_ref().map_or(0, |t| t.seq)
    }

    /// An error if the file is no longer where it was opened. One that was removed is written anew from what is
    /// still open, and a removed log is emptied into the file and begun anew.
    ///
    /// # Errors
    /// [`StoreError::Moved`], or why the new one cannot be written.
    pub fn stay(&mut self) -> Result<Option<Mended>, StoreError> {
        self.place.stay(&mut self.conn, FILE)
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

/// Runs `work` in one transaction; gives the audit entry that is the newest then.
fn commit<T>(
    conn: &mut Connection,
    tail: Option<Entry>,
    work: impl FnOnce(&LedgerTx<'_>) -> Result<T, StoreError>,
) -> Result<(T, Option<Entry>), StoreError> {
    let tx = conn.transaction().map_err(sqlite(FILE))?;
    let tx = LedgerTx { to: To::Ledger { tx, tail: RefCell::new(tail) } };
    let done = work(&tx)?;
    let To::Ledger { tx, tail } = tx.to else { return Ok((done, None)) };
    tx.commit().map_err(sqlite(FILE))?;
    Ok((done, tail.into_inner()))
}

impl LedgerTx<'_> {
    fn run(&self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, StoreError> {
        match &self.to {
            To::Ledger { tx, .. } => {
                tx.prepare_cached(sql).and_then(|mut s| s.execute(values)).map_err(sqlite(FILE))
            }
            To::Record(rows) => {
                rows.borrow_mut().push(Recorded::statement(sql, values)?);
                Ok(0)
            }
        }
    }

    /// Puts an alarm's state down.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn put_alarm(&self, alarm: &StoredAlarm) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO alarm (key, body, sum) VALUES (?1, ?2, row_sum(?1, ?2))
             ON CONFLICT (key) DO UPDATE SET body = excluded.body, sum = excluded.sum",
            params![alarm.key, json(alarm)?],
        )
        .map(drop)
    }

    /// Puts down what the engine remembers beside the rules.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn put_memory(&self, memory: &StoredMemory) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO memory (of, name, body, sum) VALUES (?1, ?2, ?3, row_sum(?1, ?2, ?3))
             ON CONFLICT (of, name) DO UPDATE SET body = excluded.body, sum = excluded.sum",
            params![memory.of.as_str(), memory.name, memory.body],
        )
        .map(drop)
    }

    /// Adds a transition of `rule` to the history; the newest [`MOST_TRANSITIONS`] are kept.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_transition(&self, rule: &str, t: &Transition) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO transition (at, rule, event, before, after, value, cause, by, sum)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?8, row_sum(?1,?2,?3,?4,?5,?6,?7,?8))",
            params![
                t.at.0,
                rule,
                t.event.word(),
                t.from.word(),
                t.to.word(),
                t.value,
                t.cause.map(crate::plant::Cause::word),
                t.by.as_ref().map(|by| by.name.as_str())
            ],
        )?;
        self.keep_newest("transition", MOST_TRANSITIONS)
    }

    /// Puts a hazard's new version down together with the event that tells of it.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; also when a second open hazard with the same merge key is attempted.
    pub fn put_hazard(&self, change: &HazardChange, event: &serde_json::Value) -> Result<(), StoreError> {
        let h = &change.hazard;
        let id = h.id.to_string();
        self.put_record(h)?;
        // Of a hazard that became a dead letter nothing goes out.
        self.run(
            "INSERT INTO hazard_event (hazard, version, kind, at, body, sum)
             SELECT ?1,?2,?3,?4,?5, row_sum(?1,?2,?3,?4,?5) WHERE EXISTS (SELECT 1 FROM hazard WHERE id = ?1)",
            params![id, h.version, change.kind.word(), change.at.0, event.to_string()],
        )
        .map(drop)
    }

    fn put_record(&self, h: &Hazard) -> Result<usize, StoreError> {
        self.run(
            "INSERT INTO hazard (id, number, equipment, origin, merge_key, status, found_at, version, body, sum)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9, row_sum(?1,?2,?3,?4,?5,?6,?7,?8,?9))
             ON CONFLICT (id) DO UPDATE SET number = excluded.number, equipment = excluded.equipment,
             origin = excluded.origin, merge_key = excluded.merge_key, status = excluded.status,
             found_at = excluded.found_at, version = excluded.version, body = excluded.body, sum = excluded.sum",
            params![
                h.id.to_string(),
                h.number,
                h.equipment,
                h.origin.as_str(),
                h.merge_key(),
                h.status.word(),
                h.found_at.0,
                h.version,
                json(h)?
            ],
        )
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
            "INSERT INTO delivery (outlet, event, state, at, detail, sum)
             VALUES (?1,?2,?3,?4,?5, row_sum(?1,?2,?3,?4,?5))
             ON CONFLICT (outlet, event) DO UPDATE SET state = excluded.state, at = excluded.at,
             detail = excluded.detail, sum = excluded.sum",
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
            "INSERT INTO dead_letter (at, outlet, what, status, reason, sum)
             VALUES (?1,?2,?3,?4,?5, row_sum(?1,?2,?3,?4,?5))",
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
            params![DEAD_LETTERS],
        )
        .map(drop)
    }

    /// Notes readings that had to go; a loss that follows on the last one of its outlet prolongs that row,
    /// so that an outage of a month is one row and not a hundred thousand.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_loss(&self, loss: &Loss, reason: &str, at: Micros) -> Result<(), StoreError> {
        if let To::Ledger { tx, .. } = &self.to
            && prolong(tx, loss, reason, at).map_err(sqlite(FILE))?
        {
            return Ok(());
        }
        self.run(
            "INSERT INTO loss (at, outlet, from_at, to_at, readings, reason, detail, sum)
             VALUES (?1,?2,?3,?4,?5,?6,?7, row_sum(?1,?2,?3,?4,?5,?6,?7))",
            params![at.0, loss.outlet, loss.from.0, loss.to.0, loss.readings as i64, reason, loss.detail],
        )
        .map(drop)
    }

    /// Notes a loss that may be met again and again, once.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn add_loss_once(&self, loss: &Loss, reason: &str, at: Micros) -> Result<(), StoreError> {
        self.run(
            "INSERT INTO loss (at, outlet, from_at, to_at, readings, reason, detail, sum)
             SELECT ?1,?2,?3,?4,?5,?6,?7, row_sum(?1,?2,?3,?4,?5,?6,?7)
             WHERE NOT EXISTS (SELECT 1 FROM loss WHERE outlet = ?2 AND reason = ?6)",
            params![at.0, loss.outlet, loss.from.0, loss.to.0, loss.readings as i64, reason, loss.detail],
        )
        .map(drop)
    }

    /// Notes how far the wall clock had been set ahead, by `journal`, when the hazard was found.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn put_window(&self, hazard: &str, journal: &str, ahead: i64) -> Result<(), StoreError> {
        self.run(
            "INSERT OR IGNORE INTO evidence_window (hazard, journal, ahead) VALUES (?1, ?2, ?3)",
            params![hazard, journal, ahead],
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
            "INSERT INTO precursor (at, rule, beyond, peak, lasted_ms, sum)
             VALUES (?1,?2,?3,?4,?5, row_sum(?1,?2,?3,?4,?5))",
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
    pub fn note(&self, note: &Note) -> Result<(), StoreError> {
        let tail = match &self.to {
            To::Ledger { tail, .. } => tail,
            To::Record(rows) => {
                rows.borrow_mut().push(Recorded::Note(note.clone()));
                return Ok(());
            }
        };
        let Note { at, who, what, subject, detail } = note;
        let e = audit::chain(tail.borrow().as_ref(), *at, who, what, subject, detail);
        self.run(
            "INSERT INTO audit (seq, at, who, what, subject, detail, prev_hash, hash, who_id, role, via)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
            params![
                e.seq as i64,
                e.at.0,
                e.who.name,
                e.what,
                e.subject,
                e.detail,
                e.prev_hash,
                e.hash,
                e.who.id,
                e.who.role.as_str(),
                e.who.via.as_str()
            ],
        )?;
        tail.replace(Some(e));
        Ok(())
    }
}

/// Prolongs the last loss of the outlet, if this one follows on it for the same reason.
fn prolong(tx: &Transaction<'_>, loss: &Loss, reason: &str, at: Micros) -> rusqlite::Result<bool> {
    let last: Option<i64> = tx
        .prepare_cached(
            "SELECT seq FROM loss WHERE seq = (SELECT max(seq) FROM loss WHERE outlet = ?1) AND reason = ?2
             AND detail = ?3 AND to_at >= ?4 - 60000000",
        )?
        .query_row(params![loss.outlet, reason, loss.detail, loss.from.0], |r| r.get(0))
        .optional()?;
    let Some(seq) = last else { return Ok(false) };
    tx.prepare_cached(
        "UPDATE loss SET from_at = min(from_at, ?2), to_at = max(to_at, ?3), readings = readings + ?4, at = ?5
         WHERE seq = ?1",
    )?
    .execute(params![seq, loss.from.0, loss.to.0, loss.readings as i64, at.0])?;
    tx.prepare_cached(
        "UPDATE loss SET sum = row_sum(at, outlet, from_at, to_at, readings, reason, detail) WHERE seq = ?1",
    )?
    .execute([seq])?;
    Ok(true)
}

fn meta(conn: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    conn.query_row("SELECT value FROM meta WHERE key = ?1", [key], |r| r.get(0)).optional()
}

fn own_name(conn: &Connection) -> rusqlite::Result<String> {
    if let Some(name) = meta(conn, "name")? {
        return Ok(name);
    }
    let name = uuid::Uuid::now_v7().to_string();
    conn.execute("INSERT INTO meta (key, value) VALUES ('name', ?1)", [&name])?;
    Ok(name)
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(format!("cannot write JSON: {e}")))
}
