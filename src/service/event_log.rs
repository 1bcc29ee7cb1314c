//! What was decided or happened, over all sessions and the daemon itself, for readers that go on where they left.

use super::hub::Hub;
use super::sessions::{event_object, removal};
use super::{CURSOR_EXPIRED, Refusal};
use crate::clock;
use crate::store::{LogPart, LogSpan, Store, StoreError};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The event log and whoever watches it now.
pub struct EventLog {
    store: Arc<Store>,
    hub: Arc<Hub>,
}

/// A part of the log.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LogView {
    /// Events in the order of their `position`; each has the `session_id` it belongs to (`daemon`: the daemon itself) and
    /// its `seq` there.
    pub events: Vec<Value>,
    /// `after` of the next part.
    pub next_after: u64,
    /// Whether there are more now.
    pub more: bool,
    /// Position of the oldest event that is kept.
    pub oldest: u64,
    /// Position of the newest event; 0 without one.
    pub newest: u64,
}

impl EventLog {
    /// The log of a store, for readers of a hub.
    pub fn new(store: Arc<Store>, hub: Arc<Hub>) -> Self {
        EventLog { store, hub }
    }

    /// Events behind a position (`None`: from the oldest on), at most `limit`, in the order in which they became durable.
    ///
    /// # Errors
    /// `cursor_expired` when events behind the position have been removed, or none has reached it.
    pub fn read(&self, after: Option<u64>, limit: usize) -> Result<LogView, Refusal> {
        let (LogSpan { oldest, newest }, logged) = match self.store.log_events(after, limit)? {
            LogPart::Events(span, events) => (span, events),
            LogPart::Expired(span) => return Err(expired(after.unwrap_or(0), span)),
        };
        let next_after = logged.last().map_or(newest, |event| event.position);
        let mut events = Vec::with_capacity(logged.len());
        for event in logged {
            let Ok(Value::Object(mut object)) = serde_json::from_str(&event.line) else {
                return Err(StoreError::Damaged {
                    place: format!("event log at position {}", event.position),
                    what: "the event is not a JSON object".to_owned(),
                }
                .into());
            };
            object.insert("position".to_owned(), event.position.into());
            object.insert("session_id".to_owned(), event.session_id.into());
            events.push(Value::Object(object));
        }
        Ok(LogView { events, next_after, more: newest > next_after, oldest, newest })
    }

    /// Keeps an event of the daemon itself and publishes it. On a disk that refuses it is published all the same, without a
    /// number: what it tells of has happened.
    pub fn add(&self, event: &'static str, mut fields: Value) {
        if let Value::Object(fields) = &mut fields {
            fields.entry("timestamp").or_insert_with(|| clock::now().rfc3339_millis().into());
        }
        let kept = fields.clone();
        let _publishing = self.hub.log.begin();
        let line = move |seq| event_object(Some(seq), event, None, kept.clone()).to_string();
        if let Err(error) = self.store.log_daemon_event(line) {
            tracing::warn!(event, %error, "an event of the daemon could not be kept");
        }
        self.hub.publish("sessions", event, None, None, fields);
        if let Ok(newest) = self.store.newest_position() {
            self.hub.log.reached(newest);
        }
    }

    /// Removes the oldest events until the others have at most so many bytes.
    ///
    /// # Errors
    /// What the store reports.
    pub fn trim(&self, bytes: u64) -> Result<usize, Refusal> {
        Ok(self.store.trim_log(bytes, &mut |session, last| removal(&self.store, session, last))?)
    }
}

/// The refusal of a cursor that is older than what is kept, or that no event has reached: then it is of another store, or of
/// this one before it was restored.
fn expired(after: u64, LogSpan { oldest, newest }: LogSpan) -> Refusal {
    let (message, details) = if after > newest {
        let message = format!(
            "there is no event at position {after}, the newest is {newest}: read from after={newest} or from the start"
        );
        (message, json!({"oldest": oldest, "newest": newest}))
    } else {
        let (first, last) = (after.saturating_add(1), oldest - 1);
        let message =
            format!("events from position {first} to {last} have been removed: go on from after={last}");
        (message, json!({"oldest": oldest, "newest": newest}))
    };
    Refusal::conflict(CURSOR_EXPIRED, message).with(details)
}
