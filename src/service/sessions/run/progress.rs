//! How far a running session is, published once per batch of events and read by anybody at any time.

use crate::checkpoint::plain;
use crate::clock::Stopwatch;
use crate::domain::num::Price;
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::session::driver::Progress;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Over how much real time the rate of events is taken.
const RATE_WINDOW: Span = Span::from_millis(500);

/// The published figures of one session. Each is exact by itself; two read together may be a batch apart.
pub(in crate::service::sessions) struct SessionProgress {
    span: Option<(Timestamp, Timestamp)>,
    ticks: AtomicU64,
    at_ns: AtomicI64,
    /// Events a second over the last window, as the bits of an f64; 0 bits before the first window is over.
    rate: AtomicU64,
    /// Nanoseconds of event time a second of real time, likewise.
    pace: AtomicU64,
    pub signals: AtomicU64,
    pub orders: AtomicU64,
    pub fills: AtomicU64,
    pub trades: AtomicU64,
    /// The account's equity, as the bits of an f64; 0 bits before the first.
    equity: AtomicU64,
    prices: Vec<LastPrice>,
}

struct LastPrice {
    ticks: AtomicI64,
    at_ns: AtomicI64,
}

/// What was counted up to one moment, and the last prices.
pub(super) struct Counted {
    signals: u64,
    orders: u64,
    fills: u64,
    trades: u64,
    equity: u64,
    prices: Vec<(i64, i64)>,
}

plain!(struct Counted { signals, orders, fills, trades, equity, prices });

/// Where the rate was last taken; only the session's thread has it.
pub(super) struct RateMark {
    watch: Stopwatch,
    ticks: u64,
    at: Option<Timestamp>,
}

const NOT_YET: i64 = i64::MIN;

impl SessionProgress {
    pub(in crate::service::sessions) fn new(span: Option<(Timestamp, Timestamp)>, symbols: usize) -> Self {
        let price = || LastPrice { ticks: AtomicI64::new(0), at_ns: AtomicI64::new(NOT_YET) };
        SessionProgress {
            span,
            ticks: AtomicU64::new(0),
            at_ns: AtomicI64::new(NOT_YET),
            rate: AtomicU64::new(0),
            pace: AtomicU64::new(0),
            signals: AtomicU64::new(0),
            orders: AtomicU64::new(0),
            fills: AtomicU64::new(0),
            trades: AtomicU64::new(0),
            equity: AtomicU64::new(0),
            prices: (0..symbols).map(|_| price()).collect(),
        }
    }

    /// Back to before the first event: the journal is replayed.
    pub(super) fn reset(&self) {
        let counters =
            [&self.ticks, &self.rate, &self.pace, &self.signals, &self.orders, &self.fills, &self.trades];
        counters.into_iter().chain([&self.equity]).for_each(|counter| counter.store(0, Ordering::Relaxed));
        self.at_ns.store(NOT_YET, Ordering::Relaxed);
        self.prices.iter().for_each(|price| price.at_ns.store(NOT_YET, Ordering::Relaxed));
    }

    /// What a checkpoint keeps of it.
    pub(super) fn counted(&self) -> Counted {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let price =
            |last: &LastPrice| (last.ticks.load(Ordering::Relaxed), last.at_ns.load(Ordering::Relaxed));
        Counted {
            signals: get(&self.signals),
            orders: get(&self.orders),
            fills: get(&self.fills),
            trades: get(&self.trades),
            equity: get(&self.equity),
            prices: self.prices.iter().map(price).collect(),
        }
    }

