//! When the engine must be told of the time although nothing happens, and what a symbol waits for.
//!
//! Never: a moment that was already served, or time would stand still.

use super::gate::RuleGroup;
use super::instance::{Instance, Wake};
use super::{Engine, SymbolState};
use crate::domain::time::Timestamp;

impl Engine {
    /// The next moment the engine must be told about although nothing happens. A moment in the past means now.
    #[inline]
    pub fn next_clock(&mut self) -> Timestamp {
        if self.timer_stale {
            self.refresh_timer();
        }
        self.next_timer
    }

    #[cold]
    fn refresh_timer(&mut self) {
        self.timer_stale = false;
        let mut next = Timestamp::MAX;
        for state in &mut self.symbols {
            if state.stale {
                refresh(state, &self.instances);
            }
            next = next.min(next_timer(state, &self.instances));
            if self.started && (state.on_clock || state.warming || state.indicators.sees_every_second()) {
                next = next.min(self.next_second);
            }
        }
        self.next_timer = next;
    }
}

/// The earliest moment that somebody on the symbol waits for.
pub(super) fn next_timer(state: &mut SymbolState, instances: &[Instance]) -> Timestamp {
    if !state.timer_known {
        let own = state.busy.iter().filter_map(|index| instances[*index as usize].timer());
        state.timer = own.min().unwrap_or(Timestamp::MAX);
        state.timer_known = true;
    }
    state.groups.iter().map(RuleGroup::due).fold(state.timer, Timestamp::min)
}

/// Recomputes what the symbol waits for after one of its instances changed.
#[cold]
pub(super) fn refresh(state: &mut SymbolState, instances: &[Instance]) {
    state.stale = false;
    state.timer_known = false;
    state.busy.clear();
    state.wake = Wake::NEVER;
    for group in &mut state.groups {
        group.refresh(instances);
    }
    for index in &state.instances {
        let instance = &instances[*index as usize];
        if !instance.is_watching() {
            state.busy.push(*index);
            state.wake = state.wake.or(instance.wake());
        }
    }
}
