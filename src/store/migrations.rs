//! Schema steps, counted in `PRAGMA user_version`. A step once released is never edited.

use rusqlite::Connection;

use super::{StoreError, checksum, sqlite};

/// Brings `conn` to the newest schema of `steps`, each step in its own transaction.
pub(super) fn migrate(conn: &mut Connection, file: &str, steps: &[&str]) -> Result<(), StoreError> {
    let err = sqlite(file);
    let found: u32 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(&err)?;
    let known = u32::try_from(steps.len()).expect("few schema steps");
    if found > known {
        return Err(StoreError::TooNew { file: file.to_owned(), found, known });
    }
    for (step, number) in steps.iter().zip(1u32..).skip(found as usize) {
        let tx = conn.transaction().map_err(&err)?;
        tx.execute_batch(step).map_err(&err)?;
        tx.pragma_update(None, "user_version", number).map_err(&err)?;
        tx.commit().map_err(&err)?;
    }
    Ok(())
}

/// The settings every connection that writes runs under. A new file can give pages back to the disk.
pub(super) fn tune(conn: &Connection, file: &str) -> Result<(), StoreError> {
    conn.execute_batch(
        "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
         PRAGMA busy_timeout=5000; PRAGMA wal_autocheckpoint=2000; PRAGMA foreign_keys=ON;",
    )
    .and_then(|()| checksum::teach(conn))
    .map_err(sqlite(file))
}

/// Moves what is in the write-ahead log into the main file, as far as no reader stands in the way. A bad bit in the
/// log undoes what follows it there; in the file it costs a row.
pub(super) fn checkpoint(conn: &Connection, file: &str) -> Result<(), StoreError> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).map_err(sqlite(file))
}

/// Moves everything into the main file and empties the write-ahead log, so that a stopped gateway's
/// files can be copied one by one. Readers still open may keep the empty log file in place.
pub(super) fn settle(conn: &Connection, file: &str) -> Result<(), StoreError> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(sqlite(file))
}

