//! What was decided or happened, over all sessions and the daemon itself, for readers that go on where they
//! left.

use super::Refusal;
use super::hub::Hub;
use super::sessions::{event_object, removal};
use crate::clock;
use crate::store::{DAEMON, Expiry, LogPart, LogSpan, Store, StoreError};
use serde::Serialize;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// The event log and whoever watches it now.
pub struct EventLog {
    store: Arc<Store>,
    hub: Arc<Hub>,
    /// Held while an event of the daemon is kept and published: readers see these in the order of their
    /// numbers.
    adding: Mutex<()>,
}

/// A part of the log.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LogView {
    /// Events in the order of their `position`; each has the `session_id` it belongs to (`daemon`: the daemon
    /// itself) and its `seq` there.
    pub events: Vec<Value>,
    /// `after` of the next part.
    pub next_after: u64,
    /// Whether there are more now.
    pub more: bool,
    /// Whether events up to `next_after` are missing, because they were removed with the recording of their
    /// session.
    pub events_removed: bool,
    /// Position of the oldest event that is kept.
    pub oldest: u64,
    /// Position of the newest event; 0 without one.
    pub newest: u64,
}

impl EventLog {
    /// The log of a store, for readers of a hub.
    pub fn new(store: Arc<Store>, hub: Arc<Hub>) -> Self {
        EventLog { store, hub, adding: Mutex::default() }
    }

    /// Events behind a position (`None`: from the oldest on), at most `limit`, in the order in which they
    /// became durable.
    ///
    /// # Errors
    /// `cursor_expired` when events behind the position have been removed, or none has reached it.
    pub fn read(&self, after: Option<u64>, limit: usize) -> Result<LogView, Refusal> {
        self.read_of(None, after, limit)
    }

    /// As [`EventLog::read`], only those of one session. A part may have fewer than `limit` although there
    /// are more.
    ///
    /// # Errors
    /// As [`EventLog::read`].
    pub fn read_of(
        &self,
        session: Option<&str>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<LogView, Refusal> {
        let part = self.store.log_events_of(session, after, limit)?;
        let (LogSpan { oldest, newest }, logged, next_after, events_removed) = match part {
            LogPart::Events { span, events, read_to, has_removed } => (span, events, read_to, has_removed),
            LogPart::Expired(span, why) => return Err(expired(after.unwrap_or(0), span, why)),
        };
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
        Ok(LogView { events, next_after, more: newest > next_after, events_removed, oldest, newest })
    }

    /// Keeps an event of the daemon itself and publishes it. On a disk that refuses it is published all the
    /// same, without a number: what it tells of has happened.
    pub fn add(&self, event: &'static str, mut fields: Value) {
        if let Value::Object(fields) = &mut fields {
            fields.entry("timestamp").or_insert_with(|| clock::now().rfc3339_millis().into());
        }
        let kept = fields.clone();
        // It protects no value that a panic could leave half changed.
        let _in_order = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let _publishing = self.hub.log.begin();
        let line = move |seq| event_object(Some(seq), event, None, kept.clone()).to_string();
        let told = match self.store.log_daemon_event(line) {
            Ok(seq) => event_object(Some(seq), event, None, fields),
            Err(error) => {
                tracing::warn!(event, %error, "an event of the daemon could not be kept");
                fields
            }
        };
        self.hub.publish("sessions", event, Some(DAEMON), None, told);
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

/// The refusal of a cursor from which nobody can read on.
fn expired(after: u64, LogSpan { oldest, newest }: LogSpan, why: Expiry) -> Refusal {
    let message = match why {
        // It is of another store, or of this one before it was restored.
        Expiry::Ahead => format!(
            "there is no event at position {after}, the newest is {newest}: read from after={newest} or from the start"
        ),
        Expiry::RecordingRemoved => format!(
            "events of the session behind position {after} were removed with its recording: take a snapshot of the session, \
             and go on from after={newest}"
        ),
        Expiry::Trimmed => {
            let (first, last) = (after.saturating_add(1), oldest - 1);
            format!("events from position {first} to {last} have been removed: go on from after={last}")
        }
    };
    Refusal::cursor_expired(message, oldest, newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::service::hub::{Filter, More, Start};
    use serde_json::json;

    #[test]
    fn events_of_the_daemon_are_published_in_order_with_their_numbers_in_the_log() {
        let hub = Arc::new(Hub::new(Timestamp::from_seconds(5)));
        let log = EventLog::new(Arc::new(Store::in_memory().unwrap()), Arc::clone(&hub));
        let mut cursor = hub.subscribe("sessions", Filter::default(), Start::Now, &Arc::default()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..25).for_each(|_| log.add("config_reloaded", json!({"version": 1}))));
            }
        });
        let mut updates = Vec::new();
        while cursor.read(100, &mut updates).unwrap() == More::Yes {}
        let told: Vec<Value> =
            updates.iter().map(|update| serde_json::from_str(&update.json).unwrap()).collect();
        let seqs: Vec<u64> = told.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert!(seqs.iter().copied().eq(1..=100), "{seqs:?}");
        let events = log.read(None, 1_000).unwrap().events;
        assert_eq!(events.len(), told.len());
        for (mut logged, told) in events.into_iter().zip(told) {
            logged.as_object_mut().unwrap().remove("position");
            assert_eq!(logged, told);
        }
    }
}
