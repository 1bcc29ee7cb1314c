//! A simulated venue: accepts orders, fills them against recorded or synthetic books, charges fees and
//! funding, and liquidates. Seeded, so a run can be repeated exactly.
//!
//! Invariants: an order executes no earlier than it arrives, and nothing reads an event that has not happened
//! yet.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod bars;
mod calm;
mod config;
mod depth;
mod gap;
mod liquidation;
mod resting;

use crate::checkpoint::{plain, saved};
use crate::domain::event::{Market, Trade};
use crate::domain::mark::Mark;
use crate::domain::num::{Money, Price, Qty, Rate};
use crate::domain::order::{
    Fill, Liquidity, OrderEvent, OrderId, OrderKind, OrderRequest, Purpose, RejectReason, Side,
};
use crate::domain::rng::Rng;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::{Span, Timestamp};
pub use calm::Calm;
pub use config::{SyntheticBook, VenueConfig};
use depth::Depth;
use resting::Resting;
use std::collections::{BTreeMap, VecDeque};

/// Counters of the venue for the result.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct VenueCounts {
    /// Fills against a synthetic book.
    pub synthetic_fills: u64,
    /// Fills beyond the known depth, at a penalty.
    pub penalised_fills: u64,
    /// Positions liquidated.
    pub liquidations: u64,
    /// Orders rejected.
    pub rejects: u64,
    /// Bars in which another order of the prices would have ended a position differently.
    pub bars_in_doubt: u64,
}

plain!(struct VenueCounts { synthetic_fills, penalised_fills, liquidations, rejects, bars_in_doubt });

/// An order or cancel in transit.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    sent: Timestamp,
    due: Timestamp,
    what: Travelling,
}

plain!(struct Arrival { sent, due, what });

#[derive(Clone, Copy, Debug)]
enum Travelling {
    Order(OrderRequest),
    Cancel(OrderId),
}

plain!(
    enum Travelling {
        Order(request),
        Cancel(order),
    }
);

/// A position at the venue: isolated margin, one per instance.
#[derive(Clone, Copy, Debug)]
struct Margin {
    symbol: SymbolId,
    side: Side,
    lots: i64,
    cost: i128,
    leverage: u32,
    /// Fees and funding paid out of the margin of the open lots.
    paid: Money,
}

plain!(struct Margin { symbol, side, lots, cost, leverage, paid });

struct SymbolBooks {
    depth: Depth,
    /// Buys, then sells; better prices first on each side, older orders first at equal prices.
    resting: Vec<Resting>,
    bars: bars::BarQueue,
    /// The last mark price, which may no longer count.
    last_mark: Option<Mark>,
    last: Option<Price>,
    positions: u32,
    /// Between these prices no margin can be used up, so margins are not checked. May be narrower than
    /// necessary.
    safe: (Price, Price),
}

saved!(SymbolBooks { depth, resting, bars, last_mark, last, positions, safe });

/// No position, so no price needs a check.
const ALWAYS_SAFE: (Price, Price) = (Price(i64::MIN), Price(i64::MAX));

/// The simulated venue.
pub struct Venue {
    config: VenueConfig,
    rng: Rng,
    books: Vec<SymbolBooks>,
    arrivals: VecDeque<Arrival>,
    margins: BTreeMap<u32, Margin>,
    counts: VenueCounts,
    /// Executions so far.
    fills: u64,
}

saved!(Venue { rng, arrivals, margins, counts, fills } each { books } fixed { config });

impl Venue {
    /// A venue before its first event.
    pub fn new(config: VenueConfig, symbols: usize) -> Self {
        let books = (0..symbols)
            .map(|_| SymbolBooks {
                depth: Depth::new(config.synthetic),
                resting: Vec::new(),
                bars: bars::BarQueue::default(),
                last_mark: None,
                last: None,
                positions: 0,
                safe: ALWAYS_SAFE,
            })
            .collect();
        let rng = Rng::new(config.seed);
        Venue {
            config,
            rng,
            books,
            arrivals: VecDeque::new(),
            margins: BTreeMap::new(),
            counts: VenueCounts::default(),
            fills: 0,
        }
    }

