//! The venue's answers to the instance's orders. Only fills change quantities.
//!
//! Invariant: no state assumes a fill before it is reported, and each fill is counted once.

use super::{Instance, Turn, Working};
use crate::domain::decision::{DecisionKind, State, Trigger};
use crate::domain::exit_level::ExitLevel;
use crate::domain::ledger::ClosedTrade;
use crate::domain::num::{Money, Qty};
use crate::domain::order::{ClosedBy, Fill, Liquidity, OrderId, RejectReason};
use crate::domain::time::Timestamp;
use crate::engine::output::{AnswerStatus, OrderAnswer};
use crate::engine::position::Position;
use crate::plant::{Plant, is_planted};

/// Consecutive entry rejects after which the instance is disabled.
const REJECTS_THAT_DISABLE: u32 = 3;

/// The decision that an execution is told as; `cumulative`: all that has filled of an order of ours.
fn filled(fill: &Fill, cumulative: Option<Qty>) -> DecisionKind {
    let Fill { order, price, qty, .. } = *fill;
    DecisionKind::Filled { order, price, qty, cumulative, execution: fill.execution() }
}

impl Instance {
    /// An order filled, in part or in full.
    pub fn on_fill(&mut self, fill: &Fill, turn: &mut Turn<'_>) {
        self.record(filled(fill, Some(fill.cumulative)), turn, 0);
        if self.entry.is_some_and(|order| order.id == fill.order) {
            self.entry_filled(fill, turn);
        } else {
            self.exit_filled(fill, turn);
        }
    }

    fn entry_filled(&mut self, fill: &Fill, turn: &mut Turn<'_>) {
        let mut waiting = Qty::ZERO;
        let mid = self.entry.as_mut().and_then(|order| {
            waiting = order.qty - order.filled;
            order.filled += fill.qty;
            order.mid_x2
        });
        let first = self.position.is_none();
        let leverage = self.leverage();
        let seen = turn.excursion.moment();
        let position = self.position.get_or_insert_with(|| Position::open(fill, leverage, seen));
        position.increase(fill, mid);
        if fill.liquidity == Liquidity::Maker {
            self.bar.rested = Some((fill.at, fill.price));
        }
        let cost = i128::from(fill.price.0) * i128::from(fill.qty.0);
        let notional = turn.spec.money(cost);
        let margin = Money(notional.0 / i128::from(leverage.max(1)));
        self.give_back(fill.qty, waiting, turn);
        self.committed.0 += notional;
        self.committed.1 += margin;
        turn.account.commit(self.strategy, notional, margin);
        turn.account.cash_flow(self.strategy, -fill.fee);
        let mark = turn.mark().unwrap_or(fill.price);
        turn.account.position_changed(self.symbol, turn.spec, mark, self.side, fill.qty.0, cost);
        self.rejects_in_a_row = 0;
        self.place_exits(first, turn);
    }

    /// Releases the reservation for `part` of the `of` unfilled lots; all of it when `part` ≥ `of`.
    fn give_back(&mut self, part: Qty, of: Qty, turn: &mut Turn<'_>) {
        let share = |held: Money| {
            if part >= of { held } else { Money(held.0 * i128::from(part.0) / i128::from(of.0)) }
        };
        let (notional, margin) = (share(self.reserved.0), share(self.reserved.1));
        self.reserved = (self.reserved.0 - notional, self.reserved.1 - margin);
        turn.account.commit(self.strategy, -notional, -margin);
        turn.account.reserve(self.symbol, -notional);
    }

    fn exit_filled(&mut self, fill: &Fill, turn: &mut Turn<'_>) {
        let mid = self.exit.as_mut().filter(|order| order.id == fill.order).and_then(|order| {
            order.filled += fill.qty;
            order.mid_x2
        });
        let Some(position) = &mut self.position else { return };
        let cost_before = position.cost;
        let gross = position.reduce(fill, mid);
        let cost = cost_before - position.cost;
        let notional = turn.spec.money(cost);
        // Each entry fill rounded its margin down, so the quotient of the whole may exceed their sum.
        let margin = Money((notional.0 / i128::from(position.leverage.max(1))).min(self.committed.1.0));
        self.committed = (self.committed.0 - notional, self.committed.1 - margin);
        turn.account.commit(self.strategy, -notional, -margin);
        let mark = turn.mark().unwrap_or(fill.price);
        // Cash first: otherwise equity would briefly exclude the loss and record a false peak.
        turn.account.cash_flow(self.strategy, turn.spec.money(gross) - fill.fee);
        turn.account.position_changed(self.symbol, turn.spec, mark, self.side, -fill.qty.0, -cost);
    }

