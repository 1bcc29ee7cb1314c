//! Ring buffer of the trades in the longest window, with running sums: the volume, count, value or
//! time-weighted price of any window is the difference of two points, whatever its length.
//!
//! Sums are integers (wrapping, which a difference undoes), so no error accumulates. Invariants: a window
//! never reads a trade after its end, and no price is carried forward across a gap.

use crate::domain::event::Trade;
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::time::{Span, Timestamp};
use crate::engine::indicators::Missing;
use crate::limits::TAPE_POINTS;

/// One trade with the sums up to and including it. Two cache lines: the first holds what windows of volumes,
/// counts and extremes read.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Point {
    /// Event time.
    pub at: Timestamp,
    /// Price in ticks; in force until the next point.
    pub price: Price,
    /// Quantity in lots.
    pub qty: Qty,
    /// Number of trades so far.
    pub count: i64,
    /// Σ lots.
    pub sum_qty: i64,
    /// Σ lots bought by takers.
    pub sum_buy_qty: i64,
    /// Nanoseconds up to `at` during which a price was in force.
    pub defined: i64,
    /// Side of the taker.
    pub taker: Side,
    /// Kind of the point.
    pub kind: PointKind,
    /// Σ ticks × lots.
    pub sum_value: i128,
    /// Σ ticks × lots bought by takers.
    pub sum_buy_value: i128,
    /// ∫ ticks dt in tick·ns up to `at`, over the time in which a price was in force.
    pub area: i128,
    /// Σ ticks, one term per trade.
    pub sum_price: i64,
}

const _: () = assert!(size_of::<Point>() == 128);

/// Kind of a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PointKind {
    /// A trade.
    Trade,
    /// A price inside a bar: changes the price and the extremes, but is not counted.
    PriceOnly,
    /// A gap: no price is known from here on.
    Interruption,
}

/// The ring buffer of points. Points are numbered from 1; "number `n`" also means "`n` points so far".
pub struct Tape {
    ring: Vec<Point>,
    /// Times of the points in the ring: what cursors search, small enough for the L1 cache.
    times: Vec<Timestamp>,
    /// Number of points dropped, which is the number of the oldest kept point minus one.
    dropped: u64,
    /// Number of points ever pushed.
    pushed: u64,
    pub(crate) longest: Span,
    /// Maximum number of points: [`TAPE_POINTS`], fewer in tests.
    bound: usize,
    /// From here to the newest point a price was always known and no point was dropped early.
    whole_since: Timestamp,
}

impl Tape {
    /// An empty tape without readers.
    pub fn new() -> Self {
        Tape {
            ring: Vec::new(),
            times: Vec::new(),
            dropped: 0,
            pushed: 0,
            longest: Span::ZERO,
            bound: TAPE_POINTS,
            whole_since: Timestamp::MAX,
        }
    }

    /// Keeps at least this much history. Called while indicators are wired, before the first event.
    pub fn keep(&mut self, span: Span) {
        self.longest = self.longest.max(span);
        if self.ring.is_empty() {
            self.ring = vec![NO_POINT; 1_024];
            self.times = vec![Timestamp::MAX; 1_024];
        }
    }

    /// Whether any indicator reads the tape; otherwise nothing is pushed.
    pub fn is_read(&self) -> bool {
        !self.ring.is_empty()
    }

    /// Number of the newest point: the number of points ever pushed.
    pub fn newest(&self) -> u64 {
        self.pushed
    }

    /// Since when a price has been known without interruption; [`Timestamp::MAX`] while none is known.
    #[inline]
    pub fn whole_since(&self) -> Timestamp {
        self.whole_since
    }

    /// Number of the oldest point kept.
    pub fn oldest(&self) -> u64 {
        self.dropped + 1
    }

    /// The kept point with this number.
    #[inline]
    pub fn point(&self, number: u64) -> &Point {
        debug_assert!(number > self.dropped && number <= self.pushed);
        &self.ring[self.slot(number)]
    }

