//! Totals of a strategy's completed backtests, updated with each result.

use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Totals over completed backtests with any version of a strategy.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StrategyStatisticsV1 {
    /// The strategy's id.
    pub strategy_id: String,
    /// Number of backtests; equal ones are counted once.
    pub results: u64,
    /// Number of closed trades.
    pub trades: u64,
    /// Number of winning trades.
    pub wins: u64,
    /// Number of losing trades.
    pub losses: u64,
    /// Number of other trades.
    pub draws: u64,
    /// Sum of the trades' net results in 10^-9 percent of their entry notional.
    pub net_pct_e9: i128,
    /// Id of the newest result.
    pub last_result_id: String,
    /// Time of that result, microseconds since 1970.
    pub last_us: i64,
}

impl Stored for StrategyStatisticsV1 {
    const KIND: u16 = 22;
    const VERSION: u16 = 1;
    const NAME: &'static str = "strategy_statistics";
}
