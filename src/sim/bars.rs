//! Simulation on recorded bars. The path inside a bar is unknown: an order waits for a price that must be
//! later than it, and of two possible orders of the prices the worse one is assumed.
//!
//! Invariant: no fill at a price from before the decision, and bar fills stay at prices of that bar, costs
//! apart.

use super::resting::{self, Resting};
use super::{Arrival, SymbolBooks, Travelling, Venue};
use crate::checkpoint::plain;
use crate::domain::event::Bar;
use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderEvent, OrderId, OrderRequest, Purpose};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};

/// Bar state of a symbol.
#[derive(Default)]
pub(super) struct BarQueue {
    /// When the last bar became known.
    known_at: Option<Timestamp>,
    /// Whether a bar is being processed, between its open and its close.
    is_inside: bool,
    /// Messages that arrived and wait for a price that exists after them; bounded by the orders all instances
    /// can have.
    waiting: Vec<Arrival>,
    /// Lots of this bar that filled our resting orders, by side.
    taken: [i64; 2],
}

impl BarQueue {
    /// Index of an order that waits.
    fn waits_at(&self, order: OrderId) -> Option<usize> {
        self.waiting.iter().position(|arrival| arrival.order() == Some(order))
    }
}

plain!(struct BarQueue { known_at, is_inside, waiting, taken });

impl Venue {
    /// Applies a bar's open: waiting messages act on it and margins are checked at it. Then resting entries
    /// fill if the bar's other prices went through them.
    pub fn open_bar(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        bar: &Bar,
        events: &mut Vec<OrderEvent>,
    ) {
        let begin = at - Span::from_seconds(i64::from(bar.seconds));
        let book = &mut self.books[symbol.index()];
        let before = book.bars.known_at.replace(at);
        book.bars.is_inside = true;
        book.set_price(bar.open);
        // Orders that rested before the bar meet its open before anything else arrives.
        let mut taken = [0; 2];
        let opened = |order: &mut Resting, taken| {
            if order.is_through(bar.open) { order.passed(bar, taken) } else { Qty::ZERO }
        };
        self.hit_resting(table, symbol, begin, &mut taken, opened, events);
        self.check_margins(table, symbol, at, (bar.open, bar.open), events);
        self.act_waiting(
            table,
            symbol,
            |arrival| arrival.acts_at_open(begin, at, before).then(|| arrival.due.max(begin)),
            events,
        );
        self.check_margins(table, symbol, at, (bar.open, bar.open), events);
        let entries = |order: &mut Resting, taken| {
            if order.request.purpose == Purpose::Entry { order.passed(bar, taken) } else { Qty::ZERO }
        };
        self.hit_resting(table, symbol, at, &mut taken, entries, events);
        self.books[symbol.index()].bars.taken = taken;
    }

    /// Applies the rest of a bar, after stops and targets inside it: margins, resting exits, and at the close
    /// the messages sent while the bar was running.
    pub fn close_bar(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        bar: &Bar,
        events: &mut Vec<OrderEvent>,
    ) {
        self.check_margins(table, symbol, at, (bar.low, bar.high), events);
        let mut taken = self.books[symbol.index()].bars.taken;
        self.hit_resting(table, symbol, at, &mut taken, |order, taken| order.passed(bar, taken), events);
        resting::assert_within(taken, bar.volume);
        let book = &mut self.books[symbol.index()];
        book.bars.is_inside = false;
        book.set_price(bar.close);
        self.act_waiting(table, symbol, |arrival| Some(arrival.due.max(at)), events);
    }

    /// There is no further bar: waiting exits execute at the last price, waiting entries are cancelled.
    pub fn end_bars(&mut self, table: &SymbolTable, at: Timestamp, events: &mut Vec<OrderEvent>) {
        for symbol in (0..self.books.len() as u32).map(SymbolId) {
            let orders = self.books[symbol.index()].bars.waiting.extract_if(.., |arrival| arrival.is_entry());
            for order in orders.filter_map(|arrival| arrival.order()) {
                events.push(OrderEvent::Done { order, filled: Qty::ZERO });
            }
            self.act_waiting(table, symbol, |_| Some(at), events);
        }
    }

    /// Whether the margin of an exit inside the bar is used up before its price is reached; the position is
    /// then liquidated.
    pub(super) fn margin_ends_first(
        &mut self,
        table: &SymbolTable,
        at: Timestamp,
        request: &OrderRequest,
        events: &mut Vec<OrderEvent>,
    ) -> bool {
        let Some(inside) = request.inside_bar else { return false };
        let ends = self.check_margin(table, request.instance, at, inside.worst, events);
        // With the prices in the other order the position would have reached its target.
        self.counts.bars_in_doubt += u64::from(ends && inside.price != inside.worst);
        ends
    }

