//! The state machine of one strategy on one symbol and side.
//!
//! A position opens and closes only by reported fills; submitting an order only enters the state that waits
//! for it. Invariants: every order passes through `risk`; every indicator value is that of the current event.

mod bar;
mod entry;
mod exit;
mod fills;
mod levels;
mod size;
pub mod status;
mod view;

use crate::checkpoint::{plain, saved};
use crate::domain::decision::{Decision, DecisionKind, Guard, SectionName, State, Trigger, Warning};
use crate::domain::exit_level::ExitLevel;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{OrderId, Purpose, Side};
use crate::domain::strategy::{Direction, LadderStep, Operand, StrategyDef};
use crate::domain::symbol::{SymbolId, SymbolSpec};
use crate::domain::time::{Span, Timestamp};
use crate::engine::account::Account;
use crate::engine::excursion::Excursion;
use crate::engine::indicators::{IndicatorSet, Look, SlotId, Value};
use crate::engine::market::MarketState;
use crate::engine::output::{Action, Outputs};
use crate::engine::own::OwnView;
use crate::engine::position::Position;
use crate::engine::rules::{Rule, Source, Values};
use crate::engine::truth::Truth;
use crate::engine::wake::{Cause, Wake};
use std::sync::Arc;

/// Everything an instance can access while it handles one event.
pub struct Turn<'a> {
    /// Event time.
    pub at: Timestamp,
    /// Specification of the symbol.
    pub spec: &'a SymbolSpec,
    /// Whether entries are enabled for the symbol.
    pub enabled: bool,
    /// Lowest and highest price of this event, if it has any.
    pub prices: Option<(Price, Price)>,
    /// The symbol's market.
    pub market: &'a MarketState,
    /// The symbol's indicators.
    pub set: &'a mut IndicatorSet,
    /// Price extremes since positions were opened.
    pub excursion: &'a mut Excursion,
    /// The session's account.
    pub account: &'a mut Account,
    /// Outputs of the event.
    pub out: &'a mut Outputs,
}

impl Turn<'_> {
    /// Best bid and ask in the quote currency: from the book, or assumed around the last trade where none is
    /// recorded.
    pub(crate) fn touch(&self) -> Option<(f64, f64)> {
        if let Some((bid, ask)) = self.market.touch(self.at) {
            return Some((self.spec.price_f64(bid), self.spec.price_f64(ask)));
        }
        let (_, last) = self.market.last?;
        let price = self.spec.price_f64(last.price);
        let half = price * self.account.config.assumed_spread_pct / 200.0;
        Some((price - half, price + half))
    }

    /// Twice the mid price in ticks, for slippage; twice the last price where no book is recorded.
    fn mid_x2(&self) -> Option<i64> {
        let book = self.market.touch(self.at).map(|(bid, ask)| bid.0 + ask.0);
        book.or(self.market.last.map(|(_, trade)| 2 * trade.price.0))
    }

    /// The price that values margin and unrealised profit: mark, else mid, else last.
    pub(crate) fn mark(&self) -> Option<Price> {
        self.market.value(self.at)
    }
}

/// An order that has not ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Working {
    id: OrderId,
    purpose: Purpose,
    qty: Qty,
    filled: Qty,
    mid_x2: Option<i64>,
    submitted_at: Timestamp,
    cancel_sent: bool,
    /// Limit price, if it has one.
    limit: Option<Price>,
    /// Whether the order may rest in the book.
    rests: bool,
}

plain!(struct Working { id, purpose, qty, filled, mid_x2, submitted_at, cancel_sent, limit, rests });

