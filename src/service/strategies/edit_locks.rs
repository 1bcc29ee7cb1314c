//! Who edits what at this moment. Edits of different strategies go on side by side, so that they share commits; those
//! that touch one id or one name follow each other, and a new strategy waits until nobody edits, because it chooses its
//! id among all.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The turns of all who edit.
#[derive(Default, Debug)]
pub(super) struct EditLocks {
    everything: RwLock<()>,
    taken: Mutex<BTreeSet<String>>,
    given_back: Condvar,
}

/// The right to edit under some words, until it is dropped.
pub(super) struct EditLock<'t> {
    locks: &'t EditLocks,
    words: Vec<String>,
    _shared: RwLockReadGuard<'t, ()>,
}

impl EditLocks {
    /// Waits until nobody edits anything.
    pub(super) fn all(&self) -> RwLockWriteGuard<'_, ()> {
        self.everything.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody edits under any of these words. All are taken at once, so nobody waits in a circle.
    pub(super) fn of(&self, words: &[&str]) -> EditLock<'_> {
        let shared = self.everything.read().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self.taken();
        while words.iter().any(|word| taken.contains(*word)) {
            taken = self.given_back.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        taken.extend(words.iter().cloned());
        EditLock { locks: self, words, _shared: shared }
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EditLock<'_> {
    fn drop(&mut self) {
        let mut taken = self.locks.taken();
        for word in &self.words {
            taken.remove(word);
        }
        drop(taken);
        self.locks.given_back.notify_all();
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
            for word in ["a", "b"] {
                let (locks, together) = (&locks, &together);
                scope.spawn(move || {
                    let _lock = locks.of(&[word, word]);
                    // Passes only if both are here at the same time.
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
