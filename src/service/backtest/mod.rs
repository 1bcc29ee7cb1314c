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
pub use source::{Input, Source, SourceSymbol, find, market};
pub use store::{GENERATOR, outcomes, summary};
