//! The session account shared by all instances: cash, exposure, daily counters, symbol locks, order numbers.
//!
//! Totals are kept per symbol and updated by differences, so the cost of a tick or fill does not depend on
//! the number of positions. Invariant: equity is cash plus unrealised profit, exactly.

pub mod status;

use crate::checkpoint::{plain, saved};
use crate::domain::decision::{Guard, Trigger};
use crate::domain::event::Trade;
use crate::domain::ledger::EquityPoint;
use crate::domain::num::{Money, Price};
use crate::domain::order::{OrderId, Side};
use crate::domain::strategy::StrategyLimits;
use crate::domain::symbol::{SymbolId, SymbolSpec};
use crate::domain::time::{Span, Timestamp};
use crate::engine::risk::{RiskLimits, RiskRefusal};
use std::collections::VecDeque;

/// Settings of a session.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionConfig {
    /// Cash at the start of the session.
    pub initial_balance: Money,
    /// Limits of the session.
    pub risk: RiskLimits,
    /// Maximum notional of all strategies together.
    pub budget_cap: Option<Money>,
    /// Maximum notional of each strategy, by strategy index.
    pub allocations: Vec<Option<Money>>,
    /// Symbols each strategy runs on, by strategy index; `None` or a missing entry means all.
    pub assigned: Vec<Option<Vec<SymbolId>>>,
    /// Maximum notional of one position; larger entries shrink.
    pub max_position: Option<Money>,
    /// Whether every entry has the symbol's smallest quantity, whatever size the strategy gives.
    pub minimum_lots: bool,
    /// Stop for strategies without one, percent.
    pub stop_loss_pct: Option<f64>,
    /// Target for strategies without one, percent.
    pub take_profit_pct: Option<f64>,
    /// Whether the tighter of the session's and the strategy's stop and target applies.
    pub force_session_stops: bool,
    /// Assumed spread where no book is recorded, percent of the last price.
    pub assumed_spread_pct: f64,
}

// A session may be given tighter limits while it runs.
saved!(SessionConfig { risk } fixed {
    initial_balance, budget_cap, allocations, assigned, max_position, minimum_lots, stop_loss_pct, take_profit_pct,
    force_session_stops, assumed_spread_pct,
});

impl Default for SessionConfig {
    fn default() -> Self {
        SessionConfig {
            initial_balance: Money::from_units(10_000),
            risk: RiskLimits::default(),
            budget_cap: None,
            allocations: Vec::new(),
            assigned: Vec::new(),
            max_position: None,
            minimum_lots: false,
            stop_loss_pct: None,
            take_profit_pct: None,
            force_session_stops: false,
            assumed_spread_pct: 0.1,
        }
    }
}

impl SessionConfig {
    /// Whether a strategy (by index) runs on a symbol.
    pub fn runs_on(&self, strategy: usize, symbol: SymbolId) -> bool {
        self.assigned.get(strategy).and_then(Option::as_ref).is_none_or(|symbols| symbols.contains(&symbol))
    }
}

/// Totals of the positions in one symbol.
#[derive(Clone, Copy, Default, Debug)]
struct Holding {
    /// `net_lots` is Σ dir·lots, `gross_lots` is Σ lots, `net_cost` is Σ dir·cost (ticks × lots).
    net_lots: i64,
    gross_lots: i64,
    net_cost: i128,
    mark: Price,
    unrealised: Money,
    exposure: Money,
    /// Notional of entry orders in flight.
    reserved: Money,
    /// Number of positions and entry orders in flight.
    occupants: u32,
}

plain!(struct Holding { net_lots, gross_lots, net_cost, mark, unrealised, exposure, reserved, occupants });

#[derive(Clone, Copy, Default, Debug)]
struct StrategyDay {
    entries: u32,
    realised: Money,
}

plain!(struct StrategyDay { entries, realised });

