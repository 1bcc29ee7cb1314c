//! Whose turn a preview is. Invariant: a user has one at a time; the next one ends the one before.

use super::backtest::StopSignal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The previews under way, by user.
#[derive(Default, Debug)]
pub struct Previews(Mutex<BTreeMap<String, Arc<StopSignal>>>);

/// The right of one user to compute a preview, until it is dropped or their next one begins.
#[derive(Debug)]
pub struct PreviewTurn {
    all: Arc<Previews>,
    user: String,
    stop: Arc<StopSignal>,
}

impl Previews {
    /// Ends the user's preview that is under way, if there is one, and begins the next.
    pub fn begin(self: &Arc<Self>, user: &str) -> PreviewTurn {
        let stop = Arc::new(StopSignal::default());
        if let Some(before) = self.running().insert(user.to_owned(), Arc::clone(&stop)) {
            before.stop();
        }
        PreviewTurn { all: Arc::clone(self), user: user.to_owned(), stop }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Arc<StopSignal>>> {
        // Each change is one operation of the map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PreviewTurn {
    /// Whether the user's next preview has begun.
    pub fn is_over(&self) -> bool {
        self.stop.is_stopped()
    }

    /// Stops the run when the next preview begins.
    pub fn stop(&self) -> &StopSignal {
        &self.stop
    }

    /// Whose it is.
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl Drop for PreviewTurn {
    fn drop(&mut self) {
        let mut running = self.all.running();
        if running.get(&self.user).is_some_and(|stop| Arc::ptr_eq(stop, &self.stop)) {
            running.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_preview_of_a_user_ends_the_one_before_and_nobody_elses() {
        let previews = Arc::new(Previews::default());
        let (first, other) = (previews.begin("ann"), previews.begin("bob"));
        let second = previews.begin("ann");
        assert!(first.stop.is_stopped() && !second.stop.is_stopped() && !other.stop.is_stopped());
        drop(first);
        let third = previews.begin("ann");
        assert!(second.stop.is_stopped() && !third.stop.is_stopped());
        drop((second, third, other));
        assert!(previews.running().is_empty());
    }
}
