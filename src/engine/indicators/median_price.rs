//! The median price of a window: a baseline that a few wild seconds cannot move.
//!
//! One sample per second of the epoch grid, so that memory and work follow the length of the window and not the
//! number of trades. Never: a sample across a gap.

use super::window_price::MAX_PRICE;
use super::{Channel, Indicator, Kind, Look, MIN_COVERAGE, Missing, Param, SlotId, Upstream, Value, Wiring, number, ordered, ratio};
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::{Span, Timestamp};
use crate::engine::market::tape::{PointKind, Tape, Window};
use std::collections::VecDeque;

const T1: Param = number("t1", 600.0, 1.0, 86_400.0, "start of the window, seconds ago");
const T2: Param = number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago");

/// Median of one price a second.
pub static MEDIAN_PRICE: Kind = Kind {
    name: "MEDIAN_PRICE",
    about: "Median of one price a second",
    formula: "median over the whole seconds s in (T−t1, T−t2] of the last trade price before s, carried forward",
    unit: "price",
    needs: &[Channel::Price],
    range: None,
    params: &[T1, T2, MIN_COVERAGE],
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| Box::new(MedianPrice::new(spec, wiring)),
};

/// How far the last seconds stand out of the median.
pub static PRICE_VS_MEDIAN_PCT: Kind = Kind {
    name: "PRICE_VS_MEDIAN_PCT",
    about: "How far the highest price of the last seconds is above the median of a longer window",
    formula: "100·(max p over trades in (T−high_t1, T] / MEDIAN_PRICE(t1, t2) − 1)",
    unit: "%",
    needs: &[Channel::Price],
    range: None,
    params: &[T1, T2, number("high_t1", 10.0, 1.0, 3_600.0, "seconds back in which the highest price is looked for"), MIN_COVERAGE],
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| {
        let coverage = ("min_coverage", spec.number("min_coverage"));
        Box::new(AboveMedian {
            median: wiring.slot(&MEDIAN_PRICE.numbers(&[("t1", spec.number("t1")), ("t2", spec.number("t2")), coverage])),
            highest: wiring.slot(&MAX_PRICE.numbers(&[("t1", spec.number("high_t1")), ("t2", 0.0), coverage])),
        })
    },
};

struct AboveMedian {
    median: SlotId,
    highest: SlotId,
}

impl Indicator for AboveMedian {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let median = upstream.value(self.median, look)?;
        ratio(100.0 * (upstream.value(self.highest, look)? - median), median)
    }
}

struct MedianPrice {
    window: Window,
    end: Span,
    /// Samples (second, ticks) inside the window, oldest first; at most one a second.
    samples: VecDeque<(i64, i64)>,
    /// The same prices by size.
    sorted: Vec<i64>,
    /// The next second to sample.
    next: i64,
    /// Points before it.
    before: u64,
}

impl MedianPrice {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>) -> Self {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        let most = (t1.nanos() - t2.nanos()) as usize / 1_000_000_000 + 2;
        MedianPrice {
            window: wiring.window(spec, t1, t2),
            end: t2,
            samples: VecDeque::with_capacity(most),
            sorted: Vec::with_capacity(most),
            next: i64::MIN,
            before: 0,
        }
    }

    /// The price in force just before a second; final as soon as the second has come.
    fn sample(&mut self, tape: &Tape, second: i64) -> Option<i64> {
        let moment = Timestamp::from_seconds(second);
        self.before = self.before.max(tape.oldest() - 1);
        while self.before < tape.newest() && tape.point(self.before + 1).at < moment {
            self.before += 1;
        }
        let point = (self.before >= tape.oldest()).then(|| tape.point(self.before))?;
        (point.kind != PointKind::Interruption).then_some(point.price.0)
    }

    /// One sample enters while the oldest, when it has to, leaves: one move of the prices between the two.
    fn enter(&mut self, second: i64, price: i64, first: i64) {
        self.samples.push_back((second, price));
        let to = self.sorted.partition_point(|known| *known < price);
        let leaving = if self.samples[0].0 < first { self.samples.pop_front() } else { None };
        let Some((_, leaving)) = leaving else {
            self.sorted.insert(to, price);
            return;
        };
        let from = self.sorted.partition_point(|known| *known < leaving);
        if from < to {
            self.sorted.copy_within(from + 1..to, from);
            self.sorted[to - 1] = price;
        } else {
            self.sorted.copy_within(to..from, to + 1);
            self.sorted[to] = price;
        }
    }

    fn leave(&mut self, first: i64) {
        while self.samples.front().is_some_and(|(second, _)| *second < first) {
            let leaving = self.samples.pop_front().map_or(0, |(_, price)| price);
            let at = self.sorted.partition_point(|known| *known < leaving);
            self.sorted.remove(at);
        }
    }
}

impl Indicator for MedianPrice {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        let (start, _) = self.window.span(tape, look.now)?;
        let (first, last) = (start.seconds() + 1, (look.now - self.end).seconds());
        for second in self.next.max(first)..=last {
            if let Some(price) = self.sample(tape, second) {
                self.enter(second, price, first);
            }
        }
        self.next = self.next.max(last + 1);
        self.leave(first);
        let half = self.sorted.len() / 2;
        match self.sorted.len() {
            0 => Err(Missing::EmptyWindow),
            count if count % 2 == 1 => Ok(look.spec.price_f64(crate::domain::num::Price(self.sorted[half]))),
            _ => Ok(look.price((self.sorted[half - 1] + self.sorted[half]) as f64 / 2.0)),
        }
    }

    /// Seconds that were sampled before the gap was known are taken back: the tape knows better now.
    fn on_gap(&mut self) {
        self.samples.clear();
        self.sorted.clear();
        (self.next, self.before) = (i64::MIN, 0);
    }
}
