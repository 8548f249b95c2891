//! One gateway a store: two writers would each believe in their own alarm states and audit chain.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::place::{Fate, Place, make_folder};

const FILE: &str = "steamward.lock";

/// Holds the store's folder for this process; given back when dropped, and by the system after a kill.
///
/// The folder itself is locked, so that removing a file in it lets nobody in; and `steamward.lock` besides, for
/// earlier versions, and for file systems that lock no folders.
#[derive(Debug)]
pub struct StoreLock {
    dir: PathBuf,
    place: Place,
    _folder: Option<File>,
    _file: Option<File>,
}

impl StoreLock {
    /// Takes the folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process holds it, [`StoreError::Io`] if it can be locked in no way.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        make_folder(dir)?;
        let folder = lock(dir, File::open(dir), dir);
        let path = dir.join(FILE);
        let opened = File::options().create(true).truncate(false).write(true).open(&path);
        // A disk that takes nothing may still let it be opened for reading.
        let file = lock(dir, opened.or_else(|e| File::open(&path).map_err(|_| e)), &path);
        let (folder, file) = match (folder, file) {
            (Err(e @ StoreError::InUse { .. }), _) | (_, Err(e @ StoreError::InUse { .. })) => return Err(e),
            (Err(e), Err(_)) => return Err(e),
            (folder, file) => (folder.ok(), file.ok()),
        };
        Ok(Self { dir: dir.to_owned(), place: Place::of(dir), _folder: folder, _file: file })
    }

    /// The folder is still where it was locked.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.place.fate() == Fate::InPlace && self.dir.exists()
    }
}

fn lock(dir: &Path, opened: std::io::Result<File>, path: &Path) -> Result<File, StoreError> {
    let io = |source| StoreError::Io { file: path.display().to_string(), source };
    let file = opened.map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.display().to_string() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::{StoreError, StoreLock};

    #[test]
    fn a_second_gateway_on_the_same_store_is_refused_until_the_first_has_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = StoreLock::take(dir.path()).unwrap();
        assert!(matches!(StoreLock::take(dir.path()), Err(StoreError::InUse { .. })));
        drop(first);
        assert!(StoreLock::take(dir.path()).is_ok());
    }

    #[test]
    fn removing_the_lock_file_lets_no_second_gateway_in() {
        let dir = tempfile::tempdir().unwrap();
        let first = StoreLock::take(dir.path()).unwrap();
        std::fs::remove_file(dir.path().join("steamward.lock")).unwrap();
        assert!(matches!(StoreLock::take(dir.path()), Err(StoreError::InUse { .. })));
        assert!(first.is_in_place());
        std::fs::remove_dir_all(dir.path()).unwrap();
        assert!(!first.is_in_place());
    }
}
