//! Evaluation of a run: statistics collected while it runs, metrics with their definitions, and the two forms
//! for readers (terminal, HTML).
//!
//! Invariants: pure and deterministic (no clock, I/O, serialization or unseeded random numbers); an undefined
//! metric carries a reason instead of a number. Backtests and paper sessions use the same code.
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::float_cmp)]

pub mod assumptions;
pub mod definitions;
pub mod drawdown;
pub mod fired;
pub mod legend;
pub mod marks;
pub mod metrics;
pub mod no_trade;
pub mod overfitting;
pub mod overview;
pub mod reason;
pub mod run;
pub mod series;
pub mod statistics;
pub mod tally;
pub mod trials;

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
