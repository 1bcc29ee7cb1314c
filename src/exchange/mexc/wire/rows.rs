//! REST payloads: contracts, tickers, books, trades, funding, candles, assets, orders.
//!
//! A row without its essential fields is dropped and counted; an optional field that cannot be read is `None`
//! and counted.

use super::{number, tiers};
use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::time::Timestamp;
use crate::exchange::mexc::market::{
    Asset, Candle, Deal, DepthLevel, DepthSnapshot, FundingRate, FundingSettlement, OrderState, PlacedOrder,
    Ticker,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Rows of an answer, with counts of what was wrong in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows<T> {
    /// The valid rows.
    pub rows: Vec<T>,
    /// Number of unknown fields.
    pub unknown: u64,
    /// Dropped rows and unreadable values.
    pub malformed: u64,
}

object! {
    /// A contract's terms.
    RawContract {
        symbol = "symbol", display_name = "displayName", display_name_en = "displayNameEn", base = "baseCoin", quote = "quoteCoin",
        settle = "settleCoin", contract_size = "contractSize", price_unit = "priceUnit", volume_unit = "volUnit", min_volume = "minVol",
        max_volume = "maxVol", max_leverage = "maxLeverage", country_leverage = "countryConfigContractMaxLeverage",
        maker_fee = "makerFeeRate", taker_fee = "takerFeeRate", maintenance = "maintenanceMarginRate", state = "state",
        risk_type = "riskLimitType", risk_base = "riskBaseVol", risk_step = "riskIncrVol", risk_levels = "riskLevelLimit",
        initial = "initialMarginRate", initial_step = "riskIncrImr", maintenance_step = "riskIncrMmr",
        risk_custom = "riskLimitCustom", api_allowed = "apiAllowed", opening_time = "openingTime", create_time = "createTime",
    }
    knows [
        "positionOpenType", "baseCoinName", "quoteCoinName", "futureType", "minLeverage", "priceScale", "volScale", "amountScale",
        "bidLimitPriceRate", "askLimitPriceRate", "riskLongShortSwitch", "riskLimitMode", "priceCoefficientVariation", "indexOrigin", "isNew", "isHot",
        "isHidden", "conceptPlate", "conceptPlateId", "maxNumOrders", "marketOrderMaxLevel",
        "marketOrderPriceLimitRate1", "marketOrderPriceLimitRate2", "triggerProtect", "appraisal", "showAppraisalCountdown",
        "automaticDelivery", "depthStepList", "limitMaxVol", "threshold", "baseCoinIconUrl", "id", "type", "openingCountdownOption",
        "deliveryTime", "contractId", "vid", "stockId",
    ]
}

object! {
    /// A ticker of REST or `push.ticker`.
    RawTicker {
        symbol = "symbol", last = "lastPrice", bid = "bid1", ask = "ask1", volume24 = "volume24", amount24 = "amount24",
        open_interest = "holdVol", low = "lower24Price", high = "high24Price", change = "riseFallRate", index = "indexPrice",
        fair = "fairPrice", funding = "fundingRate", at = "timestamp",
    }
    knows ["contractId", "riseFallValue", "maxBidPrice", "minAskPrice", "zone", "riseFallRates", "riseFallRatesOfTimezone", "pair"]
}

object! {
    /// A book.
    RawDepth { asks = "asks", bids = "bids", version = "version", at = "timestamp", matched_at = "cts" } knows ["begin", "end", "symbol"]
}

object! {
    /// A trade; the keys `T` and `t` differ only in case.
    RawDeal { price = "p", quantity = "v", taker = "T", at = "t", id = "i" } knows ["O", "M", "cts"]
}

object! {
    /// Next funding.
    RawFunding { symbol = "symbol", rate = "fundingRate", settles_at = "nextSettleTime", cycle = "collectCycle" }
    knows ["maxFundingRate", "minFundingRate", "timestamp", "idxPrice", "fairPrice"]
}

object! {
    /// A page of funding payments.
    RawPage { rows = "resultList" } knows ["pageSize", "totalCount", "totalPage", "currentPage"]
}

object! {
    /// A funding payment.
    RawSettlement { symbol = "symbol", rate = "fundingRate", at = "settleTime" } knows ["collectCycle"]
}

object! {
    /// Candles in columns.
    RawCandles { time = "time", open = "open", high = "high", low = "low", close = "close", volume = "vol", turnover = "amount" }
    knows ["realOpen", "realClose", "realHigh", "realLow"]
}

object! {
    /// Balance in one currency.
    RawAsset {
        currency = "currency", equity = "equity", available = "availableBalance", frozen = "frozenBalance",
        position_margin = "positionMargin", unrealized = "unrealized",
    }
    knows ["cashBalance", "bonus", "availableCash", "availableOpen", "debtAmount", "contributeMarginAmount", "vcoinId"]
}

object! {
    /// An order.
    RawOrder {
        id = "orderId", symbol = "symbol", external = "externalOid", state = "state", quantity = "vol", filled = "dealVol",
        average = "dealAvgPrice", error_code = "errorCode",
    }
    knows [
        "positionId", "price", "leverage", "side", "category", "orderType", "orderMargin", "takerFee", "makerFee", "profit",
        "feeCurrency", "openType", "usedMargin", "createTime", "updateTime", "stopLossPrice", "takeProfitPrice",
        "priceStr", "dealAvgPriceStr", "positionMode", "version", "showCancelReason", "showProfitRateShare", "bboTypeNum",
        "bizSource", "positionType", "sideType", "remainVol", "makerFeeRate", "takerFeeRate", "totalFee", "zeroSaveTotalFeeBinance", "zeroTradeTotalFeeBinance", "reduceOnly", "lossTrend", "profitTrend", "remark",
    ]
}

/// Reads fields and counts those that are present but unreadable.
#[derive(Default)]
pub(super) struct Reader {
    malformed: u64,
}

impl Reader {
    fn field<'a, T>(
        &mut self,
        raw: Option<&'a RawValue>,
        read: impl Fn(&'a RawValue) -> Option<T>,
    ) -> Option<T> {
        let raw = raw?;
        let value = read(raw);
        self.malformed += u64::from(value.is_none());
        value
    }

    /// A price; zero means none.
    fn price(&mut self, raw: Option<&RawValue>) -> Option<Decimal> {
        self.field(raw, number::decimal).filter(|price| price.mantissa() > 0)
    }

    fn string(&mut self, raw: Option<&RawValue>) -> Option<String> {
        self.field(raw, number::text).filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned)
    }
}

