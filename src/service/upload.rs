//! A file being uploaded: in the state directory until it is imported, deleted on drop.

use super::upload_folder::UPLOAD_DIR;
use super::{Refusal, RefusalKind, Service};
use crate::auth::random_id;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An upload in progress.
pub struct Upload {
    file: File,
    path: PathBuf,
    dir: PathBuf,
}

impl Service {
    /// Creates a file for an upload. `name` must be a plain file name; its ending tells the format.
    ///
    /// # Errors
    /// `invalid_request` for any other name, `store_unavailable` when the disk cannot take it.
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
                "give the upload's file name with ?name=",
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
                format!("the upload could not be saved: {error}"),
            )
        })?;
        Ok(Upload { file, path, dir })
    }
}

impl Upload {
    /// Path of the file.
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
        // Best effort: what is left is removed at the next start.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