    /// Counters for the result.
    pub fn counts(&self) -> VenueCounts {
        self.counts
    }

    /// Sends an order.
    pub fn submit(&mut self, now: Timestamp, request: &OrderRequest) {
        let due = if request.inside_bar.is_some() { now } else { now + self.travel() };
        self.send(Arrival { sent: now, due, what: Travelling::Order(*request) });
    }

    /// Sends a cancel.
    pub fn cancel(&mut self, now: Timestamp, order: OrderId) {
        let due = if self.is_inside_bar_of(order) {
            now
        } else {
            // It arrives after its order: a cancel of an unknown order would have no effect and the order
            // would rest for ever.
            let order_due = self.arrivals.iter().find(|arrival| arrival.order() == Some(order));
            let order_due = order_due.map_or(now, |arrival| arrival.due);
            (now + self.travel()).max(order_due)
        };
        self.send(Arrival { sent: now, due, what: Travelling::Cancel(order) });
    }

    fn send(&mut self, arrival: Arrival) {
        // With jitter a later message may overtake an earlier one; messages due at the same time keep their
        // order.
        let slot = self.arrivals.iter().rposition(|other| other.due <= arrival.due).map_or(0, |at| at + 1);
        self.arrivals.insert(slot, arrival);
    }

    /// Order and feed latency together: by the engine's clock, an order executes and its fill is seen this
    /// much later.
    fn travel(&mut self) -> Span {
        if self.config.order_latency == Span::ZERO {
            return self.config.feed_latency;
        }
        let factor = if self.config.latency_jitter > 0.0 {
            self.rng.log_normal(self.config.latency_jitter)
        } else {
            1.0
        };
        Span::from_nanos((self.config.order_latency.nanos() as f64 * factor) as i64)
            + self.config.feed_latency
    }

    /// Arrival time of the next message.
    #[inline]
    pub fn next_due(&self) -> Timestamp {
        self.arrivals.front().map_or(Timestamp::MAX, |arrival| arrival.due)
    }

    /// Handles the next message if it arrives at or before `now`; its events are appended. Returns whether
    /// there was one.
    pub fn arrive(&mut self, table: &SymbolTable, now: Timestamp, events: &mut Vec<OrderEvent>) -> bool {
        if self.next_due() > now {
            return false;
        }
        let Some(arrival) = self.arrivals.pop_front() else { return false };
        if !self.must_wait_for_bar(&arrival) {
            self.act(table, arrival.due, arrival.what, events);
        }
        true
    }

    fn act(&mut self, table: &SymbolTable, at: Timestamp, what: Travelling, events: &mut Vec<OrderEvent>) {
        match what {
            Travelling::Order(request) if self.margin_ends_first(table, at, &request, events) => {
                events
                    .push(OrderEvent::Rejected { order: request.id, reason: RejectReason::NothingToReduce });
            }
            Travelling::Order(request) => self.execute(table, at, request, events),
            Travelling::Cancel(order) => self.withdraw(order, events),
        }
    }

    fn withdraw(&mut self, order: OrderId, events: &mut Vec<OrderEvent>) {
        for book in &mut self.books {
            if let Some(at) = book.resting_at(order) {
                let resting = book.resting.remove(at);
                return events.push(OrderEvent::Done { order, filled: resting.filled });
            }
        }
        self.withdraw_inside_bar(order, events);
    }

    /// Applies a trade: the hot path of [`Venue::on_market`].
    #[inline(always)]
    pub fn on_trade(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        trade: Trade,
        events: &mut Vec<OrderEvent>,
    ) {
        let book = &mut self.books[symbol.index()];
        book.last = Some(trade.price);
        book.depth.trade(trade.price);
        if !book.resting.is_empty() {
            let mut taken = [0; 2];
            self.hit_resting(table, symbol, at, &mut taken, |order, taken| order.hit(&trade, taken), events);
            resting::assert_within(taken, trade.qty);
        }
        if self.books[symbol.index()].positions > 0 {
            self.check_margins(table, symbol, at, (trade.price, trade.price), events);
        }
    }

