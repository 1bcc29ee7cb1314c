//! How long does an exchange message take from its bytes to rows in an inbox, and how many rows per second
//! does one core decode?
//!
//! Budget: at least 500,000 rows/s for trades and for book changes; p50 of a message at most 5 µs. The
//! messages are generated in the exchange's form: consecutive ids and versions, padded numbers, keys in its
//! order.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;
use tradingd::domain::event::GapCause;
use tradingd::domain::record::{Record, StreamKind};
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::exchange::mexc::{DepthSnapshot, Frames, Subscription};
use tradingd::session::ports::{MarketSink, Notice};

#[derive(Default)]
struct Count(AtomicU64);

impl MarketSink for Count {
    fn rows(&self, _: SymbolId, rows: &[Record]) {
        self.0.fetch_add(black_box(rows).len() as u64, Relaxed);
    }
    fn lost(&self, _: SymbolId, _: &[StreamKind], _: Timestamp, _: GapCause) {}
    fn regained(&self, _: SymbolId, _: &[StreamKind]) {}
    fn notice(&self, _: Notice) {}
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (frames, runs) = if is_test { (100, 1) } else { (200_000, 5) };
    measure("deal, 1 row", StreamKind::Trades, runs, &texts(frames, |i| deals(i, 1)));
    measure("deal, 4 rows", StreamKind::Trades, runs, &texts(frames, |i| deals(i, 4)));
    measure("depth merged, 12 levels", StreamKind::BookChanges, runs, &texts(frames, |i| changes(i, 12)));
    measure("depth.full, 20 + 20 levels", StreamKind::BookSnapshots, runs, &texts(frames / 4, top));
}

fn texts(count: u64, make: impl Fn(u64) -> String) -> Vec<String> {
    (0..count).map(make).collect()
}

fn frame(channel: &str, data: &str, ts: u64) -> String {
    format!(r#"{{"symbol":"DOGE_USDT","data":{data},"channel":"push.{channel}","ts":{ts}}}"#)
}

const BEGIN_MS: u64 = 1_789_498_405_531;

fn deals(i: u64, rows: u64) -> String {
    let mut data = String::new();
    for row in 0..rows {
        let (at, id, price) = (BEGIN_MS + i, 16_270_106_116 + i * rows + row, 80_000 + (i * 7 + row) % 900);
        let separator = if row > 0 { "," } else { "" };
        let side = i % 2 + 1;
        let _ = write!(
            data,
            r#"{separator}{{"p":0.{price}0,"v":{},"T":{side},"O":3,"M":2,"t":{at},"i":"{id}","cts":"{at}"}}"#,
            row + 1
        );
    }
    frame("deal", &format!("[{data}]"), BEGIN_MS + i)
}

fn changes(i: u64, levels: u64) -> String {
    let side = |from: u64, step: u64| -> String {
        let level = |n: u64| {
            let quantity = if (i + n) % 5 == 0 { 0 } else { (i * 31 + n * 17) % 9_000 };
            format!("[0.0{}0,{quantity},{}]", from + (i * 13 + n * step) % 400, quantity.min(4))
        };
        (0..levels / 2).map(level).collect::<Vec<_>>().join(",")
    };
    let (begin, end) = (8_752_807_948 + i * 10, 8_752_807_957 + i * 10);
    let data = format!(
        r#"{{"cts":{},"asks":[{}],"bids":[{}],"end":{end},"begin":{begin},"version":{end}}}"#,
        BEGIN_MS + i,
        side(8_100, 3),
        side(7_600, 7)
    );
    frame("depth", &data, BEGIN_MS + i + 3)
}

fn top(i: u64) -> String {
    let side = |sign: i64| -> String {
        let level = |n: i64| {
            format!("[0.0{}0,{},{}]", 8_000 + sign * (n + 1), (i as i64 * 31 + n * 17) % 9_000 + 1, n % 4 + 1)
        };
        (0..20).map(level).collect::<Vec<_>>().join(",")
    };
    let data = format!(
        r#"{{"cts":{},"asks":[{}],"bids":[{}],"version":{}}}"#,
        BEGIN_MS + i,
        side(1),
        side(-1),
        5_220_571_685 + i
    );
    frame("depth.full", &data, BEGIN_MS + i + 3)
}

/// Reports rows per second of whole runs, and times of single messages; reading the clock adds about 25 ns
/// each.
fn measure(name: &str, stream: StreamKind, runs: usize, texts: &[String]) {
    let bytes = texts.iter().map(String::len).sum::<usize>() as f64 / texts.len() as f64;
    let mut rates: Vec<f64> = (0..runs).map(|_| rows_per_second(stream, texts)).collect();
    rates.sort_by(f64::total_cmp);
    let (mut frames, at, _count) = prepared(stream);
    let mut times: Vec<u64> = Vec::with_capacity(texts.len());
    let mut before = Instant::now();
    for text in texts {
        frames.read(text, at);
        let now = Instant::now();
        times.push((now - before).as_nanos() as u64);
        before = now;
    }
    times.sort_unstable();
    let place = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let health = frames.health(at);
    assert_eq!(
        (health.malformed, health.unknown_fields, health.repeated),
        (0, 0, 0),
        "{name}: all of it is read"
    );
    println!(
        "{name}: {:.2} M rows/s; a message of {bytes:.0} bytes p50 {} ns, p99 {} ns ({} messages, median of {runs})",
        rates[rates.len() / 2] / 1e6,
        place(0.5),
        place(0.99),
        texts.len()
    );
}

fn prepared(stream: StreamKind) -> (Frames, Timestamp, Arc<Count>) {
    let subscription =
        Subscription { symbols: vec!["DOGE_USDT".to_owned()], streams: vec![stream], heard_until: None };
    let count = Arc::new(Count::default());
    let mut frames = Frames::new(&subscription, count.clone()).expect("a good subscription");
    let at = Timestamp::from_seconds(1_789_498_405);
    if stream == StreamKind::BookChanges {
        frames.read(r#"{"symbol":"DOGE_USDT","data":{"asks":[],"bids":[],"version":8752807947},"channel":"push.depth","ts":1}"#, at);
        frames.snapshot(
            0,
            &DepthSnapshot { bids: Vec::new(), asks: Vec::new(), version: 8_752_807_947, at: Some(at) },
            at,
        );
    }
    (frames, at, count)
}

fn rows_per_second(stream: StreamKind, texts: &[String]) -> f64 {
    let (mut frames, at, count) = prepared(stream);
    let begin = Instant::now();
    // Messages arrive a millisecond apart.
    texts.iter().zip(0_i64..).for_each(|(text, ms)| frames.read(text, at + Span::from_millis(ms)));
    let seconds = begin.elapsed().as_secs_f64();
    count.0.load(Relaxed) as f64 / seconds
}
