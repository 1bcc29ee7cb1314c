//! A session: the request, its state, its outcome, and its events.

use super::FIRST_ENGINE_VERSION;
use crate::store::codec::{CodecError, Stored, decode_payload};
use serde::{Deserialize, Serialize};

/// A session.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SessionV4 {
    /// Session id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Name of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// Time of the request, microseconds since 1970.
    pub created_us: i64,
    /// Start of the run, microseconds since 1970.
    pub started_us: Option<i64>,
    /// End of the run, microseconds since 1970.
    pub ended_us: Option<i64>,
    /// Reason of a failure.
    pub error: Option<String>,
    /// Id of its result.
    pub result_id: Option<String>,
    /// Symbols in the order of the request.
    pub symbols: Vec<String>,
    /// Strategies in the order of the request.
    pub strategies: Vec<SessionStrategyV2>,
    /// Recording it replays (backtests).
    pub recording_id: Option<String>,
    /// The request as interpreted, JSON.
    pub request: String,
    /// SHA-256 of what identifies equal requests, hexadecimal.
    pub fingerprint: String,
    /// Name of the user who started it.
    pub user: String,
    /// Final progress and counts.
    pub reached: SessionReachedV2,
    /// Whether the daemon ended while it ran; it was then recovered at the next start.
    pub was_orphaned: bool,
    /// Whether a user has stopped it since.
    pub orphan_closed: bool,
    /// Recording it makes: the input of a paper or collecting session.
    pub input_recording_id: Option<String>,
    /// Engine time up to which it is completely on disk, nanoseconds since 1970.
    pub reached_ns: Option<i64>,
    /// Version of the engine that runs it.
    pub engine_version: u32,
}

/// The newest version.
pub type SessionRow = SessionV4;

/// A strategy of a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionStrategyV2 {
    /// Id.
    pub id: String,
    /// Version.
    pub version: u32,
    /// Name.
    pub name: String,
}

/// Progress and counts of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SessionReachedV2 {
    /// Share of the data processed, parts per million.
    pub progress_ppm: Option<u32>,
    /// Time of the last processed event, microseconds since 1970.
    pub simulated_us: Option<i64>,
    /// Number of events processed.
    pub ticks: u64,
    /// Number of signals.
    pub signals: u64,
    /// Number of orders sent.
    pub orders: u64,
    /// Number of fills.
    pub fills: u64,
    /// Number of closed round trips.
    pub trades: u64,
    /// Number of events in its event stream.
    pub events: u64,
    /// Number of events not stored because of the limit.
    pub events_not_kept: u64,
}

/// Version 3: without the engine version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionV3 {
    /// Session id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Name of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// Time of the request, microseconds since 1970.
    pub created_us: i64,
    /// Start of the run, microseconds since 1970.
    pub started_us: Option<i64>,
    /// End of the run, microseconds since 1970.
    pub ended_us: Option<i64>,
    /// Reason of a failure.
    pub error: Option<String>,
    /// Id of its result.
    pub result_id: Option<String>,
    /// Symbols in the order of the request.
    pub symbols: Vec<String>,
    /// Strategies in the order of the request.
    pub strategies: Vec<SessionStrategyV2>,
    /// Recording it replays (backtests).
    pub recording_id: Option<String>,
    /// The request as interpreted, JSON.
    pub request: String,
    /// SHA-256 of what identifies equal requests, hexadecimal.
    pub fingerprint: String,
    /// Name of the user who started it.
    pub user: String,
    /// Final progress and counts.
    pub reached: SessionReachedV2,
    /// Whether the daemon ended while it ran; it was then recovered at the next start.
    pub was_orphaned: bool,
    /// Whether a user has stopped it since.
    pub orphan_closed: bool,
    /// Recording it makes: the input of a paper or collecting session.
    pub input_recording_id: Option<String>,
    /// Engine time up to which it is completely on disk, nanoseconds since 1970.
    pub reached_ns: Option<i64>,
}

