//! The daemon's secret and the keys derived from it.
//!
//! Invariant: no key implements `Debug`, and no error contains key bytes.

use crate::domain::visible::Visible;
use crate::regular_file;
use aws_lc_rs::{constant_time, hmac};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// File name of the secret in the state directory.
pub const KEY_FILE: &str = "jwt.key";
/// Name of the secret as a systemd credential.
const CREDENTIAL: &str = "jwt-key";
/// Minimum length of a secret.
const KEY_BYTES: usize = 32;
/// Maximum bytes read of a secret.
const KEY_BYTES_MAX: u64 = 4_096;
/// File mode bits of group and others.
const FOREIGN_RIGHTS: u32 = 0o077;

/// Independent keys for each purpose, derived from one secret.
pub struct Keys {
    pub(super) access: [u8; 32],
    pub(super) refresh: hmac::Key,
    pub(super) csrf: hmac::Key,
}

/// Why no secret could be loaded.
#[derive(Debug)]
pub enum KeyError {
    /// Others than the owner can access the file.
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The secret is shorter than 32 bytes.
    Short {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        bytes: usize,
    },
    /// Reading or creating it failed.
    Io {
        /// The step that failed.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

impl Keys {
    /// Loads the secret from systemd's credentials directory, if it is there, else from the state directory,
    /// where the first start creates it. Only the process that has the store open may call this.
    ///
    /// # Errors
    /// A secret that is too short, accessible to others, or cannot be read or created.
    pub fn load(state: &Path, credentials: Option<&Path>) -> Result<Keys, KeyError> {
        if let Some(path) = credentials.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.exists()) {
            // systemd protects its credentials; their mode bits look wider than they are.
            let secret = read(regular_file::open(&path).map_err(failed("reading", &path))?, &path)?;
            return Ok(Keys::derive(&secret));
        }
        let path = state.join(KEY_FILE);
        let secret = match regular_file::open(&path) {
            Ok(file) => own(file, &path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path)?,
            Err(error) => return Err(failed("reading", &path)(error)),
        };
        Ok(Keys::derive(&secret))
    }

    /// Random keys, for tests and for commands that neither issue nor verify tokens.
    pub fn ephemeral() -> Keys {
        Keys::derive(&random::<KEY_BYTES>())
    }

    fn derive(secret: &[u8]) -> Keys {
        let master = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key = |label: &str| {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(hmac::sign(&master, label.as_bytes()).as_ref());
            bytes
        };
        let signing = |label| hmac::Key::new(hmac::HMAC_SHA256, &key(label));
        Keys {
            access: key("tradingd access token"),
            refresh: signing("tradingd refresh token"),
            csrf: signing("tradingd csrf token"),
        }
    }
}

/// Random bytes from the kernel; seeding aws-lc's generator would double the start-up time.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .expect("every kernel we run on gives random bytes, and waits until it has some");
    bytes
}

/// Compares two secrets in constant time.
pub fn same_secret(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Reads the file in the state directory, which must be accessible to its owner only.
fn own(file: File, path: &Path) -> Result<Vec<u8>, KeyError> {
    let mode = file.metadata().map_err(failed("reading", path))?.mode();
    if mode & FOREIGN_RIGHTS != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode: mode & 0o777 });
    }
    read(file, path)
}

fn read(file: File, path: &Path) -> Result<Vec<u8>, KeyError> {
    let mut secret = Vec::new();
    file.take(KEY_BYTES_MAX).read_to_end(&mut secret).map_err(failed("reading", path))?;
    if secret.len() < KEY_BYTES {
        return Err(KeyError::Short { path: path.to_owned(), bytes: secret.len() });
    }
    Ok(secret)
}

