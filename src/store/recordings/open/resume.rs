//! A live recording back from the store: counts and last blocks, then the rows of the journal that are in no block.

use super::super::super::blocks::Rows;
use super::super::super::journal::ChunkReader;
use super::super::super::records::RecordingState;
use super::super::super::tables::{GAPS, JOURNAL};
use super::super::super::{Store, StoreError};
use super::memory::RowBuffer;
use super::stream::Stream;
use crate::domain::record::StreamKind;
use crate::domain::time::Timestamp;
use std::ops::ControlFlow;

/// Reads the recording back as its last commit left it.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Refused`] when it is complete, [`StoreError::Damaged`] with the place.
pub fn resume(store: &Store, id: &str) -> Result<RowBuffer, StoreError> {
    let recording = store.recording(id)?;
    if recording.state != RecordingState::Recording {
        return Err(StoreError::Refused(format!("recording `{id}` is complete: nothing can be added to it")));
    }
    let mut live = RowBuffer::new(recording);
    find_streams(store, &mut live)?;
    let gaps = store.table(GAPS)?.checked().last((id, 0), (id, u64::MAX), |key| key.1)?;
    live.gaps.next = gaps.map_or(0, |(last, _)| last + 1);
    let mut rows = Rows::new(StreamKind::Trades);
    store.table(JOURNAL)?.checked().visit((id, 0), (id, u64::MAX), |key, bytes| {
        let number = key.1;
        if live.journal.chunks.is_empty() {
            live.journal.first = number;
        } else if number != live.journal.next() {
            return Err(StoreError::damaged(place(id, live.journal.next()), "it is missing"));
        }
        live.journal.push(bytes.len());
        take_chunk(store, &mut live, number, &bytes, &mut rows)?;
        Ok(ControlFlow::Continue(()))
    })?;
    live.begins_at = live.last_received.unwrap_or(Timestamp::MIN);
    for stream in &mut live.streams {
        stream.last_received = live.begins_at;
        stream.is_on_disk();
    }
    Ok(live)
}

/// Where a chunk is, for messages.
fn place(id: &str, number: u64) -> String {
    JOURNAL.place(&(id, number))
}

fn find_streams(store: &Store, live: &mut RowBuffer) -> Result<(), StoreError> {
    for symbol in 0..live.recording.symbols.len() {
        let recorded = live.recording.symbols[symbol].clone();
        let grids = &mut live.symbols[symbol].grids;
        (grids.prices.scale, grids.quantities.scale) = (recorded.price_scale, recorded.quantity_scale);
        for info in recorded.streams {
            let unknown = || {
                StoreError::damaged(
                    format!("recording `{}`, {}", live.recording.id, recorded.name),
                    "an unknown stream",
                )
            };
            let kind = info.kind().ok_or_else(unknown)?;
            let at = live.stream_place(symbol, kind)?;
            let stream = &mut live.streams[at];
            stream.info = info;
            stream.find_tail(store, (&live.recording.id, &recorded.name))?;
        }
    }
    Ok(())
}

fn take_chunk(
    store: &Store,
    live: &mut RowBuffer,
    number: u64,
    bytes: &[u8],
    rows: &mut Rows,
) -> Result<(), StoreError> {
    let at = place(&live.recording.id, number);
    let damaged = |error: super::super::super::blocks::BlockError| StoreError::damaged(at.as_str(), error);
    let mut chunk = ChunkReader::new(bytes).map_err(damaged)?;
    while let Some(run) = chunk.next(rows).map_err(damaged)? {
        if run.symbol >= live.symbols.len() {
            return Err(StoreError::damaged(
                at.as_str(),
                format!("it has rows of symbol {}, which the recording has not", run.symbol),
            ));
        }
        let stream = live.stream_place(run.symbol, rows.kind())?;
        let expected = live.streams[stream].next_seq();
        if run.first_seq > expected {
            let word = rows.kind().as_str();
            let what = format!(
                "rows {expected} to {} of {} {word} are missing",
                run.first_seq, live.recording.symbols[run.symbol].name
            );
            return Err(StoreError::damaged(at.as_str(), what));
        }
        let known = usize::try_from(expected - run.first_seq).unwrap_or(usize::MAX);
        for row in known..rows.len() {
            let record = rows
                .record(row)
                .ok_or_else(|| StoreError::damaged(at.as_str(), "a row holds what no row can"))?;
            live.symbols[run.symbol].grids.see(&record.body);
            live.add(store, stream, &record)?;
            keep_chunk(&mut live.streams[stream], number);
        }
    }
    live.last_received = (chunk.last_received > Timestamp::MIN).then_some(chunk.last_received);
    Ok(())
}

/// A row that waits came from this chunk or one before it.
fn keep_chunk(stream: &mut Stream, number: u64) {
    stream.journaled = stream.rows.len();
    if !stream.rows.is_empty() {
        stream.chunk.get_or_insert(number);
    }
}
