//! Both sides of a book in ticks and lots; every change of a level is reported to the caller.
//!
//! Invariant: no level has quantity 0.

use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use std::collections::BTreeMap;

/// Maximum levels per side; when full the worst is deleted, which is reported as a change.
pub const LADDER_LEVELS: usize = 5_000;

/// New state of a level; quantity 0 deletes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LadderChange {
    /// Side of the book.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
}

/// A book.
#[derive(Clone, Default, Debug)]
pub struct Ladder {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl Ladder {
    /// Levels of a side, best first.
    pub fn side(&self, side: Side) -> Box<dyn Iterator<Item = (Price, Qty)> + '_> {
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(|(price, qty)| (*price, *qty))),
            Side::Sell => Box::new(self.asks.iter().map(|(price, qty)| (*price, *qty))),
        }
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<(Price, Qty)> {
        match side {
            Side::Buy => self.bids.last_key_value().map(|(price, qty)| (*price, *qty)),
            Side::Sell => self.asks.first_key_value().map(|(price, qty)| (*price, *qty)),
        }
    }

    /// Quantity at a price.
    pub fn at(&self, side: Side, price: Price) -> Qty {
        self.levels(side).get(&price).copied().unwrap_or_default()
    }

    fn levels(&self, side: Side) -> &BTreeMap<Price, Qty> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// Sets a level and appends the actual changes.
    pub fn set(&mut self, change: LadderChange, changed: &mut Vec<LadderChange>) {
        let levels = match change.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let before = if change.qty.is_zero() {
            levels.remove(&change.price)
        } else {
            levels.insert(change.price, change.qty)
        };
        if before.unwrap_or_default() == change.qty {
            return;
        }
        changed.push(change);
        if levels.len() > LADDER_LEVELS {
            let worst = if change.side == Side::Buy { levels.pop_first() } else { levels.pop_last() };
            if let Some((price, _)) = worst {
                changed.push(LadderChange { side: change.side, price, qty: Qty::ZERO });
            }
        }
    }

    /// Replaces the whole book by `target` and appends the changes.
    pub fn replace(&mut self, target: &[LadderChange], changed: &mut Vec<LadderChange>) {
        for side in [Side::Buy, Side::Sell] {
            let wanted: BTreeMap<Price, Qty> = target
                .iter()
                .filter(|level| level.side == side && !level.qty.is_zero())
                .map(|level| (level.price, level.qty))
                .collect();
            let gone: Vec<Price> =
                self.levels(side).keys().filter(|price| !wanted.contains_key(price)).copied().collect();
            for price in gone {
                self.set(LadderChange { side, price, qty: Qty::ZERO }, changed);
            }
            for (price, qty) in wanted {
                self.set(LadderChange { side, price, qty }, changed);
            }
        }
    }

    /// Deletes levels that are crossed by newer levels of side `newer`.
    pub fn uncross(&mut self, newer: Side, changed: &mut Vec<LadderChange>) {
        while let (Some((bid, _)), Some((ask, _))) = (self.best(Side::Buy), self.best(Side::Sell)) {
            if bid < ask {
                break;
            }
            let (side, price) = if newer == Side::Buy { (Side::Sell, ask) } else { (Side::Buy, bid) };
            self.set(LadderChange { side, price, qty: Qty::ZERO }, changed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level(side: Side, price: i64, qty: i64) -> LadderChange {
        LadderChange { side, price: Price(price), qty: Qty(qty) }
    }

    proptest! {
        #[test]
        fn what_changed_makes_one_book_of_the_other(targets in proptest::collection::vec(
            proptest::collection::vec((any::<bool>(), 1_i64..40, 0_i64..4), 0..30), 1..20)) {
            let (mut truth, mut copy) = (Ladder::default(), Ladder::default());
            for target in targets {
                let target: Vec<LadderChange> =
                    target.into_iter().map(|(buy, price, qty)| level(if buy { Side::Buy } else { Side::Sell }, price, qty)).collect();
                let mut changed = Vec::new();
                truth.replace(&target, &mut changed);
                for change in &changed {
                    copy.set(*change, &mut Vec::new());
                }
                prop_assert_eq!(&truth.bids, &copy.bids);
                prop_assert_eq!(&truth.asks, &copy.asks);
                prop_assert!(truth.bids.values().chain(truth.asks.values()).all(|qty| !qty.is_zero()));
            }
        }
    }

    #[test]
    fn a_crossing_level_takes_the_other_side_away() {
        let mut ladder = Ladder::default();
        let mut changed = Vec::new();
        ladder.replace(
            &[level(Side::Buy, 9, 1), level(Side::Buy, 8, 1), level(Side::Sell, 10, 1)],
            &mut changed,
        );
        ladder.set(level(Side::Sell, 8, 2), &mut changed);
        ladder.uncross(Side::Sell, &mut changed);
        assert_eq!((ladder.best(Side::Buy), ladder.best(Side::Sell)), (None, Some((Price(8), Qty(2)))));
    }
}
