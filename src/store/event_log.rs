//! The event log: the events of all sessions in the order in which they became durable.
//!
//! An entry is written in the transaction of its events, which are kept by session. Every event has a position, given at
//! the commit: positions ascend, over all sessions and restarts, and none is given twice. The log is bounded in bytes; its
//! oldest entries go first. Events of a session that has ended go with their entry, those of one that runs stay until
//! it has ended, because a restart compares with them.

use super::checked::Snapshot;
use super::error::during;
use super::event_segment::{EncodedSegment, lines};
use super::records::{LogEntryV1, SessionEventsV1};
use super::tables::{EVENT_LOG, SESSION_EVENTS};
use super::{Store, StoreError, encode};
use crate::limits::REMOVED_AT_ONCE;
use redb::WriteTransaction;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

const WRITING: &str = "writing the event log";
const TRIMMING: &str = "removing old events";

/// An event of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoggedEvent {
    /// Its position in the log.
    pub position: u64,
    /// Its session.
    pub session_id: String,
    /// Its number in the session.
    pub seq: u64,
    /// The event, a JSON object.
    pub line: String,
}

/// Which positions there are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LogSpan {
    /// The oldest; 1 while nothing was removed.
    pub oldest: u64,
    /// The newest; 0 before the first event.
    pub newest: u64,
}

/// A part of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogPart {
    /// Events behind the position asked for, in order, of a log with these positions.
    Events(LogSpan, Vec<LoggedEvent>),
    /// Events between the position asked for and the oldest that is kept have been removed, or none has reached it.
    Expired(LogSpan),
}

impl LogEntryV1 {
    fn behind(&self, position: u64) -> u64 {
        position + u64::from(self.count)
    }
}

/// Appends entries for the segments of a session. Part of the transaction that writes these.
pub(super) fn append(
    txn: &WriteTransaction,
    session_id: &str,
    segments: &[EncodedSegment],
) -> Result<(), StoreError> {
    let mut table = EVENT_LOG.write(txn, WRITING)?;
    let last = EVENT_LOG.within(&table).last(0, u64::MAX, |position| *position)?;
    let mut position = last.map_or(1, |(position, entry)| entry.behind(position));
    for segment in segments {
        let entry = LogEntryV1 {
            session_id: session_id.to_owned(),
            first_seq: segment.first_seq,
            count: segment.count,
            bytes: u32::try_from(segment.bytes.len()).unwrap_or(u32::MAX),
        };
        table.insert(position, encode(&entry)?.as_slice()).map_err(during(WRITING))?;
        position = entry.behind(position);
    }
    Ok(())
}

