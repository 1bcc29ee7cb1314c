//! Open recordings: rows as they arrive, durable with the next commit, in blocks when there are enough of
//! them.
//!
//! A commit appends one chunk to the recording's journal; a full block takes its rows out of it again.
//! Whoever makes a recording holds it; the store knows who does, so that a reader can have it sealed and
//! nobody removes it meanwhile. Never acknowledges what is not on disk.

mod blocks;
mod bounds;
mod commit;
mod leases;
mod resume;
mod rows;
mod waiting;
mod write;

pub use blocks::halves;
#[cfg(test)]
pub use bounds::Bounds;
pub use leases::RecordingLeases;

use super::super::event_segment::EventSegment;
use super::super::records::{RecordedSymbolV1, RecordingState, RecordingV1, SessionControlV1, SessionRow};
use super::super::results::{EncodedResult, NewResult};
use super::super::sessions::EncodedSession;
use super::super::{Store, StoreError};
use super::{NewRecording, check_name, put};
use crate::domain::record::{Record, RecordedGap};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::limits::RECORDING_STREAMS;
use commit::OpenRows;
use rows::Sealing;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use write::RecordingWrite;

/// What a session keeps in the same transaction as the rows it has seen.
#[derive(Clone, Copy, Default, Debug)]
pub struct RecordingCommit<'a> {
    /// The session as it stands, and events since the last commit.
    pub session: Option<(&'a SessionRow, &'a EventSegment)>,
}

/// What the end of a session keeps in the same transaction as the end of its recording.
#[derive(Clone, Default, Debug)]
pub struct RecordingEnd<'a> {
    /// The session as it ended, and its last events.
    pub session: Option<(&'a SessionRow, &'a EventSegment)>,
    /// Its result, and what that adds to its strategies' statistics.
    pub result: Option<NewResult>,
}

/// A recording that is being made. Dropped unfinished it stays as its last commit left it, for
/// [`Store::resume_recording`] or [`Store::complete_recording`].
pub struct OpenRecording {
    store: Arc<Store>,
    open: Arc<OpenRows>,
    id: String,
}

impl Store {
    /// Begins an open recording of these symbols; rows name them by their index. Its id is
    /// `session_YYYYMMDD_HHMMSS_xxxxxx`.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a name that is none or stands twice, too many symbols, or an id that
    /// exists; else what the disk reports.
    pub fn begin_recording(
        self: &Arc<Self>,
        new: NewRecording,
        symbols: Vec<String>,
    ) -> Result<OpenRecording, StoreError> {
        symbols.iter().try_for_each(|name| check_name(name))?;
        if symbols.len() > RECORDING_STREAMS || symbols.iter().collect::<BTreeSet<_>>().len() != symbols.len()
        {
            let count = symbols.len();
            return Err(StoreError::Refused(format!(
                "a recording has at most {RECORDING_STREAMS} symbols, each once; these are {count}"
            )));
        }
        let mut recording = new.row(RecordingState::Recording);
        let symbol = |name| RecordedSymbolV1 { name, price_scale: 0, quantity_scale: 0, streams: Vec::new() };
        recording.symbols = symbols.into_iter().map(symbol).collect();
        let id = recording.id.clone();
        let open = self.leases.claim(&id, || {
            self.refuse_known(&recording.id)?;
            self.write_alone(|txn| put(txn, &recording))?;
            Ok(OpenRows::new(recording))
        })?;
        Ok(OpenRecording { store: Arc::clone(self), open, id })
    }

    /// Takes up an open recording that was left unfinished, with every row that was committed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Refused`] when it is complete or somebody makes it,
    /// [`StoreError::Damaged`] with the location.
    pub fn resume_recording(self: &Arc<Self>, id: &str) -> Result<OpenRecording, StoreError> {
        let open = self.leases.claim(id, || resume::resume(self, id))?;
        Ok(OpenRecording { store: Arc::clone(self), open, id: id.to_owned() })
    }

    /// Open recordings, that is those which are not complete, oldest first: those being made and those that a
    /// killed process left.
    pub fn open_recordings(&self) -> Result<Vec<RecordingV1>, StoreError> {
        let mut all = self.all_recordings()?;
        all.retain(|recording| recording.state == RecordingState::Recording);
        Ok(all)
    }

