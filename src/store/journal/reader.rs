//! Reads the journal while the keeper writes it: forward from a cursor for the outlets, by time for
//! evidence, trends and rehearsals.
//!
//! What cannot be read costs itself alone: it is passed over, told to whoever listens, and never given out.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc;

use rusqlite::{Connection, OptionalExtension};

use super::super::link::Link;
use super::super::{checksum, pack, unpack};
use super::series::type_of;
use super::{
    Chunk, FILE, PackedSample, SLACK, SeriesInfo, StoreError, cursor, is_row_damage, sequence, sqlite,
};
use crate::plant::Micros;

/// Gaps remembered for whoever asks.
const MOST_UNREAD: usize = 1000;

/// Chunks that do not read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// First and last chunk.
    pub first: i64,
    /// See `first`.
    pub last: i64,
    /// When they were committed, as far as their neighbours tell.
    pub from: Micros,
    /// See `from`.
    pub to: Micros,
    /// Readings in them.
    pub readings: u64,
    /// That number is a guess by the size of a neighbour.
    pub guessed: bool,
    /// What is wrong.
    pub why: String,
}

/// Reads the journal while the keeper writes it.
#[derive(Debug)]
pub struct JournalReader {
    link: Link,
    unread: RefCell<Vec<Unread>>,
    /// Who is told of gaps, and under which name.
    tell: Option<(String, mpsc::Sender<(String, Unread)>)>,
    /// Readings in the last sound chunk.
    usual: Cell<u64>,
}

/// A run of chunks between two turns of the clock.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// First chunk.
    low: i64,
    /// Behind the last one.
    high: i64,
    /// How far the wall clock had been set ahead, microseconds.
    ahead: i64,
}

struct Row {
    seq: i64,
    committed: i64,
    readings: i64,
    body: Vec<u8>,
    sum: Option<i64>,
}

impl Row {
    fn is_sound(&self) -> bool {
        match self.sum {
            Some(sum) => sum == checksum::of_chunk(self.committed, self.readings, &self.body),
            // Written before there were sums: it reads at least.
            None => unpack(&self.body, |_| ()).is_ok(),
        }
    }
}

