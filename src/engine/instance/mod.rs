//! One strategy on one symbol on one side: the state machine of strategy-engine section 2.
//!
//! Fills drive the states; a wish alone never does. `evaluate` reads top to bottom in the order of priorities.
//! Never: an order that did not come through `risk`, a value that was not asked in this event.

mod bar;
mod entry;
mod exit;
mod fills;
mod size;
mod view;

use crate::domain::decision::{Decision, DecisionKind, Guard, SectionName, State, Trigger, Warning};
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{OrderId, Purpose, Side};
use crate::domain::strategy::{Direction, LadderStep, Operand, StrategyDef};
use crate::domain::symbol::{SymbolId, SymbolSpec};
use crate::domain::time::{Span, Timestamp};
use crate::engine::account::Account;
use crate::engine::excursion::Excursion;
use crate::engine::gate::Cause;
use crate::engine::indicators::{IndicatorSet, Look, SlotId, Value};
use crate::engine::market::MarketState;
use crate::engine::output::{Action, Outputs};
use crate::engine::own::OwnView;
use crate::engine::position::Position;
use crate::engine::rules::{Rule, Source, Values};
use crate::engine::truth::Truth;
use std::sync::Arc;

/// Everything an instance may touch while it handles one event.
pub struct Turn<'a> {
    /// Event time.
    pub at: Timestamp,
    /// Steps of the symbol.
    pub spec: &'a SymbolSpec,
    /// Whether entries are switched on for the symbol.
    pub enabled: bool,
    /// Lowest and highest price this event showed, when it showed any.
    pub prices: Option<(Price, Price)>,
    /// The symbol's market.
    pub market: &'a MarketState,
    /// The symbol's indicators.
    pub set: &'a mut IndicatorSet,
    /// Extremes since the oldest open position.
    pub excursion: &'a mut Excursion,
    /// Session-wide state.
    pub account: &'a mut Account,
    /// What comes out.
    pub out: &'a mut Outputs,
}

impl Turn<'_> {
    /// Best bid and ask in the quote currency: the book's, or around the last trade where none is recorded.
    pub(crate) fn touch(&self) -> Option<(f64, f64)> {
        if let Some((bid, ask)) = self.market.touch(self.at) {
            return Some((self.spec.price_f64(bid), self.spec.price_f64(ask)));
        }
        let (_, last) = self.market.last?;
        let price = self.spec.price_f64(last.price);
        let half = price * self.account.config.assumed_spread_pct / 200.0;
        Some((price - half, price + half))
    }

    /// Twice the mid in ticks, for slippage; the last price where no book is recorded.
    fn mid_x2(&self) -> Option<i64> {
        let book = self.market.touch(self.at).map(|(bid, ask)| bid.0 + ask.0);
        book.or(self.market.last.map(|(_, trade)| 2 * trade.price.0))
    }

    /// The price that margin and unrealised profit are valued at.
    pub(crate) fn mark(&self) -> Option<Price> {
        let mid = || self.market.touch(self.at).map(|(bid, ask)| Price((bid.0 + ask.0) / 2));
        self.market.mark.or_else(mid).or(self.market.last.map(|(_, trade)| trade.price))
    }
}

/// An order on its way or resting.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Working {
    id: OrderId,
    purpose: Purpose,
    qty: Qty,
    filled: Qty,
    mid_x2: Option<i64>,
    submitted_at: Timestamp,
    cancel_sent: bool,
    /// May rest: replaced by a market order after the close timeout.
    rests: bool,
}

/// When an instance must be looked at again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wake {
    /// At this price or below.
    pub below: Price,
    /// At this price or above.
    pub above: Price,
    /// At this time.
    pub at: Timestamp,
    /// On every event.
    pub always: bool,
}

impl Wake {
    /// Never by itself.
    pub const NEVER: Wake =
        Wake { below: Price(i64::MIN), above: Price(i64::MAX), at: Timestamp::MAX, always: false };

