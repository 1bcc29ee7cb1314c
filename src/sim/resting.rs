//! A resting order and the queue ahead of it.

use crate::domain::event::Trade;
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
    /// Lots of a trade that reach this order: what is left behind the queue at its price, all of it beyond.
    pub fn hit(&mut self, trade: &Trade) -> Qty {
        if trade.taker == self.request.side {
            return Qty::ZERO;
        }
        let through = match self.request.side {
            Side::Buy => trade.price < self.price,
            Side::Sell => trade.price > self.price,
        };
        let mut reaching = trade.qty.0;
        if !through {
            if trade.price != self.price {
                return Qty::ZERO;
            }
            let queue = self.ahead.min(reaching);
            self.ahead -= queue;
            reaching -= queue;
        }
        Qty(reaching).min(self.request.qty - self.filled)
    }
}
