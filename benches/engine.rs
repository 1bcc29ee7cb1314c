//! How many ticks per second does one core replay through the whole session path, compared with a
//! hand-written loop that does the same work?
//!
//! Budget (ticks/s on one core): noop 90 M, ema 35 M, pump 25 M, pump_v2 20 M, pump 10×10 / 100×10 / 100×100
//! 20 / 12 / 5 M, the mix without and with latency 15 / 10 M, from the store 20 M; a decision p99 0.6 µs with
//! one strategy and 3 µs with 100. Engine and hand-written loop run alternately; their order counts, printed
//! with the figures, should be equal. The figure in brackets counts processor time, which other programs
//! disturb less.
//!
//! `cargo bench --bench engine -- NAME…` runs the workloads with these names only (`pump`, `pump ×48`,
//! `mix`). With `--once` each runs once, for `valgrind --tool=callgrind --toggle-collect='*replay_at*'`.

mod input;

use input::mix::{Memory, WORKLOADS, built_in, definition, session, spec, trades};
use input::{is_test, load, mix, processor_time};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tradingd::domain::decision::Decision;
use tradingd::domain::record::{Record, StreamKind};
use tradingd::domain::strategy::{Node, StrategyDef, Threshold};
use tradingd::domain::symbol::{SymbolId, SymbolTable};
use tradingd::domain::time::{Span, Timestamp};
use tradingd::session::collector::Collector;
use tradingd::session::driver::{Driver, Flow};
use tradingd::session::ports::{Chunk, Feed, Tick, TickKind};
use tradingd::sim::VenueConfig;
use tradingd::store::{FeedChoice, FeedClock, NewRecording, Store};

/// What a run took, and the orders it sent.
#[derive(Clone, Copy, Default)]
struct Spent {
    wall: Duration,
    processor: Duration,
    orders: u64,
}

fn timed<T>(run: impl FnOnce() -> T) -> (Spent, T) {
    let (start, processor) = (Instant::now(), processor_time());
    let value = run();
    let spent = Spent { wall: start.elapsed(), processor: processor_time() - processor, orders: 0 };
    (spent, value)
}

/// Variants of the pump workload; each raises the first threshold by another 0.0001 %.
fn variants(count: usize) -> Vec<Arc<StrategyDef>> {
    let base = definition("pump", WORKLOADS[2].1);
    let variant = |index: usize| {
        let mut def = base.clone();
        def.id = format!("pump_{index:03}");
        if let Some(Node::Condition(condition)) = def.s1.root.children.first_mut() {
            condition.threshold = Threshold::Value(0.05 + index as f64 * 1e-4);
        }
        Arc::new(def)
    };
    (0..count).map(variant).collect()
}

/// The real series repeated; each pass starts a millisecond after the one before ends.
fn ticks(records: &[Record], passes: usize, symbols: u32) -> Vec<Tick> {
    let length = records[records.len() - 1].exchange_at - records[0].exchange_at + Span::from_millis(1);
    let trades = trades(records);
    let mut ticks = Vec::with_capacity(trades.len() * passes * symbols as usize);
    for pass in 0..passes as i64 {
        for (at, trade) in &trades {
            let at = *at + Span::from_nanos(length.nanos() * pass);
            for symbol in 0..symbols {
                ticks.push(Tick { at, symbol: SymbolId(symbol), kind: TickKind::Trade(*trade) });
            }
        }
    }
    ticks
}

fn memory(ticks: &[Tick]) -> Memory<'_> {
    Memory { ticks, chunk: 1_024 }
}

/// One run with engine, risk, ledger, statistics and decision digest.
fn replay(feed: &mut dyn Feed, symbols: usize, strategies: &[Arc<StrategyDef>]) -> Spent {
    replay_at(VenueConfig::frictionless(), feed, symbols, strategies)
}

