//! Reads the ledger while the keeper writes it: each reader has its own read-only connection.
//!
//! Called by the console, the outlets, the command line, and the gateway at its start.

use std::cell::{Ref, RefCell};
use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{AuditRow, DeadLetter, DeliveryRow, EventRow, LossRow, PrecursorRow, TransitionRow};
use super::{FILE, Loss, StoreError, earlier, sqlite};
use crate::alarm::{StoredAlarm, StoredMemory};
use crate::audit::Entry;
use crate::hazard::Hazard;
use crate::people::{Actor, Role, Via};
use crate::plant::Micros;
use crate::store::link::Link;

/// What an entry of the trail is called that tells of changed settings.
pub const SETTINGS_CHANGED: &str = "settings-changed";

/// Reads the ledger while the keeper writes it.
#[derive(Debug)]
pub struct LedgerReader {
    link: Link,
    settings: RefCell<SettingsChanges>,
}

/// Changes of settings as far as the trail was read: it has millions of other entries, and none of it ever changes.
#[derive(Debug, Default)]
struct SettingsChanges {
    /// The last entry that was read, and its hash.
    read: (i64, String),
    told: SettingsHistory,
    /// The latest time that an entry had, and since when entries lie before it, if they do.
    latest: i64,
    behind_since: Option<i64>,
}

/// What the trail tells of changes of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsHistory {
    /// When, and the details of it, oldest first.
    pub changes: Vec<(Micros, String)>,
    /// Spans that the wall clock came to twice, or in which it was wrong: from where it stood when it had been set back until
    /// it was past where it had been; the last one may have no end yet. What lies in one is neither before nor after.
    pub unclear: Vec<(Micros, Option<Micros>)>,
}

impl SettingsChanges {
    /// The next entry that tells the wall clock of its moment.
    fn take(&mut self, at: i64) {
        if at < self.latest {
            let since = self.behind_since.map_or(at, |since| since.min(at));
            self.behind_since = Some(since);
        } else {
            if let Some(since) = self.behind_since.take() {
                self.told.unclear.push((Micros(since), Some(Micros(at))));
            }
            self.latest = at;
        }
    }
}