/// The session's account.
pub struct Account {
    /// Settings of the session.
    pub config: SessionConfig,
    cash: Money,
    unrealised: Money,
    exposure: Money,
    used_margin: Money,
    /// Notional of all entry orders in flight.
    reserved: Money,
    holdings: Vec<Holding>,
    /// Number of positions and entry orders in flight: in total and by strategy.
    occupants: u32,
    strategy_occupants: Vec<u32>,
    strategy_exposure: Vec<Money>,
    strategy_days: Vec<StrategyDay>,
    /// End of the UTC day of the last event, midnight included.
    day_end: Timestamp,
    day_start_equity: Money,
    entries_today: u32,
    peak_equity: Money,
    losses_in_a_row: u32,
    paused_until: Timestamp,
    paused_by_command: bool,
    stopped: bool,
    /// Times of the last entries, as many as the larger of the two order-rate limits.
    entry_times: VecDeque<Timestamp>,
    entry_times_max: usize,
    next_order: u64,
    /// Equity at or below which everything is closed (daily loss) or the session also stops (drawdown).
    flatten_floor: Money,
    stop_floor: Money,
    changed: bool,
}

saved!(Account {
    config, cash, unrealised, exposure, used_margin, reserved, occupants, day_end, day_start_equity, entries_today,
    peak_equity, losses_in_a_row, paused_until, paused_by_command, stopped, entry_times, entry_times_max, next_order,
    flatten_floor, stop_floor, changed,
} each { holdings, strategy_occupants, strategy_exposure, strategy_days });

impl Account {
    /// An account before the first event.
    pub fn new(config: SessionConfig, symbols: usize, strategies: usize) -> Self {
        let cash = config.initial_balance;
        let entry_times_max = config.risk.entry_times();
        let mut account = Account {
            config,
            cash,
            unrealised: Money::ZERO,
            exposure: Money::ZERO,
            used_margin: Money::ZERO,
            reserved: Money::ZERO,
            holdings: vec![Holding::default(); symbols],
            occupants: 0,
            strategy_occupants: vec![0; strategies],
            strategy_exposure: vec![Money::ZERO; strategies],
            strategy_days: vec![StrategyDay::default(); strategies],
            day_end: Timestamp::MIN,
            day_start_equity: cash,
            entries_today: 0,
            peak_equity: cash,
            losses_in_a_row: 0,
            paused_until: Timestamp::MIN,
            paused_by_command: false,
            stopped: false,
            entry_times: VecDeque::new(),
            entry_times_max,
            next_order: 0,
            flatten_floor: Money(i128::MIN),
            stop_floor: Money(i128::MIN),
            changed: true,
        };
        account.set_floors();
        account
    }

    /// Cash plus unrealised profit.
    #[inline]
    pub fn equity(&self) -> Money {
        self.cash + self.unrealised
    }

    /// Cash: the initial balance plus everything realised, after fees and funding.
    pub fn cash(&self) -> Money {
        self.cash
    }

    /// Σ |position| at the mark price.
    pub fn exposure(&self) -> Money {
        self.exposure
    }

    /// Σ |position| at the mark price plus entry orders in flight: the exposure a new entry adds to.
    pub fn taken_exposure(&self) -> Money {
        self.exposure + self.reserved
    }

    /// Margin used by open positions and entry orders in flight.
    pub fn used_margin(&self) -> Money {
        self.used_margin
    }

    /// Number of open or opening positions.
    pub fn occupants(&self) -> u32 {
        self.occupants
    }

    /// Notional in one symbol, entry orders in flight included.
    pub fn symbol_exposure(&self, symbol: SymbolId) -> Money {
        let holding = &self.holdings[symbol.index()];
        holding.exposure + holding.reserved
    }

    /// Whether any position is open in a symbol.
    #[inline]
    pub fn holds(&self, symbol: SymbolId) -> bool {
        self.holdings[symbol.index()].gross_lots != 0
    }

    /// Profit or loss relative to the initial balance, percent.
    pub fn pnl_pct(&self) -> f64 {
        100.0 * (self.equity() - self.config.initial_balance).to_f64() / self.config.initial_balance.to_f64()
    }

    /// Whether the account changed since the last [`Account::take_change`].
    #[inline]
    pub fn has_changed(&self) -> bool {
        self.changed
    }

    /// The current equity point; clears the change flag.
    pub fn take_change(&mut self, at: Timestamp) -> EquityPoint {
        self.changed = false;
        EquityPoint { at, equity: self.equity(), balance: self.cash, exposure: self.exposure }
    }

