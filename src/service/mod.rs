//! What the program does, whoever asks: the command line and HTTP call the same functions. Brings the adapters together.
//!
//! Functions here block (they read and write the store); asynchronous callers hand them to a thread. Never: HTTP, a
//! status code, text for a terminal.

pub mod backtest;
pub mod hub;
mod indicators;
pub mod market;
pub mod page;
pub mod recordings;
pub mod references;
mod refusal;
pub mod results;
pub mod sessions;
pub mod settings;
mod source_error;
pub mod strategies;
mod upload;
pub mod users;

pub mod answers;
mod daemon;
mod readiness;

pub use daemon::{Parts, Service};
pub use indicators::indicator_catalogue;
pub use readiness::{DiskChange, resident_bytes};
pub use refusal::{Refusal, RefusalKind, STORE_DAMAGED, problems_text};
pub use source_error::SourceError;
pub use upload::Upload;
pub use users::{Caller, Lifetimes, Login, User, Users};
