//! Does a recording keep up with 200 symbols and 20,000 messages per second, and is it complete afterwards?
//!
//! Budget: nothing dropped, p99 from the arrival of a message until it is on disk at most 20 ms, flat memory.
//! The rehearsal exchange runs in this process and the daemon in its own; on two cores they share the
//! processors. Afterwards the recording is exported: its trades must equal those that the generator makes
//! from its seed, and the books rebuilt from its exported changes must equal those of the exchange. Bytes per
//! row are reported, but random quantities compress worse than the real ones that `--bench store` measures.

mod input;
mod serving;

use input::{is_test, report};
use serde_json::{Value, json};
use serving::client::Login;
use serving::cpu_time;
use serving::daemon::Daemon;
use serving::market::{PATIENCE, SEED, connected, metrics, number, options, rest, until};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tradingd::domain::decimal::Decimal;
use tradingd::domain::order::Side;
use tradingd::domain::record::{Record, RecordBody};
use tradingd::files::{RecordBatch, SourceFile};
use tradingd::rehearsal::{Generator, Rehearsal, RowSource, Running};

struct Load {
    symbols: usize,
    /// Generated events per second. Simultaneous changes of a book share a message, so about 15 % fewer are
    /// sent.
    messages: u32,
    /// Time until the recorder's memory has reached its plateau, seconds.
    warm_up_s: u64,
    seconds: u64,
}

fn main() {
    let load = match is_test() {
        true => Load { symbols: 4, messages: 400, warm_up_s: 0, seconds: 1 },
        false => Load { symbols: 200, messages: 25_000, warm_up_s: 120, seconds: 60 },
    };
    println!("{} symbols, {} messages/s for {} s", load.symbols, load.messages, load.seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let exchange =
        Rehearsal::start(options(load.symbols, load.messages), runtime.handle()).expect("a free port");
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("config.json"), connected(&exchange).to_string())
        .expect("a disk with room");
    let daemon = Daemon::at(folder.path());
    let admin = daemon.admin();
    let names: Vec<String> = (0..load.symbols).map(|place| format!("C{place}_USDT")).collect();
    let id = start(&daemon, &admin, &names);
    until("all books", || number(&metrics(&daemon), "exchange_requests_total") > load.symbols as f64);
    rest(&daemon, "exchange_requests_total");
    watch(&daemon, load.warm_up_s);
    measure(&daemon, &load);
    exchange.pause();
    rest(&daemon, "exchange_frames_total");
    let last = metrics(&daemon);
    for name in ["malformed", "reconnects"] {
        assert_eq!(number(&last, &format!("exchange_{name}_total")), 0.0, "{name}");
    }
    let detail = stop(&daemon, &admin, &id);
    assert_eq!(detail["gaps"], 0, "nothing may be dropped: {detail}");
    drop(daemon);
    size(&detail);
    let files = folder.path().join("export/");
    export(folder.path(), &id, &files);
    compare(&exchange, &load, &files);
}

fn start(daemon: &Daemon, admin: &Login, symbols: &[String]) -> String {
    let answer = daemon.ask_as(
        admin,
        "POST",
        "/sessions/start",
        Some(&json!({"session_type": "collect", "symbols": symbols})),
    );
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.data()["data"]["session_id"].as_str().expect("an id").to_owned()
}

/// Stops the session; returns the details of its recording.
fn stop(daemon: &Daemon, admin: &Login, id: &str) -> Value {
    let stopped = daemon.ask_as(admin, "POST", "/sessions/stop", Some(&json!({"session_id": id})));
    assert_eq!(stopped.status, 200, "{}", stopped.json());
    daemon.ask_as(admin, "GET", &format!("/api/data-collection/{id}"), None).data()
}

/// Samples resident memory in MiB every second.
fn watch(daemon: &Daemon, seconds: u64) -> Vec<f64> {
    let begun = Instant::now();
    let seen = (1..=seconds).map(|second| {
        std::thread::sleep(Duration::from_secs(second).saturating_sub(begun.elapsed()));
        number(&metrics(daemon), "resident_bytes") / f64::from(1 << 20)
    });
    let seen: Vec<f64> = seen.collect();
    let shown: Vec<String> = seen.iter().step_by(10).map(|mib| format!("{mib:.0}")).collect();
    println!("resident MiB, every 10 s: {}", shown.join(" "));
    seen
}

/// Measures `load.seconds` of the recording under load.
fn measure(daemon: &Daemon, load: &Load) {
    let (before, cpu) = (metrics(daemon), cpu_time(daemon.pid()));
    let begun = Instant::now();
    let resident = watch(daemon, load.seconds);
    let (after, seconds) = (metrics(daemon), begun.elapsed().as_secs_f64());
    let grown = |name: &str| number(&after, name) - number(&before, name);
    report(
        "messages",
        grown("exchange_frames_total") / seconds,
        "/s",
        if is_test() { "" } else { ">= 20000" },
    );
    report("rows", grown("exchange_rows_total") / 1e3 / seconds, "k/s", "");
    report(
        "processor time of the daemon",
        (cpu_time(daemon.pid()) - cpu).as_secs_f64() / seconds * 100.0,
        "% of a core",
        "",
    );
    let count = grown("journal_lag_seconds_count");
    let within = |ms: u32| {
        grown(&format!("journal_lag_seconds_bucket{{le=\"{}\"}}", f64::from(ms) / 1e3)) / count * 100.0
    };
    for (ms, budget) in [(5, ""), (10, ""), (15, ""), (20, ">= 99"), (50, ""), (100, "")] {
        report(&format!("on disk within {ms} ms of their arrival"), within(ms), "%", budget);
    }
    report("arrival to disk, mean", grown("journal_lag_seconds_sum") / count * 1e3, "ms", "");
    let tenth = (resident.len() / 10).max(1);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    report("resident, first tenth", mean(&resident[..tenth]), "MiB", "");
    report("resident, last tenth", mean(&resident[resident.len() - tenth..]), "MiB", "flat");
    report("resident, most", resident.iter().copied().fold(0.0, f64::max), "MiB", "");
}

