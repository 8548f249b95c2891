//! What is meant for the ledger while it cannot be written: recorded, kept elsewhere, and run later in the same order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params, params_from_iter};

use super::{DeadLetter, FILE, Ledger, LedgerTx, StoreError, To, earlier, json, sqlite};
use crate::alarm::{StoredAlarm, StoredMemory};
use crate::hazard::Hazard;
use crate::people::Actor;
use crate::plant::Micros;

/// Who did what to what, when; chained to the entry before it when it is written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Note {
    /// Wall clock.
    pub at: Micros,
    /// A person, or the gateway itself.
    pub who: Actor,
    /// `alarm-acknowledged`, `hazard-opened` …
    pub what: String,
    /// Rule key, hazard id …
    pub subject: String,
    /// JSON.
    pub detail: String,
}

/// One step of a transaction.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Recorded {
    /// An entry of the audit trail.
    Note(Note),
    /// A statement and its values.
    Run(String, Vec<Cell>),
}

/// A value of a statement.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Cell {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// REAL.
    Real(f64),
    /// TEXT.
    Text(String),
    /// BLOB, base64.
    Blob(String),
}

impl Cell {
    fn of(value: &dyn ToSql) -> rusqlite::Result<Self> {
        let output = value.to_sql()?;
        let value = match &output {
            ToSqlOutput::Borrowed(value) => *value,
            ToSqlOutput::Owned(value) => ValueRef::from(value),
            _ => ValueRef::Null,
        };
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(n) => Self::Integer(n),
            ValueRef::Real(n) => Self::Real(n),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(STANDARD.encode(bytes)),
        })
    }

    fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(n) => Value::Integer(*n),
            Self::Real(n) => Value::Real(*n),
            Self::Text(text) => Value::Text(text.clone()),
            Self::Blob(text) => Value::Blob(STANDARD.decode(text).unwrap_or_default()),
        }
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl Recorded {
    pub(super) fn statement(sql: &str, values: &[&dyn ToSql]) -> Result<Self, StoreError> {
        let cells: Result<_, _> = values.iter().map(|v| Cell::of(*v)).collect();
        Ok(Self::Run(sql.to_owned(), cells.map_err(sqlite(FILE))?))
    }

    /// As it is kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it cannot be written as JSON.
    pub fn to_text(&self) -> Result<String, StoreError> {
        json(self)
    }

    /// As it was kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn from_text(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text)
            .map_err(|e| StoreError::Corrupt(format!("what waits for {FILE} does not read back: {e}")))
    }

    /// The alarm state that it stores, if it stores one.
    #[must_use]
    pub fn alarm(&self) -> Option<StoredAlarm> {
        let [key, body] = self.texts("INSERT INTO alarm ", [0, 1])?;
        serde_json::from_str(body).ok().filter(|_| !earlier::is_memory(key))
    }

    /// The memory that it stores, if it stores one.
    #[must_use]
    pub fn memory(&self) -> Option<StoredMemory> {
        if let Some([of, name, body]) = self.texts("INSERT INTO memory ", [0, 1, 2]) {
            return Some(StoredMemory { of: of.parse().ok()?, name: name.to_owned(), body: body.to_owned() });
        }
        let [key, body] = self.texts("INSERT INTO alarm ", [0, 1])?;
        earlier::memory(key, body)
    }

    /// The hazard that it stores, if it stores one.
    #[must_use]
    pub fn hazard(&self) -> Option<Hazard> {
        let [body] = self.texts("INSERT INTO hazard ", [8]).or_else(|| self.texts(earlier::HAZARD, [7]))?;
        serde_json::from_str(body).ok()
    }

    /// The texts at these places of a statement that begins so.
    fn texts<const N: usize>(&self, begin: &str, places: [usize; N]) -> Option<[&str; N]> {
        let Self::Run(sql, cells) = self else { return None };
        let mut texts = [""; N];
        for (text, place) in texts.iter_mut().zip(places) {
            *text = cells.get(place).filter(|_| sql.starts_with(begin))?.text()?;
        }
        Some(texts)
    }

    /// Gives the number of rows that it wrote.
    fn run(&self, tx: &LedgerTx<'_>) -> Result<usize, StoreError> {
        if let Some(written) = self.run_as_today(tx) {
            return written;
        }
        match self {
            Self::Note(note) => tx.note(note).map(|()| 1),
            Self::Run(sql, cells) => match &tx.to {
                To::Ledger { tx, .. } => tx
                    .prepare_cached(sql)
                    .and_then(|mut s| s.execute(params_from_iter(cells.iter().map(Cell::value))))
                    .map_err(sqlite(FILE)),
                To::Record(rows) => {
                    rows.borrow_mut().push(self.clone());
                    Ok(1)
                }
            },
        }
    }

    /// Writes what an earlier version recorded for tables that stand otherwise today.
    fn run_as_today(&self, tx: &LedgerTx<'_>) -> Option<Result<usize, StoreError>> {
        let Self::Run(sql, _) = self else { return None };
        if sql.starts_with(earlier::HAZARD) {
            let unread = || {
                StoreError::Corrupt(
                    "what an earlier version recorded of a hazard does not read back".to_owned(),
                )
            };
            return Some(self.hazard().ok_or_else(unread).and_then(|hazard| tx.put_record(&hazard)));
        }
        self.memory()
            .filter(|_| sql.starts_with("INSERT INTO alarm "))
            .map(|memory| tx.put_memory(&memory).map(|()| 1))
    }

    fn is_event(&self) -> bool {
        matches!(self, Self::Run(sql, _) if sql.starts_with("INSERT INTO hazard_event "))
    }
}

