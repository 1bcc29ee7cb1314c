//! Messages sent to a client.

use super::command::StreamKey;
use crate::domain::time::Timestamp;
use crate::http::next_step;
use crate::service::{Caller, Refusal, RefusalKind};
use serde_json::{Map, Value, json};

/// The answer to a successful request.
pub(super) fn response(id: Option<&str>, data: Value) -> String {
    json!({"type": "response", "id": id, "data": data}).to_string()
}

/// The answer to a refused request.
pub(super) fn error(id: Option<&str>, refusal: &Refusal) -> String {
    let message = match refusal.kind {
        RefusalKind::Internal => "internal error or disk failure; search the daemon log for details".into(),
        _ => next_step::added(refusal.code, &refusal.message),
    };
    let mut fields = Map::new();
    fields.insert("type".to_owned(), "error".into());
    fields.insert("id".to_owned(), id.into());
    fields.insert("error_code".to_owned(), refusal.code.into());
    fields.insert("error_message".to_owned(), message.into());
    if !refusal.details.is_null() && refusal.kind != RefusalKind::Internal {
        fields.insert("details".to_owned(), refusal.details.clone());
    }
    if let Some(seconds) = refusal.retry_after_s {
        fields.insert("retry_after".to_owned(), seconds.into());
    }
    Value::Object(fields).to_string()
}

/// Answer to `auth`: the current login.
pub(super) fn welcome(id: Option<&str>, login: &Caller) -> String {
    let data = json!({"username": &*login.name, "role": login.role.as_str(), "expires_at": login.expires.rfc3339_millis()});
    response(id, data)
}

/// Answer to `ping`, with the server's time.
pub(super) fn pong(id: Option<&str>, now: Timestamp) -> String {
    response(id, json!({"timestamp": now.rfc3339_millis()}))
}

/// Answer to `subscribe`; if `resumed`, no snapshot follows.
pub(super) fn subscribed(id: Option<&str>, key: &StreamKey, resumed: bool) -> String {
    let mut data = named(key);
    data.insert("resumed".to_owned(), resumed.into());
    response(id, Value::Object(data))
}

/// Answer to `unsubscribe`.
pub(super) fn unsubscribed(id: Option<&str>, key: &StreamKey) -> String {
    response(id, Value::Object(named(key)))
}

/// The current state of a stream; everything up to `position` of the event log is in it or was sent before.
pub(super) fn snapshot(key: &StreamKey, seq: u64, position: Option<u64>, data: &Value) -> String {
    let position = positioned(position);
    format!("{{\"type\":\"snapshot\",{},\"seq\":{seq}{position},\"data\":{data}}}", quoted(key))
}

/// One update. `cursor`, the number to resume from, is sent only if it differs from `seq`; with the update
/// everything up to `position` of the event log was sent.
pub(super) fn update(
    key: &StreamKey,
    seq: u64,
    (cursor, position): (Option<u64>, Option<u64>),
    data: &str,
) -> String {
    let position = positioned(position);
    let cursor = cursor
        .filter(|cursor| *cursor != seq)
        .map(|cursor| format!(",\"cursor\":{cursor}"))
        .unwrap_or_default();
    format!("{{\"type\":\"update\",{},\"seq\":{seq}{cursor}{position},\"data\":{data}}}", quoted(key))
}

fn positioned(position: Option<u64>) -> String {
    position.map(|position| format!(",\"position\":{position}")).unwrap_or_default()
}

fn named(key: &StreamKey) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("stream".to_owned(), key.stream.into());
    if let Some(session) = &key.session_id {
        fields.insert("session_id".to_owned(), session.as_str().into());
    }
    fields
}

fn quoted(key: &StreamKey) -> String {
    match &key.session_id {
        None => format!("\"stream\":\"{}\"", key.stream),
        Some(session) => {
            format!("\"stream\":\"{}\",\"session_id\":{}", key.stream, Value::from(session.as_str()))
        }
    }
}