    /// Applies a market event: updates books, fills resting orders, checks margins.
    pub fn on_market(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        market: &Market<'_>,
        events: &mut Vec<OrderEvent>,
    ) {
        let book = &mut self.books[symbol.index()];
        let prices = book.last.map(|last| (last, last));
        match market {
            Market::Trade(trade) => return self.on_trade(table, symbol, at, *trade, events),
            Market::BookSnapshot { bids, asks } => book.depth.replace(at, bids, asks),
            Market::BookChange(changes) => book.depth.change(at, changes),
            Market::Mark { mark, .. } => book.last_mark = Some(Mark { price: *mark, at }),
            Market::Funding { rate } => self.settle_funding(table, symbol, at, *rate, events),
            Market::Bar(bar) => {
                self.open_bar(table, symbol, at, bar, events);
                return self.close_bar(table, symbol, at, bar, events);
            }
            Market::OpenInterest(_) => {}
        }
        let prices = prices.or(self.books[symbol.index()].mark(at).map(|mark| (mark, mark)));
        if let Some(prices) = prices.filter(|_| self.books[symbol.index()].positions > 0) {
            self.check_margins(table, symbol, at, prices, events);
        }
    }

    /// Fills resting orders with the lots that `hit` says reach them. Orders of one side share the volume:
    /// `taken` counts, by side, the lots that went to the orders before.
    fn hit_resting(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        taken: &mut [i64; 2],
        hit: impl Fn(&mut Resting, i64) -> Qty,
        events: &mut Vec<OrderEvent>,
    ) {
        let spec = table.spec(symbol);
        let mut resting = std::mem::take(&mut self.books[symbol.index()].resting);
        resting.retain_mut(|order| {
            let taken = &mut taken[order.request.side as usize];
            let qty = hit(order, *taken);
            if qty.is_zero() {
                return true;
            }
            let request = order.request;
            let qty = self.reducible(&request, qty);
            if !qty.is_zero() {
                self.fill(spec, at, (&request, order.filled), order.price, qty, Liquidity::Maker, events);
                order.filled += qty;
                *taken += qty.0;
            }
            let over = order.filled >= request.qty || qty.is_zero();
            if over {
                events.push(OrderEvent::Done { order: request.id, filled: order.filled });
            }
            !over
        });
        self.books[symbol.index()].resting = resting;
    }

    fn execute(
        &mut self,
        table: &SymbolTable,
        at: Timestamp,
        request: OrderRequest,
        events: &mut Vec<OrderEvent>,
    ) {
        let spec = table.spec(request.symbol);
        if let Some(reason) = self.refuses(spec, &request) {
            self.counts.rejects += 1;
            events.push(OrderEvent::Rejected { order: request.id, reason });
            return;
        }
        let wanted = self.reducible(&request, request.qty);
        let filled = self.take(spec, at, &request, wanted, events);
        let rest = wanted - filled;
        match request.kind {
            OrderKind::Limit(price) if !rest.is_zero() => {
                let book = &mut self.books[request.symbol.index()];
                let ahead = book.depth.displayed(at, request.side, price);
                book.rest(Resting { request: OrderRequest { qty: wanted, ..request }, price, filled, ahead });
                events.push(OrderEvent::Acked(request.id));
            }
            _ => events.push(OrderEvent::Done { order: request.id, filled }),
        }
    }

    fn refuses(&mut self, spec: &SymbolSpec, request: &OrderRequest) -> Option<RejectReason> {
        if self.config.reject_rate > 0.0 && self.rng.unit() < self.config.reject_rate {
            return Some(RejectReason::Injected);
        }
        if request.purpose != Purpose::Entry && self.reducible(request, request.qty).is_zero() {
            return Some(RejectReason::NothingToReduce);
        }
        if request.qty < spec.min_quantity && request.purpose == Purpose::Entry {
            return Some(RejectReason::BelowMinimum);
        }
        let book = &self.books[request.symbol.index()];
        (book.last.is_none() && book.depth.is_unknown()).then_some(RejectReason::NoMarket)
    }

