//! The state machine that trades: one event in, decisions and orders out.
//!
//! Never: I/O, a clock, logging, a lock, a wait, chance, or a failure. What cannot be done is an output.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod indicators;
pub mod market;
