//! One stream of an open recording: its rows that are in blocks, and where those are.
//!
//! Only the last block of a stream may be short, and it is made anew with the rows that follow it: however
//! often a stream is sealed, its blocks end up full.

use super::super::super::blocks::{Block, BlockDecoder, BlockEncoder, Rows};
use super::super::super::tables::BLOCKS;
use super::super::super::{Store, StoreError};
use crate::domain::record::StreamKind;
use crate::domain::time::Timestamp;
use crate::limits::{BLOCK_ROWS, STORE_SEGMENT_BYTES};
use crate::store::records::RecordedStreamV1;
use std::ops::Range;

/// Blocks of a stream.
pub struct StreamBlocks {
    /// What they hold.
    pub info: RecordedStreamV1,
    /// The last of them.
    tail: Tail,
}

/// The last block of a stream, in its segment.
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

impl StreamBlocks {
    /// None yet; `info` counts no rows.
    pub fn new(info: RecordedStreamV1) -> Self {
        StreamBlocks { info, tail: Tail::default() }
    }

    /// Rows of the last block.
    pub fn tail_rows(&self) -> usize {
        self.tail.rows
    }

    /// Turns rows that follow into blocks, with those of a short last block, and gives what is to be written;
    /// from now on they count as on disk. `of` is (recording, symbol).
    ///
    /// # Errors
    /// The last block cannot be read, or a row fits no block.
    pub fn seal(
        &mut self,
        store: &Store,
        of: (&str, &str),
        rows: Rows,
        spacing_ns: i64,
        encoder: &mut BlockEncoder,
    ) -> Result<Vec<SegmentWrite>, StoreError> {
        let info = RecordedStreamV1 { spacing_ns, ..self.with_rows(&rows) };
        let is_short = self.tail.rows % BLOCK_ROWS > 0;
        let made = if is_short {
            let (mut all, clock) = self.read_tail(store, of, rows.kind())?;
            all.append(&rows);
            self.info.bytes -= self.tail.bytes as u64;
            encode(&all, self.info.rows - self.tail.rows as u64, clock, of.1, encoder)?
        } else {
            let clock = if self.info.rows == 0 { i64::MIN } else { self.info.last_ns };
            encode(&rows, self.info.rows, clock, of.1, encoder)?
        };
        let bytes = self.info.bytes + made.iter().map(|made| made.bytes.len() as u64).sum::<u64>();
        self.info = RecordedStreamV1 { bytes, ..info };
        Ok(self.append_blocks(made, is_short))
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

    /// Puts blocks behind the last one, or in its place, into segments.
    fn append_blocks(&mut self, blocks: Vec<Made>, replaces_tail: bool) -> Vec<SegmentWrite> {
        let tail = self.tail;
        let mut writes = Vec::new();
        let kept = if replaces_tail { tail.before } else { tail.before + tail.bytes };
        let mut write = SegmentWrite { first_seq: tail.segment_first, kept, bytes: Vec::new() };
        // A segment that lost its last block is written even when nothing comes behind.
        let mut is_changed = replaces_tail;
        for made in blocks {
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
        writes
    }

    /// Rows of the last block on disk, and the stream's exchange clock before it.
    fn read_tail(
        &self,
        store: &Store,
        (recording, symbol): (&str, &str),
        kind: StreamKind,
    ) -> Result<(Rows, i64), StoreError> {
        let location = || {
            let word = kind.as_str();
            format!("recording `{recording}`, {symbol} {word}, block before row {}", self.info.rows)
        };
        let segment = store.table(BLOCKS)?.checked().get((
            recording,
            symbol,
            self.info.stream,
            self.tail.segment_first,
        ))?;
        let segment = segment.ok_or_else(|| StoreError::damaged(location(), "it is missing"))?;
        let bytes = segment.get(self.tail.before..).unwrap_or_default();
        let (block, _) = Block::split(bytes).map_err(|error| StoreError::damaged(location(), error))?;
        let mut rows = Rows::new(kind);
        BlockDecoder::new()
            .rows(&block, &mut rows)
            .map_err(|error| StoreError::damaged(location(), error))?;
        // A clock that is ahead of the first row is the one before it; any other makes no difference.
        let first_at = block.header.first_at.nanos();
        let clock =
            if rows.exchange.first().is_some_and(|first| *first < first_at) { first_at } else { i64::MIN };
        Ok((rows, clock))
    }

    /// Finds the last block on disk of a stream whose `info` was read from there.
    pub fn find_tail(&mut self, store: &Store, (recording, symbol): (&str, &str)) -> Result<(), StoreError> {
        let location = || format!("recording `{recording}`, {symbol}, the last of {} rows", self.info.rows);
        let (from, to) =
            ((recording, symbol, self.info.stream, 0), (recording, symbol, self.info.stream, u64::MAX));
        let Some((segment_first, segment)) = store.table(BLOCKS)?.checked().last(from, to, |key| key.3)?
        else {
            return if self.info.rows == 0 {
                Ok(())
            } else {
                Err(StoreError::damaged(location(), "it is missing"))
            };
        };
        let mut rest = segment.as_slice();
        let mut next_seq = segment_first;
        let length = rest.len();
        while !rest.is_empty() {
            let before = length - rest.len();
            let (block, behind) =
                Block::split(rest).map_err(|error| StoreError::damaged(location(), error))?;
            self.tail =
                Tail { segment_first, before, bytes: block.header.block_bytes(), rows: block.header.rows };
            next_seq += block.header.rows as u64;
            rest = behind;
        }
        if next_seq == self.info.rows {
            Ok(())
        } else {
            Err(StoreError::damaged(location(), format!("its blocks end at row {next_seq}")))
        }
    }
}

/// Rows as blocks: full ones, then a short one; smaller where values are too large for one. `clock` is the
/// stream's exchange clock before them.
fn encode(
    rows: &Rows,
    first_seq: u64,
    mut clock: i64,
    symbol: &str,
    encoder: &mut BlockEncoder,
) -> Result<Vec<Made>, StoreError> {
    let mut made = Vec::new();
    let starts = (0..rows.len()).step_by(BLOCK_ROWS);
    let mut todo: Vec<Range<usize>> =
        starts.rev().map(|start| start..rows.len().min(start + BLOCK_ROWS)).collect();
    while let Some(range) = todo.pop() {
        let (seq, mut bytes) = (first_seq + range.start as u64, Vec::new());
        match encoder.encode_behind(Timestamp::from_nanos(clock), rows, range.clone(), seq, &mut bytes) {
            Ok(header) => {
                clock = header.last_at.nanos();
                made.push(Made { first_seq: seq, rows: range.len(), bytes });
            }
            Err(_) if range.len() > 1 => todo.extend(halves(range)),
            Err(error) => return Err(StoreError::Refused(format!("{symbol}: {error}"))),
        }
    }
    Ok(made)
}

/// The later half first: the earlier one is popped first.
pub fn halves(range: Range<usize>) -> [Range<usize>; 2] {
    let middle = range.start + range.len() / 2;
    [middle..range.end, range.start..middle]
}
