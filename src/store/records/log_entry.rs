//! One entry of the event log: which events of which session one commit made durable.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Consecutive events. The events themselves are a `session_events` record of the same session and number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogEntryV1 {
    /// Their session.
    pub session_id: String,
    /// Number of the first of them in the session.
    pub first_seq: u64,
    /// How many.
    pub count: u32,
    /// Bytes of their record.
    pub bytes: u32,
}

impl Stored for LogEntryV1 {
    const KIND: u16 = 26;
    const VERSION: u16 = 1;
    const NAME: &'static str = "log_entry";
}
