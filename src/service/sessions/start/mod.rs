//! A start: the request is planned, whoever is in the way is found, the session's row is written and its
//! thread begins.

pub(in crate::service::sessions) mod allowance;
pub(super) mod backtest_plan;
pub(super) mod claims;
pub(super) mod conflict;
pub(super) mod fields;
pub(super) mod market_plan;
pub(super) mod plan;
pub(super) mod request;

use crate::clock;
use crate::config::Config;
use crate::domain::time::{Span, Timestamp};
use crate::engine::ENGINE_VERSION;
use crate::service::market::{Market, VENUE};
use crate::service::sessions::Sessions;
use crate::service::sessions::market::live;
use crate::service::sessions::run::event_sink::{Class, EVENTS_VERSION};
use crate::service::sessions::run::running::Running;
use crate::service::sessions::run::state::SessionState;
use crate::service::sessions::run::stream::EventStream;
use crate::service::sessions::run::view::Started;
use crate::service::strategies::Loaded;
use crate::service::{Refusal, RefusalKind};
use crate::session::switches::switched;
use crate::store::records::{SessionRow, SessionStrategyV2};
use crate::store::{NewRecording, OpenRecording, Store, StoreError};
use claims::{Recorded, Traded};
use conflict::{conflict, recorded_twice, traded_twice};
use plan::{Plan, Rows, things};
use request::{SessionKind, StartRequest};
use serde_json::{Value, json};
use std::sync::Arc;

/// How long a start waits for the end of a session it replaces.
const REPLACED_WITHIN: Span = Span::from_seconds(10);
/// How often a start replaces a session before it gives up: others may start sessions at the same time.
const REPLACEMENTS: usize = 3;

impl Sessions {
    /// Starts a session. The row is on disk when this returns.
    ///
    /// # Errors
    /// 400 `invalid_session_type`, `invalid_request`, `budget_cap_exceeded`, `live_not_confirmed`; 404
    /// `strategy_not_found`, `recording_not_found`, `symbol_not_found`; 409 `session_conflict`,
    /// `live_check_failed`; 503 `exchange_unavailable`, `shutting_down`.
    pub fn start(
        self: &Arc<Self>,
        body: &Value,
        user: &str,
        config: &Config,
        now: Timestamp,
    ) -> Result<Started, Refusal> {
        let mut plan = plan(request::read(body, config)?, &self.store, &self.market, config, now)?;
        if plan.kind != SessionKind::Backtest {
            for (name, value) in market_plan::kept(body, config) {
                plan.request[name] = value;
            }
        }
        for _ in 0..REPLACEMENTS {
            let gate = self.gate();
            if gate.closed {
                return Err(Refusal::new(
                    RefusalKind::Unavailable,
                    "shutting_down",
                    "the daemon is stopping; start the session again in a moment",
                ));
            }
            if plan.idempotent
                && let Some(same) = self.same(&plan.fingerprint)
            {
                return Ok(started(&same, &plan, true));
            }
            let Some((oldest, refusal)) = self.conflict(&plan, config) else {
                let Some(needs) = plan.account_needs.take() else { return self.begin(plan, user, now) };
                // Probed without the gate: it takes seconds. Who came in between is found in the next turn.
                drop(gate);
                plan.warnings.extend(live::check_account(&self.market, &needs)?);
                continue;
            };
            // A live session is never stopped to make room.
            if !plan.replace_existing || oldest.is_live() {
                return Err(refusal);
            }
            drop(gate);
            self.stop_durably(&oldest)?;
            if !oldest.wait(REPLACED_WITHIN) {
                return Err(refusal);
            }
            plan.warnings.push(format!("session {} was stopped to make room for this one", oldest.id));
        }
        let busy = "others start sessions as fast as this one makes room; try again";
        Err(Refusal::conflict("session_conflict", busy).with(json!({"conflict": {"kind": "max_sessions"}})))
    }

    /// The session that runs the same request.
    fn same(&self, fingerprint: &str) -> Option<Arc<Running>> {
        let same = |session: &&Arc<Running>| {
            session.fingerprint == fingerprint
                && matches!(session.row().1, SessionState::Starting | SessionState::Running)
        };
        self.running().values().find(same).cloned()
    }

    /// The running session that is in the way: one that records the same, or the oldest when there is room
    /// for no more.
    fn conflict(&self, plan: &Plan, config: &Config) -> Option<(Arc<Running>, Refusal)> {
        let running = self.running();
        let mut active = running.values().filter(|session| !session.is_ended());
        let same =
            active.clone().find_map(|session| Some((session, session.records.shared(&Recorded::of(plan))?)));
        if let Some((session, shared)) = same {
            return Some((Arc::clone(session), recorded_twice(session, &shared)));
        }
        let twice =
            active.clone().find_map(|session| Some((session, session.trades.shared(&Traded::of(plan))?)));
        if let Some((session, shared)) = twice {
            return Some((Arc::clone(session), traded_twice(session, &shared)));
        }
        let oldest = active.next()?;
        (1 + active.count() >= config.limits.max_sessions as usize)
            .then(|| (Arc::clone(oldest), conflict(oldest, config)))
    }

