//! Exact decimal numbers as files and exchanges write them: `61800.3`, `0.00000053`, `8.2E+4`.
//!
//! Invariant: conversions are exact or fail, except [`Decimal::to_f64`] and [`Decimal::nearest_steps_of`],
//! which round.

use std::fmt;

/// `mantissa × 10^-scale`, normalised: no trailing zero in the mantissa unless the scale is zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

/// Maximum number of decimal places.
pub const MAX_SCALE: u8 = 18;

/// Powers of ten from 10^0 to 10^18.
pub const POWERS_OF_TEN: [i64; 19] = {
    let mut table = [1_i64; 19];
    let mut i = 1;
    while i < 19 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

/// Why a text is not a decimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecimalError {
    /// The text is empty.
    Empty,
    /// A character that is not part of a decimal number (also `NaN` and `inf`).
    NotANumber,
    /// More digits than an i64 mantissa holds, or more than 18 decimal places.
    OutOfRange,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecimalError::Empty => "is empty",
            DecimalError::NotANumber => "is not a finite decimal number",
            DecimalError::OutOfRange => {
                "has more digits than can be kept exactly (18 in all, 18 behind the point)"
            }
        })
    }
}

impl std::error::Error for DecimalError {}

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Decimal = Decimal { mantissa: 1, scale: 0 };

    /// `mantissa × 10^-scale`, normalised. `None` when the scale exceeds [`MAX_SCALE`].
    pub fn new(mantissa: i64, scale: u8) -> Option<Self> {
        let (mut mantissa, mut scale) = (mantissa, scale);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        (scale <= MAX_SCALE).then_some(Decimal { mantissa, scale })
    }

    /// The smallest step with `scale` decimals: `10^-scale`.
    pub fn step(scale: u8) -> Option<Self> {
        Decimal::new(1, scale)
    }

    /// Parses `-12.5`, `8.2E+4`, `.5`; exact, or an error.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let (negative, digits) = match text {
            [] => return Err(DecimalError::Empty),
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = significand(digits)?;
        if mantissa == 0 {
            return Ok(Decimal::ZERO);
        }
        let power = usize::try_from(exponent.max(0)).unwrap_or(usize::MAX);
        let power = POWERS_OF_TEN.get(power).ok_or(DecimalError::OutOfRange)?;
        let mantissa = i128::from(mantissa) * i128::from(*power);
        let mantissa = i64::try_from(if negative { -mantissa } else { mantissa })
            .map_err(|_| DecimalError::OutOfRange)?;
        let scale = u8::try_from(-exponent.min(0))
            .ok()
            .filter(|s| *s <= MAX_SCALE)
            .ok_or(DecimalError::OutOfRange)?;
        Ok(Decimal { mantissa, scale })
    }

    /// The digits without the decimal point.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Number of decimal places.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// The nearest f64 (correctly rounded while the mantissa is below 2^53).
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 / POWERS_OF_TEN[usize::from(self.scale)] as f64
    }

    /// Compares the two values exactly.
    pub fn cmp_value(self, other: Decimal) -> std::cmp::Ordering {
        let widen = |d: Decimal, scale: u8| {
            i128::from(d.mantissa) * i128::from(POWERS_OF_TEN[usize::from(scale - d.scale)])
        };
        let scale = self.scale.max(other.scale);
        widen(self, scale).cmp(&widen(other, scale))
    }

    /// The number of `step`s; `None` when it is not a whole number or `step` is not positive.
    pub fn in_steps_of(self, step: Decimal) -> Option<i64> {
        let (value, unit) = self.ratio_to(step)?;
        if value % unit == 0 { i64::try_from(value / unit).ok() } else { None }
    }

    /// The number of whole `step`s, rounded down; `None` when `step` is not positive.
    pub fn whole_steps_of(self, step: Decimal) -> Option<i64> {
        let (value, unit) = self.ratio_to(step)?;
        i64::try_from(value.div_euclid(unit)).ok()
    }

    /// `self` and a positive `step` as multiples of one unit.
    fn ratio_to(self, step: Decimal) -> Option<(i128, i128)> {
        if step.mantissa <= 0 {
            return None;
        }
        let power = |scale: u8| i128::from(POWERS_OF_TEN[usize::from(scale)]);
        let (value, unit) = (i128::from(self.mantissa), i128::from(step.mantissa));
        Some(match self.scale <= step.scale {
            true => (value * power(step.scale - self.scale), unit),
            false => (value, unit * power(self.scale - step.scale)),
        })
    }

    /// The nearest whole number of `step`s, half away from zero; `None` when it does not fit an i64 or `step`
    /// is not positive.
    pub fn nearest_steps_of(self, step: Decimal) -> Option<i64> {
        if step.mantissa <= 0 {
            return None;
        }
        let (up, down) = (step.scale.saturating_sub(self.scale), self.scale.saturating_sub(step.scale));
        let power = |up: u8| i128::from(POWERS_OF_TEN[usize::from(up)]);
        let (value, unit) = (i128::from(self.mantissa) * power(up), i128::from(step.mantissa) * power(down));
        i64::try_from((2 * value + value.signum() * unit) / (2 * unit)).ok()
    }

    /// The exact sum; `None` when it needs more digits than there are.
    pub fn plus(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let wide =
            |number: Decimal| number.mantissa.checked_mul(POWERS_OF_TEN[usize::from(scale - number.scale)]);
        Decimal::new(wide(self)?.checked_add(wide(other)?)?, scale)
    }

    /// The exact product with a whole number; `None` when it does not fit.
    pub fn times(self, count: i64) -> Option<Decimal> {
        self.mantissa.checked_mul(count).and_then(|mantissa| Decimal::new(mantissa, self.scale))
    }

    /// The exact product; `None` when it does not fit.
    pub fn product(self, other: Decimal) -> Option<Decimal> {
        Decimal::new(self.mantissa.checked_mul(other.mantissa)?, self.scale.checked_add(other.scale)?)
    }
}

