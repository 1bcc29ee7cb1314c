//! The list of all types, in the order of the catalogue. A new indicator is one line here.

use super::{Kind, pump, spread, twpa};
use super::{atr, ema, macd, rsi, sma, vwap};
use super::{book_average, latest, window_liquidity, window_mid, window_price, window_spread, window_volume, window_volume_change};
use super::{deal_intervals, deal_variation, sampled_extreme, vtwpa, window_direction, window_velocity};

/// Every type.
pub static ALL: &[&Kind] = &[
    &twpa::TWPA,
    &pump::PUMP_MAGNITUDE_PCT,
    &pump::PRICE_VELOCITY,
    &spread::SPREAD_PCT,
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

/// The type of a name, whatever its case.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name.eq_ignore_ascii_case(name))
}
