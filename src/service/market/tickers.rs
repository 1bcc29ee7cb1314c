//! Symbols with prices from one bulk request, cached in memory and in the store. A stale list is returned
//! rather than none.
//!
//! Invariant: a symbol without a price has no row; at most one request is under way.

use super::{Market, VENUE};
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::Ticker;
use crate::service::Refusal;
use crate::store::records::TickerCacheV1;
use crate::store::{Store, StoreError};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How long a failed request is not repeated.
pub(super) const ASK_AGAIN: Span = Span::from_seconds(5);

/// Which symbols are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The symbols of the configuration.
    Configured,
    /// Every tradable contract.
    All,
}

/// A query for symbols.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SymbolQuery {
    /// Which symbols are listed.
    pub scope: Scope,
    /// Only names containing this text, ignoring case.
    pub text: Option<String>,
}

/// The cached list.
pub(super) struct Tickers {
    state: Mutex<FetchState>,
    changed: Condvar,
}

#[derive(Default)]
struct FetchState {
    known: Option<Arc<TickerList>>,
    is_fetching: bool,
    /// Time and reason of the last failure.
    failed: Option<(Timestamp, Refusal)>,
}

/// A list as received from the exchange.
struct TickerList {
    as_of: Timestamp,
    /// Rows by symbol, in the shape of the API.
    rows: BTreeMap<String, Value>,
    /// Reasons by symbol why there is no row.
    unavailable: BTreeMap<String, String>,
}

impl Tickers {
    pub(super) fn open(store: &Store) -> Result<Self, StoreError> {
        let kept = store.tickers(VENUE)?;
        let known = kept
            .and_then(|kept| TickerList::read(Timestamp::from_micros(kept.as_of_us)?, &kept.body))
            .map(Arc::new);
        Ok(Tickers {
            state: Mutex::new(FetchState { known, ..FetchState::default() }),
            changed: Condvar::new(),
        })
    }

    pub(super) fn symbols(
        &self,
        market: &Market,
        query: &SymbolQuery,
        config: &Config,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let (known, source) = self.current(market, config, now)?;
        let text = query.text.as_ref().map(|text| text.to_ascii_uppercase());
        let wanted = |name: &str| text.as_ref().is_none_or(|text| name.contains(text.as_str()));
        let mut unavailable = Vec::new();
        let mut rows = Vec::new();
        match query.scope {
            Scope::All => {
                rows.extend(
                    known
                        .rows
                        .iter()
                        .filter(|(name, row)| wanted(name) && row["tradable"] == true)
                        .map(|(_, row)| row),
                );
                unavailable.extend(
                    known
                        .unavailable
                        .iter()
                        .filter(|(name, _)| wanted(name))
                        .map(|(name, why)| (name.as_str(), why.as_str())),
                );
            }
            Scope::Configured => {
                for name in config.trading.default_symbols.iter().filter(|name| wanted(name)) {
                    match known.rows.get(name) {
                        Some(row) => rows.push(row),
                        None => {
                            let why = known
                                .unavailable
                                .get(name)
                                .map_or("the exchange does not list it", |it| it.as_str());
                            unavailable.push((name.as_str(), why));
                        }
                    }
                }
            }
        }
        let unavailable: Vec<Value> = unavailable
            .into_iter()
            .map(|(symbol, reason)| json!({"symbol": symbol, "reason": reason}))
            .collect();
        Ok(
            json!({"symbols": rows, "as_of": known.as_of.rfc3339_millis(), "source": source, "unavailable": unavailable}),
        )
    }

