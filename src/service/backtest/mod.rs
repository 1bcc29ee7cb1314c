//! Backtests for the command line and the daemon alike: from market data and strategies to one result.
//!
//! Same settings, same data, same strategies: same result, whoever asked, at whatever speed, watched or not.

mod pace;
mod run;
mod settings;
mod source;
mod store;

pub use pace::{Control, Paced};
pub use run::{Run, plan};
pub use settings::{ReplayClock, RiskChoice, RunSettings, bounds};
pub use source::{Input, Source, SourceSymbol, find};
pub use store::{GENERATOR, outcomes, summary};

use super::{Kind, Refusal};
use crate::files::FileError;
use crate::store::StoreError;
use std::fmt;

/// Why a backtest did not begin or did not end.
#[derive(Debug)]
pub enum BacktestError {
    /// Settings, strategies and data do not go together; the sentence says what to do.
    Input(String),
    /// A file.
    File(FileError),
    /// The store.
    Store(StoreError),
}

impl fmt::Display for BacktestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BacktestError::Input(what) => f.write_str(what),
            BacktestError::File(error) => error.fmt(f),
            BacktestError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BacktestError {}

impl From<FileError> for BacktestError {
    fn from(error: FileError) -> Self {
        BacktestError::File(error)
    }
}

impl From<StoreError> for BacktestError {
    fn from(error: StoreError) -> Self {
        BacktestError::Store(error)
    }
}

impl From<BacktestError> for Refusal {
    fn from(error: BacktestError) -> Self {
        match error {
            BacktestError::Input(what) => Refusal::new(Kind::Invalid, "invalid_request", what),
            BacktestError::File(error) if error.is_bad_input() => Refusal::new(Kind::Invalid, "invalid_file", error.to_string()),
            BacktestError::File(error) => Refusal::new(Kind::Internal, "internal_error", error.to_string()),
            BacktestError::Store(error) => error.into(),
        }
    }
}
