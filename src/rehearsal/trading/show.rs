//! JSON of orders, fills, positions and balances.

use super::account::{Fill, FundingPaid, Position, TraderAccount, Transfer};
use super::order::{Hold, Order, kind};
use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Qty, Rate};
use crate::rehearsal::market::Market;
use crate::rehearsal::wire::Object;

/// Digits of an average price beyond those of the price step.
const AVERAGE_DIGITS: u8 = 4;

/// Average price: value per lot, rounded down, a little finer than the price step.
fn average(market: &Market, value: Money, qty: Qty) -> Decimal {
    let tick = market.spec.money(1).0;
    let fine = 10_i128.pow(u32::from(AVERAGE_DIGITS));
    if qty.is_zero() || tick == 0 {
        return Decimal::ZERO;
    }
    let ticks = value.0 * fine / (tick * i128::from(qty.0));
    let step = market.spec.price_step;
    let mantissa = i64::try_from(ticks).ok().and_then(|ticks| ticks.checked_mul(step.mantissa()));
    mantissa
        .and_then(|mantissa| Decimal::new(mantissa, step.scale() + AVERAGE_DIGITS))
        .unwrap_or(Decimal::ZERO)
}

fn order_object(market: &Market, order: &Order, mode: i64) -> Object {
    let new = &order.new;
    // For a market order this is a price bound, not the fill price.
    let bound = |percent: i64| {
        market.last.map(|price| market.price_decimal(crate::domain::num::Price(price.0 * percent / 100)))
    };
    let price = match new.price {
        Some(price) if new.kind != kind::MARKET => Some(market.price_decimal(price)),
        _ => bound(if matches!(new.side, 1 | 2) { 102 } else { 98 }),
    };
    let initial =
        if order.is_opening() { Money(order.value.0 / i128::from(new.leverage.max(1))) } else { Money::ZERO };
    Object::new()
        .text("orderId", &order.id.to_string())
        .text("symbol", &market.contract.symbol)
        .put("positionId", order.position)
        .put("price", price.unwrap_or(Decimal::ZERO))
        .put("vol", market.contracts(new.qty))
        .put("leverage", new.leverage)
        .put("side", new.side)
        .put("category", order.category)
        .put("orderType", new.kind)
        .put("dealAvgPrice", average(market, order.value, order.filled))
        .put("dealVol", market.contracts(order.filled))
        .put("orderMargin", order.reserved)
        .put("usedMargin", initial)
        .put("takerFee", order.taker_fee)
        .put("makerFee", order.maker_fee)
        .put("profit", order.profit)
        .text("feeCurrency", &market.contract.settle)
        .put("openType", new.open_type)
        .put("state", order.state)
        .text("externalOid", &new.external)
        .put("errorCode", order.error_code)
        .put("createTime", order.created_ms)
        .put("updateTime", order.updated_ms)
        .put("positionMode", mode)
        .maybe("stopLossPrice", new.attached.loss.map(|price| market.price_decimal(price)))
        .maybe("takeProfitPrice", new.attached.profit.map(|price| market.price_decimal(price)))
}

/// The stop prices that an order carries, as pushed.
pub fn attached(market: &Market, order: &Order) -> String {
    let attached = order.new.attached;
    Object::new()
        .text("symbol", &market.contract.symbol)
        .put("orderId", order.id)
        .put("lossTrend", attached.loss_trend.max(1))
        .put("profitTrend", attached.profit_trend.max(1))
        .put("stopLossPrice", attached.loss.map_or(Decimal::ZERO, |price| market.price_decimal(price)))
        .put("takeProfitPrice", attached.profit.map_or(Decimal::ZERO, |price| market.price_decimal(price)))
        .end()
}

/// An order as returned by REST.
pub fn order(market: &Market, order: &Order, mode: i64) -> String {
    order_object(market, order, mode).put("version", order.version).end()
}

/// An order as pushed.
pub fn order_push(market: &Market, order: &Order, mode: i64, (maker, taker): (Rate, Rate)) -> String {
    let hold = if order.hold() == Hold::Long { "long" } else { "short" };
    let side = if matches!(order.new.side, 1 | 2) { "buy" } else { "sell" };
    order_object(market, order, mode)
        .put("remainVol", market.contracts(order.rest()))
        .put("version", order.version)
        .text("positionType", hold)
        .text("sideType", side)
        .put("bboTypeNum", 0)
        .put("bizSource", 1)
        .put("makerFeeRate", fraction(maker))
        .put("takerFeeRate", fraction(taker))
        .end()
}

/// A rate as a fraction.
pub fn fraction(rate: Rate) -> Decimal {
    Decimal::new(rate.0, 9).unwrap_or(Decimal::ZERO)
}

/// A fill, for REST and pushes.
pub fn fill(market: &Market, fill: &Fill, mode: i64) -> String {
    let settle = (market.contract.settle.as_str(), fill.fee);
    let (coin, fee) = fill.fee_in.as_ref().map_or(settle, |(coin, fee)| (coin.as_str(), *fee));
    Object::new()
        .text("id", &fill.id.to_string())
        .text("orderId", &fill.order.to_string())
        .text("externalOid", &fill.external)
        .text("symbol", &market.contract.symbol)
        .put("side", fill.side)
        .put("vol", market.contracts(fill.qty))
        .put("price", market.price_decimal(fill.price))
        .put("fee", fee)
        .text("feeCurrency", coin)
        .put("profit", fill.profit)
        .put("taker", fill.is_taker)
        .put("category", fill.category)
        .put("isSelf", fill.is_self)
        .put("positionMode", mode)
        .put("timestamp", fill.at_ms)
        .end()
}

