//! An exit at a price level names the level and the price that met it, in the decision and in everything made
//! of it.

use crate::bars::SIGNAL;
use crate::cli::Cli;
use crate::harness::{Story, World, spec, world};
use crate::results::{loser, waves};
use crate::strategy::{Build, strategy};
use serde_json::{Value, json};
use tradingd::domain::decision::DecisionKind;
use tradingd::domain::exit_level::MetBy;
use tradingd::domain::strategy::*;

/// A world that holds 100 bought at 10 from 0.2 s on; fills take 0.2 s.
fn hold(change: impl FnOnce(&mut StrategyDef)) -> World {
    let def = strategy("x").s1("BID_QTY >= 105").market().cooldown(600.0);
    world(vec![def.with(change)])
}

/// The transitions that name a level: `trigger level kind met`.
fn levels(world: &World, story: &Story) -> Vec<String> {
    let shown = |kind: &DecisionKind| {
        let DecisionKind::Transition { trigger, level: Some(level), .. } = kind else { return None };
        let met =
            level.met_by.map_or_else(String::new, |met| world.spec.price_decimal(met.price()).to_string());
        let kind = level.met_by.map_or("", MetBy::as_str);
        Some(format!("{} {} {kind} {met}", trigger.as_str(), world.spec.price_decimal(level.price)))
    };
    story.decisions.iter().filter_map(|decision| shown(&decision.kind)).collect()
}

fn of(world: &World, script: &str) -> Vec<String> {
    const HELD: &str = "0 book 9.99x105,9.9x100000 / 10x1000\n 0.5 book 9.99x100,9.9x100000 / 10x1000\n";
    levels(world, &world.simulate(&format!("{HELD}{script}")))
}

#[test]
fn a_stop_names_where_it_was_and_what_met_it() {
    let stop = hold(|def| *def = def.clone().stop(5.0));
    assert_eq!(of(&stop, "1 trade 9.4 1\n 2 end"), ["SL 9.5 last 9.4"]);
    assert_eq!(of(&stop, "0.6 mark 10\n 1 trade 9.4 1\n 2 mark 9.45\n 3 end"), ["SL 9.5 mark 9.45"]);
    // A trailing stop moves without a record of each move: at 11 to 10.78.
    let trailing = hold(|def| def.trailing = Some(Trailing { activation_pct: 5.0, distance_pct: 2.0 }));
    assert_eq!(
        of(&trailing, "1 trade 10.5 1\n 2 trade 11 1\n 3 trade 10.7 1\n 4 end"),
        ["TRAIL 10.78 last 10.7"]
    );
    let even = hold(|def| def.break_even = Some(BreakEven { activation_pct: 2.0, offset_pct: 0.1 }));
    assert_eq!(of(&even, "1 trade 10.5 1\n 2 trade 9.98 1\n 3 end"), ["BREAK_EVEN 10.01 last 9.98"]);
    let short = hold(|def| *def = def.clone().short().stop(5.0));
    assert_eq!(of(&short, "1 trade 10.6 1\n 2 end"), ["SL 10.4895 last 10.6"]);
    // A rule names none.
    let rule = hold(|def| *def = def.clone().stop(50.0).ze1("PRICE >= 10.2"));
    assert_eq!(of(&rule, "1 trade 10.2 1\n 2 end"), [""; 0]);
}

#[test]
fn targets_and_steps_of_the_ladder_name_theirs() {
    let target = hold(|def| *def = def.clone().target(5.0));
    assert_eq!(of(&target, "1 trade 10.6 1\n 2 end"), ["TP 10.5 last 10.6"]);
    let ladder = hold(|def| {
        *def = def.clone().stop(5.0);
        def.ladder = vec![
            LadderStep { offset_pct: 1.0, close_pct: 25.0 },
            LadderStep { offset_pct: 1.5, close_pct: 0.01 },
            LadderStep { offset_pct: 2.0, close_pct: 50.0 },
        ];
    });
    // The second step is too small for a lot: it leaves no trace in the exit after it.
    assert_eq!(
        of(&ladder, "1 trade 10.11 1\n 2 trade 10.15 1\n 3 trade 10.25 1\n 4 trade 9.5 1\n 5 end"),
        ["LADDER 10.1 last 10.11", "LADDER 10.2 last 10.25", "SL 9.5 last 9.5"]
    );
}

#[test]
fn a_liquidation_names_the_price_at_which_the_margin_was_used_up() {
    let mut world = hold(|def| def.z1.leverage = 3);
    world.spec = spec("0.0001", "1");
    assert_eq!(of(&world, "1 mark 10\n 2 mark 6.7\n 9 end"), ["LIQ 6.7666 mark 6.7"]);
    assert_eq!(of(&world, "2 trade 6.7 1\n 9 end"), ["LIQ 6.7666 last 6.7"]);
    // An exchange does not say at which price.
    let story =
        world.by_hand("0 book 9.99x105 / 10x1000\n 0.2 fill 1 100 10\n 0.2 done 1\n 2 liquidate 0 100 6.7");
    story.once("2 POSITION_ACTIVE > EXITED LIQ");
    assert_eq!(levels(&world, &story), [""; 0]);
}

/// Regression: a stop at the exchange that ended what a step of the ladder had left was told as another step.
#[test]
fn the_stop_at_the_exchange_names_its_level_but_not_what_met_it() {
    let world = hold(|def| {
        *def = def.clone().stop(5.0);
        def.ladder = vec![LadderStep { offset_pct: 1.0, close_pct: 25.0 }];
    });
    let story = world.by_hand(
        "0 book 9.99x105 / 10x1000\n 0.2 fill 1 100 10\n 0.2 done 1\n 1 trade 10.1 1\n 1.2 fill 2 25 10.1\n 1.2 done 2\n 3 resident-stop 0 75 9.4",
    );
    story.once("3 POSITION_ACTIVE > EXITED SL");
    assert_eq!(levels(&world, &story), ["LADDER 10.1 last 10.1", "SL 9.5  "]);
}

