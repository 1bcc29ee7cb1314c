//! The digests of this engine's decisions. They do not change unless `ENGINE_VERSION` does: a session that was begun with
//! one engine may not go on with another that decides otherwise and calls itself the same.

use crate::cli::{Cli, shipped_one};
use crate::strategy::{Build, strategy};
use crate::{golden, harness::world};
use serde_json::{Map, Value, json};
use std::path::Path;
use tradingd::engine::ENGINE_VERSION;

/// Bars with shadows on both sides, some of which reach stop and target.
fn bars() -> String {
    let mut script = String::from("0 book 9.99x105,9.9x100000 / 10x1000\n 0.5 book 9.99x100,9.9x100000 / 10x1000\n");
    for minute in 1..=120_i64 {
        let middle = 1_000 + (minute * 37) % 41 - 20;
        let (open, close) = (middle + minute % 7 - 3, middle + minute % 5 - 2);
        let (high, low) = (open.max(close) + minute % 11, open.min(close) - minute % 13);
        let price = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
        script.push_str(&format!(" {} bar {} {} {} {} 100 60\n", minute * 60, price(open), price(high), price(low), price(close)));
    }
    format!("{script} 7300 end")
}

fn digests() -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("golden trace".into(), golden::digest().into());
    let stops = strategy("bars").s1("BID_QTY >= 105").market().cooldown(60.0).stop(1.0).target(1.5);
    all.insert("bars with stop and target".into(), world(vec![stops]).simulate(&bars()).digest.into());
    for id in ["minute_breakout", "quick_breakout"] {
        let (trades, book) = (shipped_one("trades"), shipped_one("book20"));
        let path = format!("{}/config/strategies/examples/{id}.json", env!("CARGO_MANIFEST_DIR"));
        let document = Cli::new().json(&["backtest", "--json", "--strategy", &path, "--data", &trades, &book]);
        let results = document["results"].as_array().unwrap();
        assert!(results.iter().any(|result| result["trades"].as_array().is_some_and(|trades| !trades.is_empty())), "{id} does not trade");
        all.insert(format!("{id} on the shipped recording"), results.iter().map(|result| result["digest"].clone()).collect());
    }
    all
}

#[test]
fn the_engine_decides_as_its_version_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/digests.json");
    let now = json!({"engine_version": ENGINE_VERSION, "digests": digests()});
    if std::env::var_os("TRADINGD_UPDATE").is_some() {
        std::fs::write(&path, format!("{now:#}\n")).unwrap();
    }
    let kept = std::fs::read_to_string(&path).expect("tests/golden/digests.json: write it with TRADINGD_UPDATE=1");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["engine_version"], now["engine_version"], "a new engine version: write its digests with TRADINGD_UPDATE=1");
    assert_eq!(
        kept["digests"], now["digests"],
        "the engine decides otherwise than version {ENGINE_VERSION} did: raise ENGINE_VERSION in src/engine/version.rs, then write the digests \
         with TRADINGD_UPDATE=1"
    );
}
