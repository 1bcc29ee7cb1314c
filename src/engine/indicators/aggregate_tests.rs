//! Test vectors of bar indicators and windowed aggregates, run through market and indicator set as in a
//! session.

use super::{
    ALL, Accepts, IndicatorKind, IndicatorSet, Look, Missing, SlotId, Value, catalogue, channels, find,
};
use crate::domain::decimal::Decimal;
use crate::domain::event::{Gap, GapCause, Level, Market, Trade};
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::strategy::{IndicatorSpec, ParamValue};
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};
use crate::engine::market::MarketState;
use crate::engine::market::bars::BarSeries;
use std::collections::BTreeMap;

/// A time in seconds.
pub(super) fn seconds(at: f64) -> Timestamp {
    Timestamp::from_seconds(0) + Span::from_seconds_f64(at)
}

/// One symbol with its indicators: ticks of 0.01, lots of 1, contracts of 1.
pub(super) struct Bench {
    pub(super) spec: SymbolSpec,
    pub(super) market: MarketState,
    pub(super) set: IndicatorSet,
    pub(super) now: Timestamp,
}

impl Bench {
    pub(super) fn new() -> Self {
        let spec = SymbolSpec::new("X_USDT", Decimal::step(2).unwrap(), Decimal::ONE, Decimal::ONE).unwrap();
        Bench { spec, market: MarketState::default(), set: IndicatorSet::default(), now: seconds(0.0) }
    }

    pub(super) fn slot(&mut self, text: &str) -> SlotId {
        self.set.intern(&spec(text), &mut self.market)
    }

    pub(super) fn value(&mut self, slot: SlotId) -> Value {
        self.set.value(slot, Look { now: self.now, spec: &self.spec, market: &self.market })
    }

    /// Advances the clock to a time, through every whole second on the way.
    pub(super) fn to(&mut self, at: Timestamp) {
        while self.now.next_second() <= at {
            self.now = self.now.next_second();
            self.step();
            self.set.on_second(Look { now: self.now, spec: &self.spec, market: &self.market });
        }
        self.now = at;
        self.step();
    }

    fn step(&mut self) {
        self.set.turn();
        self.set.close_bars(&mut self.market, self.now, &self.spec);
    }

    pub(super) fn trade(&mut self, at: Timestamp, ticks: i64, lots: i64, taker: Side) {
        self.to(at);
        let price = Price(ticks);
        self.market.apply(&self.spec, at, &Market::Trade(Trade { price, qty: Qty(lots), taker }));
        if self.set.sees_every_trade() {
            self.set.on_trade(self.spec.price_f64(price));
        }
    }

    pub(super) fn book(&mut self, at: Timestamp, bid: (i64, i64), ask: (i64, i64)) {
        self.to(at);
        let level = |(price, qty): (i64, i64)| Level { price: Price(price), qty: Qty(qty) };
        self.market.apply(&self.spec, at, &Market::BookSnapshot { bids: &[level(bid)], asks: &[level(ask)] });
    }

    pub(super) fn gap(&mut self, from: Timestamp, to: Timestamp) {
        self.to(to);
        self.market.gap(Gap { from, to, cause: GapCause::Disconnect });
        self.set.on_gap();
    }

    /// The reference sequence of trades and books, up to T = 100.
    fn with_test_tape(mut self) -> Self {
        enum Step {
            Trade(i64, i64, Side),
            Book((i64, i64), (i64, i64)),
        }
        let (b, s) = (Side::Buy, Side::Sell);
        let steps = [
            (0, Step::Trade(1_000, 100, b)),
            (0, Step::Book((999, 1_000), (1_001, 1_000))),
            (20, Step::Trade(1_000, 50, s)),
            (40, Step::Trade(1_010, 80, b)),
            (55, Step::Trade(1_000, 70, s)),
            (60, Step::Book((1_000, 1_500), (1_002, 900))),
            (70, Step::Trade(1_020, 120, b)),
            (80, Step::Book((1_030, 1_600), (1_034, 600))),
            (85, Step::Trade(1_050, 300, b)),
            (90, Step::Book((1_060, 2_000), (1_066, 500))),
            (92, Step::Trade(1_080, 400, b)),
            (96, Step::Trade(1_100, 500, b)),
            (97, Step::Book((1_085, 900), (1_097, 1_100))),
            (98, Step::Trade(1_090, 200, s)),
        ];
        for (at, step) in steps {
            match step {
                Step::Trade(ticks, lots, side) => self.trade(Timestamp::from_seconds(at), ticks, lots, side),
                Step::Book(bid, ask) => self.book(Timestamp::from_seconds(at), bid, ask),
            }
        }
        self.to(Timestamp::from_seconds(100));
        self
    }

