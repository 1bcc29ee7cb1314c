//! The trading state machine: one event in, decisions and orders out.
//!
//! Invariant: no I/O, clock, logging, lock, waiting or randomness, and no errors: what cannot be done is an
//! output.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod account;
mod bar;
pub mod excursion;
pub mod explain;
mod gate;
mod halt;
pub mod indicators;
pub mod instance;
pub mod market;
mod necessary;
pub mod output;
pub mod own;
pub mod position;
pub mod risk;
pub mod rules;
mod runs;
mod silence;
pub mod status;
mod symbol;
mod timers;
pub mod truth;
pub mod value;
mod version;
pub mod wake;

use crate::checkpoint::saved;
use crate::domain::decision::Trigger;
use crate::domain::event::{Body, Command, Event, Gap, Market, Trade};
use crate::domain::num::Price;
use crate::domain::order::{OrderEvent, OrderId};
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use account::{Account, SessionConfig};
use excursion::Excursion;
use gate::{Gate, RuleGroup};
use indicators::{FORESEEN_TRADES, IndicatorSet, Look};
use instance::{Instance, Turn};
use market::MarketState;
use necessary::GateTest;
use output::{Action, Outputs};
use risk::RiskLimits;
use std::{collections::BTreeMap, sync::Arc};
use symbol::SymbolState;
use timers::{Timers, next_timer, refresh};
pub use version::ENGINE_VERSION;
use wake::{Cause, Wake};

/// A session's symbols, strategy instances and account.
pub struct Engine {
    symbols: Vec<SymbolState>,
    instances: Vec<Instance>,
    account: Account,
    /// Instance of each order that has not ended.
    owners: BTreeMap<OrderId, u32>,
    next_second: Timestamp,
    next_timer: Timestamp,
    timer_stale: bool,
    timers: Timers,
    /// Whether a symbol is shown every whole second, and how many are until they are warm.
    sees_seconds: bool,
    warming: usize,
    /// After so long without an event no value changes, until a bar ends.
    settles_after: Span,
    /// When the next bar of any symbol may end; never without bars.
    next_bar: Timestamp,
    /// Instances to evaluate for the current event; a field only to reuse its memory.
    due: Vec<u32>,
    /// Tests that a run of trades must not fulfil; a field only to reuse its memory.
    tests: Vec<GateTest>,
    started: bool,
    warm_at: Option<Timestamp>,
}

saved!(Engine {
    account, owners, next_second, next_timer, timer_stale, timers, warming, next_bar, started, warm_at,
} each { symbols, instances } fixed { sees_seconds, settles_after, due, tests });

impl Engine {
    /// An engine before its first event. Each strategy runs on every symbol that `config` assigns to it.
    pub fn new(table: &SymbolTable, strategies: &[Arc<StrategyDef>], config: SessionConfig) -> Self {
        let mut engine = Engine {
            symbols: Vec::with_capacity(table.len()),
            instances: Vec::new(),
            account: Account::new(config, table.len(), strategies.len()),
            owners: BTreeMap::new(),
            next_second: Timestamp::MIN,
            next_timer: Timestamp::MAX,
            timer_stale: true,
            timers: Timers::new(table.len()),
            sees_seconds: false,
            warming: 0,
            settles_after: Span::ZERO,
            next_bar: Timestamp::MAX,
            due: Vec::new(),
            tests: Vec::new(),
            started: false,
            warm_at: None,
        };
        let mut order: Vec<usize> = (0..strategies.len()).collect();
        order.sort_by(|a, b| {
            let key =
                |i: &usize| (std::cmp::Reverse(strategies[*i].priority), strategies[*i].id.as_str(), *i);
            key(a).cmp(&key(b))
        });
        for (symbol, _) in table.iter() {
            engine.add_symbol(symbol, &order, strategies);
        }
        let states = &engine.symbols;
        engine.sees_seconds =
            states.iter().any(|state| state.on_clock || state.indicators.sees_every_second());
        let settle = states.iter().map(|state| state.indicators.settles_after(&state.market));
        engine.settles_after = settle.max().unwrap_or_default();
        engine.warming = states.iter().filter(|state| state.warming).count();
        if states.iter().any(|state| !state.market.bars.is_empty()) {
            engine.next_bar = Timestamp::MIN;
        }
        engine
    }

