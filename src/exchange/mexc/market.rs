//! Values of MEXC's REST API.

use crate::domain::decimal::Decimal;
use crate::domain::num::Money;
use crate::domain::order::Side;
use crate::domain::time::Timestamp;

/// A row of the ticker list. `None`: missing, or zero where zero is not a valid value.
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
    /// Quote currency traded in 24 h; excess digits are truncated.
    pub turnover24: Option<Decimal>,
    /// Change since the start of the day in UTC+8 (the exchange's convention), a fraction.
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
    /// Open contracts.
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

/// A book at one version, best levels first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DepthSnapshot {
    /// Buyers.
    pub bids: Vec<DepthLevel>,
    /// Sellers.
    pub asks: Vec<DepthLevel>,
    /// Version; increases with every change.
    pub version: u64,
    /// The exchange's time; `None` when missing.
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

/// The next funding payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FundingRate {
    /// Contract.
    pub symbol: String,
    /// Current estimate, a fraction; positive: longs pay shorts.
    pub rate: Decimal,
    /// Time of the next payment; `None` when missing.
    pub settles_at: Option<Timestamp>,
    /// Hours between payments.
    pub cycle_hours: Option<i64>,
}

/// A funding payment that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FundingSettlement {
    /// Contract.
    pub symbol: String,
    /// Rate paid, a fraction.
    pub rate: Decimal,
    /// Time of the payment.
    pub settled_at: Timestamp,
}

/// A candle; the last one of a list is still open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candle {
    /// Start of the candle.
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
    /// Quote currency traded; excess digits are truncated.
    pub turnover: Decimal,
}

/// An account's balance in one currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asset {
    /// Currency.
    pub currency: String,
    /// Total including unrealised profit; `None` when missing.
    pub equity: Option<Decimal>,
    /// Available for orders.
    pub available: Decimal,
    /// Reserved for orders.
    pub frozen: Option<Decimal>,
    /// Reserved for positions.
    pub position_margin: Option<Decimal>,
    /// Unrealised profit of open positions.
    pub unrealized: Option<Decimal>,
}

/// State of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderState {
    /// Accepted, not yet in the book.
    New,
    /// In the book, perhaps partly filled.
    Open,
    /// Filled completely.
    Filled,
    /// Cancelled; earlier fills stand.
    Cancelled,
    /// Rejected; it was never in the book.
    Invalid,
}

/// An order as the exchange knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacedOrder {
    /// The exchange's id.
    pub id: u64,
    /// Contract.
    pub symbol: String,
    /// Client order id; `None` when the order has none.
    pub external: Option<String>,
    /// State.
    pub state: OrderState,
    /// Contracts.
    pub quantity: Decimal,
    /// Contracts filled so far.
    pub filled: Decimal,
    /// Average price of the fills; `None` before the first.
    pub average_price: Option<Decimal>,
    /// Why it ended, where the exchange ended it.
    pub error_code: Option<i64>,
}

/// Offset of the exchange's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockOffset {
    /// The exchange's clock minus ours, nanoseconds; positive: ours is behind.
    pub offset_ns: i64,
    /// Round trip of the measurement; the error is at most half of it.
    pub round_trip_ns: i64,
    /// Time of the measurement, by our clock.
    pub at: Timestamp,
}

/// Effect of an order on a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Buys to open a long position.
    OpenLong = 1,
    /// Buys to close a short position.
    CloseShort = 2,
    /// Sells to open a short position.
    OpenShort = 3,
    /// Sells to close a long position.
    CloseLong = 4,
}

impl Effect {
    /// From the exchange's number.
    pub const fn of(code: i64) -> Option<Self> {
        match code {
            1 => Some(Effect::OpenLong),
            2 => Some(Effect::CloseShort),
            3 => Some(Effect::OpenShort),
            4 => Some(Effect::CloseLong),
            _ => None,
        }
    }

    /// Whether the position is a long one.
    pub const fn is_long(self) -> bool {
        matches!(self, Effect::OpenLong | Effect::CloseLong)
    }

    /// Whether the position becomes smaller.
    pub const fn is_closing(self) -> bool {
        matches!(self, Effect::CloseShort | Effect::CloseLong)
    }
}

/// Whether an account has two positions per symbol, or one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionMode {
    /// Separate long and short positions.
    Hedge = 1,
    /// One position per symbol.
    OneWay = 2,
}

/// What made the order of an execution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExecutionCause {
    /// Somebody; also a cause that is not known here, so that no execution of ours is lost.
    Order,
    /// The exchange, because the margin was used up.
    Liquidation,
    /// The end of the contract.
    Delivery,
    /// The exchange, to balance another account's loss.
    Deleveraging,
}

/// An execution of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Execution {
    /// The exchange's number, unique on the account.
    pub id: u64,
    /// The order's number at the exchange.
    pub order: u64,
    /// Client order id; `None` in lists, which do not say it.
    pub external: Option<String>,
    /// Contract.
    pub symbol: String,
    /// What it did to a position.
    pub effect: Effect,
    /// Price.
    pub price: Decimal,
    /// Contracts.
    pub quantity: Decimal,
    /// Fee paid; negative when received.
    pub fee: Money,
    /// Currency of the fee.
    pub fee_currency: Option<String>,
    /// Whether it took liquidity.
    pub is_taker: bool,
    /// What made the order.
    pub cause: ExecutionCause,
    /// Exchange time.
    pub at: Timestamp,
}

/// A position as the exchange has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldPosition {
    /// The exchange's number.
    pub id: u64,
    /// Contract.
    pub symbol: String,
    /// Whether it gains when the price rises.
    pub is_long: bool,
    /// Contracts; zero once it is closed.
    pub quantity: Decimal,
    /// Margin that backs it, in the currency of settlement; excess digits are truncated, `None` when missing.
    pub margin: Option<Decimal>,
    /// Price at which the exchange liquidates it; `None` when missing or zero.
    pub liquidation: Option<Decimal>,
}

/// A stop that stands on a position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResidentStop {
    /// The exchange's number.
    pub id: u64,
    /// Contract.
    pub symbol: String,
    /// The position it closes.
    pub position: u64,
    /// At which price; `None` for one that only takes a profit.
    pub price: Option<Decimal>,
    /// Whether it has ended: fired, cancelled, or its position is gone.
    pub is_over: bool,
    /// The order that it made when it fired.
    pub made: Option<u64>,
}
