//! `journal.db`: every reading that was taken, once, in the order it was committed.
//!
//! Outbox and history in one copy: outlets read it forward from their cursor, evidence and trends
//! read it by time. Expendable: a damaged file is set aside, and a new one begun.

mod reader;
mod series;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::migrations::{JOURNAL, migrate, settle, tune};
use super::{PackedSample, StoreError, pack, sqlite};
use crate::plant::{Batch, Micros, Plant, TextTable};

use series::series_of;

pub use reader::JournalReader;
pub use series::SeriesInfo;

const FILE: &str = "journal.db";
const SUSPECT: &str = "journal.suspect";
/// A commit time earlier than one before by more than this begins a new run, microseconds.
const SET_BACK: i64 = 1_000_000;
/// Chunks dropped in one transaction: delivered and old ones, and those that the disk budget costs.
const TRIM_STEP: u32 = 4096;
const OVER_BUDGET_STEP: u32 = 32;

/// One commit's readings, still packed.
#[derive(Debug)]
pub struct Chunk {
    /// Place in the outbox order.
    pub seq: i64,
    /// When it was committed.
    pub committed: Micros,
    /// Readings in it.
    pub readings: u64,
    /// For [`super::unpack`].
    pub body: Vec<u8>,
}

/// What stands in the journal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stats {
    /// Newest chunk; 0 when empty.
    pub last_seq: i64,
    /// Oldest chunk; 0 when empty.
    pub first_seq: i64,
    /// Bytes in use in the file.
    pub bytes: u64,
}

/// The writer. Owned by the keeper alone.
#[derive(Debug)]
pub struct Journal {
    conn: Connection,
    path: PathBuf,
    series: Vec<u32>,
    texts: TextTable,
    texts_kept: usize,
    body: Vec<u8>,
    /// Latest commit time since the clock was last set back.
    newest: i64,
}

/// Readings that had to go before an outlet had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Outlet id.
    pub outlet: String,
    /// First and last commit that went.
    pub from: Micros,
    /// See `from`.
    pub to: Micros,
    /// How many.
    pub readings: u64,
}

/// What one step of trimming dropped.
#[derive(Debug, Default)]
pub struct Trimmed {
    /// Chunks dropped.
    pub chunks: usize,
    /// What undelivered outlets lost by it.
    pub lost: Vec<Loss>,
}

/// The opened journal, and where a damaged one was put.
#[derive(Debug)]
pub struct Opened {
    /// Ready to write.
    pub journal: Journal,
    /// The damaged file's new name, if there was one.
    pub set_aside: Option<PathBuf>,
}

impl Journal {
    /// Opens or begins `dir/journal.db` for the points of `plant`.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be written or the file is from a newer version.
    pub fn open(dir: &Path, plant: &Plant, now: Micros) -> Result<Opened, StoreError> {
        std::fs::create_dir_all(dir)
            .map_err(|source| StoreError::Io { file: dir.display().to_string(), source })?;
        let path = dir.join(FILE);
        // A whole check of a large file takes its time: done only when a run has met damage.
        let suspect = dir.join(SUSPECT);
        let opened = Self::try_open(&path, plant).and_then(|journal| {
            if suspect.exists() {
                journal.check()?;
            }
            Ok(journal)
        });
        // Looked at now; a file that cannot be removed is only looked at again.
        let _ = std::fs::remove_file(&suspect);
        match opened {
            Ok(journal) => Ok(Opened { journal, set_aside: None }),
            Err(e) if e.is_damage() => {
                let aside = dir.join(format!("journal.damaged-{}.db", now.seconds()));
                for suffix in ["", "-wal", "-shm"] {
                    let from = dir.join(format!("{FILE}{suffix}"));
                    if from.exists() {
                        let to = PathBuf::from(format!("{}{suffix}", aside.display()));
                        std::fs::rename(&from, to)
                            .map_err(|source| StoreError::Io { file: from.display().to_string(), source })?;
                    }
                }
                Ok(Opened { journal: Self::try_open(&path, plant)?, set_aside: Some(aside) })
            }
            Err(other) => Err(other),
        }
    }

