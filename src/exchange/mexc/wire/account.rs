//! Payloads of an account: executions, positions, stops; from REST and from the private socket alike.
//!
//! A row without its essential fields is dropped and counted.

use super::number;
use super::rows::{Rows, each};
use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Rate};
use crate::exchange::mexc::market::{
    Effect, Execution, ExecutionCause, HeldPosition, PositionMode, ResidentStop,
};
use serde_json::value::RawValue;

object! {
    /// An execution.
    RawExecution {
        id = "id", order = "orderId", external = "externalOid", symbol = "symbol", side = "side", price = "price", quantity = "vol",
        fee = "fee", currency = "feeCurrency", taker = "taker", category = "category", at = "timestamp",
    }
    knows ["profit", "isSelf", "positionMode", "opponentOrderId", "bizType", "reduceOnly", "opponentUid"]
}

object! {
    /// A position.
    RawPosition {
        id = "positionId", symbol = "symbol", kind = "positionType", quantity = "holdVol", state = "state",
        margin = "im", liquidation = "liquidatePrice",
    }
    knows [
        "openType", "holdAvgPrice", "leverage", "version",
        "frozenVol", "closeVol", "openAvgPrice", "closeAvgPrice", "oim", "holdFee", "realised", "adlLevel",
        "createTime", "updateTime", "autoAddIm", "closeProfitLoss", "fee", "marginRatio", "pnl", "deductFeeList", "profitRatio",
        "newOpenAvgPrice", "newCloseAvgPrice", "holdAvgPriceFullyScale", "openAvgPriceFullyScale", "closeAvgPriceFullyScale",
        "positionShowStatus", "totalFee", "zeroSaveTotalFeeBinance", "zeroTradeTotalFeeBinance", "contractId", "unRealizedPnl",
    ]
}

object! {
    /// A stop on a position.
    RawStop {
        id = "id", symbol = "symbol", position = "positionId", price = "stopLossPrice", state = "state",
         is_finished = "isFinished", made = "placeOrderId",
    }
    knows [
        "vol", "stopLossVol", "orderId", "lossTrend", "profitTrend", "takeProfitPrice", "triggerSide", "positionType", "realityVol", "errorCode",
        "version", "priceProtect", "profitLossVolType", "takeProfitVol", "createTime", "updateTime", "volType", "takeProfitReverse",
        "stopLossReverse", "closeTryTimes", "reverseTryTimes", "reverseErrorCode", "takeProfitType", "stopLossType",
        "ensureStopLoss", "takeProfitOrderPrice", "stopLossOrderPrice",
    ]
}

object! {
    /// The answer to a new order: an object, or the id alone.
    RawPlaced { id = "orderId", at = "ts" } knows []
}

object! {
    /// What became of one order of a batch.
    RawResult { external = "externalOid", id = "orderId", code = "errorCode", message = "errorMsg" } knows ["symbol"]
}

object! {
    /// Leverage of one side.
    RawLeverage { side = "positionType", leverage = "leverage", open_type = "openType" }
    knows ["level", "maxVol", "mmr", "imr", "limitBySys", "currentMmr", "maxLeverageView"]
}

object! {
    /// The position mode, as it is pushed.
    RawMode { mode = "positionMode" } knows []
}

object! {
    /// Fees of an account.
    RawFees { maker = "realMakerFee", taker = "realTakerFee" }
    knows [
        "level", "dealAmount", "walletBalance", "makerFee", "takerFee", "makerFeeDiscount", "takerFeeDiscount", "inviterKyc",
        "discountMakerFee", "discountTakerFee", "feeRateMode", "makerFeeDeduct", "takerFeeDeduct", "originalMakerFee",
        "originalTakerFee",
    ]
}

/// Maker and taker fee, percent.
pub fn fees(payload: &RawValue) -> Result<(f64, f64), String> {
    let raw: RawFees<'_> = serde_json::from_str(payload.get()).map_err(|error| error.to_string())?;
    let rate = |raw: Option<&RawValue>| Some(Rate::of(raw.and_then(number::decimal)?).percent());
    rate(raw.maker).zip(rate(raw.taker)).ok_or_else(|| "it has no fees that are paid".to_owned())
}

