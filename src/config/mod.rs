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
pub use difference::{Change, diff, keep_running};
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
    Live,
    /// For sessions started from then on; running sessions keep their values.
    NextSession,
    /// After a restart of the daemon.
    Restart,
    /// What allows a session less immediately, what allows it more for sessions started from then on. A [`Change`] says
    /// which of the two it is.
    TighterLive,
}

/// Every field (a JSON pointer) and when a change of it takes effect. A list counts as one field.
pub const EFFECTS: &[(&str, TakesEffect)] = &[
    ("/http/listen", TakesEffect::Restart),
    ("/http/origins", TakesEffect::Live),
    ("/http/max_connections", TakesEffect::Restart),
    ("/http/max_connections_per_address", TakesEffect::Live),
    ("/http/trusted_proxies", TakesEffect::Live),
    ("/http/requests_per_second", TakesEffect::Live),
    ("/http/request_burst", TakesEffect::Live),
    ("/http/header_timeout_ms", TakesEffect::Restart),
    ("/http/body_timeout_ms", TakesEffect::Live),
    ("/http/write_timeout_ms", TakesEffect::Live),
    ("/http/drain_timeout_ms", TakesEffect::Live),
    ("/auth/access_ttl_s", TakesEffect::Live),
    ("/auth/refresh_ttl_s", TakesEffect::Live),
    ("/auth/csrf_ttl_s", TakesEffect::Live),
    ("/trading/default_symbols", TakesEffect::Live),
    ("/trading/disabled_symbols", TakesEffect::TighterLive),
    ("/trading/fees/maker_pct", TakesEffect::NextSession),
    ("/trading/fees/taker_pct", TakesEffect::NextSession),
    ("/trading/risk/max_position_pct", TakesEffect::TighterLive),
    ("/trading/risk/risk_per_trade_pct", TakesEffect::TighterLive),
    ("/trading/risk/max_concurrent_positions", TakesEffect::TighterLive),
    ("/trading/risk/symbol_exposure_pct", TakesEffect::TighterLive),
    ("/trading/risk/total_exposure_pct", TakesEffect::TighterLive),
    ("/trading/risk/margin_utilisation_pct", TakesEffect::TighterLive),
    ("/trading/risk/daily_loss_pct", TakesEffect::TighterLive),
    ("/trading/risk/max_drawdown_pct", TakesEffect::TighterLive),
    ("/trading/risk/consecutive_losses", TakesEffect::TighterLive),
    ("/trading/risk/loss_pause_s", TakesEffect::TighterLive),
    ("/trading/risk/trades_per_day", TakesEffect::TighterLive),
    ("/trading/risk/orders_per_second", TakesEffect::TighterLive),
    ("/trading/risk/orders_per_minute", TakesEffect::TighterLive),
    ("/trading/risk/max_leverage", TakesEffect::TighterLive),
    ("/trading/risk/max_spread_pct", TakesEffect::TighterLive),
    ("/trading/risk/max_slippage_pct", TakesEffect::TighterLive),
    ("/trading/risk/max_depth_share_pct", TakesEffect::TighterLive),
    ("/trading/risk/price_band_pct", TakesEffect::TighterLive),
    ("/trading/risk/min_liquidation_to_stop", TakesEffect::TighterLive),
    ("/trading/risk/exclusive_symbols", TakesEffect::TighterLive),
    ("/trading/live/enabled", TakesEffect::TighterLive),
    ("/trading/live/symbols", TakesEffect::TighterLive),
    ("/trading/live/account_cap", TakesEffect::TighterLive),
    ("/trading/live/day_cap", TakesEffect::TighterLive),
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
    ("/exchange/tickers_ttl_s", TakesEffect::Live),
    ("/exchange/fees/maker_pct", TakesEffect::NextSession),
    ("/exchange/fees/taker_pct", TakesEffect::NextSession),
    ("/recording/keep_days", TakesEffect::Live),
    ("/recording/keep_mib", TakesEffect::Live),
    ("/recording/keep_events_mib", TakesEffect::Live),
    ("/recording/min_free_mib", TakesEffect::Live),
    ("/limits/max_sessions", TakesEffect::Live),
    ("/limits/max_symbols", TakesEffect::Live),
    ("/import/folder", TakesEffect::Live),
    ("/analytics/questdb/enabled", TakesEffect::Live),
    ("/analytics/questdb/url", TakesEffect::Live),
    ("/analytics/questdb/allowed_hosts", TakesEffect::Live),
    ("/analytics/questdb/user", TakesEffect::Live),
    ("/analytics/questdb/prefix", TakesEffect::Live),
    ("/analytics/questdb/interval_s", TakesEffect::Live),
    ("/analytics/questdb/rows_per_second", TakesEffect::Live),
    ("/analytics/questdb/market_data", TakesEffect::Live),
    ("/analytics/questdb/keep_days", TakesEffect::Live),
    ("/analytics/questdb/alert_lag_s", TakesEffect::Live),
    ("/alerts/exec", TakesEffect::Live),
    ("/alerts/timeout_s", TakesEffect::Live),
    ("/log/level", TakesEffect::Live),
    ("/log/format", TakesEffect::Restart),
];

#[cfg(test)]
mod tests;
