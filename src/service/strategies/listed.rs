//! The list of strategies as it was read last, kept up to date by every edit.
//!
//! Never: a list with an edit missing that was acknowledged.

use super::view::{StrategyList, StrategySummary};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The list, when it is known.
#[derive(Default, Debug)]
pub(super) struct Listed(Mutex<State>);

#[derive(Default, Debug)]
struct State {
    /// Grows with every change.
    revision: u64,
    /// How often it was forgotten.
    forgotten: u64,
    /// As of that revision; `None` until it is read.
    list: Option<Arc<StrategyList>>,
}

impl Listed {
    /// The list as it is now, when it is known.
    pub(super) fn known(&self) -> Option<Arc<StrategyList>> {
        self.state().list.clone()
    }

    /// Ask for it before reading the store: what is read after that holds at least this revision.
    pub(super) fn revision(&self) -> u64 {
        self.state().revision
    }

    /// What was read. Kept unless something changed meanwhile.
    pub(super) fn read(&self, revision: u64, strategies: Vec<Arc<StrategySummary>>) -> Arc<StrategyList> {
        let list = Arc::new(StrategyList { revision, strategies });
        let mut state = self.state();
        if state.revision == revision {
            state.list = Some(Arc::clone(&list));
        }
        list
    }

    /// Something changed, nobody says what.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.revision += 1;
        state.forgotten += 1;
        state.list = None;
    }

    /// Ask for it before reading what a summary is made of, and give it to [`Listed::follow`].
    pub(super) fn forgotten(&self) -> u64 {
        self.state().forgotten
    }

    /// One strategy is new or changed. When the list was forgotten meanwhile the summary may be older than what is read
    /// since: then it is forgotten again.
    pub(super) fn follow(&self, summary: StrategySummary, forgotten: u64) {
        let mut state = self.state();
        state.revision += 1;
        if let Some(list) = state.list.take().filter(|_| state.forgotten == forgotten) {
            let mut strategies = list.strategies.clone();
            match strategies.binary_search_by(|known| known.id.cmp(&summary.id)) {
                Ok(place) => strategies[place] = Arc::new(summary),
                Err(place) => strategies.insert(place, Arc::new(summary)),
            }
            state.list = Some(Arc::new(StrategyList { revision: state.revision, strategies }));
        }
    }

    /// A panic elsewhere leaves it whole: every change is an assignment behind all that could fail.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
