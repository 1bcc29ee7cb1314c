//! Who makes which recording in this process: one maker at a time, and nobody else changes it meanwhile.

use super::commit::OpenRows;
use super::lock;
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

/// Recordings that somebody makes or works on.
#[derive(Default)]
pub struct RecordingLeases(Mutex<BTreeMap<String, RecordingLease>>);

enum RecordingLease {
    Maker(Weak<OpenRows>),
    /// It is being begun, taken up or removed.
    Busy,
}

impl RecordingLease {
    fn is_there(&self) -> bool {
        match self {
            RecordingLease::Maker(open) => open.strong_count() > 0,
            RecordingLease::Busy => true,
        }
    }
}

/// Gives a recording free again, also when its work failed.
struct Claim<'a>(&'a RecordingLeases, &'a str);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut owners = lock(&self.0.0);
        if matches!(owners.get(self.1), Some(RecordingLease::Busy)) {
            owners.remove(self.1);
        }
    }
}

impl RecordingLeases {
    /// What the maker of a recording holds.
    pub fn of(&self, id: &str) -> Option<Arc<OpenRows>> {
        match lock(&self.0).get(id) {
            Some(RecordingLease::Maker(open)) => open.upgrade(),
            _ => None,
        }
    }

    /// Whether somebody makes the recording or works on it now.
    pub fn has(&self, id: &str) -> bool {
        lock(&self.0).get(id).is_some_and(RecordingLease::is_there)
    }

    /// Makes the caller the one who makes a recording, once `make` has succeeded.
    pub fn claim(
        &self,
        id: &str,
        make: impl FnOnce() -> Result<OpenRows, StoreError>,
    ) -> Result<Arc<OpenRows>, StoreError> {
        let _claim = self.reserve(id)?;
        let open = Arc::new(make()?);
        lock(&self.0).insert(id.to_owned(), RecordingLease::Maker(Arc::downgrade(&open)));
        Ok(open)
    }

    /// Does something to a recording that nobody makes, while nobody can begin to.
    pub fn unless_made<T>(
        &self,
        id: &str,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _claim = self.reserve(id)?;
        work()
    }

    fn reserve<'a>(&'a self, id: &'a str) -> Result<Claim<'a>, StoreError> {
        let mut owners = lock(&self.0);
        owners.retain(|_, owner| owner.is_there());
        if owners.contains_key(id) {
            return Err(StoreError::Refused(format!("recording `{id}` is being made: stop that first")));
        }
        owners.insert(id.to_owned(), RecordingLease::Busy);
        drop(owners);
        Ok(Claim(self, id))
    }
}

impl fmt::Debug for RecordingLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordingLeases")
    }
}