/// Reports bytes per row by stream.
fn size(detail: &Value) {
    let mut streams: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for symbol in detail["stats"].as_array().into_iter().flatten() {
        for stream in symbol["streams"].as_array().into_iter().flatten() {
            let sums = streams.entry(stream["stream"].as_str().unwrap_or_default()).or_default();
            sums.0 += stream["rows"].as_f64().unwrap_or_default();
            sums.1 += stream["bytes"].as_f64().unwrap_or_default();
        }
    }
    for (stream, (rows, bytes)) in streams {
        report(&format!("bytes a row, {rows} of {stream}"), bytes / rows, "bytes", "");
    }
}

fn export(folder: &Path, id: &str, files: &Path) {
    let done = Command::new(env!("CARGO_BIN_EXE_tradingd"))
        .args(["export", id, "--format", "csv", "--stream", "trades", "l2", "--state"])
        .arg(folder.join("state"))
        .arg("--out")
        .arg(files)
        .output()
        .expect("the program runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn read(file: &Path) -> Vec<Record> {
    let mut source = SourceFile::open(file).expect("an exported file");
    let (mut batch, mut rows) = (RecordBatch::default(), Vec::new());
    while source.read(&mut batch).expect("what was exported is read") {
        rows.extend(batch.rows().iter().map(|(_, record)| *record));
    }
    rows
}

/// Compares the exported trades with the generator's and the rebuilt books with the exchange's.
fn compare(exchange: &Running, load: &Load, files: &Path) {
    let made = trades_made(load);
    let (mut trades, mut levels) = (0, 0);
    for (place, made) in made.iter().enumerate() {
        let name = format!("C{place}_USDT");
        let rows = read(&files.join(format!("{name}.trades.csv")));
        let heard: Vec<_> = rows.iter().filter_map(trade).collect();
        let begin = made
            .windows(heard.len())
            .position(|part| part == heard)
            .unwrap_or_else(|| panic!("{name}: other trades were recorded"));
        let last = exchange.deals(&name).last().map(|deal| deal.id);
        let recorded =
            rows.last().and_then(|row| if let RecordBody::Trade { id, .. } = row.body { id } else { None });
        assert_eq!(recorded, last, "{name}: the last trade, {begin} were made before the recording began");
        trades += heard.len();
        let book = rebuilt(&read(&files.join(format!("{name}.l2.csv"))));
        let truth = exchange.book(&name).expect("a symbol of the exchange");
        let sides = [(Side::Buy, &truth.bids), (Side::Sell, &truth.asks)];
        let levels_of = |(side, levels): (Side, &Vec<(Decimal, Decimal)>)| {
            levels.iter().map(|(price, quantity)| (level(side, *price), *quantity)).collect::<Vec<_>>()
        };
        let truth: Book = sides.into_iter().flat_map(levels_of).collect();
        assert_eq!(book, truth, "{name}: another book");
        levels += book.len();
    }
    println!(
        "exported: {trades} trades as the generator makes them, {} books with {levels} levels as the exchange has them",
        load.symbols
    );
}

type Trade = (Decimal, Decimal, Side);

fn trade(row: &Record) -> Option<Trade> {
    let RecordBody::Trade { price, quantity, taker, .. } = row.body else { return None };
    Some((price, quantity, taker))
}

/// Every trade that the generator can have made during the benchmark, by symbol.
fn trades_made(load: &Load) -> Vec<Vec<Trade>> {
    let mut made = vec![Vec::new(); load.symbols];
    let mut generator = Generator::new(load.symbols, load.messages, SEED);
    // The generator is endless; the benchmark cannot run longer than this.
    while let Some(Ok((symbol, record))) = generator.next() {
        if record.exchange_at.millis() > (load.warm_up_s + load.seconds + PATIENCE.as_secs()) as i64 * 1_000 {
            break;
        }
        made[symbol].extend(trade(&record));
    }
    made
}

/// Quantities by side and price.
type Book = BTreeMap<(bool, i64), Decimal>;

/// The key of a price level: whether it is a bid, and its price in steps.
fn level(side: Side, price: Decimal) -> (bool, i64) {
    let step = Decimal::new(1, 2).expect("two digits are in range");
    (side == Side::Sell, price.in_steps_of(step).expect("the generator's prices are on its grid"))
}

fn rebuilt(rows: &[Record]) -> Book {
    let (mut book, mut in_snapshot) = (Book::new(), false);
    for row in rows {
        let RecordBody::LevelChange { side, price, quantity, snapshot, .. } = row.body else { continue };
        if snapshot && !in_snapshot {
            book.clear();
        }
        in_snapshot = snapshot;
        let key = level(side, price);
        match quantity == Decimal::ZERO {
            true => book.remove(&key),
            false => book.insert(key, quantity),
        };
    }
    book
}
