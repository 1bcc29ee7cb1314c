//! A series of unknown length in bounded memory. Samples fall into buckets of equal duration; when there are
//! too many, neighbouring buckets are merged.
//!
//! Invariant: a merged bucket keeps the first, lowest, highest and last value of its samples.

use crate::checkpoint::plain;
use crate::domain::num::{Money, Price};
use crate::domain::time::Timestamp;
use crate::limits::{EQUITY_POINTS, PRICE_POINTS};

/// Summary of the samples in a bucket.
pub trait Extent: Copy {
    /// Type of the samples.
    type Sample: Copy;
    /// A bucket with one sample.
    fn of(sample: Self::Sample) -> Self;
    /// Adds a sample that is later than all before.
    fn add(&mut self, sample: Self::Sample);
    /// Merges the bucket that follows this one.
    fn join(&mut self, later: &Self);
}

/// A bounded series. `push` costs one comparison plus the bucket's own work; nothing is allocated once it is
/// full.
#[derive(Clone, Debug)]
pub struct Series<E> {
    width_ns: i64,
    points_max: usize,
    buckets: Vec<Bucket<E>>,
    open_until: i64,
}

plain!(<E> struct Series { width_ns, points_max, buckets, open_until });

/// A bucket.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bucket<E> {
    /// Time of the first sample.
    pub at: Timestamp,
    /// Summary of its samples.
    pub extent: E,
}

plain!(<E> struct Bucket { at, extent });

impl<E: Extent> Series<E> {
    /// A series with this initial bucket width and at most `points_max` (at least 2) buckets.
    pub fn new(width_ns: i64, points_max: usize) -> Self {
        assert!(width_ns > 0 && points_max >= 2, "a series needs a width and room for two points");
        Series { width_ns, points_max, buckets: Vec::new(), open_until: i64::MIN }
    }

    /// Adds the next sample; times must not decrease.
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

    /// Doubles the width until at most half of the buckets remain. Each doubling is one pass, so there are
    /// few per run.
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
    /// First price.
    pub open: Price,
    /// Lowest price.
    pub low: Price,
    /// Highest price.
    pub high: Price,
    /// Last price.
    pub close: Price,
}

plain!(struct PriceExtent { open, low, high, close });

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

/// Prices of one symbol for a chart; buckets of initially one second, at most [`PRICE_POINTS`].
pub type PriceSeries = Series<PriceExtent>;

/// An empty price series.
pub fn price_series() -> PriceSeries {
    Series::new(1_000_000_000, PRICE_POINTS)
}

/// Equity in a bucket, with its deepest drawdown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EquityExtent {
    /// First equity.
    pub open: Money,
    /// Lowest equity.
    pub low: Money,
    /// Highest equity.
    pub high: Money,
    /// Last equity.
    pub close: Money,
    peak: Money,
    trough: Money,
    settled_pct: f64,
}

plain!(struct EquityExtent { open, low, high, close, peak, trough, settled_pct });

/// Equity and its running peak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EquitySample {
    /// Equity.
    pub equity: Money,
    /// Running peak; not below the equity.
    pub peak: Money,
}

impl EquityExtent {
    /// Deepest drawdown in the bucket, percent of its peak, ≥ 0.
    pub fn drawdown_pct(&self) -> f64 {
        self.settled_pct.max(depth_pct(self.peak, self.trough))
    }

    /// Called when a peak ends. Divides only if there was a drawdown, so a steady rise costs no division.
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
        // Branches instead of min/max: new extremes are rare, and 128-bit selects are expensive.
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

/// Equity of a run; buckets of initially one second, at most [`EQUITY_POINTS`].
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

        /// The deepest drawdown of the merged curve equals that of a scan of all points.
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
