//! Settings of the simulated venue: latency, slippage, fees, and the book assumed where none is recorded.

use crate::domain::num::{Money, Rate};
use crate::domain::time::Span;

/// Settings of the simulated venue.
#[derive(Clone, PartialEq, Debug)]
pub struct VenueConfig {
    /// Latency from a decision to the venue, before jitter.
    pub order_latency: Span,
    /// Sigma of the log-normal factor of that latency.
    pub latency_jitter: f64,
    /// Latency from the venue to us and of the fill report, where the recording does not include it already.
    pub feed_latency: Span,
    /// Slippage of every taker fill, percent; always adverse.
    pub slippage_pct: f64,
    /// Maker and taker fee instead of the specification's.
    pub fees: Option<(Rate, Rate)>,
    /// Book assumed where none is recorded.
    pub synthetic: SyntheticBook,
    /// Price penalty of a market order's remainder beyond the known depth, percent.
    pub beyond_depth_penalty_pct: f64,
    /// Probability that an order is rejected at random.
    pub reject_rate: f64,
    /// Liquidation fee, percent of notional; paid out of the position's margin.
    pub liquidation_fee_pct: f64,
    /// Seed of all randomness.
    pub seed: u64,
}

/// The book assumed around the last price.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SyntheticBook {
    /// Distance between best bid and best ask, percent of the last price.
    pub spread_pct: f64,
    /// Value of each level in the quote currency; unlimited when `None`.
    pub depth_per_level: Option<Money>,
}

impl Default for VenueConfig {
    fn default() -> Self {
        VenueConfig {
            order_latency: Span::from_millis(80),
            latency_jitter: 0.3,
            feed_latency: Span::ZERO,
            slippage_pct: 0.0,
            fees: None,
            synthetic: SyntheticBook { spread_pct: 0.1, depth_per_level: Some(Money::from_units(500)) },
            beyond_depth_penalty_pct: 0.5,
            reject_rate: 0.0,
            liquidation_fee_pct: 0.05,
            seed: 0,
        }
    }
}

impl VenueConfig {
    /// Fills at once and in full at the last price without fees: for workloads that count trades.
    pub fn frictionless() -> Self {
        VenueConfig {
            order_latency: Span::ZERO,
            latency_jitter: 0.0,
            fees: Some((Rate::ZERO, Rate::ZERO)),
            synthetic: SyntheticBook { spread_pct: 0.0, depth_per_level: None },
            beyond_depth_penalty_pct: 0.0,
            liquidation_fee_pct: 0.0,
            ..VenueConfig::default()
        }
    }
}
