//! What the daemon's log says of a session: a line for every event a trader would look for. Each is written
//! when the event is published, so what the log says of a session with a journal is on disk.
//!
//! Backtests replay thousands of orders a second; only their lives are logged.

use super::event_sink::Class;
use crate::domain::decision::Guard;
use crate::domain::time::Timestamp;
use crate::service::sessions::start::request::SessionKind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A line of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub level: Level,
    /// Sentence without numbers, to search for.
    pub message: &'static str,
    /// `name=value` of what the event says, in its order.
    pub fields: String,
}

/// How loud a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Info,
    Warn,
    Error,
}

/// Guards that count over a UTC day: one that refuses an entry goes on refusing, as a rule until the day is
/// over.
const GUARDS_OF_THE_DAY: [Guard; 2] = [Guard::DailyTrades, Guard::DailyLoss];

/// The lines of one session.
pub(super) struct SessionLog {
    session: String,
    kind: SessionKind,
    /// What the limits of the day have refused, by strategy and guard: when the day ends, and how often.
    refused: Mutex<BTreeMap<(String, Guard), (Timestamp, u64)>>,
}

impl SessionLog {
    pub(super) fn new(session: &str, kind: SessionKind) -> Self {
        SessionLog { session: session.to_owned(), kind, refused: Mutex::default() }
    }

    /// Writes the line of an event, if it has one.
    pub(super) fn write(&self, class: Class, event: &str, symbol: Option<&str>, fields: &Value) {
        let (session, kind) = (self.session.as_str(), self.kind);
        if kind == SessionKind::Backtest && class != Class::Life {
            return;
        }
        if let Some(line) = line(kind, event, fields).and_then(|line| self.condensed(line, fields)) {
            put(session, symbol.unwrap_or("all"), line);
        }
    }

    /// A limit of the day that is used up refuses entry after entry: the first one is written with the end of
    /// the day, then every tenth, hundredth, thousandth and so on with how many there were.
    fn condensed(&self, mut line: Line, fields: &Value) -> Option<Line> {
        let refused_by =
            |guard: &Guard| fields["kind"] == "entry_blocked" && fields["guard"] == guard.as_str();
        let Some(guard) = GUARDS_OF_THE_DAY.into_iter().find(refused_by) else { return Some(line) };
        let Some(at) = fields["timestamp"].as_str().and_then(Timestamp::parse) else { return Some(line) };
        let day_end = Timestamp::from_seconds((at.day_ended() + 1) * 86_400);
        let strategy = fields["strategy_id"].as_str().unwrap_or_default().to_owned();
        // Every change is complete before anything can panic.
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, count) = refused.entry((strategy, guard)).or_insert((day_end, 0));
        if *until != day_end {
            (*until, *count) = (day_end, 0);
        }
        *count += 1;
        let count = *count;
        let is_written = 10_u64.pow(count.ilog10()) == count;
        line.fields.push_str(&format!(" count={count} until={}", day_end.rfc3339_millis()));
        is_written.then_some(line)
    }
}

fn put(session: &str, symbol: &str, line: Line) {
    let Line { level, message, fields } = line;
    let fields = (!fields.is_empty()).then(|| tracing::field::display(fields));
    match level {
        Level::Info => tracing::info!(%session, %symbol, fields, "{message}"),
        Level::Warn => tracing::warn!(%session, %symbol, fields, "{message}"),
        Level::Error => tracing::error!(%session, %symbol, fields, "{message}"),
    }
}

