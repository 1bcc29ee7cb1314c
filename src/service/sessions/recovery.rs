//! Sessions that the daemon left running: those on a live market go on, others are sealed.
//!
//! Never: one that stays as if it ran.

use super::running::Running;
use super::stream::EventStream;
use super::{Sessions, State, live_plan, things};
use crate::clock;
use crate::domain::time::Timestamp;
use crate::service::Refusal;
use crate::store::records::{ControlKindV1, SessionRow};
use crate::store::{EventSegment, Store, StoreError};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often a session that stands still looks whether the disk takes writes.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

impl Sessions {
    /// A session that the daemon left running goes on where that makes sense, else it is sealed.
    ///
    /// # Errors
    /// What the disk reports; the session stays as it is then.
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
            // The session stays as it is until the disk works.
            Err(error) if error.may_pass() => return Err(error.into()),
            Err(error) => return Ok(sealed(row, &error.to_string())?),
        };
        let controls = self.store.session_controls(&row.id)?;
        let hold = self.references.hold(&row.id, things(&plan, Some(recording.id())));
        let last = self.store.last_session_event(&row.id)?;
        let stream = EventStream::new(&row.id, false, last, Arc::clone(&self.store), Arc::clone(&self.hub));
        let session = Arc::new(Running::new(row, &plan, plan.table.clone(), stream, hold).resuming());
        if controls.iter().any(|control| control.kind == ControlKindV1::Stop) {
            session.stop_again();
        }
        self.running().insert(session.id.clone(), Arc::clone(&session));
        self.launch(&session, plan, Some(recording), true, now)
    }
}

impl Sessions {
    /// Waits until the disk takes writes again, then has the session go on from its last commit, as after a restart. Ends
    /// when the daemon does; the session then goes on with the next start.
    pub(super) fn take_up_when_writable(self: &Arc<Self>, session: &Running, error: &StoreError) {
        tracing::warn!(session = session.id, %error, "the session stands still until the store takes writes");
        while !session.is_suspending() {
            if self.store.failure().is_none() && self.try_take_up(session).is_ok() {
                tracing::info!(session = session.id, "the store takes writes again: the session goes on");
                session.leave();
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        session.close();
    }

    fn try_take_up(self: &Arc<Self>, session: &Running) -> Result<(), Refusal> {
        if session.control.is_stopped() {
            session.stop_durably(&self.store)?;
        }
        let row = self.store.session(&session.id)?;
        self.take_up(row, clock::now())
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