impl Store {
    /// Events of the log behind a position (`None`: from the oldest on), at most `limit`, over all sessions.
    ///
    /// # Errors
    /// What the disk reports, and damage.
    pub fn log_events(&self, after: Option<u64>, limit: usize) -> Result<LogPart, StoreError> {
        let read = self.read()?;
        let log = Snapshot::new(&read, EVENT_LOG)?;
        let kept = Snapshot::new(&read, SESSION_EVENTS)?;
        let span = span(&log)?;
        let after = after.unwrap_or(span.oldest - 1);
        let wanted = after.saturating_add(1);
        if wanted < span.oldest || after > span.newest {
            return Ok(LogPart::Expired(span));
        }
        // The entry that holds the first wanted position may begin before it.
        let from =
            log.checked().last(0, wanted, |position| *position)?.map_or(wanted, |(position, _)| position);
        let mut events = Vec::new();
        log.checked().visit(from, u64::MAX, |position, entry| {
            if events.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            let segment = kept.checked().get((&entry.session_id, entry.first_seq))?;
            let Some(segment) = segment else {
                // Removed with the recording of its session.
                return Ok(ControlFlow::Continue(()));
            };
            add(*position, &entry.session_id, &segment, after, limit, &mut events)?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(LogPart::Events(span, events))
    }

    /// Removes the oldest entries until the events of the others have at most so many bytes, with the events of sessions
    /// for which `has_ended` says so; returns how many entries went. The newest entry stays: positions go on behind it.
    ///
    /// # Errors
    /// What the disk reports; what was removed until then stays removed.
    pub fn trim_log(&self, bytes: u64, has_ended: &mut dyn FnMut(&str) -> bool) -> Result<usize, StoreError> {
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
            let of_part = part.iter().map(|(position, entry)| {
                let events =
                    has_ended(&entry.session_id).then(|| (entry.session_id.clone(), entry.first_seq));
                (*position, events)
            });
            let of_part: Vec<_> = of_part.collect();
            self.write(move |txn| {
                let mut log = EVENT_LOG.write(txn, TRIMMING)?;
                let mut kept = SESSION_EVENTS.write(txn, TRIMMING)?;
                for (position, events) in &of_part {
                    log.remove(position).map_err(during(TRIMMING))?;
                    if let Some((session, first_seq)) = events {
                        // Also those whose entries went while the session ran.
                        let range = (session.as_str(), 0)..=(session.as_str(), *first_seq);
                        kept.retain_in(range, |_, _| false).map_err(during(TRIMMING))?;
                    }
                }
                Ok(())
            })?;
        }
    }

    /// Removes the events of sessions that made these recordings: they are kept as long as what they follow from.
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

fn span(log: &Snapshot<u64, LogEntryV1>) -> Result<LogSpan, StoreError> {
    let mut oldest = 1;
    log.checked().visit(0, u64::MAX, |position, _| {
        oldest = *position;
        Ok(ControlFlow::Break(()))
    })?;
    let last = log.checked().last(0, u64::MAX, |position| *position)?;
    Ok(LogSpan { oldest, newest: last.map_or(0, |(position, entry)| entry.behind(position) - 1) })
}

/// Adds the wanted events of an entry.
fn add(
    position: u64,
    session_id: &str,
    segment: &SessionEventsV1,
    after: u64,
    limit: usize,
    events: &mut Vec<LoggedEvent>,
) -> Result<(), StoreError> {
    let text = lines(session_id, segment)?;
    let numbered = (position..).zip(segment.first_seq..).zip(text.lines());
    let wanted = numbered.filter(|((position, _), _)| *position > after).take(limit - events.len());
    events.extend(wanted.map(|((position, seq), line)| LoggedEvent {
        position,
        session_id: session_id.to_owned(),
        seq,
        line: line.to_owned(),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::EventSegment;

    fn segment(first_seq: u64, count: u64) -> EventSegment {
        let lines = (first_seq..first_seq + count).map(|seq| format!("{{\"seq\":{seq}}}\n")).collect();
        EventSegment { first_seq, lines }
    }

    fn positions(store: &Store) -> LogSpan {
        match store.log_events(None, 0).unwrap() {
            LogPart::Events(span, _) | LogPart::Expired(span) => span,
        }
    }

    fn read(store: &Store, after: u64, limit: usize) -> Vec<(u64, String, u64)> {
        match store.log_events(Some(after), limit).unwrap() {
            LogPart::Events(_, events) => {
                events.into_iter().map(|event| (event.position, event.session_id, event.seq)).collect()
            }
            LogPart::Expired(span) => panic!("{span:?}"),
        }
    }

    #[test]
    fn a_reader_sees_every_event_once_in_the_order_of_the_commits_from_wherever_it_left() {
        let store = Store::in_memory().unwrap();
        assert_eq!(positions(&store), LogSpan { oldest: 1, newest: 0 });
        assert_eq!(read(&store, 0, 10), []);
        let commits = [("a", 1, 3), ("b", 1, 1), ("a", 4, 2), ("c", 1, 40), ("b", 2, 7)];
        for (session, first_seq, count) in commits {
            store.put_session_events(session, &segment(first_seq, count)).unwrap();
        }
        let mut all = Vec::new();
        for (session, first_seq, count) in commits {
            for seq in first_seq..first_seq + count {
                all.push((all.len() as u64 + 1, session.to_owned(), seq));
            }
        }
        for limit in [1, 2, 5, 100] {
            let (mut seen, mut after) = (Vec::new(), 0);
            loop {
                let part = read(&store, after, limit);
                assert!(part.len() <= limit);
                let Some((last, ..)) = part.last() else { break };
                after = *last;
                seen.extend(part);
            }
            assert_eq!(seen, all, "{limit} at once");
        }
        assert_eq!(positions(&store), LogSpan { oldest: 1, newest: 53 });
        assert!(store.verify().unwrap().is_sound());
    }

    #[test]
    fn a_log_that_is_full_loses_its_oldest_events_and_says_so() {
        let store = Store::in_memory().unwrap();
        for round in 0..50 {
            store.put_session_events("ended", &segment(1 + round * 10, 10)).unwrap();
            store.put_session_events("runs", &segment(1 + round * 10, 10)).unwrap();
        }
        let mut has_ended = |session: &str| session == "ended";
        assert_eq!(store.trim_log(u64::MAX, &mut has_ended).unwrap(), 0);
        assert!(store.trim_log(1_500, &mut has_ended).unwrap() > 50);
        let span = positions(&store);
        assert!(span.oldest > 500 && span.newest == 1_000, "{span:?}");
        assert_eq!(store.log_events(Some(0), 10).unwrap(), LogPart::Expired(span));
        assert_eq!(store.log_events(Some(span.oldest - 2), 10).unwrap(), LogPart::Expired(span));
        let rest = read(&store, span.oldest - 1, 5_000);
        assert_eq!((rest[0].0, rest.len() as u64), (span.oldest, 1_001 - span.oldest));
        assert_eq!(store.session_events("runs", 0, 5_000).unwrap().len(), 500, "a restart needs them");
        assert!(store.session_events("ended", 0, 5_000).unwrap()[0].0 > 200);
        // However small the bound is, positions go on where they were.
        store.trim_log(0, &mut has_ended).unwrap();
        store.put_session_events("new", &segment(1, 1)).unwrap();
        assert_eq!(positions(&store).newest, 1_001);
        assert!(store.verify().unwrap().is_sound());
    }
}
