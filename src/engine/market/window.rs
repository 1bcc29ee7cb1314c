//! Windows over the tape: the volume, count, value or time-weighted price of any of them is the difference of
//! the sums at its two ends, whatever its length.
//!
//! Each end moves forward when it is asked for and adds up what it passes. Invariant: a window never reads a
//! trade after its end.

use super::tape::{Needs, Place, Point, Sums, Tape};
use crate::checkpoint::saved;
use crate::domain::num::Price;
use crate::domain::time::{Span, Timestamp};
use crate::engine::value::Missing;

/// A cursor at a fixed `offset` before now, with the sums of all points at or before it. Each reader owns
/// one, so moving it costs at most one step per trade.
#[derive(Clone, Debug)]
pub struct Boundary {
    offset: Span,
    needs: Needs,
    place: Place,
}

saved!(Boundary { place } fixed { offset, needs });

/// The tape at one time: all sums up to it.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'t> {
    /// The time.
    pub at: Timestamp,
    /// Number of points at or before it; zero before the oldest kept point.
    pub number: u64,
    /// The last of these points; its `price` is in force if [`Moment::has_price`].
    pub point: &'t Point,
    sums: &'t Sums,
    needs: Needs,
}

static BEFORE_ALL: Place = Place::START;

impl<'t> Moment<'t> {
    #[inline(always)]
    fn new(at: Timestamp, place: &'t Place, needs: Needs) -> Self {
        Moment { at, number: place.number, point: &place.last, sums: &place.sums, needs }
    }

    /// Whether a price is in force.
    #[inline]
    pub fn has_price(&self) -> bool {
        self.point.has_price()
    }

    /// The price in force, if any.
    #[inline]
    pub fn price(&self) -> Option<Price> {
        self.has_price().then_some(self.point.price)
    }

    /// Sums of which the reader said that it needs them.
    #[inline]
    fn sums(&self, needs: Needs) -> &'t Sums {
        debug_assert!(self.needs.include(needs), "wired for {:?}, reads {needs:?}", self.needs);
        self.sums
    }

    /// ∫ ticks dt up to this time.
    #[inline]
    fn area(&self) -> i128 {
        let held = self.point.held_until(self.at);
        self.sums(Needs::PRICES).area.wrapping_add(i128::from(self.point.price.0) * i128::from(held))
    }

    /// Nanoseconds up to this time during which a price was in force.
    #[inline]
    fn defined(&self) -> i64 {
        self.sums.defined + self.point.held_until(self.at)
    }
}

impl Boundary {
    /// A cursor at `offset` before now, for a reader that needs these sums.
    pub(in crate::engine) fn new(offset: Span, needs: Needs) -> Self {
        Boundary { offset, needs, place: Place::START }
    }

    /// Moves the cursor to `now` and reads the sums there. `now` must not decrease.
    #[inline(always)] // a result built part by part in memory and copied whole stalls the processor
    pub fn moment<'t>(&'t mut self, tape: &'t Tape, now: Timestamp) -> Moment<'t> {
        let (at, needs) = (now - self.offset, self.needs);
        let place = self.place(tape, at);
        let place = if place.number < tape.oldest() { &BEFORE_ALL } else { place };
        Moment::new(at, place, needs)
    }

    /// Where the tape is at `at`, which is `offset` before now. All windows that end now share one.
    #[inline(always)]
    fn place<'t>(&'t mut self, tape: &'t Tape, at: Timestamp) -> &'t Place {
        if self.offset == Span::ZERO {
            return tape.end();
        }
        tape.advance(&mut self.place, at, self.needs);
        &self.place
    }
}

/// A window (now − t1, now − t2] with the fraction of it that must be covered by data.
#[derive(Clone, Debug)]
pub struct Window {
    start: Boundary,
    end: Boundary,
    length: Span,
    min_coverage: f64,
}

saved!(Window { start, end } fixed { length, min_coverage });

