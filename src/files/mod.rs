//! Market data in files: CSV and JSON lines in, a feed for a session out, and records back to CSV, JSON lines or parquet.
//!
//! Everything streams in constant memory. Never repairs, guesses or skips a row, and never meets the store.

mod error;
mod fields;
mod input;
mod layout;
mod lines;
mod number;
mod order;
mod row;
mod source;

pub use error::{FileError, Problem};
pub use layout::Layout;
pub use source::{RecordBatch, SourceFile};
