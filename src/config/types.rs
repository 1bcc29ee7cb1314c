//! What `config.json` says, field by field. The JSON Schema is made from these types, so every doc comment here is
//! documentation for the user. No secrets: those come from files and systemd credentials.

use super::{Exchange, Recording};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Configuration of the daemon.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The server.
    pub http: Http,
    /// Logins.
    pub auth: Auth,
    /// What is traded by default, and at what cost.
    pub trading: Trading,
    /// The exchange.
    pub exchange: Exchange,
    /// Recording of live market data.
    pub recording: Recording,
    /// How much runs at once.
    pub limits: Limits,
    /// Market data from files.
    pub import: Import,
    /// Log lines.
    pub log: Log,
}

/// The server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port to listen on, e.g. `127.0.0.1:8080` or `[::1]:8080`. Port 0 takes a free one. Restart.
    #[schemars(length(min = 3, max = 64))]
    pub listen: String,
    /// Origins whose pages may call the API, e.g. `https://trade.example.org`. The address above, as IP and as
    /// `localhost`, always may. Their hosts are the ones accepted in the `Host` header. Live.
    #[schemars(length(max = 32))]
    pub origins: Vec<String>,
    /// Connections at once; more wait in the kernel's queue. Restart.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections: u32,
    /// Connections one address (of IPv6: one /64 network) may have at once; more are answered with 429 and closed. This
    /// host has as many as it likes. Live, for new connections.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections_per_address: u32,
    /// Addresses and networks of reverse proxies, e.g. `127.0.0.1` or `10.0.0.0/8`, whose `X-Forwarded-For` is believed.
    /// Without it all users behind a proxy count as one address: they share its rate of requests and its delays after
    /// wrong passwords. Live.
    #[schemars(length(max = 32))]
    pub trusted_proxies: Vec<String>,
    /// Requests a second from one address, on average; more are refused with 429. Live.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_second: u32,
    /// Requests one address may send at once after a pause. Live.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub request_burst: u32,
    /// Milliseconds a client has to send the head of a request. Restart.
    #[schemars(range(min = 100, max = 60_000))]
    pub header_timeout_ms: u64,
    /// Milliseconds a client has to send the body of a request. Live.
    #[schemars(range(min = 100, max = 600_000))]
    pub body_timeout_ms: u64,
    /// Milliseconds for which a client may take no byte of what it is sent; then its connection is closed. Live, for new
    /// connections.
    #[schemars(range(min = 100, max = 600_000))]
    pub write_timeout_ms: u64,
    /// Milliseconds running requests and sessions may take when the daemon stops. Live.
    #[schemars(range(min = 0, max = 60_000))]
    pub drain_timeout_ms: u64,
}

/// Logins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Seconds an access token is good for. Live, for tokens made from then on.
    #[schemars(range(min = 30, max = 86_400))]
    pub access_ttl_s: u32,
    /// Seconds a refresh token is good for, not less than an access token. Live, for tokens made from then on.
    #[schemars(range(min = 300, max = 31_536_000))]
    pub refresh_ttl_s: u32,
    /// Seconds a CSRF token is good for. Live, for tokens made from then on.
    #[schemars(range(min = 60, max = 86_400))]
    pub csrf_ttl_s: u32,
}

/// What is traded by default, and at what cost.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trading {
    /// Symbols of a session that names none, and of `GET /symbols`. Live.
    #[schemars(length(max = 200), inner(length(min = 1, max = 64), regex(pattern = r"^\S+$")))]
    pub default_symbols: Vec<String>,
    /// Symbols on which no session opens a position. Live: running sessions see it at their next event.
    #[schemars(length(max = 200), inner(length(min = 1, max = 64), regex(pattern = r"^\S+$")))]
    pub disabled_symbols: Vec<String>,
    /// Fees where neither the request nor a recorded contract says them. Next session.
    pub fees: Fees,
    /// Limits of every session; leave one out for its default, `null` switches it off. Next session.
    pub risk: Risk,
}

/// Fees in percent of the notional.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fees {
    /// For orders that rest in the book; negative is a rebate. Next session.
    #[schemars(range(min = -1.0, max = 10.0))]
    pub maker_pct: f64,
    /// For orders that take from the book. Next session.
    #[schemars(range(min = -1.0, max = 10.0))]
    pub taker_pct: f64,
}