/// Reads a list of rows, or a single object when one symbol was requested.
pub(super) fn each<'a, R: Deserialize<'a>, T>(
    payload: &'a RawValue,
    mut read: impl FnMut(&mut Reader, R) -> (Option<T>, u64),
) -> Result<Rows<T>, String> {
    let json = payload.get();
    let raws: Vec<&RawValue> = match json.as_bytes().first() {
        Some(b'[') => {
            serde_json::from_str(json).map_err(|error| format!("it is not a list of rows ({error})"))?
        }
        Some(b'{') => vec![payload],
        _ => return Err("its data are neither a list nor an object".to_owned()),
    };
    let mut reader = Reader::default();
    let mut rows = Rows { rows: Vec::with_capacity(raws.len()), unknown: 0, malformed: 0 };
    for raw in raws {
        let Ok(object) = serde_json::from_str::<R>(raw.get()) else {
            rows.malformed += 1;
            continue;
        };
        let (row, unknown) = read(&mut reader, object);
        rows.unknown += unknown;
        match row {
            Some(row) => rows.rows.push(row),
            None => rows.malformed += 1,
        }
    }
    rows.malformed += reader.malformed;
    Ok(rows)
}

/// Contracts.
pub fn contracts(payload: &RawValue) -> Result<Rows<Contract>, String> {
    each(payload, |reader, raw: RawContract<'_>| (contract(reader, &raw), raw.unknown))
}

fn contract(reader: &mut Reader, raw: &RawContract<'_>) -> Option<Contract> {
    let symbol = reader.string(raw.symbol)?;
    let leverage = |raw: Option<&RawValue>, reader: &mut Reader| {
        reader
            .field(raw, number::unsigned)
            .and_then(|leverage| u32::try_from(leverage).ok())
            .filter(|leverage| *leverage > 0)
    };
    let max_leverage = leverage(raw.max_leverage, reader)?;
    let country_leverage = leverage(raw.country_leverage, reader).unwrap_or(max_leverage);
    let display_name = reader
        .string(raw.display_name_en)
        .or_else(|| reader.string(raw.display_name))
        .unwrap_or_else(|| symbol.clone());
    let time =
        |raw: Option<&RawValue>, reader: &mut Reader| reader.field(raw, number::integer).filter(|ms| *ms > 0);
    let quote = reader.string(raw.quote)?;
    Some(Contract {
        symbol,
        display_name,
        base: reader.string(raw.base)?,
        settle: reader.string(raw.settle).unwrap_or_else(|| quote.clone()),
        quote,
        contract_size: reader.field(raw.contract_size, number::positive)?,
        price_step: reader.field(raw.price_unit, number::positive)?,
        quantity_step: reader.field(raw.volume_unit, number::positive)?,
        min_quantity: reader.field(raw.min_volume, number::positive)?,
        max_quantity: reader.field(raw.max_volume, number::positive)?,
        max_leverage: max_leverage.min(country_leverage),
        maker_fee: reader.field(raw.maker_fee, number::decimal)?,
        taker_fee: reader.field(raw.taker_fee, number::decimal)?,
        maintenance: reader.field(raw.maintenance, number::decimal).filter(|rate| rate.mantissa() > 0),
        tiers: tiers::of(&tiers::Fields {
            kind: raw.risk_type,
            listed: raw.risk_custom,
            levels: raw.risk_levels,
            quantity: [raw.risk_base, raw.risk_step],
            initial: [raw.initial, raw.initial_step],
            maintenance: [raw.maintenance, raw.maintenance_step],
        }),
        state: reader.field(raw.state, number::integer)?,
        // Older answers lack the field; orders are allowed only where the exchange says so.
        is_api_allowed: reader.field(raw.api_allowed, number::truth).unwrap_or(false),
        listed_ms: time(raw.opening_time, reader).or_else(|| time(raw.create_time, reader)),
    })
}

/// Contract terms in a message about a contract; `None`: missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContractNews {
    /// Whether orders are accepted: by its state, and by `apiAllowed` when present.
    pub is_tradable: bool,
    /// Price step, quantity step, and contract size in base units.
    pub steps: [Option<Decimal>; 3],
}

