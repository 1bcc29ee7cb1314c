//! What a session of many coins is like: ten symbols whose trades come at different times, strategies that
//! look at every trade, every 100 or 200 ms, with and without the clock, orders that act at once or one
//! latency later.

use std::sync::Arc;
use tradingd::document::strategy;
use tradingd::domain::decimal::Decimal;
use tradingd::domain::event::Trade;
use tradingd::domain::num::{Money, Price, Qty};
use tradingd::domain::record::{Record, RecordBody};
use tradingd::domain::strategy::StrategyDef;
use tradingd::domain::symbol::{SymbolId, SymbolSpec};
use tradingd::domain::time::{Span, Timestamp};
use tradingd::engine::account::SessionConfig;
use tradingd::engine::risk::RiskLimits;
use tradingd::session::ports::{Chunk, Feed, FeedError, Tick, TickKind};
use tradingd::sim::VenueConfig;

/// The reference workloads.
pub const WORKLOADS: [(&str, &str); 3] = [
    ("noop", include_str!("../workloads/noop.json")),
    ("ema", include_str!("../workloads/ema.json")),
    ("pump", include_str!("../workloads/pump.json")),
];

/// Symbols of the mix.
pub const SYMBOLS: u32 = 10;

/// By how much later than the one before each symbol of the mix sees the same trades.
const SHIFT: Span = Span::from_millis(37);

/// A strategy from its document.
pub fn definition(id: &str, text: &str) -> StrategyDef {
    strategy::parse(text.as_bytes()).expect("the workloads are valid documents").0.compile(id, 1)
}

/// A built-in strategy.
pub fn built_in(id: &str) -> StrategyDef {
    let found = strategy::builtin().into_iter().find(|(known, _)| *known == id);
    definition(id, found.expect("it is built in").1)
}

/// The contract of the series.
pub fn spec() -> SymbolSpec {
    let step = |text: &[u8]| Decimal::parse(text).expect("a literal");
    SymbolSpec::new("BTCUSDT", step(b"0.1"), step(b"0.001"), Decimal::ONE).expect("steps of the file")
}

/// The trades of the series in ticks and lots.
pub fn trades(records: &[Record]) -> Vec<(Timestamp, Trade)> {
    let spec = spec();
    let trade = |record: &Record| {
        let RecordBody::Trade { price, quantity, taker, .. } = record.body else { return None };
        let price = Price(price.in_steps_of(spec.price_step).expect("prices of the file are in its ticks"));
        let qty =
            Qty(quantity.in_steps_of(spec.quantity_step).expect("quantities of the file are in its lots"));
        Some((record.exchange_at, Trade { price, qty, taker }))
    };
    records.iter().filter_map(trade).collect()
}

/// The series on every symbol of the mix, in the order of times.
pub fn series(records: &[Record]) -> Vec<Tick> {
    let trades = trades(records);
    let shifted = |symbol: u32| {
        let late = Span::from_nanos(SHIFT.nanos() * i64::from(symbol));
        trades.iter().map(move |(at, trade)| Tick {
            at: *at + late,
            symbol: SymbolId(symbol),
            kind: TickKind::Trade(*trade),
        })
    };
    let mut ticks: Vec<Tick> = (0..SYMBOLS).flat_map(shifted).collect();
    ticks.sort_by_key(|tick| (tick.at, tick.symbol.index()));
    ticks
}

/// `pump` with a look at every trade, every 100 and every 200 ms, each with and without the clock; `ema`;
/// `pump_v2`.
pub fn strategies() -> Vec<Arc<StrategyDef>> {
    let looks = [0, 100, 200].into_iter().flat_map(|millis| [(millis, false), (millis, true)]);
    let pumps = looks.map(|(millis, on_clock)| {
        let mut def = definition(&format!("pump_{millis}_{on_clock}"), WORKLOADS[2].1);
        def.evaluation.entry_min_interval = Span::from_millis(millis);
        def.evaluation.on_clock = on_clock;
        def
    });
    pumps.chain([definition("ema", WORKLOADS[1].1), built_in("pump_v2")]).map(Arc::new).collect()
}

/// A session without limits.
pub fn session() -> SessionConfig {
    SessionConfig {
        risk: RiskLimits::none(),
        assumed_spread_pct: 0.0,
        initial_balance: Money::from_units(1_000_000_000),
        ..SessionConfig::default()
    }
}

/// The venue of the mix: fills at once, or with latency, jitter, spread and fees as they are by default.
pub fn venue(latency: bool) -> VenueConfig {
    if latency { VenueConfig::default() } else { VenueConfig::frictionless() }
}

/// Feed of ticks in memory.
pub struct Memory<'a> {
    /// What is left.
    pub ticks: &'a [Tick],
    /// Ticks per chunk.
    pub chunk: usize,
}

impl Feed for Memory<'_> {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        chunk.clear();
        let (now, later) = self.ticks.split_at(self.ticks.len().min(self.chunk));
        for tick in now {
            chunk.push(tick.at, tick.symbol, tick.kind);
        }
        self.ticks = later;
        Ok(!now.is_empty())
    }
}
