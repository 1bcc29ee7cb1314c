//! When the engine needs a clock event, and which symbols wait for which times.
//!
//! A clock event costs as much as there are symbols due, not as there are symbols. Invariant: a time that was
//! already handled is not returned again, or the driver would loop at the same time.

use super::Engine;
use super::gate::RuleGroup;
use super::instance::Instance;
use super::symbol::SymbolState;
use super::wake::Wake;
use crate::checkpoint::saved;
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

    fn refresh_timer(&mut self) {
        self.timer_stale = false;
        self.settle();
        let waits_for_second = self.started && (self.sees_seconds || self.warming > 0);
        let second = if waits_for_second { self.next_second } else { Timestamp::MAX };
        self.next_timer = self.timers.earliest().min(second);
    }

    /// Puts the symbols whose timers may have changed in their places.
    pub(super) fn settle(&mut self) {
        while let Some(symbol) = self.timers.take_touched() {
            let state = &mut self.symbols[symbol];
            if state.stale {
                refresh(state, &self.instances);
            }
            self.timers.set(symbol, next_timer(state, &self.instances));
        }
    }
}

/// The time each symbol waits for, ordered as a tree of minima: node 1 is the earliest of all, nodes 2n and
/// 2n + 1 are below node n, and the symbols are the leaves.
pub(super) struct Timers {
    leaves: usize,
    earliest: Vec<Timestamp>,
    /// Symbols whose time may have changed, each once.
    touched: Vec<usize>,
    is_touched: Vec<bool>,
}

saved!(Timers { earliest, touched, is_touched } fixed { leaves });

impl Timers {
    /// Of so many symbols, all of them to be settled.
    pub(super) fn new(symbols: usize) -> Self {
        let leaves = symbols.next_power_of_two();
        Timers {
            leaves,
            earliest: vec![Timestamp::MAX; 2 * leaves],
            touched: (0..symbols).collect(),
            is_touched: vec![true; symbols],
        }
    }

    /// The time of a symbol may have changed.
    #[inline]
    pub(super) fn touch(&mut self, symbol: usize) {
        if !std::mem::replace(&mut self.is_touched[symbol], true) {
            self.touched.push(symbol);
        }
    }

    fn take_touched(&mut self) -> Option<usize> {
        let symbol = self.touched.pop()?;
        self.is_touched[symbol] = false;
        Some(symbol)
    }

    fn set(&mut self, symbol: usize, at: Timestamp) {
        let mut node = self.leaves + symbol;
        self.earliest[node] = at;
        while node > 1 {
            node /= 2;
            let earlier = self.earliest[2 * node].min(self.earliest[2 * node + 1]);
            if self.earliest[node] == earlier {
                return;
            }
            self.earliest[node] = earlier;
        }
    }

    pub(super) fn earliest(&self) -> Timestamp {
        self.earliest[1]
    }

    /// The first symbol from `from` on that waits for `at` or an earlier time.
    pub(super) fn first_due(&self, from: usize, at: Timestamp) -> Option<usize> {
        let mut node = self.leaves + from;
        if from >= self.leaves || self.earliest() > at {
            return None;
        }
        while self.earliest[node] > at {
            // On to the next subtree on the right, which begins where all of this one's parents have ended.
            while node % 2 == 1 {
                node /= 2;
            }
            if node == 0 {
                return None;
            }
            node += 1;
        }
        while node < self.leaves {
            node = if self.earliest[2 * node] <= at { 2 * node } else { 2 * node + 1 };
        }
        Some(node - self.leaves)
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
    (state.wake, state.sleeps_until) = (Wake::NEVER, Wake::NEVER);
    state.exit_tests.clear();
    for group in &mut state.groups {
        group.refresh(instances);
    }
    for index in &state.instances {
        let instance = &instances[*index as usize];
        if !instance.is_watching() {
            state.busy.push(*index);
            state.wake = state.wake.or(instance.wake());
            state.sleeps_until = state.sleeps_until.or(instance.sleeps_until(&mut state.exit_tests));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_earliest_and_the_first_due_equal_a_scan(
            symbols in 1_usize..20, steps in prop::collection::vec((0_usize..20, 0_i64..6, 0_usize..21, 0_i64..6), 1..80),
        ) {
            let mut timers = Timers::new(symbols);
            let mut times = vec![Timestamp::MAX; symbols];
            while timers.take_touched().is_some() {}
            for (symbol, at, from, asked) in steps {
                let at = if at == 5 { Timestamp::MAX } else { Timestamp::from_seconds(at) };
                times[symbol % symbols] = at;
                timers.set(symbol % symbols, at);
                let asked = Timestamp::from_seconds(asked);
                let due = (from..symbols).find(|symbol| times[*symbol] <= asked);
                prop_assert_eq!(timers.first_due(from, asked), due);
                prop_assert_eq!(Some(timers.earliest()), times.iter().min().copied());
            }
        }
    }

    #[test]
    fn a_symbol_that_was_touched_twice_is_settled_once() {
        let mut timers = Timers::new(3);
        let all: Vec<usize> = std::iter::from_fn(|| timers.take_touched()).collect();
        assert_eq!(all, [2, 1, 0]);
        [1, 1, 2, 1].into_iter().for_each(|symbol| timers.touch(symbol));
        let all: Vec<usize> = std::iter::from_fn(|| timers.take_touched()).collect();
        assert_eq!(all, [2, 1]);
    }
}
