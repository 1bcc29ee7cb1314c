//! MEXC's JSON as Rust: borrowed from the bytes it came in, numbers as their text until somebody asks.
//!
//! Never: a price through a float, a copy of a frame, a panic whatever the bytes.

#[macro_use]
mod object;
pub(super) mod envelope;
pub(super) mod frame;
pub(super) mod number;
pub(super) mod rows;
