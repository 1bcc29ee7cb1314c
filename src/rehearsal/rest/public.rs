//! Public calls: contracts, tickers, books, deals, candles, funding. Also the few spot calls that clients
//! make.

use super::{Answer, Failed, Reply, Request};
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::faults::FaultKind;
use crate::rehearsal::market::bars::{BARS, INTERVALS};
use crate::rehearsal::market::ladder::Ladder;
use crate::rehearsal::terms::{self, Form};
use crate::rehearsal::wire::{Object, list};

/// Levels of a book that is requested without a limit.
const DEPTH_LEVELS: usize = 1_500;

impl Exchange {
    /// A call below `/api/v1/contract/`.
    pub(super) fn public(&mut self, request: &Request, rest: &str) -> Answer {
        if request.method != "GET" {
            return Err(Failed::new(405, "Method Not Allowed"));
        }
        let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        let now_ms = self.now_ms();
        match parts.as_slice() {
            ["ping"] => Ok(Some(now_ms.to_string())),
            ["detail"] => self.detail(request, Form::Detail),
            ["detail", "country"] => self.detail(request, Form::Country),
            ["ticker"] => self.ticker(request),
            ["depth", symbol] => self.depth(request, symbol),
            ["depth_commits", symbol, limit] => self.depth_commits(symbol, limit),
            ["deals", symbol] => {
                let (index, limit) = (self.symbol_index(symbol)?, count(request, "limit", 100, 100)?);
                Ok(Some(self.markets[index].last_deals(&mut self.spelling, limit)))
            }
            ["kline", symbol] => self.klines(request, symbol, true),
            ["kline", "index_price" | "fair_price", symbol] => self.klines(request, symbol, false),
            ["funding_rate", "history"] => self.funding_history(request),
            ["funding_rate"] => {
                let true_ms = self.true_ms();
                let mut indexes: Vec<usize> = self.listed().collect();
                indexes.retain(|index| {
                    self.faults.strikes(FaultKind::FundingMissing, Some(*index), true_ms).is_none()
                });
                Ok(Some(list(indexes.into_iter().map(|index| self.markets[index].funding_text(now_ms)))))
            }
            ["funding_rate", symbol] => {
                Ok(Some(self.markets[self.symbol_index(symbol)?].funding_text(now_ms)))
            }
            ["index_price", symbol] => self.single_price(symbol, "indexPrice"),
            ["fair_price", symbol] => self.single_price(symbol, "fairPrice"),
            ["support_currencies"] => Ok(Some("[\"USDT\"]".to_owned())),
            _ => Err(Failed::new(404, "Not Found")),
        }
    }

    /// Index of the symbol in a path, in upper or lower case.
    pub(super) fn symbol_index(&self, symbol: &str) -> Result<usize, Failed> {
        self.find(&symbol.to_ascii_uppercase()).ok_or_else(Failed::no_contract)
    }

