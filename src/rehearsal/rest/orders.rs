//! Placing and cancelling orders, with the exchange's checks.

use super::private::{no_order, whole};
use super::{Answer, Failed, Request};
use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Price, Qty, Rate};
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::faults::Kind;
use crate::rehearsal::market::Market;
use crate::rehearsal::market::show::BAND_PERCENT;
use crate::rehearsal::scenario::{CreateReply, DuplicateExternal};
use crate::rehearsal::trading::account::OPEN_ORDERS;
use crate::rehearsal::trading::order::{Hold, NewOrder, kind, state};
use crate::rehearsal::wire::{Object, list};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Maximum orders per batch.
const BATCH: usize = 50;

/// Maximum characters of an `externalOid`.
const EXTERNAL_CHARS: usize = 32;

/// An order as sent; numbers keep their text. Unknown keys are ignored, as the exchange does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    symbol: String,
    side: Value,
    #[serde(rename = "type")]
    kind: Value,
    open_type: Option<Value>,
    vol: Box<RawValue>,
    price: Option<Box<RawValue>>,
    leverage: Option<Value>,
    external_oid: Option<String>,
    reduce_only: Option<bool>,
}

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
        let symbol = self.place(&wanted.symbol)?;
        let (new, reserved) = self.validate_order(account, symbol, wanted)?;
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
        let qty = new.qty;
        let id = self.trading.accept(account, new, reserved, arrives_ms, self.now_ms());
        let rejected = self.faults.strikes(Kind::RejectedLater, Some(symbol), true_ms);
        let partial = self.faults.strikes(Kind::Partial, Some(symbol), true_ms);
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
        Ok(id)
    }

    /// All checks of a new order; returns the order and the money to reserve.
    fn validate_order(
        &self,
        account: usize,
        symbol: usize,
        wanted: &Wanted,
    ) -> Result<(NewOrder, Money), Failed> {
        let market = &self.markets[symbol];
        let terms = &market.contract;
        if terms.state != 0 || !terms.is_api_allowed {
            return Err(Failed::new(1002, "Contract not allow place order!"));
        }
        let owner = &self.trading.accounts[account];
        if owner.open.len() >= OPEN_ORDERS {
            return Err(Failed::new(2036, "Too many open orders"));
        }
        let side = whole(&wanted.side)
            .filter(|side| (1..=4).contains(side))
            .ok_or_else(|| Failed::new(2001, "Order side error"))?;
        let kind = whole(&wanted.kind)
            .filter(|kind| (1..=6).contains(kind))
            .ok_or_else(|| Failed::new(2029, "Order type error"))?;
        let external = wanted.external_oid.clone().unwrap_or_default();
        if external.chars().count() > EXTERNAL_CHARS {
            return Err(Failed::new(2030, "External order id is too long"));
        }
        let qty = quantity(market, &wanted.vol)?;
        let price = limit(market, kind, side, wanted.price.as_deref())?;
        let is_opening = matches!(side, 1 | 3);
        let hold = if matches!(side, 1 | 4) { Hold::Long } else { Hold::Short };
        if wanted.reduce_only == Some(true) && owner.mode == 1 {
            return Err(Failed::new(600, "reduceOnly is not accepted in hedge mode"));
        }
        let (known_leverage, known_type) = owner.leverage_of(symbol, hold);
        let open_type =
            wanted.open_type.as_ref().map_or(Some(known_type), whole).filter(|kind| [1, 2].contains(kind));
        let open_type = open_type.ok_or_else(|| Failed::new(2002, "Open type error"))?;
        let leverage = wanted
            .leverage
            .as_ref()
            .filter(|value| !value.is_null())
            .and_then(whole)
            .unwrap_or(known_leverage);
        if !(1..=i64::from(terms.max_leverage)).contains(&leverage) {
            return Err(Failed::new(2006, "Leverage ratio error"));
        }
        let held = owner.positions.get(&(symbol, hold));
        if is_opening && held.is_some_and(|position| position.leverage != leverage) {
            return Err(Failed::new(2021, "Leverage differs from the position's"));
        }
        let new = NewOrder { symbol, side, kind, open_type, leverage, qty, price, external };
        if !is_opening {
            if held.is_none() {
                return Err(Failed::new(2009, "Position is nonexistent or closed"));
            }
            if qty > owner.closable(symbol, hold) {
                return Err(Failed::new(2008, "The quantity is insufficient"));
            }
            return Ok((new, Money::ZERO));
        }
        let opposed =
            owner.positions.get(&(symbol, hold.opposite())).map_or(Qty::ZERO, |position| position.qty);
        let opening = if owner.mode == 2 { Qty((qty.0 - opposed.0).max(0)) } else { qty };
        let at = price.or(market
            .ladder
            .best(if side == 1 { crate::domain::order::Side::Sell } else { crate::domain::order::Side::Buy })
            .map(|(price, _)| price));
        let value = market.notional(at.or(market.last).unwrap_or(Price(0)), opening);
        let reserved = Money(value.0 / i128::from(leverage)) + value.at_rate(fee(self));
        if reserved > owner.available() {
            return Err(Failed::new(2005, "Balance insufficient"));
        }
        Ok((new, reserved))
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
        if self.faults.strikes_path(Kind::UnknownOrder, Some(symbol), "/order/cancel", true_ms).is_some() {
            return (2040, "order not exist");
        }
        if !is_over && self.faults.strikes(Kind::CancelCrossed, Some(symbol), true_ms).is_some() {
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
        let symbol = wanted.map(|symbol| self.place(symbol)).transpose()?;
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

fn fee(exchange: &Exchange) -> Rate {
    exchange.trading.fees().1
}

/// A `vol` in lots.
fn quantity(market: &Market, text: &RawValue) -> Result<Qty, Failed> {
    let terms = &market.contract;
    let value = decimal(text)?;
    // Clients also send 0 to find out whether orders are allowed, without placing one.
    if value.mantissa() == 0 {
        return Err(Failed::new(2011, "Order quantity error"));
    }
    let lots = value.in_steps_of(terms.quantity_step).filter(|lots| *lots > 0);
    let lots = lots.ok_or_else(|| Failed::new(2015, "The quantity is not a multiple of the volume unit"))?;
    if value.cmp_value(terms.min_quantity).is_lt() {
        return Err(Failed::new(2011, "Order quantity error"));
    }
    if value.cmp_value(terms.max_quantity).is_gt() {
        return Err(Failed::new(2028, "The order volume exceeds the maximum"));
    }
    Ok(Qty(lots))
}

/// The limit price, which must be within the band around the fair price; `None` for a market order.
fn limit(
    market: &Market,
    order_kind: i64,
    side: i64,
    text: Option<&RawValue>,
) -> Result<Option<Price>, Failed> {
    if matches!(order_kind, kind::MARKET | kind::MARKET_TO_LIMIT) {
        return Ok(None);
    }
    let text =
        text.filter(|text| text.get() != "null").ok_or_else(|| Failed::new(2007, "Order price error"))?;
    let price = decimal(text)?.in_steps_of(market.spec.price_step).filter(|ticks| *ticks > 0).map(Price);
    let price = price.ok_or_else(|| Failed::new(2015, "The price is not a multiple of the price unit"))?;
    if let Some(fair) = market.fair() {
        let is_buy = matches!(side, 1 | 2);
        if is_buy && price.0 > fair.0 * (100 + BAND_PERCENT) / 100 {
            return Err(Failed::new(2003, "The price is higher than the maximum"));
        }
        if !is_buy && price.0 < fair.0 * (100 - BAND_PERCENT) / 100 {
            return Err(Failed::new(2004, "The price is lower than the minimum"));
        }
    }
    Ok(Some(price))
}

/// A number, possibly quoted.
fn decimal(text: &RawValue) -> Result<Decimal, Failed> {
    Decimal::parse(text.get().trim_matches('"').as_bytes()).map_err(|_| Failed::parameter())
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
