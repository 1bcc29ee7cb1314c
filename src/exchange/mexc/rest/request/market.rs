//! Public market data requests.

use super::{Request, escaped};

fn contract(path: &str) -> String {
    format!("/api/v1/contract/{path}")
}

/// The exchange's time.
pub fn ping() -> Request {
    Request::market(contract("ping"), &[])
}

/// All contracts, or one, with the margin tiers that hold where the host is.
pub fn detail_country(symbol: Option<&str>) -> Request {
    Request::market(contract("detail/country"), &[("symbol", symbol.map(str::to_owned))])
}

/// All contracts, or one.
pub fn detail(symbol: Option<&str>) -> Request {
    Request::market(contract("detail"), &[("symbol", symbol.map(str::to_owned))])
}

/// All tickers, or one.
pub fn ticker(symbol: Option<&str>) -> Request {
    Request::depth(contract("ticker"), &[("symbol", symbol.map(str::to_owned))])
}

/// An order book.
pub fn depth(symbol: &str, limit: Option<u32>) -> Request {
    Request::depth(
        contract(&format!("depth/{}", escaped(symbol))),
        &[("limit", limit.map(|limit| limit.to_string()))],
    )
}

/// The newest trades.
pub fn deals(symbol: &str, limit: Option<u32>) -> Request {
    Request::market(
        contract(&format!("deals/{}", escaped(symbol))),
        &[("limit", limit.map(|limit| limit.to_string()))],
    )
}

/// Candles; times in seconds since 1970. `kind`: `""`, `"index_price/"` or `"fair_price/"`.
pub fn kline(
    kind: &str,
    symbol: &str,
    interval: &str,
    from_seconds: Option<i64>,
    to_seconds: Option<i64>,
) -> Request {
    let times = [("start", from_seconds), ("end", to_seconds)]
        .map(|(name, time)| (name, time.map(|seconds| seconds.to_string())));
    let [start, end] = times;
    Request::market(
        contract(&format!("kline/{kind}{}", escaped(symbol))),
        &[("interval", Some(interval.to_owned())), start, end],
    )
}

/// Next funding of all contracts, or of one.
pub fn funding_rate(symbol: Option<&str>) -> Request {
    let path = symbol
        .map_or_else(|| "funding_rate".to_owned(), |symbol| format!("funding_rate/{}", escaped(symbol)));
    Request::market(contract(&path), &[])
}

/// Funding payments, newest first; pages count from 1.
pub fn funding_history(symbol: &str, page: u32, size: u32) -> Request {
    let query = [
        ("symbol", Some(symbol.to_owned())),
        ("page_num", Some(page.to_string())),
        ("page_size", Some(size.to_string())),
    ];
    Request::market(contract("funding_rate/history"), &query)
}
