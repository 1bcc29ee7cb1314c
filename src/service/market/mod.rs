//! Exchange access for the rest of the service: cached contracts and tickers, and market feeds.
//!
//! Invariant: at most one request for contracts and one for tickers is under way; a missing value is null,
//! not zero; a list of tickers carries its time.

mod check;
mod keys;
mod lag;
mod live_lease;
mod lock;
mod tickers;

pub use crate::exchange::mexc::{MarketFeed, Subscription};
pub use check::{AccountNeeds, CheckLine, CheckVerdict};
pub use keys::KeyRing;
pub use lag::{LagCounts, Lags};
pub use live_lease::{LeaseHistory, LiveLease, LiveLeaseholder, Unreadable};
pub use lock::{LOCK_FILE, LiveLock};
pub use tickers::{Scope, SymbolQuery};

use super::secret_file::credentials;
use super::{Refusal, RefusalKind};
use crate::clock::{self, Stopwatch};
use crate::config::{Config, Exchange};
use crate::domain::contract::Contract;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::ExchangeError;
use crate::exchange::mexc::{AccountClient, Health, Mexc, Settings};
use crate::session::ports::MarketSink;
use crate::store::{Store, StoreError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tickers::{ASK_AGAIN, Tickers};
use tokio::sync::oneshot;

/// The exchange, as records name it.
pub(in crate::service) const VENUE: &str = "mexc";

/// How long cached contract terms are used.
const CONTRACTS_TTL: Span = Span::from_seconds(3_600);

/// How long cached contract terms are used for a session that starts.
const START_TTL: Span = Span::from_seconds(60);

/// Access to the exchange.
pub struct Market {
    /// `None` when the exchange is disabled in the configuration.
    client: Option<Arc<Mexc>>,
    store: Arc<Store>,
    /// State directory; its file system is checked for free space.
    state: PathBuf,
    /// `recording.min_free_mib` of the configuration in force.
    min_free_mib: AtomicU64,
    terms: Arc<Terms>,
    /// Held while the terms are fetched, so that one request serves all waiters. Holds the last failure and
    /// its time.
    asking: Mutex<Option<(Timestamp, Refusal)>>,
    tickers: Tickers,
    lags: Arc<Lags>,
    keys: Arc<KeyRing>,
}

/// Terms of contracts as the exchange gave them last; their history is in the store.
struct Terms {
    store: Arc<Store>,
    /// Held for moments only.
    contracts: Mutex<Option<(Timestamp, Arc<Vec<Contract>>)>>,
}

impl Terms {
    /// Replaces the terms of one contract and stores them. Waits for the disk.
    ///
    /// # Errors
    /// What the store reports; what is in memory is replaced all the same.
    fn learn(&self, contract: &Contract, now: Timestamp) -> Result<(), StoreError> {
        if let Some((_, contracts)) = self.known().as_mut() {
            if contracts.contains(contract) {
                return Ok(());
            }
            match Arc::make_mut(contracts).iter_mut().find(|known| known.symbol == contract.symbol) {
                Some(known) => known.clone_from(contract),
                None => Arc::make_mut(contracts).push(contract.clone()),
            }
        }
        self.store.put_contracts(std::slice::from_ref(contract), now).map(drop)
    }

    fn known(&self) -> MutexGuard<'_, Option<(Timestamp, Arc<Vec<Contract>>)>> {
        // Every change is complete before anything can panic.
        self.contracts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Market {
    /// Uses this client, `None` when the exchange is disabled. Loads the tickers cached in the store.
    ///
    /// # Errors
    /// What the store reports.
    pub fn open(client: Option<Arc<Mexc>>, store: Arc<Store>, state: PathBuf) -> Result<Self, Refusal> {
        let tickers = Tickers::open(&store)?;
        let keys = Arc::new(KeyRing::new(&state, credentials().as_deref()));
        let terms = Arc::new(Terms { store: Arc::clone(&store), contracts: Mutex::new(None) });
        Ok(Market {
            client,
            store,
            state,
            min_free_mib: AtomicU64::new(0),
            terms,
            asking: Mutex::new(None),
            tickers,
            lags: Arc::default(),
            keys,
        })
    }

    /// Terms of all contracts, at most an hour old. Every change of terms is stored with its time.
    ///
    /// # Errors
    /// `exchange_unavailable`.
    pub fn contracts(&self, now: Timestamp) -> Result<Arc<Vec<Contract>>, Refusal> {
        self.contracts_within(CONTRACTS_TTL, now)
    }

    fn contracts_within(&self, ttl: Span, now: Timestamp) -> Result<Arc<Vec<Contract>>, Refusal> {
        if let Some(contracts) = self.known_within(ttl, now) {
            return Ok(contracts);
        }
        let mut failed = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(contracts) = self.known_within(ttl, now) {
            return Ok(contracts);
        }
        if let Some((_, refusal)) = failed.as_ref().filter(|(at, _)| now - *at < ASK_AGAIN) {
            return Err(refusal.clone());
        }
        let watch = Stopwatch::start();
        let answer = self.client()?.contracts().map_err(|error| unavailable(&error));
        // A call that timed out failed long after it began.
        *failed = answer.as_ref().err().map(|refusal| (now + watch.elapsed(), refusal.clone()));
        let contracts = Arc::new(answer?);
        self.store.put_contracts(&contracts, now)?;
        *self.terms.known() = Some((now, Arc::clone(&contracts)));
        Ok(contracts)
    }

    fn known_within(&self, ttl: Span, now: Timestamp) -> Option<Arc<Vec<Contract>>> {
        self.terms
            .known()
            .as_ref()
            .filter(|(at, _)| now - *at < ttl)
            .map(|(_, contracts)| Arc::clone(contracts))
    }

    /// As [`Market::contracts`], but at most a minute old while the exchange answers: a session keeps trading
    /// by the terms it starts with.
    ///
    /// # Errors
    /// `exchange_unavailable`.
    pub fn contracts_to_start(&self, now: Timestamp) -> Result<Arc<Vec<Contract>>, Refusal> {
        self.contracts_within(START_TTL, now)
            .or_else(|refusal| self.known_within(CONTRACTS_TTL, now).ok_or(refusal))
    }

    /// Requests the terms of one contract without blocking; `None` when the exchange is disabled. By the time
    /// they arrive they have replaced the cached ones and are stored, or the log says why not.
    pub fn ask_contract(&self, symbol: &str) -> Option<oneshot::Receiver<Result<Contract, ExchangeError>>> {
        let terms = Arc::clone(&self.terms);
        let keep = move |contract: &Contract| {
            if let Err(error) = terms.learn(contract, clock::now()) {
                tracing::warn!(symbol = contract.symbol, %error, "the terms of a contract were not kept");
            }
        };
        Some(self.client.as_ref()?.ask_contract(symbol, keep))
    }

    /// Symbols with prices: `{"symbols", "as_of", "source", "unavailable"}`.
    ///
    /// # Errors
    /// `exchange_unavailable` when no list was ever received.
    pub fn symbols(
        &self,
        query: &SymbolQuery,
        config: &Config,
        now: Timestamp,
    ) -> Result<serde_json::Value, Refusal> {
        self.tickers.symbols(self, query, config, now)
    }

    /// Streams market rows into `inbox` until the returned feed is dropped.
    ///
    /// # Errors
    /// `exchange_unavailable`.
    pub fn subscribe(&self, wanted: Subscription, inbox: Arc<dyn MarketSink>) -> Result<MarketFeed, Refusal> {
        self.client()?.subscribe(wanted, inbox).map_err(|error| unavailable(&error))
    }

    /// The account that the API key opens. It follows the key when that is replaced.
    ///
    /// # Errors
    /// `exchange_unavailable`, also without a key that can be used.
    pub fn account(&self) -> Result<AccountClient, Refusal> {
        self.keys
            .refresh()
            .map_err(|why| Refusal::new(RefusalKind::Unavailable, "exchange_unavailable", why))?;
        self.open_account()
    }

    /// Probes the account for what a session wants of it.
    ///
    /// # Errors
    /// As [`Market::account`].
    pub fn check_account(&self, needs: &AccountNeeds) -> Result<Vec<CheckLine>, Refusal> {
        let account = self.account()?;
        Ok(account.runtime().block_on(check::check(&account, needs)))
    }

    /// As [`Market::account`], also while there is no key: for a session that has orders at the exchange and
    /// must go on.
    ///
    /// # Errors
    /// `exchange_unavailable` when the exchange is disabled.
    pub fn account_anyway(&self) -> Result<AccountClient, Refusal> {
        if let Err(why) = self.keys.refresh() {
            tracing::error!(
                why,
                "a live session has no API key: it can neither close nor protect its positions"
            );
        }
        self.open_account()
    }

    fn open_account(&self) -> Result<AccountClient, Refusal> {
        self.client()?.account(self.keys.shared()).map_err(|error| {
            let message = format!("exchange.rest_url of the configuration {error}");
            Refusal::new(RefusalKind::Unavailable, "exchange_unavailable", message)
        })
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The lock of live trading.
    pub fn lock(&self) -> LiveLock {
        LiveLock::of(&self.state)
    }

    /// The API key, for whoever looks now and then whether it was replaced.
    pub fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// State of the connection; `None` when the exchange is disabled.
    pub fn health(&self) -> Option<Health> {
        self.client.as_ref().map(|client| client.health())
    }

    /// How long messages take, over all sessions.
    pub fn lags(&self) -> &Arc<Lags> {
        &self.lags
    }

    /// Exchange clock minus local clock in nanoseconds, and when it was measured; `None` before the first
    /// measurement.
    pub fn clock_offset(&self) -> Option<(i64, Timestamp)> {
        let offset = self.client.as_ref()?.clock_offset()?;
        Some((offset.offset_ns, offset.at))
    }

    /// From now on sessions that only record end when less than this is free.
    pub fn keep_free(&self, min_free_mib: u64) {
        self.min_free_mib.store(min_free_mib, Ordering::Relaxed);
    }

    /// MiB free on the store's file system and MiB that must stay free, when there is less. `None` where the
    /// system does not report it.
    pub fn short_of_room(&self) -> Option<(u64, u64)> {
        let wanted = self.min_free_mib.load(Ordering::Relaxed);
        free_mib(&self.state).filter(|left| *left < wanted).map(|left| (left, wanted))
    }

    fn client(&self) -> Result<&Arc<Mexc>, Refusal> {
        let off = "the exchange is switched off (exchange.enabled in the configuration): GET /symbols lists the configured symbols";
        self.client
            .as_ref()
            .ok_or_else(|| Refusal::new(RefusalKind::Unavailable, "exchange_unavailable", off))
    }
}

/// Client settings from the configuration.
pub fn settings(config: &Exchange) -> Settings {
    Settings {
        rest_url: config.rest_url.clone(),
        ws_url: config.ws_url.clone(),
        symbols_per_socket: config.symbols_per_socket as usize,
        requests_per_second: config.requests_per_second,
        request_burst: config.request_burst,
        request_timeout_ms: config.request_timeout_ms,
        ping_ms: config.ping_ms,
        pong_timeout_ms: config.pong_timeout_ms,
        silence_ms: config.silence_ms,
        reconnect_min_ms: config.reconnect_min_ms,
        reconnect_max_ms: config.reconnect_max_ms,
        seed: u64::from(clock::entropy()) << 40,
        ..Settings::default()
    }
}

fn unavailable(error: &ExchangeError) -> Refusal {
    let advice = match error {
        ExchangeError::Refused { .. } => "; try again, or see GET /health/ready",
        ExchangeError::Settings(_) => "; check the exchange settings of the configuration",
        // These say themselves what to do.
        ExchangeError::Unreachable { .. }
        | ExchangeError::Unreadable { .. }
        | ExchangeError::Throttled { .. } => "",
    };
    let message = format!("the exchange gave no usable answer: {error}{advice}");
    Refusal {
        retry_after_s: Some(5),
        ..Refusal::new(RefusalKind::Unavailable, "exchange_unavailable", message)
    }
}

/// MiB that are free on the disk of a directory; `None` where that cannot be said.
pub fn free_mib(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Whatever `config check` accepts must let the daemon start.
    #[test]
    fn the_client_takes_every_value_that_the_schema_allows() {
        let schema = crate::config::schema();
        let fields = schema.pointer("/$defs/Exchange/properties").and_then(Value::as_object).unwrap();
        let bounded = fields.iter().filter(|(_, field)| field.get("maximum").is_some());
        let mut tried = 0;
        for (name, field) in bounded {
            for bound in ["minimum", "maximum"] {
                let mut config = serde_json::to_value(Exchange::default()).unwrap();
                config[name] = field[bound].clone();
                let parsed = crate::config::parse(json!({"exchange": config}).to_string().as_bytes());
                let problems = parsed.map(|config| settings(&config.exchange).problems()).unwrap_or_default();
                assert_eq!(problems, Vec::<String>::new(), "{name} {bound}");
                tried += 1;
            }
        }
        assert!(tried >= 18, "{tried}");
        assert_eq!(fields["symbols_per_socket"]["maximum"], crate::limits::EXCHANGE_SOCKET_SYMBOLS);
        let crossed = json!({"exchange": {"reconnect_min_ms": 2_000, "reconnect_max_ms": 1_000}}).to_string();
        assert_eq!(
            crate::config::parse(crossed.as_bytes()).unwrap_err()[0].path,
            "/exchange/reconnect_max_ms"
        );
    }

    #[test]
    fn whatever_the_exchange_answers_the_refusal_says_what_to_do() {
        let call = || "GET /api/v1/contract/detail".to_owned();
        for error in [
            ExchangeError::Settings("no keys".to_owned()),
            ExchangeError::Unreachable { call: call(), reason: "reset".to_owned() },
            ExchangeError::Unreadable { call: call(), status: 502, reason: "a page".to_owned() },
            ExchangeError::Refused { call: call(), code: Some(1_001), message: "no".to_owned() },
            ExchangeError::Refused { call: call(), code: None, message: "no".to_owned() },
            ExchangeError::Throttled { call: call() },
        ] {
            let message = unavailable(&error).message;
            assert!(message.contains("try again") || message.contains("check the"), "{message}");
        }
    }

    #[test]
    fn two_processes_wait_differently() {
        let seeds: std::collections::BTreeSet<u64> =
            (0..8).map(|_| settings(&Exchange::default()).seed).collect();
        assert!(seeds.len() > 1);
    }
}
