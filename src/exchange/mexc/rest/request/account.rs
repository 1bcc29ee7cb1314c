//! Signed reads and settings of an account.
//!
//! Parameters with several values are not used, because it is not known whether their comma is signed raw or
//! encoded.

use super::{Body, CallGroup, Request, escaped};
use crate::exchange::mexc::market::PositionMode;

/// Direction of a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionSide {
    /// Gains when the price rises.
    Long = 1,
    /// Gains when the price falls.
    Short = 2,
}

/// What margin backs a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Margin {
    /// Its own margin.
    Isolated = 1,
    /// The whole account.
    Cross = 2,
}

/// Filter of a list; `None`: the exchange's default. Times in milliseconds, pages count from 1.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Filter {
    /// Contract.
    pub symbol: Option<String>,
    /// Order state: 1 new, 2 open, 3 filled, 4 cancelled, 5 invalid.
    pub state: Option<u8>,
    /// Start time.
    pub from_ms: Option<i64>,
    /// End time.
    pub to_ms: Option<i64>,
    /// Page number.
    pub page: Option<u32>,
    /// Rows per page, at most 100.
    pub page_size: Option<u32>,
}

impl Filter {
    fn query(&self) -> [(&'static str, Option<String>); 6] {
        [
            ("symbol", self.symbol.clone()),
            ("states", self.state.map(|state| state.to_string())),
            ("start_time", self.from_ms.map(|ms| ms.to_string())),
            ("end_time", self.to_ms.map(|ms| ms.to_string())),
            ("page_num", self.page.map(|page| page.to_string())),
            ("page_size", self.page_size.map(|size| size.to_string())),
        ]
    }
}

/// Balances in all currencies.
pub fn assets() -> Request {
    Request::account("/account/assets", &[])
}

/// Balance in one currency.
pub fn asset(currency: &str) -> Request {
    Request::account(&format!("/account/asset/{}", escaped(currency)), &[])
}

/// Fee rates as shown on the website.
pub fn fee_rate(symbol: &str) -> Request {
    Request::account("/account/tiered_fee_rate", &[("symbol", Some(symbol.to_owned()))])
}

/// Fee rates that orders pay.
pub fn real_fees(symbol: &str) -> Request {
    Request::account("/account/tiered_fee_rate/v2", &[("symbol", Some(symbol.to_owned()))])
}

/// Margin tiers.
pub fn risk_limit(symbol: Option<&str>) -> Request {
    Request::account("/account/risk_limit", &[("symbol", symbol.map(str::to_owned))])
}

/// Open positions.
pub fn open_positions(symbol: Option<&str>) -> Request {
    Request::account("/position/open_positions", &[("symbol", symbol.map(str::to_owned))])
}

/// Funding paid and received.
pub fn funding_records(filter: &Filter) -> Request {
    Request::account("/position/funding_records", &filter.query())
}

/// Leverage of both sides.
pub fn leverage(symbol: &str) -> Request {
    Request::account("/position/leverage", &[("symbol", Some(symbol.to_owned()))])
}

/// Whether the account is in hedge mode.
pub fn position_mode() -> Request {
    Request::account("/position/position_mode", &[])
}

/// Open orders. Always for all symbols, because sources disagree on the form with a symbol.
pub fn open_orders(page: Option<u32>, page_size: u32) -> Request {
    Request::account(
        "/order/list/open_orders",
        &Filter { page, page_size: Some(page_size), ..Filter::default() }.query(),
    )
}

/// Past orders, at most 90 days back.
pub fn order_history(filter: &Filter) -> Request {
    Request::account("/order/list/history_orders", &filter.query())
}

/// Fills.
pub fn fills(filter: &Filter) -> Request {
    Request::account("/order/list/order_deals/v3", &filter.query())
}

/// An order by the exchange's id.
pub fn order(id: u64) -> Request {
    Request::account(&format!("/order/get/{id}"), &[])
}

/// An order by client order id, to resolve an unknown outcome.
pub fn order_by_external(symbol: &str, external: &str) -> Request {
    Request::account(&format!("/order/external/{}/{}", escaped(symbol), escaped(external)), &[])
}

/// Fills of one order.
pub fn order_fills(id: u64) -> Request {
    Request::account(&format!("/order/deal_details/{id}"), &[])
}

/// Changes the leverage of a side without an open position.
pub fn change_leverage(symbol: &str, side: PositionSide, margin: Margin, leverage: u32) -> Request {
    let body =
        Body::new().number("leverage", leverage).number("openType", margin as u8).text("symbol", symbol);
    Request::write(
        "/position/change_leverage",
        body.number("positionType", side as u8).end(),
        CallGroup::Leverage,
    )
}

/// Switches hedge mode; rejected while there are open positions or orders.
pub fn change_position_mode(mode: PositionMode) -> Request {
    Request::write(
        "/position/change_position_mode",
        Body::new().number("positionMode", mode as u8).end(),
        CallGroup::Cancel,
    )
}

/// Stops that stand on positions.
pub fn open_stops() -> Request {
    Request::account("/stoporder/open_orders", &[])
}
