//! Risk limits. Entries are checked here; exits always pass because they cannot enlarge a position.
//!
//! Invariant: only this file creates an [`Approved`] order.

use crate::checkpoint::plain;
use crate::domain::decision::Guard;
use crate::domain::num::Money;
use crate::domain::order::{OrderId, OrderRequest, Purpose};
use crate::domain::time::Span;

/// A value that passed the risk limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// The approved value.
    pub fn get(&self) -> &T {
        &self.0
    }
}

impl Approved<OrderRequest> {
    /// The same order with its final number.
    pub fn numbered(self, id: OrderId) -> Self {
        Approved(OrderRequest { id, ..self.0 })
    }
}

/// A refusal with the measured and the allowed value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RiskRefusal {
    /// The check that refused.
    pub guard: Guard,
    /// Measured value.
    pub value: f64,
    /// Allowed value.
    pub threshold: f64,
}

impl RiskRefusal {
    /// A refusal from its parts.
    pub fn new(guard: Guard, value: f64, threshold: f64) -> Self {
        RiskRefusal { guard, value, threshold }
    }
}

/// Risk limits of a session. `None` disables a limit.
#[derive(Clone, PartialEq, Debug)]
pub struct RiskLimits {
    /// Maximum position notional, percent of equity × `max_leverage`.
    pub max_position_pct: Option<f64>,
    /// Maximum loss at the stop, percent of equity; larger entries shrink.
    pub risk_per_trade_pct: Option<f64>,
    /// Maximum number of open or opening positions.
    pub max_concurrent: Option<u32>,
    /// Maximum notional in one symbol, percent of equity.
    pub symbol_exposure_pct: Option<f64>,
    /// Maximum Σ notional, percent of equity.
    pub total_exposure_pct: Option<f64>,
    /// Maximum used margin, percent of equity; 100 % when `None`.
    pub margin_pct: Option<f64>,
    /// Maximum loss of the UTC day, percent of equity at its start: blocks entries; at 1.5 times this
    /// everything is closed.
    pub daily_loss_pct: Option<f64>,
    /// Maximum fall from the equity peak, percent: everything is closed and the session stops.
    pub drawdown_pct: Option<f64>,
    /// Consecutive losses that pause entries.
    pub consecutive_losses: Option<u32>,
    /// Length of that pause.
    pub loss_pause: Span,
    /// Maximum entries per UTC day.
    pub trades_per_day: Option<u32>,
    /// Maximum entries per second; further ones wait.
    pub orders_per_second: Option<u32>,
    /// Maximum entries per minute; further ones wait.
    pub orders_per_minute: Option<u32>,
    /// Maximum leverage.
    pub max_leverage: u32,
    /// Maximum spread at entry, percent of mid; only checked when a book is recorded.
    pub max_spread_pct: Option<f64>,
    /// Maximum expected slippage by walking the book, percent; larger entries shrink.
    pub max_slippage_pct: Option<f64>,
    /// Maximum share of the depth within 0.5 % of mid that an entry may take, percent; larger entries shrink.
    pub max_depth_share_pct: Option<f64>,
    /// Maximum distance of the order price from mid, percent.
    pub price_band_pct: Option<f64>,
    /// Minimum ratio of the distance to liquidation and the distance to the stop.
    pub min_liquidation_to_stop: Option<f64>,
    /// Whether only one instance at a time may hold a position on a symbol.
    pub exclusive_symbols: bool,
}

plain!(struct RiskLimits {
    max_position_pct, risk_per_trade_pct, max_concurrent, symbol_exposure_pct, total_exposure_pct, margin_pct, daily_loss_pct,
    drawdown_pct, consecutive_losses, loss_pause, trades_per_day, orders_per_second, orders_per_minute, max_leverage,
    max_spread_pct, max_slippage_pct, max_depth_share_pct, price_band_pct, min_liquidation_to_stop, exclusive_symbols,
});

