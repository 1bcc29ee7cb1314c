//! What makes waiting triggers act: their price, the end of their life or of their position, and the fill of
//! an order that carries stop prices.

use super::Trading;
use super::account::{ENDED_TRIGGERS, keep};
use super::order::{NewOrder, Order, kind};
use super::trigger::{Leg, Plan, Prices, Stop, state};
use super::{show, triggers};
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::Side;
use crate::rehearsal::market::{Deal, Market};
use crate::rehearsal::scenario::{AttachedStop, TriggerOversized};

impl Trading {
    /// Looks at the waiting triggers of a contract after these deals; while nothing is traded they wait.
    pub(super) fn pull_triggers(
        &mut self,
        symbol: usize,
        market: &Market,
        deals: &[Deal],
        true_ms: i64,
        now_ms: i64,
    ) {
        let is_idle =
            |account: &super::account::TraderAccount| account.plans.is_empty() && account.stops.is_empty();
        if !market.is_trading() || self.accounts.iter().all(is_idle) {
            return;
        }
        let prices = Prices::of(market, deals);
        for owner in 0..self.accounts.len() {
            let plans = self.accounts[owner].plans.values().filter(|plan| plan.new.symbol == symbol);
            for id in plans.map(|plan| plan.id).collect::<Vec<_>>() {
                self.pull_plan(owner, id, market, &prices, true_ms, now_ms);
            }
            let stops = self.accounts[owner].stops.values().filter(|stop| stop.symbol == symbol);
            for id in stops.map(|stop| stop.id).collect::<Vec<_>>() {
                self.pull_stop(owner, id, market, &prices, true_ms, now_ms);
            }
        }
    }

    fn pull_plan(
        &mut self,
        owner: usize,
        id: u64,
        market: &Market,
        prices: &Prices,
        true_ms: i64,
        now_ms: i64,
    ) {
        let Some(mut plan) = self.accounts[owner].plans.remove(&id) else { return };
        let is_held = !self.accounts[owner].held(plan.new.symbol, plan.new.hold()).is_zero();
        let is_orphan = !plan.new.is_opening() && plan.had_position && !is_held;
        plan.had_position |= is_held;
        if now_ms >= plan.expires_ms() {
            plan.end(state::INVALID, 0, now_ms);
        } else if is_orphan && self.triggers.end_with_position {
            plan.end(state::CANCELLED, 0, now_ms);
        } else if prices.reach(plan.price, plan.is_above, plan.trend) {
            let external = format!("planorder_{id}_1");
            let new = NewOrder { external, ..plan.new.clone() };
            plan.end_with(self.make(owner, new, market, true_ms, now_ms), now_ms);
        } else {
            self.accounts[owner].plans.insert(id, plan);
            return;
        }
        self.retire_plan(owner, plan, market, now_ms);
    }

    /// Stores a finished trigger order and pushes it.
    pub fn retire_plan(&mut self, owner: usize, plan: Plan, market: &Market, now_ms: i64) {
        let text = triggers::plan(market, &plan, self.accounts[owner].mode);
        self.push(owner, "plan.order", Some(plan.new.symbol), text, now_ms);
        keep(&mut self.accounts[owner].plans_ended, ENDED_TRIGGERS, plan);
    }

    fn pull_stop(
        &mut self,
        owner: usize,
        id: u64,
        market: &Market,
        prices: &Prices,
        true_ms: i64,
        now_ms: i64,
    ) {
        let Some(mut stop) = self.accounts[owner].stops.remove(&id) else { return };
        let position = self.accounts[owner].positions.get(&(stop.symbol, stop.hold));
        let held = position.filter(|position| position.id == stop.position).cloned();
        if held.is_none() && self.triggers.end_with_position {
            stop.end(state::CANCELLED, 0, now_ms);
        } else if let Some((leg, triggered)) = stop.reached(prices) {
            stop.triggered = triggered;
            let made = held.ok_or(2009).and_then(|position| {
                let new = NewOrder {
                    symbol: stop.symbol,
                    side: stop.hold.closing_side(),
                    kind: if leg.limit.is_some() { kind::LIMIT } else { kind::MARKET },
                    open_type: position.open_type,
                    leverage: position.leverage,
                    qty: if stop.is_whole { position.qty } else { leg.qty.unwrap_or(stop.qty) },
                    price: leg.limit,
                    external: format!("stoporder_{id}_1"),
                    ..NewOrder::default()
                };
                self.make(owner, new, market, true_ms, now_ms)
            });
            stop.end_with(made, now_ms);
        } else {
            self.accounts[owner].stops.insert(id, stop);
            return;
        }
        self.retire_stop(owner, stop, market, now_ms);
    }

