//! Open recordings: rows per second through the journal, commits every 10 ms in a busy market, and bytes per
//! row afterwards.

use crate::input::{is_test, median, report, timed};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tradingd::domain::decimal::Decimal;
use tradingd::domain::record::{Record, RecordBody, StreamKind};
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::Timestamp;
use tradingd::files::{RecordBatch, SourceFile};
use tradingd::store::{NewRecording, OpenMode, OpenRecording, RecordingCommit, RecordingEnd, Store};

/// Book changes of the whole recording, too large to ship.
const BOOK: &str = "market/binance-usdm_BTCUSDT_20240808.l2.csv.gz";
/// Those of its first 32 s, in the repository.
const BOOK_START: &str = "tests/data/binance-usdm_BTCUSDT_20240808-start.l2.csv.gz";
const SYMBOLS: usize = 200;
/// Messages per commit; at a commit every 10 ms that is 20,000 per second.
const MESSAGES: usize = 200;
const TICK: Duration = Duration::from_millis(10);

/// Runs all measurements over trades with receive times.
pub fn run(trades: &[Record]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Arc::new(Store::open(dir.path(), OpenMode::CreateIfNew).expect("a new store"));
    let trades = arrived(trades);
    let mut entropy = 0;
    for (rows, commits, budget) in [(1, 500, "(peers 5.6)"), (1_000, 400, ">= 500"), (10_000, 100, ">= 500")]
    {
        let count = if is_test() { rows.min(1_000) } else { (rows * commits).min(trades.len()) };
        let time = median(|| {
            entropy += 1;
            record(&store, entropy, &trades[..count], rows).0
        });
        report(
            &format!("open recording, durable rows, {rows} a commit"),
            count as f64 / 1e3 / time.as_secs_f64(),
            "k rows/s",
            budget,
        );
    }
    bytes_per_row(&store, "trade", StreamKind::Trades, &trades[..trades.len().min(200_000)], "<= 4.5");
    let book = book();
    bytes_per_row(&store, "book change", StreamKind::BookChanges, &book, "");
    let (paced, free) = if is_test() { (5, 5) } else { (2_000, 20_000) };
    market(&store, &trades, &book, paced, Pace::Real);
    market(&store, &trades, &book, free, Pace::Free);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// A commit every 10 ms.
    Real,
    /// The same commits without a pause.
    Free,
}

fn begin(store: &Arc<Store>, entropy: u32, symbols: usize) -> OpenRecording {
    let new = NewRecording { at: Timestamp::from_seconds(1_723_161_256), entropy, sources: Vec::new() };
    store.begin_recording(new, (0..symbols).map(|i| format!("S{i}_USDT")).collect()).expect("a new id")
}

/// The rows with receive times that never decrease, as a recorder stamps them.
fn arrived(rows: &[Record]) -> Vec<Record> {
    let mut last = Timestamp::MIN;
    rows.iter()
        .map(|row| {
            last = last.max(row.received_at.unwrap_or(row.exchange_at));
            Record { received_at: Some(last), ..*row }
        })
        .collect()
}

/// Time until the rows are durable, and bytes of their blocks.
fn record(store: &Arc<Store>, entropy: u32, rows: &[Record], a_commit: usize) -> (Duration, u64) {
    let open = begin(store, entropy, 1);
    let (time, ()) = timed(|| {
        for batch in rows.chunks(a_commit) {
            open.push(SymbolId(0), batch).expect("rows in order");
            open.commit(RecordingCommit::default()).expect("a disk with room");
        }
    });
    let id = open.finish(RecordingEnd::default()).expect("a disk with room");
    let bytes = store.recording(&id).expect("it was just finished").bytes();
    store.delete_recording(&id).expect("it was just finished");
    (time, bytes)
}

fn bytes_per_row(store: &Arc<Store>, what: &str, kind: StreamKind, rows: &[Record], budget: &str) {
    let (_, open) = record(store, 900_000, rows, 100);
    let new =
        NewRecording { at: Timestamp::from_seconds(1_723_161_256), entropy: 900_001, sources: Vec::new() };
    let mut writer = store.begin_import(new).expect("a new id");
    writer.append("S0_USDT", kind, rows).expect("rows in order");
    let id = writer.finish(&[]).expect("a disk with room");
    let import = store.recording(&id).expect("it was just finished").bytes();
    store.delete_recording(&id).expect("it was just finished");
    let count = rows.len() as f64;
    report(&format!("bytes a {what} with receive time, open"), open as f64 / count, "bytes", budget);
    report("the same rows imported", import as f64 / count, "bytes", "");
}

/// Real book changes, received 2 to 30 ms after their exchange time: of the whole recording where it is in
/// `TRADINGD_DATA_DIR` or beside the repository, else of its start.
fn book() -> Vec<Record> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("TRADINGD_DATA_DIR").map(PathBuf::from);
    let whole = [given, Some(here.join("../shared/data"))].into_iter().flatten().map(|dir| dir.join(BOOK));
    let path = { whole }.find(|path| path.exists()).unwrap_or_else(|| here.join(BOOK_START));
    assert!(path.exists(), "{} is missing: it belongs to the repository, check it out again", path.display());
    println!("book changes of {}", path.file_name().unwrap_or_default().display());
    let mut file = SourceFile::open(&path).expect("a file of market data");
    let (mut batch, mut rows) = (RecordBatch::default(), Vec::new());
    while rows.len() < if is_test() { 5_000 } else { 200_000 }
        && file.read(&mut batch).expect("a file of market data")
    {
        rows.extend(batch.rows().iter().map(|(_, record)| late(record)));
    }
    arrived(&rows)
}

