//! Checks numbers against the steps of their symbol: exact multiples pass, and differences within binary
//! rounding noise are rounded.
//!
//! Without a declared step nothing is rounded. A number that only makes sense with rounding noise is then
//! rejected, because it would suggest a far finer step.

use super::error::Problem;
use super::row::Flaw;
use crate::domain::contract_facts::ContractFacts;
use crate::domain::decimal::{Decimal, POWERS_OF_TEN};
use crate::domain::record::RecordBody;

/// A mantissa from here on may contain noise: a double preserves only 15 decimal digits.
const NOISY_FROM: i64 = 1_000_000_000_000_000;
/// Digits to which a number is rounded to see whether a short number was meant.
const MEANT_DIGITS: u32 = 14;
/// Maximum digits of a short number.
const SHORT_DIGITS: u32 = 12;
/// Largest relative difference from a step that counts as noise, as a divisor: one part in 10^9.
const NOISE_SHARE: i128 = 1_000_000_000;

/// Rounds the numbers of a row to their steps; returns how many were rounded.
///
/// # Errors
/// The slot of a number that is not a multiple of its step, or that contains noise without a declared step.
#[inline]
pub(super) fn settle(body: &mut RecordBody, facts: &ContractFacts) -> Result<u64, Flaw> {
    let mut rounded = 0;
    each_number(body, |slot, number, is_price| {
        let step = if is_price { facts.price_step } else { facts.quantity_step };
        match step {
            None if number.mantissa() < NOISY_FROM => Ok(()),
            None => refuse_noise(slot, *number),
            Some(step) if number.in_steps_of(step).is_some() => Ok(()),
            Some(step) => {
                *number = nearest(*number, step).ok_or_else(|| off_step(slot, *number, step))?;
                rounded += 1;
                Ok(())
            }
        }
    })?;
    Ok(rounded)
}

#[cold]
fn refuse_noise(slot: usize, number: Decimal) -> Result<(), Flaw> {
    match meant(number) {
        Some(meant) => {
            Err(Box::new((slot, Problem::Noise { text: number.to_string(), meant: meant.to_string() })))
        }
        None => Ok(()),
    }
}

#[cold]
fn off_step(slot: usize, number: Decimal, step: Decimal) -> Flaw {
    Box::new((slot, Problem::OffStep { text: number.to_string(), step: step.to_string() }))
}

/// The short number that a long one equals except for noise in its last digits.
fn meant(number: Decimal) -> Option<Decimal> {
    let drop = number.mantissa().unsigned_abs().checked_ilog10()?.checked_sub(MEANT_DIGITS - 1)?;
    let unit = *POWERS_OF_TEN.get(drop as usize)?;
    let scale = u32::from(number.scale()).checked_sub(drop)?;
    let rounded = (i128::from(number.mantissa()) + i128::from(unit) / 2) / i128::from(unit);
    let short = Decimal::new(i64::try_from(rounded).ok()?, u8::try_from(scale).ok()?)?;
    (short.mantissa().unsigned_abs().checked_ilog10()? < SHORT_DIGITS).then_some(short)
}

/// The nearest multiple of the step, if the difference is only noise.
fn nearest(number: Decimal, step: Decimal) -> Option<Decimal> {
    let near = step.times(number.nearest_steps_of(step)?).filter(|near| near.mantissa() > 0)?;
    let scale = near.scale().max(number.scale());
    let widen =
        |d: Decimal| i128::from(d.mantissa()) * i128::from(POWERS_OF_TEN[usize::from(scale - d.scale())]);
    let (near_wide, wide) = (widen(near), widen(number));
    ((near_wide - wide).abs() <= wide.abs() / NOISE_SHARE).then_some(near)
}

/// Visits every number that has a step, with its slot and whether it is a price. Fair prices and quote
/// volumes have none.
#[inline]
fn each_number(
    body: &mut RecordBody,
    mut each: impl FnMut(usize, &mut Decimal, bool) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    match body {
        RecordBody::Trade { price, quantity, .. } => {
            each(2, price, true)?;
            each(3, quantity, false)
        }
        RecordBody::SnapshotLevel { price, quantity, .. } => {
            each(4, price, true)?;
            each(5, quantity, false)
        }
        RecordBody::LevelChange { price, quantity, .. } => {
            each(3, price, true)?;
            each(4, quantity, false)
        }
        RecordBody::Quote { bid_price, bid_quantity, ask_price, ask_quantity, .. } => {
            each(2, bid_price, true)?;
            each(3, bid_quantity, false)?;
            each(4, ask_price, true)?;
            each(5, ask_quantity, false)
        }
        RecordBody::Bar { open, high, low, close, volume, .. } => {
            each(2, open, true)?;
            each(3, high, true)?;
            each(4, low, true)?;
            each(5, close, true)?;
            each(6, volume, false)
        }
        RecordBody::Mark { .. } | RecordBody::Funding { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::order::Side;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).unwrap()
    }

    fn settled(price: &str, step: Option<&str>) -> Result<(Decimal, u64), String> {
        let mut body = RecordBody::Trade { price: d(price), quantity: d("10"), taker: Side::Buy, id: None };
        let facts = ContractFacts { price_step: step.map(d), ..ContractFacts::default() };
        let rounded = settle(&mut body, &facts).map_err(|flaw| format!("{} {}", flaw.0, flaw.1))?;
        let RecordBody::Trade { price, .. } = body else { unreachable!() };
        Ok((price, rounded))
    }

    #[test]
    fn noise_is_rounded_to_the_declared_step_and_counted() {
        for (noisy, price) in
            [("4.8100000000000005", "4.81"), ("0.30000000000000004", "0.3"), ("4.809999999999999", "4.81")]
        {
            assert_eq!(settled(noisy, Some("0.01")), Ok((d(price), 1)), "{noisy}");
        }
        assert_eq!(settled("4.81", Some("0.01")), Ok((d("4.81"), 0)));
        for off in ["4.815", "4.8100001", "0.0000000001"] {
            assert!(settled(off, Some("0.01")).unwrap_err().contains("2 `"), "{off}");
        }
    }

    #[test]
    fn noise_without_a_declared_step_is_refused_with_what_was_meant() {
        for (noisy, price) in
            [("4.8100000000000005", "4.81"), ("0.30000000000000004", "0.3"), ("4.809999999999999", "4.81")]
        {
            assert!(settled(noisy, None).unwrap_err().contains(&format!("`{price}`")), "{noisy}");
        }
        for exact in [
            "61800.3",
            "0.00000053",
            "12345678.12345678",
            "0.123456789012345678",
            "1234567890123456",
            "1000000000000000",
        ] {
            assert_eq!(settled(exact, None), Ok((d(exact), 0)), "{exact}");
        }
    }
}
