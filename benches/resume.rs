//! How long after a start does a paper session decide again, with all that it has seen on disk?
//!
//! Budget: 10 s for 7 days of 50 symbols with 200 rows per second, 121 million rows. One day is measured
//! unless `TRADINGD_RESUME_DAYS` says otherwise. The session is started on the rehearsal exchange, left
//! running on disk, and its recording made longer with rows of the same generator, stamped as they would have
//! arrived; then the service is opened and waited for: once with its whole journal, once from a checkpoint
//! that was made of it then.

mod input;

use input::journal::lengthen;
use input::{is_test, report, timed};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tradingd::auth::Keys;
use tradingd::clock;
use tradingd::config::Config;
use tradingd::domain::time::Span;
use tradingd::exchange::mexc::{Mexc, Settings};
use tradingd::rehearsal::{Generator, Options, Rehearsal, Running, Scenario};
use tradingd::service::settings::Settings as InForce;
use tradingd::service::{Parts, Service};
use tradingd::store::{OpenMode, Store};

const SYMBOLS: usize = 50;
const ROWS_A_SECOND: u32 = 200;
const ROWS_A_DAY: f64 = 86_400.0 * ROWS_A_SECOND as f64;
const SEED: u64 = 7;

fn main() {
    let days = std::env::var("TRADINGD_RESUME_DAYS").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let rows = (ROWS_A_DAY * if is_test() { 0.002 } else { days }) as u64;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let exchange = Rehearsal::start(options(), runtime.handle()).expect("a free port");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let id = begin(folder.path(), client(&exchange, &runtime));
    let (time, reached) = timed(|| lengthen(folder.path(), &id, rows, ROWS_A_SECOND));
    println!("pump_v2 on {SYMBOLS} symbols, {rows} rows up to {reached}, written in {time:.1?}");
    println!("without a checkpoint");
    resume(folder.path(), client(&exchange, &runtime), &id, rows);
    let store = Store::open(folder.path(), OpenMode::MustExist).expect("a store");
    let kept = store.checkpoint(&id).expect("it reads").expect("it was made");
    drop(store);
    println!("from a checkpoint of {} bytes, {} compressed", kept.state_bytes, kept.state.len());
    resume(folder.path(), client(&exchange, &runtime), &id, rows);
}

fn options() -> Options {
    Options {
        listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
        source: Box::new(Generator::new(SYMBOLS, ROWS_A_SECOND, SEED)),
        contracts: Generator::contracts(SYMBOLS),
        speed: 1.0,
        repeat: false,
        scenario: Scenario::default(),
        seed: SEED,
        keys: Vec::new(),
    }
}

fn client(exchange: &Running, runtime: &tokio::runtime::Runtime) -> Arc<Mexc> {
    let settings =
        Settings { rest_url: exchange.rest_url(), ws_url: exchange.ws_url(), ..Settings::default() };
    Mexc::new(settings, runtime.handle().clone()).expect("a client")
}

fn open(state: &Path, client: Arc<Mexc>) -> Arc<Service> {
    let mut config = Config::default();
    config.recording.min_free_mib = 0;
    let store = Store::open(state, OpenMode::CreateIfNew).expect("a store");
    let settings = InForce::new(config, Path::new("the benchmark's own"), clock::now());
    let parts = Parts {
        store,
        state: state.to_owned(),
        keys: Keys::ephemeral(),
        settings,
        exchange: Some(client),
        log: Arc::default(),
    };
    Service::open(parts, clock::now()).expect("a service")
}

/// Waits until the threads of the sessions have let the store go.
fn close(service: Arc<Service>, state: &Path) {
    assert_eq!(service.close(Span::from_seconds(30)), Vec::<String>::new());
    drop(service);
    until(|| Store::open(state, OpenMode::MustExist).is_ok());
}

fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Starts a paper session and leaves it running on disk.
fn begin(state: &Path, client: Arc<Mexc>) -> String {
    let service = open(state, client);
    let symbols: Vec<String> =
        Generator::contracts(SYMBOLS).into_iter().map(|contract| contract.symbol).collect();
    let body = json!({
        "session_type": "paper", "symbols": symbols, "strategy_config": {"strategies": ["pump_v2"]},
        "config": {"initial_balance": 1_000_000, "risk": "none", "budget": {"global_cap": 500_000, "allocations": {}}},
        "idempotent": false,
    });
    let started = service.sessions.start(&body, "bench", &service.settings.current(), clock::now());
    let id = started.expect("it may start").session_id;
    until(|| service.sessions.get(&id).is_ok_and(|session| session.counters.is_some_and(|c| c.ticks > 100)));
    close(service, state);
    id
}

/// Opens the service and waits until the session decides again; when it has, leaves a checkpoint of all that
/// it saw.
fn resume(state: &Path, client: Arc<Mexc>, id: &str, rows: u64) {
    let begun = Instant::now();
    let service = open(state, client);
    let opened = begun.elapsed();
    until(|| service.sessions.get(id).is_ok_and(|session| session.catching_up.is_none()));
    let time = begun.elapsed().as_secs_f64();
    let session = service.sessions.get(id).expect("it was started");
    assert_eq!(session.error_message, None, "{session:?}");
    report("  the service is open after", opened.as_secs_f64(), "s", "");
    report("  the session decides again after", time, "s", "<= 10 for 7 days");
    report("  rows", rows as f64 / 1e6 / time, "M rows/s", ">= 12.1");
    let (made, ()) = timed(|| {
        until(|| service.sessions.make_checkpoint(id).is_ok_and(|kept| kept > rows * 9 / 10));
    });
    report("  a checkpoint by the follower", made.as_secs_f64(), "s", "");
    close(service, state);
}
