//! What the configuration allowed a session from some moment on; part of a session control.

use serde::{Deserialize, Serialize};

/// What the configuration allowed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AllowanceV1 {
    /// Symbols of the session on which nothing could be begun, sorted.
    pub disabled: Vec<String>,
    /// Limits of risk; `None`: the session has none.
    pub risk: Option<RiskV1>,
    /// What could be done with real money; `None`: the session has none.
    pub real_money: Option<RealMoneyV1>,
}

/// What could be done with real money.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RealMoneyV1 {
    /// Where the account is.
    pub venue: String,
    /// Symbols on which something could be begun, sorted.
    pub symbols: Vec<String>,
    /// Largest notional on the account, 10^-18 of the currency of settlement.
    pub account_cap: i128,
    /// Largest notional of the entries of a UTC day, 10^-18 of the currency of settlement.
    pub day_cap: i128,
}

/// Limits of risk, as in the configuration; `None`: no limit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RiskV1 {
    /// Notional of a position, percent of equity times `max_leverage`.
    pub max_position_pct: Option<f64>,
    /// Loss at the stop, percent of equity.
    pub risk_per_trade_pct: Option<f64>,
    /// Open or opening positions.
    pub max_concurrent: Option<u32>,
    /// Notional in one symbol, percent of equity.
    pub symbol_exposure_pct: Option<f64>,
    /// Notional of all positions, percent of equity.
    pub total_exposure_pct: Option<f64>,
    /// Used margin, percent of equity.
    pub margin_pct: Option<f64>,
    /// Loss of the UTC day, percent of the equity at its start.
    pub daily_loss_pct: Option<f64>,
    /// Fall from the highest equity, percent.
    pub drawdown_pct: Option<f64>,
    /// Losses in a row that pause entries.
    pub consecutive_losses: Option<u32>,
    /// Length of that pause, nanoseconds.
    pub loss_pause_ns: i64,
    /// Entries of a UTC day.
    pub trades_per_day: Option<u32>,
    /// Entries of a second.
    pub orders_per_second: Option<u32>,
    /// Entries of a minute.
    pub orders_per_minute: Option<u32>,
    /// Leverage.
    pub max_leverage: u32,
    /// Spread at entry, percent of mid.
    pub max_spread_pct: Option<f64>,
    /// Expected slippage of an entry, percent.
    pub max_slippage_pct: Option<f64>,
    /// Share of the visible depth that an entry takes, percent.
    pub max_depth_share_pct: Option<f64>,
    /// Distance of an order's price from mid, percent.
    pub price_band_pct: Option<f64>,
    /// Distance to liquidation as a multiple of the distance to the stop; at least this.
    pub min_liquidation_to_stop: Option<f64>,
    /// Whether one position per symbol is open at a time.
    pub exclusive_symbols: bool,
}
