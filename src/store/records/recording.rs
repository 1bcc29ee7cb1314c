//! A recording: what it holds and whether it is whole. The rows themselves are blocks.

use crate::domain::record::StreamKind;
use crate::domain::symbol_name;
use crate::store::blocks::{kind_code, kind_from_code};
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Whether a recording is whole. The order of the variants is part of the stored form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecordingState {
    /// An import under way; found at open it was killed and is removed.
    Importing,
    /// Whole.
    Complete,
    /// A live recording under way, or one that was cut and that nobody has taken up or completed yet.
    Recording,
}

/// A recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordingV1 {
    /// `session_YYYYMMDD_HHMMSS_xxxxxx`.
    pub id: String,
    /// Whether it is whole.
    pub state: RecordingState,
    /// Where the rows came from, for people.
    pub sources: Vec<String>,
    /// When it was begun, microseconds since 1970.
    pub created_us: i64,
    /// Its symbols by name.
    pub symbols: Vec<RecordedSymbolV1>,
}

/// One symbol of a recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordedSymbolV1 {
    /// Name as the source writes it.
    pub name: String,
    /// Most digits behind the point of any price: the price step is 10^-scale.
    pub price_scale: u8,
    /// Most digits behind the point of any quantity: the quantity step is 10^-scale.
    pub quantity_scale: u8,
    /// Its streams.
    pub streams: Vec<RecordedStreamV1>,
}

/// One stream of a symbol.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordedStreamV1 {
    /// Code of the stream kind, as in blocks.
    pub stream: u8,
    /// Rows.
    pub rows: u64,
    /// Exchange time of the first row, nanoseconds since 1970.
    pub first_ns: i64,
    /// Exchange time of the last row, nanoseconds since 1970.
    pub last_ns: i64,
    /// Bytes of its blocks.
    pub bytes: u64,
    /// Whether every row has a receive time.
    pub has_receive_times: bool,
    /// Bars only: their length in nanoseconds, declared or the most frequent distance between rows. 0 when there is none.
    pub spacing_ns: i64,
}

impl Stored for RecordingV1 {
    const KIND: u16 = 2;
    const VERSION: u16 = 1;
    const NAME: &'static str = "recording";
}

impl RecordingV1 {
    /// The symbol that a name means, in either spelling.
    pub fn spelled(&self, name: &str) -> Option<&RecordedSymbolV1> {
        let names = self.symbols.iter().map(|symbol| symbol.name.as_str());
        symbol_name::find(name, names).and_then(|name| self.symbol(name))
    }

    /// The symbol of a name as it is recorded.
    pub fn symbol(&self, name: &str) -> Option<&RecordedSymbolV1> {
        self.symbols.iter().find(|symbol| symbol.name == name)
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.streams().map(|stream| stream.rows).sum()
    }

    /// Bytes of all blocks.
    pub fn bytes(&self) -> u64 {
        self.streams().map(|stream| stream.bytes).sum()
    }

    /// First and last exchange time in nanoseconds; `None` without rows.
    pub fn span_ns(&self) -> Option<(i64, i64)> {
        let first = self.streams().map(|stream| stream.first_ns).min()?;
        let last = self.streams().map(|stream| stream.last_ns).max()?;
        Some((first, last))
    }

    fn streams(&self) -> impl Iterator<Item = &RecordedStreamV1> {
        self.symbols.iter().flat_map(|symbol| &symbol.streams)
    }
}

impl RecordedSymbolV1 {
    /// The stream of a kind.
    pub fn stream(&self, kind: StreamKind) -> Option<&RecordedStreamV1> {
        self.streams.iter().find(|stream| stream.stream == kind_code(kind))
    }
}

impl RecordedStreamV1 {
    /// The kind; `None` for one this version does not know.
    pub fn kind(&self) -> Option<StreamKind> {
        kind_from_code(self.stream)
    }

    /// Length of a bar in whole seconds: the rows' spacing, 60 when one row or an odd spacing says nothing.
    pub fn bar_seconds(&self) -> u32 {
        let seconds = self.spacing_ns / crate::domain::time::NANOS_PER_SECOND;
        u32::try_from(seconds).ok().filter(|seconds| *seconds > 0).unwrap_or(60)
    }
}
