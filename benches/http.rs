//! What does the daemon cost compared with bare hyper, what does a change or a backtest over REST cost, and
//! what are its start-up time and idle memory?
//!
//! Budget: `GET /api/strategies` with 50 strategies at least 87 % of the throughput of bare hyper answering
//! the same bytes, p99 at most 5 ms; answers of 10 KB serialised per request at least 83 % of bare hyper
//! doing the same; 20,000 durable changes acknowledged per second (the store's budget); start to the first
//! 200 within 15 ms with an empty store and 60 ms with one of 1 GiB; idle memory at most 12 MiB, 64 MiB with
//! 50 symbols.
//!
//! Load comes from `wrk` with 64 connections, alternately to bare hyper and to the daemon. On a shared
//! machine the ratio of processor time per request is more reliable than that of throughput.

mod input;
mod serving;

use hyper::body::Bytes;
use input::{is_test, load, report, timed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serving::bare::Bare;
use serving::client::{Answer, Connection, Login};
use serving::daemon::{Daemon, config};
use serving::load::{Ask, CONNECTIONS, Loader, Outcome};
use serving::{cpu_time, middle, quantile, resident_mib};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tradingd::domain::record::{Record, StreamKind};
use tradingd::domain::time::Timestamp;
use tradingd::store::records::RecordingV1;
use tradingd::store::{NewRecording, OpenMode, Store, store_path};

/// One round: bare hyper and the daemon, each with its outcome and processor time per request in µs.
type Pair = [(Outcome, f64); 2];

const STRATEGIES: usize = 50;
const STRATEGY: &str = include_str!("../config/strategies/ema_cross_trend.json");

fn main() {
    let loader = Loader::best(is_test());
    println!("load from {loader:?}, {CONNECTIONS} connections");
    started();
    memory();
    let (recorded, recording) = recorded();
    let daemon = Daemon::at(recorded.path());
    let admin = daemon.admin();
    fill(&daemon, &admin);
    ready_bytes(&daemon, &admin, loader);
    serialised(&daemon, &admin, loader);
    backtests(&daemon, &admin, &recording);
    changes(&daemon, &admin, loader);
}

fn rounds() -> usize {
    if is_test() { 1 } else { 5 }
}

/// Reports the time from process start to the first 200.
fn started() {
    let first_answer = |folder: &Path| {
        let start = || {
            let daemon = Daemon::at(folder);
            assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
            // Returned, so that stopping it is not measured.
            daemon
        };
        timed(start).0.as_secs_f64() * 1e3
    };
    let new_folder = || {
        let folder = tempfile::tempdir().expect("a temporary directory");
        write_config(folder.path());
        folder
    };
    let times = |folder: &dyn Fn() -> f64| middle((0..2 * rounds() + 1).map(|_| folder()).collect());
    report("fdatasync of 4 KiB, p50 (no store yet: 13 of them)", bare_sync().as_secs_f64() * 1e3, "ms", "");
    report(
        "start to the first 200, no store yet",
        times(&|| first_answer(new_folder().path())),
        "ms",
        "<= 15",
    );
    let known = new_folder();
    first_answer(known.path());
    report("start to the first 200, empty store", times(&|| first_answer(known.path())), "ms", "<= 15");
    if let Some(large) = large_store() {
        first_answer(&large);
        let gib = fs::metadata(store_path(&large.join("state")))
            .map_or(0.0, |file| file.len() as f64 / f64::from(1 << 30));
        report(
            &format!("start to the first 200, store of {gib:.2} GiB"),
            times(&|| first_answer(&large)),
            "ms",
            "<= 60",
        );
        let daemon = Daemon::at(&large);
        assert_eq!(daemon.ask("GET", "/health/ready", &[], None).status, 200);
        report("resident with it", resident_mib(&daemon), "MiB", "");
    }
}

/// Median time of one fdatasync of 4 KiB; a start waits for several.
fn bare_sync() -> Duration {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let mut sync = || {
        file.write_all(&[7; 4_096]).expect("a disk with room");
        timed(|| file.sync_data().expect("a disk that syncs")).0
    };
    let mut times: Vec<Duration> = (0..if is_test() { 5 } else { 100 }).map(|_| sync()).collect();
    times.sort_unstable();
    quantile(&times, 0.50)
}

fn memory() {
    let daemon = Daemon::start();
    assert_eq!(daemon.ask("GET", "/health", &[], None).status, 200);
    report("resident, idle after the start", resident_mib(&daemon), "MiB", "<= 12");
    let _ = daemon.admin();
    report("resident after the first login", resident_mib(&daemon), "MiB", "<= 12");
    (0..10).for_each(|_| drop(daemon.log_in("admin")));
    report("resident after ten more", resident_mib(&daemon), "MiB", "<= 12");
    let mut many = config();
    many["trading"] = json!({"default_symbols": (0..50).map(|n| format!("S{n}_USDT")).collect::<Vec<_>>()});
    let daemon = Daemon::with(&many);
    let admin = daemon.admin();
    assert_eq!(daemon.ask_as(&admin, "GET", "/symbols", None).status, 200);
    report("resident with 50 symbols", resident_mib(&daemon), "MiB", "<= 64");
}

/// Creates strategies up to [`STRATEGIES`]; some share a category whose list is about 10 KB.
fn fill(daemon: &Daemon, admin: &Login) {
    let listed = daemon.ask_as(admin, "GET", "/api/strategies", None).data();
    let there = listed["strategies"].as_array().map_or(0, Vec::len);
    for n in there..STRATEGIES {
        let mut document: Value = serde_json::from_str(STRATEGY).expect("a strategy of this repository");
        document["strategy_name"] = json!(format!("bench_{n}"));
        document["category"] = json!(if n % 5 < 3 { "some" } else { "other" });
        let made = daemon.ask_as(admin, "POST", "/api/strategies", Some(&document));
        assert_eq!(made.status, 201, "{}", made.json());
    }
}

/// (a) Answers from ready bytes.
fn ready_bytes(daemon: &Daemon, admin: &Login, loader: Loader) {
    let answer = daemon.ask_as(admin, "GET", "/api/strategies", None);
    let body = Bytes::from(answer.body.clone());
    println!("GET /api/strategies: {} bytes", body.len());
    let bare = Bare::answering(&answer, move || body.clone());
    beside(daemon, admin, loader, &bare, "/api/strategies", ">= 0.87", "<= 5");
}

/// The daemon's answer to a list request.
#[derive(Serialize, Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    data: Listed,
    request_id: String,
    timestamp: String,
}

