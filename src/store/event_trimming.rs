//! The bound of the event log, in bytes: its oldest entries go first, and their events with them.
//!
//! Of a session that runs the newest record of events stays, so that its numbers go on. Invariant: what was
//! removed of it is written down in the same transaction, because a restart compares with the rest; in the
//! place of what was written down before, so that a session has one such note however long it runs.

use super::error::during;
use super::records::{ControlKindV1, SessionControlV1};
use super::sessions::EncodedSession;
use super::tables::{CONTROLS, EVENT_LOG, SESSION_EVENTS};
use super::{Store, StoreError, encode};
use crate::limits::REMOVED_AT_ONCE;
use redb::WriteTransaction;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

const TRIMMING: &str = "removing old events";

/// What is to become of the oldest events of a session.
#[derive(Clone, PartialEq, Debug)]
pub enum Removal {
    /// They go: nobody compares with them any more.
    All,
    /// They go but for those of the newest record: the numbers go on behind it.
    ButNewest,
    /// They go but for those of the newest record, and this [`ControlKindV1::EventsRemoved`], which counts
    /// all that went so far, is written down in the same transaction.
    Noted(SessionControlV1),
    /// They stay.
    Nothing,
}

impl Store {
    /// Removes the oldest entries until the events of the others have at most so many bytes, and their events
    /// as `removal` says of a session and the last number that would go; returns how many entries went. The
    /// newest entry stays: positions go on behind it.
    ///
    /// # Errors
    /// What the disk reports, and what `removal` does; what was removed until then stays removed.
    pub fn trim_log(
        &self,
        bytes: u64,
        removal: &mut dyn FnMut(&str, u64) -> Result<Removal, StoreError>,
    ) -> Result<usize, StoreError> {
        let (mut left, mut count) = (0, 0_u64);
        self.table(EVENT_LOG)?.checked().visit(0, u64::MAX, |_, entry| {
            left += u64::from(entry.bytes);
            count += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        let mut removed = 0;
        loop {
            let mut part = Vec::new();
            self.table(EVENT_LOG)?.checked().visit(0, u64::MAX, |position, entry| {
                if left <= bytes || count <= 1 || part.len() == REMOVED_AT_ONCE {
                    return Ok(ControlFlow::Break(()));
                }
                left -= u64::from(entry.bytes).min(left);
                count -= 1;
                part.push((*position, entry));
                Ok(ControlFlow::Continue(()))
            })?;
            if part.is_empty() {
                return Ok(removed);
            }
            removed += part.len();
            let sessions: BTreeMap<&str, u64> =
                part.iter().map(|(_, entry)| (entry.session_id.as_str(), entry.first_seq)).collect();
            let mut going = Vec::new();
            for (session, first_seq) in sessions {
                going.extend(self.going(session, first_seq, removal)?);
            }
            self.write(move |txn| {
                let mut log = EVENT_LOG.write(txn, TRIMMING)?;
                for (position, _) in &part {
                    log.remove(position).map_err(during(TRIMMING))?;
                }
                drop(log);
                going.iter().try_for_each(|events| events.remove(txn))
            })?;
        }
    }

    /// The events of a session up to those of the record that begins with `first_seq`, as far as they may go.
    /// `None`: none.
    fn going(
        &self,
        session: &str,
        first_seq: u64,
        removal: &mut dyn FnMut(&str, u64) -> Result<Removal, StoreError>,
    ) -> Result<Option<Going>, StoreError> {
        let kept = self.table(SESSION_EVENTS)?;
        let newest = kept.checked().last((session, 0), (session, u64::MAX), |key| key.1)?;
        let Some((newest, _)) = newest else { return Ok(None) };
        // The last record that may go is the one before the newest, and numbers have no holes.
        let before =
            kept.checked()
                .last((session, 0), (session, first_seq.min(newest.saturating_sub(1))), |key| key.1)?;
        let last = before.map_or(0, |(first, segment)| first + u64::from(segment.count) - 1);
        let session = session.to_owned();
        Ok(match removal(&session, last)? {
            Removal::All => Some(Going { session, first_seq, note: None }),
            Removal::ButNewest => Some(Going { session, first_seq: last, note: None }),
            Removal::Noted(control) => {
                let note = Some((self.noted(&session)?, control));
                Some(Going { session, first_seq: last, note })
            }
            Removal::Nothing => None,
        })
    }

    /// Key, among what was done to a session, of the newest note that events of it were removed.
    fn noted(&self, session: &str) -> Result<Option<u64>, StoreError> {
        let mut found = None;
        self.table(CONTROLS)?.checked().visit((session, 0), (session, u64::MAX), |key, control| {
            if matches!(control.kind, ControlKindV1::EventsRemoved { .. }) {
                found = Some(key.1);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Removes the events of sessions that made these recordings: they are kept as long as what they follow
    /// from.
    ///
    /// # Errors
    /// What the disk reports.
    pub(super) fn remove_events_of(&self, recordings: &BTreeSet<String>) -> Result<(), StoreError> {
        let of_these = |session: &super::records::SessionRow| {
            session.input_recording_id.as_ref().is_some_and(|id| recordings.contains(id))
        };
        for session in self.sessions_page(None, usize::MAX, Some(&of_these))?.items {
            let id = session.id;
            self.write_alone(move |txn| {
                let mut kept = SESSION_EVENTS.write(txn, TRIMMING)?;
                let range = (id.as_str(), 0)..=(id.as_str(), u64::MAX);
                kept.retain_in(range, |_, _| false).map_err(during(TRIMMING))
            })?;
        }
        Ok(())
    }
}

/// Events of a session that are removed, and what is written down of that.
struct Going {
    session: String,
    /// Number of the first event of the last record that goes, or a later one of that record.
    first_seq: u64,
    /// Key of the note that it replaces, and the new note.
    note: Option<(Option<u64>, SessionControlV1)>,
}

impl Going {
    fn remove(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let mut kept = SESSION_EVENTS.write(txn, TRIMMING)?;
        // Also those whose entries went before.
        let range = (self.session.as_str(), 0)..=(self.session.as_str(), self.first_seq);
        kept.retain_in(range, |_, _| false).map_err(during(TRIMMING))?;
        drop(kept);
        match &self.note {
            None => Ok(()),
            Some((None, note)) => {
                EncodedSession::of_controls(&self.session, std::slice::from_ref(note))?.write(txn)
            }
            Some((Some(at), note)) => {
                let mut controls = CONTROLS.write(txn, TRIMMING)?;
                let key = (self.session.as_str(), *at);
                controls.insert(key, encode(note)?.as_slice()).map_err(during(TRIMMING))?;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{EventSegment, Expiry, LogPart, LogSpan};

    fn segment(first_seq: u64, count: u64) -> EventSegment {
        let lines = (first_seq..first_seq + count).map(|seq| format!("{{\"seq\":{seq}}}\n")).collect();
        EventSegment { first_seq, lines }
    }

    fn positions(store: &Store) -> LogSpan {
        match store.log_events(None, 0).unwrap() {
            LogPart::Events { span, .. } | LogPart::Expired(span, _) => span,
        }
    }

    fn read(store: &Store, after: u64) -> Vec<u64> {
        match store.log_events(Some(after), 5_000).unwrap() {
            LogPart::Events { events, .. } => events.into_iter().map(|event| event.position).collect(),
            LogPart::Expired(span, why) => panic!("{why:?} {span:?}"),
        }
    }

    #[test]
    fn a_log_that_is_full_loses_its_oldest_events_and_says_so() {
        let store = Store::in_memory().unwrap();
        for round in 0..50 {
            store.put_session_events("ended", &segment(1 + round * 10, 10)).unwrap();
            store.put_session_events("runs", &segment(1 + round * 10, 10)).unwrap();
        }
        let removed = |seq| SessionControlV1 {
            at_ns: 0,
            kind: ControlKindV1::EventsRemoved { seq, events: seq, tells_money: false },
        };
        let pause = SessionControlV1 { at_ns: 0, kind: ControlKindV1::Pause };
        store.put_session_controls("runs", std::slice::from_ref(&pause)).unwrap();
        let mut removal = |session: &str, last: u64| {
            Ok(if session == "ended" { Removal::All } else { Removal::Noted(removed(last)) })
        };
        assert_eq!(store.trim_log(u64::MAX, &mut removal).unwrap(), 0);
        assert!(store.trim_log(1_500, &mut removal).unwrap() > 50);
        let span = positions(&store);
        assert!(span.oldest > 500 && span.newest == 1_000, "{span:?}");
        let trimmed = LogPart::Expired(span, Expiry::Trimmed);
        assert_eq!(store.log_events(Some(0), 10).unwrap(), trimmed);
        assert_eq!(store.log_events(Some(span.oldest - 2), 10).unwrap(), trimmed);
        assert_eq!(store.log_events(Some(1_001), 10).unwrap(), LogPart::Expired(span, Expiry::Ahead));
        let rest = read(&store, span.oldest - 1);
        assert_eq!((rest[0], rest.len() as u64), (span.oldest, 1_001 - span.oldest));
        let first = |session: &str| store.session_events(session, 0, 5_000).unwrap()[0].0;
        assert!(first("runs") > 200 && first("ended") > 200);
        let noted = || {
            let controls = store.session_controls("runs").unwrap();
            controls.into_iter().filter(|control| *control != pause).collect::<Vec<_>>()
        };
        assert_eq!(noted(), [removed(first("runs") - 1)], "in the same transaction, and once");
        assert_eq!(store.session_controls("ended").unwrap(), []);
        store.put_session_controls("runs", std::slice::from_ref(&pause)).unwrap();
        // However small the bound is, positions go on where they were.
        store.trim_log(0, &mut removal).unwrap();
        assert_eq!(first("runs"), 491, "its newest record stays");
        assert_eq!(noted(), [removed(490)]);
        assert_eq!(store.session_controls("runs").unwrap().len(), 3, "what was done to it is all there");
        assert_eq!(store.trim_log(0, &mut |_, _| Ok(Removal::Nothing)).unwrap(), 0);
        store.put_session_events("new", &segment(1, 1)).unwrap();
        assert_eq!(positions(&store).newest, 1_001);
        assert!(store.verify().unwrap().is_sound());
    }
}
