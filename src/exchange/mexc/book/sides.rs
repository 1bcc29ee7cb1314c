//! Known levels of a book: detects a crossed book, and a side whose known levels are used up.

use super::BookChange;
use crate::domain::decimal::{Decimal, MAX_SCALE, POWERS_OF_TEN};
use crate::domain::order::Side;
use crate::limits;
use std::collections::BTreeMap;

/// Both sides by price, at most [`limits::BOOK_LEVELS`] each; when full the worst level is dropped.
#[derive(Default, Debug)]
pub struct Sides {
    bids: Levels,
    asks: Levels,
    /// A side that continues beyond its known levels is exhausted when fewer than this are left.
    least: usize,
}

/// One side. Keys grow towards better prices.
#[derive(Default, Debug)]
struct Levels {
    by_price: BTreeMap<i128, Decimal>,
    /// The worst price up to which every level is known; `None`: the whole side is known.
    end: Option<i128>,
}

/// A price in units of 10^-18, negated for asks: `0.08055` and `0.080550` are equal, and higher is better.
fn key(side: Side, price: Decimal) -> i128 {
    let units =
        i128::from(price.mantissa()) * i128::from(POWERS_OF_TEN[usize::from(MAX_SCALE - price.scale())]);
    match side {
        Side::Buy => units,
        Side::Sell => -units,
    }
}

impl Sides {
    pub fn clear(&mut self) {
        for side in [&mut self.bids, &mut self.asks] {
            side.by_price.clear();
            side.end = None;
        }
    }

    /// Starts from a snapshot that was requested with at most `most` levels per side.
    pub fn open(&mut self, levels: &[BookChange], most: usize) {
        self.clear();
        self.least = limits::BOOK_SNAPSHOT_LEVELS.min(most / 2);
        for side in [Side::Buy, Side::Sell] {
            let keys =
                || levels.iter().filter(|level| level.side == side).map(|level| key(side, level.price));
            if keys().count() >= most {
                self.side(side).end = keys().min();
            }
        }
        self.apply(levels);
    }

    /// Whether a change lies within the known depth. Levels between the known ones and a deeper change would
    /// be missing.
    pub fn reach(&self, change: &BookChange) -> bool {
        let side = match change.side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        side.end.is_none_or(|end| key(change.side, change.price) >= end)
    }

    pub fn apply(&mut self, changes: &[BookChange]) {
        for change in changes {
            let at = key(change.side, change.price);
            let side = self.side(change.side);
            if change.quantity.mantissa() == 0 {
                side.by_price.remove(&at);
                continue;
            }
            side.by_price.insert(at, change.quantity);
            if side.by_price.len() > limits::BOOK_LEVELS {
                side.by_price.pop_first();
                side.end = side.by_price.first_key_value().map(|(worst, _)| *worst);
            }
        }
    }

    /// Whether the best bid is not below the best ask.
    pub fn are_crossed(&self) -> bool {
        match (self.bids.by_price.last_key_value(), self.asks.by_price.last_key_value()) {
            (Some((bid, _)), Some((ask, _))) => *bid >= -*ask,
            _ => false,
        }
    }

    /// Whether a side has fewer known levels left than readers see, and unknown levels beyond them.
    pub fn are_exhausted(&self) -> bool {
        [&self.bids, &self.asks].iter().any(|side| side.end.is_some() && side.by_price.len() < self.least)
    }

    fn side(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Levels of a side, best first.
    #[cfg(test)]
    pub fn levels(&self, side: Side) -> Vec<(Decimal, Decimal)> {
        fn price(key: i128) -> Decimal {
            let mut rest = key.abs();
            let mut scale = MAX_SCALE;
            while scale > 0 && rest % 10 == 0 {
                rest /= 10;
                scale -= 1;
            }
            Decimal::new(i64::try_from(rest).unwrap(), scale).unwrap()
        }
        let levels = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        levels.by_price.iter().rev().map(|(at, quantity)| (price(*at), *quantity)).collect()
    }
}
