//! A resting order and the queue ahead of it.

use crate::domain::event::{Bar, Trade};
use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderRequest, Side};

/// A limit order in the book.
#[derive(Clone, Copy, Debug)]
pub struct Resting {
    /// The order; its quantity is what it may fill in all.
    pub request: OrderRequest,
    /// Its price.
    pub price: Price,
    /// Filled so far.
    pub filled: Qty,
    /// Lots displayed at the price when it joined, not yet traded. Cancels ahead earn no credit.
    pub ahead: i64,
}

impl Resting {
    /// Lots of a trade that reach this order: what is left behind the queue when the opposite taker trades at its price,
    /// all of it when anybody trades beyond. `taken` lots of it went to our orders that stand before this one.
    pub fn hit(&mut self, trade: &Trade, taken: i64) -> Qty {
        let mut reaching = trade.qty.0;
        if self.is_through(trade.price) {
            self.ahead = 0;
        } else {
            if trade.price != self.price || trade.taker == self.request.side {
                return Qty::ZERO;
            }
            let queue = self.ahead.min(reaching);
            self.ahead -= queue;
            reaching -= queue;
        }
        Qty((reaching - taken).max(0)).min(self.request.qty - self.filled)
    }

    /// Lots of a bar that reach this order: all when it went beyond the price, none when it only touched it, because
    /// who traded there first is unknown. `taken` lots of the bar went to our orders that stand before this one.
    pub fn passed(&mut self, bar: &Bar, taken: i64) -> Qty {
        let extreme = if self.request.side == Side::Buy { bar.low } else { bar.high };
        let reaching = if self.is_through(extreme) { (bar.volume.0 - taken).max(0) } else { 0 };
        Qty(reaching).min(self.request.qty - self.filled)
    }

    /// Whether this order is served before another of its side: the better price first, then the older order.
    pub fn stands_before(&self, price: Price) -> bool {
        match self.request.side {
            Side::Buy => self.price >= price,
            Side::Sell => self.price <= price,
        }
    }

    /// Whether a price lies beyond this order's.
    pub fn is_through(&self, price: Price) -> bool {
        match self.request.side {
            Side::Buy => price < self.price,
            Side::Sell => price > self.price,
        }
    }
}
