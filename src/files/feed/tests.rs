//! Tests of replay from files: order of equal times, books, several files of one source, real recordings.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::event::{LevelChange, Market};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolSpec;
use crate::files::{RecordBatch, SourceFile, expand, group_by_stem, survey};
use crate::limits::KNOWN_TRADES;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const BARS: &str = "timestamp_us,symbol,open,high,low,close,volume\n";
const TRADES: &str = "timestamp_us,symbol,price,quantity,side\n";
const BOOK20: &str = "timestamp_us,symbol,side,level,price,quantity\n";
const L2: &str = "timestamp_us,symbol,side,price,quantity,is_snapshot,update_id\n";

/// A readable form of each tick, for comparison.
fn shown(chunk: &Chunk, base_us: i64) -> Vec<String> {
    let word = |tick: &crate::session::ports::Tick| {
        let what = match chunk.market(tick).unwrap() {
            Market::Trade(trade) => {
                format!("trade {}x{} {}", trade.price.0, trade.qty.0, trade.taker.as_str())
            }
            Market::BookSnapshot { bids, asks } => format!("book {:?} {:?}", levels(bids), levels(asks)),
            Market::BookChange(changes) => {
                format!(
                    "change {:?}",
                    changes
                        .iter()
                        .map(|c| (c.side.as_str(), c.level.price.0, c.level.qty.0))
                        .collect::<Vec<_>>()
                )
            }
            Market::Bar(bar) => {
                format!("bar {} {} {} {} {}s", bar.open.0, bar.high.0, bar.low.0, bar.close.0, bar.seconds)
            }
            other => format!("{other:?}"),
        };
        format!("{} {} {what}", tick.at.micros() - base_us, tick.symbol.0)
    };
    chunk.ticks().iter().map(word).collect()
}

fn levels(levels: &[crate::domain::event::Level]) -> Vec<(i64, i64)> {
    levels.iter().map(|level| (level.price.0, level.qty.0)).collect()
}

/// `T12` in a text stands for the base time plus 12 µs.
const BASE_US: i64 = 1_700_000_000_000_000;

fn write(folder: &Path, files: &[(&str, String)]) -> Vec<PathBuf> {
    let stamped = |text: &str| {
        let lines =
            text.lines().map(|line| match line.strip_prefix('T').and_then(|rest| rest.split_once(',')) {
                Some((offset, rest)) => format!("{},{rest}\n", BASE_US + offset.parse::<i64>().unwrap()),
                None => format!("{line}\n"),
            });
        lines.collect::<String>()
    };
    files
        .iter()
        .map(|(name, text)| {
            let path = folder.join(name);
            std::fs::write(&path, stamped(text)).unwrap();
            path
        })
        .collect()
}

fn table(survey: &SourceSurvey) -> SymbolTable {
    let spec = |s: &crate::files::SymbolSurvey| {
        SymbolSpec::new(&s.name, s.price_step(), s.quantity_step(), Decimal::ONE).unwrap()
    };
    SymbolTable::new(1, survey.symbols.iter().map(spec).collect())
}

fn replay(
    paths: &[PathBuf],
    selection: &Selection,
    each: &mut dyn FnMut(&Chunk),
) -> Result<SourceSurvey, String> {
    let survey = survey(paths, selection, &mut |_| {}).map_err(|e| e.to_string())?;
    let mut feed = FileFeed::open(&survey, selection, &table(&survey)).map_err(|e| e.to_string())?;
    let mut chunk = Chunk::default();
    let mut last = Timestamp::MIN;
    while feed.next(&mut chunk).map_err(|e| e.to_string())? {
        for tick in chunk.ticks() {
            assert!(tick.at >= last, "time went back");
            last = tick.at;
        }
        each(&chunk);
    }
    assert!(!feed.next(&mut chunk).unwrap() && chunk.ticks().is_empty());
    if selection.to.is_none() {
        assert_eq!(feed.bytes_read(), feed.total_bytes());
    }
    Ok(survey)
}

fn ticks(files: &[(&str, String)], selection: &Selection) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    replay(&write(folder.path(), files), selection, &mut |chunk| found.extend(shown(chunk, BASE_US)))
        .unwrap();
    found
}

fn at(offset_us: i64) -> Timestamp {
    Timestamp::from_micros(BASE_US + offset_us).unwrap()
}

