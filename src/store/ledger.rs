//! `ledger.db`: alarm state, hazards, audit, receipts. Small and precious; committed at once.
//!
//! A damaged ledger stops the start (a gateway that forgot its open hazards would be worse than
//! one that says it cannot run).

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use super::migrations::{LEDGER, migrate, settle, tune};
use super::{Loss, StoreError, journal::is_damage, sqlite};
use crate::hazard::{Entry, Hazard, HazardChange};
use crate::plant::Micros;
use crate::watch::{Precursor, Saved, Transition};

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

/// A stored alarm transition.
#[derive(Debug, Clone, serde::Serialize)]
#[allow(missing_docs)]
pub struct TransitionRow {
    pub seq: i64,
    pub at: Micros,
    pub rule: String,
    pub event: String,
    pub before: String,
    pub after: String,
    pub value: Option<f64>,
    pub cause: Option<String>,
    pub by: Option<String>,
}

/// A hazard event waiting for, or past, its delivery.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Cursor of the pull API.
    pub seq: i64,
    /// Hazard id.
    pub hazard: String,
    /// CloudEvent, JSON.
    pub body: String,
}

/// A receipt, or what stands in for it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DeliveryRow {
    /// Outlet id.
    pub outlet: String,
    /// Version of the hazard that was sent.
    pub version: u32,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// When.
    pub at: Option<Micros>,
    /// What the other side said.
    pub detail: String,
}

/// What the other side refused for good.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Outlet id.
    pub outlet: String,
    /// The line or the event.
    pub what: String,
    /// HTTP status.
    pub status: u16,
    /// The server's words.
    pub reason: String,
}

/// Precursors kept in the ledger.
pub const MOST_PRECURSORS: i64 = 100_000;

/// What nearly became an alarm, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecursorRow {
    /// When it ended.
    pub at: Micros,
    /// Key of the rule.
    pub rule: String,
    /// Beyond the limit, and back before the on-delay had passed; else only near.
    pub beyond: bool,
    /// The value furthest gone, in the point's unit.
    pub peak: f64,
    /// How long it lasted, milliseconds.
    pub lasted_ms: u64,
}

/// A row of the loss ledger.
#[derive(Debug, Clone)]
pub struct LossRow {
    /// When it was noted last.
    pub at: Micros,
    /// What went.
    pub loss: Loss,
    /// Why.
    pub reason: String,
}

/// One audit entry as stored.
pub type AuditRow = Entry;

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

    /// Adds a transition of `rule` to the history.
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
        )
        .map(drop)
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
        self.run(
            "DELETE FROM precursor WHERE seq <= (SELECT max(seq) FROM precursor) - ?1",
            params![MOST_PRECURSORS],
        )
        .map(drop)
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

/// Reads the ledger while the keeper writes it.
#[derive(Debug)]
pub struct LedgerReader {
    conn: Connection,
}

