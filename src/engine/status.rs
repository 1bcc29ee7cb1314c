//! What is true of a session right now: account, positions, orders, markets, and what every instance waits
//! for.
//!
//! Invariant: looking at any moment, or never, gives the same decisions.

use super::Engine;
use super::account::status::{AccountStatus, BudgetStatus};
use super::instance::status::{InstanceStatus, OpenPosition, WorkingOrder};
use super::output::Outputs;
use crate::domain::num::Price;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// What was last received of a symbol.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FeedStatus {
    /// Symbol.
    pub symbol: SymbolId,
    /// Time and price of the last trade, or of the end of the last bar.
    pub last: Option<(Timestamp, Price)>,
    /// Time of the last change of the book; `None`: no book, or none since a gap.
    pub book_at: Option<Timestamp>,
    /// Best bid and ask, when the book is fresh.
    pub touch: Option<(Price, Price)>,
    /// Fair price, while one counts.
    pub mark: Option<Price>,
    /// Whether entries are enabled.
    pub is_enabled: bool,
}

impl FeedStatus {
    /// When the last trade, bar or book came.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.last.map(|(at, _)| at).max(self.book_at)
    }
}

impl Engine {
    /// The account.
    pub fn account_status(&self, at: Timestamp) -> AccountStatus {
        self.account().status(at)
    }

    /// The budgets of the strategies that have an instance, by strategy.
    pub fn budgets(&self) -> Vec<BudgetStatus> {
        // The limits of a strategy are those of any of its instances.
        let mut limits = BTreeMap::new();
        for instance in &self.instances {
            limits.entry(instance.strategy).or_insert(&instance.def.limits);
        }
        limits.into_iter().map(|(strategy, limits)| self.account.budget(strategy, limits)).collect()
    }

    /// The open positions, by instance.
    pub fn positions(&self, table: &SymbolTable) -> Vec<OpenPosition> {
        let open =
            |instance: &super::Instance| instance.open_position(table.spec(instance.symbol), &self.account);
        self.instances.iter().filter_map(open).collect()
    }

    /// The orders that have not ended, by instance.
    pub fn working_orders(&self) -> Vec<WorkingOrder> {
        self.instances.iter().flat_map(super::Instance::working_orders).collect()
    }

    /// What was last received of each symbol.
    pub fn feeds(&self, table: &SymbolTable, at: Timestamp) -> Vec<FeedStatus> {
        let feed = |(symbol, state): (usize, &super::symbol::SymbolState)| {
            let (symbol, market) = (SymbolId(symbol as u32), &state.market);
            FeedStatus {
                symbol,
                last: market.last.map(|(at, trade)| (at, trade.price)),
                book_at: market.book_at,
                touch: market.touch(at),
                mark: market.mark(at),
                is_enabled: table.is_enabled(symbol),
            }
        };
        self.symbols.iter().enumerate().map(feed).collect()
    }

    /// The state of every instance, by instance, at the time reached. Computes the indicators that conditions
    /// of these states read, so it costs about as much as one evaluation of every instance.
    pub fn states(&mut self, table: &SymbolTable, at: Timestamp) -> Vec<InstanceStatus> {
        let mut states = Vec::with_capacity(self.instances.len());
        let mut scratch = Outputs::default();
        for state in &mut self.symbols {
            // Time may have passed since the last event. Every event invalidates the values again.
            state.indicators.turn();
        }
        for instance in &mut self.instances {
            let state = &mut self.symbols[instance.symbol.index()];
            scratch.clear();
            let mut turn = state.turn(table, instance.symbol, at, &mut self.account, &mut scratch);
            states.push(instance.status(&mut turn));
        }
        states
    }
}
