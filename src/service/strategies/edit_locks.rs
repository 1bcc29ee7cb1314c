//! Locks for editing strategies. Edits of different strategies run concurrently and so share commits; edits
//! of one id or one name are serialised. Creating a strategy excludes all edits, because it chooses a free
//! id.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks by id and name, and one for everything.
#[derive(Default, Debug)]
pub(super) struct EditLocks {
    everything: RwLock<()>,
    taken: Mutex<BTreeSet<String>>,
    released: Condvar,
}

/// Permission to edit under some ids or names until it is dropped.
pub(super) struct EditLock<'t> {
    locks: &'t EditLocks,
    keys: Vec<String>,
    _shared: RwLockReadGuard<'t, ()>,
}

impl EditLocks {
    /// Waits until no edit is under way, and excludes them.
    pub(super) fn all(&self) -> RwLockWriteGuard<'_, ()> {
        self.everything.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no edit holds any of these ids or names. They are taken all at once, so there is no
    /// deadlock.
    pub(super) fn of(&self, keys: &[&str]) -> EditLock<'_> {
        let shared = self.everything.read().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self.taken();
        while keys.iter().any(|key| taken.contains(*key)) {
            taken = self.released.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        taken.extend(keys.iter().cloned());
        EditLock { locks: self, keys, _shared: shared }
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EditLock<'_> {
    fn drop(&mut self) {
        let mut taken = self.locks.taken();
        for key in &self.keys {
            taken.remove(key);
        }
        drop(taken);
        self.locks.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn one_word_one_editor_and_others_beside() {
        let (locks, together) = (EditLocks::default(), Barrier::new(2));
        std::thread::scope(|scope| {
            for key in ["a", "b"] {
                let (locks, together) = (&locks, &together);
                scope.spawn(move || {
                    let _lock = locks.of(&[key, key]);
                    // Passes only if both edits are here at the same time.
                    together.wait();
                });
            }
        });
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (locks, inside) = (&locks, &inside);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let own = format!("own {n}");
                        let lock = locks.of(&[&own, "shared"]);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                        let everything = locks.all();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(everything);
                    }
                });
            }
        });
        assert!(locks.taken().is_empty());
    }
}