impl LedgerReader {
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
        Self { link: Link::new(path, FILE).now(), settings: RefCell::default() }
    }

    pub(super) fn conn(&self) -> Result<Ref<'_, Connection>, StoreError> {
        self.link.conn()
    }

    /// The condition under which a row of `table` is what was written; always true in a ledger of an earlier version.
    fn sound(&self, table: &str) -> Result<String, StoreError> {
        let columns = super::damage::columns(&*self.conn()?, table).map_err(sqlite(FILE))?;
        Ok(match columns {
            Some(columns) => format!("({table}.sum IS NULL OR {table}.sum = row_sum({columns}))"),
            None => "1".to_owned(),
        })
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let err = sqlite(FILE);
        let conn = self.conn()?;
        let mut query = conn.prepare_cached(sql).map_err(&err)?;
        let rows = query.query_map(values, read).map_err(&err)?;
        rows.collect::<Result<_, _>>().map_err(&err)
    }

    /// The stored bodies that `sql` selects. One that does not read back is left out, and told by
    /// [`Self::damaged`].
    fn bodies<T: serde::de::DeserializeOwned>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<T>, StoreError> {
        let bodies = self.rows(sql, values, |r| r.get::<_, String>(0))?;
        Ok(bodies.iter().filter_map(|body| from_json(body).ok()).collect())
    }

    /// All alarm states.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn alarms(&self) -> Result<Vec<StoredAlarm>, StoreError> {
        let sound = self.sound("alarm")?;
        self.bodies(&format!("SELECT body FROM alarm WHERE substr(key, 1, 1) <> '@' AND {sound}"), [])
    }

    /// What the engine remembers beside the rules.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn memories(&self) -> Result<Vec<StoredMemory>, StoreError> {
        if !self.has("memory")? {
            let sql = format!("SELECT key, body FROM alarm WHERE {}", self.sound("alarm")?);
            let rows = self.rows(&sql, [], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))?;
            return Ok(rows.iter().filter_map(|(key, body)| earlier::memory(key, body)).collect());
        }
        let sql = format!("SELECT of, name, body FROM memory WHERE {}", self.sound("memory")?);
        let rows = self.rows(&sql, [], |r| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?)))?;
        let known = rows
            .into_iter()
            .filter_map(|(of, name, body)| Some(StoredMemory { of: of.parse().ok()?, name, body }));
        Ok(known.collect())
    }

    /// The ledger has a table of this name; one of an earlier version may not.
    fn has(&self, table: &str) -> Result<bool, StoreError> {
        self.conn()?
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [table], |r| r.get(0))
            .map_err(sqlite(FILE))
    }

    /// The newest `limit` transitions, newest first, of one rule or of all, and within a span if one is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn transitions(
        &self,
        rule: Option<&str>,
        span: (Option<Micros>, Option<Micros>),
        limit: u32,
    ) -> Result<Vec<TransitionRow>, StoreError> {
        let (from, to) = (span.0.map_or(i64::MIN, |t| t.0), span.1.map_or(i64::MAX, |t| t.0));
        // Each by its own index, for a site has millions of them: `+` keeps one from being used.
        let (of_rule, by_time, order) = match (rule, span) {
            (Some(_), _) => ("rule = ?1", "+at", "seq DESC"),
            (None, (None, None)) => ("?1 IS NULL", "+at", "seq DESC"),
            (None, _) => ("?1 IS NULL", "at", "at DESC, seq DESC"),
        };
        let sound = self.sound("transition")?;
        let sql = format!(
            "SELECT seq, at, rule, event, before, after, value, cause, by FROM transition
             WHERE {sound} AND {of_rule} AND {by_time} BETWEEN ?2 AND ?3 ORDER BY {order} LIMIT ?4"
        );
        self.rows(&sql, params![rule, from, to, limit], transition)
    }

    /// All transitions with a time in `from..=to`, in the order they happened.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn transitions_between(&self, from: Micros, to: Micros) -> Result<Vec<TransitionRow>, StoreError> {
        let sound = self.sound("transition")?;
        self.rows(
            &format!(
                "SELECT seq, at, rule, event, before, after, value, cause, by FROM transition
                 WHERE at BETWEEN ?1 AND ?2 AND {sound} ORDER BY seq"
            ),
            [from.0, to.0],
            transition,
        )
    }

    /// The newest `most` transitions between two times, newest first by their time: time, and the words of rule, event,
    /// state before and after. Nothing is copied on the way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn transition_words<T>(
        &self,
        (from, to): (Micros, Micros),
        most: usize,
        mut each: impl FnMut(Micros, [&str; 4]) -> T,
    ) -> Result<Vec<T>, StoreError> {
        let sql = format!(
            "SELECT at, rule, event, before, after FROM transition
             WHERE at BETWEEN ?1 AND ?2 AND {} ORDER BY at DESC, seq DESC LIMIT ?3",
            self.sound("transition")?
        );
        self.rows(&sql, params![from.0, to.0, i64::try_from(most).unwrap_or(i64::MAX)], |r| {
            let word = |n: usize| Ok::<_, rusqlite::Error>(r.get_ref(n)?.as_str()?);
            Ok(each(Micros(r.get(0)?), [word(1)?, word(2)?, word(3)?, word(4)?]))
        })
    }

    /// Since when people have seen the alarm of `rule` stand before `at`; `None` if they did not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stood_since(&self, rule: &str, at: Micros) -> Result<Option<Micros>, StoreError> {
        self.conn()?
            .prepare_cached(
                "SELECT min(at) FROM transition WHERE rule = ?1 AND at < ?2 AND seq > coalesce((
                   SELECT seq FROM transition WHERE rule = ?1 AND at < ?2
                   AND after NOT IN ('acknowledged', 'unacknowledged') ORDER BY seq DESC LIMIT 1), 0)",
            )
            .and_then(|mut query| query.query_row(params![rule, at.0], |r| r.get::<_, Option<i64>>(0)))
            .map(|since| since.map(Micros))
            .map_err(sqlite(FILE))
    }

    /// Hazards found between two times, closed ones too, as they stand now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hazards_found(&self, from: Micros, to: Micros) -> Result<Vec<Hazard>, StoreError> {
        let sound = self.sound("hazard")?;
        self.bodies(
            &format!("SELECT body FROM hazard WHERE found_at BETWEEN ?1 AND ?2 AND {sound}"),
            [from.0, to.0],
        )
    }

    /// Rule of each precursor between two times, and whether it was beyond its limit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn precursors_between(&self, from: Micros, to: Micros) -> Result<Vec<(String, bool)>, StoreError> {
        if !self.has("precursor")? {
            return Ok(Vec::new());
        }
        let sql = "SELECT rule, beyond FROM precursor WHERE at BETWEEN ?1 AND ?2";
        self.rows(sql, [from.0, to.0], |r| Ok((r.get(0)?, r.get(1)?)))
    }

    /// What a [`crate::hazard::Register`] takes up after a restart: records that are not closed, and
    /// closed ones whose evidence is still to be sealed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unfinished_hazards(&self) -> Result<Vec<Hazard>, StoreError> {
        let evidence = "NOT EXISTS (SELECT 1 FROM evidence e WHERE e.hazard = hazard.id)";
        self.bodies(
            &format!(
                "SELECT body FROM hazard WHERE (status <> 'closed' OR {evidence}) AND {} ORDER BY found_at, number",
                self.sound("hazard")?
            ),
            [],
        )
    }

    /// Hazards that are not closed, oldest first; with `closed`, also the closed ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hazards(&self, closed: bool) -> Result<Vec<Hazard>, StoreError> {
        let sound = self.sound("hazard")?;
        self.bodies(
            &format!(
                "SELECT body FROM hazard WHERE (?1 OR status <> 'closed') AND {sound} ORDER BY found_at, number"
            ),
            [closed],
        )
    }

    /// The highest number given out on each day, by what it starts with (`YH-20261124-`).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn numbers(&self) -> Result<HashMap<String, u32>, StoreError> {
        let sql =
            "SELECT substr(number, 1, 12), max(CAST(substr(number, 13) AS INTEGER)) FROM hazard GROUP BY 1";
        Ok(self.rows(sql, [], |r| Ok((r.get(0)?, r.get(1)?)))?.into_iter().collect())
    }

    /// How far the wall clock had been set ahead when each hazard was found, by hazard and the journal's name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn windows(&self) -> Result<HashMap<String, (String, i64)>, StoreError> {
        if !self.has("evidence_window")? {
            return Ok(HashMap::new());
        }
        let sql = "SELECT hazard, journal, ahead FROM evidence_window";
        Ok(self.rows(sql, [], |r| Ok((r.get(0)?, (r.get(1)?, r.get(2)?))))?.into_iter().collect())
    }

    /// The last number of what waited in `journal` that the ledger has taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn taken_over(&self, journal: &str) -> Result<i64, StoreError> {
        super::record::taken_over(&*self.conn()?, journal).map_err(sqlite(FILE))
    }

    /// Hazard events after `seq`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn events_after(&self, seq: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        self.rows(
            &format!(
                "SELECT seq, hazard, body FROM hazard_event WHERE seq > ?1 AND {} ORDER BY seq LIMIT ?2",
                self.sound("hazard_event")?
            ),
            params![seq, limit],
            event,
        )
    }

    /// Events that `outlet` has neither delivered nor buried, oldest first: the first of each
    /// hazard only, so that order per hazard holds while another hazard's receiver is stuck.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn undelivered(&self, outlet: &str, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        self.rows(
            &format!(
                "SELECT min(hazard_event.seq), hazard_event.hazard, hazard_event.body FROM hazard_event
                 LEFT JOIN delivery d ON d.outlet = ?1 AND d.event = hazard_event.seq
                 WHERE (d.event IS NULL OR d.state = 'pending') AND {}
                 GROUP BY hazard_event.hazard ORDER BY 1 LIMIT ?2",
                self.sound("hazard_event")?
            ),
            params![outlet, limit],
            event,
        )
    }

    /// How each version of a hazard was delivered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn deliveries(&self, hazard: &str) -> Result<Vec<DeliveryRow>, StoreError> {
        self.rows(
            "SELECT d.outlet, e.version, d.state, d.at, d.detail FROM hazard_event e
             JOIN delivery d ON d.event = e.seq WHERE e.hazard = ?1 ORDER BY e.version, d.outlet",
            [hazard],
            |r| {
                Ok(DeliveryRow {
                    outlet: r.get(0)?,
                    version: r.get(1)?,
                    state: r.get(2)?,
                    at: r.get::<_, Option<i64>>(3)?.map(Micros),
                    detail: r.get(4)?,
                })
            },
        )
    }

    /// Sealed evidence of a hazard: SHA-256 and body.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn evidence(&self, hazard: &str) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        self.conn()?
            .query_row("SELECT sha256, body FROM evidence WHERE hazard = ?1", [hazard], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()
            .map_err(sqlite(FILE))
    }

    /// Number of events that `outlet` has delivered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delivered(&self, outlet: &str) -> Result<u64, StoreError> {
        self.conn()?
            .query_row(
                "SELECT count(*) FROM delivery WHERE outlet = ?1 AND state = 'delivered'",
                [outlet],
                |r| r.get::<_, i64>(0),
            )
            .map(|n| n as u64)
            .map_err(sqlite(FILE))
    }

    /// The hazard with this id, closed or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hazard(&self, id: &str) -> Result<Option<Hazard>, StoreError> {
        let sql = format!("SELECT body FROM hazard WHERE id = ?1 AND {}", self.sound("hazard")?);
        let body =
            self.conn()?.query_row(&sql, [id], |r| r.get::<_, String>(0)).optional().map_err(sqlite(FILE))?;
        body.map(|b| from_json(&b)).transpose()
    }

    /// Number of dead letters of `outlet`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn dead_letters(&self, outlet: &str) -> Result<u64, StoreError> {
        self.conn()?
            .query_row("SELECT count(*) FROM dead_letter WHERE outlet = ?1", [outlet], |r| r.get::<_, i64>(0))
            .map(|n| n as u64)
            .map_err(sqlite(FILE))
    }

    /// The newest `limit` dead letters, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest_dead_letters(&self, limit: u32) -> Result<Vec<(Micros, DeadLetter)>, StoreError> {
        self.rows(
            "SELECT at, outlet, what, status, reason FROM dead_letter ORDER BY seq DESC LIMIT ?1",
            [limit],
            |r| {
                let letter =
                    DeadLetter { outlet: r.get(1)?, what: r.get(2)?, status: r.get(3)?, reason: r.get(4)? };
                Ok((Micros(r.get(0)?), letter))
            },
        )
    }

    /// The newest `limit` losses, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn losses(&self, limit: u32) -> Result<Vec<LossRow>, StoreError> {
        let sound = self.sound("loss")?;
        self.rows(
            &format!(
                "SELECT at, outlet, from_at, to_at, readings, reason, {} FROM loss WHERE {sound} ORDER BY seq DESC LIMIT ?1",
                if sound == "1" { "''" } else { "detail" }
            ),
            [limit],
            |r| {
                let loss = Loss {
                    outlet: r.get(1)?,
                    from: Micros(r.get(2)?),
                    to: Micros(r.get(3)?),
                    readings: r.get::<_, i64>(4)? as u64,
                    detail: r.get(6)?,
                };
                Ok(LossRow { at: Micros(r.get(0)?), loss, reason: r.get(5)? })
            },
        )
    }

    /// The newest `limit` precursors, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn precursors(&self, limit: u32) -> Result<Vec<PrecursorRow>, StoreError> {
        if !self.has("precursor")? {
            return Ok(Vec::new());
        }
        self.rows(
            "SELECT at, rule, beyond, peak, lasted_ms FROM precursor ORDER BY seq DESC LIMIT ?1",
            [limit],
            |r| {
                Ok(PrecursorRow {
                    at: Micros(r.get(0)?),
                    rule: r.get(1)?,
                    beyond: r.get(2)?,
                    peak: r.get(3)?,
                    lasted_ms: r.get::<_, i64>(4)? as u64,
                })
            },
        )
    }

    /// The audit chain from its beginning.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn audit(&self) -> Result<Vec<AuditRow>, StoreError> {
        let sql = entries(&*self.conn()?).map_err(sqlite(FILE))?;
        self.rows(&format!("{sql} ORDER BY seq"), [], audit)
    }

    /// When settings were changed, and the details of it, oldest first; of the whole trail, of which only what is new is read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settings_changes(&self) -> Result<SettingsHistory, StoreError> {
        let hash = |seq: i64| -> Result<Option<String>, StoreError> {
            let rows = self.rows("SELECT hash FROM audit WHERE seq = ?1", [seq], |r| r.get(0))?;
            Ok(rows.into_iter().next())
        };
        let mut known = self.settings.borrow_mut();
        // Another ledger may stand in the place of the one that was read.
        if hash(known.read.0)?.is_none_or(|hash| hash != known.read.1) {
            *known = SettingsChanges::default();
        }
        let newest = self.rows("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?;
        let Some(newest) = newest.into_iter().next() else { return Ok(SettingsHistory::default()) };
        // Those alone that are written at the moment that they tell.
        let fresh = self.rows(
            "SELECT at, what = ?3, detail FROM audit
             WHERE seq > ?1 AND seq <= ?2 AND what IN (?3, 'started', 'clock-jumped') ORDER BY seq",
            params![known.read.0, newest.0, SETTINGS_CHANGED],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
        )?;
        for (at, is_change, detail) in fresh {
            known.take(at);
            if is_change {
                known.told.changes.push((Micros(at), detail));
            }
        }
        known.read = newest;
        let mut told = known.told.clone();
        told.unclear.extend(known.behind_since.map(|since| (Micros(since), None)));
        Ok(told)
    }

    /// The newest audit entry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_audit(&self) -> Result<Option<AuditRow>, StoreError> {
        last_audit(&*self.conn()?).map_err(sqlite(FILE))
    }
}

