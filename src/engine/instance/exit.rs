//! Exits in order of priority: emergency rule, stop, data loss, target, holding time, close rule.
//!
//! Invariant: an exit is never larger than the position, and there is at most one exit order at a time.

use super::{Instance, Turn, Wake, Working, values};
use crate::checkpoint::plain;
use crate::domain::decision::{DecisionKind, SectionName, State, Trigger, Warning};
use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderId, OrderKind, OrderRequest, Purpose, Side};
use crate::domain::time::{Span, Timestamp};
use crate::engine::indicators::{IndicatorSet, Look};
use crate::engine::necessary::GateTest;
use crate::engine::output::Action;
use crate::engine::own::OwnView;
use crate::engine::risk;
use crate::engine::rules::Values;
use crate::engine::truth::Truth;

/// Delay before the n-th retry of a failed exit; the last one repeats.
const RETRY_AFTER_MS: [i64; 6] = [250, 500, 1_000, 2_000, 4_000, 5_000];

/// Cooldown after a normal exit unless the limits set one.
const NORMAL_COOLDOWN: Span = Span::from_seconds(5 * 60);

/// Exit prices: fixed by the average entry, and moved by trailing and break-even.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(super) struct Exits {
    pub(super) stop: Option<(Price, StopKind)>,
    pub(super) target: Option<Price>,
    pub(super) next_ladder: usize,
    pub(super) broke_even: bool,
}

plain!(struct Exits { stop, target, next_ladder, broke_even });

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StopKind {
    Fixed,
    Trailing,
    BreakEven,
}

plain!(
    enum StopKind {
        Fixed,
        Trailing,
        BreakEven,
    }
);

impl StopKind {
    pub(super) fn trigger(self) -> Trigger {
        match self {
            StopKind::Fixed => Trigger::StopLoss,
            StopKind::Trailing => Trigger::TrailingStop,
            StopKind::BreakEven => Trigger::BreakEven,
        }
    }
}

impl Instance {
    pub(super) fn wake_in_position(&self) -> Wake {
        let rules = !self.ze1.is_empty()
            || !self.e1.is_empty()
            || self.def.trailing.is_some()
            || self.def.break_even.is_some();
        if rules || self.def.on_data_loss.is_some() {
            return Wake { always: true, at: self.hold_until(), ..Wake::NEVER };
        }
        self.wake_at_exits()
    }

    /// Whether a trade leaves the position as it is: it reaches no exit and no rule fires. Only where nothing
    /// else can happen and rules have no memory, so that a rule which does not fire need not have been asked
    /// in a turn.
    pub(crate) fn stays(
        &mut self,
        prices: Option<(Price, Price)>,
        set: &mut IndicatorSet,
        look: Look<'_>,
    ) -> bool {
        if self.state != State::PositionActive
            || !self.only_exits_and_rules
            || self.wake_at_exits().is_due(look.now, prices)
        {
            return false;
        }
        let own = OwnView::unread(look.now);
        let mut values = Values { look, set, own: &own };
        [&mut self.e1, &mut self.ze1]
            .into_iter()
            .all(|rule| !rule.evaluate(&mut values, Truth::False).is_true())
    }

    /// What must happen before it has to be evaluated at a trade: this is due, or one of the tests it appends
    /// is fulfilled.
    pub(in crate::engine) fn sleeps_until(&self, tests: &mut Vec<GateTest>) -> Wake {
        if self.state != State::PositionActive || !self.only_exits_and_rules {
            return self.wake();
        }
        for rule in [&self.e1, &self.ze1].into_iter().filter(|rule| !rule.is_empty()) {
            let necessary = rule.necessary().unwrap_or_default();
            match necessary.into_iter().find_map(GateTest::of) {
                Some(test) => tests.push(test),
                None => return Wake::ALWAYS,
            }
        }
        self.wake_at_exits()
    }

    /// When stop, target, ladder or holding time end the position or a part of it.
    fn wake_at_exits(&self) -> Wake {
        let mut wake = Wake { at: self.hold_until(), ..Wake::NEVER };
        let ladder = self.ladder_price().map(|price| (price, ()));
        let targets = [self.exits.target.map(|price| (price, ())), ladder];
        for (price, ()) in targets.into_iter().flatten() {
            match self.side {
                Side::Buy => wake.above = wake.above.min(price),
                Side::Sell => wake.below = wake.below.max(price),
            }
        }
        if let Some((stop, _)) = self.exits.stop {
            match self.side {
                Side::Buy => wake.below = wake.below.max(stop),
                Side::Sell => wake.above = wake.above.min(stop),
            }
        }
        wake
    }

