//! Market data files: reads CSV, JSON lines and parquet, feeds them to a session, and writes records to the
//! same formats.
//!
//! Everything streams in constant memory. Invariants: this module does not use the store, and no row is
//! repaired or guessed: only rows that were there before are skipped (and counted), and numbers are rounded
//! only to a declared step.

mod batch;
mod columns;
mod continuity;
mod contract_file;
mod counted;
mod error;
mod feed;
mod fields;
mod foreign;
mod history;
mod input;
mod layout;
mod lines;
mod mapping_file;
mod number;
mod opener;
mod order;
mod overlap;
mod parquet_input;
mod paths;
mod recognise;
mod repeated;
mod row;
mod sink;
mod sorted;
mod source;
mod steps;
mod survey;
pub mod whole_file;
mod zip;

pub use batch::RecordBatch;
pub use continuity::{Continuity, gaps};
pub use contract_file::{FactsBySymbol, contract_file, contract_file_of, contract_json};
pub use error::{FileError, Problem};
pub use feed::FileFeed;
pub use history::{FURTHEST_APART, History, histories};
pub use layout::Layout;
pub use mapping_file::{MappingFile, mapping_file};
pub use opener::Opener;
pub use overlap::{Before, Overlaps};
pub use paths::{Inputs, SourceGroup, expand, group_by_stem, on_disk, why_left_out};
pub use repeated::{RepeatedBySymbol, RepeatedRows};
pub use sink::{FileFormat, RecordSink};
pub use sorted::KeptRows;
pub use source::SourceFile;
pub use survey::{
    BarLengths, FeedClock, FileFacts, FileSurvey, FileSymbol, Selection, SourceSurvey, SymbolSurvey,
    declared_bar, joined, notes_of, survey, survey_file, survey_for_replay,
};
