//! The lock of live trading: a file in the state directory. While it is there nothing is begun, every live
//! session closes what it has, and none may be started. Whoever may write into the directory can lock, also
//! while the daemon hangs.
//!
//! Invariant: a lock that was answered as set is on disk.

use crate::regular_file;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Name of the file.
pub const LOCK_FILE: &str = "live.locked";

/// Where the lock is.
#[derive(Clone, Debug)]
pub struct LiveLock {
    path: PathBuf,
}

impl LiveLock {
    /// Of a state directory.
    pub fn of(state: &Path) -> Self {
        LiveLock { path: state.join(LOCK_FILE) }
    }

    /// Whether it is set. A directory that cannot be read counts as locked.
    pub fn is_set(&self) -> bool {
        self.path.try_exists().unwrap_or(true)
    }

    /// Sets it, with a line on who did.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn set(&self, by: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let mut file = regular_file::open_with(&mut options, &self.path)?;
        writeln!(file, "{by}")?;
        file.sync_all()?;
        self.sync()
    }

    /// Removes it; whether it was set.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn remove(&self) -> io::Result<bool> {
        match fs::remove_file(&self.path) {
            Ok(()) => self.sync().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The entry of the directory is on disk, too.
    fn sync(&self) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_stays_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let lock = LiveLock::of(folder.path());
        assert!(!lock.is_set());
        lock.set("ann").unwrap();
        lock.set("bob").unwrap();
        assert!(LiveLock::of(folder.path()).is_set());
        assert!(lock.remove().unwrap());
        assert!(!lock.remove().unwrap() && !lock.is_set());
    }
}
