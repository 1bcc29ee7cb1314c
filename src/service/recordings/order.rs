//! In which order the files of an import are read: by their first rows. Reads one row of each, so that a file that is
//! none of market data is refused before a store is made.

use crate::domain::time::Timestamp;
use crate::files::{FileError, RecordBatch, SourceFile};
use crate::service::SourceError;
use std::path::{Path, PathBuf};

/// A file of the import.
pub struct Planned {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes as they lie on disk.
    pub bytes: u64,
}

/// The files sorted by the time of their first rows, so that each stream continues where the file before ended.
///
/// # Errors
/// A file that is refused before its second row, or a pipe beside other files.
pub fn in_time_order(paths: Vec<PathBuf>) -> Result<Vec<Planned>, SourceError> {
    let only = paths.len() == 1;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let meta = std::fs::metadata(&path).ok();
        let bytes = meta.as_ref().map_or(0, std::fs::Metadata::len);
        let is_file = meta.is_none_or(|meta| meta.is_file());
        if !is_file && !only {
            return Err(SourceError::Input(format!("{} is no file, so it can only be imported alone", path.display())));
        }
        // A pipe can be read once only.
        let first = if is_file { first_time(&path)? } else { Timestamp::MIN };
        files.push((first, Planned { path, bytes }));
    }
    files.sort_by(|(a_first, a), (b_first, b)| (a_first, &a.path).cmp(&(b_first, &b.path)));
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

fn first_time(path: &Path) -> Result<Timestamp, FileError> {
    let mut batch = RecordBatch::new(1);
    SourceFile::open(path)?.read(&mut batch)?;
    // A file without rows was refused by `read`.
    Ok(batch.rows().first().map_or(Timestamp::MIN, |(_, record)| record.exchange_at))
}