    /// Assigns the next order number.
    pub fn next_order(&mut self) -> OrderId {
        self.next_order += 1;
        OrderId(self.next_order)
    }

    /// Number of orders so far.
    pub fn orders(&self) -> u64 {
        self.next_order
    }

    /// Values a symbol's positions at a mark price.
    #[inline]
    pub fn mark(&mut self, symbol: SymbolId, spec: &SymbolSpec, price: Price) {
        let holding = &mut self.holdings[symbol.index()];
        if holding.mark == price {
            return;
        }
        holding.mark = price;
        self.revalue(symbol, spec);
    }

    /// Values a symbol's positions at the prices of trades, one after the other, up to the first at which a
    /// loss limit is reached: that one is valued, but left to whoever acts on it. Returns how many come
    /// before it, and appends the account after each that changed it.
    pub(super) fn follow(
        &mut self,
        symbol: SymbolId,
        spec: &SymbolSpec,
        trades: &[(Timestamp, Trade)],
        valued: &mut Vec<EquityPoint>,
    ) -> usize {
        for (before, (at, trade)) in trades.iter().enumerate() {
            self.mark(symbol, spec, trade.price);
            if self.changed {
                if self.breach().is_some() {
                    return before;
                }
                valued.push(self.take_change(*at));
            }
        }
        trades.len()
    }

    /// The price at which a symbol's positions were valued last.
    pub(super) fn marked_at(&self, symbol: SymbolId) -> Price {
        self.holdings[symbol.index()].mark
    }

    /// End of the UTC day of the last event, midnight included.
    pub(super) fn day_end(&self) -> Timestamp {
        self.day_end
    }

    fn revalue(&mut self, symbol: SymbolId, spec: &SymbolSpec) {
        let holding = &mut self.holdings[symbol.index()];
        let mark = i128::from(holding.mark.0);
        let unrealised = spec.money(mark * i128::from(holding.net_lots) - holding.net_cost);
        let exposure = spec.money(mark * i128::from(holding.gross_lots));
        self.unrealised += unrealised - holding.unrealised;
        self.exposure += exposure - holding.exposure;
        holding.unrealised = unrealised;
        holding.exposure = exposure;
        self.changed = true;
        let equity = self.equity();
        if equity > self.peak_equity {
            self.peak_equity = equity;
            self.set_floors();
        }
    }

    /// A fill changed a position: `lots` and `cost` (ticks × lots) are positive when it grew, negative when
    /// it shrank.
    ///
    /// # Panics
    /// When it shrank by more than was open, which is a bug.
    pub fn position_changed(
        &mut self,
        symbol: SymbolId,
        spec: &SymbolSpec,
        mark: Price,
        dir: Side,
        lots: i64,
        cost: i128,
    ) {
        let holding = &mut self.holdings[symbol.index()];
        holding.net_lots += dir.sign() * lots;
        holding.gross_lots += lots;
        holding.net_cost += i128::from(dir.sign()) * cost;
        assert!(holding.gross_lots >= 0, "positions shrank by more lots than were open");
        holding.mark = mark;
        self.revalue(symbol, spec);
        assert!(self.exposure >= Money::ZERO, "the exposure of all positions is below zero");
    }

    /// Adds (or subtracts) cash realised by a strategy.
    pub fn cash_flow(&mut self, strategy: u32, amount: Money) {
        self.cash += amount;
        self.strategy_days[strategy as usize].realised += amount;
        self.changed = true;
    }

    /// Reserves the notional of an entry order (positive) or releases it (negative).
    ///
    /// # Panics
    /// When more is released than was reserved, which is a bug.
    pub fn reserve(&mut self, symbol: SymbolId, notional: Money) {
        let holding = &mut self.holdings[symbol.index()];
        holding.reserved += notional;
        self.reserved += notional;
        assert!(
            holding.reserved >= Money::ZERO && self.reserved >= Money::ZERO,
            "entry orders gave back more notional than they had reserved"
        );
    }

