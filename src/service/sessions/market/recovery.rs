//! Sessions that go on after the daemon or the disk failed: those with a journal from their last commit,
//! others are closed as failed. Invariant: none stays as if it ran.

use super::catch_up::CatchingUp;
use crate::clock;
use crate::domain::time::Timestamp;
use crate::service::Refusal;
use crate::service::sessions::Sessions;
use crate::service::sessions::run::outcome::Failure;
use crate::service::sessions::run::running::Running;
use crate::service::sessions::run::state::SessionState;
use crate::service::sessions::run::stream::EventStream;
use crate::service::sessions::start::plan::things;
use crate::service::sessions::start::{allowance, market_plan};
use crate::store::records::{ControlKindV1, SessionRow};
use crate::store::{EventSegment, OpenRecording, Store, StoreError};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often a session that stands still looks whether the disk takes writes.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Longest such wait, when it stands still again and again.
const LOOK_AGAIN_AT_MOST: Duration = Duration::from_secs(10);
/// How often its recording may be refused because a reader holds it.
const REFUSALS: u32 = 40;

impl Sessions {
    /// A session that the daemon left running goes on where that makes sense, else it is sealed.
    ///
    /// # Errors
    /// What the disk reports; the session stays as it is then.
    pub(in crate::service::sessions) fn take_up(
        self: &Arc<Self>,
        row: SessionRow,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(recording) = row.input_recording_id.clone() else {
            return Ok(fail_orphan(&self.store, row, now)?);
        };
        let sealed = |row: SessionRow, why: &str| {
            let why = format!("it could not go on after the daemon ended: {why}");
            fail_session(&self.store, SessionRow { was_orphaned: true, ..row }, &why, now)?;
            match self.store.complete_recording(&recording) {
                // What was recorded may be complete, or gone.
                Err(StoreError::Refused(_) | StoreError::NotFound { .. }) => Ok(()),
                completed => completed,
            }
        };
        let plan = match market_plan::again(&row, &self.store) {
            Ok(plan) => plan,
            Err(Failure::Store(error)) if error.may_pass() => return Err(error.into()),
            Err(why) => return Ok(sealed(row, &why.to_string())?),
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
        let stream = EventStream::new(&row.id, plan.kind, last, self.shared());
        let allowed = self.allowed_now(&allowance::behind(&plan.allowed, &controls), &plan.symbols);
        let begun = (plan.table.clone(), allowed);
        let session = Arc::new(Running::new(row, &plan, begun, stream, hold).mark_catching_up());
        // Only a stop closes every position; the request itself may not have got onto the disk.
        let is_stop = |kind: &ControlKindV1| matches!(kind, ControlKindV1::Stop | ControlKindV1::CloseAndEnd);
        if controls.iter().any(|control| is_stop(&control.kind)) {
            session.stop_again();
        }
        if session.is_live() {
            self.exposures.unknown(&session.id);
        }
        self.running().insert(session.id.clone(), Arc::clone(&session));
        self.launch(&session, plan, Some(recording), true, now)
    }
}

impl Sessions {
    /// The sessions that catch up with their journals after a restart, oldest first. Never touches the store.
    pub fn catching_up(&self) -> Vec<(String, CatchingUp)> {
        let running = self.running().clone();
        running.values().filter_map(|session| Some((session.id.clone(), session.catching_up()?))).collect()
    }
}

/// What became of a session whose disk works again.
enum Reopened {
    /// It goes on from its last commit.
    GoesOn(OpenRecording, Box<SessionRow>),
    /// Its last commit was its end, although the disk had reported a failure.
    Over(Box<SessionRow>),
}

impl Sessions {
    /// Waits until the disk takes writes again; gives the recording with which the session goes on from its
    /// last commit, as after a restart. `None`: it has ended, or the daemon ends and the session goes on with
    /// its next start.
    pub(in crate::service::sessions) fn wait_for_store(
        &self,
        session: &Running,
        error: &StoreError,
    ) -> Option<OpenRecording> {
        tracing::warn!(session = session.id, %error, "the session is stalled until the store can be written");
        let mut wait = LOOK_AGAIN;
        let mut refusals = 0;
        while !session.is_suspending() {
            std::thread::sleep(wait);
            if self.store.failure().is_some() {
                continue;
            }
            match self.reopen(session) {
                Ok(Reopened::GoesOn(recording, row)) => match self.store.last_session_event(&session.id) {
                    Ok(last) => {
                        session.restart(*row, last);
                        tracing::info!(
                            session = session.id,
                            "the store can be written again: the session goes on"
                        );
                        return Some(recording);
                    }
                    Err(error) => tracing::warn!(session = session.id, %error, "the session stands still"),
                },
                Ok(Reopened::Over(row)) => {
                    session.adopt_end(*row);
                    return None;
                }
                // A reader may hold the recording for a moment.
                Err(StoreError::Refused(_)) if refusals < REFUSALS => refusals += 1,
                Err(error) if error.may_pass() => wait = (wait + wait).min(LOOK_AGAIN_AT_MOST),
                Err(error) => {
                    let why = format!("it could not go on after the disk had failed: {error}");
                    if self.fail(session, &why) {
                        return None;
                    }
                }
            }
        }
        None
    }

    fn reopen(&self, session: &Running) -> Result<Reopened, StoreError> {
        if session.control.is_stopped() {
            session.stop_durably(&self.store)?;
        }
        let row = Box::new(self.store.session(&session.id)?);
        if SessionState::from_name(&row.state).is_some_and(SessionState::is_final) {
            return Ok(Reopened::Over(row));
        }
        let recording = row.input_recording_id.clone().unwrap_or_default();
        Ok(Reopened::GoesOn(self.store.resume_recording(&recording)?, row))
    }

    /// Closes a session that stands still as failed; whether the disk took that.
    fn fail(&self, session: &Running, why: &str) -> bool {
        let _publishing = session.stream.publishing();
        let failed =
            self.store.session(&session.id).and_then(|row| fail_session(&self.store, row, why, clock::now()));
        let row = failed.and_then(|()| self.store.session(&session.id));
        match row {
            Ok(row) => {
                session.adopt_end(row);
                true
            }
            Err(error) => {
                tracing::error!(session = session.id, %error, why, "the failure of a session could not be stored");
                false
            }
        }
    }
}

/// A session that the daemon left running is closed with what is known of it.
pub(super) fn fail_orphan(store: &Store, row: SessionRow, now: Timestamp) -> Result<(), StoreError> {
    let row = SessionRow { was_orphaned: true, ..row };
    fail_session(store, row, "the daemon ended while it ran", now)
}

/// A session is closed as failed.
pub(in crate::service::sessions) fn fail_session(
    store: &Store,
    mut row: SessionRow,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    row.state = SessionState::Failed.as_str().to_owned();
    row.error = Some(why.to_owned());
    row.ended_us = Some(now.micros());
    let first_seq = store.last_session_event(&row.id)? + 1;
    row.reached.events = first_seq;
    let event = json!({
        "seq": first_seq, "event": "session_failed", "status": SessionState::Failed, "timestamp": now.rfc3339_millis(),
        "error_message": why, "was_orphaned": row.was_orphaned,
    });
    store.finish_session(&row, &EventSegment { first_seq, lines: format!("{event}\n") }, None)
}
