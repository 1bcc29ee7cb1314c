//! What running sessions stand on: recordings and strategies that must not go away under them.
//!
//! Never: a wait. Whoever wants to remove something is told that it is in use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Something a session stands on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Resource {
    /// A recording by its id.
    Recording(String),
    /// A strategy by its id.
    Strategy(String),
}

/// Who stands on what.
#[derive(Default, Debug)]
pub struct References(Mutex<BTreeMap<Resource, Vec<String>>>);

/// Holds things for a session until it is dropped.
#[derive(Debug)]
pub struct Lease {
    all: Arc<References>,
    session: String,
    things: Vec<Resource>,
}

impl References {
    /// Holds these things for a session.
    pub fn hold(self: &Arc<Self>, session: &str, things: Vec<Resource>) -> Lease {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for thing in &things {
            users.entry(thing.clone()).or_default().push(session.to_owned());
        }
        Lease { all: Arc::clone(self), session: session.to_owned(), things }
    }

    /// The recordings that are held now.
    pub fn recordings(&self) -> BTreeSet<String> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = users
            .keys()
            .filter_map(|thing| if let Resource::Recording(id) = thing { Some(id.clone()) } else { None });
        held.collect()
    }

    /// Does something while nobody can begin to use the thing; `Err` names the sessions that use it already.
    pub fn unless_used<T>(&self, thing: &Resource, act: impl FnOnce() -> T) -> Result<T, Vec<String>> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match users.get(thing) {
            Some(sessions) => Err(sessions.clone()),
            None => Ok(act()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut users = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        for thing in &self.things {
            if let Some(sessions) = users.get_mut(thing) {
                if let Some(place) = sessions.iter().position(|session| *session == self.session) {
                    sessions.remove(place);
                }
                if sessions.is_empty() {
                    users.remove(thing);
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
        let thing = || Resource::Recording("r".to_owned());
        let first = all.hold("a", vec![thing(), Resource::Strategy("r".to_owned())]);
        let second = all.hold("b", vec![thing()]);
        assert_eq!(all.unless_used(&thing(), || ()), Err(vec!["a".to_owned(), "b".to_owned()]));
        drop(first);
        assert_eq!(all.unless_used(&Resource::Strategy("r".to_owned()), || 1), Ok(1));
        assert_eq!(all.unless_used(&thing(), || ()), Err(vec!["b".to_owned()]));
        drop(second);
        assert_eq!(all.unless_used(&thing(), || 2), Ok(2));
    }
}
