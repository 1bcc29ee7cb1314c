//! Orders and cancels.
//!
//! An order states its effect on a position (open or close, long or short), not only buy or sell.

use super::account::Margin;
use super::{Body, CallGroup, Request};
use crate::domain::decimal::Decimal;
use crate::exchange::mexc::market::{Effect, PositionMode};

/// Order type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderType {
    /// Limit order.
    Limit = 1,
    /// Rests in the book, or is cancelled if it would match at once.
    PostOnly = 2,
    /// Fills what it can at once; the rest is cancelled.
    ImmediateOrCancel = 3,
    /// Fills completely at once, or is cancelled.
    FillOrKill = 4,
    /// Market order.
    Market = 5,
    /// Market order; the unfilled rest becomes a limit order at the last price.
    MarketToLimit = 6,
}

/// A new order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOrder {
    /// Contract.
    pub symbol: String,
    /// Effect on a position.
    pub effect: Effect,
    /// Order type.
    pub kind: OrderType,
    /// What margin backs the position.
    pub margin: Margin,
    /// Contracts.
    pub quantity: Decimal,
    /// Limit price, a multiple of the price step; `None` for a market order.
    pub price: Option<Decimal>,
    /// Required to open with isolated margin.
    pub leverage: Option<u32>,
    /// Client order id, at most 32 of `A-Z a-z 0-9 _ -`; must be unique.
    pub external: Option<String>,
    /// The position to close.
    pub position: Option<u64>,
    /// Position mode, when it differs from the account's.
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

/// Places an order. `path` comes from the settings, because the call exists under two paths.
pub fn create(path: &str, order: &NewOrder) -> Request {
    let group = match order.effect {
        Effect::OpenLong | Effect::OpenShort => CallGroup::Order,
        Effect::CloseLong | Effect::CloseShort => CallGroup::Exit,
    };
    Request { path: path.to_owned(), ..Request::write("", order.body(), group) }
}

/// Cancels orders by exchange id, at most 50. A successful answer has a result of its own for each order.
pub fn cancel(ids: &[u64]) -> Request {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    Request::write("/order/cancel", format!("[{}]", ids.join(",")), CallGroup::Cancel)
}

/// Cancels an order by client order id, as a list of one for the batch call.
pub fn cancel_by_external(symbol: &str, external: &str) -> Request {
    let body = Body::new().text("symbol", symbol).text("externalOid", external).end();
    Request::write("/order/batch_cancel_with_external", format!("[{body}]"), CallGroup::Cancel)
}

/// Cancels all orders, or all of one contract.
pub fn cancel_all(symbol: Option<&str>) -> Request {
    Request::write("/order/cancel_all", Body::new().maybe_text("symbol", symbol).end(), CallGroup::Cancel)
}

/// Closes all positions at market: for emergencies; verify the result afterwards.
pub fn close_all() -> Request {
    Request::write("/position/close_all", Body::new().end(), CallGroup::Cancel)
}

/// When a trigger order fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// At or above the trigger price.
    AtOrAbove = 1,
    /// At or below the trigger price.
    AtOrBelow = 2,
}

/// Which price fires a trigger order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watched {
    /// Last traded price.
    Last = 1,
    /// Fair price.
    Fair = 2,
    /// Index price.
    Index = 3,
}

/// How long a trigger order is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// 24 hours.
    Day = 1,
    /// 7 days.
    Week = 2,
}

/// Places a trigger order.
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
    Request::write("/planorder/place", body, CallGroup::Order)
}

/// Which positions a stop order at the exchange closes, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewStop {
    /// The position.
    pub position: u64,
    /// Contracts of the position now; the stop follows its size.
    pub quantity: Decimal,
    /// Price at which it closes the position on the market.
    pub price: Decimal,
    /// Which price fires it.
    pub watched: Watched,
}

/// Places a stop on a position; it closes the whole position, whatever its size is then.
pub fn create_stop(stop: &NewStop) -> Request {
    let body = Body::new()
        .number("positionId", stop.position)
        .number("vol", stop.quantity)
        .number("stopLossPrice", stop.price)
        .number("lossTrend", stop.watched as u8)
        .text("profitLossVolType", "SAME")
        .number("volType", 2)
        // 2 closes; 1 would reverse the position.
        .number("stopLossReverse", 2)
        .number("takeProfitReverse", 2)
        .number("stopLossType", 0)
        .number("priceProtect", 0)
        .end();
    Request::write("/stoporder/place", body, CallGroup::Exit)
}

/// Moves a stop.
pub fn change_stop(id: u64, price: Decimal, watched: Watched) -> Request {
    let body = Body::new()
        .number("stopPlanOrderId", id)
        .number("stopLossPrice", price)
        .number("lossTrend", watched as u8)
        .number("stopLossReverse", 2)
        .number("takeProfitReverse", 2)
        .end();
    Request::write("/stoporder/change_plan_price", body, CallGroup::Move)
}

/// Cancels a stop.
pub fn cancel_stop(id: u64) -> Request {
    Request::write(
        "/stoporder/cancel",
        format!("[{}]", Body::new().number("stopPlanOrderId", id).end()),
        CallGroup::Cancel,
    )
}
