//! What goes from the journal: old and delivered chunks, and, where the disk or its budget wants it, more.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::{FILE, Journal, StoreError, cursor, sqlite, stats};
use crate::plant::Micros;
use crate::store::unpack;

/// Chunks dropped in one transaction: delivered and old ones, and those that the disk budget costs.
const TRIM_STEP: u32 = 4096;
const OVER_BUDGET_STEP: u32 = 32;
/// Pages given back to the disk at once.
const SHRINK_STEP: u32 = 256;
/// Names told of one loss.
const MOST_NAMES: usize = 20;

/// Readings that had to go before an outlet had them.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Loss {
    /// Outlet id; `*` where they were never stored.
    pub outlet: String,
    /// Time of the first reading that went.
    pub from: Micros,
    /// Time of the last one.
    pub to: Micros,
    /// Readings with a value.
    pub readings: u64,
    /// Whose they were: `boiler-1/drum_level, …`.
    pub detail: String,
}

/// Names for people: the first of them, and how many more.
#[must_use]
pub fn named(names: &BTreeSet<String>) -> String {
    let mut text = names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMES {
        text.push_str(&format!(" and {} more", names.len() - MOST_NAMES));
    }
    text
}

/// What one step of trimming dropped.
#[derive(Debug, Default)]
pub struct Trimmed {
    /// Chunks dropped.
    pub chunks: usize,
    /// What undelivered outlets lost by it.
    pub lost: Vec<Loss>,
}

#[derive(Default)]
struct Tally {
    span: Option<(i64, i64)>,
    readings: u64,
    series: BTreeSet<u32>,
}

impl Tally {
    fn add(&mut self, (committed, count, body): (i64, i64, &[u8])) {
        let read = unpack(body, |sample| {
            for reading in sample.readings.iter().filter(|r| r.quality.is_usable()) {
                self.readings += 1;
                self.series.insert(reading.series);
                let (from, to) = self.span.unwrap_or((sample.at.0, sample.at.0));
                self.span = Some((from.min(sample.at.0), to.max(sample.at.0)));
            }
        });
        if read.is_err() {
            let (from, to) = self.span.unwrap_or((committed, committed));
            self.span = Some((from.min(committed), to.max(committed)));
            self.readings += count as u64;
        }
    }
}

impl Journal {
    /// Drops some of the oldest chunks: those that are older than `keep_from` and that every outlet in
    /// `outlets` has passed; while the journal takes more than `max_bytes`, also younger and
    /// undelivered ones, a few at a time. Call it again until [`Trimmed::chunks`] is 0.
    ///
    /// What was committed before a turn of the clock ages by the time that has really passed since.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing was dropped then.
    pub fn trim(
        &mut self,
        outlets: &[String],
        keep_from: Micros,
        max_bytes: u64,
    ) -> Result<Trimmed, StoreError> {
        let err = sqlite(FILE);
        let over = stats(&self.conn).map_err(&err)?.bytes > max_bytes;
        let delivered = self.delivered(outlets)?;
        let last: Option<i64> = if over {
            self.conn
                .query_row(
                    "SELECT max(seq) FROM (SELECT seq FROM chunk ORDER BY seq LIMIT ?1)",
                    [OVER_BUDGET_STEP],
                    |r| r.get(0),
                )
                .map_err(&err)?
        } else {
            let (end, shift) = self.oldest_run().map_err(&err)?;
            self.conn
                .query_row(
                    "SELECT max(seq) FROM (SELECT seq, committed FROM chunk ORDER BY seq LIMIT ?1)
                     WHERE committed < ?2 AND seq <= ?3 AND seq < ?4",
                    params![TRIM_STEP, keep_from.0.saturating_sub(shift), delivered, end],
                    |r| r.get(0),
                )
                .map_err(&err)?
        };
        self.drop_until(last, outlets)
    }

    /// Drops delivered chunks however young they are, some at a time: the disk is full.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing was dropped then.
    pub fn give_up_delivered(&mut self, outlets: &[String]) -> Result<usize, StoreError> {
        // Nobody has it anywhere else: without an outlet there is no delivered history.
        if outlets.is_empty() {
            return Ok(0);
        }
        let last = self
            .conn
            .query_row(
                "SELECT max(seq) FROM (SELECT seq FROM chunk ORDER BY seq LIMIT ?1) WHERE seq <= ?2",
                params![TRIM_STEP / 8, self.delivered(outlets)?],
                |r| r.get(0),
            )
            .map_err(sqlite(FILE))?;
        Ok(self.drop_until(last, &[])?.chunks)
    }

