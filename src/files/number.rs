//! Fast exact parsing of numbers; nothing is rounded.

use crate::domain::decimal::{Decimal, DecimalError};

/// Same result as [`Decimal::parse`], with a fast path for plain digits with or without a point.
#[inline]
pub(super) fn decimal(text: &[u8]) -> Result<Decimal, DecimalError> {
    // 19 bytes including a point are at most 18 digits, which always fit an i64.
    if text.len() > 19 {
        return Decimal::parse(text);
    }
    let mut mantissa: u64 = 0;
    let mut point = text.len();
    for (i, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if *byte == b'.' && point == text.len() {
            point = i;
        } else {
            return Decimal::parse(text);
        }
    }
    let has_point = point < text.len();
    let digits = text.len() - usize::from(has_point);
    if digits == 0 || digits > 18 {
        return Decimal::parse(text);
    }
    let scale = if has_point { (text.len() - point - 1) as u8 } else { 0 };
    Decimal::new(mantissa as i64, scale).ok_or(DecimalError::OutOfRange)
}

/// Parses an unsigned integer; `None` for anything else or when it exceeds a u64.
#[inline]
pub(super) fn whole(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = if text.len() < 20 {
            value * 10 + u64::from(digit)
        } else {
            value.checked_mul(10)?.checked_add(u64::from(digit))?
        };
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decimals_are_read_as_the_slow_way_reads_them(text in "[-+]?[0-9]{0,20}\\.?[0-9]{0,20}(e-?[0-9]{1,2})?") {
            prop_assert_eq!(decimal(text.as_bytes()), Decimal::parse(text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_a_decimal_to_both_or_to_none(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            prop_assert_eq!(decimal(&bytes), Decimal::parse(&bytes));
        }

        #[test]
        fn what_is_shown_is_read_back(mantissa in any::<i64>(), scale in 0_u8..=18) {
            let value = Decimal::new(mantissa, scale).unwrap();
            prop_assert_eq!(decimal(value.to_string().as_bytes()), Ok(value));
        }

        #[test]
        fn whole_numbers_are_read_as_the_library_reads_them(text in "[0-9]{1,20}") {
            prop_assert_eq!(whole(text.as_bytes()), text.parse().ok());
        }
    }

    #[test]
    fn no_sign_and_no_letter_in_a_whole_number() {
        for text in ["", "+1", "-1", "1.0", " 1", "1e3", "18446744073709551616"] {
            assert_eq!(whole(text.as_bytes()), None, "{text}");
        }
    }
}
