//! Backtests for the command line and the daemon: from market data and strategies to one result.
//!
//! Invariant: equal settings, data and strategies give an equal result, independent of caller and replay
//! speed.

mod files;
mod find;
mod pace;
mod run;
mod settings;
mod source;
mod store;
mod stretches;
mod symbol;

pub use find::{Input, find, find_fit, refuse_empty_range};
pub use pace::{Paced, StopSignal};
pub use run::{Run, plan, plan_fit};
pub use settings::{ReplayClock, RiskChoice, RunSettings, bounds};
pub use source::{Source, market};
pub use store::{GENERATOR, outcomes, summary};
pub use stretches::stretches;
pub use symbol::SourceSymbol;
