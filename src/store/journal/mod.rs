//! `journal.db`: every reading that was taken, once, in the order it was committed.
//!
//! Outbox and history in one copy: outlets read it forward from their cursor, evidence and trends
//! read it by time. Expendable: a damaged file is set aside, a new one begun, and what can be read of the damaged one
//! taken over.

mod commit;
mod meta;
mod reader;
mod salvage;
mod series;
#[cfg(test)]
mod tests;
mod trim;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::migrations::{JOURNAL, migrate, settle, tune};
use super::place::{Fate, Place};
use super::{PackedSample, StoreError, Trouble, place, sqlite};
use crate::plant::{Micros, Plant, TextTable};

use meta::Mark;
use series::series_of;

pub use commit::Load;
pub use meta::{Drift, Uptime};
pub use reader::{JournalReader, Unread};
pub use series::SeriesInfo;
pub use trim::{Loss, Trimmed, named};

const FILE: &str = "journal.db";
const SUSPECT: &str = "journal.suspect";
/// What stands for a text that does not read back.
const UNREADABLE: &str = "(unreadable)";

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
    /// How far the clock was set, by what is on the disk, and by what goes there with the next chunk.
    drift: Drift,
    turning: Drift,
    name: String,
    place: Place,
    /// What could not be taken over from a damaged file.
    lost: Vec<Unread>,
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
    /// Opens or begins `dir/journal.db` for the points of `plant`. A damaged file is set aside and what can be read of
    /// it taken over.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be written or the file is from a newer version.
    pub fn open(dir: &Path, plant: &Plant, now: Micros) -> Result<Opened, StoreError> {
        Self::open_with(dir, plant, (now, &Uptime::default()), TextTable::default())
    }

    /// As [`Self::open`], by both clocks and with the texts that are known already.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub fn open_with(
        dir: &Path,
        plant: &Plant,
        (now, uptime): (Micros, &Uptime),
        texts: TextTable,
    ) -> Result<Opened, StoreError> {
        place::make_folder(dir)?;
        let path = dir.join(FILE);
        // A whole check of a large file takes its time: done only when a run has met damage.
        let suspect = dir.join(SUSPECT);
        let opened = Self::try_open(&path, plant, texts.clone()).and_then(|journal| {
            if suspect.exists() {
                journal.check()?;
            }
            Ok(journal)
        });
        // Looked at now; a file that cannot be removed is only looked at again.
        let _ = std::fs::remove_file(&suspect);
        let (mut journal, set_aside) = match opened {
            Ok(journal) => (journal, None),
            Err(e) if e.is_damage() => {
                let aside = salvage::set_aside(dir, now)?;
                let mut journal = Self::try_open(&path, plant, texts)?;
                journal.take_over(&aside, plant)?;
                (journal, Some(aside))
            }
            Err(other) => return Err(other),
        };
        journal.wake(now, uptime)?;
        Ok(Opened { journal, set_aside })
    }

    /// Asks for a whole check: at the next start, or when the keeper looks after the journal.
    pub fn suspect(dir: &Path) {
        // If it cannot be written, whoever meets the damage next asks again.
        let _ = std::fs::write(dir.join(SUSPECT), "damage was met while running; to be checked\n");
    }

    /// A whole check was asked for.
    #[must_use]
    pub fn is_suspect(dir: &Path) -> bool {
        dir.join(SUSPECT).exists()
    }

    fn check(&self) -> Result<(), StoreError> {
        let word: String =
            self.conn.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(sqlite(FILE))?;
        if word == "ok" { Ok(()) } else { Err(StoreError::Corrupt(format!("{FILE}: {word}"))) }
    }

    fn try_open(path: &Path, plant: &Plant, texts: TextTable) -> Result<Self, StoreError> {
        let err = sqlite(FILE);
        let mut conn = Connection::open(path).map_err(&err)?;
        tune(&conn, FILE)?;
        migrate(&mut conn, FILE, JOURNAL)?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0)).map_err(&err)?;
        let series = series_of(&mut conn, plant)?;
        let texts_kept = restore_texts(&conn, &texts)?;
        let newest = conn
            .query_row("SELECT committed FROM chunk ORDER BY seq DESC LIMIT 1", [], |r| r.get(0))
            .optional()
            .map_err(&err)?
            .unwrap_or(i64::MIN);
        let drift = meta::mark(&conn).map_err(&err)?.unwrap_or_default().drift;
        let name = meta::own_name(&conn).map_err(&err)?;
        Ok(Self {
            place: Place::of(path),
            path: path.to_owned(),
            body: Vec::new(),
            turning: Drift::default(),
            lost: Vec::new(),
            conn,
            series,
            texts,
            texts_kept,
            newest,
            drift,
            name,
        })
    }

    /// Finds out how the clock was set since the last run.
    fn wake(&mut self, now: Micros, uptime: &Uptime) -> Result<(), StoreError> {
        let mark = meta::mark(&self.conn).map_err(sqlite(FILE))?;
        // What was committed after the last mark is a witness too, of the wall clock alone.
        let newest = (self.newest > i64::MIN).then_some(Micros(self.newest));
        let mark = match (mark, newest) {
            (Some(mark), _) if mark.uptime.boot == uptime.boot && !uptime.boot.is_empty() => mark,
            (Some(mark), Some(newest)) => {
                Mark { wall: newest.max(mark.wall), uptime: Uptime::default(), ..mark }
            }
            (Some(mark), None) => mark,
            (None, Some(newest)) => Mark { wall: newest, ..Mark::default() },
            (None, None) => return Ok(()),
        };
        let Drift { ahead, dark } = mark.since(now, uptime);
        self.turning.ahead += ahead;
        self.turning.dark += dark;
        Ok(())
    }

    /// What could not be taken over from a damaged file; once.
    #[must_use]
    pub fn take_lost(&mut self) -> Vec<Unread> {
        std::mem::take(&mut self.lost)
    }

    /// The last chunk that `outlet` has delivered.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn delivered_by(&self, outlet: &str) -> Result<i64, StoreError> {
        cursor(&self.conn, outlet).map(|c| c.0).map_err(sqlite(FILE))
    }

    /// How far the wall clock has been set since the journal was begun, microseconds.
    #[must_use]
    pub fn ahead(&self) -> i64 {
        self.drift.ahead + self.turning.ahead
    }

    /// The journal's own name, which a new one does not share.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes a trifle, to find out whether it can be written.
    ///
    /// # Errors
    /// [`StoreError`] if not.
    pub fn probe(&self) -> Result<(), StoreError> {
        self.place.check()?;
        meta::probe(&self.conn).map_err(sqlite(FILE))
    }

    /// The ledger that was beside it: its name, and how many audit entries it had at least.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn ledger(&self) -> Result<Option<(String, u64)>, StoreError> {
        meta::ledger(&self.conn).map_err(sqlite(FILE))
    }

    /// Notes the ledger beside it.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn note_ledger(&self, name: &str, entries: u64) -> Result<(), StoreError> {
        meta::set_ledger(&self.conn, name, entries).map_err(sqlite(FILE))
    }

    /// What waits here for the ledger, behind number `after`.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn overflow(&self, after: i64) -> Result<Vec<(i64, String)>, StoreError> {
        meta::overflow(&self.conn, after).map_err(sqlite(FILE))
    }

    /// The ledger has taken what waited here, up to number `until`.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn drop_overflow(&self, until: i64) -> Result<(), StoreError> {
        self.conn.execute("DELETE FROM overflow WHERE n <= ?1", [until]).map(drop).map_err(sqlite(FILE))
    }

    /// An error if the file is no longer where it was opened. One that was removed is written anew from what is
    /// still open.
    ///
    /// # Errors
    /// [`StoreError::Moved`], or why the new one cannot be written.
    pub fn stay(&mut self) -> Result<bool, StoreError> {
        match self.place.fate() {
            Fate::InPlace => Ok(false),
            Fate::Moved(what) => Err(StoreError::Moved(what)),
            Fate::Removed => {
                self.conn = place::write_anew(&self.conn, &self.path, FILE)?;
                tune(&self.conn, FILE)?;
                self.place = Place::of(&self.path);
                Ok(true)
            }
        }
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

/// Puts the stored texts into `table`; gives how many are stored.
fn restore_texts(conn: &Connection, table: &TextTable) -> Result<usize, StoreError> {
    let err = sqlite(FILE);
    let mut kept = conn
        .prepare("SELECT iif(sum = row_sum(number, text), text, NULL) FROM text ORDER BY number")
        .map_err(&err)?;
    let rows = kept.query_map([], |r| r.get::<_, Option<String>>(0)).map_err(&err)?;
    let mut texts = Vec::new();
    for text in rows {
        texts.push(text.map_err(&err)?.unwrap_or_else(|| UNREADABLE.to_owned()));
    }
    let known = table.since(0);
    if known.iter().zip(&texts).any(|((_, known), text)| known != text && text != UNREADABLE) {
        let what = format!(
            "{FILE} has other texts than came in while it could not be opened: start the gateway again to go on with it"
        );
        return Err(StoreError::Again { trouble: Trouble::Failing, what });
    }
    let stored = texts.len();
    if known.len() <= stored {
        table.restore(texts);
    }
    Ok(stored)
}

/// Where `outlet` stands. A row that is not what was written counts as none: what was delivered is delivered again,
/// under the same times.
fn cursor(conn: &Connection, outlet: &str) -> rusqlite::Result<(i64, u64)> {
    let sound = "SELECT seq, readings FROM cursor WHERE outlet = ?1 AND sum = row_sum(outlet, seq, readings)";
    let all = "SELECT seq, readings FROM cursor WHERE outlet = ?1";
    // A store of an earlier version has no sums.
    let mut query = conn.prepare_cached(sound).or_else(|_| conn.prepare_cached(all))?;
    let found = query.query_row([outlet], |r| Ok((r.get(0)?, r.get::<_, i64>(1)? as u64))).optional()?;
    Ok(found.unwrap_or_default())
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

/// One row cannot be read, or the page it is on.
pub(super) fn is_row_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    matches!(
        error,
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..)
    ) || is_damage(error)
}
