//! Drawdowns of a series of values, tracked incrementally: peak, trough, recovery, duration.
//!
//! A value holds until the next one. So a drawdown begins when the series leaves its peak, and a quiet week
//! at the peak is not part of the drawdown after it. The starting value is a peak.

use crate::checkpoint::plain;
use crate::domain::num::Money;
use crate::domain::time::{Span, Timestamp};
use crate::report::series::depth_pct;

/// Number of deepest drawdowns kept.
pub const RANKED: usize = 5;

/// A fall from a peak until the peak is reached again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drawdown {
    /// When the value left the peak.
    pub started_at: Timestamp,
    /// When the value was lowest.
    pub trough_at: Timestamp,
    /// When the peak was reached again; `None`: ongoing.
    pub recovered_at: Option<Timestamp>,
    /// End of the measurement: the recovery, or the end of the run.
    pub until: Timestamp,
    /// Value at the peak.
    pub peak: Money,
    /// Lowest value.
    pub trough: Money,
    /// 100 · (peak − trough) / peak.
    pub depth_pct: f64,
}

plain!(struct Drawdown { started_at, trough_at, recovered_at, until, peak, trough, depth_pct });

impl Drawdown {
    /// Money lost since the peak.
    pub fn depth(&self) -> Money {
        self.peak - self.trough
    }

    /// From leaving the peak to the recovery, or to the end of the run while it is ongoing.
    pub fn duration(&self) -> Span {
        self.until - self.started_at
    }
}

/// The relevant drawdowns of a series.
#[derive(Clone, PartialEq, Debug)]
pub struct Drawdowns {
    /// The deepest ones, deepest first, at most [`RANKED`].
    pub deepest: Vec<Drawdown>,
    /// The longest one.
    pub longest: Option<Drawdown>,
    /// The one still ongoing at the end.
    pub current: Option<Drawdown>,
    /// Distance of the final value from the peak, percent.
    pub current_pct: f64,
}

/// Tracks one series. A value that is neither a new peak nor a new trough costs two comparisons.
#[derive(Clone, Debug)]
pub struct DrawdownTracker {
    peak: Money,
    value: Money,
    under: Option<Under>,
    deepest: Vec<Drawdown>,
    longest: Option<Drawdown>,
}

plain!(struct DrawdownTracker { peak, value, under, deepest, longest });

#[derive(Clone, Copy, Debug)]
struct Under {
    started_at: Timestamp,
    trough_at: Timestamp,
    trough: Money,
}

plain!(struct Under { started_at, trough_at, trough });

impl DrawdownTracker {
    /// Starts at this value, which is the first peak.
    pub fn new(initial: Money) -> Self {
        DrawdownTracker {
            peak: initial,
            value: initial,
            under: None,
            deepest: Vec::with_capacity(RANKED + 1),
            longest: None,
        }
    }

    /// The current peak.
    #[inline]
    pub fn peak(&self) -> Money {
        self.peak
    }

    /// The deepest drawdown so far, percent of its peak; the ongoing one counts.
    pub fn deepest_pct(&self) -> f64 {
        let ongoing = self.under.map_or(0.0, |under| depth_pct(self.peak, under.trough));
        self.deepest.first().map_or(0.0, |kept| kept.depth_pct).max(ongoing)
    }

    /// Adds the next value.
    #[inline]
    pub fn observe(&mut self, at: Timestamp, value: Money) {
        self.value = value;
        if value >= self.peak {
            if let Some(under) = self.under.take() {
                self.keep(under, at, Some(at));
            }
            self.peak = value;
            return;
        }
        match &mut self.under {
            Some(under) if value < under.trough => (under.trough, under.trough_at) = (value, at),
            Some(_) => {}
            None => self.under = Some(Under { started_at: at, trough_at: at, trough: value }),
        }
    }

    /// Adds external money (negative: withdrawn). The drawdown in percent does not change: peak and trough
    /// are scaled like fund units, so a deposit or withdrawal is neither profit nor loss.
    pub fn deposit(&mut self, at: Timestamp, amount: Money) {
        let before = self.value;
        let after = before + amount;
        self.value = after;
        let Some(under) = &mut self.under else {
            self.peak = after;
            return;
        };
        if before.0 <= 0 || after.0 <= 0 {
            // No percentage can be scaled through an empty account, so the old drawdown ends here,
            // unrecovered.
            let under = *under;
            self.keep(under, at, None);
            self.under = None;
            self.peak = after;
            return;
        }
        let scale = after.0 as f64 / before.0 as f64;
        self.peak = after + scaled(self.peak - before, scale);
        under.trough = after - scaled(before - under.trough, scale);
    }

