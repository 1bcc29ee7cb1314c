//! Values of an instance and its session that conditions can read.
//!
//! Invariant: without a position, the position's values are missing, not zero.

use crate::domain::order::Side;
use crate::domain::strategy::OwnValue;
use crate::domain::time::Timestamp;
use crate::engine::value::{Missing, Value, ratio};

/// Snapshot taken before an instance is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct OwnView {
    /// Event time.
    pub now: Timestamp,
    /// When S1 became true.
    pub signal_at: Option<Timestamp>,
    /// The open position.
    pub position: Option<PositionView>,
    /// Session equity relative to its start, percent.
    pub session_pnl_pct: f64,
    /// Open or opening positions of the session.
    pub open_positions: u32,
    /// Σ notional relative to equity, percent.
    pub exposure_pct: f64,
}

/// An open position. Prices are in ticks, so that a round percentage of a round price compares exactly.
#[derive(Clone, Copy, Debug)]
pub struct PositionView {
    /// `Buy` for a long.
    pub side: Side,
    /// Average entry price.
    pub entry: f64,
    /// Best price since the first fill.
    pub best: f64,
    /// Best price on the closing side, when a price is known.
    pub closing: Option<f64>,
    /// Last trade price.
    pub last: Option<f64>,
    /// Leverage.
    pub leverage: u32,
    /// Time of the first fill.
    pub opened_at: Timestamp,
    /// Isolated liquidation price.
    pub liquidation: f64,
    /// Fees paid and the fee of closing, percent of the entry notional.
    pub fees_pct: f64,
}

impl PositionView {
    fn pnl_pct(&self, price: Option<f64>) -> Value {
        let price = price.ok_or(Missing::WarmUp)?;
        ratio(self.side.sign() as f64 * 100.0 * (price - self.entry), self.entry)
    }
}

impl OwnView {
    /// A placeholder for strategies that never read these values.
    pub fn unread(now: Timestamp) -> Self {
        OwnView {
            now,
            signal_at: None,
            position: None,
            session_pnl_pct: 0.0,
            open_positions: 0,
            exposure_pct: 0.0,
        }
    }

    /// The value now, or why it is missing.
    pub fn value(&self, which: OwnValue) -> Value {
        let position = self.position.as_ref().ok_or(Missing::NoPosition);
        match which {
            OwnValue::UnrealizedPnlPct { last, net } => {
                let position = position?;
                let gross = position.pnl_pct(if last { position.last } else { position.closing })?;
                Ok(if net { gross - position.fees_pct } else { gross })
            }
            OwnValue::LossPct => position?.pnl_pct(position?.closing).map(|pnl| (-pnl).max(0.0)),
            OwnValue::RoePct => position?
                .pnl_pct(position?.closing)
                .map(|pnl| pnl * f64::from(position.map_or(1, |p| p.leverage))),
            OwnValue::DrawdownFromPeakPct => {
                let position = position?;
                let price = position.last.ok_or(Missing::WarmUp)?;
                ratio(position.side.sign() as f64 * 100.0 * (position.best - price), position.best)
            }
            OwnValue::SignalAgeSeconds => {
                self.signal_at.map(|at| (self.now - at).seconds_f64()).ok_or(Missing::NoSignal)
            }
            OwnValue::PositionAgeSeconds => Ok((self.now - position?.opened_at).seconds_f64()),
            OwnValue::LiquidationDistancePct => {
                let position = position?;
                let price = position.last.ok_or(Missing::WarmUp)?;
                ratio(100.0 * (price - position.liquidation).abs(), price)
            }
            OwnValue::SessionPnlPct => Ok(self.session_pnl_pct),
            OwnValue::OpenPositions => Ok(f64::from(self.open_positions)),
            OwnValue::PortfolioExposurePct => Ok(self.exposure_pct),
        }
    }
}