    /// An order ended; its fills were reported before.
    pub fn on_done(&mut self, order: OrderId, turn: &mut Turn<'_>) {
        if self.entry.is_some_and(|entry| entry.id == order) {
            let entry = self.entry.take();
            self.note_end(entry, turn);
            self.give_back(Qty::ZERO, Qty::ZERO, turn);
            self.entry_ended(
                entry.is_some_and(|order| order.filled > Qty::ZERO),
                Trigger::EntryTimeout,
                turn,
            );
        } else if self.exit.is_some_and(|exit| exit.id == order) {
            let exit = self.exit.take();
            self.note_end(exit, turn);
            self.exit_ended(exit, turn);
        }
    }

    /// The venue has an order.
    pub fn on_accepted(&self, order: OrderId, turn: &mut Turn<'_>) {
        let found = [self.entry, self.exit].into_iter().flatten().find(|working| working.id == order);
        found.iter().for_each(|order| self.note_answer(order, AnswerStatus::Accepted, turn));
    }

    /// Tells how much of an ended order was not filled.
    fn note_end(&self, order: Option<Working>, turn: &mut Turn<'_>) {
        let Some(order) = order.filter(|order| order.filled < order.qty) else { return };
        let status = match (order.cancel_sent, order.rests) {
            (true, _) => AnswerStatus::Cancelled,
            (false, true) => AnswerStatus::CancelledByVenue,
            (false, false) => AnswerStatus::Expired,
        };
        self.note_answer(&order, status, turn);
    }

    fn note_answer(&self, order: &Working, status: AnswerStatus, turn: &mut Turn<'_>) {
        let touch = turn.market.touch(turn.at);
        turn.out.order_answers.push(OrderAnswer {
            at: turn.at,
            instance: self.index,
            symbol: self.symbol,
            order: order.id,
            filled: order.filled,
            unfilled: order.qty - order.filled,
            status,
            bid: touch.map(|(bid, _)| bid),
            ask: touch.map(|(_, ask)| ask),
            last: turn.market.last.map(|(_, trade)| trade.price),
            after: turn.out.decisions.len(),
        });
    }

    fn entry_ended(&mut self, filled: bool, otherwise: Trigger, turn: &mut Turn<'_>) {
        let holds = self.position.is_some_and(|position| position.lots > 0);
        match (self.state, filled) {
            (State::EntryEvaluation, true) if holds => {
                self.go(State::PositionActive, Trigger::Fill, turn, None)
            }
            (State::EntryEvaluation, false) => {
                turn.account.release(self.symbol, self.strategy);
                self.drop_signal(otherwise, turn, None);
            }
            // The instance is already leaving: what filled meanwhile must be closed too.
            _ => self.settle(turn),
        }
    }

    fn exit_ended(&mut self, exit: Option<Working>, turn: &mut Turn<'_>) {
        let complete = exit.is_some_and(|order| order.filled == order.qty);
        let partial_step = self.state == State::CloseOrderEvaluation && self.closing == Some(Trigger::Ladder);
        if partial_step && complete && self.position.is_some_and(|position| position.lots > 0) {
            // What ends the rest has a reason of its own.
            self.closing = None;
            return self.go(State::PositionActive, Trigger::Fill, turn, None);
        }
        self.retry_lots = exit.filter(|_| partial_step).map(|order| order.qty - order.filled);
        if !complete && exit.is_some_and(|order| !order.cancel_sent) {
            self.schedule_retry(turn.at);
        } else {
            self.retry_at = turn.at;
        }
        self.settle(turn);
    }

