//! Recordings and strategies that running sessions use and that must not be removed meanwhile.
//!
//! Nothing waits here: removing a resource in use is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Something a session uses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Resource {
    /// A recording, by id.
    Recording(String),
    /// A strategy, by id.
    Strategy(String),
}

/// Sessions by the resource they use.
#[derive(Default, Debug)]
pub struct References(Mutex<BTreeMap<Resource, Vec<String>>>);

/// Keeps resources in use by a session until it is dropped.
#[derive(Debug)]
pub struct Lease {
    all: Arc<References>,
    session: String,
    resources: Vec<Resource>,
}

impl References {
    /// Marks these resources as used by a session.
    pub fn hold(self: &Arc<Self>, session: &str, resources: Vec<Resource>) -> Lease {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in &resources {
            users.entry(resource.clone()).or_default().push(session.to_owned());
        }
        Lease { all: Arc::clone(self), session: session.to_owned(), resources }
    }

    /// Ids of the recordings in use.
    pub fn recordings(&self) -> BTreeSet<String> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = users.keys().filter_map(|resource| {
            if let Resource::Recording(id) = resource { Some(id.clone()) } else { None }
        });
        held.collect()
    }

    /// Runs `act` while no session can begin to use the resource; `Err` lists the sessions that use it
    /// already.
    pub fn unless_used<T>(&self, resource: &Resource, act: impl FnOnce() -> T) -> Result<T, Vec<String>> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match users.get(resource) {
            Some(sessions) => Err(sessions.clone()),
            None => Ok(act()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut users = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
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
}
