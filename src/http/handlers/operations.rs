//! The daemon itself: health, configuration, analytics status and the API description.

use crate::http::asyncapi::text as asyncapi_text;
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::lanes::Lane;
use crate::http::reply::{Content, Reply};
use crate::http::request::Call;
use crate::http::route::Answer;
use crate::service::CURSOR_EXPIRED;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::json;
use std::sync::Arc;

/// Default number of events and of log lines.
const EVENTS: usize = 200;

/// `GET /health`.
pub fn health(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let uptime = (call.now - context.service.started).seconds_f64();
    Ok(Reply::data(&json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "uptime_seconds": uptime})))
}

/// `GET /health/ready`.
pub fn ready(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let report = context.service.ready(call.now);
    let status = if report["status"] == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(Reply::data(&report).status(status))
}

/// `GET /api/config`.
pub fn config(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&*context.service.settings.current()))
}

/// `GET /api/config/status`.
pub fn config_status(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&context.service.settings.status()))
}

/// `GET /api/events`.
pub fn events(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let after = call.query.integer("after").map(i64::unsigned_abs);
        let limit = call.query.count("limit").unwrap_or(EVENTS);
        let shared = Arc::clone(&context);
        let read = move || shared.service.events.read(after, limit).map(|part| Reply::data(&part));
        match context.lanes.run(Lane::Store, read).await? {
            Err(refusal) if refusal.code == CURSOR_EXPIRED => {
                Err(context.service.sessions.with_sessions_now(refusal).await.into())
            }
            read => Ok(read?),
        }
    })
}

/// `GET /api/log`.
pub fn log(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let after = call.query.integer("after").map_or(0, i64::unsigned_abs);
    let limit = call.query.count("limit").unwrap_or(EVENTS);
    Ok(Reply::data(&context.service.log.read(after, limit, call.query.text("level"))))
}

/// `GET /api/store/verify`.
pub fn verify(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&context.service.verify()?))
}

/// `GET /openapi.json`.
pub fn openapi(context: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::new(StatusCode::OK, Content::Flat(Bytes::from_static(context.openapi.as_bytes()))))
}

/// `GET /asyncapi.json`.
pub fn asyncapi(_: &Arc<AppContext>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::new(StatusCode::OK, Content::Flat(Bytes::from_static(asyncapi_text().as_bytes()))))
}
