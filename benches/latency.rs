//! How long does a message take until a paper session has decided on it, and until both are on disk?
//!
//! 200 symbols and 20,000 messages a second over sockets; the exchange is in this process and the daemon in
//! its own, on the same processors. Budget: nothing dropped, and p99 to disk at most 8 ms (the time between
//! two commits) and three times the p99 of `fdatasync`, which is measured beside it on the same disk in the
//! same minute. A message arrives when it is decoded and stamped: `--bench exchange` measures what comes
//! before. Quantiles are read from the histograms of `GET /metrics`, in straight lines between the bounds of
//! a bucket.

mod input;
mod serving;

use input::{is_test, report};
use serde_json::{Value, json};
use serving::cpu_time;
use serving::daemon::Daemon;
use serving::market::{Metrics, connected, metrics, number, options, rest, until};
use serving::quantile;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tradingd::rehearsal::Rehearsal;

/// What a commit writes, about.
const SYNCED_BYTES: usize = 64 << 10;

fn main() {
    let (symbols, messages, warm_up_s, seconds) =
        if is_test() { (4, 400, 0, 1) } else { (200, 84_000, 20, 60) };
    println!("paper: {symbols} symbols, {messages} events/s, a quarter of them trades, for {seconds} s");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let exchange = Rehearsal::start(options(symbols, messages), runtime.handle()).expect("a free port");
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("config.json"), connected(&exchange).to_string())
        .expect("a disk with room");
    let daemon = Daemon::at(folder.path());
    let admin = daemon.admin();
    let mut strategy: Value =
        serde_json::from_str(include_str!("workloads/ema.json")).expect("a workload is JSON");
    // A lot of these contracts is larger than the workload's quantity, and refused entries are not what is
    // measured. A trade of each symbol every minute or so is still more than a real session has.
    strategy["z1_entry"]["positionSize"] = json!({"type": "fixed", "value": 10_000});
    strategy["global_limits"]["normal_exit_cooldown_minutes"] = json!(1);
    let added = daemon.ask_as(&admin, "POST", "/api/strategies", Some(&strategy));
    assert_eq!(added.status, 201, "{}", added.json());
    let names: Vec<String> = (0..symbols).map(|place| format!("C{place}_USDT")).collect();
    let body = json!({
        "session_type": "paper", "symbols": names, "strategy_config": {"strategies": [strategy["strategy_name"]]},
        "config": {"initial_balance": 1e9, "risk": "none", "budget": {"global_cap": 1e8, "allocations": {}}},
    });
    let started = daemon.ask_as(&admin, "POST", "/sessions/start", Some(&body));
    assert_eq!(started.status, 200, "{}", started.json());
    let id = started.data()["data"]["session_id"].as_str().expect("an id").to_owned();
    until("messages", || {
        number(&metrics(&daemon), "decision_lag_seconds_count") > f64::from(messages) / 10.0
    });
    std::thread::sleep(Duration::from_secs(warm_up_s));
    measure(&daemon, folder.path(), Duration::from_secs(seconds));
    exchange.pause();
    rest(&daemon, "exchange_frames_total");
    let stopped = daemon.ask_as(&admin, "POST", "/sessions/stop", Some(&json!({"session_id": id})));
    assert_eq!(stopped.status, 200, "{}", stopped.json());
    let counters = daemon.ask_as(&admin, "GET", &format!("/sessions/{id}"), None).data()["counters"].clone();
    println!("it traded: {counters}");
}

fn measure(daemon: &Daemon, folder: &Path, span: Duration) {
    let (before, cpu, begun) = (metrics(daemon), cpu_time(daemon.pid()), Instant::now());
    let over = AtomicBool::new(false);
    let mut synced = std::thread::scope(|scope| {
        let syncs = scope.spawn(|| sync(folder, &over));
        std::thread::sleep(span);
        over.store(true, Ordering::Relaxed);
        syncs.join().expect("the disk takes it")
    });
    let (after, seconds) = (metrics(daemon), begun.elapsed().as_secs_f64());
    let cpu = (cpu_time(daemon.pid()) - cpu).as_secs_f64() / seconds * 100.0;
    let frames = number(&after, "exchange_frames_total") - number(&before, "exchange_frames_total");
    report("messages", frames / seconds, "/s", if is_test() { "" } else { ">= 20000" });
    report("processor time of the daemon", cpu, "% of a core", "");
    synced.sort_unstable();
    let fdatasync = quantile(&synced, 0.99).as_secs_f64() * 1e3;
    report("fdatasync of 64 KiB, p50", quantile(&synced, 0.5).as_secs_f64() * 1e3, "ms", "");
    report("fdatasync of 64 KiB, p99", fdatasync, "ms", "");
    let budget = format!("<= {:.2}", 8.0 + 3.0 * fdatasync);
    for (what, name, budget) in [
        ("arrival to decision", "decision_lag_seconds", ""),
        ("decision to disk", "commit_lag_seconds", ""),
        ("arrival to disk", "journal_lag_seconds", budget.as_str()),
    ] {
        for (share, label) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")] {
            let ms = lag(&before, &after, name, share) * 1e3;
            report(&format!("{what}, {label}"), ms, "ms", if label == "p99" { budget } else { "" });
        }
    }
}

/// How long syncs of a file beside the store take, one every 10 ms.
fn sync(folder: &Path, over: &AtomicBool) -> Vec<Duration> {
    let mut file = File::create(folder.join("synced")).expect("a disk with room");
    let (block, mut took) = (vec![7; SYNCED_BYTES], Vec::new());
    while !over.load(Ordering::Relaxed) {
        file.write_all(&block).expect("a disk with room");
        let begun = Instant::now();
        file.sync_data().expect("the disk takes it");
        took.push(begun.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    took
}

/// The seconds within which a share of the messages between two looks were done.
fn lag(before: &Metrics, after: &Metrics, name: &str, share: f64) -> f64 {
    let prefix = format!("tradingd_{name}_bucket{{le=\"");
    let mut buckets: Vec<(f64, f64)> = after
        .iter()
        .filter_map(|(key, count)| {
            let end = key.strip_prefix(&prefix)?.strip_suffix("\"}")?.parse().ok()?;
            Some((end, count - before.get(key).copied().unwrap_or_default()))
        })
        .collect();
    buckets.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
    let Some(wanted) = buckets.last().map(|(_, all)| all * share) else { return f64::NAN };
    let (mut from, mut below) = (0.0, 0.0);
    for (end, within) in buckets {
        if within >= wanted {
            return from + (end - from) * (wanted - below) / (within - below).max(1.0);
        }
        (from, below) = (end, within);
    }
    f64::NAN
}