#[derive(Serialize, Deserialize)]
struct Listed {
    strategies: Vec<Summary>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(non_snake_case)] // names of the API
struct Summary {
    id: String,
    strategy_name: String,
    description: String,
    direction: Option<String>,
    enabled: bool,
    category: Option<String>,
    tags: Vec<String>,
    version: u32,
    created_at: String,
    updated_at: String,
    winRate: Option<f64>,
    avgProfit: Option<f64>,
    totalTrades: Option<u64>,
    lastResultId: Option<String>,
}

/// (b) Answers serialised on each request.
fn serialised(daemon: &Daemon, admin: &Login, loader: Loader) {
    const PATH: &str = "/api/strategies?category=some";
    let answer = daemon.ask_as(admin, "GET", PATH, None);
    let list: Envelope = serde_json::from_slice(&answer.body).expect("the shape of the API");
    assert_eq!(
        serde_json::to_vec(&list).expect("it was read from JSON"),
        answer.body,
        "both serialise the same"
    );
    println!("GET {PATH}: {} bytes", answer.body.len());
    let bare = Bare::answering(&answer, move || {
        Bytes::from(serde_json::to_vec(&list).expect("it was read from JSON"))
    });
    beside(daemon, admin, loader, &bare, PATH, ">= 0.83", "");
}

