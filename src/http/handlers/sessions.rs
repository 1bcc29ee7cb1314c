//! Sessions: start, stop, view.

use super::page;
use crate::auth::Role;
use crate::domain::time::Span;
use crate::http::context::AppContext;
use crate::http::error::{Failure, forbidden};
use crate::http::fields::Fields;
use crate::http::lanes::Lane;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::http::route::Answer;
use crate::service::CURSOR_EXPIRED;
use crate::service::sessions::{SessionFilter, Stopped};
use hyper::StatusCode;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a stop request waits for the session to end before it answers 202.
const STOP_WAIT: Duration = Duration::from_secs(10);
/// Poll interval while waiting for the end. Polling holds no thread, so any number of sessions may be
/// stopping at once.
const STOP_LOOK: Duration = Duration::from_millis(10);
/// Default number of events.
const EVENTS: usize = 200;

/// `POST /sessions/start`.
pub fn start(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let caller = call.caller()?;
    if call.json()["session_type"] == "live" && caller.role < Role::Live {
        return Err(forbidden(caller, Role::Live));
    }
    let config = context.service.settings.current();
    let started = context.service.sessions.start(call.json(), &caller.name, &config, call.now)?;
    // Repeated at the top level, where existing clients look for them.
    let (id, kind, symbols) = (&started.session_id, started.session_type, &started.symbols);
    Ok(Reply::data(
        &json!({"status": "session_started", "data": started, "session_id": id, "session_type": kind, "symbols": symbols}),
    ))
}

/// `POST /sessions/stop`.
pub fn stop(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let shared = Arc::clone(&context);
        let stopped = context.lanes.run(Lane::Urgent, move || begin_stop(&shared, &call)).await??;
        let id = stopped.session_id;
        let ended = async {
            while !context.service.sessions.wait(&id, Span::ZERO) {
                sleep(STOP_LOOK).await;
            }
        };
        let still_stopping = stopped.still_stopping && timeout(STOP_WAIT, ended).await.is_err();
        let (word, status) = if still_stopping {
            ("stopping", StatusCode::ACCEPTED)
        } else {
            ("session_stopped", StatusCode::OK)
        };
        let mut data = json!({"session_id": id});
        if stopped.was_orphaned {
            data["was_orphaned"] = json!(true);
        }
        Ok(Reply::data(&json!({"status": word, "data": data, "session_id": id})).status(status))
    })
}

/// Asks a session to stop.
fn begin_stop(context: &AppContext, call: &Call) -> Result<Stopped, Failure> {
    let mut fields = Fields::of(call.json(), &["session_id"]);
    let id = fields.text("session_id");
    fields.finish()?;
    let caller = call.caller()?;
    if caller.role < Role::Live
        && context.service.sessions.get(id).is_ok_and(|session| session.session_type == "live")
    {
        return Err(forbidden(caller, Role::Live));
    }
    Ok(context.service.sessions.stop(id, Span::ZERO)?)
}

/// `GET /sessions`.
pub fn list(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let filter = SessionFilter {
        status: call.query.text("status").map(str::to_owned),
        session_type: call.query.text("type").map(str::to_owned),
    };
    let request = page(call);
    Ok(super::listed("sessions", context.service.sessions.list(&filter, &request)?, request.limit))
}

/// `GET /sessions/{id}`.
pub fn get(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&context.service.sessions.get(call.id(0))?))
}

/// `GET /sessions/{id}/events`.
pub fn events(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let after = call.query.integer("after").map_or(0, i64::unsigned_abs);
        let limit = call.query.count("limit").unwrap_or(EVENTS);
        let shared = Arc::clone(&context);
        let read = move || {
            let (sessions, id) = (&shared.service.sessions, call.id(0));
            match sessions.events(id, after, limit) {
                Ok(events) => Ok(Ok(Reply::data(&events))),
                Err(refusal) if refusal.code == CURSOR_EXPIRED => {
                    Ok(Err((refusal, json!(sessions.get(id)?))))
                }
                Err(refusal) => Err(refusal),
            }
        };
        match context.lanes.run(Lane::Store, read).await?? {
            Ok(reply) => Ok(reply),
            Err((refusal, session)) => {
                Err(context.service.sessions.with_session_now(refusal, session).await.into())
            }
        }
    })
}

/// `GET /sessions/{id}/replay`. It ends soon after its client is known to have left, so that its place is
/// free for others.
pub fn replay(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let waiting = Arc::new(());
        let client = Arc::downgrade(&waiting);
        let shared = Arc::clone(&context);
        let run = move || shared.service.sessions.replay(call.id(0), &|| client.strong_count() > 0);
        let replayed = context.lanes.run(Lane::Replay, run).await??;
        // A client that leaves drops this future, and `waiting` with it.
        drop(waiting);
        Ok(Reply::data(&replayed))
    })
}

/// `GET /sessions/execution-status`.
pub fn execution_status(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    let running = context.service.sessions.execution_status();
    Ok(Reply::data(&json!({"total_count": running.len(), "sessions": running})))
}
