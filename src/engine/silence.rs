//! Silence: whole seconds that change nothing are passed over together.
//!
//! Invariant: everything is as showing them one by one, the definition, leaves it. Where that cannot be told,
//! they are shown one by one.

use super::Engine;
use super::indicators::Look;
use super::timers::refresh;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};

impl Engine {
    /// Passes over whole seconds after the clock event at `now`, so that the next one to be shown is the last
    /// that lies before `limit`, no later than a timer or the end of a bar. `since` is when the last event
    /// came that was not the passing of time. Returns how many seconds nobody will see.
    #[inline]
    pub fn pass_silence(
        &mut self,
        table: &SymbolTable,
        since: Timestamp,
        now: Timestamp,
        limit: Timestamp,
    ) -> u64 {
        let is_settled = now > since.saturating_add(self.settles_after);
        if !is_settled || now.nanos() != self.next_second.nanos() - Span::SECOND.nanos() {
            return 0;
        }
        self.pass_seconds(table, now, limit)
    }

    #[cold]
    fn pass_seconds(&mut self, table: &SymbolTable, now: Timestamp, limit: Timestamp) -> u64 {
        self.settle();
        let bars = self.symbols.iter().flat_map(|state| &state.market.bars);
        let bar_end = bars.filter_map(|bars| bars.forming()).map(|bar| bar.end).min();
        let until = (limit - Span::from_nanos(1)).min(self.timers.earliest()).min(bar_end.unwrap_or(limit));
        let (first, last) = (self.next_second, Timestamp::from_seconds(until.seconds()));
        // A value that was sampled before a bar ended leaves its window later.
        let samples_bars = bar_end.is_some() && self.symbols.iter().any(|s| s.indicators.sees_every_second());
        if last <= first || samples_bars || self.account.has_changed() {
            return 0;
        }
        if !(0..self.symbols.len() as u32).all(|symbol| self.rests(table, SymbolId(symbol), now)) {
            return 0;
        }
        for (symbol, state) in self.symbols.iter_mut().enumerate() {
            let spec = table.spec(SymbolId(symbol as u32));
            let look = Look { now, spec, market: &state.market };
            state.indicators.pass_seconds(first, last, look);
        }
        self.next_second = last;
        self.timer_stale = true;
        (last.seconds() - first.seconds()) as u64
    }

    /// Whether the passing of whole seconds changes nothing for those who trade a symbol.
    fn rests(&mut self, table: &SymbolTable, symbol: SymbolId, now: Timestamp) -> bool {
        let state = &mut self.symbols[symbol.index()];
        if !state.on_clock {
            return true;
        }
        if state.stale {
            refresh(state, &self.instances);
        }
        let look = Look { now, spec: table.spec(symbol), market: &state.market };
        let instances = &self.instances;
        state.groups.iter_mut().all(|group| {
            let is_shut = group.is_shut(&mut state.indicators, look);
            group.keeps_pace(now.next_second())
                && group.members.iter().all(|index| instances[*index as usize].rests(now, is_shut))
        })
    }
}
