//! What `config.json` says about the exchange and about recording it.
//!
//! Never: a key of an account; that is a file of its own.

use super::Fees;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The exchange. Defaults are what MEXC documents.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// Whether the exchange is asked at all. Without it there are backtests only. Restart.
    pub enabled: bool,
    /// Where REST requests go, without a path, e.g. `https://api.mexc.com`. Neither they nor WebSockets use a proxy: what
    /// `HTTPS_PROXY` and its like say has no effect. Restart.
    #[schemars(length(min = 8, max = 256))]
    pub rest_url: String,
    /// Where WebSockets go, e.g. `wss://contract.mexc.com/edge`. Restart.
    #[schemars(length(min = 8, max = 256))]
    pub ws_url: String,
    /// Symbols that share one WebSocket. Restart.
    #[schemars(range(min = 1, max = 150))]
    pub symbols_per_socket: u32,
    /// REST requests a second for market data; orders have a budget of their own. Restart.
    #[schemars(range(min = 1, max = 100))]
    pub requests_per_second: u32,
    /// REST requests that may go at once; the next ones only when the rate is kept again. Restart.
    #[schemars(range(min = 1, max = 200))]
    pub request_burst: u32,
    /// Milliseconds a REST request may take. Restart.
    #[schemars(range(min = 100, max = 120_000))]
    pub request_timeout_ms: u64,
    /// Milliseconds between two pings of a WebSocket. Restart.
    #[schemars(range(min = 100, max = 55_000))]
    pub ping_ms: u64,
    /// Milliseconds after a ping without an answer until the WebSocket is opened anew. Restart.
    #[schemars(range(min = 100, max = 120_000))]
    pub pong_timeout_ms: u64,
    /// Milliseconds without any message until the WebSocket is opened anew. Restart.
    #[schemars(range(min = 100, max = 600_000))]
    pub silence_ms: u64,
    /// Milliseconds before the first try to open a lost WebSocket; doubled with each try. Restart.
    #[schemars(range(min = 10, max = 60_000))]
    pub reconnect_min_ms: u64,
    /// Milliseconds between two tries at most. Restart.
    #[schemars(range(min = 10, max = 600_000))]
    pub reconnect_max_ms: u64,
    /// Seconds for which a list of tickers is good. Live.
    #[schemars(range(min = 1, max = 86_400))]
    pub tickers_ttl_s: u32,
    /// What orders over the API cost, percent; the exchange's own list shows what the web page charges. Next session.
    pub fees: Fees,
}

/// Recording of live market data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    /// Days after which a recording is removed; `null` keeps all. Those that sessions stand on stay. Live.
    #[schemars(range(min = 1, max = 36_500))]
    pub keep_days: Option<u32>,
    /// MiB all recordings together may take; the oldest go first; `null` is without a bound. Live.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub keep_mib: Option<u64>,
    /// MiB that stay free on the disk: below it recording stops before anything else does. Live.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub min_free_mib: u64,
}

impl Default for Exchange {
    fn default() -> Self {
        Exchange {
            enabled: true,
            rest_url: "https://api.mexc.com".to_owned(),
            ws_url: "wss://contract.mexc.com/edge".to_owned(),
            symbols_per_socket: 25,
            requests_per_second: 4,
            request_burst: 8,
            request_timeout_ms: 10_000,
            ping_ms: 15_000,
            pong_timeout_ms: 30_000,
            silence_ms: 30_000,
            reconnect_min_ms: 1_000,
            reconnect_max_ms: 60_000,
            tickers_ttl_s: 300,
            fees: Fees { maker_pct: 0.06, taker_pct: 0.08 },
        }
    }
}

impl Default for Recording {
    fn default() -> Self {
        Recording { keep_days: None, keep_mib: None, min_free_mib: 512 }
    }
}
