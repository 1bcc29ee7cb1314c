//! What an order, and a trigger that makes one, must fulfil, with the codes of refusals.

use super::Failed;
use super::private::whole;
use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Price, Qty};
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::market::Market;
use crate::rehearsal::market::show::BAND_PERCENT;
use crate::rehearsal::terms;
use crate::rehearsal::trading::account::{OPEN_ORDERS, TraderAccount};
use crate::rehearsal::trading::order::{Attached, Hold, NewOrder, kind};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Maximum characters of an `externalOid`.
const EXTERNAL_CHARS: usize = 32;

/// An order or a trigger order as sent; numbers keep their text. Unknown keys are ignored, as the exchange
/// does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    pub symbol: String,
    side: Value,
    #[serde(rename = "type")]
    kind: Option<Value>,
    order_type: Option<Value>,
    open_type: Option<Value>,
    vol: Box<RawValue>,
    price: Option<Box<RawValue>>,
    leverage: Option<Value>,
    pub external_oid: Option<String>,
    pub reduce_only: Option<bool>,
    position_id: Option<Value>,
    position_mode: Option<Value>,
    stp_mode: Option<Value>,
    stop_loss_price: Option<Box<RawValue>>,
    take_profit_price: Option<Box<RawValue>>,
    loss_trend: Option<Value>,
    profit_trend: Option<Value>,
    pub trigger_price: Option<Box<RawValue>>,
    pub trigger_type: Option<Value>,
    pub execute_cycle: Option<Value>,
    pub trend: Option<Value>,
}

impl Wanted {
    fn side(&self, owner: &TraderAccount) -> Result<i64, Failed> {
        let side = whole(&self.side).filter(|side| (1..=4).contains(side));
        let side = side.ok_or_else(|| Failed::new(2001, "Order side error"))?;
        match (self.reduce_only, owner.mode) {
            (Some(true), 1) => Err(Failed::new(600, "reduceOnly is not accepted in hedge mode")),
            // A buy that only reduces closes the short, a sale the long.
            (Some(true), _) => Ok(if matches!(side, 1 | 2) { 2 } else { 4 }),
            _ => Ok(side),
        }
    }

    fn kind(&self) -> Result<i64, Failed> {
        let sent = self.order_type.as_ref().or(self.kind.as_ref()).and_then(whole);
        sent.filter(|kind| (1..=6).contains(kind)).ok_or_else(|| Failed::new(2029, "Order type error"))
    }

    /// Stop prices of an order that opens; those of one that closes mean nothing.
    fn attached(&self, market: &Market, hold: Hold, at: Option<Price>) -> Result<Attached, Failed> {
        let attached = Attached {
            loss: optional_price(market, self.stop_loss_price.as_deref())?,
            profit: optional_price(market, self.take_profit_price.as_deref())?,
            loss_trend: trend(self.loss_trend.as_ref())?,
            profit_trend: trend(self.profit_trend.as_ref())?,
        };
        let at = at.or(market.last).or(market.fair());
        let is_sound = fits(hold, at, attached.loss, attached.profit);
        if is_sound { Ok(attached) } else { Err(wrong_stop()) }
    }
}

/// Whether the loss is on the losing side of a price and the profit on the other.
pub(super) fn fits(hold: Hold, at: Option<Price>, loss: Option<Price>, profit: Option<Price>) -> bool {
    let Some(at) = at else { return true };
    let (loss_fits, profit_fits) = if hold == Hold::Long {
        (loss.is_none_or(|price| price < at), profit.is_none_or(|price| price > at))
    } else {
        (loss.is_none_or(|price| price > at), profit.is_none_or(|price| price < at))
    };
    loss_fits && profit_fits
}

pub(super) fn wrong_stop() -> Failed {
    Failed::new(5003, "The take-profit or stop-loss price is wrong")
}

/// `trend`: 1 last (also when left out), 2 fair, 3 index.
pub(super) fn trend(value: Option<&Value>) -> Result<i64, Failed> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(1) };
    let known = whole(value).filter(|trend| (1..=3).contains(trend));
    known.ok_or_else(|| Failed::new(3001, "Trigger price type error"))
}

impl Exchange {
    /// The order that was sent: every field checked by itself.
    pub(super) fn order_of(
        &self,
        account: usize,
        symbol: usize,
        wanted: &Wanted,
    ) -> Result<NewOrder, Failed> {
        let market = &self.markets[symbol];
        let terms = &market.contract;
        if terms.state != 0 || !terms.is_api_allowed {
            return Err(Failed::new(1002, "Contract not allow place order!"));
        }
        let owner = &self.trading.accounts[account];
        if owner.open.len() >= OPEN_ORDERS {
            return Err(Failed::new(2036, "Too many open orders"));
        }
        let side = wanted.side(owner)?;
        let kind = wanted.kind()?;
        let external = wanted.external_oid.clone().unwrap_or_default();
        if external.chars().count() > EXTERNAL_CHARS {
            return Err(Failed::new(2030, "External order id is too long"));
        }
        let is_trigger = wanted.trigger_price.is_some();
        let qty = quantity(market, &wanted.vol)?;
        let price = limit(market, kind, side, wanted.price.as_deref(), is_trigger)?;
        let mut new = NewOrder { symbol, side, kind, qty, price, external, ..NewOrder::default() };
        let hold = new.hold();
        let (known_leverage, known_type) = owner.leverage_of(symbol, hold);
        let open_type =
            wanted.open_type.as_ref().map_or(Some(known_type), whole).filter(|kind| [1, 2].contains(kind));
        new.open_type = open_type.ok_or_else(|| Failed::new(2002, "Open type error"))?;
        let sent = wanted.leverage.as_ref().filter(|value| !value.is_null()).and_then(whole);
        new.leverage = sent.unwrap_or(known_leverage);
        if !(1..=i64::from(terms.max_leverage)).contains(&new.leverage) {
            return Err(Failed::new(2006, "Leverage ratio error"));
        }
        new.stp = wanted.stp_mode.as_ref().and_then(whole).unwrap_or(0);
        if !(0..=3).contains(&new.stp) {
            return Err(Failed::parameter());
        }
        if new.is_opening() {
            let at = if is_trigger { self.trigger_price(symbol, wanted)? } else { None };
            new.attached = wanted.attached(market, hold, at.or(price))?;
        }
        let has_mode = |sent: &Value| whole(sent).is_none_or(|mode| mode == owner.mode || mode == 0);
        let held = owner.positions.get(&(symbol, hold)).and_then(|held| i64::try_from(held.id).ok());
        let has_position = |sent: &Value| whole(sent).is_none_or(|id| id == 0 || Some(id) == held);
        if !wanted.position_mode.as_ref().is_none_or(has_mode)
            || !(new.is_opening() || held.is_none() || wanted.position_id.as_ref().is_none_or(has_position))
        {
            return Err(Failed::new(2043, "The order does not fit the position"));
        }
        Ok(new)
    }

