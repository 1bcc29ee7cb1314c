//! Who makes which recording in this process: one maker at a time, and nobody else changes it meanwhile.

use super::lock;
use super::state::Live;
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

/// Recordings that somebody makes or works on.
#[derive(Default)]
pub struct Owners(Mutex<BTreeMap<String, Owner>>);

enum Owner {
    Maker(Weak<Mutex<Live>>),
    /// It is being begun, taken up or removed.
    Busy,
}

impl Owner {
    fn is_there(&self) -> bool {
        match self {
            Owner::Maker(live) => live.strong_count() > 0,
            Owner::Busy => true,
        }
    }
}

/// Gives a recording free again, also when its work failed.
struct Claim<'a>(&'a Owners, &'a str);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut owners = lock(&self.0.0);
        if matches!(owners.get(self.1), Some(Owner::Busy)) {
            owners.remove(self.1);
        }
    }
}

impl Owners {
    /// What the maker of a recording holds.
    pub fn of(&self, id: &str) -> Option<Arc<Mutex<Live>>> {
        match lock(&self.0).get(id) {
            Some(Owner::Maker(live)) => live.upgrade(),
            _ => None,
        }
    }

    /// Whether somebody makes the recording or works on it now.
    pub fn has(&self, id: &str) -> bool {
        lock(&self.0).get(id).is_some_and(Owner::is_there)
    }

    /// Makes the caller the one who makes a recording, once `make` has succeeded.
    pub fn claim(&self, id: &str, make: impl FnOnce() -> Result<Live, StoreError>) -> Result<Arc<Mutex<Live>>, StoreError> {
        let _claim = self.reserve(id)?;
        let live = Arc::new(Mutex::new(make()?));
        lock(&self.0).insert(id.to_owned(), Owner::Maker(Arc::downgrade(&live)));
        Ok(live)
    }

    /// Does something to a recording that nobody makes, while nobody can begin to.
    pub fn unless_made<T>(&self, id: &str, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _claim = self.reserve(id)?;
        work()
    }

    fn reserve<'a>(&'a self, id: &'a str) -> Result<Claim<'a>, StoreError> {
        let mut owners = lock(&self.0);
        owners.retain(|_, owner| owner.is_there());
        if owners.contains_key(id) {
            return Err(StoreError::Refused(format!("recording `{id}` is being made: stop that first")));
        }
        owners.insert(id.to_owned(), Owner::Busy);
        drop(owners);
        Ok(Claim(self, id))
    }
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owners")
    }
}