    /// Changes the strategy's notional and the used margin: positive when opening, negative when closing.
    ///
    /// # Panics
    /// When more is given back than was committed, which is a bug.
    pub fn commit(&mut self, strategy: u32, notional: Money, margin: Money) {
        let exposure = &mut self.strategy_exposure[strategy as usize];
        *exposure += notional;
        self.used_margin += margin;
        assert!(
            *exposure >= Money::ZERO && self.used_margin >= Money::ZERO,
            "positions and entry orders gave back more notional or margin than they had committed"
        );
    }

    /// Counts an entry order: it occupies the symbol and a position slot and counts for the day.
    pub fn occupy(&mut self, symbol: SymbolId, strategy: u32, at: Timestamp) {
        self.holdings[symbol.index()].occupants += 1;
        self.occupants += 1;
        self.strategy_occupants[strategy as usize] += 1;
        self.entries_today += 1;
        self.strategy_days[strategy as usize].entries += 1;
        if self.entry_times_max > 0 {
            if self.entry_times.len() == self.entry_times_max {
                self.entry_times.pop_front();
            }
            self.entry_times.push_back(at);
        }
    }

    /// Releases symbol and slot when the instance is flat again or its entry never filled.
    pub fn release(&mut self, symbol: SymbolId, strategy: u32) {
        let holding = &mut self.holdings[symbol.index()];
        assert!(holding.occupants > 0 && self.occupants > 0, "released more than was occupied");
        holding.occupants -= 1;
        self.occupants -= 1;
        self.strategy_occupants[strategy as usize] -= 1;
    }

    /// Counts a round trip with this net result for the losing streak.
    pub fn trade_closed(&mut self, at: Timestamp, net: Money) {
        if net.0 >= 0 {
            self.losses_in_a_row = 0;
            return;
        }
        self.losses_in_a_row += 1;
        if self.config.risk.consecutive_losses.is_some_and(|limit| self.losses_in_a_row >= limit) {
            self.paused_until = at + self.config.risk.loss_pause;
            self.losses_in_a_row = 0;
        }
    }

    /// Moves to the UTC day of an event and resets the daily counters. A day includes the midnight that ends
    /// it: bars that end and funding that is settled at that time belong to it.
    #[inline(always)]
    pub fn roll_day(&mut self, at: Timestamp) {
        if at > self.day_end {
            self.start_day(at);
        }
    }

    #[cold]
    fn start_day(&mut self, at: Timestamp) {
        self.day_end = Timestamp::from_seconds((at.day_ended() + 1) * 86_400);
        self.day_start_equity = self.equity();
        self.entries_today = 0;
        for strategy in &mut self.strategy_days {
            *strategy = StrategyDay::default();
        }
        self.set_floors();
    }

    fn set_floors(&mut self) {
        let below =
            |base: Money, pct: f64| base - Money((base.0 / 1_000_000) * (pct * 10_000.0).round() as i128);
        self.flatten_floor = self
            .config
            .risk
            .daily_loss_pct
            .map_or(Money(i128::MIN), |pct| below(self.day_start_equity, 1.5 * pct));
        self.stop_floor =
            self.config.risk.drawdown_pct.map_or(Money(i128::MIN), |pct| below(self.peak_equity, pct));
    }

    /// The trigger to close everything with if a loss limit is reached, and whether the session ends.
    #[inline]
    pub fn breach(&self) -> Option<(Trigger, bool)> {
        let equity = self.equity();
        if equity > self.flatten_floor && equity > self.stop_floor {
            return None;
        }
        Some((Trigger::Risk, equity <= self.stop_floor))
    }

    /// Whether entries are paused by a command.
    pub fn is_paused(&self) -> bool {
        self.paused_by_command
    }

    /// Pauses or resumes entries.
    pub fn pause(&mut self, paused: bool) {
        self.paused_by_command = paused;
    }

    /// From now on these limits hold besides those of before, limit by limit the tighter one. A limit of the
    /// order rate where there was none counts entries from here on.
    pub fn tighten(&mut self, limits: &RiskLimits) {
        self.config.risk = self.config.risk.tightened(limits);
        self.entry_times_max = self.entry_times_max.max(self.config.risk.entry_times());
        self.set_floors();
    }

