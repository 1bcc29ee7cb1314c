//! The median price of a window: a baseline that a few extreme seconds cannot move.
//!
//! One sample per whole second, so memory and work depend on the length of the window, not on the number of
//! trades. Invariant: no sample is carried across a gap.

use super::median::SlidingMedian;
use super::window_price::MAX_PRICE;
use super::{
    DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, SlotId, Upstream, Value, Wiring,
    fires_from, is_rising, number, ordered, ratio,
};
use crate::checkpoint::saved;
use crate::domain::num::Price;
use crate::domain::strategy::{Comparison, IndicatorSpec};
use crate::domain::time::{Span, Timestamp};
use crate::engine::market::tape::{Needs, Tape};
use crate::engine::market::window::Window;
use crate::engine::value::compare;
use crate::engine::wake::Wake;
use std::collections::VecDeque;

const T1: Param = number("t1", 600.0, 1.0, 86_400.0, "start of the window, seconds ago");
const T2: Param = number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago");

/// Median of one price a second.
pub static MEDIAN_PRICE: IndicatorKind = IndicatorKind {
    name: "MEDIAN_PRICE",
    about: "Median of one price a second",
    formula: "median over the whole seconds s in (T−t1, T−t2] of the last trade price before s, carried forward",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: &[T1, T2, MIN_COVERAGE],
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| Box::new(MedianPrice::new(spec, wiring)),
};

/// The recent maximum relative to the median.
pub static PRICE_VS_MEDIAN_PCT: IndicatorKind = IndicatorKind {
    name: "PRICE_VS_MEDIAN_PCT",
    about: "How far the highest price of the last seconds is above the median of a longer window",
    formula: "100·(max p over trades in (T−high_t1, T] / MEDIAN_PRICE(t1, t2) − 1)",
    unit: "%",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        T1,
        T2,
        number("high_t1", 10.0, 1.0, 3_600.0, "seconds back in which the highest price is looked for"),
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| {
        let coverage = ("min_coverage", spec.number("min_coverage"));
        Box::new(AboveMedian {
            moves_on_seconds: [T1, T2].iter().all(|end| spec.number(end.name).fract() == 0.0),
            median: wiring.slot(&MEDIAN_PRICE.numbers(&[
                ("t1", spec.number("t1")),
                ("t2", spec.number("t2")),
                coverage,
            ])),
            highest: wiring.slot(&MAX_PRICE.numbers(&[
                ("t1", spec.number("high_t1")),
                ("t2", 0.0),
                coverage,
            ])),
        })
    },
};

struct AboveMedian {
    /// Whether the median changes on whole seconds only: its window begins and ends whole seconds ago.
    moves_on_seconds: bool,
    median: SlotId,
    highest: SlotId,
}

saved!(AboveMedian {} fixed { moves_on_seconds, median, highest });

impl Indicator for AboveMedian {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let median = upstream.value(self.median, look)?;
        percent_above(upstream.value(self.highest, look)?, median)
    }

    /// Until the median changes, only a new highest price can raise the value.
    fn sleep(
        &mut self,
        test: (Comparison, f64),
        look: &Look<'_>,
        upstream: &mut Upstream<'_>,
    ) -> Option<Wake> {
        let median = upstream.value(self.median, look).ok()?;
        let guess = median * (1.0 + test.1 / 100.0) / look.spec.price_f64(Price(1));
        let fires = |price: Price| {
            percent_above(look.spec.price_f64(price), median)
                .is_ok_and(|value| compare(value, test.0, test.1))
        };
        let wake = Wake { above: fires_from(guess, fires)?, at: look.now.next_second(), ..Wake::NEVER };
        (self.moves_on_seconds && is_rising(test.0)).then_some(wake)
    }
}

fn percent_above(price: f64, median: f64) -> Value {
    ratio(100.0 * (price - median), median)
}

struct MedianPrice {
    window: Window,
    end: Span,
    /// Samples (second, ticks) in the window, oldest first; at most one per second.
    samples: VecDeque<(i64, i64)>,
    /// The same prices ordered by size.
    median: SlidingMedian,
    /// The next second to sample.
    next: i64,
    /// Number of points before that second.
    before: u64,
}

saved!(MedianPrice { window, samples, median, next, before } fixed { end });

impl MedianPrice {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>) -> Self {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        MedianPrice {
            window: wiring.window(spec, t1, t2, Needs::NOTHING),
            end: t2,
            samples: VecDeque::new(),
            median: SlidingMedian::default(),
            next: i64::MIN,
            before: 0,
        }
    }

    /// The price in force just before a second; final once the second has begun.
    fn sample(&mut self, tape: &Tape, second: i64) -> Option<i64> {
        let moment = Timestamp::from_seconds(second);
        self.before = self.before.max(tape.oldest() - 1);
        while self.before < tape.newest() && tape.point(self.before + 1).at < moment {
            self.before += 1;
        }
        let point = (self.before >= tape.oldest()).then(|| tape.point(self.before))?;
        point.has_price().then_some(point.price.0)
    }
}

impl Indicator for MedianPrice {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        let (start, _) = self.window.span(tape, look.now)?;
        let (first, last) = (start.seconds() + 1, (look.now - self.end).seconds());
        // Old samples leave first, so at most one window's length is kept. Samples are numbered by their
        // second.
        while let Some((second, price)) = self.samples.front().copied().filter(|(second, _)| *second < first)
        {
            self.samples.pop_front();
            self.median.leave(price, second as u64);
        }
        for second in self.next.max(first)..=last {
            if let Some(price) = self.sample(tape, second) {
                self.samples.push_back((second, price));
                self.median.enter(price, second as u64);
            }
        }
        self.next = self.next.max(last + 1);
        self.median.median().map(|ticks| look.price(ticks)).ok_or(Missing::EmptyWindow)
    }

    /// Drops all samples: some were taken before the gap was known and are sampled again from the tape.
    fn on_gap(&mut self) {
        self.samples.clear();
        self.median = SlidingMedian::default();
        (self.next, self.before) = (i64::MIN, 0);
    }
}
