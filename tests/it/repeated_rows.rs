//! Rows that come twice, in one file or in two that overlap, and silences that other streams do not cover:
//! the same in an import and in a backtest over files.

use crate::cli::{Cli, Ran};
use crate::market_files::{BEGIN, TRADES, folder, results, run, warnings, with_holes};
use serde_json::json;

/// Trades of T_USDT as CSV, each with an id where it has one.
fn with_ids(rows: &[(i64, Option<i64>, i64)]) -> String {
    let ids = rows.iter().any(|(_, id, _)| id.is_some());
    let row = |(second, id, price): &(i64, Option<i64>, i64)| {
        let id = id.map_or(String::new(), |id| format!(",{id}"));
        format!("{},T_USDT,{price},5,buy{id}\n", (BEGIN + second) * 1_000_000)
    };
    format!("{TRADES}{}\n{}", if ids { ",trade_id" } else { "" }, rows.iter().map(row).collect::<String>())
}

#[test]
fn marks_and_books_that_go_on_do_not_cover_a_silence_of_the_trades() {
    for (stream, cause) in [("marks", "silence"), ("book20", "trade_silence")] {
        let cli = Cli::new();
        let row = |n: i64| match stream {
            "marks" => format!("{},A_USDT,100\n", (BEGIN + 10 * n) * 1_000_000),
            _ => {
                let row = |side: &str, price: &str| {
                    format!("{},A_USDT,{side},1,{price},5\n", (BEGIN + 10 * n) * 1_000_000)
                };
                row("bid", "99.9") + &row("ask", "100.1")
            }
        };
        let header = if stream == "marks" {
            "timestamp_us,symbol,mark_price"
        } else {
            "timestamp_us,symbol,side,level,price,quantity"
        };
        let other = format!("{header}\n{}", (0..1_100).map(row).collect::<String>());
        let data = folder(
            &cli,
            "d",
            &[("A.trades.csv", with_holes(false)), (format!("A.{stream}.csv").as_str(), other)],
        );
        let result = &results(&cli, &["--data", &data])[0];
        let coverage = &result["assumptions"]["coverage"];
        assert_eq!(
            (
                &coverage["jumps"][0]["cause"],
                &coverage["jumps"][0]["price_jump_pct"],
                &coverage["gaps"]["count"]
            ),
            (&json!(cause), &json!(40), &json!(1)),
            "{coverage}"
        );
        assert!(coverage["covered_pct"].as_f64().unwrap() < 5.0, "{coverage}");
        let id = cli.import(&[data])["id"].as_str().unwrap().to_owned();
        assert_eq!(results(&cli, &["--recording", &id])[0]["digest"], result["digest"]);
    }
}

#[test]
fn a_settlement_has_one_funding_rate() {
    let cli = Cli::new();
    let row = |second: i64, rate: &str| format!("{},A,{rate}\n", (BEGIN + second) * 1_000_000);
    let file = |second_rate: &str| {
        let rows = [row(0, "0.001"), row(0, second_rate), row(60, "0.001")].concat();
        cli.file("a.funding.csv", format!("timestamp_us,symbol,rate\n{rows}"))
    };
    let recording = cli.import(&[file("0.001")]);
    assert_eq!((&recording["rows"], &recording["symbols"][0]["repeated_trades"]), (&json!(2), &json!(1)));
    cli.run(&["import", &file("-0.002")]).fails(
        "two rates",
        64,
        &[
            "a.funding.csv, line 3",
            "column `rate`",
            "another rate for the settlement at 2025-12-01T",
            "0.001 in line 2",
        ],
    );
}

#[test]
fn a_trade_id_that_comes_again_later_counts_once_and_one_of_another_trade_is_told() {
    let cli = Cli::new();
    let row =
        |id: i64, second: i64, price: i64| format!("{},A,{price},5,buy,{id}\n", (BEGIN + second) * 1_000_000);
    let header = format!("{TRADES},trade_id\n");
    let rows = [row(1, 0, 100), row(2, 1, 101), row(1, 2, 100), row(3, 3, 102), row(2, 4, 104)].concat();
    let data = cli.file("a.csv", format!("{header}{rows}"));
    let recording = cli.import(std::slice::from_ref(&data));
    assert_eq!((&recording["rows"], &recording["symbols"][0]["repeated_trades"]), (&json!(3), &json!(1)));
    let id = recording["id"].as_str().unwrap();
    let told = "left out 1 row of A with the id of a different trade, the first in line 6: id 2 is buy 5 at 101 (2025-12-01";
    assert!(cli.ok(&["recordings", id]).contains(told), "{}", cli.ok(&["recordings", id]));
    for more in [["--data", &data], ["--recording", id]] {
        let result = &results(&cli, &more)[0];
        assert_eq!(result["assumptions"]["coverage"]["events"], 3);
        let warnings = warnings(result);
        assert!(warnings.contains("left out 1 row of A that") && warnings.contains(told), "{warnings}");
    }
    let no_ids: String = (0..20).map(|n| row(1, n, 100 + n)).collect();
    let data = cli.file("b.csv", format!("{header}{no_ids}"));
    let words = ["b.csv, line 13", "trade_id", "`1` is the id of another trade"];
    cli.run(&["import", &data]).fails("a column that is no id", 64, &words);
    run(&cli, &["--data", &data]).fails("a column that is no id", 64, &words);
}

