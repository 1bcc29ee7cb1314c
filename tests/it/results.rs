//! Output of a backtest on the command line: why there was no trade, why a trade was made, trades as CSV, the
//! report, and the configuration's limits applied.

use crate::cli::{Cli, Ran, shipped_one};
use serde_json::{Value, json};
use tradingd::domain::time::Timestamp;

/// A market of one symbol that repeatedly rises by 0.01 % per second and falls back.
pub fn waves(symbol: &str, waves: i64) -> String {
    let mut rows = "timestamp_us,symbol,price,quantity,side\n".to_owned();
    for second in 0..waves * 60 {
        let price = 10_000 + if second % 60 < 30 { second % 60 } else { 60 - second % 60 };
        let at = 1_764_547_200_000_000 + second * 1_000_000;
        rows.push_str(&format!("{at},{symbol},{}.{:03},1000,buy\n", price / 1_000, price % 1_000));
    }
    rows
}

/// A strategy that buys whenever it may and exits after a few seconds, losing spread and fees each time.
pub fn loser(name: &str) -> Value {
    json!({
        "strategy_name": name,
        "direction": "LONG",
        "indicators": {"px": {"type": "PRICE"}},
        "s1_signal": {"conditions": [{"id": "s1_price", "indicatorId": "px", "operator": ">", "value": 0}]},
        "o1_cancel": {"conditions": [], "timeoutSeconds": 60, "cooldownMinutes": 0},
        "z1_entry": {"conditions": [{"id": "z1_price", "indicatorId": "px", "operator": ">", "value": 1}],
                     "positionSize": {"type": "fixed", "value": 100}, "orderType": "market", "timeoutSeconds": 0,
                     "stopLoss": {"enabled": true, "offsetPercent": 20, "calculationMode": "RELATIVE_TO_ENTRY"}},
        "ze1_close": {"conditions": [{"id": "ze_age", "indicatorId": "POSITION_AGE_SECONDS", "operator": ">=", "value": 3}]},
        "emergency_exit": {"conditions": [], "cooldownMinutes": 0,
                           "actions": {"cancelPending": true, "closePosition": true, "logEvent": true}},
        "global_limits": {"normal_exit_cooldown_minutes": 0}
    })
}

fn market(cli: &Cli) -> (String, String) {
    (
        cli.file("loser.json", loser("loser").to_string()),
        cli.file("WAVE_USDT.trades.csv", waves("WAVE_USDT", 4)),
    )
}