    /// One trade per price, each in its own bar of five seconds; all bars are closed.
    fn with_closes(mut self, closes: &[i64]) -> Self {
        for (k, ticks) in closes.iter().enumerate() {
            self.trade(Timestamp::from_seconds(5 * k as i64 + 1), *ticks, 1, Side::Buy);
        }
        self.to(Timestamp::from_seconds(5 * closes.len() as i64));
        self
    }
}

/// Parses `KIND name=value …`, fills in defaults and checks the bounds. An indicator is written
/// `KIND,name:value`.
pub(super) fn spec(text: &str) -> IndicatorSpec {
    let mut words = text.split(' ');
    let kind = find(words.next().unwrap()).unwrap_or_else(|| panic!("no such type: {text}"));
    let mut given: BTreeMap<&str, &str> = words.map(|word| word.split_once('=').unwrap()).collect();
    let params = kind
        .params
        .iter()
        .map(|param| (param.name.to_owned(), parameter(&param.accepts, given.remove(param.name))))
        .collect();
    assert!(given.is_empty(), "unknown parameters in {text}: {given:?}");
    let spec = IndicatorSpec { kind: kind.name.to_owned(), params };
    assert_eq!((kind.check)(&spec), None, "{text}");
    spec
}

fn parameter(accepts: &Accepts, given: Option<&str>) -> ParamValue {
    let number = |default: f64, min: f64, max: f64| {
        let value = given.map_or(default, |text| text.parse().unwrap());
        assert!((min..=max).contains(&value), "{value} is not in {min}..={max}");
        ParamValue::Number(value)
    };
    match accepts {
        Accepts::Number { default, min, max } => number(*default, *min, *max),
        Accepts::Count { default, min, max } => number(f64::from(*default), f64::from(*min), f64::from(*max)),
        Accepts::Flag(default) => ParamValue::Flag(given.map_or(*default, |text| text == "true")),
        Accepts::Word(words) => {
            let word = given.unwrap_or(words[0]);
            assert!(words.contains(&word), "{word} is not one of {words:?}");
            ParamValue::Word(word.to_owned())
        }
        Accepts::Windows(windows) => ParamValue::Windows(windows.to_vec()),
        Accepts::Indicator => {
            let inner = given.unwrap_or("TWPA,t1:10").replace(',', " ").replace(':', "=");
            ParamValue::Indicator(Box::new(spec(&inner)))
        }
    }
}

/// Checks a value to half a unit of the last printed digit.
fn assert_printed(what: &str, value: Value, printed: &str) {
    let expected: f64 = printed.parse().unwrap();
    let decimals = printed.split_once('.').map_or(0, |(_, digits)| digits.len() as i32);
    let value = value.unwrap_or_else(|missing| panic!("{what} is missing: {missing:?}"));
    // Vectors that end on a half (14.41 for 14.405) would otherwise depend on the last bit.
    let tolerance = 0.5 * 10_f64.powi(-decimals) + 1e-12;
    assert!((value - expected).abs() <= tolerance, "{what} = {value}, expected {printed}");
}

