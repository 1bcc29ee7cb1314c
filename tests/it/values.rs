//! Every indicator type on the shipped trades, bit for bit: a value that moves by its last bit has moved.
//!
//! The hashes come from the engine as it was before it was made faster. They may change only with a formula,
//! and then decisions change too (`ENGINE_VERSION`).

use crate::input::{self, mix};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use tradingd::domain::event::{Bar, Gap, GapCause, Level, Market, Trade};
use tradingd::domain::num::{Price, Qty};
use tradingd::domain::strategy::{IndicatorSpec, ParamValue};
use tradingd::domain::symbol::SymbolSpec;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::engine::indicators::{ALL, IndicatorKind, IndicatorSet, Look, SlotId};
use tradingd::engine::market::MarketState;

/// Trades that are played: three minutes of the file.
const TRADES: usize = 9_000;

/// One symbol whose indicators are asked after every `every`-th event.
struct Asked {
    market: MarketState,
    set: IndicatorSet,
    slots: Vec<(&'static str, SlotId, Sha256)>,
    every: usize,
    events: usize,
    now: Timestamp,
}

/// The type with its defaults, and with windows a tenth and a fiftieth as long where that is allowed.
fn specs(kind: &IndicatorKind) -> Vec<IndicatorSpec> {
    let shorter = |part: f64, min_coverage: f64| {
        let mut spec = kind.spec(&[]);
        for (name, value) in &mut spec.params {
            match value {
                ParamValue::Number(number) if name == "min_coverage" => *number = min_coverage,
                ParamValue::Number(number) if name.starts_with('t') || name == "d" || name == "lookback" => {
                    *number = (*number * part).round().max(if *number == 0.0 { 0.0 } else { 1.0 });
                }
                _ => {}
            }
        }
        spec
    };
    let all = [(1.0, 0.0), (0.1, 1.0), (0.1, 0.5), (0.02, 0.3)];
    all.into_iter()
        .map(|(part, coverage)| shorter(part, coverage))
        .filter(|spec| (kind.check)(spec).is_none())
        .collect()
}

impl Asked {
    fn new(every: usize, now: Timestamp) -> Self {
        let (mut market, mut set) = (MarketState::default(), IndicatorSet::default());
        let mut slots = Vec::new();
        for kind in ALL {
            for spec in specs(kind) {
                slots.push((kind.name, set.intern(&spec, &mut market), Sha256::new()));
            }
        }
        Asked { market, set, slots, every, events: 0, now }
    }

    /// Lets time pass, then changes the market and asks everything where it is time to.
    fn happens(&mut self, spec: &SymbolSpec, at: Timestamp, change: impl FnOnce(&mut Self)) {
        while self.now.next_second() <= at {
            self.now = self.now.next_second();
            self.set.turn();
            self.set.close_bars(&mut self.market, self.now, spec);
            self.set.on_second(Look { now: self.now, spec, market: &self.market });
        }
        self.now = at;
        self.set.turn();
        self.set.close_bars(&mut self.market, at, spec);
        change(self);
        self.events += 1;
        if self.events.is_multiple_of(self.every) {
            let look = Look { now: at, spec, market: &self.market };
            for (_, slot, hash) in &mut self.slots {
                match self.set.value(*slot, look) {
                    Ok(value) => hash.update(value.to_bits().to_le_bytes()),
                    Err(why) => hash.update(why.as_str()),
                }
            }
        }
    }

    fn market(&mut self, spec: &SymbolSpec, at: Timestamp, market: &Market<'_>) {
        self.happens(spec, at, |asked| asked.market.apply(spec, at, market));
    }

    fn trade(&mut self, spec: &SymbolSpec, at: Timestamp, trade: Trade) {
        self.happens(spec, at, |asked| {
            asked.market.apply(spec, at, &Market::Trade(trade));
            asked.set.on_trade(spec.price_f64(trade.price));
        });
    }
}

/// Plays trades, a book now and then, a few bars and gaps.
fn play(asked: &mut Asked, trades: &[(Timestamp, Trade)]) {
    let spec = mix::spec();
    for (number, (at, trade)) in trades.iter().enumerate() {
        asked.trade(&spec, *at, *trade);
        if number % 7 == 0 {
            let level = |side: i64| Level {
                price: Price(trade.price.0 + side * (1 + number as i64 % 5)),
                qty: Qty(1_000 + (number as i64 * 37) % 900),
            };
            asked.market(&spec, *at, &Market::BookSnapshot { bids: &[level(-1)], asks: &[level(1)] });
        }
        if number % 1_700 == 1_699 {
            let near = |ticks: i64| Price(trade.price.0 + ticks);
            let (open, high, low, close) = (near(0), near(9), near(-4), near(2));
            let bar = Bar { open, high, low, close, volume: Qty(777), seconds: 1 };
            asked.market(&spec, *at, &Market::Bar(bar));
        }
        if number % 2_500 == 2_499 {
            let from = *at - Span::from_millis(1);
            asked.happens(&spec, *at, |asked| {
                asked.market.gap(Gap { from, to: *at, cause: GapCause::Disconnect });
                asked.set.on_gap();
            });
        }
    }
}

#[test]
fn every_value_has_the_same_bits_as_ever() {
    let trades = mix::trades(&input::read(&input::shipped()).unwrap()[..TRADES]);
    let mut now = Map::new();
    for every in [1, 211] {
        let mut asked = Asked::new(every, trades[0].0);
        play(&mut asked, &trades);
        for kind in ALL {
            let own = asked.slots.iter().filter(|(name, ..)| *name == kind.name);
            let all = own.fold(Sha256::new(), |all, (.., hash)| all.chain_update(hash.clone().finalize()));
            let hex: String = all.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            now.insert(format!("{}, asked at every {every}", kind.name), hex.into());
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/values.json");
    if std::env::var_os("TRADINGD_UPDATE").is_some() {
        std::fs::write(&path, format!("{:#}\n", json!(now))).unwrap();
    }
    let kept =
        std::fs::read_to_string(&path).expect("tests/golden/values.json: write it with TRADINGD_UPDATE=1");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    for (what, hash) in &now {
        assert_eq!(kept[what], *hash, "{what}: if a formula changed, write the file with TRADINGD_UPDATE=1");
    }
}
