//! An exchange to rehearse on: REST and WebSocket of MEXC futures on loopback, from recorded market data, with orders
//! matched against it and faults on demand.
//!
//! Its own reading of the wire format, on purpose: a client is not tested against itself. [`exchange`] is the whole
//! exchange as a value that is told the time; [`running`] gives it ports and a thread.
//!
//! Never: an address other machines can reach, a fault nobody asked for, a key that is a real one.

pub mod exchange;
pub mod faults;
pub mod market;
pub mod requests;
pub mod rest;
pub mod running;
pub mod scenario;
pub mod sockets;
pub mod source;
pub mod topics;
pub mod trading;
pub mod wire;

mod acts;
mod client;
mod connection;
mod control;
mod deliver;
mod malformed;
mod server;
mod streams;
mod terms;

pub use faults::{Fault, Kind};
pub use running::{BookTruth, Options, Rehearsal, Running, TestKey};
pub use scenario::Scenario;
pub use source::{Generator, RowSource, Rows};

#[cfg(test)]
mod tests;
