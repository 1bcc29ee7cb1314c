//! What MEXC says about its market over REST, as plain values.

use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::time::Timestamp;

/// A row of the ticker list. `None`: the exchange did not say, or said zero where zero cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticker {
    /// Name as the exchange writes it.
    pub symbol: String,
    /// Last price; `None` for a contract that is not traded (the exchange sends 0).
    pub last: Option<Decimal>,
    /// Best bid.
    pub bid: Option<Decimal>,
    /// Best ask.
    pub ask: Option<Decimal>,
    /// Contracts traded in 24 h.
    pub volume24: Option<Decimal>,
    /// Quote currency traded in 24 h; digits that do not fit are cut off at the end.
    pub turnover24: Option<Decimal>,
    /// Change as a fraction since the start of the day in UTC+8, which is what the exchange gives.
    pub change24: Option<Decimal>,
    /// Highest price of 24 h.
    pub high: Option<Decimal>,
    /// Lowest price of 24 h.
    pub low: Option<Decimal>,
    /// Index price.
    pub index: Option<Decimal>,
    /// Fair price.
    pub fair: Option<Decimal>,
    /// Current estimate of the next funding rate, a fraction.
    pub funding_rate: Option<Decimal>,
    /// Contracts open.
    pub open_interest: Option<Decimal>,
    /// The exchange's time.
    pub at: Option<Timestamp>,
}

/// A level of a book: price and contracts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DepthLevel {
    /// Price in the quote currency.
    pub price: Decimal,
    /// Contracts.
    pub quantity: Decimal,
}

/// A book at one version, best level first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Depth {
    /// Buyers.
    pub bids: Vec<DepthLevel>,
    /// Sellers.
    pub asks: Vec<DepthLevel>,
    /// Counts up with every change.
    pub version: u64,
    /// The exchange's time; `None` when not said.
    pub at: Option<Timestamp>,
}

/// A trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deal {
    /// Price in the quote currency.
    pub price: Decimal,
    /// Contracts.
    pub quantity: Decimal,
    /// Side of the taker.
    pub taker: Side,
    /// The exchange's time.
    pub at: Timestamp,
    /// The exchange's id, which most rows lack.
    pub id: Option<u64>,
}

/// The funding that is to come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FundingRate {
    /// Whose.
    pub symbol: String,
    /// Current estimate, a fraction; positive: longs pay.
    pub rate: Decimal,
    /// When it is paid next; `None` when not said.
    pub settles_at: Option<Timestamp>,
    /// Hours between payments.
    pub cycle_hours: Option<i64>,
}

/// A funding that was paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FundingSettlement {
    /// Whose.
    pub symbol: String,
    /// What was paid, a fraction.
    pub rate: Decimal,
    /// When.
    pub settled_at: Timestamp,
}

/// A candle; the last of a list is still open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candle {
    /// Begin.
    pub opens_at: Timestamp,
    /// First price: the close of the candle before it.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Contracts traded.
    pub volume: Decimal,
    /// Quote currency traded; digits that do not fit are cut off at the end.
    pub turnover: Decimal,
}

/// What an account has of one currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asset {
    /// Which.
    pub currency: String,
    /// All of it, with unrealised profit; `None` when not said.
    pub equity: Option<Decimal>,
    /// Free for orders.
    pub available: Decimal,
    /// Held for orders.
    pub frozen: Option<Decimal>,
    /// Held for positions.
    pub position_margin: Option<Decimal>,
    /// Profit of open positions.
    pub unrealized: Option<Decimal>,
}

/// What became of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderState {
    /// Accepted, not at the book yet.
    New,
    /// Rests, perhaps partly filled.
    Open,
    /// All of it.
    Filled,
    /// Cancelled; what was filled before stays.
    Cancelled,
    /// Never was at the book.
    Invalid,
}

/// An order as the exchange knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacedOrder {
    /// The exchange's id.
    pub id: u64,
    /// Its contract.
    pub symbol: String,
    /// Our id; `None` when it has none.
    pub external: Option<String>,
    /// What became of it.
    pub state: OrderState,
    /// Contracts.
    pub quantity: Decimal,
    /// Contracts filled so far.
    pub filled: Decimal,
    /// Average price of these; `None` before the first.
    pub average_price: Option<Decimal>,
}

/// The exchange's clock beside ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockOffset {
    /// The exchange's minus ours, nanoseconds; positive: ours is behind.
    pub offset_ns: i64,
    /// How long the measurement took; the error is at most half of it.
    pub round_trip_ns: i64,
    /// When, by our clock.
    pub at: Timestamp,
}
