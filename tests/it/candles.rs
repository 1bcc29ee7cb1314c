//! Trades on real one-minute candles, each checked by code independent of the engine: no fill is better than
//! its candle allows.

use crate::cli::{Cli, shared, skipped, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use tradingd::domain::time::Timestamp;

const MINUTE_US: i64 = 60_000_000;
const STOP_PCT: f64 = 1.0;
const TARGET_PCT: f64 = 1.5;
const TRAIL_PCT: f64 = 0.3;

/// Open, high, low and close by symbol and opening time.
type Candles = BTreeMap<(String, i64), [f64; 4]>;

fn read(path: &Path) -> Candles {
    let mut content = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut content).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let price = |column: usize| fields[column].parse::<f64>().unwrap();
        ((fields[1].to_owned(), fields[0].parse().unwrap()), [price(2), price(3), price(4), price(5)])
    };
    content.lines().skip(1).map(row).collect()
}

/// A document that enters whenever it may, with stop and target and a pause after each trade.
fn always_in(direction: &str, trails: bool, rest_minutes: u32) -> String {
    let mut document = json!({
        "strategy_name": format!("candles {direction}"),
        "direction": direction,
        "indicators": {"px": {"type": "PRICE"}},
        "s1_signal": {"conditions": [{"id": "s", "indicatorId": "px", "operator": ">", "value": 0}]},
        "o1_cancel": {"conditions": [], "timeoutSeconds": 60, "cooldownMinutes": 0},
        "z1_entry": {
            "conditions": [], "positionSize": {"type": "fixed", "value": 100}, "orderType": "market", "leverage": 1, "timeoutSeconds": 0,
            "stopLoss": {"enabled": true, "offsetPercent": STOP_PCT, "calculationMode": "RELATIVE_TO_ENTRY"},
            "takeProfit": {"enabled": true, "offsetPercent": TARGET_PCT, "calculationMode": "RELATIVE_TO_ENTRY"}
        },
        "ze1_close": {"conditions": []},
        "emergency_exit": {
            "conditions": [], "cooldownMinutes": 0, "actions": {"cancelPending": true, "closePosition": true, "logEvent": true}
        },
        "global_limits": {"normal_exit_cooldown_minutes": rest_minutes}
    });
    if trails {
        document["trailingStop"] =
            json!({"enabled": true, "activationPercent": 0.5, "distancePercent": TRAIL_PCT});
    }
    document.to_string()
}

