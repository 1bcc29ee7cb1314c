//! Signed reads and settings of an account. Each call is text ready to be signed and sent; nothing is sent here.
//!
//! Parameters with several values are never used: whether their comma is signed raw or encoded is not known.

use super::{Body, Group, Request, escaped};

/// What an account's positions are: two per symbol, or one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionMode {
    /// Long and short beside each other.
    Hedge = 1,
    /// One position per symbol.
    OneWay = 2,
}

/// Which way a position goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionSide {
    /// Gains when the price rises.
    Long = 1,
    /// Gains when the price falls.
    Short = 2,
}

/// What backs a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Margin {
    /// Its own margin.
    Isolated = 1,
    /// The whole account.
    Cross = 2,
}

/// What of a list is asked for; `None`: as the exchange does by default. Times in milliseconds, pages count from 1.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Filter {
    /// Only this contract.
    pub symbol: Option<String>,
    /// Only orders of this state: 1 new, 2 open, 3 filled, 4 cancelled, 5 invalid.
    pub state: Option<u8>,
    /// From this time on.
    pub from_ms: Option<i64>,
    /// Up to this time.
    pub to_ms: Option<i64>,
    /// Which page.
    pub page: Option<u32>,
    /// Rows of a page, at most 100.
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

/// What the account has, all currencies.
pub fn assets() -> Request {
    Request::account("/account/assets", &[])
}

/// What the account has of one currency.
pub fn asset(currency: &str) -> Request {
    Request::account(&format!("/account/asset/{}", escaped(currency)), &[])
}

/// Fees of the web page.
pub fn fee_rate(symbol: &str) -> Request {
    Request::account("/account/tiered_fee_rate", &[("symbol", Some(symbol.to_owned()))])
}

/// Margin tiers.
pub fn risk_limit(symbol: Option<&str>) -> Request {
    Request::account("/account/risk_limit", &[("symbol", symbol.map(str::to_owned))])
}

/// Positions held.
pub fn open_positions(symbol: Option<&str>) -> Request {
    Request::account("/position/open_positions", &[("symbol", symbol.map(str::to_owned))])
}

/// Positions closed.
pub fn position_history(filter: &Filter) -> Request {
    Request::account("/position/list/history_positions", &filter.query())
}

/// Funding paid and received.
pub fn funding_records(filter: &Filter) -> Request {
    Request::account("/position/funding_records", &filter.query())
}

/// Leverage of both sides.
pub fn leverage(symbol: &str) -> Request {
    Request::account("/position/leverage", &[("symbol", Some(symbol.to_owned()))])
}

/// Whether the account hedges.
pub fn position_mode() -> Request {
    Request::account("/position/position_mode", &[])
}

/// Orders that rest. One list for all symbols: sources disagree on the form with a symbol.
pub fn open_orders(page: Option<u32>, page_size: u32) -> Request {
    Request::account(
        "/order/list/open_orders",
        &Filter { page, page_size: Some(page_size), ..Filter::default() }.query(),
    )
}

/// Orders of the past, at most 90 days.
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

/// An order by our id: how an unknown outcome is resolved.
pub fn order_by_external(symbol: &str, external: &str) -> Request {
    Request::account(&format!("/order/external/{}/{}", escaped(symbol), escaped(external)), &[])
}

/// Fills of one order.
pub fn order_fills(id: u64) -> Request {
    Request::account(&format!("/order/deal_details/{id}"), &[])
}

/// Changes the leverage of a side on which nothing is held.
pub fn change_leverage(symbol: &str, side: PositionSide, margin: Margin, leverage: u32) -> Request {
    let body =
        Body::new().number("leverage", leverage).number("openType", margin as u8).text("symbol", symbol);
    Request::write("/position/change_leverage", body.number("positionType", side as u8).end(), Group::Cancel)
}

/// Changes the leverage of a position.
pub fn change_held_leverage(position: u64, leverage: u32) -> Request {
    let body = Body::new().number("positionId", position).number("leverage", leverage).end();
    Request::write("/position/change_leverage", body, Group::Cancel)
}

/// Changes whether the account hedges; refused while anything is open.
pub fn change_position_mode(mode: PositionMode) -> Request {
    Request::write(
        "/position/change_position_mode",
        Body::new().number("positionMode", mode as u8).end(),
        Group::Cancel,
    )
}
