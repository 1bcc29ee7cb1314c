//! Market payloads of REST and pushes.

use super::bars::Bar;
use super::ladder::LadderChange;
use super::{Commit, Deal, Market};
use crate::domain::decimal::Decimal;
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::rng::mixed;
use crate::rehearsal::wire::{Object, Spelling, list};
use std::fmt::Write;

/// How far a limit price may differ from the fair price, percent.
pub const BAND_PERCENT: i64 = 10;

/// A tenth of a step.
fn finer(step: Decimal) -> Decimal {
    Decimal::new(step.mantissa(), step.scale() + 1).unwrap_or(step)
}

impl Market {
    /// A price as a decimal, perhaps with a finer digit.
    pub fn price_decimal(&self, price: Price) -> Decimal {
        if !self.has_finer_prices {
            return self.spec.price_decimal(price);
        }
        // An additional digit that depends on the price and is zero for about one price in ten.
        let digit = i64::try_from(mixed(price.0, 7) % 10).unwrap_or(0);
        finer(self.spec.price_step)
            .times(price.0 * 10 + digit)
            .unwrap_or_else(|| self.spec.price_decimal(price))
    }

    /// Sets whether prices have an additional digit, and whether the contract terms announce it.
    pub fn change_prices(&mut self, has_finer_prices: bool, do_terms_say: bool) {
        self.has_finer_prices = has_finer_prices;
        self.contract.price_step =
            if do_terms_say { finer(self.spec.price_step) } else { self.spec.price_step };
    }

    /// Lots as contracts.
    pub fn contracts(&self, qty: Qty) -> Decimal {
        self.spec.qty_decimal(qty)
    }

    /// `[price, contracts, orders]`; a deleted level is `[price,0,0]`.
    fn level(&self, out: &mut String, spelling: &mut Spelling, price: Price, qty: Qty) {
        out.push('[');
        spelling.price(out, self.price_decimal(price));
        let orders = if qty.is_zero() { 0 } else { 1 + mixed(price.0, qty.0) % 5 };
        out.push(',');
        spelling.volume(out, self.contracts(qty));
        let _ = write!(out, ",{orders}]");
    }

