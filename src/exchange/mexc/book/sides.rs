//! The levels of a book, to see when bid and ask are crossed.

use super::Change;
use crate::domain::decimal::{Decimal, MAX_SCALE, POWERS_OF_TEN};
use crate::domain::order::Side;
use crate::limits;
use std::collections::BTreeMap;

/// Both sides by price, at most [`limits::BOOK_LEVELS`] each; when full the worst level is forgotten.
#[derive(Default, Debug)]
pub struct Sides {
    bids: BTreeMap<i128, Decimal>,
    asks: BTreeMap<i128, Decimal>,
}

/// A price in units of 10^-18: one number for `0.08055` and `0.080550`, quick to compare.
fn key(price: Decimal) -> i128 {
    i128::from(price.mantissa()) * i128::from(POWERS_OF_TEN[usize::from(MAX_SCALE - price.scale())])
}

impl Sides {
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            let side = match change.side {
                Side::Buy => &mut self.bids,
                Side::Sell => &mut self.asks,
            };
            if change.quantity.mantissa() == 0 {
                side.remove(&key(change.price));
                continue;
            }
            side.insert(key(change.price), change.quantity);
            if side.len() > limits::BOOK_LEVELS {
                match change.side {
                    Side::Buy => side.pop_first(),
                    Side::Sell => side.pop_last(),
                };
            }
        }
    }

    pub fn are_crossed(&self) -> bool {
        match (self.bids.last_key_value(), self.asks.first_key_value()) {
            (Some((bid, _)), Some((ask, _))) => bid >= ask,
            _ => false,
        }
    }

    /// Best first.
    #[cfg(test)]
    pub fn levels(&self, side: Side) -> Vec<(Decimal, Decimal)> {
        fn price(key: i128) -> Decimal {
            let mut rest = key;
            let mut scale = MAX_SCALE;
            while scale > 0 && rest % 10 == 0 {
                rest /= 10;
                scale -= 1;
            }
            Decimal::new(i64::try_from(rest).unwrap(), scale).unwrap()
        }
        match side {
            Side::Buy => self.bids.iter().rev().map(|(at, quantity)| (price(*at), *quantity)).collect(),
            Side::Sell => self.asks.iter().map(|(at, quantity)| (price(*at), *quantity)).collect(),
        }
    }
}