/// Executions, of a list or of a push.
pub fn executions(payload: &RawValue) -> Result<Rows<Execution>, String> {
    each(payload, |_, raw: RawExecution<'_>| (execution(&raw), raw.unknown))
}

fn execution(raw: &RawExecution<'_>) -> Option<Execution> {
    let words = |raw: Option<&RawValue>| {
        raw.and_then(number::text).filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned)
    };
    Some(Execution {
        id: number::unsigned(raw.id?)?,
        order: number::unsigned(raw.order?)?,
        external: words(raw.external),
        symbol: words(raw.symbol)?,
        effect: Effect::of(number::integer(raw.side?)?)?,
        price: number::positive(raw.price?)?,
        quantity: number::positive(raw.quantity?)?,
        fee: raw.fee.map_or(Some(Money::ZERO), number::money)?,
        fee_currency: words(raw.currency),
        is_taker: raw.taker.and_then(number::truth).unwrap_or(true),
        cause: match raw.category.and_then(number::integer) {
            Some(2) => ExecutionCause::Liquidation,
            Some(3) => ExecutionCause::Delivery,
            Some(4) => ExecutionCause::Deleveraging,
            _ => ExecutionCause::Order,
        },
        at: number::millis(raw.at?)?,
    })
}

/// Positions, of a list or of a push.
pub fn positions(payload: &RawValue) -> Result<Rows<HeldPosition>, String> {
    each(payload, |_, raw: RawPosition<'_>| (position(&raw), raw.unknown))
}

fn position(raw: &RawPosition<'_>) -> Option<HeldPosition> {
    let is_closed = raw.state.and_then(number::integer) == Some(3);
    let quantity = number::decimal(raw.quantity?)?;
    Some(HeldPosition {
        id: number::unsigned(raw.id?)?,
        symbol: number::text(raw.symbol?)?.into_owned(),
        is_long: match number::integer(raw.kind?)? {
            1 => true,
            2 => false,
            _ => return None,
        },
        quantity: if is_closed { Decimal::ZERO } else { quantity },
        margin: raw.margin.and_then(number::truncated),
        liquidation: raw.liquidation.and_then(number::truncated).filter(|price| *price != Decimal::ZERO),
    })
}

/// Stops, of a list or of a push.
pub fn stops(payload: &RawValue) -> Result<Rows<ResidentStop>, String> {
    each(payload, |_, raw: RawStop<'_>| (stop(&raw), raw.unknown))
}

fn stop(raw: &RawStop<'_>) -> Option<ResidentStop> {
    let state = raw.state.and_then(number::integer);
    let is_finished = raw.is_finished.and_then(number::integer) == Some(1);
    Some(ResidentStop {
        id: number::unsigned(raw.id?)?,
        symbol: number::text(raw.symbol?)?.into_owned(),
        position: raw.position.and_then(number::unsigned).unwrap_or(0),
        price: raw.price.and_then(number::positive),
        is_over: is_finished || state.is_some_and(|state| state != 1),
        made: raw.made.and_then(number::unsigned).filter(|id| *id > 0),
    })
}

/// Id of an order that was taken.
pub fn placed(payload: Option<&RawValue>) -> Result<u64, String> {
    let payload = payload.ok_or("it has no order id")?;
    let id = if payload.get().starts_with('{') {
        let raw: RawPlaced<'_> = serde_json::from_str(payload.get()).map_err(|error| error.to_string())?;
        raw.id.and_then(number::unsigned)
    } else {
        number::unsigned(payload)
    };
    id.filter(|id| *id > 0).ok_or_else(|| "it has no order id that can be read".to_owned())
}

/// Code and message for the one order of a batch; code 0: done.
pub fn result(payload: Option<&RawValue>) -> Result<(i64, String), String> {
    let Some(payload) = payload else { return Ok((0, String::new())) };
    let rows = each(payload, |_, raw: RawResult<'_>| {
        let message = raw.message.and_then(number::text).unwrap_or_default().into_owned();
        (Some((raw.code.and_then(number::integer).unwrap_or(0), message)), raw.unknown)
    })?;
    rows.rows.into_iter().next().ok_or_else(|| "it says nothing of the order".to_owned())
}

/// Leverage of long and short.
pub fn leverage(payload: &RawValue) -> Result<[Option<u32>; 2], String> {
    let mut both = [None, None];
    each(payload, |_, raw: RawLeverage<'_>| {
        let side = raw.side.and_then(number::integer);
        let leverage = raw.leverage.and_then(number::integer).and_then(|value| u32::try_from(value).ok());
        match side {
            Some(1) => both[0] = leverage,
            Some(2) => both[1] = leverage,
            _ => {}
        }
        (Some(()), raw.unknown)
    })?;
    Ok(both)
}

/// Position mode; a bare number over REST, an object as it is pushed.
pub fn mode(payload: &RawValue) -> Result<PositionMode, String> {
    let raw = if payload.get().starts_with('{') {
        let raw: RawMode<'_> = serde_json::from_str(payload.get()).map_err(|error| error.to_string())?;
        raw.mode.and_then(number::integer)
    } else {
        number::integer(payload)
    };
    match raw {
        Some(1) => Ok(PositionMode::Hedge),
        Some(2) => Ok(PositionMode::OneWay),
        _ => Err("it is not a position mode".to_owned()),
    }
}
