//! Whether the file at a path is still the one that was opened: what is written into a file that somebody has
//! removed or moved is kept nowhere.

use std::fs::{File, Metadata};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::migrations::tune;
use super::{StoreError, sqlite};

/// `open(2)`: a handle on the file's place only. Closing it gives up no lock that SQLite holds on the file.
const O_PATH: i32 = 0o10_000_000;

/// An opened file and where it was, and the log beside it.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    handle: Option<File>,
    log: Option<File>,
}

/// What was done where something had been removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mended {
    /// The file was written anew from what was still open.
    File,
    /// What stood in the removed log was moved into the file, and a new log begun.
    Log,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is where it was.
    InPlace,
    /// It is in no folder any more.
    Removed,
    /// It is somewhere else, or another file stands in its place.
    Moved(String),
}

fn hold(path: &Path) -> Option<File> {
    File::options().read(true).custom_flags(O_PATH).open(path).ok()
}

/// The write-ahead log of a database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

/// Moves all that stands in the log into the file, whatever became of the log's own name.
fn empty_log(conn: &Connection, path: &Path, file: &str) -> Result<(), StoreError> {
    let busy: i64 =
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0)).map_err(sqlite(file))?;
    if busy == 0 {
        return Ok(());
    }
    let log = log_of(path);
    Err(StoreError::Moved(format!(
        "{} was removed, and what stands in it cannot be moved into {file} yet, which somebody reads: it is tried again",
        log.display()
    )))
}

/// Bytes that are free for this program on the disk of `dir`; `None` where the system does not tell.
pub(super) fn free_bytes(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn identity(of: &Metadata) -> (u64, u64) {
    (of.dev(), of.ino())
}

impl Place {
    /// Of the file that is at `path` now.
    pub(super) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), handle: hold(path), log: hold(&log_of(path)) }
    }

    /// Looks.
    pub(super) fn fate(&self) -> Fate {
        let Some(mine) = self.handle.as_ref().and_then(|h| h.metadata().ok()) else { return Fate::InPlace };
        let there = std::fs::metadata(&self.path);
        if there.as_ref().is_ok_and(|there| identity(there) == identity(&mine)) {
            return Fate::InPlace;
        }
        let (path, other) = (self.path.display(), there.is_ok());
        if mine.nlink() == 0 && !other {
            return Fate::Removed;
        }
        let what = match (other, self.whereabouts()) {
            (true, _) => format!(
                "another file stands in the place of {path}: put the former one back, or start the gateway again to take this one"
            ),
            (false, Some(now)) => {
                format!("{path} was moved to {}: move it back, or start the gateway again", now.display())
            }
            (false, None) => format!("{path} was moved away: move it back, or start the gateway again"),
        };
        Fate::Moved(what)
    }

    /// An error if the file is no longer where it was opened. One that was removed is written anew from what `conn` still
    /// holds open, and `conn` is then on the new one; so it is done with a removed log, in which commits may stand that
    /// are not in the file yet. `file` is its name.
    pub(super) fn stay(&mut self, conn: &mut Connection, file: &str) -> Result<Option<Mended>, StoreError> {
        let mended = match self.fate() {
            Fate::Moved(what) => return Err(StoreError::Moved(what)),
            Fate::InPlace if self.has_its_log() => return Ok(None),
            Fate::InPlace => {
                empty_log(conn, &self.path, file)?;
                *conn = Connection::open(&self.path).map_err(sqlite(file))?;
                Mended::Log
            }
            Fate::Removed => {
                *conn = write_anew(conn, &self.path, file)?;
                Mended::File
            }
        };
        tune(conn, file)?;
        // Begins the new log.
        let count = "SELECT count(*) FROM sqlite_schema";
        conn.query_row(count, [], |r| r.get::<_, i64>(0)).map_err(sqlite(file))?;
        *self = Self::of(&self.path);
        Ok(Some(mended))
    }

    /// The log at the path is the one that is written, as far as one was seen.
    fn has_its_log(&mut self) -> bool {
        let path = log_of(&self.path);
        let Some(mine) = self.log.as_ref().and_then(|log| log.metadata().ok()) else {
            self.log = hold(&path);
            return true;
        };
        std::fs::metadata(&path).is_ok_and(|there| identity(&there) == identity(&mine))
    }

    /// An error if the file is not in its place.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.fate() {
            Fate::InPlace => Ok(()),
            Fate::Removed => Err(StoreError::Moved(format!("{} was removed", self.path.display()))),
            Fate::Moved(what) => Err(StoreError::Moved(what)),
        }
    }

    fn whereabouts(&self) -> Option<PathBuf> {
        use std::os::fd::AsRawFd;
        let handle = self.handle.as_ref()?;
        if handle.metadata().ok()?.nlink() == 0 {
            return None;
        }
        std::fs::read_link(format!("/proc/self/fd/{}", handle.as_raw_fd())).ok()
    }
}

/// Makes the store's folder.
pub(super) fn make_folder(dir: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(dir).map_err(|source| StoreError::Io { file: dir.display().to_string(), source })
}

/// Nothing can be written into the folder.
#[must_use]
pub fn is_read_only(dir: &Path) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let probe = dir.join(format!(".writable-{}-{}", std::process::id(), fastrand::u32(..)));
    match File::create_new(&probe) {
        Ok(_) => {
            let _ = std::fs::remove_file(&probe);
            false
        }
        Err(e) => matches!(e.kind(), PermissionDenied | ReadOnlyFilesystem),
    }
}

/// Gives a database another name, with its log.
pub(super) fn rename_database(from: &Path, to: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let from = PathBuf::from(format!("{}{suffix}", from.display()));
        if from.exists() {
            let to = format!("{}{suffix}", to.display());
            std::fs::rename(&from, to)
                .map_err(|source| StoreError::Io { file: from.display().to_string(), source })?;
        }
    }
    Ok(())
}

/// Writes a database whose file was removed to its path again, out of the connection that still holds it, and opens
/// the new file.
fn write_anew(conn: &Connection, path: &Path, file: &str) -> Result<Connection, StoreError> {
    let err = sqlite(file);
    let io = |source| StoreError::Io { file: path.display().to_string(), source };
    if let Some(dir) = path.parent() {
        make_folder(dir)?;
    }
    let draft = PathBuf::from(format!("{}.new", path.display()));
    for left in
        [draft.clone(), format!("{}-wal", path.display()).into(), format!("{}-shm", path.display()).into()]
    {
        if left.exists() {
            std::fs::remove_file(&left).map_err(io)?;
        }
    }
    conn.execute("VACUUM INTO ?1", [draft.display().to_string()]).map_err(&err)?;
    File::open(&draft).and_then(|f| f.sync_all()).map_err(io)?;
    std::fs::rename(&draft, path).map_err(io)?;
    Connection::open(path).map_err(err)
}

#[cfg(test)]
mod tests {
    use super::{Fate, Place};

    #[test]
    fn a_removed_a_moved_and_a_replaced_file_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&path, "1").unwrap();
        let place = Place::of(&path);
        assert_eq!(place.fate(), Fate::InPlace);
        std::fs::rename(&path, &other).unwrap();
        let Fate::Moved(what) = place.fate() else { panic!("not seen") };
        assert!(what.contains("was moved to") && what.contains("/b"), "{what}");
        std::fs::write(&path, "2").unwrap();
        assert!(matches!(place.fate(), Fate::Moved(what) if what.contains("another file")));
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(place.fate(), Fate::InPlace);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(place.fate(), Fate::Removed);
    }
}