impl Default for RiskLimits {
    fn default() -> Self {
        RiskLimits {
            max_position_pct: Some(10.0),
            risk_per_trade_pct: Some(1.0),
            max_concurrent: Some(3),
            symbol_exposure_pct: Some(30.0),
            total_exposure_pct: Some(100.0),
            margin_pct: Some(50.0),
            daily_loss_pct: Some(5.0),
            drawdown_pct: Some(15.0),
            consecutive_losses: Some(4),
            loss_pause: Span::from_seconds(30 * 60),
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

impl RiskLimits {
    /// No limits, for workloads that count every order.
    pub fn none() -> Self {
        RiskLimits {
            max_position_pct: None,
            risk_per_trade_pct: None,
            max_concurrent: None,
            symbol_exposure_pct: None,
            total_exposure_pct: None,
            margin_pct: None,
            daily_loss_pct: None,
            drawdown_pct: None,
            consecutive_losses: None,
            loss_pause: Span::ZERO,
            trades_per_day: None,
            orders_per_second: None,
            orders_per_minute: None,
            max_leverage: 100,
            max_spread_pct: None,
            max_slippage_pct: None,
            max_depth_share_pct: None,
            price_band_pct: None,
            min_liquidation_to_stop: None,
            exclusive_symbols: false,
        }
    }
}

impl RiskLimits {
    /// What both sets of limits allow: limit by limit the tighter one.
    pub fn tightened(&self, other: &RiskLimits) -> RiskLimits {
        fn lower<T: Copy + PartialOrd>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(if other < one { other } else { one }),
                (one, other) => one.or(other),
            }
        }
        let higher = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        RiskLimits {
            max_position_pct: lower(self.max_position_pct, other.max_position_pct),
            risk_per_trade_pct: lower(self.risk_per_trade_pct, other.risk_per_trade_pct),
            max_concurrent: lower(self.max_concurrent, other.max_concurrent),
            symbol_exposure_pct: lower(self.symbol_exposure_pct, other.symbol_exposure_pct),
            total_exposure_pct: lower(self.total_exposure_pct, other.total_exposure_pct),
            margin_pct: lower(self.margin_pct, other.margin_pct),
            daily_loss_pct: lower(self.daily_loss_pct, other.daily_loss_pct),
            drawdown_pct: lower(self.drawdown_pct, other.drawdown_pct),
            consecutive_losses: lower(self.consecutive_losses, other.consecutive_losses),
            loss_pause: self.loss_pause.max(other.loss_pause),
            trades_per_day: lower(self.trades_per_day, other.trades_per_day),
            orders_per_second: lower(self.orders_per_second, other.orders_per_second),
            orders_per_minute: lower(self.orders_per_minute, other.orders_per_minute),
            max_leverage: self.max_leverage.min(other.max_leverage),
            max_spread_pct: lower(self.max_spread_pct, other.max_spread_pct),
            max_slippage_pct: lower(self.max_slippage_pct, other.max_slippage_pct),
            max_depth_share_pct: lower(self.max_depth_share_pct, other.max_depth_share_pct),
            price_band_pct: lower(self.price_band_pct, other.price_band_pct),
            min_liquidation_to_stop: higher(self.min_liquidation_to_stop, other.min_liquidation_to_stop),
            exclusive_symbols: self.exclusive_symbols || other.exclusive_symbols,
        }
    }

    /// Entry times that must be known to check the limits of the order rate.
    pub fn entry_times(&self) -> usize {
        let limits = [self.orders_per_second, self.orders_per_minute];
        limits.into_iter().flatten().max().map_or(0, |limit| limit as usize)
    }

    /// Every limit with its name and value, for the assumptions stored with a result.
    pub fn named(&self) -> Vec<(String, Option<f64>)> {
        let counted = |limit: Option<u32>| limit.map(f64::from);
        let limits = [
            ("max_position_pct", self.max_position_pct),
            ("risk_per_trade_pct", self.risk_per_trade_pct),
            ("max_concurrent_positions", counted(self.max_concurrent)),
            ("symbol_exposure_pct", self.symbol_exposure_pct),
            ("total_exposure_pct", self.total_exposure_pct),
            ("margin_utilisation_pct", self.margin_pct),
            ("daily_loss_pct", self.daily_loss_pct),
            ("max_drawdown_pct", self.drawdown_pct),
            ("consecutive_losses", counted(self.consecutive_losses)),
            ("trades_per_day", counted(self.trades_per_day)),
            ("orders_per_second", counted(self.orders_per_second)),
            ("orders_per_minute", counted(self.orders_per_minute)),
            ("max_leverage", Some(f64::from(self.max_leverage))),
            ("max_spread_pct", self.max_spread_pct),
            ("max_slippage_pct", self.max_slippage_pct),
            ("max_depth_share_pct", self.max_depth_share_pct),
            ("price_band_pct", self.price_band_pct),
            ("min_liquidation_to_stop", self.min_liquidation_to_stop),
        ];
        limits.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

/// Effect of an entry on the account.
#[derive(Clone, Copy, Debug)]
pub struct EntryImpact {
    /// Equity now.
    pub equity: Money,
    /// Notional of the entry.
    pub notional: Money,
    /// Notional already in the symbol, entries in flight included.
    pub symbol_exposure: Money,
    /// Notional of all positions and entries in flight.
    pub total_exposure: Money,
    /// Margin already used, entries in flight included.
    pub used_margin: Money,
    /// Leverage of the entry.
    pub leverage: u32,
    /// Highest leverage that the contract allows for a position of this size.
    pub tier_leverage: u32,
    /// Distance from the entry to the stop, percent, when there is a stop.
    pub stop_pct: Option<f64>,
    /// Distance from the entry to liquidation, percent.
    pub liquidation_pct: f64,
    /// The strategy's own limit of Σ notional, percent of equity.
    pub total_exposure_pct: Option<f64>,
    /// Spread, percent of mid, when a book is recorded.
    pub spread_pct: Option<f64>,
    /// Distance of the order price from mid, percent, when a book is recorded.
    pub band_pct: Option<f64>,
}

fn share_pct(part: Money, whole: Money) -> f64 {
    if whole.0 <= 0 { f64::INFINITY } else { 100.0 * part.to_f64() / whole.to_f64() }
}

/// Approves an entry unless a limit refuses it.
///
/// # Errors
/// The first limit that refuses it, with the measured and the allowed value.
pub fn approve_entry(
    limits: &RiskLimits,
    impact: &EntryImpact,
    request: OrderRequest,
) -> Result<Approved<OrderRequest>, RiskRefusal> {
    let over = |guard, value: f64, limit: Option<f64>| match limit {
        Some(limit) if value > limit || !value.is_finite() => Err(RiskRefusal::new(guard, value, limit)),
        _ => Ok(()),
    };
    over(
        Guard::Leverage,
        f64::from(impact.leverage),
        Some(f64::from(limits.max_leverage.min(impact.tier_leverage))),
    )?;
    over(Guard::Spread, impact.spread_pct.unwrap_or(0.0), limits.max_spread_pct)?;
    over(Guard::PriceBand, impact.band_pct.unwrap_or(0.0), limits.price_band_pct)?;
    let position_limit = limits.max_position_pct.map(|pct| pct * f64::from(limits.max_leverage));
    over(Guard::PositionNotional, share_pct(impact.notional, impact.equity), position_limit)?;
    over(
        Guard::SymbolExposure,
        share_pct(impact.symbol_exposure + impact.notional, impact.equity),
        limits.symbol_exposure_pct,
    )?;
    let total_limit =
        [limits.total_exposure_pct, impact.total_exposure_pct].into_iter().flatten().reduce(f64::min);
    over(
        Guard::TotalExposure,
        share_pct(impact.total_exposure + impact.notional, impact.equity),
        total_limit,
    )?;
    let margin = Money(impact.notional.0 / i128::from(impact.leverage.max(1)));
    // Margin is never borrowed: without a session limit the whole equity is the limit.
    let margin_limit = limits.margin_pct.unwrap_or(100.0).min(100.0);
    over(Guard::Margin, share_pct(impact.used_margin + margin, impact.equity), Some(margin_limit))?;
    if let (Some(times), Some(stop)) = (limits.min_liquidation_to_stop, impact.stop_pct)
        && impact.liquidation_pct < times * stop
    {
        return Err(RiskRefusal::new(Guard::LiquidationDistance, impact.liquidation_pct, times * stop));
    }
    Ok(Approved(request))
}

/// Approves an exit: it is reduce-only, so no limit applies.
///
/// # Panics
/// When the request is an entry, which is a bug.
pub fn approve_exit(request: OrderRequest) -> Approved<OrderRequest> {
    assert!(request.purpose != Purpose::Entry, "entries go through approve_entry");
    Approved(request)
}

#[cfg(test)]
mod tests;
