//! An order book built from snapshots and level changes, best level first.
//!
//! Invariant: sides stay sorted, without empty levels or two levels of one price, provided that every
//! [`Book::replace`] is given such levels.

use crate::domain::event::{Level, LevelChange};
use crate::domain::num::Price;
use crate::domain::order::Side;
use crate::limits::BOOK_LEVELS;

/// Both sides of a book.
#[derive(Clone, Default, Debug)]
pub struct Book {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Book {
    /// Bids, best first.
    pub fn bids(&self) -> &[Level] {
        &self.bids
    }

    /// Asks, best first.
    pub fn asks(&self) -> &[Level] {
        &self.asks
    }

    /// The levels that an order of this side takes: asks for a buyer.
    pub fn opposite_of(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.asks,
            Side::Sell => &self.bids,
        }
    }

    /// Removes all levels.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Replaces both sides; levels beyond [`BOOK_LEVELS`] a side are dropped.
    pub fn replace(&mut self, bids: &[Level], asks: &[Level]) {
        self.bids.clear();
        self.bids.extend_from_slice(&bids[..bids.len().min(BOOK_LEVELS)]);
        self.asks.clear();
        self.asks.extend_from_slice(&asks[..asks.len().min(BOOK_LEVELS)]);
    }

    /// Sets one level; quantity zero deletes it. On a full side the worst level is dropped, and the new one
    /// too if it is worse.
    pub fn change(&mut self, side: Side, level: Level) {
        let (levels, found) = match side {
            Side::Buy => {
                let found = self.bids.binary_search_by(|probe| level.price.cmp(&probe.price));
                (&mut self.bids, found)
            }
            Side::Sell => {
                let found = self.asks.binary_search_by(|probe| probe.price.cmp(&level.price));
                (&mut self.asks, found)
            }
        };
        match found {
            Ok(at) if level.qty.is_zero() => {
                levels.remove(at);
            }
            Ok(at) => levels[at].qty = level.qty,
            Err(_) if level.qty.is_zero() => {}
            Err(at) => {
                if levels.len() == BOOK_LEVELS {
                    levels.pop();
                }
                if at <= levels.len() {
                    levels.insert(at, level);
                }
            }
        }
    }

    /// Displayed quantity in lots at a price of one side.
    pub fn qty_at(&self, side: Side, price: Price) -> i64 {
        let found = match side {
            Side::Buy => self.bids.binary_search_by(|probe| price.cmp(&probe.price)).map(|at| self.bids[at]),
            Side::Sell => self.asks.binary_search_by(|probe| probe.price.cmp(&price)).map(|at| self.asks[at]),
        };
        found.map_or(0, |level| level.qty.0)
    }
}

/// Splits a snapshot's levels by side, best first, at most `levels` a side; levels without quantity are
/// skipped.
pub fn best_first(changes: &[LevelChange], levels: usize, bids: &mut Vec<Level>, asks: &mut Vec<Level>) {
    bids.clear();
    asks.clear();
    for change in changes.iter().filter(|change| !change.level.qty.is_zero()) {
        match change.side {
            Side::Buy => bids.push(change.level),
            Side::Sell => asks.push(change.level),
        }
    }
    bids.sort_by_key(|level| std::cmp::Reverse(level.price));
    asks.sort_by_key(|level| level.price);
    bids.truncate(levels);
    asks.truncate(levels);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::num::Qty;

    fn level(price: i64, qty: i64) -> Level {
        Level { price: Price(price), qty: Qty(qty) }
    }

    #[test]
    fn changes_insert_update_and_delete_in_order() {
        let mut book = Book::default();
        book.replace(&[level(10, 1), level(8, 1)], &[level(11, 1)]);
        book.change(Side::Buy, level(9, 5));
        book.change(Side::Buy, level(10, 0));
        book.change(Side::Sell, level(12, 2));
        book.change(Side::Sell, level(11, 7));
        book.change(Side::Sell, level(99, 0));
        assert_eq!(book.bids(), &[level(9, 5), level(8, 1)]);
        assert_eq!(book.asks(), &[level(11, 7), level(12, 2)]);
        assert_eq!((book.qty_at(Side::Buy, Price(9)), book.qty_at(Side::Sell, Price(10))), (5, 0));
    }

    #[test]
    fn a_full_side_drops_its_worst_level() {
        let mut book = Book::default();
        for i in 0..=(BOOK_LEVELS as i64) {
            book.change(Side::Sell, level(1_000_000 - i, 1));
        }
        assert_eq!(book.asks().len(), BOOK_LEVELS);
        assert_eq!(book.asks()[0].price, Price(1_000_000 - BOOK_LEVELS as i64));
    }
}
