//! Commits: readings, places of outlets, texts and what the ledger could not take, all together or not at all.

use rusqlite::{Transaction, params};

use super::meta::{self, Mark};
use super::{Drift, FILE, Journal, SLACK, StoreError, Uptime, cursor, sqlite};
use crate::plant::{Batch, Micros};
use crate::store::{checksum, pack};

/// A commit time earlier than one before by more than this begins a new run, microseconds.
const SET_BACK: i64 = 1_000_000;

/// What goes into one commit.
#[derive(Debug, Default)]
pub struct Load<'a> {
    /// Readings, and how far the wall clock was set ahead just before them, microseconds.
    pub parts: &'a [(&'a Batch, i64)],
    /// Outlets that moved on: to which chunk, and how many readings they have delivered.
    pub cursors: &'a [(String, i64, u64)],
    /// What the ledger could not take.
    pub overflow: &'a [String],
    /// How long the machine runs, if both clocks are to be noted.
    pub uptime: Option<Uptime>,
}

impl Journal {
    /// Commits `batch` and the cursors that moved; on return both are on the disk.
    /// Gives the chunk's number, or `None` if there was nothing to write.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing was written then.
    pub fn commit(
        &mut self,
        batch: &Batch,
        cursors: &[(String, i64, u64)],
        now: Micros,
    ) -> Result<Option<i64>, StoreError> {
        let parts = [(batch, 0)];
        let parts = if batch.is_empty() { &[][..] } else { &parts[..] };
        self.write(&Load { parts, cursors, ..Load::default() }, now)
    }

    /// Commits all of `load` together; on return it is on the disk. Gives the number of the newest chunk, or `None` if
    /// there was no reading.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing was written then.
    pub fn write(&mut self, load: &Load<'_>, now: Micros) -> Result<Option<i64>, StoreError> {
        let nothing = load.parts.is_empty() && load.cursors.is_empty() && load.overflow.is_empty();
        if nothing && load.uptime.is_none() {
            return Ok(None);
        }
        let err = sqlite(FILE);
        self.place.check()?;
        let tx = self.conn.transaction().map_err(&err)?;
        let (mut seq, mut drift, mut turning, mut newest) = (None, self.drift, self.turning, self.newest);
        for (batch, ahead) in load.parts {
            turning.ahead += ahead;
            pack::pack(batch, &self.series, &mut self.body);
            let number = put_chunk(&tx, now.0, batch.readings_len() as i64, &self.body).map_err(&err)?;
            put_late(&tx, (number, now.0), batch.samples().map(|s| s.0.at.0)).map_err(&err)?;
            seq = Some(number);
            if now.0 < newest.saturating_sub(SET_BACK) && turning.ahead == 0 {
                turning.ahead = now.0 - newest;
            }
            if turning != Drift::default() {
                put_turn(&tx, number, drift, turning).map_err(&err)?;
                drift = Drift { ahead: drift.ahead + turning.ahead, dark: drift.dark + turning.dark };
                newest = i64::MIN;
                turning = Drift::default();
            }
            newest = newest.max(now.0);
        }
        let new_texts = self.texts.since(self.texts_kept);
        put_texts(&tx, &new_texts).map_err(&err)?;
        put_cursors(&tx, load.cursors).map_err(&err)?;
        for body in load.overflow {
            meta::add_overflow(&tx, body).map_err(&err)?;
        }
        if load.uptime.is_some() || drift != self.drift {
            let uptime = load.uptime.clone().unwrap_or_default();
            meta::set_mark(&tx, &Mark { wall: now, uptime, drift }).map_err(&err)?;
        }
        tx.commit().map_err(&err)?;
        self.texts_kept += new_texts.len();
        (self.drift, self.turning, self.newest) = (drift, turning, newest);
        Ok(seq)
    }
}

fn put_chunk(tx: &Transaction<'_>, committed: i64, readings: i64, body: &[u8]) -> rusqlite::Result<i64> {
    let sum = checksum::of_chunk(committed, readings, body);
    tx.prepare_cached("INSERT INTO chunk (committed, readings, body, sum) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![committed, readings, body, sum])?;
    Ok(tx.last_insert_rowid())
}

/// Notes the times of a chunk's readings, where a search by its commit time would not find them.
pub(super) fn put_late(
    tx: &Transaction<'_>,
    (seq, committed): (i64, i64),
    times: impl Iterator<Item = i64>,
) -> rusqlite::Result<()> {
    let span = times.fold(None, |span: Option<(i64, i64)>, at| {
        let (first, last) = span.unwrap_or((at, at));
        Some((first.min(at), last.max(at)))
    });
    let Some((first, last)) = span else { return Ok(()) };
    if first >= committed.saturating_sub(SLACK) && last <= committed.saturating_add(SLACK) {
        return Ok(());
    }
    tx.prepare_cached("INSERT OR REPLACE INTO late (seq, first_at, last_at) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, first, last])
        .map(drop)
}

fn put_turn(tx: &Transaction<'_>, seq: i64, before: Drift, by: Drift) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO turn (seq, ahead_before, ahead, dark_before, dark) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![seq, before.ahead, before.ahead + by.ahead, before.dark, before.dark + by.dark],
    )
    .map(drop)
}

fn put_texts(tx: &Transaction<'_>, texts: &[(usize, String)]) -> rusqlite::Result<()> {
    for (number, text) in texts {
        tx.prepare_cached(
            "INSERT OR REPLACE INTO text (number, text, sum) VALUES (?1, ?2, row_sum(?1, ?2))",
        )?
        .execute(params![*number as i64, text])?;
    }
    Ok(())
}

fn put_cursors(tx: &Transaction<'_>, cursors: &[(String, i64, u64)]) -> rusqlite::Result<()> {
    for (outlet, at, readings) in cursors {
        let readings = *readings as i64 + cursor(tx, outlet)?.1 as i64;
        tx.prepare_cached(
            "INSERT INTO cursor (outlet, seq, readings, sum) VALUES (?1, ?2, ?3, row_sum(?1, ?2, ?3))
             ON CONFLICT (outlet) DO UPDATE SET seq = excluded.seq, readings = excluded.readings, sum = excluded.sum",
        )?
        .execute(params![outlet, at, readings])?;
    }
    Ok(())
}
