//! A resting order and the queue ahead of it.

use crate::checkpoint::plain;
use crate::domain::event::{Bar, Trade};
use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderRequest, Side};

/// A limit order in the book.
#[derive(Clone, Copy, Debug)]
pub struct Resting {
    /// The order; its quantity is the most it may fill in total.
    pub request: OrderRequest,
    /// Its price.
    pub price: Price,
    /// Filled so far.
    pub filled: Qty,
    /// Lots displayed at the price when it joined and not traded since. Cancels ahead of it are not counted.
    pub ahead: i64,
}

plain!(struct Resting { request, price, filled, ahead });

impl Resting {
    /// Lots of a trade that reach this order: those left behind the queue when the opposite taker trades at
    /// its price, all of them when the trade is beyond it. `taken` of these lots went to our orders ahead of
    /// this one.
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

    /// Lots of a bar that reach this order: all when the bar went beyond its price, none when it only touched
    /// it, because the queue is unknown. `taken` of these lots went to our orders ahead of this one.
    pub fn passed(&mut self, bar: &Bar, taken: i64) -> Qty {
        let extreme = if self.request.side == Side::Buy { bar.low } else { bar.high };
        let reaching = if self.is_through(extreme) { (bar.volume.0 - taken).max(0) } else { 0 };
        Qty(reaching).min(self.request.qty - self.filled)
    }

    /// Whether this order is served before one of its side at `price`; at equal prices the older order comes
    /// first.
    pub fn stands_before(&self, price: Price) -> bool {
        match self.request.side {
            Side::Buy => self.price >= price,
            Side::Sell => self.price <= price,
        }
    }

    /// Whether a price is beyond this order's.
    pub fn is_through(&self, price: Price) -> bool {
        match self.request.side {
            Side::Buy => price < self.price,
            Side::Sell => price > self.price,
        }
    }
}

/// Asserts that our orders of a side took no more lots than traded.
pub fn assert_within(taken: [i64; 2], traded: Qty) {
    assert!(
        taken.iter().all(|lots| *lots <= traded.0),
        "of {} lots that traded, resting orders took {taken:?}",
        traded.0
    );
}
