//! Sweeps: one strategy document with some of its fields varied, each variant (a trial) run over the same
//! sources by the code of the backtest, kept in a folder that a killed sweep continues from, and put in
//! order.
//!
//! Invariants: a run of a trial has the digest that a backtest of its document has; the folder of a finished
//! sweep has the same bytes whatever the number of workers, kills and shards.

mod content;
mod folder;
mod merge;
mod plan;
mod ranking;
mod shard;
mod shared;
mod trial;
mod work;

pub use folder::{Folder, Opened, read};
pub use merge::merge;
pub use plan::{Method, Plan, PlanRequest, PlannedRun};
pub use ranking::{Ranked, Ranking};
pub use shard::Shard;
pub use trial::{TrialRun, sweep_digest};
pub use work::{Progress, Work, planned_runs, run};

use crate::domain::visible::Visible;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a sweep was refused or ended early.
#[derive(Debug)]
pub enum SweepError {
    /// What was asked for cannot be done; the text says what to do.
    Input(String),
    /// The folder cannot be read.
    Folder(String),
    /// The folder cannot be written; the finished runs in it stay.
    Unwritable(PathBuf, io::Error),
    /// Market data cannot be read.
    Source(super::SourceError),
}

impl fmt::Display for SweepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SweepError::Input(what) | SweepError::Folder(what) => f.write_str(what),
            SweepError::Unwritable(path, error) => {
                write!(f, "{} cannot be written: {error}", path.visible())
            }
            SweepError::Source(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SweepError {}

impl From<super::SourceError> for SweepError {
    fn from(error: super::SourceError) -> Self {
        SweepError::Source(error)
    }
}
