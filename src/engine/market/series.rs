//! Step series of numbers derived from the book, with running integrals: the time-weighted mean of any window
//! is the difference of two points.
//!
//! Integrals are fixed-point integers (precise enough for the cheapest coin, see [`BookMeasure`]), so no
//! error accumulates. Invariant: no value is carried forward across a gap.

use crate::checkpoint::{plain, saved};
use crate::domain::book::Book;
use crate::domain::event::Level;
use crate::domain::order::Side;
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};
use crate::engine::value::Missing;
use crate::limits::SERIES_POINTS;
use std::collections::VecDeque;

/// A number computed from the book after each update.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum BookMeasure {
    /// Best bid price.
    BestBid,
    /// Best ask price.
    BestAsk,
    /// Base units at the best bid.
    BidQty,
    /// Base units at the best ask.
    AskQty,
    /// Mid price.
    Mid,
    /// 100·(ask − bid)/mid.
    SpreadPct,
    /// 100·(B − A)/(B + A) of the quantities in the first levels.
    Imbalance {
        /// Levels per side.
        levels: usize,
    },
    /// Σ price·quantity of the first levels, both sides.
    LiquidityLevels {
        /// Levels per side.
        levels: usize,
    },
    /// Σ price·quantity within a percentage of the mid price.
    Depth {
        /// Only this side; both when `None`.
        side: Option<Side>,
        /// Percent of mid.
        pct: f64,
    },
}

impl BookMeasure {
    /// Fractional bits of the integrals. Prices of 10^-8 keep eight digits, and a day of the largest price
    /// (2^24), spread, imbalance, quantity (2^46) or value (2^38) still fits.
    fn fraction_bits(self) -> u32 {
        match self {
            BookMeasure::BestBid | BookMeasure::BestAsk | BookMeasure::Mid => 56,
            BookMeasure::SpreadPct | BookMeasure::Imbalance { .. } => 56,
            BookMeasure::BidQty | BookMeasure::AskQty => 32,
            BookMeasure::LiquidityLevels { .. } | BookMeasure::Depth { .. } => 40,
        }
    }

