//! What is done with a damaged journal: it is set aside, and what can be read of it is taken over.
//!
//! At once: series, texts, places of outlets, what waits for the ledger, and the last numbers that were given out, so that
//! new commits go on behind the old ones. Then, step by step beside the commits of now, the chunks: first what some outlet
//! has not had, then the history. How far that is stands in the new file, and `journal.salvage` names the damaged one, so
//! a kill costs nothing.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};

use super::commit::put_late;
use super::reader::last_given_out;
use super::{FILE, Journal, JournalReader, StoreError, Unread, meta, sequence, sqlite};
use crate::plant::{Micros, Plant};
use crate::store::{checksum, place, unpack};

/// Names the damaged file while something is to be taken over from it.
const MARKER: &str = "journal.salvage";
/// Chunks taken over in one transaction.
const STEP: usize = 256;
/// Bytes of chunks in one transaction, about.
const STEP_BYTES: usize = 4 << 20;
/// Where the last number cannot be read, new ones begin so far behind those that can.
const BEYOND_DOUBT: i64 = 1 << 20;
/// Names of damaged files.
const PREFIX: &str = "journal.damaged-";

/// A damaged file of which something is still to be taken over.
#[derive(Debug)]
pub(super) struct Salvage {
    dir: PathBuf,
    aside: PathBuf,
    reader: JournalReader,
    left: meta::Ranges,
    taken: u64,
    /// When the last chunk that was taken over was committed.
    reached: Micros,
}

/// Moves the file and its log to another name, which the marker tells first.
pub(super) fn set_aside(dir: &Path, now: Micros) -> Result<PathBuf, StoreError> {
    let mut seconds = now.seconds();
    let name = |seconds: i64| format!("{PREFIX}{seconds}.db");
    while dir.join(name(seconds)).exists() {
        seconds += 1;
    }
    let (marker, draft) = (dir.join(MARKER), dir.join(format!("{MARKER}.new")));
    let io = |source| StoreError::Io { file: marker.display().to_string(), source };
    File::create(&draft)
        .and_then(|mut file| file.write_all(name(seconds).as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&draft, &marker))
        .map_err(io)?;
    let aside = dir.join(name(seconds));
    place::rename_database(&dir.join(FILE), &aside)?;
    Ok(aside)
}

/// The damaged file from which something is still to be taken over. Ends what a kill has cut off.
pub(super) fn under_way(dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    let Ok(name) = std::fs::read_to_string(dir.join(MARKER)) else { return Ok(None) };
    let name = name.trim();
    let aside = dir.join(name);
    if !name.starts_with(PREFIX) || name.contains('/') || !aside.exists() {
        // It was not moved yet, and the damage is met again; or a person took it away.
        let _ = std::fs::remove_file(dir.join(MARKER));
        return Ok(None);
    }
    if !dir.join(FILE).exists() {
        // Its log stayed behind.
        place::rename_database(&dir.join(FILE), &aside)?;
    }
    Ok(Some(aside))
}

/// Damaged journals that were set aside, oldest first, with their bytes.
fn damaged_files(dir: &Path) -> Vec<(PathBuf, u64)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|e| e.file_name().to_str().is_some_and(|n| n.starts_with(PREFIX)))
        .map(|e| (e.path(), e.metadata().map_or(0, |m| m.len())))
        .collect();
    found.sort();
    found
}

impl Journal {
    /// Bytes of damaged journals that were set aside.
    #[must_use]
    pub fn bytes_set_aside(dir: &Path) -> u64 {
        damaged_files(dir).iter().map(|f| f.1).sum()
    }

    /// Something is still to be taken over from a damaged file.
    #[must_use]
    pub fn is_taking_over(&self) -> bool {
        self.salvage.is_some()
    }

    /// Up to this chunk everything is here that will be.
    pub(super) fn taken_over_until(&self) -> i64 {
        self.salvage.as_ref().and_then(|s| s.left.first()).map_or(i64::MAX, |next| next.0)
    }

    /// Begins to take over what can be read of `aside`, or goes on with it; true if it begins.
    pub(super) fn take_over(&mut self, aside: &Path, plant: &Plant) -> Result<bool, StoreError> {
        let err = sqlite(FILE);
        let dir = aside.parent().unwrap_or(Path::new("")).to_owned();
        let known = meta::salvage(&self.conn).map_err(&err)?;
        let begins = known.is_none();
        let left = match known {
            Some(left) => left,
            None => self.take_over_tables(aside)?,
        };
        if begins {
            self.series = super::series_of(&mut self.conn, plant)?;
            self.texts_kept = super::restore_texts(&self.conn, &self.texts)?;
        }
        self.drift = meta::mark(&self.conn).map_err(&err)?.unwrap_or_default().drift;
        self.name = meta::own_name(&self.conn).map_err(&err)?;
        let reader = JournalReader::lazy(aside);
        self.salvage =
            Some(Salvage { dir, aside: aside.to_owned(), reader, left, taken: 0, reached: Micros(0) });
        Ok(begins)
    }

