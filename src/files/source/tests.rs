//! Tests of reading files: every layout and compression, and every kind of invalid input with its position.

use super::*;
use crate::domain::record::{Record, RecordBody};
use std::io::{Cursor, Write};

#[test]
fn the_earliest_row_is_found_without_sorting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let row = |second: u32| format!("17645472{second:02}000000,A,1,1,buy\n");
    std::fs::write(&path, format!("{TRADES}{}{}{}", row(30), row(10), row(20))).unwrap();
    let first = |sort| {
        let mapping = FileMapping { sort, ..FileMapping::default() };
        SourceFile::first_time(&path, &Declared { mapping, ..Declared::default() }, &Opener::default())
    };
    let seconds = [first(false), first(true)].map(|at| at.unwrap().seconds());
    assert_eq!(seconds, [1_764_547_230, 1_764_547_210]);
}

/// All rows of a text as `(symbol, record)`, or the error text.
fn rows(bytes: impl Into<Vec<u8>>) -> Result<Vec<(String, Record)>, String> {
    let bytes = bytes.into();
    let size = bytes.len() as u64;
    let mut found = Vec::new();
    let mut file =
        SourceFile::from_reader(Path::new("x"), Cursor::new(bytes), size).map_err(|e| e.to_string())?;
    let mut batch = RecordBatch::new(7);
    while file.read(&mut batch).map_err(|e| e.to_string())? {
        found.extend(batch.rows().iter().map(|(symbol, record)| (file.symbol(*symbol).to_owned(), *record)));
    }
    assert_eq!(file.rows(), found.len() as u64);
    assert_eq!(file.bytes_read(), size);
    Ok(found)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const T0: &str = "1723161256322000";
const T1: &str = "1723161256344000";
const TRADES: &str = "timestamp_us,symbol,price,quantity,side\n";
const BOOK20: &str = "timestamp_us,symbol,side,level,price,quantity\n";
const L2: &str = "timestamp_us,symbol,side,price,quantity,is_snapshot,update_id\n";
const BARS: &str = "timestamp_us,symbol,open,high,low,close,volume,quote_volume\n";
const BBO: &str = "timestamp_us,symbol,bid_price,bid_quantity,ask_price,ask_quantity,recv_us,update_id\n";

#[test]
fn reads_every_layout() {
    let d = |text: &str| crate::domain::decimal::Decimal::parse(text.as_bytes()).unwrap();
    let one = |text: String| rows(text).unwrap().remove(0).1;
    let trade =
        one(format!("side,trade_id,recv_us,symbol,price,timestamp_us,quantity\nsell,7,{T1},A,1.50,{T0},2"));
    assert_eq!(trade.exchange_at.micros().to_string(), T0);
    assert_eq!(trade.received_at.unwrap().micros().to_string(), T1);
    assert_eq!(
        trade.body,
        RecordBody::Trade {
            price: d("1.5"),
            quantity: d("2"),
            taker: crate::domain::order::Side::Sell,
            id: Some(7)
        }
    );
    let level = one(format!("{BOOK20}{T0},A,ask,1,1.5,2"));
    assert_eq!(
        level.body,
        RecordBody::SnapshotLevel {
            side: crate::domain::order::Side::Sell,
            level: 1,
            price: d("1.5"),
            quantity: d("2")
        }
    );
    let change = one(format!("{L2}{T0},A,bid,1.5,0,0,9"));
    assert_eq!(
        change.body,
        RecordBody::LevelChange {
            side: crate::domain::order::Side::Buy,
            price: d("1.5"),
            quantity: d("0"),
            snapshot: false,
            update_id: Some(9)
        }
    );
    let bar = one(format!("{BARS}{T0},A,2,3,1,2.5,0,"));
    assert_eq!(
        bar.body,
        RecordBody::Bar {
            open: d("2"),
            high: d("3"),
            low: d("1"),
            close: d("2.5"),
            volume: d("0"),
            quote_volume: None
        }
    );
    let quote = one(format!("{BBO}{T0},A,1,2,3,4,,5"));
    assert!(matches!(quote.body, RecordBody::Quote { update_id: Some(5), .. }));
    let funding = one(format!("timestamp_us,symbol,rate\n{T0},A,-0.0001"));
    assert_eq!(funding.body, RecordBody::Funding { rate: d("-0.0001") });
    let mark = one(format!("timestamp_us,symbol,mark_price,index_price\n{T0},A,1.5,"));
    assert_eq!(mark.body, RecordBody::Mark { mark: d("1.5"), index: None });
    // The names alone fit both; the first side decides.
    let bare = one(format!("{TRADES}{T0},A,1,0,bid"));
    assert!(matches!(bare.body, RecordBody::LevelChange { .. }));
}

#[test]
fn packing_and_format_do_not_change_the_records() {
    let csv = format!(
        "timestamp_us,symbol,price,quantity,side,recv_us,trade_id\n{T0},A,61800.30,0.006,buy,,1\n{T1},哈_USDT,8.2E+4,1,sell,{T1},\n"
    );
    let jsonl = format!(
        "{{\"timestamp_us\":{T0},\"symbol\":\"A\",\"price\":61800.3,\"quantity\":\"0.006\",\"side\":\"buy\",\"trade_id\":1}}\n\
         {{\"side\":\"sell\",\"timestamp_us\":\"{T1}\",\"symbol\":\"\\u54c8_USDT\",\"price\":82000,\"quantity\":1,\"recv_us\":{T1},\"trade_id\":null}}"
    );
    let expected = rows(csv.clone()).unwrap();
    assert_eq!(expected.len(), 2);
    assert_eq!(expected[1].0, "哈_USDT");
    assert_eq!(rows(jsonl).unwrap(), expected);
    let crlf = csv.replace('\n', "\r\n");
    let marked = format!("\u{feff}{csv}");
    let (first, second) = csv.split_at(csv.len() - 30);
    let members = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    let frames =
        [zstd::encode_all(first.as_bytes(), 1).unwrap(), zstd::encode_all(second.as_bytes(), 1).unwrap()]
            .concat();
    for (name, bytes) in [
        ("crlf", crlf.into_bytes()),
        ("byte order mark", marked.into_bytes()),
        ("no last newline", csv.trim_end().as_bytes().to_vec()),
        ("gzip", gzip(csv.as_bytes())),
        ("two gzip members", members),
        ("zstd", zstd::encode_all(csv.as_bytes(), 1).unwrap()),
        ("two zstd frames", frames),
    ] {
        assert_eq!(rows(bytes).unwrap(), expected, "{name}");
    }
}

#[test]
fn files_joined_with_their_column_names_read_as_one() {
    let joined = format!("{TRADES}{T0},A,1,1,buy\n{TRADES}{T1},A,2,1,buy\n\n");
    assert_eq!(rows(joined).unwrap().len(), 2);
}

#[test]
fn several_symbols_are_each_in_their_own_time() {
    assert_eq!(rows(format!("{TRADES}{T1},A,1,1,buy\n{T0},B,1,1,buy\n{T1},A,1,1,buy\n")).unwrap().len(), 3);
}

#[test]
fn a_crossed_snapshot_and_two_of_one_time_are_recorded_as_they_are() {
    let crossed = format!(
        "{BOOK20}{T0},A,bid,1,3,1\n{T0},A,bid,2,2,1\n{T0},A,ask,1,1,1\n{T0},A,bid,1,3,1\n{T0},A,ask,1,1,1\n{T1},A,ask,1,1,1\n"
    );
    assert_eq!(rows(crossed).unwrap().len(), 6);
}

/// Invalid input, and words its error must contain.
#[test]
fn bad_input_is_refused_with_its_place() {
    let trade = |row: &str| format!("{TRADES}{T0},A,1,1,buy\n{row}\n");
    let book = |rows: &str| format!("{BOOK20}{T0},A,bid,1,10,1\n{}\n", rows.replace("T0", T0));
    let l2 = |row: &str| format!("{L2}{T0},A,{row}\n");
    let bar = |row: &str| format!("{BARS}{T0},A,{row}\n");
    let long = "9".repeat(crate::limits::IMPORT_LINE_BYTES + 1);
    let cases: Vec<(String, &[&str])> = vec![
        (String::new(), &["x: is empty"]),
        ("\n\n".into(), &["x: is empty"]),
        (TRADES.into(), &["x: has column names but no rows"]),
        (format!("{TRADES}\n\r\n"), &["x: has column names but no rows"]),
        (
            format!("{T0},A,1,1,buy\n"),
            &["line 1: the first line must name the columns", "trades: timestamp_us,symbol,price"],
        ),
        ("name,age\nBob,3\n".into(), &["line 1", "begins with `name`"]),
        (
            format!("timestamp_us,symbol,price,quantity,side,colour\n{T0},A,1,1,buy,red\n"),
            &["line 1", "`colour` is unknown", "recv_us, trade_id"],
        ),
        (format!("timestamp_us,symbol,price,side\n{T0},A,1,buy\n"), &["line 1", "`quantity` is missing"]),
        (
            format!("timestamp_us,symbol,price,price,quantity,side\n{T0},A,1,1,1,buy\n"),
            &["line 1", "`price` is given twice"],
        ),
        (
            trade(&format!("{T1},A,1,1")),
            &["line 3: has 4 fields where the column names are 5", "another layout"],
        ),
        (trade(&format!("{T1},A,bid,1,61800.1,0.603")), &["line 3: has 6 fields"]),
        (format!("{TRADES}{T0},A,1,1,buy\n{BOOK20}{T1},A,bid,1,1,1\n"), &["line 3: has 6 fields"]),
        (trade(&format!("{T1},A,,1,buy")), &["line 3, column `price`: is empty"]),
        (trade(&format!("{T1},,1,1,buy")), &["line 3, column `symbol`: is empty"]),
        (trade(&format!("{T1},A,1,1,")), &["line 3, column `side`: is empty"]),
        (trade(",A,1,1,buy"), &["line 3, column `timestamp_us`: is empty"]),
        (
            trade(&format!("{T1},A,abc,1,buy")),
            &["line 3, column `price`: `abc` is not a finite decimal number"],
        ),
        (trade(&format!("{T1},A,NaN,1,buy")), &["column `price`: `NaN` is not a finite"]),
        (trade(&format!("{T1},A,inf,1,buy")), &["column `price`: `inf` is not a finite"]),
        (trade(&format!("{T1},A,1e308,1,buy")), &["column `price`: `1e308` has more digits"]),
        (trade(&format!("{T1},A,0,1,buy")), &["column `price`: `0` must be greater than zero"]),
        (trade(&format!("{T1},A,-1,1,buy")), &["column `price`: `-1` must be greater than zero"]),
        (trade(&format!("{T1},A,1,0,buy")), &["column `quantity`: `0` must be greater than zero"]),
        (
            trade(&format!("{T1},A,1000000,1000000000.1,buy")),
            &["column `quantity`: `1000000000.1` times its price is beyond any market"],
        ),
        (
            trade(&format!("{T1},A,1000000000000001,0.1,buy")),
            &["column `price`: `1000000000000001` is beyond any price"],
        ),
        (trade(&format!("{T1},A,1,1,bid")), &["column `side`: `bid` is neither `buy` nor `sell`"]),
        (trade(&format!("{T1},A,1,1,BUY")), &["column `side`: `BUY` is neither"]),
        (trade(&format!("{T1},A B,1,1,buy")), &["column `symbol`: `A B` has white space"]),
        (
            trade(&format!("{T1},{},1,1,buy", "A".repeat(65))),
            &["column `symbol`", "longer than 64 characters"],
        ),
        (
            trade("yesterday,A,1,1,buy"),
            &["column `timestamp_us`: `yesterday` is not a whole number of microseconds"],
        ),
        (trade("-1,A,1,1,buy"), &["column `timestamp_us`: `-1` is not a whole number"]),
        (trade("1723161256,A,1,1,buy"), &["`1723161256` seems to be seconds"]),
        (trade("1723161256322,A,1,1,buy"), &["seems to be milliseconds"]),
        (trade("1723161256322000000,A,1,1,buy"), &["seems to be nanoseconds"]),
        (trade("946684799999999,A,1,1,buy"), &["is outside 2000 to 2200"]),
        (trade("7258118400000000,A,1,1,buy"), &["is outside 2000 to 2200"]),
        (
            trade("1723161256321999,A,1,1,buy"),
            &[
                "line 3, column `timestamp_us`: 2024-08-08T23:54:16.321999Z is before 2024-08-08T23:54:16.322000Z in line 2",
            ],
        ),
        (trade(&long), &["line 3: is longer than 65536 bytes"]),
        (
            trade(&format!("{T1},A,{},1,buy", "9".repeat(60_000))),
            &["line 3, column `price`", "999…`", "more digits"],
        ),
        (
            format!("timestamp_us,symbol,price,quantity,side,trade_id\n{T0},A,1,1,buy,x1\n"),
            &["line 2, column `trade_id`: `x1` is not a whole"],
        ),
        (
            format!("timestamp_us,symbol,price,quantity,side,recv_us\n{T0},A,1,1,buy,5\n"),
            &["line 2, column `recv_us`: `5` is outside"],
        ),
        (format!("{BOOK20}{T0},A,bid,2,10,1\n"), &["line 2, column `level`: a snapshot begins with level 2"]),
        (format!("{BOOK20}{T0},A,bid,0,10,1\n"), &["column `level`: `0` is not a level"]),
        (format!("{BOOK20}{T0},A,bid,21,10,1\n"), &["column `level`: `21` is not a level"]),
        (book("T0,A,bid,1,9,1"), &["line 3, column `level`: level 1 comes after level 1"]),
        (book("T0,A,bid,3,9,1"), &["line 3, column `level`: level 3 follows level 1"]),
        (book("T0,A,bid,2,10,1"), &["line 3, column `price`: the price 10 is not worse than 10"]),
        (book("T0,A,ask,2,11,1"), &["line 3, column `side`: the other side begins with level 2"]),
        (
            book("T0,A,ask,1,11,1\nT0,A,ask,2,10.9,1"),
            &["line 4, column `price`: the price 10.9 is not worse than 11"],
        ),
        (book("T0,A,ask,1,11,0"), &["line 3, column `quantity`: `0` must be greater"]),
        (book("T0,A,buy,2,9,1"), &["line 3, column `side`: `buy` is neither `bid` nor `ask`"]),
        (l2("bid,1,-1,0,1"), &["line 2, column `quantity`: `-1` must not be negative"]),
        (l2("bid,1,0,1,1"), &["column `quantity`: `0` deletes a level, but a snapshot"]),
        (l2("bid,1,1,2,1"), &["column `is_snapshot`: `2` is neither 0 nor 1"]),
        (bar("2,1,1.5,1.5,1,1"), &["line 2, column `high`: the high is below the low"]),
        (bar("3,2,1,2,1,1"), &["line 2, column `open`: it lies outside"]),
        (bar("2,2,1,0.5,1,1"), &["line 2, column `close`: it lies outside"]),
        (bar("2,2,1,1,-1,1"), &["line 2, column `volume`: `-1` must not be negative"]),
        (bar("2,2,1,1,1,-1"), &["line 2, column `quote_volume`: `-1` must not be negative"]),
        (
            format!("{BARS}{T0},A,1,1,1,1,1,1\n{T0},A,1,1,1,1,1,1\n"),
            &["line 3, column `timestamp_us`", "already the time of line 2"],
        ),
        (format!("{BBO}{T0},A,1,0,1,1,,\n"), &["line 2, column `bid_quantity`: `0` must be greater"]),
        ("{\"timestamp_us\":1}\n".into(), &["line 1"]),
        (
            format!(
                "{{\"timestamp_us\":{T0},\"symbol\":\"A\",\"rate\":1}}\n{{\"timestamp_us\":{T1},\"symbol\":\"A\"}}\n"
            ),
            &["line 2: the column `rate` is missing"],
        ),
        (
            format!("{{\"timestamp_us\":{T0},\"symbol\":\"A\",\"rate\":1}}\nnonsense\n"),
            &["line 2: is not one flat JSON object"],
        ),
        (
            format!("{{\"timestamp_us\":{T0},\"symbol\":\"A\",\"rate\":null}}\n"),
            &["line 1, column `rate`: is empty"],
        ),
        ("PAR1....".into(), &["x: is parquet"]),
        ("\0\0\0\n".into(), &["is not text"]),
    ];
    for (input, words) in &cases {
        let shown: String = input.chars().take(200).collect();
        let error = rows(input.as_bytes()).expect_err(&shown);
        for word in *words {
            assert!(error.contains(word), "{shown}\n  gave: {error}\n  lacks: {word}");
        }
        assert!(error.len() < 1_000, "{}", error.len());
    }
}

#[test]
fn bad_packing_is_refused() {
    let csv = format!("{TRADES}{}", format!("{T0},A,1,1,buy\n").repeat(5_000));
    let gz = gzip(csv.as_bytes());
    let zst = zstd::encode_all(csv.as_bytes(), 1).unwrap();
    let mut broken = gz.clone();
    let last = broken.len() - 6;
    broken[last] ^= 1;
    for (bytes, words) in [
        (gz[..gz.len() / 2].to_vec(), "cut short"),
        (gz[..gz.len() - 4].to_vec(), "cut short"),
        (gz[..5].to_vec(), "cut short"),
        (zst[..zst.len() / 2].to_vec(), "cut short"),
        (broken, "damaged"),
        ([&gz[..], b"rubbish behind it"].concat(), "damaged"),
        (gzip(b""), "x: is empty"),
        (zstd::encode_all(&b""[..], 1).unwrap(), "x: is empty"),
        (b"BZh91AY".to_vec(), "bzip2"),
    ] {
        let error = rows(bytes).unwrap_err();
        assert!(error.contains(words), "{error} lacks {words}");
    }
}

#[test]
fn missing_files_and_directories_are_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| SourceFile::open(path).err().unwrap().to_string();
    assert!(
        error(&folder.path().join("none.csv")).ends_with("none.csv: there is no such file; check the path")
    );
    assert!(error(folder.path()).contains("is a directory"));
}

