//! What does a tick cost in the market state and in the indicators of a pump rule evaluated on every tick?
//!
//! Budget: 25 ns per tick on one core in total, so that a strategy evaluated on every tick can replay 20
//! million ticks per second with another 25 ns for the strategy itself. Input: a random walk of one symbol
//! with 60 trades per second; medians of several runs. `cargo bench --bench indicators`.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;
use tradingd::domain::decimal::Decimal;
use tradingd::domain::event::{Market, Trade};
use tradingd::domain::num::{Price, Qty};
use tradingd::domain::order::Side;
use tradingd::domain::strategy::{IndicatorSpec, ParamValue};
use tradingd::domain::symbol::SymbolSpec;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::engine::indicators::{IndicatorSet, Look, find};
use tradingd::engine::market::MarketState;
use tradingd::engine::market::tape::Needs;

/// Large, because the system measures a thread's time in steps of milliseconds.
const TICKS: usize = 3_000_000;
const RUNS: usize = 5;
const BUDGET_NS: f64 = 25.0;
const ALL_SUMS: Needs = Needs::VOLUME.and(Needs::VALUE).and(Needs::PRICES);

fn main() {
    let spec = SymbolSpec::new("BTC_USDT", decimal("0.1"), decimal("1"), decimal("0.0001"))
        .expect("steps are exact");
    let ticks = random_walk();
    println!("{TICKS} ticks, 60 a second, median of {RUNS} runs");
    let range = number("PRICE_RANGE_PCT", &[("t1", 60.0)]);
    let position = number("RANGE_POSITION_PCT", &[("t1", 60.0)]);
    let mut spike = number("VOLUME_SPIKE_RATIO", &[("t1", 30.0), ("t2", 0.0), ("t3", 60.0), ("t4", 30.0)]);
    spike.params.insert("method".to_owned(), ParamValue::Word("rate".to_owned()));

    row("push, nobody reads", &spec, &ticks, &[], 0.0);
    row("push, 60 s kept", &spec, &ticks, &[], 60.0);
    row("PRICE_RANGE_PCT(60)", &spec, &ticks, std::slice::from_ref(&range), 60.0);
    row("VOLUME_SPIKE_RATIO(30,0,60,30) rate", &spec, &ticks, std::slice::from_ref(&spike), 60.0);
    let all = row("both and RANGE_POSITION_PCT(60)", &spec, &ticks, &[range, spike, position], 60.0);
    let limit = row("limit: the same rule written by hand over plain queues", &spec, &ticks, &[], BY_HAND);
    let verdict = if all <= BUDGET_NS { "kept" } else { "broken" };
    println!("budget {BUDGET_NS} ns: {verdict}; {:.2} times the rule by hand", all / limit);

    println!("\nothers, each alone");
    for (kind, params) in [
        ("TWPA", &[("t1", 60.0)][..]),
        ("PRICE_VELOCITY", &[]),
        ("VELOCITY_CASCADE", &[]),
        ("VOLUME_SURGE_RATIO", &[]),
        ("ORDER_FLOW_IMBALANCE", &[]),
        ("RUSH_ORDER_COUNT", &[]),
        ("PRICE_VS_MEDIAN_PCT", &[]),
        ("PRICE_VS_MEDIAN_PCT", &[("t1", 43_200.0)]),
        ("RETRACEMENT_OF_PUMP_PCT", &[]),
    ] {
        row(&format!("{kind} {params:?}"), &spec, &ticks, &[number(kind, params)], 0.0);
    }
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).expect("a constant")
}

fn number(kind: &str, params: &[(&str, f64)]) -> IndicatorSpec {
    find(kind).expect("a registered type").numbers(params)
}

/// Trades with their times: 60 per second on average, prices a random walk around 60,000.0.
fn random_walk() -> Vec<(Timestamp, Trade)> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut at, mut price) = (Timestamp::from_seconds(1_700_000_000), 600_000);
    let mut next = || {
        let bits = random();
        at = at + Span::from_nanos((bits % 33_333_333) as i64);
        price += (bits >> 32) as i64 % 7 - 3;
        let taker = if bits >> 60 & 1 == 0 { Side::Buy } else { Side::Sell };
        (at, Trade { price: Price(price), qty: Qty(1 + (bits >> 40) as i64 % 500), taker })
    };
    (0..TICKS).map(|_| next()).collect()
}

