//! Rows of a file that are read together, each with its line.

use crate::domain::record::Record;
use crate::limits::BLOCK_ROWS;

/// Consecutive rows of one file.
pub struct RecordBatch {
    pub(super) limit: usize,
    /// The rows whose line does not follow the line of the row before, with their lines.
    jumps: Vec<(usize, u64)>,
    next_line: u64,
    pub(super) rows: Vec<(u32, Record)>,
}

impl Default for RecordBatch {
    fn default() -> Self {
        RecordBatch::new(BLOCK_ROWS)
    }
}

impl RecordBatch {
    /// A batch of at most `limit` rows.
    pub fn new(limit: usize) -> Self {
        RecordBatch { limit, jumps: Vec::new(), next_line: 0, rows: Vec::with_capacity(limit) }
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.jumps.clear();
        self.next_line = 0;
    }

    #[inline]
    pub(super) fn push(&mut self, line: u64, row: (u32, Record)) {
        if line != self.next_line {
            self.jumps.push((self.rows.len(), line));
        }
        self.next_line = line + 1;
        self.rows.push(row);
    }

    /// The rows, each with its symbol's index in the file.
    pub fn rows(&self) -> &[(u32, Record)] {
        &self.rows
    }

    /// The line number of a row.
    pub fn line(&self, row: usize) -> u64 {
        let before = self.jumps.partition_point(|(from, _)| *from <= row);
        match before.checked_sub(1).map(|last| self.jumps[last]) {
            Some((from, line)) => line + (row - from) as u64,
            None => row as u64,
        }
    }
}
