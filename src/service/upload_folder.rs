//! Where uploads are until they are imported.

use std::path::Path;

/// Folder of uploads in the state directory.
pub(super) const UPLOAD_DIR: &str = "uploads";

/// Removes uploads that the end of the daemon interrupted.
pub(super) fn remove_leftovers(state: &Path) {
    // Best effort: what cannot be removed is tried again at the next start.
    let _ = std::fs::remove_dir_all(state.join(UPLOAD_DIR));
}