/// Symbol and terms in a message about a contract, with the number of unknown fields.
pub fn contract_news(payload: &RawValue) -> Option<(String, ContractNews, u64)> {
    let raw: RawContract<'_> = serde_json::from_str(payload.get()).ok()?;
    let symbol = raw.symbol.and_then(number::text)?.into_owned();
    let is_open = raw.state.and_then(number::integer)? == 0;
    let is_tradable = is_open && raw.api_allowed.and_then(number::truth) != Some(false);
    let steps =
        [raw.price_unit, raw.volume_unit, raw.contract_size].map(|raw| raw.and_then(number::positive));
    Some((symbol, ContractNews { is_tradable, steps }, raw.unknown))
}

/// Tickers.
pub fn tickers(payload: &RawValue) -> Result<Rows<Ticker>, String> {
    each(payload, |reader, raw: RawTicker<'_>| (ticker(reader, &raw), raw.unknown))
}

fn ticker(reader: &mut Reader, raw: &RawTicker<'_>) -> Option<Ticker> {
    Some(Ticker {
        symbol: reader.string(raw.symbol)?,
        last: reader.price(raw.last),
        bid: reader.price(raw.bid),
        ask: reader.price(raw.ask),
        volume24: reader.field(raw.volume24, number::truncated),
        turnover24: reader.field(raw.amount24, number::truncated),
        change24: reader.field(raw.change, number::decimal),
        high: reader.price(raw.high),
        low: reader.price(raw.low),
        index: reader.price(raw.index),
        fair: reader.price(raw.fair),
        funding_rate: reader.field(raw.funding, number::decimal),
        open_interest: reader.field(raw.open_interest, number::truncated),
        at: reader.field(raw.at, number::millis),
    })
}

/// A book; levels are sorted best first.
pub fn depth(payload: &RawValue) -> Result<DepthSnapshot, String> {
    let raw: RawDepth<'_> =
        serde_json::from_str(payload.get()).map_err(|error| format!("it is not a book ({error})"))?;
    let side = |raw: Option<&RawValue>, name: &str| -> Result<Vec<DepthLevel>, String> {
        let mut side = Vec::new();
        if let Some(raw) = raw {
            levels(raw, |price, quantity| side.push(DepthLevel { price, quantity }))
                .ok_or_else(|| format!("its {name} are not levels"))?;
        }
        Ok(side)
    };
    let (mut bids, mut asks) = (side(raw.bids, "bids")?, side(raw.asks, "asks")?);
    if bids.iter().chain(&asks).any(|level| level.quantity.mantissa() == 0) {
        return Err("it has a level without contracts".to_owned());
    }
    bids.sort_by(|a, b| b.price.cmp_value(a.price));
    asks.sort_by(|a, b| a.price.cmp_value(b.price));
    let version = raw.version.and_then(number::unsigned).ok_or("it has no version")?;
    let at = raw.matched_at.and_then(number::millis).or_else(|| raw.at.and_then(number::millis));
    Ok(DepthSnapshot { bids, asks, version, at })
}

/// Reads `[[price, contracts, orders], …]` (`orders` is optional) and passes each level on. `None`: another
/// shape, a price not above zero, or a negative quantity. The text is valid JSON, so only its shape is
/// checked.
pub fn levels(raw: &RawValue, mut level: impl FnMut(Decimal, Decimal)) -> Option<()> {
    let mut rest = raw.get().strip_prefix('[')?.trim_start();
    if rest == "]" {
        return Some(());
    }
    loop {
        let (inside, behind) = rest.strip_prefix('[')?.split_once(']')?;
        let mut parts = inside.split(',').map(|part| part.trim().trim_matches('"'));
        let price = Decimal::parse(parts.next()?.as_bytes()).ok()?;
        let quantity = Decimal::parse(parts.next()?.as_bytes()).ok()?;
        if price.mantissa() <= 0 || quantity.mantissa() < 0 {
            return None;
        }
        level(price, quantity);
        rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => return (rest == "]").then_some(()),
        }
    }
}

