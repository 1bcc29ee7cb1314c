//! Reads the blocks and rows of one stream in order. Holds no transaction between segments, so a long replay
//! pins no pages.

use super::super::blocks::{Block, BlockDecoder, BlockHeader, Rows, kind_code};
use super::super::tables::BLOCKS;
use super::super::{Store, StoreError};
use super::no_symbol;
use crate::domain::record::{Record, StreamKind};

/// Reads the blocks of one stream.
pub struct BlockReader<'a> {
    store: &'a Store,
    recording: String,
    symbol: String,
    kind: StreamKind,
    /// Number of rows to read, and of those that are skipped before them.
    rows: u64,
    skipped: u64,
    /// Sequence number of the next block's first row.
    next_seq: u64,
    segment: Vec<u8>,
    at: usize,
}

impl<'a> BlockReader<'a> {
    /// A reader positioned at the first block.
    pub fn new(store: &'a Store, recording: &str, symbol: &str, kind: StreamKind, rows: u64) -> Self {
        BlockReader {
            store,
            recording: recording.to_owned(),
            symbol: symbol.to_owned(),
            kind,
            rows,
            skipped: 0,
            next_seq: 0,
            segment: Vec::new(),
            at: 0,
        }
    }

    /// Rows of the stream that are not skipped.
    pub fn rows(&self) -> u64 {
        self.rows - self.skipped
    }

    /// The current position, for messages.
    pub fn location(&self) -> String {
        format!(
            "recording `{}`, {} {}, block at row {}",
            self.recording,
            self.symbol,
            self.kind.as_str(),
            self.next_seq
        )
    }

    /// The next block, its checksum verified; `None` after the last.
    pub fn next(&mut self) -> Result<Option<Block<'_>>, StoreError> {
        // An open recording may have more rows, added after this reader was made.
        if self.next_seq >= self.rows {
            return Ok(None);
        }
        if self.at >= self.segment.len() {
            self.load()?;
        }
        let location = self.location();
        let block = Block::split(&self.segment[self.at..])
            .map_err(|error| StoreError::damaged(location.as_str(), error))?
            .0;
        if block.header.kind != self.kind || block.header.first_seq != self.next_seq {
            return Err(StoreError::damaged(
                location,
                format!(
                    "a block of {} at row {} is in its place",
                    block.header.kind.as_str(),
                    block.header.first_seq
                ),
            ));
        }
        self.at += block.header.block_bytes();
        self.next_seq += block.header.rows as u64;
        Ok(Some(block))
    }

    /// Skips segments, by binary search, without missing a row at or after `before_ns` (exchange time).
    pub fn seek(&mut self, before_ns: i64) -> Result<(), StoreError> {
        let (mut low, mut high) = (0_u64, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            let Some((first_seq, header)) = self.segment_header(middle)? else { break };
            if header.first_at.nanos() < before_ns {
                self.next_seq = first_seq;
                low = middle + 1;
            } else {
                high = first_seq;
            }
        }
        self.segment.clear();
        self.at = 0;
        Ok(())
    }

    /// As [`BlockReader::seek`], by receive time, which must not decrease in the stream. The rows that are
    /// skipped count no more.
    pub fn seek_received(&mut self, before_ns: i64) -> Result<(), StoreError> {
        let (mut low, mut high) = (0_u64, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            let Some((first_seq, _)) = self.segment_header(middle)? else { break };
            if first_seq == self.skipped || self.first_received(first_seq)? < before_ns {
                (low, self.skipped) = (middle + 1, first_seq);
            } else {
                high = first_seq;
            }
        }
        self.go_to(self.skipped)
    }

    /// Receive time of the row with which a segment begins.
    fn first_received(&mut self, first_seq: u64) -> Result<i64, StoreError> {
        self.go_to(first_seq)?;
        let location = self.location();
        let mut rows = Rows::new(self.kind);
        if let Some(block) = self.next()? {
            BlockDecoder::new()
                .rows(&block, &mut rows)
                .map_err(|error| StoreError::damaged(location, error))?;
        }
        Ok(rows.received.values.first().copied().unwrap_or(i64::MAX))
    }

    /// Goes to the start of the segment that contains a row.
    pub fn go_to(&mut self, row: u64) -> Result<(), StoreError> {
        let found = if row < self.rows { self.segment_header(row)? } else { None };
        self.next_seq = found.map_or(self.rows, |(first_seq, _)| first_seq);
        self.segment.clear();
        self.at = 0;
        Ok(())
    }

    /// First row and first block header of the segment that contains a row.
    fn segment_header(&self, row: u64) -> Result<Option<(u64, BlockHeader)>, StoreError> {
        let code = kind_code(self.kind);
        let key = |seq: u64| (self.recording.as_str(), self.symbol.as_str(), code, seq);
        let found = self.store.table(BLOCKS)?.checked().last(key(0), key(row), |key| key.3)?;
        let Some((first_seq, bytes)) = found else { return Ok(None) };
        let header =
            BlockHeader::read(&bytes).map_err(|error| StoreError::damaged(self.location(), error))?;
        Ok(Some((first_seq, header)))
    }

    fn load(&mut self) -> Result<(), StoreError> {
        let key = (self.recording.as_str(), self.symbol.as_str(), kind_code(self.kind), self.next_seq);
        let bytes = self.store.table(BLOCKS)?.checked().get(key)?;
        let missing = || {
            StoreError::damaged(
                self.location(),
                "it is missing (or the recording was removed while it was read)",
            )
        };
        self.segment = bytes.ok_or_else(missing)?;
        self.at = 0;
        if self.segment.is_empty() {
            Err(StoreError::damaged(self.location(), "it is empty"))
        } else {
            Ok(())
        }
    }
}