    pub(super) fn guard_entry(&mut self, turn: &mut Turn<'_>) {
        let own = self.own_view(turn);
        if self.e1.evaluate(&mut values(turn, &own), Truth::False).is_true() {
            return self.emergency(turn);
        }
        if self.position.is_some() && self.stop_hit(turn) {
            return;
        }
        let timed_out = |order: Working| {
            self.def.z1.timeout.is_some_and(|timeout| turn.at - order.submitted_at >= timeout)
        };
        if let Some(order) = self.entry.filter(|order| !order.cancel_sent && timed_out(*order)) {
            self.cancel_entry(order.id, turn);
        }
    }

    fn cancel_entry(&mut self, id: OrderId, turn: &mut Turn<'_>) {
        if let Some(order) = &mut self.entry {
            order.cancel_sent = true;
        }
        self.cancel(id, turn);
    }

    pub(super) fn guard_position(&mut self, turn: &mut Turn<'_>) {
        let own = self.own_view(turn);
        let emergency = self.e1.evaluate(&mut values(turn, &own), Truth::False);
        let close = self.ze1.evaluate(&mut values(turn, &own), Truth::False);
        if emergency.is_true() {
            return self.emergency(turn);
        }
        let best = self.position.map(|position| self.best_price(&position, turn.excursion));
        self.move_stop(best, turn);
        if self.stop_hit(turn) || self.data_lost(emergency, close, turn) || self.target_hit(turn) {
            return;
        }
        if turn.at >= self.hold_until() {
            return self.close(Trigger::MaxHold, turn, None);
        }
        if close.is_true() {
            self.close_by_rule(&own, turn);
        }
    }

    pub(super) fn guard_close(&mut self, turn: &mut Turn<'_>) {
        let own = self.own_view(turn);
        if self.e1.evaluate(&mut values(turn, &own), Truth::False).is_true() {
            return self.emergency(turn);
        }
        if self.stop_hit(turn) {
            return;
        }
        match self.exit {
            Some(order)
                if order.rests
                    && !order.cancel_sent
                    && turn.at - order.submitted_at >= self.def.ze1.close_timeout =>
            {
                self.cancel_exit(order.id, turn);
            }
            None => self.retry_exit(turn),
            Some(_) => {}
        }
    }

    pub(super) fn cancel_exit(&mut self, id: OrderId, turn: &mut Turn<'_>) {
        if let Some(order) = &mut self.exit {
            order.cancel_sent = true;
        }
        self.cancel(id, turn);
    }

    pub(super) fn keep_leaving(&mut self, turn: &mut Turn<'_>) {
        if self.exit.is_none() {
            self.retry_exit(turn);
        }
    }

    fn retry_exit(&mut self, turn: &mut Turn<'_>) {
        if turn.at >= self.retry_at && self.position.is_some() {
            self.retry_at = Timestamp::MAX;
            let lots = self.retry_lots.filter(|_| self.state == State::CloseOrderEvaluation);
            self.submit_exit(OrderKind::Market, lots, turn);
        }
    }

    /// Schedules the retry of an exit that ended with lots left; the delay grows.
    pub(super) fn schedule_retry(&mut self, at: Timestamp) {
        let step = (self.retries as usize).min(RETRY_AFTER_MS.len() - 1);
        self.retry_at = at + Span::from_millis(RETRY_AFTER_MS[step]);
        self.retries += 1;
    }

    fn emergency(&mut self, turn: &mut Turn<'_>) {
        let actions = (self.def.e1.cancel_pending, self.def.e1.close_position);
        if !actions.1 {
            // The document only asks to cancel entry orders; the position keeps its other exits.
            if let Some(order) = self.entry.filter(|order| actions.0 && !order.cancel_sent) {
                self.cancel_entry(order.id, turn);
            }
            return;
        }
        self.leave(Trigger::Section(SectionName::E1), self.def.e1.cooldown, turn, Some(SectionName::E1));
    }