/// Version 2: without a recording made by the session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionV2 {
    /// Session id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Name of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// Time of the request, microseconds since 1970.
    pub created_us: i64,
    /// Start of the run, microseconds since 1970.
    pub started_us: Option<i64>,
    /// End of the run, microseconds since 1970.
    pub ended_us: Option<i64>,
    /// Reason of a failure.
    pub error: Option<String>,
    /// Id of its result.
    pub result_id: Option<String>,
    /// Symbols in the order of the request.
    pub symbols: Vec<String>,
    /// Strategies in the order of the request.
    pub strategies: Vec<SessionStrategyV2>,
    /// Recording it replays.
    pub recording_id: Option<String>,
    /// The request as interpreted, JSON.
    pub request: String,
    /// SHA-256 of what identifies equal requests, hexadecimal.
    pub fingerprint: String,
    /// Name of the user who started it.
    pub user: String,
    /// Final progress and counts.
    pub reached: SessionReachedV2,
    /// Whether the daemon ended while it ran; it was then recovered at the next start.
    pub was_orphaned: bool,
    /// Whether a user has stopped it since.
    pub orphan_closed: bool,
}

/// Version 1: without request, symbols and strategies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionV1 {
    /// Session id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Name of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// Time of the request, microseconds since 1970.
    pub created_us: i64,
    /// Start of the run, microseconds since 1970.
    pub started_us: Option<i64>,
    /// End of the run, microseconds since 1970.
    pub ended_us: Option<i64>,
    /// Reason of a failure.
    pub error: Option<String>,
    /// Id of its result.
    pub result_id: Option<String>,
}

/// Consecutive events of a session's stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionEventsV1 {
    /// Number of the first event; the others follow consecutively.
    pub first_seq: u64,
    /// Number of events.
    pub count: u32,
    /// JSON objects, one per line, as one zstd frame.
    pub lines: Vec<u8>,
}

impl Stored for SessionV4 {
    const KIND: u16 = 6;
    const VERSION: u16 = 4;
    const NAME: &'static str = "session";

    fn from_older(version: u16, payload: &[u8]) -> Result<Self, CodecError> {
        match version {
            1 => decode_payload::<SessionV1>(payload).map(SessionV4::from),
            2 => decode_payload::<SessionV2>(payload).map(SessionV4::from),
            3 => decode_payload::<SessionV3>(payload).map(SessionV4::from),
            other => Err(CodecError::UnknownVersion(other)),
        }
    }
}

impl From<SessionV1> for SessionV4 {
    fn from(old: SessionV1) -> Self {
        SessionV4 {
            id: old.id,
            kind: old.kind,
            state: old.state,
            created_us: old.created_us,
            started_us: old.started_us,
            ended_us: old.ended_us,
            error: old.error,
            result_id: old.result_id,
            request: "null".to_owned(),
            engine_version: FIRST_ENGINE_VERSION,
            ..SessionV4::default()
        }
    }
}

impl From<SessionV2> for SessionV4 {
    fn from(old: SessionV2) -> Self {
        SessionV4 {
            id: old.id,
            kind: old.kind,
            state: old.state,
            created_us: old.created_us,
            started_us: old.started_us,
            ended_us: old.ended_us,
            error: old.error,
            result_id: old.result_id,
            symbols: old.symbols,
            strategies: old.strategies,
            recording_id: old.recording_id,
            request: old.request,
            fingerprint: old.fingerprint,
            user: old.user,
            reached: old.reached,
            was_orphaned: old.was_orphaned,
            orphan_closed: old.orphan_closed,
            input_recording_id: None,
            reached_ns: None,
            engine_version: FIRST_ENGINE_VERSION,
        }
    }
}

impl From<SessionV3> for SessionV4 {
    fn from(old: SessionV3) -> Self {
        SessionV4 {
            id: old.id,
            kind: old.kind,
            state: old.state,
            created_us: old.created_us,
            started_us: old.started_us,
            ended_us: old.ended_us,
            error: old.error,
            result_id: old.result_id,
            symbols: old.symbols,
            strategies: old.strategies,
            recording_id: old.recording_id,
            request: old.request,
            fingerprint: old.fingerprint,
            user: old.user,
            reached: old.reached,
            was_orphaned: old.was_orphaned,
            orphan_closed: old.orphan_closed,
            input_recording_id: old.input_recording_id,
            reached_ns: old.reached_ns,
            engine_version: FIRST_ENGINE_VERSION,
        }
    }
}

impl Stored for SessionEventsV1 {
    const KIND: u16 = 21;
    const VERSION: u16 = 1;
    const NAME: &'static str = "session_events";
}
