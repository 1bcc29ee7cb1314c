//! What the program does, for the command line and HTTP alike. The one place where adapters meet.
//!
//! Functions here block (they use the store), unless they are `async`; asynchronous callers run them on a
//! blocking thread. Invariant: a refusal has a kind, not an HTTP status code, and no text is formatted for a
//! terminal.

mod alerts;
pub mod analytics;
pub mod backtest;
mod event_log;
pub mod hub;
mod indicators;
mod known_names;
mod log_tail;
pub mod market;
pub mod page;
mod presets;
mod preview;
mod preview_turns;
pub mod recordings;
pub mod references;
mod refusal;
pub mod results;
mod secret_file;
pub mod sessions;
pub mod settings;
mod source_error;
mod store_watch;
pub mod strategies;
pub mod sweep;
mod upload;
mod upload_folder;
pub mod users;
pub mod watchdog;

pub mod answers;
mod daemon;
mod readiness;
mod records;

pub use crate::store::DAEMON;
pub use crate::store::Records;
pub use alerts::Alerts;
pub use daemon::{Parts, Service};
pub use event_log::LogView;
pub use indicators::indicator_catalogue;
pub use known_names::known_names;
pub use log_tail::LogTail;
pub use preview::PreviewRequest;
pub use preview_turns::Previews;
pub use readiness::{DiskChange, resident_bytes};
pub use records::verified;
pub use refusal::{CURSOR_EXPIRED, Refusal, RefusalKind, STORE_DAMAGED, problems_text};
pub use secret_file::credentials;
pub use source_error::SourceError;
pub use upload::Upload;
pub use users::{Caller, Lifetimes, Login, User, Users};
