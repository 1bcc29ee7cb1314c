//! The `exchange` and `recording` sections of `config.json`.
//!
//! Account keys are not part of the configuration; they have a file of their own.

use super::fees::Fees;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The exchange. Defaults follow MEXC's documentation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// Whether to connect to the exchange at all; without it only backtests are possible. Restart.
    pub enabled: bool,
    /// Base URL of REST requests, without a path, e.g. `https://api.mexc.com`. Proxy variables such as
    /// `HTTPS_PROXY` are ignored, for WebSockets too. Restart.
    #[schemars(length(min = 8, max = 256))]
    pub rest_url: String,
    /// URL of WebSockets, e.g. `wss://contract.mexc.com/edge`. Restart.
    #[schemars(length(min = 8, max = 256))]
    pub ws_url: String,
    /// Symbols per WebSocket. Restart.
    #[schemars(range(min = 1, max = 150))]
    pub symbols_per_socket: u32,
    /// REST requests per second for market data; orders have a separate budget. Restart.
    #[schemars(range(min = 1, max = 100))]
    pub requests_per_second: u32,
    /// REST requests that may be sent at once before the rate applies. Restart.
    #[schemars(range(min = 1, max = 200))]
    pub request_burst: u32,
    /// Timeout of a REST request in milliseconds. Restart.
    #[schemars(range(min = 100, max = 120_000))]
    pub request_timeout_ms: u64,
    /// Milliseconds between two pings of a WebSocket. Restart.
    #[schemars(range(min = 100, max = 55_000))]
    pub ping_ms: u64,
    /// Milliseconds to wait for a pong before reconnecting a WebSocket. Restart.
    #[schemars(range(min = 100, max = 120_000))]
    pub pong_timeout_ms: u64,
    /// Milliseconds without any message before reconnecting a WebSocket. Restart.
    #[schemars(range(min = 100, max = 600_000))]
    pub silence_ms: u64,
    /// Milliseconds before the first attempt to reconnect a WebSocket; doubled with each attempt. Restart.
    #[schemars(range(min = 10, max = 60_000))]
    pub reconnect_min_ms: u64,
    /// Maximum milliseconds between two attempts. Restart.
    #[schemars(range(min = 10, max = 600_000))]
    pub reconnect_max_ms: u64,
    /// Seconds for which a list of tickers is cached. Takes effect at once.
    #[schemars(range(min = 1, max = 86_400))]
    pub tickers_ttl_s: u32,
    /// Fees of orders sent over the API, in percent; the exchange's contract list shows the fees of its web
    /// page. Next session.
    pub fees: Fees,
}

/// Recording of market data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    /// Days after which a recording is deleted; `null` keeps all. Recordings that sessions refer to are kept.
    /// Takes effect at once.
    #[schemars(range(min = 1, max = 36_500))]
    pub keep_days: Option<u32>,
    /// Maximum MiB of all recordings together; the oldest are deleted first; `null` for no limit. Takes
    /// effect at once.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub keep_mib: Option<u64>,
    /// Maximum MiB of the events of all sessions together; the oldest are deleted first, those of running
    /// sessions too. A session whose first events are gone cannot be replayed any more. Takes effect at once.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub keep_events_mib: u64,
    /// MiB that must stay free on the disk; with less, sessions that only record (`collect`) end as failed
    /// and keep what they recorded. Paper and live sessions go on until the disk refuses writes. Takes effect
    /// at once, for running sessions too.
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
        Recording { keep_days: None, keep_mib: None, keep_events_mib: 4_096, min_free_mib: 512 }
    }
}
