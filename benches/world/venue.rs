//! The simulated venue behind an auditor that sees every order and answer, and may misbehave.

use crate::journal::Shared;
use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::event::{Market, Trade};
use tradingd::domain::order::{OrderEvent, OrderId, OrderRequest};
use tradingd::domain::symbol::{SymbolId, SymbolTable};
use tradingd::domain::time::{Span, Timestamp};
use tradingd::session::gateway::Gateway;
use tradingd::sim::{Venue, VenueConfig};

pub struct AuditedVenue {
    venue: Venue,
    shared: Shared,
}

impl AuditedVenue {
    pub fn config(seed: u64) -> VenueConfig {
        VenueConfig {
            order_latency: Span::from_millis(40),
            latency_jitter: 0.5,
            reject_rate: 0.05,
            seed,
            ..VenueConfig::default()
        }
    }

    pub fn new(shared: &Shared, seed: u64) -> Self {
        AuditedVenue { venue: Venue::new(AuditedVenue::config(seed), 2), shared: shared.clone() }
    }

    /// Every other fill comes twice when that defect is planted.
    fn answered(&self, events: &mut Vec<OrderEvent>, before: usize) {
        if self.shared.is_planted("fill_delivered_twice")
            && let Some(fill @ OrderEvent::Filled(_)) = events.get(before).copied()
        {
            events.insert(before, fill);
        }
    }
}

impl Saved for AuditedVenue {
    fn save(&self, to: &mut Vec<u8>) {
        self.venue.save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.venue.load(from)
    }
}

/// The market of the world has no bars.
impl Gateway for AuditedVenue {
    const ANSWERS_ARE_INPUTS: bool = false;
    const IS_EXCHANGE: bool = false;
    const CLOSED_WITHIN: Option<Span> = Venue::CLOSED_WITHIN;
    const END_TRIES: u32 = Venue::END_TRIES;

    fn submit(&mut self, now: Timestamp, order: &OrderRequest) {
        if self.shared.is_planted("order_never_sent") && order.id.0 % 7 == 3 {
            return;
        }
        self.shared.sent(order);
        Gateway::submit(&mut self.venue, now, order);
        if self.shared.is_planted("order_sent_twice") && order.id.0 % 7 == 3 {
            self.shared.sent(order);
            Gateway::submit(&mut self.venue, now, order);
        }
    }

    fn cancel(&mut self, now: Timestamp, order: OrderId) {
        Gateway::cancel(&mut self.venue, now, order);
    }

    fn next_due(&self) -> Timestamp {
        Gateway::next_due(&self.venue)
    }

    fn answer(&mut self, table: &SymbolTable, now: Timestamp, events: &mut Vec<OrderEvent>) -> bool {
        let before = events.len();
        let answered = self.venue.answer(table, now, events);
        self.answered(events, before);
        answered
    }

    fn on_trade(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        trade: Trade,
        events: &mut Vec<OrderEvent>,
    ) {
        Gateway::on_trade(&mut self.venue, table, symbol, at, trade, events);
    }

    fn on_market(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        market: &Market<'_>,
        events: &mut Vec<OrderEvent>,
    ) {
        Gateway::on_market(&mut self.venue, table, symbol, at, market, events);
    }

    fn on_gap(&mut self, symbol: SymbolId) {
        Gateway::on_gap(&mut self.venue, symbol);
    }

    fn on_absence(&mut self) {
        Gateway::on_absence(&mut self.venue);
    }

    fn answer_at_end(&mut self, table: &SymbolTable, now: Timestamp, events: &mut Vec<OrderEvent>) -> bool {
        self.venue.answer_at_end(table, now, events)
    }
}
