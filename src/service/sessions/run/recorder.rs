//! Takes down what a run does: for its result, and as events for whoever watches.
//!
//! Never: a decision of its own, or work per tick beyond what the result needs (a paced run also keeps the
//! last price).

use super::event_sink::{Class, ORDER_ACCEPTED, ORDER_END, Sink};
use super::progress::SessionProgress;
use crate::checkpoint::{Damaged, Plain, Reader, Saved};
use crate::document::decision;
use crate::domain::decision::{Decision, DecisionKind, Evidence, SectionName, State, Trigger};
use crate::domain::event::{Gap, Trade};
use crate::domain::ledger::{ClosedTrade, EquityPoint};
use crate::domain::num::without_noise;
use crate::domain::order::Side;
use crate::domain::quote::quote_currency;
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::engine::output::{OrderAnswer, Outputs};
use crate::engine::risk::RiskLimits;
use crate::report::tally::Outcome;
use crate::service::backtest::Run;
use crate::service::sessions::start::plan::Plan;
use crate::service::sessions::start::request::SessionKind;
use crate::session::allowance::{Allowance, RealMoney};
use crate::session::collector::Collector;
use crate::session::driver::{Driver, Funding, Progress, Recorder};
use crate::session::gateway::Gateway;
use crate::session::ports::{Tick, TickKind};
use crate::session::snapshot::{Moment, Snapshot};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Between two samples of the account, in time of the events.
const SAMPLES_EVERY: Span = Span::from_seconds(60);

/// Changes of the configuration that a result tells one by one; more are in the events only.
const CHANGES_TOLD: usize = 16;

/// Takes down a session's run.
pub(in crate::service::sessions) struct SessionRecorder<'a> {
    /// For the result.
    pub collector: Collector<'a>,
    pub stream: &'a dyn Sink,
    pub live: &'a SessionProgress,
    pub table: Arc<SymbolTable>,
    pub defs: Vec<Arc<StrategyDef>>,
    /// Strategy of every instance.
    pub strategies: Vec<u32>,
    /// Whether last prices are wanted.
    pub shows_prices: bool,
    /// What the reader of the result must know of changes while it ran.
    pub noted: Vec<String>,
    /// Changes of the configuration so far.
    pub changes: usize,
    /// The limits of risk that hold.
    limits: RiskLimits,
    /// No sample of the account before this time, unless a position is closed.
    next_sample: Timestamp,
}

/// With the figures that it shows.
impl Saved for SessionRecorder<'_> {
    fn save(&self, to: &mut Vec<u8>) {
        let SessionRecorder {
            collector,
            stream: _,
            live,
            table: _,
            defs: _,
            strategies: _,
            shows_prices: _,
            noted,
            changes,
            limits,
            next_sample,
        } = self;
        collector.save(to);
        live.counted().save(to);
        noted.save(to);
        changes.save(to);
        limits.save(to);
        next_sample.save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.collector.load(from)?;
        self.live.count(&Plain::decode(from)?);
        self.noted.load(from)?;
        self.changes.load(from)?;
        self.limits.load(from)?;
        self.next_sample.load(from)
    }
}

impl<'a> SessionRecorder<'a> {
    /// Before the first event.
    pub(in crate::service::sessions) fn new<G: Gateway>(
        run: &Run<'_>,
        driver: &mut Driver<G>,
        stream: &'a dyn Sink,
        live: &'a SessionProgress,
        plan: &Plan,
    ) -> Self {
        SessionRecorder {
            collector: run.collector(driver),
            stream,
            live,
            table: Arc::new(driver.table().clone()),
            defs: run.defs(),
            strategies: driver.engine().instances().iter().map(|instance| instance.strategy).collect(),
            // A backtest as fast as possible has no time for them.
            shows_prices: plan.kind != SessionKind::Backtest || plan.settings.speed > 0.0,
            noted: plan.warnings.clone(),
            changes: 0,
            limits: driver.engine().account().config.risk.clone(),
            next_sample: Timestamp::MIN,
        }
    }
}

