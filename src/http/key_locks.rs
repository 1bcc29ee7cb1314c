//! A fair queue for a scarce resource: each key (an address, a user) may use a few permits at once, and its
//! further requests wait behind them. One busy key cannot make others wait.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Limits concurrency, in total and per key.
pub struct KeyLocks<K: Ord + Clone> {
    each: usize,
    waiting: usize,
    all: Arc<Semaphore>,
    /// Only keys that hold or wait for a turn, so at most one entry per request.
    keys: Mutex<BTreeMap<K, KeyState>>,
}

struct KeyState {
    requests: usize,
    own: Arc<Semaphore>,
}

/// Permission to run; releases its permits when dropped.
pub struct Turn<K: Ord + Clone> {
    own: OwnTurn<K>,
    _all: OwnedSemaphorePermit,
}

/// What is left of a turn that no longer holds up other keys.
pub struct OwnTurn<K: Ord + Clone> {
    _own: OwnedSemaphorePermit,
    _registration: Registration<K>,
}

impl<K: Ord + Clone> Turn<K> {
    /// Lets the other keys go on; this one is still busy.
    pub fn only_own(self) -> OwnTurn<K> {
        self.own
    }
}

impl<K: Ord + Clone> fmt::Debug for OwnTurn<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnTurn")
    }
}

impl<K: Ord + Clone> fmt::Debug for Turn<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

/// Why no turn was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoTurn {
    /// This key already has the maximum number of requests waiting.
    TooMany,
    /// The wait exceeded the limit.
    TooLong,
}

/// One request of a key, from when it starts to wait until it is done.
struct Registration<K: Ord + Clone> {
    queue: Arc<KeyLocks<K>>,
    key: K,
}

impl<K: Ord + Clone> KeyLocks<K> {
    /// `all` turns at once, `each` per key, plus `waiting` queued requests per key.
    pub fn new(all: usize, each: usize, waiting: usize) -> Arc<Self> {
        Arc::new(KeyLocks { each, waiting, all: Arc::new(Semaphore::new(all)), keys: Mutex::default() })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// When too many requests of this key wait, or the wait exceeds `patience`.
    pub async fn take(self: &Arc<Self>, key: K, patience: Duration) -> Result<Turn<K>, NoTurn> {
        let (registration, own) = self.register(key).ok_or(NoTurn::TooMany)?;
        let both = async {
            // The key's own permit first: while waiting for it, the request holds no shared permit.
            let own = own.acquire_owned().await.ok()?;
            Some((own, Arc::clone(&self.all).acquire_owned().await.ok()?))
        };
        let (own, all) = timeout(patience, both).await.ok().flatten().ok_or(NoTurn::TooLong)?;
        Ok(Turn { own: OwnTurn { _own: own, _registration: registration }, _all: all })
    }

    fn register(self: &Arc<Self>, key: K) -> Option<(Registration<K>, Arc<Semaphore>)> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || KeyState { requests: 0, own: Arc::new(Semaphore::new(self.each)) };
        let entry = keys.entry(key.clone()).or_insert_with(new);
        if entry.requests >= self.each + self.waiting {
            return None;
        }
        entry.requests += 1;
        Some((Registration { queue: Arc::clone(self), key }, Arc::clone(&entry.own)))
    }
}

impl<K: Ord + Clone> Drop for Registration<K> {
    fn drop(&mut self) {
        let mut keys = self.queue.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = keys.get_mut(&self.key) {
            state.requests -= 1;
            if state.requests == 0 {
                keys.remove(&self.key);
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
        assert!(turns.keys.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends() {
        let turns = KeyLocks::new(2, 2, 3);
        let held = [turns.take(1, SECOND).await.unwrap(), turns.take(1, SECOND).await.unwrap()];
        for key in [1, 2] {
            assert_eq!(turns.take(key, SECOND).await.err(), Some(NoTurn::TooLong));
        }
        drop(held);
        assert!(turns.take(2, SECOND).await.is_ok());
    }
}