#[test]
fn inside_a_candle_the_price_that_met_the_level_is_the_candles_own() {
    let run = |change: fn(&mut StrategyDef), bars: &str| {
        let world = crate::bars::trader(change);
        let line = |(index, bar): (usize, &str)| format!("{} bar {} 1000 60\n", 60 * (index + 1), bar.trim());
        let story = world.simulate(&bars.split(',').enumerate().map(line).collect::<String>());
        levels(&world, &story)
    };
    let both: fn(&mut StrategyDef) = |def| *def = def.clone().stop(3.0).target(5.0);
    let held = format!("{SIGNAL}, 100 100 100 100");
    assert_eq!(run(both, &format!("{held}, 100 101 96 99, 99 99 99 99")), ["SL 97 last 96"], "the low");
    assert_eq!(run(both, &format!("{held}, 95 95 94 94, 94 94 94 94")), ["SL 97 last 95"], "the open");
    assert_eq!(
        run(both, &format!("{held}, 100 106 99 103, 103 103 103 103")),
        ["TP 105 last 106"],
        "the high"
    );
    let trail: fn(&mut StrategyDef) =
        |def| def.trailing = Some(Trailing { activation_pct: 3.0, distance_pct: 2.0 });
    assert_eq!(run(trail, &format!("{held}, 100 110 100 109, 109 109 109 109")), ["TRAIL 107.8 last 100"]);
}

/// Every form says it: text, JSON, the report, and the CSV of a stored result.
#[test]
fn why_a_trade_lost_is_told_with_the_stop_and_the_price_that_met_it() {
    let cli = Cli::new();
    let mut document = loser("stopped");
    document["ze1_close"]["conditions"] = json!([]);
    document["z1_entry"]["stopLoss"]["offsetPercent"] = json!(0.03);
    let strategy = cli.file("stopped.json", document.to_string());
    let data = cli.file("WAVE_USDT.trades.csv", waves("WAVE_USDT", 3));
    let html = cli.at("report.html");
    let args = ["backtest", "--strategy", &strategy, "--data", &data];
    let backtest = |more: &[&str]| cli.ok(&[&args[..], more].concat());
    let shown: Value = serde_json::from_str(&backtest(&["--explain-trade", "1", "--json"])).unwrap();
    let exit = &shown["trade"]["why"]["exit"];
    assert_eq!((&exit["trigger"], &exit["level_reason"]), (&json!("SL"), &Value::Null), "{shown:#}");
    let [level, met] = ["price", "met_by"].map(|name| exit["level"][name].as_f64().unwrap());
    assert!(met <= level && level < shown["trade"]["entry_price"].as_f64().unwrap(), "{exit}");
    let told = format!("at {level:.3}, met by a price of {met:.3}");
    let text = backtest(&["--explain-trade", "1"]);
    assert!(text.contains(&format!("SL stop loss {told}")), "{told}\n{text}");
    let question = format!("WAVE_USDT@{}", &shown["trade"]["exit_time"].as_str().unwrap()[..19]);
    assert!(backtest(&["--explain", &question]).contains(&told), "{told}");
    let asked = cli.json(&[&args[..], &["--explain", &question, "--json"]].concat());
    let recent = asked["explanations"][0]["recent_decisions"].as_array().unwrap();
    assert!(recent.iter().any(|made| made["level"] == exit["level"]), "{asked:#}");
    cli.ok(&[&args[..], &["--report", html.to_str().unwrap(), "--keep"]].concat());
    assert!(std::fs::read_to_string(html).unwrap().contains(&format!("SL {told}")), "{told}");
    let listed = cli.json(&["results", "list", "--json"]);
    let id = listed["results"][0]["id"].as_str().unwrap();
    let csv = cli.ok(&["results", "trades", id]);
    let (head, rows) = csv.split_once('\n').unwrap();
    assert!(head.ends_with(",exit_level,exit_level_met_by,exit_level_met_by_kind"), "{head}");
    assert!(rows.lines().next().unwrap().ends_with(&format!(",{level},{met},last")), "{csv}");
}

/// Regression: a trade that left in parts named its last exit only.
#[test]
fn a_trade_that_left_in_parts_explains_every_part() {
    let cli = Cli::new();
    let mut document = loser("in-parts");
    document["takeProfitLadder"] =
        json!([{"offsetPercent": 0.05, "closePercent": 30}, {"offsetPercent": 0.08, "closePercent": 30}]);
    document["ze1_close"]["conditions"][0]["value"] = json!(15);
    let strategy = cli.file("in-parts.json", document.to_string());
    let data = cli.file("WAVE_USDT.trades.csv", waves("WAVE_USDT", 2));
    let args = ["backtest", "--strategy", &strategy, "--data", &data, "--explain-trade", "1"];
    let shown = cli.json(&[&args[..], &["--json"]].concat());
    let why = &shown["trade"]["why"];
    let parts = why["earlier_exits"].as_array().unwrap();
    let triggers: Vec<&Value> = parts.iter().chain([&why["exit"]]).map(|exit| &exit["trigger"]).collect();
    assert_eq!(triggers, ["LADDER", "LADDER", "ZE1"], "{shown:#}");
    assert!(parts.iter().all(|exit| exit["level"]["met_by"].is_number()), "{shown:#}");
    let text = cli.ok(&args);
    let exits = text.lines().filter(|line| line.starts_with("exit "));
    assert_eq!(exits.count(), 3, "{text}");
}
