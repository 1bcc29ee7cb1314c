//! How many rows per second does one core parse from CSV text in memory to checked records, and what do
//! survey and feed (plain file to ticks) and writing to files cost?
//!
//! Budget: at least 3 million trades/s parsed; the other figures have no budget. The text is the real
//! recording of `tests/data`, repeated with the times of each pass after those of the pass before.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tradingd::domain::decimal::Decimal;
use tradingd::domain::symbol::{SymbolSpec, SymbolTable};
use tradingd::files::{
    FileFeed, FileFormat, RecordBatch, RecordSink, Selection, SourceFile, SymbolSurvey, survey,
};
use tradingd::session::ports::{Chunk, Feed};

const BUDGET_ROWS_PER_SECOND: f64 = 3e6;
/// Shift of the times per pass: one week, longer than the recording.
const PASS_US: u64 = 7 * 86_400 * 1_000_000;

fn main() {
    let is_test = std::env::args().any(|arg| arg == "--test");
    let rows_wanted = if is_test { 1 } else { 2_000_000 };
    let runs = if is_test { 1 } else { 7 };
    for (name, budget) in [
        ("binance-usdm_BTCUSDT_20240808.trades.csv.gz", Some(BUDGET_ROWS_PER_SECOND)),
        ("binance-usdm_BTCUSDT_20240808.book20.csv.gz", None),
        ("binance-usdm_BTCUSDT_20240808-start.l2.csv.gz", None),
        ("binance-usdm_BTCUSDT_20240808-start.bbo.csv.gz", None),
    ] {
        let (csv, rows) = repeated(name, rows_wanted);
        let mut seconds: Vec<f64> = (0..runs).map(|_| parse(&csv, rows)).collect();
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        let rate = rows as f64 / median;
        let verdict = match budget {
            Some(budget) if rate < budget && !is_test => "BELOW BUDGET",
            Some(_) => "within budget",
            None => "no budget",
        };
        println!(
            "{name}: {:.2} M rows/s, {:.0} MB/s ({rows} rows, median of {runs}, {verdict})",
            rate / 1e6,
            csv.len() as f64 / median / 1e6
        );
    }
    whole_way(rows_wanted, runs);
}

/// Measures survey, feed and sinks over the same repeated trades.
fn whole_way(rows_wanted: usize, runs: usize) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("repeated.csv");
    let (csv, rows) = repeated("binance-usdm_BTCUSDT_20240808.trades.csv.gz", rows_wanted);
    std::fs::write(&path, &csv).expect("a temporary file");
    let paths = [path.clone()];
    let selection = Selection::default();
    let survey_seconds = median(runs, || {
        black_box(survey(&paths, &selection, &mut |_| {}).expect("real data is accepted"));
    });
    let found = survey(&paths, &selection, &mut |_| {}).expect("real data is accepted");
    let spec = |s: &SymbolSurvey| {
        SymbolSpec::new(&s.name, s.price_step(), s.quantity_step(), Decimal::ONE).expect("exact steps")
    };
    let table = SymbolTable::new(1, found.symbols.iter().map(spec).collect());
    let feed_seconds = median(runs, || {
        let mut feed = FileFeed::open(&found, &selection, &table).expect("surveyed");
        let mut chunk = Chunk::default();
        let mut ticks = 0;
        while feed.next(&mut chunk).expect("surveyed") {
            ticks += black_box(chunk.ticks()).len();
        }
        assert_eq!(ticks, rows);
    });
    let mut steps = vec![("survey".to_owned(), survey_seconds), ("feed".to_owned(), feed_seconds)];
    for name in ["out.csv", "out.csv.gz", "out.csv.zst", "out.jsonl", "out.parquet"] {
        let target = folder.path().join(name);
        let seconds = median(runs.min(3), || {
            let mut source = SourceFile::open(&path).expect("real data opens");
            let format = FileFormat::of_path(&target).expect("a known name");
            let mut sink =
                RecordSink::create(&target, source.layout(), format).expect("a writable directory");
            let mut batch = RecordBatch::default();
            while source.read(&mut batch).expect("real data is accepted") {
                for (symbol, record) in batch.rows() {
                    sink.write(source.symbol(*symbol), record).expect("room on disk");
                }
            }
            sink.finish().expect("room on disk");
        });
        let bytes = std::fs::metadata(&target).expect("just written").len();
        steps.push((
            format!("read and write {name} ({:.1} bytes a row)", bytes as f64 / rows as f64),
            seconds,
        ));
    }
    for (name, seconds) in steps {
        println!("trades, {name}: {:.2} M rows/s ({rows} rows, no budget)", rows as f64 / seconds / 1e6);
    }
}

/// Median time of `runs` runs, seconds.
fn median(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[runs / 2]
}

/// Seconds to parse all rows once.
fn parse(csv: &[u8], rows: usize) -> f64 {
    let input = Cursor::new(csv.to_vec());
    let started = Instant::now();
    let mut file =
        SourceFile::from_reader(Path::new("memory"), input, csv.len() as u64).expect("real data opens");
    let mut batch = RecordBatch::default();
    while file.read(&mut batch).expect("real data is accepted") {
        black_box(batch.rows());
    }
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(file.rows(), rows as u64);
    seconds
}

/// The rows of a file as CSV, repeated to at least `rows_wanted` rows; returns the text and its rows.
fn repeated(name: &str, rows_wanted: usize) -> (Vec<u8>, usize) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let mut text = String::new();
    let file = std::fs::File::open(&path).expect("tests/data is part of the repository");
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("tests/data is gzip text");
    let (header, body) = text.split_once('\n').expect("a header");
    let mut csv = format!("{header}\n");
    let mut rows = 0;
    for pass in 0.. {
        for line in body.lines() {
            let (time, rest) = line.split_once(',').expect("columns");
            let time: u64 = time.parse().expect("a time");
            writeln!(csv, "{},{rest}", time + pass * PASS_US).expect("memory");
            rows += 1;
        }
        if rows >= rows_wanted {
            break;
        }
    }
    (csv.into_bytes(), rows)
}