#[test]
fn data_shorter_than_the_strategy_looks_back_is_said_before_and_in_the_result() {
    let cli = Cli::new();
    let ran = cli.run(&["backtest", "--strategy", "pump_v2", "--data", &shipped_one("trades")]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let needed = "pump_v2 needs 6h 00m of data before its first signal (buying_20s_vs_6h)";
    assert!(ran.err.contains(&format!("warning: {needed}")), "{}", ran.err);
    let (_, result) = ran.out.split_once("\nResult\n").unwrap();
    assert!(result.starts_with(&format!("No trade: {needed}")), "{}", ran.out);
}

#[test]
fn a_trade_is_explained_by_its_number_with_the_conditions_of_its_entry_and_exit() {
    let cli = Cli::new();
    let (strategy, data) = market(&cli);
    let backtest =
        |more: &[&str]| cli.ok(&[&["backtest", "--strategy", &strategy, "--data", &data], more].concat());
    let text = backtest(&["--explain-trade", "2"]);
    for needle in [
        "Trade 2: long WAVE_USDT by loser",
        "s1_price",
        "z1_price",
        "> 1",
        "ze_age",
        "POSITION_AGE_SECONDS",
        "met",
        "USDT",
    ] {
        assert!(text.contains(needle), "{needle}\n{text}");
    }
    let shown: Value = serde_json::from_str(&backtest(&["--explain-trade", "worst", "--json"])).unwrap();
    assert_eq!(shown["trade"]["why"]["exit"]["conditions"]["ze_age"]["met"], true, "{shown:#}");
    cli.run(&["backtest", "--strategy", &strategy, "--data", &data, "--explain-trade", "99"]).fails(
        "none",
        64,
        &["no trade 99"],
    );
    // A time as the table prints it is accepted too, and the report shows the conditions.
    let entry = shown["trade"]["entry_time"].as_str().unwrap();
    let printed = format!("WAVE_USDT@{}", entry[..19].replace('T', " "));
    assert!(
        backtest(&["--explain", &printed]).contains("z1_price: px"),
        "{}",
        backtest(&["--explain", &printed])
    );
    let html = cli.at("report.html");
    backtest(&["--report", html.to_str().unwrap()]);
    assert!(std::fs::read_to_string(html).unwrap().contains("ze_age: POSITION_AGE_SECONDS"));
}

#[test]
fn an_explained_cooldown_is_told_and_is_no_chance_to_enter() {
    let cli = Cli::new();
    let mut strategy = loser("rests");
    strategy["global_limits"]["normal_exit_cooldown_minutes"] = json!(2);
    let strategy = cli.file("rests.json", strategy.to_string());
    let data = cli.file("WAVE_USDT.trades.csv", waves("WAVE_USDT", 2));
    let args = ["backtest", "--strategy", &strategy, "--data", &data];
    let trade = cli.json(&[&args[..], &["--explain-trade", "1", "--json"]].concat());
    let question = format!("WAVE_USDT@{}", &trade["trade"]["exit_time"].as_str().unwrap()[..19]);
    let text = cli.ok(&[&args[..], &["--explain", &question]].concat());
    assert!(
        text.contains("flat, cooling down\n") && text.contains("  resting until 2025-12-01T00:02:"),
        "{text}"
    );
    assert!(text.contains("(cooldown)") && !text.contains("no limit would block"), "{text}");
    let json = cli.json(&[&args[..], &["--explain", &question, "--json"]].concat());
    assert!(json["explanations"][0]["resting_until"].is_string(), "{json}");
}

/// Time in market is a share of the run without its warm-up: until every indicator has had a value, or until
/// the first entry where a strategy trades before that.
#[test]
fn warm_up_is_no_part_of_the_time_in_which_there_could_have_been_a_position() {
    let cli = Cli::new();
    let (quick, data) = market(&cli);
    let waiting = |name: &str, seconds: u32| {
        let mut strategy = loser(name);
        strategy["indicators"]["range"] = json!({"type": "PRICE_RANGE_PCT", "t1": seconds, "t2": 0});
        strategy["z1_entry"]["conditions"][0] =
            json!({"id": "z1_range", "indicatorId": "range", "operator": ">=", "value": 0});
        cli.file(&format!("{name}.json"), strategy.to_string())
    };
    let (late, never) = (waiting("late", 200), waiting("never", 3_600));
    let time = |text: &Value| Timestamp::parse(text.as_str().unwrap()).unwrap();
    for (strategies, warms) in [
        (vec![&quick], true),
        (vec![&late], true),
        (vec![&quick, &never], false),
        (vec![&quick, &late], true),
    ] {
        let mut args = vec!["backtest", "--data", &data, "--together", "--json", "--strategy"];
        args.extend(strategies.iter().map(|path| path.as_str()));
        let result = &cli.json(&args)["results"][0];
        let trades = result["trades"].as_array().unwrap();
        let held: f64 = trades
            .iter()
            .map(|trade| (time(&trade["exit_time"]) - time(&trade["entry_time"])).seconds_f64())
            .sum();
        let coverage = &result["assumptions"]["coverage"];
        let (first, last) = (time(&coverage["first_event"]), time(&coverage["last_event"]));
        let warm_up = result["assumptions"]["warm_up_seconds"].as_f64();
        assert_eq!(warm_up.is_some(), warms);
        let until_entry = (time(&trades[0]["entry_time"]) - first).seconds_f64();
        let excluded = warm_up.map_or(until_entry, |warm_up| warm_up.min(until_entry));
        let share = 100.0 * held / ((last - first).seconds_f64() - excluded);
        let shown = result["metrics"]["exposure_time_pct"]["value"].as_f64().unwrap();
        assert!((shown - share).abs() < 0.01, "{shown} instead of {share}: {strategies:?}");
    }
}

/// Four losses in a row pause entries for half an hour by default; the configuration can change that.
#[test]
fn the_limits_of_the_configuration_hold_for_a_backtest() {
    let cli = Cli::new();
    let (strategy, data) = market(&cli);
    let trades = |more: &[&str]| -> u64 {
        let args = [&["backtest", "--strategy", &strategy, "--data", &data, "--json"], more].concat();
        cli.json(&args)["results"][0]["metrics"]["trades"]["value"].as_u64().unwrap()
    };
    assert_eq!(trades(&[]), 4);
    let open = r#"{"trading": {"risk": {"consecutive_losses": null, "trades_per_day": null, "daily_loss_pct": null}}}"#;
    let config = cli.file("open.json", open);
    assert!(trades(&["--config", &config]) > 10);
    cli.run(&["backtest", "--strategy", &strategy, "--data", &data, "--config", "none.json"]).fails(
        "missing",
        78,
        &["none.json"],
    );
}

#[test]
fn results_of_files_are_kept_when_asked_and_read_as_csv_and_page() {
    let cli = Cli::new();
    let (strategy, data) = market(&cli);
    let args = ["backtest", "--strategy", &strategy, "--data", &data];
    cli.ok(&args);
    assert!(!cli.state().exists(), "nothing is kept unasked");
    let ran = cli.run(&[&args[..], &["--keep"]].concat());
    let kept = |ran: &Ran| {
        let id = ran.err.lines().find_map(|line| line.strip_prefix("stored as ")?.split(' ').next());
        id.unwrap_or_else(|| panic!("{}", ran.err)).to_owned()
    };
    let id = kept(&ran);
    let csv = cli.ok(&["results", "trades", &id]);
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(csv.starts_with("number,symbol,strategy,side,entry_time,") && csv.contains("ze_age"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().contains(",USDT,"), "{csv}");
    assert!(cli.ok(&["results", "equity", &id]).starts_with("time,equity,low,high,drawdown_pct,currency\n"));
    assert!(
        cli.ok(&["results", "signals", &id])
            .lines()
            .skip(1)
            .all(|line| line.contains(",S1,WAVE_USDT,loser,"))
    );
    assert!(ran.err.contains(&format!("stored as {id} (loser on WAVE_USDT, ")), "{}", ran.err);
    let again = kept(&cli.run(&[&args[..], &["--keep"]].concat()));
    let both = cli.ok(&["results", "trades", &id, &again]);
    assert!(both.lines().count() == 9 && both.starts_with("result_id,number,symbol,"), "{both}");
    let of = |id: &str| both.lines().filter(|line| line.starts_with(&format!("{id},"))).count();
    assert_eq!((of(&id), of(&again)), (4, 4), "{both}");
    let out = cli.at("trades.csv");
    let to_file = ["results", "trades", &id, "--out", out.to_str().unwrap()];
    assert_eq!(cli.ok(&to_file), "");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), cli.ok(&to_file[..3]));
    cli.run(&to_file).fails("a file is there", 64, &["--force"]);
    cli.run(&["results", "trades", &id, &again, &id]).fails("twice", 64, &[&id, "is named twice"]);
    let page = cli.at("kept.html");
    let report = ["results", "report", &id, "--out", page.to_str().unwrap()];
    cli.ok(&report);
    cli.run(&report).fails("a file is there", 64, &["kept.html exists already", "--force"]);
    cli.ok(&[&report[..], &["--force"]].concat());
    assert!(std::fs::read_to_string(page).unwrap().contains("<h1>Backtest report</h1>"));
    let same = cli.ok(&["results", "compare", &id, &id]);
    assert!(
        same.contains("Net profit")
            && same.contains("System quality number")
            && same.contains("All compared assumptions are the same"),
        "{same}"
    );
    cli.run(&["sessions", "show", &id]).fails(
        "a result",
        64,
        &["is a result of the command line, not a session"],
    );
    cli.run(&["results", "trades", "exec_x"]).fails("none", 64, &["no result"]);
}

