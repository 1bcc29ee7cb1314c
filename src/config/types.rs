//! What `config.json` says, field by field. The JSON Schema is made from these types, so every doc comment here is
//! documentation for the user. No secrets: those come from files and systemd credentials.

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
    /// Address and port to listen on. Port 0 takes a free one. Restart.
    pub listen: String,
    /// Origins whose pages may call the API, e.g. `https://trade.example.org`. The address above, as IP and as
    /// `localhost`, always may. Their hosts are the ones accepted in the `Host` header. Live.
    pub origins: Vec<String>,
    /// Connections at once; more wait in the kernel's queue. Restart.
    pub max_connections: u32,
    /// Requests a second from one address, on average; more are refused with 429. Live.
    pub requests_per_second: u32,
    /// Requests one address may send at once after a pause. Live.
    pub request_burst: u32,
    /// Milliseconds a client has to send the head of a request. Restart.
    pub header_timeout_ms: u64,
    /// Milliseconds a client has to send the body of a request. Live.
    pub body_timeout_ms: u64,
    /// Milliseconds running requests may take when the daemon stops. Live.
    pub drain_timeout_ms: u64,
}

/// Logins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Seconds an access token is good for. Live, for tokens made from then on.
    pub access_ttl_s: u32,
    /// Seconds a refresh token is good for. Live, for tokens made from then on.
    pub refresh_ttl_s: u32,
    /// Seconds a CSRF token is good for. Live, for tokens made from then on.
    pub csrf_ttl_s: u32,
}

/// What is traded by default, and at what cost.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trading {
    /// Symbols of a session that names none, and of `GET /symbols`. Live.
    pub default_symbols: Vec<String>,
    /// Symbols on which no session opens a position. Live: running sessions see it at their next event.
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
    /// For orders that rest in the book.
    pub maker_pct: f64,
    /// For orders that take from the book.
    pub taker_pct: f64,
}

/// Limits of every session. Percent are percent of the equity.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Risk {}

/// How much runs at once.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Sessions at once; more are refused with 409. Live.
    pub max_sessions: u32,
    /// Symbols one request may name. Live.
    pub max_symbols: u32,
}

/// Market data from files.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Import {
    /// Folder whose files may be imported over the API; none without it. Live.
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
            requests_per_second: 500,
            request_burst: 1_000,
            header_timeout_ms: 5_000,
            body_timeout_ms: 10_000,
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
