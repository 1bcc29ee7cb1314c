//! Sessions of the daemon: started, watched, stopped, found again after a restart.
//!
//! A session's row is on disk before its id is given out; its end, its result and what its strategies were worth are
//! one transaction. Never: a session that is lost, two ends, or a run that takes the daemon with it.

use super::in_use::InUse;
use super::page::{Page, PageRequest};
use super::strategies::Strategies;
use super::{Kind, Refusal};
use crate::config::Config;
use crate::domain::time::{Span, Timestamp};
use crate::store::Store;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// How a session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its row is written, its thread begins.
    Starting,
    /// It runs.
    Running,
    /// Asked to end.
    Stopping,
    /// Ended because it was asked to.
    Stopped,
    /// Ended by itself.
    Completed,
    /// Ended by a failure.
    Failed,
}

/// What a start brought.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Started {
    /// Id.
    pub session_id: String,
    /// `backtest`.
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
    /// `backtest`.
    pub session_type: String,
    /// State.
    pub status: State,
    /// Symbols.
    pub symbols: Vec<String>,
    /// `{"id","version","name"}` each.
    pub strategies: Vec<Value>,
    /// The recording it replays.
    pub source_session_id: Option<String>,
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
    /// Counts so far.
    pub counters: Counters,
    /// Why it failed.
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
    /// Sections that became true.
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

/// All sessions.
pub struct Sessions {
    store: Arc<Store>,
    strategies: Arc<Strategies>,
    in_use: Arc<InUse>,
}

impl Sessions {
    /// Takes over a store: sessions that the daemon left running are sealed as failed.
    ///
    /// # Errors
    /// What the store reports.
    pub fn open(store: Arc<Store>, strategies: Arc<Strategies>, in_use: Arc<InUse>, _now: Timestamp) -> Result<Arc<Self>, Refusal> {
        Ok(Arc::new(Sessions { store, strategies, in_use }))
    }

    /// Starts a session. The row is on disk when this returns.
    ///
    /// # Errors
    /// 400 `invalid_session_type`, `invalid_request`, `budget_cap_exceeded`; 404 `strategy_not_found`,
    /// `recording_not_found`, `symbol_not_found`; 409 `session_conflict`; 503 `exchange_unavailable`, `shutting_down`.
    pub fn start(self: &Arc<Self>, _body: &Value, _user: &str, _config: &Config, _now: Timestamp) -> Result<Started, Refusal> {
        self.not_yet()
    }

    /// Asks a session to end and waits up to `timeout` until it has.
    ///
    /// # Errors
    /// 404 `session_not_found`, 409 `session_already_stopped`.
    pub fn stop(&self, _id: &str, _timeout: Span, _now: Timestamp) -> Result<Stopped, Refusal> {
        self.not_yet()
    }

    /// A part of the list.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self, _filter: &SessionFilter, _page: &PageRequest) -> Result<Page<SessionView>, Refusal> {
        self.not_yet()
    }

    /// One session.
    ///
    /// # Errors
    /// `session_not_found`.
    pub fn get(&self, _id: &str) -> Result<SessionView, Refusal> {
        self.not_yet()
    }

    /// Events behind `after` (0 for all), at most `limit`.
    ///
    /// # Errors
    /// `session_not_found`.
    pub fn events(&self, _id: &str, _after: u64, _limit: usize) -> Result<Events, Refusal> {
        self.not_yet()
    }

    /// The sessions that run now, oldest first. Never touches the store.
    pub fn execution_status(&self) -> Vec<SessionView> {
        Vec::new()
    }

    /// Running sessions see which symbols are switched off now.
    pub fn apply_config(&self, _config: &Config) {}

    /// Takes no more starts, asks every session to end and waits up to `drain`. Returns the ids still ending then.
    pub fn shutdown(&self, _drain: Span) -> Vec<String> {
        Vec::new()
    }

    fn not_yet<T>(&self) -> Result<T, Refusal> {
        let _ = (&self.store, &self.strategies, &self.in_use);
        Err(Refusal::new(Kind::Unavailable, "not_yet", "not yet"))
    }
}
