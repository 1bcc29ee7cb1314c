//! MEXC's perpetual contracts: REST, sockets, books, signatures.
//!
//! Calls of [`Mexc`] wait for the exchange and belong on threads that may wait; rows arrive on the connection's own tasks.
//! Never: a decision, a store, a number the exchange did not send, a key in a log.

mod book;
mod feed;
mod frames;
mod health;
mod market;
mod network;
mod rest;
mod settings;
mod socket;
mod versions;
mod wire;

#[cfg(test)]
mod tests;

pub use feed::{MarketFeed, STREAMS, Subscription};
pub use frames::Frames;
pub use health::Health;
pub use market::{
    Asset, Candle, ClockOffset, Deal, Depth, DepthLevel, FundingRate, FundingSettlement, OrderState,
    PlacedOrder, Ticker,
};
pub use rest::request;
pub use rest::sign::Keys;
pub use settings::Settings;

use crate::clock::TaskClock;
use crate::domain::contract::Contract;
use crate::exchange::ExchangeError;
use crate::session::ports::MarketSink;
use health::Counters;
use network::{Internet, Network};
use rest::Rest;
use rest::request::{Request, account, market as calls};
use serde_json::value::RawValue;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use wire::number;
use wire::rows::{self, Rows};

/// A connection to MEXC. Cheap to share; methods block and must not be called from a task of the runtime.
pub struct Mexc {
    link: Arc<Link>,
    handle: Handle,
}

/// What calls and sockets share.
struct Link {
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    network: Arc<dyn Network>,
    clock: TaskClock,
    rest: Rest,
    /// How many subscriptions there were: their sockets must not wait alike.
    subscriptions: AtomicU64,
    offset: Mutex<Option<ClockOffset>>,
    /// Snapshots of books that are fetched now.
    snapshots: tokio::sync::Semaphore,
}

impl Mexc {
    /// Opens nothing yet. `handle` runs the sockets.
    ///
    /// # Errors
    /// [`ExchangeError::Settings`] with all that is wrong in the settings.
    pub fn new(settings: Settings, handle: Handle) -> Result<Arc<Mexc>, ExchangeError> {
        let settings = Arc::new(settings.checked()?);
        let network = Arc::new(Internet::new(settings.clone()));
        Ok(Arc::new(Mexc { link: Arc::new(Link::new(settings, network, TaskClock::start())), handle }))
    }

    /// All contracts, some 1,200.
    ///
    /// # Errors
    /// Any [`ExchangeError`], as for every call here.
    pub fn contracts(&self) -> Result<Vec<Contract>, ExchangeError> {
        self.rows(&calls::detail(None), rows::contracts)
    }

    /// One contract. Code 1001: there is none of this name.
    pub fn contract(&self, symbol: &str) -> Result<Contract, ExchangeError> {
        let request = calls::detail(Some(symbol));
        let rows = self.rows(&request, rows::contracts)?;
        one(&request, rows, |contract: &Contract| contract.symbol == symbol)
    }

    /// One contract, without waiting for it: the answer comes through what is returned.
    pub fn ask_contract(&self, symbol: &str) -> oneshot::Receiver<Result<Contract, ExchangeError>> {
        let (answer, answered) = oneshot::channel();
        let (link, symbol) = (Arc::clone(&self.link), symbol.to_owned());
        self.handle.spawn(async move {
            let request = calls::detail(Some(&symbol));
            let rows = link.rest.read(&request, None, rows::contracts).await;
            let contract = rows.and_then(|rows| {
                one(&request, link.counted(rows), |contract: &Contract| contract.symbol == symbol)
            });
            // Who asked may be gone.
            let _ = answer.send(contract);
        });
        answered
    }

    /// Tickers of all contracts in one call.
    pub fn tickers(&self) -> Result<Vec<Ticker>, ExchangeError> {
        self.rows(&calls::ticker(None), rows::tickers)
    }

