//! A session: what was asked for, how it stands, how it ended, and the events it went through.

use super::FIRST_ENGINE_VERSION;
use crate::store::codec::{CodecError, Stored, decode_payload};
use serde::{Deserialize, Serialize};

/// A session.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SessionV4 {
    /// Its id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Word of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// When it was asked for, microseconds since 1970.
    pub created_us: i64,
    /// When it began to run.
    pub started_us: Option<i64>,
    /// When it ended.
    pub ended_us: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its result.
    pub result_id: Option<String>,
    /// Symbols in the order of the request.
    pub symbols: Vec<String>,
    /// Strategies in the order of the request.
    pub strategies: Vec<SessionStrategyV2>,
    /// Recording it replays: the one a backtest reads.
    pub recording_id: Option<String>,
    /// The request as it was understood, JSON.
    pub request: String,
    /// SHA-256 of what makes two requests the same, hexadecimal.
    pub fingerprint: String,
    /// Name of the user who started it.
    pub user: String,
    /// How far it had come when it ended.
    pub reached: SessionReachedV2,
    /// The daemon ended while it ran; found and closed when it was started again.
    pub was_orphaned: bool,
    /// Somebody has stopped it since.
    pub orphan_closed: bool,
    /// Recording it makes: what a paper or collecting session saw.
    pub input_recording_id: Option<String>,
    /// Engine time up to which everything of it is on disk, nanoseconds since 1970.
    pub reached_ns: Option<i64>,
    /// Version of the engine that makes its decisions.
    pub engine_version: u32,
}

/// The newest version, by the name its readers use.
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

/// How far a session came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SessionReachedV2 {
    /// Parts per million of the data.
    pub progress_ppm: Option<u32>,
    /// Time of the last event replayed, microseconds since 1970.
    pub simulated_us: Option<i64>,
    /// Events replayed.
    pub ticks: u64,
    /// Sections that became true.
    pub signals: u64,
    /// Orders sent.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Round trips closed.
    pub trades: u64,
    /// Events of its stream.
    pub events: u64,
    /// Events beyond the bound of its stream.
    pub events_not_kept: u64,
}

/// The third version: nothing said which engine decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionV3 {
    /// Its id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Word of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// When it was asked for, microseconds since 1970.
    pub created_us: i64,
    /// When it began to run.
    pub started_us: Option<i64>,
    /// When it ended.
    pub ended_us: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its result.
    pub result_id: Option<String>,
    /// Symbols in the order of the request.
    pub symbols: Vec<String>,
    /// Strategies in the order of the request.
    pub strategies: Vec<SessionStrategyV2>,
    /// Recording it replays: the one a backtest reads.
    pub recording_id: Option<String>,
    /// The request as it was understood, JSON.
    pub request: String,
    /// SHA-256 of what makes two requests the same, hexadecimal.
    pub fingerprint: String,
    /// Name of the user who started it.
    pub user: String,
    /// How far it had come when it ended.
    pub reached: SessionReachedV2,
    /// The daemon ended while it ran; found and closed when it was started again.
    pub was_orphaned: bool,
    /// Somebody has stopped it since.
    pub orphan_closed: bool,
    /// Recording it makes: what a paper or collecting session saw.
    pub input_recording_id: Option<String>,
    /// Engine time up to which everything of it is on disk, nanoseconds since 1970.
    pub reached_ns: Option<i64>,
}

/// The second version: sessions read recordings and made none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionV2 {
    /// Its id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Word of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// When it was asked for, microseconds since 1970.
    pub created_us: i64,
    /// When it began to run.
    pub started_us: Option<i64>,
    /// When it ended.
    pub ended_us: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its result.
    pub result_id: Option<String>,
    /// Symbols in the order of the request.
    pub symbols: Vec<String>,
    /// Strategies in the order of the request.
    pub strategies: Vec<SessionStrategyV2>,
    /// Recording it replays.
    pub recording_id: Option<String>,
    /// The request as it was understood, JSON.
    pub request: String,
    /// SHA-256 of what makes two requests the same, hexadecimal.
    pub fingerprint: String,
    /// Name of the user who started it.
    pub user: String,
    /// How far it had come when it ended.
    pub reached: SessionReachedV2,
    /// The daemon ended while it ran; found and closed when it was started again.
    pub was_orphaned: bool,
    /// Somebody has stopped it since.
    pub orphan_closed: bool,
}

/// The first version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionV1 {
    /// Its id.
    pub id: String,
    /// `backtest`, `paper`, `live` or `collect`.
    pub kind: String,
    /// Word of its state, e.g. `running`, `completed`, `failed`.
    pub state: String,
    /// When it was asked for, microseconds since 1970.
    pub created_us: i64,
    /// When it began to run.
    pub started_us: Option<i64>,
    /// When it ended.
    pub ended_us: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its result.
    pub result_id: Option<String>,
}

/// Consecutive events of a session's stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionEventsV1 {
    /// Number of the first one; the others follow without holes.
    pub first_seq: u64,
    /// How many.
    pub count: u32,
    /// JSON objects, one a line, as one zstd frame.
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
