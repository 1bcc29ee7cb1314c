//! An order as the exchange keeps it.

use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::Side;

/// Which position an order opens or closes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hold {
    /// Gains when the price rises.
    Long,
    /// Gains when it falls.
    Short,
}

/// The number of a kind of order on the wire.
pub mod kind {
    /// Rests at its price.
    pub const LIMIT: i64 = 1;
    /// Never takes.
    pub const POST_ONLY: i64 = 2;
    /// Takes what it can, the rest is cancelled.
    pub const IOC: i64 = 3;
    /// All at once or nothing.
    pub const FOK: i64 = 4;
    /// Walks the book.
    pub const MARKET: i64 = 5;
    /// A limit at the best price of the moment.
    pub const MARKET_TO_LIMIT: i64 = 6;
}

/// The number of an order's state on the wire.
pub mod state {
    /// On its way.
    pub const PENDING: i64 = 1;
    /// Resting, perhaps filled in part.
    pub const OPEN: i64 = 2;
    /// Filled.
    pub const FILLED: i64 = 3;
    /// Cancelled, perhaps filled in part.
    pub const CANCELLED: i64 = 4;
    /// Refused after it was accepted.
    pub const INVALID: i64 = 5;
}

/// Where an order comes from, on the wire.
pub mod category {
    /// A person or program.
    pub const NORMAL: i64 = 1;
    /// The liquidation.
    pub const LIQUIDATION: i64 = 2;
    /// Auto-deleveraging.
    pub const ADL: i64 = 4;
}

impl Hold {
    /// `positionType`.
    pub fn number(self) -> i64 {
        if self == Hold::Long { 1 } else { 2 }
    }

    /// Of a number on the wire.
    pub fn of(number: i64) -> Option<Self> {
        match number {
            1 => Some(Hold::Long),
            2 => Some(Hold::Short),
            _ => None,
        }
    }

    /// The other one.
    pub fn opposite(self) -> Self {
        if self == Hold::Long { Hold::Short } else { Hold::Long }
    }

    /// `side` of an order that closes it.
    pub fn closing_side(self) -> i64 {
        if self == Hold::Long { 4 } else { 2 }
    }
}

/// What a client asks for, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOrder {
    /// Place of the contract.
    pub symbol: usize,
    /// 1 open long, 2 close short, 3 open short, 4 close long.
    pub side: i64,
    /// See [`kind`].
    pub kind: i64,
    /// 1 isolated, 2 cross.
    pub open_type: i64,
    /// Leverage of what it opens.
    pub leverage: i64,
    /// Lots.
    pub qty: Qty,
    /// Limit.
    pub price: Option<Price>,
    /// The client's own name for it.
    pub external: String,
}

/// An order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// What was asked for.
    pub new: NewOrder,
    /// See [`state`].
    pub state: i64,
    /// See [`category`].
    pub category: i64,
    /// Why it ended.
    pub error_code: i64,
    /// Lots filled.
    pub filled: Qty,
    /// Value of the fills.
    pub value: Money,
    /// Fees paid as taker.
    pub taker_fee: Money,
    /// Fees paid as maker.
    pub maker_fee: Money,
    /// Realised by it.
    pub profit: Money,
    /// Money set aside for what is not filled yet.
    pub reserved: Money,
    /// Lots displayed before it at its price.
    pub queue_ahead: Qty,
    /// When it reaches the book (true time, milliseconds).
    pub arrives_ms: i64,
    /// Milliseconds of the exchange.
    pub created_ms: i64,
    /// Likewise.
    pub updated_ms: i64,
    /// Counts up with every change.
    pub version: u64,
    /// The position it belongs to; 0 before there is one.
    pub position: u64,
    /// What a fault lets fill before the order is left alone.
    pub fill_limit: Option<Qty>,
}

impl Order {
    /// Buyer or seller.
    pub fn book_side(&self) -> Side {
        if matches!(self.new.side, 1 | 2) { Side::Buy } else { Side::Sell }
    }

    /// Whether it opens.
    pub fn is_opening(&self) -> bool {
        matches!(self.new.side, 1 | 3)
    }

    /// The position it changes in hedge mode.
    pub fn hold(&self) -> Hold {
        if matches!(self.new.side, 1 | 4) { Hold::Long } else { Hold::Short }
    }

    /// Lots that are not filled.
    pub fn rest(&self) -> Qty {
        self.new.qty - self.filled
    }

    /// Lots that may still fill: a fault can hold the rest back.
    pub fn fillable(&self) -> Qty {
        self.fill_limit.map_or(self.rest(), |limit| self.rest().min(Qty((limit.0 - self.filled.0).max(0))))
    }

    /// Whether nothing happens to it any more.
    pub fn is_over(&self) -> bool {
        self.state >= state::FILLED
    }

    /// Ends it.
    pub fn end(&mut self, state: i64, error_code: i64, now_ms: i64) {
        (self.state, self.error_code, self.updated_ms) = (state, error_code, now_ms);
        self.version += 1;
        self.reserved = Money::ZERO;
    }
}