pub(super) const JOURNAL: &[&str] = &["
CREATE TABLE series (
  id INTEGER PRIMARY KEY, equipment TEXT NOT NULL, point TEXT NOT NULL,
  kind TEXT NOT NULL, value_type TEXT NOT NULL, UNIQUE (equipment, point, value_type)
) STRICT;
-- One row a commit: everything that arrived since the last one, packed. `seq` is the outbox order.
CREATE TABLE chunk (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, committed INTEGER NOT NULL,
  readings INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE cursor (outlet TEXT PRIMARY KEY, seq INTEGER NOT NULL, readings INTEGER NOT NULL) STRICT, WITHOUT ROWID;
", "
-- Texts that devices delivered; a reading's value is the number.
CREATE TABLE text (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
", "
-- Chunks before which the wall clock was set back: commit times rise only from one to the next of them.
CREATE TABLE turn (seq INTEGER PRIMARY KEY) STRICT;
", "
-- `sum` covers the other columns of its row; NULL in chunks that were written before.
ALTER TABLE chunk ADD COLUMN sum INTEGER;
ALTER TABLE text ADD COLUMN sum INTEGER;
UPDATE text SET sum = row_sum(number, text);
ALTER TABLE cursor ADD COLUMN sum INTEGER;
UPDATE cursor SET sum = row_sum(outlet, seq, readings);
-- A series is of one unit; NULL where it was begun before units were kept.
CREATE TABLE series_of_a_unit (
  id INTEGER PRIMARY KEY, equipment TEXT NOT NULL, point TEXT NOT NULL, kind TEXT NOT NULL,
  value_type TEXT NOT NULL, unit TEXT, sum INTEGER, UNIQUE (equipment, point, value_type, unit)
) STRICT;
INSERT INTO series_of_a_unit
  SELECT id, equipment, point, kind, value_type, NULL, row_sum(id, equipment, point, kind, value_type, NULL) FROM series;
DROP TABLE series;
ALTER TABLE series_of_a_unit RENAME TO series;
-- From this chunk on: by how much the wall clock had been set ahead until before and from then on, and how much time
-- had passed in which nobody could say how long it was, microseconds.
ALTER TABLE turn ADD COLUMN ahead_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turn ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turn ADD COLUMN dark_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turn ADD COLUMN dark INTEGER NOT NULL DEFAULT 0;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- What the ledger could not take; it goes there as soon as it can.
CREATE TABLE overflow (n INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
", "
-- Chunks with readings taken long before or after their commit, which a search by commit times does not find: the
-- times of the first and the last of them.
CREATE TABLE late (seq INTEGER PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT;
CREATE INDEX late_at ON late (last_at, first_at);
"];

pub(super) const LEDGER: &[&str] = &["
CREATE TABLE alarm (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE transition (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, rule TEXT NOT NULL, event TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, value REAL, cause TEXT, by TEXT
) STRICT;
CREATE TABLE hazard (
  id TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE, equipment TEXT NOT NULL, rule TEXT NOT NULL,
  status TEXT NOT NULL, found_at INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- At most one hazard not closed per equipment and rule: the database holds promise P2 too.
CREATE UNIQUE INDEX hazard_one_open ON hazard (equipment, rule) WHERE status <> 'closed';
CREATE TABLE hazard_event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, hazard TEXT NOT NULL, version INTEGER NOT NULL,
  kind TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (hazard, version)
) STRICT;
CREATE TABLE delivery (
  outlet TEXT NOT NULL, event INTEGER NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (outlet, event)
) STRICT, WITHOUT ROWID;
CREATE TABLE evidence (hazard TEXT PRIMARY KEY, sha256 TEXT NOT NULL, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE dead_letter (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, outlet TEXT NOT NULL,
  what TEXT NOT NULL, status INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE loss (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, outlet TEXT NOT NULL,
  from_at INTEGER NOT NULL, to_at INTEGER NOT NULL, readings INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
  detail TEXT NOT NULL, prev_hash TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
", "
-- What nearly became an alarm: caught by a delay (beyond), or only near.
CREATE TABLE precursor (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, rule TEXT NOT NULL, beyond INTEGER NOT NULL,
  peak REAL NOT NULL, lasted_ms INTEGER NOT NULL
) STRICT;
", "
-- The figures ask for a span, and for what a rule did last before it.
CREATE INDEX transition_at ON transition (at);
CREATE INDEX transition_rule ON transition (rule);
", "
-- `sum` covers the other columns of its row; NULL in rows that were written before and are of no further use.
ALTER TABLE alarm ADD COLUMN sum INTEGER;
UPDATE alarm SET sum = row_sum(key, body);
ALTER TABLE transition ADD COLUMN sum INTEGER;
ALTER TABLE hazard ADD COLUMN sum INTEGER;
UPDATE hazard SET sum = row_sum(id, number, equipment, rule, status, found_at, version, body);
ALTER TABLE hazard_event ADD COLUMN sum INTEGER;
UPDATE hazard_event SET sum = row_sum(hazard, version, kind, at, body);
ALTER TABLE delivery ADD COLUMN sum INTEGER;
UPDATE delivery SET sum = row_sum(outlet, event, state, at, detail);
ALTER TABLE dead_letter ADD COLUMN sum INTEGER;
ALTER TABLE precursor ADD COLUMN sum INTEGER;
ALTER TABLE loss ADD COLUMN sum INTEGER;
-- Whose readings went: equipment and points.
ALTER TABLE loss ADD COLUMN detail TEXT NOT NULL DEFAULT '';
UPDATE loss SET sum = row_sum(at, outlet, from_at, to_at, readings, reason, detail);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- Rows that do not agree with their sum, as they were found.
CREATE TABLE set_aside (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, of TEXT NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL
) STRICT;
-- How far the wall clock had been set ahead when the hazard was found, by the turns that the journal has noted.
CREATE TABLE evidence_window (hazard TEXT PRIMARY KEY, journal TEXT NOT NULL, ahead INTEGER NOT NULL) STRICT, WITHOUT ROWID;
", "
-- An audit entry names its actor whole: id, role and the way in; NULL in entries of which only the name was kept.
ALTER TABLE audit ADD COLUMN who_id TEXT;
ALTER TABLE audit ADD COLUMN role TEXT;
ALTER TABLE audit ADD COLUMN via TEXT;
", "
-- A hazard has an origin, which need not be an alarm, and a merge key: at most one that is not closed for each (P2).
-- A row that was not what was written, or whose columns say other than its body, stays so (no sum is negative), and agrees
-- with no other one, so that it can be put aside. Ledgers before sums show it by the body alone.
CREATE TABLE hazard_of_an_origin (
  id TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE, equipment TEXT, origin TEXT NOT NULL, merge_key TEXT NOT NULL,
  status TEXT NOT NULL, found_at INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, sum INTEGER
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO hazard_of_an_origin
  SELECT id, number, equipment, 'auto_alarm', json_array('auto_alarm', equipment, rule), status, found_at, version, body,
    row_sum(id, number, equipment, 'auto_alarm', json_array('auto_alarm', equipment, rule), status, found_at, version, body)
  FROM hazard WHERE sum = row_sum(id, number, equipment, rule, status, found_at, version, body)
    AND CASE WHEN json_valid(body) THEN json_array(id, number, equipment, rule, status) = json_array(
      json_extract(body, '$.id'), json_extract(body, '$.number'), json_extract(body, '$.equipment'),
      json_extract(body, '$.rule'), json_extract(body, '$.status')) END;
INSERT INTO hazard_of_an_origin
  SELECT id, number || ' of ' || id, equipment, 'auto_alarm', 'damaged ' || rule || ' of ' || id, status, found_at, version,
  body, -1
  FROM hazard WHERE id NOT IN (SELECT id FROM hazard_of_an_origin);
DROP TABLE hazard;
ALTER TABLE hazard_of_an_origin RENAME TO hazard;
CREATE UNIQUE INDEX hazard_one_open ON hazard (merge_key) WHERE status <> 'closed';
-- What the engine remembers beside the rules stood among the alarms, under keys that no rule has.
CREATE TABLE memory (
  of TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (of, name)
) STRICT, WITHOUT ROWID;
INSERT INTO memory SELECT of, name, body, row_sum(of, name, body) FROM (
  SELECT 'formula' AS of, substr(key, 10) AS name, json_extract(body, '$.memory') AS body FROM alarm
    WHERE substr(key, 1, 9) = '@derived:' AND sum = row_sum(key, body) AND json_valid(body)
  UNION ALL SELECT 'test', substr(key, 9), json_extract(body, '$.memory') FROM alarm
    WHERE substr(key, 1, 8) = '@tested:' AND sum = row_sum(key, body) AND json_valid(body)
  UNION ALL SELECT 'calls', '', json_object('ago_ms', json(coalesce(json_extract(body, '$.calls_ms'), '[]')), 'flood',
    json(CASE WHEN json_extract(body, '$.flood') THEN 'true' ELSE 'false' END)) FROM alarm
    WHERE key = '@site' AND sum = row_sum(key, body) AND json_valid(body)
) WHERE body IS NOT NULL;
DELETE FROM alarm WHERE substr(key, 1, 1) = '@' AND sum = row_sum(key, body);
"];
