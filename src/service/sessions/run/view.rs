//! Sessions as users see them.

use super::running::Running;
use super::state::SessionState;
use crate::domain::time::Timestamp;
use crate::service::sessions::market::catch_up::CatchingUp;
use crate::store::records::{SessionRow, SessionStrategyV2};
use serde::Serialize;
use serde_json::{Value, json};

/// What a start brought.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Started {
    /// Id.
    pub session_id: String,
    /// `backtest`, `collect` or `paper`.
    pub session_type: &'static str,
    /// Symbols it runs on, in the order of the request.
    pub symbols: Vec<String>,
    /// Ids of its strategies.
    pub strategies: Vec<String>,
    /// The same request already runs; this is its session.
    pub idempotent_replay: bool,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What a stop brought.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stopped {
    /// Id.
    pub session_id: String,
    /// The daemon had ended while it ran; this call closed it.
    pub was_orphaned: bool,
    /// It has not ended within the time given; it goes on ending.
    pub still_stopping: bool,
}

/// A session as lists and `GET /sessions/{id}` show it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SessionView {
    /// Id.
    pub session_id: String,
    /// `backtest`, `collect` or `paper`.
    pub session_type: String,
    /// State.
    pub status: SessionState,
    /// Symbols.
    pub symbols: Vec<String>,
    /// `{"id","version","name"}` each.
    pub strategies: Vec<Value>,
    /// The recording it replays.
    pub source_session_id: Option<String>,
    /// The recording it makes of what it receives: its candles are those of the session.
    pub recording_session_id: Option<String>,
    /// Who started it.
    pub user: String,
    /// RFC 3339, milliseconds.
    pub created_at: String,
    /// When its thread began.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// Share of the data done, 0 to 100; `None` when the data has no span.
    pub progress: Option<f64>,
    /// Time of the last event replayed.
    pub simulated_time: Option<String>,
    /// Events replayed a second, over the last moments; `None` when it does not run.
    pub events_per_second: Option<f64>,
    /// Seconds to the end at this pace; `None` when unknown.
    pub eta_seconds: Option<f64>,
    /// How far it is with its journal after a restart; `None` when it does not catch up.
    pub catching_up: Option<CatchingUp>,
    /// Counts so far; `None` for one that the daemon left running when it ended: nobody knows how far it
    /// came.
    pub counters: Option<Counters>,
    /// Why it failed, or why it stands still now.
    pub error_message: Option<String>,
    /// Its result, once it ended with one.
    pub result_id: Option<String>,
    /// The daemon ended while it ran.
    pub was_orphaned: bool,
    /// The request as it was understood.
    pub request: Value,
}

/// What a session did so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counters {
    /// Events replayed.
    pub ticks: u64,
    /// Signals: how often S1 became true for an instance that was waiting for it.
    pub signals: u64,
    /// Orders sent.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Round trips closed.
    pub trades: u64,
    /// Events of the session's stream.
    pub events: u64,
    /// Events that were beyond the bound of the stream and only counted.
    pub events_not_kept: u64,
}

/// Which sessions are wanted; `None` is all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SessionFilter {
    /// With this state's word.
    pub status: Option<String>,
    /// Of this type.
    pub session_type: Option<String>,
}

/// Part of a session's stream of events.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Events {
    /// JSON objects in the order of their `seq`.
    pub events: Vec<Value>,
    /// `after` of the next part.
    pub next_after: u64,
    /// Whether there are more now.
    pub more: bool,
    /// Whether the session has ended, so that none will come once there are no more.
    pub ended: bool,
}

/// A session of this process.
pub(in crate::service::sessions) fn running(session: &Running) -> SessionView {
    let (row, state) = session.row();
    let ended = state.is_final();
    SessionView {
        status: state,
        events_per_second: if ended { None } else { session.progress.events_per_second() },
        eta_seconds: if ended { None } else { session.progress.eta_seconds() },
        catching_up: session.catching_up(),
        error_message: session.stalled().or_else(|| row.error.clone()),
        ..stored(&row)
    }
}

/// A session of the store.
pub(in crate::service::sessions) fn stored(row: &SessionRow) -> SessionView {
    let reached = row.reached;
    let strategy = |strategy: &SessionStrategyV2| json!({"id": strategy.id, "version": strategy.version, "name": strategy.name});
    SessionView {
        session_id: row.id.clone(),
        session_type: row.kind.clone(),
        status: SessionState::from_name(&row.state).unwrap_or(SessionState::Failed),
        symbols: row.symbols.clone(),
        strategies: row.strategies.iter().map(strategy).collect(),
        source_session_id: row.recording_id.clone(),
        recording_session_id: row.input_recording_id.clone(),
        user: row.user.clone(),
        created_at: time(row.created_us),
        started_at: row.started_us.map(time),
        ended_at: row.ended_us.map(time),
        progress: reached.progress_ppm.map(|ppm| f64::from(ppm) / 10_000.0),
        simulated_time: reached.simulated_us.and_then(Timestamp::from_micros).map(|at| at.to_string()),
        events_per_second: None,
        eta_seconds: None,
        catching_up: None,
        counters: (!row.was_orphaned).then_some(Counters {
            ticks: reached.ticks,
            signals: reached.signals,
            orders: reached.orders,
            fills: reached.fills,
            trades: reached.trades,
            events: reached.events,
            events_not_kept: reached.events_not_kept,
        }),
        error_message: row.error.clone(),
        result_id: row.result_id.clone(),
        was_orphaned: row.was_orphaned,
        request: serde_json::from_str(&row.request).unwrap_or(Value::Null),
    }
}

fn time(us: i64) -> String {
    Timestamp::from_micros(us).unwrap_or(Timestamp::MAX).rfc3339_millis()
}
