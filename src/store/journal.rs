//! `journal.db`: every reading that was taken, once, in the order it was committed.
//!
//! Outbox and history in one copy: outlets read it forward from their cursor, evidence and trends
//! read it by time. Expendable: a damaged file is set aside, and a new one begun.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::migrations::{JOURNAL, migrate, settle, tune};
use super::{PackedSample, StoreError, pack, sqlite};
use crate::plant::{Batch, Micros, Plant, TextTable, ValueType};

const FILE: &str = "journal.db";
const SUSPECT: &str = "journal.suspect";
/// Chunks dropped in one transaction: delivered and old ones, and those that the disk budget costs.
/// A commit time earlier than one before by more than this begins a new run, microseconds.
const SET_BACK: i64 = 1_000_000;

const TRIM_STEP: u32 = 4096;
const OVER_BUDGET_STEP: u32 = 32;

/// One series as the journal knows it: enough to write line protocol after its settings are gone.
#[derive(Debug, Clone)]
pub struct SeriesInfo {
    /// Number in this journal.
    pub id: u32,
    /// Equipment id.
    pub equipment: String,
    /// Point id.
    pub point: String,
    /// Equipment kind.
    pub kind: String,
    /// Field type.
    pub value_type: ValueType,
}

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

/// Reads the journal while the keeper writes it.
#[derive(Debug)]
pub struct JournalReader {
    conn: Connection,
}

impl JournalReader {
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