const TAPE_VECTORS: &[(&str, &str)] = &[
    ("VWAP t1=60", "10.738365"),
    ("PRICE_VS_VWAP_PCT t1=60", "1.505213"),
    ("FIRST_PRICE t1=30", "10.5"),
    ("LAST_PRICE t1=30", "10.9"),
    ("MAX_PRICE t1=30", "11.0"),
    ("MIN_PRICE t1=30", "10.5"),
    ("PRICE", "10.9"),
    ("VOLUME", "200"),
    ("BEST_BID", "10.85"),
    ("BEST_ASK", "10.97"),
    ("BID_QTY", "900"),
    ("ASK_QTY", "1100"),
    ("SUM_VOLUME t1=60", "1590"),
    ("COUNT_DEALS t1=60", "6"),
    ("AVG_VOLUME t1=60", "265"),
    ("AVERAGE_TRADE_SIZE t1=60", "265"),
    ("TRADE_FREQUENCY t1=60", "6"),
    ("TRADE_SIZE_MOMENTUM t1=30 t3=90 t4=30", "4.375"),
    ("VOLUME_CONCENTRATION short=30 long=90", "0.813953"),
    ("VOLUME_ACCELERATION t1=15 t3=90 t4=30", "2.5"),
    ("VOLUME_SURGE t1=30 t3=90 t4=30", "4.375"),
    ("VTWPA t1=30", "10.586957"),
    ("VELOCITY t1=30 t3=90 t4=60", "7.920792"),
    ("VELOCITY of=twpa t1=10 t3=60 t4=30", "7.462687"),
    ("VELOCITY_ACCELERATION short=30 long=90", "-2.906895"),
    ("MOMENTUM_STREAK period=20 lookback=5", "2"),
    ("DIRECTION_CONSISTENCY period=20 lookback=5", "0.333333"),
    ("AVG_BEST_BID t1=30", "10.325"),
    ("AVG_BEST_ASK t1=30", "10.371"),
    ("AVG_BID_QTY t1=30", "1590"),
    ("AVG_ASK_QTY t1=30", "726.6667"),
    ("TW_MIDPRICE t1=30", "10.348"),
    ("SPREAD_PERCENTAGE t1=30", "0.444530"),
    ("SPREAD_VOLATILITY t1=30", "0.259427"),
    ("TOTAL_LIQUIDITY t1=30", "2316.6667"),
    ("TOTAL_LIQUIDITY t1=30 notional=true", "23940.8667"),
    ("LIQUIDITY_RATIO t1=30 t3=100 t4=30", "1.163647"),
    ("MID_PRICE_VELOCITY t1=60", "7.216562"),
    ("DEAL_VS_MID_DEVIATION t1=30", "0.985698"),
    ("INTER_DEAL_INTERVALS t1=60", "7"),
    ("DECISION_DENSITY_ACCELERATION t1=30 t3=90 t4=30", "3.75"),
    ("TRADE_CLUSTERING_COEFFICIENT t1=60", "0.403461"),
    ("PRICE_VOLATILITY t1=60", "1.399163"),
    ("DEAL_SIZE_VOLATILITY t1=60", "0.572189"),
    ("VOLUME_PRICE_CORRELATION t1=60", "0.404596"),
    ("MAX_TWPA t1=30 source=TWPA,t1:10", "10.80"),
    ("MIN_TWPA t1=30 source=TWPA,t1:10", "10.02"),
];

#[test]
fn the_vectors_of_the_test_tape() {
    let mut bench = Bench::new();
    let slots: Vec<SlotId> = TAPE_VECTORS.iter().map(|(text, _)| bench.slot(text)).collect();
    let mut bench = bench.with_test_tape();
    for ((text, printed), slot) in TAPE_VECTORS.iter().zip(slots) {
        assert_printed(text, bench.value(slot), printed);
    }
}

#[test]
fn asking_at_every_event_gives_the_same() {
    let mut bench = Bench::new();
    let slots: Vec<SlotId> = TAPE_VECTORS.iter().map(|(text, _)| bench.slot(text)).collect();
    // Sampling reads its source on every whole second, so each slot moves step by step instead of at once.
    let sampled: Vec<SlotId> = TAPE_VECTORS
        .iter()
        .filter(|(text, _)| !text.contains("source"))
        .map(|(text, _)| {
            bench.slot(&format!("MAX_TWPA t1=1 source={}", text.replace(' ', ",").replace('=', ":")))
        })
        .collect();
    let mut bench = bench.with_test_tape();
    for ((text, printed), slot) in TAPE_VECTORS.iter().zip(slots) {
        assert_printed(text, bench.value(slot), printed);
    }
    let samples: Vec<f64> = sampled.into_iter().map(|slot| bench.value(slot).unwrap()).collect();
    assert_eq!(samples.len(), TAPE_VECTORS.len() - 2);
}

