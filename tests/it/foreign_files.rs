//! Files of other makers: every sample gives the rows that were worked out beside it, mappings, zip archives,
//! sorting, dry runs, and what is refused.

use crate::cli::Cli;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/foreign")
}

fn sample(name: &str) -> String {
    samples().join(name).display().to_string()
}

/// The rows of a stream of a recording, by column.
#[track_caller]
fn exported(cli: &Cli, id: &str, stream: &str) -> Vec<BTreeMap<String, String>> {
    let csv = cli.ok(&["export", id, "--stream", stream, "--out", "-"]);
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| names.iter().map(ToString::to_string).zip(line.split(',').map(str::to_owned)).collect())
        .collect()
}

fn notes(recording: &Value) -> String {
    recording["symbols"][0]["notes"].to_string()
}

#[test]
fn every_sample_gives_its_rows_and_names_its_layout() {
    let expected: BTreeMap<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(samples().join("expected.json")).unwrap()).unwrap();
    assert!(expected.len() >= 20);
    for (name, expected) in expected {
        let cli = Cli::new();
        let recording = cli.json(&["import", "--json", &sample(&name)]);
        let rows = exported(&cli, recording["id"].as_str().unwrap(), expected["stream"].as_str().unwrap());
        let wanted = expected["rows"].as_array().unwrap();
        assert_eq!(rows.len(), wanted.len(), "{name}");
        for (row, wanted) in rows.iter().zip(wanted) {
            for (column, value) in wanted.as_object().unwrap() {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                assert_eq!(row.get(column), Some(&value), "{name}: {column} of {row:?}");
            }
        }
        if let Some(preset) = expected["preset"].as_str() {
            assert!(
                notes(&recording).contains(&format!("read as {preset}")),
                "{name}: {}",
                notes(&recording)
            );
        }
    }
}

/// Trades without column names: milliseconds, price, quantity, whether the buyer is the maker.
const NAMELESS: &str = "1764547200000,1.5,10,true\n1764547200500,1.6,20,false\n";

#[test]
fn a_mapping_reads_any_columns_and_is_kept() {
    let cli = Cli::new();
    let file = cli.file("data.csv", NAMELESS);
    let columns = "time:ms=1,price=2,quantity=3,buyer_is_maker=4";
    let by_options = [
        "import",
        "--json",
        &file,
        "--columns",
        columns,
        "--data-symbol",
        "X_USDT",
        "--contract-size",
        "0.1",
    ];
    let mapping = cli.file(
        "mapping.json",
        r#"{"columns": {"time:ms": 1, "price": 2, "quantity": 3, "buyer_is_maker": 4}, "symbol": "X_USDT", "contract_size": "0.1"}"#,
    );
    let by_file = ["import", "--json", &file, "--mapping", &mapping];
    for args in [&by_options[..], &by_file] {
        let recording = cli.json(args);
        assert!(notes(&recording).contains(columns), "{}", notes(&recording));
        assert_eq!(recording["symbols"][0]["contract"]["contract_size"], "0.1");
        let rows = exported(&cli, recording["id"].as_str().unwrap(), "trades");
        let of = |n: usize, column: &str| rows[n][column].as_str();
        assert_eq!(
            (of(0, "timestamp_us"), of(0, "side"), of(0, "symbol")),
            ("1764547200000000", "sell", "X_USDT")
        );
        assert_eq!((of(1, "price"), of(1, "quantity"), of(1, "side")), ("1.6", "20", "buy"));
    }
    let named = cli.file("named.csv", "\"Zeit\",\"Kurs, netto\",m,s\r\n\"1764547200\",\"1.5\",2,BUY\r\n");
    let recording = cli.json(&[
        "import",
        "--json",
        &named,
        "--columns",
        "time:s=zeit,price=2,quantity=3,side=4",
        "--data-symbol",
        "Y",
    ]);
    assert_eq!(recording["rows"], 1);
    let json =
        cli.file("rows.jsonl", "{\"T\":1764547200000,\"p\":\"1.5\",\"q\":2,\"m\":false,\"x\":{\"y\":[1]}}\n");
    let columns = "time=T,price=p,quantity=q,buyer_is_maker=m";
    let recording = cli.json(&["import", "--json", &json, "--columns", columns, "--data-symbol", "Z"]);
    assert_eq!(exported(&cli, recording["id"].as_str().unwrap(), "trades")[0]["side"], "buy");
}

