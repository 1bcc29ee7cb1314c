//! A simulated exchange for tests: REST and WebSocket of MEXC futures on loopback, fed with recorded market
//! data. Orders are matched against that data, and faults happen on demand.
//!
//! It implements the wire format independently of `crate::exchange`, so that the client is not tested against
//! its own code. [`exchange`] is the whole exchange as a value without a clock; [`running`] adds ports and a
//! replay thread, [`simulated`] serves it in one process with time as a number.
//!
//! Invariants: it listens on loopback addresses only, and no fault happens unless requested. Use it with test
//! keys only.

pub mod exchange;
pub mod faults;
pub mod market;
pub mod requests;
pub mod rest;
pub mod running;
pub mod scenario;
pub mod simulated;
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
mod fraction;
mod malformed;
mod market_acts;
mod pushes;
mod server;
mod shared;
mod streams;
mod terms;
mod test_key;

pub use faults::{Fault, FaultKind};
pub use running::{BookTruth, Options, Rehearsal, Running};
pub use scenario::Scenario;
pub use source::{Generator, RowSource, Rows};
pub use test_key::TestKey;

#[cfg(test)]
mod tests;
