//! Recordings and strategies that running sessions use and that must not be removed meanwhile.
//!
//! Removing a resource in use is refused. A removal may take many commits; meanwhile only a session that
//! wants to use the same resource waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Something a session uses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Resource {
    /// A recording, by id.
    Recording(String),
    /// A strategy, by id.
    Strategy(String),
}

/// Which resources are in use, and which are being removed.
#[derive(Default, Debug)]
pub struct References {
    state: Mutex<InUse>,
    removed: Condvar,
}

#[derive(Default, Debug)]
struct InUse {
    /// Sessions by the resource they use.
    users: BTreeMap<Resource, Vec<String>>,
    removing: BTreeSet<Resource>,
}

/// Keeps resources in use by a session until it is dropped.
#[derive(Debug)]
pub struct Lease {
    all: Arc<References>,
    session: String,
    resources: Vec<Resource>,
}

impl References {
    /// Marks these resources as used by a session, once none of them is being removed.
    pub fn hold(self: &Arc<Self>, session: &str, resources: Vec<Resource>) -> Lease {
        let state = self.removed.wait_while(self.state(), |state| {
            resources.iter().any(|resource| state.removing.contains(resource))
        });
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        for resource in &resources {
            state.users.entry(resource.clone()).or_default().push(session.to_owned());
        }
        Lease { all: Arc::clone(self), session: session.to_owned(), resources }
    }

    /// Ids of the recordings in use.
    pub fn recordings(&self) -> BTreeSet<String> {
        let state = self.state();
        let held = state.users.keys().filter_map(|resource| {
            if let Resource::Recording(id) = resource { Some(id.clone()) } else { None }
        });
        held.collect()
    }

    /// Who uses a recording.
    pub fn users_of(&self, recording: &str) -> Vec<String> {
        let users = self.state().users.get(&Resource::Recording(recording.to_owned())).cloned();
        users.unwrap_or_default()
    }

    /// Runs `act` while no session can begin to use the resource; `Err` lists the sessions that use it
    /// already.
    pub fn unless_used<T>(&self, resource: &Resource, act: impl FnOnce() -> T) -> Result<T, Vec<String>> {
        let state = self.removed.wait_while(self.state(), |state| state.removing.contains(resource));
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if let Some(sessions) = state.users.get(resource) {
            return Err(sessions.clone());
        }
        state.removing.insert(resource.clone());
        drop(state);
        let _removal = Removal { all: self, resource };
        Ok(act())
    }

    fn state(&self) -> MutexGuard<'_, InUse> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A removal under way; also one that panics ends.
struct Removal<'a> {
    all: &'a References,
    resource: &'a Resource,
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        self.all.state().removing.remove(self.resource);
        self.all.removed.notify_all();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let users = &mut self.all.state().users;
        for resource in &self.resources {
            if let Some(sessions) = users.get_mut(resource) {
                if let Some(index) = sessions.iter().position(|session| *session == self.session) {
                    sessions.remove(index);
                }
                if sessions.is_empty() {
                    users.remove(resource);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_cannot_be_removed_until_the_last_hold_ends() {
        let all = Arc::new(References::default());
        let resource = || Resource::Recording("r".to_owned());
        let first = all.hold("a", vec![resource(), Resource::Strategy("r".to_owned())]);
        let second = all.hold("b", vec![resource()]);
        assert_eq!(all.unless_used(&resource(), || ()), Err(vec!["a".to_owned(), "b".to_owned()]));
        drop(first);
        assert_eq!(all.unless_used(&Resource::Strategy("r".to_owned()), || 1), Ok(1));
        assert_eq!(all.unless_used(&resource(), || ()), Err(vec!["b".to_owned()]));
        drop(second);
        assert_eq!(all.unless_used(&resource(), || 2), Ok(2));
    }

    #[test]
    fn a_removal_keeps_nobody_waiting_who_wants_something_else() {
        let all = Arc::new(References::default());
        let resource = || Resource::Recording("r".to_owned());
        let (late, held) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let removed = all.unless_used(&resource(), || {
                drop(all.hold("other", vec![Resource::Recording("s".to_owned())]));
                scope.spawn(|| late.send(all.hold("same", vec![resource()])));
                held.try_recv().is_err()
            });
            assert_eq!(removed, Ok(true));
            assert_eq!(held.recv().map(|lease| lease.session.clone()).as_deref(), Ok("same"));
        });
    }
}
