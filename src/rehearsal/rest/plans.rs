//! Trigger orders: `planorder/…`.

use super::checks::{self, Wanted};
use super::private::{no_order, page, span, whole};
use super::{Answer, Failed, Request};
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::trading::account::TRIGGERS;
use crate::rehearsal::trading::order::Attached;
use crate::rehearsal::trading::trigger::{Plan, state};
use crate::rehearsal::trading::triggers;
use crate::rehearsal::wire::{list, quoted};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A change of a trigger order as sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TriggerChange {
    order_id: Value,
    trigger_price: Option<Box<RawValue>>,
    trigger_type: Option<Value>,
    price: Option<Box<RawValue>>,
    trend: Option<Value>,
}

/// A change of the stop prices of a trigger order as sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StopChange {
    order_id: Value,
    stop_loss_price: Option<Box<RawValue>>,
    take_profit_price: Option<Box<RawValue>>,
    loss_trend: Option<Value>,
    profit_trend: Option<Value>,
}

impl Exchange {
    /// A call below `planorder/`.
    pub(super) fn plan_call(
        &mut self,
        method: &str,
        request: &Request,
        account: usize,
        parts: &[&str],
    ) -> Answer {
        match (method, parts) {
            ("POST", ["place"]) => Ok(Some(self.place_plan(request, account)?.to_string())),
            ("POST", ["place", "v2"]) => Ok(Some(quoted(&self.place_plan(request, account)?.to_string()))),
            ("POST", ["cancel"]) => self.cancel_plans(request, account),
            ("POST", ["cancel_all"]) => self.cancel_all_plans(request, account),
            ("POST", ["change_stop_order"]) => self.change_plan_stops(request, account),
            ("POST", ["change_price"]) => self.change_plan(request, account),
            ("GET", ["list", "orders"]) => self.list_plans(request, account),
            _ => Err(Failed::new(404, "Not Found")),
        }
    }