#[test]
fn streams_of_equal_time_come_in_their_order_and_then_by_file() {
    let files = [
        ("b.csv", format!("{TRADES}T5,A,1,1,buy\nT5,A,2,1,sell\nT9,A,3,1,buy")),
        ("a.csv", format!("{TRADES}T4,B,7,1,buy\nT5,B,8,1,sell")),
        ("c.csv", format!("{BOOK20}T5,A,bid,1,1,5\nT5,A,bid,2,0.5,5\nT5,A,ask,1,2,5\nT9,A,ask,1,3,1")),
        ("d.csv", "timestamp_us,symbol,rate\nT5,A,0.0001".to_owned()),
    ];
    assert_eq!(
        ticks(&files, &Selection::default()),
        [
            "4 1 trade 7x1 buy",
            "5 0 book [(10, 5), (5, 5)] [(20, 5)]",
            "5 0 trade 10x1 buy",
            "5 0 trade 20x1 sell",
            "5 1 trade 8x1 sell",
            "5 0 Funding { rate: Rate(100000) }",
            "9 0 book [] [(30, 1)]",
            "9 0 trade 30x1 buy",
        ]
    );
}

#[test]
fn a_file_sorted_by_symbol_is_still_fed_in_time_order() {
    let files = [("a.csv", format!("{TRADES}T1,A,1,1,buy\nT5,A,2,1,buy\nT1,B,3,1,buy\nT3,B,4,1,buy"))];
    assert_eq!(
        ticks(&files, &Selection::default()),
        ["1 0 trade 1x1 buy", "1 1 trade 3x1 buy", "3 1 trade 4x1 buy", "5 0 trade 2x1 buy"]
    );
}

#[test]
fn bars_come_when_they_are_over_whatever_their_length() {
    const S: i64 = 1_000_000;
    let files = [(
        "a.csv",
        format!(
            "{BARS}T0,A,1,1,1,1,0\nT0,B,5,5,5,5,1\nT{},A,2,2,2,2,1\nT{},A,3,3,3,3,1\nT{},B,6,6,6,6,1\nT{},C,9,9,9,9,1\n",
            60 * S,
            180 * S,
            300 * S,
            300 * S
        ),
    )];
    let s = |n: i64| n * S;
    assert_eq!(
        ticks(&files, &Selection::default()),
        [
            format!("{} 0 bar 1 1 1 1 60s", s(60)),
            format!("{} 0 bar 2 2 2 2 60s", s(120)),
            format!("{} 0 bar 3 3 3 3 60s", s(240)),
            format!("{} 1 bar 5 5 5 5 300s", s(300)),
            format!("{} 2 bar 9 9 9 9 60s", s(360)),
            format!("{} 1 bar 6 6 6 6 300s", s(600)),
        ]
    );
}

#[test]
fn a_bar_belongs_to_the_range_that_it_ends_in() {
    const MINUTE: i64 = 60_000_000;
    let rows = (0..4).map(|n| format!("T{},A,1,1,1,1,1\n", n * MINUTE));
    let files = [("a.csv", format!("{BARS}{}", rows.collect::<String>()))];
    let range = |from: i64, to: i64| {
        let selection =
            Selection { from: Some(at(from * MINUTE)), to: Some(at(to * MINUTE)), ..Selection::default() };
        ticks(&files, &selection).len()
    };
    // They end at minutes 1, 2, 3 and 4.
    assert_eq!([range(0, 1), range(1, 3), range(0, 4), range(3, 9), range(4, 9)], [1, 2, 4, 1, 0]);
}

#[test]
fn messages_of_level_changes_are_one_tick_each() {
    let files = [(
        "a.csv",
        format!(
            "{L2}T0,A,bid,9,1,1,7\nT0,A,bid,10,1,1,7\nT0,A,ask,11,1,1,7\nT0,A,bid,10,3,1,7\nT5,A,bid,9,0,0,8\nT5,A,ask,12,2,0,8\nT5,A,ask,11,0,0,9\n"
        ),
    )];
    assert_eq!(
        ticks(&files, &Selection::default()),
        [
            "0 0 book [(10, 3), (9, 1)] [(11, 1)]",
            "5 0 change [(\"buy\", 9, 0), (\"sell\", 12, 2)]",
            "5 0 change [(\"sell\", 11, 0)]"
        ]
    );
    let middle = Selection { from: Some(at(4)), ..Selection::default() };
    assert_eq!(ticks(&files, &middle)[0], "4 0 book [(10, 3), (9, 1)] [(11, 1)]");
}

#[test]
fn snapshots_are_left_out_where_level_changes_are_there() {
    let files = [
        ("a.l2.csv", format!("{L2}T0,A,bid,10,1,1,7\n")),
        ("a.book20.csv", format!("{BOOK20}T1,A,bid,1,10,1\nT1,B,bid,1,10,1")),
    ];
    assert_eq!(ticks(&files, &Selection::default()), ["0 0 book [(10, 1)] []", "1 1 book [(10, 1)] []"]);
}