/// Why the candles could not give the prices of a trade; `None` if they could.
fn problem(trade: &Value, candles: &Candles) -> Option<String> {
    let symbol = trade["symbol"].as_str().unwrap().to_owned();
    let time = |field: &str| Timestamp::parse(trade[field].as_str().unwrap()).unwrap().nanos() / 1_000;
    let price = |field: &str| trade[field].as_f64().unwrap();
    let (entry, exit, dir) =
        (price("entry_price"), price("exit_price"), if trade["side"] == "long" { 1.0 } else { -1.0 });
    let opened = time("entry_time").div_euclid(MINUTE_US) * MINUTE_US;
    let (Some(first), Some(last)) = (
        candles.get(&(symbol.clone(), opened)),
        candles.get(&(symbol.clone(), time("exit_time") - MINUTE_US)),
    ) else {
        return Some("there is no candle at its entry or exit".to_owned());
    };
    let equal = |one: f64, other: f64| (one - other).abs() <= 1e-9 * other;
    // Whether a price is better for the position than another, beyond rounding.
    let better = |one: f64, other: f64| dir * (one - other) > 1e-9 * other;
    let [open, high, low, close] = *last;
    let (worst, best) = if dir > 0.0 { (low, high) } else { (high, low) };
    let stop = entry * (1.0 - dir * STOP_PCT / 100.0);
    let target = entry * (1.0 + dir * TARGET_PCT / 100.0);
    // The nearest that any order of these prices lets the trailing stop come.
    let until = (symbol.clone(), time("exit_time") - MINUTE_US);
    let met = candles
        .range((symbol.clone(), opened)..=until)
        .map(|(_, candle)| candle[if dir > 0.0 { 1 } else { 2 }]);
    let trail = met.fold(entry, |one, other| if better(other, one) { other } else { one })
        * (1.0 - dir * TRAIL_PCT / 100.0);
    let opens_beyond_stop = !better(open, stop);
    let opens_beyond_target = !better(target, open);
    if !equal(entry, first[0]) {
        return Some(format!("it was opened at {entry}, but the candle opened at {}", first[0]));
    }
    let fault = match trade["reason"].as_str().unwrap() {
        "SL" if better(worst, stop) => "its stop was not reached",
        "SL" if opens_beyond_stop && !equal(exit, open) => {
            "the candle opened beyond the stop, which is not what it paid"
        }
        "SL" if better(exit, stop) => "it left better than its stop",
        "TP" if better(target, best) => "its target was not reached",
        "TP" if opens_beyond_target && !equal(exit, open) => {
            "the candle opened beyond the target, which is not what it got"
        }
        "TP" if !opens_beyond_target && better(exit, target * (1.0 + dir * 0.01)) => {
            "it left better than its target"
        }
        "TP" if !opens_beyond_target && !better(worst, stop) => "its candle reached the stop too",
        "TRAIL" if better(exit, best) || better(worst, exit) => {
            "it left at a price that the candle did not have"
        }
        "TRAIL" if better(exit, trail) && !equal(exit, open) => "it left better than its trailing stop",
        "END" if !equal(exit, close) => "it was closed at another price than the last",
        "SL" | "TP" | "TRAIL" | "END" => return None,
        _ => "nothing in its document closes for that reason",
    };
    Some(format!("{fault}: {symbol} {trade}, candle {last:?}, stop {stop}, target {target}"))
}

/// Checks all trades of some variants (direction, trailing stop or not) over a file of candles.
fn check(path: &Path, rest_minutes: u32, variants: &[(&str, bool)]) {
    let candles = read(path);
    let cli = Cli::new();
    let (mut trades, mut stopped, mut trailed) = (0, 0, 0);
    for (direction, trails) in variants {
        let strategy = cli.file("strategy.json", always_in(direction, *trails, rest_minutes));
        let free = ["--risk", "none", "--assumed-spread", "0", "--assumed-depth", "0", "--fees", "0,0"];
        let data = text(path);
        let args: Vec<&str> = ["backtest", "--json", "--strategy", &strategy, "--data", &data]
            .into_iter()
            .chain(free)
            .collect();
        let document = cli.json(&args);
        for result in document["results"].as_array().unwrap() {
            for trade in result["trades"].as_array().unwrap() {
                assert_eq!(problem(trade, &candles), None);
                trades += 1;
                stopped += usize::from(trade["reason"] == "SL");
                trailed += usize::from(trade["reason"] == "TRAIL");
            }
        }
    }
    println!(
        "{}: {trades} trades, {stopped} by their stop, {trailed} by their trailing stop, no fill better than possible",
        path.display()
    );
    assert!(trades > 100 && stopped > 20, "{trades} trades, {stopped} stopped: too few to say anything");
}

fn candles(name: &str, rest_minutes: u32, variants: &[(&str, bool)]) {
    let Some(files) = shared(&["candles"], "fills on real candles") else { return };
    match files.iter().find(|path| path.to_string_lossy().contains(name)) {
        Some(path) => check(path, rest_minutes, variants),
        None => skipped(&format!("fills on real candles; {name} is not among them")),
    }
}

#[test]
fn no_fill_on_a_futures_coin_is_better_than_its_candle_allows() {
    candles("THE_USDT", 2, &[("LONG", false), ("SHORT", false), ("LONG", true), ("SHORT", true)]);
}

#[test]
fn no_fill_on_memecoins_is_better_than_their_candles_allow() {
    candles("memecoins", 240, &[("LONG", false), ("SHORT", true)]);
}
