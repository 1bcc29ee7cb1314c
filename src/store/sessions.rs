//! Session records and their events: what was asked for, what happened, how it ended.

use super::checkpoints;
use super::error::during;
use super::event_log;
use super::event_segment::{EncodedSegment, EventSegment, lines};
use super::page::{StoredPage, Wanted};
use super::records::{ControlKindV1, SessionControlV1, SessionRow};
use super::results::{EncodedResult, NewResult};
use super::tables::{CONTROLS, SESSION_EVENTS, SESSIONS};
use super::{Store, StoreError, encode};
use redb::WriteTransaction;
use std::ops::ControlFlow;

const WRITING: &str = "writing a session";

/// A session's row, events and controls as bytes, ready to be written as part of a transaction.
pub(super) struct EncodedSession {
    id: String,
    session: Option<Vec<u8>>,
    is_over: bool,
    events: Vec<EncodedSegment>,
    controls: Vec<Vec<u8>>,
}

impl EncodedSession {
    fn new(session: &SessionRow, events: &EventSegment) -> Result<Self, StoreError> {
        Ok(EncodedSession {
            id: session.id.clone(),
            session: Some(encode(session)?),
            is_over: session.ended_us.is_some(),
            events: events.encoded()?,
            controls: Vec::new(),
        })
    }

    /// What an open recording's commit writes of its session.
    pub(super) fn of(session: Option<(&SessionRow, &EventSegment)>) -> Result<Option<Self>, StoreError> {
        session.map(|(session, events)| EncodedSession::new(session, events)).transpose()
    }

    /// Nothing yet of a session.
    pub(super) fn empty(id: &str) -> Self {
        EncodedSession {
            id: id.to_owned(),
            session: None,
            is_over: false,
            events: Vec::new(),
            controls: Vec::new(),
        }
    }

    /// Further events of a session.
    pub(super) fn of_events(id: &str, events: &EventSegment) -> Result<Self, StoreError> {
        Ok(EncodedSession { events: events.encoded()?, ..EncodedSession::empty(id) })
    }

    /// What was done to a session.
    pub(super) fn of_controls(id: &str, controls: &[SessionControlV1]) -> Result<Self, StoreError> {
        let controls = controls.iter().map(encode).collect::<Result<_, _>>()?;
        Ok(EncodedSession { controls, ..EncodedSession::empty(id) })
    }

    /// Adds what was done to the session; its bytes.
    pub(super) fn control(&mut self, control: &SessionControlV1) -> Result<usize, StoreError> {
        let bytes = encode(control)?;
        let count = bytes.len();
        self.controls.push(bytes);
        Ok(count)
    }

    /// Takes in what was waiting for the session.
    pub(super) fn take_in(&mut self, waiting: EncodedSession) {
        self.controls.splice(0..0, waiting.controls);
    }

    pub(super) fn write(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let id = self.id.as_str();
        if let Some(bytes) = &self.session {
            let mut table = SESSIONS.write(txn, WRITING)?;
            table.insert(id, bytes.as_slice()).map_err(during(WRITING))?;
        }
        if self.is_over {
            checkpoints::remove(txn, id)?;
        }
        if !self.events.is_empty() {
            let mut table = SESSION_EVENTS.write(txn, WRITING)?;
            for segment in &self.events {
                let key = (id, segment.first_seq);
                table.insert(key, segment.bytes.as_slice()).map_err(during(WRITING))?;
            }
            event_log::append(txn, id, &self.events)?;
        }
        if self.controls.is_empty() {
            return Ok(());
        }
        let mut table = CONTROLS.write(txn, WRITING)?;
        let next = CONTROLS
            .within(&table)
            .last((id, 0), (id, u64::MAX), |key| key.1)?
            .map_or(0, |(last, _)| last + 1);
        for (number, bytes) in (next..).zip(&self.controls) {
            table.insert((id, number), bytes.as_slice()).map_err(during(WRITING))?;
        }
        Ok(())
    }
}

impl Store {
    /// Keeps a session with events that belong to the same moment; one of the same id is replaced.
    pub fn put_session(&self, session: &SessionRow, events: &EventSegment) -> Result<(), StoreError> {
        let encoded = EncodedSession::new(session, events)?;
        self.write(move |txn| encoded.write(txn))
    }

    /// Keeps what was done to a session from outside, behind what was done before.
    pub fn put_session_controls(&self, id: &str, controls: &[SessionControlV1]) -> Result<(), StoreError> {
        let encoded = EncodedSession::of_controls(id, controls)?;
        self.write(move |txn| encoded.write(txn))
    }