/// The rows of one stream as recorded. Ends after the first error.
pub struct RowsIter<'a> {
    blocks: BlockReader<'a>,
    decoder: BlockDecoder,
    rows: Rows,
    next: usize,
    failed: bool,
}

impl Store {
    /// The rows of one symbol's stream, in order.
    pub fn rows(&self, recording: &str, symbol: &str, kind: StreamKind) -> Result<RowsIter<'_>, StoreError> {
        let recorded = self.recording(recording)?;
        let stream = recorded.symbol(symbol).ok_or_else(|| no_symbol(&recorded, symbol))?.stream(kind);
        let rows = stream.map_or(0, |stream| stream.rows);
        Ok(RowsIter {
            blocks: BlockReader::new(self, recording, symbol, kind, rows),
            decoder: BlockDecoder::new(),
            rows: Rows::new(kind),
            next: 0,
            failed: false,
        })
    }
}

impl RowsIter<'_> {
    /// Goes on at a row, counted from 0, without reading those before it.
    ///
    /// # Errors
    /// A damaged store.
    pub fn go_to(&mut self, row: u64) -> Result<(), StoreError> {
        self.rows.clear();
        self.next = 0;
        self.blocks.go_to(row)?;
        while self.blocks.next_seq < row {
            let location = self.blocks.location();
            let first = self.blocks.next_seq;
            let Some(block) = self.blocks.next()? else { return Ok(()) };
            let end = first + block.header.rows as u64;
            if end > row {
                self.decoder
                    .rows(&block, &mut self.rows)
                    .map_err(|error| StoreError::damaged(location, error))?;
                self.next = usize::try_from(row - first).unwrap_or(usize::MAX);
            }
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<Record>, StoreError> {
        if self.next >= self.rows.len() {
            let location = self.blocks.location();
            let Some(block) = self.blocks.next()? else { return Ok(None) };
            self.decoder
                .rows(&block, &mut self.rows)
                .map_err(|error| StoreError::damaged(location, error))?;
            self.next = 0;
        }
        let row = self.next;
        self.next += 1;
        self.rows
            .record(row)
            .map(Some)
            .ok_or_else(|| StoreError::damaged(self.blocks.location(), "a row has impossible values"))
    }
}

impl Iterator for RowsIter<'_> {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.advance().transpose();
        self.failed = matches!(row, Some(Err(_)));
        row
    }
}