    /// Stores a finished stop order and pushes it.
    pub fn retire_stop(&mut self, owner: usize, stop: Stop, market: &Market, now_ms: i64) {
        self.push_stop(owner, &stop, market, now_ms);
        keep(&mut self.accounts[owner].stops_ended, ENDED_TRIGGERS, stop);
    }

    /// Pushes a stop order.
    pub fn push_stop(&mut self, owner: usize, stop: &Stop, market: &Market, now_ms: i64) {
        let held = self.accounts[owner].held(stop.symbol, stop.hold);
        let text = triggers::stop(market, stop, held);
        self.push(owner, "stop.planorder", Some(stop.symbol), text, now_ms);
    }

    /// Makes the order of a trigger; returns its id and its lots, or the code of a refusal.
    fn make(
        &mut self,
        owner: usize,
        mut new: NewOrder,
        market: &Market,
        true_ms: i64,
        now_ms: i64,
    ) -> Result<(u64, Qty), i64> {
        let reserved = if new.is_opening() {
            let needed = self.needed(owner, market, &new);
            if needed > self.accounts[owner].available() {
                return Err(2005);
            }
            needed
        } else {
            let account = &self.accounts[owner];
            if account.held(new.symbol, new.hold()).is_zero() {
                return Err(2009);
            }
            let closable = account.closable(new.symbol, new.hold());
            if new.qty > closable {
                if self.triggers.oversized == TriggerOversized::Fails || closable.is_zero() {
                    return Err(2008);
                }
                new.qty = closable;
            }
            Money::ZERO
        };
        let qty = new.qty;
        let arrives_ms = true_ms + self.rng.between(self.arrive_ms.0, self.arrive_ms.1);
        Ok((self.accept(owner, new, reserved, arrives_ms, now_ms), qty))
    }

    /// Money that an opening order reserves: margin of what it opens, and the fee.
    pub fn needed(&self, owner: usize, market: &Market, new: &NewOrder) -> Money {
        let account = &self.accounts[owner];
        let opposed =
            if account.mode == 2 { account.held(new.symbol, new.hold().opposite()) } else { Qty::ZERO };
        let opening = Qty((new.qty.0 - opposed.0).max(0));
        let side = if new.side == 1 { Side::Sell } else { Side::Buy };
        let price = new.price.or(market.ladder.best(side).map(|(price, _)| price)).or(market.last);
        let value = market.notional(price.unwrap_or(Price(0)), opening);
        Money(value.0 / i128::from(new.leverage.max(1))) + value.at_rate(self.fees().1)
    }

    /// Places the stop prices of an order on its position, for what has filled and has none yet.
    pub(super) fn attach(&mut self, owner: usize, order: &Order, market: &Market, now_ms: i64) {
        let attached = order.new.attached;
        let is_due = match self.triggers.attached {
            AttachedStop::AtFill => true,
            AttachedStop::AtEnd => order.is_over(),
        };
        if !attached.is_any() || !is_due || order.filled.is_zero() || !order.is_opening() {
            return;
        }
        let (symbol, hold) = (order.new.symbol, order.hold());
        let account = &self.accounts[owner];
        let Some(position) = account.positions.get(&(symbol, hold)).map(|position| position.id) else {
            return;
        };
        let of_order = account.stops.values().chain(&account.stops_ended);
        let covered: i64 = of_order.filter(|stop| stop.order == order.id).map(|stop| stop.qty.0).sum();
        let fresh = Qty(order.filled.0 - covered);
        if fresh.0 <= 0 {
            return;
        }
        let waiting = self.accounts[owner].stops.values_mut().find(|stop| stop.order == order.id);
        let stop = if let Some(stop) = waiting {
            stop.qty += fresh;
            (stop.version, stop.updated_ms) = (stop.version + 1, now_ms);
            stop.clone()
        } else {
            let leg = |price: Option<Price>, trend: i64| {
                price.map(|price| Leg { price, trend, qty: None, limit: None })
            };
            let prices =
                [leg(attached.loss, attached.loss_trend), leg(attached.profit, attached.profit_trend)];
            let key = (symbol, hold, position);
            let stop = Stop::new((self.next_stop(), order.id), key, (fresh, false), prices, now_ms);
            self.accounts[owner].stops.insert(stop.id, stop.clone());
            stop
        };
        self.push_stop(owner, &stop, market, now_ms);
    }

    /// Tells that an order carries stop prices.
    pub fn push_attached(&mut self, owner: usize, id: u64, market: &Market, now_ms: i64) {
        let Some(order) = self.accounts[owner].open.get(&id) else { return };
        let text = show::attached(market, order);
        let symbol = Some(order.new.symbol);
        self.push(owner, "stop.order", symbol, text, now_ms);
    }
}
