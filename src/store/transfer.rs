//! Copies records between two stores: that of a running daemon and one that a command works on.
//!
//! A copy is a stream of entries, each behind its length, and a length of zero ends it. It exists only
//! between two processes of one version, so entries have no versions of their own. Invariant: users, logins
//! and tokens are never copied, and a stream that is cut short leaves nothing that readers see.

mod entry;
mod receive;
mod send;

use super::disk::Disk;
use super::{Check, Current, Store, StoreError, rights};
use std::path::Path;

/// Which records to copy. An id that does not exist selects nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Records {
    /// The newest version of every strategy that is not deleted.
    Strategies,
    /// The description of every recording: gaps and facts, no rows.
    Recordings,
    /// One recording with its rows.
    Recording(String),
    /// Every session, without events.
    Sessions,
    /// One session, and the summary of the result with that id.
    Session(String),
    /// The summary of every result.
    Results,
    /// One result with its document and report, and the session with that id.
    Result(String),
}

impl Records {
    /// The kinds, as words.
    pub const KINDS: &[&str] = &["strategies", "recordings", "sessions", "results"];

    /// All of a kind, or the one with an id; `None` for an unknown kind, and for one strategy: these are
    /// copied together.
    pub fn of(kind: &str, id: Option<String>) -> Option<Records> {
        Some(match (kind, id) {
            ("strategies", None) => Records::Strategies,
            ("recordings", None) => Records::Recordings,
            ("recordings", Some(id)) => Records::Recording(id),
            ("sessions", None) => Records::Sessions,
            ("sessions", Some(id)) => Records::Session(id),
            ("results", None) => Records::Results,
            ("results", Some(id)) => Records::Result(id),
            _ => return None,
        })
    }

    /// Kind and id, from which [`Records::of`] makes them again.
    pub fn named(&self) -> (&'static str, Option<&str>) {
        match self {
            Records::Strategies => ("strategies", None),
            Records::Recordings => ("recordings", None),
            Records::Recording(id) => ("recordings", Some(id)),
            Records::Sessions => ("sessions", None),
            Records::Session(id) => ("sessions", Some(id)),
            Records::Results => ("results", None),
            Records::Result(id) => ("results", Some(id)),
        }
    }

    /// The recording whose rows these are.
    pub fn recording(&self) -> Option<&str> {
        match self {
            Records::Recording(id) => Some(id),
            _ => None,
        }
    }
}

impl Store {
    /// A store in a file without a name in `dir`: it takes disk space instead of memory and is gone with the
    /// process, however that ends.
    pub fn temporary(dir: &Path) -> Result<Store, StoreError> {
        let making = |error| StoreError::io("making a temporary store", error);
        rights::create_dir(dir).map_err(making)?;
        let path = dir.join(format!("tradingd.redb.{}", std::process::id()));
        // Left by a process of the same number that was killed between the next two steps.
        let _ = std::fs::remove_file(&path);
        let disk = Disk::of_new_file(&path)?;
        std::fs::remove_file(&path).map_err(making)?;
        Store::prepare(Current::open(disk, None, Check::Small)?)
    }
}

#[cfg(test)]
mod tests;
