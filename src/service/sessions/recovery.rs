//! Sessions that the daemon left running: those on a live market go on, others are sealed.
//!
//! Never: one that stays as if it ran.

use super::running::Running;
use super::stream::EventStream;
use super::{Sessions, State, live_plan, things};
use crate::domain::time::Timestamp;
use crate::service::Refusal;
use crate::store::records::SessionRow;
use crate::store::{EventSegment, Store, StoreError};
use serde_json::json;
use std::sync::Arc;

impl Sessions {
    /// A session that the daemon left running goes on where that makes sense, else it is sealed.
    pub(super) fn take_up(self: &Arc<Self>, row: SessionRow, now: Timestamp) -> Result<(), Refusal> {
        let Some(recording) = row.input_recording_id.clone() else { return Ok(seal(&self.store, row, now)?) };
        let sealed = |row: SessionRow, why: &str| {
            seal_as(
                &self.store,
                SessionRow { was_orphaned: true, ..row },
                &format!("it could not go on after the daemon ended: {why}"),
                now,
            )
        };
        let plan = match live_plan::again(&row, &self.store) {
            Ok(plan) => plan,
            Err(why) => return Ok(sealed(row, &why)?),
        };
        let recording = match self.store.resume_recording(&recording) {
            Ok(recording) => recording,
            Err(error) => return Ok(sealed(row, &error.to_string())?),
        };
        let hold = self.references.hold(&row.id, things(&plan, Some(recording.id())));
        let last = self.store.last_session_event(&row.id)?;
        let stream = EventStream::new(&row.id, last, Arc::clone(&self.store), Arc::clone(&self.hub));
        let session = Arc::new(Running::new(row, &plan, plan.table.clone(), stream, hold).resuming());
        self.running().insert(session.id.clone(), Arc::clone(&session));
        self.launch(&session, plan, Some(recording), true, now)
    }
}

/// A session that the daemon left running is closed with what is known of it.
pub(super) fn seal(store: &Store, row: SessionRow, now: Timestamp) -> Result<(), StoreError> {
    let row = SessionRow { was_orphaned: true, ..row };
    seal_as(store, row, "the daemon ended while it ran", now)
}

/// A session is closed as failed.
pub(super) fn seal_as(
    store: &Store,
    mut row: SessionRow,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    row.state = State::Failed.as_str().to_owned();
    row.error = Some(why.to_owned());
    row.ended_us = Some(now.micros());
    let first_seq = store.last_session_event(&row.id)? + 1;
    row.reached.events = first_seq;
    let event = json!({
        "seq": first_seq, "event": "session_failed", "status": State::Failed, "timestamp": now.rfc3339_millis(),
        "error_message": why, "was_orphaned": row.was_orphaned,
    });
    store.finish_session(&row, &EventSegment { first_seq, lines: format!("{event}\n") }, None)
}
