//! What the account is worth and how much of its limits is used, for whoever looks.
//!
//! Invariant: reading changes nothing, and every amount is exact.

use super::Account;
use crate::domain::decision::Guard;
use crate::domain::num::{Money, Price};
use crate::domain::strategy::StrategyLimits;
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};

/// The account at one time.
#[derive(Clone, PartialEq, Debug)]
pub struct AccountStatus {
    /// Cash at the start of the session.
    pub initial: Money,
    /// Cash now: the initial balance plus everything realised, after fees and funding.
    pub balance: Money,
    /// Cash plus unrealised profit.
    pub equity: Money,
    /// Profit of the open positions at their marks, before the costs of closing them.
    pub unrealised: Money,
    /// Σ |position| at the marks.
    pub exposure: Money,
    /// Margin of open positions and entry orders in flight.
    pub used_margin: Money,
    /// Equity at the start of the UTC day of the last event.
    pub day_start_equity: Money,
    /// End of that day; `None` before the first event.
    pub day_end: Option<Timestamp>,
    /// Highest equity so far.
    pub peak_equity: Money,
    /// Open or opening positions.
    pub occupants: u32,
    /// Entries in the UTC day.
    pub entries_today: u32,
    /// Trades lost in a row.
    pub losses_in_a_row: u32,
    /// Whether a command paused entries.
    pub is_paused: bool,
    /// Whether a limit ended entries for the rest of the session.
    pub is_stopped: bool,
    /// End of a pause after consecutive losses, if it lies ahead.
    pub paused_until: Option<Timestamp>,
    /// Orders sent so far.
    pub orders: u64,
    /// Maximum notional of all strategies together.
    pub budget_cap: Option<Money>,
    /// Notional that they hold or open now, as the budget counts it.
    pub budget_used: Money,
    /// The session's limits that are switched on, each with what is used of it.
    pub limits: Vec<LimitStatus>,
}

/// How much of a limit is used.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LimitStatus {
    /// The check that refuses entries when the limit is reached.
    pub guard: Guard,
    /// Measured value, in the unit of the limit.
    pub value: f64,
    /// Allowed value.
    pub threshold: f64,
}

/// The budget of one strategy.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BudgetStatus {
    /// Strategy (index in the session).
    pub strategy: u32,
    /// Maximum notional allocated to it; `None` without an allocation.
    pub allocation: Option<Money>,
    /// Notional that it holds or opens now.
    pub used: Money,
    /// Notional that it may still open; `None` without any limit.
    pub left: Option<Money>,
}

impl Account {
    /// The account at a time.
    pub fn status(&self, at: Timestamp) -> AccountStatus {
        AccountStatus {
            initial: self.config.initial_balance,
            balance: self.cash,
            equity: self.equity(),
            unrealised: self.unrealised,
            exposure: self.exposure,
            used_margin: self.used_margin,
            day_start_equity: self.day_start_equity,
            day_end: (self.day_end != Timestamp::MIN).then_some(self.day_end),
            peak_equity: self.peak_equity,
            occupants: self.occupants,
            entries_today: self.entries_today,
            losses_in_a_row: self.losses_in_a_row,
            is_paused: self.paused_by_command,
            is_stopped: self.stopped,
            paused_until: Some(self.paused_until).filter(|until| *until > at),
            orders: self.next_order,
            budget_cap: self.config.budget_cap,
            budget_used: self.strategy_exposure.iter().copied().sum(),
            limits: self.limits(),
        }
    }

    /// The budget of a strategy.
    pub fn budget(&self, strategy: u32, limits: &StrategyLimits) -> BudgetStatus {
        let index = strategy as usize;
        BudgetStatus {
            strategy,
            allocation: self.config.allocations.get(index).copied().flatten(),
            used: self.strategy_exposure[index],
            left: self.remaining_budget(strategy, limits),
        }
    }

    /// The price at which a symbol's positions are valued.
    pub fn mark_of(&self, symbol: SymbolId) -> Price {
        self.holdings[symbol.index()].mark
    }

    /// When a refusal ends by itself, at the latest; `None`: not at a time that is known.
    pub fn refuses_until(&self, guard: Guard) -> Option<Timestamp> {
        match guard {
            Guard::ConsecutiveLosses => Some(self.paused_until),
            // A day includes the midnight that ends it.
            Guard::DailyTrades | Guard::DailyLoss => Some(self.day_end + Span::from_nanos(1)),
            Guard::OrderRate => self.rate_free_at(),
            _ => None,
        }
    }

    fn rate_free_at(&self) -> Option<Timestamp> {
        let risk = &self.config.risk;
        let free_at = |(limit, span): (Option<u32>, Span)| {
            let first = self.entry_times.len().checked_sub(limit? as usize)?;
            self.entry_times.get(first).map(|time| *time + span)
        };
        let limits =
            [(risk.orders_per_second, Span::SECOND), (risk.orders_per_minute, Span::from_seconds(60))];
        limits.into_iter().filter_map(free_at).max()
    }

    fn limits(&self) -> Vec<LimitStatus> {
        let risk = &self.config.risk;
        let equity = self.equity();
        let share = |part: Money, whole: Money| {
            if whole.0 > 0 { 100.0 * part.to_f64() / whole.to_f64() } else { 0.0 }
        };
        let counted = |limit: Option<u32>| limit.map(f64::from);
        let limits = [
            (Guard::ConcurrentPositions, f64::from(self.occupants), counted(risk.max_concurrent)),
            (Guard::DailyTrades, f64::from(self.entries_today), counted(risk.trades_per_day)),
            (
                Guard::DailyLoss,
                share(self.day_start_equity - equity, self.day_start_equity).max(0.0),
                risk.daily_loss_pct,
            ),
            (Guard::Drawdown, share(self.peak_equity - equity, self.peak_equity), risk.drawdown_pct),
            (Guard::ConsecutiveLosses, f64::from(self.losses_in_a_row), counted(risk.consecutive_losses)),
            (Guard::TotalExposure, share(self.taken_exposure(), equity), risk.total_exposure_pct),
            // Margin is never borrowed: without a session limit the whole equity is the limit.
            (
                Guard::Margin,
                share(self.used_margin, equity),
                Some(risk.margin_pct.unwrap_or(100.0).min(100.0)),
            ),
        ];
        let used = |(guard, value, threshold): (Guard, f64, Option<f64>)| {
            Some(LimitStatus { guard, value, threshold: threshold? })
        };
        limits.into_iter().filter_map(used).collect()
    }
}