const CLOSES: [i64; 8] = [1_000, 1_010, 1_030, 1_020, 1_050, 1_080, 1_100, 1_090];

#[test]
fn the_vectors_of_the_closes() {
    let vectors = [
        ("SMA period=5", "10.68"),
        ("EMA period=3", "10.841667"),
        ("EMA period=5", "10.705926"),
        ("EMA period=3 source=trades", "10.842969"),
        ("EMA_SPREAD_PCT fast=3 slow=5", "1.267903"),
        ("MACD fast=3 slow=5 signal=2", "0.135741"),
        ("MACD fast=3 slow=5 signal=2 output=signal", "0.144074"),
        ("MACD fast=3 slow=5 signal=2 output=hist", "-0.008333"),
        ("RSI period=5", "81.777778"),
        ("BOLLINGER_BANDS period=5 output=lower", "10.094850"),
        ("BOLLINGER_BANDS period=5 output=mid", "10.68"),
        ("BOLLINGER_BANDS period=5 output=upper", "11.265150"),
        ("BOLLINGER_BANDS period=5 output=percent_b", "0.687986"),
        ("BOLLINGER_BANDS period=5 output=width", "0.109579"),
    ];
    let mut bench = Bench::new();
    let slots: Vec<SlotId> = vectors.iter().map(|(text, _)| bench.slot(text)).collect();
    let mut bench = bench.with_closes(&CLOSES);
    for ((text, printed), slot) in vectors.iter().zip(slots) {
        assert_printed(text, bench.value(slot), printed);
    }
}

#[test]
fn wilder_rsi_bar_by_bar_and_cutler_on_the_tape_prices() {
    for (bars, printed) in [(6, "90"), (7, "92"), (8, "81.777778")] {
        let mut bench = Bench::new();
        let slot = bench.slot("RSI period=5");
        let mut bench = bench.with_closes(&CLOSES[..bars]);
        assert_printed("RSI", bench.value(slot), printed);
    }
    let mut bench = Bench::new();
    let slot = bench.slot("RSI period=5 method=cutler t1=60");
    let mut bench = bench.with_closes(&[1_000, 1_000, 1_010, 1_000, 1_020, 1_050, 1_080, 1_100, 1_090]);
    assert_printed("RSI", bench.value(slot), "90.909091");
}

#[test]
fn rsi_of_a_flat_market_is_fifty_and_of_only_rises_a_hundred() {
    for method in ["wilder", "cutler"] {
        for (closes, expected) in
            [([1_000; 4], 50.0), ([1_000, 1_001, 1_002, 1_003], 100.0), ([1_003, 1_002, 1_001, 1_000], 0.0)]
        {
            let mut bench = Bench::new();
            let slot = bench.slot(&format!("RSI period=3 method={method}"));
            assert_eq!(bench.with_closes(&closes).value(slot), Ok(expected));
        }
    }
}

#[test]
fn the_vector_of_true_ranges() {
    let bars = [
        [1_000, 1_020, 990, 1_010],
        [1_010, 1_040, 1_000, 1_030],
        [1_030, 1_035, 1_010, 1_020],
        [1_020, 1_060, 1_015, 1_050],
        [1_050, 1_100, 1_045, 1_090],
    ];
    let mut bench = Bench::new();
    let slot = bench.slot("ATR period=3");
    for (k, prices) in bars.iter().enumerate() {
        for (i, ticks) in prices.iter().enumerate() {
            bench.trade(Timestamp::from_seconds(5 * k as i64 + i as i64), *ticks, 1, Side::Buy);
        }
    }
    bench.to(seconds(25.0));
    assert_printed("ATR", bench.value(slot), "0.424074");
}

