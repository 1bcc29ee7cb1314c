//! Order of the files of an import: by their first rows. Reads one row of each, all where they are to be
//! sorted, so that a file that is not market data is refused before anything is written.

use super::reading::Reading;
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::files::{Inputs, Opener, SourceFile};
use crate::service::SourceError;
use std::path::PathBuf;

/// The files of an import.
pub struct Plan {
    /// In reading order.
    pub files: Vec<Planned>,
    /// Files of folders that are not read, such as a day without trades, each with the reason.
    pub left_out: Vec<(PathBuf, &'static str)>,
}

/// A file to import.
pub struct Planned {
    /// Its path.
    pub path: PathBuf,
    /// Size on disk.
    pub bytes: u64,
}

/// Sorts the files by the time of their first rows, so that each stream continues where the previous file
/// ended.
///
/// # Errors
/// A file refused before its second row, a pipe among other files, or no file with a row.
pub fn in_time_order(inputs: Inputs, reading: &Reading) -> Result<Plan, SourceError> {
    let opener = Opener::default();
    let only = inputs.files.len() == 1;
    let (mut files, mut left_out) = (Vec::with_capacity(inputs.files.len()), Vec::new());
    let mut refused = None;
    for path in inputs.files {
        let meta = std::fs::metadata(&path).ok();
        let bytes = meta.as_ref().map_or_else(|| opener.stored_size(&path), std::fs::Metadata::len);
        let is_file = meta.is_none_or(|meta| meta.is_file());
        if !is_file && !only {
            return Err(SourceError::Input(format!(
                "{} is not a file, so it can only be imported alone",
                path.visible()
            )));
        }
        // A pipe can be read only once.
        let first_time = || SourceFile::first_time(&path, &reading.declared, &opener);
        let first = match is_file.then(first_time) {
            None => Timestamp::MIN,
            Some(Ok(first)) => first,
            Some(Err(error)) => match error.leaves_out().filter(|_| inputs.found.contains(&path)) {
                Some(why) => {
                    left_out.push((path, why));
                    refused.get_or_insert(error);
                    continue;
                }
                None => return Err(error.into()),
            },
        };
        files.push((first, Planned { path, bytes }));
    }
    if let Some(error) = refused.filter(|_| files.is_empty()) {
        return Err(error.into());
    }
    files.sort_by(|(a_first, a), (b_first, b)| (a_first, &a.path).cmp(&(b_first, &b.path)));
    Ok(Plan { files: files.into_iter().map(|(_, file)| file).collect(), left_out })
}
