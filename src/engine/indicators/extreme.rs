//! The highest and lowest price of a sliding window in ticks, for the types built on them.
//!
//! Documents cannot name these types. They are computed once per window and symbol for all readers, and in
//! ticks, because a ratio of two of them needs no conversion to prices.

use super::window_params::{WINDOW, one_window};
use super::{DataKind, Indicator, IndicatorKind, Look, Missing, SlotId, Upstream, Value, Wiring};
use crate::checkpoint::{plain, saved};
use crate::domain::num::Price;
use crate::domain::strategy::{Comparison, IndicatorSpec};
use crate::domain::time::Timestamp;
use crate::engine::market::tape::{Needs, Point, Tape};
use crate::engine::market::window::Window;
use crate::engine::wake::Wake;
use std::collections::VecDeque;

static HIGHEST_TICKS: IndicatorKind = IndicatorKind {
    name: "HIGHEST_TICKS",
    about: "Highest trade price of the window in ticks",
    formula: "max p over trades in (T−t1, T−t2]",
    unit: "ticks",
    needs: &[DataKind::Price],
    range: None,
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| Box::new(Extremes::new(spec, wiring, [1])),
};

static LOWEST_TICKS: IndicatorKind = IndicatorKind {
    name: "LOWEST_TICKS",
    about: "Lowest trade price of the window in ticks",
    formula: "min p over trades in (T−t1, T−t2]",
    build: |spec, wiring| Box::new(Extremes::new(spec, wiring, [-1])),
    ..HIGHEST_TICKS
};

/// Both at once.
static RANGE_TICKS: IndicatorKind = IndicatorKind {
    name: "RANGE_TICKS",
    about: "Highest and lowest trade price of the window in ticks",
    formula: "max p and min p over trades in (T−t1, T−t2]",
    build: |spec, wiring| Box::new(Extremes::new(spec, wiring, [1, -1])),
    ..HIGHEST_TICKS
};

/// The highest price of (T−t1, T−t2] in ticks, with the coverage that `whole` requires.
pub(super) fn highest_ticks(whole: &IndicatorSpec, wiring: &mut Wiring<'_>, t1: f64, t2: f64) -> SlotId {
    wiring.part(&HIGHEST_TICKS, &[("t1", t1), ("t2", t2), ("min_coverage", whole.number("min_coverage"))])
}

/// The lowest price, like [`highest_ticks`].
pub(super) fn lowest_ticks(whole: &IndicatorSpec, wiring: &mut Wiring<'_>, t1: f64, t2: f64) -> SlotId {
    wiring.part(&LOWEST_TICKS, &[("t1", t1), ("t2", t2), ("min_coverage", whole.number("min_coverage"))])
}

/// A pair: the highest price and the lowest, like [`highest_ticks`].
pub(super) fn range_ticks(whole: &IndicatorSpec, wiring: &mut Wiring<'_>, t1: f64, t2: f64) -> SlotId {
    wiring.part(&RANGE_TICKS, &[("t1", t1), ("t2", t2), ("min_coverage", whole.number("min_coverage"))])
}

/// Highest or lowest price of a sliding window, or both in one walk.
///
/// Trades are gathered in blocks, and a queue keeps the blocks that can still hold the extreme. A trade
/// enters without a branch on its price, which would be unpredictable; only when an extreme leaves the window
/// is the rest of its block searched.
struct Extremes<const N: usize> {
    window: Window,
    of: [Extreme; N],
    /// Number of points that have entered.
    seen: u64,
}

saved!([impl<const N: usize>] Extremes<N> { window, seen } each { of });

/// One of the two.
struct Extreme {
    /// 1 for the highest price, −1 for the lowest: the extreme is always the largest `sign · price`.
    sign: i64,
    /// Complete blocks that can still hold the extreme, oldest and best first.
    blocks: VecDeque<Best>,
    /// The incomplete block.
    current: Best,
    /// The extreme when it was last asked for, in ticks, and the time of a trade at it.
    ticks: f64,
    found_at: Timestamp,
}

saved!(Extreme { blocks, current, ticks, found_at } fixed { sign });

/// Number of points per block.
const BLOCK: u64 = 16;

/// The best price of a block inside the window.
#[derive(Clone, Copy)]
struct Best {
    /// Time of its last trade at that price.
    at: Timestamp,
    /// Sign · ticks.
    key: i64,
    /// Number of the last point of its block.
    last: u64,
}

plain!(struct Best { at, key, last });

const NO_PRICE: Best = Best { at: Timestamp::MAX, key: i64::MIN, last: 0 };

