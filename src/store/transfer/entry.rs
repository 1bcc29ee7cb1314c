//! One entry of a copy and its form on the wire.

use super::super::StoreError;
use super::super::codec::{decode_payload, encode_payload};
use super::super::records::{
    GapV1, PumpLabelV1, RecordingV1, ResultDocumentV1, ResultNoteV1, ResultReportV1, ResultV3,
    SessionControlV1, SessionRow, StrategyV1, SymbolFactsV1, SymbolSpecV2,
};
use super::super::results::StrategyOutcome;
use crate::limits::STORE_RECORD_BYTES;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// An entry. Gaps, facts, specifications, labels and blocks belong to the recording before them; notes,
/// documents, reports and outcomes to the result before them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Entry {
    Strategy(StrategyV1),
    Recording(RecordingV1),
    Gap(GapV1),
    /// Facts of the named symbol.
    Facts(String, SymbolFactsV1),
    Spec(SymbolSpecV2),
    Label(PumpLabelV1),
    Blocks(Blocks),
    Session(Box<SessionRow>),
    Result(Box<ResultV3>),
    Note(ResultNoteV1),
    Document(ResultDocumentV1),
    Report(ResultReportV1),
    Outcome(StrategyOutcome),
    /// The store is damaged here; nothing follows.
    Damaged {
        place: String,
        what: String,
    },
    /// The last control of the named session that paused entries or allowed them again.
    Paused(String, SessionControlV1),
}

/// Consecutive blocks of one stream, as they are stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Blocks {
    pub symbol: String,
    /// Code of the stream kind.
    pub stream: u8,
    pub first_seq: u64,
    #[serde(with = "whole")]
    pub bytes: Vec<u8>,
}

/// Bytes as one piece: `Vec<u8>` by itself is encoded byte by byte.
mod whole {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
}

/// Writes entries.
pub struct Entries<'w>(pub &'w mut dyn Write);

impl Entries<'_> {
    /// Writes one entry behind its length.
    pub fn put(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let bytes = encode_payload(entry)
            .map_err(|error| StoreError::Refused(format!("a record cannot be copied: {error}")))?;
        // Below 256 MiB, as `encode_payload` has checked.
        let length = bytes.len() as u32;
        self.write(&length.to_le_bytes())?;
        self.write(&bytes)
    }

    /// Writes the end mark.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.write(&0_u32.to_le_bytes())?;
        self.0.flush().map_err(not_taken)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.write_all(bytes).map_err(not_taken)
    }
}

/// The reader went away; no disk failed.
fn not_taken(error: io::Error) -> StoreError {
    StoreError::Refused(format!("the copy was not read to its end: {error}"))
}

/// Reads the next entry; `None` at the end mark.
///
/// # Errors
/// A stream that is cut short, or written by another version of the program.
pub fn next(from: &mut dyn Read) -> Result<Option<Entry>, StoreError> {
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(cut_short)?;
    let length = u32::from_le_bytes(length) as usize;
    if length == 0 {
        return Ok(None);
    }
    if length > STORE_RECORD_BYTES {
        return Err(StoreError::Refused(format!("an entry of {length} bytes is too long for a record")));
    }
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes).map_err(cut_short)?;
    if bytes.len() < length {
        return Err(cut_short(io::ErrorKind::UnexpectedEof.into()));
    }
    decode_payload(&bytes)
        .map(Some)
        .map_err(|error| StoreError::Refused(format!("a copied record cannot be read: {error}")))
}

fn cut_short(error: io::Error) -> StoreError {
    StoreError::Refused(format!("the copy was cut short ({error}); nothing of it was kept"))
}