    fn add_symbol(&mut self, symbol: SymbolId, order: &[usize], strategies: &[Arc<StrategyDef>]) {
        let mut market = MarketState::default();
        let mut indicators = IndicatorSet::default();
        let first = self.instances.len();
        for strategy in order.iter().filter(|strategy| self.account.config.runs_on(**strategy, symbol)) {
            let def = &strategies[*strategy];
            for side in Instance::sides(def.direction) {
                let index = self.instances.len() as u32;
                self.instances.push(Instance::new(
                    index,
                    *strategy as u32,
                    symbol,
                    *side,
                    def,
                    &mut indicators,
                    &mut market,
                ));
            }
        }
        let own: Vec<&Instance> = self.instances[first..].iter().collect();
        let groups = RuleGroup::sort(&own);
        let own_warming = own.iter().any(|instance| instance.is_warming());
        let on_clock = own.iter().any(|instance| instance.def.evaluation.on_clock);
        self.symbols.push(SymbolState {
            market,
            indicators,
            excursion: Excursion::default(),
            instances: (first as u32..self.instances.len() as u32).collect(),
            puts_off: groups.iter().any(RuleGroup::has_interval),
            groups,
            busy: Vec::new(),
            wake: Wake::NEVER,
            sleeps_until: Wake::NEVER,
            exit_tests: Vec::new(),
            foresight: FORESEEN_TRADES,
            timer: Timestamp::MAX,
            timer_known: false,
            stale: true,
            warming: own_warming,
            on_clock,
        });
    }

    /// Applies one event and appends its consequences to `out`.
    ///
    /// # Panics
    /// On a broken invariant (a fill larger than a position, an unknown symbol id): the engine must not trade
    /// on after a bug.
    pub fn apply(&mut self, table: &SymbolTable, event: &Event<'_>, out: &mut Outputs) {
        self.account.roll_day(event.at);
        match &event.body {
            Body::Market(symbol, Market::Trade(trade)) => {
                self.on_trade(table, *symbol, event.at, *trade, out)
            }
            Body::Market(symbol, market) => self.on_market(table, *symbol, event.at, market, out),
            Body::Clock => self.on_clock(table, event.at, out),
            Body::Order(order) => self.on_order(table, event.at, order, out),
            Body::Gap(symbol, gap) => self.on_gap(*symbol, *gap),
            Body::Command(command) => self.on_command(table, event.at, *command, out),
            Body::SymbolTable { .. } => {}
        }
        if self.account.has_changed() {
            out.equity = Some(self.account.take_change(event.at));
        }
    }

    /// Applies a trade: the hot path of [`Engine::apply`].
    #[inline(always)]
    pub fn on_trade(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        trade: Trade,
        out: &mut Outputs,
    ) {
        self.account.roll_day(at);
        if !self.started {
            self.start(table, at, out);
        }
        let spec = table.spec(symbol);
        let state = &mut self.symbols[symbol.index()];
        if !state.market.bars.is_empty() {
            state.indicators.close_bars(&mut state.market, at, spec);
        }
        state.market.trade(at, trade);
        state.indicators.turn();
        if state.indicators.sees_every_trade() {
            state.indicators.on_trade(spec.price_f64(trade.price));
        }
        let mut prices = Some((trade.price, trade.price));
        if self.account.holds(symbol) {
            prices = self.value_positions(table, symbol, at, prices, out);
        }
        self.look(table, symbol, at, Cause::Trade, prices, out);
        if self.account.has_changed() {
            out.equity = Some(self.account.take_change(at));
        }
    }

