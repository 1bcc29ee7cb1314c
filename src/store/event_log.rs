//! The event log: the events of all sessions in the order in which they became durable.
//!
//! An entry is written in the transaction of its events, which are kept by session. Every event has a
//! position, given at the commit: positions ascend, over all sessions and restarts, and none is given twice.

use super::checked::TableSnapshot;
use super::error::during;
use super::event_segment::{EncodedSegment, lines};
use super::records::{LogEntryV1, SessionEventsV1};
use super::tables::{EVENT_LOG, SESSION_EVENTS};
use super::{Store, StoreError, encode};
use crate::limits::LOG_ENTRIES_PASSED;
use redb::WriteTransaction;
use std::ops::ControlFlow;

const WRITING: &str = "writing the event log";

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
    /// Events behind the position asked for.
    Events {
        /// The positions of the log.
        span: LogSpan,
        /// The events, in order.
        events: Vec<LoggedEvent>,
        /// Position up to which these are all that were asked for and are kept.
        read_to: u64,
        /// Whether events up to there were removed with the recording of their session.
        has_removed: bool,
    },
    /// The log of these positions cannot be read on from the position asked for.
    Expired(LogSpan, Expiry),
}

/// Why the log cannot be read on from a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// No event has reached it.
    Ahead,
    /// Events behind it were removed, because the log was full.
    Trimmed,
    /// Events of the session behind it were removed with its recording.
    RecordingRemoved,
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
        self.log_events_of(None, after, limit)
    }

    /// As [`Store::log_events`], only those of one session: entries of others are passed over, at most
    /// [`LOG_ENTRIES_PASSED`] at once, and their events are not read.
    ///
    /// # Errors
    /// What the disk reports, and damage.
    pub fn log_events_of(
        &self,
        session: Option<&str>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<LogPart, StoreError> {
        let read = self.read()?;
        let log = TableSnapshot::new(&read, EVENT_LOG)?;
        let kept = TableSnapshot::new(&read, SESSION_EVENTS)?;
        let span = span(&log)?;
        let after = after.unwrap_or(span.oldest - 1);
        let wanted = after.saturating_add(1);
        if after > span.newest {
            return Ok(LogPart::Expired(span, Expiry::Ahead));
        }
        if wanted < span.oldest {
            return Ok(LogPart::Expired(span, Expiry::Trimmed));
        }
        // The entry that holds the first wanted position may begin before it.
        let from =
            log.checked().last(0, wanted, |position| *position)?.map_or(wanted, |(position, _)| position);
        let (mut events, mut passed, mut read_to, mut has_removed) = (Vec::new(), 0, span.newest, false);
        log.checked().visit(from, u64::MAX, |position, entry| {
            if events.len() >= limit || passed == LOG_ENTRIES_PASSED {
                read_to = *position - 1;
                return Ok(ControlFlow::Break(()));
            }
            if session.is_some_and(|session| entry.session_id != session) {
                passed += 1;
                return Ok(ControlFlow::Continue(()));
            }
            let segment = kept.checked().get((&entry.session_id, entry.first_seq))?;
            let Some(segment) = segment else {
                // Removed with the recording of its session.
                has_removed |= entry.behind(*position) > wanted;
                let is_over = has_removed && session.is_some();
                return Ok(if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
            };
            add(*position, &entry.session_id, &segment, after, limit, &mut events)?;
            Ok(ControlFlow::Continue(()))
        })?;
        // All sessions are read on without the removed events, which the reader is told; of one session
        // nothing else is left.
        if has_removed && session.is_some() {
            return Ok(LogPart::Expired(span, Expiry::RecordingRemoved));
        }
        // The last entry may have more events than there was room for.
        if let Some(last) = events.last().filter(|_| events.len() >= limit) {
            read_to = last.position;
        }
        Ok(LogPart::Events { span, events, read_to, has_removed })
    }

    /// Position of the newest event; 0 before the first.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn newest_position(&self) -> Result<u64, StoreError> {
        let last = self.table(EVENT_LOG)?.checked().last(0, u64::MAX, |position| *position)?;
        Ok(last.map_or(0, |(position, entry)| entry.behind(position) - 1))
    }
}

fn span(log: &TableSnapshot<u64, LogEntryV1>) -> Result<LogSpan, StoreError> {
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
            LogPart::Events { span, .. } | LogPart::Expired(span, _) => span,
        }
    }

    #[test]
    fn who_reads_one_session_passes_over_the_others_without_their_events() {
        let store = Store::in_memory().unwrap();
        let passed = LOG_ENTRIES_PASSED as u64;
        store.put_session_events("one", &segment(1, 3)).unwrap();
        let others = (1..=passed + 10).map(|seq| segment(seq, 1).encoded().unwrap());
        let others: Vec<EncodedSegment> = others.flatten().collect();
        // Without their events: reading them would be damage, were they not removed with a recording.
        store.write(move |txn| append(txn, "other", &others)).unwrap();
        store.put_session_events("one", &segment(4, 2)).unwrap();
        let read =
            |after: u64, limit: usize| match store.log_events_of(Some("one"), Some(after), limit).unwrap() {
                LogPart::Events { events, read_to, .. } => {
                    (events.iter().map(|event| event.seq).collect::<Vec<_>>(), read_to)
                }
                LogPart::Expired(span, why) => panic!("{why:?} {span:?}"),
            };
        assert_eq!(read(0, 2), (vec![1, 2], 2));
        assert_eq!(read(2, 10), (vec![3], 3 + passed), "it passes over so many at once");
        let newest = 3 + passed + 10 + 2;
        assert_eq!(read(3 + passed, 10), (vec![4, 5], newest));
        assert_eq!(read(newest - 1, 10), (vec![5], newest));
        assert_eq!(read(newest, 10), (vec![], newest));
        assert_eq!(read(3 + passed, 1), (vec![4], newest - 1));
        let of_other = |after: u64| store.log_events_of(Some("other"), Some(after), 10).unwrap();
        let is_removed = |part| matches!(part, LogPart::Expired(_, Expiry::RecordingRemoved));
        assert!(is_removed(of_other(2)), "its events were removed");
        assert!(is_removed(of_other(newest - 3)), "the last one, too");
        assert!(matches!(of_other(newest - 2), LogPart::Events { .. }), "all of them had been read");
        let of_all = |after: u64, limit| match store.log_events(Some(after), limit).unwrap() {
            LogPart::Events { read_to, has_removed, .. } => (read_to, has_removed),
            LogPart::Expired(span, why) => panic!("{why:?} {span:?}"),
        };
        assert_eq!(of_all(0, 3), (3, false), "none so far");
        assert_eq!(of_all(0, 4), (newest - 1, true), "others passed over");
        assert_eq!(of_all(newest - 3, 10), (newest, true));
        assert_eq!(of_all(newest - 2, 10), (newest, false), "all of them had been passed over");
    }

    fn read(store: &Store, after: u64, limit: usize) -> Vec<(u64, String, u64)> {
        match store.log_events(Some(after), limit).unwrap() {
            LogPart::Events { events, .. } => {
                events.into_iter().map(|event| (event.position, event.session_id, event.seq)).collect()
            }
            LogPart::Expired(span, why) => panic!("{why:?} {span:?}"),
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
}
