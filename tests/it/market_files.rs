//! Market data files of other sources: declared and assumed contract facts, gaps that rows prove, unusual
//! symbol names, time ranges, whole folders.

use crate::cli::{Cli, Ran};
use serde_json::{Value, json};
use std::path::Path;

/// 2025-12-01T00:00:00Z.
pub const BEGIN: i64 = 1_764_547_200;

pub const TRADES: &str = "timestamp_us,symbol,price,quantity,side";
const BARS: &str = "timestamp_us,symbol,open,high,low,close,volume\n";

/// A strategy that buys once for a thousand and sells five percent higher.
fn strategy(cli: &Cli) -> String {
    let document = json!({
        "strategy_name": "once", "direction": "LONG", "indicators": {"px": {"type": "PRICE"}},
        "s1_signal": {"conditions": [{"id": "s", "indicatorId": "px", "operator": ">", "value": 0}]},
        "o1_cancel": {"conditions": [], "timeoutSeconds": 60, "cooldownMinutes": 0},
        "z1_entry": {
            "conditions": [], "positionSize": {"type": "fixed", "value": 1000}, "orderType": "market", "leverage": 1, "timeoutSeconds": 0,
            "takeProfit": {"enabled": true, "offsetPercent": 5, "calculationMode": "RELATIVE_TO_ENTRY"},
        },
        "ze1_close": {"conditions": []},
        "emergency_exit": {"conditions": [], "cooldownMinutes": 0, "actions": {"cancelPending": true, "closePosition": true, "logEvent": true}},
        "global_limits": {"normal_exit_cooldown_minutes": 600},
    });
    cli.file("once.json", document.to_string())
}

/// The arguments of a backtest without fees, latency, spread, depth and risk limits.
fn arguments<'a>(strategy: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let free = [
        "--risk",
        "none",
        "--latency-ms",
        "0",
        "--assumed-spread",
        "0",
        "--assumed-depth",
        "0",
        "--fees",
        "0,0",
        "--json",
    ];
    ["backtest", "--strategy", strategy].iter().chain(&free).chain(more).copied().collect()
}

#[track_caller]
pub fn results(cli: &Cli, more: &[&str]) -> Vec<Value> {
    let strategy = strategy(cli);
    cli.json(&arguments(&strategy, more))["results"].as_array().unwrap().clone()
}

pub fn run(cli: &Cli, more: &[&str]) -> Ran {
    let strategy = strategy(cli);
    cli.run(&arguments(&strategy, more))
}

/// Trades as CSV, at seconds after [`BEGIN`].
fn trades(symbol: &str, rows: impl IntoIterator<Item = (i64, String)>) -> String {
    let rows = rows
        .into_iter()
        .map(|(second, price)| format!("{},{symbol},{price},500,buy\n", (BEGIN + second) * 1_000_000));
    format!("{TRADES}\n{}", rows.collect::<String>())
}

fn rising(symbol: &str, first: i64, count: i64) -> String {
    trades(symbol, (0..count).map(|n| (first + n, format!("{}", 100 + n))))
}

pub fn warnings(result: &Value) -> String {
    result["assumptions"]["warnings"].to_string()
}

