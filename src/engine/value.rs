//! A value of an indicator: a finite number, or the reason why there is none; and how two numbers compare.

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
