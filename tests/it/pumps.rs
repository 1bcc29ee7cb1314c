//! The pump strategy over real recorded pumps in one command, scored by the protocol in `docs/pump_v2.md`:
//! events signalled in time and false signals. The number of threads and repetition must not change the
//! results.

use crate::cli::{Cli, skipped, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tradingd::domain::time::Timestamp;

const SECOND_US: i64 = 1_000_000;
/// Maximum distance of a timely first alert from the onset, before or after.
const NEAR_US: i64 = 120 * SECOND_US;
/// A later alert within this time after the onset is late, not false.
const EPISODE_US: i64 = 3_600 * SECOND_US;
/// Further alerts within this time after an alert are ignored.
const PAUSE_US: i64 = 1_800 * SECOND_US;

/// One file and its labels.
struct Event {
    id: String,
    /// Onset of the pump; `None` for files without a pump that has a clear onset.
    onset_us: Option<i64>,
    window_us: std::ops::Range<i64>,
}

#[derive(Default)]
struct Score {
    alerts: usize,
    delay_us: Option<i64>,
    false_alerts: usize,
}

fn events(table: &str) -> Vec<Event> {
    let names: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let rows = table.lines().skip(1).map(|line| {
        // Only the last column, a note, may contain commas.
        let fields: Vec<&str> = line.splitn(names.len(), ',').collect();
        let field = |name: &str| fields[names.iter().position(|known| *known == name).unwrap()];
        let micros = |name: &str| field(name).parse::<i64>();
        Event {
            id: field("event_id").to_owned(),
            onset_us: ["A", "B", "C"].contains(&field("grade")).then(|| micros("onset_us").unwrap()),
            window_us: micros("score_from_us").unwrap()..micros("score_to_us").unwrap(),
        }
    });
    rows.collect()
}

/// Scores signals, which must be sorted by time.
fn score(event: &Event, signals_us: impl IntoIterator<Item = i64>) -> Score {
    let mut score = Score::default();
    let mut heard = None;
    for at in signals_us.into_iter().filter(|at| event.window_us.contains(at)) {
        if heard.is_some_and(|before| at - before < PAUSE_US) {
            continue;
        }
        heard = Some(at);
        score.alerts += 1;
        match event.onset_us.map(|onset| at - onset) {
            Some(delay) if score.delay_us.is_none() && delay.abs() <= NEAR_US => score.delay_us = Some(delay),
            Some(delay) if delay > NEAR_US && delay <= EPISODE_US => {}
            _ => score.false_alerts += 1,
        }
    }
    score
}

/// Runs the backtest; returns results by event.
fn backtest(trades: &Path, threads: &str) -> BTreeMap<String, Value> {
    let data = text(trades);
    let args = [
        "backtest",
        "--strategy",
        "pump_v2",
        "--data",
        &data,
        // Two of the events overlap; each has an account of its own.
        "--separate-files",
        "--risk",
        "none",
        "--threads",
        threads,
        "--json",
    ];
    let mut document = Cli::new().json(&args);
    let results = std::mem::take(document["results"].as_array_mut().unwrap());
    results.into_iter().map(|result| (result["source"].as_str().unwrap().to_owned(), result)).collect()
}

fn digests(results: &BTreeMap<String, Value>) -> BTreeMap<&str, &Value> {
    results.iter().map(|(id, result)| (id.as_str(), &result["digest"])).collect()
}

fn signals_us(result: &Value) -> Vec<i64> {
    let signals = result["signals"].as_array().unwrap().iter().filter(|signal| signal["section"] == "S1");
    signals.map(|signal| Timestamp::parse(signal["time"].as_str().unwrap()).unwrap().micros()).collect()
}

#[test]
fn the_pump_strategy_signals_recorded_pumps_in_time_and_little_else() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let pumps = std::env::var_os("TRADINGD_REAL_DATA").map_or(shared, PathBuf::from).join("pumps");
    if !pumps.is_dir() {
        skipped(&format!("the pump strategy on recorded pumps; {} is not there", pumps.display()));
        return;
    }
    let events = events(&fs::read_to_string(pumps.join("events.csv")).unwrap());
    let results = backtest(&pumps.join("trades"), "1");
    assert_eq!(events.len(), results.len());

    println!(
        "{:<24} {:>7} {:>9} {:>6} {:>7} {:>10}",
        "event", "signals", "delay s", "false", "trades", "net"
    );
    let (mut positives, mut found, mut false_of_positives, mut false_of_others) = (0, 0, 0, 0);
    for event in &events {
        let result = &results[&event.id];
        let score = score(event, signals_us(result));
        let delay = score.delay_us.map_or("—".to_owned(), |us| format!("{:.1}", us as f64 / 1e6));
        let trades = result["trades"].as_array().unwrap().len();
        let net = result["metrics"]["net_profit"]["value"].as_f64().unwrap();
        println!(
            "{:<24} {:>7} {delay:>9} {:>6} {trades:>7} {net:>10.2}",
            event.id, score.alerts, score.false_alerts
        );
        if event.onset_us.is_some() {
            positives += 1;
            found += usize::from(score.delay_us.is_some());
            false_of_positives += score.false_alerts;
        } else {
            false_of_others += score.false_alerts;
        }
    }
    println!(
        "{found} of {positives} within 120 s; {false_of_positives} false with a pump, {false_of_others} without"
    );
    assert_eq!(positives, 27);
    assert!(found >= 24, "{found} events were signalled within 120 s");
    assert!(false_of_positives <= 2, "{false_of_positives} signals were false");

    for threads in ["2", "2"] {
        assert_eq!(
            digests(&backtest(&pumps.join("trades"), threads)),
            digests(&results),
            "{threads} threads"
        );
    }
}

#[test]
fn an_alert_is_counted_once_in_time_late_or_false() {
    let event =
        |onset: Option<i64>| Event { id: String::new(), onset_us: onset, window_us: 0..100_000 * SECOND_US };
    let counted = |onset: Option<i64>, seconds: &[i64]| {
        let score = score(&event(onset.map(|at| at * SECOND_US)), seconds.iter().map(|at| at * SECOND_US));
        (score.alerts, score.delay_us.map(|us| us / SECOND_US), score.false_alerts)
    };
    let onset = Some(50_000);
    assert_eq!(counted(onset, &[50_003]), (1, Some(3), 0));
    assert_eq!(counted(onset, &[49_880]), (1, Some(-120), 0));
    assert_eq!(counted(onset, &[49_879]), (1, None, 1));
    assert_eq!(counted(onset, &[50_120]), (1, Some(120), 0));
    assert_eq!(counted(onset, &[50_121, 53_601]), (2, None, 1));
    // A false alert shortly before suppresses the true one; one outside the window does not.
    assert_eq!(counted(onset, &[48_300, 50_003]), (1, None, 1));
    assert_eq!(counted(Some(10), &[-5, 10]), (1, Some(0), 0));
    assert_eq!(counted(None, &[50_003]), (1, None, 1));
}
