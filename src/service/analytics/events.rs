//! Signals, orders, fills, refusals and equity of sessions as rows, read from the event log.

use super::SyncError;
use super::flow::Flow;
use crate::analytics::Amount;
use crate::domain::time::Timestamp;
use crate::limits::ANALYTICS_EVENTS;
use crate::store::records::{SyncCursorV1, UnsentV1};
use crate::store::{Expiry, LogPart, LoggedEvent, Store};
use serde_json::Value;

const SOURCE: &str = "events";
const PART: &str = "log";
/// What the lines of events that are copied contain.
const COPIED: [&str; 4] =
    ["\"event\":\"signal\"", "\"event\":\"order_update\"", "\"event\":\"fill\"", "\"event\":\"equity\""];

/// Sends the events behind the cursor.
pub(super) fn all(store: &Store, flow: &mut Flow<'_>) -> Result<(), SyncError> {
    let mut cursor = flow.cursor(SOURCE, PART)?;
    // A comparison ends where the server's rows end.
    let end = flow.end(SOURCE, PART, u64::MAX)?;
    loop {
        // A comparison begins with the oldest event that is kept.
        let after = (!flow.is_comparison() || cursor.next > 0).then_some(cursor.next);
        let (span, events) = match store.log_events(after, ANALYTICS_EVENTS)? {
            LogPart::Events { span, events, .. } => (span, events),
            LogPart::Expired(_, Expiry::Ahead) => {
                // Another store's cursor, or this one before it was restored.
                cursor = SyncCursorV1::default();
                flow.reached(SOURCE, PART, cursor);
                continue;
            }
            LogPart::Expired(span, _) => {
                let rows = span.oldest - 1 - cursor.next;
                flow.lost(unsent(&cursor, rows));
                cursor = SyncCursorV1 { next: span.oldest - 1, ..cursor };
                flow.reached(SOURCE, PART, cursor);
                continue;
            }
        };
        let Some(last) = events.last().map(|event| event.position) else {
            if cursor.next < span.newest {
                // The rest was removed with its recordings.
                flow.reached(SOURCE, PART, SyncCursorV1 { next: span.newest, seen: span.newest, ..cursor });
            }
            return Ok(());
        };
        for event in events.iter().filter(|event| event.position <= end) {
            if let Some(at_us) = row(flow, event)? {
                cursor.sent_us = at_us;
            }
        }
        cursor = SyncCursorV1 { next: last, seen: span.newest, seen_us: cursor.sent_us, ..cursor };
        flow.reached(SOURCE, PART, cursor);
        flow.settle()?;
        if last >= end {
            return Ok(());
        }
    }
}

/// Events that are not sent yet.
pub(super) fn backlog(store: &Store) -> Result<u64, SyncError> {
    let (LogPart::Events { span, .. } | LogPart::Expired(span, _)) = store.log_events(None, 0)?;
    Ok(span.newest.saturating_sub(store.sync_cursor(SOURCE, PART)?.next))
}

/// Position of the oldest event that is kept.
pub(super) fn oldest(store: &Store) -> Result<u64, SyncError> {
    let (LogPart::Events { span, .. } | LogPart::Expired(span, _)) = store.log_events(None, 0)?;
    Ok(span.oldest)
}

fn unsent(cursor: &SyncCursorV1, rows: u64) -> UnsentV1 {
    let now_us = crate::clock::now().micros();
    UnsentV1 {
        recording_id: String::new(),
        symbol: String::new(),
        stream: SOURCE.to_owned(),
        from_us: if cursor.sent_us > 0 { cursor.sent_us } else { now_us },
        to_us: now_us,
        rows,
    }
}

/// The row of an event, if it is one of those that are copied; its time.
fn row(flow: &mut Flow<'_>, event: &LoggedEvent) -> Result<Option<i64>, SyncError> {
    // Most events are of other kinds: reading them as JSON would be most of the work.
    if !COPIED.iter().any(|kind| event.line.contains(kind)) {
        return Ok(None);
    }
    let Ok(fields) = serde_json::from_str::<Value>(&event.line) else { return Ok(None) };
    let Some(at_us) = time_us(&fields["timestamp"]) else { return Ok(None) };
    match (fields["event"].as_str(), fields["kind"].as_str()) {
        (Some("signal"), Some("entry_blocked")) => refusal(flow, event, &fields, at_us)?,
        (Some("signal"), _) => signal(flow, event, &fields, at_us)?,
        (Some("order_update"), _) => order(flow, event, &fields, at_us)?,
        (Some("fill"), _) => fill(flow, event, &fields, at_us)?,
        (Some("equity"), _) => equity(flow, event, &fields, at_us)?,
        _ => return Ok(None),
    }
    Ok(Some(at_us))
}

