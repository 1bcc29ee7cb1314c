//! Slow results straight from the definitions, over the list of all events: no running sums, windows or
//! sharing. In ticks, lots and nanoseconds.

use super::*;

/// Trades and book tops up to and including a time.
pub(super) struct Oracle<'a> {
    tape: &'a Tape,
    now: i64,
    trades: Vec<(i64, Trade)>,
}

/// A parameter in seconds as nanoseconds.
pub(super) fn nanos(seconds: f64) -> i64 {
    Span::from_seconds_f64(seconds).nanos()
}

impl<'a> Oracle<'a> {
    pub(super) fn new(tape: &'a Tape, now: Timestamp) -> Self {
        let trades = tape.events.iter().filter(|(at, _)| *at <= now).filter_map(|(at, event)| match event {
            Event::Trade(trade) => Some((at.nanos(), *trade)),
            _ => None,
        });
        Oracle { tape, now: now.nanos(), trades: trades.collect() }
    }

    /// Intervals in which a price is in force: (from, to, ticks). After a gap there is none until the next
    /// trade.
    fn held(&self) -> Vec<(i64, i64, i64)> {
        let mut held: Vec<(i64, i64, i64)> = Vec::new();
        for (at, event) in self.tape.events.iter().filter(|(at, _)| at.nanos() <= self.now) {
            let (end, next) = match event {
                Event::Trade(trade) => (at.nanos(), Some((at.nanos(), i64::MAX, trade.price.0))),
                Event::Gap(gap) => (gap.from.nanos(), None),
                _ => continue,
            };
            if let Some((from, to, _)) = held.last_mut() {
                *to = end.max(*from).min(*to);
            }
            held.extend(next);
        }
        held
    }

    /// Whether the window is covered completely.
    pub(super) fn whole(&self, t1: f64, t2: f64) -> bool {
        let (a, b) = (self.now - nanos(t1), self.now - nanos(t2));
        let covered: i64 =
            self.held().iter().map(|(from, to, _)| ((*to).min(b) - (*from).max(a)).max(0)).sum();
        covered == b - a
    }

    /// Trades in (T−t1, T−t2].
    pub(super) fn within(&self, t1: f64, t2: f64) -> Vec<(i64, Trade)> {
        let (a, b) = (self.now - nanos(t1), self.now - nanos(t2));
        self.trades.iter().copied().filter(|(at, _)| *at > a && *at <= b).collect()
    }

    /// Time-weighted mean over [T−t1, T−t2] in ticks.
    pub(super) fn twa(&self, t1: f64, t2: f64) -> Option<f64> {
        let (a, b) = (self.now - nanos(t1), self.now - nanos(t2));
        let (mut area, mut width) = (0.0, 0.0);
        for (from, to, ticks) in self.held() {
            let held = (to.min(b) - from.max(a)).max(0) as f64;
            area += ticks as f64 * held;
            width += held;
        }
        (self.whole(t1, t2) && width > 0.0).then(|| area / width)
    }

    pub(super) fn velocity(&self, t1: f64, t3: f64, d: f64, ago: f64) -> Option<f64> {
        let (current, baseline) = (self.twa(t1 + ago, ago)?, self.twa(t3 + ago, t3 - d + ago)?);
        Some(100.0 * (current - baseline) / baseline / ((t3 - d / 2.0) - t1 / 2.0))
    }

    pub(super) fn sum(&self, t1: f64, t2: f64, of: impl Fn(&Trade) -> f64) -> f64 {
        self.within(t1, t2).iter().map(|(_, trade)| of(trade)).sum()
    }

    pub(super) fn extremes(&self, t1: f64, t2: f64) -> Option<(f64, f64)> {
        let prices: Vec<i64> = self.within(t1, t2).iter().map(|(_, trade)| trade.price.0).collect();
        let both = (*prices.iter().min()? as f64, *prices.iter().max()? as f64);
        self.whole(t1, t2).then_some(both)
    }

    /// Price of the last trade in ticks.
    pub(super) fn last(&self) -> Option<f64> {
        self.trades.last().map(|(_, trade)| trade.price.0 as f64)
    }

    pub(super) fn median_of_seconds(&self, t1: f64, t2: f64) -> Option<f64> {
        let (a, b) = (self.now - nanos(t1), self.now - nanos(t2));
        let held = self.held();
        let mut closes = Vec::new();
        for second in a.div_euclid(1_000_000_000) + 1..=b.div_euclid(1_000_000_000) {
            let moment = second * 1_000_000_000;
            closes.extend(
                held.iter()
                    .rev()
                    .find(|(from, _, _)| *from < moment)
                    .filter(|(_, to, _)| *to >= moment)
                    .map(|(_, _, ticks)| *ticks),
            );
        }
        closes.sort_unstable();
        let n = closes.len();
        (n > 0 && self.whole(t1, t2)).then(|| (closes[(n - 1) / 2] + closes[n / 2]) as f64 / 2.0)
    }

    /// Number of milliseconds whose `fills`-th trade of the side lies in the window.
    pub(super) fn rush(&self, t1: f64, t2: f64, side: Option<Side>, fills: usize) -> f64 {
        let (a, b) = (self.now - nanos(t1), self.now - nanos(t2));
        let of_side: Vec<i64> = self
            .trades
            .iter()
            .filter(|(_, t)| side.is_none_or(|side| t.taker == side))
            .map(|(at, _)| *at)
            .collect();
        let mut milliseconds: Vec<i64> = of_side.iter().map(|at| at.div_euclid(1_000_000)).collect();
        milliseconds.dedup();
        let reached = milliseconds
            .iter()
            .filter_map(|ms| of_side.iter().filter(|at| at.div_euclid(1_000_000) == *ms).nth(fills - 1));
        reached.filter(|at| **at > a && **at <= b).count() as f64
    }

    /// Sums of the baseline's buckets, newest first.
    pub(super) fn buckets(&self, t1: f64, t2: f64, t3: f64, t4: f64, of: impl Fn(&Trade) -> f64) -> Vec<f64> {
        let length = t1 - t2;
        let mut sums = Vec::new();
        let mut end = t4;
        while end + length <= t3 + 1e-9 {
            sums.push(self.sum(end + length, end, &of));
            end += length;
        }
        sums
    }

    /// Time-weighted mean of a number of the book top over a window that it covers completely.
    pub(super) fn book_twa(
        &self,
        t1: f64,
        t2: f64,
        of: impl Fn(&[Level], &[Level]) -> Option<f64>,
    ) -> Option<f64> {
        let (a, b) = (self.now - nanos(t1), self.now - nanos(t2));
        let mut steps: Vec<(i64, Option<f64>)> = Vec::new();
        for (at, event) in self.tape.events.iter().filter(|(at, _)| at.nanos() <= self.now) {
            match event {
                Event::Book(bids, asks) => steps.push((at.nanos(), of(bids, asks))),
                Event::Gap(gap) => {
                    steps.push((gap.from.nanos().max(steps.last().map_or(i64::MIN, |(at, _)| *at)), None))
                }
                _ => {}
            }
        }
        let (mut area, mut width) = (0.0, 0);
        for (index, (from, value)) in steps.iter().enumerate() {
            let to = steps.get(index + 1).map_or(i64::MAX, |(at, _)| *at);
            let held = (to.min(b) - (*from).max(a)).max(0);
            if let Some(value) = value {
                area += value * held as f64;
                width += held;
            }
        }
        (width == b - a).then(|| area / width as f64)
    }
}
