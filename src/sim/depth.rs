//! Liquidity at a point in time: the recorded book while it is fresh, else a synthetic one around the last
//! price.
//!
//! Market impact: lots that were taken from a level stay gone until the recording updates that level.

use super::SyntheticBook;
use crate::checkpoint::{plain, saved};
use crate::domain::book::Book;
use crate::domain::event::{Level, LevelChange};
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};

/// A recorded book older than this is not used.
const MAX_AGE: Span = Span::from_seconds(2);

/// Number of levels per side of a synthetic book.
const SYNTHETIC_LEVELS: i64 = 20;

/// Source of the last price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    Book,
    Trade,
    Bar,
}

plain!(
    enum Source {
        Book,
        Trade,
        Bar,
    }
);

/// Recorded and synthetic depth of one symbol.
#[derive(Debug)]
pub struct Depth {
    book: Book,
    updated: Option<Timestamp>,
    /// Price of the last trade or bar; while neither is known, the mid price of the last book.
    last: Option<Price>,
    source: Source,
    synthetic: SyntheticBook,
    /// Lots taken from the synthetic book since the last price, by side of the taker.
    taken: [i64; 2],
}

saved!(Depth { book, updated, last, source, taken } fixed { synthetic });

impl Depth {
    /// Nothing is known yet.
    pub fn new(synthetic: SyntheticBook) -> Self {
        Depth {
            book: Book::default(),
            updated: None,
            last: None,
            source: Source::Book,
            synthetic,
            taken: [0; 2],
        }
    }

    /// Applies a trade: the synthetic book is centred on it, untouched.
    #[inline]
    pub fn trade(&mut self, price: Price) {
        self.last = Some(price);
        self.source = Source::Trade;
        self.taken = [0; 2];
    }

    /// Applies a price of a bar: like a trade, but orders then wait for the next bar.
    pub fn bar_price(&mut self, price: Price) {
        self.trade(price);
        self.source = Source::Bar;
    }

    /// Whether the last price is from a bar.
    pub fn is_of_bars(&self) -> bool {
        self.source == Source::Bar
    }

    /// Applies a snapshot; our earlier takings are forgotten.
    pub fn replace(&mut self, at: Timestamp, bids: &[Level], asks: &[Level]) {
        self.book.replace(bids, asks);
        self.changed(at);
    }

    /// Applies changed levels; our earlier takings there are forgotten.
    pub fn change(&mut self, at: Timestamp, changes: &[LevelChange]) {
        for change in changes {
            self.book.change(change.side, change.level);
        }
        self.changed(at);
    }

    fn changed(&mut self, at: Timestamp) {
        self.updated = Some(at);
        if let (false, Some(bid), Some(ask)) =
            (self.source != Source::Book, self.book.bids().first(), self.book.asks().first())
        {
            self.last = Some(Price((bid.price.0 + ask.price.0) / 2));
            self.taken = [0; 2];
        }
    }

    /// Forgets the recorded book.
    pub fn forget(&mut self) {
        self.book.clear();
        self.updated = None;
    }

    /// Forgets everything, including the last price.
    pub fn forget_all(&mut self) {
        self.forget();
        (self.last, self.source) = (None, Source::Book);
    }

    /// Whether there is neither a last price nor a book.
    pub fn is_unknown(&self) -> bool {
        self.last.is_none() && self.updated.is_none()
    }

    /// The price at the centre of the synthetic book.
    pub fn last(&self) -> Option<Price> {
        self.last
    }

    /// Whether the recorded book is recent enough to be used.
    pub fn is_fresh(&self, at: Timestamp) -> bool {
        self.updated.is_some_and(|updated| updated <= at && at - updated <= MAX_AGE)
    }

    /// Lots displayed at a price on the side an order would rest on.
    pub fn displayed(&self, at: Timestamp, side: Side, price: Price) -> i64 {
        if self.is_fresh(at) { self.book.qty_at(side, price) } else { 0 }
    }

    /// Takes up to `wanted` lots at `limit` or better and appends (price, lots). Returns whether the book was
    /// synthetic.
    pub fn take(
        &mut self,
        spec: &SymbolSpec,
        at: Timestamp,
        side: Side,
        wanted: Qty,
        limit: Option<Price>,
        taken: &mut Vec<(Price, Qty)>,
    ) -> bool {
        let mut rest = wanted.0;
        if self.is_fresh(at) {
            while rest > 0 {
                let Some(level) = self
                    .book
                    .opposite_of(side)
                    .first()
                    .copied()
                    .filter(|level| is_allowed(limit, side, level.price))
                else {
                    break;
                };
                let lots = level.qty.0.min(rest);
                assert!(lots > 0, "a level of the book shows {} lots", level.qty.0);
                taken.push((level.price, Qty(lots)));
                self.book.change(side.opposite(), Level { qty: Qty(level.qty.0 - lots), ..level });
                rest -= lots;
            }
            return false;
        }
        let Some(last) = self.last else { return true };
        self.take_around(spec, last, side, wanted, limit, taken);
        true
    }

    /// Takes from a synthetic book around a price and appends (price, lots).
    pub fn take_around(
        &mut self,
        spec: &SymbolSpec,
        around: Price,
        side: Side,
        wanted: Qty,
        limit: Option<Price>,
        taken: &mut Vec<(Price, Qty)>,
    ) {
        let mut rest = wanted.0;
        let mut skip = self.taken[side as usize];
        for step in 0..SYNTHETIC_LEVELS {
            let price = self.synthetic_price(spec, around, side, step);
            if rest == 0 || !is_allowed(limit, side, price) || price.0 <= 0 {
                break;
            }
            let offered =
                self.synthetic.depth_per_level.map_or(i64::MAX, |value| spec.lots_for(value, price).0.max(1));
            let left = offered - skip.min(offered);
            skip -= skip.min(offered);
            let lots = left.min(rest);
            if lots > 0 {
                taken.push((price, Qty(lots)));
                self.taken[side as usize] = self.taken[side as usize].saturating_add(lots);
                rest -= lots;
            }
        }
    }

    /// The first level is half a spread from the last price; each further one is as far away again, at least
    /// one tick.
    fn synthetic_price(&self, spec: &SymbolSpec, last: Price, side: Side, step: i64) -> Price {
        let half = spec.price_f64(last) * self.synthetic.spread_pct / 200.0;
        let touch = match side {
            Side::Buy => spec.price_ceil(spec.price_f64(last) + half),
            Side::Sell => spec.price_floor(spec.price_f64(last) - half),
        };
        let spacing = (touch.0 - last.0).abs().max(1);
        Price(touch.0 + side.sign() * step * spacing)
    }
}

/// Whether a price is at the limit or better.
fn is_allowed(limit: Option<Price>, side: Side, price: Price) -> bool {
    match (limit, side) {
        (None, _) => true,
        (Some(limit), Side::Buy) => price <= limit,
        (Some(limit), Side::Sell) => price >= limit,
    }
}
