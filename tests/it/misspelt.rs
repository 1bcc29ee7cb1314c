//! Names and values that were misspelt on the command line: what is said leads to the right ones.

use crate::cli::Cli;
use crate::results::{loser, waves};

#[test]
fn a_misspelt_name_is_answered_with_the_nearest_and_with_all_there_are() {
    let cli = Cli::new();
    let strategy = cli.file("loser.json", loser("loser").to_string());
    let data = cli.file("both.trades.csv", both());
    let data = ["--data", &data];
    let backtest = |args: &[&str]| cli.run(&[&["backtest"][..], &data, args].concat());
    for (name, words) in [
        ("pump_v3", &["did you mean \"pump_v2\"?", "dump_v2", "`tradingd strategies list`"][..]),
        ("losr.json", &["did you mean \"loser.json\"?"]),
        ("elsewhere/loser.json", &["check its folder"]),
    ] {
        backtest(&["--strategy", name]).fails(name, 64, words);
    }
    let both = "did you mean \"WAVE_USDT\"? There are CALM_USDT, WAVE_USDT";
    let run = |args: &[&str]| backtest(&[&["--strategy", &strategy][..], args].concat());
    run(&["--symbol", "WAVEUSD"]).fails("symbol", 64, &["no data of the symbol \"WAVEUSD\"", both]);
    run(&["--explain", "WAVEUSD@2025-12-01T00:01"]).fails("explain", 64, &["no data of \"WAVEUSD\"", both]);
    cli.run(&["strategies", "show", "ema_cross_trnd"]).fails("show", 64, &["\"ema_cross_trend\"?"]);
    let recording = cli.import(&[data[1].to_owned()])["id"].as_str().unwrap().to_owned();
    let of_recording =
        ["backtest", "--strategy", &strategy, "--recording", &recording, "--symbol", "WAVEUSD"];
    cli.run(&of_recording).fails("recording", 64, &[both]);
    let export = ["export", &recording, "--symbol", "WAVEUSD", "--stream", "trades", "--out", "x.csv"];
    cli.run(&export).fails("export", 64, &[both]);
    cli.ok(&["strategies", "add", &strategy]);
    cli.run(&["strategies", "delete", "losr"]).fails("delete", 64, &["did you mean \"loser\"?"]);
}

/// Trades of two symbols in order of time.
fn both() -> String {
    let (one, other) = (waves("WAVE_USDT", 4), waves("CALM_USDT", 4));
    let rows = one.lines().zip(other.lines()).skip(1).map(|(one, other)| format!("{one}\n{other}\n"));
    format!("{}\n{}", one.lines().next().unwrap(), rows.collect::<String>())
}

#[test]
fn a_strategy_among_the_data_is_told_as_one() {
    let cli = Cli::new();
    let strategy = cli.file("loser.json", format!("{:#}", loser("loser")));
    let words = ["is a strategy and no market data", "`tradingd strategies add "];
    for args in [
        &["import", &strategy][..],
        &["import", "--dry-run", &strategy],
        &["backtest", "--strategy", &strategy, "--data", &strategy],
    ] {
        cli.run(args).fails("a strategy", 64, &words);
    }
}

#[test]
fn a_time_without_seconds_and_zone_is_utc_and_who_shares_the_account_is_said() {
    let cli = Cli::new();
    let strategy = cli.file("loser.json", loser("loser").to_string());
    let data = cli.file("both.trades.csv", both());
    let results = |args: &[&str]| {
        let line = [&["backtest", "--strategy", &strategy, "--data", &data, "--json"][..], args].concat();
        cli.json(&line)["results"].as_array().unwrap().clone()
    };
    let from = |text: &str| results(&["--from", text])[0]["assumptions"]["coverage"]["first_event"].clone();
    assert_eq!(from("2025-12-01T00:02"), "2025-12-01T00:02:00.000000Z");
    assert_eq!(from("2025-12-01T00:02"), from("2025-12-01T00:02:00Z"));
    let accounts = |args: &[&str]| -> Vec<String> {
        results(args)
            .iter()
            .map(|result| result["assumptions"]["account"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(accounts(&[]), ["own", "own"]);
    assert_eq!(accounts(&["--together"]), ["shared"]);
}
