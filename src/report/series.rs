//! A line of unknown length in bounded memory: samples fall into buckets of equal time, and when there are too
//! many buckets neighbours become one that keeps the lowest, the highest, the first and the last.
//!
//! Never drops an extreme.

use crate::domain::num::{Money, Price};
use crate::domain::time::Timestamp;
use crate::limits::{EQUITY_POINTS, PRICE_POINTS};

/// What a bucket keeps of its samples.
pub trait Extent: Copy {
    /// What goes in.
    type Sample: Copy;
    /// A bucket with one sample.
    fn of(sample: Self::Sample) -> Self;
    /// One more sample, later than all before.
    fn add(&mut self, sample: Self::Sample);
    /// A bucket that follows this one.
    fn join(&mut self, later: &Self);
}

/// A bounded line. `push` costs a comparison and the bucket's own work; nothing is allocated once it is full.
#[derive(Clone, Debug)]
pub struct Series<E> {
    width_ns: i64,
    points_max: usize,
    buckets: Vec<Bucket<E>>,
    open_until: i64,
}

/// One bucket: when its first sample came, and what it kept.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bucket<E> {
    /// First sample.
    pub at: Timestamp,
    /// What it kept.
    pub extent: E,
}

impl<E: Extent> Series<E> {
    /// A line with this bucket width to begin with and at most `points_max` (at least 2) buckets.
    pub fn new(width_ns: i64, points_max: usize) -> Self {
        assert!(width_ns > 0 && points_max >= 2, "a series needs a width and room for two points");
        Series { width_ns, points_max, buckets: Vec::new(), open_until: i64::MIN }
    }

    /// The next sample; times never decrease.
    #[inline]
    pub fn push(&mut self, at: Timestamp, sample: E::Sample) {
        match self.buckets.last_mut() {
            Some(last) if at.nanos() < self.open_until => last.extent.add(sample),
            _ => self.open(at, sample),
        }
    }

    /// The buckets in time order.
    pub fn buckets(&self) -> &[Bucket<E>] {
        &self.buckets
    }

    fn open(&mut self, at: Timestamp, sample: E::Sample) {
        if self.buckets.len() == self.points_max {
            self.widen();
            if self.buckets.last().is_some_and(|last| self.index(last.at) == self.index(at)) {
                return self.push(at, sample);
            }
        }
        self.buckets.push(Bucket { at, extent: E::of(sample) });
        self.open_until = self.end_of(at);
    }

    /// Doubles the width until at most half the buckets remain: a full pass per doubling, so few per run.
    fn widen(&mut self) {
        while self.buckets.len() > self.points_max / 2 {
            self.width_ns = self.width_ns.saturating_mul(2);
            let (width_ns, mut kept) = (self.width_ns, 0);
            for next in 1..self.buckets.len() {
                let later = self.buckets[next];
                if self.buckets[kept].at.nanos().div_euclid(width_ns) == later.at.nanos().div_euclid(width_ns)
                {
                    self.buckets[kept].extent.join(&later.extent);
                } else {
                    kept += 1;
                    self.buckets[kept] = later;
                }
            }
            self.buckets.truncate(kept + 1);
            if self.width_ns == i64::MAX {
                break;
            }
        }
        self.open_until = self.buckets.last().map_or(i64::MIN, |last| self.end_of(last.at));
    }

    fn index(&self, at: Timestamp) -> i64 {
        at.nanos().div_euclid(self.width_ns)
    }

    fn end_of(&self, at: Timestamp) -> i64 {
        self.index(at).saturating_add(1).saturating_mul(self.width_ns)
    }
}

/// Lowest, highest, first and last price of a bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PriceExtent {
    /// First.
    pub open: Price,
    /// Lowest.
    pub low: Price,
    /// Highest.
    pub high: Price,
    /// Last.
    pub close: Price,
}

impl Extent for PriceExtent {
    type Sample = Price;

    fn of(price: Price) -> Self {
        PriceExtent { open: price, low: price, high: price, close: price }
    }

    #[inline]
    fn add(&mut self, price: Price) {
        self.low = self.low.min(price);
        self.high = self.high.max(price);
        self.close = price;
    }

    fn join(&mut self, later: &Self) {
        self.low = self.low.min(later.low);
        self.high = self.high.max(later.high);
        self.close = later.close;
    }
}

/// The prices of one symbol for a chart: seconds to begin with, [`PRICE_POINTS`] buckets at most.
pub type PriceSeries = Series<PriceExtent>;

/// An empty price series.
pub fn price_series() -> PriceSeries {
    Series::new(1_000_000_000, PRICE_POINTS)
}

/// Equity of a bucket with the deepest drawdown in it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EquityExtent {
    /// First.
    pub open: Money,
    /// Lowest.
    pub low: Money,
    /// Highest.
    pub high: Money,
    /// Last.
    pub close: Money,
    peak: Money,
    trough: Money,
    settled_pct: f64,
}

