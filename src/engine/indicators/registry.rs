//! The list of all types, in the order of the catalogue. A new indicator is one line here.

use super::{Kind, derivatives, ema, imbalance, liquidity, median_price, momentum, order_flow, peak, pump, range, rush};
use super::{scores, spread, twpa, velocity, volume_spike, window_price, window_volume};

/// Every type.
pub static ALL: &[&Kind] = &[
    &twpa::TWPA,
    &twpa::TWPA_RATIO,
    &twpa::SUPPORT_LEVEL_PROXIMITY,
    &pump::PUMP_MAGNITUDE_PCT,
    &pump::PRICE_VELOCITY,
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
    &window_price::MAX_PRICE,
    &window_price::MIN_PRICE,
    &window_volume::SUM_VOLUME,
    &ema::EMA,
    &spread::SPREAD_PCT,
    &spread::SPREAD_WIDENING_RATIO,
];

/// The type of a name, whatever its case.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name.eq_ignore_ascii_case(name))
}
