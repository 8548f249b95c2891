//! `journal.db`: every reading that was taken, once, in the order it was committed.
//!
//! Outbox and history in one copy: outlets read it forward from their cursor, evidence and trends
//! read it by time. Expendable: a damaged file is set aside, a new one begun, and what can be read of the damaged one
//! taken over step by step, beside the commits of now.

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
use super::place::{Mended, Place};
use super::{PackedSample, StoreError, Trouble, place, sqlite};
use crate::plant::{Micros, Plant, TextTable};

use meta::Mark;
use salvage::Salvage;
use series::series_of;

pub use commit::Load;
pub use meta::{Drift, Uptime};
pub use reader::{JournalReader, Unread};
pub use series::SeriesInfo;
pub use trim::{Loss, Trimmed, named};

const FILE: &str = "journal.db";
/// Commits lag readings by up to this time, microseconds; readings that lag more are noted with their times.
const SLACK: i64 = 60 * 1_000_000;
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
    /// A damaged file of which something is still to be taken over.
    salvage: Option<Salvage>,
    /// What a person must hear.
    told: Vec<String>,
}

/// The opened journal, and where a damaged one was put.
#[derive(Debug)]
pub struct Opened {
    /// Ready to write.
    pub journal: Journal,
    /// The damaged file's new name, if there was one. [`Journal::take_over_some`] takes over what can be read of it.
    pub set_aside: Option<PathBuf>,
}

impl Journal {
    /// Opens or begins `dir/journal.db` for the points of `plant`. A damaged file is set aside and what can be read of
    /// it taken over.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be written or the file is from a newer version.
    pub fn open(dir: &Path, plant: &Plant, now: Micros) -> Result<Opened, StoreError> {
        if Self::is_suspect(dir) {
            if dir.join(FILE).exists() && !Self::is_sound(dir)? {
                Self::put_aside(dir, now)?;
            }
            Self::is_not_suspect(dir);
        }
        let mut opened = Self::open_with(dir, plant, (now, &Uptime::default()), TextTable::default())?;
        while opened.journal.take_over_some()? {}
        Ok(opened)
    }

    /// As [`Self::open`], by both clocks and with the texts that are known already; at once, however large the file is:
    /// it is not looked at whole, and what is to be taken over from a damaged one is left to
    /// [`Self::take_over_some`].
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
        let under_way = salvage::under_way(dir)?;
        let (mut journal, aside) = match Self::try_open(&path, plant, texts.clone()) {
            Ok(journal) => (journal, under_way),
            Err(e) if e.is_damage() => {
                let aside = salvage::set_aside(dir, now)?;
                (Self::try_open(&path, plant, texts)?, Some(aside))
            }
            Err(other) => return Err(other),
        };
        let begun = match &aside {
            Some(aside) => journal.take_over(aside, plant)?,
            None => {
                journal.forget_taking_over()?;
                false
            }
        };
        journal.believe_cursors()?;
        journal.wake(now, uptime)?;
        Ok(Opened { journal, set_aside: aside.filter(|_| begun) })
    }

    /// Sets the file aside, which is known to be damaged: the next opening begins a new one.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn put_aside(dir: &Path, now: Micros) -> Result<(), StoreError> {
        if dir.join(FILE).exists() {
            salvage::set_aside(dir, now)?;
        }
        Self::is_not_suspect(dir);
        Ok(())
    }

    /// A whole check was asked for and has been made, or is of no use any more.
    pub fn is_not_suspect(dir: &Path) {
        // One that cannot be removed asks for another check.
        let _ = std::fs::remove_file(dir.join(SUSPECT));
    }

    /// Looks at the whole file, by a connection of its own; false if it is damaged. That takes its time with a large one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read for another reason.
    pub fn is_sound(dir: &Path) -> Result<bool, StoreError> {
        let looked = JournalReader::open(&dir.join(FILE)).and_then(|reader| {
            let word = reader.conn()?.query_row("PRAGMA quick_check(1)", [], |r| r.get::<_, String>(0));
            word.map_err(sqlite(FILE))
        });
        match looked {
            Ok(word) if word == "ok" => Ok(true),
            Ok(word) => {
                tracing::error!("{FILE}: {word}");
                Ok(false)
            }
            Err(e) if e.is_damage() => Ok(false),
            Err(e) => Err(e),
        }
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
            salvage: None,
            told: Vec::new(),
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

    /// What a person must hear of it; once.
    #[must_use]
    pub fn take_told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// An outlet cannot stand behind the end: it would pass over in silence what comes until then.
    fn believe_cursors(&mut self) -> Result<(), StoreError> {
        let err = sqlite(FILE);
        let end = sequence(&self.conn, "chunk").map_err(&err)?.unwrap_or(0);
        let beyond: Vec<(String, i64)> = self
            .conn
            .prepare("SELECT outlet, seq FROM cursor WHERE seq > ?1")
            .and_then(|mut query| query.query_map([end], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
            .map_err(&err)?;
        for (outlet, seq) in beyond {
            self.conn
                .execute(
                    "UPDATE cursor SET seq = 0, sum = row_sum(outlet, 0, readings) WHERE outlet = ?1",
                    [&outlet],
                )
                .map_err(&err)?;
            self.told.push(format!(
                "outlet {outlet} stood at chunk {seq} of {FILE}, which ends at {end}: it begins with the oldest chunk again, \
                 and what it had delivered of this file is sent once more, under the same times"
            ));
        }
        Ok(())
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
    /// still open, and a removed log is emptied into the file and begun anew.
    ///
    /// # Errors
    /// [`StoreError::Moved`], or why the new one cannot be written.
    pub fn stay(&mut self) -> Result<Option<Mended>, StoreError> {
        self.place.stay(&mut self.conn, FILE)
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

/// The last number that `table` has given out.
fn sequence(conn: &Connection, table: &str) -> rusqlite::Result<Option<i64>> {
    conn.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [table], |r| r.get(0)).optional()
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