#[test]
fn two_snapshots_of_one_moment_stay_two() {
    let files =
        [("a.csv", format!("{BOOK20}T1,A,bid,1,10,1\nT1,A,ask,1,11,1\nT1,A,bid,1,9,1\nT1,A,ask,1,11,2"))];
    assert_eq!(
        ticks(&files, &Selection::default()),
        ["1 0 book [(10, 1)] [(11, 1)]", "1 0 book [(9, 1)] [(11, 2)]"]
    );
}

#[test]
fn a_selection_is_half_open_and_by_symbol() {
    let files =
        [("a.csv", format!("{TRADES}T1,A,1,1,buy\nT2,B,2,1,buy\nT3,A,3,1,buy\nT4,A,4,1,buy\nT4,B,4,1,buy"))];
    let selection =
        Selection { from: Some(at(2)), to: Some(at(4)), symbols: vec!["A".into()], ..Selection::default() };
    assert_eq!(ticks(&files, &selection), ["3 0 trade 3x1 buy"]);
    let nothing = Selection { from: Some(at(5)), ..Selection::default() };
    assert!(ticks(&files, &nothing).is_empty());
}

#[test]
fn receive_times_never_go_back_and_are_needed_on_every_row() {
    let recv = |offset: i64| BASE_US + offset;
    let header = "timestamp_us,symbol,price,quantity,side,recv_us\n";
    let files = [(
        "a.csv",
        format!("{header}T1,A,1,1,buy,{}\nT2,A,2,1,buy,{}\nT3,A,3,1,buy,{}", recv(20), recv(10), recv(30)),
    )];
    let selection = Selection { clock: FeedClock::Receive, ..Selection::default() };
    assert_eq!(ticks(&files, &selection), ["20 0 trade 1x1 buy", "20 0 trade 2x1 buy", "30 0 trade 3x1 buy"]);
    let folder = tempfile::tempdir().unwrap();
    let paths =
        write(folder.path(), &[("b.csv", format!("{header}T1,A,1,1,buy,{}\nT2,A,2,1,buy,", recv(20)))]);
    let error = replay(&paths, &selection, &mut |_| {}).unwrap_err();
    assert!(error.contains("b.csv: has rows without `recv_us`"), "{error}");
}

#[test]
fn rows_that_were_sorted_for_the_survey_are_not_sorted_again() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "T3,A,3,1,buy\nT1,A,1,1,buy\nT2,A,2,1,buy\n";
    let paths = write(
        folder.path(),
        &[("a.csv", format!("{TRADES}{rows}")), ("b.csv", format!("{TRADES}{}", rows.replace('A', "B")))],
    );
    let mut selection = Selection::default();
    selection.declared.mapping.sort = true;
    let survey = survey(&paths, &selection, &mut |_| {}).unwrap();
    // Who read it again would meet other rows.
    write(folder.path(), &[("a.csv", format!("{TRADES}T9,A,9,1,buy\n"))]);
    for _ in 0..2 {
        let mut feed = FileFeed::open(&survey, &selection, &table(&survey)).unwrap();
        let (mut chunk, mut prices) = (Chunk::default(), Vec::new());
        while feed.next(&mut chunk).unwrap() {
            prices.extend(chunk.ticks().iter().filter_map(|tick| match tick.kind {
                TickKind::Trade(trade) => Some(trade.price.0),
                _ => None,
            }));
        }
        assert_eq!(prices, [1, 1, 2, 2, 3, 3]);
    }
}

#[test]
fn late_trades_fill_no_gap_in_a_file_where_an_id_may_have_come_twice() {
    let folder = tempfile::tempdir().unwrap();
    let survey_of = |ids: Vec<usize>| {
        let header = "timestamp_us,symbol,price,quantity,side,trade_id\n".to_owned();
        let rows = ids.iter().enumerate().map(|(n, id)| format!("T{n},A,1,1,buy,{id}\n"));
        let paths = write(folder.path(), &[("a.csv", header + &rows.collect::<String>())]);
        survey(&paths, &Selection::default(), &mut |_| {}).unwrap().gaps.len()
    };
    let late = |last: &[usize]| [1, 2, 6, 3, 4].into_iter().chain(7..KNOWN_TRADES + 20).chain(last.to_vec());
    assert_eq!(survey_of([1, 2, 6, 3, 4, 5, 7].to_vec()), 0, "3 to 5 came late");
    assert_eq!(survey_of(late(&[4]).collect()), 1, "5 never comes, and that 4 comes twice cannot be noticed");
}