/// Limits of every session. A number that is left out has its default; `null` switches the limit off.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Risk {
    /// Notional of a position, percent of equity × `max_leverage`. Next session.
    #[schemars(range(min = 0.0, max = 10000.0))]
    pub max_position_pct: Option<f64>,
    /// Loss at the stop, percent of equity; larger entries shrink. Next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub risk_per_trade_pct: Option<f64>,
    /// Positions open or opening at once. Next session.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_concurrent_positions: Option<u32>,
    /// Notional in one symbol, percent of equity. Next session.
    #[schemars(range(min = 0.0, max = 10000.0))]
    pub symbol_exposure_pct: Option<f64>,
    /// Notional of all positions, percent of equity. Next session.
    #[schemars(range(min = 0.0, max = 10000.0))]
    pub total_exposure_pct: Option<f64>,
    /// Used margin, percent of equity. Next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub margin_utilisation_pct: Option<f64>,
    /// Loss of the UTC day, percent of the equity it began with: blocks entries; at one and a half times it everything is closed. Next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub daily_loss_pct: Option<f64>,
    /// Fall from the highest equity, percent: everything is closed and the session stops. Next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_drawdown_pct: Option<f64>,
    /// Losses in a row that pause entries. Next session.
    #[schemars(range(min = 1, max = 1_000))]
    pub consecutive_losses: Option<u32>,
    /// Seconds for which they are paused. Next session.
    #[schemars(range(min = 0, max = 604_800))]
    pub loss_pause_s: u32,
    /// Entries in a UTC day. Next session.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub trades_per_day: Option<u32>,
    /// Orders in a second; entries wait. Next session.
    #[schemars(range(min = 1, max = 10_000))]
    pub orders_per_second: Option<u32>,
    /// Orders in a minute; entries wait. Next session.
    #[schemars(range(min = 1, max = 100_000))]
    pub orders_per_minute: Option<u32>,
    /// Highest leverage. Next session.
    #[schemars(range(min = 1, max = 200))]
    pub max_leverage: u32,
    /// Spread at entry, percent of mid, where a book is recorded. Next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_spread_pct: Option<f64>,
    /// Expected slippage of an entry through the book, percent; larger entries shrink. Next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_slippage_pct: Option<f64>,
    /// Share of the depth within 0.5 % of mid that an entry may take, percent; larger entries shrink. Next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_depth_share_pct: Option<f64>,
    /// Distance of an order's price from mid, percent. Next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub price_band_pct: Option<f64>,
    /// How many times further away than the stop liquidation must be. Next session.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub min_liquidation_to_stop: Option<f64>,
    /// One position per symbol: others wait. Next session.
    pub exclusive_symbols: bool,
}

/// How much runs at once.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Sessions at once; more are refused with 409. Live.
    #[schemars(range(min = 1, max = 64))]
    pub max_sessions: u32,
    /// Symbols one request may name. Live.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_symbols: u32,
}

/// Market data from files.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Import {
    /// Folder whose files may be imported over the API; `null` for none. Live.
    #[schemars(length(min = 1, max = 4_096))]
    pub folder: Option<String>,
}

/// Log lines.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Least important level that is written. Live.
    pub level: Level,
    /// How lines look. Restart.
    pub format: Format,
}

/// Importance of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What needs somebody.
    Error,
    /// What may need somebody.
    Warn,
    /// What happened: starts, ends, changes, refused requests.
    Info,
    /// Every request.
    Debug,
}

/// Form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            listen: "127.0.0.1:8080".to_owned(),
            origins: Vec::new(),
            max_connections: 12_000,
            max_connections_per_address: 64,
            trusted_proxies: Vec::new(),
            requests_per_second: 500,
            request_burst: 1_000,
            header_timeout_ms: 5_000,
            body_timeout_ms: 10_000,
            write_timeout_ms: 10_000,
            drain_timeout_ms: 10_000,
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Auth { access_ttl_s: 900, refresh_ttl_s: 14 * 86_400, csrf_ttl_s: 3_600 }
    }
}

impl Default for Trading {
    fn default() -> Self {
        Trading {
            default_symbols: ["BTC_USDT", "ETH_USDT", "ADA_USDT"].map(str::to_owned).to_vec(),
            disabled_symbols: Vec::new(),
            fees: Fees::default(),
            risk: Risk::default(),
        }
    }
}

impl Default for Risk {
    fn default() -> Self {
        Risk {
            max_position_pct: Some(10.0),
            risk_per_trade_pct: Some(1.0),
            max_concurrent_positions: Some(3),
            symbol_exposure_pct: Some(30.0),
            total_exposure_pct: Some(100.0),
            margin_utilisation_pct: Some(50.0),
            daily_loss_pct: Some(5.0),
            max_drawdown_pct: Some(15.0),
            consecutive_losses: Some(4),
            loss_pause_s: 1_800,
            trades_per_day: Some(30),
            orders_per_second: Some(5),
            orders_per_minute: Some(60),
            max_leverage: 10,
            max_spread_pct: Some(1.0),
            max_slippage_pct: Some(0.5),
            max_depth_share_pct: Some(25.0),
            price_band_pct: Some(2.0),
            min_liquidation_to_stop: Some(2.0),
            exclusive_symbols: true,
        }
    }
}

impl Default for Fees {
    fn default() -> Self {
        Fees { maker_pct: 0.02, taker_pct: 0.06 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_sessions: 8, max_symbols: 200 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { level: Level::Info, format: Format::Text }
    }
}
