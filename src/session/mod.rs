//! Runs an engine: where events come from, where orders go, and who counts them.
//!
//! Never: a decision. What to do is the engine's; this layer only moves events and outputs.

pub mod backtest;
pub mod collector;
pub mod digest;
pub mod ports;
mod reasons;
pub mod rows;