fn late(record: &Record) -> Record {
    let delay_us = 2_000 + (record.exchange_at.micros() / 1_000).wrapping_mul(0x9e37) % 28_000;
    Record {
        received_at: Some(Timestamp::from_nanos(record.exchange_at.nanos() + delay_us * 1_000)),
        ..*record
    }
}

/// Records 200 symbols with trades, book changes (5 levels per message) and marks; a commit holds the
/// messages of 10 ms.
fn market(store: &Arc<Store>, trades: &[Record], book: &[Record], ticks: usize, pace: Pace) {
    let open = begin(store, if pace == Pace::Real { 800_000 } else { 800_001 }, SYMBOLS);
    let (mut commits, mut lags, mut pending) = (Vec::new(), Vec::new(), 0);
    let (mut message, mut rows) = (0_usize, Vec::new());
    let start = Instant::now();
    let mut busy = Duration::ZERO;
    for tick in 0..ticks {
        let due = TICK * tick as u32;
        if pace == Pace::Real {
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
        let begun = Instant::now();
        for _ in 0..MESSAGES {
            let symbol = message * 7_919 % SYMBOLS;
            fill(&mut rows, message, trades, book);
            open.push(SymbolId(symbol as u32), &rows).expect("rows in order");
            message += 1;
        }
        let (time, done) = timed(|| open.commit(RecordingCommit::default()));
        done.expect("a disk with room");
        commits.push(time);
        lags.push(start.elapsed().saturating_sub(due));
        busy += begun.elapsed();
        pending = pending.max(open.pending_rows());
    }
    let (count, journal_and_blocks) = (open.rows() as f64, open.bytes() as f64);
    let (finish, id) = timed(|| open.finish(RecordingEnd::default()).expect("a disk with room"));
    let blocks = store.recording(&id).expect("it was just finished").bytes() as f64;
    let word = if pace == Pace::Real { "every 10 ms" } else { "unpaced" };
    println!("200 symbols x 3 streams, 200 messages a commit, {word}: {ticks} commits, {count} rows");
    let at = |times: &mut Vec<Duration>, part: f64| {
        times.sort_unstable();
        times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3
    };
    report("  commit p50", at(&mut commits, 0.5), "ms", "");
    report("  commit p99", at(&mut commits, 0.99), "ms", "<= 10");
    report("  commit, longest", at(&mut commits, 1.0), "ms", "");
    if pace == Pace::Real {
        report("  first message of a commit to disk, p99", 10.0 + at(&mut lags, 0.99), "ms", "<= 20");
        report(
            "  share of one core's time",
            busy.as_secs_f64() / start.elapsed().as_secs_f64() * 100.0,
            "%",
            "",
        );
    } else {
        report("  durable rows", count / 1e3 / busy.as_secs_f64(), "k rows/s", "");
    }
    report("  most rows that waited", pending as f64, "rows", "");
    report("  bytes a row, before the end", journal_and_blocks / count, "bytes", "");
    report("  bytes a row, complete", blocks / count, "bytes", "");
    report("  end of the recording", finish.as_secs_f64() * 1e3, "ms", "");
    store.delete_recording(&id).expect("it was just finished");
}

/// Appends the rows of a message: of ten messages six change the book, three are trades, one is a mark.
fn fill(rows: &mut Vec<Record>, message: usize, trades: &[Record], book: &[Record]) {
    let received = Timestamp::from_nanos(1_723_161_256_000_000_000 + message as i64 * 50_000);
    let late_ms = 5 + (message * 31 % 20) as i64;
    let exchange_at = Timestamp::from_nanos((received.nanos() / 1_000_000 - late_ms) * 1_000_000);
    // Each symbol starts at a different offset in the same data.
    let (symbol, round) = (message * 7_919 % SYMBOLS, message / SYMBOLS);
    let stamped = |body| Record { exchange_at, received_at: Some(received), body };
    rows.clear();
    match (message / SYMBOLS + symbol) % 10 {
        0..6 => {
            let from = (symbol * 997 + round * 5) % (book.len() - 5);
            rows.extend(book[from..from + 5].iter().map(|row| match row.body {
                RecordBody::LevelChange { side, price, quantity, .. } => stamped(RecordBody::LevelChange {
                    side,
                    price,
                    quantity,
                    snapshot: false,
                    update_id: Some(9_000_000 + round as u64),
                }),
                other => stamped(other),
            }));
        }
        6..9 => rows.push(stamped(trades[(symbol * 997 + round) % trades.len()].body)),
        _ => {
            let mark = Decimal::new(618_003 + (round % 50) as i64, 1).expect("one digit is in range");
            rows.push(stamped(RecordBody::Mark { mark, index: Some(mark) }));
        }
    }
}

/// Size of the store's file in bytes.
pub fn file_bytes(dir: &Path) -> f64 {
    std::fs::metadata(tradingd::store::store_path(dir)).map_or(0.0, |meta| meta.len() as f64)
}