    #[inline]
    fn slot(&self, number: u64) -> usize {
        (number as usize) & (self.ring.len() - 1)
    }

    /// Appends a trade. `counts` is false for prices inside a bar that are not trades.
    #[inline]
    pub fn push(&mut self, at: Timestamp, trade: Trade, counts: bool) {
        let last = if self.pushed == self.dropped { &NO_POINT } else { self.point(self.pushed) };
        let known = last.kind != PointKind::Interruption;
        let carried = if known { (at - last.at).nanos() } else { 0 };
        let value = i128::from(trade.price.0) * i128::from(trade.qty.0);
        let bought = if trade.taker == Side::Buy { trade.qty.0 } else { 0 };
        let bought_value = if trade.taker == Side::Buy { value } else { 0 };
        let counted = i64::from(counts);
        let point = Point {
            at,
            price: trade.price,
            qty: trade.qty,
            taker: trade.taker,
            kind: if counts { PointKind::Trade } else { PointKind::PriceOnly },
            count: last.count + counted,
            sum_qty: last.sum_qty.wrapping_add(trade.qty.0),
            sum_buy_qty: last.sum_buy_qty.wrapping_add(bought),
            sum_price: last.sum_price.wrapping_add(trade.price.0 * counted),
            sum_value: last.sum_value.wrapping_add(value),
            sum_buy_value: last.sum_buy_value.wrapping_add(bought_value),
            area: last.area.wrapping_add(i128::from(last.price.0) * i128::from(carried)),
            defined: last.defined + carried,
        };
        if !known {
            self.whole_since = at;
        }
        self.append(point);
    }

    /// Marks the price as unknown from `from` until the next trade.
    pub fn interrupt(&mut self, from: Timestamp) {
        if self.pushed == self.dropped {
            return;
        }
        let last = *self.point(self.pushed);
        if last.kind == PointKind::Interruption {
            return;
        }
        let at = from.max(last.at);
        let carried = (at - last.at).nanos();
        let area = last.area.wrapping_add(i128::from(last.price.0) * i128::from(carried));
        self.append(Point {
            at,
            qty: Qty::ZERO,
            kind: PointKind::Interruption,
            area,
            defined: last.defined + carried,
            ..last
        });
        self.whole_since = Timestamp::MAX;
    }

    #[inline]
    fn append(&mut self, point: Point) {
        if (self.pushed - self.dropped) as usize == self.ring.len() {
            self.make_room(point.at - self.longest);
        }
        self.pushed += 1;
        let slot = self.slot(self.pushed);
        self.times[slot] = point.at;
        self.ring[slot] = point;
    }

    /// Makes room in the full ring: drops the points that no window reaches. If most are still needed, the
    /// ring doubles; at the bound the oldest point is dropped early.
    #[cold]
    fn make_room(&mut self, start: Timestamp) {
        // The last point at or before the start of the longest window stays, because its price is carried in.
        while self.dropped + 1 < self.pushed && self.point(self.dropped + 2).at <= start {
            self.dropped += 1;
        }
        let (kept, size) = ((self.pushed - self.dropped) as usize, self.ring.len());
        if kept > size / 4 * 3 && size < self.bound {
            let mut larger = (vec![NO_POINT; size * 2], vec![Timestamp::MAX; size * 2]);
            for number in self.dropped + 1..=self.pushed {
                let slot = (number as usize) & (size * 2 - 1);
                larger.0[slot] = *self.point(number);
                larger.1[slot] = self.point(number).at;
            }
            (self.ring, self.times) = larger;
        } else if kept == size {
            self.dropped += 1;
            self.whole_since = self.whole_since.max(self.point(self.dropped + 1).at);
        }
    }
}

impl Default for Tape {
    fn default() -> Self {
        Tape::new()
    }
}

/// Stands for the time before the first point: no sums, no price.
static NO_POINT: Point = Point {
    at: Timestamp::MIN,
    price: Price(0),
    qty: Qty(0),
    count: 0,
    sum_qty: 0,
    sum_buy_qty: 0,
    defined: 0,
    taker: Side::Buy,
    kind: PointKind::Interruption,
    sum_value: 0,
    sum_buy_value: 0,
    area: 0,
    sum_price: 0,
};