impl Recorder for SessionRecorder<'_> {
    #[inline]
    fn tick(&mut self, tick: &Tick) {
        match &tick.kind {
            TickKind::Trade(trade) if self.shows_prices => self.live.price(tick.symbol, trade.price, tick.at),
            TickKind::Gap(gap) => self.gap(tick.symbol, *gap),
            _ => {}
        }
        self.collector.tick(tick);
    }

    fn trades(&mut self, symbol: SymbolId, trades: &[(Timestamp, Trade)]) {
        if let (true, Some((at, last))) = (self.shows_prices, trades.last()) {
            self.live.price(symbol, last.price, *at);
        }
        self.collector.trades(symbol, trades);
    }

    fn valued(&mut self, points: &[EquityPoint]) {
        if let Some(last) = points.last() {
            self.live.set_equity(last.equity.shown());
        }
        for point in points {
            if point.at >= self.next_sample {
                self.sample(point);
            }
        }
        self.collector.valued(points);
    }

    fn outputs(&mut self, out: &Outputs) {
        let mut answers = out.order_answers.iter().peekable();
        for (index, (made, evidence)) in out.decided().enumerate() {
            while let Some(answer) = answers.next_if(|answer| answer.after <= index) {
                self.order_answer(answer);
            }
            self.decision(made, evidence);
        }
        answers.for_each(|answer| self.order_answer(answer));
        for trade in &out.closed {
            self.closed(trade);
        }
        if let Some(point) = &out.equity {
            self.live.set_equity(point.equity.shown());
            if point.at >= self.next_sample || !out.closed.is_empty() {
                self.sample(point);
            }
        }
        self.collector.outputs(out);
        if !out.decisions.is_empty() {
            self.stream.settle();
        }
    }

    #[inline]
    fn batch_done(&mut self, moment: Moment<'_>) {
        if let Some(wanted) = self.stream.wanted() {
            let statistics = self.collector.statistics();
            self.stream.show(wanted, Snapshot::take(moment, statistics, &self.defs, wanted.parts));
        }
    }

    fn funding(&mut self, at: Timestamp, funding: Funding) {
        let strategy = self.strategies[funding.instance as usize] as usize;
        let fields = json!({
            "timestamp": at.to_string(),
            "strategy_id": self.defs[strategy].id,
            "instance": funding.instance,
            "amount": funding.amount.shown(),
            "currency": quote_currency(&self.table.spec(funding.symbol).name),
        });
        let symbol = &self.table.spec(funding.symbol).name;
        self.stream.add(Class::Position, "funding", Some(symbol), fields);
    }

    /// The same configuration at the same place gives the same run; the place depends on when it was changed,
    /// so the result says where it was.
    fn symbol_table(&mut self, table: &SymbolTable, progress: Progress) {
        let off: Vec<&str> = table
            .iter()
            .filter(|(id, _)| !table.is_enabled(*id))
            .map(|(_, spec)| spec.name.as_str())
            .collect();
        let at = (progress.ticks > 0).then(|| progress.at.to_string());
        let fields = json!({"version": table.version, "after_ticks": progress.ticks, "timestamp": at, "disabled_symbols": off});
        self.stream.add(Class::Life, "symbol_table", None, fields);
        let off = if off.is_empty() { "none".to_owned() } else { off.join(", ") };
        self.note(progress, &format!("the symbols switched off were: {off}"));
    }

    fn allowance(&mut self, allowed: &Allowance, progress: Progress) {
        let limits =
            allowed.risk.as_ref().map_or_else(|| self.limits.clone(), |risk| self.limits.tightened(risk));
        let changes = changed(&self.limits, &limits);
        let real_money = allowed.real_money.as_ref().map(|RealMoney { symbols, caps }| {
            json!({"symbols": symbols, "account_cap": caps.account.shown(), "day_cap": caps.day.shown()})
        });
        let fields = json!({
            "timestamp": progress.at.to_string(), "after_ticks": progress.ticks, "disabled_symbols": allowed.disabled,
            "changes": changes, "real_money": real_money,
        });
        self.stream.add(Class::Limits, "limits_tightened", None, fields);
        self.limits = limits;
        for change in changes {
            let shown = |value: &Value| if value.is_null() { "off".to_owned() } else { value.to_string() };
            let (limit, from, to) = (&change["limit"], shown(&change["from"]), shown(&change["to"]));
            let limit = limit.as_str().unwrap_or_default();
            self.note(progress, &format!("{limit} was {to} instead of {from}"));
        }
    }
}

/// Limits of risk that differ, each with its values in force before and from then on; null: none.
fn changed(before: &RiskLimits, now: &RiskLimits) -> Vec<Value> {
    let pairs = before.named().into_iter().zip(now.named());
    let differ = pairs.filter(|((_, from), (_, to))| from != to);
    let numbers = differ.map(|((limit, from), (_, to))| json!({"limit": limit, "from": from, "to": to}));
    let pause = [("loss_pause_s", before.loss_pause.seconds_f64(), now.loss_pause.seconds_f64())];
    let pause = pause.into_iter().filter(|(_, from, to)| from != to);
    let only_one = !before.exclusive_symbols && now.exclusive_symbols;
    numbers
        .chain(pause.map(|(limit, from, to)| json!({"limit": limit, "from": from, "to": to})))
        .chain(only_one.then(|| json!({"limit": "exclusive_symbols", "from": 0.0, "to": 1.0})))
        .collect()
}

