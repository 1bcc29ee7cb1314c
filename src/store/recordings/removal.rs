//! Recordings leave: one that is not wanted any more, or the oldest so that others have room.
//!
//! A long recording goes in several transactions. The first hides it, the last forgets it; one that was killed in between
//! is hidden and goes when the store is opened. Never removes a recording that somebody makes.

use super::super::error::during;
use super::super::records::{RecordingState, RecordingV1};
use super::super::tables::{BLOCKS, BlockKey, GAPS, JOURNAL, RECORDINGS, SYMBOL_FACTS, SYMBOL_SPECS};
use super::super::{Store, StoreError};
use super::put;
use crate::domain::time::Timestamp;
use crate::limits::REMOVED_AT_ONCE;
use redb::{Key, Table, WriteTransaction};
use std::collections::BTreeSet;
use std::ops::RangeBounds;
use std::sync::PoisonError;

const REMOVING: &str = "removing a recording";

/// Which recordings are too old or too many.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Retention {
    /// Those whose last row, and whose import, lie before this moment go.
    pub before: Option<Timestamp>,
    /// The oldest go until all that are left, pinned ones too, have at most so many bytes of blocks.
    pub bytes: Option<u64>,
}

/// What was removed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Pruned {
    /// Ids, oldest first.
    pub recordings: Vec<String>,
    /// Bytes of their blocks.
    pub bytes: u64,
}

impl Store {
    /// Removes a recording with its blocks, journal, specifications and gaps.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Refused`] while somebody makes it.
    pub fn delete_recording(&self, id: &str) -> Result<(), StoreError> {
        self.recording(id)?;
        self.leases.unless_made(id, || self.remove_recording(id))
    }

    /// Removes complete recordings that are beyond the bounds and not pinned, oldest first.
    ///
    /// # Errors
    /// What the disk reports; what was removed until then is.
    pub fn prune(&self, keep: Retention, pinned: &BTreeSet<String>) -> Result<Pruned, StoreError> {
        let all = self.all_recordings()?;
        let mut left: u64 = all.iter().map(RecordingV1::bytes).sum();
        let mut pruned = Pruned::default();
        for recording in all {
            let is_old = keep.before.is_some_and(|before| last_used(&recording) < before);
            let is_too_much = keep.bytes.is_some_and(|bytes| left > bytes);
            let may_go = recording.state == RecordingState::Complete && !pinned.contains(&recording.id);
            if may_go && (is_old || is_too_much) {
                self.remove_recording(&recording.id)?;
                left -= recording.bytes();
                pruned.bytes += recording.bytes();
                pruned.recordings.push(recording.id);
            }
        }
        Ok(pruned)
    }

    pub(super) fn remove_recording(&self, id: &str) -> Result<(), StoreError> {
        while !self.write_alone(|txn| remove_some(txn, id))? {}
        Ok(())
    }

    /// Removes a recording that nobody will ever see; on a disk that fails, once it works again or with the next opening.
    pub(super) fn remove_or_remember(&self, id: &str) {
        if self.remove_recording(id).is_err() {
            self.abandoned.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        }
    }

    /// Removes what [`Store::remove_or_remember`] could not.
    pub(in crate::store) fn remove_abandoned(&self) {
        let abandoned = std::mem::take(&mut *self.abandoned.lock().unwrap_or_else(PoisonError::into_inner));
        abandoned.iter().for_each(|id| self.remove_or_remember(id));
    }
}

/// The later of its last row and its beginning: an import of old data is new.
fn last_used(recording: &RecordingV1) -> Timestamp {
    let last_ns = recording.span_ns().map_or(i64::MIN, |(_, last)| last);
    Timestamp::from_nanos(last_ns.max(recording.created_us.saturating_mul(1_000)))
}

/// One transaction's share; whether nothing of the recording is left.
fn remove_some(txn: &WriteTransaction, id: &str) -> Result<bool, StoreError> {
    // The first text behind `id` itself: the upper end of every key that begins with it.
    let behind = format!("{id}\0");
    let mut room = REMOVED_AT_ONCE;
    let mut blocks = BLOCKS.write(txn, REMOVING)?;
    take::<BlockKey<'static>>(
        &mut blocks,
        (id, "", 0, 0)..(behind.as_str(), "", 0, 0),
        |key| key.0 == id,
        &mut room,
    )?;
    let mut journal = JOURNAL.write(txn, REMOVING)?;
    take::<(&str, u64)>(&mut journal, (id, 0)..=(id, u64::MAX), |key| key.0 == id, &mut room)?;
    let mut gaps = GAPS.write(txn, REMOVING)?;
    take::<(&str, u64)>(&mut gaps, (id, 0)..=(id, u64::MAX), |key| key.0 == id, &mut room)?;
    let mut specs = SYMBOL_SPECS.write(txn, REMOVING)?;
    take::<(&str, &str)>(&mut specs, (id, "")..(behind.as_str(), ""), |key| key.0 == id, &mut room)?;
    let mut facts = SYMBOL_FACTS.write(txn, REMOVING)?;
    take::<(&str, &str)>(&mut facts, (id, "")..(behind.as_str(), ""), |key| key.0 == id, &mut room)?;
    if room > 0 {
        RECORDINGS.write(txn, REMOVING)?.remove(id).map_err(during(REMOVING))?;
        return Ok(true);
    }
    let hidden = RecordingV1 {
        id: id.to_owned(),
        state: RecordingState::Importing,
        sources: Vec::new(),
        created_us: 0,
        symbols: Vec::new(),
    };
    put(txn, &hidden)?;
    Ok(false)
}

/// Removes rows of a range while there is room for them in this transaction. On a damaged disk the range may hold rows of
/// others: `is_own` knows.
fn take<'a, K: Key + 'static>(
    table: &mut Table<'_, K, &'static [u8]>,
    range: impl RangeBounds<K::SelfType<'a>> + 'a,
    is_own: impl for<'k> Fn(&K::SelfType<'k>) -> bool,
    room: &mut usize,
) -> Result<(), StoreError> {
    let mut rows = table.extract_from_if(range, |key, _| is_own(&key)).map_err(during(REMOVING))?;
    while *room > 0 {
        let Some(row) = rows.next() else { break };
        row.map_err(during(REMOVING))?;
        *room -= 1;
    }
    Ok(())
}
