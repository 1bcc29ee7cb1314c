//! Rows of a recording into files and streams: the symbols of one stream, merged by time.
//!
//! Never cuts, rounds or leaves out a row; memory does not grow with rows.

use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use crate::files::{Layout, RecordSink};
use crate::service::SourceError;
use crate::store::records::RecordingV1;
use crate::store::{RowsIter, Store};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One file to write: symbols of one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The stream.
    pub kind: StreamKind,
    /// The symbols.
    pub symbols: Vec<String>,
}

/// Writes rows of the part's symbols by time; rows of one time stay together by symbol. Returns how many.
///
/// # Errors
/// What the store reports, or the place that is written to.
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
    for place in 0..rows.len() {
        advance(&mut rows[place], &mut next[place], place, &mut heads)?;
    }
    while let Some(Reverse((_, place))) = heads.pop() {
        let place: usize = place;
        if let Some(record) = next[place].take() {
            sink.write(&part.symbols[place], &record)?;
        }
        advance(&mut rows[place], &mut next[place], place, &mut heads)?;
    }
    let written = sink.rows();
    sink.finish()?;
    Ok(written)
}

type Heads = BinaryHeap<Reverse<(Timestamp, usize)>>;

fn advance(
    rows: &mut RowsIter<'_>,
    next: &mut Option<Record>,
    place: usize,
    heads: &mut Heads,
) -> Result<(), SourceError> {
    if let Some(record) = rows.next().transpose()? {
        heads.push(Reverse((record.exchange_at, place)));
        *next = Some(record);
    }
    Ok(())
}

/// The columns of which any row has a value.
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
