//! Orders and cancels. Each call is text ready to be signed and sent; nothing is sent here.
//!
//! An order says what it does to a position (open or close, long or short), not only buy or sell.

use super::account::{Margin, PositionMode};
use super::{Body, Group, Request};
use crate::domain::decimal::Decimal;

/// What an order does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Buys.
    OpenLong = 1,
    /// Buys.
    CloseShort = 2,
    /// Sells.
    OpenShort = 3,
    /// Sells.
    CloseLong = 4,
}

/// How an order is matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Rests.
    Limit = 1,
    /// Rests or is cancelled.
    PostOnly = 2,
    /// Takes what is there, the rest is cancelled.
    ImmediateOrCancel = 3,
    /// All or nothing.
    FillOrKill = 4,
    /// At the market.
    Market = 5,
    /// At the market, what is left rests at the last price.
    MarketToLimit = 6,
}

/// A new order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOrder {
    /// Contract.
    pub symbol: String,
    /// What it does.
    pub effect: Effect,
    /// How it is matched.
    pub kind: Kind,
    /// What backs the position.
    pub margin: Margin,
    /// Contracts.
    pub quantity: Decimal,
    /// Limit, a multiple of the price step; `None` at the market.
    pub price: Option<Decimal>,
    /// Needed to open with isolated margin.
    pub leverage: Option<u32>,
    /// Our id, at most 32 of `A-Z a-z 0-9 _ -`; never used twice.
    pub external: Option<String>,
    /// The position that is closed.
    pub position: Option<u64>,
    /// When it differs from the account's.
    pub mode: Option<PositionMode>,
}

impl NewOrder {
    fn body(&self) -> String {
        Body::new()
            .text("symbol", &self.symbol)
            .number("vol", self.quantity)
            .number("type", self.kind as u8)
            .number("openType", self.margin as u8)
            .maybe("price", self.price)
            .maybe("leverage", self.leverage)
            .number("side", self.effect as u8)
            .maybe_text("externalOid", self.external.as_deref())
            .maybe("positionId", self.position)
            .maybe("positionMode", self.mode.map(|mode| mode as u8))
            .end()
    }
}

/// Places an order. `path` is the one of the settings: there are two names for this call.
pub fn create(path: &str, order: &NewOrder) -> Request {
    Request { path: path.to_owned(), ..Request::write("", order.body(), Group::Order) }
}

/// Cancels orders by the exchange's ids, at most 50. Each has a verdict of its own inside a success.
pub fn cancel(ids: &[u64]) -> Request {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    Request::write("/order/cancel", format!("[{}]", ids.join(",")), Group::Cancel)
}

/// Cancels an order by our id, in the form of a list, which the batch call takes.
pub fn cancel_by_external(symbol: &str, external: &str) -> Request {
    let body = Body::new().text("symbol", symbol).text("externalOid", external).end();
    Request::write("/order/batch_cancel_with_external", format!("[{body}]"), Group::Cancel)
}

/// Cancels all orders, or all of one contract.
pub fn cancel_all(symbol: Option<&str>) -> Request {
    Request::write("/order/cancel_all", Body::new().maybe_text("symbol", symbol).end(), Group::Cancel)
}

/// Closes all positions at the market: an emergency, to be verified afterwards.
pub fn close_all() -> Request {
    Request::write("/position/close_all", Body::new().end(), Group::Cancel)
}

/// When a waiting order wakes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// At or above the price.
    AtOrAbove = 1,
    /// At or below the price.
    AtOrBelow = 2,
}

/// Which price wakes a waiting order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watched {
    /// Of trades.
    Last = 1,
    /// Fair price.
    Fair = 2,
    /// Index price.
    Index = 3,
}

/// How long a waiting order waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// 24 hours.
    Day = 1,
    /// 7 days.
    Week = 2,
}

/// Places an order that waits for a price.
pub fn create_trigger(
    order: &NewOrder,
    price: Decimal,
    trigger: Trigger,
    watched: Watched,
    life: Life,
) -> Request {
    let body = Body::new()
        .text("symbol", &order.symbol)
        .number("vol", order.quantity)
        .number("openType", order.margin as u8)
        .number("triggerPrice", price)
        .number("triggerType", trigger as u8)
        .number("executeCycle", life as u8)
        .number("trend", watched as u8)
        .number("orderType", order.kind as u8)
        .maybe("price", order.price)
        .maybe("leverage", order.leverage)
        .number("side", order.effect as u8)
        .end();
    Request::write("/planorder/place", body, Group::Order)
}