    /// Row by row, so that a damaged one costs itself; numbers stay, because chunks go by them. Gives what chunks are
    /// to be taken over.
    fn take_over_tables(&mut self, aside: &Path) -> Result<meta::Ranges, StoreError> {
        let err = sqlite(FILE);
        let from = Connection::open(aside).map_err(&err)?;
        checksum::teach(&from).map_err(&err)?;
        let tx = self.conn.transaction().map_err(&err)?;
        tx.execute_batch("DELETE FROM series; DELETE FROM meta;").map_err(&err)?;
        copy_tables(&from, &tx).map_err(&err)?;
        let newest = "SELECT committed FROM chunk ORDER BY seq DESC LIMIT 1";
        let newest = from.query_row(newest, [], |r| r.get::<_, i64>(0)).ok();
        // What was under way when this file was damaged in its turn.
        let why = "the file was damaged before they were taken over from another one";
        for range in meta::salvage(&tx).map_err(&err)?.unwrap_or_default() {
            self.lost.push(not_taken_over(range, (Micros(0), Micros(newest.unwrap_or(0))), why));
        }
        let known = sequence(&from, "chunk").ok().flatten();
        let last = known.or_else(|| last_given_out(&from)).unwrap_or(0);
        let places: i64 =
            tx.query_row("SELECT coalesce(max(seq), 0) FROM cursor", [], |r| r.get(0)).map_err(&err)?;
        let end = last.max(places);
        let next = if known.is_some() { end } else { end.saturating_add(BEYOND_DOUBT) };
        put_sequence(&tx, "chunk", next).map_err(&err)?;
        // The ledger counts what it has taken by these numbers.
        let waiting = sequence(&from, "overflow").ok().flatten();
        let highest: i64 =
            tx.query_row("SELECT coalesce(max(n), 0) FROM overflow", [], |r| r.get(0)).map_err(&err)?;
        put_sequence(&tx, "overflow", waiting.unwrap_or(highest + BEYOND_DOUBT).max(highest))
            .map_err(&err)?;
        let had: i64 =
            tx.query_row("SELECT coalesce(min(seq), 0) FROM cursor", [], |r| r.get(0)).map_err(&err)?;
        let left: meta::Ranges =
            [(had, next), (0, had)].into_iter().filter(|(after, until)| after < until).collect();
        meta::set_salvage(&tx, &left).map_err(&err)?;
        tx.commit().map_err(&err)?;
        self.newest = newest.unwrap_or(i64::MIN);
        Ok(left)
    }

    /// Takes over some chunks from a damaged file; true while there may be more.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be written; nothing of this step was taken then.
    pub fn take_over_some(&mut self) -> Result<bool, StoreError> {
        let err = sqlite(FILE);
        let Some(salvage) = &mut self.salvage else { return Ok(false) };
        let Some((after, until)) = salvage.left.first().copied() else {
            self.end_taking_over()?;
            return Ok(false);
        };
        let tx = self.conn.transaction().map_err(&err)?;
        let (mut seq, mut ended, mut taken, mut reached) = (after, false, 0, salvage.reached);
        let mut bytes = 0;
        for _ in 0..STEP {
            if bytes >= STEP_BYTES {
                break;
            }
            match salvage.reader.next_after(seq) {
                Ok(Some(chunk)) if chunk.seq <= until => {
                    seq = chunk.seq;
                    bytes += chunk.body.len();
                    reached = chunk.committed;
                    // One without readings stands for what does not read back.
                    if chunk.readings > 0 {
                        put(&tx, &chunk).map_err(&err)?;
                        taken += 1;
                    }
                    continue;
                }
                Ok(_) => {}
                Err(e) => {
                    let span = (reached, Micros(self.newest.max(reached.0)));
                    self.lost.push(not_taken_over((seq, until), span, &e.to_string()));
                }
            }
            ended = true;
            break;
        }
        let mut left = salvage.left.clone();
        if ended || seq >= until {
            left.remove(0);
        } else if let Some(next) = left.first_mut() {
            next.0 = seq;
        }
        meta::set_salvage(&tx, &left).map_err(&err)?;
        tx.commit().map_err(&err)?;
        salvage.left = left;
        salvage.taken += taken;
        salvage.reached = reached;
        self.lost.extend(salvage.reader.take_unread().into_iter().map(|gap| within(gap, until)));
        Ok(true)
    }

    /// Takes over nothing more; what an outlet has not had is lost, which [`Self::take_lost`] tells. The file stays.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`].
    pub fn give_up_taking_over(&mut self, why: &str) -> Result<(), StoreError> {
        let Some(salvage) = &mut self.salvage else { return Ok(()) };
        let left = std::mem::take(&mut salvage.left);
        self.told.push(format!(
            "not all of the damaged journal was taken over ({why}): the rest stands in {}",
            salvage.aside.display()
        ));
        let span = (salvage.reached, Micros(self.newest.max(salvage.reached.0)));
        self.lost.extend(left.into_iter().map(|range| not_taken_over(range, span, why)));
        self.end_taking_over()
    }