    /// The cursor of `outlet`: last chunk it has delivered, and how many readings ever.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn cursor(&self, outlet: &str) -> Result<(i64, u64), StoreError> {
        cursor(&self.conn, outlet).map_err(sqlite(FILE))
    }

    /// The chunk that follows `seq`.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn next_after(&self, seq: i64) -> Result<Option<Chunk>, StoreError> {
        self.conn
            .prepare_cached(
                "SELECT seq, committed, readings, body FROM chunk WHERE seq > ?1 ORDER BY seq LIMIT 1",
            )
            .and_then(|mut s| s.query_row([seq], chunk).optional())
            .map_err(sqlite(FILE))
    }

    /// Number of chunks after `seq`, and when the first of them was committed.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn pending(&self, seq: i64) -> Result<(u64, Option<Micros>), StoreError> {
        self.conn
            .prepare_cached(
                "SELECT max(0, coalesce((SELECT max(seq) FROM chunk), 0) - max(?1, coalesce((SELECT min(seq) FROM chunk), 1) - 1)),
                 (SELECT committed FROM chunk WHERE seq > ?1 ORDER BY seq LIMIT 1)",
            )
            .and_then(|mut s| s.query_row([seq], |r| Ok((r.get::<_, i64>(0)? as u64, r.get::<_, Option<i64>>(1)?.map(Micros)))))
            .map_err(sqlite(FILE))
    }

    /// All series ever recorded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn series(&self) -> Result<Vec<SeriesInfo>, StoreError> {
        let err = sqlite(FILE);
        let mut query = self
            .conn
            .prepare_cached("SELECT id, equipment, point, kind, value_type FROM series ORDER BY id")
            .map_err(&err)?;
        let rows = query
            .query_map([], |r| {
                let word: String = r.get(4)?;
                Ok(SeriesInfo {
                    id: r.get(0)?,
                    equipment: r.get(1)?,
                    point: r.get(2)?,
                    kind: r.get(3)?,
                    value_type: match word.as_str() {
                        "bool" => ValueType::Bool,
                        "integer" => ValueType::Integer,
                        "text" => ValueType::Text,
                        _ => ValueType::Float,
                    },
                })
            })
            .map_err(&err)?;
        rows.collect::<Result<_, _>>().map_err(&err)
    }

    /// The first and the last chunk, oldest first; one if it is both.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn ends(&self) -> Result<Vec<Chunk>, StoreError> {
        let err = sqlite(FILE);
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT seq, committed, readings, body FROM chunk
                 WHERE seq = (SELECT min(seq) FROM chunk) OR seq = (SELECT max(seq) FROM chunk) ORDER BY seq",
            )
            .map_err(&err)?;
        let rows = query.query_map([], chunk).map_err(&err)?;
        rows.collect::<Result<_, _>>().map_err(&err)
    }

    /// Visits every sample whose time may lie in `from..=to`, oldest commit first. Commits lag
    /// readings by seconds and buffered readings come late, so the caller checks `at` itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn between(
        &self,
        from: Micros,
        to: Micros,
        mut visit: impl FnMut(&PackedSample<'_>),
    ) -> Result<(), StoreError> {
        let err = sqlite(FILE);
        let slack = 60 * 1_000_000;
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT seq, committed, readings, body FROM chunk WHERE seq >= ?1 AND seq < ?2 ORDER BY seq",
            )
            .map_err(&err)?;
        for (low, high) in self.rises()? {
            let first = self.seq_at(from.0 - slack, (low, high))?;
            let mut rows = query.query([first, high]).map_err(&err)?;
            while let Some(row) = rows.next().map_err(&err)? {
                let chunk = chunk(row).map_err(&err)?;
                if chunk.committed.0 > to.0 + slack {
                    break;
                }
                super::unpack(&chunk.body, |sample| visit(&sample))?;
            }
        }
        Ok(())
    }

    /// Runs of chunks in which commit times rise, as `seq` from..to: one, and one more for each time the
    /// wall clock was set back.
    fn rises(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let err = sqlite(FILE);
        let (low, high): (i64, i64) = self
            .conn
            .query_row("SELECT coalesce(min(seq), 0), coalesce(max(seq), -1) + 1 FROM chunk", [], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .map_err(&err)?;
        let mut query = self
            .conn
            .prepare_cached("SELECT seq FROM turn WHERE seq > ?1 AND seq < ?2 ORDER BY seq")
            .map_err(&err)?;
        let turns = query.query_map([low, high], |r| r.get(0)).map_err(&err)?;
        let mut edges = vec![low];
        for turn in turns {
            edges.push(turn.map_err(&err)?);
        }
        edges.push(high);
        Ok(edges.windows(2).map(|pair| (pair[0], pair[1])).collect())
    }

    /// The first chunk of a rising run that was committed at or after `at`, by halving.
    fn seq_at(&self, at: i64, (mut low, mut high): (i64, i64)) -> Result<i64, StoreError> {
        let err = sqlite(FILE);
        while low < high {
            let middle = low + (high - low) / 2;
            let committed: i64 = self
                .conn
                .prepare_cached("SELECT committed FROM chunk WHERE seq >= ?1 ORDER BY seq LIMIT 1")
                .and_then(|mut s| s.query_row([middle], |r| r.get(0)))
                .map_err(&err)?;
            if committed < at { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }
}

fn chunk(row: &rusqlite::Row<'_>) -> rusqlite::Result<Chunk> {
    Ok(Chunk {
        seq: row.get(0)?,
        committed: Micros(row.get(1)?),
        readings: row.get::<_, i64>(2)? as u64,
        body: row.get(3)?,
    })
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

/// The number of each point's series, new ones noted.
fn series_of(conn: &mut Connection, plant: &Plant) -> Result<Vec<u32>, StoreError> {
    let err = sqlite(FILE);
    let tx = conn.transaction().map_err(&err)?;
    let mut series = Vec::with_capacity(plant.points.len());
    for point in &plant.points {
        let owner = plant.equipment_at(point.equipment);
        let key =
            params![owner.id.as_str(), point.id.as_str(), owner.kind.as_str(), type_word(point.value_type)];
        tx.execute(
            "INSERT INTO series (equipment, point, kind, value_type) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (equipment, point, value_type) DO UPDATE SET kind = excluded.kind",
            key,
        )
        .map_err(&err)?;
        let id = tx
            .query_row(
                "SELECT id FROM series WHERE equipment = ?1 AND point = ?2 AND value_type = ?3",
                params![owner.id.as_str(), point.id.as_str(), type_word(point.value_type)],
                |r| r.get(0),
            )
            .map_err(&err)?;
        series.push(id);
    }
    tx.commit().map_err(&err)?;
    Ok(series)
}

fn type_word(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Float => "float",
        ValueType::Integer => "integer",
        ValueType::Bool => "bool",
        ValueType::Text => "text",
    }
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

#[cfg(test)]
mod tests {
    use super::{Journal, Loss};
    use crate::plant::example::plant;
    use crate::plant::{Batch, DeviceIx, Micros, PointIx, Quality, Reading};

    /// A journal with `chunks` chunks of 100 readings, committed a second apart.
    fn filled(dir: &std::path::Path, chunks: i64) -> Journal {
        let mut journal = Journal::open(dir, &plant(vec![Vec::new()]), Micros(0)).unwrap().journal;
        for second in 0..chunks {
            let mut batch = Batch::default();
            for n in 0..100 {
                // Values that do not pack small.
                let value = f64::from(n).sin() * second as f64;
                let reading = Reading { point: PointIx(0), value, quality: Quality::Good };
                batch.push(DeviceIx(0), Micros(second * 1_000_000 + i64::from(n)), true, &[reading]);
            }
            journal.commit(&batch, &[], Micros(second * 1_000_000)).unwrap();
        }
        journal
    }

    fn trim_all(journal: &mut Journal, keep_from: i64, max_bytes: u64) -> Vec<Loss> {
        let mut lost = Vec::new();
        loop {
            let step = journal.trim(&["a".to_owned(), "b".to_owned()], Micros(keep_from), max_bytes).unwrap();
            lost.extend(step.lost);
            if step.chunks == 0 {
                return lost;
            }
        }
    }

    #[test]
    fn what_was_committed_on_either_side_of_a_clock_set_back_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = filled(dir.path(), 600);
        // The clock is set back, and a part of the time comes a second time.
        for second in 200..400 {
            let mut batch = Batch::default();
            let reading = Reading { point: PointIx(0), value: 7.0, quality: Quality::Good };
            let at = Micros(second * 1_000_000);
            batch.push(DeviceIx(0), at, true, &[reading]);
            journal.commit(&batch, &[], at).unwrap();
        }
        let (from, to) = (Micros(250_000_000), Micros(299_999_999));
        let (mut count, mut found) = (0, Vec::new());
        let visit = |sample: &super::PackedSample<'_>| {
            if (from..=to).contains(&sample.at) {
                count += 1;
                found.extend(sample.readings.iter().filter(|r| r.value == 7.0).map(|_| sample.at));
            }
        };
        journal.reader().unwrap().between(from, to, visit).unwrap();
        assert_eq!(found.len(), 50, "what was committed after the jump is missing");
        assert_eq!(count - found.len(), 5000, "what was committed before the jump is missing");
    }

    #[test]
    fn delivered_readings_stay_as_long_as_they_are_kept_and_undelivered_ones_beyond_that() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = filled(dir.path(), 50);
        let cursors = [("a".to_owned(), 40, 0), ("b".to_owned(), 20, 0)];
        journal.commit(&Batch::default(), &cursors, Micros(0)).unwrap();
        assert_eq!(trim_all(&mut journal, 10_000_000, u64::MAX), []);
        assert_eq!(journal.stats().unwrap().first_seq, 11, "the first ten seconds are old and delivered");
        assert_eq!(trim_all(&mut journal, 45_000_000, u64::MAX), []);
        assert_eq!(journal.stats().unwrap().first_seq, 21, "outlet b still wants the rest");
    }

    #[test]
    fn beyond_the_disk_budget_the_oldest_go_and_what_an_outlet_lost_by_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = filled(dir.path(), 400);
        let cursors = [("a".to_owned(), 400, 0), ("b".to_owned(), 10, 0)];
        journal.commit(&Batch::default(), &cursors, Micros(0)).unwrap();
        let budget = journal.stats().unwrap().bytes / 2;
        let lost = trim_all(&mut journal, 0, budget);
        let stats = journal.stats().unwrap();
        assert!(stats.bytes <= budget && stats.first_seq > 50, "{stats:?}");
        assert!(stats.bytes > budget / 2, "more went than the budget asked for: {stats:?}");
        assert!(lost.iter().all(|l| l.outlet == "b"), "a had everything: {lost:?}");
        let gone: u64 = lost.iter().map(|l| l.readings).sum();
        assert_eq!(gone, (stats.first_seq as u64 - 1 - 10) * 100);
        assert_eq!(lost[0].from, Micros(10_000_000));
        assert_eq!(lost[lost.len() - 1].to, Micros((stats.first_seq - 2) * 1_000_000));
    }
}