    /// The number; `None` where it is undefined (an empty side, a crossed book, division by zero).
    pub fn of(self, book: &Book, spec: &SymbolSpec) -> Option<f64> {
        let (bid, ask) = (*book.bids().first()?, *book.asks().first()?);
        let (bid_price, ask_price) = (spec.price_f64(bid.price), spec.price_f64(ask.price));
        let mid = (bid_price + ask_price) / 2.0;
        let qty =
            |levels: &[Level], n: usize| levels.iter().take(n).map(|level| level.qty.0).sum::<i64>() as f64;
        let tick_lots = |level: &Level| i128::from(level.price.0) * i128::from(level.qty.0);
        let value = |levels: &[Level], n: usize| levels.iter().take(n).map(tick_lots).sum::<i128>();
        match self {
            BookMeasure::BestBid => Some(bid_price),
            BookMeasure::BestAsk => Some(ask_price),
            BookMeasure::BidQty => Some(spec.qty_f64(bid.qty)),
            BookMeasure::AskQty => Some(spec.qty_f64(ask.qty)),
            BookMeasure::Mid => Some(mid),
            BookMeasure::SpreadPct => (ask.price > bid.price)
                .then(|| 200.0 * (ask.price.0 - bid.price.0) as f64 / (ask.price.0 + bid.price.0) as f64),
            BookMeasure::Imbalance { levels } => {
                let (buyers, sellers) = (qty(book.bids(), levels), qty(book.asks(), levels));
                (buyers + sellers > 0.0).then(|| 100.0 * (buyers - sellers) / (buyers + sellers))
            }
            BookMeasure::LiquidityLevels { levels } => {
                Some(spec.money(value(book.bids(), levels) + value(book.asks(), levels)).to_f64())
            }
            BookMeasure::Depth { side, pct } => {
                // In ticks, so that a level exactly at the limit is inside regardless of the tick size.
                let twice_mid = bid.price.0 + ask.price.0;
                let near = |level: &&Level| {
                    100.0 * (2 * level.price.0 - twice_mid).abs() as f64 <= pct * twice_mid as f64
                };
                let within = |levels: &[Level]| levels.iter().take_while(near).map(tick_lots).sum::<i128>();
                let bids = if side == Some(Side::Sell) { 0 } else { within(book.bids()) };
                let asks = if side == Some(Side::Buy) { 0 } else { within(book.asks()) };
                Some(spec.money(bids + asks).to_f64())
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    at: Timestamp,
    value: Option<f64>,
    /// ∫ value dt and ∫ value² dt in units of 2^-bits·ns, and nanoseconds with a value, all up to `at`.
    area: i128,
    square_area: i128,
    defined: i64,
}

plain!(struct Step { at, value, area, square_area, defined });

/// A number that holds until the next one, over time.
#[derive(Clone, Debug)]
pub struct StepSeries {
    steps: VecDeque<Step>,
    pub(crate) longest: Span,
    overflowed: bool,
    /// Fractional bits of the integrals.
    bits: u32,
}

saved!(StepSeries { steps, overflowed } fixed { longest, bits });

/// Mean of a window of a step series.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Average {
    /// Time-weighted mean.
    pub mean: f64,
    /// Time-weighted mean of the squares; only for measures whose squares stay below 2^24.
    pub mean_square: f64,
}

fn fixed(value: f64, bits: u32) -> i128 {
    (value * (1_u64 << bits) as f64).round() as i128
}

impl StepSeries {
    /// A series that keeps at least this much time.
    pub fn new(longest: Span) -> Self {
        StepSeries { steps: VecDeque::new(), longest, overflowed: false, bits: 32 }
    }

    /// A series for a measure, with the precision it needs.
    pub fn of(measure: BookMeasure) -> Self {
        StepSeries { bits: measure.fraction_bits(), ..StepSeries::new(Span::ZERO) }
    }

    /// Keeps at least this much time from now on.
    pub fn keep(&mut self, span: Span) {
        self.longest = self.longest.max(span);
    }

    /// Sets the value from `at` on; `None` is undefined. An unchanged value costs nothing.
    pub fn push(&mut self, at: Timestamp, value: Option<f64>) {
        let (mut area, mut square_area, mut defined) = (0, 0, 0);
        let mut at = at;
        if let Some(last) = self.steps.back() {
            if last.value == value {
                return;
            }
            at = at.max(last.at);
            let sums = last.sums_at(at, self.bits);
            (area, square_area, defined) = (sums.0, sums.1, sums.2);
        }
        while self.steps.len() > 1 && self.steps[1].at < at - self.longest {
            self.steps.pop_front();
        }
        if self.steps.len() == SERIES_POINTS {
            self.steps.pop_front();
            self.overflowed = true;
        }
        self.steps.push_back(Step { at, value, area, square_area, defined });
    }

    /// The current value.
    pub fn latest(&self) -> Option<f64> {
        self.steps.back().and_then(|step| step.value)
    }

    /// The value at a time that is still kept; `None` when missing.
    pub fn value_at(&self, at: Timestamp) -> Option<f64> {
        self.at(at).ok()
    }

    /// The value at a time.
    ///
    /// # Errors
    /// `NoBook` when the series has no value yet, `WarmUp` before its first value, `WindowOverflow` before
    /// the oldest value kept, `Gap` where it is undefined.
    pub fn at(&self, at: Timestamp) -> Result<f64, Missing> {
        match self.step_at(at) {
            Some(step) => step.value.ok_or(Missing::Gap),
            None => Err(self.before_first()),
        }
    }

    fn before_first(&self) -> Missing {
        match (self.steps.is_empty(), self.overflowed) {
            (true, _) => Missing::NoBook,
            (false, true) => Missing::WindowOverflow,
            (false, false) => Missing::WarmUp,
        }
    }

    /// The mean over (now − t1, now − t2], with the value at the start carried in; the value at that time
    /// when t1 = t2.
    ///
    /// # Errors
    /// `NoBook`, `WarmUp`, `WindowOverflow` or `Gap` when less than `min_coverage` of the window is defined.
    pub fn average(&self, now: Timestamp, t1: Span, t2: Span, min_coverage: f64) -> Result<Average, Missing> {
        let (from, to) = (now - t1, now - t2);
        if from == to {
            let value = self.at(to).map_err(|why| if why == Missing::Gap { Missing::NoBook } else { why })?;
            return Ok(Average { mean: value, mean_square: value * value });
        }
        let (start, end) = (self.sums_at(from), self.sums_at(to));
        let covered = end.2 - start.2;
        let reaches_back = self.steps.front().is_some_and(|first| first.at <= from);
        if !reaches_back && self.overflowed {
            return Err(Missing::WindowOverflow);
        }
        if covered <= 0 || (covered as f64) < min_coverage * (to - from).nanos() as f64 {
            return Err(if reaches_back { Missing::Gap } else { self.before_first() });
        }
        let unit = covered as f64 * (1_u64 << self.bits) as f64;
        Ok(Average {
            mean: (end.0.wrapping_sub(start.0)) as f64 / unit,
            mean_square: (end.1.wrapping_sub(start.1)) as f64 / unit,
        })
    }

    fn step_at(&self, at: Timestamp) -> Option<&Step> {
        let after = self.steps.partition_point(|step| step.at <= at);
        after.checked_sub(1).map(|index| &self.steps[index])
    }

    fn sums_at(&self, at: Timestamp) -> (i128, i128, i64) {
        self.step_at(at).map_or((0, 0, 0), |step| step.sums_at(at, self.bits))
    }
}

impl Step {
    fn sums_at(&self, at: Timestamp, bits: u32) -> (i128, i128, i64) {
        match self.value {
            None => (self.area, self.square_area, self.defined),
            Some(value) => {
                let held = (at - self.at).nanos();
                (
                    self.area.wrapping_add(fixed(value, bits).wrapping_mul(i128::from(held))),
                    self.square_area.wrapping_add(fixed(value * value, bits).wrapping_mul(i128::from(held))),
                    self.defined + held,
                )
            }
        }
    }
}
