//! Average true range.

use super::on_bars::{BAR_SECONDS, BarFormula, LIVE, OnBars, period};
use super::{DataKind, IndicatorKind, Look, Missing, Value, unchecked};
use crate::checkpoint::saved;
use crate::engine::market::bars::ClosedBar;

/// `ATR(period)` (J. W. Wilder, "New Concepts in Technical Trading Systems", 1978).
pub static ATR: IndicatorKind = IndicatorKind {
    name: "ATR",
    about: "How far the price usually moves within a bar",
    formula: "Wilder mean of TR = max(h − l, |h − c′|, |l − c′|), c′ the close before; seed = simple mean of the first n",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: &[period("period", 14, 1, 500), BAR_SECONDS, LIVE],
    check: unchecked,
    build: |spec, wiring| {
        OnBars::boxed(
            Atr { period: spec.count("period"), last_close: None, seen: 0, state: 0.0 },
            spec,
            wiring,
        )
    },
};

#[derive(Clone, Copy)]
struct Atr {
    period: usize,
    last_close: Option<i64>,
    seen: usize,
    /// Sum of true ranges while seeding, then their smoothed mean; in ticks.
    state: f64,
}

saved!(Atr { last_close, seen, state } fixed { period });

impl BarFormula for Atr {
    fn push(&mut self, bar: &ClosedBar) {
        let (high, low) = (bar.high.0, bar.low.0);
        let range = self.last_close.map_or(high - low, |close| high.max(close) - low.min(close)) as f64;
        self.last_close = Some(bar.close.0);
        self.seen += 1;
        let n = self.period as f64;
        if self.seen < self.period {
            self.state += range;
        } else if self.seen == self.period {
            self.state = (self.state + range) / n;
        } else {
            self.state += (range - self.state) / n;
        }
    }

    fn read(&self, forming: Option<&ClosedBar>, look: &Look<'_>) -> Value {
        if self.seen < self.period {
            return Err(Missing::WarmUp);
        }
        let mut state = *self;
        if let Some(bar) = forming {
            state.push(bar);
        }
        Ok(look.price(state.state))
    }

    fn restart(&mut self) {
        *self = Atr { period: self.period, last_close: None, seen: 0, state: 0.0 };
    }
}
