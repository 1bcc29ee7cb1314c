//! `GET /ws`: upgrades a request to a WebSocket, and gives its clients access to the service.

use crate::clock;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::reply::{Content, Reply};
use crate::http::request::{Body, Call};
use crate::http::route::Answer;
use crate::http::stream::{self, Backend, BoxFuture, Missed, MissedEvent, Subscribe};
use crate::limits::MISSED_AT_ONCE;
use crate::service::sessions::Question;
use crate::service::{Caller, Refusal, Service};
use hyper::StatusCode;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Opens the WebSocket. A client without a login must send an `auth` message first.
pub fn upgrade(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let refuse =
            || Failure::http(StatusCode::BAD_REQUEST, "upgrade_required", "open this path as a WebSocket");
        let Call { caller, counted, body: Body::Socket(mut request), .. } = call else {
            return Err(refuse());
        };
        if !hyper_tungstenite::is_upgrade_request(&request) {
            return Err(refuse());
        }
        let upgraded = hyper::upgrade::on(&mut *request);
        let (response, _) = hyper_tungstenite::upgrade(&mut *request, None).map_err(|_| refuse())?;
        tokio::spawn(async move {
            // The client disconnected before the WebSocket was open.
            let Ok(socket) = upgraded.await else { return };
            let socket = stream::open(TokioIo::new(socket)).await;
            context.counts.clients.fetch_add(1, Ordering::Relaxed);
            context.streams.serve(socket, caller.map(|caller| (*caller).clone())).await;
            context.counts.clients.fetch_sub(1, Ordering::Relaxed);
            drop(counted);
        });
        let mut reply = Reply::new(StatusCode::SWITCHING_PROTOCOLS, Content::Empty);
        reply.headers.extend(response.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(reply)
    })
}

/// The service, as seen by WebSocket clients.
pub struct ServiceBackend(pub Arc<Service>);

impl Backend for ServiceBackend {
    fn authenticate(&self, token: &str) -> Result<Caller, Refusal> {
        self.0.users.authenticate(token, clock::now())
    }

    fn is_current(&self, caller: &Caller) -> bool {
        self.0.users.is_current(caller)
    }

    fn check(&self, subscribe: &Subscribe) -> Result<(), Refusal> {
        match subscribe.key.session_id.as_deref() {
            Some(id) => self.0.sessions.get(id).map(drop),
            None => Ok(()),
        }
    }

    fn snapshot(&self, _: &Caller, subscribe: &Subscribe) -> Result<Value, Refusal> {
        let session = subscribe.key.session_id.as_deref();
        let sessions = &self.0.sessions;
        Ok(match (subscribe.key.stream, session) {
            ("sessions", _) => {
                json!({"sessions": sessions.execution_status(), "config": self.0.settings.status()})
            }
            ("session", Some(id)) => json!(sessions.get(id)?),
            ("health", _) => self.0.ready(clock::now()),
            _ => json!({"sessions": sessions.execution_status()}),
        })
    }

    fn missed(&self, subscribe: &Subscribe, after: u64) -> Result<Missed, Refusal> {
        // What is still in memory first: what is written meanwhile is then in both, and what is not is in the
        // first.
        let session = subscribe.key.session_id.as_deref();
        let unwritten = self.0.sessions.unwritten(session);
        let part = self.0.events.read_of(session, Some(after), MISSED_AT_ONCE)?;
        let logged = part.events.into_iter().map(|mut event| {
            let fields = event.as_object_mut();
            let position = fields.and_then(|fields| fields.remove("position")).and_then(|at| at.as_u64());
            let session_id = event["session_id"].as_str().unwrap_or_default().to_owned();
            (session_id, event["seq"].as_u64().unwrap_or(0), position, event)
        });
        let unwritten = unwritten.into_iter().filter(|_| !part.more).map(|(session_id, seq, mut event)| {
            event["session_id"] = session_id.as_str().into();
            (session_id, seq, None, event)
        });
        let wanted = logged.chain(unwritten).filter(|(id, .., event)| subscribe.wants(id, event));
        let events = wanted.map(|(session_id, seq, position, event)| {
            let json = event.to_string();
            MissedEvent { session_id, seq, position, json }
        });
        Ok(Missed { events: events.collect(), position: part.next_after, more: part.more })
    }

    /// Account, positions and orders of a session as they are now, or null and why. An update whose
    /// `data.seq` is not higher than that of this answer is already part of it.
    fn now<'a>(&'a self, subscribe: &'a Subscribe) -> BoxFuture<'a, Value> {
        Box::pin(async move {
            let ("session" | "orders" | "positions", Some(id)) =
                (subscribe.key.stream, subscribe.key.session_id.as_deref())
            else {
                return Value::Null;
            };
            let (now, reason) = match self.0.sessions.look(id, &Question::Account).await {
                Ok(Some(look)) => (look.summary(), None),
                Ok(None) => (Value::Null, Some(format!("session {id} does not run"))),
                Err(refusal) => (Value::Null, Some(refusal.message)),
            };
            json!({"now": now, "now_reason": reason})
        })
    }
}
