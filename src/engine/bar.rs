//! Prices inside a bar, applied to positions before the bar's end is an event
//! (docs/adr/025-bars-assume-the-worst.md).
//!
//! Invariant: no rule and no entry is evaluated here; they are evaluated at the bar's end.

use super::Engine;
use super::instance::{Instance, Turn};
use super::output::Outputs;
use super::timers::refresh;
use crate::domain::event::Bar;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;

impl Engine {
    /// A bar has opened: its open becomes the last price, also for orders that fill at it.
    pub fn bar_opened(&mut self, table: &SymbolTable, symbol: SymbolId, at: Timestamp, bar: &Bar) {
        self.account.roll_day(at);
        let market = &mut self.symbols[symbol.index()].market;
        if let Some((_, last)) = &mut market.last {
            last.price = bar.open;
        }
        if self.account.holds(symbol) && market.mark(at).is_none() && market.touch(at).is_none() {
            self.account.mark(symbol, table.spec(symbol), bar.open);
        }
    }

    /// Applies the prices inside a bar to the symbol's positions, before [`Engine::apply`] gets the bar. Call
    /// it until no action comes out, because one ladder step may follow another. Returns whether the unknown
    /// order of the prices decided how a position ended.
    pub fn inside_bar(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        bar: &Bar,
        out: &mut Outputs,
    ) -> bool {
        self.account.roll_day(at);
        let mut mattered = false;
        self.each_position(table, symbol, at, out, |instance, turn| mattered |= instance.pass_bar(bar, turn));
        mattered
    }

    /// Ends the inside of a bar: its extremes count for the excursions of open positions.
    pub fn bar_passed(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        bar: &Bar,
        out: &mut Outputs,
    ) {
        if self.account.holds(symbol) {
            let excursion = &mut self.symbols[symbol.index()].excursion;
            [bar.open, bar.low, bar.high].into_iter().for_each(|price| excursion.trade(price));
            self.each_position(table, symbol, at, out, |instance, turn| instance.bar_passed(bar, turn));
        }
    }

    /// A bar has ended, and what acts at its close has acted: a stop that only this brought into force may
    /// lie beyond it.
    pub fn bar_ended(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        bar: &Bar,
        out: &mut Outputs,
    ) {
        self.each_position(table, symbol, at, out, |instance, turn| instance.end_bar(bar, turn));
    }

    fn each_position(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        out: &mut Outputs,
        mut act: impl FnMut(&mut Instance, &mut Turn<'_>),
    ) {
        let state = &mut self.symbols[symbol.index()];
        if state.stale {
            refresh(state, &self.instances);
        }
        for slot in 0..self.symbols[symbol.index()].busy.len() {
            let index = self.symbols[symbol.index()].busy[slot];
            if self.instances[index as usize].position.is_some() {
                self.with_instance(table, index, at, None, out, &mut act);
            }
        }
    }
}
