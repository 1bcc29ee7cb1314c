//! One stream of an open recording: its rows that are in no block yet.

use super::super::super::StoreError;
use super::super::super::blocks::{Rows, kind_code};
use crate::domain::record::{Record, StreamKind};
use crate::domain::time::Timestamp;
use crate::limits::BLOCK_ROWS;
use crate::store::records::RecordedStreamV1;

/// Rows of a stream that wait for a block.
pub struct WaitingStream {
    /// Index of its symbol in the recording.
    pub symbol: usize,
    /// Rows that are in no block yet.
    pub rows: Rows,
    /// Number of the first of these in the stream.
    pub first_seq: u64,
    /// How many of them are in chunks.
    pub journaled: usize,
    /// The chunk that holds the first of these.
    pub chunk: Option<u64>,
    /// It is listed as having something to commit.
    pub is_touched: bool,
    /// Receive time that the next row must not lie before.
    pub last_received: Timestamp,
    /// All rows that are on disk, in blocks or in the journal.
    pub on_disk: RecordedStreamV1,
    /// Rows of its last block on disk, when that is short.
    pub behind: usize,
    /// First and last exchange time of all rows.
    span_ns: (i64, i64),
    last_exchange: Option<Timestamp>,
    /// Bars only: the smallest distance of two rows, 0 when unknown.
    spacing_ns: i64,
}

impl WaitingStream {
    /// Without rows.
    pub fn new(symbol: usize, kind: StreamKind, last_received: Timestamp) -> Self {
        WaitingStream {
            symbol,
            rows: Rows::new(kind),
            first_seq: 0,
            journaled: 0,
            chunk: None,
            is_touched: false,
            last_received,
            on_disk: RecordedStreamV1::empty(kind_code(kind)),
            behind: 0,
            span_ns: (i64::MAX, i64::MIN),
            last_exchange: None,
            spacing_ns: 0,
        }
    }

    /// Goes on behind the rows that are in blocks, the last of which holds so many.
    pub fn go_on_behind(&mut self, info: &RecordedStreamV1, tail_rows: usize) {
        self.first_seq = info.rows;
        if info.rows > 0 {
            self.span_ns = (info.first_ns, info.last_ns);
        }
        self.spacing_ns = info.spacing_ns;
        self.behind = tail_rows % BLOCK_ROWS;
        self.on_disk = info.clone();
    }

    /// Number of the row that comes next.
    pub fn next_seq(&self) -> u64 {
        self.first_seq + self.rows.len() as u64
    }

    /// Whether the rows that wait fill a block.
    pub fn is_full(&self) -> bool {
        self.behind + self.rows.len() >= BLOCK_ROWS
    }

    /// Appends a row of the stream's kind.
    pub fn add(&mut self, record: &Record) -> Result<(), StoreError> {
        self.rows.push(record).map_err(|error| StoreError::Refused(error.to_string()))?;
        let at_ns = record.exchange_at.nanos();
        self.span_ns = (self.span_ns.0.min(at_ns), self.span_ns.1.max(at_ns));
        if self.rows.kind() == StreamKind::Bars {
            let step = self.last_exchange.map_or(0, |last| (record.exchange_at - last).nanos());
            if step > 0 && (self.spacing_ns == 0 || step < self.spacing_ns) {
                self.spacing_ns = step;
            }
            self.last_exchange = Some(record.exchange_at);
        }
        Ok(())
    }

    /// Takes rows out that go into blocks: those that fill whole blocks, or all of them. None that stays is
    /// in a chunk, so the journal is not kept for rows that blocks hold.
    pub fn take(&mut self, everything: bool) -> Rows {
        let full = ((self.behind + self.rows.len()) / BLOCK_ROWS * BLOCK_ROWS).saturating_sub(self.behind);
        let count = if everything || full < self.journaled { self.rows.len() } else { full };
        let rest = self.rows.split_off(count);
        (self.journaled, self.chunk) = (0, None);
        self.first_seq += count as u64;
        std::mem::replace(&mut self.rows, rest)
    }

    /// All of its rows as they are counted once they are on disk.
    pub fn reached(&self) -> RecordedStreamV1 {
        let (first_ns, last_ns) = self.span_ns;
        RecordedStreamV1 {
            rows: self.next_seq(),
            first_ns,
            last_ns,
            spacing_ns: self.spacing_ns,
            ..self.on_disk.clone()
        }
    }

    /// What was read back from the disk is on disk.
    pub fn is_on_disk(&mut self) {
        if self.next_seq() > 0 {
            self.on_disk = self.reached();
        }
    }
}