    /// The lots an order may fill: reduce-only orders are limited to the position.
    fn reducible(&self, request: &OrderRequest, qty: Qty) -> Qty {
        if request.purpose == Purpose::Entry {
            return qty;
        }
        self.margins.get(&request.instance).map_or(Qty::ZERO, |margin| qty.min(Qty(margin.lots)))
    }

    /// Takes liquidity at the order's limit or better. Returns the lots filled.
    fn take(
        &mut self,
        spec: &SymbolSpec,
        at: Timestamp,
        request: &OrderRequest,
        wanted: Qty,
        events: &mut Vec<OrderEvent>,
    ) -> Qty {
        let limit = match request.kind {
            OrderKind::Market => None,
            OrderKind::Limit(price) | OrderKind::LimitIoc(price) => Some(price),
        };
        let mut taken = Vec::new();
        let book = &mut self.books[request.symbol.index()];
        let synthetic = match request.inside_bar {
            Some(inside) => {
                book.depth.take_around(spec, inside.price, request.side, wanted, limit, &mut taken);
                true
            }
            None => book.depth.take(spec, at, request.side, wanted, limit, &mut taken),
        };
        let mut filled = Qty::ZERO;
        for (price, qty) in &taken {
            let price = self.slipped(spec, *price, request.side, limit);
            self.fill(spec, at, (request, filled), price, *qty, Liquidity::Taker, events);
            filled += *qty;
        }
        self.counts.synthetic_fills += if synthetic { taken.len() as u64 } else { 0 };
        if limit.is_none() && filled < wanted {
            let worst = taken
                .last()
                .map(|(price, _)| *price)
                .or_else(|| request.inside_bar.map(|inside| inside.price));
            let worst = worst.or_else(|| self.books[request.symbol.index()].depth.last());
            if let Some(worst) = worst {
                let factor = 1.0 + request.side.sign() as f64 * self.config.beyond_depth_penalty_pct / 100.0;
                let price = against(spec, spec.price_f64(worst) * factor, request.side);
                self.fill(spec, at, (request, filled), price, wanted - filled, Liquidity::Taker, events);
                self.counts.penalised_fills += 1;
                filled = wanted;
            }
        }
        filled
    }

    /// Adds the configured slippage, but not beyond the limit.
    fn slipped(&self, spec: &SymbolSpec, price: Price, side: Side, limit: Option<Price>) -> Price {
        if self.config.slippage_pct == 0.0 {
            return price;
        }
        let worse = against(
            spec,
            spec.price_f64(price) * (1.0 + side.sign() as f64 * self.config.slippage_pct / 100.0),
            side,
        );
        match (limit, side) {
            (Some(limit), Side::Buy) => worse.min(limit),
            (Some(limit), Side::Sell) => worse.max(limit),
            (None, _) => worse,
        }
    }

    /// A fill of an order of which so much has filled before.
    #[allow(clippy::too_many_arguments)] // A fill is exactly these facts.
    fn fill(
        &mut self,
        spec: &SymbolSpec,
        at: Timestamp,
        (request, filled): (&OrderRequest, Qty),
        price: Price,
        qty: Qty,
        liquidity: Liquidity,
        events: &mut Vec<OrderEvent>,
    ) {
        assert!(
            qty > Qty::ZERO && filled + qty <= request.qty,
            "a fill of {} lots after {} exceeds the order's {}",
            qty.0,
            filled.0,
            request.qty.0
        );
        let price = Price(price.0.max(1));
        let (maker, taker) = self.config.fees.unwrap_or((spec.maker_fee, spec.taker_fee));
        let rate = if liquidity == Liquidity::Maker { maker } else { taker };
        let fee = spec.notional(price, qty).at_rate(rate);
        let fill = Fill {
            order: request.id,
            symbol: request.symbol,
            side: request.side,
            price,
            qty,
            cumulative: filled + qty,
            trade_id: self.next_trade_id(),
            fee,
            liquidity,
            at,
        };
        self.keep_margin(spec, request, &fill);
        events.push(OrderEvent::Filled(fill));
    }

