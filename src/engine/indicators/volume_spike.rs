//! Current trading relative to a baseline: volume, value or number of trades.

use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, Upstream, Value, Wiring,
    number, ordered, ratio,
};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::{Boundary, Slice, Window};

/// Maximum number of buckets of a baseline; each costs one step per read.
const MAX_BUCKETS: i64 = 4_096;

const T1: Param = number("t1", 30.0, 1.0, 3_600.0, "start of the current window, seconds ago");
const T2: Param = number("t2", 0.0, 0.0, 3_600.0, "end of the current window, seconds ago");
const T3: Param = number("t3", 600.0, 1.0, 86_400.0, "start of the baseline, seconds ago");
const T4: Param = number("t4", 30.0, 0.0, 86_400.0, "end of the baseline, seconds ago");

/// Volume of the current window relative to the median bucket of the baseline.
pub static VOLUME_SURGE_RATIO: IndicatorKind = IndicatorKind {
    name: "VOLUME_SURGE_RATIO",
    about: "Volume of the current window against a usual window of the same length",
    formula: "SUM(t1, t2) / median of the sums of consecutive buckets of length t1−t2 that end at T−t4, T−t4−(t1−t2), … and lie inside (t3, t4]; median 0: their mean",
    unit: "ratio",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        T1,
        T2,
        T3,
        T4,
        number(
            "min_baseline",
            0.001,
            0.000_1,
            1.0,
            "accepted for old documents, not used: it would depend on the coin",
        ),
        MIN_COVERAGE,
    ],
    check: check_buckets,
    build: |spec, wiring| Box::new(BucketSpike::new(spec, wiring, Amount::Base)),
};

/// Volume or value, of one or both taker sides, relative to the baseline's rate or median bucket.
pub static VOLUME_SPIKE_RATIO: IndicatorKind = IndicatorKind {
    name: "VOLUME_SPIKE_RATIO",
    about: "Volume of the current window against the baseline's",
    formula: "rate: [SUM(t1, t2)/(t1−t2)]/[SUM(t3, t4)/(t3−t4)]; bucket_median: as VOLUME_SURGE_RATIO",
    unit: "ratio",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        T1,
        T2,
        T3,
        T4,
        Param {
            name: "method",
            accepts: Accepts::Word(&["bucket_median", "rate"]),
            about: "what the baseline is",
        },
        Param {
            name: "side",
            accepts: Accepts::Word(&["any", "buy", "sell"]),
            about: "only trades of this taker side",
        },
        Param { name: "weight", accepts: Accepts::Word(&["base", "quote"]), about: "quantity, or its value" },
        MIN_COVERAGE,
    ],
    check: |spec| if spec.word("method") == "rate" { check_windows(spec) } else { check_buckets(spec) },
    build: |spec, wiring| {
        let amount = Amount::of(spec);
        if spec.word("method") == "rate" {
            Box::new(RateSpike::new(spec, wiring, amount))
        } else {
            Box::new(BucketSpike::new(spec, wiring, amount))
        }
    },
};

/// Trades per second relative to the baseline.
pub static TRADE_FREQUENCY_SPIKE: IndicatorKind = IndicatorKind {
    name: "TRADE_FREQUENCY_SPIKE",
    about: "Trades per second of the current window against the baseline's",
    formula: "[COUNT(t1, t2)/(t1−t2)]/[COUNT(t3, t4)/(t3−t4)]",
    unit: "ratio",
    needs: &[DataKind::Trades],
    range: None,
    params: &[T1, T2, T3, T4, MIN_COVERAGE],
    check: check_windows,
    build: |spec, wiring| Box::new(RateSpike::new(spec, wiring, Amount::Count)),
};

fn check_windows(spec: &IndicatorSpec) -> Option<String> {
    ordered(spec, "t1", "t2").or_else(|| ordered(spec, "t3", "t4"))
}

fn check_buckets(spec: &IndicatorSpec) -> Option<String> {
    check_windows(spec).or_else(|| {
        let (_, buckets) = bucket_grid(spec);
        (!(1..=MAX_BUCKETS).contains(&buckets)).then(|| {
            format!("the baseline (t3 − t4) must hold 1 to {MAX_BUCKETS} windows of the current length (t1 − t2); it holds {buckets}")
        })
    })
}

/// Length of a bucket in nanoseconds, and the number of buckets in the baseline.
fn bucket_grid(spec: &IndicatorSpec) -> (i64, i64) {
    let [t1, t2, t3, t4] = ["t1", "t2", "t3", "t4"].map(|name| spec.span(name).nanos());
    let length = t1 - t2;
    (length, (t3 - t4) / length)
}

