//! What one commit of an open recording writes, as bytes: it may run more than once and each time does the
//! same.

use super::super::super::StoreError;
use super::super::super::error::during;
use super::super::super::results::EncodedResult;
use super::super::super::sessions::EncodedSession;
use super::super::super::tables::{BLOCKS, GAPS, JOURNAL, RECORDINGS};
use super::super::WRITING;
use super::blocks::SegmentWrite;
use redb::WriteTransaction;
use std::ops::Range;

/// A commit.
#[derive(Default)]
pub struct RecordingWrite {
    /// Id of the recording.
    pub recording: String,
    /// Its record, when counts changed.
    pub row: Option<Vec<u8>>,
    /// Symbol, stream code and what its blocks are written as.
    pub segments: Vec<(String, u8, Vec<SegmentWrite>)>,
    /// Number and bytes of its chunk.
    pub chunk: Option<(u64, Vec<u8>)>,
    /// Chunks that are needed no more.
    pub dropped: Range<u64>,
    /// The whole journal is needed no more.
    pub is_over: bool,
    /// Number of the first gap, and gaps.
    pub gaps: (u64, Vec<Vec<u8>>),
    /// What its session writes with it.
    pub session: Option<EncodedSession>,
    /// How that ended.
    pub result: Option<EncodedResult>,
}

impl RecordingWrite {
    /// Whether nothing but rows and gaps would be written.
    pub fn is_empty(&self) -> bool {
        self.session.is_none() && self.result.is_none()
    }

    /// Writes all of it.
    pub fn write(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let id = self.recording.as_str();
        if let Some(row) = &self.row {
            RECORDINGS.write(txn, WRITING)?.insert(id, row.as_slice()).map_err(during(WRITING))?;
        }
        self.write_segments(txn)?;
        self.write_journal(txn)?;
        if !self.gaps.1.is_empty() {
            let mut table = GAPS.write(txn, WRITING)?;
            for (number, gap) in (self.gaps.0..).zip(&self.gaps.1) {
                table.insert((id, number), gap.as_slice()).map_err(during(WRITING))?;
            }
        }
        self.session.iter().try_for_each(|session| session.write(txn))?;
        self.result.iter().try_for_each(|result| result.write(txn))
    }

    fn write_segments(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        if self.segments.is_empty() {
            return Ok(());
        }
        let id = self.recording.as_str();
        let mut table = BLOCKS.write(txn, WRITING)?;
        for (symbol, stream, writes) in &self.segments {
            for write in writes {
                let key = (id, symbol.as_str(), *stream, write.first_seq);
                let mut bytes = Vec::with_capacity(write.kept + write.bytes.len());
                if write.kept > 0 {
                    let there = BLOCKS.within(&table).get(key)?;
                    let there = there.as_ref().and_then(|there| there.get(..write.kept));
                    let lost = || {
                        StoreError::damaged(
                            format!("recording `{id}`, {symbol}, rows from {}", write.first_seq),
                            "blocks are missing",
                        )
                    };
                    bytes.extend_from_slice(there.ok_or_else(lost)?);
                }
                bytes.extend_from_slice(&write.bytes);
                table.insert(key, bytes.as_slice()).map_err(during(WRITING))?;
            }
        }
        Ok(())
    }

    fn write_journal(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        if self.chunk.is_none() && !self.is_over {
            return Ok(());
        }
        let id = self.recording.as_str();
        let mut table = JOURNAL.write(txn, WRITING)?;
        if let Some((number, bytes)) = &self.chunk {
            table.insert((id, *number), bytes.as_slice()).map_err(during(WRITING))?;
        }
        let dropped = if self.is_over { 0..u64::MAX } else { self.dropped.clone() };
        if !dropped.is_empty() {
            table.retain_in((id, dropped.start)..(id, dropped.end), |_, _| false).map_err(during(WRITING))?;
        }
        Ok(())
    }
}