/// Prints and returns the median nanoseconds per tick.
fn row(
    name: &str,
    spec: &SymbolSpec,
    ticks: &[(Timestamp, Trade)],
    asked: &[IndicatorSpec],
    keep_seconds: f64,
) -> f64 {
    // A word after `--` selects the rows that contain it.
    if std::env::args().skip(1).any(|word| !word.starts_with('-') && !name.contains(&word)) {
        return f64::NAN;
    }
    let mut runs: Vec<f64> = (0..RUNS).map(|_| run(spec, ticks, asked, keep_seconds)).collect();
    runs.sort_by(f64::total_cmp);
    let median = runs[RUNS / 2];
    println!("{median:>9.1} ns/tick  {name}  (fastest {:.1})", runs[0]);
    median
}

fn run(spec: &SymbolSpec, ticks: &[(Timestamp, Trade)], asked: &[IndicatorSpec], keep_seconds: f64) -> f64 {
    if keep_seconds == BY_HAND {
        return by_hand(ticks);
    }
    let (mut market, mut set) = (MarketState::default(), IndicatorSet::default());
    if keep_seconds > 0.0 {
        market.tape.keep(Span::from_seconds_f64(keep_seconds), ALL_SUMS);
    }
    let slots: Vec<_> = asked.iter().map(|spec| set.intern(spec, &mut market)).collect();
    let start = nanos_on_cpu();
    let mut sum = 0.0;
    for (now, trade) in ticks {
        set.turn();
        set.close_bars(&mut market, *now, spec);
        market.apply(spec, *now, &Market::Trade(*trade));
        if set.sees_every_trade() {
            set.on_trade(spec.price_f64(trade.price));
        }
        let look = Look { now: *now, spec, market: &market };
        for slot in &slots {
            sum += set.value(*slot, look).unwrap_or(0.0);
        }
    }
    let nanos = nanos_on_cpu() - start;
    black_box(sum);
    nanos / ticks.len() as f64
}

/// Special value of `keep_seconds`: measure [`by_hand`] instead.
const BY_HAND: f64 = -1.0;

/// Hand-written equivalent: highest and lowest price of 60 s by monotonic queues, volumes of the last 30 s
/// and of the 30 s before by moving sums.
fn by_hand(ticks: &[(Timestamp, Trade)]) -> f64 {
    let start = nanos_on_cpu();
    let (mut highest, mut lowest) =
        (VecDeque::<(Timestamp, i64)>::new(), VecDeque::<(Timestamp, i64)>::new());
    let (mut middle, mut oldest, mut new_volume, mut old_volume) = (0, 0, 0, 0);
    let mut sum = 0.0;
    for (now, trade) in ticks {
        let price = trade.price.0;
        let (minute, half) = (*now - Span::from_seconds(60), *now - Span::from_seconds(30));
        while highest.back().is_some_and(|(_, other)| *other <= price) {
            highest.pop_back();
        }
        highest.push_back((*now, price));
        while lowest.back().is_some_and(|(_, other)| *other >= price) {
            lowest.pop_back();
        }
        lowest.push_back((*now, price));
        while highest.front().is_some_and(|(at, _)| *at <= minute) {
            highest.pop_front();
        }
        while lowest.front().is_some_and(|(at, _)| *at <= minute) {
            lowest.pop_front();
        }
        new_volume += trade.qty.0;
        while ticks[middle].0 <= half {
            new_volume -= ticks[middle].1.qty.0;
            old_volume += ticks[middle].1.qty.0;
            middle += 1;
        }
        while ticks[oldest].0 <= minute {
            old_volume -= ticks[oldest].1.qty.0;
            oldest += 1;
        }
        let (low, high) = (lowest[0].1 as f64, highest[0].1 as f64);
        sum += 100.0 * (high - low) / low
            + (price as f64 - low) / (high - low).max(1.0)
            + new_volume as f64 / old_volume.max(1) as f64;
    }
    let nanos = nanos_on_cpu() - start;
    black_box(sum);
    nanos / ticks.len() as f64
}

/// Processor time of this thread, so that a busy machine does not distort it; elapsed time where unavailable.
fn nanos_on_cpu() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let elapsed = START.elapsed().as_nanos() as f64;
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    stat.and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(elapsed)
}
