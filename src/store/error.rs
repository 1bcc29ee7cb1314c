//! Errors of the store, with texts that say what to do.

use crate::domain::visible::Visible;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a store operation failed. Callers that share a commit share its error, so causes are in `Arc`s.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// Another process has the store open.
    AlreadyOpen(PathBuf),
    /// The store file is missing but its marker is there.
    Vanished {
        /// Path of the missing store.
        store: PathBuf,
        /// Path of the marker.
        marker: PathBuf,
    },
    /// There is no store, and none may be created here.
    NoStore(PathBuf),
    /// Something else than a file has the name of the store.
    NotAFile(PathBuf),
    /// The store was written by a newer version.
    Newer {
        /// Format of the store.
        found: u64,
        /// Newest format known to this version.
        known: u64,
    },
    /// The store's data are not as they were written.
    Damaged {
        /// Which part of the store.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// Others own the directory or file, or may write to it.
    Exposed {
        /// Path of the directory or file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Permission to write the directory or file is missing.
    NotWritable {
        /// The failed operation.
        doing: &'static str,
        /// Cause.
        source: Arc<io::Error>,
    },
    /// The disk is full, during this operation.
    Full(&'static str),
    /// The limit on the size of files (`ulimit -f`) was reached, during this operation.
    FileTooLarge(&'static str),
    /// Any other I/O error.
    Io {
        /// The failed operation.
        doing: &'static str,
        /// Cause.
        source: Arc<io::Error>,
    },
    /// After an earlier disk failure the store is read-only until it is reopened.
    ReadOnly(&'static str),
    /// No entry with this id.
    NotFound {
        /// Kind of entry.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// The caller's input cannot be stored; nothing was.
    Refused(String),
    /// Any other error of the database.
    Database {
        /// The failed operation.
        doing: &'static str,
        /// Cause.
        source: Arc<redb::Error>,
    },
}

impl StoreError {
    /// Exit code of a command that fails with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            StoreError::NotFound { .. } | StoreError::Refused(_) => 64,
            StoreError::Vanished { .. } | StoreError::Newer { .. } | StoreError::Damaged { .. } => 65,
            StoreError::AlreadyOpen(_)
            | StoreError::Full(_)
            | StoreError::FileTooLarge(_)
            | StoreError::Io { .. }
            | StoreError::ReadOnly(_) => 69,
            StoreError::NotWritable { .. }
            | StoreError::NoStore(_)
            | StoreError::NotAFile(_)
            | StoreError::Exposed { .. } => 78,
            StoreError::Database { .. } => 1,
        }
    }

    /// Whether the disk is full. Nothing of the change was stored, and the store is read-only until it is
    /// reopened.
    pub fn is_full(&self) -> bool {
        matches!(self, StoreError::Full(_))
    }

    /// Whether the disk failed rather than the change, so that the change may succeed once the disk accepts
    /// writes again.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            StoreError::Full(_)
                | StoreError::FileTooLarge(_)
                | StoreError::Io { .. }
                | StoreError::ReadOnly(_)
                | StoreError::NotWritable { .. }
        )
    }

    pub(super) fn damaged(place: impl Into<String>, what: impl fmt::Display) -> Self {
        StoreError::Damaged { place: place.into(), what: what.to_string() }
    }

    pub(super) fn io(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(doing),
            io::ErrorKind::FileTooLarge => StoreError::FileTooLarge(doing),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::NotWritable { doing, source: Arc::new(source) }
            }
            // redb reports a file that is too short or has foreign first bytes as I/O errors of these kinds.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                StoreError::damaged("the store file", source)
            }
            _ => StoreError::Io { doing, source: Arc::new(source) },
        }
    }
}

/// For `map_err`: converts an error of the database during an operation.
pub(super) fn during<E: Into<redb::Error>>(doing: &'static str) -> impl Fn(E) -> StoreError {
    move |error| match error.into() {
        redb::Error::Io(source) => StoreError::io(doing, source),
        redb::Error::Corrupted(what) => StoreError::damaged("the store file", what),
        redb::Error::PreviousIo => StoreError::ReadOnly(doing),
        redb::Error::UpgradeRequired(version) => StoreError::damaged(
            "the store file",
            format!("it has the file format {version} of another program version"),
        ),
        source => StoreError::Database { doing, source: Arc::new(source) },
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::AlreadyOpen(path) => {
                write!(
                    f,
                    "another tradingd holds the store {}: wait until it has ended or stop it, or use another state directory",
                    path.visible()
                )
            }
            StoreError::Vanished { store, marker } => write!(
                f,
                "the store {} is missing, but {} says that there was one: put the file back from a backup, or, to begin with \
                 an empty store, remove that marker",
                store.visible(),
                marker.visible()
            ),
            StoreError::NoStore(path) => {
                write!(
                    f,
                    "there is no store {}: import a recording first, or name the right state directory",
                    path.visible()
                )
            }
            StoreError::Newer { found, known } => write!(
                f,
                "the store was made by a newer version of tradingd (format {found}, this version knows {known}): use that \
                 version; nothing was changed"
            ),
            StoreError::Damaged { place, what } => write!(
                f,
                "the store is damaged in {place}: {what}; keep the file, run `tradingd verify` to see what is affected, and \
                 put back a backup or import again"
            ),
            StoreError::NotAFile(path) => write!(
                f,
                "{} is a pipe, device or directory and not the file of a store: move it away, or name another state directory \
                 with --state",
                path.visible()
            ),
            StoreError::Exposed { path, what } => write!(f, "{} {what}", path.visible()),
            StoreError::NotWritable { doing, source }
                if source.kind() == io::ErrorKind::ReadOnlyFilesystem =>
            {
                write!(
                    f,
                    "the store cannot be written ({doing}): its file system is read-only, and commands that read a store write to \
                     it, too; copy the state directory to another place and name that with --state"
                )
            }
            StoreError::NotWritable { doing, .. } => {
                write!(
                    f,
                    "the store cannot be written ({doing}): give this user the right to write the state directory and its files"
                )
            }
            StoreError::Full(doing) => write!(
                f,
                "the disk that holds the store is full ({doing}): free some space; a running daemon then writes again by itself, a \
                 command has to be started again; everything that was acknowledged is kept"
            ),
            StoreError::FileTooLarge(doing) => write!(
                f,
                "the file of the store may not grow ({doing}): raise the limit on file sizes (ulimit -f, or LimitFSIZE of systemd) and \
                 start again; everything that was acknowledged is kept"
            ),
            StoreError::Io { doing, .. } => write!(f, "the disk failed while {doing}"),
            StoreError::ReadOnly(doing) => {
                write!(
                    f,
                    "the disk failed, so the store only reads for now ({doing}): free or repair the disk; a running daemon writes again \
                     by itself, a command has to be started again"
                )
            }
            StoreError::NotFound { what, id } => write!(f, "there is no {what} `{id}`"),
            StoreError::Refused(what) => f.write_str(what),
            StoreError::Database { doing, .. } => write!(f, "the database failed while {doing}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::NotWritable { source, .. } | StoreError::Io { source, .. } => Some(source.as_ref()),
            StoreError::Database { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}
