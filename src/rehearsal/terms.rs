//! The terms of a contract as `GET detail` and `push.contract` show them.

use super::wire::Object;
use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;

/// Most lots of a market order's walk and other numbers that a recording does not know are the common ones.
pub fn detail(contract: &Contract, with_api_allowed: bool) -> String {
    let initial = Decimal::new(1, 0).unwrap_or(Decimal::ONE).to_f64() / f64::from(contract.max_leverage.max(1));
    let object = Object::new()
        .text("symbol", &contract.symbol)
        .text("displayName", &format!("{}永续", contract.symbol))
        .text("displayNameEn", &format!("{} PERPETUAL", contract.symbol))
        .put("positionOpenType", 3)
        .text("baseCoin", &contract.base)
        .text("quoteCoin", &contract.quote)
        .text("baseCoinName", &contract.base)
        .text("quoteCoinName", &contract.quote)
        .put("futureType", 1)
        .put("type", 1)
        .text("settleCoin", &contract.settle)
        .put("contractSize", contract.contract_size)
        .put("minLeverage", 1)
        .put("maxLeverage", contract.max_leverage)
        .put("countryConfigContractMaxLeverage", 0)
        .put("priceScale", contract.price_step.scale())
        .put("volScale", contract.quantity_step.scale())
        .put("amountScale", 4)
        .put("priceUnit", contract.price_step)
        .put("volUnit", contract.quantity_step)
        .put("minVol", contract.min_quantity)
        .put("maxVol", contract.max_quantity)
        .put("limitMaxVol", contract.max_quantity)
        .raw("bidLimitPriceRate", "0.1")
        .raw("askLimitPriceRate", "0.1")
        .put("takerFeeRate", contract.taker_fee)
        .put("makerFeeRate", contract.maker_fee)
        .put("maintenanceMarginRate", contract.maintenance)
        .put("initialMarginRate", initial)
        .put("riskBaseVol", contract.max_quantity)
        .put("riskIncrVol", 0)
        .put("riskIncrMmr", 0)
        .put("riskIncrImr", 0)
        .put("riskLevelLimit", 1)
        .text("riskLimitType", "BY_VOLUME")
        .raw("maxNumOrders", "[200,50]")
        .put("marketOrderMaxLevel", 20)
        .raw("marketOrderPriceLimitRate1", "0.2")
        .raw("marketOrderPriceLimitRate2", "0.005")
        .raw("triggerProtect", "0.1")
        .put("state", contract.state)
        .put("isNew", false)
        .put("isHot", false)
        .put("isHidden", false)
        .raw("conceptPlate", "[\"mc-trade-zone-pow\"]")
        .raw("indexOrigin", "[\"MEXC\"]")
        .raw("depthStepList", &format!("[\"{}\"]", contract.price_step))
        .raw("priceCoefficientVariation", "0.004");
    let object = object.maybe("createTime", contract.listed_ms).maybe("openingTime", contract.listed_ms).null("deliveryTime");
    if with_api_allowed { object.put("apiAllowed", contract.is_api_allowed).end() } else { object.end() }
}
