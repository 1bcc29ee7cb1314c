//! Time between trades.

use super::deals::{Pairs, Terms, scaled_covariance};
use super::median::SlidingMedian;
use super::window_params::{CURRENT_AND_BASELINE, T1, T2, WINDOW, one_window, two_windows};
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, Upstream, Value, ratio,
};
use crate::checkpoint::{plain, saved};
use crate::domain::time::Span;
use crate::engine::market::tape::{Needs, Point, PointKind};

/// Minimum number of trades for statistics of trades.
pub(super) const MIN_DEALS: Param = Param {
    name: "min_deals",
    accepts: Accepts::Count { default: 3, min: 3, max: 10_000 },
    about: "trades the window must hold",
};

/// Median time between trades.
pub static INTER_DEAL_INTERVALS: IndicatorKind = IndicatorKind {
    name: "INTER_DEAL_INTERVALS",
    about: "Median time between two trades of the window",
    formula: "median of tᵢ₊₁ − tᵢ over trades in (T−t1, T−t2]",
    unit: "s",
    needs: &[DataKind::Trades],
    range: None,
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| {
        Box::new(MedianGap(Pairs::new(spec, wiring, spec.span("t1"), spec.span("t2"), Needs::NOTHING)))
    },
};

/// Median gap of the baseline over the median gap of the current window.
pub static DECISION_DENSITY_ACCELERATION: IndicatorKind = IndicatorKind {
    name: "DECISION_DENSITY_ACCELERATION",
    about: "How much denser trades follow each other now than in the baseline",
    formula: "INTER_DEAL_INTERVALS(t3, t4)/INTER_DEAL_INTERVALS(t1, t2)",
    unit: "ratio",
    params: CURRENT_AND_BASELINE,
    check: two_windows,
    build: |spec, wiring| {
        Box::new(GapRatio {
            current: MedianGap(Pairs::new(spec, wiring, spec.span("t1"), spec.span("t2"), Needs::NOTHING)),
            baseline: MedianGap(Pairs::new(spec, wiring, spec.span("t3"), spec.span("t4"), Needs::NOTHING)),
        })
    },
    ..INTER_DEAL_INTERVALS
};

/// How unevenly trades are spread over time.
pub static TRADE_CLUSTERING_COEFFICIENT: IndicatorKind = IndicatorKind {
    name: "TRADE_CLUSTERING_COEFFICIENT",
    about: "How unevenly trades are spread over time: 0 like a clock, 1 at random, more in bursts",
    formula: "population variance of tᵢ₊₁ − tᵢ over their mean squared, trades in (T−t1, T−t2]",
    unit: "ratio",
    params: &[T1, T2, MIN_DEALS, MIN_COVERAGE],
    build: |spec, wiring| {
        Box::new(Clustering {
            gaps: Pairs::new(spec, wiring, spec.span("t1"), spec.span("t2"), Needs::NOTHING),
            min_gaps: spec.number("min_deals") as i64 - 1,
        })
    },
    ..INTER_DEAL_INTERVALS
};

fn gap(earlier: &Point, next: &Point) -> Option<Span> {
    (next.kind() == PointKind::Trade).then(|| next.at - earlier.at)
}

struct MedianGap(Pairs<SlidingMedian>);

saved!(MedianGap { 0 });

impl Terms for SlidingMedian {
    /// Gap in nanoseconds, and the number of the point at its start.
    type Term = (i64, u64);

    fn term(earlier: &Point, number: u64, next: &Point) -> Option<Self::Term> {
        gap(earlier, next).map(|gap| (gap.nanos(), number))
    }

    fn enter(&mut self, (nanos, number): Self::Term) {
        SlidingMedian::enter(self, nanos, number);
    }

    fn leave(&mut self, (nanos, number): Self::Term) {
        SlidingMedian::leave(self, nanos, number);
    }
}

impl MedianGap {
    fn seconds(&mut self, look: &Look<'_>) -> Value {
        self.0.read(look)?.sums.median().map(|nanos| nanos / 1e9).ok_or(Missing::TooFew)
    }
}

impl Indicator for MedianGap {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.seconds(look)
    }
}

struct GapRatio {
    current: MedianGap,
    baseline: MedianGap,
}

saved!(GapRatio { current, baseline });

impl Indicator for GapRatio {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        ratio(self.baseline.seconds(look)?, self.current.seconds(look)?)
    }
}

/// Number, sum and sum of squares of the gaps. Gaps of one window do not overlap, so the squares of a day fit
/// easily.
#[derive(Default)]
struct GapSums {
    count: i64,
    sum: i128,
    sum_of_squares: i128,
}

plain!(struct GapSums { count, sum, sum_of_squares });

impl Terms for GapSums {
    type Term = i64;

    fn term(earlier: &Point, _: u64, next: &Point) -> Option<Self::Term> {
        gap(earlier, next).map(Span::nanos)
    }

    fn enter(&mut self, nanos: i64) {
        let gap = i128::from(nanos);
        (self.count, self.sum, self.sum_of_squares) =
            (self.count + 1, self.sum + gap, self.sum_of_squares + gap * gap);
    }

    fn leave(&mut self, nanos: i64) {
        let gap = i128::from(nanos);
        (self.count, self.sum, self.sum_of_squares) =
            (self.count - 1, self.sum - gap, self.sum_of_squares - gap * gap);
    }
}

struct Clustering {
    gaps: Pairs<GapSums>,
    min_gaps: i64,
}

saved!(Clustering { gaps } fixed { min_gaps });

impl Indicator for Clustering {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let sums = self.gaps.read(look)?.sums;
        if sums.count < self.min_gaps {
            return Err(Missing::TooFew);
        }
        let mean = sums.sum as f64;
        ratio(scaled_covariance(sums.count, sums.sum_of_squares, sums.sum, sums.sum), mean * mean)
    }
}
