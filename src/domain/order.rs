//! Orders: requests, fills and the venue's answers.

use crate::domain::exit_level::ExitLevel;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// Buyer or seller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Buyer; the bid side.
    Buy,
    /// Seller; the ask side.
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

/// Order number, unique in its session and increasing in the order of submission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId(pub u64);

/// Purpose of an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// Opens or increases a position.
    Entry,
    /// Closes a position by rule, target or time.
    Exit,
    /// Closes a position at once.
    Emergency,
}

impl Purpose {
    /// Name in events and journals.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Purpose::Entry => "entry",
            Purpose::Exit => "exit",
            Purpose::Emergency => "emergency",
        }
    }
}

/// Execution type of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderKind {
    /// At any price.
    Market,
    /// At this price or better; the rest is cancelled immediately.
    LimitIoc(Price),
    /// At this price or better; rests until cancelled.
    Limit(Price),
}

impl OrderKind {
    /// The limit price; `None` for a market order.
    pub const fn limit(self) -> Option<Price> {
        match self {
            OrderKind::Market => None,
            OrderKind::Limit(price) | OrderKind::LimitIoc(price) => Some(price),
        }
    }
}

/// Execution inside the bar that has just ended, for an exit whose stop or target lies between the bar's
/// prices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InsideBar {
    /// The stop or target, or the bar's open when that is beyond it. Costs are added to it.
    pub price: Price,
    /// Worst price assumed to be reached before `price`; if it uses up the margin, the position is liquidated
    /// instead.
    pub worst: Price,
}

/// An order before the risk checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderRequest {
    /// Order number, assigned before the order is sent.
    pub id: OrderId,
    /// Instance that placed it (index in the engine).
    pub instance: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// Direction.
    pub side: Side,
    /// How it may fill.
    pub kind: OrderKind,
    /// Quantity in lots.
    pub qty: Qty,
    /// Purpose; every order but an entry is reduce-only.
    pub purpose: Purpose,
    /// Leverage of the position.
    pub leverage: u32,
    /// Set when the order executes inside the bar that has just ended; otherwise it executes one latency
    /// after it was sent.
    pub inside_bar: Option<InsideBar>,
}

/// Whether a fill provided or took liquidity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Liquidity {
    /// Provided: the order rested in the book.
    Maker,
    /// Took.
    Taker,
}

/// Closes that no execution of the venue explains have a [`Fill::trade_id`] from here on.
pub const FIRST_MADE_UP_TRADE: u64 = 1 << 63;

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
    /// All that has filled of the order, this execution included.
    pub cumulative: Qty,
    /// Number that the venue gives the execution, unique on an account. A simulated venue counts from 1.
    pub trade_id: u64,
    /// Fee paid; negative when received.
    pub fee: Money,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// Venue time of the execution.
    pub at: Timestamp,
}

impl Fill {
    /// Number and fee that the venue gave the execution; `None`: it reported none, and the close was booked
    /// without.
    pub fn execution(&self) -> Option<(u64, Money)> {
        (self.trade_id < FIRST_MADE_UP_TRADE).then_some((self.trade_id, self.fee))
    }
}

/// Why the venue rejected an order.
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
    /// Injected by the simulator's reject rate.
    Injected,
    /// The venue's own reason (logged where the answer is received), or the order never left for the venue.
    Venue,
}

impl RejectReason {
    /// Name in records.
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

/// Who closed a position, or a part of it, that no order of ours closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ClosedBy {
    /// The stop that stands at the venue.
    ResidentStop,
    /// A person, or another program with the same account.
    Manual,
    /// The venue, to balance another account's loss (auto-deleveraging).
    Deleveraging,
}

impl ClosedBy {
    /// Name in records and events.
    pub const fn as_str(&self) -> &'static str {
        match self {
            ClosedBy::ResidentStop => "resident_stop",
            ClosedBy::Manual => "manual",
            ClosedBy::Deleveraging => "adl",
        }
    }
}

/// The venue's answer about an order or position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderEvent {
    /// The order is working.
    Acked(OrderId),
    /// The order filled, in part or in full.
    Filled(Fill),
    /// The order ended with this total filled; the rest is cancelled.
    Done {
        /// The order.
        order: OrderId,
        /// Total quantity filled.
        filled: Qty,
    },
    /// The order was rejected.
    Rejected {
        /// The order.
        order: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// The venue liquidated a position because its margin was used up.
    Liquidated {
        /// The closing fill.
        fill: Fill,
        /// Instance that held the position.
        instance: u32,
        /// The price at which the margin was used up; `None` where the venue does not say.
        level: Option<ExitLevel>,
    },
    /// Something other than an order of ours closed a position, or a part of it.
    Closed {
        /// The closing fill; its order number is none of ours.
        fill: Fill,
        /// Instance that held the position.
        instance: u32,
        /// Who did.
        by: ClosedBy,
    },
    /// Funding was settled on a position.
    Funding {
        /// Symbol.
        symbol: SymbolId,
        /// Instance that holds the position.
        instance: u32,
        /// Received (positive) or paid (negative).
        amount: Money,
    },
}
