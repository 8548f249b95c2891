//! Reads the journal while the keeper writes it: forward from a cursor for the outlets, by time for
//! evidence, trends and rehearsals.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::super::unpack;
use super::series::type_of;
use super::{Chunk, FILE, PackedSample, SeriesInfo, StoreError, cursor, sqlite};
use crate::plant::Micros;

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
                    value_type: type_of(&word),
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
                unpack(&chunk.body, |sample| visit(&sample))?;
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
