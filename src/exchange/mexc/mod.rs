//! MEXC perpetual contracts: REST calls, WebSocket feeds, order books, signatures.
//!
//! Methods of [`Mexc`] block and belong on threads that may block; rows arrive on the connection's own tasks.
//! Invariant: keys and signatures never appear in logs or errors.

mod account;
mod book;
pub mod codes;
mod feed;
mod frames;
mod health;
mod market;
mod network;
mod rest;
mod settings;
mod socket;
mod subscription;
mod versions;
mod wire;

#[cfg(test)]
mod tests;

pub use account::{AccountClient, AccountNews, AccountSink, Listening, WriteOutcome};
pub use feed::MarketFeed;
pub use frames::Frames;
pub use health::Health;
pub use market::{
    Asset, Candle, ClockOffset, Deal, DepthLevel, DepthSnapshot, Effect, Execution, ExecutionCause,
    FundingRate, FundingSettlement, HeldPosition, OrderState, PlacedOrder, PositionMode, ResidentStop,
    Ticker,
};
pub use rest::request;
pub use rest::sign::Keys;
pub use settings::{ONLY_REHEARSAL, Settings};
pub use subscription::{STREAMS, Subscription};

use crate::clock::TaskClock;
use crate::domain::contract::Contract;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::ExchangeError;
use crate::session::ports::MarketSink;
use arc_swap::ArcSwap;
use health::Counters;
use network::{Internet, Network};
use rest::Rest;
use rest::request::{Request, account as reads, market as calls};
use serde_json::value::RawValue;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use wire::number;
use wire::rows::{self, Rows};

/// A connection to MEXC. Cheap to share; its methods block and must not be called from a task of the runtime.
pub struct Mexc {
    link: Arc<Link>,
    handle: Handle,
}

/// State shared by calls and sockets.
struct Link {
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    network: Arc<dyn Network>,
    clock: TaskClock,
    rest: Rest,
    /// Number of subscriptions so far; part of the seed, so that their sockets do not retry in step.
    subscriptions: AtomicU64,
    offset: Mutex<Option<ClockOffset>>,
    /// Limits how many book snapshots are fetched at once.
    snapshots: tokio::sync::Semaphore,
    /// Held while the terms of one contract are taken down, so that they take one blocking thread of all
    /// sessions.
    keeping: tokio::sync::Mutex<()>,
}

impl Mexc {
    /// Opens no connection yet. `handle` runs the sockets.
    ///
    /// # Errors
    /// [`ExchangeError::Settings`] with everything that is wrong in the settings.
    pub fn new(settings: Settings, handle: Handle) -> Result<Arc<Mexc>, ExchangeError> {
        let settings = Arc::new(settings.checked()?);
        let network = Arc::new(Internet::new(settings.clone()));
        Ok(Arc::new(Mexc { link: Arc::new(Link::new(settings, network, TaskClock::start())), handle }))
    }

    /// All contracts, about 1,200. The list with margin tiers is newer than the one without, which answers
    /// where the newer does not.
    ///
    /// # Errors
    /// Any [`ExchangeError`], as for every call here.
    pub fn contracts(&self) -> Result<Vec<Contract>, ExchangeError> {
        match self.rows(&calls::detail_country(None), rows::contracts) {
            Err(ExchangeError::Unreadable { status: 404, .. }) => {
                self.rows(&calls::detail(None), rows::contracts)
            }
            answered => answered,
        }
    }

    /// One contract. Error code 1001: it does not exist.
    pub fn contract(&self, symbol: &str) -> Result<Contract, ExchangeError> {
        let request = calls::detail(Some(symbol));
        let rows = self.rows(&request, rows::contracts)?;
        one(&request, rows, |contract: &Contract| contract.symbol == symbol)
    }

