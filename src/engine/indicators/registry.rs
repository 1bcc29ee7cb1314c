//! The list of all types, in the order of the catalogue. A new indicator is one line here.

use super::{Kind, ema, pump, spread, twpa, window_price, window_volume};

/// Every type.
pub static ALL: &[&Kind] = &[
    &twpa::TWPA,
    &pump::PUMP_MAGNITUDE_PCT,
    &pump::PRICE_VELOCITY,
    &window_price::MAX_PRICE,
    &window_price::MIN_PRICE,
    &window_volume::SUM_VOLUME,
    &ema::EMA,
    &spread::SPREAD_PCT,
];

/// The type of a name, whatever its case.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name.eq_ignore_ascii_case(name))
}
