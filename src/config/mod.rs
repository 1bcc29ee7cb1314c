//! `config.json`: types, validation, differences, and when a change takes effect.
//!
//! Invariant: it contains no secret, and a file with any problem is rejected as a whole.

mod analytics;
mod check;
mod difference;
mod fees;
mod market;
mod network;
mod parse;
mod schema;
mod types;
mod watch;

pub use analytics::{Analytics, QuestDb};
pub use difference::{ConfigChange, diff, keep_running};
pub use fees::Fees;
pub use market::{Exchange, Recording};
pub use network::Network;
pub use parse::{Problem, parse, read};
pub use schema::schema;
pub use types::{Alerts, Auth, Config, Format, Http, Import, Level, Limits, Live, Log, Risk, Trading};
pub use watch::{Content, Watch};

use serde::Serialize;

/// When a changed field takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesEffect {
    /// Immediately.
    #[serde(rename = "live")]
    AtOnce,
    /// For sessions started from then on; running sessions keep their values.
    NextSession,
    /// After a restart of the daemon.
    Restart,
    /// What allows a session less immediately, what allows it more for sessions started from then on. A
    /// [`ConfigChange`] says which of the two it is.
    TighterAtOnce,
}

/// Every field (a JSON pointer) and when a change of it takes effect. A list counts as one field.
pub const EFFECTS: &[(&str, TakesEffect)] = &[
    ("/http/listen", TakesEffect::Restart),
    ("/http/origins", TakesEffect::AtOnce),
    ("/http/max_connections", TakesEffect::Restart),
    ("/http/max_connections_per_address", TakesEffect::AtOnce),
    ("/http/trusted_proxies", TakesEffect::AtOnce),
    ("/http/requests_per_second", TakesEffect::AtOnce),
    ("/http/request_burst", TakesEffect::AtOnce),
    ("/http/header_timeout_ms", TakesEffect::Restart),
    ("/http/body_timeout_ms", TakesEffect::AtOnce),
    ("/http/write_timeout_ms", TakesEffect::AtOnce),
    ("/http/drain_timeout_ms", TakesEffect::AtOnce),
    ("/auth/access_ttl_s", TakesEffect::AtOnce),
    ("/auth/refresh_ttl_s", TakesEffect::AtOnce),
    ("/auth/csrf_ttl_s", TakesEffect::AtOnce),
    ("/trading/default_symbols", TakesEffect::AtOnce),
    ("/trading/disabled_symbols", TakesEffect::TighterAtOnce),
    ("/trading/fees/maker_pct", TakesEffect::NextSession),
    ("/trading/fees/taker_pct", TakesEffect::NextSession),
    ("/trading/risk/max_position_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/risk_per_trade_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/max_concurrent_positions", TakesEffect::TighterAtOnce),
    ("/trading/risk/symbol_exposure_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/total_exposure_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/margin_utilisation_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/daily_loss_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/max_drawdown_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/consecutive_losses", TakesEffect::TighterAtOnce),
    ("/trading/risk/loss_pause_s", TakesEffect::TighterAtOnce),
    ("/trading/risk/trades_per_day", TakesEffect::TighterAtOnce),
    ("/trading/risk/orders_per_second", TakesEffect::TighterAtOnce),
    ("/trading/risk/orders_per_minute", TakesEffect::TighterAtOnce),
    ("/trading/risk/max_leverage", TakesEffect::TighterAtOnce),
    ("/trading/risk/max_spread_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/max_slippage_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/max_depth_share_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/price_band_pct", TakesEffect::TighterAtOnce),
    ("/trading/risk/min_liquidation_to_stop", TakesEffect::TighterAtOnce),
    ("/trading/risk/exclusive_symbols", TakesEffect::TighterAtOnce),
    ("/trading/live/enabled", TakesEffect::TighterAtOnce),
    ("/trading/live/symbols", TakesEffect::TighterAtOnce),
    ("/trading/live/account_cap", TakesEffect::TighterAtOnce),
    ("/trading/live/day_cap", TakesEffect::TighterAtOnce),
    ("/exchange/enabled", TakesEffect::Restart),
    ("/exchange/rest_url", TakesEffect::Restart),
    ("/exchange/ws_url", TakesEffect::Restart),
    ("/exchange/symbols_per_socket", TakesEffect::Restart),
    ("/exchange/requests_per_second", TakesEffect::Restart),
    ("/exchange/request_burst", TakesEffect::Restart),
    ("/exchange/request_timeout_ms", TakesEffect::Restart),
    ("/exchange/ping_ms", TakesEffect::Restart),
    ("/exchange/pong_timeout_ms", TakesEffect::Restart),
    ("/exchange/silence_ms", TakesEffect::Restart),
    ("/exchange/reconnect_min_ms", TakesEffect::Restart),
    ("/exchange/reconnect_max_ms", TakesEffect::Restart),
    ("/exchange/tickers_ttl_s", TakesEffect::AtOnce),
    ("/exchange/fees/maker_pct", TakesEffect::NextSession),
    ("/exchange/fees/taker_pct", TakesEffect::NextSession),
    ("/recording/keep_days", TakesEffect::AtOnce),
    ("/recording/keep_mib", TakesEffect::AtOnce),
    ("/recording/keep_events_mib", TakesEffect::AtOnce),
    ("/recording/min_free_mib", TakesEffect::AtOnce),
    ("/limits/max_sessions", TakesEffect::AtOnce),
    ("/limits/max_symbols", TakesEffect::AtOnce),
    ("/import/folder", TakesEffect::AtOnce),
    ("/analytics/questdb/enabled", TakesEffect::AtOnce),
    ("/analytics/questdb/url", TakesEffect::AtOnce),
    ("/analytics/questdb/allowed_hosts", TakesEffect::AtOnce),
    ("/analytics/questdb/user", TakesEffect::AtOnce),
    ("/analytics/questdb/prefix", TakesEffect::AtOnce),
    ("/analytics/questdb/interval_s", TakesEffect::AtOnce),
    ("/analytics/questdb/rows_per_second", TakesEffect::AtOnce),
    ("/analytics/questdb/market_data", TakesEffect::AtOnce),
    ("/analytics/questdb/keep_days", TakesEffect::AtOnce),
    ("/analytics/questdb/alert_lag_s", TakesEffect::AtOnce),
    ("/alerts/exec", TakesEffect::AtOnce),
    ("/alerts/timeout_s", TakesEffect::AtOnce),
    ("/log/level", TakesEffect::AtOnce),
    ("/log/format", TakesEffect::Restart),
];

#[cfg(test)]
mod tests;
