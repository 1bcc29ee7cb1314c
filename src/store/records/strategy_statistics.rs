//! What a strategy was worth in all completed backtests, kept up with each result.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Sums over a strategy's completed backtests, all versions of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StrategyStatisticsV1 {
    /// The strategy's id.
    pub strategy_id: String,
    /// Completed backtests.
    pub results: u64,
    /// Closed trades.
    pub trades: u64,
    /// Those that won.
    pub wins: u64,
    /// Those that lost.
    pub losses: u64,
    /// Those that did neither.
    pub draws: u64,
    /// Σ of the trades' net results in 10^-9 percent of their entry notional.
    pub net_pct_e9: i128,
    /// The newest result.
    pub last_result_id: String,
    /// When that was made, microseconds since 1970.
    pub last_us: i64,
}

impl Stored for StrategyStatisticsV1 {
    const KIND: u16 = 22;
    const VERSION: u16 = 1;
    const NAME: &'static str = "strategy_statistics";
}
