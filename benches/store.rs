//! What does durability cost, and how fast is a recording read back?
//!
//! Budget: at least 0.5 M rows/s of an open recording durable with 1,000 and with 10,000 rows per commit, and
//! afterwards at most 4.5 bytes per trade with its receive time; a single record p50 at most 190 µs, and from
//! 64 threads eight times as many records acknowledged per second as from one; import at least 1 M rows/s;
//! scan from the store at least 70 M ticks/s; a file of at most 1.25 times its blocks. The store is in the
//! temporary directory (`TMPDIR`); with a RAM disk the figures are too good.

mod input;
mod open_recording;

use input::{is_test, load, median, report, timed, without_receive_time};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tradingd::domain::record::{Record, StreamKind};
use tradingd::domain::symbol::{SymbolId, SymbolTable};
use tradingd::domain::time::Timestamp;
use tradingd::session::ports::{Chunk, Feed};
use tradingd::store::{FeedChoice, FeedClock, NewRecording, OpenMode, Store};

const SYMBOL: &str = "BTCUSDT";

fn main() {
    let many = load(1_000_000);
    println!("on {}", many.label);
    let trades: Vec<Record> = many.trades.iter().map(without_receive_time).collect();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(dir.path(), OpenMode::CreateIfNew).expect("a new store");
    let mut entropy = 0;

    report(
        "fdatasync of 4 KiB in the same place, p50",
        bare_sync(dir.path()).as_secs_f64() * 1e6,
        "µs",
        "(the limit)",
    );
    report("single durable record, p50", single_record(&store).as_secs_f64() * 1e6, "µs", "<= 190");

    let alone = shared_records(&store, 1);
    report("single durable records, 1 thread", alone, "/s", "");
    for (threads, budget) in [(8, ""), (64, ">= 8")] {
        report(
            &format!("the same from {threads} threads"),
            shared_records(&store, threads) / alone,
            "times",
            budget,
        );
    }

    let import = median(|| {
        entropy += 1;
        timed(|| import(&store, entropy, &trades)).0
    });
    report(
        "import from memory, durable",
        trades.len() as f64 / 1e6 / import.as_secs_f64(),
        "M rows/s",
        ">= 1",
    );
    drop(store);
    scan(&trades);
    open_recording::run(&many.trades);
}

fn begin(entropy: u32) -> NewRecording {
    NewRecording { at: Timestamp::from_seconds(1_723_161_256), entropy, sources: Vec::new() }
}

fn single_record(store: &Store) -> Duration {
    let mut times: Vec<Duration> = (0..if is_test() { 20 } else { 2_000 })
        .map(|i| {
            timed(|| {
                store
                    .put_strategy(&format!("s{i}"), "bench", "{\"order\":1}", Timestamp::from_seconds(1))
                    .expect("a disk with room")
            })
            .0
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// Single records acknowledged per second to threads that share commits.
fn shared_records(store: &Store, threads: usize) -> f64 {
    let each = if is_test() { 2 } else { 6_400 / threads };
    let (time, ()) = timed(|| {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || {
                    for _ in 0..each {
                        let id = format!("t{thread}");
                        store
                            .put_strategy(&id, "bench", "{\"order\":1}", Timestamp::from_seconds(1))
                            .expect("a disk with room");
                    }
                });
            }
        });
    });
    (threads * each) as f64 / time.as_secs_f64()
}

/// Median time of one fdatasync of 4 KiB; every acknowledged commit waits for two.
fn bare_sync(dir: &Path) -> Duration {
    let mut file = std::fs::File::create(dir.join("probe")).expect("a disk with room");
    let mut times: Vec<Duration> = (0..if is_test() { 5 } else { 300 })
        .map(|_| {
            file.write_all(&[7; 4_096]).expect("a disk with room");
            timed(|| file.sync_data().expect("a disk that syncs")).0
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn import(store: &Store, entropy: u32, trades: &[Record]) {
    let mut writer = store.begin_import(begin(entropy)).expect("a new id");
    for batch in trades.chunks(4_096) {
        writer.append(SYMBOL, StreamKind::Trades, batch).expect("rows in order");
    }
    let id = writer.finish(&[]).expect("a disk with room");
    store.delete_recording(&id).expect("it was just finished");
}

/// Scans a separate, compacted and reopened store, as a user would have it.
fn scan(trades: &[Record]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let id = {
        let mut store = Store::open(dir.path(), OpenMode::CreateIfNew).expect("a new store");
        let mut writer = store.begin_import(begin(1)).expect("a new id");
        writer.append(SYMBOL, StreamKind::Trades, trades).expect("rows in order");
        let id = writer.finish(&[]).expect("a disk with room");
        store.compact().expect("a disk with room");
        id
    };
    let (open, store) = timed(|| Store::open(dir.path(), OpenMode::MustExist).expect("it is there"));
    let blocks = store.recording(&id).expect("it is there").bytes() as f64;
    report(
        "file over its blocks, compacted",
        open_recording::file_bytes(dir.path()) / blocks,
        "times",
        "<= 1.25",
    );
    report("checked open", open.as_secs_f64() * 1e3, "ms", "<= 15 empty");
    let table = SymbolTable::new(1, vec![store.spec_of(&id, SYMBOL).expect("it was recorded")]);
    let choice = FeedChoice {
        recording: &id,
        symbols: &[SymbolId(0)],
        streams: &[],
        clock: FeedClock::Exchange,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
    };
    let mut ticks = 0;
    let time = median(|| {
        ticks = 0;
        let mut chunk = Chunk::default();
        timed(|| {
            let mut feed = store.feed(choice, &table).expect("it was recorded");
            while feed.next(&mut chunk).expect("it is whole") {
                ticks += black_box(chunk.ticks()).len();
            }
        })
        .0
    });
    assert_eq!(ticks, trades.len());
    report("scan from the store", ticks as f64 / 1e6 / time.as_secs_f64(), "M ticks/s", ">= 70");
}