/// Loads bare hyper and the daemon alternately; reports medians of the rounds.
fn beside(daemon: &Daemon, admin: &Login, loader: Loader, bare: &Bare, path: &str, ratio: &str, p99: &str) {
    let bearer = format!("Bearer {}", admin.access);
    let headers = [("Authorization", bearer.as_str())];
    let time = Duration::from_millis(if is_test() { 50 } else { 3_000 });
    let run = |address, pid| {
        let before = cpu_time(pid);
        let outcome = loader.run(address, &Ask::Get(path), &headers, time);
        assert_eq!(outcome.refused, 0, "{outcome:?}");
        (outcome, (cpu_time(pid) - before).as_secs_f64() * 1e6 / outcome.requests.max(1) as f64)
    };
    let both: Vec<[(Outcome, f64); 2]> = (0..rounds())
        .map(|_| [run(bare.address, std::process::id()), run(daemon.address, daemon.pid())])
        .collect();
    let of = |value: &dyn Fn(&Pair) -> f64| middle(both.iter().map(value).collect());
    report("  bare hyper", of(&|[bare, _]| bare.0.per_second / 1e3), "k/s", "");
    report("  daemon", of(&|[_, ours]| ours.0.per_second / 1e3), "k/s", "");
    report(
        "  daemon over bare, requests a second",
        of(&|[bare, ours]| ours.0.per_second / bare.0.per_second),
        "",
        ratio,
    );
    report("  bare over daemon, processor time", of(&|[bare, ours]| bare.1 / ours.1), "", ratio);
    report("  processor time of a request, daemon", of(&|[_, ours]| ours.1), "µs", "");
    report("  p99, bare hyper", of(&|[bare, _]| bare.0.p99.as_secs_f64() * 1e3), "ms", "");
    report("  p99, daemon", of(&|[_, ours]| ours.0.p99.as_secs_f64() * 1e3), "ms", p99);
}

/// (c) A backtest of 1,000 ticks, from the request to the stored result.
fn backtests(daemon: &Daemon, admin: &Login, recording: &str) {
    let mut document: Value =
        serde_json::from_str(include_str!("workloads/ema.json")).expect("a strategy of this repository");
    document["strategy_name"] = json!("bench_trades");
    let made = daemon.ask_as(admin, "POST", "/api/strategies", Some(&document));
    assert_eq!(made.status, 201, "{}", made.json());
    let mut connection = daemon.connect();
    let mut times: Vec<Duration> =
        (0..if is_test() { 2 } else { 200 }).map(|_| backtest(&mut connection, admin, recording)).collect();
    times.sort_unstable();
    report(
        "backtest of 1,000 ticks, start to result, p50",
        quantile(&times, 0.50).as_secs_f64() * 1e3,
        "ms",
        "",
    );
    report("the same, p99", quantile(&times, 0.99).as_secs_f64() * 1e3, "ms", "");
}

fn backtest(connection: &mut Connection, admin: &Login, recording: &str) -> Duration {
    let bearer = format!("Bearer {}", admin.access);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("X-CSRF-Token", &admin.csrf),
        ("Content-Type", "application/json"),
    ];
    let body = json!({
        "session_type": "backtest",
        "strategy_config": {"strategies": ["bench_trades"]},
        "config": {"session_id": recording},
    });
    let start = Instant::now();
    let answer = connection.send("POST", "/sessions/start", &headers, Some(body.to_string().as_bytes()));
    let answer = answer.expect("the daemon runs");
    assert_eq!(answer.status, 200, "{}", answer.json());
    let path =
        format!("/sessions/{}", answer.data()["data"]["session_id"].as_str().expect("the shape of the API"));
    loop {
        let shown = |answer: Answer| answer.data()["status"].as_str().map(str::to_owned);
        let status =
            connection.send("GET", &path, &headers[..1], None).and_then(shown).expect("the shape of the API");
        match status.as_str() {
            "completed" => return start.elapsed(),
            "failed" | "stopped" => panic!("{path} is {status}"),
            _ => {}
        }
    }
}