#[test]
fn what_is_known_of_a_contract_survives_export_and_import_and_is_told() {
    let cli = Cli::new();
    let data = cli.file("X.trades.csv", rising("BTC_USDT", 0, 20));
    let assumed = &results(&cli, &["--data", &data])[0];
    let facts = &assumed["assumptions"]["contracts"]["BTC_USDT"];
    assert_eq!((&facts["contract_size"], &facts["contract_size_source"]), (&json!(1), &json!("assumed")));
    assert_eq!(facts["price_step_source"], "assumed");
    assert!(warnings(assumed).contains("contract size of BTC_USDT not known"), "{assumed}");

    let given = &results(
        &cli,
        &["--data", &data, "--contract-size", "BTCUSDT=0.01", "--price-step", "0.1", "--quantity-step", "1"],
    )[0];
    let facts = &given["assumptions"]["contracts"]["BTC_USDT"];
    assert_eq!(
        (&facts["contract_size"], &facts["contract_size_source"], &facts["price_step"]),
        (&json!(0.01), &json!("given"), &json!(0.1))
    );
    assert!(!warnings(given).contains("not known") && given["digest"] != assumed["digest"]);

    // In a contract file beside the data, through a recording, and exported again.
    cli.file(
        "X.contract.json",
        json!({"contracts": [{
            "symbol": "BTC_USDT", "venue": "mexc", "quote": "USDT", "settle": "USDT", "price_step": "0.1", "quantity_step": "1",
            "contract_size": "0.01", "min_quantity_lots": 1, "maker_fee": "0", "taker_fee": "0.0002",
            "tiers": [{"max_notional": null, "max_leverage": 200, "maintenance": "0.004"}],
        }]})
        .to_string(),
    );
    let beside = &results(&cli, &["--data", &data])[0];
    assert_eq!(beside["assumptions"]["contracts"]["BTC_USDT"]["contract_size_source"], "contract");
    let id = cli.import(std::slice::from_ref(&data))["id"].as_str().unwrap().to_owned();
    let recorded = &results(&cli, &["--recording", &id])[0];
    assert_eq!((&recorded["digest"], &recorded["trades"]), (&beside["digest"], &beside["trades"]));
    for format in ["csv", "jsonl.gz", "parquet"] {
        let folder = cli.at(&format!("out-{format}/"));
        let folder = format!("{}/", folder.to_str().unwrap().trim_end_matches('/'));
        cli.ok(&["export", &id, "--format", format, "--out", &folder]);
        let again = cli.import(std::slice::from_ref(&folder));
        assert_eq!(again["symbols"][0]["contract"]["contract_size"], "0.01", "{format}: {again}");
        assert_eq!(results(&cli, &["--data", &folder])[0]["digest"], beside["digest"], "{format}");
    }
    run(&cli, &["--data", &data, "--contract-size", "1"]).fails(
        "a contradiction",
        64,
        &["--contract-size 1", "0.01"],
    );
}

#[test]
fn an_assumed_step_that_costs_more_than_the_spread_is_told() {
    let cli = Cli::new();
    let data = cli.file("X.csv", trades("X_USDT", (0..20).map(|n| (n, format!("{}", 41 + n % 2)))));
    let strategy = strategy(&cli);
    let args = ["backtest", "--strategy", &strategy, "--data", &data, "--json"];
    let coarse = cli.json(&args)["results"][0].clone();
    assert!(
        warnings(&coarse).contains("the price step 1 of X_USDT is assumed and up to 2.44 % of its price"),
        "{}",
        warnings(&coarse)
    );
    let declared: Vec<&str> = args.iter().copied().chain(["--price-step", "0.01"]).collect();
    assert!(!warnings(&cli.json(&declared)["results"][0]).contains("of its price"));
}

#[test]
fn bars_are_as_long_as_is_declared_and_never_as_the_smallest_distance_says() {
    let cli = Cli::new();
    let minutes = [0, 5, 10, 15, 16, 20, 25, 30];
    let rows: String = minutes
        .iter()
        .map(|minute| format!("{},A_USDT,10,11,9,10,5\n", (BEGIN + 60 * minute) * 1_000_000))
        .collect();
    let (plain, named) =
        (cli.file("A.csv", format!("{BARS}{rows}")), cli.file("A_1m.csv", format!("{BARS}{rows}")));
    let bar = |more: &[&str]| {
        let result = results(&cli, more)[0].clone();
        let facts = &result["assumptions"]["contracts"]["A_USDT"];
        (
            facts["bar_seconds"].as_f64().unwrap(),
            facts["bar_seconds_source"].as_str().unwrap().to_owned(),
            warnings(&result),
        )
    };
    let (seconds, source, said) = bar(&["--data", &plain]);
    assert_eq!((seconds, source.as_str()), (300.0, "most_frequent"));
    assert!(said.contains("bars are taken as 300 s long, but some follow each other after 60 s"), "{said}");
    let (seconds, source, said) = bar(&["--data", &named]);
    assert_eq!((seconds, source.as_str()), (60.0, "name"));
    assert!(said.contains("declared 60 s long, but most follow each other after 300 s"), "{said}");
    assert_eq!(bar(&["--data", &plain, "--bar-seconds", "60"]).1, "given");
    let known = |result: &Value| result["assumptions"]["coverage"]["first_event"].clone();
    assert_eq!(known(&results(&cli, &["--data", &named])[0]), "2025-12-01T00:01:00.000000Z");
    // The same from a recording.
    let id = cli.import(&[named])["id"].as_str().unwrap().to_owned();
    let (seconds, source, said) = bar(&["--recording", &id]);
    assert_eq!((seconds, source.as_str()), (60.0, "name"));
    assert!(said.contains("declared 60 s long"), "{said}");
}