    /// Gives free pages back to the disk, some at a time. A file of an earlier version has none to give.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn shrink(&self) -> Result<(), StoreError> {
        let sql = format!("PRAGMA incremental_vacuum({SHRINK_STEP}); PRAGMA wal_checkpoint(PASSIVE);");
        self.conn.execute_batch(&sql).map_err(sqlite(FILE))
    }

    /// With `room`, the file may grow; without, it lives on the pages that it has.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn may_grow(&self, room: bool) -> Result<(), StoreError> {
        let pages: i64 = self.conn.query_row("PRAGMA page_count", [], |r| r.get(0)).map_err(sqlite(FILE))?;
        let (most, log) = if room { (4_294_967_294, 2000) } else { (pages.max(1), 256) };
        self.conn
            .execute_batch(&format!("PRAGMA max_page_count={most}; PRAGMA wal_autocheckpoint={log};"))
            .map_err(sqlite(FILE))
    }

    fn delivered(&self, outlets: &[String]) -> Result<i64, StoreError> {
        let mut delivered = i64::MAX;
        for outlet in outlets {
            delivered = delivered.min(cursor(&self.conn, outlet).map_err(sqlite(FILE))?.0);
        }
        Ok(delivered)
    }

    /// The oldest run of chunks: behind its last one, and by how much its wall times have to be moved to compare with
    /// those of now.
    fn oldest_run(&self) -> rusqlite::Result<(i64, i64)> {
        let first: i64 = self.conn.query_row("SELECT coalesce(min(seq), 0) FROM chunk", [], |r| r.get(0))?;
        let turn: Option<(i64, i64, i64)> = self
            .conn
            .query_row(
                "SELECT seq, ahead_before, dark_before FROM turn WHERE seq > ?1 ORDER BY seq LIMIT 1",
                [first],
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
            )
            .optional()?;
        let now = self.drift;
        Ok(turn.map_or((i64::MAX, 0), |(seq, ahead, dark)| (seq, (now.ahead - ahead) + (now.dark - dark))))
    }

    fn drop_until(&mut self, last: Option<i64>, outlets: &[String]) -> Result<Trimmed, StoreError> {
        let err = sqlite(FILE);
        let mut trimmed = Trimmed::default();
        // What is taken over from a damaged file comes in its order: nothing goes before its turn.
        let Some(last) = last.map(|last| last.min(self.taken_over_until())) else { return Ok(trimmed) };
        let tx = self.conn.transaction().map_err(&err)?;
        for outlet in outlets {
            let seq = cursor(&tx, outlet).map_err(&err)?.0;
            if seq >= last {
                continue;
            }
            let tally = tally(&tx, seq, last).map_err(&err)?;
            if let Some((from, to)) = tally.span {
                let names = names(&tx, &tally.series).map_err(&err)?;
                let (from, to) = (Micros(from), Micros(to));
                let detail = named(&names);
                trimmed.lost.push(Loss {
                    outlet: outlet.clone(),
                    from,
                    to,
                    readings: tally.readings,
                    detail,
                });
            }
        }
        trimmed.chunks = tx.execute("DELETE FROM chunk WHERE seq <= ?1", [last]).map_err(&err)?;
        tx.execute("DELETE FROM turn WHERE seq <= ?1", [last]).map_err(&err)?;
        tx.execute("DELETE FROM late WHERE seq <= ?1", [last]).map_err(&err)?;
        tx.commit().map_err(&err)?;
        Ok(trimmed)
    }
}

fn tally(conn: &Connection, after: i64, last: i64) -> rusqlite::Result<Tally> {
    let mut tally = Tally::default();
    let mut query =
        conn.prepare_cached("SELECT committed, readings, body FROM chunk WHERE seq > ?1 AND seq <= ?2")?;
    let mut rows = query.query([after, last])?;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(2)?;
        tally.add((row.get(0)?, row.get(1)?, body.as_blob()?));
    }
    Ok(tally)
}

fn names(conn: &Connection, series: &BTreeSet<u32>) -> rusqlite::Result<BTreeSet<String>> {
    let mut query = conn.prepare_cached("SELECT equipment || '/' || point FROM series WHERE id = ?1")?;
    let mut names = BTreeSet::new();
    for id in series {
        names.extend(query.query_row([id], |r| r.get::<_, String>(0)).optional()?);
    }
    Ok(names)
}