#[test]
fn twenty_second_bars_of_the_tape() {
    let mut bars = BarSeries::new(20);
    let mut closed = Vec::new();
    for (at, ticks, lots) in [
        (0, 1_000, 100),
        (20, 1_000, 50),
        (40, 1_010, 80),
        (55, 1_000, 70),
        (70, 1_020, 120),
        (85, 1_050, 300),
        (92, 1_080, 400),
        (96, 1_100, 500),
        (98, 1_090, 200),
    ] {
        let at = Timestamp::from_seconds(at);
        bars.close_until(at, |bar| closed.push(*bar));
        bars.trade(at, Price(ticks), Qty(lots));
    }
    bars.close_until(seconds(100.0), |bar| closed.push(*bar));
    let shown: Vec<_> = closed
        .iter()
        .map(|bar| (bar.end.seconds(), bar.open.0, bar.high.0, bar.low.0, bar.close.0, bar.volume.0))
        .collect();
    assert_eq!(
        shown,
        [
            (20, 1_000, 1_000, 1_000, 1_000, 100),
            (40, 1_000, 1_000, 1_000, 1_000, 50),
            (60, 1_010, 1_010, 1_000, 1_000, 150),
            (80, 1_020, 1_020, 1_020, 1_020, 120),
            (100, 1_050, 1_100, 1_050, 1_090, 1_400),
        ]
    );
}

#[test]
fn empty_bars_repeat_the_close() {
    let mut bench = Bench::new();
    let (sma, atr) = (bench.slot("SMA period=3"), bench.slot("ATR period=3"));
    bench.trade(seconds(1.0), 1_000, 1, Side::Buy);
    bench.trade(seconds(2.0), 1_060, 1, Side::Buy);
    bench.to(seconds(14.999));
    assert_eq!(bench.value(sma), Err(Missing::WarmUp));
    bench.to(seconds(15.0));
    assert_eq!((bench.value(sma), bench.value(atr)), (Ok(10.6), Ok(0.2)));
}

#[test]
fn a_gap_restarts_bar_indicators_and_names_itself() {
    let mut bench = Bench::new();
    let texts = [
        "SMA period=3",
        "EMA period=3",
        "RSI period=2",
        "RSI period=2 method=cutler",
        "ATR period=3",
        "EMA source=trades period=3",
    ];
    let slots = texts.map(|text| bench.slot(text));
    let mut bench = bench.with_closes(&CLOSES);
    for slot in slots {
        assert!(bench.value(slot).is_ok());
    }
    bench.gap(seconds(40.0), seconds(52.0));
    for slot in slots {
        assert_eq!(bench.value(slot), Err(Missing::Gap));
    }
    for (at, ticks) in [(53.0, 2_000), (56.0, 2_010), (61.0, 2_020)] {
        bench.trade(seconds(at), ticks, 1, Side::Buy);
    }
    assert_eq!(bench.value(slots[0]), Err(Missing::Gap), "two closed bars are not three");
    bench.to(seconds(65.0));
    assert_eq!(bench.value(slots[0]), Ok(20.1));
    assert_eq!(bench.value(slots[1]), Ok(20.1));
    assert_eq!((bench.value(slots[2]), bench.value(slots[3])), (Ok(100.0), Ok(100.0)));
}

#[test]
fn the_first_bar_after_a_gap_keeps_its_high_and_low_even_when_the_bar_before_was_empty() {
    let mut bars = BarSeries::new(5);
    bars.trade(seconds(1.0), Price(100), Qty(1));
    bars.close_until(seconds(6.0), |_| ());
    bars.interrupt();
    for ticks in [100, 90, 110] {
        bars.trade(seconds(11.0), Price(ticks), Qty(1));
    }
    let bar = bars.forming().unwrap();
    assert_eq!((bar.open, bar.high, bar.low, bar.close), (Price(100), Price(110), Price(90), Price(110)));
}

