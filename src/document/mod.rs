//! JSON forms of what users read and edit: strategies and results.
//!
//! Serialization happens here; the layers below know only their own types. Invariant: no file or socket is
//! used, and a value that JSON cannot represent is written as null.

pub mod axis;
pub mod csv;
pub mod decision;
pub mod result;
pub mod strategy;