/// The contents of a window: differences of the sums at its two ends.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'t> {
    /// The older end; its price is carried into the window.
    pub start: Moment<'t>,
    /// The newer end.
    pub end: Moment<'t>,
}

impl Window {
    /// A window from `t1` to `t2` before now (t1 ≥ t2), for a reader that needs these sums.
    pub(in crate::engine) fn new(t1: Span, t2: Span, min_coverage: f64, needs: Needs) -> Self {
        Window {
            start: Boundary::new(t1, needs),
            end: Boundary::new(t2, needs),
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
    pub fn read<'t>(&'t mut self, tape: &'t Tape, now: Timestamp) -> Result<Slice<'t>, Missing> {
        let slice = Slice { start: self.start.moment(tape, now), end: self.end.moment(tape, now) };
        if slice.start.at < tape.whole_since() {
            must_cover(tape, slice, self.length, self.min_coverage)?;
        }
        Ok(slice)
    }

    /// Like [`Window::read`], but with an `end` that was already read as the start of another window.
    ///
    /// # Errors
    /// As [`Window::read`].
    #[inline(always)] // a result built part by part in memory and copied whole stalls the processor
    pub fn read_until<'t>(
        &'t mut self,
        tape: &'t Tape,
        now: Timestamp,
        end: Moment<'t>,
    ) -> Result<Slice<'t>, Missing> {
        debug_assert_eq!(end.at, now - self.end.offset);
        let slice = Slice { start: self.start.moment(tape, now), end };
        if slice.start.at < tape.whole_since() {
            must_cover(tape, slice, self.length, self.min_coverage)?;
        }
        Ok(slice)
    }

    /// How long a point stays in it after it has happened.
    pub fn reach(&self) -> Span {
        self.start.offset
    }

    /// Whether it ends now, so that a trade enters as it happens.
    pub fn ends_now(&self) -> bool {
        self.end.offset == Span::ZERO
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
        if start < tape.whole_since() {
            self.read(tape, now)?;
        }
        Ok((start, self.end.place(tape, now - self.end.offset).number))
    }
}

/// Takes the slice by value: a slice whose address is never taken stays in registers.
#[cold]
fn must_cover(tape: &Tape, slice: Slice<'_>, length: Span, min_coverage: f64) -> Result<(), Missing> {
    // Starts before the oldest kept point: its sums are lost, whatever the coverage.
    if slice.start.number == 0 && tape.oldest() > 1 {
        return Err(Missing::WindowOverflow);
    }
    let covered = slice.end.defined() - slice.start.defined();
    if covered != length.nanos() && (covered as f64) < min_coverage * length.nanos() as f64 {
        return Err(if slice.start.number > 0 { Missing::Gap } else { Missing::WarmUp });
    }
    Ok(())
}

impl Slice<'_> {
    /// Number of trades.
    #[inline]
    pub fn count(&self) -> i64 {
        self.end.sums(Needs::VOLUME).count - self.start.sums(Needs::VOLUME).count
    }

    /// Lots traded.
    #[inline]
    pub fn qty(&self) -> i64 {
        self.end.sums(Needs::VOLUME).qty.wrapping_sub(self.start.sums(Needs::VOLUME).qty)
    }

    /// Lots bought by takers.
    #[inline]
    pub fn buy_qty(&self) -> i64 {
        self.end.sums(Needs::VOLUME).buy_qty.wrapping_sub(self.start.sums(Needs::VOLUME).buy_qty)
    }

    /// Σ ticks × lots.
    #[inline]
    pub fn value(&self) -> i128 {
        self.end.sums(Needs::VALUE).value.wrapping_sub(self.start.sums(Needs::VALUE).value)
    }

    /// Σ ticks × lots bought by takers.
    #[inline]
    pub fn buy_value(&self) -> i128 {
        self.end.sums(Needs::VALUE).buy_value.wrapping_sub(self.start.sums(Needs::VALUE).buy_value)
    }

    /// Σ ticks, one term per trade.
    #[inline]
    pub fn price_sum(&self) -> i64 {
        self.end.sums(Needs::PRICES).price.wrapping_sub(self.start.sums(Needs::PRICES).price)
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
        self.start.number.max(tape.oldest() - 1) + 1..=self.end.number
    }
}

