//! The positions of a session as its executions make them.
//!
//! Invariant: a position is the sum of executions that were counted once.

use super::PositionKey;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::symbol::SymbolTable;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// A position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Holding {
    /// Lots.
    pub qty: Qty,
    /// Σ ticks × lots of what was opened and is still there.
    pub cost: i128,
    /// The instance that opened it last.
    pub instance: u32,
    /// When the first execution of it was made.
    pub since: Timestamp,
}

/// What an execution opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Opened {
    /// The instance that opened it.
    pub instance: u32,
    pub qty: Qty,
    pub price: Price,
    pub at: Timestamp,
}

/// All positions of a session.
#[derive(Clone, Default, Debug)]
pub(super) struct Positions(BTreeMap<PositionKey, Holding>);

impl Positions {
    /// Something of a position opened.
    pub fn open(&mut self, key: PositionKey, opened: Opened) {
        let Opened { instance, qty, price, at } = opened;
        let holding = self.0.entry(key).or_insert(Holding { qty: Qty::ZERO, cost: 0, instance, since: at });
        holding.since = holding.since.min(at);
        holding.qty += qty;
        holding.cost += i128::from(price.0) * i128::from(qty.0);
        holding.instance = instance;
    }

    /// Something of a position closed: at most what is there; gives what was not.
    pub fn close(&mut self, key: PositionKey, qty: Qty) -> Qty {
        let Some(holding) = self.0.get_mut(&key) else { return qty };
        let closed = qty.min(holding.qty);
        if closed == holding.qty {
            self.0.remove(&key);
        } else {
            holding.cost -= holding.cost * i128::from(closed.0) / i128::from(holding.qty.0);
            holding.qty -= closed;
        }
        qty - closed
    }

    /// A position.
    pub fn get(&self, key: PositionKey) -> Option<&Holding> {
        self.0.get(&key)
    }

    /// What one lot of a position cost on average, in ticks.
    pub fn average(&self, key: PositionKey) -> Option<Price> {
        let holding = self.get(key)?;
        Some(Price(i64::try_from(holding.cost / i128::from(holding.qty.0.max(1))).unwrap_or(i64::MAX)))
    }

    /// Lots of a position.
    pub fn qty(&self, key: PositionKey) -> Qty {
        self.get(key).map_or(Qty::ZERO, |holding| holding.qty)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (PositionKey, &Holding)> {
        self.0.iter().map(|(key, holding)| (*key, holding))
    }

    /// Whether there is none.
    pub fn is_flat(&self) -> bool {
        self.0.is_empty()
    }

    /// What they cost.
    pub fn notional(&self, table: &SymbolTable) -> Money {
        self.iter().map(|(key, holding)| table.spec(key.symbol).money(holding.cost)).sum()
    }
}