#[test]
fn a_backtest_reads_what_an_import_reads_and_shows_what_was_assumed() {
    let cli = Cli::new();
    let args = [
        "backtest",
        "--strategy",
        "pump_v2",
        "--data",
        &sample("ABCUSDT-aggTrades-2025-12-01.zip"),
        "--json",
    ];
    let result = cli.json(&args);
    assert!(result.to_string().contains("read as Binance aggTrades"), "{result}");
}

#[test]
fn a_dry_run_shows_rows_and_keeps_nothing() {
    let cli = Cli::new();
    let args = ["import", "--dry-run", "--rows", "2", &sample("ABCUSDT-aggTrades-2025-12-01.zip")];
    let text = cli.ok(&args);
    for words in [
        "ABCUSDT-aggTrades-2025-12-01.csv: trades",
        "read as Binance aggTrades",
        "1764547200000000,ABCUSDT,0.412,10,buy,,7001",
        "Nothing was imported",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("7003"), "two rows are shown: {text}");
    assert!(!cli.state().exists());
    let json = cli.json(&["import", "--dry-run", "--json", &sample("ABC_USDT-kline.json")]);
    assert_eq!(json["files"][0]["rows"].as_array().unwrap().len(), 3);
    assert_eq!(json["files"][0]["stream"], "bars");
    let bad = cli.file("bad.csv", "a,b\n1,2\n");
    cli.run(&["import", "--dry-run", &bad]).fails("unknown columns", 64, &["bad.csv", "--columns"]);
}

/// Trades of a day; the time in milliseconds of row n is that of `at(n)`.
fn day(count: u64, at: impl Fn(u64) -> u64) -> String {
    let rows = (0..count)
        .map(|n| format!("{},1.{:03},1,{}\n", at(n), n % 1_000, if n % 2 == 0 { "buy" } else { "sell" }));
    format!("T,p,q,s\n{}", rows.collect::<String>())
}

#[test]
fn rows_in_any_order_are_sorted_when_it_is_asked_for() {
    let cli = Cli::new();
    let file = cli.file("S_USDT.csv", day(1_000, |n| 1_764_547_200_000 + (n * 619) % 1_000));
    let columns = ["--columns", "time:ms=T,price=p,quantity=q,side=s"];
    let plain = [&["import", &file][..], &columns].concat();
    cli.run(&plain).fails("unsorted rows", 64, &["S_USDT.csv", "line", "--sort"]);
    let sorted = cli.json(&[&["import", "--json", "--sort", &file][..], &columns].concat());
    assert!(notes(&sorted).contains("sorted by time"));
    let rows = exported(&cli, sorted["id"].as_str().unwrap(), "trades");
    let times: Vec<u64> = rows.iter().map(|row| row["timestamp_us"].parse().unwrap()).collect();
    assert_eq!(times, (0..1_000).map(|n| (1_764_547_200_000 + n) * 1_000).collect::<Vec<u64>>());
    let bad = cli.file("B_USDT.csv", format!("{}x,1,1,buy\n", day(3, |n| 1_764_547_200_009 - n)));
    cli.run(&[&["import", "--sort", &bad][..], &columns].concat()).fails(
        "a row that cannot be",
        64,
        &["B_USDT.csv, line 5, column `timestamp_us`"],
    );
}