/// A strategy on one symbol and side.
pub struct Instance {
    /// Index in the session.
    pub index: u32,
    /// Index of the strategy in the session.
    pub strategy: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// Side of the opening orders.
    pub side: Side,
    /// The strategy.
    pub def: Arc<StrategyDef>,
    /// State.
    pub state: State,
    /// Since when; `None` before the session starts.
    since: Option<Timestamp>,
    /// Whether any rule, price or scaling of the strategy reads the position, signal or session.
    reads_own: bool,
    /// Whether nothing but fixed exits and rules without memory of market values ends a position.
    only_exits_and_rules: bool,
    slots: Vec<SlotId>,
    pub(crate) s1: Rule,
    o1: Rule,
    z1: Rule,
    ze1: Rule,
    e1: Rule,
    /// Slots that have not had a value yet; entries wait until this is empty.
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
    /// The level met by the exit that is about to be recorded.
    met_level: Option<ExitLevel>,
    cooldown: Span,
    until: Timestamp,
    retry_at: Timestamp,
    retries: u32,
    /// Lots that a retried exit has to close; the whole position when `None`.
    retry_lots: Option<Qty>,
    rejects_in_a_row: u32,
    unknown_since: Option<Timestamp>,
    data_loss_warned: bool,
    initial_risk: Option<Money>,
    bar: bar::BarMemory,
    /// Notional and margin of the position, committed in the account.
    committed: (Money, Money),
    /// Notional and margin reserved in the account for the unfilled part of the entry order.
    reserved: (Money, Money),
    reference: f64,
    looked_at: Timestamp,
    entry_checked: Timestamp,
    /// Whether O1 and Z1 were not evaluated for an event within the minimum interval, so that a timer will do
    /// it.
    put_off: bool,
    disabled: bool,
}

saved!(Instance {
    state, since, s1, o1, z1, ze1, e1, warming, signal_at, refused, entry, exit, position, exits, ladder_ticks, frozen,
    closing, met_level, cooldown, until, retry_at, retries, retry_lots, rejects_in_a_row, unknown_since, data_loss_warned,
    initial_risk, bar, committed, reserved, reference, looked_at, entry_checked, put_off, disabled,
} fixed { index, strategy, symbol, side, def, reads_own, only_exits_and_rules, slots });

impl Instance {
    /// An inactive instance; its indicators are interned in the symbol's set.
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
            Operand::Market(index) => Source::Slot(slots[index]),
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
            since: None,
            reads_own: def.reads_own(),
            only_exits_and_rules: !def.reads_own()
                && def.trailing.is_none()
                && def.break_even.is_none()
                && def.on_data_loss.is_none()
                && e1.is_stateless()
                && ze1.is_stateless(),
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
            met_level: None,
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

