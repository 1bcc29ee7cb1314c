//! An order as kept by the exchange.

use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::Side;

/// The position that an order opens or closes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hold {
    /// Gains when the price rises.
    Long,
    /// Gains when the price falls.
    Short,
}

/// Order types on the wire.
pub mod kind {
    /// Rests at its price.
    pub const LIMIT: i64 = 1;
    /// Maker only: cancelled if it would match at once.
    pub const POST_ONLY: i64 = 2;
    /// Fills what it can at once; the rest is cancelled.
    pub const IOC: i64 = 3;
    /// Fills completely at once, or is cancelled.
    pub const FOK: i64 = 4;
    /// Takes levels of the book; the rest is cancelled.
    pub const MARKET: i64 = 5;
    /// A limit order at the best opposite price on arrival.
    pub const MARKET_TO_LIMIT: i64 = 6;
}

/// Order states on the wire.
pub mod state {
    /// Accepted, not in the book yet.
    pub const PENDING: i64 = 1;
    /// Resting, perhaps partly filled.
    pub const OPEN: i64 = 2;
    /// Filled.
    pub const FILLED: i64 = 3;
    /// Cancelled, perhaps partly filled.
    pub const CANCELLED: i64 = 4;
    /// Rejected after it was accepted.
    pub const INVALID: i64 = 5;
}

/// Origin of an order, on the wire.
pub mod category {
    /// Placed by a client or on the website.
    pub const NORMAL: i64 = 1;
    /// Liquidation.
    pub const LIQUIDATION: i64 = 2;
    /// The end of a contract.
    pub const DELIVERY: i64 = 3;
    /// Auto-deleveraging.
    pub const ADL: i64 = 4;
}

impl Hold {
    /// `positionType`.
    pub fn number(self) -> i64 {
        if self == Hold::Long { 1 } else { 2 }
    }

    /// From `positionType`.
    pub fn of(number: i64) -> Option<Self> {
        match number {
            1 => Some(Hold::Long),
            2 => Some(Hold::Short),
            _ => None,
        }
    }

    /// The opposite side.
    pub fn opposite(self) -> Self {
        if self == Hold::Long { Hold::Short } else { Hold::Long }
    }

    /// `side` of an order that closes it.
    pub fn closing_side(self) -> i64 {
        if self == Hold::Long { 4 } else { 2 }
    }
}

/// Stop prices sent with an order; they become a stop order on its position when it fills.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Attached {
    /// `stopLossPrice`.
    pub loss: Option<Price>,
    /// `takeProfitPrice`.
    pub profit: Option<Price>,
    /// `lossTrend`: the price that is watched, 1 last, 2 fair, 3 index.
    pub loss_trend: i64,
    /// `profitTrend`, likewise.
    pub profit_trend: i64,
}

impl Attached {
    /// Whether there is a price.
    pub fn is_any(&self) -> bool {
        self.loss.is_some() || self.profit.is_some()
    }
}

/// A validated order of a client.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct NewOrder {
    /// Index of the contract.
    pub symbol: usize,
    /// 1 open long, 2 close short, 3 open short, 4 close long.
    pub side: i64,
    /// See [`kind`].
    pub kind: i64,
    /// 1 isolated, 2 cross.
    pub open_type: i64,
    /// Leverage.
    pub leverage: i64,
    /// Lots.
    pub qty: Qty,
    /// Limit price.
    pub price: Option<Price>,
    /// `externalOid`.
    pub external: String,
    /// Stop prices that come into force when it fills.
    pub attached: Attached,
    /// `stpMode`: what happens when it meets an order of the same account; 0 they trade, 1 the resting one
    /// is cancelled, 2 this one, 3 both.
    pub stp: i64,
}

impl NewOrder {
    /// Whether it opens a position.
    pub fn is_opening(&self) -> bool {
        matches!(self.side, 1 | 3)
    }

    /// The position it changes in hedge mode.
    pub fn hold(&self) -> Hold {
        if matches!(self.side, 1 | 4) { Hold::Long } else { Hold::Short }
    }
}

/// An order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Id.
    pub id: u64,
    /// The order as placed.
    pub new: NewOrder,
    /// See [`state`].
    pub state: i64,
    /// See [`category`].
    pub category: i64,
    /// Reason of the end; 0: none.
    pub error_code: i64,
    /// Lots filled.
    pub filled: Qty,
    /// Value of the fills.
    pub value: Money,
    /// Fees paid as taker.
    pub taker_fee: Money,
    /// Fees paid as maker.
    pub maker_fee: Money,
    /// Realised profit.
    pub profit: Money,
    /// Money reserved for the unfilled part.
    pub reserved: Money,
    /// Displayed lots ahead of it at its price.
    pub queue_ahead: Qty,
    /// When it reaches the book (true time, milliseconds).
    pub arrives_ms: i64,
    /// Time of acceptance, milliseconds of the exchange's clock.
    pub created_ms: i64,
    /// Time of the last change, likewise.
    pub updated_ms: i64,
    /// Increases with every change.
    pub version: u64,
    /// Id of its position; 0 before the first fill.
    pub position: u64,
    /// Fault: most lots that may fill.
    pub fill_limit: Option<Qty>,
}

impl Order {
    /// Buy or sell.
    pub fn book_side(&self) -> Side {
        if matches!(self.new.side, 1 | 2) { Side::Buy } else { Side::Sell }
    }

    /// Whether it opens a position.
    pub fn is_opening(&self) -> bool {
        self.new.is_opening()
    }

    /// The position it changes in hedge mode.
    pub fn hold(&self) -> Hold {
        self.new.hold()
    }

    /// Unfilled lots.
    pub fn rest(&self) -> Qty {
        self.new.qty - self.filled
    }

    /// Lots that may still fill; a fault can limit them.
    pub fn fillable(&self) -> Qty {
        self.fill_limit.map_or(self.rest(), |limit| self.rest().min(Qty((limit.0 - self.filled.0).max(0))))
    }

    /// Whether it is finished.
    pub fn is_over(&self) -> bool {
        self.state >= state::FILLED
    }

    /// Finishes the order.
    pub fn end(&mut self, state: i64, error_code: i64, now_ms: i64) {
        (self.state, self.error_code, self.updated_ms) = (state, error_code, now_ms);
        self.version += 1;
        self.reserved = Money::ZERO;
    }
}
