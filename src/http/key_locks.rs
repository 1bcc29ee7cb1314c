//! A fair queue for something scarce: each asker (an address, a user) has a few places of its own and the rest of its
//! requests wait behind those, so that nobody who asks much keeps those waiting who ask little.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The queue.
pub struct KeyLocks<K: Ord + Clone> {
    each: usize,
    waiting: usize,
    all: Arc<Semaphore>,
    /// Only those who hold or wait for a turn: as many as there are requests.
    askers: Mutex<BTreeMap<K, Asker>>,
}

struct Asker {
    requests: usize,
    own: Arc<Semaphore>,
}

/// A turn; gives its places back when it is dropped.
pub struct Turn<K: Ord + Clone> {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
    _asked: Asked<K>,
}

/// Why there was no turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTurn {
    /// This asker has as many requests waiting as one may have.
    TooMany,
    /// It would have taken too long.
    TooLong,
}

/// One request of an asker, from when it begins to wait until it is done.
struct Asked<K: Ord + Clone> {
    turns: Arc<KeyLocks<K>>,
    asker: K,
}

impl<K: Ord + Clone> KeyLocks<K> {
    /// `all` turns at once, `each` of one asker, of whom `waiting` more requests may wait.
    pub fn new(all: usize, each: usize, waiting: usize) -> Arc<Self> {
        Arc::new(KeyLocks { each, waiting, all: Arc::new(Semaphore::new(all)), askers: Mutex::default() })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// When too many requests of this asker wait, or it took longer than `patience`.
    pub async fn take(self: &Arc<Self>, asker: K, patience: Duration) -> Result<Turn<K>, NoTurn> {
        let (asked, own) = self.ask(asker).ok_or(NoTurn::TooMany)?;
        let both = async {
            // The own place first: what waits for it takes no place of the others.
            let own = own.acquire_owned().await.ok()?;
            Some((own, Arc::clone(&self.all).acquire_owned().await.ok()?))
        };
        let (own, all) = timeout(patience, both).await.ok().flatten().ok_or(NoTurn::TooLong)?;
        Ok(Turn { _own: own, _all: all, _asked: asked })
    }

    fn ask(self: &Arc<Self>, asker: K) -> Option<(Asked<K>, Arc<Semaphore>)> {
        let mut askers = self.askers.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Asker { requests: 0, own: Arc::new(Semaphore::new(self.each)) };
        let entry = askers.entry(asker.clone()).or_insert_with(new);
        if entry.requests >= self.each + self.waiting {
            return None;
        }
        entry.requests += 1;
        Some((Asked { turns: Arc::clone(self), asker }, Arc::clone(&entry.own)))
    }
}

impl<K: Ord + Clone> Drop for Asked<K> {
    fn drop(&mut self) {
        let mut askers = self.turns.askers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = askers.get_mut(&self.asker) {
            asker.requests -= 1;
            if asker.requests == 0 {
                askers.remove(&self.asker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_asks_much_does_not_keep_others_waiting() {
        let turns = KeyLocks::new(4, 2, 3);
        let greedy =
            [turns.take("greedy", SECOND).await.unwrap(), turns.take("greedy", SECOND).await.unwrap()];
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let turns = Arc::clone(&turns);
                tokio::spawn(async move { turns.take("greedy", 60 * SECOND).await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(turns.take("greedy", SECOND).await.err(), Some(NoTurn::TooMany));
        let modest = turns.take("modest", SECOND).await.unwrap();
        drop(greedy);
        for done in waiting {
            assert_eq!(done.await.unwrap(), Ok(()));
        }
        drop(modest);
        assert!(turns.askers.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends() {
        let turns = KeyLocks::new(2, 2, 3);
        let held = [turns.take(1, SECOND).await.unwrap(), turns.take(1, SECOND).await.unwrap()];
        for asker in [1, 2] {
            assert_eq!(turns.take(asker, SECOND).await.err(), Some(NoTurn::TooLong));
        }
        drop(held);
        assert!(turns.take(2, SECOND).await.is_ok());
    }
}
