//! Shared by benchmarks: the real trades of the repository, repeated with shifted times where more are
//! needed, and median times.
#![allow(dead_code)] // every benchmark compiles its own copy and uses a part of it

pub mod journal;
pub mod mix;

use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tradingd::domain::decimal::Decimal;
use tradingd::domain::order::Side;
use tradingd::domain::record::{Record, RecordBody};
use tradingd::domain::time::Timestamp;

const FILE: &str = "binance-usdm_BTCUSDT_20240808.trades.csv.gz";
const WEEK_US: i64 = 7 * 86_400 * 1_000_000;

/// Trades in time order with ids and receive times, and their origin.
pub struct Input {
    pub trades: Vec<Record>,
    pub label: String,
}

/// Trades of the real file, repeated to at least `wanted`. With `cargo bench -- --test` 5,000 trades.
///
/// # Panics
/// Without the file: figures of other trades would not be comparable.
pub fn load(wanted: usize) -> Input {
    let mut input = real();
    if is_test() {
        input.trades.truncate(5_000);
        return input;
    }
    let once = input.trades.clone();
    let passes = wanted.div_ceil(once.len()) as i64;
    for pass in 1..passes {
        let shift = |at: Timestamp| Timestamp::from_nanos(at.nanos() + pass * WEEK_US * 1_000);
        let repeated = once.iter().map(|r| Record {
            exchange_at: shift(r.exchange_at),
            received_at: r.received_at.map(shift),
            body: next_id(r.body, pass, once.len()),
        });
        input.trades.extend(repeated);
    }
    input.label =
        format!("{}, {} trades, {passes} passes with shifted times", input.label, input.trades.len());
    input
}

/// Whether this is `cargo bench -- --test`, which only checks that the benchmark runs.
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Median duration of seven runs (of one in test mode).
pub fn median(mut run: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..if is_test() { 1 } else { 7 }).map(|_| run()).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// Duration of one run, and its result.
pub fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = run();
    (start.elapsed(), value)
}

/// Processor time of this thread so far; nothing where the system does not tell.
pub fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// The same trade without its receive time, which not every source has.
pub fn without_receive_time(record: &Record) -> Record {
    Record { received_at: None, ..*record }
}

/// Prints a line of the result table.
pub fn report(what: &str, value: f64, unit: &str, budget: &str) {
    println!("{what:<44} {value:>10.2} {unit:<12} budget {budget}");
}

fn next_id(body: RecordBody, pass: i64, count: usize) -> RecordBody {
    match body {
        RecordBody::Trade { price, quantity, taker, id } => {
            RecordBody::Trade { price, quantity, taker, id: id.map(|id| id + pass as u64 * count as u64) }
        }
        other => other,
    }
}

fn real() -> Input {
    let given = std::env::var_os("TRADINGD_DATA_DIR").map(|dir| PathBuf::from(dir).join("market"));
    let path = given.map(|dir| dir.join(FILE)).filter(|path| path.exists()).unwrap_or_else(shipped);
    let trades = read(&path).unwrap_or_else(|| {
        panic!("{} has no readable trades: it belongs to the repository, check it out again", path.display())
    });
    Input { trades, label: format!("real {FILE}") }
}

/// Where the repository keeps the real file.
pub fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(FILE)
}

/// The trades of a file; `None` if it is missing or not a file of trades.
pub fn read(path: &Path) -> Option<Vec<Record>> {
    let reader: Box<dyn Read> = Box::new(GzDecoder::new(File::open(path).ok()?));
    BufReader::new(reader).lines().skip(1).map(|line| parse(&line.ok()?)).collect()
}

fn parse(line: &str) -> Option<Record> {
    let fields: Vec<&str> = line.split(',').collect();
    let [at, _, price, quantity, side, received, id] = fields[..] else { return None };
    Some(Record {
        exchange_at: Timestamp::from_micros(at.parse().ok()?)?,
        received_at: Some(Timestamp::from_micros(received.parse().ok()?)?),
        body: RecordBody::Trade {
            price: Decimal::parse(price.as_bytes()).ok()?,
            quantity: Decimal::parse(quantity.as_bytes()).ok()?,
            taker: if side == "buy" { Side::Buy } else { Side::Sell },
            id: Some(id.parse().ok()?),
        },
    })
}
