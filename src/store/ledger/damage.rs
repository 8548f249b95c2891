//! Rows of the ledger that are not what was written: found, named, and put aside, so that nobody is sent a changed
//! digit and the rest goes on.

use rusqlite::{Connection, params};

use super::{FILE, Ledger, LedgerReader, StoreError, earlier, sqlite};
use crate::plant::Micros;

/// Table, what names a row in it, and the columns that its sum covers.
const TABLES: &[(&str, &str, &str)] = &[
    ("alarm", "key", "key, body"),
    ("memory", "of || ' ' || name", "of, name, body"),
    ("hazard", "id", "id, number, equipment, origin, merge_key, status, found_at, version, body"),
    ("hazard_event", "seq", "hazard, version, kind, at, body"),
    ("delivery", "outlet || '#' || event", "outlet, event, state, at, detail"),
    ("dead_letter", "seq", "at, outlet, what, status, reason"),
    ("loss", "seq", "at, outlet, from_at, to_at, readings, reason, detail"),
    ("precursor", "seq", "at, rule, beyond, peak, lasted_ms"),
    ("transition", "seq", "at, rule, event, before, after, value, cause, by"),
];

/// So many at the end are long.
const HISTORY: usize = 2;

/// The columns of a table that its sum covers, each with the name of the table before it; `None` in a ledger of an earlier
/// version that does not have the table, or has no sums in it.
pub(super) fn columns(conn: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let mut query = conn.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let there: Vec<String> = query.query_map([table], |r| r.get(0))?.collect::<Result<_, _>>()?;
    let has = |column: &str| there.iter().any(|name| name == column);
    if !has("sum") {
        return Ok(None);
    }
    let today = TABLES.iter().find(|t| t.0 == table).map_or("", |t| t.2);
    let columns = if table == "hazard" && !has("merge_key") { earlier::HAZARD_COLUMNS } else { today };
    Ok(Some(columns.split(", ").map(|c| format!("{table}.\"{c}\"")).collect::<Vec<_>>().join(", ")))
}

/// A row that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Table.
    pub of: String,
    /// Which row.
    pub key: String,
}

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.of, self.key)
    }
}

impl LedgerReader {
    /// Looks at every row; the long tables only with `history`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn damaged(&self, history: bool) -> Result<Vec<Damaged>, StoreError> {
        find(&*self.conn()?, history).map_err(sqlite(FILE))
    }
}

fn find(conn: &Connection, history: bool) -> rusqlite::Result<Vec<Damaged>> {
    let mut found = Vec::new();
    for (table, key, _) in &TABLES[..if history { TABLES.len() } else { TABLES.len() - HISTORY }] {
        let Some(columns) = columns(conn, table)? else { continue };
        let json = if columns.contains("body") { " OR NOT json_valid(body)" } else { "" };
        let sql = format!(
            "SELECT CAST({key} AS TEXT) FROM {table} WHERE (sum IS NOT NULL AND sum <> row_sum({columns})){json}"
        );
        let mut query = conn.prepare(&sql)?;
        let rows = query.query_map([], |r| {
            let key = String::from_utf8_lossy(r.get_ref(0)?.as_bytes()?).into_owned();
            Ok(Damaged { of: (*table).to_owned(), key })
        })?;
        found.extend(rows.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(found)
}

impl Ledger {
    /// Puts these rows aside, with all that stands in them.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]; nothing has changed then.
    pub fn set_aside(&mut self, rows: &[Damaged], at: Micros) -> Result<(), StoreError> {
        let err = sqlite(FILE);
        let tx = self.conn.transaction().map_err(&err)?;
        for Damaged { of, key } in rows {
            let Some((table, name, _)) = TABLES.iter().find(|t| t.0 == of) else { continue };
            let Some(columns) = columns(&tx, table).map_err(&err)? else { continue };
            let content = columns.split(", ").map(|c| format!("quote({c})")).collect::<Vec<_>>();
            let content = content.join(" || ', ' || ");
            let which = format!("CAST({name} AS TEXT) = ?1");
            let keep = format!(
                "INSERT INTO set_aside (at, of, key, content) SELECT ?2, ?3, ?1, {content} FROM {table} WHERE {which}"
            );
            tx.execute(&keep, params![key, at.0, of]).map_err(&err)?;
            tx.execute(&format!("DELETE FROM {table} WHERE {which}"), [key]).map_err(&err)?;
        }
        tx.commit().map_err(&err)
    }
}
