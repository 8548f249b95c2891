//! What is done with a damaged journal: it is set aside, and what can be read of it is taken over.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::{FILE, Journal, JournalReader, StoreError, sqlite};
use crate::plant::{Micros, Plant};
use crate::store::place;

/// Moves the file and its log to another name.
pub(super) fn set_aside(dir: &Path, now: Micros) -> Result<PathBuf, StoreError> {
    let mut seconds = now.seconds();
    let name = |seconds: i64| dir.join(format!("journal.damaged-{seconds}.db"));
    while name(seconds).exists() {
        seconds += 1;
    }
    place::rename_database(&dir.join(FILE), &name(seconds))?;
    Ok(name(seconds))
}

impl Journal {
    /// Takes over what reads back: series, texts, places of outlets, what waits for the ledger, and every sound chunk.
    /// What cannot be read is passed over.
    pub(super) fn take_over(&mut self, aside: &Path, plant: &Plant) -> Result<(), StoreError> {
        let err = sqlite(FILE);
        let conn = match rusqlite::Connection::open(aside) {
            Ok(conn) => conn,
            Err(e) => {
                tracing::error!("nothing of {} can be taken over: {e}", aside.display());
                return Ok(());
            }
        };
        crate::store::checksum::teach(&conn).map_err(&err)?;
        let small = self.take_over_tables(&conn);
        drop(conn);
        let chunks = self.take_over_chunks(aside);
        match (small, chunks) {
            (Ok(()), Ok(0)) => tracing::error!("no reading of {} can be taken over", aside.display()),
            (Ok(()), Ok(n)) => tracing::warn!("{n} chunks of {} were taken over", aside.display()),
            (Err(e), _) | (_, Err(e)) => {
                tracing::error!("not all of {} can be taken over: {e}", aside.display());
            }
        }
        self.series = super::series_of(&mut self.conn, plant)?;
        self.texts_kept = super::restore_texts(&self.conn, &self.texts)?;
        self.drift = super::meta::mark(&self.conn).map_err(&err)?.unwrap_or_default().drift;
        self.name = super::meta::own_name(&self.conn).map_err(&err)?;
        self.newest = self
            .conn
            .query_row("SELECT coalesce(max(committed), ?1) FROM chunk", [i64::MIN], |r| r.get(0))
            .map_err(&err)?;
        Ok(())
    }

    /// Row by row, so that a damaged one costs itself; numbers stay, because chunks go by them.
    fn take_over_tables(&mut self, from: &rusqlite::Connection) -> Result<(), StoreError> {
        let err = sqlite(FILE);
        let tx = self.conn.transaction().map_err(&err)?;
        tx.execute_batch("DELETE FROM series; DELETE FROM meta;").map_err(&err)?;
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
            let marks =
                (1..=columns.split(", ").count()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
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
                    tx.execute(&insert, rusqlite::params_from_iter(values)).map_err(&err)?;
                }
            }
        }
        tx.commit().map_err(&err)
    }

    fn take_over_chunks(&mut self, aside: &Path) -> Result<u64, StoreError> {
        let err = sqlite(FILE);
        let reader = JournalReader::open(aside)?;
        let (mut seq, mut taken) = (0, 0);
        loop {
            let tx = self.conn.transaction().map_err(&err)?;
            let mut ended = true;
            for _ in 0..256 {
                let Some(chunk) = reader.next_after(seq)? else { break };
                (seq, ended) = (chunk.seq, false);
                if chunk.readings == 0 {
                    // It stands for what does not read back.
                    continue;
                }
                let (committed, readings) = (chunk.committed.0, chunk.readings as i64);
                let sum = crate::store::checksum::of_chunk(committed, readings, &chunk.body);
                tx.prepare_cached(
                    "INSERT INTO chunk (seq, committed, readings, body, sum) VALUES (?1, ?2, ?3, ?4, ?5)",
                )
                .and_then(|mut s| s.execute(params![seq, committed, readings, chunk.body, sum]))
                .map_err(&err)?;
                taken += 1;
            }
            tx.commit().map_err(&err)?;
            if ended {
                break;
            }
        }
        self.lost = reader.take_unread();
        Ok(taken)
    }
}