#[inline(never)] // a name for callgrind
fn replay_at(
    venue: VenueConfig,
    feed: &mut dyn Feed,
    symbols: usize,
    strategies: &[Arc<StrategyDef>],
) -> Spent {
    let table = Arc::new(SymbolTable::new(1, vec![spec(); symbols]));
    let mut backtest = Driver::new(table, strategies, session(), venue);
    let owners = backtest.engine().instances().iter().map(|instance| instance.strategy).collect();
    let mut collector = Collector::new(session().initial_balance, symbols, owners);
    let (spent, ended) = timed(|| backtest.run(feed, &mut collector, &mut |_| Flow::Continue));
    ended.expect("a feed from memory cannot fail");
    black_box(&collector);
    Spent { orders: backtest.engine().account().orders(), ..spent }
}

/// The same work in a hand-written loop, as the limit of the machine. The strategy is behind a `dyn` here
/// too.
mod limit {
    use std::collections::VecDeque;

    pub trait Rule {
        fn trade(&mut self, at: i64, price: f64, qty: f64) -> u64;
    }

    pub struct Noop;

    impl Rule for Noop {
        fn trade(&mut self, _: i64, _: f64, _: f64) -> u64 {
            0
        }
    }

    #[derive(Default)]
    pub struct Ema {
        seen: u64,
        fast: f64,
        slow: f64,
        long: bool,
    }

    impl Rule for Ema {
        fn trade(&mut self, _: i64, price: f64, _: f64) -> u64 {
            self.seen += 1;
            if self.seen == 1 {
                (self.fast, self.slow) = (price, price);
            }
            self.fast += 2.0 / 11.0 * (price - self.fast);
            self.slow += 2.0 / 31.0 * (price - self.slow);
            let turn =
                self.seen >= 30 && if self.long { self.fast < self.slow } else { self.fast > self.slow };
            self.long ^= turn;
            u64::from(turn)
        }
    }

    #[derive(Default)]
    pub struct Pump {
        minute: VecDeque<(i64, f64, f64)>,
        middle: usize,
        highs: VecDeque<(i64, f64)>,
        lows: VecDeque<(i64, f64)>,
        new: f64,
        old: f64,
        entry: Option<(i64, f64)>,
    }

    const SECOND: i64 = 1_000_000_000;

    impl Rule for Pump {
        fn trade(&mut self, at: i64, price: f64, qty: f64) -> u64 {
            self.minute.push_back((at, price, qty));
            self.new += qty;
            while self.highs.back().is_some_and(|(_, high)| *high <= price) {
                self.highs.pop_back();
            }
            self.highs.push_back((at, price));
            while self.lows.back().is_some_and(|(_, low)| *low >= price) {
                self.lows.pop_back();
            }
            self.lows.push_back((at, price));
            while self.minute[self.middle].0 <= at - 30 * SECOND {
                self.new -= self.minute[self.middle].2;
                self.old += self.minute[self.middle].2;
                self.middle += 1;
            }
            while self.minute[0].0 <= at - 60 * SECOND {
                self.old -= self.minute[0].2;
                self.minute.pop_front();
                self.middle -= 1;
            }
            while self.highs[0].0 <= at - 60 * SECOND {
                self.highs.pop_front();
            }
            while self.lows[0].0 <= at - 60 * SECOND {
                self.lows.pop_front();
            }
            let (high, low) = (self.highs[0].1, self.lows[0].1);
            match self.entry {
                None => {
                    let open = (high - low) / low >= 0.0005
                        && self.old > 1e-9
                        && self.new / self.old >= 1.2
                        && price > (high + low) / 2.0;
                    if open {
                        self.entry = Some((at, price));
                    }
                    u64::from(open)
                }
                Some((opened, entry)) => {
                    let close =
                        price >= entry * 1.001 || price <= entry * 0.9995 || at - opened >= 60 * SECOND;
                    if close {
                        self.entry = None;
                    }
                    u64::from(close)
                }
            }
        }
    }
}

fn by_hand(ticks: &[Tick], rule: &mut dyn limit::Rule) -> Spent {
    let spec = spec();
    let (spent, orders) = timed(|| {
        let mut orders = 0;
        for tick in ticks {
            if let TickKind::Trade(trade) = tick.kind {
                orders += rule.trade(tick.at.nanos(), spec.price_f64(trade.price), spec.qty_f64(trade.qty));
            }
        }
        orders
    });
    Spent { orders, ..spent }
}

