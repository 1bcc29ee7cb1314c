//! The trades of the longest window, oldest first, and the sums up to the newest.
//!
//! A point is what was traded and nothing else. Sums are kept by those who read them: each end of a window
//! adds up what it passes (`window`), the tape only what windows that end now need. Invariants: a point keeps
//! its number; no price is carried forward across a gap; sums are integers (wrapping, which a difference
//! undoes), so no error accumulates.

use crate::checkpoint::{plain, saved};
use crate::domain::event::Trade;
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::time::{Span, Timestamp};
use crate::limits::TAPE_POINTS;
use std::collections::VecDeque;

/// One trade, or a moment from which on no price is known.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Event time.
    pub at: Timestamp,
    /// Price in ticks; in force until the next point.
    pub price: Price,
    /// Lots · 8 + kind · 2 + taker.
    packed: i64,
}

plain!(struct Point { at, price, packed });

const _: () = assert!(size_of::<Point>() == 24);

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

impl Point {
    /// Stands for the time before the first point: no price.
    pub(super) const NONE: Point =
        Point { at: Timestamp::MIN, price: Price(0), packed: PointKind::Interruption as i64 * 2 };

    /// # Panics
    /// On more than 2^60 lots, which no feed lets in (`MAX_TICKS`).
    #[inline]
    fn new(at: Timestamp, price: Price, qty: Qty, taker: Side, kind: PointKind) -> Self {
        Point { at, price, packed: qty.0 * 8 + kind as i64 * 2 + i64::from(taker == Side::Sell) }
    }

    /// Quantity in lots; zero at a gap.
    #[inline]
    pub fn qty(&self) -> Qty {
        Qty(self.packed >> 3)
    }

    /// Side of the taker.
    #[inline]
    pub fn taker(&self) -> Side {
        if self.packed & 1 == 0 { Side::Buy } else { Side::Sell }
    }

    /// Kind of the point.
    #[inline]
    pub fn kind(&self) -> PointKind {
        match self.packed >> 1 & 3 {
            0 => PointKind::Trade,
            1 => PointKind::PriceOnly,
            _ => PointKind::Interruption,
        }
    }

    /// Whether the price is in force from here on.
    #[inline]
    pub fn has_price(&self) -> bool {
        self.packed & 4 == 0
    }

    /// Nanoseconds from here to `at` during which the price was in force.
    #[inline]
    pub(super) fn held_until(&self, at: Timestamp) -> i64 {
        if self.has_price() { (at - self.at).nanos() } else { 0 }
    }
}

/// Which sums a reader needs; the others are not added up for it. The time that is covered always is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Needs(u8);

impl Needs {
    /// No sums.
    pub const NOTHING: Needs = Needs(0);
    /// Number of trades and lots.
    pub const VOLUME: Needs = Needs(1);
    /// Ticks × lots.
    pub const VALUE: Needs = Needs(2);
    /// Prices, by trade and by time.
    pub const PRICES: Needs = Needs(4);

    /// Both.
    pub const fn and(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    /// Whether these include `other`.
    #[inline]
    pub const fn include(self, other: Needs) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Sums over all points up to one.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// Number of trades.
    pub count: i64,
    /// Σ lots.
    pub qty: i64,
    /// Σ lots bought by takers.
    pub buy_qty: i64,
    /// Σ ticks, one term per trade.
    pub price: i64,
    /// Nanoseconds during which a price was in force.
    pub defined: i64,
    /// Σ ticks × lots.
    pub value: i128,
    /// Σ ticks × lots bought by takers.
    pub buy_value: i128,
    /// ∫ ticks dt in tick·ns, over the time in which a price was in force.
    pub area: i128,
}

plain!(struct Sums { count, qty, buy_qty, price, defined, value, buy_value, area });

impl Sums {
    /// Of no points.
    pub(super) const ZERO: Sums =
        Sums { count: 0, qty: 0, buy_qty: 0, price: 0, defined: 0, value: 0, buy_value: 0, area: 0 };