/// Two hundred trades, optionally with ids of which some are missing; in the middle three silent hours and a
/// price jump of 40 %.
pub fn with_holes(ids: bool) -> String {
    let header = if ids { format!("{TRADES},trade_id\n") } else { format!("{TRADES}\n") };
    let rows = (0..200_i64).map(|n| {
        let (second, price) = if n < 100 { (n, 100) } else { (n + 10_800, 140) };
        let id = if ids { format!(",{}", if n < 50 { n } else { n + 899 }) } else { String::new() };
        format!("{},A_USDT,{price},500,buy{id}\n", (BEGIN + second) * 1_000_000)
    });
    header + &rows.collect::<String>()
}

#[test]
fn what_rows_prove_to_be_missing_is_a_gap_with_its_price_jump() {
    let cli = Cli::new();
    let (with_ids, without) =
        (cli.file("with.csv", with_holes(true)), cli.file("without.csv", with_holes(false)));
    let coverage = |result: &Value| result["assumptions"]["coverage"].clone();
    let proven = coverage(&results(&cli, &["--data", &with_ids])[0]);
    assert_eq!(proven["gaps"]["by_cause"]["missing_trades"]["count"], 1, "{proven}");
    assert_eq!(proven["gaps"]["count"], 1, "ids prove that nobody traded in the silent hours");
    let silent = results(&cli, &["--data", &without])[0].clone();
    let listed = &coverage(&silent)["jumps"][0];
    assert_eq!(
        (&listed["cause"], &listed["price_jump_pct"], &listed["seconds"]),
        (&json!("silence"), &json!(40), &json!(10_801))
    );
    assert!(coverage(&silent)["covered_pct"].as_f64().unwrap() < 2.0, "{silent}");
    // A recording of the file has the same gap and gives the same decisions.
    let recording = cli.import(&[without]);
    assert_eq!(recording["gaps"].as_array().unwrap().len(), 1);
    let replayed = &results(&cli, &["--recording", recording["id"].as_str().unwrap()])[0];
    assert_eq!((&replayed["digest"], coverage(replayed)), (&silent["digest"], coverage(&silent)));
}

#[test]
fn coverage_of_several_symbols_is_the_mean_of_theirs() {
    let cli = Cli::new();
    let files = ["A_USDT", "B_USDT"]
        .map(|name| cli.file(&format!("{name}.csv"), with_holes(false).replace("A_USDT", name)));
    let coverage = |args: &[&str]| results(&cli, args)[0]["assumptions"]["coverage"].clone();
    let alone = coverage(&["--data", &files[0]]);
    let id = cli.import(&files)["id"].as_str().unwrap().to_owned();
    let together = coverage(&["--recording", &id, "--together"]);
    assert_eq!((&alone["gaps"]["count"], &together["gaps"]["count"]), (&json!(1), &json!(2)));
    for figure in ["/covered_pct", "/gaps/seconds", "/gaps/by_cause/silence/seconds"] {
        assert_eq!(together.pointer(figure), alone.pointer(figure), "{figure}: {together}");
    }
}

#[test]
fn a_trade_that_comes_twice_counts_once_and_is_told() {
    let cli = Cli::new();
    let rows = [(1, 0, 100), (2, 1, 101), (3, 1, 102), (2, 1, 101), (3, 1, 102), (4, 2, 103)];
    let text = |rows: &[(i64, i64, i64)]| {
        let rows = rows
            .iter()
            .map(|(id, second, price)| format!("{},A,{price},5,buy,{id}\n", (BEGIN + second) * 1_000_000));
        format!("{TRADES},trade_id\n{}", rows.collect::<String>())
    };
    let data = cli.file("a.csv", text(&rows));
    let recording = cli.import(std::slice::from_ref(&data));
    assert_eq!((&recording["rows"], &recording["symbols"][0]["repeated_trades"]), (&json!(4), &json!(2)));
    let id = recording["id"].as_str().unwrap();
    assert!(cli.ok(&["recordings", id]).contains("A: left out 2 rows that repeat earlier ones"));
    for more in [["--data", &data], ["--recording", id]] {
        let result = &results(&cli, &more)[0];
        assert_eq!(result["assumptions"]["coverage"]["events"], 4);
        assert!(warnings(result).contains("left out 2 rows of A that repeat earlier ones"), "{result}");
    }
}

