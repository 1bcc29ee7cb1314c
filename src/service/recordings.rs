//! Recordings as users see them: listed in the seed's shape, drawn as candles, exported, imported, deleted.
//!
//! Never: a path outside the import folder, a count that was not recorded.

use super::in_use::InUse;
use super::page::{Page, PageRequest};
use super::{Kind, Refusal};
use crate::domain::time::{Span, Timestamp};
use crate::store::Store;
use serde::Serialize;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// A line of the list, with the field names of the API.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RecordingLine {
    /// Id.
    pub session_id: String,
    /// Symbols.
    pub symbols: Vec<String>,
    /// `tick_prices`, `orderbook`, `candles`, `mark_prices`, `funding`, whichever there are.
    pub data_types: Vec<&'static str>,
    /// `completed` or `recording`.
    pub status: &'static str,
    /// First row, RFC 3339, milliseconds; `None` without rows.
    pub start_time: Option<String>,
    /// Last row.
    pub end_time: Option<String>,
    /// Rows.
    pub records_collected: u64,
    /// Like `1h`, `5m43s`.
    pub duration: String,
    /// The same in seconds.
    pub duration_seconds: f64,
    /// Venue, when it is known.
    pub exchange: Option<String>,
    /// Rows of trades.
    pub prices_count: u64,
    /// Rows of books.
    pub orderbook_count: u64,
    /// When it was begun, RFC 3339, milliseconds.
    pub created_at: Option<String>,
    /// Bytes of its blocks.
    pub bytes: u64,
    /// Share of its time without a gap, percent; `None` without rows.
    pub coverage_pct: Option<f64>,
    /// Gaps in its ledger.
    pub gaps: u64,
    /// Per symbol and stream, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<Value>,
}

/// Which recordings are wanted; `None` is all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RecordingFilter {
    /// With this status.
    pub status: Option<String>,
    /// With this symbol.
    pub symbol: Option<String>,
    /// With per-symbol counts.
    pub include_stats: bool,
}

/// Which candles are wanted.
#[derive(Clone, PartialEq, Debug)]
pub struct CandleRequest {
    /// Of this symbol.
    pub symbol: String,
    /// Length of one candle; neighbours are merged where there would be more than `max_points`.
    pub interval: Span,
    /// First moment.
    pub from: Option<Timestamp>,
    /// First moment that is no longer shown.
    pub to: Option<Timestamp>,
    /// Candles at most.
    pub max_points: usize,
}

/// What is exported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportRequest {
    /// `csv`, `jsonl` or `parquet`.
    pub format: String,
    /// Only this symbol.
    pub symbol: Option<String>,
    /// `trades`, `book` or a stream's word.
    pub kind: String,
}

/// The recordings of a store.
pub struct Recordings {
    store: Arc<Store>,
    in_use: Arc<InUse>,
}

/// An export that has been checked and only needs a place to go.
pub struct Export {
    /// A file name for it.
    pub file_name: String,
    /// Its media type.
    pub media_type: &'static str,
}

impl Recordings {
    /// Over a store; deletions respect what sessions use.
    pub fn new(store: Arc<Store>, in_use: Arc<InUse>) -> Self {
        Recordings { store, in_use }
    }

    /// A part of the list.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self, _filter: &RecordingFilter, _page: &PageRequest) -> Result<Page<RecordingLine>, Refusal> {
        self.not_yet()
    }

    /// One with counts per symbol and stream, gaps with cause, bytes a row.
    ///
    /// # Errors
    /// `recording_not_found`.
    pub fn get(&self, _id: &str) -> Result<Value, Refusal> {
        self.not_yet()
    }

    /// Removes one.
    ///
    /// # Errors
    /// `recording_not_found`, `session_active` while it is being recorded or read by sessions.
    pub fn delete(&self, _id: &str) -> Result<(), Refusal> {
        self.not_yet()
    }

    /// `{"symbol","interval_seconds","candles":[{"time","open","high","low","close","volume"}],"gaps":[…]}`.
    ///
    /// # Errors
    /// `recording_not_found`, `symbol_not_found`, `invalid_request`.
    pub fn candles(&self, _id: &str, _request: &CandleRequest) -> Result<Value, Refusal> {
        self.not_yet()
    }

    /// Checks an export before its first byte is written.
    ///
    /// # Errors
    /// `recording_not_found`, `symbol_not_found`, `invalid_request`.
    pub fn plan_export(&self, _id: &str, _request: &ExportRequest) -> Result<Export, Refusal> {
        self.not_yet()
    }

    /// Writes the rows. When `to` fails (the reader is gone) the export ends.
    ///
    /// # Errors
    /// What the store reports, after part of it was written.
    pub fn export(&self, _export: &Export, _to: Box<dyn Write + Send>) -> Result<u64, Refusal> {
        self.not_yet()
    }

    /// Imports a file or folder below the import folder as one recording.
    ///
    /// # Errors
    /// `import_disabled`, `invalid_path`, `invalid_file` with place and reason.
    pub fn import(&self, _folder: Option<&Path>, _path: &str, _now: Timestamp) -> Result<Value, Refusal> {
        self.not_yet()
    }

    fn not_yet<T>(&self) -> Result<T, Refusal> {
        let _ = (&self.store, &self.in_use);
        Err(Refusal::new(Kind::Unavailable, "not_yet", "not yet"))
    }
}
impl Recordings {
    /// interim
    pub fn import_file(&self, _path: &Path, _now: Timestamp) -> Result<Value, Refusal> {
        self.not_yet()
    }
}
