//! The password or token for QuestDB: a systemd credential, or a file of the state directory for its owner
//! only.

use super::SyncError;
use crate::analytics::Secret;
use crate::service::secret_file::{SecretFile, credentials};
use std::path::Path;

const TOKEN: &str = "questdb-token";
const PASSWORD: &str = "questdb-password";
/// Most bytes of a password or token; a longer file is refused.
const BYTES: u64 = 64 << 10;

/// Looks for a token, then for a password.
///
/// # Errors
/// A file that cannot be read, or that others can.
pub fn find(state: &Path) -> Result<Option<Secret>, SyncError> {
    find_in(credentials().as_deref(), state)
}

fn find_in(credentials: Option<&Path>, state: &Path) -> Result<Option<Secret>, SyncError> {
    if let Some(token) = read(credentials, state, TOKEN)? {
        return Ok(Some(Secret::Token(token)));
    }
    Ok(read(credentials, state, PASSWORD)?.map(Secret::Password))
}

fn read(credentials: Option<&Path>, state: &Path, name: &str) -> Result<Option<String>, SyncError> {
    let from = SecretFile::new(credentials, name, state.join(name));
    let Some(opened) = from.open().map_err(SyncError::Refused)? else { return Ok(None) };
    let secret = from.read(opened, BYTES).map_err(SyncError::Refused)?;
    Ok(Some(secret.trim().to_owned()).filter(|secret| !secret.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_credential_comes_before_a_file_and_others_may_not_read_it() {
        let (state, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(find_in(None, state.path()).unwrap().is_none());
        let own = state.path().join(PASSWORD);
        fs::write(&own, "own\n").unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(find_in(None, state.path()).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(find_in(None, state.path()).unwrap(), Some(Secret::Password("own".to_owned())));
        fs::write(credentials.path().join(PASSWORD), "given").unwrap();
        let found = || find_in(Some(credentials.path()), state.path()).unwrap();
        assert_eq!(found(), Some(Secret::Password("given".to_owned())));
        fs::write(credentials.path().join(TOKEN), "token").unwrap();
        assert_eq!(found(), Some(Secret::Token("token".to_owned())));
    }
}