impl JournalReader {
    /// Opens the file read-only.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let reader = Self::lazy(path);
        reader.conn().map(drop)?;
        Ok(reader)
    }

    /// A reader that opens the file now or when it first can be, and anew when it was exchanged.
    #[must_use]
    pub fn lazy(path: &Path) -> Self {
        Self {
            link: Link::new(path, FILE).now(),
            unread: RefCell::default(),
            tell: None,
            usual: Cell::new(0),
        }
    }

    /// Tells `to` of every gap it meets, under the name `of`.
    #[must_use]
    pub fn telling(self, of: &str, to: mpsc::Sender<(String, Unread)>) -> Self {
        Self { tell: Some((of.to_owned(), to)), ..self }
    }

    /// The gaps met since the last call.
    #[must_use]
    pub fn take_unread(&self) -> Vec<Unread> {
        self.unread.take()
    }

    pub(super) fn conn(&self) -> Result<Ref<'_, Connection>, StoreError> {
        self.link.conn()
    }

    /// How far the wall clock has been set ahead by now, microseconds.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn ahead(&self) -> Result<i64, StoreError> {
        let conn = self.conn()?;
        let kept = columns(&conn, "turn").map_err(sqlite(FILE))?.iter().any(|c| c == "ahead");
        if kept { super::meta::ahead(&conn).map_err(sqlite(FILE)) } else { Ok(0) }
    }

    /// What waits here for the ledger, behind number `after`, and the journal's name.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn overflow(&self, after: impl FnOnce(&str) -> i64) -> Result<Vec<(i64, String)>, StoreError> {
        let conn = self.conn()?;
        let kept = columns(&conn, "overflow").map_err(sqlite(FILE))?;
        let Some(name) =
            (!kept.is_empty()).then(|| super::meta::name(&conn)).transpose().map_err(sqlite(FILE))?.flatten()
        else {
            return Ok(Vec::new());
        };
        super::meta::overflow(&conn, after(&name)).map_err(sqlite(FILE))
    }

    /// The texts that readings may stand for, in the order of their numbers.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn texts(&self, table: &crate::plant::TextTable) -> Result<(), StoreError> {
        super::restore_texts(&*self.conn()?, table).map(drop)
    }

    /// The cursor of `outlet`: last chunk it has delivered, and how many readings ever.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn cursor(&self, outlet: &str) -> Result<(i64, u64), StoreError> {
        cursor(&*self.conn()?, outlet).map_err(sqlite(FILE))
    }

    /// As [`Self::next_after`], for whoever moves a cursor: what is still to be taken over from a damaged file is waited
    /// for, and never passed over.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn next_to_send(&self, seq: i64) -> Result<Option<Chunk>, StoreError> {
        // Asked for before the chunk: what is taken over meanwhile is only waited for a little longer.
        let left = self.left_to_take_over()?;
        let chunk = self.next_after(seq)?;
        let before = chunk.as_ref().map_or(i64::MAX, |chunk| chunk.seq - 1);
        let missing = left.iter().any(|(after, until)| *after.max(&seq) < *until.min(&before));
        Ok(chunk.filter(|_| !missing))
    }

    fn left_to_take_over(&self) -> Result<super::meta::Ranges, StoreError> {
        let conn = self.conn()?;
        if columns(&conn, "meta").map_err(sqlite(FILE))?.is_empty() {
            return Ok(Vec::new());
        }
        super::meta::salvage(&conn).map(Option::unwrap_or_default).map_err(sqlite(FILE))
    }

    /// The chunk that follows `seq`. In the place of chunks that do not read back stands one without readings, with
    /// the number of the last of them.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn next_after(&self, seq: i64) -> Result<Option<Chunk>, StoreError> {
        let conn = self.conn()?;
        match row_after(&conn, seq) {
            Ok(None) => Ok(None),
            Ok(Some(row)) if row.is_sound() => {
                self.usual.set(row.readings as u64);
                Ok(Some(Chunk {
                    seq: row.seq,
                    committed: Micros(row.committed),
                    readings: row.readings as u64,
                    body: row.body,
                }))
            }
            Ok(Some(row)) => Ok(Some(self.damaged(&conn, seq, &row))),
            Err(e) if is_row_damage(&e) => self.beyond(&conn, seq, &e),
            Err(e) => Err(sqlite(FILE)(e)),
        }
    }

    /// Stands for a chunk whose content is not what was written.
    fn damaged(&self, conn: &Connection, before: i64, row: &Row) -> Chunk {
        let (from, to) = self.around(conn, before, row.seq);
        let inside = (from..=to).contains(&row.committed);
        let (from, to) = if inside { (row.committed, row.committed) } else { (from, to) };
        let readings = u64::try_from(row.readings).unwrap_or(u64::MAX);
        let plausible = self.usual.get() == 0 || readings <= self.usual.get().saturating_mul(1000);
        self.pass_over(Unread {
            first: row.seq,
            last: row.seq,
            from: Micros(from),
            to: Micros(to),
            readings: if plausible { readings } else { self.usual.get() },
            guessed: !plausible,
            why: "it is not what was written (checksum)".to_owned(),
        })
    }

    /// Looks for the first chunk after `seq` that can be reached, with growing steps and then by halving. `None` behind
    /// the last number that was given out: whatever is damaged there held no chunk after `seq`.
    fn beyond(
        &self,
        conn: &Connection,
        seq: i64,
        error: &rusqlite::Error,
    ) -> Result<Option<Chunk>, StoreError> {
        let Some(last) = last_given_out(conn).filter(|last| *last > seq) else { return Ok(None) };
        let reach = |from: i64| match row_after(conn, from) {
            Ok(found) => Ok(Some(found.map_or(last + 1, |row| row.seq))),
            Err(e) if is_row_damage(&e) => Ok(None),
            Err(e) => Err(sqlite(FILE)(e)),
        };
        let (mut bad, mut step) = (seq, 1);
        let (mut good, mut next) = (last, last + 1);
        while bad + step < last {
            match reach(bad + step)? {
                Some(found) => {
                    (good, next) = (bad + step, found);
                    break;
                }
                None => bad += step,
            }
            step *= 2;
        }
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            match reach(middle)? {
                Some(found) => (good, next) = (middle, found),
                None => bad = middle,
            }
        }
        let end = (next - 1).max(seq + 1);
        let (from, to) = self.around(conn, seq, end);
        Ok(Some(self.pass_over(Unread {
            first: seq + 1,
            last: end,
            from: Micros(from),
            to: Micros(to),
            readings: self.usual.get().saturating_mul((end - seq) as u64),
            guessed: true,
            why: error.to_string(),
        })))
    }

    /// When the neighbours of a gap were committed.
    fn around(&self, conn: &Connection, before: i64, last: i64) -> (i64, i64) {
        let at = |sql: &str, seq: i64| conn.query_row(sql, [seq], |r| r.get::<_, i64>(0)).ok();
        let low = at("SELECT committed FROM chunk WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1", before);
        let high = at("SELECT committed FROM chunk WHERE seq > ?1 ORDER BY seq LIMIT 1", last);
        let (low, high) = (low.or(high).unwrap_or(0), high.or(low).unwrap_or(0));
        (low.min(high), low.max(high))
    }

    fn pass_over(&self, gap: Unread) -> Chunk {
        let chunk = Chunk { seq: gap.last, committed: gap.to, readings: 0, body: pack::NO_SAMPLES.to_vec() };
        let mut unread = self.unread.borrow_mut();
        if unread.len() < MOST_UNREAD {
            unread.push(gap.clone());
        }
        if let Some((of, to)) = &self.tell {
            // Nobody listening any more: the gateway stops.
            let _ = to.send((of.clone(), gap));
        }
        chunk
    }

    /// Number of chunks after `seq`, and when the first of them was committed.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn pending(&self, seq: i64) -> Result<(u64, Option<Micros>), StoreError> {
        self.conn()?
            .prepare_cached(
                "SELECT max(0, coalesce((SELECT max(seq) FROM chunk), 0) - max(?1, coalesce((SELECT min(seq) FROM chunk), 1) - 1)),
                 (SELECT committed FROM chunk WHERE seq > ?1 ORDER BY seq LIMIT 1)",
            )
            .and_then(|mut s| s.query_row([seq], |r| Ok((r.get::<_, i64>(0)? as u64, r.get::<_, Option<i64>>(1)?.map(Micros)))))
            .map_err(sqlite(FILE))
    }

    /// All series ever recorded, but for those whose row is not what was written: nobody knows whose they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn series(&self) -> Result<Vec<SeriesInfo>, StoreError> {
        let err = sqlite(FILE);
        let conn = self.conn()?;
        let columns = columns(&conn, "series").map_err(&err)?;
        // A store of an earlier version is read as it is.
        let unit = if columns.iter().any(|c| c == "unit") { "unit" } else { "NULL" };
        let sound = if unit == "unit" {
            "WHERE sum = row_sum(id, equipment, point, kind, value_type, unit)"
        } else {
            ""
        };
        let sql =
            format!("SELECT id, equipment, point, kind, value_type, {unit} FROM series {sound} ORDER BY id");
        let mut query = conn.prepare_cached(&sql).map_err(&err)?;
        let rows = query
            .query_map([], |r| {
                let word: String = r.get(4)?;
                Ok(SeriesInfo {
                    id: r.get(0)?,
                    equipment: r.get(1)?,
                    point: r.get(2)?,
                    kind: r.get(3)?,
                    value_type: type_of(&word),
                    unit: r.get(5)?,
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
        let (low, high) = {
            let conn = self.conn()?;
            bounds(&conn).map_err(sqlite(FILE))?
        };
        let mut ends = Vec::new();
        for seq in [low, high - 1] {
            if let Some(chunk) = self.next_after(seq - 1)?
                && ends.last().is_none_or(|end: &Chunk| end.seq < chunk.seq)
            {
                ends.push(chunk);
            }
        }
        Ok(ends)
    }

    /// Visits every sample whose time may lie in `from..=to`, oldest commit first. Commits lag
    /// readings by seconds, by as long as the disk takes nothing, and buffered readings come late, so the caller checks
    /// `at` itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn between(
        &self,
        from: Micros,
        to: Micros,
        mut visit: impl FnMut(&PackedSample<'_>),
    ) -> Result<(), StoreError> {
        for run in self.runs()? {
            let late = self.late(run, &[(from.0, to.0)])?;
            self.walk(run, (from.0.saturating_sub(SLACK), to.0.saturating_add(SLACK)), &late, |chunk, _| {
                unpack(&chunk.body, |sample| visit(&sample))
            })?;
        }
        Ok(())
    }

    /// As [`Self::between`], for a window on the clock as it stood when it had been set ahead by `ahead` microseconds:
    /// samples from before and after a turn of the clock are found where they were taken, and given with the time that
    /// this clock would have shown. Gives each turn within the window: when, on that clock, and by how much.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn steadily(
        &self,
        (from, to): (Micros, Micros),
        ahead: i64,
        mut visit: impl FnMut(&PackedSample<'_>),
    ) -> Result<Vec<(Micros, i64)>, StoreError> {
        let (mut turns, mut before) = (Vec::new(), None::<i64>);
        for run in self.runs()? {
            let shift = run.ahead - ahead;
            let mut first = None;
            let late = self
                .late(run, &[(from.0.saturating_add(shift), to.0.saturating_add(shift)), (from.0, to.0)])?;
            self.walk(
                run,
                (
                    from.0.saturating_add(shift).saturating_sub(SLACK),
                    to.0.saturating_add(shift).saturating_add(SLACK),
                ),
                &late,
                |chunk, in_time| {
                    if in_time {
                        first.get_or_insert(chunk.committed.0 - shift);
                    }
                    unpack(&chunk.body, |sample| {
                        let steady = Micros(sample.at.0 - shift);
                        // A device's own time does not turn with this clock.
                        let own = (from..=to).contains(&sample.at) && !(from..=to).contains(&steady);
                        let at = if own { sample.at } else { steady };
                        visit(&PackedSample { at, live: sample.live, readings: sample.readings });
                    })
                },
            )?;
            if let (Some(first), Some(before)) = (first, before)
                && before != run.ahead
                && (from.0..=to.0).contains(&first)
            {
                turns.push((Micros(first), run.ahead - before));
            }
            before = Some(run.ahead);
        }
        Ok(turns)
    }

    /// The chunks of a run that were committed between two times, in their order among the `late` ones, which were
    /// committed at any time; tells of each whether it is one of the former.
    fn walk(
        &self,
        run: Run,
        (from, to): (i64, i64),
        late: &[i64],
        mut visit: impl FnMut(&Chunk, bool) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut seq = self.seq_at(from, (run.low, run.high))? - 1;
        let (before, after) = late.split_at(late.partition_point(|late| *late <= seq));
        for late in before {
            self.alone(*late, &mut visit)?;
        }
        while let Some(chunk) = self.next_after(seq)? {
            if chunk.seq >= run.high || chunk.committed.0 > to {
                break;
            }
            seq = chunk.seq;
            visit(&chunk, true)?;
        }
        after.iter().filter(|late| **late > seq).try_for_each(|late| self.alone(*late, &mut visit))
    }

    fn alone(
        &self,
        late: i64,
        visit: &mut impl FnMut(&Chunk, bool) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.next_after(late - 1)? {
            Some(chunk) if chunk.seq == late => visit(&chunk, false),
            // Gone meanwhile, or passed over and told.
            _ => Ok(()),
        }
    }

    /// The chunks of a run, in their order, with readings that were taken long before or after their commit and in one of
    /// `windows`. A store of an earlier version has not noted which those are.
    fn late(&self, run: Run, windows: &[(i64, i64)]) -> Result<Vec<i64>, StoreError> {
        let err = sqlite(FILE);
        let conn = self.conn()?;
        if columns(&conn, "late").map_err(&err)?.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = conn
            .prepare_cached(
                "SELECT seq FROM late WHERE last_at >= ?1 AND first_at <= ?2 AND seq >= ?3 AND seq < ?4",
            )
            .map_err(&err)?;
        let mut found = BTreeSet::new();
        for (from, to) in windows {
            let rows = query.query_map([*from, *to, run.low, run.high], |r| r.get(0)).map_err(&err)?;
            for seq in rows {
                found.insert(seq.map_err(&err)?);
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Runs of chunks in which commit times rise: one, and one more for each turn of the wall clock.
    fn runs(&self) -> Result<Vec<Run>, StoreError> {
        let err = sqlite(FILE);
        let conn = self.conn()?;
        let (low, high) = bounds(&conn).map_err(&err)?;
        let ahead = columns(&conn, "turn").map_err(&err)?.iter().any(|c| c == "ahead");
        let columns = if ahead { "seq, ahead_before, ahead" } else { "seq, 0, 0" };
        let sql = format!("SELECT {columns} FROM turn WHERE seq > ?1 AND seq < ?2 ORDER BY seq");
        let mut query = conn.prepare_cached(&sql).map_err(&err)?;
        let rows = query.query_map([low, high], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).map_err(&err)?;
        let turns: Vec<(i64, i64, i64)> = rows.collect::<Result<_, _>>().map_err(&err)?;
        let now = if ahead { super::meta::ahead(&conn).map_err(&err)? } else { 0 };
        let mut runs = vec![Run { low, high, ahead: turns.first().map_or(now, |t| t.1) }];
        for (seq, _, ahead) in turns {
            if let Some(last) = runs.last_mut() {
                last.high = seq;
            }
            runs.push(Run { low: seq, high, ahead });
        }
        Ok(runs)
    }

    /// The first chunk of a rising run that was committed at or after `at`, by halving.
    fn seq_at(&self, at: i64, (mut low, mut high): (i64, i64)) -> Result<i64, StoreError> {
        let conn = self.conn()?;
        while low < high {
            let middle = low + (high - low) / 2;
            let committed = conn
                .prepare_cached("SELECT committed FROM chunk WHERE seq >= ?1 ORDER BY seq LIMIT 1")
                .and_then(|mut s| s.query_row([middle], |r| r.get::<_, i64>(0)).optional());
            match committed {
                Ok(Some(committed)) if committed < at => low = middle + 1,
                Ok(_) => high = middle,
                // Rather too much is read than too little.
                Err(e) if is_row_damage(&e) => high = middle,
                Err(e) => return Err(sqlite(FILE)(e)),
            }
        }
        Ok(low)
    }
}

/// The last chunk number that was given out, by the first witness that can be read.
pub(super) fn last_given_out(conn: &Connection) -> Option<i64> {
    let newest = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, Option<i64>>(0)).ok().flatten();
    let of_the_table = sequence(conn, "chunk").ok().flatten();
    of_the_table.or_else(|| newest("SELECT max(seq) FROM chunk")).or_else(|| {
        let places = newest("SELECT max(seq) FROM cursor");
        places.max(newest("SELECT max(seq) FROM turn"))
    })
}

/// First chunk, and behind the last one.
fn bounds(conn: &Connection) -> rusqlite::Result<(i64, i64)> {
    conn.query_row("SELECT coalesce(min(seq), 0), coalesce(max(seq), -1) + 1 FROM chunk", [], |r| {
        Ok((r.get(0)?, r.get(1)?))
    })
}

/// Names of a table's columns.
fn columns(conn: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached("SELECT name FROM pragma_table_info(?1)")?.query_map([table], |r| r.get(0))?.collect()
}

fn row_after(conn: &Connection, seq: i64) -> rusqlite::Result<Option<Row>> {
    let read = |sum: &str| {
        conn.prepare_cached(&format!(
            "SELECT seq, committed, readings, body, {sum} FROM chunk WHERE seq > ?1 ORDER BY seq LIMIT 1"
        ))
    };
    // A store of an earlier version has no sums.
    let mut query = read("sum").or_else(|_| read("NULL"))?;
    let row = |r: &rusqlite::Row<'_>| {
        Ok(Row { seq: r.get(0)?, committed: r.get(1)?, readings: r.get(2)?, body: r.get(3)?, sum: r.get(4)? })
    };
    query.query_row([seq], row).optional()
}