fn line(session: SessionKind, event: &str, fields: &Value) -> Option<Line> {
    let said = |name: &str| fields[name].as_str().unwrap_or_default();
    let (level, message, names): (Level, &'static str, &[&str]) = match (event, said("status"), said("kind"))
    {
        ("session_started", ..) => (
            Level::Info,
            "session started",
            &["session_type", "user", "symbols", "strategies", "source_session_id"],
        ),
        ("session_status", "running", _) if fields.get("stalled").is_none() => {
            (Level::Info, "session runs", &[])
        }
        ("session_status", "stopping", _) if fields.get("stalled").is_none() => {
            (Level::Info, stops(session), &[])
        }
        ("session_stopped", ..) => (Level::Info, "session stopped", &ENDED),
        ("session_completed", ..) => (Level::Info, "session completed", &ENDED),
        ("session_failed", ..) => (Level::Error, "session failed", &["error_message"]),
        ("symbol_table", ..) => {
            (Level::Info, "symbols switched off for entries from here on", &["disabled_symbols", "timestamp"])
        }
        ("limits_tightened", ..) => {
            (Level::Info, "tighter limits from here on", &["disabled_symbols", "changes", "timestamp"])
        }
        ("feed", _, "connected") => (Level::Info, "market data connected", &["socket"]),
        ("feed", _, "disconnected") => (Level::Warn, "market data lost", &["socket", "reason"]),
        ("feed", _, "refused") => (Level::Warn, "the exchange refuses a symbol", &["reason"]),
        ("feed", _, "halted") => (Level::Warn, "symbol halted: entries are off", &["reason"]),
        ("feed", _, "resumed") => (Level::Info, "symbol trades again", &[]),
        ("feed", _, "terms_changed") => {
            (Level::Warn, "terms of a contract changed: entries stay off", &["reason"])
        }
        // Nothing was lost: the exchange itself shows no orders, as it does while a contract is paused, which
        // is a warning of its own.
        ("feed_gap", ..) if said("cause") == "empty_book" => {
            (Level::Info, "the exchange shows a book without levels", &["from"])
        }
        ("feed_gap", ..) => (Level::Warn, "market data are missing", &["from", "to", "cause"]),
        ("signal", ..) if said("section") == "S1" => (Level::Info, "signal", &["strategy_id", "price"]),
        ("signal", _, "entry_blocked") => (Level::Info, "entry blocked", &["strategy_id", "guard", "reason"]),
        ("order_update", "submitted", _) => (
            Level::Info,
            "order submitted",
            &["strategy_id", "order_id", "purpose", "side", "quantity", "limit", "price"],
        ),
        ("order_update", "accepted", _) => (Level::Info, "order accepted", &["strategy_id", "order_id"]),
        ("order_update", "cancel_sent", _) => (Level::Info, "cancel sent", &["strategy_id", "order_id"]),
        ("order_update", "rejected", _) => {
            (Level::Warn, "order rejected", &["strategy_id", "order_id", "reason"])
        }
        ("order_update", "cancelled", _) => (Level::Info, "order cancelled", &ORDER_ENDED),
        ("order_update", "expired", _) => (Level::Info, "order expired", &ORDER_ENDED),
        ("fill", ..) => (Level::Info, "order filled", &["strategy_id", "order_id", "quantity", "fill_price"]),
        ("position_update", "closed", _) => (
            Level::Info,
            "position closed",
            &[
                "strategy_id",
                "side",
                "quantity",
                "entry_price",
                "exit_price",
                "net",
                "currency",
                "net_pct",
                "reason",
            ],
        ),
        ("funding", ..) => (Level::Info, "funding settled", &["strategy_id", "amount", "currency"]),
        // It has its line at once, whatever becomes of the event.
        ("alert", _, "unassigned_fill") => return None,
        ("alert", ..) => (Level::Warn, "alert", &["strategy_id", "warning"]),
        _ => return None,
    };
    let shown = |name: &&str| {
        let value = fields.get(*name).filter(|value| !value.is_null())?;
        // On the wire every exit that waits for nothing is `emergency`, an ordinary stop too.
        let text = value.as_str().map(|text| if text == "emergency" { "market exit" } else { text });
        Some(text.map_or_else(|| format!("{name}={}", plain(value)), |text| format!("{name}={}", word(text))))
    };
    Some(Line { level, message, fields: names.iter().filter_map(shown).collect::<Vec<_>>().join(" ") })
}

/// What a session does from a stop on.
const fn stops(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Collect => "session stops: it records no more",
        SessionKind::Backtest => "session stops: it ends as at the end of its data",
        SessionKind::Paper | SessionKind::Live => "session stops: entries are off, positions are closed",
    }
}

/// A text as it stands in a pair: in quotes where one could not see where it ends.
fn word(text: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=' | ',');
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("{text:?}") }
}