impl LedgerReader {
    /// Opens the file read-only.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(sqlite(FILE))?;
        conn.execute_batch("PRAGMA busy_timeout=5000; PRAGMA query_only=ON;").map_err(sqlite(FILE))?;
        Ok(Self { conn })
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let err = sqlite(FILE);
        let mut query = self.conn.prepare_cached(sql).map_err(&err)?;
        let rows = query.query_map(values, read).map_err(&err)?;
        rows.collect::<Result<_, _>>().map_err(&err)
    }

    /// All alarm states.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn alarms(&self) -> Result<Vec<Saved>, StoreError> {
        self.rows("SELECT body FROM alarm", [], |r| r.get::<_, String>(0))?
            .iter()
            .map(|body| from_json(body))
            .collect()
    }

    /// The newest `limit` transitions, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn transitions(&self, limit: u32) -> Result<Vec<TransitionRow>, StoreError> {
        self.rows(
            "SELECT seq, at, rule, event, before, after, value, cause, by FROM transition ORDER BY seq DESC LIMIT ?1",
            [limit],
            transition,
        )
    }

    /// All transitions with a time in `from..=to`, in the order they happened.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn transitions_between(&self, from: Micros, to: Micros) -> Result<Vec<TransitionRow>, StoreError> {
        self.rows(
            "SELECT seq, at, rule, event, before, after, value, cause, by FROM transition
             WHERE at BETWEEN ?1 AND ?2 ORDER BY seq",
            [from.0, to.0],
            transition,
        )
    }

    /// What a [`crate::hazard::Register`] takes up after a restart: records that are not closed, and
    /// closed ones whose evidence is still to be sealed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unfinished_hazards(&self) -> Result<Vec<Hazard>, StoreError> {
        let evidence = "NOT EXISTS (SELECT 1 FROM evidence e WHERE e.hazard = h.id)";
        self.rows(
            &format!(
                "SELECT body FROM hazard h WHERE status <> 'closed' OR {evidence} ORDER BY found_at, number"
            ),
            [],
            |r| r.get::<_, String>(0),
        )?
        .iter()
        .map(|body| from_json(body))
        .collect()
    }

    /// Hazards that are not closed, oldest first; with `closed`, also the closed ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hazards(&self, closed: bool) -> Result<Vec<Hazard>, StoreError> {
        self.rows(
            "SELECT body FROM hazard WHERE ?1 OR status <> 'closed' ORDER BY found_at, number",
            [closed],
            |r| r.get::<_, String>(0),
        )?
        .iter()
        .map(|body| from_json(body))
        .collect()
    }

    /// The highest number given out that starts with `prefix` (`YH-20261124-`); 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn numbered(&self, prefix: &str) -> Result<u32, StoreError> {
        self.conn
            .query_row(
                "SELECT coalesce(max(CAST(substr(number, length(?1) + 1) AS INTEGER)), 0) FROM hazard WHERE substr(number, 1, length(?1)) = ?1",
                [prefix],
                |r| r.get(0),
            )
            .map_err(sqlite(FILE))
    }

    /// Hazard events after `seq`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn events_after(&self, seq: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        self.rows(
            "SELECT seq, hazard, body FROM hazard_event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            params![seq, limit],
            event,
        )
    }

    /// Events that `outlet` has neither delivered nor buried, oldest first: the first of each
    /// hazard only, so that order per hazard holds while another hazard's receiver is stuck.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn undelivered(&self, outlet: &str, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        self.rows(
            "SELECT min(e.seq), e.hazard, e.body FROM hazard_event e
             LEFT JOIN delivery d ON d.outlet = ?1 AND d.event = e.seq
             WHERE d.event IS NULL OR d.state = 'pending' GROUP BY e.hazard ORDER BY 1 LIMIT ?2",
            params![outlet, limit],
            event,
        )
    }

    /// How each version of a hazard was delivered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn deliveries(&self, hazard: &str) -> Result<Vec<DeliveryRow>, StoreError> {
        self.rows(
            "SELECT d.outlet, e.version, d.state, d.at, d.detail FROM hazard_event e
             JOIN delivery d ON d.event = e.seq WHERE e.hazard = ?1 ORDER BY e.version, d.outlet",
            [hazard],
            |r| {
                Ok(DeliveryRow {
                    outlet: r.get(0)?,
                    version: r.get(1)?,
                    state: r.get(2)?,
                    at: r.get::<_, Option<i64>>(3)?.map(Micros),
                    detail: r.get(4)?,
                })
            },
        )
    }

    /// Sealed evidence of a hazard: SHA-256 and body.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn evidence(&self, hazard: &str) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        self.conn
            .query_row("SELECT sha256, body FROM evidence WHERE hazard = ?1", [hazard], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()
            .map_err(sqlite(FILE))
    }

    /// Number of events that `outlet` has delivered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delivered(&self, outlet: &str) -> Result<u64, StoreError> {
        self.conn
            .query_row(
                "SELECT count(*) FROM delivery WHERE outlet = ?1 AND state = 'delivered'",
                [outlet],
                |r| r.get::<_, i64>(0),
            )
            .map(|n| n as u64)
            .map_err(sqlite(FILE))
    }

    /// The hazard with this id, closed or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hazard(&self, id: &str) -> Result<Option<Hazard>, StoreError> {
        let body = self
            .conn
            .query_row("SELECT body FROM hazard WHERE id = ?1", [id], |r| r.get::<_, String>(0))
            .optional()
            .map_err(sqlite(FILE))?;
        body.map(|b| from_json(&b)).transpose()
    }

    /// Number of dead letters of `outlet`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn dead_letters(&self, outlet: &str) -> Result<u64, StoreError> {
        self.conn
            .query_row("SELECT count(*) FROM dead_letter WHERE outlet = ?1", [outlet], |r| r.get::<_, i64>(0))
            .map(|n| n as u64)
            .map_err(sqlite(FILE))
    }

    /// The newest `limit` dead letters, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest_dead_letters(&self, limit: u32) -> Result<Vec<(Micros, DeadLetter)>, StoreError> {
        self.rows(
            "SELECT at, outlet, what, status, reason FROM dead_letter ORDER BY seq DESC LIMIT ?1",
            [limit],
            |r| {
                let letter =
                    DeadLetter { outlet: r.get(1)?, what: r.get(2)?, status: r.get(3)?, reason: r.get(4)? };
                Ok((Micros(r.get(0)?), letter))
            },
        )
    }

    /// The newest `limit` losses, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn losses(&self, limit: u32) -> Result<Vec<LossRow>, StoreError> {
        self.rows(
            "SELECT at, outlet, from_at, to_at, readings, reason FROM loss ORDER BY seq DESC LIMIT ?1",
            [limit],
            |r| {
                let loss = Loss {
                    outlet: r.get(1)?,
                    from: Micros(r.get(2)?),
                    to: Micros(r.get(3)?),
                    readings: r.get::<_, i64>(4)? as u64,
                };
                Ok(LossRow { at: Micros(r.get(0)?), loss, reason: r.get(5)? })
            },
        )
    }

    /// The newest `limit` precursors, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn precursors(&self, limit: u32) -> Result<Vec<PrecursorRow>, StoreError> {
        self.rows(
            "SELECT at, rule, beyond, peak, lasted_ms FROM precursor ORDER BY seq DESC LIMIT ?1",
            [limit],
            |r| {
                Ok(PrecursorRow {
                    at: Micros(r.get(0)?),
                    rule: r.get(1)?,
                    beyond: r.get(2)?,
                    peak: r.get(3)?,
                    lasted_ms: r.get::<_, i64>(4)? as u64,
                })
            },
        )
    }

    /// The audit chain from its beginning.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn audit(&self) -> Result<Vec<AuditRow>, StoreError> {
        self.rows(
            "SELECT seq, at, who, what, subject, detail, prev_hash, hash FROM audit ORDER BY seq",
            [],
            audit,
        )
    }

    /// The newest audit entry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_audit(&self) -> Result<Option<AuditRow>, StoreError> {
        self.conn
            .query_row(
                "SELECT seq, at, who, what, subject, detail, prev_hash, hash FROM audit ORDER BY seq DESC LIMIT 1",
                [],
                audit,
            )
            .optional()
            .map_err(sqlite(FILE))
    }
}

fn audit(r: &rusqlite::Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(Entry {
        seq: r.get::<_, i64>(0)? as u64,
        at: Micros(r.get(1)?),
        who: r.get(2)?,
        what: r.get(3)?,
        subject: r.get(4)?,
        detail: r.get(5)?,
        prev_hash: r.get(6)?,
        hash: r.get(7)?,
    })
}

fn event(r: &rusqlite::Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow { seq: r.get(0)?, hazard: r.get(1)?, body: r.get(2)? })
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(format!("cannot write JSON: {e}")))
}

fn from_json<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body)
        .map_err(|e| StoreError::Corrupt(format!("{FILE}: a stored body does not read back: {e}")))
}

fn transition(r: &rusqlite::Row<'_>) -> rusqlite::Result<TransitionRow> {
    Ok(TransitionRow {
        seq: r.get(0)?,
        at: Micros(r.get(1)?),
        rule: r.get(2)?,
        event: r.get(3)?,
        before: r.get(4)?,
        after: r.get(5)?,
        value: r.get(6)?,
        cause: r.get(7)?,
        by: r.get(8)?,
    })
}
