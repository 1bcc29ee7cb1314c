//! The daemon from outside: real processes, real sockets, bytes as they are on the wire.

pub mod client;
mod crash;
pub mod daemon;
mod documented;
mod hostile;
mod matrix;
mod pipes;
mod reload;
mod retries;
mod seed;