/// Trades in the order of the answer.
pub fn deals(payload: &RawValue) -> Result<Rows<Deal>, String> {
    each(payload, |_, raw: RawDeal<'_>| (deal(&raw), raw.unknown))
}

/// A trade; `None` when a required field is missing or invalid.
pub fn deal(raw: &RawDeal<'_>) -> Option<Deal> {
    Some(Deal {
        price: number::positive(raw.price?)?,
        quantity: number::positive(raw.quantity?)?,
        taker: match number::integer(raw.taker?)? {
            1 => Side::Buy,
            2 => Side::Sell,
            _ => return None,
        },
        at: number::millis(raw.at?)?,
        id: raw.id.and_then(number::unsigned),
    })
}

/// Next funding.
pub fn funding_rates(payload: &RawValue) -> Result<Rows<FundingRate>, String> {
    each(payload, |reader, raw: RawFunding<'_>| {
        let row = reader.string(raw.symbol).zip(raw.rate.and_then(number::decimal)).map(|(symbol, rate)| {
            FundingRate {
                symbol,
                rate,
                settles_at: reader.field(raw.settles_at, number::millis),
                cycle_hours: reader.field(raw.cycle, number::integer),
            }
        });
        (row, raw.unknown)
    })
}

/// Funding payments, newest first.
pub fn funding_history(payload: &RawValue) -> Result<Rows<FundingSettlement>, String> {
    let page: RawPage<'_> =
        serde_json::from_str(payload.get()).map_err(|error| format!("it is not a page ({error})"))?;
    each(page.rows.ok_or("it has no rows")?, |reader, raw: RawSettlement<'_>| {
        let row = reader.string(raw.symbol).and_then(|symbol| {
            Some(FundingSettlement {
                symbol,
                rate: number::decimal(raw.rate?)?,
                settled_at: number::millis(raw.at?)?,
            })
        });
        (row, raw.unknown)
    })
}

