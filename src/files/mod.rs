//! Market data in files: CSV, JSON lines and parquet in, a feed for a session out, and records back to the same formats.
//!
//! Everything streams in constant memory. Never meets the store, and never repairs, guesses or skips a row: only a trade
//! that is there a second time is left out and counted, and only to a declared step a number is rounded.

mod continuity;
mod contract_file;
mod error;
mod feed;
mod fields;
mod history;
mod input;
mod layout;
mod lines;
mod number;
mod order;
mod parquet_input;
mod paths;
mod row;
mod sink;
mod source;
mod steps;
mod survey;

pub use continuity::{Continuity, gaps};
pub use contract_file::{FactsBySymbol, contract_file, contract_file_of, contract_json};
pub use error::{FileError, Problem};
pub use feed::FileFeed;
pub use history::{History, histories};
pub use layout::Layout;
pub use paths::{Inputs, SourceGroup, expand, group_by_stem};
pub use sink::{FileFormat, RecordSink};
pub use source::{RecordBatch, SourceFile};
pub use survey::{
    FeedClock, FileSurvey, FileSymbol, Selection, SourceSurvey, SymbolSurvey, declared_bar, survey,
    survey_file,
};