    fn next_trade_id(&mut self) -> u64 {
        self.fills += 1;
        self.fills
    }

    fn keep_margin(&mut self, spec: &SymbolSpec, request: &OrderRequest, fill: &Fill) {
        let value = i128::from(fill.price.0) * i128::from(fill.qty.0);
        if request.purpose == Purpose::Entry {
            let positions = &mut self.books[request.symbol.index()].positions;
            let margin = self.margins.entry(request.instance).or_insert_with(|| {
                *positions += 1;
                Margin {
                    symbol: request.symbol,
                    side: fill.side,
                    lots: 0,
                    cost: 0,
                    leverage: request.leverage,
                    paid: Money::ZERO,
                }
            });
            margin.lots += fill.qty.0;
            margin.cost += value;
            margin.paid += fill.fee;
            let limits = margin.limits(spec);
            self.books[request.symbol.index()].watch(limits);
        } else if let Some(margin) = self.margins.get_mut(&request.instance) {
            assert!(
                fill.qty.0 <= margin.lots,
                "an exit of {} lots exceeds the position of {}",
                fill.qty.0,
                margin.lots
            );
            margin.cost -= margin.cost * i128::from(fill.qty.0) / i128::from(margin.lots);
            margin.paid =
                Money(margin.paid.0 * i128::from(margin.lots - fill.qty.0) / i128::from(margin.lots));
            margin.lots -= fill.qty.0;
            if margin.lots == 0 {
                self.margins.remove(&request.instance);
                self.books[request.symbol.index()].forget_position();
            }
        }
    }

    fn settle_funding(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        rate: Rate,
        events: &mut Vec<OrderEvent>,
    ) {
        let book = &self.books[symbol.index()];
        let Some(mark) = book.mark(at).or(book.last) else { return };
        for (instance, margin) in self.margins.iter_mut().filter(|(_, margin)| margin.symbol == symbol) {
            let paid = table.spec(symbol).notional(mark, Qty(margin.lots)).at_rate(rate);
            let amount = Money(-i128::from(margin.side.sign()) * paid.0);
            margin.paid += -amount;
            let limits = margin.limits(table.spec(symbol));
            self.books[symbol.index()].watch(limits);
            events.push(OrderEvent::Funding { symbol, instance: *instance, amount });
        }
    }
}

impl SymbolBooks {
    /// The mark price, while it counts.
    #[inline]
    fn mark(&self, now: Timestamp) -> Option<Price> {
        self.last_mark.and_then(|mark| mark.price_at(now))
    }

    /// Index of a resting order.
    fn resting_at(&self, order: OrderId) -> Option<usize> {
        self.resting.iter().position(|resting| resting.request.id == order)
    }

    /// Adds a resting order behind better prices and older orders of its side, all buys before all sells: in
    /// which order one trade fills two orders does not depend on others.
    fn rest(&mut self, order: Resting) {
        let side = order.request.side;
        let before = |other: &Resting| {
            let is_same_side = other.request.side == side;
            if is_same_side { other.stands_before(order.price) } else { side == Side::Sell }
        };
        let slot = self.resting.iter().rposition(before).map_or(0, |at| at + 1);
        self.resting.insert(slot, order);
    }

    /// Narrows the safe range: a margin is used up at or beyond these prices.
    fn watch(&mut self, (below, above): (Price, Price)) {
        self.safe = (self.safe.0.max(below), self.safe.1.min(above));
    }

    /// Counts one position less; without positions every price is safe.
    fn forget_position(&mut self) {
        self.positions -= 1;
        if self.positions == 0 {
            self.safe = ALWAYS_SAFE;
        }
    }
}

/// A price rounded to a tick, away from a taker of this side.
fn against(spec: &SymbolSpec, price: f64, side: Side) -> Price {
    match side {
        Side::Buy => spec.price_ceil(price),
        Side::Sell => spec.price_floor(price),
    }
}

#[cfg(test)]
mod tests;
