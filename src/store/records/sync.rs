//! How far the copy in QuestDB is: who copies, up to where, what was refused there, and what was removed here
//! before it was copied.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Who copies, and what the server's tables were when they were written last.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SyncStateV1 {
    /// Random id of this store in the server's tables.
    pub instance: String,
    /// Random id of the last connection that the server knows of; empty before the first.
    pub epoch: String,
    /// Id of a connection that the server may know of.
    pub pending_epoch: String,
    /// Address of the server.
    pub url: String,
    /// The server's tables.
    pub tables: Vec<SyncTableV1>,
}

/// A table of the server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SyncTableV1 {
    /// Name without the prefix.
    pub name: String,
    /// The server's number for it; another one means that the table was made anew.
    pub table_id: i64,
    /// Its last transaction that was seen.
    pub sequencer_txn: i64,
    /// Rows acknowledged so far.
    pub rows: u64,
}

/// How far one part of a table is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SyncCursorV1 {
    /// Number of the next row to send.
    pub next: u64,
    /// Number of rows that were there when it was looked at last.
    pub seen: u64,
    /// Time of the last row sent, microseconds since 1970.
    pub sent_us: i64,
    /// Time of the last row seen, microseconds since 1970.
    pub seen_us: i64,
}

/// Which state of a record is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SyncRevisionV1 {
    /// Number of the state, from 1.
    pub rev: u64,
    /// Start of the SHA-256 of the record as it was sent.
    pub digest: [u8; 8],
    /// Whether the server has acknowledged it.
    pub acknowledged: bool,
}

/// A row that the server refuses for what it contains.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeadLetterV1 {
    /// Table without the prefix.
    pub table: String,
    /// The start of its line.
    pub line: String,
    /// Why it was refused.
    pub reason: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// Rows that were removed here before they were copied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UnsentV1 {
    /// Their recording; empty for events.
    pub recording_id: String,
    /// Their symbol.
    pub symbol: String,
    /// Name of their stream; `events` for the event log.
    pub stream: String,
    /// Time of the last row sent before, microseconds since 1970.
    pub from_us: i64,
    /// Time of the last row seen, microseconds since 1970.
    pub to_us: i64,
    /// How many.
    pub rows: u64,
}

impl DeadLetterV1 {
    /// As shown in the API.
    pub fn shown(&self, number: u64) -> serde_json::Value {
        let at = crate::domain::time::Timestamp::from_micros(self.at_us).map(|at| at.to_string());
        serde_json::json!({"number": number, "at": at, "table": self.table, "reason": self.reason, "line": self.line})
    }
}

impl Stored for SyncStateV1 {
    const KIND: u16 = 35;
    const VERSION: u16 = 1;
    const NAME: &'static str = "sync_state";
}

impl Stored for SyncCursorV1 {
    const KIND: u16 = 36;
    const VERSION: u16 = 1;
    const NAME: &'static str = "sync_cursor";
}

impl Stored for SyncRevisionV1 {
    const KIND: u16 = 37;
    const VERSION: u16 = 1;
    const NAME: &'static str = "sync_revision";
}

impl Stored for DeadLetterV1 {
    const KIND: u16 = 38;
    const VERSION: u16 = 1;
    const NAME: &'static str = "dead_letter";
}

impl Stored for UnsentV1 {
    const KIND: u16 = 39;
    const VERSION: u16 = 1;
    const NAME: &'static str = "unsent";
}