#[test]
fn times_in_other_units_and_empty_ranges_are_refused() {
    let cli = Cli::new();
    let data = cli.file("a.csv", rising("A_USDT", 0, 10));
    for (option, value, unit) in [("--from", BEGIN * 1_000, "milliseconds"), ("--to", BEGIN + 5, "seconds")] {
        run(&cli, &["--data", &data, option, &value.to_string()]).fails(
            unit,
            64,
            &[&format!("looks like {unit}")],
        );
    }
    run(&cli, &["--data", &data, "--from", "20210101", "--to", "20210201"]).fails(
        "a month before",
        64,
        &["A_USDT of a has data from"],
    );
    run(&cli, &["--data", &data, "--from", "2026-01-01"]).fails(
        "behind the end",
        64,
        &["none between --from and --to"],
    );
    let later = &results(&cli, &["--data", &data, "--from", "2025-12-01 00:00:05"])[0];
    assert_eq!(later["assumptions"]["coverage"]["events"], 5);
}

#[test]
fn inverse_contracts_are_refused_by_name_and_source() {
    for symbol in ["BTCUSD_PERP", "BTC_USD"] {
        let cli = Cli::new();
        let data = cli.file("coinm.trades.csv", rising(symbol, 0, 10));
        let other = cli.file("linear.trades.csv", rising("BTC_USDT", 0, 10));
        let refused = |of: &str| format!("{symbol} of {of} is an inverse");
        run(&cli, &["--data", &data]).fails("inverse", 64, &[&refused("coinm")]);
        let id = cli.import(std::slice::from_ref(&data))["id"].as_str().unwrap().to_owned();
        run(&cli, &["--recording", &id]).fails("inverse", 64, &[&refused(&id)]);
        let both = run(&cli, &["--data", &data, &other, "--skip-unfit"]);
        let left_out = format!("left out: {symbol} of coinm");
        assert!(both.code == 0 && both.err.contains(&left_out), "{}", both.err);
        let declared = json!({"contracts": [{"symbol": symbol, "quote": "USD", "settle": "USD"}]});
        cli.file("coinm.contract.json", declared.to_string());
        assert_eq!(results(&cli, &["--data", &data]).len(), 1, "somebody who knows says that it is linear");
    }
}

#[test]
fn hostile_names_pass_unharmed_and_invisible_ones_are_refused() {
    let cli = Cli::new();
    let wide = "🦀".repeat(64);
    for symbol in ["币安人生_USDT", "<svg/onload=alert(1)>", "=HYPERLINK(\"a,b\",\"c\")", "../x", &wide] {
        let quoted = format!("\"{}\"", symbol.replace('"', "\"\""));
        let data = cli.file("hostile.trades.csv", rising(&quoted, 0, 5));
        let recording = cli.import(&[data]);
        assert_eq!(recording["symbols"][0]["name"], symbol);
        let id = recording["id"].as_str().unwrap();
        let text = cli.ok(&["export", id, "--symbol", symbol, "--out", "-"]);
        for format in ["csv.zst", "jsonl", "parquet"] {
            let folder = tempfile::tempdir().unwrap();
            let out = format!("{}/", folder.path().display());
            cli.ok(&["export", id, "--format", format, "--out", &out]);
            let again = cli.import(&[out]);
            assert_eq!(again["symbols"][0]["name"], symbol, "{format}");
            assert_eq!(cli.ok(&["export", again["id"].as_str().unwrap(), "--out", "-"]), text, "{format}");
        }
        let report = cli.at("report.html");
        let result = &results(&cli, &["--recording", id, "--report", report.to_str().unwrap(), "--force"])[0];
        assert_eq!(result["symbol"], symbol);
        let page = std::fs::read_to_string(&report).unwrap();
        assert!(!page.contains("<svg/onload"), "markup came through");
    }
    assert!(!cli.at("x.trades.csv").exists() && !cli.at("../x.trades.csv").exists());
    for symbol in ["BTC\u{202e}USDT", "BTC\u{200b}USDT", "\u{feff}BTC", "BTC USDT"] {
        let data = cli.file("hostile.trades.csv", rising(symbol, 0, 5));
        cli.run(&["import", &data]).fails(
            &format!("{symbol:?}"),
            64,
            &["line 2", "symbol", "is not a symbol's name"],
        );
    }
}

