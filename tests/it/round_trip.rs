//! Import and export round trip: every row and value of real files survives, through CSV, JSON lines and
//! Parquet. The exports are read by code other than the program's.

use crate::cli::{Cli, shared, shipped, shipped_one, text};
use parquet::data_type::Decimal;
use parquet::file::reader::SerializedFileReader;
use parquet::record::Field;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Rows as text: `name=value` of every value present, sorted by name.
type Lines = Box<dyn Iterator<Item = String>>;

/// Whether a value is present; empty and default values count as absent.
fn is_present(name: &str, value: &str) -> bool {
    let is_unset = name == "is_snapshot" && matches!(value, "0" | "false");
    !value.is_empty() && !is_unset
}

fn line<'a>(mut pairs: Vec<(&'a str, &'a str)>) -> String {
    pairs.retain(|(name, value)| is_present(name, value));
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value};")).collect()
}

fn csv(path: &Path) -> Lines {
    let file = File::open(path).unwrap();
    let plain: Box<dyn Read> = match path.extension().unwrap().to_str().unwrap() {
        "gz" => Box::new(flate2::read::GzDecoder::new(file)),
        "zst" => Box::new(zstd::stream::read::Decoder::new(file).unwrap()),
        _ => Box::new(file),
    };
    let mut lines = BufReader::with_capacity(1 << 20, plain).lines().map(Result::unwrap);
    let header = lines.next().unwrap();
    Box::new(lines.map(move |row| line(header.split(',').zip(row.split(',')).collect())))
}

fn jsonl(path: &Path) -> Lines {
    let lines = BufReader::with_capacity(1 << 20, File::open(path).unwrap()).lines().map(Result::unwrap);
    Box::new(lines.map(|text| {
        let row: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        let values: Vec<String> = row
            .values()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        line(row.keys().map(String::as_str).zip(values.iter().map(String::as_str)).collect())
    }))
}

fn parquet(path: &Path) -> Lines {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    Box::new(reader.into_iter().map(|row| {
        let row = row.unwrap();
        let values: Vec<(&String, String)> =
            row.get_column_iter().map(|(name, field)| (name, field_text(field))).collect();
        line(values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
    }))
}

fn field_text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Bool(flag) => u8::from(*flag).to_string(),
        Field::Int(value) => value.to_string(),
        Field::ULong(value) => value.to_string(),
        Field::TimestampMicros(value) => value.to_string(),
        Field::Str(value) => value.clone(),
        Field::Decimal(value) => decimal_text(value),
        other => panic!("a column of another type: {other:?}"),
    }
}

