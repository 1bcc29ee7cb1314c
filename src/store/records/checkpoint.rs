//! What a running session has come to, so that it goes on without its first rows.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// The state of a session's engine, venue and statistics at a position of its journal. Of use only to the
/// program and the session that it names; the journal has everything that it holds.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct CheckpointV1 {
    /// Session id.
    pub session_id: String,
    /// Version of the program that made it.
    pub program: String,
    /// Version of its engine.
    pub engine_version: u32,
    /// Number of the layout of the state.
    pub layout: u32,
    /// SHA-256 of what the session was started with, hexadecimal.
    pub definition: String,
    /// Time of the last row that is in it, nanoseconds since 1970.
    pub at_ns: i64,
    /// Number of controls that are in it.
    pub controls: u64,
    /// Number of rows and gaps that are in it.
    pub rows: u64,
    /// Number of the last event that follows from them.
    pub seq: u64,
    /// How many of the events so far follow from rows and controls, without answers about orders.
    pub events: u64,
    /// Whether the session tells events of money.
    pub tells_money: bool,
    /// Bytes of the state.
    pub state_bytes: u64,
    /// The state as one zstd frame.
    pub state: Vec<u8>,
}

impl Stored for CheckpointV1 {
    const KIND: u16 = 43;
    const VERSION: u16 = 1;
    const NAME: &'static str = "checkpoint";
}
