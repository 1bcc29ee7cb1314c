//! Session records and their events: what was asked for, what happened, how it ended.

use super::error::during;
use super::page::{StoredPage, Wanted};
use super::records::{SessionControlV1, SessionEventsV1, SessionRow};
use super::results::{EncodedResult, NewResult};
use super::tables::{CONTROLS, SESSION_EVENTS, SESSIONS};
use super::{Store, StoreError, decode, encode, pack, unpack};
use crate::limits::SESSION_SEGMENT_BYTES;
use redb::{ReadableTable, WriteTransaction};

const READING: &str = "reading a session";
const WRITING: &str = "writing a session";

/// Consecutive events of a session on their way into the store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventSegment {
    /// Number of the first one, 1 and up.
    pub first_seq: u64,
    /// JSON objects, each with a newline behind it.
    pub lines: String,
}

impl EventSegment {
    fn encoded(&self) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let count = self.lines.bytes().filter(|byte| *byte == b'\n').count();
        if count == 0 {
            return Ok(None);
        }
        let lines = pack(&self.lines, WRITING)?;
        let count = u32::try_from(count).map_err(|_| StoreError::Refused("too many events for one segment".to_owned()))?;
        Ok(Some((self.first_seq, encode(&SessionEventsV1 { first_seq: self.first_seq, count, lines })?)))
    }
}

/// A session's row, events and controls as bytes, ready to be written as part of a transaction.
pub(super) struct EncodedSession {
    id: String,
    session: Option<Vec<u8>>,
    events: Option<(u64, Vec<u8>)>,
    controls: Vec<Vec<u8>>,
}

impl EncodedSession {
    fn new(session: &SessionRow, events: &EventSegment) -> Result<Self, StoreError> {
        Ok(EncodedSession { id: session.id.clone(), session: Some(encode(session)?), events: events.encoded()?, controls: Vec::new() })
    }

    /// What a live recording's commit writes of its session.
    pub(super) fn of(session: Option<(&SessionRow, &EventSegment)>, controls: &[SessionControlV1]) -> Result<Option<Self>, StoreError> {
        let Some((session, events)) = session else {
            let none = || StoreError::Refused("controls belong to a session: name it".to_owned());
            return if controls.is_empty() { Ok(None) } else { Err(none()) };
        };
        let controls = controls.iter().map(encode).collect::<Result<_, _>>()?;
        Ok(Some(EncodedSession { controls, ..EncodedSession::new(session, events)? }))
    }

    pub(super) fn write(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let id = self.id.as_str();
        if let Some(bytes) = &self.session {
            let mut table = txn.open_table(SESSIONS).map_err(during(WRITING))?;
            table.insert(id, bytes.as_slice()).map_err(during(WRITING))?;
        }
        if let Some((first_seq, bytes)) = &self.events {
            let mut table = txn.open_table(SESSION_EVENTS).map_err(during(WRITING))?;
            table.insert((id, *first_seq), bytes.as_slice()).map_err(during(WRITING))?;
        }
        if self.controls.is_empty() {
            return Ok(());
        }
        let mut table = txn.open_table(CONTROLS).map_err(during(WRITING))?;
        let last = table.range((id, 0)..=(id, u64::MAX)).map_err(during(WRITING))?.next_back();
        let next = last.transpose().map_err(during(WRITING))?.map_or(0, |(key, _)| key.value().1 + 1);
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
        let controls = controls.iter().map(encode).collect::<Result<_, _>>()?;
        let encoded = EncodedSession { id: id.to_owned(), session: None, events: None, controls };
        self.write(move |txn| encoded.write(txn))
    }

    /// What was done to a session from outside, in order.
    pub fn session_controls(&self, id: &str) -> Result<Vec<SessionControlV1>, StoreError> {
        let table = self.read()?.open_table(CONTROLS).map_err(during(READING))?;
        let rows = table.range((id, 0)..=(id, u64::MAX)).map_err(during(READING))?;
        rows.map(|row| decode(row.map_err(during(READING))?.1.value(), id)).collect()
    }

    /// Keeps further events of a session.
    pub fn put_session_events(&self, id: &str, events: &EventSegment) -> Result<(), StoreError> {
        let encoded = EncodedSession { id: id.to_owned(), session: None, events: events.encoded()?, controls: Vec::new() };
        self.write(move |txn| encoded.write(txn))
    }

    /// Keeps how a session ended: its last state and events, its result, and what that adds to its strategies'
    /// statistics. All of it or nothing.
    pub fn finish_session(&self, session: &SessionRow, events: &EventSegment, result: Option<NewResult>) -> Result<(), StoreError> {
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
        let table = self.read()?.open_table(SESSIONS).map_err(during(READING))?;
        let found = table.get(id).map_err(during(READING))?;
        found.map_or_else(|| Err(StoreError::NotFound { what: "session", id: id.to_owned() }), |bytes| decode(bytes.value(), id))
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
    pub fn session_events(&self, id: &str, after: u64, limit: usize) -> Result<Vec<(u64, String)>, StoreError> {
        let table = self.read()?.open_table(SESSION_EVENTS).map_err(during(READING))?;
        let wanted = after.saturating_add(1);
        // The segment that holds the first wanted event may begin before it.
        let mut before = table.range((id, 0)..=(id, wanted)).map_err(during(READING))?;
        let first = match before.next_back() {
            Some(row) => row.map_err(during(READING))?.0.value().1,
            None => wanted,
        };
        let mut events = Vec::new();
        for row in table.range((id, first)..=(id, u64::MAX)).map_err(during(READING))? {
            let (first_seq, text) = segment(id, row.map_err(during(READING))?.1.value())?;
            for (seq, line) in (first_seq..).zip(text.lines()) {
                if events.len() == limit {
                    return Ok(events);
                }
                if seq > after {
                    events.push((seq, line.to_owned()));
                }
            }
        }
        Ok(events)
    }

    /// Number of a session's last stored event; 0 without one.
    pub fn last_session_event(&self, id: &str) -> Result<u64, StoreError> {
        let table = self.read()?.open_table(SESSION_EVENTS).map_err(during(READING))?;
        let mut segments = table.range((id, 0)..=(id, u64::MAX)).map_err(during(READING))?;
        let Some(row) = segments.next_back() else { return Ok(0) };
        let kept: SessionEventsV1 = decode(row.map_err(during(READING))?.1.value(), id)?;
        Ok(kept.first_seq + u64::from(kept.count) - 1)
    }
}

fn segment(id: &str, bytes: &[u8]) -> Result<(u64, String), StoreError> {
    let kept: SessionEventsV1 = decode(bytes, id)?;
    let text = unpack(&kept.lines, SESSION_SEGMENT_BYTES, || format!("session_events `{id}` from {}", kept.first_seq))?;
    Ok((kept.first_seq, text))
}