/// Creates a folder with these files.
pub fn folder(cli: &Cli, name: &str, files: &[(&str, String)]) -> String {
    std::fs::create_dir_all(cli.at(name)).unwrap();
    files.iter().for_each(|(file, text)| drop(cli.file(&format!("{name}/{file}"), text)));
    cli.at(name).to_str().unwrap().to_owned()
}

#[test]
fn a_folder_is_used_as_it_comes_and_what_is_left_out_is_named() {
    let cli = Cli::new();
    let day = 86_400;
    let data = folder(
        &cli,
        "days",
        &[
            ("A-2025-12-01.trades.csv", rising("A_USDT", 0, 5)),
            ("A-2025-12-02.trades.csv", format!("{TRADES}\n")),
            ("A-2025-12-03.trades.csv", String::new()),
            ("A-2025-12-04.trades.csv", rising("A_USDT", 3 * day, 5)),
            ("A-2025-12-04.trades.csv.CHECKSUM", "00ff".to_owned()),
            ("README.md", "# What this is".to_owned()),
        ],
    );
    for ran in [run(&cli, &["--data", &data]), cli.run(&["import", "--json", &data])] {
        assert_eq!(ran.code, 0, "{}", ran.err);
        for name in ["A-2025-12-02.trades.csv", "A-2025-12-03.trades.csv", ".CHECKSUM", "README.md"] {
            assert!(
                ran.err.lines().any(|line| line.starts_with("left out: ") && line.contains(name)),
                "{name}: {}",
                ran.err
            );
        }
    }
    let empty = cli.file("empty.csv", format!("{TRADES}\n"));
    run(&cli, &["--data", &empty]).fails("nothing but an empty day", 64, &["has column names but no rows"]);
    let broken = cli
        .file("days/A-2025-12-05.trades.csv", "timestamp_us,symbol,price,quantity,side\nx,A_USDT,1,1,buy\n");
    run(&cli, &["--data", &data]).fails("a broken day", 64, &["A-2025-12-05", "line 2"]);
    let skipped = run(&cli, &["--data", &data, "--skip-unfit"]);
    assert!(skipped.code == 0 && skipped.err.contains(&format!("left out: {broken}")), "{}", skipped.err);
}

#[test]
fn daily_files_of_a_symbol_are_one_history_with_one_account() {
    let cli = Cli::new();
    let day = 86_400;
    let price = |prices: [i64; 3], first: i64| {
        trades("T_USDT", prices.iter().zip(0..).map(|(price, n)| (first + n, format!("{price}"))))
    };
    let data = folder(
        &cli,
        "t",
        &[
            ("T_USDT-2025-12-01.csv", price([100, 100, 101], day - 3)),
            ("T_USDT-2025-12-02.csv", price([104, 106, 106], day + 1)),
        ],
    );
    let one = results(&cli, &["--data", &data]);
    assert_eq!(one.len(), 1);
    assert_eq!(
        (&one[0]["source"], one[0]["trades"].as_array().unwrap().len()),
        (&json!("T_USDT-2025-12"), 1)
    );
    assert_eq!((&one[0]["trades"][0]["reason"], &one[0]["trades"][0]["net"]), (&json!("TP"), &json!(60)));
    let apart = results(&cli, &["--data", &data, "--separate-files"]);
    assert_eq!(
        apart.iter().map(|result| result["source"].as_str().unwrap()).collect::<Vec<_>>(),
        ["T_USDT-2025-12-01", "T_USDT-2025-12-02"]
    );
    // The imported recording gives the same decisions.
    let id = cli.import(&[data])["id"].as_str().unwrap().to_owned();
    assert_eq!(results(&cli, &["--recording", &id])[0]["digest"], one[0]["digest"]);
}