    /// Exits at any price: cancels working orders and closes at market.
    pub fn leave(
        &mut self,
        trigger: Trigger,
        cooldown: Span,
        turn: &mut Turn<'_>,
        evidence: Option<SectionName>,
    ) {
        self.cooldown = cooldown;
        self.closing = Some(trigger);
        self.go(State::EmergencyExit, trigger, turn, evidence);
        if let Some(order) = self.entry.filter(|order| !order.cancel_sent) {
            self.cancel_entry(order.id, turn);
        }
        match self.exit {
            Some(order) if order.rests && !order.cancel_sent => self.cancel_exit(order.id, turn),
            Some(_) => {}
            None if self.position.is_some() => self.submit_exit(OrderKind::Market, None, turn),
            None => {}
        }
    }

    /// Exits because of a command or limit rather than a rule of the document.
    pub fn flatten(&mut self, trigger: Trigger, turn: &mut Turn<'_>) {
        match self.state {
            State::SignalDetected => self.drop_signal(trigger, turn, None),
            State::EntryEvaluation | State::PositionActive | State::CloseOrderEvaluation => {
                self.leave(trigger, self.normal_cooldown(), turn, None);
            }
            // The data has ended: retries at once.
            State::EmergencyExit if trigger == Trigger::End => {
                self.retry_at = turn.at;
                self.keep_leaving(turn);
            }
            _ => {}
        }
    }

    pub(super) fn normal_cooldown(&self) -> Span {
        self.def.limits.normal_cooldown.unwrap_or(NORMAL_COOLDOWN)
    }

    /// Starts a normal exit at market.
    pub(super) fn close(&mut self, trigger: Trigger, turn: &mut Turn<'_>, evidence: Option<SectionName>) {
        self.start_close(trigger, turn, evidence);
        self.submit_exit(OrderKind::Market, None, turn);
    }

    pub(super) fn start_close(
        &mut self,
        trigger: Trigger,
        turn: &mut Turn<'_>,
        evidence: Option<SectionName>,
    ) {
        self.cooldown = self.normal_cooldown();
        self.closing = Some(trigger);
        self.go(State::CloseOrderEvaluation, trigger, turn, evidence);
    }

    /// Closes by ZE1: at market, or with a resting limit order at a risk-dependent price.
    fn close_by_rule(&mut self, own: &OwnView, turn: &mut Turn<'_>) {
        let limit = self.close_price(own, turn);
        self.start_close(Trigger::Section(SectionName::Ze1), turn, Some(SectionName::Ze1));
        let kind = limit.map_or(OrderKind::Market, OrderKind::Limit);
        self.submit_exit(kind, None, turn);
    }

    fn close_price(&self, own: &OwnView, turn: &mut Turn<'_>) -> Option<Price> {
        let pricing = self.def.ze1.pricing.as_ref()?;
        let (bid, ask) = turn.touch()?;
        let touch = if self.side == Side::Buy { bid } else { ask };
        let base = match self.def.ze1.price {
            Some(operand) => self.operand(operand, turn, own).unwrap_or(touch),
            None => touch,
        };
        let Ok(risk) = self.operand(pricing.scaling.operand, turn, own) else {
            self.warn(Warning::RiskValueMissing, turn);
            return None;
        };
        let adjustment = (pricing.factor * super::size::interpolate(risk, &pricing.scaling.points))
            .clamp(pricing.min_pct, pricing.max_pct);
        let price = base * (1.0 + self.side.sign() as f64 * adjustment / 100.0);
        // A resting close is rounded to the passive side: not worse for us than the computed price.
        Some(self.target_tick(price, turn.spec))
    }

    pub(super) fn submit_exit(&mut self, kind: OrderKind, qty: Option<Qty>, turn: &mut Turn<'_>) {
        let Some(position) = self.position.as_ref().filter(|position| position.lots > 0) else { return };
        let purpose = if self.state == State::EmergencyExit { Purpose::Emergency } else { Purpose::Exit };
        let inside_bar =
            self.bar.inside.take().filter(|(ends, _)| *ends == turn.at).map(|(_, inside)| inside);
        if inside_bar.is_none() {
            self.bar.extremes = None;
        }
        let request = OrderRequest {
            id: turn.account.next_order(),
            instance: self.index,
            symbol: self.symbol,
            side: position.side.opposite(),
            kind,
            qty: qty.map_or(position.qty(), |qty| qty.min(position.qty())),
            purpose,
            leverage: position.leverage,
            inside_bar,
        };
        self.exit = Some(Working {
            id: request.id,
            purpose,
            qty: request.qty,
            filled: Qty::ZERO,
            mid_x2: inside_bar.map(|inside| 2 * inside.price.0).or_else(|| turn.mid_x2()),
            submitted_at: turn.at,
            cancel_sent: false,
            limit: kind.limit(),
            rests: matches!(kind, OrderKind::Limit(_)),
        });
        self.submitted(&request, turn);
        turn.out.actions.push(Action::Submit(risk::approve_exit(request)));
    }

