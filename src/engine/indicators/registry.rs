//! All indicator types in catalogue order. A new type is one line here.

use super::set::IndicatorSet;
use super::{
    IndicatorKind, atr, book_average, deal_intervals, deal_variation, derivatives, ema, imbalance, latest,
    liquidity, macd, median_price, momentum, order_flow, peak, pump, range, rsi,
};
use super::{
    rush, sampled_extreme, scores, sma, spread, twpa, velocity, volume_spike, vtwpa, vwap, window_direction,
    window_liquidity, window_mid, window_price, window_spread, window_velocity, window_volume,
    window_volume_change,
};

/// Every indicator type.
pub static ALL: &[&IndicatorKind] = &[
    // Pumps and dumps.
    &twpa::TWPA,
    &twpa::TWPA_RATIO,
    &twpa::SUPPORT_LEVEL_PROXIMITY,
    &pump::PUMP_MAGNITUDE_PCT,
    &pump::PRICE_VELOCITY,
    &spread::SPREAD_PCT,
    &pump::PRICE_ACCELERATION,
    &velocity::VELOCITY_CASCADE,
    &velocity::MOMENTUM_REVERSAL_INDEX,
    &velocity::VELOCITY_STABILIZATION_INDEX,
    &momentum::PRICE_MOMENTUM,
    &peak::PUMP_PEAK_PRICE,
    &peak::RETRACEMENT_OF_PUMP_PCT,
    &peak::DRAWDOWN_FROM_PEAK_PCT,
    &peak::MOMENTUM_DECAY,
    &range::PRICE_RANGE_PCT,
    &range::RANGE_POSITION_PCT,
    &median_price::MEDIAN_PRICE,
    &median_price::PRICE_VS_MEDIAN_PCT,
    &volume_spike::VOLUME_SURGE_RATIO,
    &volume_spike::VOLUME_SPIKE_RATIO,
    &volume_spike::TRADE_FREQUENCY_SPIKE,
    &order_flow::ORDER_FLOW_IMBALANCE,
    &order_flow::CVD,
    &rush::RUSH_ORDER_COUNT,
    &imbalance::BID_ASK_IMBALANCE,
    &liquidity::LIQUIDITY_DRAIN_INDEX,
    &liquidity::DEPTH_USDT,
    &liquidity::SLIPPAGE_PCT,
    &scores::DUMP_EXHAUSTION_SCORE,
    &scores::RISK_SCORE,
    &derivatives::FUNDING_RATE_PCT,
    &derivatives::BASIS_PCT,
    &derivatives::OPEN_INTEREST_CHANGE_PCT,
    &spread::SPREAD_WIDENING_RATIO,
    // Bars.
    &sma::SMA,
    &ema::EMA,
    &ema::EMA_SPREAD_PCT,
    &macd::MACD,
    &rsi::RSI,
    &sma::BOLLINGER_BANDS,
    &atr::ATR,
    // Trade prices.
    &latest::PRICE,
    &window_price::FIRST_PRICE,
    &window_price::LAST_PRICE,
    &window_price::MAX_PRICE,
    &window_price::MIN_PRICE,
    &vwap::VWAP,
    &vwap::PRICE_VS_VWAP_PCT,
    &vtwpa::VTWPA,
    &window_velocity::VELOCITY,
    &window_velocity::VELOCITY_ACCELERATION,
    &window_direction::MOMENTUM_STREAK,
    &window_direction::DIRECTION_CONSISTENCY,
    &sampled_extreme::MAX_TWPA,
    &sampled_extreme::MIN_TWPA,
    // Traded quantity.
    &latest::VOLUME,
    &window_volume::SUM_VOLUME,
    &window_volume::COUNT_DEALS,
    &window_volume::AVG_VOLUME,
    &window_volume::AVERAGE_TRADE_SIZE,
    &window_volume::TRADE_FREQUENCY,
    &window_volume_change::TRADE_SIZE_MOMENTUM,
    &window_volume_change::VOLUME_CONCENTRATION,
    &window_volume_change::VOLUME_ACCELERATION,
    &window_volume_change::VOLUME_SURGE,
    // Statistics of single trades.
    &deal_intervals::INTER_DEAL_INTERVALS,
    &deal_intervals::DECISION_DENSITY_ACCELERATION,
    &deal_intervals::TRADE_CLUSTERING_COEFFICIENT,
    &deal_variation::PRICE_VOLATILITY,
    &deal_variation::DEAL_SIZE_VOLATILITY,
    &deal_variation::VOLUME_PRICE_CORRELATION,
    // Book.
    &latest::BEST_BID,
    &latest::BEST_ASK,
    &latest::BID_QTY,
    &latest::ASK_QTY,
    &book_average::AVG_BEST_BID,
    &book_average::AVG_BEST_ASK,
    &book_average::AVG_BID_QTY,
    &book_average::AVG_ASK_QTY,
    &book_average::TW_MIDPRICE,
    &window_spread::SPREAD_PERCENTAGE,
    &window_spread::SPREAD_VOLATILITY,
    &window_liquidity::TOTAL_LIQUIDITY,
    &window_liquidity::LIQUIDITY_RATIO,
    &window_mid::MID_PRICE_VELOCITY,
    &window_mid::DEAL_VS_MID_DEVIATION,
];

/// The type with this name; case is ignored.
pub fn find(name: &str) -> Option<&'static IndicatorKind> {
    ALL.iter().copied().find(|kind| kind.name.eq_ignore_ascii_case(name))
}

/// The slots of one symbol, of all these types.
impl Default for IndicatorSet {
    fn default() -> Self {
        IndicatorSet::of_types(find)
    }
}
