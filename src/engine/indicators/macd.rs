//! Moving average convergence/divergence.

use super::ema::{Ema, EmaPair, fast_below_slow};
use super::on_bars::{BAR_SECONDS, BarFormula, LIVE, OnBars, period};
use super::{Accepts, DataKind, IndicatorKind, Look, Param, Value};
use crate::checkpoint::saved;
use crate::engine::market::bars::ClosedBar;

/// `MACD(fast, slow, signal)` (G. Appel, "Technical Analysis", 2005).
pub static MACD: IndicatorKind = IndicatorKind {
    name: "MACD",
    about: "Distance of a fast and a slow average, and its own average",
    formula: "macd = EMA(fast) − EMA(slow); signal = EMA(signal) of macd; hist = macd − signal; known after slow + signal − 1 bars",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        period("fast", 12, 1, 500),
        period("slow", 26, 2, 500),
        period("signal", 9, 1, 500),
        Param { name: "output", accepts: Accepts::Word(&["macd", "signal", "hist"]), about: "which line" },
        BAR_SECONDS,
        LIVE,
    ],
    check: fast_below_slow,
    build: |spec, wiring| {
        let line = match spec.word("output") {
            "signal" => Line::Signal,
            "hist" => Line::Histogram,
            _ => Line::Macd,
        };
        OnBars::boxed(
            Macd { averages: EmaPair::new(spec), signal: Ema::new(spec.count("signal")), line },
            spec,
            wiring,
        )
    },
};

#[derive(Clone, Copy)]
enum Line {
    Macd,
    Signal,
    Histogram,
}

struct Macd {
    averages: EmaPair,
    signal: Ema,
    line: Line,
}

saved!(Macd { averages, signal } fixed { line });

impl BarFormula for Macd {
    fn push(&mut self, bar: &ClosedBar) {
        self.averages.push(bar);
        if let Ok((fast, slow)) = self.averages.read(None) {
            self.signal.push(fast - slow);
        }
    }

    fn read(&self, forming: Option<&ClosedBar>, look: &Look<'_>) -> Value {
        let (fast, slow) = self.averages.read(forming)?;
        let macd = fast - slow;
        let signal = self.signal.with(forming.map(|_| macd))?.value()?;
        Ok(look.price(match self.line {
            Line::Macd => macd,
            Line::Signal => signal,
            Line::Histogram => macd - signal,
        }))
    }

    fn restart(&mut self) {
        self.averages.restart();
        self.signal.restart();
    }
}