    /// Ends the round trip when flat without orders; otherwise evaluates the next exit.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        match self.position {
            Some(position) if position.lots == 0 && self.entry.is_none() && self.exit.is_none() => {
                self.finish(&position, turn)
            }
            Some(position) if position.lots > 0 && self.exit.is_none() => {
                if self.retry_at == Timestamp::MAX {
                    self.retry_at = turn.at;
                }
                self.evaluate(turn);
            }
            None if self.entry.is_none() && self.exit.is_none() => {
                turn.account.release(self.symbol, self.strategy);
                let trigger = self.closing.unwrap_or(Trigger::EntryTimeout);
                self.rest(self.cooldown, State::Exited, trigger, turn, None);
            }
            _ => {}
        }
    }

    fn finish(&mut self, position: &Position, turn: &mut Turn<'_>) {
        let reason = self.closing.unwrap_or(Trigger::Command);
        let trade = self.closed_trade(position, reason, turn);
        turn.account.trade_closed(turn.at, trade.net());
        turn.out.closed.push(trade);
        let (notional, margin) = std::mem::take(&mut self.committed);
        turn.account.commit(self.strategy, -notional, -margin);
        self.position = None;
        self.bar.extremes = None;
        self.initial_risk = None;
        self.signal_at = None;
        turn.account.release(self.symbol, self.strategy);
        if !turn.account.holds(self.symbol) {
            turn.excursion.clear();
        }
        self.rest(self.cooldown, State::Exited, reason, turn, None);
    }

    fn closed_trade(&self, position: &Position, reason: Trigger, turn: &Turn<'_>) -> ClosedTrade {
        let dir = i128::from(position.side.sign());
        let entry_price = position.entry_price(turn.spec);
        let seen = (self.worst_price(position, turn.excursion), self.best_price(position, turn.excursion));
        let (worst, best) = self.bar.extremes.unwrap_or(seen);
        let move_pct = |price| {
            position.side.sign() as f64 * 100.0 * (turn.spec.price_f64(price) - entry_price) / entry_price
        };
        ClosedTrade {
            instance: self.index,
            strategy: self.strategy,
            symbol: self.symbol,
            side: position.side,
            opened_at: position.opened_at,
            closed_at: position.reduced_at,
            qty: Qty(position.opened_lots),
            entry_price,
            exit_price: position.exit_price(turn.spec),
            entry_notional: turn.spec.money(position.opened_cost),
            gross: turn.spec.money(dir * (position.exit_value - position.opened_cost)),
            fees: position.fees,
            funding: position.funding,
            slippage: position.slippage_x2.map(|doubled| Money(turn.spec.money(doubled).0 / 2)),
            initial_risk: self.initial_risk,
            worst_price: worst,
            best_price: best,
            mae_pct: move_pct(worst).min(0.0),
            mfe_pct: move_pct(best).max(0.0),
            reason,
            fills: position.fills,
            leverage: position.leverage,
        }
    }

    /// The venue rejected an order.
    pub fn on_reject(&mut self, order: OrderId, reason: RejectReason, turn: &mut Turn<'_>) {
        self.record(DecisionKind::Rejected { order, reason }, turn, 0);
        if self.entry.is_some_and(|entry| entry.id == order) {
            self.entry = None;
            self.give_back(Qty::ZERO, Qty::ZERO, turn);
            self.rejects_in_a_row += 1;
            self.disabled = self.rejects_in_a_row >= REJECTS_THAT_DISABLE;
            self.entry_ended(false, Trigger::Reject, turn);
        } else if let Some(exit) = self.exit.filter(|exit| exit.id == order) {
            self.exit = None;
            let step = self.state == State::CloseOrderEvaluation && self.closing == Some(Trigger::Ladder);
            self.retry_lots = step.then_some(exit.qty);
            self.schedule_retry(turn.at);
            self.settle(turn);
        }
    }

    /// The venue liquidated the position because its margin was used up.
    pub fn on_liquidated(&mut self, fill: &Fill, level: Option<ExitLevel>, turn: &mut Turn<'_>) {
        let held = self.position.map_or(Qty::ZERO, |position| position.qty());
        if held.is_zero() {
            return;
        }
        let fill = &Fill { qty: fill.qty.min(held), ..*fill };
        self.closing = Some(Trigger::Liquidation);
        self.met_level = level;
        self.cooldown = self.def.e1.cooldown;
        self.record(filled(fill, None), turn, 0);
        self.exit_filled(fill, turn);
        self.withdraw_orders(turn);
        self.settle(turn);
    }

    /// Something other than an order of ours closed the position, or a part of it; the rest keeps its exits.
    pub fn on_closed(&mut self, fill: &Fill, by: ClosedBy, turn: &mut Turn<'_>) {
        let held = self.position.map_or(Qty::ZERO, |position| position.qty());
        if held.is_zero() {
            return;
        }
        let fill = &Fill { qty: fill.qty.min(held), ..*fill };
        self.record(filled(fill, None), turn, 0);
        self.exit_filled(fill, turn);
        if self.position.is_some_and(|position| position.lots > 0) {
            return;
        }
        let (trigger, cooldown) = match by {
            ClosedBy::ResidentStop => (Trigger::StopLoss, self.normal_cooldown()),
            ClosedBy::Manual => (Trigger::Command, self.normal_cooldown()),
            ClosedBy::Deleveraging => (Trigger::Liquidation, self.def.e1.cooldown),
        };
        if self.closing.is_none() && by == ClosedBy::ResidentStop {
            self.met_level = self.exits.stop.map(|(price, _)| ExitLevel { price, met_by: None });
        }
        (self.closing, self.cooldown) = (self.closing.or(Some(trigger)), cooldown);
        self.withdraw_orders(turn);
        self.settle(turn);
    }

    /// The position is gone, so no order has anything to do.
    fn withdraw_orders(&mut self, turn: &mut Turn<'_>) {
        for working in [self.entry, self.exit].into_iter().flatten().filter(|order| !order.cancel_sent) {
            self.cancel(working.id, turn);
        }
        for working in [&mut self.entry, &mut self.exit].into_iter().flatten() {
            working.cancel_sent = true;
        }
    }

    /// Funding was settled on the position.
    pub fn on_funding(&mut self, amount: Money, turn: &mut Turn<'_>) {
        if let Some(position) = &mut self.position {
            position.settle_funding(amount);
            if !is_planted(Plant::FundingNotBooked) {
                turn.account.cash_flow(self.strategy, amount);
            }
        }
    }
}