    /// Returns the results; an ongoing drawdown is measured up to `end`.
    pub fn finish(mut self, end: Timestamp) -> Drawdowns {
        let current = self.under.take().map(|under| self.keep(under, end, None));
        Drawdowns {
            deepest: self.deepest,
            longest: self.longest,
            current,
            current_pct: depth_pct(self.peak, self.value),
        }
    }

    fn keep(&mut self, under: Under, until: Timestamp, recovered_at: Option<Timestamp>) -> Drawdown {
        let Under { started_at, trough_at, trough } = under;
        let depth_pct = depth_pct(self.peak, trough);
        let found =
            Drawdown { started_at, trough_at, recovered_at, until, peak: self.peak, trough, depth_pct };
        let index =
            self.deepest.iter().position(|kept| kept.depth_pct < depth_pct).unwrap_or(self.deepest.len());
        if index < RANKED {
            self.deepest.insert(index, found);
            self.deepest.truncate(RANKED);
        }
        if self.longest.is_none_or(|longest| longest.duration() < found.duration()) {
            self.longest = Some(found);
        }
        found
    }
}

fn scaled(money: Money, factor: f64) -> Money {
    Money((money.0 as f64 * factor).round() as i128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn deepest_of(points: &[i64]) -> Drawdowns {
        let mut line = DrawdownTracker::new(Money::from_units(points[0]));
        for (second, point) in points.iter().enumerate().skip(1) {
            line.observe(Timestamp::from_seconds(second as i64), Money::from_units(*point));
        }
        line.finish(Timestamp::from_seconds(points.len() as i64))
    }

    #[test]
    fn vectors_of_the_reference() {
        for (points, depth) in [
            (&[10_000, 11_000, 10_500, 9_900, 10_200][..], 10.0),
            (&[10_000, 11_000, 10_500, 12_000, 10_200, 11_000], 15.0),
            (&[10_000, 12_000, 6_000], 50.0),
        ] {
            assert!((deepest_of(points).deepest[0].depth_pct - depth).abs() < 1e-12, "{points:?}");
        }
    }

    #[test]
    fn knows_when_it_began_bottomed_and_recovered() {
        let found = deepest_of(&[100, 100, 90, 80, 90, 100, 99]);
        let worst = found.deepest[0];
        assert_eq!(worst.started_at, Timestamp::from_seconds(2));
        assert_eq!(worst.trough_at, Timestamp::from_seconds(3));
        assert_eq!(worst.recovered_at, Some(Timestamp::from_seconds(5)));
        assert_eq!(worst.duration(), Span::from_seconds(3));
        let current = found.current.unwrap();
        assert_eq!((current.recovered_at, current.duration()), (None, Span::from_seconds(1)));
        assert_eq!(found.longest, Some(worst));
    }

    #[test]
    fn money_from_outside_changes_no_percentage() {
        // 9000 is 10 % down; after a deposit of 9000, 17000 is 15 % below a peak of 20000.
        let mut line = DrawdownTracker::new(Money::from_units(10_000));
        line.observe(Timestamp::from_seconds(1), Money::from_units(9_000));
        line.deposit(Timestamp::from_seconds(2), Money::from_units(9_000));
        assert_eq!(line.peak(), Money::from_units(20_000));
        line.observe(Timestamp::from_seconds(3), Money::from_units(17_000));
        assert!((line.finish(Timestamp::from_seconds(4)).deepest[0].depth_pct - 15.0).abs() < 1e-12);
    }

    proptest! {
        /// Compared with a scan of all pairs of an earlier and a later point.
        #[test]
        fn equals_the_deepest_pair(points in prop::collection::vec(1_i64..1_000, 2..60)) {
            let mut oracle = 0.0_f64;
            for (i, early) in points.iter().enumerate() {
                for late in &points[i..] {
                    oracle = oracle.max(100.0 * (early - late) as f64 / *early as f64);
                }
            }
            let found = deepest_of(&points);
            let depth = found.deepest.first().map_or(0.0, |d| d.depth_pct);
            prop_assert!((depth - oracle).abs() < 1e-9);
            prop_assert!((0.0..=100.0).contains(&depth));
            prop_assert!(found.deepest.windows(2).all(|pair| pair[0].depth_pct >= pair[1].depth_pct));
        }
    }
}
