//! Room on the disk that is held for the ledger: a file that is given up when the disk is full.

use std::fs::File;
use std::io::{Error, Write};
use std::path::{Path, PathBuf};

use super::place;

const FILE: &str = "ledger.reserve";
const BLOCK: usize = 1 << 16;

/// The file, and how large it is to be, in bytes.
#[derive(Debug, Clone)]
pub struct Reserve {
    path: PathBuf,
    size: u64,
}

impl Reserve {
    /// Of the store in `dir`; a size of 0 bytes means that there is none.
    #[must_use]
    pub fn new(dir: &Path, size: u64) -> Self {
        Self { path: dir.join(FILE), size }
    }

    /// The whole reserve is there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.size == 0 || std::fs::metadata(&self.path).is_ok_and(|m| m.len() >= self.size)
    }

    /// So many times the room that it takes is free, by what the system tells; `None` where it tells nothing.
    #[must_use]
    pub fn has_room(&self, times: u64) -> Option<bool> {
        let dir = self.path.parent()?;
        place::free_bytes(dir).map(|free| free >= self.size.saturating_mul(times))
    }

    /// Gives its room up; true if that freed any.
    #[must_use]
    pub fn release(&self) -> bool {
        let held = std::fs::metadata(&self.path).is_ok_and(|m| m.len() > 0);
        held && std::fs::remove_file(&self.path).is_ok()
    }

    /// Takes the room again, where as much would be left free beside it: a reserve that fills the disk would only
    /// be given up again.
    ///
    /// # Errors
    /// Whatever the system says; usually that the disk is full. Nothing is held then.
    pub fn fill(&self) -> Result<(), Error> {
        if self.is_whole() {
            return Ok(());
        }
        let draft = self.path.with_extension("reserve.new");
        let made = self.make(&draft).and_then(|()| std::fs::rename(&draft, &self.path));
        if made.is_err() {
            // What is left of it would take the very room that is missing.
            let _ = std::fs::remove_file(&draft);
        }
        made
    }

    fn make(&self, draft: &Path) -> Result<(), Error> {
        let mut file = File::create(draft)?;
        let mut block = vec![0u8; BLOCK];
        // Zeros would take no room on a file system that packs.
        block.fill_with(|| fastrand::u8(..));
        let mut left = self.size * 2;
        while left > 0 {
            let part = left.min(BLOCK as u64);
            file.write_all(&block[..part as usize])?;
            left -= part;
        }
        file.sync_all()?;
        file.set_len(self.size)?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::Reserve;

    #[test]
    fn the_reserve_is_filled_given_up_and_filled_again() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), 1 << 20);
        assert!(!reserve.is_whole() && !reserve.release());
        reserve.fill().unwrap();
        assert!(reserve.is_whole());
        assert_eq!(std::fs::metadata(dir.path().join("ledger.reserve")).unwrap().len(), 1 << 20);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "a draft is left");
        assert!(reserve.release() && !reserve.is_whole());
        assert!(Reserve::new(dir.path(), 0).is_whole());
    }
}
