//! The embedded store.
pub mod blocks;
