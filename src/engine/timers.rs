//! When the engine needs a clock event, and which times a symbol waits for.
//!
//! Invariant: a time that was already handled is not returned again, or the driver would loop at the same
//! time.

use super::gate::RuleGroup;
use super::instance::{Instance, Wake};
use super::{Engine, SymbolState};
use crate::domain::time::Timestamp;

impl Engine {
    /// The time of the next clock event the engine needs. A time in the past means now.
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

/// The earliest time that an instance or group of the symbol waits for.
pub(super) fn next_timer(state: &mut SymbolState, instances: &[Instance]) -> Timestamp {
    if !state.timer_known {
        let own = state.busy.iter().filter_map(|index| instances[*index as usize].timer());
        state.timer = own.min().unwrap_or(Timestamp::MAX);
        state.timer_known = true;
    }
    state.groups.iter().map(RuleGroup::due).fold(state.timer, Timestamp::min)
}

/// Recomputes the cached state of a symbol after one of its instances changed.
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
