//! What the journal keeps beside readings: who it is, how the clock was set, and what the ledger could not take.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::plant::Micros;

/// A set of the clock smaller than this over a restart is the pace of two clocks, microseconds.
const PACE: i64 = 2_000_000;

/// How far the wall clock has been set since the journal was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Drift {
    /// Ahead, microseconds; back is negative.
    pub ahead: i64,
    /// Time of which nobody can say how long it was, because the machine was off, by the wall clock, microseconds.
    pub dark: i64,
}

/// How long the machine runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Uptime {
    /// Another one after each start of the machine; empty where that cannot be told.
    pub boot: String,
    /// Since then.
    pub up: Duration,
}

/// Both clocks at one instant, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Mark {
    pub(super) wall: Micros,
    pub(super) uptime: Uptime,
    pub(super) drift: Drift,
}

impl Mark {
    /// How the clock was set between this mark and now, as far as that can be told.
    pub(super) fn since(&self, now: Micros, uptime: &Uptime) -> Drift {
        let by_wall = now.0.saturating_sub(self.wall.0);
        if !uptime.boot.is_empty() && uptime.boot == self.uptime.boot && uptime.up >= self.uptime.up {
            let passed = i64::try_from((uptime.up - self.uptime.up).as_micros()).unwrap_or(i64::MAX);
            let ahead = by_wall.saturating_sub(passed);
            return Drift { ahead: if ahead.abs() > PACE { ahead } else { 0 }, dark: 0 };
        }
        // The machine was off: a time before the last one is a clock set back, one after it proves nothing.
        if by_wall < 0 { Drift { ahead: by_wall, dark: 0 } } else { Drift { ahead: 0, dark: by_wall } }
    }
}

const CLOCK: &str = "clock";

fn get(conn: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = ?1 AND sum = row_sum(key, value)")
        .and_then(|mut query| query.query_row([key], |r| r.get(0)).optional())
}

fn set(conn: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO meta (key, value, sum) VALUES (?1, ?2, row_sum(?1, ?2))
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, sum = excluded.sum",
    )
    .and_then(|mut query| query.execute([key, value]))
    .map(drop)
}

/// The last mark of both clocks.
pub(super) fn mark(conn: &Connection) -> rusqlite::Result<Option<Mark>> {
    Ok(get(conn, CLOCK)?.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(super) fn set_mark(tx: &Transaction<'_>, mark: &Mark) -> rusqlite::Result<()> {
    set(tx, CLOCK, &serde_json::to_string(mark).unwrap_or_default())
}

/// How far the wall clock has been set ahead by now.
pub(super) fn ahead(conn: &Connection) -> rusqlite::Result<i64> {
    Ok(mark(conn)?.unwrap_or_default().drift.ahead)
}

/// The journal's own name.
pub(super) fn name(conn: &Connection) -> rusqlite::Result<Option<String>> {
    get(conn, "name")
}

/// The journal's own name, given when it is first opened.
pub(super) fn own_name(conn: &Connection) -> rusqlite::Result<String> {
    if let Some(name) = name(conn)? {
        return Ok(name);
    }
    let name = uuid::Uuid::now_v7().to_string();
    set(conn, "name", &name)?;
    Ok(name)
}

/// The ledger beside it: its name and how many audit entries it had at least.
pub(super) fn ledger(conn: &Connection) -> rusqlite::Result<Option<(String, u64)>> {
    Ok(get(conn, "ledger")?.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(super) fn set_ledger(conn: &Connection, name: &str, entries: u64) -> rusqlite::Result<()> {
    set(conn, "ledger", &serde_json::to_string(&(name, entries)).unwrap_or_default())
}

/// Ranges of chunks, behind the first number up to the second, that are still to be taken over from a damaged file.
pub(super) type Ranges = Vec<(i64, i64)>;

/// What is still to be taken over; `None` if nothing was begun.
pub(super) fn salvage(conn: &Connection) -> rusqlite::Result<Option<Ranges>> {
    Ok(get(conn, "salvage")?.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(super) fn set_salvage(conn: &Connection, left: &[(i64, i64)]) -> rusqlite::Result<()> {
    set(conn, "salvage", &serde_json::to_string(left).unwrap_or_default())
}

pub(super) fn end_salvage(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM meta WHERE key = 'salvage'", []).map(drop)
}

pub(super) fn probe(conn: &Connection) -> rusqlite::Result<()> {
    set(conn, "probe", &fastrand::u32(..).to_string())
}

/// What waits for the ledger, oldest first, from number `after` on.
pub(super) fn overflow(conn: &Connection, after: i64) -> rusqlite::Result<Vec<(i64, String)>> {
    conn.prepare_cached("SELECT n, body FROM overflow WHERE n > ?1 AND sum = row_sum(body) ORDER BY n")?
        .query_map([after], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect()
}

pub(super) fn add_overflow(tx: &Transaction<'_>, body: &str) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO overflow (body, sum) VALUES (?1, row_sum(?1))")?
        .execute(params![body])
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn up(boot: &str, seconds: u64) -> Uptime {
        Uptime { boot: boot.to_owned(), up: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_clock_that_was_set_while_the_gateway_was_off_is_found_by_the_machines_uptime() {
        let mark = Mark { wall: Micros(1000 * HOUR), uptime: up("a", 100), drift: Drift::default() };
        let later = |wall: i64, boot: &str, seconds| mark.since(Micros(wall), &up(boot, seconds));
        assert_eq!(later(1001 * HOUR, "a", 3700), Drift::default(), "an hour is an hour");
        assert_eq!(
            later(1001 * HOUR + 1_900_000, "a", 3700),
            Drift::default(),
            "within the pace of two clocks"
        );
        assert_eq!(later(1003 * HOUR, "a", 3700), Drift { ahead: 2 * HOUR, dark: 0 });
        assert_eq!(later(1000 * HOUR, "a", 3700), Drift { ahead: -HOUR, dark: 0 });
        assert_eq!(
            later(1003 * HOUR, "b", 50),
            Drift { ahead: 0, dark: 3 * HOUR },
            "nobody knows how long it was off"
        );
        assert_eq!(later(999 * HOUR, "b", 50), Drift { ahead: -HOUR, dark: 0 });
    }
}