#[test]
fn several_recordings_run_in_one_command_and_unfit_ones_are_left_out_when_asked() {
    let cli = Cli::new();
    let first = cli.import(&[cli.file("a.csv", rising("A_USDT", 0, 10))])["id"].as_str().unwrap().to_owned();
    let marks = format!("timestamp_us,symbol,mark_price\n{},B_USDT,1\n", BEGIN * 1_000_000);
    let second = cli.import(&[cli.file("b.marks.csv", marks)])["id"].as_str().unwrap().to_owned();
    let third = cli.import(&[cli.file("c.csv", rising("C_USDT", 0, 10))])["id"].as_str().unwrap().to_owned();
    run(&cli, &["--recording", &first, &second, &third]).fails(
        "no prices",
        64,
        &["cannot run on B_USDT", "--skip-unfit"],
    );
    let ran = run(&cli, &["--recording", &first, &second, &third, "--skip-unfit"]);
    assert!(ran.code == 0 && ran.err.contains("left out: strategy once cannot run on B_USDT"), "{}", ran.err);
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    let sources: Vec<&str> = shown["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["source"].as_str().unwrap())
        .collect();
    assert_eq!(sources, [first.as_str(), third.as_str()]);
    // Either spelling selects a symbol.
    assert_eq!(results(&cli, &["--recording", &first, &third, "--symbol", "CUSDT"]).len(), 1);
}

#[test]
fn binary_noise_is_rounded_to_a_declared_step_and_else_refused_in_its_line() {
    let cli = Cli::new();
    let prices = ["4.8", "4.82", "4.8100000000000005", "4.83"];
    let data = cli
        .file("a.csv", trades("A_USDT", prices.iter().zip(0..).map(|(price, n)| (n, (*price).to_owned()))));
    run(&cli, &["--data", &data]).fails(
        "noise",
        64,
        &["line 4", "`4.8100000000000005` is `4.81`", "--price-step"],
    );
    cli.run(&["import", &data]).fails("noise", 64, &["line 4", "--price-step"]);
    let rounded = &results(&cli, &["--data", &data, "--price-step", "0.01"])[0];
    assert!(warnings(rounded).contains("corrected 1 number of A_USDT to the step"), "{rounded}");
    let id = cli.ok(&["import", "--json", &data, "--price-step", "0.01"]);
    let id = serde_json::from_str::<Value>(&id).unwrap()["id"].as_str().unwrap().to_owned();
    assert!(cli.ok(&["export", &id, "--out", "-"]).contains(",4.81,"));
    assert_eq!(results(&cli, &["--recording", &id])[0]["digest"], rounded["digest"]);
    // Noise in the first row, which is looked at before the files are read.
    let first = cli
        .file("B_USDT.csv", trades("B_USDT", [(0, "4.8100000000000005".to_owned()), (1, "4.82".to_owned())]));
    cli.ok(&["import", &first, "--price-step", "0.01"]);
    let terms = json!({"contracts": [{"symbol": "B_USDT", "price_step": "0.01"}]});
    cli.file("B_USDT.contract.json", terms.to_string());
    cli.ok(&["import", &first]);
    run(&cli, &["--data", &data, "--price-step", "0.05"]).fails(
        "off the step",
        64,
        &["line 3", "`4.82`", "0.05"],
    );
}

#[test]
fn parquet_of_other_makers_is_refused_with_a_reason_when_it_cannot_be_read() {
    let cli = Cli::new();
    let broken = cli.file("a.trades.parquet", "PAR1 and nothing more");
    cli.run(&["import", &broken]).fails("broken parquet", 64, &["is a parquet file that cannot be read"]);
    assert!(!Path::new(&cli.state()).exists());
}

#[test]
fn events_far_apart_are_histories_of_their_own_in_files_and_in_a_recording() {
    const DAY: i64 = 86_400;
    let cli = Cli::new();
    let data = [("A-1.csv", 0), ("A-2.csv", 6 * DAY), ("A-3.csv", 20 * DAY)]
        .map(|(name, first)| cli.file(name, rising("A_USDT", first, 10)));
    let files = results(&cli, &["--data", &data[0], &data[1], &data[2]]);
    assert_eq!(files.len(), 2, "two within a week of each other, and one");
    let text = cli.ok(&["import", &data[0], &data[1], &data[2]]);
    assert!(text.contains("A_USDT: 2 stretches more than 7 days apart"), "{text}");
    let id = cli.recordings()[0]["id"].as_str().unwrap().to_owned();
    let recorded = results(&cli, &["--recording", &id]);
    let digests =
        |results: &[Value]| -> Vec<Value> { results.iter().map(|result| result["digest"].clone()).collect() };
    assert_eq!(digests(&recorded), digests(&files), "one rule");
    for (result, gaps) in recorded.iter().zip([1, 0]) {
        let coverage = &result["assumptions"]["coverage"];
        assert_eq!(coverage["gaps"]["count"], gaps, "the hole between them belongs to neither: {coverage}");
        assert!(warnings(result).contains("in 2 stretches that are more than 7 days apart: each is a run"));
    }
    // Nothing but the time of its first event says which of them a result is of.
    let html = cli.at("events.html");
    let document = strategy(&cli);
    let ran = ["backtest", "--strategy", &document, "--recording", &id, "--report", html.to_str().unwrap()];
    let ran = cli.run(&ran);
    let (html, list) = (std::fs::read_to_string(html).unwrap(), cli.ok(&["results", "list"]));
    assert!(ran.out.lines().any(|line| line.contains("source") && line.contains("  from  ")), "{}", ran.out);
    for first in ["2025-12-01", "2025-12-21"] {
        assert_eq!(
            ran.out.lines().filter(|line| line.contains(&format!("  {first}  "))).count(),
            1,
            "{}",
            ran.out
        );
        assert!(ran.err.contains(&format!("{id} from {first} 00:00:00)")), "{}", ran.err);
        assert!(html.contains(&format!(">{first} 00:00:00</td>")), "{first}");
        assert!(list.contains(&format!("{first} 00:00:00")), "{list}");
    }
    let together = results(&cli, &["--recording", &id, "--together"]);
    assert_eq!(together.len(), 1);
    assert!(warnings(&together[0]).contains("one account runs through all of them"));
    let late = results(&cli, &["--recording", &id, "--from", "2025-12-20"]);
    assert_eq!(digests(&late), digests(&files[1..]));
    run(&cli, &["--recording", &id, "--from", "2025-12-10", "--to", "2025-12-15"]).fails(
        "empty",
        64,
        &["A_USDT"],
    );
    // Another stream in between makes it one history.
    let marks = format!("timestamp_us,symbol,mark_price\n{},A_USDT,100\n", (BEGIN + 13 * DAY) * 1_000_000);
    let whole = cli.import(&[&data[..], &[cli.file("A.marks.csv", marks)]].concat())["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(results(&cli, &["--recording", &whole]).len(), 1);
}

/// A number that was cut is still a number: only the line end that is missing with it can tell.
#[test]
fn a_file_that_ends_inside_a_line_is_told() {
    let cli = Cli::new();
    let rows = format!("{TRADES}\n{BEGIN}000000,A_USDT,10.5,1,buy\n{BEGIN}000000,A_USDT,10.5,1,buy");
    let told = |text: &str| {
        let data = cli.file("a.trades.csv", text);
        let ran = cli.run(&["import", "--dry-run", &data]);
        ran.out + &ran.err
    };
    assert!(told(&rows).contains("the last line has no line end"), "{}", told(&rows));
    assert!(!told(&format!("{rows}\n")).contains("no line end"));
}

#[test]
fn lists_fit_a_terminal_of_80_columns() {
    let cli = Cli::new();
    let file = cli.file("A.trades.csv", rising("1000000MOGCOIN_USDT", 0, 200));
    let id = cli.import(&[file])["id"].as_str().unwrap().to_owned();
    assert_eq!(results(&cli, &["--recording", &id]).len(), 1);
    for list in [&["recordings"][..], &["results", "list"]] {
        let shown = Ran::of(&cli.command(list).env("COLUMNS", "80").output().unwrap(), list).out;
        assert!(
            shown.lines().count() == 2 && shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
        let whole = cli.ok(list);
        assert!(whole.lines().all(|line| line.chars().count() > 80), "{whole}");
    }
}
