//! Exponential moving averages on bars (seeded with the mean of the first n closes) or on trades (seeded with
//! the first price).

use super::on_bars::{BAR_SECONDS, BarFormula, LIVE, OnBars, period};
use super::{Accepts, DataKind, Indicator, IndicatorKind, Look, Missing, Param, Upstream, Value, ratio};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;
use crate::engine::market::bars::ClosedBar;

/// `EMA(period)` on bars or trades.
pub static EMA: IndicatorKind = IndicatorKind {
    name: "EMA",
    about: "Exponential moving average of the close, or of every trade price",
    formula: "e += k·(p − e), k = 2/(period+1); seed = mean of the first n closes (bars) or the first price (trades)",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        Param {
            name: "period",
            accepts: Accepts::Count { default: 20, min: 1, max: 500 },
            about: "bars or trades",
        },
        BAR_SECONDS,
        LIVE,
        Param { name: "source", accepts: Accepts::Word(&["bars", "trades"]), about: "what is averaged" },
        Param {
            name: "min_trades",
            accepts: Accepts::Count { default: 1, min: 1, max: 100_000 },
            about: "trades before the first value (source trades)",
        },
    ],
    check: |spec| {
        (spec.word("source") == "trades" && spec.flag("live"))
            .then(|| "live is about bars: with source trades every value is already the newest".to_owned())
    },
    build: |spec, wiring| {
        let period = spec.count("period");
        if spec.word("source") == "trades" {
            wiring.every_trade();
            let needed = spec.count("min_trades") as u64;
            return Box::new(TradeEma { k: smoothing(period), ema: 0.0, seen: 0, needed, restarted: false });
        }
        OnBars::boxed(BarEma(Ema::new(period)), spec, wiring)
    },
};

/// Percent between a fast and a slow EMA.
pub static EMA_SPREAD_PCT: IndicatorKind = IndicatorKind {
    name: "EMA_SPREAD_PCT",
    about: "How far the fast average is above the slow one",
    formula: "100·(EMA(fast) − EMA(slow))/EMA(slow)",
    unit: "%",
    needs: &[DataKind::Price],
    range: None,
    params: &[period("fast", 9, 1, 500), period("slow", 21, 2, 500), BAR_SECONDS, LIVE],
    check: fast_below_slow,
    build: |spec, wiring| OnBars::boxed(EmaSpread(EmaPair::new(spec)), spec, wiring),
};

/// Checks that fast < slow.
pub(super) fn fast_below_slow(spec: &IndicatorSpec) -> Option<String> {
    (spec.number("fast") >= spec.number("slow")).then(|| "fast must be less than slow".to_owned())
}

fn smoothing(period: usize) -> f64 {
    2.0 / (period as f64 + 1.0)
}

struct TradeEma {
    k: f64,
    ema: f64,
    seen: u64,
    needed: u64,
    restarted: bool,
}

saved!(TradeEma { ema, seen, restarted } fixed { k, needed });

impl Indicator for TradeEma {
    fn value(&mut self, _: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        match self.seen < self.needed {
            true if self.restarted => Err(Missing::Gap),
            true => Err(Missing::WarmUp),
            false => Ok(self.ema),
        }
    }

    #[inline]
    fn on_trade(&mut self, price: f64) {
        self.ema = if self.seen == 0 { price } else { self.ema + self.k * (price - self.ema) };
        self.seen += 1;
    }

    fn foresee(&self, prices: &[f64], values: &mut [f64]) -> bool {
        let mut ema = self.ema;
        for (price, value) in prices.iter().zip(values) {
            ema += self.k * (price - ema);
            *value = ema;
        }
        // The first price is the seed, and there is no value before `needed` of them.
        self.seen >= self.needed.max(1)
    }

    fn take_foreseen(&mut self, values: &[f64]) {
        if let Some(last) = values.last() {
            self.ema = *last;
            self.seen += values.len() as u64;
        }
    }

    fn on_gap(&mut self) {
        self.seen = 0;
        self.restarted = true;
    }
}

struct BarEma(Ema);

saved!(BarEma { 0 });

impl BarFormula for BarEma {
    fn push(&mut self, bar: &ClosedBar) {
        self.0.push(bar.close.0 as f64);
    }

    fn read(&self, forming: Option<&ClosedBar>, look: &Look<'_>) -> Value {
        self.0.with(forming.map(|bar| bar.close.0 as f64))?.value().map(|ticks| look.price(ticks))
    }

    fn restart(&mut self) {
        self.0.restart();
    }
}

struct EmaSpread(EmaPair);

saved!(EmaSpread { 0 });

impl BarFormula for EmaSpread {
    fn push(&mut self, bar: &ClosedBar) {
        self.0.push(bar);
    }

    fn read(&self, forming: Option<&ClosedBar>, _: &Look<'_>) -> Value {
        let (fast, slow) = self.0.read(forming)?;
        ratio(100.0 * (fast - slow), slow)
    }

    fn restart(&mut self) {
        self.0.restart();
    }
}

/// A fast and a slow EMA of the close, in ticks.
#[derive(Clone, Copy)]
pub(super) struct EmaPair {
    fast: Ema,
    slow: Ema,
}

saved!(EmaPair { fast, slow });

impl EmaPair {
    /// A pair with the spec's `fast` and `slow` periods.
    pub(super) fn new(spec: &IndicatorSpec) -> Self {
        EmaPair { fast: Ema::new(spec.count("fast")), slow: Ema::new(spec.count("slow")) }
    }

    /// Adds a closed bar.
    pub(super) fn push(&mut self, bar: &ClosedBar) {
        self.fast.push(bar.close.0 as f64);
        self.slow.push(bar.close.0 as f64);
    }

    /// Fast and slow average, as if `forming` had closed too.
    pub(super) fn read(&self, forming: Option<&ClosedBar>) -> Result<(f64, f64), Missing> {
        let close = forming.map(|bar| bar.close.0 as f64);
        Ok((self.fast.with(close)?.value()?, self.slow.with(close)?.value()?))
    }

    /// Forgets all bars.
    pub(super) fn restart(&mut self) {
        self.fast.restart();
        self.slow.restart();
    }
}

/// An EMA seeded with the simple mean of its first `period` inputs, for use in other formulas.
#[derive(Clone, Copy)]
pub(super) struct Ema {
    period: usize,
    seen: usize,
    /// Sum while seeding, then the average.
    state: f64,
}

saved!(Ema { seen, state } fixed { period });

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

    /// The average after one more input; `WarmUp` before it is seeded.
    pub(super) fn with(mut self, input: Option<f64>) -> Result<Self, Missing> {
        self.value()?;
        if let Some(input) = input {
            self.push(input);
        }
        Ok(self)
    }

    pub(super) fn restart(&mut self) {
        *self = Ema::new(self.period);
    }
}
