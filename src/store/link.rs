//! A read-only connection that opens when it is first used, and again when another file stands at its path.
//!
//! A store may be unreadable when the gateway starts, on a disk that takes nothing, or exchanged while it runs; its
//! readers must come back by themselves.

use std::cell::{Ref, RefCell};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{StoreError, checksum, place, sqlite};

/// How long a connection that does not see what is written is used before the usual way is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    path: PathBuf,
    file: &'static str,
    held: RefCell<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    conn: Connection,
    identity: Option<(u64, u64)>,
    /// Of the log that it reads.
    log: Option<(u64, u64)>,
    /// Since when, if it sees nothing that is written after it was opened.
    frozen: Option<Instant>,
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

impl Link {
    pub(super) fn new(path: &Path, file: &'static str) -> Self {
        Self { path: path.to_owned(), file, held: RefCell::new(None) }
    }

    /// Opens the file now, if it can be: what is removed later is still read.
    pub(super) fn now(self) -> Self {
        // Whoever asks meets the error again.
        let _ = self.conn().map(drop);
        self
    }

    /// The connection.
    pub(super) fn conn(&self) -> Result<Ref<'_, Connection>, StoreError> {
        if !self.is_good()
            && let Ok(mut held) = self.held.try_borrow_mut()
        {
            match self.open() {
                Ok(fresh) => *held = Some(fresh),
                // The old handle still sees what was there.
                Err(e) if held.is_none() => return Err(e),
                Err(_) => {}
            }
        }
        Ref::filter_map(self.held.borrow(), |held| held.as_ref().map(|h| &h.conn))
            .map_err(|_| StoreError::Corrupt(format!("{}: the file is not open", self.file)))
    }

    fn is_good(&self) -> bool {
        let Ok(held) = self.held.try_borrow() else { return true };
        let Some(held) = held.as_ref() else { return false };
        if held.frozen.is_some_and(|since| since.elapsed() >= AGAIN || !self.is_read_only()) {
            return false;
        }
        let (now, log) = (identity(&self.path), identity(&place::log_of(&self.path)));
        let exchanged = |now: Option<_>, before| now.is_some() && now != before;
        !exchanged(now, held.identity) && !exchanged(log, held.log)
    }

    /// Nothing can be written beside the file.
    fn is_read_only(&self) -> bool {
        self.path.parent().is_some_and(place::is_read_only)
    }

    fn open(&self) -> Result<Held, StoreError> {
        let identity = identity(&self.path);
        let frozen = Some(Instant::now());
        if self.is_read_only() {
            // The usual way would share a read-only index with whoever writes again later.
            let conn = self.connect_alone().map_err(sqlite(self.file))?;
            return Ok(Held { conn, identity, log: self.log(), frozen });
        }
        match self.connect(&self.path.display().to_string(), OpenFlags::empty(), "") {
            Ok(conn) => Ok(Held { conn, identity, log: self.log(), frozen: None }),
            Err(e) if self.log_is_empty() && is_refused(&e) => {
                let conn = self.connect_alone().map_err(sqlite(self.file))?;
                Ok(Held { conn, identity, log: self.log(), frozen })
            }
            Err(e) => Err(sqlite(self.file)(e)),
        }
    }

    /// Reads what is there without writing anything beside it; sees nothing that is written later.
    fn connect_alone(&self) -> Result<Connection, rusqlite::Error> {
        let (how, before) = if self.log_is_empty() {
            ("immutable=1", "")
        } else {
            ("vfs=unix-none", "PRAGMA locking_mode=EXCLUSIVE;")
        };
        let name = format!("file:{}?{how}", escaped(&self.path));
        self.connect(&name, OpenFlags::SQLITE_OPEN_URI, before)
    }

    fn log(&self) -> Option<(u64, u64)> {
        identity(&place::log_of(&self.path))
    }

    fn log_is_empty(&self) -> bool {
        std::fs::metadata(format!("{}-wal", self.path.display())).map_or(0, |m| m.len()) == 0
    }

    fn connect(&self, name: &str, more: OpenFlags, before: &str) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let conn = Connection::open_with_flags(name, flags)?;
        conn.execute_batch(&format!("{before}PRAGMA busy_timeout=5000; PRAGMA query_only=ON;"))?;
        checksum::teach(&conn)?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0))?;
        Ok(conn)
    }
}

/// SQLite wants to write beside the file and cannot.
fn is_refused(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly | SystemIoFailure | DiskFull))
}

/// A path as SQLite's names want it.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use super::Link;

    #[test]
    fn a_reader_opens_late_and_follows_the_file_at_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a?b.db");
        let link = Link::new(&path, "a.db");
        assert!(link.conn().is_err(), "there is no file");
        let make = |n: i64| {
            let conn = rusqlite::Connection::open(&path).unwrap();
            conn.execute_batch(&format!("CREATE TABLE t (n); INSERT INTO t VALUES ({n});")).unwrap();
        };
        let read = || link.conn().unwrap().query_row("SELECT n FROM t", [], |r| r.get::<_, i64>(0)).unwrap();
        make(1);
        assert_eq!(read(), 1);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read(), 1, "the removed file is still open");
        make(2);
        assert_eq!(read(), 2);
    }
}