    /// Removes a recording that was only begun: nothing stands on it.
    pub fn discard_recording(&self, recording: OpenRecording) {
        let id = recording.id.clone();
        drop(recording);
        self.remove_or_remember(&id);
    }

    /// Whether somebody in this process makes the recording.
    pub fn is_recording(&self, id: &str) -> bool {
        self.leases.has(id)
    }

    /// Completes an open recording that nobody will go on with, at its last commit.
    ///
    /// # Errors
    /// As [`Store::resume_recording`].
    pub fn complete_recording(&self, id: &str) -> Result<(), StoreError> {
        self.leases.claim(id, || resume::resume(self, id))?.finish(self, RecordingWrite::default())
    }

    /// Puts every row of an open recording that has arrived so far where readers find it, whoever makes the
    /// recording; of one symbol only when it is named. Nothing to do for a complete one.
    ///
    /// # Errors
    /// As [`Store::resume_recording`], and what the disk reports.
    pub fn flush_recording(&self, id: &str, symbol: Option<&str>) -> Result<(), StoreError> {
        let recording = self.recording(id)?;
        if recording.state != RecordingState::Recording {
            return Ok(());
        }
        let sealing = match symbol {
            None => Sealing::All,
            Some(name) => Sealing::Symbol(
                recording.symbols.iter().position(|symbol| symbol.name == name).unwrap_or(usize::MAX),
            ),
        };
        let open = match self.leases.of(id) {
            Some(open) => open,
            None => self.leases.claim(id, || resume::resume(self, id))?,
        };
        open.commit(self, sealing, RecordingWrite::default())
    }

    /// A recording to be read: as [`Store::recording`], with every row that has arrived so far (of a symbol,
    /// when one is named) where readers find it. On a disk that fails, what is there already.
    ///
    /// # Errors
    /// As [`Store::recording`], and damage.
    pub fn readable_recording(&self, id: &str, symbol: Option<&str>) -> Result<RecordingV1, StoreError> {
        match self.flush_recording(id, symbol) {
            Ok(()) => {}
            Err(
                StoreError::Refused(_)
                | StoreError::Full(_)
                | StoreError::FileTooLarge(_)
                | StoreError::Io { .. }
                | StoreError::ReadOnly(_),
            ) => {}
            Err(error) => return Err(error),
        }
        self.recording(id)
    }

    /// A recording to be shown: as [`Store::recording`], and of one that is being made rows count that are on
    /// disk and that readers do not find yet.
    ///
    /// # Errors
    /// As [`Store::recording`].
    pub fn counted_recording(&self, id: &str) -> Result<RecordingV1, StoreError> {
        self.recording(id).map(|recording| self.counted(recording))
    }

    pub(super) fn counted(&self, recording: RecordingV1) -> RecordingV1 {
        if recording.state != RecordingState::Recording {
            return recording;
        }
        let symbols = match self.leases.of(&recording.id) {
            Some(open) => Ok(open.rows().counts()),
            None => resume::resume(self, &recording.id).map(|open| open.rows().counts()),
        };
        match symbols {
            Ok(symbols) => RecordingV1 { symbols, ..recording },
            // A damaged journal is told to whoever reads its rows; what is in blocks is there.
            Err(_) => recording,
        }
    }
}

impl OpenRecording {
    /// The recording's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Appends rows of one stream, as one message brought them; in memory until the next commit. Their
    /// exchange times may go back; each has a receive time, and those of a stream never decrease.
    ///
    /// When `RECORDING_UNCOMMITTED_ROWS` wait for a commit, this is one.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for rows that cannot be kept (nothing of them is then), else what the disk
    /// reports.
    pub fn push(&self, symbol: SymbolId, rows: &[Record]) -> Result<(), StoreError> {
        let is_full = {
            let mut buffer = self.open.rows();
            buffer.push(symbol.index(), rows)?;
            buffer.is_full()
        };
        self.commit_when(is_full)
    }