    /// Handles ZE1 or E1 being unknown for too long; returns whether the position is closed.
    fn data_lost(&mut self, emergency: Truth, close: Truth, turn: &mut Turn<'_>) -> bool {
        let Some(rule) = self.def.on_data_loss else { return false };
        if emergency != Truth::Unknown && close != Truth::Unknown {
            self.unknown_since = None;
            self.data_loss_warned = false;
            return false;
        }
        let since = *self.unknown_since.get_or_insert(turn.at);
        if turn.at - since <= rule.after {
            return false;
        }
        if rule.close {
            self.leave(Trigger::DataLoss, self.normal_cooldown(), turn, None);
            return true;
        }
        if !self.data_loss_warned {
            self.data_loss_warned = true;
            self.warn(Warning::DataLoss, turn);
        }
        false
    }

    /// Applies break-even and trailing; both only tighten the stop.
    pub(super) fn move_stop(&mut self, best: Option<Price>, turn: &mut Turn<'_>) {
        let [break_even, trail] = self.moved_stops(best, turn);
        if let Some(price) = break_even {
            self.exits.broke_even = true;
            self.tighten(price, StopKind::BreakEven, turn);
        }
        if let Some(price) = trail {
            self.tighten(price, StopKind::Trailing, turn);
        }
    }

    /// Where a best price puts break-even, unless it was there before, and the trailing stop.
    fn moved_stops(&self, best: Option<Price>, turn: &Turn<'_>) -> [Option<f64>; 2] {
        let (Some(position), Some(best_tick)) = (&self.position, best) else { return [None; 2] };
        let (entry, best) = (position.entry_price(turn.spec), turn.spec.price_f64(best_tick));
        let dir = self.side.sign() as f64;
        let entry_ticks = position.opened_cost as f64 / position.opened_lots as f64;
        let best_pct = dir * 100.0 * (best_tick.0 as f64 - entry_ticks) / entry_ticks;
        let break_even =
            self.def.break_even.filter(|rule| !self.exits.broke_even && best_pct >= rule.activation_pct);
        let trail = self.def.trailing.filter(|rule| best_pct >= rule.activation_pct);
        [
            break_even.map(|rule| entry * (1.0 + dir * rule.offset_pct / 100.0)),
            trail.map(|rule| best * (1.0 - dir * rule.distance_pct / 100.0)),
        ]
    }

    /// Whether a best price tightens the stop.
    pub(super) fn would_tighten(&self, best: Option<Price>, turn: &Turn<'_>) -> bool {
        self.moved_stop_ticks(best, turn).any(|tick| self.is_tighter(tick))
    }

    /// Whether a price meets the stop that a best price would move.
    pub(super) fn moved_stop_met(&self, price: Price, best: Option<Price>, turn: &Turn<'_>) -> bool {
        self.moved_stop_ticks(best, turn).any(|stop| self.is_against(price, stop))
    }

    /// The stops of [`Instance::moved_stops`] as ticks.
    fn moved_stop_ticks(&self, best: Option<Price>, turn: &Turn<'_>) -> impl Iterator<Item = Price> {
        let stops = self.moved_stops(best, turn).into_iter().flatten();
        stops.map(|stop| self.stop_tick(stop, turn))
    }

    fn is_tighter(&self, tick: Price) -> bool {
        let old = self.exits.stop.map(|(old, _)| old);
        old.is_none_or(|old| if self.side == Side::Buy { tick > old } else { tick < old })
    }

    fn tighten(&mut self, price: f64, kind: StopKind, turn: &mut Turn<'_>) {
        let tick = self.stop_tick(price, turn);
        let before = self.exits.stop;
        if !self.is_tighter(tick) {
            return;
        }
        self.exits.stop = Some((tick, kind));
        // Only a change of the stop's kind is recorded, or every tick would create a record.
        if before.is_none_or(|(_, old)| old != kind) {
            self.record(DecisionKind::StopMoved { price: tick, trigger: kind.trigger() }, turn, 0);
        }
    }