/// Candles, oldest first.
pub fn candles(payload: &RawValue) -> Result<Rows<Candle>, String> {
    let raw: RawCandles<'_> = serde_json::from_str(payload.get())
        .map_err(|error| format!("it is not a list of candles ({error})"))?;
    fn column<'a>(raw: Option<&'a RawValue>, name: &str) -> Result<Vec<&'a RawValue>, String> {
        serde_json::from_str(raw.ok_or_else(|| format!("it has no {name}"))?.get())
            .map_err(|error| format!("its {name} is not a list ({error})"))
    }
    let time = column(raw.time, "time")?;
    let [open, high, low, close, volume, turnover] = [
        column(raw.open, "open")?,
        column(raw.high, "high")?,
        column(raw.low, "low")?,
        column(raw.close, "close")?,
        column(raw.volume, "vol")?,
        column(raw.turnover, "amount")?,
    ];
    if [&open, &high, &low, &close, &volume, &turnover].iter().any(|column| column.len() != time.len()) {
        return Err("its columns differ in length".to_owned());
    }
    let candle = |i: usize| -> Option<Candle> {
        Some(Candle {
            opens_at: Timestamp::from_seconds(
                number::integer(time[i]).filter(|seconds| (1..=1 << 33).contains(seconds))?,
            ),
            open: number::positive(open[i])?,
            high: number::positive(high[i])?,
            low: number::positive(low[i])?,
            close: number::positive(close[i])?,
            volume: number::truncated(volume[i])?,
            turnover: number::truncated(turnover[i])?,
        })
    };
    let rows: Vec<Candle> = (0..time.len()).filter_map(candle).collect();
    Ok(Rows { malformed: (time.len() - rows.len()) as u64, rows, unknown: raw.unknown })
}

/// An order.
pub fn order(payload: &RawValue) -> Result<PlacedOrder, String> {
    let raw: RawOrder<'_> =
        serde_json::from_str(payload.get()).map_err(|error| format!("it is not an order ({error})"))?;
    placed(&raw)
}

/// Orders of a list.
pub fn orders(payload: &RawValue) -> Result<Rows<PlacedOrder>, String> {
    each(payload, |_, raw: RawOrder<'_>| (placed(&raw).ok(), raw.unknown))
}

fn placed(raw: &RawOrder<'_>) -> Result<PlacedOrder, String> {
    let state = match raw.state.and_then(number::integer) {
        Some(1) => OrderState::New,
        Some(2) => OrderState::Open,
        Some(3) => OrderState::Filled,
        Some(4) => OrderState::Cancelled,
        Some(5) => OrderState::Invalid,
        _ => return Err("its order has no state that is known".to_owned()),
    };
    let read = || {
        Some(PlacedOrder {
            id: number::unsigned(raw.id?)?,
            symbol: number::text(raw.symbol?)?.into_owned(),
            external: raw
                .external
                .and_then(number::text)
                .filter(|text| !text.is_empty())
                .map(std::borrow::Cow::into_owned),
            state,
            quantity: number::positive(raw.quantity?)?,
            filled: number::decimal(raw.filled?)?,
            average_price: raw.average.and_then(number::positive),
            error_code: raw.error_code.and_then(number::integer).filter(|code| *code != 0),
        })
    };
    read().ok_or_else(|| "its order lacks an id, a contract or a quantity".to_owned())
}

/// Balances of an account.
pub fn assets(payload: &RawValue) -> Result<Rows<Asset>, String> {
    each(payload, |reader, raw: RawAsset<'_>| {
        let row = reader.string(raw.currency).zip(reader.field(raw.available, number::truncated)).map(
            |(currency, available)| Asset {
                currency,
                equity: reader.field(raw.equity, number::truncated),
                available,
                frozen: reader.field(raw.frozen, number::truncated),
                position_margin: reader.field(raw.position_margin, number::truncated),
                unrealized: reader.field(raw.unrealized, number::truncated),
            },
        );
        (row, raw.unknown)
    })
}