/// What is summed, in integers.
#[derive(Clone, Copy)]
enum Amount {
    Count,
    Base,
    BuyBase,
    SellBase,
    Quote,
    BuyQuote,
    SellQuote,
}

impl Amount {
    fn of(spec: &IndicatorSpec) -> Self {
        match (spec.word("side"), spec.word("weight")) {
            ("buy", "quote") => Amount::BuyQuote,
            ("sell", "quote") => Amount::SellQuote,
            (_, "quote") => Amount::Quote,
            ("buy", _) => Amount::BuyBase,
            ("sell", _) => Amount::SellBase,
            _ => Amount::Base,
        }
    }

    fn needs(self) -> Needs {
        match self {
            Amount::Count | Amount::Base | Amount::BuyBase | Amount::SellBase => Needs::VOLUME,
            Amount::Quote | Amount::BuyQuote | Amount::SellQuote => Needs::VALUE,
        }
    }

    #[inline]
    fn within(self, slice: &Slice<'_>) -> f64 {
        match self {
            Amount::Count => slice.count() as f64,
            Amount::Base => slice.qty() as f64,
            Amount::BuyBase => slice.buy_qty() as f64,
            Amount::SellBase => slice.qty().wrapping_sub(slice.buy_qty()) as f64,
            Amount::Quote => slice.value() as f64,
            Amount::BuyQuote => slice.buy_value() as f64,
            Amount::SellQuote => slice.value().wrapping_sub(slice.buy_value()) as f64,
        }
    }
}

struct RateSpike {
    current: Window,
    baseline: Window,
    amount: Amount,
    /// Length of the baseline divided by the length of the current window.
    stretch: f64,
}

saved!(RateSpike { current, baseline } fixed { amount, stretch });

impl RateSpike {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, amount: Amount) -> Self {
        let current = wiring.window(spec, spec.span("t1"), spec.span("t2"), amount.needs());
        let baseline = wiring.window(spec, spec.span("t3"), spec.span("t4"), amount.needs());
        RateSpike { stretch: baseline.seconds() / current.seconds(), current, baseline, amount }
    }
}

impl Indicator for RateSpike {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        let touching = self.baseline.touches(&self.current);
        let current = self.current.read(tape, look.now)?;
        let baseline = if touching {
            self.baseline.read_until(tape, look.now, current.start)
        } else {
            self.baseline.read(tape, look.now)
        }?;
        ratio(self.amount.within(&current) * self.stretch, self.amount.within(&baseline))
    }
}

struct BucketSpike {
    current: Window,
    baseline: Window,
    amount: Amount,
    /// Ends of the buckets and the start of the oldest one, newest first.
    edges: Vec<Boundary>,
    sums: Vec<f64>,
}

saved!(BucketSpike { current, baseline } each { edges } fixed { amount, sums });

impl BucketSpike {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, amount: Amount) -> Self {
        let (length, buckets) = bucket_grid(spec);
        let newest = spec.span("t4").nanos();
        BucketSpike {
            current: wiring.window(spec, spec.span("t1"), spec.span("t2"), amount.needs()),
            baseline: wiring.window(spec, spec.span("t3"), spec.span("t4"), amount.needs()),
            amount,
            edges: (0..=buckets)
                .map(|i| wiring.boundary(Span::from_nanos(newest + i * length), amount.needs()))
                .collect(),
            sums: vec![0.0; buckets as usize],
        }
    }
}

impl Indicator for BucketSpike {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let (tape, now) = (&look.market.tape, look.now);
        self.baseline.span(tape, now)?;
        let current = self.amount.within(&self.current.read(tape, now)?);
        let mut moments = self.edges.iter_mut().map(|edge| edge.moment(tape, now));
        let mut end = moments.next().ok_or(Missing::EmptyWindow)?;
        for (start, sum) in moments.zip(&mut self.sums) {
            *sum = self.amount.within(&Slice { start, end });
            end = start;
        }
        // Before `median`, which reorders the sums, so that they are added in a fixed order.
        let mean = self.sums.iter().sum::<f64>() / self.sums.len() as f64;
        let median = median(&mut self.sums).ok_or(Missing::EmptyWindow)?;
        ratio(current, if median > 0.0 { median } else { mean })
    }
}

/// The median; the mean of the two middle values of an even number. Reorders `values`.
fn median(values: &mut [f64]) -> Option<f64> {
    let half = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    if values.is_empty() {
        return None;
    }
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if !even {
        return Some(*middle);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    Some((lower + *middle) / 2.0)
}