    /// One ticker.
    pub fn ticker(&self, symbol: &str) -> Result<Ticker, ExchangeError> {
        let request = calls::ticker(Some(symbol));
        let rows = self.rows(&request, rows::tickers)?;
        one(&request, rows, |ticker: &Ticker| ticker.symbol == symbol)
    }

    /// A book with at most `limit` levels a side (5, 20, 100, 1000; without one some 1,500). It may be older than the last.
    pub fn depth(&self, symbol: &str, limit: Option<u32>) -> Result<Depth, ExchangeError> {
        self.handle.block_on(self.link.rest.read(&calls::depth(symbol, limit), None, rows::depth))
    }

    /// The newest trades, at most 100, newest first.
    pub fn deals(&self, symbol: &str, limit: Option<u32>) -> Result<Vec<Deal>, ExchangeError> {
        self.rows(&calls::deals(symbol, limit), rows::deals)
    }

    /// At most 2,000 candles, oldest first, the last still open. `interval`: `Min1` … `Month1`; times in seconds since 1970.
    pub fn candles(
        &self,
        symbol: &str,
        interval: &str,
        from_seconds: Option<i64>,
        to_seconds: Option<i64>,
    ) -> Result<Vec<Candle>, ExchangeError> {
        self.rows(&calls::kline("", symbol, interval, from_seconds, to_seconds), rows::candles)
    }

    /// The funding to come of all contracts.
    pub fn funding_rates(&self) -> Result<Vec<FundingRate>, ExchangeError> {
        self.rows(&calls::funding_rate(None), rows::funding_rates)
    }

    /// The funding to come of one contract.
    pub fn funding_rate(&self, symbol: &str) -> Result<FundingRate, ExchangeError> {
        let request = calls::funding_rate(Some(symbol));
        let rows = self.rows(&request, rows::funding_rates)?;
        one(&request, rows, |rate: &FundingRate| rate.symbol == symbol)
    }

    /// Funding paid, newest first; pages count from 1 and hold up to 100.
    pub fn funding_history(
        &self,
        symbol: &str,
        page: u32,
        size: u32,
    ) -> Result<Vec<FundingSettlement>, ExchangeError> {
        self.rows(&calls::funding_history(symbol, page, size), rows::funding_history)
    }

    /// The exchange's clock.
    pub fn ping(&self) -> Result<crate::domain::time::Timestamp, ExchangeError> {
        self.handle.block_on(self.link.ping())
    }

    /// Measures the exchange's clock: the quickest of five pings. Signatures use it from then on.
    pub fn measure_clock(&self) -> Result<ClockOffset, ExchangeError> {
        self.handle.block_on(self.link.measure_clock())
    }

    /// The last measurement.
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.link.clock_offset()
    }

    /// What the account has, all currencies. A clock that the exchange finds wrong is measured and the call sent once more.
    pub fn assets(&self, keys: &Keys) -> Result<Vec<Asset>, ExchangeError> {
        let parse = |data: Option<&RawValue>| rows::assets(data.ok_or("it has no data")?);
        let rows = self.handle.block_on(self.link.signed(&account::assets(), keys, parse))?;
        Ok(self.link.counted(rows))
    }

    /// The order that has this id of ours; `None`: the exchange knows none, which it says with a success that holds nothing.
    pub fn order_by_external(
        &self,
        symbol: &str,
        external: &str,
        keys: &Keys,
    ) -> Result<Option<PlacedOrder>, ExchangeError> {
        let request = account::order_by_external(symbol, external);
        self.handle.block_on(self.link.signed(&request, keys, |data| data.map(rows::order).transpose()))
    }

    /// Lets rows of these symbols flow into the intake until [`MarketFeed`] is dropped. Streams begin incomplete: each is said to be
    /// `regained` when it is served for the first time. All of a symbol comes from one task, in order.
    ///
    /// # Errors
    /// [`ExchangeError::Settings`]: no symbols, too many, one twice, or a stream MEXC does not have.
    pub fn subscribe(
        &self,
        subscription: Subscription,
        intake: Arc<dyn MarketSink>,
    ) -> Result<MarketFeed, ExchangeError> {
        feed::start(&self.link, &self.handle, subscription, intake)
    }

    /// Counts since the start.
    pub fn health(&self) -> Health {
        self.link.counters.health(self.link.clock.wall())
    }

    fn rows<T>(
        &self,
        request: &Request,
        parse: impl Fn(&RawValue) -> Result<Rows<T>, String>,
    ) -> Result<Vec<T>, ExchangeError> {
        let rows = self.handle.block_on(self.link.rest.read(request, None, parse))?;
        Ok(self.link.counted(rows))
    }
}

