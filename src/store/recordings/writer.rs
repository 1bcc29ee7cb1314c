//! Writes an import: a pending block and segment per stream, commits as segments fill, and a last commit that
//! marks the recording complete.
//!
//! Memory is bounded by the number of streams, not of rows. Invariant: rows of a stream are in order of
//! exchange time; others are refused.

use super::super::blocks::{BlockEncoder, BlockHeader, Rows, ScaleClass, kind_code};
use super::super::error::during;
use super::super::records::{GapV1, RecordedStreamV1, RecordedSymbolV1, RecordingState, RecordingV1};
use super::super::tables::{BLOCKS, GAPS};
use super::super::{Store, StoreError, encode};
use super::facts::{NewFacts, put_facts};
use super::grid::Grids;
use super::open::halves;
use super::{WRITING, check_name, put};
use crate::domain::bar_length::BarDistances;
use crate::domain::record::{Record, RecordedGap, StreamKind};
use crate::domain::time::{Span, Timestamp};
use crate::limits::{IMPORT_COMMIT_BYTES, RECORDING_STREAMS, STORE_SEGMENT_BYTES};
use redb::WriteTransaction;
use std::collections::BTreeMap;

/// A recording to start. Time and random bits are passed in as values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRecording {
    /// Time of creation; part of the id.
    pub at: Timestamp,
    /// Random bits; the low 14 are part of the id.
    pub entropy: u32,
    /// Where the rows come from, for display.
    pub sources: Vec<String>,
}

/// Writes one import. If it is dropped unfinished, it is removed, at the latest when the store is next
/// opened.
pub struct RecordingWriter<'a> {
    store: &'a Store,
    recording: RecordingV1,
    /// State of each symbol, by name.
    index: BTreeMap<String, SymbolState>,
    streams: Vec<StreamWriter>,
    facts: Vec<NewFacts>,
    ready: Vec<Segment>,
    ready_bytes: usize,
    encoder: BlockEncoder,
    block: Vec<u8>,
    /// Cleared by the first failure: what is on disk then need not be a prefix of what was appended.
    open: bool,
    /// Whether dropping has nothing to remove.
    done: bool,
}

struct SymbolState {
    name: String,
    grids: Grids,
    /// Index in `RecordingWriter::streams` by stream code.
    streams: [Option<usize>; 8],
}

struct StreamWriter {
    rows: Rows,
    segment: Vec<u8>,
    segment_first: u64,
    /// Number of rows already in blocks.
    encoded: u64,
    info: RecordedStreamV1,
    last: Option<Timestamp>,
    distances: BarDistances,
}

struct Segment {
    symbol: String,
    stream: u8,
    first_seq: u64,
    bytes: Vec<u8>,
}

impl NewRecording {
    /// Its record, before the first row.
    pub(super) fn row(self, state: RecordingState) -> RecordingV1 {
        let id = format!("session_{}", self.at.id(self.entropy));
        RecordingV1 { id, state, sources: self.sources, created_us: self.at.micros(), symbols: Vec::new() }
    }
}

impl Store {
    /// Starts an import; its id is `session_YYYYMMDD_HHMMSS_xxxxxx`.
    pub fn begin_import(&self, new: NewRecording) -> Result<RecordingWriter<'_>, StoreError> {
        let recording = new.row(RecordingState::Importing);
        self.refuse_known(&recording.id)?;
        self.write_alone(|txn| put(txn, &recording))?;
        Ok(RecordingWriter {
            store: self,
            recording,
            index: BTreeMap::new(),
            streams: Vec::new(),
            facts: Vec::new(),
            ready: Vec::new(),
            ready_bytes: 0,
            encoder: BlockEncoder::new(),
            block: Vec::new(),
            open: true,
            done: false,
        })
    }
}

