//! An open recording back from the store: counts and last blocks, then the rows of the journal that are in no
//! block.

use super::super::super::blocks::Rows;
use super::super::super::journal::ChunkReader;
use super::super::super::records::{RecordingState, RecordingV1};
use super::super::super::tables::{GAPS, JOURNAL};
use super::super::super::{Store, StoreError};
use super::blocks::StreamBlocks;
use super::commit::{Committer, OpenRows, names};
use super::rows::RowBuffer;
use super::waiting::WaitingStream;
use crate::domain::record::StreamKind;
use crate::domain::time::Timestamp;
use std::ops::ControlFlow;

/// Reads the recording back as its last commit left it.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Refused`] when it is complete, [`StoreError::Damaged`] with the
/// location.
pub fn resume(store: &Store, id: &str) -> Result<OpenRows, StoreError> {
    let recording = store.recording(id)?;
    if recording.state != RecordingState::Recording {
        return Err(StoreError::Refused(format!("recording `{id}` is complete: nothing can be added to it")));
    }
    let mut rows = RowBuffer::new(id, names(&recording));
    let mut committer = Committer::new(recording);
    find_streams(store, &mut committer, &mut rows)?;
    let gaps = store.table(GAPS)?.checked().last((id, 0), (id, u64::MAX), |key| key.1)?;
    committer.next_gap = gaps.map_or(0, |(last, _)| last + 1);
    let mut run = Rows::new(StreamKind::Trades);
    let journal = &mut committer.journal;
    store.table(JOURNAL)?.checked().visit((id, 0), (id, u64::MAX), |key, bytes| {
        let number = key.1;
        if journal.chunks.is_empty() {
            journal.first = number;
        } else if number != journal.next() {
            return Err(StoreError::damaged(location(id, journal.next()), "it is missing"));
        }
        journal.push(bytes.len());
        take_chunk(id, &committer.recording, &mut rows, number, &bytes, &mut run)?;
        Ok(ControlFlow::Continue(()))
    })?;
    rows.begins_at = rows.last_received.unwrap_or(Timestamp::MIN);
    let begins_at = rows.begins_at;
    for stream in &mut rows.streams {
        stream.last_received = begins_at;
        stream.is_on_disk();
    }
    Ok(OpenRows::resumed(committer, rows))
}

/// Where a chunk is, for messages.
fn location(id: &str, number: u64) -> String {
    JOURNAL.location(&(id, number))
}

fn find_streams(store: &Store, committer: &mut Committer, rows: &mut RowBuffer) -> Result<(), StoreError> {
    let id = committer.recording.id.as_str();
    for (symbol, recorded) in committer.recording.symbols.iter().enumerate() {
        let grids = &mut rows.symbols[symbol].grids;
        (grids.prices.scale, grids.quantities.scale) = (recorded.price_scale, recorded.quantity_scale);
        for info in &recorded.streams {
            let unknown =
                || StoreError::damaged(format!("recording `{id}`, {}", recorded.name), "an unknown stream");
            let kind = info.kind().ok_or_else(unknown)?;
            let at = rows.stream_index(symbol, kind)?;
            let mut blocks = StreamBlocks::new(info.clone());
            blocks.find_tail(store, (id, &recorded.name))?;
            rows.streams[at].go_on_behind(info, blocks.tail_rows());
            committer.streams.push(blocks);
        }
    }
    Ok(())
}

fn take_chunk(
    id: &str,
    recording: &RecordingV1,
    rows: &mut RowBuffer,
    number: u64,
    bytes: &[u8],
    run_rows: &mut Rows,
) -> Result<(), StoreError> {
    let at = location(id, number);
    let damaged = |error: super::super::super::blocks::BlockError| StoreError::damaged(at.as_str(), error);
    let mut chunk = ChunkReader::new(bytes).map_err(damaged)?;
    while let Some(run) = chunk.next(run_rows).map_err(damaged)? {
        if run.symbol >= rows.symbols.len() {
            return Err(StoreError::damaged(
                at.as_str(),
                format!("it has rows of symbol {}, which the recording does not have", run.symbol),
            ));
        }
        let stream = rows.stream_index(run.symbol, run_rows.kind())?;
        let expected = rows.streams[stream].next_seq();
        if run.first_seq > expected {
            let word = run_rows.kind().as_str();
            let what = format!(
                "rows {expected} to {} of {} {word} are missing",
                run.first_seq, recording.symbols[run.symbol].name
            );
            return Err(StoreError::damaged(at.as_str(), what));
        }
        let known = usize::try_from(expected - run.first_seq).unwrap_or(usize::MAX);
        for row in known..run_rows.len() {
            let record = run_rows
                .record(row)
                .ok_or_else(|| StoreError::damaged(at.as_str(), "a row has impossible values"))?;
            rows.symbols[run.symbol].grids.see(&record.body);
            rows.add(stream, &record)?;
            keep_chunk(&mut rows.streams[stream], number);
        }
    }
    rows.last_received = (chunk.last_received > Timestamp::MIN).then_some(chunk.last_received);
    Ok(())
}

/// A row that waits came from this chunk or one before it.
fn keep_chunk(stream: &mut WaitingStream, number: u64) {
    stream.journaled = stream.rows.len();
    if !stream.rows.is_empty() {
        stream.chunk.get_or_insert(number);
    }
}