    /// Adds `point`, which follows `last`.
    #[inline(always)]
    pub(super) fn add(&mut self, last: &Point, point: &Point, needs: Needs) {
        let carried = last.held_until(point.at);
        self.defined += carried;
        let bought = -i64::from(point.taker() == Side::Buy);
        let counted = i64::from(point.kind() == PointKind::Trade);
        if needs.include(Needs::VOLUME) {
            self.count += counted;
            self.qty = self.qty.wrapping_add(point.qty().0);
            self.buy_qty = self.buy_qty.wrapping_add(point.qty().0 & bought);
        }
        if needs.include(Needs::VALUE) {
            let value = i128::from(point.price.0) * i128::from(point.qty().0);
            self.value = self.value.wrapping_add(value);
            self.buy_value = self.buy_value.wrapping_add(value & i128::from(bought));
        }
        if needs.include(Needs::PRICES) {
            self.area = self.area.wrapping_add(i128::from(last.price.0) * i128::from(carried));
            self.price = self.price.wrapping_add(point.price.0 * counted);
        }
    }
}

/// A position between two points, with all sums up to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Number of points before it.
    pub number: u64,
    /// The last of them.
    pub last: Point,
    /// Sums over them.
    pub sums: Sums,
}

plain!(struct Place { number, last, sums });

impl Place {
    /// Before the first point.
    pub(super) const START: Place = Place { number: 0, last: Point::NONE, sums: Sums::ZERO };

    /// Moves past `point`.
    #[inline(always)]
    pub(super) fn pass(&mut self, point: &Point, needs: Needs) {
        self.sums.add(&self.last, point, needs);
        self.number += 1;
        self.last = *point;
    }
}

/// Points per block. A block leaves as a whole, and a reader that slept until its block had left goes on from
/// the start of the oldest one.
pub(super) const BLOCK: usize = 1_024;

/// Neighbouring points.
struct Block {
    start: Place,
    points: Vec<Point>,
}

plain!(struct Block { start, points });

/// The points of one symbol. They are numbered from 1; "number `n`" also means "`n` points so far".
pub struct Tape {
    /// All full but the last.
    blocks: VecDeque<Block>,
    /// Number of blocks that have left.
    left: usize,
    /// Behind the newest point, with the sums that any window needs.
    newest: Place,
    needs: Needs,
    /// Number of points dropped, which is the number of the oldest kept point minus one.
    dropped: u64,
    /// The longest history anybody reads; nothing is kept while nobody does.
    longest: Option<Span>,
    /// Maximum number of points: [`TAPE_POINTS`], fewer in tests.
    pub(super) bound: usize,
    /// From here to the newest point a price was always known and no point was dropped early.
    whole_since: Timestamp,
}

saved!(Tape { blocks, left, newest, dropped, whole_since } fixed { needs, longest, bound });

impl Tape {
    /// An empty tape without readers.
    pub fn new() -> Self {
        Tape {
            blocks: VecDeque::new(),
            left: 0,
            newest: Place::START,
            needs: Needs::NOTHING,
            dropped: 0,
            longest: None,
            bound: TAPE_POINTS,
            whole_since: Timestamp::MAX,
        }
    }

    /// Keeps at least this much history, and these sums. Called while indicators are wired, before the first
    /// event.
    pub fn keep(&mut self, span: Span, needs: Needs) {
        self.longest = self.longest.max(Some(span));
        self.needs = self.needs.and(needs);
    }

    /// The longest history anybody reads.
    pub fn longest(&self) -> Span {
        self.longest.unwrap_or(Span::ZERO)
    }

    /// Whether any indicator reads the tape; otherwise nothing is pushed.
    #[inline]
    pub fn is_read(&self) -> bool {
        self.longest.is_some()
    }

    /// Number of the newest point: the number of points ever pushed.
    #[inline]
    pub fn newest(&self) -> u64 {
        self.newest.number
    }

    /// Behind the newest point.
    #[inline]
    pub(super) fn end(&self) -> &Place {
        &self.newest
    }

    /// Since when a price has been known without interruption; [`Timestamp::MAX`] while none is known.
    #[inline]
    pub fn whole_since(&self) -> Timestamp {
        self.whole_since
    }

