//! What a run was worth: statistics kept while it runs, metrics with their definitions, and the two forms people
//! read (terminal, HTML).
//!
//! Never: a clock, I/O, serialization, unseeded rng, or a number where there is none: a metric that is not
//! defined says why. The same code serves backtest, paper and live, from the same ledger.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::float_cmp)]

pub mod assumptions;
pub mod definitions;
pub mod drawdown;
pub mod legend;
pub mod metrics;
pub mod no_trade;
pub mod overview;
pub mod reason;
pub mod run;
pub mod series;
pub mod statistics;
pub mod tally;

pub mod html;
pub mod text;

mod bootstrap;
mod exposure;
mod format;
mod ratios;
mod returns;
#[cfg(test)]
pub(crate) mod sample;
mod terms;