/// An unsigned number as `mantissa × 10^exponent`; the mantissa never ends in a zero.
pub(super) fn significand(text: &[u8]) -> Result<(u64, i32), DecimalError> {
    let read = Digits::read(text)?;
    let mut exponent = read.zeros - read.scale;
    if let [_, text @ ..] = read.rest {
        let text = std::str::from_utf8(text).map_err(|_| DecimalError::NotANumber)?;
        let more: i32 = text.parse().map_err(|_| DecimalError::NotANumber)?;
        exponent = exponent.checked_add(more).ok_or(DecimalError::OutOfRange)?;
    }
    Ok((read.mantissa, exponent))
}

/// Parser for the digits before the exponent. Zeros are held back until another digit follows, so padding
/// does not use up the range and the mantissa never ends in a zero.
struct Digits<'a> {
    mantissa: u64,
    /// Zeros after the mantissa.
    zeros: i32,
    /// Digits after the decimal point, including those zeros.
    scale: i32,
    /// The rest: empty, or `e` and the exponent.
    rest: &'a [u8],
}

impl Digits<'_> {
    fn read(text: &[u8]) -> Result<Digits<'_>, DecimalError> {
        let mut read = Digits { mantissa: 0, zeros: 0, scale: 0, rest: text };
        let (mut seen_digit, mut seen_point) = (false, false);
        while let [byte, tail @ ..] = read.rest {
            match byte {
                b'0' => {
                    seen_digit = true;
                    read.zeros += i32::from(read.mantissa != 0);
                    read.scale += i32::from(seen_point);
                }
                b'1'..=b'9' => {
                    seen_digit = true;
                    let power = usize::try_from(read.zeros + 1).unwrap_or(usize::MAX);
                    let power = POWERS_OF_TEN.get(power).ok_or(DecimalError::OutOfRange)?.unsigned_abs();
                    let shifted = read.mantissa.checked_mul(power).ok_or(DecimalError::OutOfRange)?;
                    read.mantissa =
                        shifted.checked_add(u64::from(byte - b'0')).ok_or(DecimalError::OutOfRange)?;
                    read.zeros = 0;
                    read.scale += i32::from(seen_point);
                }
                b'.' if !seen_point => seen_point = true,
                b'e' | b'E' if seen_digit => return Ok(read),
                _ => return Err(DecimalError::NotANumber),
            }
            read.rest = tail;
        }
        if seen_digit { Ok(read) } else { Err(DecimalError::NotANumber) }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let digits = self.mantissa.unsigned_abs();
        let power = POWERS_OF_TEN[scale].unsigned_abs();
        if self.mantissa < 0 {
            f.write_str("-")?;
        }
        if scale == 0 {
            write!(f, "{digits}")
        } else {
            write!(f, "{}.{:0scale$}", digits / power, digits % power)
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Result<Decimal, DecimalError> {
        Decimal::parse(text.as_bytes())
    }

    #[test]
    fn reads_what_exchanges_write() {
        for (text, shown) in [
            ("61800.3", "61800.3"),
            ("0.080550", "0.08055"),
            ("8.2E+4", "82000"),
            ("0.00000053", "0.00000053"),
            ("-1.50", "-1.5"),
            ("0.000", "0"),
            ("5e-9", "0.000000005"),
            ("12.000000000000000000000000000000", "12"),
            ("0.500000000000000000000000000000E+1", "5"),
            ("-1000000000000000000000.00e-21", "-1"),
            ("000000000000000000000000000000.25", "0.25"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
        ] {
            assert_eq!(decimal(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in [
            "",
            "NaN",
            "inf",
            "1.2.3",
            "1e308",
            "-",
            ".",
            "1e",
            "0x10",
            "1 ",
            "0.0000000000000000001",
            "9223372036854775808",
            "1.00000000000000000000000000001",
            "1e99999999999",
        ] {
            assert!(decimal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_whole_steps_only() {
        let step = decimal("0.05").unwrap();
        assert_eq!(decimal("1.15").unwrap().in_steps_of(step), Some(23));
        assert_eq!(decimal("1.16").unwrap().in_steps_of(step), None);
        assert_eq!(step.times(23), Some(decimal("1.15").unwrap()));
        for (value, nearest) in [("1.174", 23), ("1.175", 24), ("-1.175", -24), ("3", 60), ("0.0249", 0)] {
            assert_eq!(decimal(value).unwrap().nearest_steps_of(step), Some(nearest), "{value}");
        }
    }
}