    /// Called with the gate held.
    fn begin(self: &Arc<Self>, plan: Plan, user: &str, now: Timestamp) -> Result<Started, Refusal> {
        let recording = self.begin_recording(&plan, now)?;
        let id = match &recording {
            // A recording and the session that makes it are one for the user.
            Some(recording) if plan.kind == SessionKind::Collect => recording.id().to_owned(),
            _ => self.new_id(now)?,
        };
        let hold = self.references.hold(&id, things(&plan, recording.as_ref().map(OpenRecording::id)));
        // The plan was made with a configuration that may no longer be the one in force.
        let allowed = self.allowed_now(&plan.allowed, &plan.symbols);
        let table = switched(&plan.table, &allowed.disabled);
        let stream = EventStream::new(&id, plan.kind, 0, self.shared());
        let input_recording_id = recording.as_ref().map(|recording| recording.id().to_owned());
        let row = SessionRow { input_recording_id, ..row(&id, &plan, user, now) };
        announce(&stream, &plan, &row, now);
        let session = Arc::new(Running::new(row, &plan, (table, allowed), stream, hold));
        if let Err(error) = self.store.put_session(&session.row().0, &session.stream.part()) {
            if let Some(recording) = recording {
                self.store.discard_recording(recording);
            }
            return Err(error.into());
        }
        session.stream.written();
        self.running().insert(id.clone(), Arc::clone(&session));
        match &recording {
            // Whatever comes is told once it is on disk with what it was decided on.
            Some(_) => session.stream.release_part(),
            None => session.stream.release(),
        }
        let told = started(&session, &plan, false);
        self.launch(&session, plan, recording, false, now)?;
        Ok(told)
    }

    /// The recording that a session on a market makes.
    fn begin_recording(&self, plan: &Plan, now: Timestamp) -> Result<Option<OpenRecording>, Refusal> {
        let Rows::Market { .. } = plan.rows else { return Ok(None) };
        let sources = vec![format!("{VENUE}, {} session", plan.kind.as_str())];
        let new = NewRecording { at: now, entropy: clock::entropy(), sources };
        let recording = self.store.begin_recording(new, plan.symbols.clone())?;
        let specs = plan.specs();
        match self.store.put_market(recording.id(), VENUE, &specs) {
            Ok(()) => Ok(Some(recording)),
            Err(error) => {
                self.store.discard_recording(recording);
                Err(error.into())
            }
        }
    }

    /// An id that no session has.
    fn new_id(&self, now: Timestamp) -> Result<String, Refusal> {
        loop {
            let id = format!("exec_{}", now.id(clock::entropy()));
            match self.store.session(&id) {
                Ok(_) => {}
                Err(StoreError::NotFound { .. }) if !self.running().contains_key(&id) => return Ok(id),
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Finds everything a request names.
///
/// # Errors
/// 404 `strategy_not_found`, `recording_not_found`, `symbol_not_found`; 400 where strategies and data do not
/// go together; 503 `exchange_unavailable`.
fn plan(
    request: StartRequest,
    store: &Store,
    market: &Market,
    config: &Config,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    match request.kind {
        SessionKind::Backtest => backtest_plan::make(request, store, config),
        SessionKind::Paper | SessionKind::Collect | SessionKind::Live => {
            market_plan::make(request, store, market, config, now)
        }
    }
}

fn row(id: &str, plan: &Plan, user: &str, now: Timestamp) -> SessionRow {
    let strategy = |loaded: &Loaded| SessionStrategyV2 {
        id: loaded.label.id.clone(),
        version: loaded.label.version.unwrap_or(0),
        name: loaded.label.name.clone(),
    };
    SessionRow {
        id: id.to_owned(),
        kind: plan.kind.as_str().to_owned(),
        state: SessionState::Running.as_str().to_owned(),
        created_us: now.micros(),
        symbols: plan.symbols.clone(),
        strategies: plan.strategies.iter().map(strategy).collect(),
        recording_id: match &plan.rows {
            Rows::Recording(id) => Some(id.clone()),
            Rows::Market { .. } => None,
        },
        request: plan.request.to_string(),
        fingerprint: plan.fingerprint.clone(),
        user: user.to_owned(),
        engine_version: ENGINE_VERSION,
        ..SessionRow::default()
    }
}

/// The first events; they are stored with the row.
fn announce(stream: &EventStream, plan: &Plan, row: &SessionRow, now: Timestamp) {
    let ids: Vec<&str> = row.strategies.iter().map(|strategy| strategy.id.as_str()).collect();
    let fields = json!({
        "status": SessionState::Starting, "timestamp": now.rfc3339_millis(), "session_type": row.kind, "symbols": row.symbols,
        "strategies": ids, "source_session_id": row.recording_id, "user": row.user, "request": plan.request,
        "events_version": EVENTS_VERSION,
    });
    stream.add(Class::Life, "session_started", None, fields);
    for (index, strategy) in row.strategies.iter().enumerate() {
        let symbols =
            plan.settings.assigned.get(index).cloned().flatten().unwrap_or_else(|| plan.symbols.clone());
        let fields = json!({
            "strategy_id": strategy.id, "version": strategy.version, "symbols": symbols, "timestamp": now.rfc3339_millis(),
        });
        stream.add(Class::Life, "strategy_activated", None, fields);
    }
}

fn started(session: &Running, plan: &Plan, idempotent_replay: bool) -> Started {
    Started {
        session_id: session.id.clone(),
        session_type: plan.kind.as_str(),
        symbols: plan.symbols.clone(),
        strategies: plan.strategies.iter().map(|loaded| loaded.label.id.clone()).collect(),
        idempotent_replay,
        warnings: plan.warnings.clone(),
    }
}
