//! Session records and their events: what was asked for, what happened, how it ended.

use super::error::during;
use super::page::{StoredPage, Wanted};
use super::records::{SessionEventsV1, SessionV2};
use super::results::{EncodedResult, NewResult};
use super::tables::{SESSION_EVENTS, SESSIONS};
use super::{Store, StoreError, decode, encode, pack, unpack};
use crate::limits::SESSION_SEGMENT_BYTES;
use redb::WriteTransaction;

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

/// A session's row and events as bytes.
struct Encoded {
    id: String,
    session: Option<Vec<u8>>,
    events: Option<(u64, Vec<u8>)>,
}

impl Encoded {
    fn new(session: &SessionV2, events: &EventSegment) -> Result<Self, StoreError> {
        Ok(Encoded { id: session.id.clone(), session: Some(encode(session)?), events: events.encoded()? })
    }

    fn write(&self, txn: &WriteTransaction) -> Result<(), StoreError> {
        let id = self.id.as_str();
        if let Some(bytes) = &self.session {
            let mut table = txn.open_table(SESSIONS).map_err(during(WRITING))?;
            table.insert(id, bytes.as_slice()).map_err(during(WRITING))?;
        }
        if let Some((first_seq, bytes)) = &self.events {
            let mut table = txn.open_table(SESSION_EVENTS).map_err(during(WRITING))?;
            table.insert((id, *first_seq), bytes.as_slice()).map_err(during(WRITING))?;
        }
        Ok(())
    }
}

impl Store {
    /// Keeps a session with events that belong to the same moment; one of the same id is replaced.
    pub fn put_session(&self, session: &SessionV2, events: &EventSegment) -> Result<(), StoreError> {
        let encoded = Encoded::new(session, events)?;
        self.write(move |txn| encoded.write(txn))
    }

    /// Keeps further events of a session.
    pub fn put_session_events(&self, id: &str, events: &EventSegment) -> Result<(), StoreError> {
        let encoded = Encoded { id: id.to_owned(), session: None, events: events.encoded()? };
        self.write(move |txn| encoded.write(txn))
    }

    /// Keeps how a session ended: its last state and events, its result, and what that adds to its strategies'
    /// statistics. All of it or nothing.
    pub fn finish_session(&self, session: &SessionV2, events: &EventSegment, result: Option<NewResult>) -> Result<(), StoreError> {
        let encoded = Encoded::new(session, events)?;
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
    pub fn session(&self, id: &str) -> Result<SessionV2, StoreError> {
        let table = self.read()?.open_table(SESSIONS).map_err(during(READING))?;
        let found = table.get(id).map_err(during(READING))?;
        found.map_or_else(|| Err(StoreError::NotFound { what: "session", id: id.to_owned() }), |bytes| decode(bytes.value(), id))
    }

    /// All sessions, newest first.
    pub fn sessions(&self) -> Result<Vec<SessionV2>, StoreError> {
        let mut all = self.sessions_page(None, usize::MAX, None)?.items;
        all.sort_by(|a, b| (b.created_us, &b.id).cmp(&(a.created_us, &a.id)));
        Ok(all)
    }

    /// At most `limit` sessions before an id, newest first.
    pub fn sessions_page(
        &self,
        before: Option<&str>,
        limit: usize,
        wanted: Wanted<'_, SessionV2>,
    ) -> Result<StoredPage<SessionV2>, StoreError> {
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