#[test]
fn overlapping_days_are_one_history_and_what_both_have_counts_once() {
    let first = [(0, 100), (1, 100), (2, 101), (3, 102)];
    let second = [(2, 101), (3, 102), (4, 106), (5, 106)];
    let text = |rows: &[(i64, i64)], ids: bool| {
        let row = |(second, price): &(i64, i64)| (*second, ids.then_some(*second), *price);
        with_ids(&rows.iter().map(row).collect::<Vec<_>>())
    };
    for ids in [true, false] {
        let cli = Cli::new();
        let data = folder(
            &cli,
            "t",
            &[("T-2025-12-01.csv", text(&first, ids)), ("T-2025-12-02.csv", text(&second, ids))],
        );
        let one = results(&cli, &["--data", &data]);
        assert_eq!(one.len(), 1, "one account");
        assert_eq!(one[0]["assumptions"]["coverage"]["events"], 6);
        assert!(
            warnings(&one[0]).contains("left out 2 rows of T_USDT that repeat earlier ones"),
            "{}",
            one[0]
        );
        let recording = cli.import(&[data]);
        assert_eq!((&recording["rows"], &recording["symbols"][0]["repeated_trades"]), (&json!(6), &json!(2)));
        let imported = results(&cli, &["--recording", recording["id"].as_str().unwrap()]);
        assert_eq!(imported[0]["digest"], one[0]["digest"], "one rule");
    }
}

#[test]
fn a_file_within_another_adds_nothing() {
    let cli = Cli::new();
    let rows = |range: std::ops::Range<i64>| with_ids(&range.map(|n| (n, None, 100 + n)).collect::<Vec<_>>());
    let data =
        folder(&cli, "t", &[("T-1.csv", rows(0..6)), ("T-2.csv", rows(2..4)), ("T-3.csv", rows(5..9))]);
    let one = results(&cli, &["--data", &data]);
    assert_eq!((one.len(), &one[0]["assumptions"]["coverage"]["events"]), (1, &json!(9)));
    assert!(warnings(&one[0]).contains("left out 3 rows of T_USDT that repeat earlier ones"), "{}", one[0]);
    let recording = cli.import(&[data]);
    assert_eq!((&recording["rows"], &recording["symbols"][0]["repeated_trades"]), (&json!(9), &json!(3)));
}

#[test]
fn overlapping_days_that_differ_are_refused_by_import_and_backtest_with_one_sentence() {
    let cases: [(&str, [i64; 2], bool, &str); 3] = [
        ("another price", [101, 103], true, "trade id 3 is of two different trades"),
        ("without ids", [101, 103], false, "trades without ids cannot be matched"),
        ("a missing trade", [101, -1], true, "only "),
    ];
    for (name, prices, ids, why) in cases {
        let cli = Cli::new();
        let row = |second: i64, price: i64| (second, ids.then_some(second), price);
        let first = with_ids(&[row(0, 100), row(2, 101), row(3, 102), row(4, 106)]);
        let later = [row(2, prices[0]), row(3, prices[1]), row(4, 106), row(5, 106)];
        let later: Vec<_> = later.into_iter().filter(|row| row.2 > 0).collect();
        let data = folder(&cli, "t", &[("T-2025-12-01.csv", first), ("T-2025-12-02.csv", with_ids(&later))]);
        let words = [
            "T-2025-12-02.csv: overlaps ",
            "T-2025-12-01.csv: both have trades of T_USDT from 2025-12-01T00:00:02",
            "at 2025-12-01T00:00:03",
            why,
            "leave one of them out",
        ];
        let (import, backtest) = (cli.run(&["import", &data]), run(&cli, &["--data", &data]));
        import.fails(name, 64, &words);
        backtest.fails(name, 64, &words);
        let sentence = |ran: &Ran| {
            ran.err.lines().find(|line| line.contains("overlaps")).map(|line| {
                line[line.find("overlaps").unwrap()..line.find(" (--separate").unwrap()].to_owned()
            })
        };
        assert_eq!(sentence(&import), sentence(&backtest));
        assert_eq!(results(&cli, &["--data", &data, "--separate-files"]).len(), 2, "read apart when asked");
    }
}

#[test]
fn the_last_rows_of_a_day_that_begin_the_next_one_count_once() {
    let cli = Cli::new();
    let rows = |rows: &[(i64, i64)]| {
        with_ids(&rows.iter().map(|(second, price)| (*second, None, *price)).collect::<Vec<_>>())
    };
    let data = folder(
        &cli,
        "t",
        &[
            ("T-2025-12-01.csv", rows(&[(0, 100), (9, 101), (9, 102)])),
            ("T-2025-12-02.csv", rows(&[(9, 101), (9, 102), (9, 103), (20, 104)])),
        ],
    );
    let one = results(&cli, &["--data", &data]);
    assert_eq!((one.len(), &one[0]["assumptions"]["coverage"]["events"]), (1, &json!(5)));
    let recording = cli.import(&[data]);
    assert_eq!((&recording["rows"], &recording["symbols"][0]["repeated_trades"]), (&json!(5), &json!(2)));
}
