//! A made-up exchange that a daemon of a benchmark is connected to, and the daemon's metrics.

use super::daemon::{Daemon, config};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tradingd::rehearsal::{Generator, Options, Running, Scenario};

/// Seed of the generated market.
pub const SEED: u64 = 7;

/// Maximum wait for a condition.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// An exchange on loopback with generated markets.
pub fn options(symbols: usize, messages: u32) -> Options {
    Options {
        listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
        source: Box::new(Generator::new(symbols, messages, SEED)),
        contracts: Generator::contracts(symbols),
        speed: 1.0,
        repeat: false,
        // No rate limits, so that all books load soon, and a depth message for every change.
        scenario: Scenario::parse(r#"{"settings": {"rate_limits": "off", "depth_every_ms": 1}}"#)
            .expect("a scenario"),
        seed: SEED,
        keys: Vec::new(),
    }
}

/// The configuration of a daemon that is connected to it.
pub fn connected(exchange: &Running) -> Value {
    let mut config = config();
    config["exchange"] = json!({
        "enabled": true, "rest_url": exchange.rest_url(), "ws_url": exchange.ws_url(), "requests_per_second": 100, "request_burst": 100,
    });
    config["recording"] = json!({"min_free_mib": 0});
    config
}

/// The daemon's metrics by their names.
pub type Metrics = BTreeMap<String, f64>;

/// All of them now.
pub fn metrics(daemon: &Daemon) -> Metrics {
    let answer = daemon.ask("GET", "/metrics", &[], None);
    let text = String::from_utf8(answer.body).expect("text");
    let line = |line: &str| {
        line.rsplit_once(' ').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}

/// One of them; zero when it is not there.
pub fn number(metrics: &Metrics, name: &str) -> f64 {
    metrics.get(&format!("tradingd_{name}")).copied().unwrap_or_default()
}

/// Waits for a condition that must come true.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until a counter has not changed for a second.
pub fn rest(daemon: &Daemon, name: &str) {
    let mut seen = VecDeque::new();
    until(name, || {
        seen.push_back(number(&metrics(daemon), name));
        seen.len() > 20 && seen.pop_front() == seen.back().copied()
    });
}
