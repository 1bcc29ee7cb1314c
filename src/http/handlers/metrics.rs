//! `GET /metrics`: counters and gauges in the Prometheus text format. Metrics without a known value are left
//! out.

use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::reply::{Content, Reply};
use crate::http::request::Call;
use crate::service::market::LagCounts;
use crate::service::resident_bytes;
use crate::telemetry::dropped_lines;
use hyper::StatusCode;
use hyper::body::Bytes;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// `GET /metrics`.
pub fn metrics(context: &Arc<AppContext>, call: &mut Call) -> Result<Reply, Failure> {
    let mut page = Page::default();
    page.gauge(
        "uptime_seconds",
        "Seconds since the start.",
        (call.now - context.service.started).seconds_f64(),
    );
    page.gauge("connections", "Open connections.", context.counts.connections.load(Relaxed));
    page.gauge("websocket_clients", "WebSocket clients.", context.counts.clients.load(Relaxed));
    page.gauge("sessions_running", "Sessions that run.", context.service.sessions.execution_status().len());
    let alerts = context.service.sessions.alerts();
    page.counter(
        "alerts_total",
        "Alerts of sessions on a market: executions that fit no order, warnings of strategies, trouble with an account.",
        alerts.raised(),
    );
    page.counter(
        "alerts_dropped_total",
        "Alerts of which the program of alerts.exec was not told, because too many waited for it or the daemon stopped.",
        alerts.dropped(),
    );
    page.counter(
        "log_lines_dropped_total",
        "Lines of the log that were dropped, because standard error was not read fast enough.",
        dropped_lines(),
    );
    page.gauge(
        "config_version",
        "Version of the running configuration.",
        context.service.settings.status().version,
    );
    let writes = context.service.store_failure().is_none();
    page.gauge(
        "store_writable",
        "1 while the store takes writes, 0 while its disk does not.",
        u8::from(writes),
    );
    if let Some(bytes) = resident_bytes() {
        page.gauge("resident_bytes", "Resident memory.", bytes);
    }
    page.title("http_requests_total", "Answered requests.", "counter");
    for (class, number) in context.counts.by_class.iter().enumerate().skip(1) {
        page.line(&format!("http_requests_total{{status=\"{class}xx\"}}"), number.load(Relaxed));
    }
    analytics(&mut page, context);
    exchange(&mut page, context);
    Ok(Reply::new(
        StatusCode::OK,
        Content::File("text/plain; version=0.0.4; charset=utf-8", Bytes::from(page.0)),
    ))
}

/// Metrics of the copy in QuestDB; none while it is off.
fn analytics(page: &mut Page, context: &AppContext) {
    let config = context.service.settings.current();
    let Some(counts) = context.service.analytics.counts(&config.analytics.questdb) else { return };
    page.gauge("analytics_lag_seconds", "Since the copy in QuestDB was complete.", counts.lag.seconds_f64());
    page.gauge("analytics_lag_rows", "Rows known to be missing in QuestDB.", counts.lag_rows);
    page.counter("analytics_rows_total", "Rows acknowledged by QuestDB.", counts.rows);
    page.counter("analytics_rounds_total", "Rounds of copying.", counts.rounds);
    page.counter("analytics_failed_rounds_total", "Failed rounds of copying.", counts.failed_rounds);
    page.counter("analytics_refused_rows_total", "Rows that QuestDB refused.", counts.refused);
}

/// Metrics of the exchange connection; none when it is switched off.
fn exchange(page: &mut Page, context: &AppContext) {
    let Some(health) = context.service.market.health() else { return };
    page.gauge("exchange_sockets", "Sockets to the exchange that are open.", health.sockets);
    if let Some(age) = health.last_frame_age {
        page.gauge(
            "exchange_last_frame_age_seconds",
            "Since the last message of the exchange.",
            age.seconds_f64(),
        );
    }
    for (name, about, number) in [
        ("frames", "Messages from sockets.", health.frames),
        ("rows", "Rows received from the exchange.", health.rows),
        ("malformed", "Messages, rows and values that cannot be used.", health.malformed),
        ("unknown", "Unknown fields and channels received.", health.unknown_fields + health.unknown_channels),
        ("repeated", "Repeated messages and trades.", health.repeated),
        ("reconnects", "Times a socket was lost.", health.reconnects),
        ("resyncs", "Times a book had to be repaired.", health.resyncs),
        ("requests", "Calls sent.", health.requests),
        ("failed_requests", "Calls without a usable answer.", health.failed_requests),
        ("throttled", "Requests rejected by the exchange's rate limit.", health.throttled),
    ] {
        page.counter(&format!("exchange_{name}_total"), about, number);
    }
    let lags = context.service.market.lags();
    page.seconds(
        "decision_lag_seconds",
        "From the arrival of a message until a session has decided on it.",
        &lags.decided.counts(),
    );
    page.seconds(
        "journal_lag_seconds",
        "From the arrival of a message until it is on disk.",
        &lags.durable.counts(),
    );
    page.seconds(
        "commit_lag_seconds",
        "From a session's decision on a message until both are on disk.",
        &lags.committed.counts(),
    );
}

/// The text written so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, name: &str, about: &str, kind: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP tradingd_{name} {about}\n# TYPE tradingd_{name} {kind}");
    }

    fn line(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "tradingd_{name} {value}");
    }

    fn gauge(&mut self, name: &str, about: &str, value: impl Display) {
        self.title(name, about, "gauge");
        self.line(name, value);
    }

    fn counter(&mut self, name: &str, about: &str, value: u64) {
        self.title(name, about, "counter");
        self.line(name, value);
    }

    fn seconds(&mut self, name: &str, about: &str, counts: &LagCounts) {
        self.title(name, about, "histogram");
        for (us, count) in &counts.at_most_us {
            self.line(&format!("{name}_bucket{{le=\"{}\"}}", *us as f64 / 1e6), count);
        }
        self.line(&format!("{name}_bucket{{le=\"+Inf\"}}"), counts.count);
        self.line(&format!("{name}_sum"), counts.sum_s);
        self.line(&format!("{name}_count"), counts.count);
    }
}
