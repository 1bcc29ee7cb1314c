//! Looking at the daemon itself: health, metrics, configuration, what the API offers.

use crate::http::edge::Edge;
use crate::http::error::Failure;
use crate::http::openapi::text;
use crate::http::reply::{Content, Reply};
use crate::http::request::Call;
use crate::service::resident_bytes;
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::json;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// `GET /health`.
pub fn health(edge: &Arc<Edge>, call: &mut Call) -> Result<Reply, Failure> {
    let uptime = (call.now - edge.service.started).seconds_f64();
    Ok(Reply::data(&json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "uptime_seconds": uptime})))
}

/// `GET /health/ready`.
pub fn ready(edge: &Arc<Edge>, call: &mut Call) -> Result<Reply, Failure> {
    let report = edge.service.ready(call.now);
    let status = if report["status"] == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(Reply::data(&report).status(status))
}

/// `GET /api/config`.
pub fn config(edge: &Arc<Edge>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&*edge.service.settings.current()))
}

/// `GET /api/config/status`.
pub fn config_status(edge: &Arc<Edge>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&edge.service.settings.status()))
}

/// `GET /api/analytics/status`.
pub fn analytics(_: &Arc<Edge>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::data(&json!({"enabled": false, "reason": "no copy to QuestDB is configured", "tables": []})))
}

/// `GET /openapi.json`.
pub fn openapi(_: &Arc<Edge>, _: &mut Call) -> Result<Reply, Failure> {
    Ok(Reply::new(StatusCode::OK, Content::Flat(Bytes::from_static(text().as_bytes()))))
}

/// `GET /metrics`, in the text form of Prometheus.
pub fn metrics(edge: &Arc<Edge>, call: &mut Call) -> Result<Reply, Failure> {
    let mut text = String::new();
    let mut gauge = |name: &str, about: &str, value: f64| {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP tradingd_{name} {about}\n# TYPE tradingd_{name} gauge\ntradingd_{name} {value}\n");
    };
    let count = |number: u64| number as f64;
    gauge("uptime_seconds", "Seconds since the start.", (call.now - edge.service.started).seconds_f64());
    gauge("connections", "Open connections.", count(edge.counts.connections.load(Ordering::Relaxed)));
    gauge("websocket_clients", "WebSocket clients.", count(edge.counts.clients.load(Ordering::Relaxed)));
    gauge("sessions_running", "Sessions that run.", edge.service.sessions.execution_status().len() as f64);
    gauge("config_version", "Version of the running configuration.", count(edge.service.settings.status().version));
    if let Some(bytes) = resident_bytes() {
        gauge("resident_bytes", "Resident memory.", count(bytes));
    }
    text.push_str("# HELP tradingd_http_requests_total Answered requests.\n# TYPE tradingd_http_requests_total counter\n");
    for (class, number) in edge.counts.by_class.iter().enumerate().skip(1) {
        let _ = writeln!(text, "tradingd_http_requests_total{{status=\"{class}xx\"}} {}", number.load(Ordering::Relaxed));
    }
    Ok(Reply::new(StatusCode::OK, Content::File("text/plain; version=0.0.4; charset=utf-8", Bytes::from(text))))
}