    fn listed(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.markets.len()).filter(|index| !self.markets[*index].is_delisted)
    }

    fn detail(&mut self, request: &Request, form: Form) -> Answer {
        if let Some(symbol) = request.parameter("symbol") {
            let index = self.symbol_index(&symbol)?;
            return Ok(Some(terms::detail(&self.markets[index].contract, index, form)));
        }
        Ok(Some(list(self.listed().map(|index| terms::detail(&self.markets[index].contract, index, form)))))
    }

    fn ticker(&mut self, request: &Request) -> Answer {
        let now_ms = self.now_ms();
        if let Some(symbol) = request.parameter("symbol") {
            let index = self.symbol_index(&symbol)?;
            return Ok(Some(self.one_ticker(index, now_ms)));
        }
        let indexes: Vec<usize> = (0..self.markets.len()).collect();
        let rows = indexes.into_iter().map(|index| self.one_ticker(index, now_ms));
        Ok(Some(list(rows.collect::<Vec<_>>())))
    }

    /// A ticker; a market that is delisted or has no price shows zeros.
    fn one_ticker(&mut self, index: usize, now_ms: i64) -> String {
        let market = &self.markets[index];
        let shown =
            if market.is_delisted { None } else { market.ticker(&mut self.spelling, index, now_ms, true) };
        shown.unwrap_or_else(|| {
            let object = Object::new()
                .text("symbol", &market.contract.symbol)
                .put("lastPrice", 0)
                .put("volume24", 0)
                .put("amount24", 0);
            let object = object
                .put("holdVol", 0)
                .put("lower24Price", 0)
                .put("high24Price", 0)
                .put("riseFallRate", 0)
                .put("riseFallValue", 0);
            object
                .put("indexPrice", 0)
                .put("fairPrice", 0)
                .put("fundingRate", 0)
                .put("timestamp", now_ms)
                .end()
        })
    }

    fn depth(&mut self, request: &Request, symbol: &str) -> Answer {
        let limit = count(request, "limit", DEPTH_LEVELS, DEPTH_LEVELS)?;
        let now_ms = self.now_ms();
        let index = self.known(&symbol.to_ascii_uppercase()).ok_or_else(Failed::no_contract)?;
        if self.markets[index].is_delisted {
            let frozen_ms = self.markets[index].commits.back().map_or(0, |commit| commit.at_ms);
            let object = Object::new()
                .null("cts")
                .raw("asks", "[]")
                .raw("bids", "[]")
                .put("version", self.markets[index].version);
            return Ok(Some(object.put("timestamp", frozen_ms).end()));
        }
        let mut old = self.old_book(index);
        let market = &mut self.markets[index];
        if let Some((ladder, version)) = &mut old {
            std::mem::swap(&mut market.ladder, ladder);
            std::mem::swap(&mut market.version, version);
        }
        let text = market.depth(&mut self.spelling, limit, now_ms);
        if let Some((ladder, version)) = old {
            (market.ladder, market.version) = (ladder, version);
        }
        Ok(Some(text))
    }

    /// The old book that a fault shows instead of the current one.
    fn old_book(&mut self, index: usize) -> Option<(Ladder, u64)> {
        let true_ms = self.true_ms();
        let frozen = self.frozen.get(&index)?;
        if self.faults.strikes(FaultKind::SnapshotStale, Some(index), true_ms).is_some() {
            return Some(frozen.clone());
        }
        if self.faults.strikes(FaultKind::SnapshotBack, Some(index), true_ms).is_some() {
            // Current and old book alternate.
            self.goes_back = !self.goes_back;
            return (!self.goes_back).then(|| frozen.clone());
        }
        None
    }

    fn depth_commits(&mut self, symbol: &str, limit: &str) -> Answer {
        let limit: usize = limit.parse().map_err(|_| Failed::parameter())?;
        let market = &self.markets[self.symbol_index(symbol)?];
        let commits = market.commits.iter().rev().take(limit.min(1_000));
        Ok(Some(list(commits.map(|commit| market.commit_text(&mut self.spelling, commit)))))
    }

    /// With `start`: the first 2,000 candles from there; otherwise the last 2,000 up to `end` or now.
    fn klines(&mut self, request: &Request, symbol: &str, has_volume: bool) -> Answer {
        let name = request.parameter("interval").unwrap_or_else(|| "Min1".to_owned());
        let name = if name == "Hour1" { "Min60".to_owned() } else { name };
        let (_, seconds) =
            INTERVALS.iter().find(|(known, _)| *known == name).ok_or_else(Failed::parameter)?;
        let end = request.number("end", self.now_ms() / 1_000)?;
        let start = request.number("start", 0)?;
        let market = &self.markets[self.symbol_index(symbol)?];
        let mut bars = market.bars.of(*seconds, start, end);
        if request.parameter("start").is_some() {
            bars.truncate(BARS);
        } else {
            bars.drain(..bars.len().saturating_sub(BARS));
        }
        if !has_volume {
            for bar in &mut bars {
                (bar.volume, bar.amount) = Default::default();
            }
        }
        Ok(Some(market.klines(&bars)))
    }

    fn funding_history(&mut self, request: &Request) -> Answer {
        let market = &self.markets[self.symbol_index(&request.parameter("symbol").unwrap_or_default())?];
        let (page, size) =
            (request.number("page_num", 1)?.max(1), request.number("page_size", 20)?.clamp(1, 1_000));
        let total = i64::try_from(market.settlements.len()).unwrap_or(i64::MAX);
        let skip = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
        let rows = market.settlements.iter().rev().skip(skip).take(usize::try_from(size).unwrap_or(0));
        let rows = list(rows.map(|(at_ms, rate)| {
            let object = Object::new()
                .text("symbol", &market.contract.symbol)
                .put("fundingRate", rate)
                .put("settleTime", at_ms);
            object.put("collectCycle", market.funding.cycle_hours).end()
        }));
        Ok(Some(paged(page, size, total, &rows)))
    }

    fn single_price(&mut self, symbol: &str, key: &str) -> Answer {
        let now_ms = self.now_ms();
        let market = &self.markets[self.symbol_index(symbol)?];
        let fair = market.fair().map(|price| market.price_decimal(price));
        let price = if key == "indexPrice" { market.index_decimal() } else { fair };
        let object = Object::new().text("symbol", &market.contract.symbol).maybe(key, price);
        Ok(Some(object.put("timestamp", now_ms).end()))
    }

    /// Spot: no envelope, and only the calls that clients make to load contracts.
    pub(super) fn spot(&mut self, request: &Request) -> Reply {
        let now_ms = self.now_ms();
        match request.path.as_str() {
            "/api/v3/ping" => Reply::json(200, "{}"),
            "/api/v3/time" => Reply::json(200, format!("{{\"serverTime\":{now_ms}}}")),
            "/api/v3/exchangeInfo" => {
                let object =
                    Object::new().text("timezone", "CST").put("serverTime", now_ms).raw("rateLimits", "[]");
                Reply::json(200, object.raw("exchangeFilters", "[]").raw("symbols", "[]").end())
            }
            _ => Reply::json(404, "{\"code\":404,\"msg\":\"Not Found\"}"),
        }
    }
}

/// A page of a longer list.
pub(super) fn paged(page: i64, size: i64, total: i64, rows: &str) -> String {
    let pages = (total + size - 1) / size.max(1);
    let object = Object::new().put("pageSize", size).put("totalCount", total).put("totalPage", pages);
    object.put("currentPage", page).raw("resultList", rows).end()
}

/// A count from the query, clamped to its bounds.
fn count(request: &Request, name: &str, default: usize, most: usize) -> Result<usize, Failed> {
    let wanted = request.number(name, i64::try_from(default).unwrap_or(i64::MAX))?;
    Ok(usize::try_from(wanted).map_err(|_| Failed::parameter())?.clamp(1, most))
}
