//! Contract terms as returned by `GET detail` and pushed by `push.contract`.

use super::wire::{Object, list};
use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;

/// Variants of the terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `GET detail`.
    Detail,
    /// `GET detail/country`: with explicit margin tiers.
    Country,
    /// `push.contract`: without `apiAllowed` and ids.
    Push,
}

/// The terms as JSON; fields that a recording lacks have common values.
pub fn detail(contract: &Contract, index: usize, form: Form) -> String {
    let initial = 1.0 / f64::from(contract.max_leverage.max(1));
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
        .put("maintenanceMarginRate", maintenance(contract))
        .put("initialMarginRate", initial)
        .put("riskBaseVol", contract.max_quantity)
        .put("riskIncrVol", 0)
        .put("riskIncrMmr", 0)
        .put("riskIncrImr", 0)
        .put("riskLongShortSwitch", 0)
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
        .raw("conceptPlateId", "[12]")
        .put("appraisal", 0)
        .put("showAppraisalCountdown", 0)
        .put("automaticDelivery", 0)
        .put("threshold", 0)
        .raw("indexOrigin", "[\"MEXC\"]")
        .raw("depthStepList", &format!("[\"{}\"]", contract.price_step))
        .raw("priceCoefficientVariation", "0.004");
    let object = object
        .maybe("createTime", contract.listed_ms)
        .maybe("openingTime", contract.listed_ms)
        .null("deliveryTime");
    if form == Form::Push {
        return object.end();
    }
    let object = object
        .put("id", index + 1)
        .put("contractId", index + 1)
        .text("baseCoinId", &format!("{:032x}", index + 1));
    let object = object.text("baseCoinIconUrl", &format!("https://127.0.0.1/icons/{}.png", contract.base));
    let object = object.put("apiAllowed", contract.is_api_allowed);
    if form == Form::Country {
        object.raw("riskLimitCustom", &tier_texts(contract)).end()
    } else {
        object.end()
    }
}

/// The maintenance margin rate; zero when unknown.
pub fn maintenance(contract: &Contract) -> Decimal {
    contract.maintenance.unwrap_or(Decimal::ZERO)
}

/// A risk tier: up to so many contracts, at this maintenance margin rate and largest leverage.
#[derive(Clone, Copy, Debug)]
pub struct Tier {
    /// The most contracts of a position in it.
    pub most: Decimal,
    /// Maintenance margin rate.
    pub maintenance: Decimal,
    /// Largest leverage.
    pub leverage: u32,
}

/// Two tiers: up to a tenth of the largest order at full leverage, above that at half.
pub fn tiers(contract: &Contract) -> [Tier; 2] {
    let [tenth, twice] =
        [Decimal::new(1, 1), Decimal::new(2, 0)].map(|factor| factor.unwrap_or(Decimal::ONE));
    let part = contract.max_quantity.product(tenth).unwrap_or(contract.max_quantity);
    let doubled = maintenance(contract).product(twice).unwrap_or(maintenance(contract));
    let (full, half) = (contract.max_leverage.max(1), (contract.max_leverage / 2).max(1));
    [
        Tier { most: part, maintenance: maintenance(contract), leverage: full },
        Tier { most: contract.max_quantity, maintenance: doubled, leverage: half },
    ]
}

/// The tier of a position with so many contracts.
pub fn tier(contract: &Contract, contracts: Decimal) -> Tier {
    let [first, second] = tiers(contract);
    if contracts.cmp_value(first.most).is_gt() { second } else { first }
}

fn tier_texts(contract: &Contract) -> String {
    let text = |(level, tier): (usize, Tier)| {
        let object = Object::new().put("level", level + 1).put("maxVol", tier.most);
        let object = object.put("mmr", tier.maintenance).put("imr", 1.0 / f64::from(tier.leverage));
        object.put("maxLeverage", tier.leverage).end()
    };
    list(tiers(contract).into_iter().enumerate().map(text))
}