/// The row that was asked for.
fn one<T>(request: &Request, rows: Vec<T>, is_it: impl Fn(&T) -> bool) -> Result<T, ExchangeError> {
    let missing = || ExchangeError::Unreadable {
        call: request.name(),
        status: 200,
        reason: "it does not hold the symbol that was asked for".to_owned(),
    };
    rows.into_iter().find(is_it).ok_or_else(missing)
}

/// Pings of one measurement.
const CLOCK_SAMPLES: usize = 5;

impl Link {
    fn new(settings: Arc<Settings>, network: Arc<dyn Network>, clock: TaskClock) -> Self {
        let counters = Arc::new(Counters::default());
        let rest = Rest::new(settings.clone(), counters.clone(), network.clone(), clock);
        let snapshots = tokio::sync::Semaphore::new(crate::limits::EXCHANGE_SNAPSHOT_CALLS);
        let subscriptions = AtomicU64::new(0);
        Link { settings, counters, network, clock, rest, subscriptions, offset: Mutex::new(None), snapshots }
    }

    fn counted<T>(&self, rows: Rows<T>) -> Vec<T> {
        self.counters.unknown_fields.add(rows.unknown);
        self.counters.malformed.add(rows.malformed);
        rows.rows
    }

    fn clock_offset(&self) -> Option<ClockOffset> {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ping(&self) -> Result<crate::domain::time::Timestamp, ExchangeError> {
        self.rest
            .read(&calls::ping(), None, |data| {
                number::millis(data).ok_or_else(|| "it holds no time".to_owned())
            })
            .await
    }

    async fn measure_clock(&self) -> Result<ClockOffset, ExchangeError> {
        let mut best: Option<ClockOffset> = None;
        for _ in 0..CLOCK_SAMPLES {
            let sample = self.clock_sample().await?;
            if best.is_none_or(|best| sample.round_trip_ns < best.round_trip_ns) {
                best = Some(sample);
            }
        }
        let best = best.expect("there is at least one sample");
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = Some(best);
        self.rest.set_offset(best.offset_ns);
        Ok(best)
    }

    /// One ping. A wait in the budget or a second try lengthens the round trip, so the sample loses against the others.
    async fn clock_sample(&self) -> Result<ClockOffset, ExchangeError> {
        let (sent_at, begun) = (self.clock.wall(), self.clock.steady());
        let theirs = self.ping().await?;
        let round_trip_ns = self.clock.steady().nanos() - begun.nanos();
        let offset_ns = theirs.nanos() - (sent_at.nanos() + round_trip_ns / 2);
        Ok(ClockOffset { offset_ns, round_trip_ns, at: self.clock.wall() })
    }

    /// A signed read; when our clock was wrong it is set right and the call sent once more.
    async fn signed<T>(
        &self,
        request: &Request,
        keys: &Keys,
        parse: impl Fn(Option<&RawValue>) -> Result<T, String>,
    ) -> Result<T, ExchangeError> {
        match self.rest.look_up(request, Some(keys), &parse).await {
            Err(error) if error.code() == Some(513) => {
                self.measure_clock().await?;
                self.rest.look_up(request, Some(keys), &parse).await
            }
            other => other,
        }
    }
}
