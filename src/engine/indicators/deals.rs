//! Sums over neighbouring trades of a sliding window.
//!
//! Each point enters and leaves once, at the next read, so the work per trade is constant. Sums are exact
//! integers; memory is one term per trade of the window, which the tape bounds. Invariant: no price or
//! interval is taken across a gap.

use super::{Look, Missing, Wiring};
use crate::checkpoint::{Plain, Saved, saved};
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::tape::{Needs, Point, PointKind, Tape};
use crate::engine::market::window::{Slice, Window};
use std::collections::VecDeque;

/// The contribution of two neighbouring points, and its sum over a window.
pub(super) trait Terms: Default + Send + Saved {
    /// Contribution of a pair, kept until it leaves the window.
    type Term: Copy + Send + Plain;

    /// The contribution of the trade `earlier`, the point with this number, once `next`, a trade or an
    /// interruption, is known; `None` for none.
    fn term(earlier: &Point, number: u64, next: &Point) -> Option<Self::Term>;

    /// Adds a term.
    fn enter(&mut self, term: Self::Term);

    /// Removes the oldest term.
    fn leave(&mut self, term: Self::Term);
}

/// Terms of all pairs of neighbours in a window.
pub(super) struct Pairs<T: Terms> {
    window: Window,
    pairs: Joined<T>,
}

saved!([impl<T: Terms>] Pairs<T> { window, pairs });

/// The pairs that have entered.
struct Joined<T: Terms> {
    /// Terms with the number of their earlier point, oldest first.
    terms: VecDeque<(u64, T::Term)>,
    sums: T,
    /// The last trade, whose successor is not known yet.
    pending: Option<(u64, Point)>,
    seen: u64,
}

saved!([impl<T: Terms>] Joined<T> { terms, sums, pending, seen });

/// A window after all its pairs have been added.
pub(super) struct PairSlice<'a, T> {
    /// Sums over single points.
    pub slice: Slice<'a>,
    /// Sums over pairs.
    pub sums: &'a T,
    /// The last trade of the window unless a gap followed it: the only trade without a term in the sums.
    pub pending: Option<Point>,
    /// The first point inside the window, if any.
    pub first: Option<&'a Point>,
}

impl<T: Terms> Pairs<T> {
    /// Over (T−t1, T−t2] with the spec's `min_coverage`, with these sums over single points.
    pub(super) fn new(
        spec: &IndicatorSpec,
        wiring: &mut Wiring<'_>,
        t1: Span,
        t2: Span,
        needs: Needs,
    ) -> Self {
        Pairs { window: wiring.window(spec, t1, t2, needs), pairs: Joined::new() }
    }

    /// Moves the window to the current time and reads it.
    ///
    /// # Errors
    /// As [`Window::read`].
    pub(super) fn read<'a>(&'a mut self, look: &Look<'a>) -> Result<PairSlice<'a, T>, Missing> {
        let tape = &look.market.tape;
        let slice = self.window.read(tape, look.now)?;
        let (first, last) = slice.numbers(tape).into_inner();
        self.pairs.advance(tape, first, last);
        let pending = self.pairs.pending.filter(|(number, _)| *number >= first).map(|(_, point)| point);
        let first = (first <= last).then(|| tape.point(first));
        Ok(PairSlice { slice, sums: &self.pairs.sums, pending, first })
    }
}

impl<T: Terms> Joined<T> {
    fn new() -> Self {
        Joined { terms: VecDeque::new(), sums: T::default(), pending: None, seen: 0 }
    }

    /// Moves on to the points from `first` to `last`.
    fn advance(&mut self, tape: &Tape, first: u64, last: u64) {
        while self.terms.front().is_some_and(|(number, _)| *number < first) {
            if let Some((_, term)) = self.terms.pop_front() {
                self.sums.leave(term);
            }
        }
        // Points that entered and left the window between two reads are skipped.
        self.seen = self.seen.max(first - 1);
        for number in self.seen + 1..=last {
            self.enter(number, tape.point(number), first);
        }
        self.seen = self.seen.max(last);
    }

    fn enter(&mut self, number: u64, point: &Point, first: u64) {
        if point.kind() == PointKind::PriceOnly {
            return;
        }
        if let Some((earlier_number, earlier)) = self.pending.take()
            && earlier_number >= first
            && let Some(term) = T::term(&earlier, earlier_number, point)
        {
            self.terms.push_back((earlier_number, term));
            self.sums.enter(term);
        }
        if point.kind() == PointKind::Trade {
            self.pending = Some((number, *point));
        }
    }
}

/// n·Σxy − Σx·Σy, which is n² times the covariance. Exact unless it overflows, which 2^22 products below 2^80
/// do not.
pub(super) fn scaled_covariance(count: i64, sum_xy: i128, sum_x: i128, sum_y: i128) -> f64 {
    let exact = i128::from(count)
        .checked_mul(sum_xy)
        .zip(sum_x.checked_mul(sum_y))
        .and_then(|(a, b)| a.checked_sub(b));
    exact.map_or_else(|| count as f64 * sum_xy as f64 - sum_x as f64 * sum_y as f64, |exact| exact as f64)
}

/// n times the population standard deviation, from the same sums.
pub(super) fn scaled_deviation(count: i64, sum_of_squares: i128, sum: i128) -> f64 {
    scaled_covariance(count, sum_of_squares, sum, sum).max(0.0).sqrt()
}
