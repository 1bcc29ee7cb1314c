//! The levels of a book as deep as they are known: to see when bid and ask are crossed, and when the price has run through
//! all that is known.

use super::Change;
use crate::domain::decimal::{Decimal, MAX_SCALE, POWERS_OF_TEN};
use crate::domain::order::Side;
use crate::limits;
use std::collections::BTreeMap;

/// Both sides by price, at most [`limits::BOOK_LEVELS`] each; when full the worst level is forgotten.
#[derive(Default, Debug)]
pub struct Sides {
    bids: Levels,
    asks: Levels,
    /// With fewer known levels than this a side that has more is exhausted.
    least: usize,
}

/// One side. Its keys grow towards better prices.
#[derive(Default, Debug)]
struct Levels {
    by_price: BTreeMap<i128, Decimal>,
    /// The worst price up to which every level is known; `None`: all of them are.
    end: Option<i128>,
}

/// A price in units of 10^-18: one number for `0.08055` and `0.080550`, quick to compare. Higher is better.
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

    /// Begins with a snapshot that was asked for with at most `most` levels a side.
    pub fn open(&mut self, levels: &[Change], most: usize) {
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

    /// Whether a change lies within what is known. One beyond it tells of a level, but not of those before it.
    pub fn reach(&self, change: &Change) -> bool {
        let side = match change.side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        side.end.is_none_or(|end| key(change.side, change.price) >= end)
    }

    pub fn apply(&mut self, changes: &[Change]) {
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

    /// Whether a side has fewer known levels left than readers see, and more beyond that nobody knows.
    pub fn are_exhausted(&self) -> bool {
        [&self.bids, &self.asks].iter().any(|side| side.end.is_some() && side.by_price.len() < self.least)
    }

    fn side(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Best first.
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
