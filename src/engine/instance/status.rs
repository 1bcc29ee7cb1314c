//! What one instance is, holds and waits for, for whoever looks.
//!
//! Invariant: looking changes neither the instance nor what it will decide.

use super::{Instance, Turn, Working, values};
use crate::domain::decision::{SectionName, State, Trigger};
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{OrderId, Purpose, Side};
use crate::domain::symbol::{SymbolId, SymbolSpec};
use crate::domain::time::Timestamp;
use crate::engine::account::Account;
use crate::engine::indicators::Look;
use crate::engine::position::Position;
use crate::engine::risk::RiskRefusal;
use crate::engine::rules::conditions::ConditionStatus;

/// An open position.
#[derive(Clone, PartialEq, Debug)]
pub struct OpenPosition {
    /// Instance (index in the session).
    pub instance: u32,
    /// Strategy (index in the session).
    pub strategy: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// What was filled so far.
    pub position: Position,
    /// The price it is valued at.
    pub mark: Price,
    /// Profit of the open lots at the mark, before the costs of closing them.
    pub unrealised: Money,
    /// Margin it uses.
    pub margin: Money,
    /// Price of the stop, and what it is called as a trigger.
    pub stop: Option<(Price, Trigger)>,
    /// The prices at which it takes its profit, nearest first.
    pub targets: Vec<Target>,
    /// Liquidation price with isolated margin, in the quote currency.
    pub liquidation: f64,
    /// When it is closed at the latest; `None` without a longest holding time.
    pub closes_at: Option<Timestamp>,
}

/// A price at which a position takes its profit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Target {
    /// Price.
    pub price: Price,
    /// Share of the quantity that was opened, percent; `None`: all that is left.
    pub close_pct: Option<f64>,
}

/// An order that has not ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WorkingOrder {
    /// Order number.
    pub order: OrderId,
    /// Instance (index in the session).
    pub instance: u32,
    /// Strategy (index in the session).
    pub strategy: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// Direction.
    pub side: Side,
    /// Purpose.
    pub purpose: Purpose,
    /// Limit price; `None` for a market order.
    pub limit: Option<Price>,
    /// Whether what does not fill at once stays in the book.
    pub rests: bool,
    /// Quantity.
    pub qty: Qty,
    /// Filled so far.
    pub filled: Qty,
    /// When it was sent.
    pub submitted_at: Timestamp,
    /// Whether its cancellation was asked for.
    pub cancel_sent: bool,
}

/// State of an instance and what it waits for.
#[derive(Clone, PartialEq, Debug)]
pub struct InstanceStatus {
    /// Instance (index in the session).
    pub instance: u32,
    /// Strategy (index in the session).
    pub strategy: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// Side of the opening orders.
    pub side: Side,
    /// State.
    pub state: State,
    /// Since when; `None` before the first market event.
    pub since: Option<Timestamp>,
    /// When the state ends by itself, at the latest: a cooldown, a timeout, the longest holding time.
    pub until: Option<Timestamp>,
    /// The conditions that it checks in this state.
    pub conditions: Vec<ConditionStatus>,
    /// Indicators (index in the strategy) that have had no value yet: entries wait for them.
    pub warming: Vec<usize>,
    /// Why an entry would be refused now; `None`: it would not be, or a position or order is open.
    pub blocked: Option<Blocked>,
}

/// Why no entry is possible.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Blocked {
    /// The check that refuses, with the measured and the allowed value.
    pub refusal: RiskRefusal,
    /// When it ends by itself, at the latest; `None`: not at a time that is known.
    pub until: Option<Timestamp>,
}

/// The sections whose conditions matter in a state.
const fn sections(state: State) -> &'static [SectionName] {
    match state {
        State::Monitoring => &[SectionName::S1],
        State::SignalDetected => &[SectionName::Z1, SectionName::O1],
        State::EntryEvaluation | State::CloseOrderEvaluation => &[SectionName::E1],
        State::PositionActive => &[SectionName::Ze1, SectionName::E1],
        State::Inactive | State::EmergencyExit | State::Exited | State::SignalCancelled | State::Halted => {
            &[]
        }
    }
}