pub(super) fn last_audit(conn: &Connection) -> rusqlite::Result<Option<Entry>> {
    let sql = entries(conn)?;
    conn.prepare_cached(&format!("{sql} ORDER BY seq DESC LIMIT 1"))?.query_row([], audit).optional()
}

/// How the entries are asked for; a ledger of an earlier version has only the names of actors.
fn entries(conn: &Connection) -> rusqlite::Result<&'static str> {
    let whole: bool = conn
        .prepare_cached("SELECT count(*) FROM pragma_table_info('audit') WHERE name = 'via'")?
        .query_row([], |r| r.get(0))?;
    Ok(if whole {
        "SELECT seq, at, who, what, subject, detail, prev_hash, hash, who_id, role, via FROM audit"
    } else {
        "SELECT seq, at, who, what, subject, detail, prev_hash, hash, NULL, NULL, NULL FROM audit"
    })
}

/// The actor of an audit row; NULL beside the name where a version wrote it that kept no more. A role or way that this
/// version does not know reads as none, and so the entry fails its hash instead of passing for another.
fn actor(r: &rusqlite::Row<'_>) -> rusqlite::Result<Actor> {
    let name: String = r.get(2)?;
    let (id, role, via): (Option<String>, Option<String>, Option<String>) =
        (r.get(8)?, r.get(9)?, r.get(10)?);
    if id.is_none() && role.is_none() && via.is_none() {
        return Ok(Actor::unrecorded(name));
    }
    let role = role.as_deref().and_then(Role::of).unwrap_or(Role::Unassigned);
    let via = via.as_deref().and_then(Via::of).unwrap_or(Via::Unrecorded);
    Ok(Actor { id: id.unwrap_or_default(), name, role, via })
}

fn audit(r: &rusqlite::Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(Entry {
        seq: r.get::<_, i64>(0)? as u64,
        at: Micros(r.get(1)?),
        who: actor(r)?,
        what: r.get(3)?,
        subject: r.get(4)?,
        detail: r.get(5)?,
        prev_hash: r.get(6)?,
        hash: r.get(7)?,
    })
}

fn event(r: &rusqlite::Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow { seq: r.get(0)?, hazard: r.get(1)?, body: r.get(2)? })
}

fn from_json<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body)
        .map_err(|e| StoreError::Corrupt(format!("{FILE}: a stored body does not read back: {e}")))
}

fn transition(r: &rusqlite::Row<'_>) -> rusqlite::Result<TransitionRow> {
    Ok(TransitionRow {
        seq: r.get(0)?,
        at: Micros(r.get(1)?),
        rule: r.get(2)?,
        event: r.get(3)?,
        before: r.get(4)?,
        after: r.get(5)?,
        value: r.get(6)?,
        cause: r.get(7)?,
        by: r.get(8)?,
    })
}
