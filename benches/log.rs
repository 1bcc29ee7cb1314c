//! What does the event log cost, and how fast does a reader that was away catch up?
//!
//! No budget. The events are those of a session: a backtest of real trades, repeated until the stream is full
//! (200,000 events, which is what is kept of a session of a month that has a decision every 13 seconds). They
//! are written once more as a paper session commits them, a few at a time, and as a backtest does, in large
//! segments; then all are read through the log from its first position on, as `GET /api/events` gives them,
//! and the last ones from a late cursor.

mod input;

use input::{is_test, load, report, timed};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tradingd::auth::Keys;
use tradingd::clock;
use tradingd::config::Config;
use tradingd::domain::record::StreamKind;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::limits::SESSION_SEGMENT_BYTES;
use tradingd::service::settings::Settings;
use tradingd::service::{Parts, Service};
use tradingd::store::{EventSegment, NewRecording, OpenMode, Store, store_path};

/// Events of a page of `GET /api/events`.
const PAGE: usize = 1_000;

fn main() {
    let trades = load(4_000_000);
    println!("on {}", trades.label);
    let events = decided(&trades.trades);
    let text: usize = events.iter().map(String::len).sum();
    println!("{} events of a session", events.len());
    report("bytes of an event as JSON", text as f64 / events.len() as f64, "bytes", "");
    let few = &events[..events.len().min(if is_test() { 60 } else { 20_000 })];
    for (events, a_commit) in [(few, 1), (few, 3), (few, 100), (&events[..], usize::MAX)] {
        written(events, a_commit);
    }
}

/// A service over a state directory, without an exchange.
fn open(state: &Path) -> Arc<Service> {
    let mut config = Config::default();
    config.exchange.enabled = false;
    let settings = Settings::new(config, Path::new("the benchmark's own"), clock::now());
    let parts = Parts {
        store: Store::open(state, OpenMode::CreateIfNew).expect("a store"),
        state: state.to_owned(),
        keys: Keys::ephemeral(),
        settings,
        exchange: None,
        log: Arc::default(),
    };
    Service::open(parts, clock::now()).expect("a service")
}

/// The events of a session over these trades, a line each.
fn decided(trades: &[tradingd::domain::record::Record]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let recording = {
        let store = Store::open(folder.path(), OpenMode::CreateIfNew).expect("a store");
        let new =
            NewRecording { at: Timestamp::from_seconds(1_723_161_256), entropy: 1, sources: Vec::new() };
        let mut writer = store.begin_import(new).expect("a new id");
        writer.append("BTCUSDT", StreamKind::Trades, trades).expect("rows in order");
        writer.finish(&[]).expect("a disk with room")
    };
    let service = open(folder.path());
    let mut strategy: Value = serde_json::from_str(include_str!("workloads/ema.json")).expect("a document");
    strategy["strategy_name"] = json!("ema");
    service.strategies.create(strategy.to_string().as_bytes(), clock::now()).expect("a strategy");
    let body = json!({
        "session_type": "backtest", "strategy_config": {"strategies": ["ema"]},
        "config": {"session_id": recording, "acceleration_factor": 0, "initial_balance": 1_000_000, "risk": "none"},
    });
    let (time, id) = timed(|| {
        let started = service.sessions.start(&body, "bench", &service.settings.current(), clock::now());
        let id = started.expect("it may start").session_id;
        assert!(service.sessions.wait(&id, Span::from_seconds(600)), "it does not end");
        id
    });
    let (mut lines, mut after) = (Vec::new(), 0);
    loop {
        let part = service.sessions.events(&id, after, PAGE).expect("its events are kept");
        lines.extend(part.events.iter().map(Value::to_string));
        after = part.next_after;
        if !part.more {
            break;
        }
    }
    report("events of the backtest", lines.len() as f64 / 1e3 / time.as_secs_f64(), "k/s", "");
    lines
}

/// Writes events, so many a commit at most, then reads them.
fn written(events: &[String], a_commit: usize) {
    let word = if a_commit == usize::MAX {
        "segments of 512 KiB".to_owned()
    } else {
        format!("{a_commit} a commit")
    };
    println!("{} events, {word}", events.len());
    let folder = tempfile::tempdir().expect("a temporary directory");
    drop(open(folder.path()));
    let empty = compacted(folder.path());
    let store = Store::open(folder.path(), OpenMode::MustExist).expect("a store");
    let (time, ()) = timed(|| {
        let (mut lines, mut count, mut first_seq) = (String::new(), 0, 1);
        for (at, event) in events.iter().enumerate() {
            lines.push_str(event);
            lines.push('\n');
            count += 1;
            if count == a_commit || lines.len() >= SESSION_SEGMENT_BYTES / 2 || at + 1 == events.len() {
                let segment = EventSegment { first_seq, lines: std::mem::take(&mut lines) };
                store.put_session_events("bench", &segment).expect("a disk with room");
                (first_seq, count) = (at as u64 + 2, 0);
            }
        }
    });
    drop(store);
    report("  durable events", events.len() as f64 / 1e3 / time.as_secs_f64(), "k/s", "");
    let bytes = compacted(folder.path()) - empty;
    report("  bytes of the file for an event", bytes / events.len() as f64, "bytes", "");
    let service = open(folder.path());
    let (time, count) = timed(|| read(&service, 0));
    assert_eq!(count, events.len());
    report("  all, from the first position on", time.as_secs_f64() * 1e3, "ms", "");
    report("  that is", count as f64 / 1e3 / time.as_secs_f64(), "k/s", "");
    let late = events.len().saturating_sub(PAGE) as u64;
    let (time, count) = timed(|| read(&service, late));
    report(&format!("  the last {count}, from a cursor"), time.as_secs_f64() * 1e3, "ms", "");
    assert!(service.close(Span::from_seconds(10)).is_empty());
}

/// How many events there are behind a position.
fn read(service: &Service, mut after: u64) -> usize {
    let mut count = 0;
    loop {
        let part = service.events.read(Some(after), PAGE).expect("they are kept");
        count += part.events.len();
        after = part.next_after;
        if !part.more {
            return count;
        }
    }
}

/// Size of the compacted file in bytes.
fn compacted(state: &Path) -> f64 {
    let mut store = Store::open(state, OpenMode::MustExist).expect("a store");
    store.compact().expect("a disk with room");
    drop(store);
    std::fs::metadata(store_path(state)).expect("it is there").len() as f64
}