impl RecordingWriter<'_> {
    /// The recording's id.
    pub fn id(&self) -> &str {
        &self.recording.id
    }

    /// Number of rows appended so far.
    pub fn rows(&self) -> u64 {
        self.streams.iter().map(|stream| stream.info.rows).sum()
    }

    /// Appends rows of one stream.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a row of another kind or one that goes back in time (with its number in
    /// `rows`), an invalid symbol name, or too many streams; nothing is appended then. Also for numbers that
    /// fit no step, and I/O errors; the writer is unusable then.
    pub fn append(&mut self, symbol: &str, kind: StreamKind, rows: &[Record]) -> Result<(), StoreError> {
        self.usable()?;
        let slot = self.stream_slot(symbol, kind)?;
        check_order(&self.streams[slot], symbol, kind, rows)?;
        for record in rows {
            let stream = &mut self.streams[slot];
            // `check_order` has checked the kind of every row.
            stream.rows.push(record).map_err(|error| StoreError::Refused(error.to_string()))?;
            if stream.rows.is_full() {
                self.close_block(symbol, slot)?;
            }
        }
        let stream = &mut self.streams[slot];
        stream.info.rows += rows.len() as u64;
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            if stream.last.is_none() {
                stream.info.first_ns = first.exchange_at.nanos();
            }
            stream.info.last_ns = last.exchange_at.nanos();
            if kind == StreamKind::Bars {
                see_distances(stream, rows);
            }
            stream.last = Some(last.exchange_at);
        }
        if self.ready_bytes < IMPORT_COMMIT_BYTES { Ok(()) } else { self.write(&[]) }
    }

    /// Flushes and commits as a long import would have done by now.
    #[cfg(test)]
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.close_all()?;
        self.write(&[])
    }

    /// Sets the length of a symbol's bars; without it the most frequent distance between bars is used.
    pub fn set_bar_length(&mut self, symbol: &str, bar: Span) {
        let slot =
            self.index.get(symbol).and_then(|state| state.streams[usize::from(kind_code(StreamKind::Bars))]);
        if let Some(slot) = slot {
            self.streams[slot].info.spacing_ns = bar.nanos();
        }
    }

    /// Sets the symbols' facts, which are stored by the next commit.
    pub fn set_facts(&mut self, facts: Vec<NewFacts>) {
        self.facts = facts;
    }

    /// Marks the recording complete with its gaps, in one commit, and returns its id.
    pub fn finish(mut self, gaps: &[(String, RecordedGap)]) -> Result<String, StoreError> {
        self.usable()?;
        if self.rows() == 0 {
            return Err(StoreError::Refused("there is no row to record; nothing was kept".to_owned()));
        }
        self.close_all()?;
        self.recording.state = RecordingState::Complete;
        self.write(gaps)?;
        self.done = true;
        Ok(std::mem::take(&mut self.recording.id))
    }

    /// Removes everything written.
    pub fn abort(mut self) -> Result<(), StoreError> {
        self.done = true;
        self.store.remove_recording(&self.recording.id)
    }

    fn usable(&self) -> Result<(), StoreError> {
        if self.open {
            Ok(())
        } else {
            Err(StoreError::Refused(
                "the recording failed before: start it again from the beginning".to_owned(),
            ))
        }
    }

    fn stream_slot(&mut self, symbol: &str, kind: StreamKind) -> Result<usize, StoreError> {
        let code = kind_code(kind);
        if let Some(slot) = self.index.get(symbol).and_then(|state| state.streams[usize::from(code)]) {
            return Ok(slot);
        }
        check_name(symbol)?;
        if self.streams.len() >= RECORDING_STREAMS {
            return Err(StoreError::Refused(format!(
                "a recording holds at most {RECORDING_STREAMS} streams (symbol and kind): split the import"
            )));
        }
        let slot = self.streams.len();
        self.streams.push(StreamWriter {
            rows: Rows::new(kind),
            segment: Vec::new(),
            segment_first: 0,
            encoded: 0,
            info: RecordedStreamV1::empty(code),
            last: None,
            distances: BarDistances::default(),
        });
        let state = self.index.entry(symbol.to_owned()).or_insert_with(|| SymbolState {
            name: symbol.to_owned(),
            grids: Grids::default(),
            streams: [None; 8],
        });
        state.streams[usize::from(code)] = Some(slot);
        Ok(slot)
    }

    /// Encodes a stream's pending rows into blocks of its current segment.
    fn close_block(&mut self, symbol: &str, slot: usize) -> Result<(), StoreError> {
        let stream = &mut self.streams[slot];
        if stream.rows.is_empty() {
            return Ok(());
        }
        let refused = self.encode_rows(symbol, slot);
        if refused.is_err() {
            self.open = false;
        }
        refused?;
        self.streams[slot].rows.clear();
        Ok(())
    }

    fn encode_rows(&mut self, symbol: &str, slot: usize) -> Result<(), StoreError> {
        let mut todo = Vec::new();
        todo.push(0..self.streams[slot].rows.len());
        while let Some(range) = todo.pop() {
            let stream = &mut self.streams[slot];
            let first_seq = stream.encoded;
            self.block.clear();
            match self.encoder.encode(
                &stream.rows,
                range.clone(),
                first_seq + range.start as u64,
                &mut self.block,
            ) {
                Ok(header) => {
                    let state = self
                        .index
                        .get_mut(symbol)
                        .expect("a stream's symbol is in the index since the stream exists");
                    see_numbers(state, &header, self.encoder.largest())?;
                    stream.info.has_receive_times &= header.has_receive_times;
                    stream.info.bytes += self.block.len() as u64;
                    self.put_block(symbol, slot, header.first_seq);
                }
                Err(_) if range.len() > 1 => todo.extend(halves(range)),
                Err(error) => return Err(StoreError::Refused(format!("{symbol}: {error}"))),
            }
        }
        let stream = &mut self.streams[slot];
        stream.encoded += stream.rows.len() as u64;
        Ok(())
    }

    fn put_block(&mut self, symbol: &str, slot: usize, first_seq: u64) {
        if self.streams[slot].segment.len() + self.block.len() > STORE_SEGMENT_BYTES {
            self.close_segment(symbol, slot);
        }
        let stream = &mut self.streams[slot];
        if stream.segment.is_empty() {
            stream.segment_first = first_seq;
        }
        stream.segment.extend_from_slice(&self.block);
    }

    fn close_segment(&mut self, symbol: &str, slot: usize) {
        let stream = &mut self.streams[slot];
        if stream.segment.is_empty() {
            return;
        }
        self.ready_bytes += stream.segment.len();
        let bytes = stream.segment.clone();
        stream.segment.clear();
        self.ready.push(Segment {
            symbol: symbol.to_owned(),
            stream: stream.info.stream,
            first_seq: stream.segment_first,
            bytes,
        });
    }

    fn close_all(&mut self) -> Result<(), StoreError> {
        let slots: Vec<(String, usize)> = self
            .index
            .values()
            .flat_map(|state| state.streams.iter().flatten().map(|slot| (state.name.clone(), *slot)))
            .collect();
        for (symbol, slot) in slots {
            self.close_block(&symbol, slot)?;
            self.close_segment(&symbol, slot);
        }
        Ok(())
    }

    /// Commits ready segments, the record, facts and gaps together.
    fn write(&mut self, gaps: &[(String, RecordedGap)]) -> Result<(), StoreError> {
        self.recording.symbols =
            self.index.values().map(|state| recorded_symbol(state, &self.streams)).collect();
        let (ready, recording, facts) = (&self.ready, &self.recording, &self.facts);
        let written = self.store.write_alone(|txn| {
            put(txn, recording)?;
            put_facts(txn, &recording.id, facts)?;
            let mut blocks = BLOCKS.write(txn, WRITING)?;
            for segment in ready {
                let key = (recording.id.as_str(), segment.symbol.as_str(), segment.stream, segment.first_seq);
                blocks.insert(key, segment.bytes.as_slice()).map_err(during(WRITING))?;
            }
            put_gaps(txn, &recording.id, gaps)
        });
        if written.is_err() {
            self.open = false;
        }
        self.ready.clear();
        self.ready_bytes = 0;
        written
    }
}

