//! A secret that the user provides: a credential of systemd, or else a file of the state directory that only
//! its owner can access.
//!
//! Invariant: an error names the file and never what is in it.

use crate::domain::visible::Visible;
use crate::regular_file;
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
        let file = match regular_file::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| self.unreadable(&error))?,
        };
        let facts = file.metadata().map_err(|error| self.unreadable(&error))?;
        Ok(Some((file, facts)))
    }

    /// The text of the opened file; one of more bytes is refused.
    ///
    /// # Errors
    /// A file that others can access or that is too long, what the disk reports, or bytes that are no text.
    pub(super) fn read(&self, (file, facts): (File, Metadata), bytes: u64) -> Result<String, String> {
        // systemd protects its credentials; their mode looks wider than it is.
        if !self.is_credential && facts.mode() & FOREIGN_RIGHTS != 0 {
            let path = self.path.visible();
            let mode = facts.mode() & 0o777;
            return Err(format!("{path} can be read by others (mode {mode:04o}): chmod 600 {path}"));
        }
        let mut text = String::new();
        file.take(bytes + 1).read_to_string(&mut text).map_err(|error| self.unreadable(&error))?;
        if text.len() as u64 > bytes {
            return Err(format!(
                "{} has more than {bytes} bytes, so it is not a secret",
                self.path.visible()
            ));
        }
        Ok(text)
    }

    fn unreadable(&self, error: &io::Error) -> String {
        format!("{} cannot be read: {error}", self.path.visible())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_refused_and_never_cut() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("word"), "12345").unwrap();
        let file = SecretFile::new(Some(folder.path()), "word", PathBuf::new());
        let read = |bytes| file.read(file.open().unwrap().unwrap(), bytes);
        assert_eq!(read(5).as_deref(), Ok("12345"));
        let told = read(4).unwrap_err();
        assert!(told.contains("more than 4 bytes") && !told.contains("1234"), "{told}");
    }
}
