//! Checkpoints of running sessions: the newest of each. One goes with the end of its session.

use super::error::during;
use super::records::CheckpointV1;
use super::tables::{CHECKPOINTS, SESSIONS};
use super::{Store, StoreError, encode};
use crate::limits::CHECKPOINT_BYTES;
use redb::WriteTransaction;
use std::io::Read;

const WRITING: &str = "writing a checkpoint";

impl CheckpointV1 {
    /// Takes the state in, compressed.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it is larger than [`CHECKPOINT_BYTES`].
    pub fn pack(&mut self, state: &[u8]) -> Result<(), StoreError> {
        const LEVEL: i32 = 1;
        if state.len() > CHECKPOINT_BYTES {
            let bytes = state.len();
            return Err(StoreError::Refused(format!(
                "it has {bytes} bytes, at most {CHECKPOINT_BYTES} are kept"
            )));
        }
        self.state_bytes = state.len() as u64;
        self.state = zstd::bulk::compress(state, LEVEL).map_err(|error| StoreError::io(WRITING, error))?;
        Ok(())
    }

    /// The state; `None` when it is not what was packed.
    pub fn unpack(&self) -> Option<Vec<u8>> {
        let bytes = usize::try_from(self.state_bytes).ok().filter(|bytes| *bytes <= CHECKPOINT_BYTES)?;
        let mut state = Vec::with_capacity(bytes);
        let frame = zstd::stream::read::Decoder::new(self.state.as_slice()).ok()?;
        frame.take(CHECKPOINT_BYTES as u64 + 1).read_to_end(&mut state).ok()?;
        (state.len() == bytes).then_some(state)
    }
}

impl Store {
    /// Keeps a checkpoint in the place of an earlier one of its session.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the session has ended, and what the disk reports.
    pub fn put_checkpoint(&self, checkpoint: &CheckpointV1) -> Result<(), StoreError> {
        let (id, bytes) = (checkpoint.session_id.clone(), encode(checkpoint)?);
        self.write_alone(|txn| {
            let sessions = SESSIONS.write(txn, WRITING)?;
            let session = SESSIONS.within(&sessions).get(id.as_str())?;
            if session.is_none_or(|session| session.ended_us.is_some()) {
                return Err(StoreError::Refused("its session has ended".to_owned()));
            }
            let mut table = CHECKPOINTS.write(txn, WRITING)?;
            table.insert(id.as_str(), bytes.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// The checkpoint of a session; `None` when none was made.
    ///
    /// # Errors
    /// Damage, and what the disk reports.
    pub fn checkpoint(&self, session: &str) -> Result<Option<CheckpointV1>, StoreError> {
        self.table(CHECKPOINTS)?.checked().get(session)
    }

    /// Removes the checkpoint of a session, if there is one.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn remove_checkpoint(&self, session: &str) -> Result<(), StoreError> {
        let id = session.to_owned();
        self.write(move |txn| remove(txn, &id))
    }
}

/// Removes the checkpoint of a session, if there is one.
pub(super) fn remove(txn: &WriteTransaction, session: &str) -> Result<(), StoreError> {
    CHECKPOINTS.write(txn, WRITING)?.remove(session).map_err(during(WRITING))?;
    Ok(())
}
