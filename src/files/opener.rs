//! What openings of the files of one command share: the directory of the archive that was opened last, and
//! the temporary file of sorted rows.

use super::error::{FileError, Problem};
use super::input;
use super::sorted::Spool;
use super::zip::Archives;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Opens the files of one command. Clones share what they keep.
#[derive(Clone, Default, Debug)]
pub struct Opener {
    archives: Archives,
    /// Where rows are kept that were sorted and are read again.
    pub(super) spool: Spool,
    /// Files that were opened.
    #[cfg(test)]
    pub(crate) opened: Arc<AtomicU64>,
}

impl Opener {
    /// Size of a file or of a member of an archive as it is stored; 0 when it cannot be told.
    pub fn stored_size(&self, path: &Path) -> u64 {
        input::size(path, &self.archives)
    }

    /// As [`input::text`].
    pub(super) fn text(
        &self,
        path: &Path,
        count: &Arc<AtomicU64>,
    ) -> Result<(Box<dyn Read + Send>, u64), FileError> {
        #[cfg(test)]
        self.opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let text: Result<_, Problem> = input::text(path, count, &self.archives);
        text.map_err(|problem| FileError::of(path, problem))
    }
}
