//! Stop orders: `stoporder/…`, on positions and brought by orders.

use super::checks::{self, fits, wrong_stop};
use super::plans::id_of;
use super::private::{no_order, page, span, whole};
use super::{Answer, Failed, Request};
use crate::domain::num::{Price, Qty};
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::faults::FaultKind;
use crate::rehearsal::market::Market;
use crate::rehearsal::scenario::StopReply;
use crate::rehearsal::trading::account::TRIGGERS;
use crate::rehearsal::trading::trigger::{Leg, Stop, state};
use crate::rehearsal::trading::triggers;
use crate::rehearsal::wire::list;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// `takeProfitReverse`, `stopLossReverse`: the position is reversed.
const REVERSE: i64 = 1;

/// A stop order, or a change of one, as sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    position_id: Option<Value>,
    order_id: Option<Value>,
    stop_plan_order_id: Option<Value>,
    vol: Option<Box<RawValue>>,
    stop_loss_price: Option<Box<RawValue>>,
    take_profit_price: Option<Box<RawValue>>,
    loss_trend: Option<Value>,
    profit_trend: Option<Value>,
    vol_type: Option<Value>,
    stop_loss_vol: Option<Box<RawValue>>,
    take_profit_vol: Option<Box<RawValue>>,
    stop_loss_reverse: Option<Value>,
    take_profit_reverse: Option<Value>,
    stop_loss_type: Option<Value>,
    take_profit_type: Option<Value>,
    stop_loss_order_price: Option<Box<RawValue>>,
    take_profit_order_price: Option<Box<RawValue>>,
}

impl Wanted {
    /// Its prices: loss and profit. Neither is 5001.
    fn legs(&self, market: &Market) -> Result<(Option<Leg>, Option<Leg>), Failed> {
        let number = |value: &Option<Value>| value.as_ref().and_then(whole);
        if [&self.stop_loss_reverse, &self.take_profit_reverse]
            .into_iter()
            .any(|value| number(value) == Some(REVERSE))
        {
            return Err(Failed::new(801, "reversing a position is not part of the rehearsal"));
        }
        let leg = |price: &Option<Box<RawValue>>,
                   trend: &Option<Value>,
                   vol: &Option<Box<RawValue>>,
                   kind: &Option<Value>,
                   limit: &Option<Box<RawValue>>| {
            let Some(price) = checks::optional_price(market, price.as_deref())? else { return Ok(None) };
            let limit = if number(kind) == Some(1) {
                let limit = checks::optional_price(market, limit.as_deref())?;
                Some(limit.ok_or_else(|| Failed::new(2007, "Order price error"))?)
            } else {
                None
            };
            let qty = vol.as_deref().map(|vol| checks::quantity(market, vol)).transpose()?;
            Ok(Some(Leg { price, trend: checks::trend(trend.as_ref())?, qty, limit }))
        };
        let loss = leg(
            &self.stop_loss_price,
            &self.loss_trend,
            &self.stop_loss_vol,
            &self.stop_loss_type,
            &self.stop_loss_order_price,
        )?;
        let profit = leg(
            &self.take_profit_price,
            &self.profit_trend,
            &self.take_profit_vol,
            &self.take_profit_type,
            &self.take_profit_order_price,
        )?;
        if loss.is_none() && profit.is_none() {
            return Err(Failed::new(5001, "Stop-loss and take-profit prices are both empty"));
        }
        Ok((loss, profit))
    }
}

/// The price that a leg is compared with.
fn watched(market: &Market, trend: i64) -> Option<Price> {
    match trend {
        2 => market.fair(),
        3 => market.index_price(),
        _ => market.last.or(market.fair()),
    }
}

impl Exchange {
    /// A call below `stoporder/`.
    pub(super) fn stop_call(
        &mut self,
        method: &str,
        request: &Request,
        account: usize,
        parts: &[&str],
    ) -> Answer {
        let wanted = || serde_json::from_slice::<Wanted>(&request.body).map_err(|_| Failed::parameter());
        match (method, parts) {
            ("POST", ["place"]) => self.place_stop(account, &wanted()?),
            ("POST", ["cancel"]) => self.cancel_stops(request, account),
            ("POST", ["cancel_all"]) => self.cancel_all_stops(request, account),
            ("POST", ["change_price"]) => self.change_attached(account, &wanted()?),
            ("POST", ["change_plan_price"]) => self.change_stop(account, &wanted()?),
            ("GET", ["order_details", id]) => self.one_stop(account, id),
            ("GET", ["open_orders"]) => self.list_stops(request, account, Some(false)),
            ("GET", ["list", "orders"]) => {
                let finished = request.parameter("is_finished").map(|text| text == "1");
                self.list_stops(request, account, finished)
            }
            _ => Err(Failed::new(404, "Not Found")),
        }
    }