/// Each line of the decision journal names its source; the account of a BTC-quoted pair names BTC.
#[test]
fn journals_name_their_source_and_foreign_accounts_their_currency() {
    let cli = Cli::new();
    let (strategy, data) = market(&cli);
    let other = cli.file("second.trades.csv", waves("WAVEBTC", 4));
    let journal = cli.at("journal.jsonl");
    let out = cli.json(&[
        "backtest",
        "--strategy",
        &strategy,
        "--data",
        &data,
        &other,
        "--json",
        "--journal",
        journal.to_str().unwrap(),
    ]);
    let text = std::fs::read_to_string(journal).unwrap();
    let sources: std::collections::BTreeSet<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["source"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sources.len(), 2, "{sources:?}");
    let currencies: Vec<&Value> =
        out["results"].as_array().unwrap().iter().map(|result| &result["currency"]).collect();
    assert_eq!(currencies, [&json!("USDT"), &json!("BTC")]);
    let warnings = out["results"][1]["assumptions"]["warnings"].to_string();
    assert!(warnings.contains("the account is in BTC: it starts with 10000 BTC"), "{warnings}");
    assert_eq!(out["totals"].as_array().unwrap().len(), 2, "amounts of two currencies are not added up");
}

/// Regression: an explanation had no warning of the account's currency, and --explain swallowed all warnings.
#[test]
fn explanations_and_sweeps_warn_as_results_do() {
    let cli = Cli::new();
    let (strategy, _) = market(&cli);
    let data = cli.file("second.trades.csv", waves("WAVEBTC", 4));
    let args = ["backtest", "--strategy", &strategy, "--data", &data];
    let told = "the account is in BTC: it starts with 10000 BTC";
    let at = ["--explain", "WAVEBTC@2025-12-01 00:01:00"];
    let out = cli.at("sweep");
    let sweep = [
        "sweep",
        "--strategy",
        &strategy,
        "--data",
        &data,
        "--set",
        "/z1_entry/stopLoss/offsetPercent=10,20",
    ];
    let asked: [Vec<&str>; 3] = [
        [&args[..], &at, &["--stop-loss", "3"]].concat(),
        [&args[..], &["--explain-trade", "worst"]].concat(),
        [&sweep[..], &["--out", out.to_str().unwrap()]].concat(),
    ];
    let warned = asked.map(|asked| {
        let ran = cli.run(&asked);
        assert!(ran.code == 0 && ran.err.matches(told).count() == 1, "{asked:?}\n{}", ran.err);
        ran.err
    });
    assert!(warned[0].contains("loser has a stop of its own"), "{}", warned[0]);
    for question in [&["--explain-trade", "1"][..], &at] {
        let shown = cli.json(&[&args[..], question, &["--json"]].concat()).to_string();
        assert!(shown.contains(told), "{shown}");
    }
    // Nothing is dropped in silence: what an explanation does not make is refused.
    cli.run(&[&args[..], &at, &["--keep"]].concat()).fails("keep", 64, &["--keep", "cannot be used with"]);
    cli.run(&[&args[..], &["--explain-trade", "1", "--report", "x.html"]].concat()).fails(
        "report",
        64,
        &["--report", "cannot be used with"],
    );
}