/// Equity and the running peak it is measured against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EquitySample {
    /// Equity.
    pub equity: Money,
    /// Running peak, never below the equity.
    pub peak: Money,
}

impl EquityExtent {
    /// Deepest drawdown in the bucket, percent of the peak it fell from, ≥ 0.
    pub fn drawdown_pct(&self) -> f64 {
        self.settled_pct.max(depth_pct(self.peak, self.trough))
    }

    /// Divides only when a peak ends: on the way up there is nothing to settle.
    fn settle(&mut self) {
        if self.trough < self.peak {
            self.settled_pct = self.drawdown_pct();
        }
    }
}

impl Extent for EquityExtent {
    type Sample = EquitySample;

    fn of(sample: EquitySample) -> Self {
        let EquitySample { equity, peak } = sample;
        EquityExtent {
            open: equity,
            low: equity,
            high: equity,
            close: equity,
            peak,
            trough: equity,
            settled_pct: 0.0,
        }
    }

    #[inline]
    fn add(&mut self, sample: EquitySample) {
        let EquitySample { equity, peak } = sample;
        self.close = equity;
        // Branches, not minima: new extremes are rare and 128-bit selects are not cheap.
        if equity < self.low {
            self.low = equity;
        } else if equity > self.high {
            self.high = equity;
        }
        if peak == self.peak {
            if equity < self.trough {
                self.trough = equity;
            }
        } else {
            self.settle();
            self.peak = peak;
            self.trough = equity;
        }
    }

    fn join(&mut self, later: &Self) {
        self.low = self.low.min(later.low);
        self.high = self.high.max(later.high);
        self.close = later.close;
        self.settled_pct = self.drawdown_pct().max(later.settled_pct);
        self.peak = later.peak;
        self.trough = later.trough;
    }
}

/// The equity of a run: seconds to begin with, [`EQUITY_POINTS`] buckets at most.
pub type EquitySeries = Series<EquityExtent>;

/// An empty equity series.
pub fn equity_series() -> EquitySeries {
    Series::new(1_000_000_000, EQUITY_POINTS)
}

/// 100 · (peak − value) / peak; 0 at the peak or when the peak is not positive.
pub fn depth_pct(peak: Money, value: Money) -> f64 {
    if peak.0 <= 0 || value >= peak {
        return 0.0;
    }
    100.0 * (peak - value).0 as f64 / peak.0 as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn merging_keeps_the_ends_and_the_extremes(steps in prop::collection::vec((0_i64..200_000_000_000, -50_i64..50), 2..600)) {
            let mut prices = Series::<PriceExtent>::new(1_000_000_000, 16);
            let (mut at, mut price, mut all) = (0, 1_000, Vec::new());
            for (wait, change) in steps {
                at += wait;
                price += change;
                prices.push(Timestamp::from_nanos(at), Price(price));
                all.push(Price(price));
            }
            let kept = prices.buckets();
            prop_assert!(kept.len() <= 16);
            prop_assert!(kept.windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert_eq!(kept.iter().map(|b| b.extent.low).min(), all.iter().copied().min());
            prop_assert_eq!(kept.iter().map(|b| b.extent.high).max(), all.iter().copied().max());
            prop_assert_eq!(kept[0].extent.open, all[0]);
            prop_assert_eq!(kept[kept.len() - 1].extent.close, all[all.len() - 1]);
        }

        /// The deepest drawdown of the merged curve is the one a plain scan of all points finds.
        #[test]
        fn merging_keeps_the_deepest_drawdown(changes in prop::collection::vec(-400_i64..420, 2..500)) {
            let mut curve = Series::<EquityExtent>::new(60_000_000_000, 8);
            let (mut equity, mut peak, mut deepest) = (10_000_i64, 10_000_i64, 0.0_f64);
            for (minute, change) in changes.into_iter().enumerate() {
                equity = (equity + change).max(1);
                peak = peak.max(equity);
                deepest = deepest.max(100.0 * (peak - equity) as f64 / peak as f64);
                let sample = EquitySample { equity: Money::from_units(equity), peak: Money::from_units(peak) };
                curve.push(Timestamp::from_seconds(minute as i64 * 37), sample);
            }
            let found = curve.buckets().iter().map(|b| b.extent.drawdown_pct()).fold(0.0, f64::max);
            prop_assert!((found - deepest).abs() < 1e-9, "{} {}", found, deepest);
            prop_assert!((0.0..=100.0).contains(&found));
        }
    }

    #[test]
    fn sparse_samples_far_apart_still_fit() {
        let mut prices = Series::<PriceExtent>::new(1, 2);
        for (at, price) in [(0, 5), (1 << 40, 1), (1 << 50, 9), (1 << 60, 4)] {
            prices.push(Timestamp::from_nanos(at), Price(price));
        }
        assert!(prices.buckets().len() <= 2);
        assert_eq!(prices.buckets().iter().map(|b| b.extent.high).max(), Some(Price(9)));
    }
}