#[test]
fn symbols_are_bounded() {
    let mut text = TRADES.to_owned();
    for i in 0..=FILE_SYMBOLS {
        text.push_str(&format!("{T0},S{i},1,1,buy\n"));
    }
    let error = rows(text).unwrap_err();
    assert!(
        error.contains(&format!(
            "line {}, column `symbol`: has more than {FILE_SYMBOLS} symbols",
            FILE_SYMBOLS + 2
        )),
        "{error}"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes_never_panic(
        start in 0_usize..8,
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        text in "[-0-9.,:\"{}a-z\\\\\n\r]{0,200}",
    ) {
        let opening = ["", TRADES, BOOK20, L2, BARS, "{\"timestamp_us\":", "\x1f\u{8b}\u{8}", "\u{feff}"][start].as_bytes();
        let _ = rows([opening, &bytes].concat());
        let _ = rows([opening, text.as_bytes()].concat());
        let _ = rows(gzip(&[opening, text.as_bytes()].concat()));
    }
}

/// The symbols of the rows of a text, or the refusal.
fn symbols_of(text: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("AAA.csv");
    std::fs::write(&path, text).unwrap();
    read_symbols(&path).map_err(|error| error.to_string())
}

fn read_symbols(path: &Path) -> Result<String, FileError> {
    let mut source = SourceFile::open_mapped(path, &FileMapping::default(), &Opener::default())?;
    let mut batch = RecordBatch::default();
    while source.read(&mut batch)? {}
    Ok(source.symbols().join(" "))
}

#[test]
fn a_column_with_the_symbol_is_used_and_two_exchanges_are_refused() {
    let bybit =
        "id,timestamp,symbol,price,volume,side\n1,1764547200000,BTC,1,1,buy\n2,1764547200000,ETH,1,1,buy\n";
    assert_eq!(symbols_of(bybit).unwrap(), "BTC ETH");
    let okx = "trade_id,side,size,price,created_time,inst_id\n1,buy,1,1,1764547200000,A\n2,buy,1,1,1764547200000,B\n";
    assert_eq!(symbols_of(okx).unwrap(), "A B");
    let names = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";
    let row = |exchange: &str| format!("{exchange},A,1764547200000000,1764547200000001,,buy,1,1\n");
    assert_eq!(symbols_of(&format!("{names}{}{}", row("x"), row("x"))).unwrap(), "A");
    let refused = symbols_of(&format!("{names}{}{}", row("x"), row("y"))).unwrap_err();
    assert!(refused.contains("line 3, column `exchange`: `y`"), "{refused}");
    let ticker = "exchange,symbol,timestamp,local_timestamp,funding_rate,mark_price\n";
    let row = |exchange: &str| format!("{exchange},A,1764547200000000,1764547200000001,0,1\n");
    let refused = symbols_of(&format!("{ticker}{}{}", row("x"), row("y"))).unwrap_err();
    assert!(refused.contains("line 3, column `exchange`: `y`"), "{refused}");
}

#[test]
fn trades_that_may_repeat_a_forgotten_one_are_told() {
    let row = |id: u64| format!("{T0},A,1,1,buy,{id}\n");
    let read = |rows: String| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("A.csv");
        std::fs::write(&path, format!("timestamp_us,symbol,price,quantity,side,trade_id\n{rows}")).unwrap();
        let mut source = SourceFile::open(&path).unwrap();
        let mut batch = RecordBatch::default();
        while source.read(&mut batch).unwrap() {}
        (source.rows(), source.ids(0).collect::<Vec<_>>())
    };
    let ids = 1..KNOWN_TRADES as u64 + 3;
    let rising: String = ids.clone().map(row).collect();
    assert_eq!(read(rising.clone()), (ids.end - 1, vec![]), "ids that only rise repeat nothing");
    let (rows, told) = read(rising + &row(2));
    assert_eq!((rows, told.len()), (ids.end, 1));
    assert!(told[0].starts_with("1 trade of A could not be compared with all trades before"), "{told:?}");
}

