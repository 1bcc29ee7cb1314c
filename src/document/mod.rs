//! JSON forms of what people read and edit: strategies and results.
//!
//! Serialization stays here, at the edge: the layers below know only their own types. Never: a file, a socket, or
//! a number that JSON cannot hold.

pub mod csv;
pub mod decision;
pub mod result;
pub mod strategy;
