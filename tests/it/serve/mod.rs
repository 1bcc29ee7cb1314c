//! The daemon tested as a process over real sockets.

pub mod answers;
mod beside;
pub mod client;
mod crash;
pub mod daemon;
mod documented;
mod fairness;
mod file_size;
mod hostile;
mod matrix;
mod names;
mod now;
mod pipes;
pub mod reload;
mod retries;
mod seed;
mod written;