    /// The `triggerPrice` of a trigger order.
    pub(super) fn trigger_price(&self, symbol: usize, wanted: &Wanted) -> Result<Option<Price>, Failed> {
        optional_price(&self.markets[symbol], wanted.trigger_price.as_deref())
    }

    /// Checks an order against position, risk limit and balance; returns the money to reserve.
    pub(super) fn afford(&self, account: usize, new: &NewOrder) -> Result<Money, Failed> {
        let market = &self.markets[new.symbol];
        let owner = &self.trading.accounts[account];
        let held = owner.positions.get(&(new.symbol, new.hold()));
        if !new.is_opening() {
            if held.is_none() {
                return Err(Failed::new(2009, "Position is nonexistent or closed"));
            }
            if new.qty > owner.closable(new.symbol, new.hold()) {
                return Err(Failed::new(2008, "The quantity is insufficient"));
            }
            return Ok(Money::ZERO);
        }
        if held.is_some_and(|position| position.leverage != new.leverage) {
            return Err(Failed::new(2021, "Leverage differs from the position's"));
        }
        let whole = held.map_or(Qty::ZERO, |position| position.qty) + new.qty;
        let tier = terms::tier(&market.contract, market.contracts(whole));
        let reserved = self.trading.needed(account, market, new);
        if reserved > owner.available() {
            return Err(Failed::new(2005, "Balance insufficient"));
        }
        if new.leverage > i64::from(tier.leverage) {
            return Err(Failed::new(2031, "The position would exceed the risk limit of this leverage"));
        }
        Ok(reserved)
    }
}

/// A `vol` in lots.
pub(super) fn quantity(market: &Market, text: &RawValue) -> Result<Qty, Failed> {
    let terms = &market.contract;
    let value = decimal(text)?;
    // Clients also send 0 to find out whether orders are allowed, without placing one.
    if value.mantissa() == 0 {
        return Err(Failed::new(2011, "Order quantity error"));
    }
    // The terms may have become coarser than the recording's steps.
    let is_multiple = value.in_steps_of(terms.quantity_step).is_some();
    let lots = value.in_steps_of(market.spec.quantity_step).filter(|lots| *lots > 0 && is_multiple);
    let lots = lots.ok_or_else(|| Failed::new(2015, "The quantity is not a multiple of the volume unit"))?;
    if value.cmp_value(terms.min_quantity).is_lt() {
        return Err(Failed::new(2011, "Order quantity error"));
    }
    if value.cmp_value(terms.max_quantity).is_gt() {
        return Err(Failed::new(2028, "The order volume exceeds the maximum"));
    }
    Ok(Qty(lots))
}

/// The limit price, which must be within the band around the fair price unless a trigger makes the order;
/// `None` for a market order.
fn limit(
    market: &Market,
    order_kind: i64,
    side: i64,
    text: Option<&RawValue>,
    is_trigger: bool,
) -> Result<Option<Price>, Failed> {
    if matches!(order_kind, kind::MARKET | kind::MARKET_TO_LIMIT) {
        return Ok(None);
    }
    let text =
        text.filter(|text| text.get() != "null").ok_or_else(|| Failed::new(2007, "Order price error"))?;
    let price = price_of(market, text)?;
    if let Some(fair) = market.fair().filter(|_| !is_trigger) {
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

/// A positive price in ticks; a multiple of the price step of the terms too.
fn price_of(market: &Market, text: &RawValue) -> Result<Price, Failed> {
    let value = decimal(text)?;
    let is_multiple = value.in_steps_of(market.contract.price_step).is_some();
    let ticks = value.in_steps_of(market.spec.price_step).filter(|ticks| *ticks > 0 && is_multiple);
    ticks.map(Price).ok_or_else(|| Failed::new(2015, "The price is not a multiple of the price unit"))
}

/// As [`price_of`]; nothing, `null`, an empty text and 0 are none.
pub(super) fn optional_price(market: &Market, text: Option<&RawValue>) -> Result<Option<Price>, Failed> {
    let Some(text) = text.filter(|text| !matches!(text.get(), "null" | "\"\"")) else { return Ok(None) };
    if decimal(text)?.mantissa() == 0 {
        return Ok(None);
    }
    price_of(market, text).map(Some)
}

/// A number, possibly quoted.
fn decimal(text: &RawValue) -> Result<Decimal, Failed> {
    Decimal::parse(text.get().trim_matches('"').as_bytes()).map_err(|_| Failed::parameter())
}
