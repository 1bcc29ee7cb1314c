//! File permissions of the state directory and the store: owner only, because the store contains password
//! hashes.

use super::StoreError;
use crate::domain::visible::Visible;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// Mode of the state directory.
pub const DIRECTORY: u32 = 0o700;
/// Mode of the store file.
pub const FILE: u32 = 0o600;

const RIGHTS: u32 = 0o777;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Creates the state directory and its missing parents.
pub fn create_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY).create(dir)
}

/// Removes permissions beyond `most`; returns a message if there were any.
///
/// # Errors
/// [`StoreError::Exposed`] when another user owns the path or others may write to it, since its content may
/// be theirs.
pub fn narrow(path: &Path, most: u32) -> Result<Option<String>, StoreError> {
    let looking = |error| StoreError::io("looking at the rights of the state directory", error);
    let meta = fs::metadata(path).map_err(looking)?;
    let (owner, we) = (meta.uid(), rustix::process::geteuid().as_raw());
    if let Some(what) = exposed(owner, we, meta.mode(), most) {
        return Err(StoreError::Exposed { path: path.to_owned(), what });
    }
    let mode = meta.mode() & RIGHTS;
    if mode & !most == 0 {
        return Ok(None);
    }
    fs::set_permissions(path, Permissions::from_mode(mode & most)).map_err(looking)?;
    Ok(Some(format!(
        "others could read {} (mode {mode:03o}): its mode is {:03o} now",
        path.visible(),
        mode & most
    )))
}

fn exposed(owner: u32, we: u32, mode: u32, most: u32) -> Option<String> {
    if owner != we {
        return Some(format!(
            "belongs to user {owner} and this runs as user {we}: run it as that user, or give it away with chown once you know what it holds"
        ));
    }
    let written = format!(
        "may be written by other users (mode {:03o}): look for files that are not yours, then chmod {most:o} it",
        mode & RIGHTS
    );
    (mode & WRITABLE_BY_OTHERS != 0).then_some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_and_ours_alone_to_write_is_taken() {
        for (owner, we, mode, good) in [
            (7, 7, 0o40700, true),
            (7, 7, 0o40755, true),
            (7, 7, 0o100644, true),
            (7, 7, 0o40777, false),
            (7, 7, 0o41777, false),
            (7, 7, 0o40770, false),
            (7, 7, 0o100602, false),
            (0, 7, 0o40700, false),
            (7, 0, 0o40700, false),
        ] {
            assert_eq!(exposed(owner, we, mode, DIRECTORY).is_none(), good, "{owner} {we} {mode:o}");
        }
    }

    #[test]
    fn rights_are_narrowed_once_and_never_widened() {
        let dir = tempfile::tempdir().unwrap();
        for (before, after) in [(0o755, 0o700), (0o700, 0o700), (0o500, 0o500), (0o744, 0o700)] {
            fs::set_permissions(dir.path(), Permissions::from_mode(before)).unwrap();
            assert_eq!(narrow(dir.path(), DIRECTORY).unwrap().is_some(), before != after, "{before:o}");
            assert_eq!(fs::metadata(dir.path()).unwrap().mode() & RIGHTS, after, "{before:o}");
        }
        fs::set_permissions(dir.path(), Permissions::from_mode(0o702)).unwrap();
        let error = narrow(dir.path(), DIRECTORY).unwrap_err();
        assert!(error.exit_code() == 78 && error.to_string().contains("chmod 700"), "{error}");
    }
}
