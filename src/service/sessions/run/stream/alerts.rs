//! Alerts among the events of a session on a market.
//!
//! Invariant: each is raised once its event is on disk, or without one when the disk keeps it from getting
//! there.

use super::{Class, EventStream, Held, SessionKind, StreamState, event_object};
use crate::domain::time::Span;
use crate::limits::{ALERT_WAITS_MS, SESSION_SEGMENT_BYTES};
use serde_json::{Value, json};

const VENUE_ALERT: &str = "venue_alert";

impl EventStream {
    pub(super) fn is_alert(&self, event: &str) -> bool {
        self.kind != SessionKind::Backtest && (event == "alert" || event == VENUE_ALERT)
    }

    /// Something about the account that a person should know at once, from any thread. While the session has
    /// ended or stands still, or a disk hangs and as many events wait as a segment holds, it becomes no
    /// event.
    pub(in crate::service::sessions) fn venue_alert(&self, symbol: Option<&str>, fields: Value) {
        let mut state = self.lock();
        if state.closed || state.pending.lines.len() >= SESSION_SEGMENT_BYTES {
            return self.raise(&event_object(None, VENUE_ALERT, symbol, fields));
        }
        self.add_to(&mut state, Class::Feed, VENUE_ALERT, symbol, fields);
    }

    /// An execution fits no order of the session. Gives what the reader of its result must know.
    pub(in crate::service::sessions) fn unassigned_fill(&self, symbol: &str, at: &str, why: &str) -> String {
        tracing::warn!(session = self.session, symbol, why, "an execution fits no order");
        let fields = json!({"timestamp": at, "kind": "unassigned_fill", "reason": why});
        self.add(Class::Signal, "alert", Some(symbol), fields);
        format!("no position was opened on {symbol} after this, noted at {at}: {why}")
    }

    /// Raises the alerts whose events have waited for the disk too long.
    pub(in crate::service::sessions) fn raise_late(&self) {
        self.raise_held(Span::from_millis(ALERT_WAITS_MS));
    }

    /// Raises the alerts that are not on disk after so long, without the numbers of their events: those may
    /// be given again.
    pub(in crate::service::sessions) fn raise_held(&self, after: Span) {
        self.raise_held_of(&mut self.lock(), after);
    }

    pub(super) fn raise_held_of(&self, state: &mut StreamState, after: Span) {
        for held in state.held.iter_mut().flatten() {
            if let Held::Event(told) = held
                && told.alert.take_if(|waits| waits.elapsed() >= after).is_some()
            {
                let mut event = told.fields.clone();
                if let Some(fields) = event.as_object_mut() {
                    fields.shift_remove("seq");
                }
                self.raise(&event);
            }
        }
    }

    pub(super) fn raise(&self, event: &Value) {
        let mut alert = event.clone();
        if let Some(fields) = alert.as_object_mut() {
            fields.insert("session_id".to_owned(), self.session.as_str().into());
            fields.insert("session_type".to_owned(), self.kind.as_str().into());
        }
        self.alerts.raise(&alert);
    }
}
