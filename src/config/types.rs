//! The types of `config.json`. The JSON Schema is generated from them, so every doc comment here is user
//! documentation. Secrets are not part of it; they come from files and systemd credentials.

use super::analytics::Analytics;
use super::fees::Fees;
use super::market::{Exchange, Recording};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Configuration of the daemon.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// HTTP server.
    pub http: Http,
    /// Logins.
    pub auth: Auth,
    /// Default symbols, fees and risk limits.
    pub trading: Trading,
    /// The exchange.
    pub exchange: Exchange,
    /// Recording of market data.
    pub recording: Recording,
    /// Limits on concurrent work.
    pub limits: Limits,
    /// Import of market data files.
    pub import: Import,
    /// Copies for analytics.
    pub analytics: Analytics,
    /// Alerts of sessions on a market.
    pub alerts: Alerts,
    /// Logging.
    pub log: Log,
}

/// HTTP server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port to listen on, e.g. `127.0.0.1:8080` or `[::1]:8080`. Port 0 selects a free one.
    /// Restart.
    #[schemars(length(min = 3, max = 64))]
    pub listen: String,
    /// Origins whose pages may call the API, e.g. `https://trade.example.org`. The listen address, as IP and
    /// as `localhost`, is always allowed. The `Host` header must name the host of an allowed origin. Takes
    /// effect at once.
    #[schemars(length(max = 32))]
    pub origins: Vec<String>,
    /// Maximum number of connections; more wait in the kernel's queue. Restart.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections: u32,
    /// Maximum number of connections per address (IPv6: per /64 network); more are answered with 429 and
    /// closed. This host is not limited. Takes effect at once for new connections.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections_per_address: u32,
    /// Addresses and networks of reverse proxies whose `X-Forwarded-For` is trusted, e.g. `127.0.0.1` or
    /// `10.0.0.0/8`. If the proxy is not listed, all users behind it share one rate limit and one delay after
    /// wrong passwords. Takes effect at once.
    #[schemars(length(max = 32))]
    pub trusted_proxies: Vec<String>,
    /// Average requests per second and address; more are refused with 429. Takes effect at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_second: u32,
    /// Requests one address may send at once after a pause. Takes effect at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub request_burst: u32,
    /// Milliseconds a client may take to send the head of a request. Restart.
    #[schemars(range(min = 100, max = 60_000))]
    pub header_timeout_ms: u64,
    /// Milliseconds a client may take to send the body of a request. Takes effect at once.
    #[schemars(range(min = 100, max = 600_000))]
    pub body_timeout_ms: u64,
    /// Milliseconds for which a client may accept no data before its connection is closed. Takes effect at
    /// once for new connections.
    #[schemars(range(min = 100, max = 600_000))]
    pub write_timeout_ms: u64,
    /// Milliseconds that running requests and sessions may take when the daemon stops. Takes effect at once.
    #[schemars(range(min = 0, max = 60_000))]
    pub drain_timeout_ms: u64,
}

/// Logins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Lifetime of an access token in seconds. Takes effect at once for tokens issued from then on.
    #[schemars(range(min = 30, max = 86_400))]
    pub access_ttl_s: u32,
    /// Lifetime of a refresh token in seconds, at least that of an access token. Takes effect at once for
    /// tokens issued from then on.
    #[schemars(range(min = 300, max = 31_536_000))]
    pub refresh_ttl_s: u32,
    /// Lifetime of a CSRF token in seconds. Takes effect at once for tokens issued from then on.
    #[schemars(range(min = 60, max = 86_400))]
    pub csrf_ttl_s: u32,
}

/// Default symbols, fees and risk limits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trading {
    /// Symbols of a session that names none, and of `GET /symbols`. Takes effect at once.
    #[schemars(length(max = 200), inner(length(min = 1, max = 64), regex(pattern = r"^\S+$")))]
    pub default_symbols: Vec<String>,
    /// Symbols in which no session may open a position. Tighter at once: running sessions apply it at their
    /// next event; looser next session.
    #[schemars(length(max = 200), inner(length(min = 1, max = 64), regex(pattern = r"^\S+$")))]
    pub disabled_symbols: Vec<String>,
    /// Fees used when neither the request nor a recorded contract has any. Next session.
    pub fees: Fees,
    /// Limits of every session. Omitted limits have their default; `null` switches a limit off. Tighter at
    /// once, looser next session.
    pub risk: Risk,
    /// Trading with real money; off until somebody switches it on.
    pub live: Live,
}

/// Trading with real money. A live session needs all of this, the role `live`, and a confirmed start.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Live {
    /// Whether live sessions may be started and may begin anything. Tighter at once, looser next session.
    pub enabled: bool,
    /// Symbols that may be traded with real money. Tighter at once, looser next session.
    #[schemars(length(max = 200), inner(length(min = 1, max = 64), regex(pattern = r"^\S+$")))]
    pub symbols: Vec<String>,
    /// Largest notional, in the currency of settlement, of everything that is open or being opened on the
    /// account by all live sessions; `null`: none is set and none may be started. Tighter at once, looser
    /// next session.
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub account_cap: Option<f64>,
    /// Largest notional of all entries of a session in a UTC day; `null` as above. Tighter at once, looser
    /// next session.
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub day_cap: Option<f64>,
}

