//! The daemon from outside: real processes, real sockets, bytes as they are on the wire.

pub mod client;
pub mod daemon;
mod documented;
mod hostile;
mod matrix;