fn is_conflict(error: &StoreError) -> bool {
    matches!(error, StoreError::Sqlite { source, .. }
        if source.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation))
}

pub(super) fn taken_over(conn: &Connection, journal: &str) -> rusqlite::Result<i64> {
    let known: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'", [], |r| r.get(0))?;
    if known == 0 {
        return Ok(0);
    }
    let taken: Option<i64> = conn
        .query_row("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'overflow:' || ?1", [journal], |r| {
            r.get(0)
        })
        .optional()?;
    Ok(taken.unwrap_or(0))
}

impl Ledger {
    /// What `work` would write.
    ///
    /// # Errors
    /// Whatever `work` gives.
    pub fn record(
        work: impl FnOnce(&LedgerTx<'_>) -> Result<(), StoreError>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let tx = LedgerTx { to: To::Record(std::cell::RefCell::default()) };
        work(&tx)?;
        match tx.to {
            To::Record(rows) => Ok(rows.into_inner()),
            To::Ledger { .. } => Ok(Vec::new()),
        }
    }

    /// Runs `work`; where a row of it does not agree with what stands in the ledger, that row becomes a dead letter and
    /// the rest is written: nothing waits behind it for ever.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing was written then.
    pub fn write_surely(
        &mut self,
        work: impl Fn(&LedgerTx<'_>) -> Result<(), StoreError>,
        now: Micros,
    ) -> Result<(), StoreError> {
        match self.write(&work) {
            Err(e) if is_conflict(&e) => {
                let rows = Self::record(&work)?;
                self.write(|tx| rows.iter().try_for_each(|row| run_or_bury(row, tx, now)))
            }
            other => other,
        }
    }

    /// Takes what waited in the journal of this name, with its numbers; each only once.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing was taken then.
    pub fn take_over(
        &mut self,
        journal: &str,
        rows: &[(i64, Recorded)],
        now: Micros,
    ) -> Result<(), StoreError> {
        let Some(last) = rows.last().map(|r| r.0) else { return Ok(()) };
        self.write(|tx| {
            rows.iter().try_for_each(|(_, row)| run_or_bury(row, tx, now))?;
            tx.run(
                "INSERT INTO meta (key, value) VALUES ('overflow:' || ?1, CAST(?2 AS TEXT))
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                params![journal, last],
            )
            .map(drop)
        })
    }

    /// The last number of what waited in `journal` that the ledger has taken.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn taken_over(&self, journal: &str) -> Result<i64, StoreError> {
        taken_over(&self.conn, journal).map_err(sqlite(FILE))
    }
}

fn run_or_bury(row: &Recorded, tx: &LedgerTx<'_>, now: Micros) -> Result<(), StoreError> {
    let reason = match row.run(tx) {
        Err(e) if is_conflict(&e) || matches!(e, StoreError::Corrupt(_)) => e.to_string(),
        Ok(0) if row.is_event() => "its hazard is not in the ledger".to_owned(),
        other => return other.map(drop),
    };
    let what = row.to_text()?;
    tracing::error!(
        "the ledger has other records than this one, which becomes a dead letter: {reason}: {what}"
    );
    let letter = DeadLetter { outlet: "ledger".to_owned(), what, status: 0, reason };
    tx.add_dead_letter(&letter, now)
}
