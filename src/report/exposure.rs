//! Time in the market and exposure, weighted by time. Warm-up and gaps are excluded from both numerator and
//! denominator; the first position ends the warm-up, whoever still waits.

use crate::checkpoint::plain;
use crate::domain::num::Money;
use crate::domain::time::Timestamp;

/// Accumulates time in the market and notional over equity.
#[derive(Clone, Debug)]
pub(super) struct Exposure {
    until: Timestamp,
    exposure: Money,
    equity: Money,
    observed_ns: i64,
    exposed_ns: i64,
    weighted: f64,
    equity_positive: bool,
    /// Time is excluded until the end of the warm-up or the first position.
    warming: bool,
}

plain!(struct Exposure { until, exposure, equity, observed_ns, exposed_ns, weighted, equity_positive, warming });

impl Exposure {
    pub(super) fn new(start: Timestamp, initial: Money) -> Self {
        let equity_positive = true;
        Exposure {
            until: start,
            exposure: Money::ZERO,
            equity: initial,
            observed_ns: 0,
            exposed_ns: 0,
            weighted: 0.0,
            equity_positive,
            warming: false,
        }
    }

    /// Excludes the time from here to [`Exposure::warm`], or to the first position if that comes before.
    pub(super) fn begin_warm_up(&mut self) {
        self.warming = true;
    }

    /// Ends the warm-up.
    pub(super) fn warm(&mut self, at: Timestamp) {
        self.advance(at);
        self.warming = false;
    }

    /// Accounts for the time since the last call with the exposure set by [`Exposure::hold`].
    #[inline]
    pub(super) fn advance(&mut self, at: Timestamp) {
        let held_ns = at.nanos().saturating_sub(self.until.nanos());
        if held_ns <= 0 {
            return;
        }
        self.until = at;
        if self.warming {
            return;
        }
        self.observed_ns += held_ns;
        if self.exposure.0 != 0 {
            self.exposed_ns += held_ns;
            if self.equity.0 > 0 {
                self.weighted += self.exposure.0 as f64 / self.equity.0 as f64 * held_ns as f64;
            } else {
                self.equity_positive = false;
            }
        }
    }

    /// Sets the exposure from now on.
    #[inline]
    pub(super) fn hold(&mut self, exposure: Money, equity: Money) {
        self.exposure = exposure;
        self.equity = equity;
        self.warming &= exposure.0 == 0;
    }

    /// Excludes a time span without data; time that was accounted for already stays counted.
    pub(super) fn skip(&mut self, from: Timestamp, to: Timestamp) {
        self.advance(from);
        self.until = self.until.max(to);
    }

    /// Seconds accounted for.
    pub(super) fn observed_seconds(&self) -> f64 {
        self.observed_ns as f64 / 1e9
    }

    /// Percent of the accounted time with a position.
    pub(super) fn time_pct(&self) -> Option<f64> {
        (self.observed_ns > 0).then(|| 100.0 * self.exposed_ns as f64 / self.observed_ns as f64)
    }

    /// Time-weighted mean of notional over equity, percent; `None` without accounted time or when equity was
    /// not positive.
    pub(super) fn notional_pct(&self) -> Option<f64> {
        (self.observed_ns > 0 && self.equity_positive)
            .then(|| 100.0 * self.weighted / self.observed_ns as f64)
    }
}