    /// Appends a gap; in memory until the next commit, as rows.
    ///
    /// # Errors
    /// As [`OpenRecording::push`].
    pub fn gap(&self, symbol: SymbolId, gap: RecordedGap) -> Result<(), StoreError> {
        let is_full = {
            let mut buffer = self.open.rows();
            buffer.gap(symbol.index(), &gap)?;
            buffer.is_full()
        };
        self.commit_when(is_full)
    }

    fn commit_when(&self, is_full: bool) -> Result<(), StoreError> {
        if is_full { self.open.commit(&self.store, Sealing::Due, RecordingWrite::default()) } else { Ok(()) }
    }

    /// Appends what was done to the session that makes the recording; in memory until the next commit, as
    /// rows. Whoever commits, the rows of a commit never come without what was done before them.
    ///
    /// # Errors
    /// As [`OpenRecording::push`]. The recording then takes no more, and the next commit says why.
    pub fn control(&self, session: &str, control: &SessionControlV1) -> Result<(), StoreError> {
        let is_full = {
            let mut buffer = self.open.rows();
            buffer.control(session, control)?;
            buffer.is_full()
        };
        self.commit_when(is_full)
    }

    /// Makes everything so far durable, together with what the session keeps. Callers of several recordings
    /// and of other changes share the disk's sync.
    ///
    /// # Errors
    /// What the disk reports ([`StoreError::is_full`] when there is no room). The recording then takes no
    /// more: it is on disk as the last commit left it.
    pub fn commit(&self, with: RecordingCommit<'_>) -> Result<(), StoreError> {
        let change =
            RecordingWrite { session: EncodedSession::of(with.session)?, ..RecordingWrite::default() };
        self.open.commit(&self.store, Sealing::Due, change)
    }

    /// Commits, and puts every row where readers of the store find it.
    ///
    /// # Errors
    /// As [`OpenRecording::commit`].
    pub fn seal(&self) -> Result<(), StoreError> {
        self.open.commit(&self.store, Sealing::All, RecordingWrite::default())
    }

    /// Completes the recording together with the end of its session, in one commit; returns its id.
    ///
    /// # Errors
    /// As [`OpenRecording::commit`]; the recording then stays as the last commit left it.
    pub fn finish(self, with: RecordingEnd<'_>) -> Result<String, StoreError> {
        let session = EncodedSession::of(with.session)?;
        let result = with.result.map(EncodedResult::new).transpose()?;
        self.open.finish(&self.store, RecordingWrite { session, result, ..RecordingWrite::default() })?;
        Ok(self.id)
    }

    /// Rows so far, committed or not.
    pub fn rows(&self) -> u64 {
        self.open.rows().rows()
    }

    /// Bytes of it on disk: blocks and journal.
    pub fn bytes(&self) -> u64 {
        let committer = self.open.committer();
        committer.streams.iter().map(|stream| stream.info.bytes).sum::<u64>() + committer.journal.bytes as u64
    }

    /// Rows, gaps and controls that no commit has taken yet.
    #[cfg(test)]
    pub fn uncommitted_rows(&self) -> usize {
        self.open.rows().uncommitted
    }

    /// Rows that count as on disk.
    #[cfg(test)]
    pub fn rows_on_disk(&self) -> u64 {
        let streams = self.open.rows().counts().into_iter().flat_map(|symbol| symbol.streams);
        streams.map(|stream| stream.rows).sum()
    }

    /// Rows that wait in memory for a block.
    pub fn pending_rows(&self) -> usize {
        self.open.rows().pending
    }

    /// Smaller bounds, for tests of what happens when they are reached.
    #[cfg(test)]
    pub fn set_bounds(&self, bounds: Bounds) {
        self.open.rows().bounds = bounds;
    }

    /// Bytes of chunks on disk.
    #[cfg(test)]
    pub fn journal_bytes(&self) -> usize {
        self.open.committer().journal.bytes
    }

    /// Receive time of the latest row, also of those before a kill; the next one must not lie before it.
    pub fn last_received(&self) -> Option<Timestamp> {
        self.open.rows().last_received
    }
}

/// A panic of another caller left the recording as it was before its commit or marked as failed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