fn decimal_text(value: &Decimal) -> String {
    let bytes: [u8; 16] = value.data().try_into().unwrap();
    let (digits, scale) = (i128::from_be_bytes(bytes), value.scale() as usize);
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    format!("{sign}{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Asserts that two files have equal rows; returns their number.
fn same(found: Lines, mut wanted: Lines, what: &str) -> u64 {
    let mut rows = 0;
    for found in found {
        rows += 1;
        assert_eq!(Some(found), wanted.next(), "{what}, row {rows}");
    }
    assert_eq!(wanted.next(), None, "{what}: rows behind row {rows} are missing");
    rows
}

/// A reader of exported files.
type Reader = fn(&Path) -> Lines;

/// Imports one file, exports it in each format and compares; returns the number of rows.
fn comes_back(source: &Path, formats: &[(&str, Reader)]) -> u64 {
    let cli = Cli::new();
    let recording = cli.import(&[text(source)]);
    let id = recording["id"].as_str().unwrap();
    let mut rows = 0;
    for (format, read) in formats {
        let target = cli.at(&format!("all.{format}"));
        cli.ok(&["export", id, "--out", &text(&target)]);
        rows = same(read(&target), csv(source), &format!("{} as {format}", source.display()));
        assert_eq!(recording["rows"].as_u64(), Some(rows));
        std::fs::remove_file(target).unwrap();
    }
    rows
}

#[test]
fn shipped_files_come_back_in_every_format() {
    let formats: [(&str, Reader); 5] =
        [("csv", csv), ("csv.gz", csv), ("csv.zst", csv), ("jsonl", jsonl), ("parquet", parquet)];
    let rows: u64 = shipped().iter().map(|path| comes_back(path, &formats)).sum();
    assert_eq!(rows, 21_313 + 68_880 + 40_310 + 2_000 + 14_076 + 68_880);
}

#[test]
fn all_shared_files_come_back_in_every_format() {
    let Some(files) =
        shared(&["market", "candles", "pumps/trades"], "import and export of the large real files")
    else {
        return;
    };
    let rows: u64 = files
        .iter()
        .map(|path| comes_back(path, &[("csv", csv), ("jsonl", jsonl), ("parquet", parquet)]))
        .sum();
    assert!(files.len() >= 58 && rows > 4_000_000, "{} files, {rows} rows", files.len());
}

#[test]
fn files_of_one_import_become_one_recording_and_a_directory_takes_it_apart_again() {
    let cli = Cli::new();
    let sources: Vec<String> = shipped().iter().map(|path| text(path)).collect();
    let recording = cli.import(&sources);
    let id = recording["id"].as_str().unwrap();
    assert_eq!(recording["symbols"][0]["streams"].as_array().unwrap().len(), 4);
    assert_eq!(recording["from"], "2024-08-08T23:54:16.313000Z");
    assert_eq!(cli.recordings(), [cli.json(&["recordings", id, "--json"])]);
    cli.ok(&["export", id, "--out", "apart/", "--format", "csv.gz"]);
    let again = ["export", id, "--out", "apart/", "--format", "csv.gz"];
    cli.run(&again).fails("files are there", 64, &["exists already and was not changed", "--force"]);
    cli.ok(&[&again[..], &["--force"]].concat());
    for source in &sources {
        let stream = ["trades", "book20", "l2", "bbo"]
            .into_iter()
            .find(|stream| source.contains(&format!(".{stream}.")))
            .unwrap();
        let symbol = if source.contains("ETHUSDT") { "ETHUSDT" } else { "BTCUSDT" };
        let mut packed = flate2::read::GzDecoder::new(File::open(source).unwrap());
        let mut export = flate2::read::GzDecoder::new(
            File::open(cli.at(&format!("apart/{symbol}.{stream}.csv.gz"))).unwrap(),
        );
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        packed.read_to_end(&mut wanted).unwrap();
        export.read_to_end(&mut found).unwrap();
        assert!(wanted == found, "{stream} is not byte for byte what was imported");
    }
    let printed = cli.ok(&["export", id, "--stream", "trades", "--out", "-"]);
    assert_eq!(printed.lines().count(), 21_313 + 14_076 + 1);
    assert_eq!(cli.ok(&["recordings", "delete", id, "--yes"]), format!("deleted {id}\n"));
    assert!(cli.recordings().is_empty());
    cli.holds_exactly(0);
}

/// Trades of one symbol, one per second from `from_seconds`.
fn trades(symbol: &str, from_seconds: u64, count: u64) -> String {
    let rows = (0..count).map(|row| format!("{}000000,{symbol},1.5,2,buy\n", from_seconds + row));
    std::iter::once("timestamp_us,symbol,price,quantity,side\n".to_owned()).chain(rows).collect()
}

#[test]
fn a_number_keeps_its_value_and_not_its_spelling() {
    let cli = Cli::new();
    let rows = |spellings: &[[&str; 2]]| {
        let row = |[price, quantity]: &[&str; 2]| format!("1700000000000000,A_USDT,{price},{quantity},buy\n");
        "timestamp_us,symbol,price,quantity,side\n".to_owned()
            + &spellings.iter().map(row).collect::<String>()
    };
    let written =
        rows(&[["0100.70", "1.0"], ["1.007e2", "0.00010"], ["100.70000001", "1E3"], ["+100.7", "5."]]);
    let exact = rows(&[["100.7", "1"], ["100.7", "0.0001"], ["100.70000001", "1000"], ["100.7", "5"]]);
    for text in [written, exact.clone()] {
        let file = cli.file("spelled.trades.csv", text);
        let id = cli.import(&[file])["id"].as_str().unwrap().to_owned();
        assert_eq!(cli.ok(&["export", &id, "--out", "-"]), exact);
    }
}

const DAY: u64 = 1_700_000_000;

#[test]
fn files_are_joined_in_time_order_and_gaps_are_in_the_ledger() {
    let cli = Cli::new();
    let files = [
        cli.file("c.csv", trades("A", DAY + 10_000, 10)),
        cli.file("a.csv", trades("A", DAY, 10)),
        // A distance of one hour between files is not a gap, one second more is.
        cli.file("b.csv", trades("A", DAY + 9 + 3_600, 10)),
        cli.file("other.csv", trades("B", DAY + 50_000, 10)),
    ];
    let recording = cli.import(&files);
    assert_eq!(recording["rows"], 40);
    let gaps = recording["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let gap = &gaps[0];
    assert_eq!(
        (gap["symbol"].as_str(), gap["stream"].as_str(), gap["cause"].as_str()),
        (Some("A"), Some("trades"), Some("import"))
    );
    assert_eq!(
        (gap["from"].as_str(), gap["to"].as_str()),
        (Some("2023-11-14T23:13:38.000000Z"), Some("2023-11-15T01:00:00.000000Z"))
    );
    let id = recording["id"].as_str().unwrap();
    let merged = cli.ok(&["export", id, "--out", "-"]);
    let times: Vec<&str> = merged.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert!(times.len() == 40 && times.is_sorted(), "{times:?}");
    let one = cli.ok(&["export", id, "--symbol", "B", "--out", "-"]);
    assert_eq!(one, trades("B", DAY + 50_000, 10));
}

#[test]
fn rows_of_many_symbols_may_be_mixed_in_one_file() {
    let cli = Cli::new();
    let rows: String = (0..20_000_u64)
        .map(|row| format!("{}000000,S{},1.5,{},sell\n", DAY + row / 7, row % 300, row + 1))
        .collect();
    let source = cli.file("mixed.csv", format!("timestamp_us,symbol,price,quantity,side\n{rows}"));
    let recording = cli.import(&[source]);
    assert_eq!(
        (recording["rows"].as_u64(), recording["symbols"].as_array().unwrap().len()),
        (Some(20_000), 300)
    );
    let id = recording["id"].as_str().unwrap();
    let mut wanted: Vec<String> = csv(&cli.at("mixed.csv")).collect();
    let all = cli.ok(&["export", id, "--out", "-"]);
    std::fs::write(cli.at("back.csv"), all).unwrap();
    let mut found: Vec<String> = csv(&cli.at("back.csv")).collect();
    wanted.sort();
    found.sort();
    assert!(wanted == found);
}

/// Rows that both of the one pair of events have whose windows overlap: RCNBTC_20210107T2100Z and
/// RCNBTC_20210110T1700Z.
const IN_BOTH: u64 = 2_456;

#[test]
fn the_shared_pumps_are_one_import_with_a_gap_between_events_of_a_symbol() {
    let Some(files) = shared(&["pumps/trades"], "import of all pumps as one recording") else { return };
    let cli = Cli::new();
    let recording = cli.import(&files.iter().map(|path| text(path)).collect::<Vec<_>>());
    let symbol =
        |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().split('_').next().unwrap().to_owned();
    let mut symbols: Vec<String> = files.iter().map(symbol).collect();
    symbols.dedup();
    let rows = files.iter().map(|path| csv(path).count() as u64).sum::<u64>() - IN_BOTH;
    assert_eq!(recording["rows"].as_u64(), Some(rows));
    let both = recording["symbols"].as_array().unwrap().iter().find(|symbol| symbol["name"] == "RCNBTC");
    assert_eq!(both.unwrap()["repeated_trades"].as_u64(), Some(IN_BOTH));
    assert_eq!(recording["symbols"].as_array().unwrap().len(), symbols.len());
    // The other events of a symbol are days to months apart.
    let between_files = recording["gaps"].as_array().unwrap().iter().filter(|gap| gap["cause"] == "import");
    assert_eq!(between_files.count(), files.len() - symbols.len() - 1);
    cli.holds_exactly(rows);
}

#[test]
fn strategies_are_kept_in_versions_and_judged_with_all_problems() {
    let cli = Cli::new();
    let listed = cli.json(&["strategies", "list", "--json"]);
    let ids: Vec<&str> =
        listed["strategies"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"pump_v2") && ids.contains(&"ema_cross_trend"), "{ids:?}");
    let document = cli.file("mine.json", cli.ok(&["strategies", "show", "pump_v2"]));
    assert_eq!(cli.ok(&["strategies", "add", &document]), "added mine version 1\n");
    assert_eq!(cli.ok(&["strategies", "add", &document]), "mine version 1 is this document already\n");
    let changed = std::fs::read_to_string(&document).unwrap().replacen(
        "\"strategy_name\": \"",
        "\"strategy_name\": \"My ",
        1,
    );
    std::fs::write(&document, changed).unwrap();
    assert_eq!(cli.ok(&["strategies", "add", &document]), "added mine version 2\n");
    assert!(
        cli.ok(&["strategies", "list"])
            .lines()
            .any(|line| line.starts_with("mine") && line.contains("stored"))
    );
    assert!(cli.ok(&["strategies", "show", "mine"]).contains("\"My "));
    cli.ok(&["backtest", "--strategy", "mine", "--data", &shipped_one("trades")]);
    assert_eq!(cli.ok(&["strategies", "delete", "mine"]), "deleted mine\n");
    cli.run(&["strategies", "show", "mine"]).fails(
        "a deleted strategy",
        64,
        &["no strategy \"mine\"", "strategies list"],
    );

    let wrong = cli.file(
        "wrong.json",
        r#"{"strategy_name": "", "s1_signal": {"conditions": [{"indicatorId": "RSI_", "operator": "≈"}]}, "colour": 1}"#,
    );
    let ran = cli.run(&["strategies", "validate", &wrong, &document, "none.json", "--json"]);
    ran.fails("documents with errors", 64, &["2 of 3 documents"]);
    let validated: Value = serde_json::from_str(&ran.out).unwrap();
    let validated = validated["documents"].as_array().unwrap();
    assert_eq!(
        validated.iter().map(|entry| entry["valid"].as_bool().unwrap()).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert!(validated[0]["problems"].as_array().unwrap().len() >= 3, "{}", validated[0]);
    cli.run(&["strategies", "add", &wrong]).fails(
        "a document with errors",
        64,
        &["was not added", "/colour"],
    );
    assert_eq!(
        cli.json(&["strategies", "schema"])["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}
