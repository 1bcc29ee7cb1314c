//! Orders from the wish to the fill.

use crate::domain::num::{Money, Price, Qty};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// Buyer or seller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Buyer; bids.
    Buy,
    /// Seller; asks.
    Sell,
}

impl Side {
    /// The other side.
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// +1 for a buyer, −1 for a seller.
    pub const fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }

    /// `buy` or `sell`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

/// A session's order number, in the order of submission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId(pub u64);

/// What an order is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// Opens a position.
    Entry,
    /// Closes one by rule, target or time.
    Exit,
    /// Closes one at once.
    Emergency,
}

/// How an order may fill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderKind {
    /// At any price.
    Market,
    /// At this price or better, the rest cancelled at once.
    LimitIoc(Price),
    /// At this price or better, resting until cancelled.
    Limit(Price),
}

/// Where an exit acts inside the bar that has just ended: its stop or target lay between the bar's prices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InsideBar {
    /// The stop or target, or the bar's first price when that lay beyond it. Costs come on top.
    pub price: Price,
    /// Price furthest against the position that is assumed to come before `price`: a margin used up there ends first.
    pub worst: Price,
}

/// An order that risk has not yet seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderRequest {
    /// Number of the order, fixed before it is sent.
    pub id: OrderId,
    /// Which instance of which strategy wants it (index in the engine).
    pub instance: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// Direction.
    pub side: Side,
    /// How it may fill.
    pub kind: OrderKind,
    /// Quantity in lots.
    pub qty: Qty,
    /// What it is for; anything but an entry is reduce-only.
    pub purpose: Purpose,
    /// Leverage the position is opened with.
    pub leverage: u32,
    /// Set where the order acts inside the bar that has just ended; otherwise it acts one latency after it was sent.
    pub inside_bar: Option<InsideBar>,
}

/// Whether a fill took or gave liquidity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Liquidity {
    /// Gave: rested in the book.
    Maker,
    /// Took.
    Taker,
}

/// One execution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// The order.
    pub order: OrderId,
    /// Symbol.
    pub symbol: SymbolId,
    /// Direction.
    pub side: Side,
    /// Price in ticks.
    pub price: Price,
    /// Quantity in lots.
    pub qty: Qty,
    /// Fee paid (negative: received).
    pub fee: Money,
    /// Took or gave.
    pub liquidity: Liquidity,
    /// When it happened at the venue.
    pub at: Timestamp,
}

/// Why the venue did not take an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RejectReason {
    /// Smaller than the symbol's minimum.
    BelowMinimum,
    /// There is no price to fill at.
    NoMarket,
    /// A reduce-only order without a position to reduce.
    NothingToReduce,
    /// Not enough margin.
    InsufficientMargin,
    /// Drawn by the seeded reject rate.
    Injected,
    /// The venue said no in its own words (logged at the edge).
    Venue,
}

impl RejectReason {
    /// The word that records use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            RejectReason::BelowMinimum => "below_min_volume",
            RejectReason::NoMarket => "no_market",
            RejectReason::NothingToReduce => "nothing_to_reduce",
            RejectReason::InsufficientMargin => "insufficient_margin",
            RejectReason::Injected => "injected",
            RejectReason::Venue => "venue",
        }
    }
}

/// An answer of the venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderEvent {
    /// The order works.
    Acked(OrderId),
    /// Some or all of it filled.
    Filled(Fill),
    /// It ended with this much filled in all; the rest is cancelled.
    Done {
        /// The order.
        order: OrderId,
        /// Quantity filled over its life.
        filled: Qty,
    },
    /// It was not taken.
    Rejected {
        /// The order.
        order: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// The venue closed a position because its margin was used up.
    Liquidated {
        /// The closing fill.
        fill: Fill,
        /// Instance whose position it was.
        instance: u32,
    },
    /// Funding was settled on a position: paid when negative.
    Funding {
        /// Symbol.
        symbol: SymbolId,
        /// Instance whose position it was.
        instance: u32,
        /// Received (positive) or paid (negative).
        amount: Money,
    },
}