impl<const N: usize> Extremes<N> {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, signs: [i64; N]) -> Self {
        let window = wiring.window(spec, spec.span("t1"), spec.span("t2"), Needs::NOTHING);
        Extremes { window, of: signs.map(Extreme::new), seen: 0 }
    }
}

impl<const N: usize> Indicator for Extremes<N> {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        let (start, last) = self.window.span(tape, look.now)?;
        if self.seen < last {
            self.enter(tape, last);
        }
        for extreme in &mut self.of {
            // A window without a highest price has no lowest either.
            extreme.find(tape, self.seen, start)?;
        }
        Ok(self.of[0].ticks)
    }

    /// The extremes stay while prices lie between them and the first of them has not left.
    fn sleep(&mut self, _: (Comparison, f64), look: &Look<'_>, _: &mut Upstream<'_>) -> Option<Wake> {
        let leaves = self.of.iter().map(|extreme| extreme.found_at + self.window.reach()).min()?;
        let [highest, lowest] = [0, N - 1].map(|index| &self.of[index]);
        let is_pair = highest.sign > lowest.sign;
        (is_pair && self.window.ends_now() && leaves > look.now).then(|| Wake {
            below: Price(lowest.ticks as i64 - 1),
            above: Price(highest.ticks as i64 + 1),
            at: leaves,
            always: false,
        })
    }

    fn second(&self) -> f64 {
        self.of[N - 1].ticks
    }
}

impl<const N: usize> Extremes<N> {
    #[inline]
    fn enter(&mut self, tape: &Tape, last: u64) {
        if self.seen + 1 < tape.oldest() {
            // Not read for so long that all points seen so far have left the tape, and so every window.
            self.of.iter_mut().for_each(Extreme::clear);
            self.seen = tape.oldest() - 1;
        }
        for number in self.seen + 1..=last {
            let point = tape.point(number);
            for extreme in &mut self.of {
                extreme.enter(point, number);
            }
        }
        self.seen = last;
    }
}

impl Extreme {
    fn new(sign: i64) -> Self {
        Extreme { sign, blocks: VecDeque::new(), current: NO_PRICE, ticks: 0.0, found_at: Timestamp::MIN }
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.current = NO_PRICE;
    }

    #[inline(always)]
    fn enter(&mut self, point: &Point, number: u64) {
        let key = if point.has_price() { point.price.0 * self.sign } else { i64::MIN };
        self.current.at = if key >= self.current.key { point.at } else { self.current.at };
        self.current.key = self.current.key.max(key);
        if number % BLOCK == 0 {
            self.finish_block(number);
        }
    }

    fn finish_block(&mut self, number: u64) {
        while self.blocks.back().is_some_and(|older| older.key <= self.current.key) {
            self.blocks.pop_back();
        }
        self.blocks.push_back(Best { last: number, ..self.current });
        self.current = NO_PRICE;
    }

    /// Finds the extreme after `start` among the points up to `seen`.
    #[inline(always)]
    fn find(&mut self, tape: &Tape, seen: u64, start: Timestamp) -> Result<(), Missing> {
        if self.current.at <= start {
            self.current = self.best_of_rest(tape, seen, start);
        }
        let mut best = self.current;
        while let Some(front) = self.blocks.front() {
            if front.at > start {
                best = if front.key > best.key { *front } else { best };
                break;
            }
            self.renew_front(tape, start);
        }
        if best.key == i64::MIN {
            return Err(Missing::EmptyWindow);
        }
        (self.ticks, self.found_at) = ((best.key * self.sign) as f64, best.at);
        Ok(())
    }

    /// The best price of the oldest block has left the window: replaces it by the best of the block's rest,
    /// unless a newer block is at least as good.
    #[cold]
    fn renew_front(&mut self, tape: &Tape, start: Timestamp) {
        let Some(left) = self.blocks.pop_front() else { return };
        let rest = self.best_of_rest(tape, left.last, start);
        if rest.key > self.blocks.front().map_or(i64::MIN, |next| next.key) {
            self.blocks.push_front(rest);
        }
    }

    /// The best price after `start` among the points of the block of `last`, up to `last`.
    #[cold]
    fn best_of_rest(&self, tape: &Tape, last: u64, start: Timestamp) -> Best {
        let first = ((last - 1) / BLOCK * BLOCK + 1).max(tape.oldest());
        let inside = (first..=last)
            .map(|number| tape.point(number))
            .filter(|point| point.at > start && point.has_price());
        let keys = inside.map(|point| Best { at: point.at, key: point.price.0 * self.sign, last });
        keys.max_by_key(|best| best.key).unwrap_or(NO_PRICE)
    }
}