    fn place_stop(&mut self, account: usize, wanted: &Wanted) -> Answer {
        let owner = &self.trading.accounts[account];
        let id = wanted.position_id.as_ref().and_then(id_of).ok_or_else(Failed::parameter)?;
        let position = owner.positions.values().find(|position| position.id == id).cloned();
        let position = position.ok_or_else(|| Failed::new(2009, "Position is nonexistent or closed"))?;
        if owner.stops.len() >= TRIGGERS {
            return Err(Failed::new(2036, "Too many stop orders"));
        }
        let market = &self.markets[position.symbol];
        let (loss, profit) = wanted.legs(market)?;
        self.check_legs(position.symbol, position.hold, loss, profit)?;
        let is_whole = wanted.vol_type.as_ref().and_then(whole) == Some(2);
        let qty = match &wanted.vol {
            Some(vol) => checks::quantity(market, vol)?,
            None if is_whole => position.qty,
            None => return Err(Failed::parameter()),
        };
        let most = [loss, profit].into_iter().flatten().filter_map(|leg| leg.qty).fold(qty, Qty::max);
        if most > position.qty && !is_whole {
            return Err(Failed::new(5004, "The volume exceeds the position"));
        }
        let now_ms = self.now_ms();
        let key = (position.symbol, position.hold, id);
        let stop = Stop::new((self.trading.next_stop(), 0), key, (qty, is_whole), [loss, profit], now_ms);
        self.trading.push_stop(account, &stop, market, now_ms);
        let id = stop.id;
        self.trading.accounts[account].stops.insert(id, stop);
        Ok((self.settings.stop_reply == StopReply::Id).then(|| id.to_string()))
    }

    /// A price that is reached already is refused.
    fn check_legs(
        &self,
        symbol: usize,
        hold: crate::rehearsal::trading::order::Hold,
        loss: Option<Leg>,
        profit: Option<Leg>,
    ) -> Result<(), Failed> {
        let market = &self.markets[symbol];
        let loss_fits = loss.is_none_or(|leg| fits(hold, watched(market, leg.trend), Some(leg.price), None));
        let profit_fits =
            profit.is_none_or(|leg| fits(hold, watched(market, leg.trend), None, Some(leg.price)));
        if loss_fits && profit_fits { Ok(()) } else { Err(wrong_stop()) }
    }

    fn cancel_stops(&mut self, request: &Request, account: usize) -> Answer {
        let rows: Vec<Value> = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        let true_ms = self.true_ms();
        if self.faults.strikes_path(FaultKind::UnknownOrder, None, "/stoporder/cancel", true_ms).is_some() {
            return Err(no_order());
        }
        let mut ids = Vec::new();
        for row in &rows {
            let id = row.get("stopPlanOrderId").and_then(id_of).ok_or_else(Failed::parameter)?;
            if !self.trading.accounts[account].stops.contains_key(&id) {
                return Err(gone());
            }
            ids.push(id);
        }
        self.end_stops(account, &ids);
        Ok(None)
    }

    fn cancel_all_stops(&mut self, request: &Request, account: usize) -> Answer {
        let symbol = self.symbol_in(request)?;
        let body: Value = serde_json::from_slice(&request.body).map_err(|_| Failed::parameter())?;
        let position = body.get("positionId").and_then(id_of);
        let stops = self.trading.accounts[account].stops.values();
        let ids: Vec<u64> = stops
            .filter(|stop| {
                symbol.is_none_or(|symbol| stop.symbol == symbol)
                    && position.is_none_or(|position| stop.position == position)
            })
            .map(|stop| stop.id)
            .collect();
        self.end_stops(account, &ids);
        Ok(None)
    }

    fn end_stops(&mut self, account: usize, ids: &[u64]) {
        let now_ms = self.now_ms();
        for id in ids {
            if let Some(mut stop) = self.trading.accounts[account].stops.remove(id) {
                stop.end(state::CANCELLED, 0, now_ms);
                let market = &self.markets[stop.symbol];
                self.trading.retire_stop(account, stop, market, now_ms);
            }
        }
    }

