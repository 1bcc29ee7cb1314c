//! How much an open recording holds in memory and in its journal, and how much of that it has used.

use crate::limits::{
    JOURNAL_BYTES, JOURNAL_CHUNKS, RECORDING_PENDING_ROWS, RECORDING_SEALED_AT_ONCE,
    RECORDING_UNCOMMITTED_ROWS,
};
use std::collections::VecDeque;

/// How much an open recording holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// As [`RECORDING_UNCOMMITTED_ROWS`].
    pub uncommitted_rows: usize,
    /// As [`RECORDING_PENDING_ROWS`].
    pub pending_rows: usize,
    /// As [`JOURNAL_BYTES`].
    pub journal_bytes: usize,
    /// As [`JOURNAL_CHUNKS`].
    pub journal_chunks: usize,
    /// As [`RECORDING_SEALED_AT_ONCE`].
    pub sealed_at_once: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            uncommitted_rows: RECORDING_UNCOMMITTED_ROWS,
            pending_rows: RECORDING_PENDING_ROWS,
            journal_bytes: JOURNAL_BYTES,
            journal_chunks: JOURNAL_CHUNKS,
            sealed_at_once: RECORDING_SEALED_AT_ONCE,
        }
    }
}

/// Chunks on disk.
#[derive(Default)]
pub struct JournalChunks {
    /// Number of the first.
    pub first: u64,
    /// Their bytes, in order.
    pub chunks: VecDeque<usize>,
    /// All of these.
    pub bytes: usize,
}

impl JournalChunks {
    /// Number of the chunk that comes next.
    pub fn next(&self) -> u64 {
        self.first + self.chunks.len() as u64
    }

    /// Adds the chunk that comes next.
    pub fn push(&mut self, bytes: usize) {
        self.chunks.push_back(bytes);
        self.bytes += bytes;
    }

    /// Forgets chunks before a number and says from which on.
    pub fn drop_before(&mut self, number: u64) -> u64 {
        let from = self.first;
        while self.first < number {
            let Some(bytes) = self.chunks.pop_front() else { break };
            self.bytes -= bytes;
            self.first += 1;
        }
        from
    }

    /// Whether more than so many quarters of it are full.
    pub fn is_over(&self, quarters: usize, bounds: &Bounds) -> bool {
        self.bytes > bounds.journal_bytes / 4 * quarters
            || self.chunks.len() > bounds.journal_chunks / 4 * quarters
    }
}
