//! A symbol's market as the exchange had it at every version of its book: what a recording of it is compared with.

use std::collections::{BTreeMap, HashMap};
use tradingd::domain::order::Side;
use tradingd::rehearsal::exchange::Exchange;

/// Both sides by price in ticks; quantities in lots.
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

    /// Where two books differ first.
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

/// All states of one book, in order.
#[derive(Debug)]
pub struct Truth {
    base: Levels,
    changes: Vec<(Side, i64, i64)>,
    /// When each change was made.
    times_ms: Vec<i64>,
    /// How many changes a version has behind it. Versions of different lives of the exchange do not meet.
    places: HashMap<u64, usize>,
    last: u64,
}

impl Truth {
    pub fn begin(exchange: &Exchange, place: usize) -> Truth {
        let market = &exchange.markets[place];
        let mut base = Levels::default();
        for side in [Side::Buy, Side::Sell] {
            market.ladder.side(side).for_each(|(price, qty)| base.set(side, price.0, qty.0));
        }
        Truth {
            base,
            changes: Vec::new(),
            times_ms: Vec::new(),
            places: HashMap::from([(market.version, 0)]),
            last: market.version,
        }
    }

    /// Takes over what changed since the last look. To be called often: the exchange keeps a thousand changes.
    pub fn gather(&mut self, exchange: &Exchange, place: usize) {
        let market = &exchange.markets[place];
        let known = self.last;
        for commit in market.commits.iter().filter(|commit| commit.version > known) {
            assert_eq!(commit.version, self.last + 1, "the truth was not asked for often enough");
            self.changes.push((commit.change.side, commit.change.price.0, commit.change.qty.0));
            self.times_ms.push(commit.at_ms);
            self.last = commit.version;
            self.places.insert(self.last, self.changes.len());
        }
        assert_eq!(self.last, market.version, "the truth was not asked for often enough");
    }

    /// The same book goes on with other versions.
    pub fn renumbered(&mut self, exchange: &Exchange, place: usize) {
        self.last = exchange.markets[place].version;
        self.places.insert(self.last, self.changes.len());
    }

    /// The place of a version.
    pub fn place(&self, version: u64) -> Option<usize> {
        self.places.get(&version).copied()
    }

    /// When the change behind a state was made; the end of time behind the last.
    pub fn changed_ms(&self, place: usize) -> i64 {
        self.times_ms.get(place).copied().unwrap_or(i64::MAX)
    }

    /// The newest version.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The states one after the other.
    pub fn walk(&self) -> Walk<'_> {
        Walk { truth: self, at: 0, levels: self.base.clone() }
    }
}

/// A state of a book that only goes forward.
pub struct Walk<'a> {
    truth: &'a Truth,
    pub at: usize,
    pub levels: Levels,
}

impl Walk<'_> {
    /// The next state; false behind the last.
    pub fn step(&mut self) -> bool {
        let Some((side, ticks, lots)) = self.truth.changes.get(self.at) else { return false };
        self.levels.set(*side, *ticks, *lots);
        self.at += 1;
        true
    }
}
