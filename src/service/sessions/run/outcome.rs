//! How a session's run came out, why one could not go on, and how the session's thread left it.

use crate::report::run::RunResult;
use crate::store::StoreError;

/// How a run came out.
pub(in crate::service::sessions) enum RunOutcome {
    /// It is over.
    Ended {
        /// What it was worth; `None` where nothing was traded.
        run: Option<Box<RunResult>>,
        /// Whether somebody stopped it.
        stopped: bool,
    },
    /// It goes on when the daemon is back.
    Suspended,
}

/// Why a run could not go on.
pub(in crate::service::sessions) enum Failure {
    /// The store did not take its journal.
    Store(StoreError),
    /// The journal could not be read now; that may pass.
    Unread(String),
    /// Anything else, for people.
    Other(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Store(error) => error.fmt(f),
            Failure::Unread(why) | Failure::Other(why) => f.write_str(why),
        }
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Failure::Other(why)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Store(error)
    }
}

/// How the thread of a session left it.
pub(in crate::service::sessions) enum Exit {
    /// Its end is stored, or the store will never take it.
    Ended,
    /// The daemon ends; on disk the session runs.
    Suspended,
    /// The disk refused the journal. On disk the session runs, as its last commit left it.
    Stalled(StoreError),
}
