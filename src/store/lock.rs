//! One gateway a store: two writers would each believe in their own alarm states and audit chain.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::StoreError;

/// Holds the store's folder for this process; given back when dropped, and by the system after a kill.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process holds it, [`StoreError::Io`] if it cannot be written.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("steamward.lock");
        let io = |source| StoreError::Io { file: path.display().to_string(), source };
        std::fs::create_dir_all(dir).map_err(io)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.display().to_string() }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
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
}
