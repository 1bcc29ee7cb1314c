//! One stream of a live recording: rows that wait, blocks made of them, and where those go.
//!
//! Only the last block of a stream may be short, and it is made anew with the rows that follow it: however often a stream
//! is sealed, its blocks end up full.

use super::super::super::blocks::{Block, BlockDecoder, BlockEncoder, Rows, kind_code};
use super::super::super::tables::BLOCKS;
use super::super::super::{Store, StoreError};
use crate::domain::record::{Record, StreamKind};
use crate::domain::time::Timestamp;
use crate::limits::{BLOCK_ROWS, STORE_SEGMENT_BYTES};
use crate::store::records::RecordedStreamV1;
use std::ops::Range;

/// A stream.
pub struct Stream {
    /// Place of its symbol in the recording.
    pub symbol: usize,
    /// Rows that are in no block yet.
    pub rows: Rows,
    /// How many of them are in chunks on disk.
    pub journaled: usize,
    /// The chunk that holds the first of these.
    pub chunk: Option<u64>,
    /// It is listed as having something to commit.
    pub is_touched: bool,
    /// Receive time that the next row must not lie before.
    pub last_received: Timestamp,
    /// What its blocks hold, those in `made` too.
    pub info: RecordedStreamV1,
    /// All rows that are on disk, in blocks or in the journal.
    pub on_disk: RecordedStreamV1,
    /// First and last exchange time of all rows.
    span_ns: (i64, i64),
    last_exchange: Option<Timestamp>,
    /// The last block on disk.
    tail: Tail,
    /// Blocks that are not on disk yet.
    made: Vec<Made>,
    /// The first of them takes the place of the last block on disk.
    replaces_tail: bool,
}

/// The last block of a stream on disk, in its segment.
#[derive(Clone, Copy, Default)]
struct Tail {
    segment_first: u64,
    /// Bytes of the segment before it.
    before: usize,
    bytes: usize,
    rows: usize,
}

struct Made {
    first_seq: u64,
    rows: usize,
    bytes: Vec<u8>,
}

/// What one commit does to one segment: some of what is there stays, more comes behind it.
pub struct SegmentWrite {
    /// Row that the segment begins with.
    pub first_seq: u64,
    /// Bytes of it that stay.
    pub kept: usize,
    /// Bytes behind them.
    pub bytes: Vec<u8>,
}

impl Stream {
    /// Without rows.
    pub fn new(symbol: usize, kind: StreamKind, last_received: Timestamp) -> Self {
        let stream = kind_code(kind);
        let info = RecordedStreamV1 {
            stream,
            rows: 0,
            first_ns: 0,
            last_ns: 0,
            bytes: 0,
            has_receive_times: true,
            spacing_ns: 0,
        };
        Stream {
            symbol,
            rows: Rows::new(kind),
            journaled: 0,
            chunk: None,
            is_touched: false,
            last_received,
            on_disk: info.clone(),
            info,
            span_ns: (i64::MAX, i64::MIN),
            last_exchange: None,
            tail: Tail::default(),
            made: Vec::new(),
            replaces_tail: false,
        }
    }

    /// Number of the row that comes next.
    pub fn next_seq(&self) -> u64 {
        self.info.rows + self.rows.len() as u64
    }

    /// Whether the rows that wait fill a block.
    pub fn is_full(&self) -> bool {
        let behind = if self.made.is_empty() { self.tail.rows % BLOCK_ROWS } else { 0 };
        behind + self.rows.len() >= BLOCK_ROWS
    }

    /// Appends a row of the stream's kind.
    pub fn add(&mut self, record: &Record) -> Result<(), StoreError> {
        self.rows.push(record).map_err(|error| StoreError::Refused(error.to_string()))?;
        let at_ns = record.exchange_at.nanos();
        self.span_ns = (self.span_ns.0.min(at_ns), self.span_ns.1.max(at_ns));
        if self.rows.kind() == StreamKind::Bars {
            let step = self.last_exchange.map_or(0, |last| (record.exchange_at - last).nanos());
            if step > 0 && (self.info.spacing_ns == 0 || step < self.info.spacing_ns) {
                self.info.spacing_ns = step;
            }
            self.last_exchange = Some(record.exchange_at);
        }
        Ok(())
    }