    /// Takes over what a checkpoint kept.
    pub(super) fn count(&self, counted: &Counted) {
        let Counted { signals, orders, fills, trades, equity, prices } = counted;
        let pairs = [
            (&self.signals, signals),
            (&self.orders, orders),
            (&self.fills, fills),
            (&self.trades, trades),
            (&self.equity, equity),
        ];
        pairs.into_iter().for_each(|(counter, value)| counter.store(*value, Ordering::Relaxed));
        for (last, (ticks, at_ns)) in self.prices.iter().zip(prices) {
            last.ticks.store(*ticks, Ordering::Relaxed);
            last.at_ns.store(*at_ns, Ordering::Relaxed);
        }
    }

    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch is done.
    pub(super) fn reach(&self, progress: Progress, mark: &mut RateMark) {
        self.ticks.store(progress.ticks, Ordering::Relaxed);
        self.at_ns.store(progress.at.nanos(), Ordering::Relaxed);
        let elapsed = mark.watch.elapsed();
        if elapsed >= RATE_WINDOW {
            let seconds = elapsed.seconds_f64();
            self.rate.store(((progress.ticks - mark.ticks) as f64 / seconds).to_bits(), Ordering::Relaxed);
            if let Some(before) = mark.at {
                self.pace
                    .store(((progress.at - before).nanos() as f64 / seconds).to_bits(), Ordering::Relaxed);
            }
            *mark = RateMark { watch: Stopwatch::start(), ticks: progress.ticks, at: Some(progress.at) };
        } else if mark.at.is_none() {
            mark.at = Some(progress.at);
        }
    }

    /// The account is worth this.
    pub(super) fn set_equity(&self, equity: f64) {
        self.equity.store(equity.to_bits(), Ordering::Relaxed);
    }

    /// What the account is worth; `None` before anything was traded.
    pub(super) fn equity(&self) -> Option<f64> {
        let bits = self.equity.load(Ordering::Relaxed);
        (bits != 0).then(|| f64::from_bits(bits))
    }

    /// The last trade price of a symbol.
    #[inline]
    pub(super) fn price(&self, symbol: SymbolId, price: Price, at: Timestamp) {
        if let Some(last) = self.prices.get(symbol.index()) {
            last.ticks.store(price.0, Ordering::Relaxed);
            last.at_ns.store(at.nanos(), Ordering::Relaxed);
        }
    }

    /// The last trade price of a symbol and its time; `None` before the first.
    pub(in crate::service::sessions) fn last_price(&self, symbol: SymbolId) -> Option<(Price, Timestamp)> {
        let last = self.prices.get(symbol.index())?;
        let at = last.at_ns.load(Ordering::Relaxed);
        (at != NOT_YET).then(|| (Price(last.ticks.load(Ordering::Relaxed)), Timestamp::from_nanos(at)))
    }

    pub(in crate::service::sessions) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Event time reached; `None` before the first batch.
    pub(super) fn at(&self) -> Option<Timestamp> {
        let at = self.at_ns.load(Ordering::Relaxed);
        (at != NOT_YET).then(|| Timestamp::from_nanos(at))
    }

    /// Parts per million of the data; `None` when the data has no span.
    pub(super) fn progress_ppm(&self) -> Option<u32> {
        let (first, last) = self.span?;
        let Some(at) = self.at() else { return Some(0) };
        let whole = (last - first).nanos().max(1);
        let done = (at - first).nanos().clamp(0, whole);
        u32::try_from(i128::from(done) * 1_000_000 / i128::from(whole)).ok()
    }

    /// Events a second lately; `None` too early to say.
    pub(super) fn events_per_second(&self) -> Option<f64> {
        let bits = self.rate.load(Ordering::Relaxed);
        (bits != 0).then(|| f64::from_bits(bits))
    }

    /// Seconds to the end at the pace of late; `None` when that cannot be said.
    pub(super) fn eta_seconds(&self) -> Option<f64> {
        let (_, last) = self.span?;
        let pace = f64::from_bits(self.pace.load(Ordering::Relaxed));
        let left = (last - self.at()?).nanos().max(0) as f64;
        (pace > 0.0).then(|| left / pace)
    }
}

impl RateMark {
    pub(super) fn new() -> Self {
        RateMark { watch: Stopwatch::start(), ticks: 0, at: None }
    }
}
