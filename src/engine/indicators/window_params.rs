//! Parameters and checks shared by the windowed types.

use super::{MIN_COVERAGE, Param, number, ordered};
use crate::domain::strategy::IndicatorSpec;

/// Parameters of a window (T−t1, T−t2].
pub(super) const WINDOW: &[Param] = &[T1, T2, MIN_COVERAGE];

/// Start of a window.
pub(super) const T1: Param = number("t1", 60.0, 1.0, 86_400.0, "start of the window, seconds ago");
/// End of a window.
pub(super) const T2: Param = number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago");

/// Parameters of a current window (T−t1, T−t2] and a baseline (T−t3, T−t4].
pub(super) const CURRENT_AND_BASELINE: &[Param] =
    &[CURRENT_START, CURRENT_END, BASELINE_START, BASELINE_END, MIN_COVERAGE];

/// Start of the current window.
pub(super) const CURRENT_START: Param =
    number("t1", 30.0, 1.0, 86_400.0, "start of the current window, seconds ago");
/// End of the current window.
pub(super) const CURRENT_END: Param =
    number("t2", 0.0, 0.0, 86_400.0, "end of the current window, seconds ago");
/// Start of the baseline.
pub(super) const BASELINE_START: Param =
    number("t3", 600.0, 1.0, 86_400.0, "start of the baseline, seconds ago");
/// End of the baseline.
pub(super) const BASELINE_END: Param = number("t4", 30.0, 0.0, 86_400.0, "end of the baseline, seconds ago");

/// Parameters of a short and a long window, both ending now.
pub(super) const SHORT_AND_LONG: &[Param] = &[
    number("short", 60.0, 1.0, 86_400.0, "length of the short window, seconds"),
    number("long", 300.0, 1.0, 86_400.0, "length of the long window, seconds"),
    MIN_COVERAGE,
];

/// Checks that t1 > t2.
pub(super) fn one_window(spec: &IndicatorSpec) -> Option<String> {
    ordered(spec, "t1", "t2")
}

/// Checks that t1 > t2 and t3 > t4.
pub(super) fn two_windows(spec: &IndicatorSpec) -> Option<String> {
    ordered(spec, "t1", "t2").or_else(|| ordered(spec, "t3", "t4"))
}

/// Checks that short < long.
pub(super) fn short_in_long(spec: &IndicatorSpec) -> Option<String> {
    (spec.number("short") >= spec.number("long")).then(|| "short must be less than long".to_owned())
}