/// Median times of alternating runs of `a` and `b`, each with the orders of its last run.
fn beside(mut a: impl FnMut() -> Spent, mut b: impl FnMut() -> Spent) -> (Spent, Spent) {
    let rounds = if is_test() || std::env::args().any(|argument| argument == "--once") { 1 } else { 7 };
    let (first, second): (Vec<Spent>, Vec<Spent>) = (0..rounds).map(|_| (a(), b())).unzip();
    (middle(&first), middle(&second))
}

fn middle(runs: &[Spent]) -> Spent {
    let median = |of: fn(&Spent) -> Duration| {
        let mut times: Vec<Duration> = runs.iter().map(of).collect();
        times.sort_unstable();
        times[runs.len() / 2]
    };
    let orders = runs.last().map_or(0, |run| run.orders);
    Spent { wall: median(|run| run.wall), processor: median(|run| run.processor), orders }
}

/// Whether the command line names this workload, or none.
fn wanted(name: &str) -> bool {
    let mut names = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).peekable();
    names.peek().is_none() || names.any(|wanted| wanted == name)
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64() / 1e6
}

/// Shorter processor times are too coarse to tell: the system counts them in ticks of some milliseconds.
const TOLD_FROM: Duration = Duration::from_millis(20);

/// M ticks/s of wall time, and of processor time in brackets where it is long enough.
fn rates(count: usize, spent: Spent) -> String {
    let processor = (spent.processor >= TOLD_FROM).then(|| format!("{:.1}", rate(count, spent.processor)));
    format!("{:7.1} ({:>5}) M/s", rate(count, spent.wall), processor.as_deref().unwrap_or("–"))
}

fn line(name: &str, count: usize, engine: Spent, limit: Option<Spent>, target: f64) {
    let beside = limit.map_or(String::new(), |hand| {
        let ratio = rate(count, engine.wall) / rate(count, hand.wall);
        format!("   by hand {} ({} orders), ratio {ratio:.2}", rates(count, hand), hand.orders)
    });
    println!("{name:<22} {} ({} orders), target {target}{beside}", rates(count, engine), engine.orders);
}

fn workloads(real: &[Record], passes: usize) {
    let named = |name: &str| if passes == 1 { name.to_owned() } else { format!("{name} ×{passes}") };
    if !["noop", "ema", "pump", "pump_v2"].iter().any(|name| wanted(&named(name))) {
        return;
    }
    let series = ticks(real, passes, 1);
    println!("{} ticks, {} passes of the series", series.len(), passes);
    for ((name, text), target) in WORKLOADS.iter().zip([90.0, 35.0, 25.0]) {
        let strategies = [Arc::new(definition(name, text))];
        let engine = || replay(&mut memory(&series), 1, &strategies);
        let hand = || match *name {
            "noop" => by_hand(&series, &mut limit::Noop),
            "ema" => by_hand(&series, &mut limit::Ema::default()),
            _ => by_hand(&series, &mut limit::Pump::default()),
        };
        if wanted(&named(name)) {
            let (engine, hand) = beside(engine, hand);
            line(&named(name), series.len(), engine, Some(hand), target);
        }
    }
    let strategies = [Arc::new(built_in("pump_v2"))];
    alone(&named("pump_v2"), series.len(), 20.0, || replay(&mut memory(&series), 1, &strategies));
}

/// A workload without a hand-written loop beside it.
fn alone(name: &str, count: usize, target: f64, run: impl FnMut() -> Spent) {
    if wanted(name) {
        let (engine, _) = beside(run, Spent::default);
        line(name, count, engine, None, target);
    }
}

fn many(real: &[Record]) {
    for (strategies, symbols, target) in [(10_usize, 10_u32, 20.0), (100, 10, 12.0), (100, 100, 5.0)] {
        let name = format!("pump {strategies}×{symbols}");
        if !wanted(&name) {
            continue;
        }
        let passes = if is_test() { 1 } else { (600_000 / (real.len() * symbols as usize)).max(1) };
        let cut = if is_test() { 500 } else { real.len() };
        let series = ticks(&real[..cut.min(real.len())], passes, symbols);
        let defs = variants(strategies);
        alone(&name, series.len(), target, || replay(&mut memory(&series), symbols as usize, &defs));
    }
}

