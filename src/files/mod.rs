//! Market data in files: CSV and JSON lines in, a feed for a session out, and records back to CSV, JSON lines or parquet.
//!
//! Everything streams in constant memory. Never repairs, guesses or skips a row, and never meets the store.

mod error;
mod feed;
mod fields;
mod input;
mod layout;
mod lines;
mod number;
mod order;
mod paths;
mod row;
mod sink;
mod source;
mod survey;

pub use error::{FileError, Problem};
pub use feed::FileFeed;
pub use layout::Layout;
pub use paths::{SourceGroup, expand, group_by_stem};
pub use sink::{FileFormat, RecordSink};
pub use source::{RecordBatch, SourceFile};
pub use survey::{DEFAULT_BAR, FeedClock, FileSurvey, FileSymbol, Selection, SourceSurvey, SymbolSurvey, survey};
