//! Private calls: balances, positions, leverage, lists. Orders are in `orders`.

use super::public::paged;
use super::{Answer, Failed, Request};
use crate::domain::num::Money;
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::faults::FaultKind;
use crate::rehearsal::terms;
use crate::rehearsal::trading::account::TraderAccount;
use crate::rehearsal::trading::order::{Hold, Order, category};
use crate::rehearsal::trading::show;
use crate::rehearsal::wire::{Object, list};
use serde_json::Value;

impl Exchange {
    /// A call below `/api/v1/private/`.
    pub(super) fn private(&mut self, request: &Request, rest: &str) -> Answer {
        let account = self.signer(request)?;
        let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["account", ..]) => self.account_call(request, account, &parts[1..]),
            ("GET", ["position", ..]) => self.position_call(request, account, &parts[1..]),
            ("POST", ["position", ..]) => self.change_position(request, account, parts[1]),
            ("GET" | "POST", ["order", "open_order_total_count"]) => Ok(Some(self.count_orders(account))),
            ("GET", ["order", ..]) => self.order_query(request, account, &parts[1..]),
            ("POST", ["order", ..]) => self.order_call(request, account, &parts[1..]),
            (method, ["planorder", ..]) => self.plan_call(method, request, account, &parts[1..]),
            (method, ["stoporder", ..]) => self.stop_call(method, request, account, &parts[1..]),
            ("GET", ["trackorder", ..]) => Ok(Some("[]".to_owned())),
            ("POST", ["trackorder", ..]) => {
                Err(Failed::new(801, "trailing orders are not part of the rehearsal"))
            }
            ("POST", ["account", "change_risk_level"]) => Err(Failed::new(8817, "This feature is disabled")),
            _ => Err(Failed::new(404, "Not Found")),
        }
    }

    fn account_call(&mut self, request: &Request, account: usize, parts: &[&str]) -> Answer {
        let owner = self.shown_account(account);
        match parts {
            ["assets"] => {
                let coins = ["BTC", "ETH"].into_iter().map(show::no_money);
                Ok(Some(list(coins.chain([show::money(&owner, "USDT", &self.markets)]))))
            }
            ["asset", currency] if *currency == "USDT" => {
                Ok(Some(show::money(&owner, currency, &self.markets)))
            }
            ["asset", currency] if ["BTC", "ETH"].contains(currency) => Ok(Some(show::no_money(currency))),
            ["asset", _] => Err(Failed::new(4001, "Unsupported currency")),
            ["tiered_fee_rate", "v2"] => {
                let market =
                    &self.markets[self.symbol_index(&request.parameter("symbol").unwrap_or_default())?];
                // The website's rates, and the rates that orders over the API actually pay.
                let object = Object::new().text("symbol", &market.contract.symbol).put("level", 0);
                let object = object
                    .put("originalMakerFee", market.contract.maker_fee)
                    .put("originalTakerFee", market.contract.taker_fee);
                let object = object
                    .put("realMakerFee", self.settings.maker_fee)
                    .put("realTakerFee", self.settings.taker_fee);
                Ok(Some(object.put("makerFeeDiscount", 1).put("takerFeeDiscount", 1).end()))
            }
            ["transfer_record"] => {
                let (number, size) =
                    (request.number("page_num", 1)?.max(1), request.number("page_size", 20)?.clamp(1, 100));
                let rows = owner.transfers.iter().rev().map(|transfer| show::transfer(transfer, "USDT"));
                let total = i64::try_from(owner.transfers.len()).unwrap_or(i64::MAX);
                Ok(Some(paged(number, size, total, &list(page(request, rows)?))))
            }
            ["tiered_fee_rate"] | ["contract", "fee_rate"] => {
                let market =
                    &self.markets[self.symbol_index(&request.parameter("symbol").unwrap_or_default())?];
                // The website's rates: the API's rates appear in fills and in v2 only.
                let object =
                    Object::new().put("level", 0).put("dealAmount", 0).put("walletBalance", owner.balance);
                let object = object
                    .put("makerFee", market.contract.maker_fee)
                    .put("takerFee", market.contract.taker_fee);
                Ok(Some(object.put("makerFeeDiscount", 1).put("takerFeeDiscount", 1).end()))
            }
            ["risk_limit"] => {
                let wanted = request.parameter("symbol");
                let rows = self
                    .markets
                    .iter()
                    .filter(|market| wanted.as_ref().is_none_or(|name| *name == market.contract.symbol));
                let object = rows.fold(Object::new(), |object, market| {
                    let row = |hold: i64| {
                        let contract = &market.contract;
                        let object = Object::new()
                            .put("level", 1)
                            .put("maxVol", contract.max_quantity)
                            .put("maxLeverage", contract.max_leverage);
                        let object = object
                            .put("mmr", terms::maintenance(contract))
                            .put("imr", 1.0 / f64::from(contract.max_leverage.max(1)));
                        object.text("symbol", &contract.symbol).put("positionType", hold).end()
                    };
                    object.raw(&market.contract.symbol, &list([row(2), row(1)]))
                });
                Ok(Some(object.end()))
            }
            _ => Err(Failed::new(404, "Not Found")),
        }
    }

    /// The account, or an old copy while a fault makes reads stale.
    fn shown_account(&mut self, account: usize) -> TraderAccount {
        let now_ms = self.true_ms();
        let current = self.trading.accounts[account].clone();
        if self.faults.strikes(FaultKind::StaleBalance, None, now_ms).is_some() {
            return self.stale_accounts.get(account).cloned().unwrap_or(current);
        }
        current
    }

    fn position_call(&mut self, request: &Request, account: usize, parts: &[&str]) -> Answer {
        let wanted = request.parameter("symbol").filter(|symbol| !symbol.is_empty());
        let symbol = wanted.map(|symbol| self.symbol_index(&symbol)).transpose()?;
        let now_ms = self.true_ms();
        let is_hidden = parts == ["open_positions"]
            && self.faults.strikes(FaultKind::HidePositions, symbol, now_ms).is_some();
        let owner = &self.trading.accounts[account];
        match parts {
            ["open_positions"] if is_hidden => Ok(Some("[]".to_owned())),
            ["open_positions"] => {
                let held = owner
                    .positions
                    .values()
                    .filter(|position| symbol.is_none_or(|symbol| position.symbol == symbol));
                Ok(Some(list(
                    held.map(|position| {
                        show::position(&self.markets[position.symbol], owner, position, false)
                    }),
                )))
            }
            ["list", "history_positions"] => {
                let closed = owner
                    .closed
                    .iter()
                    .rev()
                    .filter(|position| symbol.is_none_or(|symbol| position.symbol == symbol));
                let rows = closed
                    .map(|position| show::position(&self.markets[position.symbol], owner, position, false));
                Ok(Some(list(page(request, rows)?)))
            }
            ["funding_records"] => {
                let rows = owner
                    .fundings
                    .iter()
                    .rev()
                    .filter(|paid| symbol.is_none_or(|symbol| paid.symbol == symbol));
                let rows: Vec<String> =
                    rows.map(|paid| show::funding(&self.markets[paid.symbol], paid)).collect();
                let (number, size) =
                    (request.number("page_num", 1)?.max(1), request.number("page_size", 20)?.clamp(1, 100));
                let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
                Ok(Some(paged(number, size, total, &list(page(request, rows.into_iter())?))))
            }
            ["leverage"] => {
                let symbol = symbol.ok_or_else(Failed::parameter)?;
                let contract = &self.markets[symbol].contract;
                let row = |hold: Hold| {
                    let (leverage, open_type) = owner.leverage_of(symbol, hold);
                    let object = Object::new()
                        .put("level", 1)
                        .put("maxVol", contract.max_quantity)
                        .put("mmr", terms::maintenance(contract));
                    let object = object
                        .put("imr", 1.0 / f64::from(contract.max_leverage.max(1)))
                        .put("positionType", hold.number());
                    let object =
                        object.put("openType", open_type).put("leverage", leverage).put("limitBySys", false);
                    object.put("currentMmr", terms::maintenance(contract)).end()
                };
                Ok(Some(list([row(Hold::Long), row(Hold::Short)])))
            }
            ["position_mode"] => Ok(Some(owner.mode.to_string())),
            _ => Err(Failed::new(404, "Not Found")),
        }
    }

    fn change_position(&mut self, request: &Request, account: usize, call: &str) -> Answer {
        let body: Value =
            serde_json::from_slice(&request.body).map_err(|_| Failed::new(601, "Data parsing failed"))?;
        let number = |key: &str| body.get(key).and_then(whole);
        let now_ms = self.now_ms();
        match call {
            "change_leverage" => self.change_leverage(account, &body),
            "change_margin" => {
                let add = match body.get("type").and_then(Value::as_str) {
                    Some("ADD") => 1,
                    Some("SUB") => -1,
                    _ => return Err(Failed::parameter()),
                };
                let amount = body
                    .get("amount")
                    .and_then(Value::as_f64)
                    .filter(|amount| *amount > 0.0)
                    .ok_or_else(Failed::parameter)?;
                let change = Money(Money::from_f64(amount).0 * add);
                let owner = &mut self.trading.accounts[account];
                let available = owner.available();
                let position = owner
                    .positions
                    .values_mut()
                    .find(|position| number("positionId") == i64::try_from(position.id).ok());
                let position = position.ok_or_else(|| Failed::new(2009, "Position does not exist"))?;
                if change > available || position.margin + change < Money::ZERO {
                    return Err(Failed::new(2005, "Balance insufficient"));
                }
                position.margin += change;
                position.version += 1;
                Ok(None)
            }
            "change_auto_add_im" => Ok(None),
            "change_position_mode" => {
                let owner = &mut self.trading.accounts[account];
                let mode = number("positionMode")
                    .filter(|mode| [1, 2].contains(mode))
                    .ok_or_else(Failed::parameter)?;
                if !owner.open.is_empty() || !owner.positions.is_empty() {
                    return Err(Failed::new(2019, "There are active orders or positions"));
                }
                owner.mode = mode;
                Ok(None)
            }
            "close_all" => {
                let held: Vec<(usize, Hold)> =
                    self.trading.accounts[account].positions.keys().copied().collect();
                for (symbol, hold) in held {
                    self.trading.close_by_force(
                        account,
                        (symbol, hold),
                        &self.markets[symbol],
                        category::NORMAL,
                        None,
                        now_ms,
                    );
                }
                Ok(None)
            }
            _ => Err(Failed::new(404, "Not Found")),
        }
    }

    fn change_leverage(&mut self, account: usize, body: &Value) -> Answer {
        let number = |key: &str| body.get(key).and_then(whole);
        let leverage = number("leverage").ok_or_else(Failed::parameter)?;
        let owner = &self.trading.accounts[account];
        let held =
            owner.positions.values().find(|position| number("positionId") == i64::try_from(position.id).ok());
        let (symbol, holds, open_type) = match held {
            Some(position) => (position.symbol, vec![position.hold], position.open_type),
            None => {
                let symbol =
                    self.symbol_index(body.get("symbol").and_then(Value::as_str).unwrap_or_default())?;
                let hold = number("positionType").and_then(Hold::of).ok_or_else(Failed::parameter)?;
                (symbol, vec![hold], number("openType").ok_or_else(|| Failed::new(2002, "Open type error"))?)
            }
        };
        if !(1..=i64::from(self.markets[symbol].contract.max_leverage)).contains(&leverage) {
            return Err(Failed::new(2006, "Leverage ratio error"));
        }
        let owner = &mut self.trading.accounts[account];
        for hold in holds {
            owner.leverage.insert((symbol, hold), (leverage, open_type));
            if let Some(position) = owner.positions.get_mut(&(symbol, hold)) {
                position.leverage = leverage;
                position.margin = Money(position.entry_value.0 / i128::from(leverage));
                position.version += 1;
            }
        }
        Ok(None)
    }

    fn count_orders(&self, account: usize) -> String {
        let owner = &self.trading.accounts[account];
        let (open, stops, plans) = (owner.open.len(), owner.stops.len(), owner.plans.len());
        let object = Object::new().put("sumCount", open + stops + plans).put("limitOrderCount", open);
        object.put("stopOrderCount", stops).put("planOrderCount", plans).put("trackOrderCount", 0).end()
    }

    fn order_query(&mut self, request: &Request, account: usize, parts: &[&str]) -> Answer {
        let (now_ms, clock_ms) = (self.true_ms(), self.now_ms());
        let path = request.path.as_str();
        if matches!(parts[0], "get" | "external")
            && self.faults.strikes_path(FaultKind::UnknownOrder, None, path, now_ms).is_some()
        {
            // For an unknown `externalOid` the exchange answers success without data.
            return if parts[0] == "external" { Ok(None) } else { Err(no_order()) };
        }
        let are_hidden = parts.contains(&"open_orders")
            && self.faults.strikes_path(FaultKind::HideOrders, None, path, now_ms).is_some();
        if are_hidden {
            return Ok(Some("[]".to_owned()));
        }
        let owner = &self.trading.accounts[account];
        let shown = |order: &Order| show::order(&self.markets[order.new.symbol], order, owner.mode);
        let wanted = request.parameter("symbol").filter(|symbol| !symbol.is_empty());
        let symbol = wanted.map(|symbol| self.symbol_index(&symbol)).transpose()?;
        let fits = |index: usize| symbol.is_none_or(|symbol| symbol == index);
        match parts {
            ["get", id] => {
                Ok(Some(shown(id.parse().ok().and_then(|id| owner.order(id)).ok_or_else(no_order)?)))
            }
            ["external", symbol, external] => {
                let index = self.symbol_index(symbol)?;
                Ok(owner.external(index, &super::decoded(external)).map(shown))
            }
            ["batch_query"] => {
                let ids = request.parameter("order_ids").unwrap_or_default();
                let ids: Vec<&str> = ids.split(',').collect();
                if ids.len() > 50 {
                    return Err(Failed::new(2034, "Too many orders in one query"));
                }
                Ok(Some(list(ids.into_iter().filter_map(|id| owner.order(id.parse().ok()?)).map(shown))))
            }
            ["list", "open_orders"] | ["open_orders"] => Ok(Some(list(page(
                request,
                owner.open.values().rev().filter(|order| fits(order.new.symbol)).map(shown),
            )?))),
            ["list", "open_orders", symbol] | ["open_orders", symbol] => {
                let index = self.symbol_index(symbol)?;
                Ok(Some(list(page(
                    request,
                    owner.open.values().rev().filter(|order| order.new.symbol == index).map(shown),
                )?)))
            }
            ["list", "history_orders"] => {
                let states = request.parameter("states").unwrap_or_default();
                let has_state = |order: &Order| {
                    states.is_empty() || states.split(',').any(|state| state == order.state.to_string())
                };
                let (from, to) = span(request)?;
                let rows =
                    owner.ended.iter().rev().filter(|order| fits(order.new.symbol) && has_state(order));
                Ok(Some(list(page(
                    request,
                    rows.filter(|order| (from..=to).contains(&order.created_ms)).map(shown),
                )?)))
            }
            ["list", "order_deals"] | ["list", "order_deals", "v3"] | ["fee_details"] => {
                let (from, to) = span(request)?;
                let rows = owner
                    .fills
                    .iter()
                    .rev()
                    .filter(|fill| fits(fill.symbol) && (from..=to).contains(&fill.at_ms))
                    .filter(|fill| fill.shown_ms <= clock_ms);
                Ok(Some(list(page(
                    request,
                    rows.map(|fill| show::fill(&self.markets[fill.symbol], fill, owner.mode)),
                )?)))
            }
            ["deal_details", id] => {
                let id: u64 = id.parse().map_err(|_| Failed::parameter())?;
                let rows = owner.fills.iter().filter(|fill| fill.order == id && fill.shown_ms <= clock_ms);
                Ok(Some(list(rows.map(|fill| show::fill(&self.markets[fill.symbol], fill, owner.mode)))))
            }
            _ => Err(Failed::new(404, "Not Found")),
        }
    }
}

/// Unknown order.
pub(super) fn no_order() -> Failed {
    Failed::new(2040, "order not exist")
}

/// An integer, possibly quoted.
pub(super) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// `start_time` and `end_time` in milliseconds; a span longer than 90 days is refused.
pub(super) fn span(request: &Request) -> Result<(i64, i64), Failed> {
    let (from, to) = (request.number("start_time", 0)?, request.number("end_time", i64::MAX)?);
    if from > 0 && to < i64::MAX && to.saturating_sub(from) > 90 * 86_400_000 {
        return Err(Failed::new(400, "The time span is longer than 90 days"));
    }
    Ok((from, to))
}

/// The requested page of a list.
pub(super) fn page(request: &Request, rows: impl Iterator<Item = String>) -> Result<Vec<String>, Failed> {
    let (number, size) =
        (request.number("page_num", 1)?.max(1), request.number("page_size", 20)?.clamp(1, 100));
    let skip = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    Ok(rows.skip(skip).take(usize::try_from(size).unwrap_or(0)).collect())
}