/// A cursor at a fixed `offset` before now and the number of points at or before it. Each reader owns one, so
/// moving it costs at most one step per trade.
#[derive(Clone, Copy, Debug)]
pub struct Boundary {
    offset: Span,
    number: u64,
}

/// The tape at one time: all sums up to it.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'t> {
    /// The time.
    pub at: Timestamp,
    /// Number of points at or before it; zero before the oldest kept point.
    pub number: u64,
    /// The last of these points; its `price` is in force if [`Moment::has_price`].
    pub point: &'t Point,
}

impl Moment<'_> {
    /// Whether a price is in force.
    #[inline]
    pub fn has_price(&self) -> bool {
        self.point.kind != PointKind::Interruption
    }

    /// The price in force, if any.
    #[inline]
    pub fn price(&self) -> Option<Price> {
        self.has_price().then_some(self.point.price)
    }

    /// ∫ ticks dt up to this time.
    #[inline]
    pub fn area(&self) -> i128 {
        self.point.area.wrapping_add(i128::from(self.point.price.0) * i128::from(self.carried()))
    }

    /// Nanoseconds up to this time during which a price was in force.
    #[inline]
    pub fn defined(&self) -> i64 {
        self.point.defined + self.carried()
    }

    #[inline]
    fn carried(&self) -> i64 {
        if self.has_price() { (self.at - self.point.at).nanos() } else { 0 }
    }
}

impl Boundary {
    /// A cursor at `offset` before now.
    pub fn new(offset: Span) -> Self {
        Boundary { offset, number: 0 }
    }

    /// Moves the cursor to `now` and reads the sums there. `now` must not decrease.
    #[inline(always)] // a result built part by part in memory and copied whole stalls the processor
    pub fn moment<'t>(&mut self, tape: &'t Tape, now: Timestamp) -> Moment<'t> {
        let at = now - self.offset;
        let number = self.number(tape, at);
        if number <= tape.dropped {
            return Moment { at, number: 0, point: &NO_POINT };
        }
        Moment { at, number, point: tape.point(number) }
    }

    #[inline(always)]
    fn number(&mut self, tape: &Tape, at: Timestamp) -> u64 {
        if self.offset == Span::ZERO { tape.pushed } else { self.advance(tape, at) }
    }

    #[inline]
    fn advance(&mut self, tape: &Tape, at: Timestamp) -> u64 {
        let mut number = self.number.max(tape.dropped);
        while number < tape.pushed {
            // The number of points passed is unpredictable, and one mispredicted branch costs more than four
            // comparisons. Slots after the newest point hold stale data; they are only counted after all real
            // points and are cut off below.
            let passed = |ahead: u64| tape.times[tape.slot(number + ahead)] <= at;
            let first = passed(1);
            let second = first & passed(2);
            let third = second & passed(3);
            let fourth = third & passed(4);
            number += u64::from(first) + u64::from(second) + u64::from(third) + u64::from(fourth);
            if !fourth {
                break;
            }
        }
        self.number = number.min(tape.pushed);
        self.number
    }
}

/// A window (now − t1, now − t2] with the fraction of it that must be covered by data.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    start: Boundary,
    end: Boundary,
    length: Span,
    min_coverage: f64,
}

/// The contents of a window: differences of the sums at its two ends.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'t> {
    /// The older end; its price is carried into the window.
    pub start: Moment<'t>,
    /// The newer end.
    pub end: Moment<'t>,
}

impl Window {
    /// A window from `t1` to `t2` before now (t1 ≥ t2).
    pub fn new(t1: Span, t2: Span, min_coverage: f64) -> Self {
        Window {
            start: Boundary::new(t1),
            end: Boundary::new(t2),
            length: Span::from_nanos(t1.nanos() - t2.nanos()),
            min_coverage,
        }
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.length.seconds_f64()
    }

