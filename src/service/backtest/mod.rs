//! Backtests for the command line and the daemon alike: from market data and strategies to one result.
//!
//! Same settings, same data, same strategies: same result, whoever asked, at whatever speed, watched or not.

mod files;
mod pace;
mod run;
mod settings;
mod source;
mod store;
mod symbol;

pub use pace::{Control, Paced};
pub use run::{Run, plan, plan_fit};
pub use settings::{ReplayClock, RiskChoice, RunSettings, bounds};
pub use source::{Input, Source, find, find_fit, market, refuse_empty_range};
pub use store::{GENERATOR, outcomes, summary};
pub use symbol::SourceSymbol;