/// A position; a paid fee is negative in pushes, positive in REST.
pub fn position(market: &Market, account: &TraderAccount, position: &Position, is_push: bool) -> String {
    let entry = average(market, position.entry_value, position.qty);
    let realised = position.profit + position.funding - position.fee;
    let is_held = !position.qty.is_zero();
    let frozen = if is_held { account.frozen(position.symbol, position.hold) } else { Qty::ZERO };
    let value = market.fair().map_or(position.entry_value, |fair| market.notional(fair, position.qty));
    let object = Object::new()
        .put("positionId", position.id)
        .text("symbol", &market.contract.symbol)
        .put("positionType", position.hold.number())
        .put("openType", position.open_type)
        .put("state", if is_held { 1 } else { 3 })
        .put("holdVol", market.contracts(position.qty))
        .put("frozenVol", market.contracts(frozen))
        .put("closeVol", market.contracts(position.closed))
        .put("holdAvgPrice", entry)
        .put("openAvgPrice", entry)
        .put("closeAvgPrice", average(market, position.closed_value, position.closed))
        .put("liquidatePrice", liquidation(market, position))
        .put("oim", position.margin)
        .put("im", position.margin)
        .put("holdFee", position.funding)
        .put("realised", realised)
        .put("adlLevel", 1)
        .put("leverage", position.leverage)
        .put("createTime", position.created_ms)
        .put("updateTime", position.updated_ms)
        .put("autoAddIm", false)
        .put("version", position.version)
        .put("closeProfitLoss", position.profit)
        .put("fee", if is_push { -position.fee } else { position.fee })
        .raw("marginRatio", "0.01");
    if is_push {
        object.put("pnl", position.profit_at(value)).raw("deductFeeList", "[]").end()
    } else {
        object.end()
    }
}

/// A position near liquidation: `needed` of what is `left` is the maintenance margin.
pub fn risk(market: &Market, position: &Position, needed: Money, left: Money) -> String {
    let ratio = needed.to_f64() / left.to_f64().max(f64::MIN_POSITIVE);
    Object::new()
        .text("symbol", &market.contract.symbol)
        .put("positionId", position.id)
        .put("liquidatePrice", liquidation(market, position))
        .put("marginRatio", format_args!("{ratio:.4}"))
        .put("adlLevel", 1)
        .end()
}

/// The liquidation price of an isolated position; 0 for a cross or closed one.
fn liquidation(market: &Market, position: &Position) -> Decimal {
    if position.qty.is_zero() || position.open_type == 2 {
        return Decimal::ZERO;
    }
    let tier = crate::rehearsal::terms::tier(&market.contract, market.contracts(position.qty));
    let maintenance = tier.maintenance.to_f64();
    let (entry, margin) = (position.entry_value.to_f64(), position.margin.to_f64());
    let value = if position.hold == Hold::Long {
        (entry - margin) / (1.0 - maintenance)
    } else {
        (entry + margin) / (1.0 + maintenance)
    };
    let per_tick = market.spec.money(i128::from(position.qty.0)).to_f64();
    market.price_decimal(crate::domain::num::Price((value / per_tick).round() as i64))
}

/// Unrealised profit of an account over all its positions.
pub fn unrealised(account: &TraderAccount, markets: &[Market]) -> Money {
    let of = |position: &Position| {
        let market = &markets[position.symbol];
        market.fair().map_or(Money::ZERO, |fair| position.profit_at(market.notional(fair, position.qty)))
    };
    account.positions.values().map(of).sum()
}

/// A balance as returned by REST.
pub fn money(account: &TraderAccount, currency: &str, markets: &[Market]) -> String {
    let unrealised = unrealised(account, markets);
    Object::new()
        .text("currency", currency)
        .put("positionMargin", account.margin())
        .put("availableBalance", account.available())
        .put("cashBalance", account.available())
        .put("frozenBalance", account.reserved())
        .put("equity", account.balance + unrealised)
        .put("unrealized", unrealised)
        .put("bonus", 0)
        .put("availableCash", account.available())
        .put("availableOpen", account.available())
        .put("debtAmount", 0)
        .end()
}

/// A balance as pushed: without equity.
pub fn money_push(account: &TraderAccount, currency: &str) -> String {
    Object::new()
        .text("currency", currency)
        .put("availableBalance", account.available())
        .put("frozenBalance", account.reserved())
        .put("positionMargin", account.margin())
        .put("bonus", 0)
        .end()
}

/// The balance of a currency the account does not hold.
pub fn no_money(currency: &str) -> String {
    let zeros = [
        "positionMargin",
        "availableBalance",
        "cashBalance",
        "frozenBalance",
        "equity",
        "unrealized",
        "bonus",
    ];
    zeros.into_iter().fold(Object::new().text("currency", currency), |object, key| object.put(key, 0)).end()
}

/// A deposit or withdrawal.
pub fn transfer(transfer: &Transfer, currency: &str) -> String {
    let is_in = transfer.amount >= Money::ZERO;
    Object::new()
        .put("id", transfer.id)
        .text("txid", &format!("{:032x}", transfer.id))
        .text("currency", currency)
        .put("amount", transfer.amount.abs())
        .text("type", if is_in { "IN" } else { "OUT" })
        .text("state", "SUCCESS")
        .put("createTime", transfer.at_ms)
        .put("updateTime", transfer.at_ms)
        .end()
}

/// A funding payment.
pub fn funding(market: &Market, paid: &FundingPaid) -> String {
    Object::new()
        .put("id", paid.id)
        .text("symbol", &market.contract.symbol)
        .put("positionType", paid.hold.number())
        .put("positionValue", paid.value)
        .put("funding", paid.amount)
        .put("rate", fraction(paid.rate))
        .put("settleTime", paid.at_ms)
        .end()
}
