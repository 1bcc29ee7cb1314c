//! Placing and cancelling orders, with the exchange's checks.

use super::checks::Wanted;
use super::private::no_order;
use super::{Answer, Failed, Request};
use crate::domain::num::Qty;
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::faults::FaultKind;
use crate::rehearsal::scenario::{CreateReply, DuplicateExternal};
use crate::rehearsal::trading::order::state;
use crate::rehearsal::wire::{Object, list};
use serde_json::Value;

/// Maximum orders per batch.
const BATCH: usize = 50;

impl Exchange {
    /// `POST order/…`.
    pub(super) fn order_call(&mut self, request: &Request, account: usize, parts: &[&str]) -> Answer {
        match parts {
            ["create"] | ["submit"] => {
                let wanted: Wanted =
                    serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
                let id = self.create(account, &wanted)?;
                let form =
                    if parts == ["submit"] { CreateReply::Integer } else { self.settings.create_reply };
                Ok(Some(match form {
                    CreateReply::Object => {
                        Object::new().text("orderId", &id.to_string()).put("ts", self.now_ms()).end()
                    }
                    CreateReply::Text => format!("\"{id}\""),
                    CreateReply::Integer => id.to_string(),
                }))
            }
            ["submit_batch"] => self.create_batch(request, account),
            ["cancel"] => self.cancel_ids(request, account),
            ["cancel_with_external"] | ["batch_cancel_with_external"] => {
                self.cancel_externals(request, account)
            }
            ["cancel_all"] => self.cancel_all(request, account),
            ["batch_query_with_external"] => {
                let rows = externals(request)?;
                let owner = &self.trading.accounts[account];
                let found =
                    rows.iter().filter_map(|(symbol, external)| owner.external(self.find(symbol)?, external));
                let shown = found.map(|order| {
                    crate::rehearsal::trading::show::order(&self.markets[order.new.symbol], order, owner.mode)
                });
                Ok(Some(list(shown)))
            }
            ["chase_limit_order"] | ["change_limit_order"] => {
                Err(Failed::new(801, "changing orders is not part of the rehearsal"))
            }
            _ => Err(Failed::new(404, "Not Found")),
        }
    }

    fn create_batch(&mut self, request: &Request, account: usize) -> Answer {
        let wanted: Vec<Wanted> = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        if wanted.len() > BATCH {
            return Err(Failed::new(2014, "Too many orders in one batch"));
        }
        let mut rows = Vec::new();
        for order in wanted {
            let external = order.external_oid.clone().unwrap_or_default();
            let object = Object::new().text("externalOid", &external);
            rows.push(match self.create(account, &order) {
                Ok(id) => object
                    .text("orderId", &id.to_string())
                    .text("errorMsg", "success")
                    .put("errorCode", 0)
                    .end(),
                Err(Failed(code, text)) => {
                    object.null("orderId").text("errorMsg", &text).put("errorCode", code).end()
                }
            });
        }
        Ok(Some(list(rows)))
    }

    fn create(&mut self, account: usize, wanted: &Wanted) -> Result<u64, Failed> {
        let symbol = self.symbol_index(&wanted.symbol)?;
        let new = self.order_of(account, symbol, wanted)?;
        let reserved = self.afford(account, &new)?;
        if let Some(known) = self.trading.accounts[account]
            .external(symbol, &new.external)
            .filter(|_| !new.external.is_empty())
        {
            return match self.settings.duplicate_external {
                DuplicateExternal::Same => Ok(known.id),
                DuplicateExternal::Refused => Err(Failed::new(2042, "The external order id exists already")),
                DuplicateExternal::Repeated => Err(Failed::new(603, "Repeated request")),
            };
        }
        let true_ms = self.true_ms();
        let [fewest, most] = self.settings.arrive_ms;
        let arrives_ms = true_ms + self.rng.between(fewest, most);
        let (qty, has_stops) = (new.qty, new.attached.is_any());
        let id = self.trading.accept(account, new, reserved, arrives_ms, self.now_ms());
        let rejected = self.faults.strikes(FaultKind::RejectedLater, Some(symbol), true_ms);
        let partial = self.faults.strikes(FaultKind::Partial, Some(symbol), true_ms);
        if let Some(order) = self.trading.accounts[account].open.get_mut(&id) {
            if let Some(fault) = rejected {
                order.error_code = fault.count.unwrap_or(2);
            }
            // The given percentage fills: at least one lot, never all.
            if let Some(fault) = partial {
                let parts = fault.count.unwrap_or(50).clamp(0, 100);
                order.fill_limit = Some(Qty((qty.0 * parts / 100).clamp(1, (qty.0 - 1).max(1))));
            }
        }
        if has_stops {
            self.trading.push_attached(account, id, &self.markets[symbol], self.now_ms());
        }
        Ok(id)
    }