    fn levels(&self, spelling: &mut Spelling, levels: impl Iterator<Item = (Price, Qty)>) -> String {
        let mut out = String::from("[");
        for (index, (price, qty)) in levels.enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.level(&mut out, spelling, price, qty);
        }
        out.push(']');
        out
    }

    fn top(&self, spelling: &mut Spelling, side: Side, limit: usize) -> String {
        self.levels(spelling, self.ladder.side(side).take(limit))
    }

    /// The book as returned by REST.
    pub fn depth(&self, spelling: &mut Spelling, limit: usize, now_ms: i64) -> String {
        let (asks, bids) = (self.top(spelling, Side::Sell, limit), self.top(spelling, Side::Buy, limit));
        Object::new()
            .null("cts")
            .raw("asks", &asks)
            .raw("bids", &bids)
            .put("version", self.version)
            .put("timestamp", now_ms)
            .end()
    }

    /// The payload of `push.depth.full`.
    pub fn depth_full(&self, spelling: &mut Spelling, limit: usize, now_ms: i64) -> String {
        let (asks, bids) = (self.top(spelling, Side::Sell, limit), self.top(spelling, Side::Buy, limit));
        let at_ms = self.commits.back().map_or(now_ms, |commit| commit.at_ms.min(now_ms));
        spelling.object(
            Object::new()
                .put("cts", at_ms)
                .raw("asks", &asks)
                .raw("bids", &bids)
                .put("version", self.version),
        )
    }

    /// A single change, for unmerged `push.depth` and for `depth_commits`.
    pub fn commit_text(&self, spelling: &mut Spelling, commit: &Commit) -> String {
        let LadderChange { side, price, qty } = commit.change;
        let mut level = String::from("[");
        self.level(&mut level, spelling, price, qty);
        level.push(']');
        let (asks, bids) = if side == Side::Sell { (level.as_str(), "[]") } else { ("[]", level.as_str()) };
        Object::new()
            .put("cts", commit.at_ms)
            .raw("asks", asks)
            .raw("bids", bids)
            .put("version", commit.version)
            .end()
    }

    /// Merged changes: current sizes, in random order.
    pub fn merged(
        &self,
        spelling: &mut Spelling,
        changed: &[(Side, Price)],
        begin: u64,
        at_ms: i64,
    ) -> String {
        let mut levels = [Vec::new(), Vec::new()];
        for (side, price) in changed {
            levels[usize::from(*side == Side::Buy)].push((*price, self.ladder.at(*side, *price)));
        }
        for side in &mut levels {
            side.sort_unstable_by_key(|(price, _)| price.0);
            side.dedup_by_key(|(price, _)| price.0);
            for index in (1..side.len()).rev() {
                let other = usize::try_from(spelling.rng().below(index as u64 + 1)).unwrap_or(0);
                side.swap(index, other);
            }
        }
        let [asks, bids] = levels;
        let (asks, bids) = (self.levels(spelling, asks.into_iter()), self.levels(spelling, bids.into_iter()));
        let object = Object::new().put("cts", at_ms).raw("asks", &asks).raw("bids", &bids);
        spelling.object(object.put("end", self.version).put("begin", begin).put("version", self.version))
    }

    /// A deal; pushes include its id.
    pub fn deal(&self, spelling: &mut Spelling, deal: &Deal, with_id: bool) -> String {
        let mut price = String::new();
        spelling.price(&mut price, self.price_decimal(deal.price));
        let mut volume = String::new();
        spelling.volume(&mut volume, self.contracts(deal.qty));
        let side = if deal.taker == Side::Buy { 1 } else { 2 };
        let kind = 1 + deal.id % 3;
        let object = Object::new()
            .raw("p", &price)
            .raw("v", &volume)
            .put("T", side)
            .put("O", kind)
            .put("M", 2)
            .put("t", deal.at_ms);
        let object = if with_id { object.text("i", &deal.id.to_string()) } else { object };
        // Occasionally a row has the matching time, as text.
        if spelling.is_quirky() && spelling.rng().once_in(8) {
            object.text("cts", &deal.at_ms.to_string()).end()
        } else {
            object.end()
        }
    }

    /// Recent deals, newest first.
    pub fn last_deals(&self, spelling: &mut Spelling, limit: usize) -> String {
        list(self.deals.iter().rev().take(limit).map(|deal| self.deal(spelling, deal, false)))
    }

    /// The fields that all forms of a ticker share; `None` before the first price.
    fn ticker_core(&self, spelling: &mut Spelling, now_ms: i64) -> Option<Object> {
        let (last, fair) = (self.last?, self.fair()?);
        let day = self.bars.day(now_ms);
        let first = self.first.unwrap_or(last);
        let index = self.index_decimal().unwrap_or_else(|| self.price_decimal(fair));
        // Zero is written without a sign.
        let rate = (last.0 - first.0) as f64 / first.0.max(1) as f64;
        let rate = if rate.abs() < 0.000_05 { 0.0 } else { rate };
        let band = |percent: i64| self.price_decimal(Price(fair.0 * (100 + percent) / 100));
        let last_text = spelling.price_text(self.price_decimal(last));
        Some(
            Object::new()
                .text("symbol", &self.contract.symbol)
                .raw("lastPrice", &last_text)
                .put("riseFallRate", format_args!("{rate:.4}"))
                .put("fairPrice", self.price_decimal(fair))
                .put("indexPrice", index)
                .put("volume24", self.contracts(day.volume))
                .put("amount24", day.amount)
                .put("maxBidPrice", band(BAND_PERCENT))
                .put("minAskPrice", band(-BAND_PERCENT))
                .put("lower24Price", self.price_decimal(day.low.unwrap_or(last)))
                .put("high24Price", self.price_decimal(day.high.unwrap_or(last)))
                .put("timestamp", now_ms),
        )
    }

    /// The ticker of REST or `push.ticker`; REST adds the contract's number and names the time windows of
    /// changes.
    pub fn ticker(
        &self,
        spelling: &mut Spelling,
        number: usize,
        now_ms: i64,
        is_rest: bool,
    ) -> Option<String> {
        let (last, first) = (self.last?, self.first.unwrap_or_default());
        let best = |side: Side| self.ladder.best(side).map(|(price, _)| self.price_decimal(price));
        let change = self.spec.price_step.times(last.0 - first.0).unwrap_or(Decimal::ZERO);
        let object = self.ticker_core(spelling, now_ms)?;
        let object = object.maybe("bid1", best(Side::Buy)).maybe("ask1", best(Side::Sell));
        let object = object.put("holdVol", self.contracts(self.open_interest())).put("riseFallValue", change);
        let object = object.put("fundingRate", self.funding.rate).text("zone", "UTC+8");
        let rate = (last.0 - first.0) as f64 / first.0.max(1) as f64;
        if is_rest {
            let rates = Object::new()
                .text("zone", "UTC+8")
                .put("r", format_args!("{rate:.4}"))
                .put("v", self.price_decimal(last));
            let rates = ["r7", "r30", "r90", "r180", "r365"]
                .into_iter()
                .fold(rates, |rates, window| rates.put(window, 0));
            return Some(object.put("contractId", number + 1).raw("riseFallRates", &rates.end()).end());
        }
        let rates = format!("[{rate:.4},0,0,0,0,0]");
        Some(object.raw("riseFallRates", &rates).raw("riseFallRatesOfTimezone", "[0,0,0]").end())
    }

    /// A row of `push.tickers`: without best prices and funding.
    pub fn ticker_row(&self, spelling: &mut Spelling, number: usize, now_ms: i64) -> Option<String> {
        self.ticker_core(spelling, now_ms).map(|object| object.put("contractId", number + 1).end())
    }

    fn open_interest(&self) -> Qty {
        Qty(1_000
            + i64::try_from(
                mixed(self.contract.price_step.mantissa(), self.contract.contract_size.mantissa())
                    % 1_000_000,
            )
            .unwrap_or(0))
    }

    /// The payload of `push.kline`.
    pub fn kline(&self, bar: &Bar, interval: &str) -> String {
        let price = |price: Price| self.price_decimal(price);
        Object::new()
            .text("symbol", &self.contract.symbol)
            .text("interval", interval)
            .put("t", bar.time_s)
            .put("o", price(bar.open))
            .put("c", price(bar.close))
            .put("h", price(bar.high))
            .put("l", price(bar.low))
            .put("a", bar.amount)
            .put("q", self.contracts(bar.volume))
            .put("ro", price(bar.real_open))
            .put("rc", price(bar.close))
            .put("rh", price(bar.real_high))
            .put("rl", price(bar.real_low))
            .end()
    }

    /// Candles in columns, as returned by REST.
    pub fn klines(&self, bars: &[Bar]) -> String {
        let column = |value: &dyn Fn(&Bar) -> String| list(bars.iter().map(value));
        let price = |price: Price| self.price_decimal(price).to_string();
        Object::new()
            .raw("time", &column(&|bar| bar.time_s.to_string()))
            .raw("open", &column(&|bar| price(bar.open)))
            .raw("close", &column(&|bar| price(bar.close)))
            .raw("high", &column(&|bar| price(bar.high)))
            .raw("low", &column(&|bar| price(bar.low)))
            .raw("vol", &column(&|bar| self.contracts(bar.volume).to_string()))
            .raw("amount", &column(&|bar| bar.amount.to_string()))
            .raw("realOpen", &column(&|bar| price(bar.real_open)))
            .raw("realClose", &column(&|bar| price(bar.close)))
            .raw("realHigh", &column(&|bar| price(bar.real_high)))
            .raw("realLow", &column(&|bar| price(bar.real_low)))
            .end()
    }

    /// `GET funding_rate`.
    pub fn funding_text(&self, now_ms: i64) -> String {
        let fair = self.fair().map(|price| self.price_decimal(price));
        Object::new()
            .text("symbol", &self.contract.symbol)
            .put("fundingRate", self.funding.rate)
            .raw("maxFundingRate", "0.0018")
            .raw("minFundingRate", "-0.0018")
            .put("collectCycle", self.funding.cycle_hours)
            .put("nextSettleTime", self.funding.next_ms)
            .put("timestamp", now_ms)
            .maybe("idxPrice", self.index_decimal())
            .maybe("fairPrice", fair)
            .end()
    }
}
