//! Why market data could not be read, replayed, imported or exported.

use super::{Refusal, RefusalKind};
use crate::files::FileError;
use crate::store::StoreError;
use std::fmt;

/// Why work on market data failed.
#[derive(Debug)]
pub enum SourceError {
    /// The request cannot be fulfilled; the text says what to do.
    Input(String),
    /// A file cannot be read or has bad content.
    File(FileError),
    /// The store failed.
    Store(StoreError),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::Input(what) => f.write_str(what),
            SourceError::File(error) => error.fmt(f),
            SourceError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SourceError {}

impl From<FileError> for SourceError {
    fn from(error: FileError) -> Self {
        SourceError::File(error)
    }
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        SourceError::Store(error)
    }
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Input(what) => Refusal::new(RefusalKind::Invalid, "invalid_request", what),
            SourceError::File(error) if error.is_bad_input() => {
                Refusal::new(RefusalKind::Invalid, "invalid_file", error.to_string())
            }
            SourceError::File(error) => {
                Refusal::new(RefusalKind::Internal, "internal_error", error.to_string())
            }
            SourceError::Store(error) => error.into(),
        }
    }
}
