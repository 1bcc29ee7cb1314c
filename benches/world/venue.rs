//! A gateway behind somebody who sees every order and answer, and may tamper with them.

use crate::journal::Shared;
use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::event::{Market, Trade};
use tradingd::domain::order::{OrderEvent, OrderId, OrderRequest};
use tradingd::domain::symbol::{SymbolId, SymbolTable};
use tradingd::domain::time::{Span, Timestamp};
use tradingd::session::gateway::Gateway;
use tradingd::sim::{Venue, VenueConfig};

/// The simulated venue of a life.
pub fn simulated(seed: u64) -> Venue {
    let config = VenueConfig {
        order_latency: Span::from_millis(40),
        latency_jitter: 0.5,
        reject_rate: 0.05,
        seed,
        ..VenueConfig::default()
    };
    Venue::new(config, 2)
}

/// Who sees what goes through a gateway.
pub trait Watch {
    /// An order; whether it goes on to the venue.
    fn sent(&self, now: Timestamp, order: &OrderRequest) -> bool;

    /// A cancellation.
    fn cancelled(&self, _now: Timestamp, _order: OrderId) {}

    /// Answers from `first` on.
    fn answered(&self, now: Timestamp, events: &mut Vec<OrderEvent>, first: usize);
}

/// The process of a life.
impl Watch for Shared {
    fn sent(&self, _: Timestamp, order: &OrderRequest) -> bool {
        if self.is_planted("order_never_sent") && order.id.0 % 7 == 3 {
            return false;
        }
        Shared::sent(self, order);
        true
    }

    fn answered(&self, _: Timestamp, events: &mut Vec<OrderEvent>, first: usize) {
        if self.is_planted("fill_delivered_twice")
            && let Some(fill @ OrderEvent::Filled(_)) = events.get(first).copied()
        {
            events.insert(first, fill);
        }
    }
}

/// A gateway that is watched.
pub struct Watched<G, W> {
    inner: G,
    watch: W,
}

impl<G, W: Watch> Watched<G, W> {
    pub fn new(inner: G, watch: W) -> Self {
        Watched { inner, watch }
    }

    fn answers(
        &mut self,
        now: Timestamp,
        events: &mut Vec<OrderEvent>,
        ask: impl FnOnce(&mut G, &mut Vec<OrderEvent>) -> bool,
    ) -> bool {
        let first = events.len();
        let answered = ask(&mut self.inner, events);
        if events.len() > first {
            self.watch.answered(now, events, first);
        }
        answered
    }
}

/// Whoever watches has no state of the session.
impl<G: Saved, W> Saved for Watched<G, W> {
    fn save(&self, to: &mut Vec<u8>) {
        self.inner.save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.inner.load(from)
    }
}

/// The market of the world has no bars.
impl<G: Gateway, W: Watch> Gateway for Watched<G, W> {
    const ANSWERS_ARE_INPUTS: bool = G::ANSWERS_ARE_INPUTS;
    const IS_EXCHANGE: bool = G::IS_EXCHANGE;
    const CLOSED_WITHIN: Option<Span> = G::CLOSED_WITHIN;
    const END_TRIES: u32 = G::END_TRIES;

    fn submit(&mut self, now: Timestamp, order: &OrderRequest) {
        if self.watch.sent(now, order) {
            self.inner.submit(now, order);
        }
    }

    fn cancel(&mut self, now: Timestamp, order: OrderId) {
        self.watch.cancelled(now, order);
        self.inner.cancel(now, order);
    }

    fn next_due(&self) -> Timestamp {
        self.inner.next_due()
    }

    fn answer(&mut self, table: &SymbolTable, now: Timestamp, events: &mut Vec<OrderEvent>) -> bool {
        self.answers(now, events, |venue, events| venue.answer(table, now, events))
    }

    fn on_trade(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        trade: Trade,
        events: &mut Vec<OrderEvent>,
    ) {
        self.answers(at, events, |venue, events| {
            venue.on_trade(table, symbol, at, trade, events);
            true
        });
    }

    fn on_market(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        market: &Market<'_>,
        events: &mut Vec<OrderEvent>,
    ) {
        self.answers(at, events, |venue, events| {
            venue.on_market(table, symbol, at, market, events);
            true
        });
    }

    fn on_gap(&mut self, symbol: SymbolId) {
        self.inner.on_gap(symbol);
    }

    fn on_absence(&mut self) {
        self.inner.on_absence();
    }

    fn answer_at_end(&mut self, table: &SymbolTable, now: Timestamp, events: &mut Vec<OrderEvent>) -> bool {
        self.answers(now, events, |venue, events| venue.answer_at_end(table, now, events))
    }
}