    /// Whichever of two comes first.
    pub fn or(self, other: Wake) -> Wake {
        Wake {
            below: self.below.max(other.below),
            above: self.above.min(other.above),
            at: self.at.min(other.at),
            always: self.always || other.always,
        }
    }

    /// Whether it is time.
    #[inline]
    pub fn is_due(&self, at: Timestamp, prices: Option<(Price, Price)>) -> bool {
        self.always
            || at >= self.at
            || prices.is_some_and(|(low, high)| low <= self.below || high >= self.above)
    }
}

/// An instance of a strategy.
pub struct Instance {
    /// Place in the session.
    pub index: u32,
    /// Place of the strategy in the session.
    pub strategy: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// Side that opens.
    pub side: Side,
    /// The strategy.
    pub def: Arc<StrategyDef>,
    /// State.
    pub state: State,
    /// Whether any rule, price or scaling of the strategy looks at position, signal or session.
    reads_own: bool,
    slots: Vec<SlotId>,
    pub(crate) s1: Rule,
    o1: Rule,
    z1: Rule,
    ze1: Rule,
    e1: Rule,
    /// Slots not yet seen defined; entries wait until it is empty.
    warming: Vec<SlotId>,
    signal_at: Option<Timestamp>,
    refused: u64,
    pub(crate) entry: Option<Working>,
    pub(crate) exit: Option<Working>,
    pub(crate) position: Option<Position>,
    exits: exit::Exits,
    ladder_ticks: Option<Price>,
    frozen: exit::Frozen,
    closing: Option<Trigger>,
    cooldown: Span,
    until: Timestamp,
    retry_at: Timestamp,
    retries: u32,
    /// What a dead exit leaves to close; everything when absent.
    retry_lots: Option<Qty>,
    rejects_in_a_row: u32,
    unknown_since: Option<Timestamp>,
    data_loss_warned: bool,
    initial_risk: Option<Money>,
    bar: bar::BarMemory,
    /// Notional and margin taken from the account.
    committed: (Money, Money),
    /// Notional and margin held for what the entry order may still fill.
    reserved: (Money, Money),
    reference: f64,
    looked_at: Timestamp,
    entry_checked: Timestamp,
    /// Something happened too soon after the last look at O1 and Z1: there will be one more.
    put_off: bool,
    disabled: bool,
}

impl Instance {
    /// An instance that is not yet watching; its indicators are interned in the symbol's set.
    pub fn new(
        index: u32,
        strategy: u32,
        symbol: SymbolId,
        side: Side,
        def: &Arc<StrategyDef>,
        set: &mut IndicatorSet,
        market: &mut MarketState,
    ) -> Self {
        let slots: Vec<SlotId> =
            def.indicators.iter().map(|indicator| set.intern(&indicator.spec, market)).collect();
        let mut resolve = |operand: Operand| match operand {
            Operand::Market(place) => Source::Slot(slots[place]),
            Operand::Own(own) => Source::Own(own),
        };
        let rules = [&def.s1, &def.o1.section, &def.z1.section, &def.ze1.section, &def.e1.section]
            .map(|s| Rule::compile(s, &mut resolve));
        let [s1, o1, z1, ze1, e1] = rules;
        let mut warming = slots.clone();
        warming.sort_unstable();
        warming.dedup();
        Instance {
            index,
            strategy,
            symbol,
            side,
            def: Arc::clone(def),
            state: State::Inactive,
            reads_own: def.reads_own(),
            slots,
            s1,
            o1,
            z1,
            ze1,
            e1,
            warming,
            signal_at: None,
            refused: 0,
            entry: None,
            exit: None,
            position: None,
            exits: exit::Exits::default(),
            ladder_ticks: None,
            frozen: exit::Frozen::NONE,
            closing: None,
            cooldown: Span::ZERO,
            until: Timestamp::MIN,
            retry_at: Timestamp::MAX,
            retries: 0,
            retry_lots: None,
            rejects_in_a_row: 0,
            unknown_since: None,
            data_loss_warned: false,
            initial_risk: None,
            bar: bar::BarMemory::default(),
            committed: (Money::ZERO, Money::ZERO),
            reserved: (Money::ZERO, Money::ZERO),
            reference: 0.0,
            looked_at: Timestamp::MIN,
            entry_checked: Timestamp::MIN,
            put_off: false,
            disabled: false,
        }
    }

