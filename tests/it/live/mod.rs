//! Sessions on a market feed: the rehearsal exchange, its client, the store and the engine together.

mod alerts;
mod catch_up;
mod checkpoints;
mod collect;
mod configuration;
mod ends;
mod faults;
mod kills;
mod log;
mod now;
mod older_state;
mod order_kills;
mod orders;
mod paper;
mod reloads;
mod slow_disk;
mod tickers;

use crate::schema;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tradingd::auth::Keys;
use tradingd::clock;
use tradingd::config::Config;
use tradingd::domain::time::Span;
use tradingd::exchange::mexc::{Mexc, Settings};
use tradingd::rehearsal::{Fault, FaultKind, Generator, Options, Rehearsal, Running, Scenario, TestKey};
use tradingd::service::settings::Settings as InForce;
use tradingd::service::{Parts, Service};
use tradingd::store::{OpenMode, Store};

/// A test key of the rehearsal exchange.
pub const KEY: &str = "rehearsal-key";
pub const SECRET: &str = "rehearsal-secret";

/// Maximum wait for a condition.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A rehearsal exchange with a generated market, and a runtime for it and its clients.
pub struct Market {
    pub runtime: tokio::runtime::Runtime,
    pub exchange: Running,
    pub symbols: Vec<String>,
}

impl Market {
    pub fn new(symbols: usize, messages: u32, seed: u64) -> Market {
        Market::with(Scenario::default(), symbols, messages, seed)
    }

    pub fn with(scenario: Scenario, symbols: usize, messages: u32, seed: u64) -> Market {
        Market::open(scenario, symbols, messages, seed, Vec::new())
    }

    /// With an account.
    pub fn trading(scenario: Scenario, symbols: usize, messages: u32, seed: u64) -> Market {
        let key = TestKey { key: KEY.to_owned(), secret: SECRET.to_owned() };
        Market::open(scenario, symbols, messages, seed, vec![key])
    }

    /// Lots that the account holds.
    pub fn held(&self) -> i64 {
        self.exchange.look(|exchange| {
            exchange.trading.accounts[0].positions.values().map(|position| position.qty.0).sum()
        })
    }

    /// The client ids of all executions on the account.
    pub fn executed(&self) -> Vec<String> {
        self.exchange.look(|exchange| {
            exchange.trading.accounts[0].fills.iter().map(|fill| fill.external.clone()).collect()
        })
    }

    /// Stops that stand at the exchange.
    pub fn stops(&self) -> usize {
        self.exchange.look(|exchange| exchange.trading.accounts[0].stops.len())
    }

    /// What stands on the account, for the message of a failed assertion.
    pub fn account(&self) -> String {
        self.exchange.look(|exchange| {
            let account = &exchange.trading.accounts[0];
            let (held, stops, open) = (&account.positions, &account.stops, &account.open);
            let fills: Vec<_> = account.fills.iter().rev().take(5).collect();
            format!("positions {held:?}, stops {stops:?}, orders {open:?}, last fills {fills:?}")
        })
    }

    fn open(scenario: Scenario, symbols: usize, messages: u32, seed: u64, keys: Vec<TestKey>) -> Market {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let contracts = Generator::contracts(symbols);
        let names = contracts.iter().map(|contract| contract.symbol.clone()).collect();
        let options = Options {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            source: Box::new(Generator::new(symbols, messages, seed)),
            contracts,
            speed: 1.0,
            repeat: false,
            scenario,
            seed,
            keys,
        };
        let exchange = Rehearsal::start(options, runtime.handle()).unwrap();
        Market { runtime, exchange, symbols: names }
    }

    /// A client with short timeouts.
    pub fn client(&self) -> Arc<Mexc> {
        let settings = Settings {
            rest_url: self.exchange.rest_url(),
            ws_url: self.exchange.ws_url(),
            ping_ms: 300,
            pong_timeout_ms: 1_000,
            silence_ms: 1_000,
            reconnect_min_ms: 50,
            reconnect_max_ms: 500,
            ..Settings::default()
        };
        Mexc::new(settings, self.runtime.handle().clone()).unwrap()
    }

    pub fn fault(&self, kind: FaultKind, change: impl FnOnce(&mut Fault)) {
        let mut fault = Fault::new(kind);
        change(&mut fault);
        self.exchange.inject(fault).unwrap();
    }
}