    /// Number of the oldest point kept.
    #[inline]
    pub fn oldest(&self) -> u64 {
        self.dropped + 1
    }

    /// The kept point with this number.
    #[inline]
    pub fn point(&self, number: u64) -> &Point {
        debug_assert!(number > self.dropped && number <= self.newest.number);
        let (block, index) = self.slot(number);
        &self.blocks[block].points[index]
    }

    /// Block, and index in it, of the point with this number, of which the block is still there.
    #[inline]
    fn slot(&self, number: u64) -> (usize, usize) {
        let before = (number - 1) as usize;
        (before / BLOCK - self.left, before % BLOCK)
    }

    /// Moves `place` past all points at or before `at`.
    #[inline]
    pub(super) fn advance(&self, place: &mut Place, at: Timestamp, needs: Needs) {
        if place.number < (self.left * BLOCK) as u64 {
            *place = self.blocks[0].start;
        }
        while place.number < self.newest.number {
            let (mut block, first) = self.slot(place.number + 1);
            for point in &self.blocks[block].points[first..] {
                if point.at > at {
                    return;
                }
                place.pass(point, needs);
            }
            // Where the whole next block has been passed as well, the one after it has the sums.
            while let Some(later) = self.blocks.get(block + 2).filter(|later| later.start.last.at <= at) {
                *place = later.start;
                block += 1;
            }
        }
    }

    /// Appends a trade. `counts` is false for prices inside a bar that are not trades.
    #[inline]
    pub fn push(&mut self, at: Timestamp, trade: Trade, counts: bool) {
        let kind = if counts { PointKind::Trade } else { PointKind::PriceOnly };
        if !self.newest.last.has_price() {
            self.whole_since = at;
        }
        self.append(Point::new(at, trade.price, trade.qty, trade.taker, kind));
    }

    /// Marks the price as unknown from `from` until the next trade.
    pub fn interrupt(&mut self, from: Timestamp) {
        let last = self.newest.last;
        if !last.has_price() {
            return;
        }
        self.append(Point::new(from.max(last.at), last.price, Qty::ZERO, Side::Buy, PointKind::Interruption));
        self.whole_since = Timestamp::MAX;
    }

    #[inline]
    fn append(&mut self, point: Point) {
        if self.blocks.back().is_none_or(|block| block.points.len() == BLOCK) {
            self.begin_block(point.at - self.longest());
        }
        if (self.newest.number - self.dropped) as usize >= self.bound {
            self.drop_oldest(point.at - self.longest());
        }
        if let Some(block) = self.blocks.back_mut() {
            block.points.push(point);
        }
        self.newest.pass(&point, self.needs);
    }

    /// Drops the blocks that no window reaches and begins a new one, in the memory of one that left.
    #[cold]
    fn begin_block(&mut self, start: Timestamp) {
        let mut points = Vec::new();
        // The last point at or before the start of the longest window stays, because its price is carried in.
        while self.blocks.get(1).is_some_and(|second| second.points[0].at <= start) {
            points = self.drop_block();
        }
        points.reserve_exact(BLOCK);
        self.blocks.push_back(Block { start: self.newest, points });
    }

    /// Drops the oldest block; returns its memory.
    fn drop_block(&mut self) -> Vec<Point> {
        let mut points = self.blocks.pop_front().map(|block| block.points).unwrap_or_default();
        self.left += 1;
        self.dropped = self.dropped.max((self.left * BLOCK) as u64);
        points.clear();
        points
    }

    /// At the bound: drops the points that no window reaches; if all are needed, drops the oldest early.
    #[cold]
    fn drop_oldest(&mut self, start: Timestamp) {
        let all = self.dropped;
        while self.dropped + 1 < self.newest.number && self.point(self.dropped + 2).at <= start {
            self.dropped += 1;
        }
        if self.dropped == all {
            self.dropped += 1;
            self.whole_since = self.whole_since.max(self.point(self.dropped + 1).at);
        }
        while self.blocks.get(1).is_some_and(|second| second.start.number <= self.dropped) {
            self.drop_block();
        }
    }
}

impl Default for Tape {
    fn default() -> Self {
        Tape::new()
    }
}
