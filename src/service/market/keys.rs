//! The API key of the exchange account: from systemd's credentials, or from a file in the state directory
//! that only its owner can read. Two lines: access key, secret key.
//!
//! Invariant: neither appears in an error or a log line.

use crate::domain::visible::Visible;
use crate::exchange::mexc::Keys;
use crate::regular_file;
use crate::service::secret_file::SecretFile;
use arc_swap::ArcSwap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the file in the state directory.
pub const KEY_FILE: &str = "mexc.key";
/// Name of the credential.
pub const CREDENTIAL: &str = "mexc-key";
/// Most bytes of the file; a longer one is refused.
const KEY_BYTES: u64 = 4_096;

/// Where a key is, and what it is now.
pub struct KeyRing {
    file: SecretFile,
    keys: Arc<ArcSwap<Keys>>,
    /// What was last read; the file is read again when its time or size changes.
    seen: Mutex<Option<(i64, i64, u64)>>,
}

impl KeyRing {
    /// Reads nothing yet.
    pub fn new(state: &Path, credentials: Option<&Path>) -> Self {
        KeyRing {
            file: SecretFile::new(credentials, CREDENTIAL, state.join(KEY_FILE)),
            keys: Arc::new(ArcSwap::from_pointee(Keys::new("", ""))),
            seen: Mutex::new(None),
        }
    }

    /// Keeps a key in a state directory, in place of the one before.
    ///
    /// # Errors
    /// A key that is none, or what the disk reports.
    pub fn write(state: &Path, access: &str, secret: &str) -> io::Result<PathBuf> {
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_word(access) || !is_word(secret) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a key is one word without spaces"));
        }
        let (path, new) = (state.join(KEY_FILE), state.join("mexc.key.new"));
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true).mode(0o600);
        let mut file = regular_file::open_with(&mut options, &new)?;
        // One that was left there may have had wider rights.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(format!("{access}\n{secret}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        Ok(path)
    }

    /// The keys, which follow the file from now on.
    pub fn shared(&self) -> Arc<ArcSwap<Keys>> {
        Arc::clone(&self.keys)
    }

    /// Whether a key was ever read.
    pub fn has_key(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// As [`KeyRing::refresh`], told in the log.
    pub fn watch(&self) {
        match self.refresh() {
            Ok(true) => tracing::info!("the API key of the exchange was replaced"),
            Ok(false) => {}
            Err(why) => tracing::warn!(why, "the API key cannot be read; the one before stays in use"),
        }
    }

    /// Takes over the file when it has changed; whether it did.
    ///
    /// # Errors
    /// What is wrong with it and what to do; the keys in use stay as they are.
    pub fn refresh(&self) -> Result<bool, String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.file.path().visible();
        let (file, facts) = self.file.open()?.ok_or_else(|| {
            let state = self.file.path().parent().unwrap_or(Path::new("."));
            // Absolute, because the user's shell is in another folder than the daemon.
            let state = std::path::absolute(state).unwrap_or_else(|_| state.to_owned());
            format!(
                "there is no API key: run `tradingd keys add --state {}`, which asks for the access key and the secret key, or give \
                 both, a line each, as the systemd credential {CREDENTIAL}",
                state.visible()
            )
        })?;
        let now = (facts.mtime(), facts.mtime_nsec(), facts.size());
        if *seen == Some(now) {
            return Ok(false);
        }
        let text = self.file.read((file, facts), KEY_BYTES)?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (Some(access), Some(secret), None) = (lines.next(), lines.next(), lines.next()) else {
            return Err(format!("{path} must hold two lines: the access key and the secret key"));
        };
        self.keys.store(Arc::new(Keys::new(access, secret)));
        *seen = Some(now);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_is_two_lines_that_only_the_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEY_FILE);
        let ring = KeyRing::new(folder.path(), None);
        let command = format!("no API key: run `tradingd keys add --state {}`", folder.path().display());
        assert!(ring.refresh().unwrap_err().contains(&command), "the next command as it is typed");
        write(&path, "mx0-access\nsecret-of-it\n", 0o640);
        let told = ring.refresh().unwrap_err();
        assert!(
            told.contains("chmod 600") && !told.contains("access\n") && !told.contains("secret-of"),
            "{told}"
        );
        write(&path, "mx0-access\n", 0o600);
        let told = ring.refresh().unwrap_err();
        assert!(told.contains("two lines") && !told.contains("mx0"), "{told}");
        write(&path, "mx0-access\nsecret-of-it\n", 0o600);
        assert_eq!(ring.refresh(), Ok(true));
        assert_eq!(ring.refresh(), Ok(false), "it has not changed");
        let at = crate::domain::time::Timestamp::MIN;
        let before = ring.shared().load().signature(at, "");
        write(&path, "mx0-other-access\nanother-secret\n", 0o600);
        assert_eq!(ring.refresh(), Ok(true));
        assert_ne!(ring.shared().load().signature(at, ""), before, "whoever holds the keys has the new ones");
        assert_eq!(format!("{:?}", ring.shared().load()), "Keys");
    }

    #[test]
    fn a_credential_goes_before_the_file() {
        let (state, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&credentials.path().join(CREDENTIAL), "a-key\na-secret", 0o444);
        assert_eq!(KeyRing::new(state.path(), Some(credentials.path())).refresh(), Ok(true));
    }

    #[test]
    fn a_key_that_is_kept_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        for (access, secret) in [("", "a"), ("a b", "c"), ("a", "b\nc")] {
            assert!(KeyRing::write(folder.path(), access, secret).is_err());
        }
        let path = KeyRing::write(folder.path(), "mx0-access", "secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(KeyRing::new(folder.path(), None).refresh(), Ok(true));
    }
}