/// The nearest f64; almost all sums fit 64 bits, which the CPU converts natively.
#[inline]
pub fn nearest_f64(sum: i128) -> f64 {
    i64::try_from(sum).map_or(sum as f64, |small| small as f64)
}

#[cfg(test)]
mod tests {
    use super::super::tape::BLOCK;
    use super::*;
    use crate::domain::event::Trade;
    use crate::domain::num::Qty;
    use crate::domain::order::Side;

    const ALL: Needs = Needs::VOLUME.and(Needs::VALUE).and(Needs::PRICES);

    fn trade(price: i64, qty: i64) -> Trade {
        Trade { price: Price(price), qty: Qty(qty), taker: Side::Buy }
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn ago(seconds: i64) -> Span {
        Span::from_seconds(seconds)
    }

    fn tape(longest: i64) -> Tape {
        let mut tape = Tape::new();
        tape.keep(ago(longest), ALL);
        tape
    }

    #[test]
    fn days_of_trades_take_the_room_of_the_longest_window() {
        let mut tape = tape(600);
        let mut window = Window::new(ago(600), ago(60), 1.0, ALL);
        for now in 0..3 * 86_400 {
            tape.push(second(now), trade(100 + now % 7, 1), true);
            if now >= 700 && now % 1_000 == 0 {
                assert_eq!(window.read(&tape, second(now)).unwrap().qty(), 540, "at {now}");
            }
            assert!(tape.newest() + 1 - tape.oldest() <= 600 + 2 * BLOCK as u64);
        }
    }

    #[test]
    fn a_long_window_keeps_every_sum() {
        let mut tape = tape(5_000);
        let mut window = Window::new(ago(4_000), Span::ZERO, 1.0, ALL);
        for now in 0..20_000 {
            tape.push(second(now), trade(100, now), true);
        }
        let last_4_000: i64 = (16_000..20_000).sum();
        assert_eq!(window.read(&tape, second(19_999)).unwrap().qty(), last_4_000);
    }

    #[test]
    fn at_the_bound_long_windows_are_missing_and_short_ones_go_on() {
        let mut tape = tape(5_000);
        tape.bound = 1_500;
        let [mut long, mut partly, mut short] =
            [(4_000, 1.0), (4_000, 0.1), (900, 1.0)].map(|(t1, c)| Window::new(ago(t1), Span::ZERO, c, ALL));
        for now in 0..6_000 {
            tape.push(second(now), trade(100, 1), true);
        }
        assert_eq!(tape.newest() + 1 - tape.oldest(), 1_500);
        assert_eq!(tape.whole_since(), second(4_500));
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
        let mut tape = tape(100);
        let mut boundary = Boundary::new(ago(10), ALL);
        for now in 0..50 {
            tape.push(second(now), trade(1, 1), true);
        }
        assert_eq!(boundary.moment(&tape, second(50)).number, 41);
        assert_eq!(boundary.moment(&tape, second(500)).number, 50);
        tape.push(second(500), trade(1, 1), true);
        assert_eq!(boundary.moment(&tape, second(509)).number, 50);
        assert_eq!(boundary.moment(&tape, second(510)).number, 51);
    }

    /// A market of trades, prices inside bars and gaps, with the slow sums of any window of it.
    struct Told {
        tape: Tape,
        /// Time in milliseconds and what was traded there; `None` at a gap.
        steps: Vec<(i64, Option<(Trade, bool)>)>,
    }

    impl Told {
        fn step(&mut self, seed: &mut u64) {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let random = |from: u32, below: u64| (*seed >> from) % below;
            let now = self.steps.last().map_or(0, |step| step.0) + random(20, 4) as i64 * 250;
            let at = Timestamp::from_nanos(now * 1_000_000);
            if random(40, 300) == 0 {
                self.tape.interrupt(at);
                if self.steps.last().is_some_and(|step| step.1.is_some()) {
                    self.steps.push((now, None));
                }
                return;
            }
            let taker = if random(33, 2) == 0 { Side::Buy } else { Side::Sell };
            let trade =
                Trade { price: Price(1_000 + random(50, 50) as i64), qty: Qty(random(9, 90) as i64), taker };
            let counts = random(45, 9) > 0;
            self.tape.push(at, trade, counts);
            self.steps.push((now, Some((trade, counts))));
        }

        /// Number, lots, lots bought, value, value bought, Σ ticks, and the time-weighted price.
        fn slow(&self, from: i64, to: i64) -> (i64, i64, i64, i128, i128, i64, Result<f64, Missing>) {
            let mut sums = (0, 0, 0, 0, 0, 0, Err(Missing::WarmUp));
            let (mut area, mut covered) = (0_i128, 0_i64);
            for (index, (at, what)) in self.steps.iter().enumerate() {
                let Some((trade, counts)) = what else { continue };
                let end = self.steps.get(index + 1).map_or(i64::MAX, |next| next.0);
                if *at <= to && end > to {
                    sums.6 = Ok(trade.price.0 as f64);
                }
                let held = (end.min(to) - (*at).max(from)).max(0) * 1_000_000;
                (area, covered) = (area + i128::from(held) * i128::from(trade.price.0), covered + held);
                if *at <= from || *at > to {
                    continue;
                }
                let value = i128::from(trade.price.0) * i128::from(trade.qty.0);
                (sums.1, sums.3) = (sums.1 + trade.qty.0, sums.3 + value);
                if trade.taker == Side::Buy {
                    (sums.2, sums.4) = (sums.2 + trade.qty.0, sums.4 + value);
                }
                if *counts {
                    (sums.0, sums.5) = (sums.0 + 1, sums.5 + trade.price.0);
                }
            }
            if covered > 0 {
                sums.6 = Ok(nearest_f64(area) / covered as f64);
            }
            sums
        }
    }

    /// Readers that are asked always, now and then, or not until all they had seen has left the tape; gaps
    /// and the bound in between.
    #[test]
    fn windows_that_slept_have_the_sums_of_those_that_did_not() {
        let mut read = 0;
        for (bound, seed) in [(usize::MAX, 1), (usize::MAX, 2), (1_500, 3), (1_300, 4)] {
            let mut seed = seed;
            let mut told = Told { tape: tape(600), steps: Vec::new() };
            told.tape.bound = bound;
            let every = [1, 7, 1_000, 3_001, 7_919];
            let mut windows = every.map(|every| {
                [(600, 0), (600, 300), (40, 0), (500, 499)]
                    .map(|(t1, t2)| (every, t1, t2, Window::new(ago(t1), ago(t2), 0.0, ALL)))
            });
            for step in 1..24_000 {
                told.step(&mut seed);
                let Some(now) = told.steps.last().map(|step| step.0) else { continue };
                for (every, t1, t2, window) in windows.as_flattened_mut() {
                    // All windows are moved as often as they say; the slow sums are looked at seldom.
                    if step % *every != 0 {
                        continue;
                    }
                    let at = Timestamp::from_nanos(now * 1_000_000);
                    let Ok(slice) = window.read(&told.tape, at) else { continue };
                    if step % 1_001 == 0 || *every >= 1_000 {
                        let got = (
                            slice.count(),
                            slice.qty(),
                            slice.buy_qty(),
                            slice.value(),
                            slice.buy_value(),
                            slice.price_sum(),
                            slice.average_price(),
                        );
                        assert_eq!(
                            got,
                            told.slow(now - *t1 * 1_000, now - *t2 * 1_000),
                            "step {step}, {t1} {t2}"
                        );
                        read += 1;
                    }
                }
            }
        }
        assert!(read > 600, "only {read} windows had a value");
    }
}
