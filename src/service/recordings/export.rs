//! Exports rows of a recording: the symbols of one stream, merged by time.
//!
//! Invariant: every row is written unchanged; memory does not grow with the number of rows.

use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use crate::files::{Layout, RecordSink};
use crate::service::SourceError;
use crate::store::records::RecordingV1;
use crate::store::{RowsIter, Store};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The content of one exported file: symbols of one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The stream.
    pub kind: StreamKind,
    /// The symbols.
    pub symbols: Vec<String>,
}

/// Writes the rows of the part's symbols ordered by time, then by symbol. Returns their number.
///
/// # Errors
/// Reading from the store or writing to the sink failed.
pub fn write(
    store: &Store,
    recording: &RecordingV1,
    part: &Part,
    mut sink: RecordSink,
) -> Result<u64, SourceError> {
    let mut rows = Vec::new();
    for symbol in &part.symbols {
        rows.push(store.rows(&recording.id, symbol, part.kind)?);
    }
    let mut heads = BinaryHeap::new();
    let mut next: Vec<Option<Record>> = vec![None; rows.len()];
    for index in 0..rows.len() {
        advance(&mut rows[index], &mut next[index], index, &mut heads)?;
    }
    while let Some(Reverse((_, index))) = heads.pop() {
        let index: usize = index;
        if let Some(record) = next[index].take() {
            sink.write(&part.symbols[index], &record)?;
        }
        advance(&mut rows[index], &mut next[index], index, &mut heads)?;
    }
    let written = sink.rows();
    sink.finish()?;
    Ok(written)
}

type Heads = BinaryHeap<Reverse<(Timestamp, usize)>>;

fn advance(
    rows: &mut RowsIter<'_>,
    next: &mut Option<Record>,
    index: usize,
    heads: &mut Heads,
) -> Result<(), SourceError> {
    if let Some(record) = rows.next().transpose()? {
        heads.push(Reverse((record.exchange_at, index)));
        *next = Some(record);
    }
    Ok(())
}

/// The layout with only those optional columns that have a value in some row.
///
/// # Errors
/// What the store reports.
pub fn layout(store: &Store, recording: &RecordingV1, part: &Part) -> Result<Layout, SourceError> {
    let full = Layout::full(part.kind);
    let mut layout = Layout::required(part.kind);
    for symbol in &part.symbols {
        for record in store.rows(&recording.id, symbol, part.kind)? {
            if layout == full {
                return Ok(layout);
            }
            layout = with_columns_of(layout, &record?);
        }
    }
    Ok(layout)
}

fn with_columns_of(layout: Layout, record: &Record) -> Layout {
    let with =
        |layout: Layout, column: &str, present: bool| if present { layout.with(column) } else { layout };
    let layout = with(layout, "recv_us", record.received_at.is_some());
    match record.body {
        RecordBody::Trade { id, .. } => with(layout, "trade_id", id.is_some()),
        RecordBody::LevelChange { snapshot, update_id, .. } => {
            with(with(layout, "is_snapshot", snapshot), "update_id", update_id.is_some())
        }
        RecordBody::Quote { update_id, .. } => with(layout, "update_id", update_id.is_some()),
        RecordBody::Bar { quote_volume, .. } => with(layout, "quote_volume", quote_volume.is_some()),
        RecordBody::Mark { index, .. } => with(layout, "index_price", index.is_some()),
        RecordBody::SnapshotLevel { .. } | RecordBody::Funding { .. } => layout,
    }
}
