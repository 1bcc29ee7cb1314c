//! What is true of a running session at one moment: a copy that others may read while it goes on.
//!
//! It is taken between two batches of input, so it is consistent, and only when somebody asks. Invariants:
//! equity is the balance plus the unrealised profit of the positions, exactly; taking a snapshot changes no
//! decision.

use crate::domain::num::Money;
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::SymbolTable;
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::engine::account::status::{AccountStatus, BudgetStatus};
use crate::engine::instance::status::{InstanceStatus, OpenPosition, WorkingOrder};
use crate::engine::status::FeedStatus;
use crate::report::statistics::{CurvePoint, Statistics};
use std::sync::Arc;

/// An engine between two batches of input.
pub struct Moment<'a> {
    /// The engine. Only to look at.
    pub engine: &'a mut Engine,
    /// The symbols.
    pub table: &'a Arc<SymbolTable>,
    /// Time reached.
    pub at: Timestamp,
}

/// Which of the parts that cost something are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Parts {
    /// The state of every instance with its conditions.
    pub states: bool,
    /// The equity curve.
    pub equity: bool,
}

impl Parts {
    /// All parts of both.
    pub fn and(self, other: Parts) -> Parts {
        Parts { states: self.states || other.states, equity: self.equity || other.equity }
    }

    /// Whether it has all parts of another.
    pub fn covers(self, other: Parts) -> bool {
        self.and(other) == self
    }
}

/// A session at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Event time.
    pub at: Timestamp,
    /// The symbols; prices are in their ticks.
    pub table: Arc<SymbolTable>,
    /// The strategies, by index in the session.
    pub strategies: Vec<Arc<StrategyDef>>,
    /// The account.
    pub account: AccountStatus,
    /// Fees paid, by trades that are over and by open positions.
    pub fees: Money,
    /// Funding received, likewise; negative when paid.
    pub funding: Money,
    /// The deepest fall of equity from a peak so far, percent of the peak.
    pub max_drawdown_pct: f64,
    /// Budgets, by strategy.
    pub budgets: Vec<BudgetStatus>,
    /// Open positions, by instance.
    pub positions: Vec<OpenPosition>,
    /// Orders that have not ended, by instance.
    pub orders: Vec<WorkingOrder>,
    /// What was last received of each symbol.
    pub feeds: Vec<FeedStatus>,
    /// The states, by instance; `None` when they were not wanted.
    pub states: Option<Vec<InstanceStatus>>,
    /// The equity curve from the start, bounded; `None` when it was not wanted.
    pub equity: Option<Vec<CurvePoint>>,
}

impl Snapshot {
    /// Copies a moment. `statistics` of the same run are `None` before its first tick.
    pub fn take(
        moment: Moment<'_>,
        statistics: Option<&Statistics>,
        strategies: &[Arc<StrategyDef>],
        parts: Parts,
    ) -> Self {
        let Moment { engine, table, at } = moment;
        let positions = engine.positions(table);
        let (mut fees, mut funding) = statistics.map_or((Money::ZERO, Money::ZERO), Statistics::closed_costs);
        for open in &positions {
            fees += open.position.fees;
            funding += open.position.funding;
        }
        Snapshot {
            at,
            table: Arc::clone(table),
            strategies: strategies.to_vec(),
            account: engine.account_status(at),
            fees,
            funding,
            max_drawdown_pct: statistics.map_or(0.0, Statistics::max_drawdown_pct),
            budgets: engine.budgets(),
            positions,
            orders: engine.working_orders(),
            feeds: engine.feeds(table, at),
            states: parts.states.then(|| engine.states(table, at)),
            equity: parts.equity.then(|| statistics.map(Statistics::curve).unwrap_or_default()),
        }
    }
}
