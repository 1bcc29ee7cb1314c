//! Consecutive events of a session, and the records that hold them.

use super::records::SessionEventsV1;
use super::{StoreError, encode, pack, unpack};
use crate::limits::SESSION_SEGMENT_BYTES;

const WRITING: &str = "writing a session";

/// Consecutive events of a session on their way into the store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventSegment {
    /// Number of the first one, 1 and up.
    pub first_seq: u64,
    /// JSON objects, each with a newline behind it.
    pub lines: String,
}

impl EventSegment {
    /// As records of at most `SESSION_SEGMENT_BYTES` of text each.
    pub(super) fn encoded(&self) -> Result<Vec<EncodedSegment>, StoreError> {
        let (mut records, mut first_seq, mut rest) = (Vec::new(), self.first_seq, self.lines.as_str());
        while !rest.is_empty() {
            let whole = rest.as_bytes().get(..SESSION_SEGMENT_BYTES).map_or(rest.len(), |head| {
                head.iter().rposition(|byte| *byte == b'\n').map_or(rest.len(), |last| last + 1)
            });
            let (lines, behind) = rest.split_at(whole);
            let count = lines.bytes().filter(|byte| *byte == b'\n').count();
            let count = u32::try_from(count)
                .map_err(|_| StoreError::Refused("too many events for one segment".to_owned()))?;
            let record = SessionEventsV1 { first_seq, count, lines: pack(lines, WRITING)? };
            records.push(EncodedSegment { first_seq, count, bytes: encode(&record)? });
            (first_seq, rest) = (first_seq + u64::from(count), behind);
        }
        Ok(records)
    }
}

/// An encoded `session_events` record and what its entry says.
pub(super) struct EncodedSegment {
    pub first_seq: u64,
    pub count: u32,
    pub bytes: Vec<u8>,
}

/// The events of a record, a line each.
pub(super) fn lines(id: &str, kept: &SessionEventsV1) -> Result<String, StoreError> {
    unpack(&kept.lines, SESSION_SEGMENT_BYTES, || format!("session_events `{id}` from {}", kept.first_seq))
}