    /// Stops entries for the rest of the session.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// The checks of session and strategy before an entry is sized, in order.
    ///
    /// # Errors
    /// The first check that refuses the entry, with the measured and the allowed value.
    pub fn admit(
        &self,
        symbol: SymbolId,
        strategy: u32,
        limits: &StrategyLimits,
        at: Timestamp,
    ) -> Result<(), RiskRefusal> {
        let risk = &self.config.risk;
        let day = &self.strategy_days[strategy as usize];
        let reached = |guard, value: u32, limit: Option<u32>| match limit {
            Some(limit) if value >= limit => Err(RiskRefusal::new(guard, f64::from(value), f64::from(limit))),
            _ => Ok(()),
        };
        if self.paused_by_command {
            return Err(RiskRefusal::new(Guard::Paused, 1.0, 0.0));
        }
        if risk.exclusive_symbols {
            reached(Guard::SymbolLocked, self.holdings[symbol.index()].occupants, Some(1))?;
        }
        reached(Guard::ConcurrentPositions, self.occupants, risk.max_concurrent)?;
        reached(
            Guard::ConcurrentPositions,
            self.strategy_occupants[strategy as usize],
            limits.max_concurrent,
        )?;
        reached(Guard::DailyTrades, self.entries_today, risk.trades_per_day)?;
        reached(Guard::DailyTrades, day.entries, limits.max_daily_trades)?;
        let day_loss = self.loss_pct(self.day_start_equity - self.equity());
        self.within(Guard::DailyLoss, day_loss, risk.daily_loss_pct)?;
        self.within(Guard::DailyLoss, self.loss_pct(-day.realised), limits.daily_loss_pct)?;
        if self.stopped {
            let fallen = 100.0 * (self.peak_equity - self.equity()).to_f64() / self.peak_equity.to_f64();
            return Err(RiskRefusal::new(Guard::Drawdown, fallen, risk.drawdown_pct.unwrap_or(0.0)));
        }
        if at < self.paused_until {
            return Err(RiskRefusal::new(
                Guard::ConsecutiveLosses,
                (self.paused_until - at).seconds_f64(),
                0.0,
            ));
        }
        self.order_rate(at)
    }

    fn within(&self, guard: Guard, value: f64, limit: Option<f64>) -> Result<(), RiskRefusal> {
        match limit {
            Some(limit) if value >= limit => Err(RiskRefusal::new(guard, value, limit)),
            _ => Ok(()),
        }
    }

    fn loss_pct(&self, loss: Money) -> f64 {
        100.0 * loss.to_f64() / self.day_start_equity.to_f64()
    }

    fn order_rate(&self, at: Timestamp) -> Result<(), RiskRefusal> {
        let risk = &self.config.risk;
        for (limit, span) in
            [(risk.orders_per_second, Span::SECOND), (risk.orders_per_minute, Span::from_seconds(60))]
        {
            let Some(limit) = limit else { continue };
            // Reached when the entry `limit` entries ago is still within the span.
            let first = self.entry_times.len().checked_sub(limit as usize);
            let reached =
                first.is_some_and(|first| self.entry_times.get(first).is_none_or(|time| at - *time < span));
            if reached {
                return Err(RiskRefusal::new(Guard::OrderRate, f64::from(limit), f64::from(limit)));
            }
        }
        Ok(())
    }

    /// Notional a strategy may still open: the least left of its allocation, its share of the budget and the
    /// total budget; `None` without such limits.
    pub fn remaining_budget(&self, strategy: u32, limits: &StrategyLimits) -> Option<Money> {
        let used = self.strategy_exposure[strategy as usize];
        let allocation =
            self.config.allocations.get(strategy as usize).copied().flatten().map(|limit| limit - used);
        let base = self.config.budget_cap.unwrap_or(self.config.initial_balance);
        let share = limits
            .max_allocation_pct
            .map(|pct| Money((base.0 / 1_000_000) * (pct * 10_000.0).round() as i128) - used);
        let all: Money = self.strategy_exposure.iter().copied().sum();
        let cap = self.config.budget_cap.map(|cap| cap - all);
        [allocation, share, cap].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
