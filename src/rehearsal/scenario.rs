//! How the exchange behaves: settings, and faults at their times. Read strictly from JSON; `docs/rehearsal.md` shows all.

use serde::Deserialize;

/// A script.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// What holds all the time.
    pub settings: Settings,
}

/// What holds all the time.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Odd spellings of numbers, unknown keys, unordered levels.
    pub quirks: bool,
    /// Which limits of requests hold.
    pub rate_limits: RateLimits,
    /// A socket is closed this long after its last ping.
    pub ping_timeout_ms: i64,
    /// Merged book changes.
    pub depth_every_ms: i64,
    /// Full books.
    pub depth_full_every_ms: i64,
    /// A symbol's ticker.
    pub ticker_every_ms: i64,
    /// All tickers.
    pub tickers_every_ms: i64,
}

/// Limits of requests per endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateLimits {
    /// The lowest of all that are documented.
    Strict,
    /// None.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            quirks: true,
            rate_limits: RateLimits::Strict,
            ping_timeout_ms: 60_000,
            depth_every_ms: 200,
            depth_full_every_ms: 280,
            ticker_every_ms: 2_750,
            tickers_every_ms: 2_000,
        }
    }
}

impl Scenario {
    /// Reads a script.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}
