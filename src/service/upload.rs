//! A file on its way in: kept in the state directory until it is imported, gone when it is dropped.

use super::{Refusal, RefusalKind, Service};
use crate::auth::random_id;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Folder of uploads in the state directory.
const UPLOAD_DIR: &str = "uploads";

/// Removes what was cut off when the daemon ended.
pub(super) fn remove_leftovers(state: &Path) {
    // It only takes room: what cannot be removed is tried again at the next start.
    let _ = std::fs::remove_dir_all(state.join(UPLOAD_DIR));
}

/// A file under way.
pub struct Upload {
    file: File,
    path: PathBuf,
    dir: PathBuf,
}

impl Service {
    /// A place for a file of this name. The name only tells the format: it is taken when it is a plain file name.
    ///
    /// # Errors
    /// `invalid_request` for a name that is none, `store_unavailable` when the disk cannot take it.
    pub fn begin_upload(&self, name: &str) -> Result<Upload, Refusal> {
        let plain = !name.is_empty()
            && !name.starts_with('.')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !plain {
            let problem =
                "must be a plain file name such as BTC_USDT.trades.csv.gz: its ending tells the format"
                    .to_owned();
            return Err(Refusal::invalid(
                "invalid_request",
                "say what the upload is with ?name=",
                vec![("/query/name".to_owned(), problem)],
            ));
        }
        let dir = self.state.join(UPLOAD_DIR).join(random_id());
        let path = dir.join(name);
        let made = std::fs::create_dir_all(&dir).and_then(|()| File::create_new(&path));
        let file = made.map_err(|error| {
            Refusal::new(
                RefusalKind::Unavailable,
                "store_unavailable",
                format!("the upload could not be kept: {error}"),
            )
        })?;
        Ok(Upload { file, path, dir })
    }
}

impl Upload {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
