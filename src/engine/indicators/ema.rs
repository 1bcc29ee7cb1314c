//! Exponential moving average, on bars (seeded with the mean of the first n) or on every trade (seeded with the first).

use super::{Accepts, Channel, Indicator, Kind, Look, Missing, Param, Upstream, Value, number, unchecked};
use crate::domain::symbol::SymbolSpec;
use crate::engine::market::bars::ClosedBar;

/// `EMA(period)` on bars or trades.
pub static EMA: Kind = Kind {
    name: "EMA",
    about: "Exponential moving average of the close, or of every trade price",
    formula: "e += k·(p − e), k = 2/(period+1); seed = mean of the first n closes (bars) or the first price (trades)",
    unit: "price",
    needs: &[Channel::Price],
    range: None,
    params: &[
        Param { name: "period", accepts: Accepts::Count { default: 20, min: 1, max: 500 }, about: "bars or trades" },
        number("bar_seconds", 5.0, 1.0, 3_600.0, "length of a bar"),
        Param { name: "source", accepts: Accepts::Word(&["bars", "trades"]), about: "what is averaged" },
        Param {
            name: "min_trades",
            accepts: Accepts::Count { default: 1, min: 1, max: 100_000 },
            about: "trades before the first value (source trades)",
        },
    ],
    check: unchecked,
    build: |spec, wiring| {
        let period = spec.count("period");
        if spec.word("source") == "trades" {
            wiring.every_trade();
            return Box::new(TradeEma { k: smoothing(period), ema: 0.0, seen: 0, needed: spec.count("min_trades") as u64 });
        }
        wiring.bars(spec.number("bar_seconds") as u32);
        Box::new(BarEma(Ema::new(period)))
    },
};

fn smoothing(period: usize) -> f64 {
    2.0 / (period as f64 + 1.0)
}

struct TradeEma {
    k: f64,
    ema: f64,
    seen: u64,
    needed: u64,
}

impl Indicator for TradeEma {
    fn value(&mut self, _: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        if self.seen < self.needed { Err(Missing::WarmUp) } else { Ok(self.ema) }
    }

    #[inline]
    fn on_trade(&mut self, price: f64) {
        self.ema = if self.seen == 0 { price } else { self.ema + self.k * (price - self.ema) };
        self.seen += 1;
    }

    fn on_gap(&mut self) {
        self.seen = 0;
    }
}

struct BarEma(Ema);

impl Indicator for BarEma {
    fn value(&mut self, _: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.0.value()
    }

    fn on_bar(&mut self, bar: &ClosedBar, spec: &SymbolSpec) {
        self.0.push(spec.price_f64(bar.close));
    }

    fn on_gap(&mut self) {
        self.0 = Ema::new(self.0.period);
    }
}

/// An EMA seeded with the simple mean of its first `period` inputs, as a part of other formulas.
pub(super) struct Ema {
    period: usize,
    seen: usize,
    /// Sum while seeding, then the average.
    state: f64,
}

impl Ema {
    pub(super) fn new(period: usize) -> Self {
        Ema { period, seen: 0, state: 0.0 }
    }

    pub(super) fn push(&mut self, input: f64) {
        self.seen += 1;
        if self.seen < self.period {
            self.state += input;
        } else if self.seen == self.period {
            self.state = (self.state + input) / self.period as f64;
        } else {
            self.state += smoothing(self.period) * (input - self.state);
        }
    }

    pub(super) fn value(&self) -> Value {
        if self.seen < self.period { Err(Missing::WarmUp) } else { Ok(self.state) }
    }
}
