//! Symbols with streams of the same content, and symbols with different streams side by side: what is
//! replayed, from files and from a recording alike.

use crate::cli::Cli;
use serde_json::{Value, json};

/// 2025-12-01T00:00:00Z.
const BEGIN: i64 = 1_764_547_200;

/// Buys at 101 and sells one percent higher, again and again.
fn strategy(cli: &Cli) -> String {
    let document = json!({
        "strategy_name": "again", "direction": "LONG", "indicators": {"px": {"type": "PRICE"}},
        "s1_signal": {"conditions": [{"id": "s", "indicatorId": "px", "operator": ">=", "value": 101}]},
        "o1_cancel": {"conditions": [], "timeoutSeconds": 60, "cooldownMinutes": 0},
        "z1_entry": {
            "conditions": [], "positionSize": {"type": "fixed", "value": 1000}, "orderType": "market", "leverage": 1, "timeoutSeconds": 0,
            "takeProfit": {"enabled": true, "offsetPercent": 1, "calculationMode": "RELATIVE_TO_ENTRY"},
        },
        "ze1_close": {"conditions": []},
        "emergency_exit": {"conditions": [], "cooldownMinutes": 0, "actions": {"cancelPending": true, "closePosition": true, "logEvent": true}},
        "global_limits": {"normal_exit_cooldown_minutes": 0},
    });
    cli.file("again.json", document.to_string())
}

fn results(cli: &Cli, more: &[&str]) -> Vec<Value> {
    let strategy = strategy(cli);
    let args = ["backtest", "--strategy", &strategy, "--risk", "none", "--fees", "0,0", "--json"];
    cli.json(&[&args, more].concat())["results"].as_array().unwrap().clone()
}

/// A price that rises by one every ten seconds and falls back every two minutes.
fn price(second: i64) -> i64 {
    100 + second % 120 / 10
}

fn trades(symbol: &str, seconds: i64) -> String {
    let row = |second| format!("{},{symbol},{},500,buy\n", (BEGIN + second) * 1_000_000, price(second));
    let rows: String = (0..seconds).map(row).collect();
    format!("timestamp_us,symbol,price,quantity,side\n{rows}")
}

/// One-minute bars of the same prices.
fn bars(symbol: &str, minutes: i64) -> String {
    let row = |minute: i64| {
        let (open, close) = (price(60 * minute), price(60 * minute + 59));
        let at = (BEGIN + 60 * minute) * 1_000_000;
        format!("{at},{symbol},{open},{close},{open},{close},30000\n")
    };
    let rows: String = (0..minutes).map(row).collect();
    format!("timestamp_us,symbol,open,high,low,close,volume\n{rows}")
}

/// What a run decided and earned, without its name and remarks.
fn outcome(result: &Value) -> [&Value; 3] {
    [&result["digest"], &result["trades"], &result["data"]["coverage_pct"]]
}

#[test]
fn a_symbol_with_trades_and_bars_is_replayed_from_its_trades() {
    let cli = Cli::new();
    for folder in ["only", "both"] {
        std::fs::create_dir(cli.at(folder)).unwrap();
    }
    let fine = cli.file("only/A_1m.trades.csv", trades("A_USDT", 600));
    let mixed = [
        cli.file("both/A_1m.trades.csv", trades("A_USDT", 600)),
        cli.file("both/A_1m.bars.csv", bars("A_USDT", 30)),
    ];
    let right = &results(&cli, &["--data", &fine])[0];
    assert!(right["trades"].as_array().unwrap().len() >= 4, "{right}");
    let filed = results(&cli, &["--data", &mixed[0], &mixed[1]]);
    let id = cli.import(&mixed)["id"].as_str().unwrap().to_owned();
    let recorded = results(&cli, &["--recording", &id]);
    for found in [&filed, &recorded] {
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(outcome(&found[0]), outcome(right));
        let warnings = found[0]["assumptions"]["warnings"].to_string();
        assert!(warnings.contains("A_USDT is replayed from its trades; its bars are not"), "{warnings}");
        let reach = "they reach from 2025-12-01T00:01:00.000000Z to 2025-12-01T00:30:00.000000Z";
        assert!(warnings.contains(reach), "{warnings}");
    }
    // Only bars lie after the last trade, and they are not replayed.
    let empty = ["--recording", &id, "--from", "2025-12-01T00:20:00Z"];
    let strategy = strategy(&cli);
    let refused = cli.run(&[&["backtest", "--strategy", &strategy], &empty[..]].concat());
    refused.fails("no trade from then on", 64, &["A_USDT", "2025-12-01T00:09:59"]);
}

#[test]
fn a_symbol_with_bars_only_is_replayed_beside_one_with_trades() {
    let cli = Cli::new();
    let files =
        [cli.file("A.trades.csv", trades("A_USDT", 1_200)), cli.file("B_1m.bars.csv", bars("B_USDT", 30))];
    let id = cli.import(&files)["id"].as_str().unwrap().to_owned();
    let together = &results(&cli, &["--recording", &id, "--together"])[0];
    let alone = &results(&cli, &["--data", &files[1]])[0];
    let of_b = |result: &Value| {
        let trades = result["trades"].as_array().unwrap();
        trades.iter().filter(|trade| trade["symbol"] == "B_USDT").count()
    };
    assert!(of_b(alone) >= 2, "{alone}");
    assert_eq!(of_b(together), of_b(alone), "{together}");
}
