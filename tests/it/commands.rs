//! Bad input and unusable paths: the exit code, the message that says what to do, and a store that afterwards
//! holds exactly what it held before.

use crate::cli::{Cli, Ran, shipped_one, skipped, text};
use redb::TableDefinition;
use std::fs;
use std::path::Path;
use std::process::Command;
use tradingd::store::{OpenMode, Store, store_path};

const TRADES: &str = "timestamp_us,symbol,price,quantity,side\n";
const ROW: &str = "1700000000000000,X,1.5,2,buy\n";

fn with_row(row: &str) -> Vec<u8> {
    format!("{TRADES}{ROW}{row}\n").into_bytes()
}

/// Name, content, and words of the error message.
type BadFile = (&'static str, Vec<u8>, &'static [&'static str]);

fn bad_files() -> Vec<BadFile> {
    let packed = fs::read(shipped_one("trades")).unwrap();
    let mut foreign = packed.clone();
    let middle = foreign.len() / 2;
    foreign[middle..middle + 64].fill(0xA5);
    let long_line = format!("{TRADES}{ROW}1700000000000000,X,{},2,buy\n", "1".repeat(10 << 20));
    vec![
        ("empty.csv", Vec::new(), &["is empty"]),
        ("no-rows.csv", TRADES.into(), &["no rows"]),
        ("cut.csv.gz", packed[..middle].to_vec(), &["line ", "cut short", "fetch it again"]),
        ("damaged.csv.gz", foreign, &["line "]),
        (
            "backwards.csv",
            with_row("1699999999999999,X,1.5,2,buy"),
            &["line 3", "`timestamp_us`", "sort them"],
        ),
        (
            "mixed.csv",
            with_row("timestamp_us,symbol,side,level,price,quantity"),
            &["line 3", "fields", "separately"],
        ),
        (
            "mixed-rows.csv",
            with_row("1700000000000000,X,bid,1,1.5,2"),
            &["line 3", "6 fields", "another layout"],
        ),
        (
            "colour.csv",
            format!("timestamp_us,symbol,price,quantity,side,colour\n{ROW}").into(),
            &["`colour` is unknown", "remove or rename"],
        ),
        ("table.csv", "name,age\na,1\n".into(), &["known layout", "begins with `name`"]),
        ("zero.csv", with_row("1700000000000000,X,0,2,buy"), &["line 3", "column `price`", "`0`"]),
        ("negative.csv", with_row("1700000000000000,X,-1.5,2,buy"), &["line 3", "column `price`", "`-1.5`"]),
        ("nan.csv", with_row("1700000000000000,X,NaN,2,buy"), &["line 3", "column `price`", "`NaN`"]),
        ("huge.csv", with_row("1700000000000000,X,1e308,2,buy"), &["line 3", "column `price`", "`1e308`"]),
        ("nothing.csv", with_row("1700000000000000,X,1.5,0,buy"), &["line 3", "column `quantity`"]),
        ("side.csv", with_row("1700000000000000,X,1.5,2,up"), &["line 3", "column `side`", "`up`"]),
        ("millis.csv", with_row("1700000000000,X,1.5,2,buy"), &["line 3", "`timestamp_us`", "microseconds"]),
        ("symbol.csv", with_row("1700000000000000,,1.5,2,buy"), &["line 3", "column `symbol`"]),
        ("long.csv", long_line.into(), &["line 3", "longer than"]),
        ("binary.csv", vec![0; 5_000], &["line 1", "UTF-8"]),
        ("columns.parquet", b"PAR1....".to_vec(), &["parquet"]),
        (
            "half.jsonl",
            b"{\"timestamp_us\":1700000000000000,\"symbol\":\"X\",\"price\":1".to_vec(),
            &["line 1", "JSON"],
        ),
    ]
}

#[test]
fn a_bad_file_is_refused_with_its_place_and_nothing_of_the_import_is_kept() {
    let cli = Cli::new();
    let kept = cli.import(&[shipped_one("trades")]);
    for (name, content, words) in bad_files() {
        let bad = cli.file(name, content);
        let beside = shipped_one("book20");
        for args in [
            vec!["import", &bad],
            vec!["import", &beside, &bad, "--json"],
            vec!["backtest", "--strategy", "pump_v2", "--data", &bad],
        ] {
            let ran = cli.run(&args);
            ran.fails(name, 64, &[&[name], words].concat());
            assert!(ran.out.is_empty() && ran.err.len() < 1_000, "{name}: {}", ran.err);
        }
        assert_eq!(cli.recordings(), std::slice::from_ref(&kept), "{name}");
    }
    cli.holds_exactly(21_313);
}

#[test]
fn a_refused_first_import_leaves_no_store() {
    let cli = Cli::new();
    let bad = cli.file("bad.csv", "name,age\na,1\n");
    cli.run(&["import", &bad]).fails("a foreign table", 64, &["known layout"]);
    assert!(!cli.state().exists());
    cli.run(&["recordings"]).fails("no store", 78, &["there is no store", "import a recording first"]);
}

#[test]
fn files_that_overlap_with_other_rows_are_refused_with_both_names() {
    let cli = Cli::new();
    let one = cli.file("one.csv", format!("{TRADES}{ROW}1700000005000000,X,1.5,2,buy\n"));
    let two = cli.file("two.csv", format!("{TRADES}1700000004000000,X,1.5,2,buy\n"));
    cli.run(&["import", &two, &one]).fails(
        "overlap",
        64,
        &[
            "two.csv: overlaps ",
            "one.csv: both have trades of X from 2023-11-14T22:13:24",
            "leave one of them out",
        ],
    );
    let bar = |close| {
        format!("timestamp_us,symbol,open,high,low,close,volume\n1700000040000000,X,1,2,1,{close},0\n")
    };
    let (day, other) = (cli.file("day.csv", bar(1)), cli.file("other.csv", bar(2)));
    cli.run(&["import", &day, &other]).fails("two bars of one time", 64, &["other.csv: overlaps"]);
    assert!(cli.recordings().is_empty());
    cli.holds_exactly(0);
}

#[test]
fn what_is_not_there_is_named_with_a_way_out() {
    let cli = Cli::new();
    let recording = cli.import(&[shipped_one("trades")]);
    let id = recording["id"].as_str().unwrap();
    let trades = shipped_one("trades");
    let empty = cli.at("folder");
    fs::create_dir(&empty).unwrap();
    let out = text(&cli.at("x.csv"));
    let cases: &[(&[&str], &[&str])] = &[
        (&["import"], &["FILE|DIR"]),
        (&["import", "none.csv"], &["none.csv", "no such file", "check the path"]),
        (&["import", &text(&empty)], &["directory without files"]),
        (&["import", "/dev/null"], &["is empty"]),
        (&["import", "/dev/null", &trades], &["imported alone"]),
        (&["recordings", "session_x"], &["no recording `session_x`", "`tradingd recordings` lists"]),
        (&["recordings", "delete", "session_x"], &["no recording `session_x`"]),
        (&["export", "session_x", "--out", &out], &["no recording `session_x`"]),
        (&["export", id, "--out", "x.xlsx"], &["x.xlsx does not say which format", ".parquet"]),
        (&["export", id, "--out", "x.csv", "--format", "parquet"], &["named for another format"]),
        (&["export", id, "--out", "x", "--format", "xml"], &["\"xml\" is not a format"]),
        (
            &["export", id, "--out", &out, "--symbol", "ETHUSDT"],
            &["no symbol \"ETHUSDT\"", "There is only BTCUSDT"],
        ),
        (&["export", id, "--out", &out, "--stream", "bars"], &["none of these streams"]),
        (&["export", id, "--out", &out, "--stream", "tick"], &["no such stream", "book20"]),
        (&["backtest", "--strategy", "nope", "--recording", id], &["no strategy \"nope\"", "pump_v2"]),
        (&["backtest", "--strategy", "dump_v2", "--recording", id], &["holds only trades", "book"]),
        (&["backtest", "--strategy", "pump_v2", "--recording", "session_x"], &["no recording `session_x`"]),
        (&["backtest", "--strategy", "pump_v2", "--data", "none.csv"], &["none.csv", "no such file"]),
        (&["backtest", "--strategy", "pump_v2"], &["--recording ID", "--data"]),
        (&["indicators", "NOPE"], &["no indicator type"]),
        (&["sessions", "show", "x"], &["no session `x`"]),
        (&["results", "show", "x"], &["no result of `x`"]),
        (&["strategies", "show", "x"], &["no strategy \"x\""]),
    ];
    for (args, words) in cases {
        cli.run(args).fails(&format!("{args:?}"), 64, words);
    }
    assert!(!cli.at("x.csv").exists());
    cli.run(&["export", id, "--out", "none/x.csv"]).fails(
        "no such directory",
        64,
        &["there is no folder none", "create it"],
    );
    assert_eq!(cli.recordings(), std::slice::from_ref(&recording));
}

#[test]
fn a_document_with_an_unknown_indicator_or_parameter_is_refused() {
    let cli = Cli::new();
    let document = cli.ok(&["strategies", "show", "pump_v2"]);
    let mut value: serde_json::Value = serde_json::from_str(&document).unwrap();
    let indicators = value["indicators"].as_object_mut().unwrap();
    let first = indicators.values_mut().next().unwrap();
    let kind = first["type"].as_str().unwrap().to_owned();
    first["type"] = format!("{kind}X").into();
    let unknown_type = cli.file("type.json", value.to_string());
    value["indicators"].as_object_mut().unwrap().values_mut().next().unwrap()["type"] = kind.into();
    value["indicators"].as_object_mut().unwrap().values_mut().next().unwrap()["colour"] = 1.into();
    let unknown_parameter = cli.file("parameter.json", value.to_string());
    for (file, words) in [(&unknown_type, "did you mean"), (&unknown_parameter, "colour")] {
        cli.run(&["strategies", "validate", file]).fails(file, 64, &["1 of 1 documents"]);
        let trades = shipped_one("trades");
        cli.run(&["backtest", "--strategy", file, "--data", &trades]).fails(
            file,
            64,
            &["/indicators/", words],
        );
    }
}

/// Sets the store's format number, as another version of the program would.
fn set_format(state: &Path, format: u64) {
    let db = redb::Database::open(store_path(state)).unwrap();
    let txn = db.begin_write().unwrap();
    txn.open_table(TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", format).unwrap();
    txn.commit().unwrap();
}

#[test]
fn a_store_of_a_newer_version_is_refused_unchanged() {
    let cli = Cli::new();
    let recording = cli.import(&[shipped_one("bbo")]);
    set_format(&cli.state(), 99);
    let bbo = shipped_one("bbo");
    for args in
        [&["recordings"][..], &["verify"], &["import", &bbo], &["strategies", "list"], &["results", "list"]]
    {
        cli.run(args).fails(&format!("{args:?}"), 65, &["newer version", "format 99"]);
    }
    // With the original format number everything is as before.
    set_format(&cli.state(), 1);
    assert_eq!(cli.recordings(), [recording]);
    cli.holds_exactly(2_000);
}

#[test]
fn a_lost_store_is_not_replaced_by_an_empty_one() {
    let cli = Cli::new();
    cli.import(&[shipped_one("bbo")]);
    fs::remove_file(store_path(&cli.state())).unwrap();
    let bbo = shipped_one("bbo");
    for args in [&["recordings"][..], &["verify"], &["import", &bbo]] {
        cli.run(args).fails(&format!("{args:?}"), 65, &["is missing", "backup"]);
    }
    assert!(!store_path(&cli.state()).exists());
}

#[test]
fn a_damaged_page_is_found_named_and_never_written_over() {
    let cli = Cli::new();
    let id = cli.import(&[shipped_one("trades")])["id"].as_str().unwrap().to_owned();
    let whole = fs::read(store_path(&cli.state())).unwrap();
    let content = whole.windows(7).rposition(|window| window == b"BTCUSDT").unwrap();
    // One offset that certainly has content, then offsets all over the file from a fixed seed.
    let mut offsets = vec![content];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..24 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        offsets.push((state >> 33) as usize % whole.len());
    }
    let mut found = 0;
    for offset in offsets {
        let mut damaged = whole.clone();
        damaged[offset] ^= 0x41;
        fs::write(store_path(&cli.state()), &damaged).unwrap();
        let verified = cli.run(&["verify"]);
        let listed = cli.run(&["recordings"]);
        if verified.code == 0 {
            // The byte is unused.
            assert!(listed.out.contains(&id), "byte {offset}: {}", listed.err);
            continue;
        }
        found += 1;
        verified.fails(&format!("verify, byte {offset}"), 65, &["damaged"]);
        assert!(verified.out.lines().count() >= 2, "byte {offset}: {}", verified.out);
        listed.fails(&format!("recordings, byte {offset}"), 65, &["damaged", "tradingd verify"]);
        cli.run(&["import", &shipped_one("bbo")]).fails("import into a damaged store", 65, &["damaged"]);
        assert!(fs::read(store_path(&cli.state())).unwrap() == damaged, "byte {offset} was written over");
    }
    assert!(found >= 5, "only {found} offsets were found");
    fs::write(store_path(&cli.state()), b"").unwrap();
    cli.run(&["verify"]).fails("an emptied store", 65, &["damaged"]);
}

#[test]
fn a_place_that_cannot_hold_a_store_is_said_so() {
    let cli = Cli::new();
    let file = cli.file("file", "");
    let trades = shipped_one("trades");
    for state in [file.clone(), format!("{file}/below"), "/proc/tradingd".to_owned()] {
        cli.run(&["import", &trades, "--state", &state]).fails(&state, 78, &[&state, "--state"]);
    }
    assert_eq!(fs::read(cli.at("file")).unwrap(), b"");
}

#[test]
fn a_store_held_by_another_process_is_said_so() {
    let cli = Cli::new();
    cli.import(&[shipped_one("bbo")]);
    let held = Store::open(&cli.state(), OpenMode::MustExist).unwrap();
    let bbo = shipped_one("bbo");
    let cases = [
        &["recordings"][..],
        &["verify"],
        &["import", &bbo],
        &["strategies", "list"],
        &["sessions", "list"],
        &["results", "list"],
    ];
    for args in cases {
        cli.run(args).fails(&format!("{args:?}"), 69, &["another tradingd holds the store", "stop it"]);
    }
    drop(held);
    assert_eq!(cli.recordings().len(), 1);
}

/// A tmpfs of limited size; unmounted on drop.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path, bytes: u64) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tradingd-test"])
            .arg(at)
            .output();
        mounted.is_ok_and(|ran| ran.status.success()).then_some(SmallDisk(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

#[test]
fn a_full_disk_is_said_so_and_what_was_acknowledged_stays() {
    let cli = Cli::new();
    let place = cli.at("small");
    let Some(_disk) = SmallDisk::mount(&place, 512 << 10) else {
        skipped("a full disk; only root may mount a small one");
        return;
    };
    let state = text(&place.join("state"));
    let run = |args: &[&str]| -> Ran { cli.run(&[args, &["--state", &state]].concat()) };
    assert_eq!(run(&["import", &shipped_one("bbo"), "--json"]).code, 0);
    let before = run(&["recordings", "--json"]).out;
    let l2 = shipped_one("l2");
    let mut refused = run(&["import", &l2]);
    for _ in 0..8 {
        if refused.code != 0 {
            break;
        }
        refused = run(&["import", &l2]);
    }
    refused.fails("a full disk", 69, &["full", "free some space"]);
    let listed = run(&["recordings", "--json"]).out;
    let count = |text: &str| text.matches("\"sources\"").count();
    assert!(count(&before) == 1 && count(&listed) >= 1, "{listed}");
    assert_eq!(run(&["verify"]).code, 0);
    let id = listed.split("\"id\": \"").last().unwrap().split('"').next().unwrap();
    let out = text(&place.join("back.jsonl"));
    run(&["export", id, "--out", &out]).fails(
        "export to a full disk",
        69,
        &["no space is left", "free some space"],
    );
    let left: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["state"], "an export that failed left something");
}

#[test]
fn a_built_in_strategy_has_the_version_of_the_program() {
    let cli = Cli::new();
    let release = env!("CARGO_PKG_VERSION");
    let listed = cli.ok(&["strategies", "list"]);
    let line = listed.lines().find(|line| line.starts_with("pump_v2")).unwrap();
    assert!(line.split_whitespace().any(|word| word == release), "{listed}");
    let entry = &cli.json(&["strategies", "list", "--json"])["strategies"][0];
    assert_eq!((entry["release"].as_str(), &entry["version"]), (Some(release), &serde_json::Value::Null));
    let result = cli.ok(&["backtest", "--strategy", "pump_v2", "--data", &shipped_one("trades")]);
    assert!(result.contains(&format!("pump_v2 of tradingd {release}")), "{result}");
}

#[test]
fn an_import_of_what_is_there_already_is_told_and_kept() {
    let cli = Cli::new();
    let file = cli.file("a.csv", format!("{TRADES}{ROW}1700000005000000,X,1.5,2,buy\n"));
    let other = cli.file("b.csv", format!("{TRADES}{ROW}1700000005000000,X,1.6,2,buy\n"));
    let first = cli.run(&["import", &file, "--json"]);
    let different = cli.run(&["import", &other, "--json"]);
    let again = cli.run(&["import", &file, "--json"]);
    let id =
        serde_json::from_str::<serde_json::Value>(&first.out).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!((first.code, different.code, again.code), (0, 0, 0));
    assert!(!first.err.contains("same rows") && !different.err.contains("same rows"), "{}", different.err);
    assert!(again.err.contains(&format!("warning: {id} has the same rows")), "{}", again.err);
    assert_eq!(cli.recordings().len(), 3);
}
