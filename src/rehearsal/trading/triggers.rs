//! JSON of trigger orders and stop orders.

use super::trigger::{Leg, Plan, Stop, state};
use crate::domain::num::Qty;
use crate::rehearsal::market::Market;
use crate::rehearsal::wire::Object;

/// A trigger order, for REST and pushes.
pub fn plan(market: &Market, plan: &Plan, mode: i64) -> String {
    let new = &plan.new;
    let object = Object::new()
        .text("id", &plan.id.to_string())
        .text("symbol", &market.contract.symbol)
        .put("leverage", new.leverage)
        .put("side", new.side)
        .put("vol", market.contracts(new.qty))
        .put("openType", new.open_type)
        .put("state", plan.state)
        .put("orderType", new.kind)
        .put("errorCode", plan.error_code)
        .put("triggerType", if plan.is_above { 1 } else { 2 })
        .put("triggerPrice", market.price_decimal(plan.price))
        .maybe("price", new.price.map(|price| market.price_decimal(price)))
        .put("executeCycle", plan.cycle_hours)
        .put("trend", plan.trend)
        .put("positionMode", mode)
        .put("reduceOnly", plan.reduce_only)
        .put("lossTrend", new.attached.loss_trend.max(1))
        .put("profitTrend", new.attached.profit_trend.max(1))
        .maybe("stopLossPrice", new.attached.loss.map(|price| market.price_decimal(price)))
        .maybe("takeProfitPrice", new.attached.profit.map(|price| market.price_decimal(price)))
        .put("ensureStopLoss", 0)
        .put("extraTakerFeeRate", 0)
        .put("createTime", plan.created_ms)
        .put("updateTime", plan.updated_ms);
    if plan.made == 0 { object.end() } else { object.text("orderId", &plan.made.to_string()).end() }
}

/// A stop order, for REST and pushes; `held` is the size of its position.
pub fn stop(market: &Market, stop: &Stop, held: Qty) -> String {
    let price = |leg: Option<Leg>| leg.map(|leg| market.price_decimal(leg.price));
    let lots = |leg: Option<Leg>| market.contracts(leg.and_then(|leg| leg.qty).unwrap_or(stop.qty));
    let trend = |leg: Option<Leg>| leg.map_or(1, |leg| leg.trend);
    let is_separate = [stop.loss, stop.profit].into_iter().flatten().any(|leg| leg.qty.is_some());
    let size = if stop.is_whole && stop.state == state::WAITING { held } else { stop.qty };
    let limit = |leg: Option<Leg>| leg.and_then(|leg| leg.limit);
    Object::new()
        .put("id", stop.id)
        .text("orderId", &stop.order.to_string())
        .text("symbol", &market.contract.symbol)
        .text("positionId", &stop.position.to_string())
        .put("lossTrend", trend(stop.loss))
        .put("profitTrend", trend(stop.profit))
        .maybe("stopLossPrice", price(stop.loss))
        .maybe("takeProfitPrice", price(stop.profit))
        .put("state", stop.state)
        .put("triggerSide", stop.triggered)
        .put("positionType", stop.hold.number())
        .put("vol", market.contracts(size))
        .put("realityVol", market.contracts(stop.made_qty))
        .text("placeOrderId", &stop.made.to_string())
        .put("errorCode", stop.error_code)
        .put("version", stop.version)
        .put("isFinished", i64::from(stop.state != state::WAITING))
        .put("priceProtect", 0)
        .text("profitLossVolType", if is_separate { "SEPARATE" } else { "SAME" })
        .put("takeProfitVol", lots(stop.profit))
        .put("stopLossVol", lots(stop.loss))
        .put("createTime", stop.created_ms)
        .put("updateTime", stop.updated_ms)
        .put("volType", if stop.is_whole { 2 } else { 1 })
        .put("takeProfitReverse", 2)
        .put("stopLossReverse", 2)
        .put("ensureStopLoss", 0)
        .put("closeTryTimes", i64::from(stop.made != 0))
        .put("reverseTryTimes", 0)
        .put("reverseErrorCode", 0)
        .put("takeProfitType", i64::from(limit(stop.profit).is_some()))
        .put("stopLossType", i64::from(limit(stop.loss).is_some()))
        .maybe("takeProfitOrderPrice", limit(stop.profit).map(|price| market.price_decimal(price)))
        .maybe("stopLossOrderPrice", limit(stop.loss).map(|price| market.price_decimal(price)))
        .end()
}
