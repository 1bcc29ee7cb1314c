//! Runs an engine: where inputs come from, where orders go, and who counts them. What to do is the engine's
//! decision.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod allowance;
pub mod checkpoint;
pub mod collector;
pub mod digest;
pub mod driver;
pub mod gateway;
pub mod halts;
pub mod inputs;
pub mod live;
pub mod market_loop;
#[cfg(test)]
mod market_loop_tests;
pub mod orders;
pub mod ports;
mod reasons;
pub mod replay;
pub mod rows;
mod simulated;
pub mod snapshot;
pub mod switches;