#[test]
fn days_newest_first_in_a_folder_are_one_history() {
    let cli = Cli::new();
    let folder = cli.at("days");
    std::fs::create_dir(&folder).unwrap();
    let head = "timestamp,symbol,side,size,price,tickDirection,trdMatchID\n";
    for day in 0..2_u64 {
        let row = |n: u64| {
            format!("{}.5,ABCUSDT,Buy,1,2.{n},PlusTick,x\n", 1_764_547_200 + day * 86_400 + n * 20_000)
        };
        let rows: String = (0..4).rev().map(row).collect();
        std::fs::write(folder.join(format!("ABCUSDT2025-12-0{}.csv", day + 1)), format!("{head}{rows}"))
            .unwrap();
    }
    let folder = folder.display().to_string();
    let recording = cli.json(&["import", "--json", "--sort", &folder]);
    assert_eq!(recording["rows"], 8);
    let result = cli.json(&["backtest", "--strategy", "pump_v2", "--sort", "--data", &folder, "--json"]);
    assert_eq!(result["results"].as_array().unwrap().len(), 1, "two days are one history");
}

#[test]
fn a_folder_is_read_without_its_files_that_are_no_market_data() {
    let cli = Cli::new();
    let folder = cli.at("mixed");
    std::fs::create_dir(&folder).unwrap();
    let put = |name: &str, content: &str| std::fs::write(folder.join(name), content).unwrap();
    put("foo.csv", "date,open\n2025-12-01,1\n");
    put("assets.json", r#"{"success":true,"code":0,"data":[{"currency":"USDT","cashBalance":1000}]}"#);
    put("calls.json", r#"{"access":"x","steps":[{"a":1}]}"#);
    let path = folder.display().to_string();
    cli.run(&["import", &path]).fails("nothing but other files", 64, &["assets.json", "known layout"]);
    put("broken.json", "{\"name\":\"x\",\"steps\":[\n1]}\n");
    put("A.csv", &own("A", 0));
    let backtest = ["backtest", "--strategy", "pump_v2", "--data", &path, "--json"];
    for args in [&["import", "--json", &path][..], &backtest] {
        let ran = cli.run(args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for name in ["foo.csv", "assets.json", "calls.json", "broken.json"] {
            let is_named = ran.err.lines().any(|line| line.starts_with("left out: ") && line.contains(name));
            assert!(is_named && ran.err.contains("its layout is unknown"), "{name}: {}", ran.err);
        }
    }
    assert!(cli.ok(&["import", "--dry-run", &path]).contains("foo.csv: its layout is unknown"));
    let named = folder.join("foo.csv").display().to_string();
    cli.run(&["import", &path, &named]).fails("who is named is meant", 64, &["foo.csv, line 1", "--columns"]);
    put("typo.csv", "timestamp_us,symbol,price,quantity,sides\n1764547200000000,A,1,1,buy\n");
    cli.run(&["import", &path]).fails("a typing error is refused", 64, &["typo.csv", "`sides` is unknown"]);
    put("typo.csv", "{\"timestamp_us\":1764547200000000,\"symbol\":[\"A\"]}\n");
    cli.run(&["import", &path]).fails("and so is our JSON", 64, &["typo.csv, line 1", "flat JSON"]);
}

/// A day of candles as freqtrade keeps them.
fn candles(day: u64) -> String {
    let at = 1_764_547_200_000 + day * 86_400_000;
    format!("[[{at},1,2,1,1,5],[{},1,2,1,1,5]]", at + 300_000)
}

#[test]
fn candles_of_prices_that_are_not_traded_are_no_bars() {
    let cli = Cli::new();
    let folder = cli.at("freqtrade");
    std::fs::create_dir(&folder).unwrap();
    for name in ["A_USDT-5m.json", "A_USDT-5m-mark.json", "A_USDT-5m-funding_rate.json"] {
        std::fs::write(folder.join(name), candles(0)).unwrap();
    }
    let path = folder.display().to_string();
    let ran = cli.run(&["import", "--json", &path]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("A_USDT-5m-mark.json: its name says that its bars are mark prices"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("funding_rate.json: its name says"), "{}", ran.err);
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap()["rows"], 2);
    let mark = folder.join("A_USDT-5m-mark.json").display().to_string();
    cli.run(&["import", &mark]).fails("named alone", 64, &["mark prices", "--columns"]);
    let columns = ["--columns", "time=1,open=2,high=3,low=4,close=5,volume=6"];
    cli.ok(&[&["import", &mark][..], &columns].concat());
}

#[test]
fn bars_of_one_symbol_have_one_declared_length() {
    let cli = Cli::new();
    let folder = cli.at("lengths");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("A_USDT-5m-2025-12-01.json"), candles(0)).unwrap();
    std::fs::write(folder.join("A_USDT-1m-2025-12-02.json"), candles(1)).unwrap();
    let path = folder.display().to_string();
    let words = ["A_USDT-5m-2025-12-01.json", "300 s", "60 s", "read them apart"];
    cli.run(&["import", &path]).fails("an import", 64, &words);
    cli.run(&["backtest", "--strategy", "pump_v2", "--data", &path]).fails("a backtest", 64, &words);
    cli.ok(&["import", &path, "--bar-seconds", "300"]);
}

/// The state of a pushed bar.
fn pushed(symbol: &str, interval: &str, second: u64, close: u64) -> String {
    let at = 1_764_547_200 + second;
    format!(
        r#"{{"channel":"push.kline","symbol":"{symbol}","data":{{"interval":"{interval}","t":{at},"o":1,"h":9,"l":1,"c":{close},"q":5,"a":5}}}}"#
    ) + "\n"
}

#[test]
fn pushed_bars_are_kept_apart_by_symbol_and_have_the_length_of_their_interval() {
    let cli = Cli::new();
    let lines = [
        pushed("A_USDT", "Min5", 0, 2),
        pushed("B_USDT", "Min60", 0, 3),
        pushed("A_USDT", "Min5", 0, 4),
        pushed("B_USDT", "Min60", 0, 5),
        pushed("A_USDT", "Min5", 600, 6),
        pushed("A_USDT", "Min5", 1_200, 6),
        pushed("B_USDT", "Min60", 3_600, 7),
    ];
    let recording = cli.json(&["import", "--json", &cli.file("both.jsonl", lines.concat())]);
    let rows = exported(&cli, recording["id"].as_str().unwrap(), "bars");
    let closes: Vec<(&str, &str)> = rows.iter().map(|row| (&*row["symbol"], &*row["close"])).collect();
    assert_eq!(closes, [("A_USDT", "4"), ("B_USDT", "5"), ("A_USDT", "6")]);
    let told = notes(&recording);
    assert!(
        told.contains("A_USDT: bars are declared 300 s long, but most follow each other after 600 s"),
        "{told}"
    );
    for (symbol, interval, seconds) in [("A_USDT", "Min5", 300.0), ("B_USDT", "Hour4", 14_400.0)] {
        let shown =
            cli.file("one.jsonl", pushed(symbol, interval, 0, 2) + &pushed(symbol, interval, 14_400, 2));
        assert_eq!(cli.json(&["import", "--dry-run", "--json", &shown])["files"][0]["bar_seconds"], seconds);
    }
    let mixed = cli.file("mixed.jsonl", pushed("A", "Min1", 0, 2) + &pushed("A", "Min60", 0, 2));
    cli.run(&["import", &mixed]).fails("two intervals", 64, &["line 2", "`interval`", "`Min60`"]);
}

#[test]
fn an_answer_that_failed_is_refused_with_its_code() {
    let cli = Cli::new();
    let failed = r#"{"success":false,"code":510,"message":"Requests are too frequent"}"#;
    let alone = cli.file("A_USDT-deals.json", failed);
    cli.run(&["import", &alone]).fails("alone", 64, &["failed, with code 510"]);
    let good = r#"{"success":true,"code":0,"data":[{"p":1,"v":1,"T":1,"t":1764547200000}]}"#;
    let later = cli.file("B_USDT-deals.json", format!("{good}\n{failed}\n"));
    cli.run(&["import", &later]).fails("behind a good one", 64, &["line 2", "failed, with code 510"]);
}

#[test]
fn what_was_read_of_times_is_told_and_a_repeated_name_is_refused() {
    let cli = Cli::new();
    let columns = ["--columns", "time=T,price=p,quantity=q,side=s"];
    let import = |content: &str| {
        let file = cli.file("T_USDT.csv", content);
        notes(&cli.json(&[&["import", "--json", &file][..], &columns].concat()))
    };
    let naive = import("T,p,q,s\n2025-12-01 00:00:00,1,1,buy\n");
    assert!(naive.contains("times without a zone are taken as UTC"), "{naive}");
    let zoned = import("T,p,q,s\n2025-12-01T00:00:00+01:00,1,1,buy\n");
    assert!(!zoned.contains("zone"), "{zoned}");
    let units = import("T,p,q,s\n1764547200000,1,1,buy\n1764547201,1,1,buy\n1764547202000000,1,1,buy\n");
    assert!(units.contains("times are in s and ms and us"), "{units}");
    let twice = cli.file("T_USDT.csv", "T,p,p,q,s\n1764547200000,1,2,1,buy\n");
    let args = [&["import", &twice][..], &columns].concat();
    cli.run(&args).fails("a name that is there twice", 64, &["`p` is given twice"]);
    let preset = "agg_trade_id,price,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n\
                  1,1,1,1,1,1,1764547200000,true\n";
    cli.run(&["import", &cli.file("ABCUSDT-aggTrades.csv", preset)]).fails(
        "a name that a preset reads",
        64,
        &["`price` is given twice"],
    );
}

/// A zip archive, written byte by byte. Each member: its name, its content, and the content's size and CRC-32
/// as the archive says them.
struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Zip {
    fn new() -> Self {
        Zip { bytes: Vec::new(), directory: Vec::new(), count: 0 }
    }

    fn add(self, name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let packed = encoder.finish().unwrap();
        self.packed(name, 0, 8, &packed, content.len() as u32, crc.sum())
    }

    fn packed(mut self, name: &str, flags: u16, method: u16, packed: &[u8], size: u32, crc: u32) -> Self {
        let offset = self.bytes.len() as u32;
        let mut common = Vec::new();
        for half in [20_u16, flags, method, 0, 0x21] {
            common.extend_from_slice(&half.to_le_bytes());
        }
        for word in [crc, packed.len() as u32, size] {
            common.extend_from_slice(&word.to_le_bytes());
        }
        common.extend_from_slice(&(name.len() as u16).to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        self.bytes.extend_from_slice(b"PK\x03\x04");
        self.bytes.extend_from_slice(&common);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(packed);
        self.directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        self.directory.extend_from_slice(&common);
        self.directory.extend_from_slice(&[0; 10]);
        self.directory.extend_from_slice(&offset.to_le_bytes());
        self.directory.extend_from_slice(name.as_bytes());
        self.count += 1;
        self
    }

    fn finish(self) -> Vec<u8> {
        let offset = self.bytes.len() as u32;
        let mut all = self.bytes;
        all.extend_from_slice(&self.directory);
        all.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        all.extend_from_slice(&self.count.to_le_bytes());
        all.extend_from_slice(&self.count.to_le_bytes());
        all.extend_from_slice(&(self.directory.len() as u32).to_le_bytes());
        all.extend_from_slice(&offset.to_le_bytes());
        all.extend_from_slice(&[0, 0]);
        all
    }
}

/// A trade of a symbol at a second, in our own layout.
fn own(symbol: &str, second: u64) -> String {
    format!(
        "timestamp_us,symbol,price,quantity,side\n{},{symbol},1,1,buy\n",
        (1_764_547_200 + second) * 1_000_000
    )
}

#[test]
fn an_archive_of_days_is_a_folder_of_days() {
    let cli = Cli::new();
    let zip = Zip::new()
        .add("d/A-2025-12-02.csv", own("A", 60).as_bytes())
        .add("d/A-2025-12-01.csv", own("A", 0).as_bytes())
        .add("d/A-2025-12-03.csv", b"timestamp_us,symbol,price,quantity,side\n")
        .add("README", b"words")
        .add("d/_A.csv", own("A", 90).as_bytes())
        .add("d/A.contract.json", b"{}")
        .add("__MACOSX/._A.csv", b"\0\0");
    let path = cli.file("A.zip", zip.finish());
    let ran = cli.run(&["import", "--json", &path]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("A.zip/README")
            && ran.err.contains("A.zip/d/_A.csv: its name")
            && ran.err.contains("A.contract.json: contract files are not read")
            && !ran.err.contains("__MACOSX")
            && ran.err.contains("A-2025-12-03.csv: it has no rows"),
        "{}",
        ran.err
    );
    let recording: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&recording["rows"], recording["sources"].as_array().unwrap().len()), (&Value::from(2), 2));
    cli.holds_exactly(2);
    let one = format!("{path}/d/A-2025-12-02.csv");
    assert_eq!(cli.json(&["import", "--json", &one])["rows"], 1, "a member can be named");
}

#[test]
fn hostile_archives_are_refused_with_file_and_member_and_lose_nothing() {
    let cli = Cli::new();
    cli.import(&[cli.file("first.csv", own("A", 0))]);
    let good = own("A", 0);
    let twice = Zip::new().add("a.csv", good.as_bytes()).add("a.csv", good.as_bytes()).finish();
    let mut overlapping = Zip::new().add("a.csv", good.as_bytes()).add("b.csv", good.as_bytes()).finish();
    let second = overlapping.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    overlapping[second + 42..second + 46].copy_from_slice(&[0; 4]);
    let whole = Zip::new().add("a.csv", good.as_bytes()).finish();
    let rows = |count: usize| format!("{good}{}", "1764547200000000,A,1,1,buy\n".repeat(count));
    let bad_row = format!("{good}1764547200000001,A,x,1,buy\n");
    let line_too_long = format!("{good}{}", "1".repeat(1 << 20));
    let cases: Vec<(&str, Vec<u8>, Vec<&str>)> = vec![
        ("up.zip", Zip::new().add("../a.csv", good.as_bytes()).finish(), vec!["up.zip", "not a plain path"]),
        ("root.zip", Zip::new().add("/etc/a.csv", good.as_bytes()).finish(), vec!["not a plain path"]),
        ("twice.zip", twice, vec!["two members of one name"]),
        ("overlap.zip", overlapping, vec!["overlap"]),
        ("cut.zip", whole[..whole.len() - 30].to_vec(), vec!["cut.zip", "cut short"]),
        (
            "secret.zip",
            Zip::new().packed("a.csv", 1, 8, b"xxxxxxxxxxxxx", 20, 1).finish(),
            vec!["a.csv", "encrypted"],
        ),
        (
            "lzma.zip",
            Zip::new().packed("a.csv", 0, 14, b"xxxxxxxxxxxxx", 20, 1).finish(),
            vec!["a.csv", "deflate"],
        ),
        (
            "crc.zip",
            Zip::new().packed("a.csv", 0, 0, good.as_bytes(), good.len() as u32, 1).finish(),
            vec!["a.csv", "damaged"],
        ),
        (
            "longer.zip",
            Zip::new().packed("a.csv", 0, 0, good.as_bytes(), 50, 1).finish(),
            vec!["a.csv", "damaged"],
        ),
        (
            "words.zip",
            Zip::new().add("LICENSE", b"x").add("NOTES", b"x").finish(),
            vec!["without files of market data"],
        ),
        (
            "nested.zip",
            Zip::new().add("a.zip", &whole).finish(),
            vec!["nested.zip/a.zip", "inside another file"],
        ),
        (
            "row.zip",
            Zip::new().add("d/a.csv", bad_row.as_bytes()).finish(),
            vec!["row.zip/d/a.csv, line 3, column `price`"],
        ),
        (
            "line.zip",
            Zip::new().add("a.csv", line_too_long.as_bytes()).finish(),
            vec!["line.zip/a.csv, line 3", "is longer"],
        ),
        (
            "bomb.zip",
            Zip::new().add("a.csv", rows(4 << 20).as_bytes()).finish(),
            vec!["bomb.zip/a.csv", "200 times its size"],
        ),
    ];
    for (name, bytes, words) in cases {
        let path = cli.file(name, bytes);
        cli.run(&["import", &path]).fails(name, 64, &words);
    }
    cli.holds_exactly(1);
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    let cli = Cli::new();
    let columns = "time:ms=1,price=2,quantity=3,side=4";
    for (name, content, more, words) in [
        (
            "x.csv",
            NAMELESS,
            &["--columns", "time=1,price=2,quantity=3,buyer_is_maker=4"][..],
            &["--data-symbol"][..],
        ),
        ("A_B.csv", NAMELESS, &["--columns", columns], &["line 1", "`side`", "neither `buy` nor `sell`"]),
        ("A_B.csv", NAMELESS, &["--columns", "time=1,price=2,quantity=3,side=9"], &["no column `9`"]),
        ("A_B.csv", NAMELESS, &["--columns", "price=2"], &["no field `time`"]),
        ("A_B.csv", NAMELESS, &["--columns", "time=1,price=2"], &["quantity", "missing"]),
        ("A_B.csv", NAMELESS, &[], &["--columns", "docs/files.md"]),
        ("A_B.json", "[[1764547200000,1,2,1,1,5],[1764547260000,1]]", &[], &["line 2", "2 fields"]),
        ("A_B.json", "[[1764547200000,1,2,1,1,5],", &[], &["cut short"]),
        ("A_B.feather", "ARROW1\0\0", &[], &["feather", "convert-data"]),
        (
            "A_B-deals.json",
            r#"{"success":true,"data":[{"p":1,"v":1,"T":3,"t":1764547200000}]}"#,
            &[],
            &["line 1", "`side`", "1 (buy)"],
        ),
    ] {
        let path = cli.file(name, content);
        let args = [&["import", &path][..], more].concat();
        cli.run(&args).fails(name, 64, words);
    }
}

#[test]
fn more_files_than_may_be_open_at_once_are_imported() {
    let cli = Cli::new();
    std::fs::create_dir(cli.at("days")).unwrap();
    for minute in 0..150 {
        cli.file(&format!("days/A-{minute:03}.csv"), own("A", 60 * minute));
    }
    let import = cli.command(&["import", "--json", "days"]);
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "ulimit -n 60 && exec \"$0\" \"$@\""])
        .arg(import.get_program())
        .args(import.get_args());
    let ran = limited.current_dir(cli.at(".")).env_remove("STATE_DIRECTORY").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    cli.holds_exactly(150);
}

#[test]
fn contracts_that_a_maker_only_has_as_inverse_ones_are_refused_by_name_and_source() {
    let cli = Cli::new();
    let header =
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional";
    let rows = |symbol: &str| format!("{header}\n1764547200.5,{symbol},Buy,100,90000,PlusTick,x,1,1,1\n");
    for symbol in ["BTCUSD", "BTCUSDH26"] {
        let data = cli.file(&format!("{symbol}2025-12-01.csv"), rows(symbol));
        cli.run(&["backtest", "--strategy", "pump_v2", "--data", &data]).fails(
            "inverse",
            64,
            &[&format!("{symbol} of {symbol}2025-12-01 is an inverse")],
        );
        let recording = cli.json(&["import", "--json", &data]);
        assert!(notes(&recording).contains(&format!("{symbol} is an inverse (coin-margined) contract")));
    }
    let linear = cli.json(&["import", "--json", &cli.file("BTCUSDT2025-12-01.csv", rows("BTCUSDT"))]);
    assert!(!notes(&linear).contains("inverse"), "{linear}");
}
