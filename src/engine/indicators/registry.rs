//! The list of all types, in the order of the catalogue. A new indicator is one line here.

use super::{Kind, pump, spread, twpa};
use super::{atr, ema, macd, rsi, sma, vwap};
use super::{book_average, latest, window_liquidity, window_mid, window_price, window_spread, window_volume, window_volume_change};

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
