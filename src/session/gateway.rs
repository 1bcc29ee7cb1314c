//! Where a session's orders go and where the answers come from: a simulated venue, or an exchange.
//!
//! Answers of a simulated venue come by time: the driver asks for them when they are due, and a replay
//! computes them again. Answers of an exchange come through the inbox like market data
//! ([`super::driver::Driver::answer`]), so that a replay applies what was journaled.

use crate::checkpoint::saved;
use crate::domain::event::{Bar, Market, Trade};
use crate::domain::num::Price;
use crate::domain::order::{OrderEvent, OrderId, OrderRequest};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::sim::{Calm, VenueCounts};

/// Where orders go. A gateway whose answers come through the inbox needs nothing that has a default.
pub trait Gateway {
    /// Whether answers come through the inbox ([`super::driver::Driver::answer`]) and none by time.
    const ANSWERS_ARE_INPUTS: bool;

    /// Whether orders go to an exchange: positions are then looked after there, and a session ends only when
    /// nothing is left.
    const IS_EXCHANGE: bool;

    /// How long a stop waits for its closing orders; what is open then is closed at the last prices
    /// ([`super::driver::Driver::finish`]). `None`: nothing but flat is an end.
    const CLOSED_WITHIN: Option<Span> = None;

    /// How often that is tried where the venue refuses; then what is open stays open. 0: nobody would hear
    /// the answer to an order that is sent at the end, so all stays as it is.
    const END_TRIES: u32 = 0;

    /// Sends an order. The recorder has seen it before.
    fn submit(&mut self, now: Timestamp, order: &OrderRequest);

    /// Asks for an order's cancellation.
    fn cancel(&mut self, now: Timestamp, order: OrderId);

    /// When the next answer comes by itself; [`Timestamp::MAX`]: none does.
    #[inline(always)]
    fn next_due(&self) -> Timestamp {
        Timestamp::MAX
    }

    /// Appends the next answers that are due at `now`; whether there were any to look for.
    fn answer(&mut self, _table: &SymbolTable, _now: Timestamp, _events: &mut Vec<OrderEvent>) -> bool {
        false
    }

    /// A trade, before the engine sees it.
    #[inline(always)]
    fn on_trade(
        &mut self,
        _table: &SymbolTable,
        _symbol: SymbolId,
        _at: Timestamp,
        _trade: Trade,
        _events: &mut Vec<OrderEvent>,
    ) {
    }

    /// Which trades of the symbol, the first of them at `at`, are of no consequence but that the last of them
    /// is remembered; `None`: none is.
    fn calm(&self, _symbol: SymbolId, _at: Timestamp) -> Option<Calm> {
        Some(Calm::ALWAYS)
    }

    /// Trades at calm prices, of which this was the last; the engine has seen them.
    fn passed(&mut self, _symbol: SymbolId, _last: Price) {}

    /// Any other market event but a bar, before the engine sees it.
    fn on_market(
        &mut self,
        _table: &SymbolTable,
        _symbol: SymbolId,
        _at: Timestamp,
        _market: &Market<'_>,
        _events: &mut Vec<OrderEvent>,
    ) {
    }

    /// A bar begins, known at its end.
    fn open_bar(
        &mut self,
        _table: &SymbolTable,
        _symbol: SymbolId,
        _at: Timestamp,
        _bar: &Bar,
        _events: &mut Vec<OrderEvent>,
    ) {
    }

    /// The bar ends.
    fn close_bar(
        &mut self,
        _table: &SymbolTable,
        _symbol: SymbolId,
        _at: Timestamp,
        _bar: &Bar,
        _events: &mut Vec<OrderEvent>,
    ) {
    }

    /// Market data of a symbol is missing up to here.
    fn on_gap(&mut self, _symbol: SymbolId) {}

    /// Nobody watched the market for a while: no price from before is known any more.
    fn on_absence(&mut self) {}

    /// What it did that a result must tell.
    fn counts(&self) -> VenueCounts {
        VenueCounts::default()
    }

    /// No more data will come: appends the next answers that are still under way, without their latency.
    /// Returns whether more may follow; the last call appends what the end of the data itself brings.
    fn answer_at_end(
        &mut self,
        _table: &SymbolTable,
        _now: Timestamp,
        _events: &mut Vec<OrderEvent>,
    ) -> bool {
        false
    }
}

/// Sends nothing: the gateway of a replay whose answers are in the journal.
pub struct Journaled;

saved!(Journaled {});

impl Gateway for Journaled {
    const ANSWERS_ARE_INPUTS: bool = true;
    const IS_EXCHANGE: bool = true;

    fn submit(&mut self, _now: Timestamp, _order: &OrderRequest) {}

    fn cancel(&mut self, _now: Timestamp, _order: OrderId) {}
}
