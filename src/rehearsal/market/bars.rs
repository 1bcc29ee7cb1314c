//! Candles built from trades: a ring of minutes, from which longer intervals are aggregated.

use super::Deal;
use crate::domain::num::{Money, Price, Qty};
use std::collections::VecDeque;

/// Minutes kept, as many as one answer holds; when full the oldest are dropped.
pub const BARS: usize = 2_000;

/// Interval names with their seconds. The first candle of an interval starts with the oldest minute kept.
pub const INTERVALS: [(&str, i64); 10] = [
    ("Min1", 60),
    ("Min5", 300),
    ("Min15", 900),
    ("Min30", 1_800),
    ("Min60", 3_600),
    ("Hour4", 14_400),
    ("Hour8", 28_800),
    ("Day1", 86_400),
    ("Week1", 604_800),
    ("Month1", 2_592_000),
];

/// A candle. `open` is the previous candle's close, `real_open` the first trade of this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bar {
    /// Start, seconds since 1970.
    pub time_s: i64,
    /// Close of the previous candle.
    pub open: Price,
    /// Highest price, including `open`.
    pub high: Price,
    /// Lowest price, including `open`.
    pub low: Price,
    /// Last trade.
    pub close: Price,
    /// First trade.
    pub real_open: Price,
    /// Highest trade.
    pub real_high: Price,
    /// Lowest trade.
    pub real_low: Price,
    /// Lots.
    pub volume: Qty,
    /// Notional value.
    pub amount: Money,
}

impl Bar {
    /// A candle of one trade, without a previous close.
    fn of(time_s: i64, deal: &Deal, amount: Money) -> Self {
        let price = deal.price;
        Bar {
            time_s,
            open: price,
            high: price,
            low: price,
            close: price,
            real_open: price,
            real_high: price,
            real_low: price,
            volume: deal.qty,
            amount,
        }
    }

    /// Merges a later candle.
    fn absorb(&mut self, later: &Bar) {
        self.close = later.close;
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.real_high = self.real_high.max(later.real_high);
        self.real_low = self.real_low.min(later.real_low);
        self.volume += later.volume;
        self.amount += later.amount;
    }
}

/// Highs, lows and volume of a time span.
#[derive(Clone, Copy, Default, Debug)]
pub struct Summary {
    /// Highest price.
    pub high: Option<Price>,
    /// Lowest price.
    pub low: Option<Price>,
    /// Lots.
    pub volume: Qty,
    /// Notional value.
    pub amount: Money,
}

/// Candles of a symbol.
#[derive(Clone, Default, Debug)]
pub struct Bars {
    minutes: VecDeque<Bar>,
}

impl Bars {
    /// Adds a trade; its minute must not be older than the last one.
    pub fn add(&mut self, deal: &Deal, amount: Money) {
        let minute_s = deal.at_ms.div_euclid(60_000) * 60;
        let carried = self.minutes.back().map_or(deal.price, |bar| bar.close);
        if self.minutes.back().is_none_or(|bar| bar.time_s < minute_s) {
            if self.minutes.len() == BARS {
                self.minutes.pop_front();
            }
            let (high, low) = (carried.max(deal.price), carried.min(deal.price));
            return self.minutes.push_back(Bar {
                open: carried,
                high,
                low,
                ..Bar::of(minute_s, deal, amount)
            });
        }
        if let Some(bar) = self.minutes.back_mut() {
            bar.absorb(&Bar::of(minute_s, deal, amount));
        }
    }

    /// Candles of an interval that start in `[from, to]` seconds, oldest first.
    pub fn of(&self, seconds: i64, from_s: i64, to_s: i64) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::new();
        for minute in self
            .minutes
            .iter()
            .filter(|bar| (from_s..=to_s).contains(&(bar.time_s.div_euclid(seconds) * seconds)))
        {
            let begin = minute.time_s.div_euclid(seconds) * seconds;
            match bars.last_mut().filter(|bar| bar.time_s == begin) {
                None => bars.push(Bar { time_s: begin, ..*minute }),
                Some(bar) => bar.absorb(minute),
            }
        }
        bars
    }

    /// The candle in progress.
    pub fn current(&self, seconds: i64) -> Option<Bar> {
        let last = self.minutes.back()?;
        let begin = last.time_s.div_euclid(seconds) * seconds;
        self.of(seconds, begin, begin).pop()
    }

    /// Summary of the last 24 hours.
    pub fn day(&self, now_ms: i64) -> Summary {
        let from_s = now_ms / 1_000 - 86_400;
        let mut summary = Summary::default();
        for bar in self.minutes.iter().rev().take_while(|bar| bar.time_s > from_s) {
            summary.high = summary.high.max(Some(bar.real_high));
            summary.low = Some(summary.low.map_or(bar.real_low, |low| low.min(bar.real_low)));
            summary.volume += bar.volume;
            summary.amount += bar.amount;
        }
        summary
    }
}