/// The daemon's service without HTTP, connected to a market.
pub struct World {
    pub service: Arc<Service>,
    state: PathBuf,
}

impl World {
    pub fn open(state: &Path, client: Option<Arc<Mexc>>) -> World {
        World::with(state, client, config())
    }

    /// With a configuration in force.
    pub fn with(state: &Path, client: Option<Arc<Mexc>>, config: Config) -> World {
        World::over(Store::open(state, OpenMode::CreateIfNew).unwrap(), state, client, config)
    }

    /// Over a store that is open already.
    pub fn over(store: Store, state: &Path, client: Option<Arc<Mexc>>, config: Config) -> World {
        let keys = Keys::load(state, None).unwrap();
        let settings = InForce::new(config, Path::new("the test's own"), clock::now());
        let parts = Parts {
            store,
            state: state.to_owned(),
            keys,
            settings,
            exchange: client,
            log: std::sync::Arc::default(),
        };
        World { service: Service::open(parts, clock::now()).unwrap(), state: state.to_owned() }
    }

    /// Shuts the service down in order; sessions resume when it is opened again.
    pub fn close(self) {
        assert_eq!(self.service.close(Span::from_seconds(30)), Vec::<String>::new());
        drop(self.service);
        // Session threads release the store as their last step.
        until("the store", || Store::open(&self.state, OpenMode::MustExist).is_ok());
    }

    pub fn add_strategy(&self) {
        self.service.strategies.create(STRATEGY.to_string().as_bytes(), clock::now()).unwrap();
    }

    #[track_caller]
    pub fn start(&self, body: &Value) -> String {
        self.service
            .sessions
            .start(body, "ann", &self.service.settings.current(), clock::now())
            .unwrap()
            .session_id
    }

    pub fn counters(&self, id: &str) -> tradingd::service::sessions::Counters {
        self.service.sessions.get(id).unwrap().counters.unwrap_or_default()
    }

    /// Stops a session; what it then shows and did is as documented.
    #[track_caller]
    pub fn stop(&self, id: &str) {
        assert!(!self.service.sessions.stop(id, Span::from_seconds(30)).unwrap().still_stopping);
        let session = self.service.sessions.get(id).unwrap();
        assert_eq!(session.error_message, None, "{session:?}");
        schema::openapi().fits_named("Session", &json!(session));
        for event in self.events(id) {
            schema::openapi().fits_named("Event", &event);
        }
    }

    /// The events that are kept.
    pub fn events(&self, id: &str) -> Vec<Value> {
        let oldest = match self.service.sessions.events(id, 0, 1) {
            Err(refusal) => refusal.details["oldest"].as_u64().unwrap(),
            Ok(_) => 1,
        };
        let (mut all, mut after) = (Vec::new(), oldest - 1);
        loop {
            let part = self.service.sessions.events(id, after, 1_000).unwrap();
            all.extend(part.events);
            after = part.next_after;
            if !part.more {
                return all;
            }
        }
    }

    pub fn has_event(&self, id: &str, name: &str, field: &str, value: &str) -> bool {
        self.events(id).iter().any(|event| event["event"] == name && event[field] == value)
    }
}

/// Waits for a condition that must become true.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub fn config() -> Config {
    let mut config = Config::default();
    config.exchange.enabled = false;
    config.recording.min_free_mib = 0;
    config
}

/// A strategy that trades often on a price that moves by single ticks.
pub static STRATEGY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
    let mut strategy: Value =
        serde_json::from_str(include_str!("../../../benches/workloads/ema.json")).unwrap();
    strategy["strategy_name"] = json!("restless");
    strategy["indicators"]["fast"]["period"] = json!(3);
    strategy["indicators"]["slow"]["period"] = json!(9);
    strategy["z1_entry"]["positionSize"] = json!({"type": "quantity", "value": 1});
    strategy
});

pub fn paper(symbols: &[String]) -> Value {
    json!({
        "session_type": "paper",
        "symbols": symbols,
        "strategy_config": {"strategies": ["restless"]},
        "config": {"initial_balance": 1_000_000, "risk": "none", "latency_ms": 5, "budget": {"global_cap": 500_000, "allocations": {}}},
        "idempotent": true,
    })
}