/// Regression: two documents with one file name shared a row, and nothing told their results apart.
#[test]
fn documents_of_one_file_name_are_told_apart_by_their_folders() {
    let cli = Cli::new();
    let (_, data) = market(&cli);
    let [a, b] = ["a", "b"].map(|folder| {
        std::fs::create_dir(cli.at(folder)).unwrap();
        cli.file(&format!("{folder}/pump.json"), loser("pump").to_string())
    });
    let args = ["backtest", "--strategy", &a, &b, "--data", &data];
    let text = cli.ok(&args);
    let (sums, results) = text.split_once("Results\n").unwrap();
    for table in [sums, results] {
        assert!(["a/pump", "b/pump"].iter().all(|id| table.contains(id)), "{text}");
    }
    let json = cli.json(&[&args[..], &["--json"]].concat());
    let sums: Vec<&Value> =
        json["by_strategy"].as_array().unwrap().iter().map(|one| &one["strategy"]).collect();
    assert_eq!(sums, [&json!("a/pump"), &json!("b/pump")]);
    assert_eq!(json["results"][1]["trades"][0]["strategy"], "b/pump");
    let kept = cli.run(&[&args[..], &["--keep"]].concat()).err;
    assert!(kept.contains("(a/pump on WAVE_USDT") && kept.contains("(b/pump on WAVE_USDT"), "{kept}");
    cli.run(&["backtest", "--strategy", &a, &a, "--data", &data]).fails("twice", 64, &["named twice"]);
}