    /// Sides a strategy runs on, one instance each.
    pub fn sides(direction: Direction) -> &'static [Side] {
        match direction {
            Direction::Long => &[Side::Buy],
            Direction::Short => &[Side::Sell],
            Direction::Both => &[Side::Buy, Side::Sell],
        }
    }

    /// Whether it waits for S1, so that the symbol's gate can skip it.
    #[inline]
    pub fn is_watching(&self) -> bool {
        self.state == State::Monitoring
    }

    /// Whether it has a position or an order that has not ended.
    pub fn is_engaged(&self) -> bool {
        self.position.is_some() || self.entry.is_some() || self.exit.is_some()
    }

    /// The session starts: watches for S1 from here on.
    pub fn start(&mut self, turn: &mut Turn<'_>) {
        self.go(State::Monitoring, Trigger::Start, turn, None);
    }

    /// Evaluates the instance once; the first rule that applies in its state wins.
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

    /// Whether the instance must be evaluated now; not used while it watches for S1.
    #[inline]
    pub(crate) fn is_due(&self, at: Timestamp, cause: Cause, prices: Option<(Price, Price)>) -> bool {
        match cause {
            Cause::Trade | Cause::Event => self.wake().is_due(at, prices),
            Cause::Second if self.def.evaluation.on_clock => self.wake().is_due(at, None),
            _ => self.timer().is_some_and(|timer| at >= timer),
        }
    }

    /// The time at which it must be evaluated without an event. A time that was due at the last evaluation is
    /// not returned again, or the driver would loop at the same time; the next event or second handles it.
    pub(crate) fn timer(&self) -> Option<Timestamp> {
        self.def
            .evaluation
            .on_clock
            .then(|| self.wake().at)
            .filter(|at| *at < Timestamp::MAX && *at > self.looked_at)
    }

    /// When it must be evaluated again unless something else happens to it.
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

    /// The next timeout of the state. What was already acted on must not be returned, or the driver would
    /// loop.
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

    /// Whether the passing of whole seconds up to its timer changes nothing, as long as no value does. `now`
    /// was a whole second; `is_shut`: the gate keeps it from being asked.
    pub(crate) fn rests(&self, now: Timestamp, is_shut: bool) -> bool {
        if !self.is_watching() {
            let wake = self.wake();
            return !self.def.evaluation.on_clock || (!wake.always && wake.at > now);
        }
        // It was asked now, not only sent to watch.
        let was_asked = self.looked_at == now && self.since.is_some_and(|since| since < now);
        is_shut || (was_asked && self.signal_at.is_none() && self.s1.is_still() && self.e1.is_still())
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
        // S1 does not fire while E1 is true: no entry into an emergency.
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

    /// Becomes flat: cools down in `state`, or watches again at once without a cooldown.
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

    /// Whether every indicator has had a value; reads only those that have not.
    fn is_warm(&mut self, turn: &mut Turn<'_>) -> bool {
        if !self.warming.is_empty() {
            let look = Look { now: turn.at, spec: turn.spec, market: turn.market };
            self.warming.retain(|slot| turn.set.value(*slot, look).is_err());
        }
        self.warming.is_empty()
    }

    /// Called once a second while warming up: an indicator counts once it has had a value, even if only
    /// briefly.
    pub fn warm_up(&mut self, turn: &mut Turn<'_>) {
        self.is_warm(turn);
    }

    /// Whether entries still wait for indicators.
    pub fn is_warming(&self) -> bool {
        !self.warming.is_empty()
    }

    /// Applies a gap: durations start again and no edge counts across it.
    pub fn on_gap(&mut self) {
        for rule in [&mut self.s1, &mut self.o1, &mut self.z1, &mut self.ze1, &mut self.e1] {
            rule.forget_edges();
        }
    }

    /// Changes the state and records the cause.
    fn go(&mut self, to: State, trigger: Trigger, turn: &mut Turn<'_>, evidence: Option<SectionName>) {
        let from = std::mem::replace(&mut self.state, to);
        self.since = Some(turn.at);
        let count = evidence.map_or(0, |section| self.evidence(section, turn));
        let level = self.met_level.take().filter(|_| trigger.is_level());
        self.record(DecisionKind::Transition { from, to, trigger, level }, turn, count);
    }

    /// Appends the current condition values of a section; returns their number.
    pub(crate) fn evidence(&self, section: SectionName, turn: &mut Turn<'_>) -> u16 {
        let own = self.own_view(turn);
        let rule = self.rule(section);
        let look = Look { now: turn.at, spec: turn.spec, market: turn.market };
        let mut values = Values { look, set: turn.set, own: &own };
        rule.evidence(section, &mut values, &mut turn.out.evidence)
    }

    fn rule(&self, section: SectionName) -> &Rule {
        match section {
            SectionName::S1 => &self.s1,
            SectionName::O1 => &self.o1,
            SectionName::Z1 => &self.z1,
            SectionName::Ze1 => &self.ze1,
            SectionName::E1 => &self.e1,
        }
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

    /// The current value of an operand.
    fn operand(&self, operand: Operand, turn: &mut Turn<'_>, own: &OwnView) -> Value {
        match operand {
            Operand::Market(index) => {
                let look = Look { now: turn.at, spec: turn.spec, market: turn.market };
                turn.set.value(self.slots[index], look)
            }
            Operand::Own(which) => own.value(which),
        }
    }

    fn ladder(&self) -> Option<LadderStep> {
        self.def.ladder.get(self.exits.next_ladder).copied()
    }
}

/// Access to the values of one evaluation.
fn values<'a>(turn: &'a mut Turn<'_>, own: &'a OwnView) -> Values<'a> {
    Values { look: Look { now: turn.at, spec: turn.spec, market: turn.market }, set: turn.set, own }
}