/// A value that is no text; of a list of texts its elements.
fn plain(value: &Value) -> String {
    let texts = value.as_array().and_then(|all| all.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    match texts {
        Some(texts) if !texts.is_empty() => texts.into_iter().map(word).collect::<Vec<_>>().join(","),
        _ => value.to_string(),
    }
}

/// Fields logged for an order that ended before it was filled in full.
const ORDER_ENDED: [&str; 5] = ["strategy_id", "order_id", "reason", "filled_quantity", "unfilled_quantity"];

/// What an end says.
const ENDED: [&str; 5] = ["signals", "orders", "fills", "trades", "result_id"];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(event: &str, fields: &Value) -> Option<String> {
        line(SessionKind::Paper, event, fields)
            .map(|line| format!("{:?} {} {}", line.level, line.message, line.fields))
    }

    #[test]
    fn what_a_trader_looks_for_has_a_line() {
        let closed = json!({"status": "closed", "strategy_id": "pump_v2", "side": "long", "quantity": 2.0,
            "entry_price": 100.0, "exit_price": 97.0, "net": -6.1, "net_pct": -3.05, "currency": "USDT", "reason": "SL", "instance": 1});
        let cases = [
            (
                "session_started",
                json!({"session_type": "paper", "user": "ann", "symbols": ["A", "B"], "request": {}}),
                "Info session started session_type=paper user=ann symbols=A,B",
            ),
            (
                "session_failed",
                json!({"error_message": "the disk"}),
                "Error session failed error_message=\"the disk\"",
            ),
            (
                "feed",
                json!({"kind": "disconnected", "socket": 0, "reason": "reset"}),
                "Warn market data lost socket=0 reason=reset",
            ),
            (
                "feed_gap",
                json!({"from": "a", "to": "b", "cause": "restart"}),
                "Warn market data are missing from=a to=b cause=restart",
            ),
            (
                "feed_gap",
                json!({"from": "a", "to": "a", "cause": "empty_book"}),
                "Info the exchange shows a book without levels from=a",
            ),
            (
                "signal",
                json!({"kind": "entry_blocked", "guard": "warm_up", "value": 3.0, "reason": "3 indicators had no value yet"}),
                "Info entry blocked guard=warm_up reason=\"3 indicators had no value yet\"",
            ),
            (
                "order_update",
                json!({"status": "rejected", "order_id": 3, "reason": "no_market"}),
                "Warn order rejected order_id=3 reason=no_market",
            ),
            (
                "order_update",
                json!({"status": "expired", "order_id": 3, "reason": "unfilled", "filled_quantity": 1.0, "unfilled_quantity": 0.5}),
                "Info order expired order_id=3 reason=unfilled filled_quantity=1.0 unfilled_quantity=0.5",
            ),
            (
                "order_update",
                json!({"status": "submitted", "order_id": 4, "purpose": "emergency", "side": "sell", "quantity": 2.0}),
                "Info order submitted order_id=4 purpose=\"market exit\" side=sell quantity=2.0",
            ),
            (
                "position_update",
                closed,
                "Info position closed strategy_id=pump_v2 side=long quantity=2.0 entry_price=100.0 \
                 exit_price=97.0 net=-6.1 currency=USDT net_pct=-3.05 reason=SL",
            ),
        ];
        for (event, fields, expected) in cases {
            assert_eq!(text(event, &fields).as_deref(), Some(expected), "{event}");
        }
    }

    #[test]
    fn a_limit_of_the_day_that_is_used_up_has_few_lines() {
        let log = SessionLog::new("exec_1", SessionKind::Paper);
        let written = |guard: &str, strategy: &str, at: &str| {
            let fields =
                json!({"kind": "entry_blocked", "guard": guard, "strategy_id": strategy, "timestamp": at});
            let line = line(SessionKind::Paper, "signal", &fields).unwrap();
            log.condensed(line, &fields).map(|line| line.fields)
        };
        let mut lines = Vec::new();
        for second in 0..1_234 {
            let at = format!("2026-11-30T10:{:02}:{:02}Z", second / 60, second % 60);
            lines.extend(written("max_daily_trades", "pump", &at));
            assert!(
                written("max_spread", "pump", &at).is_some(),
                "a limit of another kind may pass at any time"
            );
        }
        let expected = |count: u64| {
            format!("strategy_id=pump guard=max_daily_trades count={count} until=2026-12-01T00:00:00.000Z")
        };
        assert_eq!(lines, [1, 10, 100, 1_000].map(expected));
        let (midnight, next) = ("2026-12-01T00:00:00Z", "2026-12-01T00:00:01Z");
        assert_eq!(written("max_daily_trades", "pump", midnight), None, "it belongs to the day that ends");
        let of_next = written("max_daily_trades", "pump", next).unwrap();
        assert!(of_next.ends_with("count=1 until=2026-12-02T00:00:00.000Z"), "{of_next}");
        assert!(
            written("daily_loss_limit", "pump", next).is_some()
                && written("max_daily_trades", "dump", next).is_some()
        );
    }

    #[test]
    fn only_what_trades_is_said_to_close_positions() {
        let said = |kind| {
            line(kind, "session_status", &json!({"status": "stopping"})).map(|line| line.message.to_owned())
        };
        for (kind, trades) in [
            (SessionKind::Collect, false),
            (SessionKind::Backtest, false),
            (SessionKind::Paper, true),
            (SessionKind::Live, true),
        ] {
            let said = said(kind).unwrap_or_default();
            assert!(
                said.starts_with("session stops: ") && said.contains("entries are off") == trades,
                "{said}"
            );
        }
    }

    #[test]
    fn what_comes_with_every_event_has_none() {
        for (event, fields) in [
            ("state_transition", json!({"kind": "transition"})),
            ("session_progress", json!({"ticks": 7})),
            ("session_status", json!({"status": "running", "stalled": "the disk is full"})),
            ("position_update", json!({"status": "stop_moved"})),
        ] {
            assert_eq!(text(event, &fields), None, "{event}");
        }
    }
}
