//! The exchange's book of a symbol at every version, as the reference for a recording.

use std::collections::{BTreeMap, HashMap};
use tradingd::domain::order::Side;
use tradingd::rehearsal::exchange::Exchange;

/// A book: quantities in lots by price in ticks.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Levels {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Levels {
    pub fn set(&mut self, side: Side, ticks: i64, lots: i64) {
        let levels = if side == Side::Buy { &mut self.bids } else { &mut self.asks };
        if lots == 0 {
            levels.remove(&ticks)
        } else {
            levels.insert(ticks, lots)
        };
    }

    /// The best levels of both sides, best first.
    pub fn top(&self, count: usize) -> [Vec<(i64, i64)>; 2] {
        let own = |level: (&i64, &i64)| (*level.0, *level.1);
        [
            self.bids.iter().rev().take(count).map(own).collect(),
            self.asks.iter().take(count).map(own).collect(),
        ]
    }

    /// Describes the first difference between two books.
    pub fn difference(&self, other: &Levels) -> Option<String> {
        for (word, mine, theirs) in [("bid", &self.bids, &other.bids), ("ask", &self.asks, &other.asks)] {
            let prices = mine.keys().chain(theirs.keys());
            if let Some(at) = prices.into_iter().find(|at| mine.get(at) != theirs.get(at)) {
                return Some(format!("{word} at {at}: {:?} and not {:?}", mine.get(at), theirs.get(at)));
            }
        }
        None
    }
}

/// All states of one book in order: a base and its changes.
#[derive(Debug)]
pub struct Truth {
    base: Levels,
    changes: Vec<(Side, i64, i64)>,
    /// Exchange time of each change.
    times_ms: Vec<i64>,
    /// Number of changes up to each version. After a restart the exchange does not reuse versions.
    indexes: HashMap<u64, usize>,
    last: u64,
}

impl Truth {
    pub fn begin(exchange: &Exchange, index: usize) -> Truth {
        let market = &exchange.markets[index];
        let mut base = Levels::default();
        for side in [Side::Buy, Side::Sell] {
            market.ladder.side(side).for_each(|(price, qty)| base.set(side, price.0, qty.0));
        }
        Truth {
            base,
            changes: Vec::new(),
            times_ms: Vec::new(),
            indexes: HashMap::from([(market.version, 0)]),
            last: market.version,
        }
    }

    /// Appends the changes since the last call. Must be called often: the exchange keeps only a thousand
    /// changes.
    pub fn gather(&mut self, exchange: &Exchange, index: usize) {
        let market = &exchange.markets[index];
        let known = self.last;
        for commit in market.commits.iter().filter(|commit| commit.version > known) {
            assert_eq!(commit.version, self.last + 1, "the truth was not asked for often enough");
            self.changes.push((commit.change.side, commit.change.price.0, commit.change.qty.0));
            self.times_ms.push(commit.at_ms);
            self.last = commit.version;
            self.indexes.insert(self.last, self.changes.len());
        }
        assert_eq!(self.last, market.version, "the truth was not asked for often enough");
    }

    /// The exchange continues the same book with new version numbers.
    pub fn renumbered(&mut self, exchange: &Exchange, index: usize) {
        self.last = exchange.markets[index].version;
        self.indexes.insert(self.last, self.changes.len());
    }

    /// Number of changes up to a version.
    pub fn index(&self, version: u64) -> Option<usize> {
        self.indexes.get(&version).copied()
    }

    /// Time of the change after state `index`; `i64::MAX` after the last.
    pub fn changed_ms(&self, index: usize) -> i64 {
        self.times_ms.get(index).copied().unwrap_or(i64::MAX)
    }

    /// The newest version.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Iterates over the states from the base.
    pub fn walk(&self) -> Walk<'_> {
        Walk { truth: self, at: 0, levels: self.base.clone() }
    }
}

/// A position in the states of a book; moves only forward.
pub struct Walk<'a> {
    truth: &'a Truth,
    pub at: usize,
    pub levels: Levels,
}

impl Walk<'_> {
    /// Moves to the next state; false at the last.
    pub fn step(&mut self) -> bool {
        let Some((side, ticks, lots)) = self.truth.changes.get(self.at) else { return false };
        self.levels.set(*side, *ticks, *lots);
        self.at += 1;
        true
    }
}
