//! Fractions between their forms: floating point, decimals, parts per billion.

use crate::domain::decimal::Decimal;
use crate::domain::num::Rate;

/// A fraction as a decimal with nine digits.
pub fn fraction(rate: f64) -> Decimal {
    Decimal::new((rate * 1e9).round() as i64, 9).unwrap_or(Decimal::ZERO)
}

/// A fraction in parts per billion.
pub fn parts(rate: Decimal) -> Rate {
    Rate((rate.to_f64() * 1e9).round() as i64)
}