/// Ten symbols at different times, strategies that look at every trade or now and then, without and with
/// latency.
fn mixed(real: &[Record]) {
    let cut = if is_test() { 500 } else { real.len() };
    let series = mix::series(&real[..cut.min(real.len())]);
    let defs = mix::strategies();
    for (name, latency, target) in [("mix", false, 15.0), ("mix, 80 ms latency", true, 10.0)] {
        alone(name, series.len(), target, || {
            replay_at(mix::venue(latency), &mut memory(&series), mix::SYMBOLS as usize, &defs)
        });
    }
}

fn from_store(real: &[Record], passes: usize) {
    if !wanted("pump from the store") {
        return;
    }
    let store = Store::in_memory().expect("memory");
    let length = real[real.len() - 1].exchange_at - real[0].exchange_at + Span::from_millis(1);
    let at = Timestamp::from_seconds(1_700_000_000);
    let new = NewRecording { at, entropy: 1, sources: vec!["bench".to_owned()] };
    let mut writer = store.begin_import(new).expect("an empty store takes a recording");
    for pass in 0..passes as i64 {
        let shift = |record: &Record| Record {
            exchange_at: record.exchange_at + Span::from_nanos(length.nanos() * pass),
            received_at: None,
            ..*record
        };
        let rows: Vec<Record> = real.iter().map(shift).collect();
        writer.append("BTCUSDT", StreamKind::Trades, &rows).expect("rows in time order");
    }
    let id = writer.finish(&[]).expect("memory");
    let table = SymbolTable::new(1, vec![spec()]);
    let strategies = [Arc::new(definition("pump", WORKLOADS[2].1))];
    let choice = FeedChoice {
        recording: &id,
        symbols: &[SymbolId(0)],
        streams: &[],
        clock: FeedClock::Exchange,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
    };
    alone("pump from the store", real.len() * passes, 20.0, || {
        let mut feed = store.feed(choice, &table).expect("the recording is there");
        replay(&mut feed, 1, &strategies)
    });
}

/// Reports percentiles of the time from a tick in memory to all its outputs.
fn decisions(real: &[Record]) {
    let series = ticks(real, 1, 1);
    for (strategies, target) in [(1, 0.6), (100, 3.0)] {
        let table = Arc::new(SymbolTable::new(1, vec![spec()]));
        let defs = variants(strategies);
        let mut backtest = Driver::new(table, &defs, session(), VenueConfig::frictionless());
        let mut nothing = Ignore;
        let mut times: Vec<u64> = Vec::with_capacity(series.len());
        let mut chunk = Chunk::default();
        for tick in &series {
            chunk.clear();
            chunk.push(tick.at, tick.symbol, tick.kind);
            let start = Instant::now();
            backtest.tick(&chunk, &chunk.ticks()[0], &mut nothing);
            times.push(start.elapsed().as_nanos() as u64);
        }
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1_000.0;
        println!(
            "decision, {strategies:>3} strategies    p50 {:.3} µs, p99 {:.3} µs, p99.9 {:.3} µs, target p99 {target} µs (clock included)",
            at(0.5),
            at(0.99),
            at(0.999)
        );
    }
}

struct Ignore;

impl tradingd::session::driver::Recorder for Ignore {
    fn outputs(&mut self, out: &tradingd::engine::output::Outputs) {
        black_box::<&Vec<Decision>>(&out.decisions);
    }
}

fn main() {
    let real = load(1);
    println!("{}", real.label);
    let passes = if is_test() { 1 } else { 48 };
    workloads(&real.trades, 1);
    if !is_test() {
        workloads(&real.trades, passes);
    }
    many(&real.trades);
    mixed(&real.trades);
    from_store(&real.trades, passes);
    if wanted("decision") {
        decisions(&real.trades);
    }
}
