//! Digests of the engine's decisions. They may change only together with `ENGINE_VERSION`: otherwise a
//! session could resume with an engine that has the same version but decides differently.

use crate::cli::{Cli, shipped_one};
use crate::golden;
use crate::harness::{spec, world};
use crate::strategy::{Build, strategy};
use serde_json::{Map, Value, json};
use std::path::Path;
use tradingd::domain::num::Rate;
use tradingd::domain::strategy::{EntryOrder, StrategyDef, Trailing};
use tradingd::engine::ENGINE_VERSION;

/// Bars with wicks on both sides, some of which reach stop and target.
fn bars() -> String {
    let mut script =
        String::from("0 book 9.99x105,9.9x100000 / 10x1000\n 0.5 book 9.99x100,9.9x100000 / 10x1000\n");
    for minute in 1..=120_i64 {
        let middle = 1_000 + (minute * 37) % 41 - 20;
        let (open, close) = (middle + minute % 7 - 3, middle + minute % 5 - 2);
        let (high, low) = (open.max(close) + minute % 11, open.min(close) - minute % 13);
        let price = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
        script.push_str(&format!(
            " {} bar {} {} {} {} 100 60\n",
            minute * 60,
            price(open),
            price(high),
            price(low),
            price(close)
        ));
    }
    format!("{script} 7300 end")
}

/// Trades, books, marks, funding and gaps of one symbol, bars of another.
pub fn lively(steps: i64) -> String {
    let mut lines = String::new();
    let mut price = 1_000_i64;
    for step in 0..steps {
        // A deterministic wave with steps of all sizes.
        price = (price + (step * step * 31 + step * 17) % 41 - 20).clamp(700, 1_400);
        let (at, price) = (step as f64 * 0.25, price as f64 / 100.0);
        lines += &match step % 8 {
            0 => format!(
                "{at} book {:.2}x{},{:.2}x400 / {:.2}x{},{:.2}x300\n",
                price - 0.01,
                90 + step % 30,
                price - 0.05,
                price + 0.01,
                80 + step % 50,
                price + 0.06
            ),
            3 if step % 5 == 0 => format!("{at} mark {price:.2}\n"),
            5 if step % 400 == 5 => format!("{at} funding 0.0001\n"),
            6 if step % 1_000 == 6 => format!("{at} gap {}\n", at - 0.25),
            _ => format!(
                "{at} trade {price:.2} {} {}\n",
                1 + step % 70,
                if step % 3 == 0 { "sell" } else { "buy" }
            ),
        };
        lines += &format!(
            "b:{at} {}\n",
            match step % 20 {
                0 =>
                    format!("bar {price:.2} {:.2} {:.2} {:.2} 5000 5", price + 0.2, price - 0.3, price + 0.1),
                _ => continue,
            }
        );
    }
    lines
}

/// One session with trades, books, marks, funding, gaps, bars, latency with jitter, market and limit orders,
/// and trailing stops.
fn everything() -> String {
    let lines = lively(4_000);
    let trailing = |def: &mut StrategyDef| {
        def.trailing = Some(Trailing { activation_pct: 1.0, distance_pct: 0.7 });
        def.z1.order = EntryOrder::Limit;
    };
    let strategies = vec![
        strategy("market").s1("PRICE >= 9.9").market().stop(1.0).target(2.0).cooldown(3.0),
        strategy("limit").s1("PRICE > 9").stop(2.0).cooldown(1.0).with(trailing),
        strategy("short").s1("PRICE > 10").market().short().stop(1.5).ze1("PRICE < 9.8").cooldown(2.0),
    ];
    let mut world = world(strategies);
    world.symbols = 2;
    world.spec = spec("0.01", "0.1");
    world.venue.latency_jitter = 0.3;
    world.venue.fees = Some((Rate::from_percent(0.02), Rate::from_percent(0.06)));
    let story = world.simulate(&lines);
    assert!(story.closed.len() > 20, "too little happens to guard anything: {} trades", story.closed.len());
    story.digest
}

fn digests() -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("everything at once".into(), everything().into());
    all.insert("golden trace".into(), golden::digest().into());
    let stops = strategy("bars").s1("BID_QTY >= 105").market().cooldown(60.0).stop(1.0).target(1.5);
    all.insert("bars with stop and target".into(), world(vec![stops]).simulate(&bars()).digest.into());
    for id in ["minute_breakout", "quick_breakout"] {
        let (trades, book) = (shipped_one("trades"), shipped_one("book20"));
        let path = format!("{}/config/strategies/examples/{id}.json", env!("CARGO_MANIFEST_DIR"));
        let document =
            Cli::new().json(&["backtest", "--json", "--strategy", &path, "--data", &trades, &book]);
        let results = document["results"].as_array().unwrap();
        assert!(
            results.iter().any(|result| result["trades"].as_array().is_some_and(|trades| !trades.is_empty())),
            "{id} does not trade"
        );
        all.insert(
            format!("{id} on the shipped recording"),
            results.iter().map(|result| result["digest"].clone()).collect(),
        );
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
    let kept =
        std::fs::read_to_string(&path).expect("tests/golden/digests.json: write it with TRADINGD_UPDATE=1");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        kept["engine_version"], now["engine_version"],
        "a new engine version: write its digests with TRADINGD_UPDATE=1"
    );
    assert_eq!(
        kept["digests"], now["digests"],
        "the engine decides otherwise than version {ENGINE_VERSION} did: raise ENGINE_VERSION in src/engine/version.rs, then write the digests \
         with TRADINGD_UPDATE=1"
    );
}
