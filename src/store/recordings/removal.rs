//! Removing recordings: on request, or the oldest to limit age and size.
//!
//! A large recording is removed in several transactions. The first marks it as an unfinished import, which
//! hides it, and the last deletes its record; if the process ends in between, opening the store removes the
//! rest. Invariant: a recording that is being made is not removed.

use super::super::error::during;
use super::super::records::{RecordingState, RecordingV1};
use super::super::tables::{
    BLOCKS, BlockKey, GAPS, JOURNAL, PUMP_LABELS, RECORDINGS, SYMBOL_FACTS, SYMBOL_SPECS,
};
use super::super::{Store, StoreError};
use super::put;
use crate::domain::time::Timestamp;
use crate::limits::REMOVED_AT_ONCE;
use redb::{Key, Table, WriteTransaction};
use std::collections::BTreeSet;
use std::ops::RangeBounds;
use std::sync::PoisonError;

const REMOVING: &str = "removing a recording";

/// Which recordings to remove.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Retention {
    /// Remove those whose last row and creation are both before this time.
    pub before: Option<Timestamp>,
    /// Remove the oldest until the blocks of all others, pinned ones included, have at most this size.
    pub bytes: Option<u64>,
}

/// What was removed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Pruned {
    /// Ids, oldest first.
    pub recordings: Vec<String>,
    /// Size of their blocks.
    pub bytes: u64,
}

impl Store {
    /// Removes a recording with its blocks, journal, gaps, facts, specifications and labels, and the events
    /// of the session that made it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Refused`] while it is being made.
    pub fn delete_recording(&self, id: &str) -> Result<(), StoreError> {
        self.recording(id)?;
        self.leases.unless_made(id, || {
            // First: events without the recording could not be found any more.
            self.remove_events_of(&BTreeSet::from([id.to_owned()]))?;
            self.remove_recording(id)
        })
    }

    /// Removes complete recordings beyond the limits that are not pinned, oldest first.
    ///
    /// # Errors
    /// What the disk reports; recordings removed until then stay removed.
    pub fn prune(&self, keep: Retention, pinned: &BTreeSet<String>) -> Result<Pruned, StoreError> {
        let all = self.all_recordings()?;
        let mut left: u64 = all.iter().map(RecordingV1::bytes).sum();
        let mut pruned = Pruned::default();
        let mut going = Vec::new();
        for recording in all {
            let is_old = keep.before.is_some_and(|before| last_used(&recording) < before);
            let is_too_much = keep.bytes.is_some_and(|bytes| left > bytes);
            let may_go = recording.state == RecordingState::Complete && !pinned.contains(&recording.id);
            if may_go && (is_old || is_too_much) {
                left -= recording.bytes();
                going.push(recording);
            }
        }
        if !going.is_empty() {
            self.remove_events_of(&going.iter().map(|recording| recording.id.clone()).collect())?;
        }
        for recording in going {
            self.remove_recording(&recording.id)?;
            pruned.bytes += recording.bytes();
            pruned.recordings.push(recording.id);
        }
        Ok(pruned)
    }

    pub(super) fn remove_recording(&self, id: &str) -> Result<(), StoreError> {
        while !self.write_alone(|txn| remove_some(txn, id))? {}
        Ok(())
    }

    /// Removes a recording that will never become visible. If the disk fails, tries again once it works or on
    /// the next opening.
    pub(in crate::store) fn remove_or_remember(&self, id: &str) {
        if self.remove_recording(id).is_err() {
            self.abandoned.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        }
    }

    /// Removes recordings that [`Store::remove_or_remember`] could not.
    pub(in crate::store) fn remove_abandoned(&self) {
        let abandoned = std::mem::take(&mut *self.abandoned.lock().unwrap_or_else(PoisonError::into_inner));
        abandoned.iter().for_each(|id| self.remove_or_remember(id));
    }
}

/// The later of last row and creation, so that a new import of old data counts as new.
fn last_used(recording: &RecordingV1) -> Timestamp {
    let last_ns = recording.span_ns().map_or(i64::MIN, |(_, last)| last);
    Timestamp::from_nanos(last_ns.max(recording.created_us.saturating_mul(1_000)))
}

/// Removes as much as one transaction may; returns whether nothing is left.
fn remove_some(txn: &WriteTransaction, id: &str) -> Result<bool, StoreError> {
    // The smallest string greater than `id`: the upper end of all keys that begin with it.
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
    let mut labels = PUMP_LABELS.write(txn, REMOVING)?;
    take::<(&str, u64)>(&mut labels, (id, 0)..=(id, u64::MAX), |key| key.0 == id, &mut room)?;
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

/// Removes up to `room` rows of a range. On a damaged disk the range may contain rows of other recordings;
/// `is_own` detects them.
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