impl Instance {
    pub(in crate::engine) fn status(&mut self, turn: &mut Turn<'_>) -> InstanceStatus {
        let own = self.own_view(turn);
        let mut conditions = Vec::new();
        for section in sections(self.state) {
            self.rule(*section).conditions(*section, &mut values(turn, &own), &mut conditions);
        }
        let refusal = if self.is_engaged() { None } else { self.would_refuse(turn) };
        let blocked =
            refusal.map(|refusal| Blocked { refusal, until: turn.account.refuses_until(refusal.guard) });
        InstanceStatus {
            instance: self.index,
            strategy: self.strategy,
            symbol: self.symbol,
            side: self.side,
            state: self.state,
            since: self.since,
            until: Some(self.state_ends_at()).filter(|until| *until != Timestamp::MAX),
            conditions,
            warming: self.without_value(turn),
            blocked,
        }
    }

    /// Indicators (index in the strategy) that have had no value yet and have none now.
    fn without_value(&self, turn: &mut Turn<'_>) -> Vec<usize> {
        let look = Look { now: turn.at, spec: turn.spec, market: turn.market };
        let mut has_none = |slot| self.warming.contains(&slot) && turn.set.value(slot, look).is_err();
        (0..self.slots.len()).filter(|index| has_none(self.slots[*index])).collect()
    }

    /// When the cooldown ends; `None` outside one.
    pub(in crate::engine) fn rests_until(&self) -> Option<Timestamp> {
        matches!(self.state, State::Exited | State::SignalCancelled).then_some(self.until)
    }

    /// When the state ends by itself, at the latest.
    fn state_ends_at(&self) -> Timestamp {
        match self.state {
            State::SignalDetected => {
                let timeout = self.def.o1.timeout.zip(self.signal_at);
                timeout.map_or(Timestamp::MAX, |(timeout, at)| at + timeout)
            }
            State::EntryEvaluation | State::CloseOrderEvaluation => self.next_time(),
            State::PositionActive => self.hold_until(),
            State::EmergencyExit => self.retry_at,
            State::Exited | State::SignalCancelled => self.until,
            State::Inactive | State::Monitoring | State::Halted => Timestamp::MAX,
        }
    }

    pub(in crate::engine) fn open_position(
        &self,
        spec: &SymbolSpec,
        account: &Account,
    ) -> Option<OpenPosition> {
        let position = self.position.filter(|position| position.lots > 0)?;
        let mark = account.mark_of(self.symbol);
        Some(OpenPosition {
            instance: self.index,
            strategy: self.strategy,
            symbol: self.symbol,
            position,
            mark,
            unrealised: spec.money(position.unrealised(mark)),
            margin: self.committed.1,
            stop: self.exits.stop.map(|(price, kind)| (price, kind.trigger())),
            targets: self.targets(&position, spec),
            liquidation: position.liquidation_price(spec),
            closes_at: Some(self.hold_until()).filter(|until| *until != Timestamp::MAX),
        })
    }

    fn targets(&self, position: &Position, spec: &SymbolSpec) -> Vec<Target> {
        let entry = position.entry_price(spec);
        let steps = self.def.ladder.iter().skip(self.exits.next_ladder).map(|step| Target {
            price: self.step_price(entry, step.offset_pct, spec),
            close_pct: Some(step.close_pct),
        });
        let mut targets: Vec<Target> = steps.collect();
        targets.extend(self.exits.target.map(|price| Target { price, close_pct: None }));
        targets.sort_by_key(|target| self.side.sign() * target.price.0);
        targets
    }

    pub(in crate::engine) fn working_orders(&self) -> impl Iterator<Item = WorkingOrder> + '_ {
        let entry = self.entry.map(|order| (order, self.side));
        let exit = self.exit.map(|order| (order, self.side.opposite()));
        entry.into_iter().chain(exit).map(|(order, side)| self.working_order(order, side))
    }

    fn working_order(&self, order: Working, side: Side) -> WorkingOrder {
        WorkingOrder {
            order: order.id,
            instance: self.index,
            strategy: self.strategy,
            symbol: self.symbol,
            side,
            purpose: order.purpose,
            limit: order.limit,
            rests: order.rests,
            qty: order.qty,
            filled: order.filled,
            submitted_at: order.submitted_at,
            cancel_sent: order.cancel_sent,
        }
    }
}