#[test]
fn live_counts_the_forming_bar_as_if_it_had_closed() {
    let mut bench = Bench::new();
    let kinds = [
        "SMA period=5",
        "EMA period=3",
        "MACD fast=2 slow=3 signal=2",
        "RSI period=5",
        "RSI period=5 method=cutler",
        "ATR period=3",
    ];
    let bands = ["lower", "upper", "percent_b"].map(|line| format!("BOLLINGER_BANDS period=5 output={line}"));
    let texts: Vec<&str> = kinds.into_iter().chain(bands.iter().map(String::as_str)).collect();
    let slots: Vec<_> =
        texts.iter().map(|text| (bench.slot(text), bench.slot(&format!("{text} live=true")))).collect();
    let mut bench = bench.with_closes(&CLOSES);
    bench.trade(seconds(41.0), 1_150, 1, Side::Buy);
    let live: Vec<Value> = slots.iter().map(|(_, live)| bench.value(*live)).collect();
    for (index, (closed, _)) in slots.iter().enumerate() {
        assert_ne!(bench.value(*closed), live[index], "{}", texts[index]);
    }
    bench.to(seconds(45.0));
    for (index, (closed, _)) in slots.iter().enumerate() {
        assert_eq!(bench.value(*closed), live[index], "{}", texts[index]);
    }
}

#[test]
fn missing_has_the_right_reason() {
    let mut bench = Bench::new();
    bench.to(seconds(0.0));
    let reasons = [
        ("PRICE", Missing::WarmUp),
        ("VWAP", Missing::WarmUp),
        ("BEST_BID", Missing::NoBook),
        ("AVG_BEST_BID", Missing::NoBook),
        ("MAX_TWPA", Missing::WarmUp),
        ("MOMENTUM_STREAK", Missing::WarmUp),
        ("INTER_DEAL_INTERVALS", Missing::WarmUp),
    ];
    for (text, reason) in reasons {
        let slot = bench.slot(text);
        assert_eq!(bench.value(slot), Err(reason), "{text}");
    }
    // Everything is wired before the first event.
    let later = [
        ("VWAP t1=10", Missing::EmptyWindow),
        ("VTWPA t1=10 t2=5", Missing::EmptyWindow),
        ("AVG_VOLUME t1=10", Missing::EmptyWindow),
        ("FIRST_PRICE t1=10", Missing::EmptyWindow),
        ("INTER_DEAL_INTERVALS t1=50", Missing::TooFew),
        ("PRICE_VOLATILITY t1=50", Missing::TooFew),
        ("TRADE_CLUSTERING_COEFFICIENT t1=50", Missing::TooFew),
        ("DEAL_SIZE_VOLATILITY t1=50", Missing::TooFew),
        ("VOLUME_PRICE_CORRELATION t1=50", Missing::TooFew),
        ("DIRECTION_CONSISTENCY period=5 lookback=2", Missing::TooFew),
        ("TRADE_SIZE_MOMENTUM t1=5 t3=20 t4=10", Missing::EmptyWindow),
        ("VOLUME_SURGE t1=5 t3=20 t4=10", Missing::ZeroDenominator),
        ("VOLUME_CONCENTRATION short=5 long=20", Missing::ZeroDenominator),
        ("SUM_VOLUME t1=100", Missing::WarmUp),
        ("VELOCITY t1=30 t3=100 t4=60", Missing::WarmUp),
        ("BOLLINGER_BANDS period=3 output=percent_b", Missing::ZeroDenominator),
    ];
    let slots = later.map(|(text, _)| bench.slot(text));
    let sum = bench.slot("SUM_VOLUME t1=10");
    let (price, gapped) = (bench.slot("PRICE"), bench.slot("SUM_VOLUME t1=20"));
    bench.trade(seconds(10.0), 1_000, 0, Side::Buy);
    bench.trade(seconds(60.0), 1_000, 0, Side::Buy);
    bench.to(seconds(90.0));
    for (slot, (text, reason)) in slots.into_iter().zip(later) {
        assert_eq!(bench.value(slot), Err(reason), "{text}");
    }
    assert_eq!(bench.value(sum), Ok(0.0), "an empty window has no volume");
    bench.gap(seconds(91.0), seconds(95.0));
    assert_eq!((bench.value(price), bench.value(gapped)), (Err(Missing::Gap), Err(Missing::Gap)));
}