impl SessionRecorder<'_> {
    /// A change of the configuration, for the reader of the result.
    fn note(&mut self, progress: Progress, what: &str) {
        self.changes += 1;
        if self.changes > CHANGES_TOLD {
            if self.changes == CHANGES_TOLD + 1 {
                self.noted
                    .push("the configuration changed more often than is listed here; the session's events have every change".to_owned());
            }
            return;
        }
        let place = if progress.ticks > 0 { progress.at.to_string() } else { "the start".to_owned() };
        self.noted.push(format!(
            "the configuration changed while it ran: from {place} on (after {} events) {what}; the same request gives the same result \
             only with the same change at the same place",
            progress.ticks
        ));
    }

    fn decision(&self, made: &Decision, evidence: &[Evidence]) {
        let def = &self.defs[self.strategies[made.instance as usize] as usize];
        let spec = self.table.spec(made.symbol);
        let value = decision::decision(made, evidence, def, spec);
        let symbol = Some(spec.name.as_str());
        let (class, event) = match &made.kind {
            DecisionKind::Transition { to, trigger, .. } => {
                if matches!(trigger, Trigger::Section(_)) && *to != State::Inactive {
                    if *trigger == Trigger::Section(SectionName::S1) {
                        SessionProgress::add(&self.live.signals);
                    }
                    self.stream.add(
                        Class::Signal,
                        "signal",
                        symbol,
                        with(&value, "section", trigger.as_str()),
                    );
                }
                if *to == State::PositionActive {
                    self.stream.add(
                        Class::Position,
                        "position_update",
                        symbol,
                        with(&value, "status", "open"),
                    );
                }
                (Class::Signal, "state_transition")
            }
            DecisionKind::Refused { .. } => (Class::Signal, "signal"),
            DecisionKind::Submitted { .. } => {
                SessionProgress::add(&self.live.orders);
                return self.stream.add(
                    Class::Order,
                    "order_update",
                    symbol,
                    with(&value, "status", "submitted"),
                );
            }
            DecisionKind::CancelSent { .. } => {
                return self.stream.add(
                    Class::Order,
                    "order_update",
                    symbol,
                    with(&value, "status", "cancel_sent"),
                );
            }
            DecisionKind::Rejected { .. } => {
                return self.stream.add(
                    Class::Order,
                    "order_update",
                    symbol,
                    with(&value, "status", "rejected"),
                );
            }
            DecisionKind::Filled { .. } => {
                SessionProgress::add(&self.live.fills);
                (Class::Order, "fill")
            }
            DecisionKind::StopMoved { .. } => {
                return self.stream.add(
                    Class::Position,
                    "position_update",
                    symbol,
                    with(&value, "status", "stop_moved"),
                );
            }
            DecisionKind::Warning(_) => (Class::Signal, "alert"),
        };
        self.stream.add(class, event, symbol, value);
    }

    fn order_answer(&self, answer: &OrderAnswer) {
        let def = &self.defs[self.strategies[answer.instance as usize] as usize];
        let spec = self.table.spec(answer.symbol);
        let market = [answer.last, answer.bid, answer.ask];
        let mut fields = decision::head(answer.at, answer.instance, market, def, spec);
        fields["kind"] = json!(ORDER_ACCEPTED);
        fields["status"] = json!(answer.status.as_str());
        fields["order_id"] = json!(answer.order.0);
        if let Some(reason) = answer.status.reason() {
            fields["kind"] = json!(ORDER_END);
            fields["reason"] = json!(reason);
            fields["filled_quantity"] = json!(spec.shown_quantity(answer.filled));
            fields["unfilled_quantity"] = json!(spec.shown_quantity(answer.unfilled));
        }
        self.stream.add(Class::Order, "order_update", Some(&spec.name), fields);
    }

    fn closed(&self, trade: &ClosedTrade) {
        SessionProgress::add(&self.live.trades);
        let spec = self.table.spec(trade.symbol);
        let fields = json!({
            "status": "closed",
            "timestamp": trade.closed_at.to_string(),
            "strategy_id": self.defs[trade.strategy as usize].id,
            "instance": trade.instance,
            "side": if trade.side == Side::Buy { "long" } else { "short" },
            "quantity": spec.shown_quantity(trade.qty),
            "entry_time": trade.opened_at.to_string(),
            "entry_price": without_noise(trade.entry_price),
            "exit_price": without_noise(trade.exit_price),
            "net": trade.net().shown(),
            "net_pct": without_noise(trade.net_pct()),
            "currency": quote_currency(&spec.name),
            "outcome": Outcome::of(trade).as_str(),
            "reason": trade.reason.as_str(),
        });
        self.stream.add(Class::Position, "position_update", Some(&spec.name), fields);
    }

    /// The account now. Samples are as many as minutes in which it changed, and one more for each position
    /// that is closed.
    fn sample(&mut self, point: &EquityPoint) {
        self.next_sample = point.at + SAMPLES_EVERY;
        let fields = json!({
            "timestamp": point.at.to_string(),
            "equity": point.equity.shown(),
            "balance": point.balance.shown(),
            "exposure": point.exposure.shown(),
            "currency": self.table.currency(),
        });
        self.stream.add(Class::Account, "equity", None, fields);
    }

    fn gap(&self, symbol: SymbolId, gap: Gap) {
        let fields = json!({
            "timestamp": gap.to.to_string(), "from": gap.from.to_string(), "to": gap.to.to_string(), "cause": gap.cause.as_str(),
        });
        self.stream.add(Class::Feed, "feed_gap", Some(&self.table.spec(symbol).name), fields);
    }
}

fn with(value: &Value, name: &str, word: &str) -> Value {
    let mut fields: Map<String, Value> = value.as_object().cloned().unwrap_or_default();
    fields.insert(name.to_owned(), word.into());
    Value::Object(fields)
}
