//! The inside of a bar, shown to positions before the bar's end is an event (docs/adr/025-bars-assume-the-worst.md).
//!
//! Never: a rule or an entry. They are asked at the bar's end.

use super::Engine;
use super::instance::{Instance, Turn};
use super::output::Outputs;
use super::timers::refresh;
use crate::domain::event::Bar;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;

impl Engine {
    /// A bar has opened: its first price is the last one known, also for what fills at it.
    pub fn bar_opened(&mut self, table: &SymbolTable, symbol: SymbolId, at: Timestamp, bar: &Bar) {
        self.account.roll_day(at);
        let market = &mut self.symbols[symbol.index()].market;
        if let Some((_, last)) = &mut market.last {
            last.price = bar.open;
        }
        if self.account.holds(symbol) && market.mark.is_none() && market.touch(at).is_none() {
            self.account.mark(symbol, table.spec(symbol), bar.open);
        }
    }

    /// Shows the positions of a symbol what a bar reached inside, before [`Engine::apply`] shows its end. To be called
    /// until nothing comes out: a step of a ladder may be followed by the next. Returns whether the order of prices
    /// inside the bar decided how a position ended.
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

    /// The inside of a bar is over: its extremes count for the excursions of what is open.
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
            self.each_position(table, symbol, at, out, Instance::bar_passed);
        }
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