#[test]
fn prices_inside_a_bar_recording_are_seen_but_not_counted() {
    let mut bench = Bench::new();
    let slots =
        ["FIRST_PRICE t1=60 min_coverage=0", "MAX_PRICE t1=60 min_coverage=0", "VWAP t1=60 min_coverage=0"]
            .map(|text| bench.slot(text));
    bench.to(seconds(60.0));
    let bar = crate::domain::event::Bar {
        open: Price(1_000),
        high: Price(1_100),
        low: Price(990),
        close: Price(1_050),
        volume: Qty(7),
        seconds: 60,
    };
    bench.market.apply(&bench.spec, bench.now, &Market::Bar(bar));
    assert_eq!(slots.map(|slot| bench.value(slot)), [Ok(10.0), Ok(11.0), Ok(10.5)]);
}

#[test]
fn the_catalogue_is_complete_and_its_defaults_are_legal() {
    let entries = catalogue();
    assert_eq!(entries.len(), ALL.len());
    let names: std::collections::BTreeSet<_> = entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(names.len(), ALL.len(), "names are unique");
    for (entry, kind) in entries.iter().zip(ALL) {
        let name = entry.kind;
        assert!(name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'), "{name}");
        assert!(
            !entry.about.is_empty()
                && !entry.formula.is_empty()
                && !entry.unit.is_empty()
                && !entry.needs.is_empty(),
            "{name}"
        );
        assert!(entry.range.is_none_or(|(low, high)| low < high), "{name}");
        let params: std::collections::BTreeSet<_> = entry.params.iter().map(|param| param.name).collect();
        assert_eq!(params.len(), entry.params.len(), "{name} has a parameter twice");
        for param in kind.params {
            assert!(!param.about.is_empty() && is_sensible(&param.accepts), "{name}.{}", param.name);
        }
        if params.contains("t1") && params.contains("t2") && name != "SPREAD_PCT" {
            assert!(params.contains("min_coverage"), "{name} has a window without min_coverage");
        }
        // Panics on a default that is out of bounds or refused by the type's own check.
        spec(name);
        every_value_of_a_new_market_is_missing(kind);
    }
}

fn is_sensible(accepts: &Accepts) -> bool {
    match accepts {
        Accepts::Number { default, min, max } => {
            min <= default && default <= max && min < max && max.is_finite()
        }
        Accepts::Count { default, min, max } => min <= default && default <= max && min < max,
        Accepts::Flag(_) | Accepts::Indicator => true,
        Accepts::Word(words) => !words.is_empty() && words.iter().all(|word| !word.is_empty()),
        Accepts::Windows(windows) => windows.len() > 1,
    }
}

fn every_value_of_a_new_market_is_missing(kind: &IndicatorKind) {
    let mut bench = Bench::new();
    let slot = bench.slot(kind.name);
    assert!(bench.value(slot).is_err(), "{} made a number of nothing", kind.name);
    bench.to(seconds(3.0));
    bench.gap(seconds(3.0), seconds(5.0));
    assert!(bench.value(slot).is_err(), "{} made a number of nothing", kind.name);
}

#[test]
fn every_name_of_the_reference_is_there() {
    for (text, _) in TAPE_VECTORS {
        assert!(find(text.split(' ').next().unwrap()).is_some());
    }
    assert!(find("no_such_type").is_none() && find("twpa").is_some());
}

#[test]
fn needs_follow_the_source() {
    use super::DataKind::{Book, Price, Trades};
    let needs = |text: &str| channels(&spec(text)).into_iter().collect::<Vec<_>>();
    assert_eq!(needs("MAX_TWPA"), [Price]);
    assert_eq!(needs("MAX_TWPA source=SPREAD_PCT"), [Price, Book]);
    assert_eq!(needs("MIN_TWPA source=COUNT_DEALS"), [Price, Trades]);
    assert_eq!((needs("VELOCITY"), needs("VELOCITY of=mid")), (vec![Price], vec![Price, Book]));
}