    /// What was done to a session from outside, in order.
    pub fn session_controls(&self, id: &str) -> Result<Vec<SessionControlV1>, StoreError> {
        let mut controls = Vec::new();
        self.table(CONTROLS)?.checked().visit((id, 0), (id, u64::MAX), |_, control| {
            controls.push(control);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(controls)
    }

    /// The last control that paused entries of a session or allowed them again; `None` without one.
    pub(in crate::store) fn last_pause_or_resume(
        &self,
        id: &str,
    ) -> Result<Option<SessionControlV1>, StoreError> {
        let mut last: Option<SessionControlV1> = None;
        self.table(CONTROLS)?.checked().visit((id, 0), (id, u64::MAX), |_, control| {
            let is_one = matches!(control.kind, ControlKindV1::Pause | ControlKindV1::Resume);
            if is_one && last.as_ref().is_none_or(|last| last.at_ns <= control.at_ns) {
                last = Some(control);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(last)
    }

    /// Whether entries of a session are paused.
    ///
    /// # Errors
    /// What the disk reports, and damage.
    pub fn is_paused(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.last_pause_or_resume(id)?.is_some_and(|control| control.kind == ControlKindV1::Pause))
    }

    /// Keeps further events of a session.
    pub fn put_session_events(&self, id: &str, events: &EventSegment) -> Result<(), StoreError> {
        let encoded = EncodedSession::of_events(id, events)?;
        self.write(move |txn| encoded.write(txn))
    }

    /// Keeps how a session ended: its last state and events, its result, and what that adds to its
    /// strategies' statistics. All of it or nothing.
    pub fn finish_session(
        &self,
        session: &SessionRow,
        events: &EventSegment,
        result: Option<NewResult>,
    ) -> Result<(), StoreError> {
        let encoded = EncodedSession::new(session, events)?;
        let result = result.map(EncodedResult::new).transpose()?;
        self.write(move |txn| {
            encoded.write(txn)?;
            match &result {
                Some(result) => result.write(txn),
                None => Ok(()),
            }
        })
    }

    /// A session.
    pub fn session(&self, id: &str) -> Result<SessionRow, StoreError> {
        let found = self.table(SESSIONS)?.checked().get(id)?;
        found.ok_or_else(|| StoreError::NotFound { what: "session", id: id.to_owned() })
    }

    /// All sessions, newest first.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        let mut all = self.sessions_page(None, usize::MAX, None)?.items;
        all.sort_by(|a, b| (b.created_us, &b.id).cmp(&(a.created_us, &a.id)));
        Ok(all)
    }

    /// At most `limit` sessions before an id, newest first.
    pub fn sessions_page(
        &self,
        before: Option<&str>,
        limit: usize,
        wanted: Wanted<'_, SessionRow>,
    ) -> Result<StoredPage<SessionRow>, StoreError> {
        self.page(SESSIONS, before, limit, wanted)
    }

    /// Events of a session behind a number, at most `limit`: number and JSON object each, in order.
    pub fn session_events(
        &self,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        let table = self.table(SESSION_EVENTS)?;
        let wanted = after.saturating_add(1);
        // The segment that holds the first wanted event may begin before it.
        let first =
            table.checked().last((id, 0), (id, wanted), |key| key.1)?.map_or(wanted, |(first, _)| first);
        let mut events = Vec::new();
        table.checked().visit((id, first), (id, u64::MAX), |_, kept| {
            for (seq, line) in (kept.first_seq..).zip(lines(id, &kept)?.lines()) {
                if events.len() == limit {
                    return Ok(ControlFlow::Break(()));
                }
                if seq > after {
                    events.push((seq, line.to_owned()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(events)
    }

    /// Number of a session's last stored event; 0 without one.
    pub fn last_session_event(&self, id: &str) -> Result<u64, StoreError> {
        let last = self.table(SESSION_EVENTS)?.checked().last((id, 0), (id, u64::MAX), |_| ())?;
        Ok(last.map_or(0, |((), kept)| kept.first_seq + u64::from(kept.count) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SESSION_SEGMENT_BYTES;

    #[test]
    fn events_come_back_however_many_are_written_at_once() {
        let store = Store::in_memory().unwrap();
        let lines: Vec<String> = (0..60_000)
            .map(|number| format!("{{\"seq\":{number},\"event\":\"a line of some length\"}}"))
            .collect();
        let text = lines.join("\n") + "\n";
        assert!(text.len() > 2 * SESSION_SEGMENT_BYTES);
        store.put_session_events("s", &EventSegment { first_seq: 5, lines: text }).unwrap();
        let events = store.session_events("s", 0, usize::MAX).unwrap();
        assert!(events.iter().map(|(_, line)| line).eq(&lines));
        assert!(events.iter().map(|(seq, _)| *seq).eq(5..60_005));
        assert_eq!(store.last_session_event("s").unwrap(), 60_004);
        assert_eq!(store.session_events("s", 30_000, 1).unwrap()[0].0, 30_001);
    }
}