    /// A list that is young enough, else a stale one; with the API's name for its origin.
    fn current(
        &self,
        market: &Market,
        config: &Config,
        now: Timestamp,
    ) -> Result<(Arc<TickerList>, &'static str), Refusal> {
        let ttl = Span::from_seconds(i64::from(config.exchange.tickers_ttl_s));
        let mut state = self.lock();
        let mut waited = false;
        loop {
            if let Some(known) = state.known.as_ref().filter(|known| now - known.as_of < ttl) {
                return Ok((Arc::clone(known), if waited { "exchange" } else { "cache" }));
            }
            let failed = state
                .failed
                .as_ref()
                .filter(|(at, _)| now - *at < ASK_AGAIN)
                .map(|(_, refusal)| refusal.clone());
            if let Some(refusal) = failed {
                return state.known.as_ref().map(|known| (Arc::clone(known), "stale_cache")).ok_or(refusal);
            }
            if !state.is_fetching {
                break;
            }
            waited = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_fetching = true;
        drop(state);
        let under_way = UnderWay(self);
        let watch = Stopwatch::start();
        let fetched = fetch(market, now);
        let mut state = self.lock();
        match fetched {
            Ok(known) => {
                state.known = Some(Arc::new(known));
                state.failed = None;
            }
            // A call that timed out failed long after it began.
            Err(refusal) => state.failed = Some((now + watch.elapsed(), refusal)),
        }
        let answer = match (&state.known, &state.failed) {
            (Some(known), None) => Ok((Arc::clone(known), "exchange")),
            (Some(known), Some(_)) => Ok((Arc::clone(known), "stale_cache")),
            (None, Some((_, refusal))) => Err(refusal.clone()),
            (None, None) => unreachable!("a fetch leaves a list or a failure"),
        };
        drop(state);
        drop(under_way);
        answer
    }

    fn lock(&self) -> MutexGuard<'_, FetchState> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks a request as under way until dropped, also by a panic.
struct UnderWay<'a>(&'a Tickers);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().is_fetching = false;
        self.0.changed.notify_all();
    }
}

fn fetch(market: &Market, now: Timestamp) -> Result<TickerList, Refusal> {
    let contracts = market.contracts(now)?;
    let tickers = market.client()?.tickers().map_err(|error| super::unavailable(&error))?;
    let known = TickerList::join(&contracts, &tickers, now);
    market.store.put_tickers(VENUE, &TickerCacheV1 { as_of_us: now.micros(), body: known.body() })?;
    Ok(known)
}

impl TickerList {
    fn join(contracts: &[Contract], tickers: &[Ticker], as_of: Timestamp) -> Self {
        let terms: BTreeMap<&str, &Contract> =
            contracts.iter().map(|contract| (contract.symbol.as_str(), contract)).collect();
        let (mut rows, mut unavailable) = (BTreeMap::new(), BTreeMap::new());
        for ticker in tickers {
            let contract = terms.get(ticker.symbol.as_str()).copied();
            let why = match (contract, ticker.last) {
                (None, _) => Some("the exchange gives no contract terms for it"),
                (_, None) => Some("the exchange gives no price for it"),
                _ => None,
            };
            match (contract, why) {
                (Some(contract), None) => {
                    drop(rows.insert(ticker.symbol.clone(), row(contract, ticker, as_of)))
                }
                (_, why) => {
                    drop(unavailable.insert(ticker.symbol.clone(), why.unwrap_or_default().to_owned()))
                }
            }
        }
        for contract in contracts {
            if !rows.contains_key(&contract.symbol) {
                unavailable
                    .entry(contract.symbol.clone())
                    .or_insert_with(|| "the exchange gives no ticker for it".to_owned());
            }
        }
        TickerList { as_of, rows, unavailable }
    }

    fn body(&self) -> String {
        json!({"rows": self.rows, "unavailable": self.unavailable}).to_string()
    }

    /// `None` when the body has another form; it is then ignored.
    fn read(as_of: Timestamp, body: &str) -> Option<Self> {
        let mut body: Value = serde_json::from_str(body).ok()?;
        let rows: Map<String, Value> = serde_json::from_value(body["rows"].take()).ok()?;
        let unavailable = serde_json::from_value(body["unavailable"].take()).ok()?;
        Some(TickerList { as_of, rows: rows.into_iter().collect(), unavailable })
    }
}

/// A row in the shape of the API; values the exchange did not send are null.
fn row(contract: &Contract, ticker: &Ticker, as_of: Timestamp) -> Value {
    let number = |value: Option<Decimal>| value.map(Decimal::to_f64);
    json!({
        "symbol": contract.symbol,
        "name": contract.display_name,
        "price": number(ticker.last),
        "volume24h": number(ticker.turnover24),
        "change24h": ticker.change24.and_then(|change| change.product(Decimal::new(100, 0)?)).map(Decimal::to_f64),
        "high24h": number(ticker.high),
        "low24h": number(ticker.low),
        "funding_rate": number(ticker.funding_rate),
        "contract_size": contract.contract_size.to_f64(),
        "price_step": contract.price_step.to_f64(),
        "quantity_step": contract.quantity_step.to_f64(),
        "max_leverage": contract.max_leverage,
        "tradable": contract.is_tradable(),
        "updated_at": ticker.at.unwrap_or(as_of).rfc3339_millis(),
    })
}
