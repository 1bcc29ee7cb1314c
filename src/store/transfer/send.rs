//! Writes the records of a store as a copy.

use super::super::checked::TableSnapshot;
use super::super::guard::guarded;
use super::super::records::{RecordingState, RecordingV1, ResultDocumentV1, ResultReportV1, SessionRow};
use super::super::results::NewResult;
use super::super::tables::{
    BLOCKS, GAPS, PUMP_LABELS, RECORDINGS, RESULT_DOCUMENTS, RESULT_NOTES, RESULT_REPORTS, RESULTS, SESSIONS,
    SYMBOL_FACTS, SYMBOL_SPECS,
};
use super::super::{Store, StoreError, pack};
use super::Records;
use super::entry::{Blocks, Entries, Entry};
use crate::limits::RESULT_REPORT_BYTES;
use redb::ReadTransaction;
use std::io::Write;
use std::ops::ControlFlow;

impl Store {
    /// Writes a copy of these records, as of one moment. A recording that is being made is copied with every
    /// row that has arrived, as if it were complete.
    ///
    /// # Errors
    /// What the store reports (damage is also told to the reader), and a reader that went away.
    pub fn send_records(&self, records: &Records, to: &mut dyn Write) -> Result<(), StoreError> {
        let mut to = Entries(to);
        match self.send_all(records, &mut to) {
            Err(StoreError::Damaged { place, what }) => {
                to.put(&Entry::Damaged { place: place.clone(), what: what.clone() })?;
                Err(StoreError::Damaged { place, what })
            }
            sent => sent.and_then(|()| to.finish()),
        }
    }

    fn send_all(&self, records: &Records, to: &mut Entries<'_>) -> Result<(), StoreError> {
        match records {
            Records::Strategies => {
                self.strategies()?.into_iter().try_for_each(|kept| to.put(&Entry::Strategy(kept)))?
            }
            Records::Recordings => {
                let read = self.read()?;
                for recording in self.recordings()? {
                    describe(&read, recording, to)?;
                }
            }
            Records::Recording(id) => self.send_recording(id, to)?,
            Records::Sessions => {
                self.sessions()?.into_iter().try_for_each(|row| self.put_session_row(row, to))?
            }
            Records::Session(id) => {
                self.send_session(id, to)?;
                self.send_summary(id, to)?;
            }
            Records::Results => {
                self.results()?.into_iter().try_for_each(|line| to.put(&Entry::Result(Box::new(line))))?;
                let notes = self.table(RESULT_NOTES)?.checked().values()?;
                notes.into_iter().try_for_each(|note| to.put(&Entry::Note(note)))?
            }
            Records::Result(id) => {
                self.send_session(id, to)?;
                if self.send_summary(id, to)? {
                    let document = self.table(RESULT_DOCUMENTS)?.checked().get(id)?;
                    document.into_iter().try_for_each(|document| to.put(&Entry::Document(document)))?;
                    let report = self.table(RESULT_REPORTS)?.checked().get(id)?;
                    report.into_iter().try_for_each(|report| to.put(&Entry::Report(report)))?;
                }
            }
        }
        Ok(())
    }

    fn send_session(&self, id: &str, to: &mut Entries<'_>) -> Result<(), StoreError> {
        let found = self.table(SESSIONS)?.checked().get(id)?;
        found.into_iter().try_for_each(|row| self.put_session_row(row, to))
    }

    fn put_session_row(&self, row: SessionRow, to: &mut Entries<'_>) -> Result<(), StoreError> {
        let paused = if row.ended_us.is_none() { self.last_pause_or_resume(&row.id)? } else { None };
        let id = row.id.clone();
        to.put(&Entry::Session(Box::new(row)))?;
        paused.into_iter().try_for_each(|control| to.put(&Entry::Paused(id.clone(), control)))
    }

    /// Writes the summary of a result and its note; returns whether there is one.
    fn send_summary(&self, id: &str, to: &mut Entries<'_>) -> Result<bool, StoreError> {
        let Some(line) = self.table(RESULTS)?.checked().get(id)? else { return Ok(false) };
        to.put(&Entry::Result(Box::new(line)))?;
        let note = self.table(RESULT_NOTES)?.checked().get(id)?;
        note.into_iter().try_for_each(|note| to.put(&Entry::Note(note)))?;
        Ok(true)
    }

    fn send_recording(&self, id: &str, to: &mut Entries<'_>) -> Result<(), StoreError> {
        match self.readable_recording(id, None) {
            Err(StoreError::NotFound { .. }) => return Ok(()),
            found => drop(found?),
        }
        // One transaction: the counts of a recording that grows must be those of its blocks.
        let read = self.read()?;
        let Some(recording) = TableSnapshot::new(&read, RECORDINGS)?.checked().get(id)? else {
            return Ok(());
        };
        describe(&read, recording, to)?;
        let behind = format!("{id}\0");
        guarded(|| {
            TableSnapshot::new(&read, BLOCKS)?.checked().visit(
                (id, "", 0, 0),
                (&behind, "", 0, 0),
                |(_, symbol, stream, first_seq), bytes| {
                    let symbol = (*symbol).to_owned();
                    to.put(&Entry::Blocks(Blocks { symbol, stream: *stream, first_seq: *first_seq, bytes }))?;
                    Ok(ControlFlow::Continue(()))
                },
            )
        })
    }
}

/// Writes a recording's description, gaps, labels, facts and specifications.
fn describe(read: &ReadTransaction, recording: RecordingV1, to: &mut Entries<'_>) -> Result<(), StoreError> {
    let id = recording.id.clone();
    let (id, behind) = (id.as_str(), format!("{id}\0"));
    to.put(&Entry::Recording(RecordingV1 { state: RecordingState::Complete, ..recording }))?;
    guarded(|| {
        TableSnapshot::new(read, GAPS)?
            .checked()
            .visit((id, 0), (id, u64::MAX), |_, gap| to.put(&Entry::Gap(gap)).map(ControlFlow::Continue))?;
        TableSnapshot::new(read, PUMP_LABELS)?.checked().visit((id, 0), (id, u64::MAX), |_, label| {
            to.put(&Entry::Label(label)).map(ControlFlow::Continue)
        })?;
        TableSnapshot::new(read, SYMBOL_FACTS)?.checked().visit((id, ""), (&behind, ""), |key, facts| {
            to.put(&Entry::Facts(key.1.to_owned(), facts)).map(ControlFlow::Continue)
        })?;
        TableSnapshot::new(read, SYMBOL_SPECS)?
            .checked()
            .visit((id, ""), (&behind, ""), |_, spec| to.put(&Entry::Spec(spec)).map(ControlFlow::Continue))
    })
}

impl NewResult {
    /// Writes the result as a copy that [`Store::receive`] accepts.
    ///
    /// # Errors
    /// A reader that went away.
    pub fn send(self, to: &mut dyn Write) -> Result<(), StoreError> {
        let id = self.result.id.clone();
        let report = match self.report.len() {
            0..=RESULT_REPORT_BYTES => Some(pack(&self.report, "sending records")?),
            _ => None,
        };
        let mut to = Entries(to);
        to.put(&Entry::Result(Box::new(self.result)))?;
        to.put(&Entry::Document(ResultDocumentV1 { id: id.clone(), document: self.document }))?;
        if let Some(html) = report {
            to.put(&Entry::Report(ResultReportV1 { id, html }))?;
        }
        self.outcomes.into_iter().try_for_each(|outcome| to.put(&Entry::Outcome(outcome)))?;
        to.finish()
    }
}