/// Removes an unfinished import.
impl Drop for RecordingWriter<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.store.remove_or_remember(&self.recording.id);
        }
    }
}

fn put_gaps(txn: &WriteTransaction, id: &str, gaps: &[(String, RecordedGap)]) -> Result<(), StoreError> {
    let mut table = GAPS.write(txn, WRITING)?;
    for (number, (symbol, gap)) in gaps.iter().enumerate() {
        let bytes = encode(&GapV1::new(symbol, gap))?;
        table.insert((id, number as u64), bytes.as_slice()).map_err(during(WRITING))?;
    }
    Ok(())
}

fn recorded_symbol(state: &SymbolState, streams: &[StreamWriter]) -> RecordedSymbolV1 {
    RecordedSymbolV1 {
        name: state.name.clone(),
        price_scale: state.grids.prices.scale,
        quantity_scale: state.grids.quantities.scale,
        streams: state.streams.iter().flatten().map(|slot| streams[*slot].info.clone()).collect(),
    }
}

fn check_order(
    stream: &StreamWriter,
    symbol: &str,
    kind: StreamKind,
    rows: &[Record],
) -> Result<(), StoreError> {
    let mut last = stream.last.unwrap_or(Timestamp::MIN);
    for (index, record) in rows.iter().enumerate() {
        if record.exchange_at < last {
            return Err(StoreError::Refused(format!(
                "{symbol} {}: row {} of this batch goes back in time, from {last} to {}",
                kind.as_str(),
                index + 1,
                record.exchange_at
            )));
        }
        if record.body.stream() != kind {
            return Err(StoreError::Refused(format!(
                "{symbol} {}: row {} of this batch is of another kind",
                kind.as_str(),
                index + 1
            )));
        }
        last = record.exchange_at;
    }
    Ok(())
}

fn see_distances(stream: &mut StreamWriter, rows: &[Record]) {
    let mut last = stream.last;
    for record in rows {
        if let Some(last) = last {
            stream.distances.add(record.exchange_at - last);
        }
        last = Some(record.exchange_at);
    }
    stream.info.spacing_ns = stream.distances.most_frequent().map_or(0, Span::nanos);
}

/// Adds the numbers of a block to the symbol's grids. Funding rates and quote volumes have no step.
fn see_numbers(state: &mut SymbolState, header: &BlockHeader, largest: [u64; 3]) -> Result<(), StoreError> {
    if header.kind == StreamKind::Funding {
        return Ok(());
    }
    let (price, quantity) = (ScaleClass::Price as usize, ScaleClass::Quantity as usize);
    state.grids.prices.see(header.scales[price], largest[price]);
    state.grids.quantities.see(header.scales[quantity], largest[quantity]);
    state.grids.check(&state.name)
}