#[test]
fn a_price_off_its_step_names_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), &[("a.csv", format!("{TRADES}T1,A,1,1,buy\nT2,A,1.25,1,buy"))]);
    let selection = Selection::default();
    let survey = survey(&paths, &selection, &mut |_| {}).unwrap();
    let spec = SymbolSpec::new("A", Decimal::step(1).unwrap(), Decimal::ONE, Decimal::ONE).unwrap();
    let mut feed = FileFeed::open(&survey, &selection, &SymbolTable::new(1, vec![spec])).unwrap();
    let error = feed.next(&mut Chunk::default()).unwrap_err().to_string();
    assert!(
        error.contains("a.csv, line 3, column `price`: `1.25` is not a whole number of the step 0.1 of A"),
        "{error}"
    );
}

#[test]
fn an_endless_message_is_handed_over_in_parts() {
    let mut text = L2.to_owned();
    for price in 1..=10_000 {
        text.push_str(&format!("T0,A,bid,{price},1,1,7\n"));
    }
    for price in 1..=10_000 {
        text.push_str(&format!("T1,A,bid,{price},1,0,8\n"));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut sizes = Vec::new();
    replay(&write(folder.path(), &[("a.csv", text)]), &Selection::default(), &mut |chunk| {
        sizes.extend(chunk.ticks().iter().map(|tick| (level_count(&tick.kind), tick.at)));
    })
    .unwrap();
    assert_eq!(sizes, [(2_048, at(0)), (4_096, at(1)), (4_096, at(1)), (1_808, at(1))]);
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Compares the merge with a plain sort of all rows.
#[test]
fn real_trades_and_books_are_merged_as_a_sort_would() {
    let paths = [
        shipped("binance-usdm_BTCUSDT_20240808.trades.csv.gz"),
        shipped("binance-usdm_BTCUSDT_20240808.book20.csv.gz"),
    ];
    let mut expected: Vec<(Timestamp, StreamKind)> = Vec::new();
    for path in &paths {
        let mut file = SourceFile::open(path).unwrap();
        let mut batch = RecordBatch::default();
        while file.read(&mut batch).unwrap() {
            for (_, record) in batch.rows() {
                let key = (record.exchange_at, file.kind());
                let joins = file.kind() == StreamKind::BookSnapshots && expected.last() == Some(&key);
                if !joins {
                    expected.push(key);
                }
            }
        }
    }
    expected.sort();
    let mut found = Vec::new();
    let survey = replay(&paths, &Selection::default(), &mut |chunk| {
        found.extend(chunk.ticks().iter().map(|tick| {
            let is_trade = matches!(tick.kind, TickKind::Trade(_));
            (tick.at, if is_trade { StreamKind::Trades } else { StreamKind::BookSnapshots })
        }));
    })
    .unwrap();
    assert!(found == expected);
    assert_eq!(found.len(), 21_313 + 1_722);
    let symbol = &survey.symbols[0];
    assert_eq!(
        (symbol.name.as_str(), symbol.price_scale, symbol.quantity_scale, survey.rows),
        ("BTCUSDT", 1, 3, 21_313 + 68_880)
    );
    assert_eq!(survey.streams(), [StreamKind::BookSnapshots, StreamKind::Trades]);
    assert!(!survey.has_receive_times());
}

type PlainBook = BTreeMap<(Side, i64), i64>;

fn apply(book: &mut PlainBook, market: Market) {
    match market {
        Market::BookSnapshot { bids, asks } => {
            book.clear();
            book.extend(bids.iter().map(|l| ((Side::Buy, l.price.0), l.qty.0)));
            book.extend(asks.iter().map(|l| ((Side::Sell, l.price.0), l.qty.0)));
        }
        Market::BookChange(changes) => {
            for LevelChange { side, level } in changes {
                book.insert((*side, level.price.0), level.qty.0);
                book.retain(|_, qty| *qty > 0);
            }
        }
        _ => {}
    }
}

/// A replay that starts in the middle has the same book there as a complete replay.
#[test]
fn a_book_of_a_later_start_is_the_book_of_the_whole() {
    let paths = [
        shipped("binance-usdm_BTCUSDT_20240808-start.l2.csv.gz"),
        shipped("binance-usdm_BTCUSDT_20240808-start.bbo.csv.gz"),
    ];
    let from = Timestamp::from_micros(1_723_161_258_000_000).unwrap();
    let to = Timestamp::from_micros(1_723_161_259_000_000).unwrap();
    let book_at_end = |from: Option<Timestamp>| {
        let mut book = PlainBook::new();
        let mut first = None;
        let mut count = 0;
        replay(&paths, &Selection { from, to: Some(to), ..Selection::default() }, &mut |chunk| {
            for tick in chunk.ticks() {
                first.get_or_insert(tick.at);
                count += 1;
                apply(&mut book, chunk.market(tick).unwrap());
            }
        })
        .unwrap();
        (book, first.unwrap(), count)
    };
    let (whole, _, all) = book_at_end(None);
    let (later, first, some) = book_at_end(Some(from));
    assert_eq!((first, some < all && some > 10), (from, true));
    assert!(whole.len() > 1_900, "{}", whole.len());
    assert!(later == whole);
}

#[test]
fn all_shared_real_sources_replay_to_their_end() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let shared = std::env::var_os("TRADINGD_REAL_DATA").map_or(shared, PathBuf::from);
    let folders: Vec<PathBuf> =
        ["market", "candles", "pumps/trades"].iter().map(|name| shared.join(name)).collect();
    if !folders.iter().all(|folder| folder.is_dir()) {
        eprintln!("SKIPPED: replay of the large real files; {} is not there", shared.display());
        return;
    }
    let groups = group_by_stem(&expand(&folders).unwrap().files);
    let (mut trades, mut bars, mut rows) = (0, 0, 0);
    for group in &groups {
        let survey = replay(&group.paths, &Selection::default(), &mut |chunk| {
            trades += chunk.ticks().iter().filter(|tick| matches!(tick.kind, TickKind::Trade(_))).count();
            bars += chunk.ticks().iter().filter(|tick| matches!(tick.kind, TickKind::Bar(_))).count();
        });
        rows += survey.unwrap().rows;
    }
    // The counts stated in the provenance of the files.
    assert_eq!((groups.len(), trades, bars), (9 + 3 + 31, 807_027, 961 + 689_197 + 45_031));
    assert!(rows > 4_000_000);
}

#[test]
fn a_file_that_has_other_rows_than_when_it_was_surveyed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |count: i64| {
        (0..count).map(|n| format!("T{n},A,1,1,buy\n")).fold(TRADES.to_owned(), |text, row| text + &row)
    };
    for (count, is_refused) in [(9, false), (8, true), (10, true)] {
        let paths = write(folder.path(), &[("A.csv", rows(9))]);
        let selection = Selection::default();
        let survey = survey(&paths, &selection, &mut |_| {}).unwrap();
        write(folder.path(), &[("A.csv", rows(count))]);
        let mut feed = FileFeed::open(&survey, &selection, &table(&survey)).unwrap();
        let mut chunk = Chunk::default();
        let ended = loop {
            match feed.next(&mut chunk) {
                Ok(true) => {}
                ended => break ended,
            }
        };
        let refused = ended.map_err(|error| error.to_string());
        match is_refused {
            true => {
                assert!(refused.unwrap_err().contains("A.csv: has changed since it was checked"), "{count}")
            }
            false => assert_eq!(refused, Ok(false)),
        }
    }
}

