//! What the threads and connections of a running exchange share.

use super::exchange::Exchange;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// State shared by the threads.
pub struct Shared {
    pub(super) exchange: Mutex<Exchange>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) is_paused: AtomicBool,
    pub(super) is_over: AtomicBool,
}

impl Shared {
    /// The exchange. After a panic in another thread it is used as it is, so that tests can inspect it.
    pub fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A receiver that turns true when the exchange stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Stops the replay until it is resumed; the current state is still served.
    pub fn pause(&self) {
        self.is_paused.store(true, Ordering::Release);
    }

    /// Continues the replay where it stopped.
    pub fn resume(&self) {
        self.is_paused.store(false, Ordering::Release);
    }
}