    /// Turns the rows that wait into blocks, with those of a short last block. `place` is (recording, symbol).
    pub fn seal(
        &mut self,
        store: &Store,
        place: (&str, &str),
        encoder: &mut BlockEncoder,
    ) -> Result<(), StoreError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let kind = self.rows.kind();
        let new = std::mem::replace(&mut self.rows, Rows::new(kind));
        (self.journaled, self.chunk) = (0, None);
        let info = self.with_rows(&new);
        let mut clock = if self.info.rows == 0 { i64::MIN } else { self.info.last_ns };
        let mut first_seq = self.info.rows;
        let mut rows = new;
        let count = rows.len();
        if self.made.is_empty() && self.tail.rows > 0 && self.tail.rows + count <= BLOCK_ROWS {
            let (mut all, tail_clock) = self.read_tail(store, place)?;
            all.append(&rows);
            (rows, clock) = (all, tail_clock);
            first_seq -= self.tail.rows as u64;
            self.info.bytes -= self.tail.bytes as u64;
            self.replaces_tail = true;
        }
        self.encode(&rows, first_seq, clock, place.1, encoder)?;
        self.info = RecordedStreamV1 { bytes: self.info.bytes, ..info };
        Ok(())
    }

    /// Takes down that all of its rows are on disk.
    pub fn is_on_disk(&mut self) {
        let (first_ns, last_ns) = self.span_ns;
        self.on_disk = RecordedStreamV1 { rows: self.next_seq(), first_ns, last_ns, ..self.info.clone() };
    }

    fn with_rows(&self, rows: &Rows) -> RecordedStreamV1 {
        let mut info = self.info.clone();
        let (low, high) =
            rows.exchange.iter().fold((i64::MAX, i64::MIN), |(low, high), at| (low.min(*at), high.max(*at)));
        if !rows.is_empty() {
            info.first_ns = if info.rows == 0 { low } else { info.first_ns.min(low) };
            info.last_ns = if info.rows == 0 { high } else { info.last_ns.max(high) };
        }
        info.rows += rows.len() as u64;
        info
    }

    fn encode(
        &mut self,
        rows: &Rows,
        first_seq: u64,
        mut clock: i64,
        symbol: &str,
        encoder: &mut BlockEncoder,
    ) -> Result<(), StoreError> {
        let mut todo = Vec::new();
        todo.push(0..rows.len());
        while let Some(range) = todo.pop() {
            let (seq, mut bytes) = (first_seq + range.start as u64, Vec::new());
            match encoder.encode_behind(Timestamp::from_nanos(clock), rows, range.clone(), seq, &mut bytes) {
                Ok(header) => {
                    clock = header.last_at.nanos();
                    self.info.bytes += bytes.len() as u64;
                    self.made.push(Made { first_seq: seq, rows: range.len(), bytes });
                }
                Err(_) if range.len() > 1 => todo.extend(halves(range)),
                Err(error) => return Err(StoreError::Refused(format!("{symbol}: {error}"))),
            }
        }
        Ok(())
    }

    /// Rows of the last block on disk, and the stream's exchange clock before it.
    fn read_tail(&self, store: &Store, (recording, symbol): (&str, &str)) -> Result<(Rows, i64), StoreError> {
        let place = || {
            format!(
                "recording `{recording}`, {symbol} {}, block before row {}",
                self.rows.kind().as_str(),
                self.info.rows
            )
        };
        let segment = store.table(BLOCKS)?.checked().get((
            recording,
            symbol,
            self.info.stream,
            self.tail.segment_first,
        ))?;
        let segment = segment.ok_or_else(|| StoreError::damaged(place(), "it is missing"))?;
        let bytes = segment.get(self.tail.before..).unwrap_or_default();
        let (block, _) = Block::split(bytes).map_err(|error| StoreError::damaged(place(), error))?;
        let mut rows = Rows::new(self.rows.kind());
        BlockDecoder::new().rows(&block, &mut rows).map_err(|error| StoreError::damaged(place(), error))?;
        // A clock that is ahead of the first row is the one before it; any other makes no difference.
        let first_at = block.header.first_at.nanos();
        let clock =
            if rows.exchange.first().is_some_and(|first| *first < first_at) { first_at } else { i64::MIN };
        Ok((rows, clock))
    }

    /// Whether there are blocks to write.
    pub fn has_blocks(&self) -> bool {
        !self.made.is_empty()
    }

    /// Hands the blocks over as what is to be written; from now on they count as on disk.
    pub fn take_writes(&mut self, writes: &mut Vec<SegmentWrite>) {
        let tail = self.tail;
        let replaces = std::mem::take(&mut self.replaces_tail);
        let kept = if replaces { tail.before } else { tail.before + tail.bytes };
        let mut write = SegmentWrite { first_seq: tail.segment_first, kept, bytes: Vec::new() };
        // A segment that lost its last block is written even when nothing comes behind.
        let mut is_changed = replaces;
        for made in self.made.drain(..) {
            let length = write.kept + write.bytes.len();
            if length > 0 && length + made.bytes.len() > STORE_SEGMENT_BYTES {
                let next = SegmentWrite { first_seq: made.first_seq, kept: 0, bytes: Vec::new() };
                let full = std::mem::replace(&mut write, next);
                writes.extend(is_changed.then_some(full));
            }
            let before = write.kept + write.bytes.len();
            if before == 0 {
                write.first_seq = made.first_seq;
            }
            self.tail =
                Tail { segment_first: write.first_seq, before, bytes: made.bytes.len(), rows: made.rows };
            write.bytes.extend_from_slice(&made.bytes);
            is_changed = true;
        }
        writes.extend(is_changed.then_some(write));
    }

    /// Finds the last block on disk of a stream whose `info` was read from there.
    pub fn find_tail(&mut self, store: &Store, (recording, symbol): (&str, &str)) -> Result<(), StoreError> {
        let place = || format!("recording `{recording}`, {symbol}, the last of {} rows", self.info.rows);
        self.span_ns = (self.info.first_ns, self.info.last_ns);
        let (from, to) =
            ((recording, symbol, self.info.stream, 0), (recording, symbol, self.info.stream, u64::MAX));
        let Some((segment_first, segment)) = store.table(BLOCKS)?.checked().last(from, to, |key| key.3)?
        else {
            return if self.info.rows == 0 {
                Ok(())
            } else {
                Err(StoreError::damaged(place(), "it is missing"))
            };
        };
        let mut rest = segment.as_slice();
        let mut next_seq = segment_first;
        let length = rest.len();
        while !rest.is_empty() {
            let before = length - rest.len();
            let (block, behind) = Block::split(rest).map_err(|error| StoreError::damaged(place(), error))?;
            self.tail =
                Tail { segment_first, before, bytes: block.header.block_bytes(), rows: block.header.rows };
            next_seq += block.header.rows as u64;
            rest = behind;
        }
        if next_seq == self.info.rows {
            Ok(())
        } else {
            Err(StoreError::damaged(place(), format!("its blocks end at row {next_seq}")))
        }
    }
}

/// The later half first: the earlier one is popped first.
pub fn halves(range: Range<usize>) -> [Range<usize>; 2] {
    let middle = range.start + range.len() / 2;
    [middle..range.end, range.start..middle]
}