/// (d) Changes that are durable before they are answered: 64 clients, each editing its own strategy.
fn changes(daemon: &Daemon, admin: &Login, loader: Loader) {
    for n in 0..CONNECTIONS {
        let document = STRATEGY.replace("\"ema_cross_trend\"", &format!("\"edited {n}\""));
        let made = daemon.ask_as(
            admin,
            "POST",
            "/api/strategies",
            Some(&serde_json::from_str(&document).expect("a document")),
        );
        assert_eq!(made.status, 201, "{}", made.json());
    }
    let (before, rest) = STRATEGY.split_once("ema_cross_trend").expect("its name");
    let (between, behind) = rest.split_once("EMA 9 over 21").expect("its description");
    let before = format!("{before}edited ");
    let bearer = format!("Bearer {}", admin.access);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("X-CSRF-Token", &admin.csrf),
        ("Content-Type", "application/json"),
    ];
    let time = Duration::from_millis(if is_test() { 50 } else { 3_000 });
    let ask = Ask::Put { prefix: "edited_", body: [&before, between, behind] };
    let all: Vec<Outcome> = (0..rounds()).map(|_| loader.run(daemon.address, &ask, &headers, time)).collect();
    assert!(all.iter().all(|outcome| outcome.refused == 0), "{all:?}");
    report(
        "durable changes acknowledged",
        middle(all.iter().map(|o| o.per_second / 1e3).collect()),
        "k/s",
        ">= 20",
    );
    report("the same, p99", middle(all.iter().map(|o| o.p99.as_secs_f64() * 1e3).collect()), "ms", "");
}

fn write_config(folder: &Path) {
    let mut config = config();
    config["limits"] = json!({"max_sessions": 64});
    fs::write(folder.join("config.json"), config.to_string()).expect("a disk with room");
}

/// A folder whose state holds a recording of 1,000 trades, and the recording's id.
fn recorded() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    write_config(folder.path());
    let store = Store::open(&folder.path().join("state"), OpenMode::CreateIfNew).expect("a new store");
    let id = record(&store, 1, &load(1).trades[..1_000]);
    (folder, id)
}

fn record(store: &Store, entropy: u32, trades: &[Record]) -> String {
    let at = Timestamp::from_seconds(1_723_161_256);
    let new = NewRecording { at, entropy, sources: Vec::new() };
    let mut writer = store.begin_import(new).expect("a new id");
    for batch in trades.chunks(4_096) {
        writer.append("BTCUSDT", StreamKind::Trades, batch).expect("rows in order");
    }
    writer.finish(&[]).expect("a disk with room")
}

/// A folder whose state holds at least 1 GiB of real trades, repeated; created once and kept in cargo's
/// target directory.
fn large_store() -> Option<PathBuf> {
    const BYTES: u64 = 1 << 30;
    if is_test() {
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-of-1-gib");
    let state = folder.join("state");
    let bytes = || fs::metadata(store_path(&state)).map_or(0, |file| file.len());
    fs::create_dir_all(&folder).expect("a disk with room");
    write_config(&folder);
    if bytes() < BYTES {
        println!("making {}", folder.display());
        let trades = load(10_000_000).trades;
        let store = Store::open(&state, OpenMode::CreateIfNew).expect("a store");
        let blocks = || store.recordings().expect("a store").iter().map(RecordingV1::bytes).sum::<u64>();
        for entropy in store.recordings().expect("a store").len() as u32.. {
            if blocks() >= BYTES {
                break;
            }
            record(&store, entropy, &trades);
        }
    }
    Some(folder)
}
