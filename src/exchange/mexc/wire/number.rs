//! Numbers and texts as MEXC writes them: `8.2E+4`, `0.080550`, `12.000…0`, quoted or not. Parsed without
//! floats.

use crate::domain::decimal::{Decimal, DecimalError};
use crate::domain::num::Money;
use crate::domain::time::Timestamp;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A number, quoted or not; exact.
pub fn decimal(raw: &RawValue) -> Option<Decimal> {
    Decimal::parse(unquoted(raw.get()).as_bytes()).ok()
}

/// A number; excess digits after the point are truncated. Only for statistics.
pub fn truncated(raw: &RawValue) -> Option<Decimal> {
    let text = unquoted(raw.get()).as_bytes();
    match Decimal::parse(text) {
        Err(DecimalError::OutOfRange) => {
            let point = text.iter().position(|byte| *byte == b'.')?;
            let plain = text[point + 1..].iter().all(u8::is_ascii_digit);
            let ends = (point + 1..text.len()).rev().filter(|_| plain);
            ends.filter_map(|end| Decimal::parse(&text[..end]).ok()).next()
        }
        other => other.ok(),
    }
}

/// An amount of money, exact to 10^-18; further digits are cut off.
pub fn money(raw: &RawValue) -> Option<Money> {
    const DIGITS: usize = 18;
    let text = unquoted(raw.get());
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_plain =
        !whole.is_empty() && [whole, part].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !is_plain {
        // With an exponent: few digits, so a decimal holds it.
        let value = decimal(raw)?;
        let up = 10_i128.checked_pow(DIGITS.checked_sub(usize::from(value.scale()))? as u32)?;
        return i128::from(value.mantissa()).checked_mul(up).map(Money);
    }
    let part = &part[..part.len().min(DIGITS)];
    let digits: i128 = format!("{whole}{part}").parse().ok()?;
    let amount = digits.checked_mul(10_i128.checked_pow((DIGITS - part.len()) as u32)?)?;
    Some(Money(if is_negative { -amount } else { amount }))
}

/// A number above zero.
pub fn positive(raw: &RawValue) -> Option<Decimal> {
    decimal(raw).filter(|value| value.mantissa() > 0)
}

/// A whole number, also as `1.7E+12`.
pub fn integer(raw: &RawValue) -> Option<i64> {
    let text = unquoted(raw.get());
    text.parse().ok().or_else(|| {
        Decimal::parse(text.as_bytes()).ok().filter(|value| value.scale() == 0).map(Decimal::mantissa)
    })
}

/// A whole number that is not negative, such as an id or version.
pub fn unsigned(raw: &RawValue) -> Option<u64> {
    let text = unquoted(raw.get());
    text.parse().ok().or_else(|| integer(raw).and_then(|value| u64::try_from(value).ok()))
}

/// A positive time in milliseconds since 1970.
pub fn millis(raw: &RawValue) -> Option<Timestamp> {
    integer(raw).filter(|ms| *ms > 0).and_then(Timestamp::from_millis)
}

/// A text; a number yields its own text.
pub fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let json = raw.get();
    match json.as_bytes().first()? {
        b'"' if json.contains('\\') => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
        b'"' => Some(Cow::Borrowed(unquoted(json))),
        b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

/// A JSON boolean.
pub fn truth(raw: &RawValue) -> Option<bool> {
    match raw.get() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn unquoted(json: &str) -> &str {
    json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json)
}
