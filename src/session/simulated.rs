//! The simulated venue as a gateway.

use crate::domain::event::{Bar, Market, Trade};
use crate::domain::num::Price;
use crate::domain::order::{OrderEvent, OrderId, OrderRequest};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::session::gateway::Gateway;
use crate::sim::{Calm, Venue, VenueCounts};

impl Gateway for Venue {
    const ANSWERS_ARE_INPUTS: bool = false;
    const IS_EXCHANGE: bool = false;
    const CLOSED_WITHIN: Option<Span> = Some(Span::from_seconds(8));
    const END_TRIES: u32 = 16;

    #[inline]
    fn submit(&mut self, now: Timestamp, order: &OrderRequest) {
        Venue::submit(self, now, order);
    }

    #[inline]
    fn cancel(&mut self, now: Timestamp, order: OrderId) {
        Venue::cancel(self, now, order);
    }

    #[inline(always)]
    fn next_due(&self) -> Timestamp {
        Venue::next_due(self)
    }

    #[inline]
    fn answer(&mut self, table: &SymbolTable, now: Timestamp, events: &mut Vec<OrderEvent>) -> bool {
        self.arrive(table, now, events)
    }

    #[inline(always)]
    fn on_trade(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        trade: Trade,
        events: &mut Vec<OrderEvent>,
    ) {
        Venue::on_trade(self, table, symbol, at, trade, events);
    }

    #[inline]
    fn calm(&self, symbol: SymbolId, at: Timestamp) -> Option<Calm> {
        Venue::calm(self, symbol, at)
    }

    #[inline]
    fn passed(&mut self, symbol: SymbolId, last: Price) {
        Venue::passed(self, symbol, last);
    }

    #[inline]
    fn on_market(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        market: &Market<'_>,
        events: &mut Vec<OrderEvent>,
    ) {
        Venue::on_market(self, table, symbol, at, market, events);
    }

    fn open_bar(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        bar: &Bar,
        events: &mut Vec<OrderEvent>,
    ) {
        Venue::open_bar(self, table, symbol, at, bar, events);
    }

    fn close_bar(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        bar: &Bar,
        events: &mut Vec<OrderEvent>,
    ) {
        Venue::close_bar(self, table, symbol, at, bar, events);
    }

    fn on_gap(&mut self, symbol: SymbolId) {
        Venue::on_gap(self, symbol);
    }

    fn on_absence(&mut self) {
        Venue::on_absence(self);
    }

    fn counts(&self) -> VenueCounts {
        Venue::counts(self)
    }

    /// Nothing can be learned any more, so nothing is gained by waiting for the latency.
    fn answer_at_end(&mut self, table: &SymbolTable, now: Timestamp, events: &mut Vec<OrderEvent>) -> bool {
        let due = self.next_due();
        if due != Timestamp::MAX {
            return self.arrive(table, due, events);
        }
        self.end_bars(table, now, events);
        false
    }
}