    /// Asks for a whole check at the next start.
    pub fn suspect(dir: &Path) {
        // If it cannot be written, the next start meets the damage as this one did.
        let _ =
            std::fs::write(dir.join(SUSPECT), "damage was met while running; checked at the next start\n");
    }

    fn check(&self) -> Result<(), StoreError> {
        let word: String =
            self.conn.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(sqlite(FILE))?;
        if word != "ok" {
            return Err(StoreError::Corrupt(format!("{FILE}: {word}")));
        }
        // Also what SQLite cannot know: that every chunk reads.
        let (reader, mut seq) = (self.reader()?, 0);
        while let Some(chunk) = reader.next_after(seq)? {
            seq = chunk.seq;
            super::unpack(&chunk.body, |_| ())?;
        }
        Ok(())
    }

    fn try_open(path: &Path, plant: &Plant) -> Result<Self, StoreError> {
        let err = sqlite(FILE);
        let mut conn = Connection::open(path).map_err(&err)?;
        tune(&conn, FILE)?;
        migrate(&mut conn, FILE, JOURNAL)?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0)).map_err(&err)?;
        let series = series_of(&mut conn, plant)?;
        let texts = {
            let mut kept = conn.prepare("SELECT text FROM text ORDER BY number").map_err(&err)?;
            let rows = kept.query_map([], |r| r.get(0)).map_err(&err)?;
            rows.collect::<Result<Vec<String>, _>>().map_err(&err)?
        };
        let texts_kept = texts.len();
        let table = TextTable::default();
        table.restore(texts);
        let newest = conn
            .query_row("SELECT committed FROM chunk ORDER BY seq DESC LIMIT 1", [], |r| r.get(0))
            .optional()
            .map_err(&err)?
            .unwrap_or(i64::MIN);
        Ok(Self { conn, path: path.to_owned(), series, texts: table, texts_kept, body: Vec::new(), newest })
    }

    /// The texts that readings may stand for; what is added to it is kept with the next commit.
    #[must_use]
    pub fn texts(&self) -> TextTable {
        self.texts.clone()
    }

    /// Knows the points of `plant` from now on; those it knew keep their numbers there.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing has changed then.
    pub fn extend(&mut self, plant: &Plant) -> Result<(), StoreError> {
        self.series = series_of(&mut self.conn, plant)?;
        Ok(())
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
        if batch.is_empty() && cursors.is_empty() {
            return Ok(None);
        }
        let err = sqlite(FILE);
        let tx = self.conn.transaction().map_err(&err)?;
        let mut seq = None;
        if !batch.is_empty() {
            pack::pack(batch, &self.series, &mut self.body);
            tx.prepare_cached("INSERT INTO chunk (committed, readings, body) VALUES (?1, ?2, ?3)")
                .and_then(|mut s| s.execute(params![now.0, batch.readings_len() as i64, self.body]))
                .map_err(&err)?;
            seq = Some(tx.last_insert_rowid());
            if now.0 < self.newest.saturating_sub(SET_BACK) {
                tx.execute("INSERT INTO turn (seq) VALUES (?1)", [seq]).map_err(&err)?;
            }
        }
        let new_texts = self.texts.since(self.texts_kept);
        for (number, text) in &new_texts {
            tx.prepare_cached("INSERT INTO text (number, text) VALUES (?1, ?2)")
                .and_then(|mut s| s.execute(params![*number as i64, text]))
                .map_err(&err)?;
        }
        for (outlet, at, readings) in cursors {
            tx.prepare_cached(
                "INSERT INTO cursor (outlet, seq, readings) VALUES (?1, ?2, ?3)
                 ON CONFLICT (outlet) DO UPDATE SET seq = excluded.seq, readings = cursor.readings + excluded.readings",
            )
            .and_then(|mut s| s.execute(params![outlet, at, *readings as i64]))
            .map_err(&err)?;
        }
        tx.commit().map_err(&err)?;
        self.texts_kept += new_texts.len();
        if seq.is_some() {
            let back = now.0 < self.newest.saturating_sub(SET_BACK);
            self.newest = if back { now.0 } else { self.newest.max(now.0) };
        }
        Ok(seq)
    }

    /// Drops some of the oldest chunks: those that are older than `keep_from` and that every outlet in
    /// `outlets` has passed; while the journal takes more than `max_bytes`, also younger and
    /// undelivered ones, a few at a time. Call it again until [`Trimmed::chunks`] is 0.
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
        let tx = self.conn.transaction().map_err(&err)?;
        let mut cursors = Vec::new();
        for outlet in outlets {
            cursors.push((outlet.clone(), cursor(&tx, outlet).map_err(&err)?.0));
        }
        let delivered = cursors.iter().map(|c| c.1).min().unwrap_or(i64::MAX);
        let last: Option<i64> = if over {
            tx.query_row(
                "SELECT max(seq) FROM (SELECT seq FROM chunk ORDER BY seq LIMIT ?1)",
                [OVER_BUDGET_STEP],
                |r| r.get(0),
            )
        } else {
            tx.query_row(
                "SELECT max(seq) FROM (SELECT seq, committed FROM chunk ORDER BY seq LIMIT ?1)
                 WHERE committed < ?2 AND seq <= ?3",
                params![TRIM_STEP, keep_from.0, delivered],
                |r| r.get(0),
            )
        }
        .map_err(&err)?;
        let mut trimmed = Trimmed::default();
        if let Some(last) = last {
            for (outlet, seq) in &cursors {
                let row: (Option<i64>, Option<i64>, Option<i64>) = tx
                    .query_row(
                        "SELECT min(committed), max(committed), sum(readings) FROM chunk WHERE seq > ?1 AND seq <= ?2",
                        params![seq, last],
                        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
                    )
                    .map_err(&err)?;
                if let (Some(from), Some(to), Some(n)) = row {
                    trimmed.lost.push(Loss {
                        outlet: outlet.clone(),
                        from: Micros(from),
                        to: Micros(to),
                        readings: n as u64,
                    });
                }
            }
            trimmed.chunks = tx.execute("DELETE FROM chunk WHERE seq <= ?1", [last]).map_err(&err)?;
            tx.execute("DELETE FROM turn WHERE seq <= ?1", [last]).map_err(&err)?;
        }
        tx.commit().map_err(&err)?;
        Ok(trimmed)
    }

    /// Newest and oldest chunk, bytes in use.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn stats(&self) -> Result<Stats, StoreError> {
        stats(&self.conn).map_err(sqlite(FILE))
    }

    /// A reader on its own connection.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn reader(&self) -> Result<JournalReader, StoreError> {
        JournalReader::open(&self.path)
    }
}

fn cursor(conn: &Connection, outlet: &str) -> rusqlite::Result<(i64, u64)> {
    conn.prepare_cached("SELECT seq, readings FROM cursor WHERE outlet = ?1")
        .and_then(|mut s| s.query_row([outlet], |r| Ok((r.get(0)?, r.get::<_, i64>(1)? as u64))).optional())
        .map(Option::unwrap_or_default)
}

fn stats(conn: &Connection) -> rusqlite::Result<Stats> {
    let page: u64 = conn.query_row("PRAGMA page_size", [], |r| r.get::<_, i64>(0))? as u64;
    let pages: u64 = conn.query_row("PRAGMA page_count", [], |r| r.get::<_, i64>(0))? as u64;
    let free: u64 = conn.query_row("PRAGMA freelist_count", [], |r| r.get::<_, i64>(0))? as u64;
    conn.query_row("SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM chunk", [], |r| {
        Ok(Stats { first_seq: r.get(0)?, last_seq: r.get(1)?, bytes: pages.saturating_sub(free) * page })
    })
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}
