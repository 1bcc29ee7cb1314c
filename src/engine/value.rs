//! A value of an indicator: a finite number, or the reason why there is none; and how two numbers compare.

use crate::checkpoint::plain;
use crate::domain::strategy::Comparison;

/// A number, or the reason why there is none.
pub type Value = Result<f64, Missing>;

/// Reason why there is no number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Missing {
    /// The window starts before the first known data.
    WarmUp,
    /// The window has no trades.
    EmptyWindow,
    /// The formula would divide by zero.
    ZeroDenominator,
    /// Fewer observations than the formula needs.
    TooFew,
    /// A gap covers too much of the window.
    Gap,
    /// Data of the window was dropped because a memory bound was reached.
    WindowOverflow,
    /// No book, or a stale one.
    NoBook,
    /// The book is not deep enough.
    TooThin,
    /// No mark price, index price, funding or open interest has been recorded yet.
    NotRecorded,
    /// Only defined while a position is open.
    NoPosition,
    /// Only defined while there is a signal.
    NoSignal,
    /// The measured value is below the minimum that a parameter requires.
    BelowMinimum,
}

plain!(
    enum Missing {
        WarmUp,
        EmptyWindow,
        ZeroDenominator,
        TooFew,
        Gap,
        WindowOverflow,
        NoBook,
        TooThin,
        NotRecorded,
        NoPosition,
        NoSignal,
        BelowMinimum,
    }
);

impl Missing {
    /// Name in records.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Missing::WarmUp => "warm_up",
            Missing::EmptyWindow => "empty_window",
            Missing::ZeroDenominator => "zero_baseline",
            Missing::TooFew => "too_few",
            Missing::Gap => "gap",
            Missing::WindowOverflow => "window_overflow",
            Missing::NoBook => "no_book",
            Missing::TooThin => "too_thin",
            Missing::NotRecorded => "not_recorded",
            Missing::NoPosition => "no_position",
            Missing::NoSignal => "no_signal",
            Missing::BelowMinimum => "below_minimum",
        }
    }

    /// All reasons.
    const ALL: [Missing; 12] = [
        Missing::WarmUp,
        Missing::EmptyWindow,
        Missing::ZeroDenominator,
        Missing::TooFew,
        Missing::Gap,
        Missing::WindowOverflow,
        Missing::NoBook,
        Missing::TooThin,
        Missing::NotRecorded,
        Missing::NoPosition,
        Missing::NoSignal,
        Missing::BelowMinimum,
    ];

    /// The reason with this name.
    pub fn from_name(name: &str) -> Option<Missing> {
        Missing::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// The quotient, or `ZeroDenominator` when it is not finite.
pub fn ratio(numerator: f64, denominator: f64) -> Value {
    let value = numerator / denominator;
    if denominator != 0.0 && value.is_finite() { Ok(value) } else { Err(Missing::ZeroDenominator) }
}

/// Relative tolerance of `==` and `!=`.
const EQUAL_TOLERANCE: f64 = 1e-9;

/// Compares two numbers as documents define it.
#[inline]
pub fn compare(left: f64, comparison: Comparison, right: f64) -> bool {
    match comparison {
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Equal => (left - right).abs() <= EQUAL_TOLERANCE * right.abs().max(1.0),
        Comparison::NotEqual => (left - right).abs() > EQUAL_TOLERANCE * right.abs().max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Plain, Reader};

    #[test]
    fn every_reason_has_a_name_of_its_own_and_is_found_by_it() {
        for (tag, reason) in Missing::ALL.into_iter().enumerate() {
            assert_eq!(Missing::from_name(reason.as_str()), Some(reason));
            assert_eq!(Missing::decode(&mut Reader::new(&[tag as u8])), Ok(reason), "the list is in order");
        }
        let next = [Missing::ALL.len() as u8];
        assert!(Missing::decode(&mut Reader::new(&next)).is_err(), "the list is complete");
    }
}
