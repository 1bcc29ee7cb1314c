//! What the program does, whoever asks: the command line and HTTP call the same functions. Brings the adapters together.
//!
//! Functions here block (they read and write the store); asynchronous callers hand them to a thread. Never: HTTP, a
//! status code, text for a terminal.

pub mod hub;
mod refusal;
pub mod settings;

pub use refusal::{Kind, Refusal};