#[test]
fn a_file_of_many_symbols_one_after_the_other_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let symbols = crate::limits::FILE_PASSES as i64 + 1;
    let row = |symbol: i64, n: i64| format!("T{},S{symbol:02},{},1,buy\n", n / 2, n + 1);
    let text: String = (0..symbols).flat_map(|symbol| (0..6).map(move |n| row(symbol, n))).collect();
    let paths = write(folder.path(), &[("A.csv", format!("{TRADES}{text}"))]);
    let selection = Selection::default();
    let file = crate::files::survey_for_replay(&paths[0], &selection).unwrap();
    let opened = || selection.opener.opened.load(Ordering::Relaxed);
    let before = opened();
    let survey = SourceSurvey::of(vec![file]);
    let mut feed = FileFeed::open(&survey, &selection, &table(&survey)).unwrap();
    let (mut chunk, mut found) = (Chunk::default(), Vec::new());
    while feed.next(&mut chunk).unwrap() {
        found.extend(shown(&chunk, BASE_US));
    }
    let expected = (0..3).flat_map(|at| {
        let trade = move |symbol, n: i64| format!("{at} {symbol} trade {}x1 buy", n + 1);
        (0..symbols).flat_map(move |symbol| [2 * at, 2 * at + 1].map(|n| trade(symbol, n)))
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert_eq!(opened() - before, 1);
}
