//! Commits of an open recording, one at a time.
//!
//! A commit takes what waits (under the lock of the rows, in memory), makes blocks of it and writes them
//! (holding only its turn), and notes what is on disk. So whoever appends rows waits for no disk. Invariant:
//! commits reach the disk in the order in which they took their rows.

use super::super::super::blocks::{BlockEncoder, kind_code};
use super::super::super::journal::ChunkWriter;
use super::super::super::records::{RecordedStreamV1, RecordingState, RecordingV1};
use super::super::super::{Store, StoreError, encode};
use super::blocks::StreamBlocks;
use super::bounds::JournalChunks;
use super::lock;
use super::rows::{RowBuffer, SealedRows, Sealing, Taken, recorded};
use super::write::RecordingWrite;
use crate::limits::BLOCK_ROWS;
use std::sync::{Mutex, MutexGuard};

/// An open recording: what waits in memory, and whose turn it is to commit that. Locked in this order: turn,
/// rows.
pub struct OpenRows {
    turn: Mutex<Committer>,
    rows: Mutex<RowBuffer>,
}

/// What commits know of the recording on disk.
pub struct Committer {
    /// As it is on disk.
    pub recording: RecordingV1,
    /// By index of the stream.
    pub streams: Vec<StreamBlocks>,
    pub journal: JournalChunks,
    /// Number of the next gap.
    pub next_gap: u64,
    encoder: BlockEncoder,
    chunk: ChunkWriter,
}

/// A commit under way. One that ends without saying how, by a panic, leaves a recording that takes no more.
struct Attempt<'a> {
    rows: &'a Mutex<RowBuffer>,
    outcome: Result<(), StoreError>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Err(error) = &self.outcome {
            lock(self.rows).fail(error);
        }
    }
}

impl OpenRows {
    /// Of a recording that is on disk without rows.
    pub fn new(recording: RecordingV1) -> Self {
        let rows = RowBuffer::new(&recording.id, names(&recording));
        OpenRows::resumed(Committer::new(recording), rows)
    }

    /// Of a recording that was read back.
    pub fn resumed(committer: Committer, rows: RowBuffer) -> Self {
        OpenRows { turn: Mutex::new(committer), rows: Mutex::new(rows) }
    }

    /// What waits in memory.
    pub fn rows(&self) -> MutexGuard<'_, RowBuffer> {
        lock(&self.rows)
    }

    /// What is on disk; waits for a commit under way.
    pub fn committer(&self) -> MutexGuard<'_, Committer> {
        lock(&self.turn)
    }

    /// Makes everything so far durable together with what else the change writes; waits for its turn.
    ///
    /// # Errors
    /// What the disk reports; nothing can be added then.
    pub fn commit(&self, store: &Store, sealing: Sealing, change: RecordingWrite) -> Result<(), StoreError> {
        self.attempt(self.committer(), store, sealing, change)
    }

    fn attempt(
        &self,
        mut committer: MutexGuard<'_, Committer>,
        store: &Store,
        sealing: Sealing,
        change: RecordingWrite,
    ) -> Result<(), StoreError> {
        let unknown = StoreError::damaged(
            format!("recording `{}`", committer.recording.id),
            "a commit of it ended halfway, which is a defect: restart the daemon",
        );
        let mut attempt = Attempt { rows: &self.rows, outcome: Err(unknown) };
        attempt.outcome = committer.commit(store, &self.rows, sealing, change);
        attempt.outcome.clone()
    }

    /// Completes the recording: every row is in blocks.
    ///
    /// # Errors
    /// As [`OpenRows::commit`].
    pub fn finish(&self, store: &Store, change: RecordingWrite) -> Result<(), StoreError> {
        // In the same turn as the commit: one by a reader must not be the last.
        let mut committer = self.committer();
        self.rows().usable()?;
        committer.recording.state = RecordingState::Complete;
        self.attempt(committer, store, Sealing::All, change)
    }
}

/// Names of its symbols, by index.
pub fn names(recording: &RecordingV1) -> Vec<String> {
    recording.symbols.iter().map(|symbol| symbol.name.clone()).collect()
}

impl Committer {
    /// Of a recording without rows.
    pub fn new(recording: RecordingV1) -> Self {
        Committer {
            recording,
            streams: Vec::new(),
            journal: JournalChunks::default(),
            next_gap: 0,
            encoder: BlockEncoder::new(),
            chunk: ChunkWriter::default(),
        }
    }

    fn commit(
        &mut self,
        store: &Store,
        rows: &Mutex<RowBuffer>,
        sealing: Sealing,
        mut change: RecordingWrite,
    ) -> Result<(), StoreError> {
        let is_over = self.recording.state == RecordingState::Complete;
        let mut taken = {
            let mut rows = lock(rows);
            rows.usable()?;
            for stream in &rows.streams[self.streams.len()..] {
                self.streams.push(StreamBlocks::new(RecordedStreamV1::empty(kind_code(stream.rows.kind()))));
            }
            rows.take(sealing, &mut self.journal, &mut self.chunk, is_over)
        };
        match (taken.session.take(), &mut change.session) {
            (Some(waiting), Some(session)) => session.take_in(waiting),
            (Some(waiting), none) => *none = Some(waiting),
            (None, _) => {}
        }
        if taken.is_empty() && !is_over {
            return if change.is_empty() { Ok(()) } else { store.write(move |txn| change.write(txn)) };
        }
        change.recording.clone_from(&self.recording.id);
        let reached = self.make(store, taken, is_over, &mut change)?;
        store.write(move |txn| change.write(txn))?;
        lock(rows).is_on_disk(reached);
        Ok(())
    }

    /// Makes what a commit writes of what it took; gives how far its streams are once that is on disk.
    fn make(
        &mut self,
        store: &Store,
        taken: Taken,
        is_over: bool,
        change: &mut RecordingWrite,
    ) -> Result<Vec<(usize, RecordedStreamV1, usize)>, StoreError> {
        let seals = is_over || !taken.sealed.is_empty();
        for SealedRows { index, symbol, rows, spacing_ns } in taken.sealed {
            let name = self.recording.symbols[symbol].name.as_str();
            let stream = &mut self.streams[index];
            let writes =
                stream.seal(store, (&self.recording.id, name), rows, spacing_ns, &mut self.encoder)?;
            change.segments.push((name.to_owned(), stream.info.stream, writes));
        }
        if seals {
            let names = self.recording.symbols.iter().map(|symbol| symbol.name.as_str());
            self.recording.symbols = recorded(names, &taken.symbols, |index| &self.streams[index].info);
            change.row = Some(encode(&self.recording)?);
        }
        (change.is_over, change.chunk, change.dropped) = (is_over, taken.chunk, taken.dropped);
        change.gaps = (self.next_gap, taken.gaps);
        self.next_gap += change.gaps.1.len() as u64;
        let on_disk = |(index, info): (usize, RecordedStreamV1)| {
            let stream = &self.streams[index];
            let info = RecordedStreamV1 { bytes: stream.info.bytes, ..info };
            (index, info, stream.tail_rows() % BLOCK_ROWS)
        };
        Ok(taken.reached.into_iter().map(on_disk).collect())
    }
}