    /// Moves the window to `now` and reads it.
    ///
    /// # Errors
    /// `WarmUp` when the tape does not reach back far enough, `WindowOverflow` when points were dropped
    /// early, `Gap` when an interruption leaves less than the minimum coverage.
    #[inline(always)] // a result built part by part in memory and copied whole stalls the processor
    pub fn read<'t>(&mut self, tape: &'t Tape, now: Timestamp) -> Result<Slice<'t>, Missing> {
        let slice = Slice { start: self.start.moment(tape, now), end: self.end.moment(tape, now) };
        if slice.start.at < tape.whole_since {
            self.must_cover(tape, slice)?;
        }
        Ok(slice)
    }

    /// Like [`Window::read`], but with an `end` that was already read as the start of another window.
    ///
    /// # Errors
    /// As [`Window::read`].
    #[inline(always)] // a result built part by part in memory and copied whole stalls the processor
    pub fn read_until<'t>(
        &mut self,
        tape: &'t Tape,
        now: Timestamp,
        end: Moment<'t>,
    ) -> Result<Slice<'t>, Missing> {
        debug_assert_eq!(end.at, now - self.end.offset);
        let slice = Slice { start: self.start.moment(tape, now), end };
        if slice.start.at < tape.whole_since {
            self.must_cover(tape, slice)?;
        }
        Ok(slice)
    }

    /// Whether this window ends where a newer one begins.
    pub fn touches(&self, newer: &Window) -> bool {
        self.end.offset == newer.start.offset
    }

    /// For readers that keep their own state: the start time of the window and the number of the last point
    /// at or before its end. Only reads the older end of the tape when data is missing.
    ///
    /// # Errors
    /// As [`Window::read`].
    #[inline(always)] // a result built part by part in memory and copied whole stalls the processor
    pub fn span(&mut self, tape: &Tape, now: Timestamp) -> Result<(Timestamp, u64), Missing> {
        let start = now - self.start.offset;
        if start < tape.whole_since {
            self.read(tape, now)?;
        }
        Ok((start, self.end.number(tape, now - self.end.offset)))
    }

    /// Takes the slice by value: a slice whose address is never taken stays in registers.
    #[cold]
    fn must_cover(&self, tape: &Tape, slice: Slice<'_>) -> Result<(), Missing> {
        // Starts before the oldest kept point: its sums are lost, whatever the coverage.
        if slice.start.number == 0 && tape.dropped > 0 {
            return Err(Missing::WindowOverflow);
        }
        let covered = slice.end.defined() - slice.start.defined();
        if covered != self.length.nanos() && (covered as f64) < self.min_coverage * self.length.nanos() as f64
        {
            return Err(if slice.start.number > 0 { Missing::Gap } else { Missing::WarmUp });
        }
        Ok(())
    }
}

impl Slice<'_> {
    /// Number of trades.
    #[inline]
    pub fn count(&self) -> i64 {
        self.end.point.count - self.start.point.count
    }

    /// Lots traded.
    #[inline]
    pub fn qty(&self) -> i64 {
        self.end.point.sum_qty.wrapping_sub(self.start.point.sum_qty)
    }

    /// Lots bought by takers.
    #[inline]
    pub fn buy_qty(&self) -> i64 {
        self.end.point.sum_buy_qty.wrapping_sub(self.start.point.sum_buy_qty)
    }

    /// Σ ticks × lots.
    #[inline]
    pub fn value(&self) -> i128 {
        self.end.point.sum_value.wrapping_sub(self.start.point.sum_value)
    }

    /// Σ ticks × lots bought by takers.
    #[inline]
    pub fn buy_value(&self) -> i128 {
        self.end.point.sum_buy_value.wrapping_sub(self.start.point.sum_buy_value)
    }

    /// Σ ticks, one term per trade.
    #[inline]
    pub fn price_sum(&self) -> i64 {
        self.end.point.sum_price.wrapping_sub(self.start.point.sum_price)
    }

    /// Time-weighted average price in ticks over the covered part; the price in force when nothing is
    /// covered.
    #[inline]
    pub fn average_price(&self) -> Result<f64, Missing> {
        let covered = self.end.defined() - self.start.defined();
        if covered > 0 {
            return Ok(nearest_f64(self.end.area().wrapping_sub(self.start.area())) / covered as f64);
        }
        self.end.price().map(|price| price.0 as f64).ok_or(Missing::WarmUp)
    }

    /// Numbers of the points inside: after `start`, up to and including `end`.
    pub fn numbers(&self, tape: &Tape) -> std::ops::RangeInclusive<u64> {
        self.start.number.max(tape.dropped) + 1..=self.end.number
    }
}