    /// Changes both prices; one that is left out is removed.
    fn change_stop(&mut self, account: usize, wanted: &Wanted) -> Answer {
        let id = wanted.stop_plan_order_id.as_ref().and_then(id_of).ok_or_else(Failed::parameter)?;
        let stop = self.trading.accounts[account].stops.get(&id).cloned().ok_or_else(gone)?;
        let (loss, profit) = wanted.legs(&self.markets[stop.symbol])?;
        self.check_legs(stop.symbol, stop.hold, loss, profit)?;
        self.replace_stop(account, Stop { loss, profit, ..stop });
        Ok(None)
    }

    fn replace_stop(&mut self, account: usize, mut stop: Stop) {
        let now_ms = self.now_ms();
        (stop.version, stop.updated_ms) = (stop.version + 1, now_ms);
        self.trading.push_stop(account, &stop, &self.markets[stop.symbol], now_ms);
        self.trading.accounts[account].stops.insert(stop.id, stop);
    }

    /// Changes the stop prices that an order carries, or has brought; without prices they are removed.
    fn change_attached(&mut self, account: usize, wanted: &Wanted) -> Answer {
        let id = wanted.order_id.as_ref().and_then(id_of).ok_or_else(Failed::parameter)?;
        let owner = &self.trading.accounts[account];
        let symbol = owner.order(id).map(|order| order.new.symbol).ok_or_else(no_order)?;
        let stop = owner.stops.values().find(|stop| stop.order == id).cloned();
        let is_open = owner.open.contains_key(&id);
        let market = &self.markets[symbol];
        let loss = checks::optional_price(market, wanted.stop_loss_price.as_deref())?;
        let profit = checks::optional_price(market, wanted.take_profit_price.as_deref())?;
        let (loss_trend, profit_trend) =
            (checks::trend(wanted.loss_trend.as_ref())?, checks::trend(wanted.profit_trend.as_ref())?);
        if !is_open && stop.is_none() {
            return Err(gone());
        }
        let now_ms = self.now_ms();
        if let Some(order) = self.trading.accounts[account].open.get_mut(&id) {
            let attached = &mut order.new.attached;
            (attached.loss, attached.profit) = (loss, profit);
            (attached.loss_trend, attached.profit_trend) = (loss_trend, profit_trend);
            self.trading.push_attached(account, id, &self.markets[symbol], now_ms);
        }
        if let Some(stop) = stop {
            if loss.is_none() && profit.is_none() {
                self.end_stops(account, &[stop.id]);
                return Ok(None);
            }
            let leg = |price: Option<Price>, trend: i64| {
                price.map(|price| Leg { price, trend, qty: None, limit: None })
            };
            let (loss, profit) = (leg(loss, loss_trend), leg(profit, profit_trend));
            self.check_legs(symbol, stop.hold, loss, profit)?;
            self.replace_stop(account, Stop { loss, profit, ..stop });
        }
        Ok(None)
    }

    fn one_stop(&self, account: usize, id: &str) -> Answer {
        let owner = &self.trading.accounts[account];
        let id: u64 = id.parse().map_err(|_| Failed::parameter())?;
        let ended = || owner.stops_ended.iter().find(|stop| stop.id == id);
        let stop = owner.stops.get(&id).or_else(ended).ok_or_else(gone)?;
        let held = owner.held(stop.symbol, stop.hold);
        Ok(Some(triggers::stop(&self.markets[stop.symbol], stop, held)))
    }

    fn list_stops(&self, request: &Request, account: usize, finished: Option<bool>) -> Answer {
        let wanted = request.parameter("symbol").filter(|symbol| !symbol.is_empty());
        let symbol = wanted.map(|symbol| self.symbol_index(&symbol)).transpose()?;
        let (from, to) = span(request)?;
        let owner = &self.trading.accounts[account];
        let fits = |stop: &&Stop| {
            symbol.is_none_or(|symbol| stop.symbol == symbol)
                && finished.is_none_or(|finished| finished == (stop.state != state::WAITING))
                && (from..=to).contains(&stop.created_ms)
        };
        let rows = owner.stops.values().rev().chain(owner.stops_ended.iter().rev()).filter(fits);
        let shown = rows
            .map(|stop| triggers::stop(&self.markets[stop.symbol], stop, owner.held(stop.symbol, stop.hold)));
        Ok(Some(list(page(request, shown)?)))
    }
}

/// A stop order that does not exist, or no longer.
fn gone() -> Failed {
    Failed::new(5002, "The take-profit or stop-loss order does not exist")
}