/// Writes a temporary file first: a file of the final name is always complete and never replaced.
fn create(path: &Path) -> Result<Vec<u8>, KeyError> {
    let new = path.with_extension("key.new");
    let secret = random::<KEY_BYTES>();
    let made = (|| {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&secret)?;
        file.sync_all()?;
        // A link, unlike a rename, fails if the name exists.
        let linked = fs::hard_link(&new, path);
        fs::remove_file(&new)?;
        linked?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    })();
    made.map_err(failed("making", path))?;
    Ok(secret.to_vec())
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> KeyError {
    move |source| KeyError::Io { doing, path: path.to_owned(), source }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Exposed { path, mode } => write!(
                f,
                "the secret {} can be read by others (rights {mode:03o}): if nobody else may have seen it, `chmod 600` it; else remove \
                 it, a new one is made and everybody logs in again",
                path.visible()
            ),
            KeyError::Short { path, bytes } => write!(
                f,
                "the secret {} has {bytes} bytes, at least {KEY_BYTES} are needed: put {KEY_BYTES} random bytes there, or remove it and \
                 a new one is made in the state directory",
                path.visible()
            ),
            KeyError::Io { path, source, .. } if source.kind() == io::ErrorKind::InvalidInput => write!(
                f,
                "the secret {} cannot be used ({source}): put a file with {KEY_BYTES} random bytes there, or remove it and a new one \
                 is made in the state directory",
                path.visible()
            ),
            KeyError::Io { doing, path, .. } => {
                write!(f, "{doing} the secret {} failed: give this user the right to it", path.visible())
            }
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KeyError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    fn load(state: &Path, credentials: Option<&Path>) -> Result<[u8; 32], KeyError> {
        Keys::load(state, credentials).map(|keys| keys.access)
    }

    #[test]
    fn the_secret_is_made_once_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let first = load(dir.path(), None).unwrap();
        let path = dir.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read(&path).unwrap().len(), 32);
        assert_eq!(load(dir.path(), None).unwrap(), first);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        fs::remove_file(&path).unwrap();
        fs::write(path.with_extension("key.new"), b"half").unwrap();
        assert_ne!(load(dir.path(), None).unwrap(), first);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_credential_comes_first() {
        let (state, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let own = load(state.path(), Some(credentials.path())).unwrap();
        fs::write(credentials.path().join(CREDENTIAL), [7; 40]).unwrap();
        let given = load(state.path(), Some(credentials.path())).unwrap();
        assert_ne!(given, own);
        assert_eq!(given, Keys::derive(&[7; 40]).access);
    }

    #[test]
    fn a_secret_that_is_short_or_open_to_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        load(dir.path(), None).unwrap();
        let path = dir.path().join(KEY_FILE);
        for mode in [0o640, 0o604, 0o660, 0o610] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = load(dir.path(), None).unwrap_err();
            assert!(
                matches!(&error, KeyError::Exposed { mode: found, .. } if *found == mode)
                    && error.to_string().contains("chmod 600")
            );
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        for bytes in [0, 31] {
            fs::write(&path, vec![1; bytes]).unwrap();
            assert!(
                matches!(load(dir.path(), None), Err(KeyError::Short { bytes: found, .. }) if found == bytes)
            );
            fs::write(dir.path().join(CREDENTIAL), vec![1; bytes]).unwrap();
            assert!(matches!(load(dir.path(), Some(dir.path())), Err(KeyError::Short { .. })));
            fs::remove_file(dir.path().join(CREDENTIAL)).unwrap();
        }
        for place in [KEY_FILE, CREDENTIAL] {
            let path = dir.path().join(place);
            let _ = fs::remove_file(&path);
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            let refused = load(dir.path(), Some(dir.path())).unwrap_err().to_string();
            assert!(refused.contains("not a file") && refused.contains("remove it"), "{refused}");
        }
        let missing = load(&dir.path().join("gone"), None).unwrap_err();
        assert!(matches!(missing, KeyError::Io { .. }), "{missing}");
    }

    #[test]
    fn keys_differ_by_purpose_and_secret() {
        let keys = Keys::derive(&[1; 32]);
        let sign = |key| hmac::sign(key, b"x").as_ref().to_vec();
        assert_ne!(sign(&keys.csrf), sign(&keys.refresh));
        assert_ne!(keys.access, Keys::derive(&[2; 32]).access);
        assert_ne!(keys.access, [1; 32]);
        assert!(same_secret(b"a", b"a") && !same_secret(b"a", b"b") && !same_secret(b"a", b"ab"));
    }
}