    fn cancel_ids(&mut self, request: &Request, account: usize) -> Answer {
        let ids: Vec<Value> = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        if ids.len() > BATCH {
            return Err(Failed::new(2013, "Too many orders in one cancel"));
        }
        let mut rows = Vec::new();
        for id in ids {
            let id = id.as_u64().or_else(|| id.as_str()?.parse().ok()).ok_or_else(Failed::parameter)?;
            let (code, text) = self.cancel_one(account, id);
            rows.push(Object::new().put("orderId", id).put("errorCode", code).text("errorMsg", text).end());
        }
        Ok(Some(list(rows)))
    }

    /// Cancels one order; returns its result code and message.
    fn cancel_one(&mut self, account: usize, id: u64) -> (i64, &'static str) {
        const GONE: (i64, &str) = (2041, "order state cannot be cancelled");
        let (true_ms, now_ms) = (self.true_ms(), self.now_ms());
        let Some(order) = self.trading.accounts[account].order(id) else { return (2040, "order not exist") };
        let (symbol, is_over) = (order.new.symbol, order.is_over());
        if self.faults.strikes_path(FaultKind::UnknownOrder, Some(symbol), "/order/cancel", true_ms).is_some()
        {
            return (2040, "order not exist");
        }
        if !is_over && self.faults.strikes(FaultKind::CancelCrossed, Some(symbol), true_ms).is_some() {
            self.trading.fill_before_cancel(account, id, &self.markets, now_ms);
            return GONE;
        }
        if self.trading.cancel(account, id, 0, &self.markets, now_ms) { (0, "success") } else { GONE }
    }

    fn cancel_externals(&mut self, request: &Request, account: usize) -> Answer {
        let is_list = request.body.first() == Some(&b'[');
        let mut rows = Vec::new();
        for (symbol, external) in externals(request)? {
            let known = self
                .find(&symbol)
                .and_then(|index| self.trading.accounts[account].external(index, &external))
                .map(|order| order.id);
            let (code, text) = known.map_or((2040, "order not exist"), |id| self.cancel_one(account, id));
            rows.push(
                Object::new()
                    .text("externalOid", &external)
                    .put("errorCode", code)
                    .text("errorMsg", text)
                    .end(),
            );
        }
        if is_list { Ok(Some(list(rows))) } else { rows.pop().map(Some).ok_or_else(no_order) }
    }

    fn cancel_all(&mut self, request: &Request, account: usize) -> Answer {
        let body: Value = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        let wanted = body.get("symbol").and_then(Value::as_str);
        let symbol = wanted.map(|symbol| self.symbol_index(symbol)).transpose()?;
        let owner = &self.trading.accounts[account];
        let fits = |order: &&crate::rehearsal::trading::order::Order| {
            symbol.is_none_or(|symbol| order.new.symbol == symbol)
                && matches!(order.state, state::PENDING | state::OPEN)
        };
        let ids: Vec<u64> = owner.open.values().filter(fits).map(|order| order.id).collect();
        let now_ms = self.now_ms();
        for id in ids {
            self.trading.cancel(account, id, 0, &self.markets, now_ms);
        }
        Ok(None)
    }
}

/// `{"symbol","externalOid"}`, one or a list of them.
fn externals(request: &Request) -> Result<Vec<(String, String)>, Failed> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
    let rows = match body {
        Value::Array(rows) => rows,
        one => vec![one],
    };
    if rows.len() > BATCH {
        return Err(Failed::new(2013, "Too many orders in one call"));
    }
    let text = |row: &Value, key: &str| {
        row.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(Failed::parameter)
    };
    rows.iter().map(|row| Ok((text(row, "symbol")?, text(row, "externalOid")?))).collect()
}