    /// Sets stop, target and ladder for the average entry so far; indicator bases are read at the first fill.
    pub(super) fn place_exits(&mut self, first: bool, turn: &mut Turn<'_>) {
        let Some(position) = self.position else { return };
        let entry = position.entry_price(turn.spec);
        if first {
            self.exits = Exits::default();
            let own = self.own_view(turn);
            self.frozen = self.freeze(&own, turn);
        }
        let frozen = self.frozen;
        let dir = self.side.sign() as f64;
        let def = std::sync::Arc::clone(&self.def);
        let mut stop = def
            .z1
            .stop
            .as_ref()
            .map(|stop| self.offset_price(stop, frozen.stop, entry, frozen.stop_scale, -1.0));
        let mut target = def
            .z1
            .target
            .as_ref()
            .map(|target| self.offset_price(target, frozen.target, entry, frozen.target_scale, 1.0));
        if first && stop.is_some_and(|(_, fell_back)| fell_back) {
            self.warn(Warning::StopFellBack, turn);
        }
        if first && target.is_some_and(|(_, fell_back)| fell_back) {
            self.warn(Warning::TargetFellBack, turn);
        }
        let config = &turn.account.config;
        let session =
            |pct: Option<f64>, away: f64| pct.map(|pct| (entry * (1.0 + dir * away * pct / 100.0), false));
        let (session_stop, session_target) =
            (session(config.stop_loss_pct, -1.0), session(config.take_profit_pct, 1.0));
        let force = config.force_session_stops;
        stop = nearer(stop, session_stop, force, entry);
        target = nearer(target, session_target, force, entry);
        let before = self.exits.stop;
        self.exits.stop = stop.map(|(price, _)| (self.stop_tick(price, turn), StopKind::Fixed));
        self.exits.target = target.map(|(price, _)| self.target_tick(price, turn.spec));
        self.place_ladder(turn);
        if let Some((price, _)) = self.exits.stop {
            let risk = dir as i64
                * (position.cost - i128::from(price.0) * i128::from(position.lots)).signum() as i64;
            let ticks = (position.cost - i128::from(price.0) * i128::from(position.lots)).abs();
            self.initial_risk = (risk > 0).then(|| turn.spec.money(ticks));
            if before.is_none_or(|(old, _)| old != price) {
                self.record(DecisionKind::StopMoved { price, trigger: Trigger::StopLoss }, turn, 0);
            }
        }
    }

    fn freeze(&self, own: &OwnView, turn: &mut Turn<'_>) -> Frozen {
        use crate::domain::strategy::{OffsetBase, PriceOffset};
        let def = std::sync::Arc::clone(&self.def);
        let mut of = |offset: Option<&PriceOffset>| match offset {
            None => (None, 1.0),
            Some(offset) => {
                let value = match offset.base {
                    OffsetBase::Indicator(operand) => self.operand(operand, turn, own).ok(),
                    _ => None,
                };
                (value, self.scale(offset.risk_scaling.as_ref(), turn, own))
            }
        };
        let (stop, stop_scale) = of(def.z1.stop.as_ref());
        let (target, target_scale) = of(def.z1.target.as_ref());
        Frozen { stop, stop_scale, target, target_scale }
    }
}

/// Bases and scales of stop and target, read once at the first fill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frozen {
    stop: Option<f64>,
    stop_scale: f64,
    target: Option<f64>,
    target_scale: f64,
}

plain!(struct Frozen { stop, stop_scale, target, target_scale });

impl Frozen {
    pub(super) const NONE: Frozen = Frozen { stop: None, stop_scale: 1.0, target: None, target_scale: 1.0 };
}

/// The strategy's price, else the session's; with `force`, the one nearer to the entry.
fn nearer(
    own: Option<(f64, bool)>,
    session: Option<(f64, bool)>,
    force: bool,
    entry: f64,
) -> Option<(f64, bool)> {
    match (own, session) {
        (Some(own), Some(session)) if force => {
            Some(if (own.0 - entry).abs() <= (session.0 - entry).abs() { own } else { session })
        }
        (Some(own), _) => Some(own),
        (None, session) => session,
    }
}
