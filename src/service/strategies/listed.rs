//! Cache of the list of strategies, updated by every edit.
//!
//! Invariant: a cached list contains every acknowledged edit.

use super::view::{StrategyList, StrategySummary};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The cached list, if any.
#[derive(Default, Debug)]
pub(super) struct Listed(Mutex<CachedList>);

#[derive(Default, Debug)]
struct CachedList {
    /// Incremented by every change.
    revision: u64,
    /// Incremented by every [`Listed::forget`].
    forgotten: u64,
    /// The list as of `revision`; `None` until it is read.
    list: Option<Arc<StrategyList>>,
}

impl Listed {
    /// The current list, if cached.
    pub(super) fn known(&self) -> Option<Arc<StrategyList>> {
        self.state().list.clone()
    }

    /// The current revision. Ask before reading the store: what is read afterwards is at least that new.
    pub(super) fn revision(&self) -> u64 {
        self.state().revision
    }

    /// Stores a list just read, unless something changed since `revision`.
    pub(super) fn read(&self, revision: u64, strategies: Vec<Arc<StrategySummary>>) -> Arc<StrategyList> {
        let list = Arc::new(StrategyList { revision, strategies });
        let mut state = self.state();
        if state.revision == revision {
            state.list = Some(Arc::clone(&list));
        }
        list
    }

    /// Invalidates the list after a change of unknown extent.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.revision += 1;
        state.forgotten += 1;
        state.list = None;
    }

    /// Count of invalidations. Ask before reading the data of a summary, and pass it to [`Listed::follow`].
    pub(super) fn forgotten(&self) -> u64 {
        self.state().forgotten
    }

    /// Puts a new or changed strategy into the list. If the list was invalidated meanwhile, the summary may
    /// be older than what was read since, so the list is dropped.
    pub(super) fn follow(&self, summary: StrategySummary, forgotten: u64) {
        let mut state = self.state();
        state.revision += 1;
        if let Some(list) = state.list.take().filter(|_| state.forgotten == forgotten) {
            let mut strategies = list.strategies.clone();
            match strategies.binary_search_by(|known| known.id.cmp(&summary.id)) {
                Ok(index) => strategies[index] = Arc::new(summary),
                Err(index) => strategies.insert(index, Arc::new(summary)),
            }
            state.list = Some(Arc::new(StrategyList { revision: state.revision, strategies }));
        }
    }

    /// Ignores poisoning: every change is an assignment after everything that could panic.
    fn state(&self) -> MutexGuard<'_, CachedList> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