    /// Sides a strategy runs on.
    pub fn sides(direction: Direction) -> &'static [Side] {
        match direction {
            Direction::Long => &[Side::Buy],
            Direction::Short => &[Side::Sell],
            Direction::Both => &[Side::Buy, Side::Sell],
        }
    }

    /// Whether it waits for S1, which the symbol's gate may answer for it.
    #[inline]
    pub fn is_watching(&self) -> bool {
        self.state == State::Monitoring
    }

    /// Whether it owns a position or an order.
    pub fn is_engaged(&self) -> bool {
        self.position.is_some() || self.entry.is_some() || self.exit.is_some()
    }

    /// The session begins: from here on S1 is watched.
    pub fn start(&mut self, turn: &mut Turn<'_>) {
        self.go(State::Monitoring, Trigger::Start, turn, None);
    }

    /// Looks at the instance once. The first matching row of strategy-engine 2.3 wins.
    pub fn evaluate(&mut self, turn: &mut Turn<'_>) {
        self.looked_at = turn.at;
        match self.state {
            State::Monitoring => self.watch(turn),
            State::SignalDetected => self.consider(turn),
            State::EntryEvaluation => self.guard_entry(turn),
            State::PositionActive => self.guard_position(turn),
            State::CloseOrderEvaluation => self.guard_close(turn),
            State::EmergencyExit => self.keep_leaving(turn),
            State::Exited | State::SignalCancelled => self.cool_down(turn),
            State::Inactive | State::Halted => {}
        }
    }

    /// Whether an event concerns it, unless it watches for S1.
    #[inline]
    pub(crate) fn is_due(&self, at: Timestamp, cause: Cause, prices: Option<(Price, Price)>) -> bool {
        match cause {
            Cause::Event => self.wake().is_due(at, prices),
            Cause::Second if self.def.evaluation.on_clock => self.wake().is_due(at, None),
            _ => self.timer().is_some_and(|timer| at >= timer),
        }
    }

    /// The moment it asks to be looked at although nothing happens. What was due when it last looked is not asked for
    /// again, or time would stand still; it is served by the next event or second.
    pub(crate) fn timer(&self) -> Option<Timestamp> {
        self.def
            .evaluation
            .on_clock
            .then(|| self.wake().at)
            .filter(|at| *at < Timestamp::MAX && *at > self.looked_at)
    }

    /// When it must be looked at again, as long as nothing else happens to it.
    pub fn wake(&self) -> Wake {
        match self.state {
            State::SignalDetected | State::EntryEvaluation | State::CloseOrderEvaluation => {
                Wake { always: true, at: self.next_time(), ..Wake::NEVER }
            }
            State::EmergencyExit => Wake { at: self.retry_at, ..Wake::NEVER },
            State::Exited | State::SignalCancelled => Wake { at: self.until, ..Wake::NEVER },
            State::PositionActive => self.wake_in_position(),
            State::Inactive | State::Monitoring | State::Halted => Wake::NEVER,
        }
    }

    /// The next moment that matters by itself. Nothing that was already acted on may stay here: time would stand still.
    fn next_time(&self) -> Timestamp {
        let due = |order: Option<Working>, after: Option<Span>| {
            let order = order.filter(|order| !order.cancel_sent);
            order.zip(after).map_or(Timestamp::MAX, |(order, after)| order.submitted_at + after)
        };
        match self.state {
            State::SignalDetected => {
                let timeout = self
                    .def
                    .o1
                    .timeout
                    .zip(self.signal_at)
                    .map_or(Timestamp::MAX, |(timeout, at)| at + timeout);
                let put_off = if self.put_off {
                    self.entry_checked + self.def.evaluation.entry_min_interval
                } else {
                    Timestamp::MAX
                };
                timeout.min(put_off)
            }
            State::EntryEvaluation => due(self.entry, self.def.z1.timeout),
            State::CloseOrderEvaluation => {
                due(self.exit.filter(|order| order.rests), Some(self.def.ze1.close_timeout))
                    .min(self.retry_at)
            }
            _ => Timestamp::MAX,
        }
    }

    fn hold_until(&self) -> Timestamp {
        self.def
            .max_hold
            .zip(self.position)
            .map_or(Timestamp::MAX, |(hold, position)| position.opened_at + hold)
    }

    fn watch(&mut self, turn: &mut Turn<'_>) {
        let own = self.own_view(turn);
        if !self.s1.evaluate(&mut values(turn, &own), Truth::False).is_true() {
            return;
        }
        if turn.account.is_paused() {
            return;
        }
        // "Do not enter into an emergency": S1 may not fire while E1 is true.
        if self.e1.evaluate(&mut values(turn, &own), Truth::False).is_true() {
            return;
        }
        self.signal_at = Some(turn.at);
        self.refused = 0;
        self.entry_checked = Timestamp::MIN;
        self.o1.reset();
        self.z1.reset();
        self.go(State::SignalDetected, Trigger::Section(SectionName::S1), turn, Some(SectionName::S1));
        self.consider(turn);
    }

    fn consider(&mut self, turn: &mut Turn<'_>) {
        let age = self.signal_at.map_or(Span::ZERO, |at| turn.at - at);
        let timed_out = self.def.o1.timeout.is_some_and(|timeout| age >= timeout);
        let interval = self.def.evaluation.entry_min_interval;
        if !timed_out && self.entry_checked != Timestamp::MIN && turn.at - self.entry_checked < interval {
            self.put_off = true;
            return;
        }
        self.put_off = false;
        self.entry_checked = turn.at;
        let own = self.own_view(turn);
        if self.o1.evaluate(&mut values(turn, &own), Truth::False).is_true() {
            return self.drop_signal(Trigger::Section(SectionName::O1), turn, Some(SectionName::O1));
        }
        if timed_out {
            return self.drop_signal(Trigger::SignalTimeout, turn, Some(SectionName::O1));
        }
        if self.z1.evaluate(&mut values(turn, &own), Truth::True).is_true() {
            self.try_enter(turn, &own);
        }
    }

    fn drop_signal(&mut self, trigger: Trigger, turn: &mut Turn<'_>, evidence: Option<SectionName>) {
        self.signal_at = None;
        self.rest(self.def.o1.cooldown, State::SignalCancelled, trigger, turn, evidence);
    }

    /// Flat: cools down in `state`, or watches again at once when there is nothing to wait for.
    fn rest(
        &mut self,
        cooldown: Span,
        state: State,
        trigger: Trigger,
        turn: &mut Turn<'_>,
        evidence: Option<SectionName>,
    ) {
        self.until = turn.at + cooldown;
        self.retry_at = Timestamp::MAX;
        self.go(state, trigger, turn, evidence);
        if cooldown == Span::ZERO {
            self.cool_down(turn);
        }
    }

    fn cool_down(&mut self, turn: &mut Turn<'_>) {
        if turn.at >= self.until {
            self.signal_at = None;
            self.s1.reset();
            if self.disabled {
                return self.go(State::Inactive, Trigger::Reject, turn, None);
            }
            self.go(State::Monitoring, Trigger::Cooldown, turn, None);
        }
    }

    /// Whether every indicator has been defined once; asks only those that have not.
    fn is_warm(&mut self, turn: &mut Turn<'_>) -> bool {
        if !self.warming.is_empty() {
            let look = Look { now: turn.at, spec: turn.spec, market: turn.market };
            self.warming.retain(|slot| turn.set.value(*slot, look).is_err());
        }
        self.warming.is_empty()
    }

    /// Called once a second while warming: an indicator that was defined for a moment counts.
    pub fn warm_up(&mut self, turn: &mut Turn<'_>) {
        self.is_warm(turn);
    }

    /// Whether entries still wait for indicators.
    pub fn is_warming(&self) -> bool {
        !self.warming.is_empty()
    }

    /// No data up to now: durations start afresh and edges do not count across it.
    pub fn on_gap(&mut self) {
        for rule in [&mut self.s1, &mut self.o1, &mut self.z1, &mut self.ze1, &mut self.e1] {
            rule.forget_edges();
        }
    }

    /// Changes state and records why.
    fn go(&mut self, to: State, trigger: Trigger, turn: &mut Turn<'_>, evidence: Option<SectionName>) {
        let from = std::mem::replace(&mut self.state, to);
        let count = evidence.map_or(0, |section| self.evidence(section, turn));
        self.record(DecisionKind::Transition { from, to, trigger }, turn, count);
    }

    /// Appends what a section's conditions show now.
    pub(crate) fn evidence(&self, section: SectionName, turn: &mut Turn<'_>) -> u16 {
        let own = self.own_view(turn);
        let rule = match section {
            SectionName::S1 => &self.s1,
            SectionName::O1 => &self.o1,
            SectionName::Z1 => &self.z1,
            SectionName::Ze1 => &self.ze1,
            SectionName::E1 => &self.e1,
        };
        let look = Look { now: turn.at, spec: turn.spec, market: turn.market };
        let mut values = Values { look, set: turn.set, own: &own };
        rule.evidence(section, &mut values, &mut turn.out.evidence)
    }

    fn record(&self, kind: DecisionKind, turn: &mut Turn<'_>, evidence: u16) {
        let touch = turn.market.touch(turn.at);
        turn.out.decisions.push(Decision {
            at: turn.at,
            instance: self.index,
            symbol: self.symbol,
            kind,
            bid: touch.map(|(bid, _)| bid),
            ask: touch.map(|(_, ask)| ask),
            last: turn.market.last.map(|(_, trade)| trade.price),
            evidence,
        });
    }

    fn warn(&self, warning: Warning, turn: &mut Turn<'_>) {
        self.record(DecisionKind::Warning(warning), turn, 0);
    }

    fn refuse(&mut self, guard: Guard, value: f64, threshold: f64, turn: &mut Turn<'_>) {
        let bit = 1_u64 << (guard as u64);
        if self.refused & bit == 0 {
            self.refused |= bit;
            let evidence = self.evidence(SectionName::Z1, turn);
            self.record(DecisionKind::Refused { guard, value, threshold }, turn, evidence);
        }
        if guard.is_permanent() {
            self.drop_signal(Trigger::PermanentGuard, turn, None);
        }
    }

    fn cancel(&self, order: OrderId, turn: &mut Turn<'_>) {
        turn.out.actions.push(Action::Cancel(order));
        self.record(DecisionKind::CancelSent { order }, turn, 0);
    }

    /// The value of an operand now.
    fn operand(&self, operand: Operand, turn: &mut Turn<'_>, own: &OwnView) -> Value {
        match operand {
            Operand::Market(place) => {
                let look = Look { now: turn.at, spec: turn.spec, market: turn.market };
                turn.set.value(self.slots[place], look)
            }
            Operand::Own(which) => own.value(which),
        }
    }

    fn ladder(&self) -> Option<LadderStep> {
        self.def.ladder.get(self.exits.next_ladder).copied()
    }
}

/// Values for one evaluation.
fn values<'a>(turn: &'a mut Turn<'_>, own: &'a OwnView) -> Values<'a> {
    Values { look: Look { now: turn.at, spec: turn.spec, market: turn.market }, set: turn.set, own }
}
