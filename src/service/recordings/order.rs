//! In which order the files of an import are read: by their first rows. Reads one row of each, so that a file that is
//! none of market data is refused before a store is made.

use crate::domain::time::Timestamp;
use crate::files::{FileError, Inputs, Problem, RecordBatch, SourceFile};
use crate::service::SourceError;
use std::path::{Path, PathBuf};

/// The files of an import.
pub struct Plan {
    /// In the order in which they are read.
    pub files: Vec<Planned>,
    /// Files of folders without a row, such as a day on which nothing was traded.
    pub empty: Vec<PathBuf>,
}

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
/// A file that is refused before its second row, a pipe beside other files, or no file with a row.
pub fn in_time_order(inputs: Inputs) -> Result<Plan, SourceError> {
    let only = inputs.files.len() == 1;
    let (mut files, mut empty) = (Vec::with_capacity(inputs.files.len()), Vec::new());
    let mut refused = None;
    for path in inputs.files {
        let meta = std::fs::metadata(&path).ok();
        let bytes = meta.as_ref().map_or(0, std::fs::Metadata::len);
        let is_file = meta.is_none_or(|meta| meta.is_file());
        if !is_file && !only {
            return Err(SourceError::Input(format!(
                "{} is no file, so it can only be imported alone",
                path.display()
            )));
        }
        // A pipe can be read once only.
        let first = match is_file.then(|| first_time(&path)) {
            None => Timestamp::MIN,
            Some(Ok(first)) => first,
            Some(Err(error))
                if matches!(error.problem, Problem::Empty | Problem::NoRows)
                    && inputs.found.contains(&path) =>
            {
                empty.push(path);
                refused.get_or_insert(error);
                continue;
            }
            Some(Err(error)) => return Err(error.into()),
        };
        files.push((first, Planned { path, bytes }));
    }
    if let Some(error) = refused.filter(|_| files.is_empty()) {
        return Err(error.into());
    }
    files.sort_by(|(a_first, a), (b_first, b)| (a_first, &a.path).cmp(&(b_first, &b.path)));
    Ok(Plan { files: files.into_iter().map(|(_, file)| file).collect(), empty })
}

fn first_time(path: &Path) -> Result<Timestamp, FileError> {
    let mut batch = RecordBatch::new(1);
    SourceFile::open(path)?.read(&mut batch)?;
    // A file without rows was refused by `read`.
    Ok(batch.rows().first().map_or(Timestamp::MIN, |(_, record)| record.exchange_at))
}
