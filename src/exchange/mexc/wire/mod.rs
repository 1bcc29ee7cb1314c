//! MEXC's JSON: borrowed from the received bytes, numbers kept as text until they are used.
//!
//! Invariants: no price passes through a float; no input makes the parser panic.

#[macro_use]
mod object;
pub(super) mod account;
pub(super) mod envelope;
pub(super) mod frame;
pub(super) mod number;
pub(super) mod rows;
mod tiers;