    fn place_plan(&mut self, request: &Request, account: usize) -> Result<u64, Failed> {
        let wanted: Wanted = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        let symbol = self.symbol_index(&wanted.symbol)?;
        let wrong = |code: i64, text: &str| Failed::new(code, text);
        let price = self.trigger_price(symbol, &wanted)?.ok_or_else(|| wrong(3004, "Trigger price error"))?;
        let new = self.order_of(account, symbol, &wanted)?;
        if self.trading.accounts[account].plans.len() >= TRIGGERS {
            return Err(wrong(2036, "Too many trigger orders"));
        }
        let number = |value: &Option<Value>| value.as_ref().and_then(whole);
        let trend = checks::trend(wanted.trend.as_ref())?;
        let is_above = match number(&wanted.trigger_type) {
            Some(1) => true,
            Some(2) => false,
            _ => return Err(wrong(3002, "Trigger type error")),
        };
        let cycle_hours = match number(&wanted.execute_cycle) {
            Some(1) => 24,
            Some(2) => 168,
            _ => return Err(wrong(3003, "Execution cycle error")),
        };
        let now_ms = self.now_ms();
        let plan = Plan {
            id: self.trading.next_plan(),
            new,
            price,
            is_above,
            trend,
            cycle_hours,
            reduce_only: wanted.reduce_only.unwrap_or(false),
            state: state::WAITING,
            error_code: 0,
            made: 0,
            had_position: false,
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        let id = plan.id;
        self.push_plan(account, &plan);
        self.trading.accounts[account].plans.insert(id, plan);
        Ok(id)
    }

    fn push_plan(&mut self, account: usize, plan: &Plan) {
        let market = &self.markets[plan.new.symbol];
        let text = triggers::plan(market, plan, self.trading.accounts[account].mode);
        let now_ms = self.now_ms();
        self.trading.push(account, "plan.order", Some(plan.new.symbol), text, now_ms);
    }

    /// All or nothing: an unknown id refuses the whole list.
    fn cancel_plans(&mut self, request: &Request, account: usize) -> Answer {
        let rows: Vec<Value> = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        let mut ids = Vec::new();
        for row in &rows {
            let id = row.get("orderId").and_then(id_of).ok_or_else(Failed::parameter)?;
            self.known_plan(account, id)?;
            ids.push(id);
        }
        self.end_plans(account, &ids);
        Ok(None)
    }

    /// Refuses an unknown trigger order, and one that is finished.
    fn known_plan(&mut self, account: usize, id: u64) -> Result<(), Failed> {
        let true_ms = self.true_ms();
        let kind = crate::rehearsal::faults::FaultKind::UnknownOrder;
        if self.faults.strikes_path(kind, None, "/planorder/cancel", true_ms).is_some() {
            return Err(no_order());
        }
        let owner = &self.trading.accounts[account];
        if owner.plans.contains_key(&id) {
            return Ok(());
        }
        let is_known = owner.plans_ended.iter().any(|plan| plan.id == id);
        Err(if is_known { Failed::new(2041, "order state cannot be cancelled") } else { no_order() })
    }

    fn cancel_all_plans(&mut self, request: &Request, account: usize) -> Answer {
        let symbol = self.symbol_in(request)?;
        let plans = self.trading.accounts[account].plans.values();
        let ids: Vec<u64> = plans
            .filter(|plan| symbol.is_none_or(|symbol| plan.new.symbol == symbol))
            .map(|plan| plan.id)
            .collect();
        self.end_plans(account, &ids);
        Ok(None)
    }

    /// The `symbol` of a body, if it has one.
    pub(super) fn symbol_in(&self, request: &Request) -> Result<Option<usize>, Failed> {
        let body: Value = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        let named = body.get("symbol").and_then(Value::as_str);
        named.map(|symbol| self.symbol_index(symbol)).transpose()
    }

    fn end_plans(&mut self, account: usize, ids: &[u64]) {
        let now_ms = self.now_ms();
        for id in ids {
            if let Some(mut plan) = self.trading.accounts[account].plans.remove(id) {
                plan.end(state::CANCELLED, 0, now_ms);
                let market = &self.markets[plan.new.symbol];
                self.trading.retire_plan(account, plan, market, now_ms);
            }
        }
    }

    fn change_plan(&mut self, request: &Request, account: usize) -> Answer {
        let change: TriggerChange = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        let id = id_of(&change.order_id).ok_or_else(Failed::parameter)?;
        self.known_plan(account, id)?;
        let now_ms = self.now_ms();
        let Some(plan) = self.trading.accounts[account].plans.get_mut(&id) else { return Err(no_order()) };
        let market = &self.markets[plan.new.symbol];
        let price = checks::optional_price(market, change.trigger_price.as_deref())?;
        plan.price = price.ok_or_else(|| Failed::new(3004, "Trigger price error"))?;
        if let Some(limit) = checks::optional_price(market, change.price.as_deref())? {
            plan.new.price = plan.new.price.map(|_| limit);
        }
        if change.trend.is_some() {
            plan.trend = checks::trend(change.trend.as_ref())?;
        }
        match change.trigger_type.as_ref().and_then(whole) {
            Some(1) => plan.is_above = true,
            Some(2) => plan.is_above = false,
            _ => {}
        }
        plan.updated_ms = now_ms;
        let plan = plan.clone();
        self.push_plan(account, &plan);
        Ok(None)
    }

    /// Changes the stop prices that the order of a trigger will carry.
    fn change_plan_stops(&mut self, request: &Request, account: usize) -> Answer {
        let change: StopChange = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        let id = id_of(&change.order_id).ok_or_else(Failed::parameter)?;
        self.known_plan(account, id)?;
        let now_ms = self.now_ms();
        let Some(plan) = self.trading.accounts[account].plans.get_mut(&id) else { return Err(no_order()) };
        let market = &self.markets[plan.new.symbol];
        plan.new.attached = Attached {
            loss: checks::optional_price(market, change.stop_loss_price.as_deref())?,
            profit: checks::optional_price(market, change.take_profit_price.as_deref())?,
            loss_trend: checks::trend(change.loss_trend.as_ref())?,
            profit_trend: checks::trend(change.profit_trend.as_ref())?,
        };
        plan.updated_ms = now_ms;
        let plan = plan.clone();
        self.push_plan(account, &plan);
        Ok(None)
    }

    fn list_plans(&self, request: &Request, account: usize) -> Answer {
        let wanted = request.parameter("symbol").filter(|symbol| !symbol.is_empty());
        let symbol = wanted.map(|symbol| self.symbol_index(&symbol)).transpose()?;
        let states = request.parameter("states").unwrap_or_default();
        let (from, to) = span(request)?;
        let owner = &self.trading.accounts[account];
        let fits = |plan: &&Plan| {
            symbol.is_none_or(|symbol| plan.new.symbol == symbol)
                && (states.is_empty() || states.split(',').any(|state| state == plan.state.to_string()))
                && (from..=to).contains(&plan.created_ms)
        };
        let rows = owner.plans.values().rev().chain(owner.plans_ended.iter().rev()).filter(fits);
        let shown = rows.map(|plan| triggers::plan(&self.markets[plan.new.symbol], plan, owner.mode));
        Ok(Some(list(page(request, shown)?)))
    }
}

/// An id, as a number or as text.
pub(super) fn id_of(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
