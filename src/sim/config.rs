//! How the simulated venue behaves: latency, slippage, fees, the book assumed where none is recorded.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::domain::num::{Money, Rate};
use crate::domain::time::Span;

/// How the venue behaves.
#[derive(Clone, PartialEq, Debug)]
pub struct VenueConfig {
    /// From a decision to the venue, before jitter.
    pub order_latency: Span,
    /// Sigma of the log-normal factor on it.
    pub latency_jitter: f64,
    /// From the venue to us and back to a fill report, where the recording does not hold it already.
    pub feed_latency: Span,
    /// Added to the price of every taking fill, percent, always against us.
    pub slippage_pct: f64,
    /// Overrides of the specification's fees.
    pub fees: Option<(Rate, Rate)>,
    /// What is assumed where no book is recorded.
    pub synthetic: SyntheticBook,
    /// A market order's remainder beyond the known depth fills this much worse, percent.
    pub beyond_depth_penalty_pct: f64,
    /// Share of orders refused at random.
    pub reject_rate: f64,
    /// Extra share of margin lost when liquidated, percent of notional.
    pub liquidation_fee_pct: f64,
    /// Seed of every chance.
    pub seed: u64,
}

/// The book assumed around the last trade.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SyntheticBook {
    /// Distance of best bid and ask, percent of the last price.
    pub spread_pct: f64,
    /// Value on each level in the quote currency; unlimited when absent.
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
    /// Fills at once and in full at the last price, free of charge: the setting of counting workloads.
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