    /// Whether a cancel belongs to an order of the symbol whose bar is being processed, which rests, waits or
    /// is on its way; it then acts at once.
    pub(super) fn is_inside_bar_of(&self, order: OrderId) -> bool {
        let travels = self.arrivals.iter().any(|arrival| self.is_in_bar(arrival, order));
        travels
            || self.books.iter().any(|book| {
                book.bars.is_inside
                    && (book.resting_at(order).is_some() || book.bars.waits_at(order).is_some())
            })
    }

    fn is_in_bar(&self, arrival: &Arrival, order: OrderId) -> bool {
        arrival
            .request()
            .is_some_and(|request| request.id == order && self.books[request.symbol.index()].bars.is_inside)
    }

    /// Ends an order that waits or is on its way while a bar of its symbol is being processed.
    pub(super) fn withdraw_inside_bar(&mut self, order: OrderId, events: &mut Vec<OrderEvent>) {
        let done = OrderEvent::Done { order, filled: Qty::ZERO };
        if let Some(at) = self.arrivals.iter().position(|arrival| self.is_in_bar(arrival, order)) {
            self.arrivals.remove(at);
            return events.push(done);
        }
        for bars in self.books.iter_mut().map(|book| &mut book.bars).filter(|bars| bars.is_inside) {
            if let Some(at) = bars.waits_at(order) {
                bars.waiting.remove(at);
                return events.push(done);
            }
        }
    }

    /// Queues a message that must wait for the next bar; returns whether it was queued.
    pub(super) fn must_wait_for_bar(&mut self, arrival: &Arrival) -> bool {
        let Some(symbol) = self.waits_for_bar(arrival) else { return false };
        self.books[symbol.index()].bars.waiting.push(*arrival);
        true
    }

    fn waits_for_bar(&self, arrival: &Arrival) -> Option<SymbolId> {
        match &arrival.what {
            Travelling::Order(request) => {
                let book = &self.books[request.symbol.index()];
                let waits = book.depth.is_of_bars()
                    && request.inside_bar.is_none()
                    && !book.depth.is_fresh(arrival.due);
                waits.then_some(request.symbol)
            }
            Travelling::Cancel(order) => {
                let concerns = |book: &SymbolBooks| {
                    let rests = book.depth.is_of_bars() && book.resting_at(*order).is_some();
                    !book.bars.is_inside && (rests || book.bars.waits_at(*order).is_some())
                };
                self.books.iter().position(concerns).map(|index| SymbolId(index as u32))
            }
        }
    }

    /// Lets waiting messages act in order of arrival, each at the time `when` returns; those without one keep
    /// waiting.
    fn act_waiting(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        when: impl Fn(&Arrival) -> Option<Timestamp>,
        events: &mut Vec<OrderEvent>,
    ) {
        let mut waiting = std::mem::take(&mut self.books[symbol.index()].bars.waiting);
        let mut next = 0;
        while let Some(arrival) = waiting.get(next).copied() {
            // A cancel does not overtake its order.
            let is_behind_its_order =
                |order| waiting[..next].iter().any(|other| other.order() == Some(order));
            let at = match arrival.what {
                Travelling::Cancel(order) if is_behind_its_order(order) => None,
                _ => when(&arrival),
            };
            let Some(at) = at else {
                next += 1;
                continue;
            };
            waiting.remove(next);
            self.act(table, at, arrival.what, events);
        }
        self.books[symbol.index()].bars.waiting = waiting;
    }
}

impl Arrival {
    /// Whether the bar's open is the first price after this message: it arrived before the bar began, or was
    /// sent at `before`, the time at which the previous bar became known.
    fn acts_at_open(&self, begin: Timestamp, end: Timestamp, before: Option<Timestamp>) -> bool {
        self.due < end && (self.due <= begin || Some(self.sent) == before)
    }

    fn is_entry(&self) -> bool {
        matches!(&self.what, Travelling::Order(request) if request.purpose == Purpose::Entry)
    }

    fn request(&self) -> Option<&OrderRequest> {
        match &self.what {
            Travelling::Order(request) => Some(request),
            Travelling::Cancel(_) => None,
        }
    }

    pub(super) fn order(&self) -> Option<OrderId> {
        self.request().map(|request| request.id)
    }
}

impl SymbolBooks {
    /// Sets the last known price; the synthetic book is centred on it.
    fn set_price(&mut self, price: Price) {
        self.last = Some(price);
        self.depth.bar_price(price);
    }
}