#[test]
fn a_file_that_is_truncated_while_it_is_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("A.csv");
    let header = TRADES.to_owned();
    let rows = format!("{T0},A,1,1,buy\n").repeat(4_000);
    // Of the second one, what is left after the truncation is a whole gzip member, so that nothing of it
    // looks cut short.
    let bytes_of_gzip: Vec<u8> = (0..4_000)
        .flat_map(|row| gzip(format!("{}{T0},A,1,1,buy\n", if row == 0 { &header } else { "" }).as_bytes()))
        .collect();
    let one_row = gzip(format!("{T0},A,1,1,buy\n").as_bytes()).len();
    let cut_gzip = bytes_of_gzip.len() - one_row;
    let plain = format!("{header}{rows}").into_bytes();
    let cut_plain = plain.len() - rows.len() / 4_000;
    for (bytes, length) in [(plain, cut_plain), (bytes_of_gzip, cut_gzip)] {
        std::fs::write(&path, &bytes).unwrap();
        let mut source = SourceFile::open(&path).unwrap();
        let mut batch = RecordBatch::new(10);
        assert!(source.read(&mut batch).unwrap());
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length as u64).unwrap();
        let refused = loop {
            match source.read(&mut batch) {
                Ok(more) => assert!(more, "the rows look complete"),
                Err(refused) => break refused.to_string(),
            }
        };
        assert!(refused.contains("A.csv, line 4001: became shorter while it was read"), "{refused}");
    }
}