/// The nearest f64; almost all sums fit 64 bits, which the CPU converts natively.
#[inline]
pub fn nearest_f64(sum: i128) -> f64 {
    i64::try_from(sum).map_or(sum as f64, |small| small as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(price: i64, qty: i64) -> Trade {
        Trade { price: Price(price), qty: Qty(qty), taker: Side::Buy }
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn days_of_trades_take_the_room_of_the_longest_window() {
        let mut tape = Tape::new();
        tape.keep(Span::from_seconds(600));
        let mut window = Window::new(Span::from_seconds(600), Span::from_seconds(60), 1.0);
        for now in 0..3 * 86_400 {
            tape.push(second(now), trade(100 + now % 7, 1), true);
            if now >= 700 && now % 1_000 == 0 {
                assert_eq!(window.read(&tape, second(now)).unwrap().qty(), 540, "at {now}");
            }
        }
        assert_eq!((tape.ring.len(), tape.times.len()), (1_024, 1_024));
    }

    #[test]
    fn a_full_tape_grows_and_keeps_every_sum() {
        let mut tape = Tape::new();
        tape.keep(Span::from_seconds(5_000));
        let mut window = Window::new(Span::from_seconds(4_000), Span::ZERO, 1.0);
        for now in 0..20_000 {
            tape.push(second(now), trade(100, now), true);
        }
        let last_4_000: i64 = (16_000..20_000).sum();
        assert_eq!(window.read(&tape, second(19_999)).unwrap().qty(), last_4_000);
        assert_eq!(tape.ring.len(), 8_192);
    }

    #[test]
    fn at_the_bound_long_windows_are_missing_and_short_ones_go_on() {
        let mut tape = Tape::new();
        tape.bound = 1_024;
        tape.keep(Span::from_seconds(5_000));
        let [mut long, mut partly, mut short] = [(4_000, 1.0), (4_000, 0.1), (900, 1.0)]
            .map(|(t1, c)| Window::new(Span::from_seconds(t1), Span::ZERO, c));
        for now in 0..6_000 {
            tape.push(second(now), trade(100, 1), true);
        }
        assert_eq!(tape.ring.len(), 1_024);
        assert_eq!(long.read(&tape, second(5_999)).err(), Some(Missing::WindowOverflow));
        assert_eq!(
            partly.read(&tape, second(5_999)).err(),
            Some(Missing::WindowOverflow),
            "its sums are lost, whatever the coverage"
        );
        assert_eq!(short.read(&tape, second(5_999)).unwrap().qty(), 900);
    }

    #[test]
    fn a_boundary_skips_many_points_and_stops_at_the_newest() {
        let mut tape = Tape::new();
        tape.keep(Span::from_seconds(100));
        let mut boundary = Boundary::new(Span::from_seconds(10));
        for now in 0..50 {
            tape.push(second(now), trade(1, 1), true);
        }
        assert_eq!(boundary.moment(&tape, second(50)).number, 41);
        assert_eq!(boundary.moment(&tape, second(500)).number, 50);
        tape.push(second(500), trade(1, 1), true);
        assert_eq!(boundary.moment(&tape, second(509)).number, 50);
        assert_eq!(boundary.moment(&tape, second(510)).number, 51);
    }
}
