//! A secret that the user provides: a credential of systemd, or else a file of the state directory that only its owner can
//! access.
//!
//! Invariant: an error names the file and never what is in it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Rights of others than the owner.
const FOREIGN_RIGHTS: u32 = 0o077;

/// Where systemd puts this process's credentials; `None` when it got none.
pub fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Where a secret is.
pub(super) struct SecretFile {
    path: PathBuf,
    is_credential: bool,
}

impl SecretFile {
    /// The credential of a name if there is one, else a file of the state directory.
    pub(super) fn new(credentials: Option<&Path>, credential: &str, own: PathBuf) -> Self {
        match credentials.map(|folder| folder.join(credential)).filter(|path| path.exists()) {
            Some(path) => SecretFile { path, is_credential: true },
            None => SecretFile { path: own, is_credential: false },
        }
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it; `None` when there is no file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn open(&self) -> Result<Option<(File, Metadata)>, String> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| self.unreadable(&error))?,
        };
        let facts = file.metadata().map_err(|error| self.unreadable(&error))?;
        Ok(Some((file, facts)))
    }

    /// The text of the opened file, of at most so many bytes.
    ///
    /// # Errors
    /// A file that others can access, what the disk reports, or bytes that are no text.
    pub(super) fn read(&self, (file, facts): (File, Metadata), bytes: u64) -> Result<String, String> {
        // systemd protects its credentials; their mode looks wider than it is.
        if !self.is_credential && facts.mode() & FOREIGN_RIGHTS != 0 {
            let path = self.path.display();
            let mode = facts.mode() & 0o777;
            return Err(format!("{path} can be read by others (mode {mode:04o}): chmod 600 {path}"));
        }
        let mut text = String::new();
        file.take(bytes).read_to_string(&mut text).map_err(|error| self.unreadable(&error))?;
        Ok(text)
    }

    fn unreadable(&self, error: &io::Error) -> String {
        format!("{} cannot be read: {error}", self.path.display())
    }
}