    fn on_market(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        market: &Market<'_>,
        out: &mut Outputs,
    ) {
        if !self.started {
            self.start(table, at, out);
        }
        let spec = table.spec(symbol);
        let state = &mut self.symbols[symbol.index()];
        if !state.market.bars.is_empty() {
            // A recorded bar is known at its end, but its prices lie before it.
            let until = if matches!(market, Market::Bar(_)) { at - Span::from_nanos(1) } else { at };
            state.indicators.close_bars(&mut state.market, until, spec);
        }
        state.market.apply(spec, at, market);
        state.indicators.turn();
        let mut prices = None;
        if let Market::Bar(bar) = market {
            // Prices inside the bar were handled by `inside_bar`; only its close is left.
            prices = Some((bar.close, bar.close));
            state.indicators.close_bars(&mut state.market, at, spec);
            if state.indicators.sees_every_trade() {
                state.indicators.on_trade(spec.price_f64(bar.close));
            }
        }
        if self.account.holds(symbol) {
            prices = self.value_positions(table, symbol, at, prices, out);
        }
        self.look(table, symbol, at, Cause::Event, prices, out);
    }

    /// Marks the positions of a symbol and closes everything when a loss limit is reached. Returns the prices
    /// to compare stops and targets with: the mark price while one counts.
    fn value_positions(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        prices: Option<(Price, Price)>,
        out: &mut Outputs,
    ) -> Option<(Price, Price)> {
        let state = &mut self.symbols[symbol.index()];
        if let Some((low, high)) = prices {
            state.excursion.trade(low);
            if high != low {
                state.excursion.trade(high);
            }
        }
        let spec = table.spec(symbol);
        let seen = state.market.mark(at).map(|mark| (mark, mark)).or(prices);
        if let Some(value) = state.market.value(at) {
            self.account.mark(symbol, spec, value);
        }
        if let Some((trigger, ends)) = self.account.breach() {
            self.breach(table, at, trigger, ends, out);
        }
        seen
    }

    #[cold]
    fn breach(
        &mut self,
        table: &SymbolTable,
        at: Timestamp,
        trigger: Trigger,
        ends: bool,
        out: &mut Outputs,
    ) {
        if ends {
            self.account.stop();
            out.stop_session = true;
        }
        self.flatten(table, at, trigger, out);
    }

    /// Evaluates the instances that may have to act: those with a position or order first, then the others by
    /// priority. Each is selected by its own timers and gate before any of the others acts, so one strategy
    /// cannot influence another.
    #[inline(always)]
    fn look(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        cause: Cause,
        prices: Option<(Price, Price)>,
        out: &mut Outputs,
    ) {
        let state = &mut self.symbols[symbol.index()];
        if state.stale {
            refresh(state, &self.instances);
        }
        if cause.is_clock() || state.wake.is_due(at, prices) {
            self.evaluate_busy(table, symbol, at, cause, prices, out);
        }
        let state = &mut self.symbols[symbol.index()];
        if state.puts_off {
            self.timers.touch(symbol.index());
        }
        let look = Look { now: at, spec: table.spec(symbol), market: &state.market };
        for group in &mut state.groups {
            match group.look(at, cause, &mut state.indicators, look) {
                Gate::Shut => {}
                Gate::PutOff => self.timer_stale = true,
                Gate::Open => self.due.extend(
                    group.members.iter().filter(|index| self.instances[**index as usize].is_watching()),
                ),
            }
        }
        if !self.due.is_empty() {
            self.evaluate_due(table, at, prices, out);
        }
    }

    /// Evaluates instances that own a position or order; adds the others that are due to `due`.
    fn evaluate_busy(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        cause: Cause,
        prices: Option<(Price, Price)>,
        out: &mut Outputs,
    ) {
        for slot in 0..self.symbols[symbol.index()].busy.len() {
            let state = &mut self.symbols[symbol.index()];
            let index = state.busy[slot];
            let instance = &mut self.instances[index as usize];
            if !instance.is_due(at, cause, prices) {
                continue;
            }
            let look = Look { now: at, spec: table.spec(symbol), market: &state.market };
            if cause == Cause::Trade && instance.stays(prices, &mut state.indicators, look) {
                continue;
            }
            if instance.is_engaged() {
                self.with_instance(table, index, at, prices, out, Instance::evaluate);
            } else {
                self.due.push(index);
            }
        }
    }

