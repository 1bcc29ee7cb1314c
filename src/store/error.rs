//! What can go wrong with the store, as sentences that say what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the store did not do what was asked. Callers that shared a commit share its error, so causes are shared too.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// Another process holds the store.
    AlreadyOpen(PathBuf),
    /// The directory once held a store and does not any more.
    Vanished {
        /// Where it should be.
        store: PathBuf,
        /// What says that it was there.
        marker: PathBuf,
    },
    /// There is no store and none may be made here.
    NoStore(PathBuf),
    /// The store was made by a newer version.
    Newer {
        /// Its format.
        found: u64,
        /// Newest format this version knows.
        known: u64,
    },
    /// Bytes of the store are not what was written.
    Damaged {
        /// Where.
        place: String,
        /// How it shows.
        what: String,
    },
    /// Others own the directory or file, or may write to it.
    Exposed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The directory or file cannot be written.
    NotWritable {
        /// During what.
        doing: &'static str,
        /// Cause.
        source: Arc<io::Error>,
    },
    /// The disk is full.
    Full(&'static str),
    /// Any other failure of the disk.
    Io {
        /// During what.
        doing: &'static str,
        /// Cause.
        source: Arc<io::Error>,
    },
    /// The disk failed before: until the store is opened anew it only reads.
    ReadOnly(&'static str),
    /// Nothing with this id.
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// The caller's input cannot be kept; nothing was.
    Refused(String),
    /// The database reports a state that its documentation excludes here.
    Database {
        /// During what.
        doing: &'static str,
        /// Cause.
        source: Arc<redb::Error>,
    },
}

impl StoreError {
    /// The exit code of a command that fails with this.
    pub fn exit_code(&self) -> u8 {
        match self {
            StoreError::NotFound { .. } | StoreError::Refused(_) => 64,
            StoreError::Vanished { .. } | StoreError::Newer { .. } | StoreError::Damaged { .. } => 65,
            StoreError::AlreadyOpen(_)
            | StoreError::Full(_)
            | StoreError::Io { .. }
            | StoreError::ReadOnly(_) => 69,
            StoreError::NotWritable { .. } | StoreError::NoStore(_) | StoreError::Exposed { .. } => 78,
            StoreError::Database { .. } => 1,
        }
    }

    /// Whether the disk has no room: nothing of the change is there, and until the store is opened again it only reads.
    pub fn is_full(&self) -> bool {
        matches!(self, StoreError::Full(_))
    }

    pub(super) fn damaged(place: impl Into<String>, what: impl fmt::Display) -> Self {
        StoreError::Damaged { place: place.into(), what: what.to_string() }
    }

    pub(super) fn io(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(doing),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::NotWritable { doing, source: Arc::new(source) }
            }
            // Too short or with foreign first bytes: redb reports both as I/O errors of these kinds.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                StoreError::damaged("the store file", source)
            }
            _ => StoreError::Io { doing, source: Arc::new(source) },
        }
    }
}

/// For `map_err`: what the database reports while doing something.
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
                    "another tradingd holds the store {}: stop it, or use another state directory",
                    path.display()
                )
            }
            StoreError::Vanished { store, marker } => write!(
                f,
                "the store {} is missing, but {} says that there was one: put the file back from a backup, or, to begin with \
                 an empty store, remove that marker",
                store.display(),
                marker.display()
            ),
            StoreError::NoStore(path) => {
                write!(
                    f,
                    "there is no store {}: import a recording first, or name the right state directory",
                    path.display()
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
            StoreError::Exposed { path, what } => write!(f, "{} {what}", path.display()),
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