/// Limits of every session. Omitted limits have their default; `null` switches a limit off.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Risk {
    /// Maximum notional of a position, in percent of equity × `max_leverage`. Tighter at once, looser next
    /// session.
    #[schemars(range(min = 0.0, max = 10000.0))]
    pub max_position_pct: Option<f64>,
    /// Maximum loss at the stop, in percent of equity; larger entries are reduced. Tighter at once, looser
    /// next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub risk_per_trade_pct: Option<f64>,
    /// Maximum number of positions that are open or being opened. Tighter at once, looser next session.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_concurrent_positions: Option<u32>,
    /// Maximum notional per symbol, in percent of equity. Tighter at once, looser next session.
    #[schemars(range(min = 0.0, max = 10000.0))]
    pub symbol_exposure_pct: Option<f64>,
    /// Maximum notional of all positions, in percent of equity. Tighter at once, looser next session.
    #[schemars(range(min = 0.0, max = 10000.0))]
    pub total_exposure_pct: Option<f64>,
    /// Maximum used margin, in percent of equity. Tighter at once, looser next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub margin_utilisation_pct: Option<f64>,
    /// Loss of the UTC day, in percent of the equity at its start, that blocks entries; at 1.5 times this
    /// loss all positions are closed. Tighter at once, looser next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub daily_loss_pct: Option<f64>,
    /// Drawdown from the highest equity, in percent, at which all positions are closed and the session stops.
    /// Tighter at once, looser next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_drawdown_pct: Option<f64>,
    /// Number of consecutive losses that pauses entries. Tighter at once, looser next session.
    #[schemars(range(min = 1, max = 1_000))]
    pub consecutive_losses: Option<u32>,
    /// Duration of that pause in seconds. Tighter at once, looser next session.
    #[schemars(range(min = 0, max = 604_800))]
    pub loss_pause_s: u32,
    /// Maximum number of entries per UTC day. Tighter at once, looser next session.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub trades_per_day: Option<u32>,
    /// Maximum number of orders per second; entries wait. Tighter at once, looser next session.
    #[schemars(range(min = 1, max = 10_000))]
    pub orders_per_second: Option<u32>,
    /// Maximum number of orders per minute; entries wait. Tighter at once, looser next session.
    #[schemars(range(min = 1, max = 100_000))]
    pub orders_per_minute: Option<u32>,
    /// Maximum leverage. Tighter at once, looser next session.
    #[schemars(range(min = 1, max = 200))]
    pub max_leverage: u32,
    /// Maximum spread at entry, in percent of mid, if a book is recorded. Tighter at once, looser next
    /// session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_spread_pct: Option<f64>,
    /// Maximum expected slippage of an entry, in percent, from the book; larger entries are reduced. Tighter
    /// at once, looser next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_slippage_pct: Option<f64>,
    /// Maximum share of the depth within 0.5 % of mid that an entry may take, in percent; larger entries are
    /// reduced. Tighter at once, looser next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub max_depth_share_pct: Option<f64>,
    /// Maximum distance of an order's price from mid, in percent. Tighter at once, looser next session.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub price_band_pct: Option<f64>,
    /// Minimum distance to liquidation as a multiple of the distance to the stop. Tighter at once, looser
    /// next session.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub min_liquidation_to_stop: Option<f64>,
    /// Allow one position per symbol at a time; other strategies wait. Tighter at once, looser next session.
    pub exclusive_symbols: bool,
}

/// Limits on concurrent work.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Maximum number of running sessions; more are refused with 409. Takes effect at once.
    #[schemars(range(min = 1, max = 64))]
    pub max_sessions: u32,
    /// Maximum number of symbols in one request. Takes effect at once.
    #[schemars(range(min = 1, max = 1_000))]
    pub max_symbols: u32,
}

/// Import of market data files.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Import {
    /// Folder whose files may be imported through the API; `null` for none. Takes effect at once.
    #[schemars(length(min = 1, max = 4_096))]
    pub folder: Option<String>,
}

/// Alerts of live sessions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// Program and arguments that are run for every alert, with its event, `session_id` and `session_type` as
    /// JSON on standard input; empty for none. Without a shell. Takes effect at once.
    #[schemars(length(max = 32), inner(length(min = 1, max = 4_096)))]
    pub exec: Vec<String>,
    /// Seconds after which the program is ended. Takes effect at once.
    #[schemars(range(min = 1, max = 300))]
    pub timeout_s: u32,
}

/// Logging.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Least important level that is logged. Takes effect at once.
    pub level: Level,
    /// Format of log lines. Restart.
    pub format: Format,
}

/// Log level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Needs attention.
    Error,
    /// May need attention.
    Warn,
    /// Starts, ends, changes and refused requests.
    Info,
    /// Also every request.
    Debug,
}

/// Format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Plain text.
    Text,
    /// One JSON object per line.
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
            live: Live::default(),
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

impl Default for Limits {
    fn default() -> Self {
        Limits { max_sessions: 8, max_symbols: 200 }
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts { exec: Vec::new(), timeout_s: 10 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { level: Level::Info, format: Format::Text }
    }
}
