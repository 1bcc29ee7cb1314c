//! Exact numbers: prices in ticks, quantities in lots, money in units of 10^-18 of the quote currency.
//!
//! A price or quantity has no numeric value by itself: only the `SymbolSpec` knows the size of a tick and a
//! lot.

use crate::domain::decimal::{Decimal, POWERS_OF_TEN, significand};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// A price in ticks of its symbol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Price(pub i64);

/// A quantity in lots of its symbol; never negative in orders and fills.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Qty(pub i64);

/// Signed money in units of 10^-18 of the quote currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i128);

/// A fraction of a notional (fee, funding, maintenance margin) in parts per billion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Rate(pub i64);

impl Qty {
    /// Zero lots.
    pub const ZERO: Qty = Qty(0);

    /// The smaller of the two.
    pub fn min(self, other: Qty) -> Qty {
        Qty(self.0.min(other.0))
    }

    /// Whether the quantity is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Qty {
    type Output = Qty;
    fn add(self, other: Qty) -> Qty {
        Qty(self.0 + other.0)
    }
}

impl Sub for Qty {
    type Output = Qty;
    fn sub(self, other: Qty) -> Qty {
        Qty(self.0 - other.0)
    }
}

impl AddAssign for Qty {
    fn add_assign(&mut self, other: Qty) {
        self.0 += other.0;
    }
}

impl SubAssign for Qty {
    fn sub_assign(&mut self, other: Qty) {
        self.0 -= other.0;
    }
}

impl Money {
    /// Zero.
    pub const ZERO: Money = Money(0);
    /// One whole unit of the quote currency.
    pub const ONE: Money = Money(1_000_000_000_000_000_000);

    /// From whole units of the quote currency.
    pub const fn from_units(units: i64) -> Self {
        Money(units as i128 * Self::ONE.0)
    }

    /// Converts a number from a document or flag through its shortest decimal form (10000.1 becomes exactly
    /// that, not its binary approximation), rounded half away from zero to 10^-18. NaN becomes zero; values
    /// out of range saturate.
    pub fn from_f64(value: f64) -> Self {
        if !value.is_finite() {
            let bound = if value > 0.0 { i128::MAX } else { i128::MIN };
            return if value.is_nan() { Money::ZERO } else { Money(bound) };
        }
        let (digits, exponent) = shortest_decimal(value);
        let power = exponent + 18;
        let size = match u32::try_from(power) {
            Ok(power) => 10_i128.checked_pow(power).and_then(|factor| digits.checked_mul(factor)),
            Err(_) => Some(
                10_i128
                    .checked_pow(power.unsigned_abs())
                    .map_or(0, |divisor| (digits + divisor / 2) / divisor),
            ),
        };
        let size = size.unwrap_or(i128::MAX);
        Money(if value < 0.0 { -size } else { size })
    }

    /// As f64, for indicators and drawings; it may be one unit in the last place off the nearest.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e18
    }

    /// The double nearest to the exact amount, which prints without binary noise. For what leaves the
    /// program: a decimal text is parsed with one rounding, dividing the integer by 10^18 rounds twice.
    pub fn shown(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// This amount times a rate, rounded half away from zero to 10^-18.
    pub fn at_rate(self, rate: Rate) -> Money {
        let product = self.0 * i128::from(rate.0);
        let half = if product >= 0 { 500_000_000 } else { -500_000_000 };
        Money((product + half) / 1_000_000_000)
    }

    /// Absolute value.
    pub fn abs(self) -> Money {
        Money(self.0.abs())
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        self.0 -= other.0;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(iter: I) -> Money {
        iter.fold(Money::ZERO, Add::add)
    }
}

/// The exact decimal value without trailing zeros.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs();
        let (whole, fraction) = (digits / 10_u128.pow(18), digits % 10_u128.pow(18));
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let shown = format!("{fraction:018}");
        write!(f, "{whole}.{}", shown.trim_end_matches('0'))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Rate {
    /// Zero.
    pub const ZERO: Rate = Rate(0);

    /// From a fraction, rounded half away from zero to one part per billion; saturates.
    pub fn of(fraction: Decimal) -> Self {
        let power = |up: u8| i128::from(POWERS_OF_TEN[usize::from(up)]);
        let (value, scale) = (i128::from(fraction.mantissa()), fraction.scale());
        let parts = if scale <= 9 {
            value * power(9 - scale)
        } else {
            let unit = power(scale - 9);
            (value + value.signum() * (unit / 2)) / unit
        };
        Rate(i64::try_from(parts).unwrap_or(if parts > 0 { i64::MAX } else { i64::MIN }))
    }

    /// From percent (`0.06` means 0.06 %), rounded to one part per billion.
    pub fn from_percent(percent: f64) -> Self {
        Rate((percent * 1e7).round() as i64)
    }

    /// The rate in percent.
    pub fn percent(self) -> f64 {
        self.0 as f64 / 1e7
    }

    /// The rate as a fraction of one.
    pub fn fraction(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// The shortest decimal digits that parse back to the absolute value, and their power of ten: (25, −2) for
/// 0.25.
fn shortest_decimal(value: f64) -> (i128, i32) {
    /// At most 17 digits, a point and `e-308`.
    struct Text {
        bytes: [u8; 32],
        len: usize,
    }
    impl std::fmt::Write for Text {
        fn write_str(&mut self, part: &str) -> std::fmt::Result {
            let end = self.len + part.len();
            self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(part.as_bytes());
            self.len = end;
            Ok(())
        }
    }
    let mut text = Text { bytes: [0; 32], len: 0 };
    std::fmt::write(&mut text, format_args!("{:e}", value.abs()))
        .expect("a number in exponent form has at most 23 bytes");
    let (digits, exponent) =
        significand(&text.bytes[..text.len]).expect("17 digits and an exponent are a decimal number");
    (i128::from(digits), exponent)
}

/// A computed number (a percentage, a mean) without binary noise: 15 significant digits.
pub fn without_noise(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_shows_every_digit() {
        assert_eq!(Money(-1_500_000_000_000_000_000).to_string(), "-1.5");
        assert_eq!(Money(1).to_string(), "0.000000000000000001");
    }

    #[test]
    fn money_of_a_number_is_what_the_number_is_written_as() {
        for (number, text) in [
            (10_000.25, "10000.25"),
            (10_000.1, "10000.1"),
            (0.1, "0.1"),
            (-1e-18, "-0.000000000000000001"),
            (4e-19, "0"),
            (5e-19, "0.000000000000000001"),
            (1.000_000_000_4, "1.0000000004"),
            (1e15, "1000000000000000"),
            (f64::NAN, "0"),
            (0.0, "0"),
        ] {
            assert_eq!(Money::from_f64(number).to_string(), text, "{number:e}");
        }
        assert_eq!(Money::from_f64(f64::INFINITY), Money(i128::MAX));
        assert_eq!(Money::from_f64(-1e300), Money(-i128::MAX));
        assert_eq!(Money::from_f64(1e-300), Money::ZERO);
    }

    #[test]
    fn rates_round_half_away_from_zero() {
        assert_eq!(Money(5).at_rate(Rate(100_000_000)), Money(1));
        assert_eq!(Money(-5).at_rate(Rate(100_000_000)), Money(-1));
        assert_eq!(Money::from_units(10_000).at_rate(Rate::from_percent(0.06)), Money::from_units(6));
    }
}
