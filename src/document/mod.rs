//! The documents people write and read: strategies in, results out.
//!
//! Bytes become checked values here and nowhere else. Never: I/O, or a document that is half accepted.

pub mod strategy;