    /// Requests one contract without blocking. The answer arrives on the returned channel once `keep` has
    /// taken it down, which may block: it runs on a thread for that, for one contract at a time.
    pub fn ask_contract(
        &self,
        symbol: &str,
        keep: impl FnOnce(&Contract) + Send + 'static,
    ) -> oneshot::Receiver<Result<Contract, ExchangeError>> {
        let (answer, answered) = oneshot::channel();
        let (link, symbol) = (Arc::clone(&self.link), symbol.to_owned());
        self.handle.spawn(async move {
            let request = calls::detail(Some(&symbol));
            let rows = link.rest.read(&request, None, rows::contracts).await;
            let mut contract = rows.and_then(|rows| {
                one(&request, link.counted(rows), |contract: &Contract| contract.symbol == symbol)
            });
            if let Ok(asked) = contract {
                let _turn = link.keeping.lock().await;
                let kept = spawn_blocking(move || {
                    keep(&asked);
                    asked
                });
                // A defect in it is no answer: the channel is closed.
                let Ok(asked) = kept.await else { return };
                contract = Ok(asked);
            }
            // The caller may have dropped the receiver.
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

    /// A book with at most `limit` levels per side (5, 20, 100, 1000; about 1,500 without a limit). The
    /// exchange may answer with an older version than before.
    pub fn depth(&self, symbol: &str, limit: Option<u32>) -> Result<DepthSnapshot, ExchangeError> {
        self.handle.block_on(self.link.rest.read(&calls::depth(symbol, limit), None, rows::depth))
    }

    /// The newest trades, newest first, at most 100.
    pub fn deals(&self, symbol: &str, limit: Option<u32>) -> Result<Vec<Deal>, ExchangeError> {
        self.rows(&calls::deals(symbol, limit), rows::deals)
    }

    /// At most 2,000 candles, oldest first; the last one is still open. `interval`: `Min1` … `Month1`; times
    /// in seconds since 1970.
    pub fn candles(
        &self,
        symbol: &str,
        interval: &str,
        from_seconds: Option<i64>,
        to_seconds: Option<i64>,
    ) -> Result<Vec<Candle>, ExchangeError> {
        self.rows(&calls::kline("", symbol, interval, from_seconds, to_seconds), rows::candles)
    }

    /// The next funding of all contracts.
    pub fn funding_rates(&self) -> Result<Vec<FundingRate>, ExchangeError> {
        self.rows(&calls::funding_rate(None), rows::funding_rates)
    }

    /// The next funding of one contract.
    pub fn funding_rate(&self, symbol: &str) -> Result<FundingRate, ExchangeError> {
        let request = calls::funding_rate(Some(symbol));
        let rows = self.rows(&request, rows::funding_rates)?;
        one(&request, rows, |rate: &FundingRate| rate.symbol == symbol)
    }

    /// Funding payments, newest first; pages count from 1 and hold up to 100.
    pub fn funding_history(
        &self,
        symbol: &str,
        page: u32,
        size: u32,
    ) -> Result<Vec<FundingSettlement>, ExchangeError> {
        self.rows(&calls::funding_history(symbol, page, size), rows::funding_history)
    }

    /// The exchange's time.
    pub fn ping(&self) -> Result<crate::domain::time::Timestamp, ExchangeError> {
        self.handle.block_on(self.link.ping())
    }

    /// Measures the exchange's clock with five pings and keeps the fastest. Signatures use the offset from
    /// then on.
    pub fn measure_clock(&self) -> Result<ClockOffset, ExchangeError> {
        self.handle.block_on(self.link.measure_clock())
    }

    /// The last measured clock offset.
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.link.clock_offset()
    }

    /// Balances of the account in all currencies. When the exchange rejects our time, the clock is measured
    /// and the call retried once.
    pub fn assets(&self, keys: &Keys) -> Result<Vec<Asset>, ExchangeError> {
        let parse = |data: Option<&RawValue>| rows::assets(data.ok_or("it has no data")?);
        let rows = self.handle.block_on(self.link.signed(&reads::assets(), keys, parse))?;
        Ok(self.link.counted(rows))
    }

    /// The order with this client order id; `None`: the exchange does not know it (it answers with success
    /// and no data).
    pub fn order_by_external(
        &self,
        symbol: &str,
        external: &str,
        keys: &Keys,
    ) -> Result<Option<PlacedOrder>, ExchangeError> {
        let request = reads::order_by_external(symbol, external);
        self.handle.block_on(self.link.signed(&request, keys, |data| data.map(rows::order).transpose()))
    }

    /// Delivers rows of these symbols to the inbox until the [`MarketFeed`] is dropped. A stream starts
    /// incomplete and is reported as `regained` when its first data arrives. All rows of a symbol come from
    /// one task, in order.
    ///
    /// # Errors
    /// [`ExchangeError::Settings`]: no symbols, too many, a duplicate, or a stream MEXC does not offer.
    pub fn subscribe(
        &self,
        subscription: Subscription,
        inbox: Arc<dyn MarketSink>,
    ) -> Result<MarketFeed, ExchangeError> {
        feed::start(&self.link, &self.handle, subscription, inbox)
    }

    /// An account of the exchange, reached with these keys, which may be replaced while it is used.
    ///
    /// # Errors
    /// [`ExchangeError::Settings`] unless the exchange is one of this host: this version sends orders to no
    /// other.
    pub fn account(&self, keys: Arc<ArcSwap<Keys>>) -> Result<AccountClient, ExchangeError> {
        if !self.link.settings.is_on_this_host() {
            return Err(ExchangeError::Settings(ONLY_REHEARSAL.to_owned()));
        }
        Ok(AccountClient::new(Arc::clone(&self.link), keys, self.handle.clone()))
    }

    /// Counters since the start.
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

/// The requested row out of a list.
fn one<T>(request: &Request, rows: Vec<T>, is_it: impl Fn(&T) -> bool) -> Result<T, ExchangeError> {
    let missing = || ExchangeError::Unreadable {
        call: request.name(),
        status: 200,
        reason: "it does not hold the symbol that was asked for".to_owned(),
    };
    rows.into_iter().find(is_it).ok_or_else(missing)
}

/// Pings per measurement.
const CLOCK_SAMPLES: usize = 5;

impl Link {
    fn new(settings: Arc<Settings>, network: Arc<dyn Network>, clock: TaskClock) -> Self {
        let counters = Arc::new(Counters::default());
        let rest = Rest::new(settings.clone(), counters.clone(), network.clone(), clock);
        let snapshots = tokio::sync::Semaphore::new(crate::limits::EXCHANGE_SNAPSHOT_CALLS);
        let subscriptions = AtomicU64::new(0);
        let (offset, keeping) = (Mutex::new(None), tokio::sync::Mutex::default());
        Link { settings, counters, network, clock, rest, subscriptions, offset, snapshots, keeping }
    }

    fn counted<T>(&self, rows: Rows<T>) -> Vec<T> {
        self.counters.unknown_fields.add(rows.unknown);
        self.counters.malformed.add(rows.malformed);
        rows.rows
    }

    fn clock_offset(&self) -> Option<ClockOffset> {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, on the exchange's clock as far as it is known.
    fn exchange_time(&self) -> Timestamp {
        let offset = self.clock_offset().map_or(0, |clock| clock.offset_ns);
        self.clock.wall() + Span::from_nanos(offset)
    }

    async fn ping(&self) -> Result<crate::domain::time::Timestamp, ExchangeError> {
        self.rest
            .read(&calls::ping(), None, |data| {
                number::millis(data).ok_or_else(|| "it does not hold a time".to_owned())
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

    /// One ping. A wait in the budget or a retry lengthens the round trip, so such a sample loses to the
    /// others.
    async fn clock_sample(&self) -> Result<ClockOffset, ExchangeError> {
        let (sent_at, begun) = (self.clock.wall(), self.clock.steady());
        let theirs = self.ping().await?;
        let round_trip_ns = self.clock.steady().nanos() - begun.nanos();
        let offset_ns = theirs.nanos() - (sent_at.nanos() + round_trip_ns / 2);
        Ok(ClockOffset { offset_ns, round_trip_ns, at: self.clock.wall() })
    }

    /// A signed read; on a clock error (code 513) the clock is measured and the call retried once.
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