#[test]
fn nobody_is_asked_without_a_terminal_and_nothing_is_deleted() {
    let cli = Cli::new();
    let (_, data) = market(&cli);
    let id = cli.import(&[data])["id"].as_str().unwrap().to_owned();
    cli.run(&["recordings", "delete", &id]).fails("unasked", 64, &["add --yes"]);
    assert_eq!(cli.json(&["recordings", "list", "--json"])["recordings"].as_array().unwrap().len(), 1);
    assert_eq!(cli.json(&["recordings", "show", &id, "--json"])["id"], id.as_str());
    cli.ok(&["recordings", "delete", &id, "--yes"]);
    assert!(cli.recordings().is_empty());
}

#[test]
fn shells_and_man_are_told_every_command() {
    let cli = Cli::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = cli.ok(&["completions", shell]);
        assert!(script.contains("explain-trade") && script.contains("recordings"), "{shell}");
    }
    assert!(cli.ok(&["man"]).contains(".TH"));
    let pages = cli.at("man1");
    cli.ok(&["man", "--out", pages.to_str().unwrap()]);
    for page in ["tradingd.1", "tradingd-backtest.1", "tradingd-recordings-delete.1"] {
        assert!(pages.join(page).is_file(), "{page}");
    }
    assert!(cli.ok(&["help", "backtest"]).contains("Examples:"));
}

/// Regression: the candles of a folder without a symbol refused the whole folder, without a word on what to
/// do.
#[test]
fn a_folder_of_mixed_files_runs_on_what_fits_or_says_how() {
    let cli = Cli::new();
    let (strategy, _) = market(&cli);
    let folder = cli.at("folder");
    std::fs::create_dir(&folder).unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    file("WAVE_USDT.trades.csv", &waves("WAVE_USDT", 4));
    file("a.json", "{\n  \"a\": {\"b\": 1}\n}\n");
    file("b.json", "{\n  \"a\": {\"b\": 1}\n}\n");
    file(
        "candles.json",
        "{\"success\":true,\"code\":0,\"data\":{\"time\":[1764547200],\"open\":[1],\"close\":[1],\"high\":[1],\"low\":[1],\"vol\":[1],\"amount\":[1]}}",
    );
    let args = ["backtest", "--strategy", &strategy, "--data", folder.to_str().unwrap()];
    let ran = cli.run(&args);
    assert!(ran.code == 0 && ran.out.starts_with("Backtest: loser on WAVE_USDT"), "{}\n{}", ran.out, ran.err);
    assert_eq!(ran.err.matches("its layout is unknown").count(), 1, "{}", ran.err);
    let without = ran.err.lines().find(|line| line.contains("candles.json"));
    assert!(without.is_some_and(|line| line.contains("--data-symbol")), "{}", ran.err);
}