    /// The damaged file from which something was still to be taken over is not there any more: nobody waits for it.
    pub(super) fn forget_taking_over(&mut self) -> Result<(), StoreError> {
        let err = sqlite(FILE);
        let Some(left) = meta::salvage(&self.conn).map_err(&err)? else { return Ok(()) };
        let why = "the damaged file from which they were to be taken over is gone";
        self.told.push(format!("not all of the damaged journal was taken over: {why}"));
        let span = (Micros(0), Micros(self.newest.max(0)));
        self.lost.extend(left.into_iter().map(|range| not_taken_over(range, span, why)));
        meta::end_salvage(&self.conn).map_err(&err)
    }

    /// Of damaged files the newest is kept.
    fn end_taking_over(&mut self) -> Result<(), StoreError> {
        meta::end_salvage(&self.conn).map_err(sqlite(FILE))?;
        if let Some(salvage) = self.salvage.take() {
            let _ = std::fs::remove_file(salvage.dir.join(MARKER));
            if salvage.taken == 0 {
                tracing::error!("no reading of {} could be taken over", salvage.aside.display());
            } else {
                tracing::warn!("{} chunks of {} were taken over", salvage.taken, salvage.aside.display());
            }
            let mut files = damaged_files(&salvage.dir);
            files.retain(|f| !f.0.display().to_string().starts_with(&salvage.aside.display().to_string()));
            files.iter().for_each(|f| drop(std::fs::remove_file(&f.0)));
        }
        Ok(())
    }

    /// Removes damaged files that were set aside, from which nothing is to be taken over any more; true if there were
    /// any.
    #[must_use]
    pub fn remove_set_aside(dir: &Path) -> bool {
        let gone = |file: &(PathBuf, u64)| file.1 > 0 && std::fs::remove_file(&file.0).is_ok();
        !dir.join(MARKER).exists() && damaged_files(dir).iter().filter(|file| gone(file)).count() > 0
    }
}

fn put(tx: &Transaction<'_>, chunk: &super::Chunk) -> rusqlite::Result<()> {
    let (seq, committed, readings) = (chunk.seq, chunk.committed.0, chunk.readings as i64);
    let sum = checksum::of_chunk(committed, readings, &chunk.body);
    tx.prepare_cached(
        "INSERT OR IGNORE INTO chunk (seq, committed, readings, body, sum) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![seq, committed, readings, chunk.body, sum])?;
    let mut times = Vec::new();
    // It was read a moment ago.
    let _ = unpack(&chunk.body, |sample| times.push(sample.at.0));
    put_late(tx, (seq, committed), times.into_iter())
}

fn put_sequence(tx: &Transaction<'_>, table: &str, last: i64) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
    tx.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", params![table, last]).map(drop)
}

/// A range that nobody reads any more, as a gap.
fn not_taken_over((after, until): (i64, i64), (from, to): (Micros, Micros), why: &str) -> Unread {
    Unread { first: after + 1, last: until, from, to, readings: 0, guessed: true, why: why.to_owned() }
}

fn within(gap: Unread, until: i64) -> Unread {
    Unread { last: gap.last.min(until), ..gap }
}

fn copy_tables(from: &Connection, tx: &Transaction<'_>) -> rusqlite::Result<()> {
    for (table, columns, sum) in [
        (
            "series",
            "id, equipment, point, kind, value_type, unit, sum",
            "row_sum(id, equipment, point, kind, value_type, unit)",
        ),
        ("text", "number, text, sum", "row_sum(number, text)"),
        ("cursor", "outlet, seq, readings, sum", "row_sum(outlet, seq, readings)"),
        ("meta", "key, value, sum", "row_sum(key, value)"),
        ("overflow", "n, body, sum", "row_sum(body)"),
        ("turn", "seq, ahead_before, ahead, dark_before, dark", "NULL"),
    ] {
        let which = if sum == "NULL" { String::new() } else { format!(" WHERE sum = {sum}") };
        let marks = (1..=columns.split(", ").count()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let insert = format!("INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})");
        // A table that is not there is one of an earlier version, or gone.
        let Ok(mut query) = from.prepare(&format!("SELECT {columns} FROM {table}{which}")) else {
            continue;
        };
        let count = query.column_count();
        let Ok(mut rows) = query.query([]) else { continue };
        while let Ok(Some(row)) = rows.next() {
            let values: Result<Vec<rusqlite::types::Value>, _> = (0..count).map(|n| row.get(n)).collect();
            if let Ok(values) = values {
                tx.execute(&insert, rusqlite::params_from_iter(values))?;
            }
        }
    }
    Ok(())
}
