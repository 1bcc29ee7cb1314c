//! Description of a recording. The rows themselves are in blocks.

use crate::domain::record::{RecordedGap, StreamKind};
use crate::domain::symbol_name;
use crate::store::blocks::{kind_code, kind_from_code};
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// State of a recording. The order of the variants is part of the stored form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecordingState {
    /// An import under way; if found on opening, it is unfinished and removed.
    Importing,
    /// Complete.
    Complete,
    /// An open recording, or one that was cut off and has not been resumed or completed yet.
    Recording,
}

/// A recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordingV1 {
    /// `session_YYYYMMDD_HHMMSS_xxxxxx`.
    pub id: String,
    /// Its state.
    pub state: RecordingState,
    /// Where the rows came from, for display.
    pub sources: Vec<String>,
    /// Time of creation, microseconds since 1970.
    pub created_us: i64,
    /// Its symbols; journal chunks refer to them by index.
    pub symbols: Vec<RecordedSymbolV1>,
}

/// One symbol of a recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordedSymbolV1 {
    /// Name as written by the source.
    pub name: String,
    /// Most decimal places of any price: the price step is 10^-scale.
    pub price_scale: u8,
    /// Most decimal places of any quantity: the quantity step is 10^-scale.
    pub quantity_scale: u8,
    /// Its streams.
    pub streams: Vec<RecordedStreamV1>,
}

/// One stream of a symbol.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordedStreamV1 {
    /// Code of the stream kind, as in blocks.
    pub stream: u8,
    /// Number of rows.
    pub rows: u64,
    /// Exchange time of the first row, nanoseconds since 1970.
    pub first_ns: i64,
    /// Exchange time of the last row, nanoseconds since 1970.
    pub last_ns: i64,
    /// Size of its blocks in bytes.
    pub bytes: u64,
    /// Whether every row has a receive time.
    pub has_receive_times: bool,
    /// Bars only: their length in nanoseconds, declared or the most frequent distance between rows; 0 when
    /// unknown.
    pub spacing_ns: i64,
}

impl Stored for RecordingV1 {
    const KIND: u16 = 2;
    const VERSION: u16 = 1;
    const NAME: &'static str = "recording";
}

impl RecordingV1 {
    /// The symbol of a name given in either spelling.
    pub fn spelled(&self, name: &str) -> Option<&RecordedSymbolV1> {
        let names = self.symbols.iter().map(|symbol| symbol.name.as_str());
        symbol_name::find(name, names).and_then(|name| self.symbol(name))
    }

    /// The symbol of a recorded name.
    pub fn symbol(&self, name: &str) -> Option<&RecordedSymbolV1> {
        self.symbols.iter().find(|symbol| symbol.name == name)
    }

    /// Number of rows in all streams.
    pub fn rows(&self) -> u64 {
        self.streams().map(|stream| stream.rows).sum()
    }

    /// Size of all blocks in bytes.
    pub fn bytes(&self) -> u64 {
        self.streams().map(|stream| stream.bytes).sum()
    }

    /// First and last exchange time, nanoseconds since 1970; `None` without streams.
    pub fn span_ns(&self) -> Option<(i64, i64)> {
        let first = self.streams().map(|stream| stream.first_ns).min()?;
        let last = self.streams().map(|stream| stream.last_ns).max()?;
        Some((first, last))
    }

    /// From the first row or gap to the last, nanoseconds since 1970: the time that its coverage is a share
    /// of. `None` without both.
    pub fn span_with_gaps_ns(&self, gaps: &[(String, RecordedGap)]) -> Option<(i64, i64)> {
        let gaps = gaps.iter().map(|(_, known)| (known.gap.from.nanos(), known.gap.to.nanos()));
        gaps.chain(self.span_ns()).reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }

    fn streams(&self) -> impl Iterator<Item = &RecordedStreamV1> {
        self.symbols.iter().flat_map(|symbol| &symbol.streams)
    }
}

impl RecordedSymbolV1 {
    /// The stream of a kind, if recorded.
    pub fn stream(&self, kind: StreamKind) -> Option<&RecordedStreamV1> {
        self.streams.iter().find(|stream| stream.stream == kind_code(kind))
    }
}

impl RecordedStreamV1 {
    /// A stream of a kind code without rows.
    pub fn empty(stream: u8) -> Self {
        RecordedStreamV1 {
            stream,
            rows: 0,
            first_ns: 0,
            last_ns: 0,
            bytes: 0,
            has_receive_times: true,
            spacing_ns: 0,
        }
    }

    /// The stream kind; `None` if this version does not know it.
    pub fn kind(&self) -> Option<StreamKind> {
        kind_from_code(self.stream)
    }

    /// Bar length in whole seconds; 60 when unknown or shorter than a second.
    pub fn bar_seconds(&self) -> u32 {
        let seconds = self.spacing_ns / crate::domain::time::NANOS_PER_SECOND;
        u32::try_from(seconds).ok().filter(|seconds| *seconds > 0).unwrap_or(60)
    }
}