    #[cold]
    fn evaluate_due(
        &mut self,
        table: &SymbolTable,
        at: Timestamp,
        prices: Option<(Price, Price)>,
        out: &mut Outputs,
    ) {
        let mut due = std::mem::take(&mut self.due);
        // Instance numbers follow priority.
        due.sort_unstable();
        for index in due.drain(..) {
            self.with_instance(table, index, at, prices, out, Instance::evaluate);
        }
        self.due = due;
    }

    /// Calls `act` on one instance and records whether its state or wake-up changed.
    fn with_instance(
        &mut self,
        table: &SymbolTable,
        index: u32,
        at: Timestamp,
        prices: Option<(Price, Price)>,
        out: &mut Outputs,
        act: impl FnOnce(&mut Instance, &mut Turn<'_>),
    ) {
        let instance = &mut self.instances[index as usize];
        let before = (instance.state, instance.wake());
        let symbol = instance.symbol;
        let state = &mut self.symbols[symbol.index()];
        let mut turn = Turn { prices, ..state.turn(table, symbol, at, &mut self.account, out) };
        let first = turn.out.actions.len();
        act(instance, &mut turn);
        for action in &turn.out.actions[first..] {
            if let Action::Submit(order) = action {
                self.owners.insert(order.get().id, index);
            }
        }
        if (instance.state, instance.wake()) != before {
            state.stale = true;
            self.timer_stale = true;
            self.timers.touch(symbol.index());
        }
        if state.timer <= at {
            // The instance was just evaluated, so the cached timer may be its own and already served.
            state.timer_known = false;
            self.timer_stale = true;
            self.timers.touch(symbol.index());
        }
    }

    fn start(&mut self, table: &SymbolTable, at: Timestamp, out: &mut Outputs) {
        self.started = true;
        self.next_second = at.next_second();
        self.notice_warm(at, out);
        for index in 0..self.instances.len() as u32 {
            self.with_instance(table, index, at, None, out, Instance::start);
        }
    }

    /// Handles the passing of time. Whole seconds are shown to every symbol, other times only to symbols with
    /// a timer then.
    fn on_clock(&mut self, table: &SymbolTable, at: Timestamp, out: &mut Outputs) {
        if at >= self.next_second || at >= self.next_bar {
            self.show_all(table, at, out);
        } else {
            self.show_due(table, at, out);
        }
        self.timer_stale = true;
    }

    /// A timer between two whole seconds, when no bar ends: for the symbols that wait for it, in their order.
    fn show_due(&mut self, table: &SymbolTable, at: Timestamp, out: &mut Outputs) {
        let mut next = 0;
        loop {
            self.settle();
            let Some(symbol) = self.timers.first_due(next, at) else { return };
            self.symbols[symbol].indicators.turn();
            self.look(table, SymbolId(symbol as u32), at, Cause::Timer, None, out);
            next = symbol + 1;
        }
    }

    fn show_all(&mut self, table: &SymbolTable, at: Timestamp, out: &mut Outputs) {
        let second = at >= self.next_second;
        let cause = if second { Cause::Second } else { Cause::Timer };
        for symbol in (0..self.symbols.len() as u32).map(SymbolId) {
            let spec = table.spec(symbol);
            let state = &mut self.symbols[symbol.index()];
            if !state.market.bars.is_empty() {
                state.indicators.close_bars(&mut state.market, at, spec);
            }
            if second {
                state.indicators.turn();
                state.indicators.on_second(Look { now: at, spec, market: &state.market });
                if state.warming {
                    self.warm_up(table, symbol, at, out);
                }
            }
            let state = &mut self.symbols[symbol.index()];
            if state.stale {
                refresh(state, &self.instances);
            }
            if (second && state.on_clock) || next_timer(state, &self.instances) <= at {
                state.indicators.turn();
                self.look(table, symbol, at, cause, None, out);
            }
        }
        if second {
            self.next_second = at.next_second();
        }
        if self.next_bar < Timestamp::MAX {
            // Bars end on whole seconds, and those that ended by now are closed.
            self.next_bar = at.next_second();
        }
    }

    fn warm_up(&mut self, table: &SymbolTable, symbol: SymbolId, at: Timestamp, out: &mut Outputs) {
        let indices = std::mem::take(&mut self.symbols[symbol.index()].instances);
        let mut warming = false;
        for index in &indices {
            self.with_instance(table, *index, at, None, out, Instance::warm_up);
            warming |= self.instances[*index as usize].is_warming();
        }
        self.symbols[symbol.index()].instances = indices;
        self.symbols[symbol.index()].warming = warming;
        self.warming -= usize::from(!warming);
        self.notice_warm(at, out);
    }

    fn notice_warm(&mut self, at: Timestamp, out: &mut Outputs) {
        if self.warm_at.is_none() && self.warming == 0 {
            self.warm_at = Some(at);
            out.warm_at = Some(at);
        }
    }

    fn on_order(&mut self, table: &SymbolTable, at: Timestamp, event: &OrderEvent, out: &mut Outputs) {
        let found = match event {
            OrderEvent::Acked(_) => None,
            OrderEvent::Filled(fill) => self.owners.get(&fill.order).copied(),
            OrderEvent::Done { order, .. } | OrderEvent::Rejected { order, .. } => self.owners.remove(order),
            OrderEvent::Liquidated { instance, .. }
            | OrderEvent::Closed { instance, .. }
            | OrderEvent::Funding { instance, .. } => Some(*instance),
        };
        let Some(index) = found else { return };
        // Time has passed since the last market event, so cached indicator values are out of date.
        self.symbols[self.instances[index as usize].symbol.index()].indicators.turn();
        self.with_instance(table, index, at, None, out, |instance, turn| match event {
            OrderEvent::Acked(_) => {}
            OrderEvent::Filled(fill) => instance.on_fill(fill, turn),
            OrderEvent::Done { order, .. } => instance.on_done(*order, turn),
            OrderEvent::Rejected { order, reason } => instance.on_reject(*order, *reason, turn),
            OrderEvent::Liquidated { fill, level, .. } => instance.on_liquidated(fill, *level, turn),
            OrderEvent::Closed { fill, by, .. } => instance.on_closed(fill, *by, turn),
            OrderEvent::Funding { amount, .. } => instance.on_funding(*amount, turn),
        });
        if let Some((trigger, ends)) = self.account.breach() {
            self.breach(table, at, trigger, ends, out);
        }
    }

    /// Reports that a venue has an order: of venues whose answers are inputs, as a simulated one has every
    /// order at once.
    pub fn accepted(&mut self, table: &SymbolTable, at: Timestamp, order: OrderId, out: &mut Outputs) {
        let Some(index) = self.owners.get(&order).copied() else { return };
        self.with_instance(table, index, at, None, out, |instance, turn| instance.on_accepted(order, turn));
    }

    fn on_gap(&mut self, symbol: SymbolId, gap: Gap) {
        let state = &mut self.symbols[symbol.index()];
        state.market.gap(gap);
        state.indicators.on_gap();
        state.indicators.turn();
        state.groups.iter_mut().for_each(RuleGroup::wake_up);
        for index in &state.instances {
            self.instances[*index as usize].on_gap();
        }
    }

    fn on_command(&mut self, table: &SymbolTable, at: Timestamp, command: Command, out: &mut Outputs) {
        match command {
            Command::Pause => self.account.pause(true),
            Command::Resume => self.account.pause(false),
            Command::CloseAndEnd => self.flatten(table, at, Trigger::Command, out),
            Command::Withdraw(symbol) => self.withdraw(table, symbol, at, out),
            Command::Close(symbol) => self.close_symbol(table, symbol, at, out),
        }
    }

    /// Tighter limits of risk hold from `at` on. Where the account is beyond one of them, everything is
    /// closed now.
    pub fn tighten(&mut self, table: &SymbolTable, at: Timestamp, limits: &RiskLimits, out: &mut Outputs) {
        self.account.roll_day(at);
        self.account.tighten(limits);
        if let Some((trigger, ends)) = self.account.breach() {
            self.breach(table, at, trigger, ends, out);
        }
    }

    /// The session's account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The instances, in the order in which decisions number them.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// When every indicator of every strategy had had a value; `None` before.
    pub fn warm_at(&self) -> Option<Timestamp> {
        self.warm_at
    }
}