fn signal(flow: &mut Flow<'_>, event: &LoggedEvent, fields: &Value, at_us: i64) -> Result<(), SyncError> {
    let conditions = fields.get("conditions").map(Value::to_string);
    flow.row("signals", at_us)?
        .symbol("session_id", Some(&event.session_id))
        .symbol("strategy_id", fields["strategy_id"].as_str())
        .symbol("symbol", fields["symbol"].as_str())
        .symbol("section", fields["section"].as_str())
        .symbol("from_state", fields["from_state"].as_str())
        .symbol("to_state", fields["to_state"].as_str())
        .count("seq", event.position)
        .double("price", fields["price"].as_f64())
        .double("best_bid", fields["best_bid"].as_f64())
        .double("best_ask", fields["best_ask"].as_f64())
        .text("conditions", conditions.as_deref())
        .end_of(&event.session_id);
    Ok(())
}

fn order(flow: &mut Flow<'_>, event: &LoggedEvent, fields: &Value, at_us: i64) -> Result<(), SyncError> {
    flow.row("orders", at_us)?
        .symbol("session_id", Some(&event.session_id))
        .symbol("strategy_id", fields["strategy_id"].as_str())
        .symbol("symbol", fields["symbol"].as_str())
        .symbol("status", fields["status"].as_str())
        .symbol("side", word(&fields["side"]).as_deref())
        .symbol("purpose", fields["purpose"].as_str())
        .symbol("reason", fields["reason"].as_str())
        .count("seq", event.position)
        .long("order_id", fields["order_id"].as_i64())
        .double("quantity", fields["quantity"].as_f64())
        .double("limit_price", fields["limit"].as_f64())
        .double("best_bid", fields["best_bid"].as_f64())
        .double("best_ask", fields["best_ask"].as_f64())
        .end_of(&event.session_id);
    Ok(())
}

fn fill(flow: &mut Flow<'_>, event: &LoggedEvent, fields: &Value, at_us: i64) -> Result<(), SyncError> {
    let amount = |name: &str| fields[name].as_f64().and_then(Amount::nearest);
    flow.row("fills", at_us)?
        .symbol("session_id", Some(&event.session_id))
        .symbol("strategy_id", fields["strategy_id"].as_str())
        .symbol("symbol", fields["symbol"].as_str())
        .count("seq", event.position)
        .long("order_id", fields["order_id"].as_i64())
        .amount("price", amount("fill_price"))
        .amount("quantity", amount("quantity"))
        .double("best_bid", fields["best_bid"].as_f64())
        .double("best_ask", fields["best_ask"].as_f64())
        .text("trade_id", fields["trade_id"].as_str())
        .amount("cumulative_quantity", amount("cumulative_quantity"))
        .amount("fee", amount("fee"))
        .end_of(&event.session_id);
    Ok(())
}

fn equity(flow: &mut Flow<'_>, event: &LoggedEvent, fields: &Value, at_us: i64) -> Result<(), SyncError> {
    let amount = |name: &str| fields[name].as_f64().and_then(Amount::nearest);
    flow.row("session_equity", at_us)?
        .symbol("session_id", Some(&event.session_id))
        .symbol("currency", fields["currency"].as_str())
        .count("seq", event.position)
        .amount("equity", amount("equity"))
        .amount("balance", amount("balance"))
        .amount("exposure", amount("exposure"))
        .end_of(&event.session_id);
    Ok(())
}

fn refusal(flow: &mut Flow<'_>, event: &LoggedEvent, fields: &Value, at_us: i64) -> Result<(), SyncError> {
    flow.row("refusals", at_us)?
        .symbol("origin", Some("session"))
        .symbol("origin_id", Some(&event.session_id))
        .symbol("strategy_id", fields["strategy_id"].as_str())
        .symbol("symbol", fields["symbol"].as_str())
        .symbol("guard", fields["guard"].as_str())
        .count("seq", event.position)
        .long("refused", Some(1))
        .double("value", fields["value"].as_f64())
        .double("threshold", fields["threshold"].as_f64())
        .end_of(&event.session_id);
    Ok(())
}

fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_lowercase)
}

/// A time of a document or event in microseconds since 1970.
pub(super) fn time_us(value: &Value) -> Option<i64> {
    value.as_str().and_then(Timestamp::parse).map(Timestamp::micros)
}
